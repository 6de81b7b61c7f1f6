"""Where an order stands, as its page shows it: the bar of its steps, and the card that says what happens next."""

from collections.abc import Sequence
from typing import Any

from tradehall.kernel.i18n import N_, Translator
from tradehall.provisioning.model import Instance
from tradehall.provisioning.standing import NextKind, NextStep
from tradehall.trading.model import Order
from tradehall.web.templating import Tone

_TITLES: dict[NextKind, tuple[str, Tone]] = {
    "pay": (N_("Pay to have it opened"), "warning"),
    "expiring": (N_("The time to pay is over"), "neutral"),
    "processing": (N_("The order is being processed"), "info"),
    "call_waiting": (N_("The seller is about to be called"), "info"),
    "call_under_way": (N_("The seller is opening your application"), "info"),
    "call_again": (N_("The seller is called again"), "warning"),
    "opening": (N_("The seller is preparing your application"), "info"),
    "opening_unanswered": (N_("The seller is asked again"), "warning"),
    "details_awaited": (N_("Your application is open, its details are on their way"), "info"),
    "details_missing": (N_("Your application is open"), "success"),
    "use": (N_("Your application is ready"), "success"),
    "refunding": (N_("Your money is on its way back"), "warning"),
    "refunded": (N_("Your money was returned"), "neutral"),
    "cancelled": (N_("The order was cancelled"), "neutral"),
    "expired": (N_("The order was cancelled"), "neutral"),
}


def next_title(step: NextStep) -> tuple[str, Tone]:
    """The message id of the card's heading, and the card's tone."""
    return _TITLES.get(step.kind, (N_("What happens next"), "info"))


def next_card(step: NextStep, order: Order, texts: Translator, instances: Sequence[Instance]) -> dict[str, Any]:
    """What the macro `next_card` shows of an order's next step."""
    title, tone = next_title(step)
    who = "you" if step.turn == "buyer" else step.turn
    seller = order.seller_name_zh if texts.locale == "zh" else order.seller_name_en
    card: dict[str, Any] = {
        "title": texts.lookup(title),
        "text": texts.lookup(step.message),
        "tone": tone,
        "who": who,
        "who_name": seller if who == "seller" else "",
        "by": step.by,
        "late": False,
        "actions": [],
    }
    if step.kind == "pay":
        label = texts.gettext("Pay %(amount)s", amount=texts.money(order.total_minor, order.currency))
        card["actions"] = [{"label": label, "href": f"/buyer/orders/{order.number}/pay", "primary": True}]
    elif step.kind in ("use", "details_awaited", "details_missing") and instances:
        href = f"/buyer/applications/{instances[0].id}"
        card["actions"] = [{"label": texts.gettext("Open its page"), "href": href, "primary": True}]
    elif step.kind in ("refunded", "refunding", "cancelled", "expired"):
        href = f"/products/{order.product_slug}"
        card["actions"] = [{"label": texts.gettext("See the product again"), "href": href}]
    return card


def steps(order: Order, instances: Sequence[Instance], texts: Translator) -> list[dict[str, Any]]:
    """The order's way: placed → paid → opened → completed, or where it left it."""
    _ = texts.gettext
    opened = next((one.opened_at for one in instances if one.opened_at), None)
    items = [{"label": _("Ordered"), "state": "done", "time": order.created_at}]
    if order.state == "cancelled" and order.paid_at is None:
        return [*items, {"label": _("Cancelled"), "state": "failed", "time": order.cancelled_at}]
    unpaid = order.paid_at is None
    items.append(_step(_("To be paid") if unpaid else _("Paid"), order.paid_at, current=unpaid, note=_("your turn")))
    if order.state == "cancelled":
        items.append({"label": _("Opening failed"), "state": "failed", "time": order.cancelled_at})
        refunding = order.refunded_at is None
        label = _("Refund") if refunding else _("Refunded")
        return [*items, _step(label, order.refunded_at, current=refunding, note=_("under way"))]
    opening = order.state == "processing"
    items.append(_step(_("Opening") if opening and not opened else _("Opened"), opened, current=opening, note=""))
    items.append(_step(_("Completed"), order.completed_at, current=False, note=""))
    return items


def _step(label: str, at: object, *, current: bool, note: str) -> dict[str, Any]:
    if at:
        return {"label": label, "state": "done", "time": at}
    return {"label": label, "state": "current" if current else "todo", "time": None, "note": note if current else ""}
