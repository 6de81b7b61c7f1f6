"""What happened in an order's service supervision and in disputes about it, in the words of their tables: a later table
needs none here."""

from collections.abc import Iterable
from typing import Any

from tradehall.kernel.i18n import N_, Translator
from tradehall.supervision.disputes.model import OUTCOME_LABELS, PROCEDURES
from tradehall.supervision.disputes.steps import CLOSED, Kind
from tradehall.supervision.flow import Flow, Verb
from tradehall.supervision.flows import all_flows
from tradehall.supervision.wording import done
from tradehall.web.happened import Clock, Told
from tradehall.web.templating import Tone

PREFIX = "supervision."
# What happens without a verb.
WITHOUT_VERB: dict[str, tuple[str, Tone]] = {
    "supervision.opened": (N_("Service supervision began"), "info"),
    "supervision.reminded": (N_("Reminder sent"), "neutral"),
    "supervision.urged": (N_("Reminded by the other side"), "warning"),
    "supervision.message_sent": (N_("Message"), "neutral"),
    "supervision.unaccepted": (N_("Not accepted for a long time: seller and marketplace were told"), "warning"),
    "supervision.parcel_signed": (N_("Parcel signed for"), "success"),
    "supervision.accepted": (N_("Accepted automatically"), "success"),
    "supervision.sent_back": (N_("Sent back to the seller after the appeal"), "warning"),
    "supervision.cancelled": (N_("Order cancelled and refunded"), "warning"),
    "supervision.frozen": (N_("Frozen"), "warning"),
    "supervision.resumed": (N_("Resumed"), "info"),
    "appeal.reminded": (N_("Reminder sent"), "neutral"),
    "refund.reminded": (N_("Reminder sent"), "neutral"),
    "return.reminded": (N_("Reminder sent"), "neutral"),
    "refund.superseded": (N_("Refund closed: the appeal decided"), "neutral"),
    "return.superseded": (N_("Return closed: the appeal decided"), "neutral"),
}
# It counts as accepted because of how an appeal ended.
_ACCEPTED_AFTER_APPEAL: tuple[str, Tone] = (N_("Counts as accepted after the appeal"), "success")
_UNCONFIRMED: tuple[str, Tone] = (N_("A decision waits for a second person"), "info")
_WHOSE: dict[str, str] = {
    "buyer": N_("%(node)s, the buyer's turn"),
    "seller": N_("%(node)s, the seller's turn"),
    "platform": N_("%(node)s, the marketplace's turn"),
}
_TONES: dict[str, Tone] = {
    "opened": "danger",
    "requested": "warning",
    "agreed": "success",
    "refused": "danger",
    "decided": "success",
    "decision_confirmed": "success",
    "decision_returned": "warning",
    "proposal_declined": "warning",
    "contested": "danger",
    "inspected": "success",
    "transit_denied": "danger",
    "withdrawn": "neutral",
    "lapsed": "neutral",
    "request_lapsed": "neutral",
    "request_recalled": "neutral",
    "proposal_recalled": "neutral",
    "proposal_lapsed": "neutral",
}


def kind_of(kind: str) -> Kind | None:
    """The kind of dispute an event is of; None for one of the delivery itself, or of neither."""
    room = kind.partition(".")[0]
    return next((one for one in PROCEDURES if one == room), None)


def is_supervised(kind: str) -> bool:
    """Whether an event belongs to the supervision of an order, disputes about it included."""
    return kind.startswith(PREFIX) or kind_of(kind) is not None


def unconfirmed(kind: str, facts: dict[str, Any]) -> bool:
    """Whether an event is a decision that a second person has yet to confirm: the two sides do not read it before."""
    return kind == "appeal.decided" and facts.get("final") is False


def inward(kind: str, facts: dict[str, Any]) -> bool:
    """Whether what was said in it is the platform's own business."""
    return unconfirmed(kind, facts) or kind == "appeal.decision_returned"


def title_without_verb(kind: str, facts: dict[str, Any]) -> tuple[str, Tone] | None:
    """The message id of what happened without a verb of a table."""
    if kind == "supervision.accepted" and facts.get("verb") == "accept_by_decision":
        return _ACCEPTED_AFTER_APPEAL
    return WITHOUT_VERB.get(kind)


