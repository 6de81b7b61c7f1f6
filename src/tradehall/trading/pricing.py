"""What renewing, converting and changing a subscription costs, and how each price comes about."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.catalog.model import LONGEST_PERIOD, ChargingMode, PeriodType
from tradehall.kernel.errors import invalid
from tradehall.kernel.i18n import N_
from tradehall.trading.errors import NothingChanges, PriceInverted
from tradehall.trading.terms import Subscription, TermUnit, later, remaining_days

# How many days a price by the period is for, when days of it are reckoned.
DAYS_OF: dict[PeriodType, int] = {"month": 30, "year": 365}
# An order's line counts no more days than this, as the schema says; its reckoning has them all.
MOST_DAYS = 2000

StepKind = Literal["once", "months", "years", "trial", "use", "new_for_the_rest", "old_for_the_rest", "taken_back"]
# How a step of a price reads (English message ids).
STEP_WORDS: dict[StepKind, str] = {
    "once": N_("{quantity} × {unit}"),
    "months": N_("{quantity} × {unit} a month × {number} months"),
    "years": N_("{quantity} × {unit} a year × {number} years"),
    "trial": N_("Free for {number} days"),
    "use": N_("{unit} for each unit used, paid later"),
    "new_for_the_rest": N_("The new: {quantity} × {unit} for {per} days, {number} days of it"),
    "old_for_the_rest": N_("Less the old: {quantity} × {unit} for {per} days, {number} days of it"),
    "taken_back": N_("Returned: what order {order} cost"),
}


class PriceStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a price, in minor units: `amount_minor` = `quantity` × `unit_minor` × `number` periods, or, with
    `per`, `number` days at a price for `per` days; negative where it is taken off."""

    kind: StepKind
    amount_minor: int
    unit_minor: int = 0
    quantity: int = 1
    number: int = 1
    per: int = 1
    order: str = ""

    @property
    def message(self) -> str:
        """The English message id."""
        return STEP_WORDS[self.kind]


def purchase_steps(
    mode: ChargingMode, period: TermUnit | None, quantity: int, number: int | None, unit_minor: int, total_minor: int
) -> list[PriceStep]:
    """How the price of a purchase comes about."""
    if mode == "ON_DEMAND":
        return [PriceStep("use", 0, unit_minor)]
    kinds: dict[TermUnit | None, StepKind] = {"month": "months", "year": "years"}
    return [PriceStep(kinds.get(period, "once"), total_minor, unit_minor, quantity, number or 1)]


class WayToBuy(msgspec.Struct, frozen=True):
    """A price by the period of the specification a subscription is to become, with what it allows."""

    price_id: UUID
    sku_id: UUID
    sku_code: str
    product_code: str
    sku_name_en: str
    sku_name_zh: str
    period_type: PeriodType
    amount_minor: int
    currency: str
    quantity_min: int
    quantity_max: int
    quantity_step: int
    on_sale: bool
    quantity_name_en: str | None = None
    quantity_name_zh: str | None = None


class TermQuote(msgspec.Struct, frozen=True):
    """What an order about a subscription comes to: the term it is for, its total in minor units, every step to it."""

    price_id: UUID
    sku_id: UUID
    sku_name_en: str
    sku_name_zh: str
    quantity: int
    unit_minor: int
    period_type: TermUnit
    period_number: int
    starts_at: datetime
    ends_at: datetime
    total_minor: int
    currency: str
    steps: tuple[PriceStep, ...]


def quote_term(way: WayToBuy, quantity: int, number: int | None, starts_at: datetime, zone: ZoneInfo) -> TermQuote:
    """A further term of `number` months or years from `starts_at` on. Raises Invalid when it is not offered."""
    longest = LONGEST_PERIOD[way.period_type]
    if number is None or not 1 <= number <= longest:
        raise invalid("period_number", "Choose a number from {low} to {high}.", low=1, high=longest)
    check_quantity(way, quantity)
    total = way.amount_minor * quantity * number
    kind: StepKind = "months" if way.period_type == "month" else "years"
    return TermQuote(
        way.price_id,
        way.sku_id,
        way.sku_name_en,
        way.sku_name_zh,
        quantity,
        way.amount_minor,
        way.period_type,
        number,
        starts_at,
        later(starts_at, way.period_type, number, zone),
        total,
        way.currency,
        (PriceStep(kind, total, way.amount_minor, quantity, number),),
    )


def quote_change(
    held: Subscription, ways: Sequence[WayToBuy], quantity: int, now: datetime, zone: ZoneInfo
) -> TermQuote:
    """What an upgrade or expansion costs for the days that are left of the term; the expiry stays what it is.

    The new price is that by the year when a year or more is left and there is one, else that by the month; what is only
    expanded keeps the price it is bought at. The old price is what the subscription was sold for.

    Raises NothingChanges, Invalid for a quantity that is not offered, and PriceInverted when the new would cost less
    than the old.
    """
    assert held.expires_at, "only what is bought by the period is changed"
    assert held.period_type, "which its price says"
    days = remaining_days(held.expires_at, now, zone)
    way = next((way for way in ways if way.price_id == held.price_id), None)
    way = way or _matching(ways, "year" if days >= DAYS_OF["year"] else "month")
    if way.sku_id == held.sku_id and quantity == held.quantity:
        raise NothingChanges
    check_quantity(way, quantity)
    new = Fraction(way.amount_minor * quantity * days, DAYS_OF[way.period_type])
    old = Fraction(held.unit_minor * held.quantity * days, DAYS_OF[held.period_type])
    if new < old or way.currency != held.currency:
        raise PriceInverted
    added, less = _rounded(new), _rounded(old)
    return TermQuote(
        way.price_id,
        way.sku_id,
        way.sku_name_en,
        way.sku_name_zh,
        quantity,
        way.amount_minor,
        "day",
        min(max(days, 1), MOST_DAYS),
        now,
        held.expires_at,
        added - less,
        way.currency,
        (
            PriceStep("new_for_the_rest", added, way.amount_minor, quantity, days, DAYS_OF[way.period_type]),
            PriceStep("old_for_the_rest", -less, held.unit_minor, held.quantity, days, DAYS_OF[held.period_type]),
        ),
    )


def check_quantity(way: WayToBuy, quantity: int) -> None:
    """Raises Invalid when the specification is not sold in this quantity."""
    low, high, step = way.quantity_min, way.quantity_max, way.quantity_step
    if not low <= quantity <= high:
        raise invalid("quantity", "Choose a number from {low} to {high}.", low=low, high=high)
    if (quantity - low) % step:
        raise invalid("quantity", "Choose {low} plus a multiple of {step}.", low=low, step=step)


def _matching(ways: Sequence[WayToBuy], wanted: PeriodType) -> WayToBuy:
    return next((way for way in ways if way.period_type == wanted), ways[0])


def _rounded(amount: Fraction) -> int:
    """To whole minor units, a half upwards."""
    return int(amount + Fraction(1, 2))
