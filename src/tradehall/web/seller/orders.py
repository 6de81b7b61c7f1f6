"""Orders as the seller, or the operator, follows them: the list, and one order with all that is known of it."""

from typing import Any

from litestar import get
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import templates
from tradehall.catalog.delivery import delivery
from tradehall.edge.access import installation_of, only
from tradehall.kernel.i18n import N_
from tradehall.kernel.journal import Actor
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.standing import next_step
from tradehall.provisioning.steps import NextKind, NextStep
from tradehall.supervision.standing import next_in_supervision, places_of
from tradehall.trading import queries
from tradehall.trading.errors import OrderNotFound
from tradehall.trading.model import ORDER_STATES, ORDER_TYPES, Order
from tradehall.trading.queries import OrderFilter
from tradehall.web import labels
from tradehall.web.ahead import ahead_items
from tradehall.web.common import PageResponse, WebRequest, chosen, day, page, reading, searched, texts, timezone_of
from tradehall.web.common import wanted_page as wanted_page_of
from tradehall.web.happened import clock_for
from tradehall.web.ledger import money_card
from tradehall.web.orders import delivered, lines_of, supervised_card, what_changes
from tradehall.web.seller import hints, words
from tradehall.web.seller.happened import timeline, told_to
from tradehall.web.templating import Tone

_TITLES: dict[NextKind, tuple[str, Tone]] = {
    "pay": (N_("The buyer has yet to pay"), "neutral"),
    "change_asked": (N_("The server is asked whether it allows the change"), "info"),
    "expiring": (N_("The time to pay is over"), "neutral"),
    "processing": (N_("The order is being processed"), "info"),
    "call_waiting": (N_("The server is about to be called"), "info"),
    "call_under_way": (N_("The server is being called"), "info"),
    "call_again": (N_("The server did not open it: it is called again"), "danger"),
    "opening": (N_("The instance is being created"), "info"),
    "opening_unanswered": (N_("The server does not tell whether the instance is ready"), "danger"),
    "investigating": (N_("The server is asked what became of the instance"), "danger"),
    "supervised": (N_("It is delivered under service supervision"), "info"),
    "appealed": (N_("The marketplace looks into an appeal"), "warning"),
    "refund_asked": (N_("The buyer asks for a refund"), "warning"),
    "return_asked": (N_("The buyer returns it"), "warning"),
    "renewal_waiting": (N_("The server is about to be told of the new term"), "info"),
    "renewal_under_way": (N_("The renewal is being carried out"), "info"),
    "renewal_again": (N_("The server did not confirm the new term: it is told again"), "danger"),
    "renewal_held": (N_("The renewal is held: restart the call in time"), "danger"),
    "change_waiting": (N_("The server is about to be asked for the change"), "info"),
    "change_under_way": (N_("The change is being carried out"), "info"),
    "change_again": (N_("The server did not carry out the change: it is asked again"), "danger"),
    "change_held": (N_("The change is held: restart the call in time"), "danger"),
    "details_awaited": (N_("The instance is open, its details are asked for"), "info"),
    "details_missing": (N_("The instance is open, but how to sign in is not known"), "warning"),
    "use": (N_("The instance is open and in use"), "success"),
    "use_until": (N_("The instance is open and in use"), "success"),
    "use_renewed": (N_("The instance is in use, and renewed in time"), "success"),
    "trial": (N_("The buyer is trying it"), "info"),
    "delivered": (N_("It was delivered and accepted"), "success"),
    "usable": (N_("The buyer can use it"), "success"),
    "unfreezing": (N_("The instance is about to be usable again"), "info"),
    "unfreezing_stuck": (N_("The server did not let it be used again: restart the call"), "danger"),
    "grace": (N_("The term is over, it may still be used"), "warning"),
    "freezing_stuck": (N_("The server did not freeze it: restart the call"), "danger"),
    "frozen": (N_("The instance is frozen"), "warning"),
    "trial_frozen": (N_("The trial is over, the instance frozen"), "warning"),
    "suspended": (N_("The marketplace has suspended it"), "danger"),
    "releasing": (N_("The instance has ended and is being released"), "info"),
    "releasing_again": (N_("The server did not release it: it is asked again"), "danger"),
    "releasing_stuck": (N_("The server did not release it: restart the call"), "danger"),
    "released": (N_("The instance was released"), "neutral"),
    "not_opened": (N_("It could not be opened"), "neutral"),
    "refunding": (N_("The buyer's money is on its way back"), "warning"),
    "refunded": (N_("The buyer's money was returned"), "neutral"),
    "change_refunding": (N_("The buyer's money is on its way back"), "warning"),
    "change_refunded": (N_("The buyer's money was returned"), "neutral"),
    "unaccepted_refunding": (N_("The buyer's money is on its way back"), "warning"),
    "unaccepted_refunded": (N_("The buyer's money was returned"), "neutral"),
    "settled_refunding": (N_("The buyer's refund is on its way"), "warning"),
    "settled_refunded": (N_("The buyer's refund was paid"), "neutral"),
    "returning": (N_("The buyer's money is on its way back"), "info"),
    "returned": (N_("The buyer's money was returned"), "neutral"),
    "taken_back": (N_("It was taken back"), "neutral"),
    "cancelled": (N_("The order was cancelled"), "neutral"),
    "expired": (N_("The order was cancelled"), "neutral"),
    "seller_refused": (N_("The server does not allow the change"), "neutral"),
    "payment_declined": (N_("The automatic payment was declined"), "neutral"),
}
_FAILING: frozenset[NextKind] = frozenset(
    {
        "call_again", "opening_unanswered", "investigating", "details_missing", "renewal_again", "renewal_held",
        "change_again", "change_held", "unfreezing_stuck", "freezing_stuck", "releasing_again", "releasing_stuck",
    }
)  # fmt: skip


