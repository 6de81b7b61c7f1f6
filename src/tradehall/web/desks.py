"""Desks: the lists of one kind of work in all three consoles, with a view in each tab and filters in the address."""

from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from tradehall.kernel.i18n import N_
from tradehall.kernel.journal import Actor
from tradehall.supervision.disputes.model import Turn
from tradehall.supervision.flow import Side
from tradehall.trading.queries import SHORTEST_NUMBER
from tradehall.web.common import WebRequest, day, searched

V = TypeVar("V")
F = TypeVar("F")

# How many of what waits for somebody the first page of their console shows.
FEW = 5
# Whose turn it is, as it stands in a table.
TURNS: dict[Turn, str] = {
    "buyer": N_("Buyer"),
    "seller": N_("Seller"),
    "platform": N_("The marketplace"),
    "parties": N_("Both sides"),
}
MINE = N_("Yours")


class Desk(msgspec.Struct, frozen=True):
    """The lists of one console: where they are, for whom, what they are called and what above them."""

    base: str
    place: str
    side: Side
    title: str
    above: str
    hint: str

    @property
    def path(self) -> str:
        return f"{self.base}/{self.place}"


def desk_of(viewer: Actor, desks: Iterable[Desk]) -> Desk:
    """The viewer's own."""
    return next(desk for desk in desks if desk.side == viewer.kind)


class Wanted(msgspec.Struct, Generic[V, F], frozen=True):
    """What an address asks for. `typed` are its filters as they stand in it, without the view; with `by_deadline` what
    is due first comes first, instead of the newest."""

    view: V
    only: F
    typed: dict[str, str]
    by_deadline: bool

    @property
    def short(self) -> bool:
        """Whether an order's number was begun that is too short to be looked for."""
        return 0 < len(self.typed["number"]) < SHORTEST_NUMBER


def typed_in(request: WebRequest, *, with_deadline: bool) -> dict[str, str]:
    """The filters that every desk has, as they stand in the address; what it says that there is not is left out."""
    asked = request.query_params
    return {
        "number": searched(request, "number"),
        "overdue": "1" if with_deadline and asked.get("overdue") == "1" else "",
        "from": asked.get("from", "") if day(request, "from") else "",
        "to": asked.get("to", "") if day(request, "to", after=True) else "",
    }
