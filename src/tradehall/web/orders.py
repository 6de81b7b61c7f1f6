"""What the pages of every console tell of an order: how its price came about, what it changes, how its delivery is
supervised."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tradehall.catalog import templates
from tradehall.kernel.db import Reader
from tradehall.kernel.i18n import Translator
from tradehall.kernel.journal import Actor
from tradehall.supervision.model import Held
from tradehall.supervision.standing import billable_since, involves_supervision, recipient_of, supervision_of
from tradehall.trading.model import Order, Recipient
from tradehall.trading.pricing import PriceStep
from tradehall.web.happened import Clock
from tradehall.web.supervision.standing import next_of, waits_for


def price_lines(steps: Sequence[PriceStep], currency: str, texts: Translator) -> list[dict[str, Any]]:
    """The steps of a price as the macro `price_breakdown` shows them."""
    return [
        {
            "label": _label(step, currency, texts),
            "amount": step.amount_minor,
            "discount": step.kind == "old_for_the_rest",
        }
        for step in steps
    ]


def _label(step: PriceStep, currency: str, texts: Translator) -> str:
    unit = texts.money(step.unit_minor, currency)
    if step.kind in ("months", "years"):
        span = (
            texts.ngettext("%(num)s month", "%(num)s months", step.number)
            if step.kind == "months"
            else texts.ngettext("%(num)s year", "%(num)s years", step.number)
        )
        return f"{unit} × {step.quantity} × {span}" if step.quantity != 1 else f"{unit} × {span}"
    if step.kind == "once":
        return f"{unit} × {step.quantity}" if step.quantity != 1 else unit
    return texts.format(
        step.message, quantity=step.quantity, unit=unit, number=step.number, per=step.per, order=step.order
    )


def returned_lines(order: Order, texts: Translator) -> list[dict[str, Any]]:
    """What an unsubscription returns, by the orders it returns it for."""
    return [
        {"label": texts.gettext("What order %(number)s cost", number=step.order), "amount": -step.amount_minor}
        for step in order.steps
        if step.kind == "taken_back"
    ]


def lines_of(order: Order, texts: Translator) -> list[dict[str, Any]]:
    """How an order's price came about."""
    if order.order_type == "UNSUBSCRIBE":
        return returned_lines(order, texts)
    return price_lines(order.steps, order.currency, texts)


def what_changes(order: Order, texts: Translator) -> list[dict[str, Any]]:
    """Specification and quantity before and after an order about something that was there before."""
    if order.from_quantity is None or order.order_type == "UNSUBSCRIBE":
        return []
    zh = texts.locale == "zh"
    before = (order.from_sku_name_zh if zh else order.from_sku_name_en) or ""
    after = order.sku_name_zh if zh else order.sku_name_en
    rows: list[dict[str, Any]] = [{"label": texts.gettext("Specification"), "before": before, "after": after}]
    name = order.quantity_name_zh if zh else order.quantity_name_en
    if name or order.from_quantity != order.quantity:
        rows.append(
            {"label": name or texts.gettext("Quantity"), "before": order.from_quantity, "after": order.quantity}
        )
    return [{**row, "changed": row["before"] != row["after"]} for row in rows]


class Delivered(msgspec.Struct, frozen=True):
    """How an order reaches its buyer. `held` is its supervision, None where there is none, or none yet; `standards` are
    the kinds of templates it goes by."""

    involved: bool
    held: Held | None
    recipient: Recipient | None
    billable_since: datetime | None
    standards: list[templates.TemplateKind]


async def delivered(reader: Reader, viewer: Actor, order: Order) -> Delivered:
    """How an order that the viewer was shown is delivered."""
    held = await supervision_of(reader, viewer, order)
    recipient = await recipient_of(reader, order, held)
    involved = involves_supervision(order)
    attached = await templates.templates_at(reader, order.product_id, order.created_at) if involved else []
    return Delivered(involved, held, recipient, billable_since(order, held), [one.kind for one in attached])


def supervised_card(held: Held, side: str, base: str, now: datetime, texts: Translator, clock: Clock) -> dict[str, Any]:
    """What the macro `next_card` shows on an order's page while its supervision is open: that leads to its page."""
    card = next_of(held, side, now, texts, clock)
    action = {
        "label": texts.gettext("To the service supervision"),
        "href": f"{base}/supervision/{held.order_number}",
        "primary": waits_for(dispute, side) if (dispute := held.appeal or held.refund) else held.turn == side,
    }
    return {**card, "actions": [action]}