def orders_handlers(base: str, kind: str) -> list[HTTPRouteHandler]:
    """The pages below `base` ("/seller", "/operator") for people of organisations of this kind."""
    guards = [only("platform" if kind == "platform" else "seller")]

    @get(f"{base}/orders", guards=guards)
    async def orders(request: WebRequest) -> PageResponse:
        only_these = OrderFilter(
            state=chosen(request, "state", ORDER_STATES),
            order_type=chosen(request, "type", ORDER_TYPES),
            text=searched(request),
            since=day(request, "since"),
            until=day(request, "until", after=True),
        )
        async with reading(request) as reader:
            rows = await queries.orders(reader, request.user.actor, wanted_page_of(request), only_these)
            counts = await queries.open_counts(reader, request.user.actor)
            places = await places_of(reader, rows.items)
        return page(
            request,
            "seller/orders.html",
            rows=rows,
            places=places,
            only=only_these,
            counts=counts,
            type_options=[(one, texts(request).lookup(label)) for one, label in labels.ORDER_TYPES.items()],
            base=base,
            **asked(request),
            **VOCABULARY,
        )

    @get(f"{base}/orders/{{number:str}}", guards=guards)
    async def order(request: WebRequest, number: str) -> PageResponse:
        actor: Actor = request.user.actor
        async with reading(request) as reader:
            found = await queries.order(reader, actor, number)
            if found is None:
                raise OrderNotFound
            calls = await provisioning.calls_of_order(reader, found.id)
            instances = await provisioning.instances_of_order(reader, found.id)
            wire = await provisioning.wire_names(reader, found.id)
            log = told_to(kind, await queries.log_of_order(reader, found.id))
            held_until = await provisioning.investigated_until(reader, found.id)
            how = await delivered(reader, actor, found)
            money = await money_card(reader, actor, found, texts(request))
            now = reader.now
        settings, held = installation_of(request).settings, how.held
        step = next_in_supervision(next_step(found, calls, instances, now, settings, held_until=held_until), held)
        said = texts(request)
        clock = clock_for(said.locale, timezone_of(request))
        return page(
            request,
            "seller/order.html",
            order=found,
            calls=calls,
            instances=instances,
            wire=wire,
            step=step,
            money_shown=money,
            next=supervised_card(held, kind, base, now, said, clock)
            if held and held.state == "open"
            else step_card(request, base, kind, found, step),
            delivered=how,
            delivered_by_server=delivery(found.delivery_type).reach == "server",
            template_labels=templates.LABELS,
            lines=lines_of(found, said),
            changes=what_changes(found, said),
            ahead=ahead_items(instances[0], settings, now, said) if instances else [],
            happened=timeline(log, said, clock, found.currency, kind, held.flow if held else None),
            base=base,
            **VOCABULARY,
        )

    return [orders, order]


VOCABULARY: dict[str, Any] = {"words": words, "hints": hints, "labels": labels}


def asked(request: WebRequest) -> dict[str, Any]:
    """What a list's filters hold, as typed, and whether any is set."""
    typed = {"q": searched(request), **{name: request.query_params.get(name, "") for name in ("since", "until")}}
    return {**typed, "filtered": any(map(request.query_params.get, ("q", "since", "until", "activity", "type")))}


def step_card(request: WebRequest, base: str, kind: str, order: Order, step: NextStep) -> dict[str, Any]:
    """What the macro `next_card` shows."""
    said = texts(request)
    title, tone = _TITLES[step.kind]
    text, actions = said.lookup(step.message), []
    if step.kind in _FAILING:
        text += said.gettext(" The call's page says what came back and what to check.")
        label = said.gettext("Calls of this order")
        actions = [{"label": label, "href": f"{base}/calls?q={order.number}", "icon": "arrows-exchange"}]
    seller = order.seller_name_zh if said.locale == "zh" else order.seller_name_en
    return {
        "title": said.lookup(title),
        "text": text,
        "who": "you" if step.turn == kind else step.turn,
        "who_name": seller if step.turn == "seller" and kind == "platform" else "",
        "by": step.by or (step.at if step.kind in ("use_until", "use_renewed", "trial") else None),
        "tone": tone,
        "actions": actions,
    }
