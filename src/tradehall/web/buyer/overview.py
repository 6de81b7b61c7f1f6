"""What a buyer needs to know when they come in: what waits for them, what is under way, what they use."""

from datetime import timedelta
from typing import Any

import msgspec
from litestar import get

from tradehall.edge.access import installation_of, only
from tradehall.kernel.paging import PageRequest
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.ahead import Ahead, what_is_ahead
from tradehall.provisioning.steps import NextStep
from tradehall.trading import queries
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.model import Order
from tradehall.trading.queries import OrderFilter
from tradehall.trading.terms import Subscription
from tradehall.web.buyer.orders import follow
from tradehall.web.buyer.standing import next_title
from tradehall.web.common import PageResponse, WebRequest, page, reading, seat_of
from tradehall.web.disputes.lists import main_step, waiting
from tradehall.web.labels import ORDER_STATES, ORDER_TYPES, standing
from tradehall.web.supervision.lists import duties, main_verb

FEW = 5
SOON = timedelta(days=30)


class UnderWay(msgspec.Struct, frozen=True):
    """An order in process and what happens next with it."""

    order: Order
    step: NextStep
    title: str
    tone: str


class Expiring(msgspec.Struct, frozen=True):
    """An application whose term nears its end, or is over, and what becomes of it next."""

    held: Subscription
    next: Ahead
    label: str
    tone: str


@get("/buyer", guards=[only("buyer")])
async def overview(request: WebRequest) -> PageResponse:
    """Unpaid orders, orders under way with whose turn it is, recent applications."""
    actor = request.user.actor
    async with reading(request) as reader:
        counts = await queries.open_counts(reader, actor)
        unpaid = await queries.orders(reader, actor, PageRequest(limit=FEW), OrderFilter(state="pending_payment"))
        processing = await queries.orders(reader, actor, PageRequest(limit=FEW), OrderFilter(state="processing"))
        due = [await follow(reader, request, row.number) for row in unpaid.items]
        under_way = [await follow(reader, request, row.number) for row in processing.items]
        applications = await provisioning.instances(reader, actor, PageRequest(limit=6))
        expiring = await subscriptions.expiring(reader, seat_of(request).organisation_id, reader.now + SOON, FEW)
        mine = await duties(reader, actor, installation_of(request).settings)
        disputed = await waiting(reader, actor)
        recent = await queries.orders(reader, actor, PageRequest(limit=FEW), OrderFilter())
    return page(
        request,
        "buyer/overview.html",
        counts=counts,
        duties=mine,
        main_verb=main_verb,
        disputed=disputed,
        main_step=main_step,
        unpaid=[one.order for one in due if one.step.turn == "buyer"],
        # What the seller has to allow first cannot be paid yet; what waits for the buyer's act is among the duties.
        under_way=[
            UnderWay(one.order, one.step, *next_title(one.step))
            for one in (*due, *under_way)
            if one.step.turn != "buyer"
        ],
        types=ORDER_TYPES,
        applications=applications.items,
        recent=recent.items,
        expiring=[
            Expiring(one, what_is_ahead(one, installation_of(request).settings)[0], *standing(one)[1:])
            for one in expiring
        ],
        states=ORDER_STATES,
        standing=standing,
    )


handlers: list[Any] = [overview]
