"""Renewing, converting and upgrading what one has: chosen with the price in sight, confirmed, ordered, then paid."""

from typing import Any, Literal, cast
from uuid import UUID

import msgspec
from litestar import get, post

from tradehall.catalog.model import LONGEST_PERIOD
from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import Conflict, Invalid, Problem
from tradehall.kernel.i18n import N_
from tradehall.trading import subscription_queries as queries
from tradehall.trading.actions import Placed
from tradehall.trading.errors import SubscriptionNotFound
from tradehall.trading.possibilities import BuyerVerb, Possibilities, next_quantity, possibilities
from tradehall.trading.pricing import TermQuote, WayToBuy
from tradehall.trading.subscription_queries import UpgradeWay
from tradehall.trading.subscriptions import Renewal, changes
from tradehall.trading.terms import Subscription
from tradehall.web.common import (
    NOT_A_CHOICE,
    Form,
    PageResponse,
    WebRequest,
    id_from,
    page,
    perform,
    read_form,
    reading,
    said_of,
    texts,
)
from tradehall.web.labels import standing
from tradehall.web.orders import price_lines

BUYERS = [only("buyer")]
Verb = Literal["renew", "convert", "change"]
VERBS: tuple[Verb, ...] = ("renew", "convert", "change")
# The page's heading, what it says below, and the button that orders (message ids).
WORDS: dict[Verb, tuple[str, str, str]] = {
    "renew": (
        N_("Renew"),
        N_("The new term begins where the present one ends, also when that is past."),
        N_("Order the renewal"),
    ),
    "convert": (
        N_("Convert the trial"),
        N_("You keep the application and all that is in it; the paid term begins as the trial ends."),
        N_("Order the conversion"),
    ),
    "change": (
        N_("Upgrade or expand"),
        N_("Takes effect as soon as the seller has carried it out; the end of the term stays what it is."),
        N_("Order the upgrade"),
    ),
}


class Chosen(msgspec.Struct, frozen=True):
    """What was chosen of what can be had, and what it costs: without a `quote`, `form.errors` or `problem` say why."""

    verb: Verb
    held: Subscription
    can: Possibilities
    ways: list[WayToBuy] | list[UpgradeWay]
    way: WayToBuy | UpgradeWay | None
    quantity: int
    period_number: int
    quote: TermQuote | None
    problem: Problem | None

    @property
    def longest(self) -> int:
        return LONGEST_PERIOD[self.way.period_type] if isinstance(self.way, WayToBuy) else 1

    @property
    def least(self) -> int:
        """The smallest quantity that can be chosen; what is expanded only grows."""
        assert self.way
        return next_quantity(self.held, self.way) if self._expands else self.way.quantity_min

    @property
    def step(self) -> int:
        assert self.way
        factor = self.way.step_factor if self._expands and isinstance(self.way, UpgradeWay) else 1
        return self.way.quantity_step * factor

    @property
    def _expands(self) -> bool:
        return isinstance(self.way, UpgradeWay) and self.way.sku_id == self.held.sku_id

    @property
    def counted(self) -> bool:
        """Whether there is a quantity to choose."""
        return self.way is not None and self.way.quantity_min != self.way.quantity_max and not self.fixed

    @property
    def fixed(self) -> bool:
        """Whether specification and quantity stay what they are."""
        return self.verb == "renew" and not self.can.allows("change_at_renewal")

    @property
    def asks_seller(self) -> bool:
        return self.verb == "renew" and self.quote is not None and changes(self.held, self.quote)


async def held_by(reader: Reader, request: WebRequest, subscription_id: UUID) -> Subscription:
    """What the organisation has. Raises SubscriptionNotFound."""
    held = await queries.subscription(reader, request.user.actor, subscription_id)
    if held is None:
        raise SubscriptionNotFound
    return held


