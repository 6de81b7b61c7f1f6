"""Lists of supervised orders as workbooks for Excel, in the reader's language and on the reader's clock.

A list is read page by page and written as it is read, so neither is ever in memory as a whole: rows go to a file, and
the file to the browser. Whatever others wrote stays text: nothing that begins like a formula ever becomes one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, tzinfo
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

import msgspec
from babel.numbers import get_currency_precision
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from tradehall.edge.access import only
from tradehall.kernel import i18n
from tradehall.kernel.files.serving import content_disposition
from tradehall.kernel.i18n import N_, Translator
from tradehall.supervision.disputes.queries import Pressing, pressing
from tradehall.supervision.model import STATE_LABELS, FlowRow
from tradehall.web.common import WebRequest, reading, texts, timezone_of
from tradehall.web.desks import MINE, TURNS, Desk
from tradehall.web.disputes.words import KINDS
from tradehall.web.labels import ORDER_STATES
from tradehall.web.supervision.lists import WantedFlows, found, wanted_of, whose_turn
from tradehall.web.supervision.words import DESKS, VIEWS, node_options, type_options

MOST_ROWS = 10_000
PAGE = 500
CHUNK = 64 * 1024
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Spreadsheets take text that begins so for a formula when it is typed, or edited once more.
_LIKE_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CUT_OFF = N_("Only the first %(count)s rows are here. Narrow the list to get the others.")
# One at a time: many large exports do not take the processor from the pages.
_writer = ThreadPoolExecutor(1, thread_name_prefix="export")

Cell = str | int | datetime | None
T = TypeVar("T")


class Line(msgspec.Struct, frozen=True):
    """What a row of a workbook tells of: a supervised order, and the dispute for which its delivery stands still."""

    row: FlowRow
    dispute: Pressing | None = None


class Column(msgspec.Struct, frozen=True):
    """One column: its heading (a message id), how wide it is in characters, and what stands in it. A number of minor
    units comes with `amount`, and is written in the currency's own unit."""

    heading: str
    width: int
    cell: Callable[["Reader", Line], Cell]
    amount: bool = False


class Reader(msgspec.Struct, frozen=True):
    """For whom a workbook is written: language, clock, side, and what time it is."""

    texts: Translator
    zone: tzinfo
    side: str
    now: datetime

    def named(self, row: FlowRow, name: str) -> str:
        called: str = getattr(row, f"{name}_{self.texts.locale}")
        return called

    def lookup(self, label: str) -> str:
        return self.texts.lookup(label)


def columns(side: str) -> list[Column]:
    """What an export tells; each side needs no column for itself."""
    return [
        Column(N_("Order number"), 22, lambda _, one: one.row.order_number),
        Column(N_("Placed"), 18, lambda _, one: one.row.ordered_at),
        Column(N_("Product"), 30, lambda to, one: to.named(one.row, "product_name")),
        Column(N_("Specification"), 20, lambda to, one: to.named(one.row, "sku_name")),
        Column(N_("Delivery type"), 24, lambda to, one: to.lookup(one.row.flow.label)),
        *([Column(N_("Buyer"), 24, lambda to, one: to.named(one.row, "buyer_name"))] if side != "buyer" else []),
        *([Column(N_("Seller"), 24, lambda to, one: to.named(one.row, "seller_name"))] if side != "seller" else []),
        Column(N_("Amount"), 14, lambda _, one: one.row.total_minor, amount=True),
        Column(N_("Currency"), 10, lambda _, one: one.row.currency),
        Column(N_("Order state"), 16, lambda to, one: to.lookup(_order_state(one.row))),
        Column(N_("Service supervision"), 16, lambda to, one: to.lookup(_supervision_state(one))),
        Column(N_("Node"), 24, lambda to, one: to.lookup(one.row.at.label)),
        Column(N_("Whose turn"), 14, lambda to, one: to.lookup(_turn(to, one)) or None),
        Column(N_("By when"), 18, lambda _, one: _due_at(one)),
        Column(N_("Overdue"), 10, lambda to, one: to.texts.gettext("Yes") if _late(to, one) else None),
        Column(N_("Finished"), 18, lambda _, one: one.row.finished_at),
    ]


def _order_state(row: FlowRow) -> str:
    return next((label for state, (label, _) in ORDER_STATES.items() if state == row.order_state), row.order_state)


def _supervision_state(one: Line) -> str:
    return KINDS[one.dispute.kind] if one.dispute else STATE_LABELS[one.row.state]


def _turn(to: Reader, one: Line) -> str:
    if one.dispute:
        return MINE if one.dispute.waits_for(to.side) else TURNS[one.dispute.turn]
    return whose_turn(one.row, to.side)


def _due_at(one: Line) -> datetime | None:
    if one.dispute:
        return one.dispute.due_at
    return one.row.due_at if one.row.state == "open" else None


def _late(to: Reader, one: Line) -> bool:
    due_at = _due_at(one)
    return due_at is not None and due_at < to.now


