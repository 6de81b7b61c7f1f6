"""What came of a try, in words: what happened, what it means, and what the seller should look at.

Every text is a message id; templates translate it. The texts speak of "the server", so that sellers and operators
read the same page.
"""

import msgspec

from tradehall.kernel.i18n import N_
from tradehall.protocols.answers import FAULTS, IN_PROGRESS, RESULT_CODES, SUCCESS
from tradehall.protocols.requests import Activity
from tradehall.provisioning.model import Attempt, Call, Verdict
from tradehall.provisioning.outcomes import CANNOT_SAY, UNKNOWN_INSTANCE
from tradehall.provisioning.troubles import TROUBLES
from tradehall.web.templating import Tone

# What says something of the call itself, whatever it asks.
_ABOUT_THE_CALL = frozenset({"000001", "000002", "000003"})
_SAME_AGAIN = N_(
    "The request may have arrived all the same: asked again for the same orderId and orderLineId, the server must give "
    "the same instance."
)
_UNKNOWN_OUTCOME = N_(
    "An answer that cannot be read says nothing about what was done, so the call is repeated with the same orderId and "
    "orderLineId."
)
_SERVER_LOG = N_("Look into the server's log at the time of this try; the order number is in the request.")
_CONTACT = N_("Look up the buyer's contact on the order's page and settle it with them, then restart the call.")
_AT_ONCE = N_(
    'When creating takes longer, answer at once with an instanceId and resultCode "000004"; the marketplace then asks '
    "with queryInstance until it is ready."
)
_ANSWER_SHAPE = N_('Answer status 200 with JSON like {"resultCode":"000000","resultMsg":"success."}.')

