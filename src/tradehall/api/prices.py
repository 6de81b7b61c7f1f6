"""Prices as the API tells them: what something comes to, and how, step by step, as data and in words."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from tradehall.kernel.i18n import Translator
from tradehall.trading.pricing import PriceStep, StepKind, TermQuote
from tradehall.trading.terms import TermUnit


class Step(msgspec.Struct, frozen=True):
    """One step of a price; a price is the sum of its steps' `amount_minor`.

    `amount_minor` is `quantity` × `unit_minor` × `number` periods; of `new_for_the_rest` and `old_for_the_rest` it is
    `number` days at a price for `per` days. What is taken off is negative. `order` is whose payment is returned. `text`
    says it in your language.
    """

    kind: StepKind
    amount_minor: int
    unit_minor: int
    quantity: int
    number: int
    per: int
    order: str | None
    text: str


class TermPrice(msgspec.Struct, frozen=True):
    """What an order about an application comes to, in minor units of `currency`; for which term, and how that comes
    about.

    Where `asks_seller`, the seller is asked first whether it allows the change that a renewal brings. `good_until` is
    when the price changes by itself, because the days that are left of a term are part of it.
    """

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
    steps: list[Step]
    asks_seller: bool
    good_until: datetime | None


def told_steps(steps: Sequence[PriceStep], currency: str, texts: Translator) -> list[Step]:
    """The steps of a price as data and in the reader's language."""
    return [
        Step(
            step.kind,
            step.amount_minor,
            step.unit_minor,
            step.quantity,
            step.number,
            step.per,
            step.order or None,
            texts.format(
                step.message,
                quantity=step.quantity,
                unit=texts.money(step.unit_minor, currency),
                number=step.number,
                per=step.per,
                order=step.order,
            ),
        )
        for step in steps
    ]


def told_quote(
    quote: TermQuote, texts: Translator, *, asks_seller: bool = False, good_until: datetime | None = None
) -> TermPrice:
    values = {name: getattr(quote, name) for name in TermQuote.__struct_fields__ if name != "steps"}
    steps = told_steps(quote.steps, quote.currency, texts)
    return TermPrice(steps=steps, asks_seller=asks_seller, good_until=good_until, **values)
