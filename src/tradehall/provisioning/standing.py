"""Where an order and what was bought with it stand, told from their rows: what happens next, whose turn it is, and by
when; all that is ahead of an application; and what a failed try means in words. Pure: pages and API show the same."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from tradehall.catalog.delivery import Reach, delivery, known
from tradehall.kernel.i18n import N_
from tradehall.protocols.v2 import FAULTS, RESULT_CODES, SUCCESS
from tradehall.provisioning.model import Call, Instance, Judgement, Purpose
from tradehall.provisioning.outcomes import decide
from tradehall.settings import Settings
from tradehall.trading.model import Order
from tradehall.trading.terms import LIFE_WORDS, LifeVerb, Subscription, SubscriptionState, life_ahead

# "parties": both the buyer and the seller.
Turn = Literal["buyer", "seller", "platform", "parties"]
NextKind = Literal[
    # before it is carried out
    "pay",
    "change_asked",
    "expiring",
    "processing",
    # while something is opened
    "call_waiting",
    "call_under_way",
    "call_again",
    "opening",
    "opening_unanswered",
    "investigating",
    # while people deliver it
    "supervised",
    "supervision_frozen",
    "appealed",
    "refund_asked",
    "return_asked",
    # while something is renewed, converted or changed
    "renewal_waiting",
    "renewal_under_way",
    "renewal_again",
    "renewal_held",
    "change_waiting",
    "change_under_way",
    "change_again",
    "change_held",
    # while it is used
    "details_awaited",
    "details_missing",
    "use",
    "use_until",
    "use_renewed",
    "trial",
    "delivered",
    "usable",
    "unfreezing",
    "unfreezing_stuck",
    "grace",
    # once it is not
    "freezing_stuck",
    "frozen",
    "trial_frozen",
    "suspended",
    "releasing",
    "releasing_again",
    "releasing_stuck",
    "released",
    # money and ends
    "not_opened",
    "refunding",
    "refunded",
    "change_refunding",
    "change_refunded",
    "unaccepted_refunding",
    "unaccepted_refunded",
    "settled_refunding",
    "settled_refunded",
    "returning",
    "returned",
    "taken_back",
    "cancelled",
    "expired",
    "seller_refused",
    "payment_declined",
]

# The English message id of every kind.
NEXT_STEPS: Mapping[NextKind, str] = MappingProxyType(
    {
        "pay": N_("The order waits for payment; unpaid, it is cancelled."),
        "change_asked": N_(
            "The seller is being asked whether it allows this change; the order can be paid once it has. If it refuses "
            "or does not answer in time, the order is cancelled."
        ),
        "expiring": N_("The order was not paid in time and is being cancelled."),
        "processing": N_("The order is paid and being processed."),
        "call_waiting": N_("The seller's server is about to be called to open the application."),
        "call_under_way": N_("The seller's server is being called; its answer is awaited."),
        "call_again": N_(
            "The seller's server did not open the application. It is called again; if it keeps failing, the order is "
            "cancelled and the money returned."
        ),
        "opening": N_(
            "The seller is opening the application and is asked again how far it is; if it takes too long, the order "
            "is cancelled and the money returned."
        ),
        "opening_unanswered": N_(
            "The seller is opening the application, but its server does not tell how far it is. It is asked again; if "
            "it keeps failing, the order is cancelled and the money returned."
        ),
        "investigating": N_(
            "It is not known whether the seller opened the application; its server is being asked. Unless it is found, "
            "the order is cancelled and the money returned."
        ),
        "supervised": N_("It is delivered under service supervision: whoever's turn it is acts there."),
        "supervision_frozen": N_("Its service supervision is frozen: nobody can act there until it is resumed."),
        "appealed": N_("An appeal is under way: the delivery is paused until the marketplace has decided."),
        "refund_asked": N_("The buyer asks for a refund: the delivery is paused until that is answered or withdrawn."),
        "return_asked": N_(
            "The buyer returns what was received: the delivery is paused until that is settled or withdrawn."
        ),
        "renewal_waiting": N_("The seller's server is about to be told of the new term."),
        "renewal_under_way": N_(
            "The seller is carrying out the renewal and is asked again how far it is; the application stays as it is "
            "meanwhile."
        ),
        "renewal_again": N_(
            "The seller's server did not confirm the new term. It is told again; the application stays as it is "
            "meanwhile."
        ),
        "renewal_held": N_(
            "The seller's server did not confirm the new term. The seller is looking into it; if that does not help in "
            "time, the order is cancelled and the money returned."
        ),
        "change_waiting": N_("The seller's server is about to be asked for the change."),
        "change_under_way": N_(
            "The seller is carrying out the change and is asked again how far it is; the application stays as it is "
            "meanwhile."
        ),
        "change_again": N_(
            "The seller's server did not carry out the change. It is asked again; the application stays as it is "
            "meanwhile."
        ),
        "change_held": N_(
            "The seller's server did not carry out the change. The seller is looking into it; if that does not help in "
            "time, the order is cancelled and the money returned."
        ),
        "details_awaited": N_("The application is open; the seller is being asked for its address and account."),
        "details_missing": N_("The application is open, but the seller's server has not told its address and account."),
        "use": N_("The application is open and ready to be used."),
        "use_until": N_("The application is in use until its term ends, unless it is renewed."),
        "use_renewed": N_("The application is in use and will be renewed automatically."),
        "trial": N_("The application is on trial; when that ends it is frozen, unless it is bought by then."),
        "delivered": N_("It was delivered under service supervision and accepted."),
        "usable": N_("Nothing has to be opened: it can be used as the product's page says."),
        "unfreezing": N_("The application is renewed; the seller's server is being told that it may be used again."),
        "unfreezing_stuck": N_(
            "The application is renewed, but the seller's server did not let it be used again. The seller has to start "
            "that call again."
        ),
        "grace": N_(
            "The term is over. The application can still be used for a few days; unless renewed, it is frozen."
        ),
        "freezing_stuck": N_(
            "The application is to be frozen, but the seller's server did not do it. The seller has to start that call "
            "again."
        ),
        "frozen": N_(
            "The application is frozen and its data are kept. Renewed, it can be used again; otherwise it is released "
            "with all its data."
        ),
        "trial_frozen": N_(
            "The trial is over and the application frozen. Bought now, it can be used again; otherwise it is released "
            "with all its data."
        ),
        "suspended": N_("The marketplace has frozen the application for a violation; its term runs on meanwhile."),
        "releasing": N_("The application is over; the seller's server is being asked to release it."),
        "releasing_again": N_(
            "The application is over, but the seller's server did not release it. It is asked again."
        ),
        "releasing_stuck": N_(
            "The application is over, but the seller's server did not release it. The seller has to start that call "
            "again."
        ),
        "released": N_("The application was released with all its data."),
        "not_opened": N_("The application could not be opened; nothing had been paid for it."),
        "refunding": N_("The application could not be opened; the money is on its way back."),
        "refunded": N_("The application could not be opened; the money was returned."),
        "change_refunding": N_(
            "The seller did not carry out what was ordered; the application stays as it was, and the money is on its "
            "way back."
        ),
        "change_refunded": N_(
            "The seller did not carry out what was ordered; the application stays as it was, and the money was "
            "returned."
        ),
        "unaccepted_refunding": N_("What was delivered was not accepted; the money is on its way back."),
        "unaccepted_refunded": N_("What was delivered was not accepted; the money was returned."),
        "settled_refunding": N_("A dispute about it was settled; what was granted is on its way back."),
        "settled_refunded": N_("A dispute about it was settled; what was granted was returned."),
        "returning": N_("It was taken back; the money is on its way to the buyer."),
        "returned": N_("It was taken back and the money returned."),
        "taken_back": N_("It was taken back; nothing had been paid for it."),
        "cancelled": N_("The order was cancelled before it was paid."),
        "expired": N_("The order was not paid in time and was cancelled."),
        "seller_refused": N_("The seller does not allow this change; the order was cancelled before it was paid."),
        "payment_declined": N_("The automatic payment was declined, so the order was cancelled; nothing was taken."),
    }
)

AheadKind = Literal["renew", "end_of_trial"] | LifeVerb
# What is ahead of an application, in words (English message ids).
AHEAD: Mapping[AheadKind, str] = MappingProxyType(
    {
        "expire": LIFE_WORDS["expire"],
        "freeze": LIFE_WORDS["freeze"],
        "end": LIFE_WORDS["end"],
        "renew": N_("It is renewed automatically"),
        "end_of_trial": N_("The trial ends"),
    }
)

# What went wrong on the way to a seller's server and back. What is wrong with an answer is in the protocol's FAULTS.
TROUBLES: Mapping[str, str] = MappingProxyType(
    {
        "address_refused": N_("The server's address leads to a network that is not public"),
        "bad_address": N_("The server's address is not valid"),
        "dns": N_("The server's host name is not known"),
        "unreachable": N_("The server cannot be reached"),
        "tls": N_("No secure connection to the server"),
        "timed_out": N_("The server did not answer in time"),
        "cut_off": N_("The connection ended before the answer was whole"),
        "too_large": N_("The answer is too large"),
        "protocol": N_("What came back is not HTTP"),
        "key_unreadable": N_("The access key cannot be read; set it again"),
        "not_in_generation": N_("The generation of the protocol chosen for this address has no such interface"),
        "circuit_open": N_("Not called: the server had not been answering, and the time for this call was over"),
        "interrupted": N_("The call was interrupted; what the seller's server did is not known"),
    }
)


class NextStep(msgspec.Struct, frozen=True):
    """What happens next with an order. `at`: when something will happen by itself, in the past never; `by`: when it
    must have happened. `turn`: who can make it happen; None when nobody has to."""

    kind: NextKind
    turn: Turn | None = None
    at: datetime | None = None
    by: datetime | None = None
    values: dict[str, Any] = {}

    @property
    def message(self) -> str:
        """The English message id."""
        return NEXT_STEPS[self.kind]


class Ahead(msgspec.Struct, frozen=True):
    """What will become of an application by itself, and when."""

    kind: AheadKind
    at: datetime

    @property
    def message(self) -> str:
        """The English message id."""
        return AHEAD[self.kind]


def what_is_ahead(
    held: Subscription | Instance, settings: Settings, *, renewal_at: datetime | None = None
) -> list[Ahead]:
    """All that is still to become of an application if nobody does anything, the next first; empty once it has ended,
    before it is open, and where it has no term.

    `renewal_at` is when its automatic renewal is due, where that is known: after a declined payment it is later.
    """
    state = held.state if isinstance(held, Subscription) else held.subscription_state
    if state is None:
        return []
    steps = [
        Ahead("end_of_trial" if held.trial and step.verb == "expire" else step.verb, step.at)
        for step in life_ahead(state, held.expires_at, held.trial, settings)
    ]
    if _renews(held, state) and held.expires_at:
        steps.append(Ahead("renew", renewal_at or held.expires_at - settings.renewal_lead))
    return sorted(steps, key=lambda step: step.at)


def _renews(held: Subscription | Instance, state: SubscriptionState) -> bool:
    return held.auto_renew and not held.trial and state in ("active", "grace")


def next_step(
    order: Order,
    calls: Sequence[Call],
    instances: Sequence[Instance],
    now: datetime,
    settings: Settings,
    *,
    held_until: datetime | None = None,
) -> NextStep:
    """What happens next with the order, given the calls made for it (oldest first) and its instances: those it opens,
    or the one it is about. Whose turn it is in its supervision, that says itself.

    `held_until` is when the investigation ends of a call of it that was given up.
    """
    match order.state:
        case "pending_payment":
            return _while_unpaid(order, calls, now)
        case "processing" if order.order_type == "UNSUBSCRIBE":
            return NextStep("returning", "platform", values=_returned(order))
        case "processing" if order.order_type in ("NEW", "TRIAL"):
            return NextStep("supervised") if _reach(order) == "people" else _while_opening(calls, now)
        case "processing":
            return _while_changing(order, calls, now, held_until)
        case "completed":
            return _once_completed(order, calls, instances, now, settings)
        case "cancelled":
            return _after_the_end(order)


def _while_unpaid(order: Order, calls: Sequence[Call], now: datetime) -> NextStep:
    if order.expires_at <= now:
        return NextStep("expiring", "platform")
    if order.check_state == "awaited":
        call = _latest(calls, "check")
        at, by = (_at(call, now), call.window_ends_at) if call else (None, None)
        return NextStep("change_asked", "seller", at, by)
    return NextStep("pay", "buyer", by=order.expires_at)


# --- paid ------------------------------------------------------------------------------------------------------------


def _while_opening(calls: Sequence[Call], now: datetime) -> NextStep:
    call = _latest(calls, "open", "await_opening", "investigate")
    if call is None or not _is_open(call):
        return NextStep("processing", "platform")
    values = {"attempts": call.attempts}
    if call.purpose == "investigate":
        return NextStep("investigating", "seller", _at(call, now), call.window_ends_at, values)
    if call.state == "running":
        return NextStep("call_under_way", "seller", by=call.window_ends_at, values=values)
    kind: NextKind
    if call.purpose == "open" and call.attempts == 0:
        return NextStep("call_waiting", "platform", _at(call, now), call.window_ends_at)
    if _is_under_way(call) or call.attempts == 0:
        kind = "opening"
    else:
        kind = "opening_unanswered" if call.purpose == "await_opening" else "call_again"
    return NextStep(kind, "seller", _at(call, now), call.window_ends_at, values)


_CHANGING: Mapping[Purpose, tuple[NextKind, NextKind, NextKind, NextKind]] = MappingProxyType(
    {
        "renew": ("renewal_waiting", "renewal_under_way", "renewal_again", "renewal_held"),
        "change": ("change_waiting", "change_under_way", "change_again", "change_held"),
    }
)


def _while_changing(order: Order, calls: Sequence[Call], now: datetime, held_until: datetime | None) -> NextStep:
    purpose: Purpose = "change" if order.order_type == "CHANGE" else "renew"
    waiting, under_way, again, held = _CHANGING[purpose]
    call = _latest(calls, purpose)
    if call is None or call.state in ("succeeded", "cancelled"):
        return NextStep("processing", "platform")
    values = {"attempts": call.attempts}
    if call.state == "failed":
        return NextStep(held, "seller", by=held_until, values=values)
    if call.state == "running":
        return NextStep("call_under_way", "seller", by=call.window_ends_at, values=values)
    if call.attempts == 0:
        return NextStep(waiting, "platform", _at(call, now), call.window_ends_at)
    return NextStep(under_way if _is_under_way(call) else again, "seller", _at(call, now), call.window_ends_at, values)


# --- carried out -----------------------------------------------------------------------------------------------------


def _once_completed(
    order: Order, calls: Sequence[Call], instances: Sequence[Instance], now: datetime, settings: Settings
) -> NextStep:
    if order.order_type == "UNSUBSCRIBE":
        if order.total_minor == 0:
            return NextStep("taken_back")
        return NextStep("returned", values=_returned(order))
    if order.refund_state == "requested":
        return NextStep("returning", "platform", values=_refund(order))
    one = instances[0] if instances else None
    over = one is not None and (one.subscription_state == "ended" or one.state in ("ending", "released"))
    if order.refund_state == "refunded" and not over:
        return NextStep("returned", values=_refund(order))
    if one is None:
        return NextStep("details_missing", "seller")
    if over:
        return _once_over(calls, one, now)
    step = _while_used(calls, one, now, settings)
    if step.kind == "use" and _reach(order) != "server":
        return NextStep("delivered" if _reach(order) == "people" else "usable", values=step.values)
    return step


def _once_over(calls: Sequence[Call], one: Instance, now: datetime) -> NextStep:
    if one.state == "released":
        return NextStep("released")
    call = _latest(calls, "release")
    if call is None:
        return NextStep("releasing", "seller")
    values = {"attempts": call.attempts}
    if call.state == "failed":
        return NextStep("releasing_stuck", "seller", values=values)
    kind: NextKind = "releasing_again" if call.state == "waiting" and call.attempts else "releasing"
    return NextStep(kind, "seller", _at(call, now), call.window_ends_at, values)


def _while_used(calls: Sequence[Call], one: Instance, now: datetime, settings: Settings) -> NextStep:
    status = _latest(calls, "freeze", "unfreeze")
    stuck = status is not None and status.state == "failed" and one.state != "ending"
    ahead = {step.kind: max(step.at, now) for step in what_is_ahead(one, settings)}
    values = {"expires_at": one.expires_at}
    if one.suspended_at or one.subscription_state == "frozen":
        if stuck and one.state == "running":
            return NextStep("freezing_stuck", "seller", by=ahead.get("end"), values=values)
        if one.suspended_at:
            return NextStep("suspended", "platform", values=values)
        return NextStep("trial_frozen" if one.trial else "frozen", "buyer", by=ahead.get("end"), values=values)
    if one.state == "frozen":
        if stuck:
            return NextStep("unfreezing_stuck", "seller", values=values)
        at, by = (_at(status, now), status.window_ends_at) if status and _is_open(status) else (None, None)
        return NextStep("unfreezing", "seller", at, by, values)
    if one.subscription_state == "grace":
        return NextStep("grace", "buyer", by=ahead.get("freeze"), values=values)
    if one.details_at is None:
        return _without_details(calls, now)
    return _in_use(one, ahead, values)


def _without_details(calls: Sequence[Call], now: datetime) -> NextStep:
    call = _latest(calls, "details")
    if call and _is_open(call):
        return NextStep("details_awaited", "seller", _at(call, now), call.window_ends_at, {"attempts": call.attempts})
    return NextStep("details_missing", "seller")


def _in_use(one: Instance, ahead: Mapping[AheadKind, datetime], values: dict[str, Any]) -> NextStep:
    if one.trial:
        return NextStep("trial", at=ahead.get("end_of_trial"), values=values)
    if "renew" in ahead:
        return NextStep("use_renewed", at=ahead["renew"], values=values)
    if one.expires_at:
        return NextStep("use_until", at=ahead.get("expire"), values=values)
    return NextStep("use", values=values)


# --- over ------------------------------------------------------------------------------------------------------------

_UNPAID: Mapping[str | None, NextKind] = MappingProxyType(
    {"expired": "expired", "seller_refused": "seller_refused", "payment_declined": "payment_declined"}
)


def _after_the_end(order: Order) -> NextStep:
    if order.refund_state is None:
        return NextStep(_UNPAID.get(order.cancel_reason, "cancelled"))
    values, opening = _refund(order), order.cancel_reason == "opening_failed"
    if order.cancel_reason in ("refund_agreed", "appeal_decided"):
        done = order.refund_state == "refunded"
        return NextStep(
            "settled_refunded" if done else "settled_refunding", None if done else "platform", values=values
        )
    if order.cancel_reason == "not_accepted":
        done = order.refund_state == "refunded"
        return NextStep(
            "unaccepted_refunded" if done else "unaccepted_refunding", None if done else "platform", values=values
        )
    if opening and not order.refund_minor:
        return NextStep("not_opened", values=values)
    if order.refund_state == "refunded":
        return NextStep("refunded" if opening else "change_refunded", values=values)
    return NextStep("refunding" if opening else "change_refunding", "platform", values=values)


def _reach(order: Order) -> Reach:
    """Whether the seller's server makes what was ordered, people deliver it, or nothing has to be done."""
    return delivery(order.delivery_type).reach if known(order.delivery_type) else "server"