_CHECKS: dict[str, tuple[str, ...]] = {
    "address_refused": (
        N_("Have the server reachable from the internet under a domain name, and enter that address in the settings."),
        N_("An operator can allow a network of an intranet by a setting of the installation."),
    ),
    "bad_address": (N_("Correct the address in the interface settings; the next try uses it."),),
    "dns": (
        N_("Check the spelling of the domain in the interface settings."),
        N_("Check the domain's DNS records; a new record may need an hour until everybody sees it."),
    ),
    "unreachable": (
        N_("Check that the server runs and listens on the port of the interface address."),
        N_("Check firewall and security group: calls come from changing addresses, so do not filter by address."),
    ),
    "tls": (
        N_("Check that the certificate is not expired, is for this domain, and comes with its intermediate ones."),
        N_("The server must speak TLS 1.2 or newer."),
    ),
    "timed_out": (_AT_ONCE, N_("Check what the server was waiting for, and its load at that time."), _SAME_AGAIN),
    "cut_off": (
        N_("Look for a crash, a restart or a proxy's time limit in the server's log at the time of this try."),
        _SAME_AGAIN,
    ),
    "too_large": (N_("Answer with the documented fields only; an error page is not an answer."), _UNKNOWN_OUTCOME),
    "protocol": (N_("Check scheme and port: often http is spoken to an https port, or the reverse."),),
    "key_unreadable": (
        N_("Enter the access key again in the interface settings."),
        N_("If this happens to all sellers, the installation's secret key has been changed or lost."),
    ),
    "not_in_generation": (
        N_("Look at the generation chosen in the interface settings: it was changed while this call was waiting."),
    ),
    "circuit_open": (
        N_("Bring the server up again; restart one call to see whether it answers."),
        N_("What a call was for can be seen on its order's page; some can be restarted although given up."),
    ),
    "interrupted": (
        N_("Nothing needs doing: another worker takes the call over as soon as the lease of the lost one ends."),
        _SAME_AGAIN,
    ),
    "http_status": (_SERVER_LOG, _UNKNOWN_OUTCOME),
    "http_401": (N_("Something before the server asks for a login. Calls carry a signature, never a password."),),
    "http_403": (N_("A firewall or gateway before the server refuses the call. Let POSTs to this path through."),),
    "http_404": (N_("The path of the interface address is not known to the server. Compare it letter by letter."),),
    "http_405": (N_("The server does not take POST at this path."),),
    "http_429": (N_("A gateway limits the number of requests. Raise the limit for this path."),),
    "http_5xx": (_SERVER_LOG, N_("502, 503 or 504 come from a gateway whose server behind is down or too slow.")),
    "redirected": (
        N_("Enter the address that the server redirects to, often the https form or one with a slash at the end."),
    ),
    "content_type": (
        N_("This is tolerated here, but answer with Content-Type: application/json; the debugger insists on it."),
    ),
    "empty_body": (_ANSWER_SHAPE, _UNKNOWN_OUTCOME),
    "not_utf8": (N_("Encode the answer in UTF-8."), _UNKNOWN_OUTCOME),
    "not_json": (_ANSWER_SHAPE, N_("An HTML page usually comes from a gateway or a framework's error handler.")),
    "not_an_object": (_ANSWER_SHAPE,),
    "no_result_code": (_ANSWER_SHAPE, _UNKNOWN_OUTCOME),
    "result_code_type": (N_('Write resultCode in quotes: "000000", not 0 and not 000000.'), _UNKNOWN_OUTCOME),
    "no_instance_id": (
        N_("newInstance must answer with an instanceId, with 000004 as well as with 000000."),
        N_("It is best to use the businessId of the first call as the instanceId."),
    ),
    "instance_id_too_long": (N_("Answer with an instanceId of at most 64 characters that never changes."),),
    "not_told": (
        N_("Still creating it? Nothing needs doing: the marketplace asks again."),
        N_("When it is ready, answer with info, an array holding the instance and its appInfo.frontEndUrl."),
        N_("In info, answer with exactly the instanceId that was asked for: the first one newInstance ever answered."),
    ),
    "body_sign_missing": (
        N_('Answer every V1 call with the header Body-Sign: sign_type="HMAC-SHA256", signature="…".'),
        N_("A gateway may take the header away: look at the response below."),
        _UNKNOWN_OUTCOME,
    ),
    "body_sign_malformed": (
        N_('Write the header as sign_type="HMAC-SHA256", signature="…", the signature in Base64 and in quotes.'),
        _UNKNOWN_OUTCOME,
    ),
    "body_sign_wrong": (
        N_("Sign the answer's body exactly as it is sent, byte for byte, after everything that changes it."),
        N_("Use the access key that the request was signed with: HMAC-SHA256 of the body, in Base64."),
        _UNKNOWN_OUTCOME,
    ),
    "cannot_decrypt": (
        N_("userName and password are AES-CBC in Base64; encryptType says with how many bits: 1 is 256, 2 is 128."),
        N_("The AES key is made from the access key with SHA1PRNG; tradehall crypt shows what should come out."),
        N_("The initialization vector is the first 16 characters, before the Base64 of what is encrypted."),
    ),
    "000001": (
        N_("Compare the last four characters of the key at your server with those shown in the interface settings."),
        N_("Sign the body exactly as received, and compare the signature without regard to upper and lower case."),
        N_("Check the server's clock: it may be at most 60 seconds off."),
    ),
    "000002": (
        N_("Compare the request below with what the server expects; ignore members it does not know."),
        N_("testFlag is left out of real requests; treat that like 0."),
    ),
    "000003": (
        N_("Keep instances under the instanceId answered first; a later one is not used."),
        N_("A release of an unknown instance counts as done."),
    ),
    "000004": (N_("Nothing needs doing: the marketplace asks again until the instance is ready."),),
    "000005": (_SERVER_LOG,),
    "000100": (N_("Add instances or capacity, then restart the call."),),
    "000101": (_CONTACT,),
    "000102": (_CONTACT,),
    "000103": (_CONTACT,),
    "000104": (_SERVER_LOG, N_("When the service works again, restart the call: the buyer is waiting.")),
    "000105": (_CONTACT,),
    "000106": (
        N_("Take the product off sale until it is available again, so that nobody else pays for it."),
        N_("When it is available, restart the call; otherwise the buyer is refunded when the time is over."),
    ),
    "000107": (_CONTACT,),
}
# What a code means for one interface, where that differs.
_CHECKS_OF: dict[tuple[Activity, str], tuple[str, ...]] = {
    ("refreshInstance", "000003"): (
        N_("Keep instances under the instanceId answered first; a later one is not used."),
        N_("The buyer's renewal is not carried out and the money goes back: an unknown instance cannot be renewed."),
    ),
    ("upgradeInstance", "000003"): (
        N_("Keep instances under the instanceId answered first; a later one is not used."),
        N_("The buyer's upgrade is not carried out and the money goes back: an unknown instance cannot be changed."),
    ),
    ("upgrade", "000003"): (
        N_("Keep instances under the instanceId answered first; a later one is not used."),
        N_("The buyer's upgrade is not carried out and the money goes back: an unknown instance cannot be changed."),
    ),
    ("updateInstanceStatus", "000003"): (
        N_("Keep instances under the instanceId answered first; a later one is not used."),
        N_("Nothing is asked again by itself: restart the call once the server knows the instance."),
    ),
    ("expireInstance", "000003"): (
        N_("Keep instances under the instanceId answered first; a later one is not used."),
        N_("Nothing is asked again by itself: restart the call once the server knows the instance."),
    ),
    ("instanceStatus", "000003"): (
        N_("Keep instances under the instanceId answered first; a later one is not used."),
        N_("Nothing is asked again by itself: restart the call once the server knows the instance."),
    ),
}
_REFUSED_CHANGE = (
    N_("The buyer reads resultMsg: say there why the change is not possible."),
    N_('If you could not find out, answer "000005" or "000104" instead: then it is asked again.'),
)
_NOT_LATER = (
    N_('Only newInstance and queryInstance may be answered with "000004". Answer when it is done, with "000000".'),
)
_OTHER_CODE = (
    N_("Clear the cause at the server, then restart the call."),
    N_("resultMsg below is what the server said about it."),
)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a try. `key` is stable, `code` the seller's result code; texts are message ids."""

    key: str
    tone: Tone
    text: str
    checks: tuple[str, ...] = ()
    code: str | None = None


