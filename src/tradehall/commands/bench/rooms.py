"""What the rooms of service supervision are asked in a marketplace of some years: every list, filter, desk and page."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

import aiohttp
import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from rich.table import Table

from tradehall.commands.bench.generate import SPAN
from tradehall.commands.bench.rig import BenchProblem, percentile
from tradehall.commands.bench.supervised import Crowd
from tradehall.edge.access import SESSION_COOKIE
from tradehall.installation import Installation
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.paging import cursor
from tradehall.parties import actions as parties
from tradehall.parties import queries as people
from tradehall.supervision.disputes.model import KINDS
from tradehall.supervision.flow import SIDES
from tradehall.supervision.flows import FLOWS
from tradehall.supervision.turns import Deadline, place_of
from tradehall.web.disputes.lists import VIEWS as DISPUTE_VIEWS
from tradehall.web.supervision.words import VIEWS

# A workbook of ten thousand rows takes a while, and is asked for once in one.
EXPORTS = 2
_UNMEASURED = 2


class Viewer(msgspec.Struct, frozen=True):
    """Somebody whose pages are asked for: below which address, and with which cookie."""

    name: str
    base: str
    cookie: str


class Question(msgspec.Struct, frozen=True):
    """A page of a room; `query` stands in its address."""

    room: str
    viewer: Viewer
    what: str
    path: str
    query: dict[str, str] = {}

    @property
    def times(self) -> int | None:
        """How often it is asked at most; None for as often as any."""
        return EXPORTS if self.path.endswith("/export") else None


class Timing(msgspec.Struct, frozen=True):
    """How long a page took, in milliseconds, from sending the request to having read the answer."""

    question: Question
    p50: float
    p99: float


class Known(msgspec.Struct, frozen=True):
    """What questions are asked with: numbers of supervised orders of biggest seller and buyer, one under way and one
    disputed, and one of the small buyer; a product that is reviewed; places in the middle of lists and of the queue."""

    open: str
    disputed: str
    small: str
    slug: str
    place: str
    posting: int

    @property
    def minute(self) -> str:
        return self.open[:12]


# Of orders between biggest seller and biggest buyer, both see them.
_KNOWN: LiteralString = """
    WITH between AS MATERIALIZED (
        SELECT id, order_number, state = 'open' AS open FROM supervision_flows
        WHERE seller_id = %(seller)s AND buyer_id = %(buyer)s
    )
    SELECT (SELECT order_number FROM between ORDER BY open DESC LIMIT 1) AS open,
           (SELECT b.order_number FROM between b LEFT JOIN disputes d ON d.flow_id = b.id
            ORDER BY d.id IS NOT NULL DESC, b.open DESC LIMIT 1) AS disputed,
           (SELECT order_number FROM supervision_flows WHERE buyer_id = %(small)s LIMIT 1) AS small,
           (SELECT p.slug FROM product_ratings r JOIN products p ON p.id = r.product_id
            ORDER BY r.seller_id = %(seller)s DESC LIMIT 1) AS slug,
           (SELECT max(number) / 2 FROM ledger_postings) AS posting, middle.id, middle.due_at
    FROM (SELECT id, due_at FROM supervision_flows WHERE state = 'open'
          ORDER BY due_at OFFSET (SELECT count(*) / 2 FROM supervision_flows WHERE state = 'open') LIMIT 1) middle
