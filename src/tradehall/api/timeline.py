"""An order's timeline: what happened, which calls were made, what happens next, whose turn it is, and by when."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import msgspec
from litestar import Router, get

from tradehall.api.common import ApiRequest, installation_of_app, texts_for
from tradehall.api.standing import AheadOf, Next, told_ahead, told_next
from tradehall.api.supervision.events import EVENTS as FLOW_EVENTS
from tradehall.edge.access import anyone_signed_in
from tradehall.kernel.i18n import Translator
from tradehall.kernel.journal import Actor
from tradehall.protocols.requests import Activity
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.ahead import what_is_ahead
from tradehall.provisioning.model import Call, CallState, Purpose, Verdict
from tradehall.provisioning.standing import next_step
from tradehall.provisioning.troubles import explanation
from tradehall.reviews.model import KEPT_FROM_SELLERS as UNPUBLISHED
from tradehall.supervision.disputes.steps import Outcome
from tradehall.supervision.standing import next_in_supervision, supervision_of
from tradehall.trading import queries
from tradehall.trading.errors import OrderNotFound
from tradehall.trading.model import HappenedEvent, OrderState, OrderType
from tradehall.trading.vouchers import Share

EventKind = Literal[
    "order.placed",
    "order.paid",
    "order.completed",
    "order.cancelled",
    "order.refund_requested",
    "order.refunded",
    "order.invoiced",
    "instance.requested",
    "instance.accepted",
    "instance.opened",
    "instance.failed",
    "instance.released",
    "instance.found",
    "instance.investigated",
    "instance.renewed",
    "instance.changed",
    "instance.frozen",
    "instance.unfrozen",
    "change.allowed",
    "change.refused",
    "change.held",
    "change.failed",
    "renewal.taken_back",
    "subscription.renewed",
    "subscription.converted",
    "subscription.changed",
    "subscription.expired",
    "subscription.frozen",
    "subscription.thawed",
    "subscription.suspended",
    "subscription.suspension_lifted",
    "subscription.renewal_policy",
    "subscription.renewal_declined",
    "subscription.renewal_cancelled",
    "subscription.ended",
    "seller.notified",
    "call.failed",
    "call.given_up",
    "call.restarted",
    "review.written",
    "review.edited",
    "review.withdrawn",
    "review.published",
    "review.rejected",
    "review.taken_down",
    "review.answered",
    "review.answer_changed",
    "review.answer_removed",
    "case.exported",
]
# What happens in service supervision follows from its flows.
EVENT_KINDS: tuple[str, ...] = (*get_args(EventKind), *FLOW_EVENTS)
# How a buyer pays is between the buyer and the marketplace.
# So are its reviews until everybody may read them.
KEPT_FROM_SELLERS = {"subscription.renewal_declined", *UNPUBLISHED}


class EventActor(msgspec.Struct, frozen=True):
    """Who did it: somebody of the buyer, the seller or the platform, or the marketplace by itself. The name is told
    to the person's own organisation and to operators."""

    kind: Literal["buyer", "seller", "platform", "system"]
    name: str | None


class EventFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an event says. Which fields there are depends on its kind; times are moments, amounts minor units.

    `number` is the order's the event tells of, or the refund's. `unknown`: the seller may have done what was given up.
    `frozen` and `suspended`: the application is frozen for the other reason, too. `vouchers` paid that much of the
    amount; of what is refunded `voucher_minor` came back to them and `lost_minor` is lost, its voucher having expired.
    Of what happens under service supervision, and in appeals, refunds and returns, the supervised order tells more; a
    decision with its `outcome` that is not `final` waits for a second person and is told to operators only.
    """

    number: str | None = None
    order_type: OrderType | None = None
    days: int | None = None
    total_minor: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    gateway: str | None = None
    reference: str | None = None
    vouchers: list[Share] | None = None
    voucher_minor: int | None = None
    lost_minor: int | None = None
    reason: str | None = None
    expires_at: datetime | None = None
    activity: Activity | None = None
    attempt: int | None = None
    verdict: Verdict | None = None
    code: str | None = None
    trouble: str | None = None
    message: str | None = None
    again_at: datetime | None = None
    until: datetime | None = None
    why: str | None = None
    on: bool | None = None
    unknown: bool | None = None
    frozen: bool | None = None
    suspended: bool | None = None
    node: str | None = None
    to: str | None = None
    verb: str | None = None
    late: bool | None = None
    outcome: Outcome | None = None
    final: bool | None = None
    rating: int | None = None


class TimelineEvent(msgspec.Struct, frozen=True):
    """An entry of the order's operation log."""

    seq: int
    kind: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(EVENT_KINDS)})]
    at: datetime
    actor: EventActor
    facts: EventFacts


