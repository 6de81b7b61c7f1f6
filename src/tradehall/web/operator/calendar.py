"""The days by which deadlines are counted: which holidays there are, and which weekend days are worked."""

from datetime import MAXYEAR, MINYEAR, date, timedelta
from zoneinfo import ZoneInfo

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Problem
from tradehall.kernel.i18n import N_
from tradehall.supervision.disputes.calendar import (
    LONGEST_NAME,
    MOST_DAYS_AT_ONCE,
    NOT_A_NAME,
    Exceptional,
    exceptional_days,
    mark_days,
    unmark_days,
)
from tradehall.web.common import Form, PageResponse, WebRequest, page, perform, read_form, reading

ADMINISTRATORS = [only("platform", role="admin")]
NOT_A_DAY = {"first": N_("Choose the first day."), "last": N_("Choose the last day, or leave it empty.")}
KINDS: dict[str, str] = {
    "holiday": N_("Holiday: not a working day"),
    "working": N_("Working weekend: a working day"),
}
MARKED = N_("The days are marked. Deadlines that stand already keep their moment.")
UNMARKED = N_("The days count as their weekday says again.")


class Span(msgspec.Struct, frozen=True):
    """Days one after the other that are exceptional alike."""

    first: date
    last: date
    working: bool
    name: str

    @property
    def number(self) -> int:
        return (self.last - self.first).days + 1


def spans_of(days: list[Exceptional]) -> list[Span]:
    """Days, first to last, gathered where they follow each other and are alike."""
    spans: list[Span] = []
    for one in days:
        before = spans[-1] if spans else None
        joins = before and before.last + timedelta(days=1) == one.day
        if before and joins and (before.working, before.name) == (one.working, one.name):
            spans[-1] = Span(before.first, one.day, one.working, one.name)
        else:
            spans.append(Span(one.day, one.day, one.working, one.name))
    return spans


@get("/operator/calendar", guards=[only("platform")])
async def calendar(request: WebRequest) -> PageResponse:
    """The exceptional days of a year; ?year= names one, else this one."""
    return await _shown(request, Form(request))


async def _shown(request: WebRequest, form: Form, status: int = 200) -> PageResponse:
    zone = ZoneInfo(installation_of(request).settings.default_timezone)
    async with reading(request) as reader:
        today = reader.now.astimezone(zone).date()
        year = _year(request.query_params.get("year", ""), today.year)
        days = await exceptional_days(reader, year)
    return page(
        request,
        "operator/calendar.html",
        http_status=status,
        form=form,
        year=year,
        spans=spans_of(days),
        today=today,
        kinds=KINDS,
        most=MOST_DAYS_AT_ONCE,
        may_change=request.user.actor.role == "admin",
    )


def _year(typed: str, otherwise: int) -> int:
    year = int(typed) if typed.isdecimal() and typed.isascii() and len(typed) == 4 else otherwise
    return year if MINYEAR < year < MAXYEAR else otherwise


@post("/operator/calendar", guards=ADMINISTRATORS)
async def mark(request: WebRequest) -> PageResponse:
    """Marks the days from one to another as holidays, or as worked."""
    form = await read_form(request)
    first, last = _day(form, "first"), _day(form, "last", form.value("first"))
    kind, name = form.choice("kind", list(KINDS)), form.value("name")
    if not name.strip():
        form.fail("name", NOT_A_NAME, most=LONGEST_NAME)

    async def again(problem: Problem | None) -> PageResponse:
        return await _shown(request, form)

    if form.errors or first is None or last is None:
        return await again(None)

    async def action(tx: Tx) -> int:
        return await mark_days(tx, first, last, working=kind == "working", name=name)

    return await perform(
        request, action, to=f"/operator/calendar?year={first.year}", said=MARKED, form=form, again=again
    )


@post("/operator/calendar/unmark", guards=ADMINISTRATORS)
async def unmark(request: WebRequest) -> PageResponse:
    """Has the days from one to another count as their weekday says."""
    form = await read_form(request)
    first, last = _day(form, "first"), _day(form, "last", form.value("first"))

    async def again(problem: Problem | None) -> PageResponse:
        return await _shown(request, form)

    if form.errors or first is None or last is None:
        return await again(None)
    number = min(max((last - first).days + 1, 0), 366)

    async def action(tx: Tx) -> None:
        await unmark_days(tx, [first + timedelta(days=one) for one in range(number)])

    return await perform(request, action, to=f"/operator/calendar?year={first.year}", said=UNMARKED, again=again)


def _day(form: Form, field: str, otherwise: str = "") -> date | None:
    """A day that was typed; marked wrong, and None, where there is none. Left empty it is `otherwise`: that is marked
    where it was typed."""
    typed = form.value(field).strip() or otherwise
    try:
        return date.fromisoformat(typed)
    except ValueError:
        if form.value(field).strip() or field == "first":
            form.fail(field, NOT_A_DAY[field])
        return None


handlers: list[HTTPRouteHandler] = [calendar, mark, unmark]