async def what_can_be_done(reader: Reader, request: WebRequest, held: Subscription) -> Possibilities:
    installation = installation_of(request)
    return await possibilities(reader, request.user.actor, held, installation.subscriptions, installation.ending)


async def _choose(reader: Reader, request: WebRequest, verb: Verb, held: Subscription, form: Form) -> Chosen:
    can = await what_can_be_done(reader, request, held)
    ways = _ways(verb, held, can)
    key = "sku" if verb == "change" else "price"
    way = _picked(ways, form.value(key), held, verb)
    if way is None and form.value(key):
        form.fail(key, NOT_A_CHOICE)
        way = _picked(ways, "", held, verb)
    if way and form.value("quantity_of") not in ("", str(way.sku_id)):
        form.values.pop("quantity", None)  # it was meant for the specification chosen before
    quantity = _quantity(verb, held, way, form)
    number = form.integer("period_number") if "period_number" in form.values and verb != "change" else 1
    chosen = Chosen(verb, held, can, ways, way, quantity, number, None, can.verbs.get(cast("BuyerVerb", verb)))
    if way is None or form.errors or chosen.problem or verb not in can.verbs:
        return chosen
    try:
        quote = await _quote(reader, request, chosen)
    except Invalid as problem:
        form.take(problem)
        return chosen
    except Problem as problem:
        return msgspec.structs.replace(chosen, problem=problem)
    return msgspec.structs.replace(chosen, quote=quote)


def _ways(verb: Verb, held: Subscription, can: Possibilities) -> list[WayToBuy] | list[UpgradeWay]:
    if verb == "change":
        return can.upgrades
    if not can.allows("change_at_renewal"):
        return [way for way in can.ways if way.sku_id == held.sku_id]
    return can.ways


def _picked(
    ways: list[WayToBuy] | list[UpgradeWay], text: str, held: Subscription, verb: Verb
) -> WayToBuy | UpgradeWay | None:
    """The way an id names; without one the way it was bought, or that leads on."""
    if verb == "change":
        named = {str(way.sku_id): way for way in ways}
        first = next((way for way in ways if way.sku_id == held.sku_id), ways[0] if ways else None)
    else:
        named = {str(way.price_id): way for way in ways if isinstance(way, WayToBuy)}
        first = named.get(str(held.price_id), ways[0] if ways else None)
    return named.get(text) if text else first


def _quantity(verb: Verb, held: Subscription, way: WayToBuy | UpgradeWay | None, form: Form) -> int:
    if "quantity" in form.values:
        return form.integer("quantity")
    if way is None or (way.sku_id == held.sku_id and verb != "change"):
        return held.quantity
    return next_quantity(held, way)


async def _quote(reader: Reader, request: WebRequest, chosen: Chosen) -> TermQuote:
    verbs, actor, held = installation_of(request).subscriptions, request.user.actor, chosen.held
    assert chosen.way
    if chosen.verb == "change":
        return await verbs.quote_change(reader, actor, held.id, chosen.way.sku_id, chosen.quantity)
    if chosen.verb == "convert":
        return await verbs.quote_conversion(reader, actor, held.id, _renewal(chosen))
    return await verbs.quote_renewal(reader, actor, held.id, _renewal(chosen))


def _renewal(chosen: Chosen) -> Renewal:
    assert isinstance(chosen.way, WayToBuy)
    return Renewal(chosen.period_number, chosen.way.price_id, chosen.quantity)


def _told(request: WebRequest, chosen: Chosen, form: Form) -> dict[str, Any]:
    words, quote = texts(request), chosen.quote
    title, hint, button = WORDS[chosen.verb]
    return {
        "chosen": chosen,
        "held": chosen.held,
        "form": form,
        "way": chosen.way,
        "quote": quote,
        "lines": price_lines(quote.steps, quote.currency, words) if quote else [],
        "title": title,
        "hint": hint,
        "button": button,
        "too_early": _why_no_change(request, chosen),
        "action": f"/buyer/applications/{chosen.held.id}/{chosen.verb}",
        "standing": standing,
        "query": {
            "sku": chosen.way.sku_id if chosen.verb == "change" and chosen.way else None,
            "price": chosen.way.price_id if isinstance(chosen.way, WayToBuy) else None,
            "quantity": chosen.quantity,
            "period_number": chosen.period_number if chosen.verb != "change" else None,
        },
    }


