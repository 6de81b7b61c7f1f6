"""The working-day calendar that operators keep: the deadlines of appeals and refunds go by it."""

from datetime import date, timedelta
from typing import Annotated

import msgspec
from litestar import delete, get, put
from litestar.params import QueryParameter

from tradehall.api.common import ApiRequest, IdempotencyKey, installation_of_app, write
from tradehall.edge.access import only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import invalid
from tradehall.supervision.disputes.calendar import (
    MOST_DAYS_AT_ONCE,
    NOT_A_SPAN,
    Exceptional,
    exceptional_days,
    mark_days,
    unmark_days,
)

OPERATOR = [only("platform")]
ADMINISTRATORS = [only("platform", role="admin")]
FIRST_YEAR, LAST_YEAR = 2000, 2100
First = Annotated[date, QueryParameter(description="The first of the days, YYYY-MM-DD.")]
Last = Annotated[date | None, QueryParameter(description="The last of them; the first where it is left out.")]


class CalendarDays(msgspec.Struct, frozen=True):
    """The days of a year that are not as their weekday says: holidays, and weekend days that are worked."""

    year: int
    items: list[Exceptional]


class MarkDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days that are holidays, or are worked, and what they are called; at most forty at once."""

    first: date
    name: str
    working: bool = False
    last: date | None = None


class MarkedDays(msgspec.Struct, frozen=True):
    """How many days were marked."""

    marked: int


@get("/calendar", guards=OPERATOR)
async def list_calendar_days(
    request: ApiRequest,
    year: Annotated[int | None, QueryParameter(description="Of this year; of the current one when left out.")] = None,
) -> CalendarDays:
    """List holidays and worked weekend days.

    Every other day is as its weekday says: Monday to Friday are worked.
    """
    async with installation_of_app(request).db.read() as reader:
        wanted = year if year is not None else reader.now.year
        if not FIRST_YEAR <= wanted <= LAST_YEAR:
            raise invalid("year", "Choose a number from {low} to {high}.", low=FIRST_YEAR, high=LAST_YEAR)
        return CalendarDays(wanted, await exceptional_days(reader, wanted))


@put("/calendar", guards=ADMINISTRATORS)
async def mark_calendar_days(request: ApiRequest, data: MarkDays, idempotency_key: IdempotencyKey = None) -> MarkedDays:
    """Mark days as holidays, or as worked.

    Only administrators can. In place of what they were marked as before. Deadlines that are set already keep their
    moment.
    """

    async def action(tx: Tx) -> MarkedDays:
        last = data.last or data.first
        return MarkedDays(await mark_days(tx, data.first, last, working=data.working, name=data.name))

    return await write(request, MarkedDays, idempotency_key, action, data)


@delete("/calendar", guards=ADMINISTRATORS, status_code=204)
async def unmark_calendar_days(
    request: ApiRequest, first: First, last: Last = None, idempotency_key: IdempotencyKey = None
) -> None:
    """Have days count as their weekday says.

    Only administrators can. What is not marked stays as it is. Deadlines that are set already keep their moment.
    """
    many = ((last or first) - first).days + 1
    if not 1 <= many <= MOST_DAYS_AT_ONCE:
        raise invalid("last", NOT_A_SPAN, most=MOST_DAYS_AT_ONCE)

    async def action(tx: Tx) -> None:
        await unmark_days(tx, [first + timedelta(days=number) for number in range(many)])

    await write(request, type(None), idempotency_key, action, [first.isoformat(), many])
