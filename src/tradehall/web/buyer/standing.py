"""Where an order stands, as its page shows it: the bar of its steps, and the card that says what happens next."""

from collections.abc import Sequence
from typing import Any

from tradehall.catalog.delivery import delivery
from tradehall.kernel.i18n import N_, Translator
from tradehall.provisioning.model import Instance
from tradehall.provisioning.steps import NextKind, NextStep
from tradehall.supervision.model import Held
from tradehall.supervision.standing import involves_supervision
from tradehall.trading.model import Order
from tradehall.web.templating import Tone

_TITLES: dict[NextKind, tuple[str, Tone]] = {
    "pay": (N_("It waits for your payment"), "warning"),
    "change_asked": (N_("The seller is asked whether it allows the change"), "info"),
    "expiring": (N_("The time to pay is over"), "neutral"),
    "processing": (N_("The order is being processed"), "info"),
    "call_waiting": (N_("The seller is about to be called"), "info"),
    "call_under_way": (N_("The seller is being called"), "info"),
    "call_again": (N_("The seller is called again"), "warning"),
    "opening": (N_("The seller is preparing your application"), "info"),
    "opening_unanswered": (N_("The seller is asked again"), "warning"),
    "investigating": (N_("The seller is asked what became of it"), "warning"),
    "supervised": (N_("The seller delivers it, you accept it"), "info"),
    "appealed": (N_("The marketplace looks into an appeal"), "warning"),
    "refund_asked": (N_("A refund is asked for"), "warning"),
    "return_asked": (N_("It is being returned"), "warning"),
    "renewal_waiting": (N_("The seller is about to be told"), "info"),
    "renewal_under_way": (N_("The seller is carrying it out"), "info"),
    "renewal_again": (N_("The seller is told again"), "warning"),
    "renewal_held": (N_("The seller is looking into it"), "warning"),
    "change_waiting": (N_("The seller is about to be asked"), "info"),
    "change_under_way": (N_("The seller is carrying it out"), "info"),
    "change_again": (N_("The seller is asked again"), "warning"),
    "change_held": (N_("The seller is looking into it"), "warning"),
    "details_awaited": (N_("Your application is open, its details are on their way"), "info"),
    "details_missing": (N_("Your application is open"), "success"),
    "use": (N_("Your application is ready"), "success"),
    "use_until": (N_("Your application is ready"), "success"),
    "use_renewed": (N_("Your application is ready, and renewed in time"), "success"),
    "trial": (N_("You are trying it"), "info"),
    "delivered": (N_("It was delivered and accepted"), "success"),
    "usable": (N_("It can be used"), "success"),
    "unfreezing": (N_("It is about to be usable again"), "info"),
    "unfreezing_stuck": (N_("The seller has yet to let you in again"), "warning"),
    "grace": (N_("The term is over"), "warning"),
    "freezing_stuck": (N_("It is to be frozen"), "danger"),
    "frozen": (N_("It is frozen, and can still be saved"), "danger"),
    "trial_frozen": (N_("The trial is over"), "danger"),
    "suspended": (N_("The marketplace has suspended it"), "danger"),
    "releasing": (N_("It has ended and is being released"), "neutral"),
    "releasing_again": (N_("It has ended and is being released"), "neutral"),
    "releasing_stuck": (N_("It has ended and is being released"), "neutral"),
    "released": (N_("It was released"), "neutral"),
    "not_opened": (N_("It could not be opened"), "neutral"),
    "refunding": (N_("Your money is on its way back"), "warning"),
    "refunded": (N_("Your money was returned"), "neutral"),
    "change_refunding": (N_("Your money is on its way back"), "warning"),
    "change_refunded": (N_("Your money was returned"), "neutral"),
    "unaccepted_refunding": (N_("Your money is on its way back"), "warning"),
    "unaccepted_refunded": (N_("Your money was returned"), "neutral"),
    "settled_refunding": (N_("Your refund is on its way"), "warning"),
    "settled_refunded": (N_("Your refund was paid"), "neutral"),
    "returning": (N_("Your money is on its way back"), "info"),
    "returned": (N_("Your money was returned"), "success"),
    "taken_back": (N_("It was taken back"), "success"),
    "cancelled": (N_("The order was cancelled"), "neutral"),
    "expired": (N_("The order was cancelled"), "neutral"),
    "seller_refused": (N_("The seller does not allow the change"), "warning"),
    "payment_declined": (N_("The automatic payment was declined"), "warning"),
}
# Nothing happens by itself any more, or not for a long time.
SETTLED: frozenset[NextKind] = frozenset(
    {
        "pay", "details_missing", "use", "use_until", "use_renewed", "trial", "unfreezing_stuck", "grace",
        "freezing_stuck", "frozen", "trial_frozen", "suspended", "releasing_stuck", "released", "not_opened",
        "refunded", "change_refunded", "returned", "taken_back", "cancelled", "expired", "seller_refused",
        "payment_declined", "renewal_held", "change_held", "supervised", "appealed",
        "refund_asked", "return_asked", "delivered", "usable", "unaccepted_refunded", "settled_refunded",
    }
)  # fmt: skip
_IN_USE: tuple[NextKind, ...] = (
    "use", "use_until", "use_renewed", "trial", "details_awaited", "details_missing", "delivered", "usable",
)  # fmt: skip
_TO_RENEW: tuple[NextKind, ...] = ("grace", "frozen")
_TO_CONVERT: tuple[NextKind, ...] = ("trial", "trial_frozen")
_OVER: tuple[NextKind, ...] = (
    "refunded", "refunding", "cancelled", "expired", "not_opened", "released", "releasing", "releasing_again",
    "releasing_stuck", "unaccepted_refunding", "unaccepted_refunded",
    "settled_refunding", "settled_refunded",
)  # fmt: skip