def _refund(order: Order) -> dict[str, Any]:
    return {"number": order.refund_number, "amount_minor": order.refund_minor, "currency": order.currency}


def _returned(order: Order) -> dict[str, Any]:
    return {"number": order.number, "amount_minor": order.total_minor, "currency": order.currency}


def _latest(calls: Sequence[Call], *purposes: Purpose) -> Call | None:
    return next((call for call in reversed(calls) if call.purpose in purposes), None)


def _is_open(call: Call) -> bool:
    return call.state in ("queued", "waiting", "running")


def _at(call: Call, now: datetime) -> datetime | None:
    """When a call is made next; None while it is being made and once it is settled."""
    return max(call.due_at, now) if call.state in ("queued", "waiting") else None


def _is_under_way(call: Call) -> bool:
    """Whether its last try told that the seller is still at it."""
    if call.verdict is None:
        return False
    last = Judgement(call.verdict, call.result_code, trouble=call.trouble)
    return decide(call.purpose, last).knows == "under_way"


def explanation(result_code: str | None, trouble: str | None, verdict: str | None = None) -> str | None:
    """The English message id of what a try came to, from its codes; None for success and what has no words yet."""
    if trouble:
        return TROUBLES.get(trouble) or next((text for fault, text in FAULTS.items() if fault == trouble), None)
    if verdict == "interrupted":
        return TROUBLES["interrupted"]
    known = RESULT_CODES.get(result_code or "")
    if known is None or result_code == SUCCESS:
        return N_("The seller's server refused with a code of its own") if verdict == "refused" else None
    return known.meaning
