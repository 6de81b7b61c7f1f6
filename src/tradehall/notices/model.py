"""What a notice is, how one is sent, and who is told what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.flows import all_flows

# Each has its words in words.py, and a place among the filters of the inbox.
NoticeKind = Literal[
    "turn",
    "reminder",
    "overdue",
    "opened",
    "delivered",
    "delivery_approved",
    "delivery_returned",
    "rejected",
    "parcel_signed",
    "unaccepted",
    "accepted",
    "cancelled",
    "order_given_up",
    "change_refused",
    "refunded",
    "renewed",
    "renewal_declined",
    "expired",
    "frozen",
    "ended",
    "suspended",
    "suspension_lifted",
    "review_waiting",
    "review_published",
    "review_rejected",
    "review_taken_down",
    "review_answered",
    "review_answer_removed",
    "escalated",
    "other_side_late",
    "long_overdue",
    "urged",
    "message",
    # of appeals, refunds and returns
    "appeal_opened",
    "appeal_to_decide",
    "second_look",
    "evidence_requested",
    "statement_added",
    "proposal",
    "proposal_agreed",
    "proposal_declined",
    "decided",
    "settled",
    "refund_asked",
    "return_asked",
    "transit_cleared",
    "refund_agreed",
    "return_agreed",
    "refused",
    "withdrawn",
    "lapsed",
    "recalled",
    "sent_back",
    "inspected",
    "contested",
    "chased",
    "dispute_overdue",
]
Channel = Literal["mail", "sms"]
SendingState = Literal["waiting", "sent", "failed"]

# How many people of one side are told at most.
MOST_TOLD = 50
# The bell does not count further than this.
MOST_COUNTED = 100


class Notice(msgspec.Struct, frozen=True):
    """What somebody was told, as it is kept. `facts` fill in the words of its kind; `link` is a path of ours."""

    id: UUID
    kind: NoticeKind
    order_number: str | None
    link: str
    facts: dict[str, Any]
    urgent: bool
    created_at: datetime
    read_at: datetime | None


class Reader(msgspec.Struct, frozen=True):
    """Who a notice goes to by mail or SMS, in which language and zone; None where they have not chosen."""

    name: str
    locale: str | None
    timezone: str | None


class Sending(msgspec.Struct, frozen=True):
    """A notice on its way by mail or SMS, as operators see it; `last_error` is for whoever mends the cause."""

    id: UUID
    channel: Channel
    address: str
    state: SendingState
    kind: NoticeKind
    order_number: str | None
    attempts: int
    due_at: datetime
    last_error: str | None
    created_at: datetime


class Told(msgspec.Struct, frozen=True):
    """Who is told of an event, and what.

    `side`: the "buyer", "seller" or "platform" of the order; the "turn", whose turn it now is, both sides' where that
    is the parties'; "others", the buyer or seller who neither did it nor has the turn; the "manager" who looks after
    the buyer, or else the platform; those "addressed" by a message, of whom each hears by mail when its receipt says.
    `only`: just when this fact of the event has one of these values, `role`: just the people in this role. A notice
    without `mail` stays in the station.
    """

    side: Literal["buyer", "seller", "platform", "turn", "others", "manager", "addressed"]
    kind: NoticeKind
    mail: bool = True
    urgent: bool = False
    only: tuple[str, tuple[Any, ...]] | None = None
    role: Literal["", "admin", "member"] = ""


YOUR_TURN = Told("turn", "turn")
SENT_BACK = Told("turn", "rejected")
_BOTH: tuple[Literal["buyer"], Literal["seller"]] = ("buyer", "seller")
_GIVEN_UP = ("reason", ("opening_failed", "renewal_failed", "change_failed"))
_REMINDED = (
    Told("turn", "reminder", only=("late", (False, None))),
    Told("turn", "dispute_overdue", urgent=True, only=("late", (True,))),
)
_TO_PLATFORM = ("turn", ("platform",))
_FINAL, _NOT_FINAL = ("final", (True,)), ("final", (False, None))
# What is told of appeals, refunds and returns: whoever's turn it becomes of that, and of what is decided, proposed,
# agreed on or refused the buyer and the seller, with the reasons.
_DISPUTES: Mapping[str, tuple[Told, ...]] = {
    **{f"{kind}.{verb.event}": (YOUR_TURN,) for kind, table in PROCEDURES.items() for _, verb in table.walk()},
    **{f"{kind}.reminded": _REMINDED for kind in PROCEDURES},
    "appeal.opened": (*(Told(side, "appeal_opened") for side in _BOTH), Told("platform", "appeal_to_decide")),
    # Who is asked for more, or considers a proposal, has the turn as before.
    "appeal.contact_noted": (),
    "appeal.statement_added": (
        Told("turn", "turn", only=_TO_PLATFORM),
        *(Told(side, "statement_added", mail=False, only=("turn", (side,))) for side in _BOTH),
        Told("others", "statement_added", mail=False),
    ),
    "appeal.evidence_requested": (Told("turn", "evidence_requested"),),
    "appeal.request_lapsed": (YOUR_TURN, Told("others", "lapsed", mail=False)),
    "appeal.request_recalled": tuple(Told(side, "recalled") for side in _BOTH),
    "appeal.proposal_recalled": tuple(Told(side, "recalled") for side in _BOTH),
    "appeal.proposed": (Told("turn", "proposal"),),
    "appeal.proposal_agreed": (
        Told("turn", "proposal_agreed", only=_NOT_FINAL),
        *(Told(side, "settled", only=_FINAL) for side in _BOTH),
    ),
    "appeal.proposal_declined": (YOUR_TURN, Told("others", "proposal_declined")),
    "appeal.proposal_lapsed": (YOUR_TURN, Told("others", "lapsed")),
    "appeal.decided": (
        Told("turn", "second_look", only=_NOT_FINAL),
        *(Told(side, "decided", only=_FINAL) for side in _BOTH),
    ),
    "appeal.decision_confirmed": tuple(Told(side, "decided") for side in _BOTH),
    "appeal.withdrawn": (Told("others", "withdrawn"),),
    "refund.requested": (Told("seller", "refund_asked"), Told("turn", "turn", only=_TO_PLATFORM)),
    "refund.transit_cleared": (YOUR_TURN, Told("others", "transit_cleared", mail=False)),
    "refund.transit_denied": (Told("others", "refused"),),
    "refund.agreed": (Told("buyer", "refund_agreed"),),
    "refund.refused": (Told("buyer", "refused"),),
    "refund.chased": (Told("seller", "chased", urgent=True),),
    "refund.withdrawn": (Told("others", "withdrawn"),),
    "return.requested": (Told("seller", "return_asked"),),
    "return.agreed": (Told("turn", "return_agreed"),),
    "return.refused": (Told("buyer", "refused"),),
    "return.chased": (Told("seller", "chased", urgent=True),),
    "return.withdrawn": (Told("others", "withdrawn"),),
    "return.sent_back": (Told("turn", "sent_back"),),
    "return.lapsed": (Told("others", "lapsed"),),
    "return.inspected": (Told("others", "inspected"),),
    # The appeal that this opens is told besides.
    "return.contested": (Told("others", "contested", mail=False),),
}

# Which event is told to whom. What every order that simply works goes through is told to nobody: its buyer is there.
TOLD: Mapping[str, tuple[Told, ...]] = {
    **{
        f"supervision.{verb.event}": (SENT_BACK if verb.rejects else YOUR_TURN,)
        for flow in all_flows()
        for _, verb in flow.walk()
    },
    "supervision.opened": (YOUR_TURN, Told("others", "opened", mail=False)),
    "supervision.delivered": (YOUR_TURN, Told("others", "delivered", mail=False)),
    "supervision.delivery_approved": (YOUR_TURN, Told("others", "delivery_approved", mail=False)),
    "supervision.delivery_returned": (SENT_BACK, Told("others", "delivery_returned", mail=False)),
    "supervision.parcel_signed": (Told("turn", "parcel_signed"), Told("others", "parcel_signed", mail=False)),
    "supervision.resumed": (YOUR_TURN,),
    "supervision.sent_back": (YOUR_TURN,),
    "supervision.reminded": (
        Told("turn", "reminder", only=("late", (False, None))),
        Told("turn", "overdue", urgent=True, only=("level", (2,))),
        # The later it is the more people hear of it: supervision/pressure.py.
        Told("turn", "overdue", urgent=True, only=("level", (3, 4)), role="member"),
        Told("turn", "escalated", urgent=True, only=("level", (3, 4)), role="admin"),
        Told("others", "other_side_late", only=("reached", (3, 4))),
        Told("manager", "long_overdue", only=("reached", (4,))),
    ),
    "supervision.urged": (Told("turn", "urged"),),
    "supervision.message_sent": (Told("addressed", "message"),),
    "supervision.unaccepted": (Told("seller", "unaccepted"), Told("manager", "unaccepted")),
    "supervision.accepted": tuple(Told(side, "accepted") for side in _BOTH),
    "supervision.cancelled": tuple(Told(side, "cancelled") for side in _BOTH),
    "order.cancelled": (
        *(Told(side, "order_given_up", only=_GIVEN_UP) for side in _BOTH),
        Told("buyer", "change_refused", only=("reason", ("seller_refused",))),
    ),
    "order.refunded": (Told("buyer", "refunded"),),
    "subscription.renewed": (Told("seller", "renewed", mail=False),),
    "subscription.renewal_declined": (Told("buyer", "renewal_declined", urgent=True),),
    "subscription.expired": (Told("buyer", "expired"),),
    "subscription.frozen": (Told("buyer", "frozen", urgent=True),),
    "subscription.ended": (Told("buyer", "ended", only=("reason", ("expired",))),),
    "subscription.suspended": (Told("buyer", "suspended", urgent=True), Told("seller", "suspended")),
    "subscription.suspension_lifted": tuple(Told(side, "suspension_lifted") for side in _BOTH),
    "review.written": (Told("platform", "review_waiting", mail=False),),
    "review.published": (Told("seller", "review_published"),),
    "review.rejected": (Told("buyer", "review_rejected"),),
    "review.taken_down": (Told("buyer", "review_taken_down"),),
    "review.answered": (Told("buyer", "review_answered"),),
    "review.answer_removed": (Told("seller", "review_answer_removed"),),
    **_DISPUTES,
}
