"""Supervised orders in lists, in all three consoles: whose turn it is, what is under way, late, and over."""

from typing import Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import only
from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import DEFAULT_LIMIT, Page, page_request
from tradehall.settings import Settings
from tradehall.supervision import pressure, queries
from tradehall.supervision.conversation import queries as message_queries
from tradehall.supervision.conversation.queries import UnreadCase
from tradehall.supervision.disputes.queries import pressing
from tradehall.supervision.flow import SIDES, Verb
from tradehall.supervision.model import FlowRow, State
from tradehall.supervision.queries import MOST_COUNTED, Counts, FlowFilter
from tradehall.supervision.turns import queue_request
from tradehall.trading.queries import SHORTEST_NUMBER
from tradehall.web.common import PageResponse, WebRequest, chosen, day, page, reading, searched, texts
from tradehall.web.desks import FEW, MINE, TURNS, Desk, Wanted, desk_of, typed_in
from tradehall.web.disputes.words import KINDS
from tradehall.web.labels import ORDER_STATES
from tradehall.web.supervision.words import DESKS, VIEWS, View, node_options, type_options

_STATE_OF: dict[View, State] = {"open": "open", "completed": "completed", "cancelled": "cancelled"}
# In these views it is already said whose turn it is, or there is none.
_WITHOUT_TURN: tuple[View, ...] = ("mine", "completed", "cancelled")
_WITHOUT_DEADLINE: tuple[View, ...] = ("overdue", "completed", "cancelled")
_WITHOUT_NODE: tuple[View, ...] = ("completed",)
WantedFlows = Wanted[View, FlowFilter]


def wanted_of(request: WebRequest, desk: Desk) -> WantedFlows:
    """Reads the address. What it says that there is not is left out; filters without a view search all."""
    view = chosen(request, "view", list(VIEWS))
    delivery_type = chosen(request, "type", [key for key, _ in type_options(texts(request))]) or ""
    nodes = [] if view in _WITHOUT_NODE else [key for key, _ in node_options(texts(request), delivery_type)]
    turn = None if view in _WITHOUT_TURN else chosen(request, "turn", SIDES)
    typed = {
        **typed_in(request, with_deadline=view not in _WITHOUT_DEADLINE),
        "product": searched(request, "product"),
        "type": delivery_type,
        "node": chosen(request, "node", nodes) or "",
        "turn": turn or "",
    }
    if view is None:
        view = "all" if any(typed.values()) else "mine"
    only_these = FlowFilter(
        state=_STATE_OF.get(view),
        turn=desk.side if view == "mine" else turn,
        mine=view == "mine",
        delivery_type=typed["type"],
        node=typed["node"],
        number=typed["number"],
        product=typed["product"],
        overdue=view == "overdue" or bool(typed["overdue"]),
        since=day(request, "from"),
        until=day(request, "to", after=True),
    )
    return Wanted(view, only_these, typed, by_deadline=bool(only_these.turn or only_these.overdue))


async def found(
    reader: Reader,
    viewer: Actor,
    wanted: WantedFlows,
    after: str | None = None,
    before: str | None = None,
    limit: int | None = None,
) -> Page[FlowRow]:
    """A page of what an address asks for. Raises Invalid for a cursor that is none."""
    if wanted.by_deadline:
        queued = msgspec.structs.replace(queue_request(None, after, before), limit=limit or DEFAULT_LIMIT)
        return await queries.queue(reader, viewer, queued, wanted.only)
    listed = msgspec.structs.replace(page_request(None, after, before), limit=limit or DEFAULT_LIMIT)
    return await queries.flows(reader, viewer, listed, wanted.only)


def main_verb(row: FlowRow, side: str) -> Verb | None:
    """What somebody of this side has to do with an order now; None where it is not their turn."""
    if row.turn != side or row.state != "open" or row.frozen_at:
        return None
    return next((verb for verb in row.at.verbs if row.at.by(verb) == side), None)


def whose_turn(row: FlowRow, side: str) -> str:
    """The message id of whose turn it is, as somebody of this side reads it; "" where nobody can act."""
    if row.frozen_at or not row.turn:
        return ""
    return MINE if row.turn == side else TURNS[row.turn]


def counted(counts: Counts) -> dict[View, int]:
    """How many each view holds, where that is known; as many as are counted at most stand for more."""
    parts = (counts.open, counts.completed, counts.cancelled)
    return {
        "mine": counts.mine,
        "open": counts.open,
        "overdue": counts.overdue,
        "completed": counts.completed,
        "cancelled": counts.cancelled,
        "all": min(sum(parts), MOST_COUNTED),
    }


class Duties(msgspec.Struct, frozen=True):
    """What of a side's work its overview shows: the few that are due first, and how many there are in all; the orders
    with unread messages; and, to the platform, how many have been late for so long that it is told of them."""

    rows: list[FlowRow]
    count: int
    desk: Desk
    unread: list[UnreadCase]
    unread_count: int
    late: int


async def duties(reader: Reader, viewer: Actor, settings: Settings) -> Duties:
    """The supervised orders in which it is the viewer's turn, for the first page of their console."""
    rows = await queries.work_queue(reader, viewer, FEW)
    count = (await queries.counts(reader, viewer)).mine if len(rows) == FEW else len(rows)
    unread = await message_queries.unread_cases(reader, viewer, FEW)
    unread_count = await message_queries.unread_count(reader, viewer) if unread else 0
    late = await pressure.long_overdue(reader, settings) if viewer.kind == "platform" else 0
    return Duties(rows, count, desk_of(viewer, DESKS.values()), unread, unread_count, late)


def list_handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """The lists of one console."""

    @get(desk.path, guards=[only(desk.side)])
    async def supervised(request: WebRequest) -> PageResponse:
        """Supervised orders by view, and narrowed by what stands in the address."""
        actor, words, wanted = request.user.actor, texts(request), wanted_of(request, desk)
        asked = request.query_params
        async with reading(request) as reader:
            rows = await found(reader, actor, wanted, asked.get("after"), asked.get("before"))
            counts = counted(await queries.counts(reader, actor))
            unread = await message_queries.unread_of(reader, actor, [row.id for row in rows.items])
            disputed = await pressing(reader, [row.id for row in rows.items if row.frozen_at])
        return page(
            request,
            "supervision/list.html",
            desk=desk,
            wanted=wanted,
            typed=wanted.typed,
            filtered=any(wanted.typed.values()),
            rows=rows,
            unread=unread,
            counts=counts,
            most=MOST_COUNTED,
            views=VIEWS,
            types=type_options(words),
            nodes=[] if wanted.view in _WITHOUT_NODE else node_options(words, wanted.typed["type"]),
            turns=[] if wanted.view in _WITHOUT_TURN else [(side, words.lookup(TURNS[side])) for side in SIDES],
            with_deadline=wanted.view not in _WITHOUT_DEADLINE,
            shortest=SHORTEST_NUMBER,
            states=ORDER_STATES,
            main_verb=main_verb,
            whose_turn=whose_turn,
            disputed=disputed,
            dispute_kinds=KINDS,
            all_turns=TURNS,
            mine=MINE,
        )

    return [supervised]


handlers: list[Any] = [handler for desk in DESKS.values() for handler in list_handlers(desk)]
