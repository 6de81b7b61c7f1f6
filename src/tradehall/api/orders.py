"""Orders as buyers place, pay and follow them."""

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    installation_of_app,
    wanted_page,
    write,
)
from tradehall.edge.access import anyone_signed_in, only
from tradehall.kernel.db import Tx
from tradehall.kernel.paging import Page
from tradehall.trading import actions, queries
from tradehall.trading.errors import OrderNotFound
from tradehall.trading.model import Order, OrderRow, OrderState
from tradehall.trading.queries import OrderFilter

LONGEST_WAIT = 30.0


class PlaceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to order: a price of the catalogue, how many, and for how many periods where it is sold by the period.

    With `expected_total` (minor units) the order is refused if the price has changed since it was looked at.
    """

    price_id: UUID
    quantity: int = 1
    period_number: int | None = None
    expected_total: int | None = None


class PayOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay. The test gateway of a sandbox knows "balance" and "declined_card"."""

    instrument: str = "balance"


class PlacedOrder(msgspec.Struct, frozen=True):
    """A new order."""

    id: UUID
    number: str


class OrderStanding(msgspec.Struct, frozen=True):
    """An order after something was done to it."""

    number: str
    state: OrderState


@post("/", guards=[only("buyer")], status_code=201)
async def place(request: ApiRequest, data: PlaceOrder, idempotency_key: IdempotencyKey = None) -> PlacedOrder:
    """Place an order for your organisation; it waits for payment."""

    async def action(tx: Tx) -> PlacedOrder:
        placed = await actions.place(
            tx,
            price_id=data.price_id,
            quantity=data.quantity,
            period_number=data.period_number,
            expected_total=data.expected_total,
            unpaid_ttl=installation_of_app(request).settings.unpaid_order_ttl,
        )
        return PlacedOrder(placed.id, placed.number)

    return await write(request, PlacedOrder, idempotency_key, action, data)


@post("/{number:str}/pay", guards=[only("buyer")], status_code=200)
async def pay(
    request: ApiRequest, number: str, data: PayOrder, idempotency_key: IdempotencyKey = None
) -> OrderStanding:
    """Pay an order. Paying a paid order again changes nothing."""

    async def action(tx: Tx) -> OrderStanding:
        await actions.pay(tx, installation_of_app(request).gateway, number=number, instrument=data.instrument)
        return OrderStanding(number, "processing")

    return await write(request, OrderStanding, idempotency_key, action, data)


@post("/{number:str}/cancel", guards=[only("buyer")], status_code=200)
async def cancel(request: ApiRequest, number: str, idempotency_key: IdempotencyKey = None) -> OrderStanding:
    """Give up an unpaid order."""

    async def action(tx: Tx) -> OrderStanding:
        await actions.cancel(tx, number=number)
        return OrderStanding(number, "cancelled")

    return await write(request, OrderStanding, idempotency_key, action)


@get("/", guards=[anyone_signed_in])
async def orders(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    order_state: Annotated[OrderState | None, QueryParameter(name="state")] = None,
    q: Annotated[str, QueryParameter(description="Beginning of a number, or part of a name.")] = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[OrderRow]:
    """The orders of your organisation, newest first; operators see all."""
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.orders(
            reader, request.user.actor, wanted, OrderFilter(state=order_state, text=q, since=since, until=until)
        )


@get("/{number:str}", guards=[anyone_signed_in])
async def order(
    request: ApiRequest,
    number: str,
    wait: Annotated[
        float, QueryParameter(ge=0, le=LONGEST_WAIT, description="Seconds to wait for an open order to be settled.")
    ] = 0,
) -> Order:
    """One order. With `wait`, answers as soon as it is completed or cancelled, or when the time is over."""
    found = await _read(request, number)
    if not wait or found.state not in ("pending_payment", "processing"):
        return found
    with installation_of_app(request).watching(found.id) as moved:
        # Read again now that nothing can be missed any more.
        found = await _read(request, number)
        if found.state in ("pending_payment", "processing"):
            try:
                await asyncio.wait_for(moved.wait(), wait)
            except TimeoutError:
                return found
            found = await _read(request, number)
    return found


async def _read(request: ApiRequest, number: str) -> Order:
    async with installation_of_app(request).db.read() as reader:
        found = await queries.order(reader, request.user.actor, number)
    if found is None:
        raise OrderNotFound
    return found


router = Router("/orders", route_handlers=[place, pay, cancel, orders, order], tags=["Orders"])