class TimelineCall(msgspec.Struct, frozen=True):
    """A call to the seller's server. How its last try came out is told to the seller and to operators only."""

    activity: Activity
    purpose: Purpose
    state: CallState
    attempts: int
    created_at: datetime
    last_attempt_at: datetime | None
    next_at: datetime | None
    settled_at: datetime | None
    id: UUID | None = None
    verdict: Verdict | None = None
    result_code: str | None = None
    trouble: str | None = None
    explanation: str | None = None


class Timeline(msgspec.Struct, frozen=True):
    """Where an order stands and how it came there; events and calls oldest first.

    What becomes of an application by itself, and calls for that, stand with the order that began it (`root_number`,
    null where that is this one). `ahead` is all that is still to become of it if nobody does anything.
    """

    number: str
    state: OrderState
    root_number: str | None
    next: Next
    ahead: list[AheadOf]
    events: Annotated[list[TimelineEvent], msgspec.Meta(description="At most the last two hundred.")]
    calls: list[TimelineCall]


class _Entry(msgspec.Struct, frozen=True):
    actor: dict[str, Any]
    facts: EventFacts


@get("/{number:str}/timeline", guards=[anyone_signed_in], opt={"problems": [OrderNotFound]})
async def get_timeline(request: ApiRequest, number: str) -> Timeline:
    """Follow an order.

    What happened, which calls were made to the seller's server, what happens next, whose turn it is, and by when.
    """
    viewer, texts, settings = request.user.actor, texts_for(request), installation_of_app(request).settings
    async with installation_of_app(request).db.read() as reader:
        order = await queries.order(reader, viewer, number)
        if order is None:
            raise OrderNotFound
        log = await queries.log_of_order(reader, order.id)
        calls = await provisioning.calls_of_order(reader, order.id)
        instances = await provisioning.instances_of_order(reader, order.id)
        held_until = await provisioning.investigated_until(reader, order.id)
        held = await supervision_of(reader, viewer, order)
        step = next_in_supervision(
            next_step(order, calls, instances, reader.now, settings, held_until=held_until), held
        )
        ahead = [told for one in instances for told in what_is_ahead(one, settings)]
    return Timeline(
        order.number,
        order.state,
        order.root_number,
        told_next(step, texts),
        told_ahead(ahead, texts) if order.state == "completed" else [],
        [_event(one, viewer) for one in log if viewer.kind != "seller" or one.kind not in KEPT_FROM_SELLERS],
        [_call(call, viewer, texts) for call in calls],
    )


def _event(one: HappenedEvent, viewer: Actor) -> TimelineEvent:
    entry = msgspec.json.decode(one.entry, type=_Entry)
    own = viewer.kind == "platform" or entry.actor.get("organisation") == str(viewer.organisation_id)
    facts = entry.facts
    if viewer.kind == "buyer":
        # Words and faults of the seller's server are between it and the marketplace; but its no is for the buyer.
        message = facts.message if one.kind == "change.refused" else None
        facts = msgspec.structs.replace(facts, trouble=None, message=message)
    elif viewer.kind == "seller":
        # How a buyer pays is between the buyer and the marketplace.
        facts = msgspec.structs.replace(
            facts, gateway=None, reference=None, vouchers=None, voucher_minor=None, lost_minor=None
        )
    if facts.final is False and viewer.kind != "platform":
        facts = msgspec.structs.replace(facts, outcome=None, amount_minor=None, verb=None)
    actor = EventActor(entry.actor["kind"], (entry.actor.get("name") or None) if own else None)
    return TimelineEvent(one.seq, one.kind, one.at, actor, facts)


def _call(call: Call, viewer: Actor, texts: Translator) -> TimelineCall:
    shown = TimelineCall(
        call.activity,
        call.purpose,
        call.state,
        call.attempts,
        call.created_at,
        call.last_attempt_at,
        call.due_at if call.state in ("queued", "waiting") else None,
        call.settled_at,
    )
    if viewer.kind == "buyer":
        return shown
    told = explanation(call.result_code, call.trouble, call.verdict)
    return msgspec.structs.replace(
        shown,
        id=call.id,
        verdict=call.verdict,
        result_code=call.result_code,
        trouble=call.trouble,
        explanation=texts.lookup(told) if told else None,
    )


router = Router("/orders", route_handlers=[get_timeline], tags=["Orders"])