def next_title(step: NextStep) -> tuple[str, Tone]:
    """The message id of the card's heading, and the card's tone."""
    return _TITLES.get(step.kind, (N_("What happens next"), "info"))


def next_card(
    step: NextStep, order: Order, texts: Translator, instances: Sequence[Instance], *, on_order: bool = True
) -> dict[str, Any]:
    """What the macro `next_card` shows of a next step, on the order's page or on the application's."""
    title, tone = next_title(step)
    who = "you" if step.turn == "buyer" else step.turn
    seller = order.seller_name_zh if texts.locale == "zh" else order.seller_name_en
    return {
        "title": texts.lookup(title),
        "text": texts.lookup(step.message),
        "tone": tone,
        "who": who,
        "who_name": seller if who == "seller" else "",
        "by": step.by or (step.at if step.kind in _IN_USE else None),
        "late": False,
        "actions": _actions(step, order, texts, instances, on_order),
    }


def _actions(
    step: NextStep, order: Order, texts: Translator, instances: Sequence[Instance], on_order: bool
) -> list[dict[str, Any]]:
    _ = texts.gettext
    actions: list[dict[str, Any]] = []
    application = f"/buyer/applications/{instances[0].id}" if instances else ""
    if step.kind == "pay":
        label = _("Pay %(amount)s", amount=texts.money(order.total_minor, order.currency))
        actions.append({"label": label, "href": f"/buyer/orders/{order.number}/pay", "primary": True})
    if application and step.kind in _TO_RENEW:
        actions.append({"label": _("Renew"), "href": f"{application}/renew", "primary": True})
    if application and step.kind in _TO_CONVERT:
        actions.append({"label": _("Convert"), "href": f"{application}/convert", "primary": not on_order})
    if not on_order:
        if step.kind not in (*_IN_USE, *_TO_RENEW, *_TO_CONVERT, *_OVER, "suspended"):
            actions.append({"label": _("To the order"), "href": f"/buyer/orders/{order.number}"})
        return actions
    if application and step.kind in _IN_USE:
        actions.insert(0, {"label": _("Open its page"), "href": application, "primary": True})
    elif application and (order.subscription_id or step.kind in (*_TO_RENEW, *_TO_CONVERT, "suspended")):
        actions.append({"label": _("Open its page"), "href": application})
    if step.kind in _OVER and not order.subscription_id:
        actions.append({"label": _("See the product again"), "href": f"/products/{order.product_slug}"})
    return actions


