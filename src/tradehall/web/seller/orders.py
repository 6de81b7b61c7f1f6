"""Orders as the seller, or the operator, follows them: the list, and one order with all that is known of it."""

from typing import Any

from litestar import get
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import only
from tradehall.kernel.i18n import N_
from tradehall.kernel.journal import Actor
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.standing import NextKind, NextStep, next_step
from tradehall.trading import queries
from tradehall.trading.errors import OrderNotFound
from tradehall.trading.model import ORDER_STATES, Order
from tradehall.trading.queries import OrderFilter
from tradehall.web import labels
from tradehall.web.common import PageResponse, WebRequest, chosen, day, page, reading, searched, texts, timezone_of
from tradehall.web.common import wanted_page as wanted_page_of
from tradehall.web.happened import clock_for
from tradehall.web.seller import hints, words
from tradehall.web.seller.happened import timeline
from tradehall.web.templating import Tone

_TITLES: dict[NextKind, tuple[str, Tone]] = {
    "pay": (N_("The buyer has yet to pay"), "neutral"),
    "expiring": (N_("The time to pay is over"), "neutral"),
    "processing": (N_("The order is being processed"), "info"),
    "call_waiting": (N_("The server is about to be called"), "info"),
    "call_under_way": (N_("The server is being called"), "info"),
    "call_again": (N_("The server did not open it: it is called again"), "danger"),
    "opening": (N_("The instance is being created"), "info"),
    "opening_unanswered": (N_("The server does not tell whether the instance is ready"), "danger"),
    "details_awaited": (N_("The instance is open, its details are asked for"), "info"),
    "details_missing": (N_("The instance is open, but how to sign in is not known"), "warning"),
    "use": (N_("The instance is open and in use"), "success"),
    "refunding": (N_("The buyer's money is on its way back"), "warning"),
    "refunded": (N_("The buyer's money was returned"), "neutral"),
    "cancelled": (N_("The order was cancelled"), "neutral"),
    "expired": (N_("The order was cancelled"), "neutral"),
}
_FAILING: tuple[NextKind, ...] = ("call_again", "opening_unanswered", "details_missing")


def orders_handlers(base: str, kind: str) -> list[HTTPRouteHandler]:
    """The pages below `base` ("/seller", "/operator") for people of organisations of this kind."""
    guards = [only("platform" if kind == "platform" else "seller")]

    @get(f"{base}/orders", guards=guards)
    async def orders(request: WebRequest) -> PageResponse:
        only_these = OrderFilter(
            state=chosen(request, "state", ORDER_STATES),
            text=searched(request),
            since=day(request, "since"),
            until=day(request, "until", after=True),
        )
        async with reading(request) as reader:
            rows = await queries.orders(reader, request.user.actor, wanted_page_of(request), only_these)
            counts = await queries.open_counts(reader, request.user.actor)
        return page(
            request,
            "seller/orders.html",
            rows=rows,
            only=only_these,
            counts=counts,
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
            log = await queries.log_of_order(reader, found.id)
            now = reader.now
        step = next_step(found, calls, instances, now)
        said = texts(request)
        return page(
            request,
            "seller/order.html",
            order=found,
            calls=calls,
            instances=instances,
            wire=wire,
            step=step,
            next=_next_card(request, base, kind, found, step),
            happened=timeline(log, said, clock_for(said.locale, timezone_of(request))),
            base=base,
            **VOCABULARY,
        )

    return [orders, order]


VOCABULARY: dict[str, Any] = {"words": words, "hints": hints, "labels": labels}


def asked(request: WebRequest) -> dict[str, Any]:
    """What a list's filters hold, as typed, and whether any is set."""
    typed = {"q": searched(request), **{name: request.query_params.get(name, "") for name in ("since", "until")}}
    return {**typed, "filtered": any(typed.values()) or bool(request.query_params.get("activity"))}


def _next_card(request: WebRequest, base: str, kind: str, order: Order, step: NextStep) -> dict[str, Any]:
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
        "by": step.by,
        "tone": tone,
        "actions": actions,
    }
