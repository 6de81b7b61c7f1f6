"""What a buyer needs to know when they come in: what waits for them, what is under way, what they use."""

from typing import Any

import msgspec
from litestar import get

from tradehall.edge.access import only
from tradehall.kernel.paging import PageRequest
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.standing import NextStep
from tradehall.trading import queries
from tradehall.trading.model import Order
from tradehall.trading.queries import OrderFilter
from tradehall.web.buyer.orders import follow
from tradehall.web.buyer.standing import next_title
from tradehall.web.common import PageResponse, WebRequest, page, reading
from tradehall.web.labels import INSTANCE_STATES, ORDER_STATES

FEW = 5


class UnderWay(msgspec.Struct, frozen=True):
    """An order in process and what happens next with it."""

    order: Order
    step: NextStep
    title: str
    tone: str


@get("/buyer", guards=[only("buyer")])
async def overview(request: WebRequest) -> PageResponse:
    """Unpaid orders, orders under way with whose turn it is, recent applications."""
    actor = request.user.actor
    async with reading(request) as reader:
        counts = await queries.open_counts(reader, actor)
        unpaid = await queries.orders(reader, actor, PageRequest(limit=FEW), OrderFilter(state="pending_payment"))
        processing = await queries.orders(reader, actor, PageRequest(limit=FEW), OrderFilter(state="processing"))
        due = [await queries.order(reader, actor, row.number) for row in unpaid.items]
        under_way = [await follow(reader, request, row.number) for row in processing.items]
        applications = await provisioning.instances(reader, actor, PageRequest(limit=6))
        recent = await queries.orders(reader, actor, PageRequest(limit=FEW), OrderFilter())
    return page(
        request,
        "buyer/overview.html",
        counts=counts,
        unpaid=[order for order in due if order],
        under_way=[UnderWay(one.order, one.step, *next_title(one.step)) for one in under_way],
        applications=applications.items,
        recent=recent.items,
        states=ORDER_STATES,
        instance_states=INSTANCE_STATES,
    )


handlers: list[Any] = [overview]