def steps(
    order: Order, instances: Sequence[Instance], texts: Translator, held: Held | None = None
) -> list[dict[str, Any]]:
    """The order's way: placed → paid → carried out → completed, or where it left it. `held` is its supervision."""
    _ = texts.gettext
    items = [{"label": _("Ordered"), "state": "done", "time": order.created_at}]
    if order.order_type == "UNSUBSCRIBE":
        return [*items, *_returning(order, texts)]
    if order.check_state:
        asked = order.check_state == "awaited"
        refused = order.cancel_reason == "seller_refused"
        label = _("Refused by the seller") if refused else _("Asked") if asked else _("Allowed by the seller")
        if refused:
            return [*items, {"label": label, "state": "failed", "time": order.cancelled_at}]
        if order.state != "cancelled" or not asked:
            note = _("the seller's turn") if asked else ""
            items.append({"label": label, "state": "current" if asked else "done", "time": None, "note": note})
    if order.state == "cancelled" and order.paid_at is None:
        return [*items, {"label": _("Cancelled"), "state": "failed", "time": order.cancelled_at}]
    unpaid = order.paid_at is None
    if order.order_type != "TRIAL":
        label, current = _("To be paid") if unpaid else _("Paid"), unpaid and order.check_state != "awaited"
        items.append(_step(label, order.paid_at, current=current, note=_("your turn")))
    if order.order_type == "NEW" and delivery(order.delivery_type).reach == "nothing":
        return [*items, _step(_("Completed"), order.completed_at, current=False, note="")]
    if involves_supervision(order):
        return [*items, *_delivering(order, held, texts)]
    return [*items, *_carrying_out(order, instances, texts)]


def _delivering(order: Order, held: Held | None, texts: Translator) -> list[dict[str, Any]]:
    """What people deliver: at which node that is, until it is accepted."""
    _ = texts.gettext
    done = _step(_("Completed"), order.completed_at, current=False, note="")
    if held is None:
        return [_step(_("Delivery"), None, current=False, note=""), done]
    if held.state == "cancelled":
        settled = order.cancel_reason in ("refund_agreed", "appeal_decided")
        label = _("Dispute settled") if settled else _("Not accepted")
        failed = [{"label": label, "state": "failed", "time": held.finished_at}]
        refunding = order.refunded_at is None
        label = _("Refund") if refunding else _("Refunded")
        return [*failed, _step(label, order.refunded_at, current=refunding, note=_("under way"))]
    if held.state == "completed":
        return [_step(_("Delivered and accepted"), held.finished_at, current=False, note=""), done]
    whose = {"buyer": _("it waits for you"), "seller": _("the seller's turn"), "platform": _("the marketplace's turn")}
    dispute = held.appeal or held.refund
    note = texts.lookup(dispute.flow.label) if dispute else whose.get(held.turn, "")
    return [_step(texts.lookup(held.at.label), None, current=True, note=note), done]


def _carrying_out(order: Order, instances: Sequence[Instance], texts: Translator) -> list[dict[str, Any]]:
    _ = texts.gettext
    opens = order.order_type in ("NEW", "TRIAL")
    if order.state == "cancelled":
        failed = _("Opening failed") if opens else _("Not carried out")
        items = [{"label": failed, "state": "failed", "time": order.cancelled_at}]
        if not order.refund_minor:
            return items
        refunding = order.refunded_at is None
        label = _("Refund") if refunding else _("Refunded")
        return [*items, _step(label, order.refunded_at, current=refunding, note=_("under way"))]
    done = next((one.opened_at for one in instances if one.opened_at), None) if opens else order.completed_at
    running = order.state == "processing"
    if opens:
        label = _("Opening") if running and not done else _("Opened")
    else:
        label = _("Carried out by the seller") if not running else _("Being carried out")
    items = [_step(label, done, current=running, note="")]
    items.append(_step(_("Completed"), order.completed_at, current=False, note=""))
    return items


def _returning(order: Order, texts: Translator) -> list[dict[str, Any]]:
    _ = texts.gettext
    items: list[dict[str, Any]] = []
    if order.total_minor:
        label = _("Money returned") if order.completed_at else _("Money on its way back")
        items.append(_step(label, order.completed_at, current=True, note=_("under way")))
    return [*items, _step(_("Completed"), order.completed_at, current=False, note="")]


def _step(label: str, at: object, *, current: bool, note: str) -> dict[str, Any]:
    if at:
        return {"label": label, "state": "done", "time": at}
    return {"label": label, "state": "current" if current else "todo", "time": None, "note": note if current else ""}