def outcome_of_call(call: Call) -> Outcome | None:
    """What came of a call's last try; None before the first has ended."""
    if call.verdict is None:
        return None
    return _outcome(call.activity, call.verdict, call.result_code, call.trouble, done=call.state == "succeeded")


def outcome_of_attempt(attempt: Attempt, call: Call) -> Outcome:
    """What came of one of a call's tries."""
    done = call.state == "succeeded" and attempt.number == call.attempts
    return _outcome(
        call.activity, attempt.verdict, attempt.result_code, attempt.trouble, done=done, status=attempt.status
    )


def outcome_of_health(activity: Activity, verdict: Verdict, code: str | None, trouble: str | None) -> Outcome:
    """What came of an interface's latest try."""
    return _outcome(activity, verdict, code, trouble, done=verdict == "success")


def warning(fault: str) -> Outcome:
    """Something that is tolerated although it is not right."""
    return Outcome(fault, "warning", FAULTS.get(fault, fault), _CHECKS.get(fault, ()))  # type: ignore[call-overload]


def _outcome(
    activity: Activity,
    verdict: Verdict,
    code: str | None,
    trouble: str | None,
    *,
    done: bool,
    status: int | None = None,
) -> Outcome:
    if verdict == "success":
        return Outcome("success", "success", N_("Done"), code=code)
    if verdict == "in_progress":
        text = N_("Accepted, and being created") if activity == "newInstance" else N_("Not ready yet")
        return Outcome("in_progress", "info", text, _CHECKS["000004" if code != SUCCESS else "not_told"], code)
    if verdict == "interrupted":
        return Outcome("interrupted", "warning", TROUBLES["interrupted"], _CHECKS["interrupted"])
    if trouble:
        return _troubled(trouble, code, status)
    if done and activity == "releaseInstance" and code == UNKNOWN_INSTANCE:
        text = N_("Not known to the server, which is as good as released")
        return Outcome("already_gone", "success", text, code=code)
    if activity == "changeInstanceCheck" and code not in CANNOT_SAY and code not in _ABOUT_THE_CALL:
        return Outcome("change_refused", "warning", N_("The server does not allow the change"), _REFUSED_CHANGE, code)
    known = RESULT_CODES.get(code or "")
    text = known.meaning if known else N_("The seller's server refused with a code of its own")
    checks = _CHECKS_OF.get((activity, code or "")) or _CHECKS.get(code or "", _OTHER_CODE)
    if code == IN_PROGRESS:
        checks = _NOT_LATER
    return Outcome(code or "refused", "danger", text, checks, code)


def _troubled(trouble: str, code: str | None, status: int | None) -> Outcome:
    text = TROUBLES.get(trouble) or FAULTS.get(trouble) or trouble  # type: ignore[call-overload]
    checks = _CHECKS.get(trouble, (_SERVER_LOG,))
    if trouble == "http_status" and status:
        checks = _CHECKS.get(f"http_{status}") or (_CHECKS["http_5xx"] if status >= 500 else checks)
    return Outcome(trouble, "danger", text, checks, code)
