"""A supervised order as it stands: its flow, whose turn it is, by when, and what becomes of it by itself."""

from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.kernel.i18n import N_
from tradehall.settings import Settings
from tradehall.supervision.acceptance import ProductClass, Rule, Scene
from tradehall.supervision.disputes.model import PROCEDURES, Dispute, Stage, begins, stage_of
from tradehall.supervision.fields import Bounds, Field
from tradehall.supervision.flow import COMPLETED, Flow, Node, Side, Term, Timer, Verb
from tradehall.supervision.flows import flow_of

State = Literal["open", "completed", "cancelled"]
STATES: tuple[State, ...] = ("open", "completed", "cancelled")
STATE_LABELS: dict[State, str] = {
    "open": N_("Under way"),
    "completed": N_("Completed"),
    "cancelled": N_("Cancelled"),
}
# Until this day a flow that reached a year was closed; the orders it covered keep that rule (§1.3).
YEAR_RULE_ENDED = date(2024, 3, 5)
A_YEAR = timedelta(days=365)
# Until then the platform reviewed all joint products (§0.2).
ALL_JOINT_REVIEWED_UNTIL = date(2023, 4, 29)


class FlowRow(msgspec.Struct, frozen=True, kw_only=True):
    """A supervised order as lists show it. `due_at` is by when whoever's `turn` it is should act."""

    id: UUID
    order_id: UUID
    order_number: str
    buyer_id: UUID
    buyer_name_en: str
    buyer_name_zh: str
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    product_id: UUID
    product_name_en: str
    product_name_zh: str
    sku_name_en: str
    sku_name_zh: str
    total_minor: int
    currency: str
    order_state: str
    ordered_at: datetime
    delivery_type: str
    version: int
    node: str
    turn: Side | Literal[""]
    state: State
    entered_at: datetime
    due_at: datetime | None
    frozen_at: datetime | None
    opened_at: datetime
    finished_at: datetime | None

    @property
    def flow(self) -> Flow:
        return flow_of(self.delivery_type, self.version)

    @property
    def at(self) -> Node:
        return self.flow.node(self.node)

    def overdue(self, now: datetime) -> bool:
        return self.state == "open" and self.due_at is not None and self.due_at < now and self.frozen_at is None


class Held(FlowRow, frozen=True, kw_only=True):
    """A supervised order as its page shows it and the engine acts on it.

    `facts` are what was last supplied by each verb, under its key, and what became known since. `timers` are what
    becomes of the order by itself, and when. `disputes` are those under way: an appeal, and a refund or return.
    """

    product_class: ProductClass
    scene: Scene | None
    rule: Rule
    reviewed: bool
    asks_requirement: bool
    delivery_days: int
    rejections_by_seller: int
    rejections_by_buyer: int
    rejections_by_platform: int
    acts: int
    facts: dict[str, Any]
    secrets: bytes | None
    timers: dict[Timer, datetime]
    begins_at: datetime | None
    paid_at: datetime
    invoiced_at: datetime | None
    line_number: str
    disputes: list[Dispute]

    @property
    def appeal(self) -> Dispute | None:
        """The appeal that is under way."""
        return next((one for one in self.disputes if one.kind == "appeal"), None)

    @property
    def refund(self) -> Dispute | None:
        """The refund or return that is under way."""
        return next((one for one in self.disputes if one.kind != "appeal"), None)

    @property
    def stages(self) -> list[Stage]:
        """Where something can be done now, the most pressing first."""
        if self.state != "open":
            return []
        if self.appeal:
            return [stage_of(self.appeal)]
        if self.refund:
            return [stage_of(self.refund), begins("appeal")]
        if self.frozen_at:
            return []
        asked_back = [begins("refund")] if self.refundable and self.total_minor else []
        if asked_back and self.posted:
            asked_back.append(begins("return"))
        return [Stage(self.flow, self.at), *asked_back, begins("appeal")]

    def verbs(self, side: str, now: datetime | None = None) -> list[Verb]:
        """What this side can do now; at a moment, without what can be done only later."""
        return [verb for stage in self.stages for verb in stage.verbs(side, now)]

    @property
    def tables(self) -> list[Flow]:
        """The flow, and what a dispute about it would go by."""
        return [self.flow, *PROCEDURES.values()]

    def known(self, key: str) -> Verb | None:
        """The verb of this key, whether it can be done now or not: where it can be, as it stands there."""
        now = (verb for stage in self.stages for verb in stage.node.verbs)
        ever = (verb for table in self.tables for _, verb in table.walk())
        return next((verb for verbs in (now, ever) for verb in verbs if verb.key == key), None)

    @property
    def posted(self) -> bool:
        """Whether a parcel was sent off."""
        return "parcel" in self.facts

    def bounds(self, now: datetime, zone: ZoneInfo) -> Bounds:
        """What answers are held against."""
        ordered, today = self.ordered_at.astimezone(zone).date(), now.astimezone(zone).date()
        return Bounds(ordered, today, self.total_minor, self.currency)

    def fields(self, verb: Verb) -> tuple[Field, ...]:
        return self.flow.fields(verb, self.rule)

    @property
    def steps(self) -> list[Node]:
        return self.flow.steps(self.reviewed, self.asks_requirement)

    @property
    def activated(self) -> bool:
        """Whether the authorisation code was activated: the service runs, whatever becomes of its proof."""
        return any(verb.effect == "activate" and verb.key in self.facts for _, verb in self.flow.walk())

    @property
    def refundable(self) -> bool:
        """Whether a refund may still be negotiated: not once a code was claimed (§1.3)."""
        return self.state == "open" and not any(verb.effect and verb.key in self.facts for _, verb in self.flow.walk())


def term_of(term: Term, settings: Settings, delivery_days: int) -> timedelta:
    """Within what time whoever's turn it is should act."""
    terms: dict[str, timedelta] = {
        "requirement": settings.requirement_term,
        "confirmation": settings.confirmation_term,
        "delivery": timedelta(days=delivery_days),
        "review": settings.review_term,
        "acceptance": settings.acceptance_term,
        "claim": settings.claim_term,
        "activation": settings.activation_term,
    }
    return terms[term]


def first_reminder(entered_at: datetime, due_at: datetime) -> datetime:
    """A day before the turn should be taken, where there is time for that; otherwise then."""
    day = timedelta(days=1)
    return due_at - day if due_at - entered_at >= 2 * day else due_at


def lasting_timers(placed_at: datetime, paid_at: datetime, settings: Settings) -> dict[Timer, datetime]:
    """What an order has ahead whatever its node: the year's rule that still covers it, or the reminder of 180 days."""
    zone = ZoneInfo(settings.default_timezone)
    if (placed_at + A_YEAR).astimezone(zone).date() < YEAR_RULE_ENDED:
        return {"close": placed_at + A_YEAR}
    return {"unaccepted": max(placed_at + settings.unaccepted_after, paid_at)}


def start_of(day: str, not_before: datetime, zone: ZoneInfo) -> datetime:
    """The moment a service began that is said to have begun on a day: its first, but not before the order was paid."""
    first = datetime.combine(date.fromisoformat(day), datetime.min.time(), zone)
    return max(first, not_before)


__all__ = ["COMPLETED", "FlowRow", "Held", "State", "first_reminder", "lasting_timers", "start_of", "term_of"]
