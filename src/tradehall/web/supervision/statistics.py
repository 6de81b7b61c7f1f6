"""Service supervision in numbers, for the platform and for each seller: as charts, as tables, and for Excel."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from xlsxwriter import Workbook

from tradehall.edge.access import installation_of, only
from tradehall.kernel import i18n
from tradehall.kernel.db import Reader
from tradehall.kernel.errors import Invalid
from tradehall.kernel.files.serving import content_disposition
from tradehall.kernel.i18n import N_, Translator
from tradehall.kernel.paging import PageRequest
from tradehall.parties import queries as parties
from tradehall.parties.model import Organisation
from tradehall.supervision import statistics
from tradehall.supervision.flow import SIDES
from tradehall.supervision.statistics import (
    AGES,
    Course,
    DayCount,
    NodeTimes,
    Outcomes,
    Period,
    Standing,
    StatisticsFilter,
)
from tradehall.web.common import PageResponse, WebRequest, chosen, page, reading, searched, texts
from tradehall.web.desks import TURNS, Desk
from tradehall.web.supervision.export import CHUNK, MEDIA_TYPE
from tradehall.web.supervision.words import DESKS, node_options, type_options

SOME_SELLERS = PageRequest(limit=20)
# Longer periods are drawn by the week.
BY_DAY = 92
KINDS = {"appeal": N_("Appeals"), "refund": N_("Negotiated refunds"), "return": N_("Returns")}
OUTCOMES = {
    None: N_("Still open"),
    "resume": N_("Goes on as it was"),
    "redeliver": N_("Back to the seller"),
    "accept": N_("Accepted"),
    "refund": N_("Money back"),
    "refused": N_("Refused"),
    "withdrawn": N_("Withdrawn"),
    "superseded": N_("Replaced by another"),
}


class Asked(msgspec.Struct, frozen=True):
    """What an address asks for. `sellers` are those that a name fits which is not clear; `typed` its filters as they
    stand in it, `wrong` what is wrong with the period: then the usual one is shown."""

    over: Period
    only: StatisticsFilter
    typed: dict[str, str]
    seller: Organisation | None
    sellers: list[Organisation]
    wrong: str = ""


class Chart(msgspec.Struct, frozen=True):
    """One chart as the page's script draws it: what stands along the bottom (labels, or days as seconds since 1970),
    and series of numbers, each in a tone of the stylesheet."""

    kind: str
    title: str
    along: list[Any]
    series: list[dict[str, Any]]

    @property
    def written(self) -> str:
        return msgspec.json.encode(
            {"kind": self.kind, "along": self.along, "series": self.series, "title": self.title}
        ).decode()


class Numbers(msgspec.Struct, frozen=True):
    """All there is to show."""

    standing: list[Standing]
    course: Course
    outcomes: list[Outcomes]

    @property
    def orders(self) -> int:
        return sum(one.orders for one in self.standing)

    @property
    def overdue(self) -> int:
        return sum(one.overdue for one in self.standing)

    @property
    def by_turn(self) -> dict[str, tuple[int, int]]:
        """How many orders wait for each side, and how many of these are overdue."""
        return {
            side: (
                sum(one.orders for one in self.standing if one.turn == side),
                sum(one.overdue for one in self.standing if one.turn == side),
            )
            for side in SIDES
        }


async def _asked(request: WebRequest, reader: Reader, desk: Desk) -> Asked:
    """Reads the address. What it says that there is not is left out."""
    zone = ZoneInfo(installation_of(request).settings.default_timezone)
    today = reader.now.astimezone(zone).date()
    wrong = ""
    try:
        over = statistics.period(_day(request, "from"), _day(request, "to"), today)
    except Invalid as problem:
        (field,) = problem.fields
        wrong, over = texts(request).format(field.message, **field.values), statistics.period(None, None, today)
    delivery_type = chosen(request, "type", [key for key, _ in type_options(texts(request))]) or ""
    name = searched(request, "seller") if desk.side == "platform" else ""
    found = await _sellers(reader, name)
    seller = found[0] if len(found) == 1 else None
    typed = {
        "from": over.since.isoformat(),
        "to": over.until.isoformat(),
        "type": delivery_type,
        "seller": name,
    }
    only_these = StatisticsFilter(delivery_type, seller.id if seller else UUID(int=0) if name else None)
    return Asked(over, only_these, typed, seller, found if len(found) > 1 else [], wrong)


async def _sellers(reader: Reader, name: str) -> list[Organisation]:
    """The sellers of this id, or with this in their name."""
    if not name:
        return []
    try:
        found = await parties.organisation(reader, UUID(name))
        return [found] if found and found.kind == "seller" else []
    except ValueError:
        return list((await parties.organisations(reader, SOME_SELLERS, kind="seller", text=name)).items)


def _day(request: WebRequest, name: str) -> date | None:
    try:
        return date.fromisoformat(str(request.query_params.get(name, "")))
    except ValueError:
        return None


async def _numbers(request: WebRequest, reader: Reader, asked: Asked) -> Numbers:
    actor, zone = request.user.actor, ZoneInfo(installation_of(request).settings.default_timezone)
    standing = await statistics.standing(reader, actor, asked.only)
    course = await statistics.course(reader, actor, asked.only, asked.over, zone)
    order = [key for key, _ in node_options(texts(request), "")]
    # In the order in which nodes are gone through.
    standing.sort(key=lambda one: (one.delivery_type, order.index(one.node) if one.node in order else len(order)))
    course.nodes.sort(key=lambda one: (one.delivery_type, order.index(one.node) if one.node in order else len(order)))
    return Numbers(
        standing,
        course,
        await statistics.outcomes(reader, actor, asked.only, asked.over, zone),
    )


def statistics_handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """The numbers of one console."""
    home = f"{desk.path}/statistics"

    @get(home, guards=[only(desk.side)])
    async def numbers(request: WebRequest) -> PageResponse:
        """Where orders stand, how long each node takes, and what comes of appeals."""
        words = texts(request)
        async with reading(request) as reader:
            asked = await _asked(request, reader, desk)
            found = await _numbers(request, reader, asked)
        return page(
            request,
            "supervision/statistics.html",
            desk=desk,
            asked=asked,
            typed=asked.typed,
            filtered=bool(asked.typed["type"] or asked.typed["seller"] or request.query_params.get("from")),
            numbers=found,
            types=type_options(words),
            type_names=dict(type_options(words)),
            node_names=_node_names(found, words),
            turns=TURNS,
            ages=[_age(number, words) for number in range(len(AGES) + 1)],
            short_ages=[_short(number, words) for number in range(len(AGES) + 1)],
            kinds=KINDS,
            outcomes=OUTCOMES,
            span=lambda seconds: timedelta(seconds=round(seconds)),
            charts=_charts(found, asked, words),
            zone=installation_of(request).settings.default_timezone,
        )

    @get(f"{home}/export", guards=[only(desk.side)])
    async def export(request: WebRequest) -> Stream:
        """The same numbers as a workbook."""
        words = texts(request)
        async with reading(request) as reader:
            asked = await _asked(request, reader, desk)
            found = await _numbers(request, reader, asked)
        file = TemporaryFile()  # noqa: SIM115 - closed once it is sent
        try:
            await asyncio.to_thread(_write, file, found, asked, words)
        except BaseException:
            file.close()
            raise
        name = f"{words.gettext('Statistics')} {asked.over.since.isoformat()} {asked.over.until.isoformat()}.xlsx"
        return Stream(
            _sent(file),
            media_type=MEDIA_TYPE,
            headers={
                "Content-Disposition": content_disposition(name),
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            },
        )

    return [numbers, export]


def _age(number: int, words: Translator) -> str:
    """What a class of ages is called: "under 1 day", "1 to 3 days", …, "90 days and more"."""
    if number == 0:
        return words.ngettext("under %(num)s day", "under %(num)s days", AGES[0])
    if number == len(AGES):
        return words.ngettext("%(num)s day and more", "%(num)s days and more", AGES[-1])
    return words.gettext("%(least)s to %(most)s days", least=AGES[number - 1], most=AGES[number])


def _short(number: int, words: Translator) -> str:
    """The same for the head of a narrow column."""
    if number == 0:
        days = f"<{AGES[0]}"
    elif number == len(AGES):
        days = f"≥{AGES[-1]}"
    else:
        days = f"{AGES[number - 1]}–{AGES[number]}"
    return words.gettext("%(days)s d", days=days)


def _node_names(found: Numbers, words: Translator) -> dict[tuple[str, str], str]:
    """What each delivery type calls the nodes that have numbers."""
    nodes = {(one.delivery_type, one.node) for one in found.standing}
    nodes |= {(one.delivery_type, one.node) for one in found.course.nodes}
    names = {kind: dict(node_options(words, kind)) for kind, _ in nodes}
    return {(kind, node): names[kind].get(node, node) for kind, node in nodes}


def _shared_names(found: Numbers, asked: Asked, words: Translator) -> dict[str, str]:
    """What nodes are called where the numbers of several delivery types are put together: as all of them call it, or
    else in general."""
    called: dict[str, set[str]] = defaultdict(set)
    for (_, node), label in _node_names(found, words).items():
        called[node].add(label)
    return {
        node: called[node].pop() if len(called[node]) == 1 else label
        for node, label in node_options(words, asked.only.delivery_type)
    }


# --- charts ----------------------------------------------------------------------------------------------------------


def _charts(found: Numbers, asked: Asked, words: Translator) -> dict[str, Chart]:
    """The charts that have something to show."""
    nodes = _shared_names(found, asked, words)
    charts = {}
    if found.standing:
        charts["ages"] = Chart(
            "bars",
            words.gettext("Orders by how long they have stood where they are"),
            [_age(number, words) for number in range(len(AGES) + 1)],
            [{"label": words.gettext("Orders"), "tone": "accent", "values": _ages(found.standing)}],
        )
        charts["nodes"] = _by_node(found.standing, nodes, words)
    if any(day.began or day.completed or day.cancelled for day in found.course.days):
        charts["days"] = _days(found.course.days, words)
    if found.course.nodes:
        charts["times"] = _times(found.course.nodes, nodes, words)
    if appeals := [one for one in found.outcomes if one.kind == "appeal"]:
        cases: dict[str | None, int] = defaultdict(int)
        for one in appeals:
            cases[one.outcome] += one.cases
        charts["appeals"] = Chart(
            "bars",
            words.gettext("Appeals by outcome"),
            [words.lookup(OUTCOMES.get(outcome, outcome or "")) for outcome in cases],
            [{"label": words.gettext("Appeals"), "tone": "info", "values": list(cases.values())}],
        )
    return charts


def _ages(rows: Sequence[Standing]) -> list[int]:
    return [sum(one.ages[number] for one in rows) for number in range(len(AGES) + 1)]


def _by_node(rows: Sequence[Standing], nodes: dict[str, str], words: Translator) -> Chart:
    orders: dict[str, int] = defaultdict(int)
    overdue: dict[str, int] = defaultdict(int)
    for row in rows:
        orders[row.node] += row.orders
        overdue[row.node] += row.overdue
    keys = [key for key in nodes if key in orders] + [key for key in orders if key not in nodes]
    return Chart(
        "bars",
        words.gettext("Orders by node"),
        [nodes.get(key, key) for key in keys],
        [
            {"label": words.gettext("Orders"), "tone": "accent", "values": [orders[key] for key in keys]},
            {"label": words.gettext("Overdue"), "tone": "danger", "values": [overdue[key] for key in keys]},
        ],
    )


def _days(days: Sequence[DayCount], words: Translator) -> Chart:
    """By the day, or by the week where that is clearer; a week is drawn at its first day."""
    step = 1 if len(days) <= BY_DAY else 7
    groups = [days[start : start + step] for start in range(0, len(days), step)]
    title = N_("Started and finished per day") if step == 1 else N_("Started and finished per week")
    return Chart(
        "lines",
        words.gettext(title),
        [(group[0].day - date(1970, 1, 1)).days * 86_400 for group in groups],
        [
            {"label": words.gettext(label), "tone": tone, "values": [sum(getattr(day, name) for day in group)
                                                                     for group in groups]}
            for name, label, tone in (
                ("began", N_("Started"), "accent"),
                ("completed", N_("Completed"), "success"),
                ("cancelled", N_("Cancelled"), "warning"),
            )
        ],
    )  # fmt: skip


def _times(rows: Sequence[NodeTimes], nodes: dict[str, str], words: Translator) -> Chart:
    """Of nodes that several delivery types have, the mean of all, and the median weighed by how often each was left."""
    by_node: dict[str, list[NodeTimes]] = defaultdict(list)
    for row in rows:
        by_node[row.node].append(row)
    keys = [key for key in nodes if key in by_node] + [key for key in by_node if key not in nodes]

    def weighed(name: str) -> list[float]:
        return [
            round(
                sum(getattr(one, name) * one.left for one in by_node[key])
                / sum(one.left for one in by_node[key])
                / 86_400,
                2,
            )
            for key in keys
        ]

    return Chart(
        "bars",
        words.gettext("Days at each node"),
        [nodes.get(key, key) for key in keys],
        [
            {"label": words.gettext("Median"), "tone": "accent", "values": weighed("median")},
            {"label": words.gettext("Mean"), "tone": "warning", "values": weighed("mean")},
        ],
    )


# --- Excel -----------------------------------------------------------------------------------------------------------

Line = Sequence[str | int | float | date]


def _write(file: IO[bytes], found: Numbers, asked: Asked, words: Translator) -> None:
    """Writes the workbook into a file, which is left at its beginning; called in a thread."""
    book = Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    bold, day = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "yyyy-mm-dd"})
    quoted = book.add_format({"quote_prefix": True})
    for title, heads, lines in _sheets(found, asked, words):
        sheet = book.add_worksheet(title[:31])
        for column, head in enumerate(heads):
            sheet.set_column(column, column, max(12, len(head) + 4))
            sheet.write_string(0, column, head, bold)
        sheet.freeze_panes(1, 0)
        for row, line in enumerate(lines, 1):
            for column, value in enumerate(line):
                if isinstance(value, date):
                    sheet.write_datetime(row, column, value, day)
                elif isinstance(value, str):
                    sheet.write_string(row, column, value, quoted if value[:1] in ("=", "+", "-", "@") else None)
                else:
                    sheet.write_number(row, column, value)
    book.close()
    file.seek(0)


def _sheets(found: Numbers, asked: Asked, words: Translator) -> list[tuple[str, list[str], list[Line]]]:
    """What stands on each sheet: its title, its headings, its lines."""
    types, nodes = dict(type_options(words)), _node_names(found, words)
    gettext, lookup = words.gettext, words.lookup
    where: list[Line] = [
        (types.get(one.delivery_type, one.delivery_type), nodes[one.delivery_type, one.node],
         lookup(TURNS[one.turn]), one.orders, one.overdue, one.frozen, *one.ages)
        for one in found.standing
    ]  # fmt: skip
    times: list[Line] = [
        (types.get(one.delivery_type, one.delivery_type), nodes[one.delivery_type, one.node], one.left,
         round(one.mean / 86_400, 2), round(one.median / 86_400, 2), one.late, one.rejected)
        for one in found.course.nodes
    ]  # fmt: skip
    disputes: list[Line] = [
        (lookup(KINDS.get(one.kind, one.kind)), lookup(OUTCOMES.get(one.outcome, one.outcome or "")), one.cases,
         i18n.money(one.amount_minor, one.currency, words.locale) if one.currency else "",
         i18n.money(one.granted_minor, one.currency, words.locale) if one.currency else "",
         round((one.seconds or 0) / 86_400, 2))
        for one in found.outcomes
    ]  # fmt: skip
    kind, node = gettext("Delivery type"), gettext("Node")
    ages = [_age(number, words) for number in range(len(AGES) + 1)]
    about: list[Line] = [
        (gettext("From"), asked.over.since),
        (gettext("To"), asked.over.until),
        (kind, types.get(asked.only.delivery_type, "")),
        (gettext("Seller"), _called(asked.seller, words) or asked.typed["seller"]),
    ]
    return [
        (
            gettext("Where orders stand"),
            [kind, node, gettext("Whose turn"), gettext("Orders"), gettext("Overdue"), gettext("Frozen"), *ages],
            where,
        ),
        (
            gettext("Time at each node"),
            [kind, node, gettext("Times passed"), gettext("Mean, in days"), gettext("Median, in days"), gettext("Late"),
             gettext("Rejected")],
            times,
        ),
        (
            gettext("By day"),
            [gettext("Day"), gettext("Started"), gettext("Completed"), gettext("Cancelled")],
            [(one.day, one.began, one.completed, one.cancelled) for one in found.course.days],
        ),
        (
            gettext("Appeals and refunds"),
            [gettext("Kind"), gettext("Outcome"), gettext("Cases"), gettext("Amount asked for"), gettext("Paid back"),
             gettext("Took, in days")],
            disputes,
        ),
        (gettext("About these numbers"), [gettext("Narrowed to"), gettext("Value")], about),
    ]  # fmt: skip


def _called(seller: Organisation | None, words: Translator) -> str:
    if seller is None:
        return ""
    return seller.name_zh if words.locale == "zh" else seller.name_en


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


handlers: list[Any] = [
    *statistics_handlers(DESKS["platform"]),
    *statistics_handlers(DESKS["seller"]),
]
