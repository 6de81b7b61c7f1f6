"""Supervised orders in lists: all of one's own, those whose turn it is, how many; and the tables they move by."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    Limit,
    Moment,
    NumberBegins,
    OverdueOnly,
    installation_of_app,
    texts_for,
    wanted_page,
)
from tradehall.api.supervision.told import FlowTable, SupervisedOrder, told_order, told_table
from tradehall.edge.access import anyone_signed_in
from tradehall.kernel.paging import Page
from tradehall.supervision import queries
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.disputes.queries import pressing
from tradehall.supervision.flow import Side
from tradehall.supervision.flows import all_flows
from tradehall.supervision.model import State
from tradehall.supervision.queries import Counts, FlowFilter

MOST_WAITING = 100


class WorkQueue(msgspec.Struct, frozen=True):
    """The supervised orders in which it is your side's turn, the soonest due first; at most a hundred."""

    items: list[SupervisedOrder]


class FlowTables(msgspec.Struct, frozen=True):
    """Every flow there is, by type and version, and what disputes go by."""

    items: list[FlowTable]


@get("/", guards=[anyone_signed_in])
async def list_supervised_orders(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    flow_state: Annotated[State | None, QueryParameter(name="state", description="Only those in this state.")] = None,
    turn: Annotated[Side | None, QueryParameter(description="Only those in which it is this side's turn.")] = None,
    overdue: OverdueOnly = False,
    delivery_type: Annotated[str, QueryParameter(description="Only those delivered so.")] = "",
    node: Annotated[str, QueryParameter(description="Only those that stand at this node.")] = "",
    number: NumberBegins = "",
    product: Annotated[str, QueryParameter(description="Part of a product's name.")] = "",
    since: Moment = None,
    until: Moment = None,
) -> Page[SupervisedOrder]:
    """List supervised orders.

    Buyers see those of their organisation, sellers those paid to theirs, operators all. Newest first; `since` and
    `until` bound the time of payment.
    """
    wanted, texts = wanted_page(limit, after, before), texts_for(request)
    narrowed = FlowFilter(flow_state, turn, delivery_type, node, number, product, overdue, since, until)
    async with installation_of_app(request).db.read() as reader:
        found = await queries.flows(reader, request.user.actor, wanted, narrowed)
        waits = await pressing(reader, [row.id for row in found.items if row.frozen_at])
        told = [told_order(row, texts, reader.now, waits.get(row.id)) for row in found.items]
        return Page(told, found.next, found.previous)


@get("/queue", guards=[anyone_signed_in])
async def list_my_turns(request: ApiRequest) -> WorkQueue:
    """List supervised orders that wait for your side.

    The soonest due first, so that what is overdue stands at the top.
    """
    texts = texts_for(request)
    async with installation_of_app(request).db.read() as reader:
        rows = await queries.work_queue(reader, request.user.actor, MOST_WAITING)
        return WorkQueue([told_order(row, texts, reader.now) for row in rows])


@get("/counts", guards=[anyone_signed_in])
async def count_supervised_orders(request: ApiRequest) -> Counts:
    """Count supervised orders.

    By state, and how many wait for your side (`mine`) or for anybody who is late (`overdue`).
    """
    async with installation_of_app(request).db.read() as reader:
        return await queries.counts(reader, request.user.actor)


@get("/flows", guards=[anyone_signed_in])
async def list_flows(request: ApiRequest) -> FlowTables:
    """List the flows of supervision.

    The tables by which supervised orders move: per delivery type and version its nodes, who acts there, by which verbs,
    what these require, and where they lead; and those of appeals, refunds and returns.
    """
    return FlowTables([told_table(flow) for flow in (*all_flows(), *PROCEDURES.values())])