def tone_of(kind: str, verb: Verb) -> Tone:
    if kind_of(kind):
        return _TONES.get(verb.event, "info")
    return "warning" if verb.rejects else "success" if verb.event == "accepted" else "info"


def title_of(kind: str, facts: dict[str, Any], flow: Flow | None = None, viewer: str = "") -> tuple[str, Tone] | None:
    """The message id of what happened, and its tone; None for what did not happen in supervision. Without the order's
    `flow`, words of a flow that has this verb."""
    if not is_supervised(kind):
        return None
    if viewer != "platform" and unconfirmed(kind, facts):
        return _UNCONFIRMED
    verb = _verb(kind, facts, flow)
    if verb is None:
        return title_without_verb(kind, facts)
    return done(verb), tone_of(kind, verb)


def _tables(kind: str, flow: Flow | None) -> Iterable[Flow]:
    if dispute := kind_of(kind):
        return [PROCEDURES[dispute]]
    return [flow] if flow else all_flows()


def _verb(kind: str, facts: dict[str, Any], flow: Flow | None) -> Verb | None:
    if facts.get("verb") is None and kind in WITHOUT_VERB:
        return None
    event = kind.partition(".")[2]
    for one in _tables(kind, flow):
        for _, verb in one.walk():
            if verb.event == event and facts.get("verb", verb.key) == verb.key:
                return verb
    return None


def text_of(
    one: Told, texts: Translator, clock: Clock, flow: Flow | None = None, currency: str = "", viewer: str = ""
) -> str:
    """What more there is to say of it: the reason that was given, what goes back, and whose turn it is since."""
    facts, kind = one.facts, one.event.kind
    if viewer != "platform" and inward(kind, facts):
        return ""
    answers = facts.get("answers") or {}
    reason, parts = answers.get("reason") or answers.get("ruling"), []
    if kind_of(kind) and currency and (amount := facts.get("amount_minor") or answers.get("amount_minor")):
        parts.append(texts.gettext("Amount: %(amount)s.", amount=texts.money(amount, currency)))
    match kind:
        case "supervision.accepted":
            if began := one.moment("began_at", clock, "date"):
                parts.append(texts.gettext("The service counts from %(date)s.", date=began))
        case "supervision.unaccepted":
            days = int(facts.get("days", 0))
            parts.append(texts.ngettext("%(num)s day after the order.", "%(num)s days after the order.", days))
        case "supervision.parcel_signed" if at := one.moment("at", clock, "minute"):
            parts.append(at)
        case "supervision.cancelled":
            parts.append(ending_of(facts, texts, currency))
        case "appeal.decided":
            pass  # its title says what
        case _ if facts.get("to") == CLOSED and facts.get("outcome") and facts.get("final"):
            parts.append(texts.lookup(OUTCOME_LABELS[facts["outcome"]]))
        case _ if turn := facts.get("turn"):
            label = _node(kind, str(facts.get("to") or facts.get("node", "")), flow)
            if label and turn in _WHOSE:
                parts.append(texts.gettext(_WHOSE[turn], node=texts.lookup(label)))
            elif label:
                parts.append(texts.lookup(label))
    # What people wrote may end without a full stop.
    why = texts.gettext("Reason: %(why)s", why=reason) if reason else ""
    return f"{why} {texts.prose(parts)}".strip()


def ending_of(facts: dict[str, Any], texts: Translator, currency: str) -> str:
    """Why an order was taken back, and what goes back to the buyer."""
    amount = facts.get("refund_minor")
    parts = [texts.lookup(_ENDS.get(facts.get("reason", ""), ""))]
    if amount and currency:
        parts.append(texts.gettext("%(amount)s goes back to the buyer.", amount=texts.money(amount, currency)))
    return texts.prose(parts)


_ENDS: dict[str, str] = {
    "year": N_("It was not accepted within a year and not invoiced."),
    "refund_agreed": N_("Buyer and seller agreed on a refund."),
    "appeal_decided": N_("The marketplace decided so after an appeal."),
}


def _node(kind: str, key: str, flow: Flow | None) -> str:
    found = (node.label for one in _tables(kind, flow) for node in one.nodes if node.key == key)
    return next(found, "")
