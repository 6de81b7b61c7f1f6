"""Where an order stands, told from its rows: what happens next, whose turn it is, and by when; and what a failed try
means in words. Pure: pages and API show the same."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from tradehall.kernel.i18n import N_
from tradehall.protocols.v2 import FAULTS, RESULT_CODES, SUCCESS
from tradehall.provisioning.model import Call, Instance
from tradehall.trading.model import Order

Turn = Literal["buyer", "seller", "platform"]
NextKind = Literal[
    "pay",
    "expiring",
    "processing",
    "call_waiting",
    "call_under_way",
    "call_again",
    "opening",
    "opening_unanswered",
    "details_awaited",
    "details_missing",
    "use",
    "refunding",
    "refunded",
    "cancelled",
    "expired",
]

# The English message id of every kind.
NEXT_STEPS: Mapping[NextKind, str] = MappingProxyType(
    {
        "pay": N_("The order waits for payment; unpaid, it is cancelled."),
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
        "details_awaited": N_("The application is open; the seller is being asked for its address and account."),
        "details_missing": N_("The application is open, but the seller's server has not told its address and account."),
        "use": N_("The application is open and ready to be used."),
        "refunding": N_("The application could not be opened; the money is on its way back."),
        "refunded": N_("The application could not be opened; the money was returned."),
        "cancelled": N_("The order was cancelled before it was paid."),
        "expired": N_("The order was not paid in time and was cancelled."),
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


def next_step(order: Order, calls: Sequence[Call], instances: Sequence[Instance], now: datetime) -> NextStep:
    """What happens next with the order, given the calls made for it (oldest first) and its instances."""
    match order.state:
        case "pending_payment":
            if order.expires_at <= now:
                return NextStep("expiring", "platform")
            return NextStep("pay", "buyer", by=order.expires_at)
        case "processing":
            return _while_opening(calls, now)
        case "completed":
            return _once_open(calls, instances, now)
        case "cancelled":
            return _after_the_end(order)


def _while_opening(calls: Sequence[Call], now: datetime) -> NextStep:
    call = _latest(calls, "open", "await_opening")
    if call is None or call.state not in ("queued", "waiting", "running"):
        return NextStep("processing", "platform")
    values = {"attempts": call.attempts}
    if call.state == "running":
        return NextStep("call_under_way", "seller", by=call.window_ends_at, values=values)
    at = max(call.due_at, now)
    if call.purpose == "await_opening":
        kind: NextKind = "opening" if call.attempts == 0 or _merely_not_ready(call) else "opening_unanswered"
        return NextStep(kind, "seller", at, call.window_ends_at, values)
    if call.attempts == 0:
        return NextStep("call_waiting", "platform", at, call.window_ends_at)
    return NextStep("call_again", "seller", at, call.window_ends_at, values)


def _once_open(calls: Sequence[Call], instances: Sequence[Instance], now: datetime) -> NextStep:
    if any(instance.details_at for instance in instances):
        until = max((instance.expires_at for instance in instances if instance.expires_at), default=None)
        return NextStep("use", values={"expires_at": until})
    call = _latest(calls, "details")
    if call and call.state in ("queued", "waiting", "running"):
        at = None if call.state == "running" else max(call.due_at, now)
        return NextStep("details_awaited", "seller", at, call.window_ends_at, {"attempts": call.attempts})
    return NextStep("details_missing", "seller")


def _after_the_end(order: Order) -> NextStep:
    if order.refund_state is None:
        return NextStep("expired" if order.cancel_reason == "expired" else "cancelled")
    values = {"number": order.refund_number, "amount_minor": order.refund_minor, "currency": order.currency}
    if order.refund_state == "refunded":
        return NextStep("refunded", values=values)
    return NextStep("refunding", "platform", values=values)


def _latest(calls: Sequence[Call], *purposes: str) -> Call | None:
    return next((call for call in reversed(calls) if call.purpose in purposes), None)


def _merely_not_ready(call: Call) -> bool:
    return call.verdict in ("success", "in_progress") or call.trouble == "no_info"


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
