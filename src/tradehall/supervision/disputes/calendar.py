"""Working days: Monday to Friday, less the holidays and plus the working weekends that operators keep."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import FieldProblem, Invalid
from tradehall.kernel.i18n import N_

MOST_DAYS_AT_ONCE = 40
LONGEST_NAME = 100
NOT_A_NAME = N_("Write a name of at most {most} characters.")
NOT_A_SPAN = N_("Choose a last day that is not before the first, with {most} days at most in all.")
SATURDAY = 5
_CALENDAR = UUID(int=1)


class Exceptional(msgspec.Struct, frozen=True):
    """A day that is not as its weekday says: a holiday, or a weekend day that is worked."""

    day: date
    working: bool
    name: str


def is_working(day: date, exceptional: dict[date, bool]) -> bool:
    return exceptional.get(day, day.weekday() < SATURDAY)


def after_working_days(start: datetime, days: int, zone: ZoneInfo, exceptional: dict[date, bool]) -> datetime:
    """The moment so many working days after another, at the same time of day in the marketplace's zone."""
    local = start.astimezone(zone)
    while days > 0:
        local += timedelta(days=1)
        if is_working(local.date(), exceptional):
            days -= 1
    return local.astimezone(start.tzinfo)


async def working_days_from(reader: Reader, start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """`after_working_days` by the calendar as it is kept now."""
    rows = await reader.fetch_all(
        Exceptional,
        """
        SELECT day, working, name FROM calendar_days
        WHERE day BETWEEN %(first)s AND %(last)s ORDER BY day LIMIT 400
        """,
        {"first": start.date(), "last": start.date() + timedelta(days=3 * days + 60)},
    )
    return after_working_days(start, days, zone, {row.day: row.working for row in rows})


async def exceptional_days(reader: Reader, year: int) -> list[Exceptional]:
    """The days of a year that are not as their weekday says, first to last."""
    return await reader.fetch_all(
        Exceptional,
        """
        SELECT day, working, name FROM calendar_days
        WHERE day BETWEEN %(first)s AND %(last)s ORDER BY day LIMIT 400
        """,
        {"first": date(year, 1, 1), "last": date(year, 12, 31)},
    )


async def mark_days(tx: Tx, first: date, last: date, *, working: bool, name: str) -> int:
    """Has the days from one to another count as holidays, or as worked; returns how many. Deadlines that stand already
    keep their moment. Raises Invalid."""
    name = name.strip()
    wrong = []
    if not name or len(name) > LONGEST_NAME:
        wrong.append(FieldProblem("name", NOT_A_NAME, {"most": LONGEST_NAME}))
    if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS_AT_ONCE):
        wrong.append(FieldProblem("last", NOT_A_SPAN, {"most": MOST_DAYS_AT_ONCE}))
    if wrong:
        raise Invalid(*wrong)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    await tx.execute(
        """
        INSERT INTO calendar_days (day, working, name)
        SELECT day, %(working)s, %(name)s FROM unnest(%(days)s::date[]) AS t (day)
        ON CONFLICT (day) DO UPDATE SET working = excluded.working, name = excluded.name
        """,
        {"days": days, "working": working, "name": name},
    )
    facts = {"first": first, "last": last, "working": working, "name": name}
    await tx.record("calendar.days_marked", "calendar", _CALENDAR, facts)
    return len(days)


async def unmark_days(tx: Tx, days: Sequence[date]) -> None:
    """Has days count as their weekday says. What is not marked stays as it is."""
    gone = await tx.fetch_values(
        "DELETE FROM calendar_days WHERE day = ANY(%(days)s) RETURNING day", {"days": list(days)[:400]}
    )
    if gone:
        await tx.record("calendar.days_unmarked", "calendar", _CALENDAR, {"days": sorted(gone)})
