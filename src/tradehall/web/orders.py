"""What the pages of every console tell of an order: how its price came about, and what it changes."""

from collections.abc import Sequence
from typing import Any

from tradehall.kernel.i18n import Translator
from tradehall.trading.model import Order
from tradehall.trading.pricing import PriceStep


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
