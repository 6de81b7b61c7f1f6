"""Appeals, refunds and returns in lists, in all three consoles: what waits for whom, and what came of it."""

from typing import Any, Literal, get_args

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import only
from tradehall.kernel.db import Reader
from tradehall.kernel.i18n import N_
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, page_request
from tradehall.supervision.disputes import queries
from tradehall.supervision.disputes.model import KINDS as KIND_KEYS
from tradehall.supervision.disputes.queries import MOST_COUNTED, Counts, DisputeFilter, DisputeRow, State
from tradehall.supervision.disputes.steps import Outcome
from tradehall.supervision.flow import Side, Verb
from tradehall.supervision.turns import queue_request
from tradehall.trading.queries import SHORTEST_NUMBER
from tradehall.web.common import PageResponse, WebRequest, chosen, day, page, reading, texts
from tradehall.web.desks import FEW, MINE, TURNS, Desk, Wanted, desk_of, typed_in
from tradehall.web.disputes.words import KINDS, OUTCOMES, SHORT_OUTCOMES

View = Literal["mine", "open", "overdue", "closed", "all"]
VIEWS: dict[View, str] = {
    "mine": N_("My turn"),
    "open": N_("Under way"),
    "overdue": N_("Overdue"),
    "closed": N_("Closed"),
    "all": N_("All"),
}
_STATE_OF: dict[View, State] = {"mine": "mine", "open": "open", "overdue": "open", "closed": "closed"}
# What has no outcome yet, and what is not late any more.
_WITHOUT_OUTCOME: tuple[View, ...] = ("mine", "open", "overdue")
_WITHOUT_DEADLINE: tuple[View, ...] = ("overdue", "closed")
WantedDisputes = Wanted[View, DisputeFilter]


DESKS: dict[Side, Desk] = {
    "buyer": Desk(
        "/buyer",
        "disputes",
        "buyer",
        N_("Refunds and appeals"),
        N_("My marketplace"),
        N_("Your refunds and returns, and what the marketplace decides between you and a seller."),
    ),
    "seller": Desk(
        "/seller",
        "disputes",
        "seller",
        N_("Refunds and appeals"),
        N_("Transactions"),
        N_("Buyers' refunds and returns, and what the marketplace decides between you and a buyer."),
    ),
    "platform": Desk(
        "/operator",
        "disputes",
        "platform",
        N_("Appeals desk"),
        "",
        N_("What buyers and sellers cannot settle by themselves, by deadline; what waits for you comes first."),
    ),
}


def wanted_of(request: WebRequest) -> WantedDisputes:
    """Reads the address. What it says that there is not is left out; filters without a view search all."""
    view = chosen(request, "view", list(VIEWS))
    kind = chosen(request, "kind", KIND_KEYS)
    outcome = None if view in _WITHOUT_OUTCOME else chosen(request, "outcome", get_args(Outcome))
    typed = {
        **typed_in(request, with_deadline=view not in _WITHOUT_DEADLINE),
        "kind": kind or "",
        "outcome": outcome or "",
    }
    if view is None:
        view = "all" if any(typed.values()) else "mine"
    only_these = DisputeFilter(
        state=_STATE_OF.get(view),
        kind=kind,
        outcome=outcome,
        number=typed["number"],
        overdue=view == "overdue" or bool(typed["overdue"]),
        since=day(request, "from"),
        until=day(request, "to", after=True),
    )
    return Wanted(view, only_these, typed, by_deadline=view in ("mine", "open") or only_these.overdue)


async def found(
    reader: Reader, viewer: Actor, wanted: WantedDisputes, after: str | None, before: str | None
) -> Page[DisputeRow]:
    """A page of what an address asks for. Raises Invalid for a cursor that is none."""
    if wanted.by_deadline:
        return await queries.queue(reader, viewer, queue_request(None, after, before), wanted.only)
    return await queries.disputes(reader, viewer, page_request(None, after, before), wanted.only)


def main_step(row: DisputeRow, side: str) -> Verb | None:
    """What somebody of this side has to do in a dispute now, where that is one thing; None where it is not their turn,
    or theirs to choose among many."""
    if not row.waits_for(side) or row.node == "investigation":
        return None
    own = (side, "party")
    return next((verb for verb in row.at.verbs if row.at.by(verb) in own and verb.timer is None), None)


def whose_turn(row: DisputeRow, side: str) -> str:
    """The message id of whose turn it is, as somebody of this side reads it; "" where nobody can act."""
    if row.finished_at or row.paused_at:
        return ""
    return MINE if row.waits_for(side) else TURNS[row.turn]


def counted(counts: Counts) -> dict[View, int]:
    """How many each view holds; as many as are counted at most stand for more."""
    return {
        "mine": counts.mine,
        "open": counts.open,
        "overdue": counts.overdue,
        "closed": counts.closed,
        "all": min(counts.open + counts.closed, MOST_COUNTED),
    }


class Waiting(msgspec.Struct, frozen=True):
    """What of a side's disputes its overview shows: the few that are due first, and how many there are in all."""

    rows: list[DisputeRow]
    count: int
    desk: Desk


async def waiting(reader: Reader, viewer: Actor) -> Waiting:
    """The disputes in which it is the viewer's turn, the overdue ones first, for the first page of their console."""
    rows = await queries.work_queue(reader, viewer, FEW)
    count = (await queries.counts(reader, viewer)).mine if len(rows) == FEW else len(rows)
    return Waiting(rows, count, desk_of(viewer, DESKS.values()))


def list_handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """The lists of one console."""

    @get(desk.path, guards=[only(desk.side)])
    async def disputes(request: WebRequest) -> PageResponse:
        """Disputes by view, and narrowed by what stands in the address."""
        actor, words, wanted = request.user.actor, texts(request), wanted_of(request)
        asked = request.query_params
        async with reading(request) as reader:
            rows = await found(reader, actor, wanted, asked.get("after"), asked.get("before"))
            counts = counted(await queries.counts(reader, actor))
        outcomes = [] if wanted.view in _WITHOUT_OUTCOME else SHORT_OUTCOMES.items()
        return page(
            request,
            "disputes/list.html",
            desk=desk,
            wanted=wanted,
            typed=wanted.typed,
            filtered=any(wanted.typed.values()),
            rows=rows,
            counts=counts,
            most=MOST_COUNTED,
            views=VIEWS,
            kinds=[(kind, words.lookup(label)) for kind, label in KINDS.items()],
            outcomes=[(key, words.lookup(label)) for key, label in outcomes],
            with_deadline=wanted.view not in _WITHOUT_DEADLINE,
            shortest=SHORTEST_NUMBER,
            main_step=main_step,
            whose_turn=whose_turn,
            short_outcomes=SHORT_OUTCOMES,
            outcome_tones={key: tone for key, (_, tone) in OUTCOMES.items()},
        )

    return [disputes]


handlers: list[Any] = [handler for desk in DESKS.values() for handler in list_handlers(desk)]
