"""Subscriptions: what a buyer has, for which term, and what happens to it when the term ends."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Literal, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.catalog.model import ChargingMode, PeriodType
from tradehall.kernel.i18n import N_
from tradehall.settings import Settings
from tradehall.trading.errors import SubscriptionEnded, SubscriptionNotFound

SubscriptionState = Literal["active", "grace", "frozen", "ended"]
EndReason = Literal["expired", "unsubscribed"]
LifeVerb = Literal["expire", "freeze", "end"]
TermUnit = Literal["day", "month", "year"]

# (state, verb) → next state. `expire`, `freeze` and `end` happen by themselves; the others are people's.
SUBSCRIPTION_MOVES: dict[tuple[SubscriptionState, str], SubscriptionState] = {
    ("active", "expire"): "grace",
    ("grace", "freeze"): "frozen",
    ("frozen", "end"): "ended",
    ("active", "renew"): "active",
    ("grace", "renew"): "active",
    ("frozen", "renew"): "active",
    ("active", "change"): "active",
    ("active", "unsubscribe"): "ended",
    ("grace", "unsubscribe"): "ended",
    ("frozen", "unsubscribe"): "ended",
}
# What becomes of a subscription by itself, in the order of its life, and in words (English message ids).
LIFE: tuple[tuple[SubscriptionState, LifeVerb], ...] = (("active", "expire"), ("grace", "freeze"), ("frozen", "end"))
LIFE_WORDS: dict[LifeVerb, str] = {
    "expire": N_("The term ends"),
    "freeze": N_("The application is frozen"),
    "end": N_("The application is released with all its data"),
}


class Subscription(msgspec.Struct, frozen=True):
    """What a buyer has. Its id is the instance's; price and unit price (minor units) are those it was last bought at.

    `busy_with` is the number of an unfinished order about it, in `busy_state`.
    """

    id: UUID
    order_id: UUID
    order_number: str
    line_number: str
    buyer_id: UUID
    seller_id: UUID
    product_id: UUID
    product_state: str
    sku_id: UUID
    sku_code: str
    sku_name_en: str
    sku_name_zh: str
    quantity: int
    quantity_name_en: str | None
    quantity_name_zh: str | None
    quantity_min: int
    quantity_max: int
    quantity_step: int
    price_id: UUID
    charging_mode: ChargingMode
    period_type: PeriodType | None
    unit_minor: int
    currency: str
    trial: bool
    state: SubscriptionState
    began_at: datetime
    bought_at: datetime
    expires_at: datetime | None
    frozen_at: datetime | None
    suspended_at: datetime | None
    suspended_why: str | None
    ended_at: datetime | None
    end_reason: EndReason | None
    auto_renew: bool
    product_name_en: str
    product_name_zh: str
    generation: str | None  # of the protocol its seller's server speaks; None: people delivered it
    delivery_type: str
    busy_with: str | None
    busy_state: str | None

    @property
    def allowed(self) -> frozenset[str]:
        """The verbs that people have in this state."""
        return frozenset(verb for (state, verb) in SUBSCRIPTION_MOVES if state == self.state)


def live(held: Subscription | None) -> Subscription:
    """A subscription that can still be done something with. Raises SubscriptionNotFound or SubscriptionEnded."""
    if held is None:
        raise SubscriptionNotFound
    if held.state == "ended":
        raise SubscriptionEnded(at=held.ended_at)
    return held


class LifeStep(msgspec.Struct, frozen=True):
    """What becomes of a subscription by itself, and when."""

    verb: LifeVerb
    at: datetime

    @property
    def message(self) -> str:
        """The English message id."""
        return LIFE_WORDS[self.verb]


def life_ahead(
    state: SubscriptionState, expires_at: datetime | None, trial: bool, settings: Settings
) -> list[LifeStep]:
    """All that is still to become of a subscription if nobody does anything, the next step first.

    The term ends, grace lets it be used a little longer, then it is frozen, and after the retention it is released. A
    trial has no grace: it freezes as it ends.
    """
    if expires_at is None or state == "ended":
        return []
    grace = timedelta(0) if trial else settings.grace_period
    moments = {
        "expire": expires_at,
        "freeze": expires_at + grace,
        "end": expires_at + grace + settings.retention_period,
    }
    past = [at for at, _ in LIFE].index(state)
    return [LifeStep(verb, moments[verb]) for _, verb in LIFE[past:]]


def later(moment: datetime, unit: TermUnit, number: int, zone: ZoneInfo) -> datetime:
    """The end of a term of `number` calendar days, months or years that begins at `moment`.

    They are those of the marketplace's zone, the day clipped to the month's last: from 31 January one month later is
    the last of February.
    """
    local = moment.astimezone(zone)
    if unit == "day":
        return (local + timedelta(days=number)).astimezone(UTC)
    years, month = divmod(local.month - 1 + number * (12 if unit == "year" else 1), 12)
    year, month = local.year + years, month + 1
    day = min(local.day, monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)


def end_in_sql(begins: LiteralString) -> LiteralString:
    """What `later` says, as an expression: the end of the term of an order line `l` that begins so, NULL where it has
    no period. For a query given the marketplace's `zone`."""
    return f"""
        ({begins} AT TIME ZONE %(zone)s
         + l.period_number * CASE l.period_type WHEN 'year' THEN interval '1 year'
                                                WHEN 'month' THEN interval '1 month'
                                                ELSE interval '1 day' END) AT TIME ZONE %(zone)s
    """


def remaining_days(expires_at: datetime, now: datetime, zone: ZoneInfo) -> int:
    """Days still to come of a term, today not counted, in the marketplace's zone; never negative."""
    return max((expires_at.astimezone(zone).date() - now.astimezone(zone).date()).days, 0)


def end_of_day(now: datetime, zone: ZoneInfo) -> datetime:
    """The next midnight of the marketplace's zone: until then the remaining days stay what they are."""
    local = now.astimezone(zone)
    return (local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).astimezone(UTC)
