"""Where an order and what was bought with it stand, told from their rows: what happens next, whose turn it is, and by
when. Pure: pages and API show the same."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from tradehall.catalog.delivery import Reach, delivery, known
from tradehall.provisioning.ahead import AheadKind, what_is_ahead
from tradehall.provisioning.model import Call, Instance, Judgement, Purpose
from tradehall.provisioning.outcomes import decide
from tradehall.provisioning.steps import NextKind, NextStep
from tradehall.settings import Settings
from tradehall.trading.model import Order


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
# While money is on its way back, and once it is; whatever else was given up had changed an application.
_MONEY_BACK: Mapping[str | None, tuple[NextKind, NextKind]] = MappingProxyType(
    {
        "opening_failed": ("refunding", "refunded"),
        "not_accepted": ("unaccepted_refunding", "unaccepted_refunded"),
        "refund_agreed": ("settled_refunding", "settled_refunded"),
        "appeal_decided": ("settled_refunding", "settled_refunded"),
    }
)


def _after_the_end(order: Order) -> NextStep:
    if order.refund_state is None:
        return NextStep(_UNPAID.get(order.cancel_reason, "cancelled"))
    if order.cancel_reason == "opening_failed" and not order.refund_minor:
        return NextStep("not_opened", values=_refund(order))
    under_way, over = _MONEY_BACK.get(order.cancel_reason, ("change_refunding", "change_refunded"))
    if order.refund_state == "refunded":
        return NextStep(over, values=_refund(order))
    return NextStep(under_way, "platform", values=_refund(order))


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