"""


async def known(dsn: str, crowd: Crowd) -> Known:
    """Looks for something of everything."""
    async with await AsyncConnection.connect(dsn, row_factory=dict_row) as connection:
        cursor = await connection.execute(_KNOWN, {"seller": crowd.seller, "buyer": crowd.buyer, "small": crowd.small})
        found = await cursor.fetchone()
    assert found is not None, "some orders are under way"
    place = place_of(Deadline(found.pop("due_at"), found.pop("id")))
    return Known(**found, place=place)


def questions(viewers: dict[str, Viewer], known: Known, now: datetime) -> Iterator[Question]:
    """Everything that is asked."""
    for viewer in viewers.values():
        yield from _supervised(viewer, known, now)
        yield from _disputes(viewer, known, now)
        yield from _others(viewer, known, now)


def _supervised(viewer: Viewer, known: Known, now: datetime) -> Iterator[Question]:
    middle = cursor(lowest_id(now - SPAN / 2))
    asked: list[tuple[str, dict[str, str]]] = [
        *((f"view: {view}", {"view": str(view)}) for view in VIEWS),
        *((f"type: {kind}", {"type": kind}) for kind in FLOWS),
        *((f"node: {node}", {"node": node}) for node in ("request", "confirmation", "acceptance", "test_site")),
        *((f"turn: {side}", {"turn": str(side)}) for side in SIDES),
        ("a number", {"number": known.open}),
        ("a minute's numbers", {"number": known.minute}),
        ("a product", {"product": "delivered hardware"}),
        ("products: many", {"product": "delivered"}),
        ("product: none", {"product": "no such thing"}),
        ("a month", {"from": f"{now - timedelta(days=400):%Y-%m-%d}", "to": f"{now - timedelta(days=370):%Y-%m-%d}"}),
        ("late, one type", {"overdue": "1", "type": "hardware"}),
        ("the middle", {"view": "all", "after": middle}),
        ("the middle of the completed", {"view": "completed", "after": middle}),
        ("before the middle", {"view": "all", "before": middle}),
        ("the middle of the late", {"view": "overdue", "after": known.place}),
    ]
    for what, query in asked:
        yield Question("supervised orders", viewer, what, f"{viewer.base}/supervision", query)
    yield Question("exports", viewer, "completed", f"{viewer.base}/supervision/export", {"view": "completed"})
    yield Question("exports", viewer, "late", f"{viewer.base}/supervision/export", {"view": "overdue"})
    number = known.small if viewer.name == "small buyer" else known.open
    yield Question("an order", viewer, "under way", f"{viewer.base}/supervision/{number}")
    if viewer.name != "small buyer":
        yield Question("an order", viewer, "disputed", f"{viewer.base}/supervision/{known.disputed}")


def _disputes(viewer: Viewer, known: Known, now: datetime) -> Iterator[Question]:
    middle = cursor(lowest_id(now - SPAN / 2))
    asked: list[tuple[str, dict[str, str]]] = [
        *((f"view: {view}", {"view": str(view)}) for view in DISPUTE_VIEWS),
        *((f"kind: {kind}", {"view": "all", "kind": kind}) for kind in KINDS),
        ("outcome: withdrawn", {"view": "closed", "outcome": "withdrawn"}),
        ("outcome: none such", {"view": "closed", "outcome": "superseded"}),
        ("a number", {"number": known.disputed}),
        ("the middle", {"view": "closed", "after": middle}),
        ("the middle of the queue", {"view": "open", "after": known.place}),
    ]
    for what, query in asked:
        yield Question("disputes", viewer, what, f"{viewer.base}/disputes", query)


def _others(viewer: Viewer, known: Known, now: datetime) -> Iterator[Question]:
    middle = cursor(lowest_id(now - SPAN / 8))
    two_years = {"from": f"{now - timedelta(days=728):%Y-%m-%d}"}
    yield Question("overview", viewer, "", viewer.base)
    for what, query in (("all", {}), ("unread", {"unread": "1"}), ("one kind", {"kind": "accepted"}),
                        ("unread of one kind", {"kind": "appeal_to_decide", "unread": "1"}),
                        ("the middle", {"after": middle})):  # fmt: skip
        yield Question("station messages", viewer, what, "/account/messages", query)
    reviews: list[tuple[str, dict[str, str]]] = [("first page", {}), ("the middle", {"after": middle})]
    if viewer.base == "/operator":
        reviews += [(f"state: {state}", {"state": state}) for state in ("published", "rejected")]
    if viewer.base == "/seller":
        reviews += [("one star", {"rating": "1"}), ("answered", {"answered": "1"}), ("unanswered", {"answered": "0"})]
    for what, query in reviews:
        yield Question("reviews", viewer, what, f"{viewer.base}/reviews", query)
    yield Question("reviews", viewer, "of a product", f"/products/{known.slug}")
    if viewer.base != "/seller":
        for what, query in (("all", {}), ("usable", {"state": "usable"}), ("upcoming", {"state": "upcoming"}),
                            ("expired", {"state": "expired"}), ("text", {"q": "buyer 17"})):  # fmt: skip
            yield Question("vouchers", viewer, what, f"{viewer.base}/vouchers", query)
    if viewer.base == "/buyer":
        return
    deep = cursor(UUID(int=known.posting))
    for what, query in (("first page", {}), ("the middle", {"after": deep}), ("refunds", {"account": "refunds"}),
                        ("vouchers", {"account": "seller_vouchers", "after": deep}), ("fees", {"account": "fee"}),
                        ("a number", {"q": known.open}), ("a minute's numbers", {"q": known.minute})):  # fmt: skip
        yield Question("ledger", viewer, what, f"{viewer.base}/ledger", query)
    home = f"{viewer.base}/supervision/statistics"
    yield Question("statistics", viewer, "90 days", home)
    yield Question("statistics", viewer, "two years", home, two_years)
    yield Question("statistics", viewer, "two years of one type", home, two_years | {"type": "hardware"})
    if viewer.base == "/operator":
        yield Question("statistics", viewer, "two years of one seller", home, two_years | {"seller": "Northwind"})
    yield Question("exports", viewer, "statistics", f"{home}/export", two_years)


async def ask(client: aiohttp.ClientSession, question: Question, times: int) -> Timing:
    """One request after the other. Raises BenchProblem for a page that does not come."""
    most = question.times
    took = []
    for _ in range(min(times, most) if most else _UNMEASURED + times):
        begun = time.perf_counter()
        headers = {"Cookie": f"{SESSION_COOKIE}={question.viewer.cookie}"}
        async with client.get(question.path, params=question.query, headers=headers, allow_redirects=False) as answer:
            body = await answer.read()
        took.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            raise BenchProblem(f"GET {question.path} {question.query} answered {answer.status}: {body[-500:]!r}")
    took = sorted(took if most else took[_UNMEASURED:])
    return Timing(question, round(percentile(took, 0.5), 3), round(percentile(took, 0.99), 3))


async def signed_in(opened: Installation, person_id: UUID) -> str:
    """The cookie's secret of somebody."""
    async with opened.db.read() as reader:
        seat, *_ = await people.seats_of_person(reader, person_id)
    async with opened.db.transaction(SYSTEM) as tx:
        return await parties.open_session(tx, opened.sign_in_policy, seat, "bench")


class Room(msgspec.Struct, frozen=True):
    """The slowest page of a room: which it is, and its times in milliseconds."""

    slowest: str
    p50_ms: float
    p99_ms: float


def slowest(timings: Sequence[Timing]) -> dict[str, Room]:
    """By room."""
    found: dict[str, Room] = {}
    for one in sorted(timings, key=lambda one: one.p50):
        found[one.question.room] = Room(f"{one.question.viewer.name}: {one.question.what}", one.p50, one.p99)
    return dict(sorted(found.items()))


def told(timings: Sequence[Timing]) -> Table:
    """Every page with its times."""
    table = Table("", "of whom", "", "p50", "p99 ms", title="Service supervision and what belongs to it")
    for one in timings:
        asked = one.question
        table.add_row(asked.room, asked.viewer.name, asked.what, f"{one.p50:.2f}", f"{one.p99:.2f}")
    return table