class Export:
    """A workbook on its way into a file. Its methods take a while: they are called in a thread."""

    def __init__(self, file: IO[bytes], to: Reader, desk: Desk) -> None:
        self._to = to
        self._columns = columns(desk.side)
        self._book = Workbook(
            file,
            {
                "constant_memory": True,  # rows must come in their order
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "default_date_format": "yyyy-mm-dd hh:mm",
            },
        )
        self._book.set_properties({"title": to.lookup(desk.title)})
        self._heading = self._book.add_format({"bold": True, "bottom": 1})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
        self._quoted = self._book.add_format({"quote_prefix": True})
        self._amounts = {digits: self._amount_format(digits) for digits in (0, 2, 3)}
        self._sheet: Worksheet = self._book.add_worksheet(to.lookup(desk.title)[:31])
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, column.width)
            self._sheet.write_string(0, place, to.lookup(column.heading), self._heading)
        self._sheet.freeze_panes(1, 1)
        self.count = 0

    def _amount_format(self, digits: int) -> Any:
        return self._book.add_format({"num_format": "#,##0" + ("." + "0" * digits if digits else "")})

    def write(self, lines: Sequence[Line]) -> None:
        for one in lines:
            self.count += 1
            for place, column in enumerate(self._columns):
                value = column.cell(self._to, one)
                if column.amount:
                    digits = get_currency_precision(one.row.currency)
                    assert isinstance(value, int)
                    style = self._amounts.setdefault(digits, self._amounts[2])
                    self._sheet.write_number(self.count, place, value / 10**digits, style)
                elif isinstance(value, datetime):
                    local = value.astimezone(self._to.zone).replace(tzinfo=None)
                    self._sheet.write_datetime(self.count, place, local, self._moment)
                elif value is not None:
                    self._text(self._sheet, self.count, place, str(value))

    def _text(self, sheet: Worksheet, line: int, place: int, text: str) -> None:
        sheet.write_string(line, place, text, self._quoted if text.startswith(_LIKE_A_FORMULA) else None)

    def close(self, about: Sequence[tuple[str, str]], cut_off: bool) -> None:
        """Writes the end: whether it is all, and a second sheet that says what this list is."""
        texts = self._to.texts
        facts = list(about)
        if self.count:
            self._sheet.autofilter(0, 0, self.count, len(self._columns) - 1)
        if cut_off:
            said = texts.gettext(_CUT_OFF, count=i18n.number(self.count, texts.locale))
            self._sheet.write_string(self.count + 2, 0, said, self._heading)
            facts.append((texts.gettext("Incomplete"), said))
        sheet: Worksheet = self._book.add_worksheet(texts.gettext("About this list")[:31])
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 60)
        for line, (name, value) in enumerate(facts):
            sheet.write_string(line, 0, name, self._heading)
            self._text(sheet, line, 1, value)
        self._book.close()


def _about(request: WebRequest, desk: Desk, wanted: WantedFlows, to: Reader, count: int) -> list[tuple[str, str]]:
    """What a workbook says of itself: which list, when, on whose clock, and how it was narrowed."""
    words, typed, seat = to.texts, wanted.typed, request.user.seat
    said = [
        (words.gettext("List"), f"{words.lookup(desk.title)} · {words.lookup(VIEWS[wanted.view])}"),
        (words.gettext("Rows"), i18n.number(count, words.locale)),
        (words.gettext("Exported"), words.time(to.now, to.zone)),
        (words.gettext("Exported by"), seat.name if seat else ""),
        (words.gettext("Times are those of"), timezone_of(request)),
    ]
    narrowed = {
        "number": N_("Order number"),
        "product": N_("Product"),
        "type": N_("Delivery type"),
        "node": N_("Node"),
        "turn": N_("Whose turn"),
        "overdue": N_("Overdue only"),
        "from": N_("Paid from"),
        "to": N_("Paid until"),
    }
    called: dict[str, dict[str, str]] = {
        "type": dict(type_options(words)),
        "node": dict(node_options(words, typed["type"])),
        "turn": {side: words.lookup(label) for side, label in TURNS.items()},
        "overdue": {"1": words.gettext("Yes")},
    }
    said += [
        (words.lookup(label), called.get(name, {}).get(typed[name], typed[name]))
        for name, label in narrowed.items()
        if typed[name]
    ]
    return said


async def _in_thread(work: Callable[..., T], *given: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_writer, work, *given)


async def _written(request: WebRequest, desk: Desk, wanted: WantedFlows, file: IO[bytes]) -> None:
    """Writes the list into a file, which is left at its beginning. No connection is held while rows are written."""
    words, cursor, cut_off = texts(request), None, False
    export: Export | None = None
    while True:
        async with reading(request) as reader:
            rows = await found(reader, request.user.actor, wanted, cursor, limit=PAGE)
            disputed = await pressing(reader, [row.id for row in rows.items if row.frozen_at])
            to = Reader(words, i18n.zone(timezone_of(request)), desk.side, reader.now)
        if export is None:
            export = await _in_thread(Export, file, to, desk)
        lines = [Line(row, disputed.get(row.id)) for row in rows.items[: MOST_ROWS - export.count]]
        await _in_thread(export.write, lines)
        cursor = rows.next
        if cursor is None:
            break
        if export.count >= MOST_ROWS:
            cut_off = True
            break
    await _in_thread(export.close, _about(request, desk, wanted, to, export.count), cut_off)
    file.seek(0)


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


def export_handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """The export of one console."""

    @get(f"{desk.path}/export", guards=[only(desk.side)])
    async def export(request: WebRequest) -> Stream:
        """The list that the address asks for as a workbook, at most its first ten thousand rows."""
        wanted, words = wanted_of(request, desk), texts(request)
        file = TemporaryFile()  # noqa: SIM115 - closed once it is sent
        try:
            await _written(request, desk, wanted, file)
        except BaseException:
            file.close()
            raise
        async with reading(request) as reader:
            day = reader.now.astimezone(i18n.zone(timezone_of(request))).date()
        return Stream(
            _sent(file),
            media_type=MEDIA_TYPE,
            headers={
                "Content-Disposition": content_disposition(f"{words.lookup(desk.title)} {day.isoformat()}.xlsx"),
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            },
        )

    return [export]


handlers: list[Any] = [handler for desk in DESKS.values() for handler in export_handlers(desk)]