def _why_no_change(request: WebRequest, chosen: Chosen) -> str:
    """Why a renewal cannot bring another specification or quantity, where that would make sense."""
    problem = chosen.can.verbs.get("change_at_renewal")
    return said_of(request, problem) if problem and chosen.verb == "renew" else ""


def _choosing(request: WebRequest, chosen: Chosen, form: Form, problem: Problem | None = None) -> PageResponse:
    problem = problem or chosen.problem
    return page(
        request,
        "buyer/term_choose.html",
        **_told(request, chosen, form),
        problem=said_of(request, problem) if problem else "",
    )


def _confirming(request: WebRequest, chosen: Chosen, form: Form, problem: Problem | None = None) -> PageResponse:
    return page(
        request,
        "buyer/term_confirm.html",
        **_told(request, chosen, form),
        stale=said_of(request, problem) if problem else "",
    )


def known(text: str) -> UUID:
    try:
        return id_from(text)
    except Problem:
        raise SubscriptionNotFound from None


def _handlers(verb: Verb) -> list[Any]:
    """The pages of one verb."""
    path = f"/buyer/applications/{{instance_id:str}}/{verb}"

    @get(path, guards=BUYERS, name=f"{verb} choose")
    async def choose(request: WebRequest, instance_id: str) -> PageResponse:
        form = Form(request, list(request.query_params.multi_items()))
        async with reading(request) as reader:
            held = await held_by(reader, request, known(instance_id))
            chosen = await _choose(reader, request, verb, held, form)
        return _choosing(request, chosen, form)

    @get(f"{path}/confirm", guards=BUYERS, name=f"{verb} confirm")
    async def confirm(request: WebRequest, instance_id: str) -> PageResponse:
        form = Form(request, list(request.query_params.multi_items()))
        async with reading(request) as reader:
            held = await held_by(reader, request, known(instance_id))
            chosen = await _choose(reader, request, verb, held, form)
        return _confirming(request, chosen, form) if chosen.quote else _choosing(request, chosen, form)

    @post(path, guards=BUYERS, status_code=200, name=f"{verb} order")
    async def order(request: WebRequest, instance_id: str) -> PageResponse:
        form = await read_form(request)
        wanted = known(instance_id)
        async with reading(request) as reader:
            held = await held_by(reader, request, wanted)
        price = form.uuid("sku" if verb == "change" else "price")
        quantity, expected = form.integer("quantity"), form.integer("expected_total")
        number = form.integer("period_number") if verb != "change" else 1
        verbs = installation_of(request).subscriptions

        async def action(tx: Tx) -> Placed:
            if verb == "change":
                return await verbs.change(tx, wanted, price, quantity, expected_total=expected)
            renewal = Renewal(number, price, quantity)
            place = verbs.convert if verb == "convert" else verbs.renew
            return await place(tx, wanted, renewal, expected_total=expected)

        async def again(problem: Problem | None) -> PageResponse:
            async with reading(request) as reader:
                chosen = await _choose(reader, request, verb, held, form)
            if chosen.quote and isinstance(problem, Conflict):
                return _confirming(request, chosen, form, problem)
            return _choosing(request, chosen, form, None if isinstance(problem, Invalid) else problem)

        if form.errors:
            return await again(None)
        return await perform(
            request, action, to=lambda placed: f"/buyer/orders/{placed.number}/pay", form=form, again=again
        )

    return [choose, confirm, order]


handlers: list[Any] = [handler for verb in VERBS for handler in _handlers(verb)]
