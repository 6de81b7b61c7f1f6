"""How service supervision goes, in numbers: where orders stand and since when, how long nodes take, what becomes of
appeals.

What stands where is read from the index `supervision_open`, which holds what is under way and nothing else. How it
went over a period is read from the steps that orders took (`supervision_steps`), which the schema itself notes. The
housekeeping adds steps of days that are over up by type, node and a scale of durations: by the day for the whole
marketplace, by the month for it and for each seller. Whole months of a period are read from there, a few thousand rows
each however many orders there are; what a seller's period has beside whole months is read from an index of its steps.
Medians come from the scale, so they are right to some seven per cent; days are those of the marketplace's zone.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.i18n import N_
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import Actor
from tradehall.supervision.flow import Side

CANCELLED = "cancelled"
# In place of a seller's id, in what is added up.
EVERYBODY = UUID(int=0)
LONGEST = timedelta(days=732)
USUAL = timedelta(days=90)
# Before that nothing was supervised; years of one digit are a mistake of whoever typed them.
EARLIEST = date(2000, 1, 1)
# Rows of an answer; all types, nodes and durations there are come to fewer.
MOST_ROWS = 20_000
# How many days one round of housekeeping adds up.
MOST_DAYS = 31
# A transaction that began before midnight has long ended then.
SETTLED_AFTER = timedelta(hours=1)
# Each step of the scale of durations is so much longer than the one before.
GROWTH = 1.15
# For how long orders have been where they are: less than so many days.
AGES: tuple[int, ...] = (1, 3, 7, 14, 30, 90)


class Period(msgspec.Struct, frozen=True):
    """Whole days of the marketplace's zone, both included."""

    since: date
    until: date

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        return _midnight(self.since, zone), _midnight(self.until + timedelta(days=1), zone)

    @property
    def days(self) -> list[date]:
        return [self.since + timedelta(days=number) for number in range((self.until - self.since).days + 1)]


def period(since: date | None, until: date | None, today: date) -> Period:
    """The period that is asked for; the last ninety days where it is left out. Raises Invalid for one that ends before
    it begins or is longer than two years."""
    last = max(min(until or today, today), EARLIEST)
    first = since or last - USUAL + timedelta(days=1)
    if first > last:
        raise invalid("from", N_("The period ends before it begins."))
    if last - first >= LONGEST:
        raise invalid("from", N_("Choose at most {most} days."), most=LONGEST.days)
    return Period(first, last)


class StatisticsFilter(msgspec.Struct, frozen=True):
    """What the numbers are about. `seller_id` is for the platform; sellers see their own alone."""

    delivery_type: str = ""
    seller_id: UUID | None = None

    def of(self, viewer: Actor) -> UUID | None:
        """Whose orders: None for everybody's."""
        assert viewer.kind in ("platform", "seller"), "nobody else has statistics"
        return viewer.organisation_id if viewer.kind == "seller" else self.seller_id


# --- what is under way -----------------------------------------------------------------------------------------------


class Standing(msgspec.Struct, frozen=True):
    """The orders that stand at one node of a delivery type. `ages` counts them by how long they have: less than each
    number of days in `AGES`, and last the others."""

    delivery_type: str
    node: str
    turn: Side
    orders: int
    overdue: int
    frozen: int
    ages: list[int]


async def standing(reader: Reader, viewer: Actor, only: StatisticsFilter) -> list[Standing]:
    """Where the orders under way stand now."""
    seller = only.of(viewer)
    whose: LiteralString = "f.seller_id = %(seller)s" if seller else "true"
    kind: LiteralString = "f.delivery_type = %(type)s" if only.delivery_type else "true"
    return await reader.fetch_all(
        Standing,
        f"""
        SELECT f.delivery_type, f.node, f.turn, count(*) AS orders,
               count(*) FILTER (WHERE f.due_at < %(now)s AND f.frozen_at IS NULL) AS overdue,
               count(f.frozen_at) AS frozen,
               ARRAY[count(*) FILTER (WHERE f.entered_at > %(a0)s),
                     count(*) FILTER (WHERE f.entered_at <= %(a0)s AND f.entered_at > %(a1)s),
                     count(*) FILTER (WHERE f.entered_at <= %(a1)s AND f.entered_at > %(a2)s),
                     count(*) FILTER (WHERE f.entered_at <= %(a2)s AND f.entered_at > %(a3)s),
                     count(*) FILTER (WHERE f.entered_at <= %(a3)s AND f.entered_at > %(a4)s),
                     count(*) FILTER (WHERE f.entered_at <= %(a4)s AND f.entered_at > %(a5)s),
                     count(*) FILTER (WHERE f.entered_at <= %(a5)s)] AS ages
        FROM supervision_flows f WHERE f.state = 'open' AND {whose} AND {kind}
        GROUP BY f.delivery_type, f.node, f.turn ORDER BY f.delivery_type, f.node, f.turn LIMIT {MOST_ROWS}
        """,
        {
            "seller": seller,
            "type": only.delivery_type,
            "now": reader.now,
            **{f"a{number}": reader.now - timedelta(days=days) for number, days in enumerate(AGES)},
        },
    )


# --- how it went -----------------------------------------------------------------------------------------------------


class _Steps(msgspec.Struct, frozen=True):
    """Steps away from a node that took about as long."""

    delivery_type: str
    node: str
    bucket: int
    steps: int
    seconds: int
    late: int
    rejected: int


class NodeTimes(msgspec.Struct, frozen=True):
    """How a node of a delivery type was left within a period: how often, after how long (seconds), how often late, and
    how often by a rejection. Time in which an order was frozen counts."""

    delivery_type: str
    node: str
    left: int
    mean: float
    median: float
    late: int
    rejected: int


class DayCount(msgspec.Struct, frozen=True):
    """What began, was completed and was cancelled on a day."""

    day: date
    began: int
    completed: int
    cancelled: int


class Course(msgspec.Struct, frozen=True):
    """How supervision went over a period."""

    nodes: list[NodeTimes]
    days: list[DayCount]

    @property
    def began(self) -> int:
        return sum(day.began for day in self.days)

    @property
    def completed(self) -> int:
        return sum(day.completed for day in self.days)

    @property
    def cancelled(self) -> int:
        return sum(day.cancelled for day in self.days)

    @property
    def rejected(self) -> int:
        return sum(node.rejected for node in self.nodes)


# The scale of `GROWTH`: under a second 0, then each step longer than the one before.
_BUCKET: LiteralString = "CASE WHEN s.seconds < 1 THEN 0 ELSE floor(ln(s.seconds) / ln(1.15))::integer + 1 END"
_ADDED: LiteralString = """
    count(*) AS steps, sum(s.seconds)::bigint AS seconds, count(*) FILTER (WHERE s.late) AS late,
    count(*) FILTER (WHERE s.rejected) AS rejected
"""
_BEGINS_OR_ENDS: LiteralString = "(s.node = '' OR s.to_node IN ('completed', 'cancelled'))"
_COUNTED: LiteralString = """
    count(*) FILTER (WHERE s.node = '') AS began,
    count(*) FILTER (WHERE s.node <> '' AND s.to_node = 'completed') AS completed,
    count(*) FILTER (WHERE s.node <> '' AND s.to_node = 'cancelled') AS cancelled
"""


async def course(reader: Reader, viewer: Actor, only: StatisticsFilter, over: Period, zone: ZoneInfo) -> Course:
    """How it went over a period: what is added up already, whole months by the month, and the steps since."""
    seller = only.of(viewer)
    parts = _parts(over, await reader.fetch_value("SELECT day FROM supervision_days_until"))
    by_step = [(parts.whole, over.until + timedelta(days=1)), *(parts.edges if seller else ())]
    params = {
        "seller": seller or EVERYBODY,
        "type": only.delivery_type,
        "zone": str(zone),
        "first": over.since,
        "whole": parts.whole,
        "month": parts.months[0],
        "next_month": parts.months[1],
        "edge_since": [since for since, _ in parts.edges],
        "edge_until": [until for _, until in parts.edges],
        "since": [_midnight(since, zone) for since, _ in by_step],
        "until": [_midnight(until, zone) for _, until in by_step],
        "begin": _midnight(parts.whole, zone),
        "end": over.bounds(zone)[1],
    }
    whose: LiteralString = "s.seller_id = %(seller)s" if seller else "true"
    kind: LiteralString = "s.delivery_type = %(type)s" if only.delivery_type else "true"
    by_day: LiteralString = """
        UNION ALL
        SELECT s.delivery_type, s.node, s.bucket, s.steps, s.seconds, s.late, s.rejected
        FROM unnest(%(edge_since)s::date[], %(edge_until)s::date[]) AS part (since, until)
        JOIN supervision_days s ON s.day >= part.since AND s.day < part.until
        WHERE s.node <> ''
    """
    steps = await reader.fetch_all(
        _Steps,
        f"""
        SELECT t.delivery_type, t.node, t.bucket, sum(t.steps)::bigint AS steps, sum(t.seconds)::bigint AS seconds,
               sum(t.late)::bigint AS late, sum(t.rejected)::bigint AS rejected
        FROM (
            SELECT s.delivery_type, s.node, s.bucket, s.steps, s.seconds, s.late, s.rejected FROM supervision_months s
            WHERE s.seller_id = %(seller)s AND s.month >= %(month)s AND s.month < %(next_month)s AND {kind}
            {f"{by_day} AND {kind}" if seller is None else ""}
            UNION ALL
            SELECT s.delivery_type, s.node, {_BUCKET} AS bucket, {_ADDED}
            FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[]) AS part (since, until)
            JOIN supervision_steps s ON s.at >= part.since AND s.at < part.until
            WHERE {whose} AND {kind} AND s.node <> '' GROUP BY s.delivery_type, s.node, 3
        ) t
        GROUP BY t.delivery_type, t.node, t.bucket LIMIT {MOST_ROWS}
        """,
        params,
    )
    days = await reader.fetch_all(
        DayCount,
        f"""
        SELECT s.day, sum(s.began)::bigint AS began, sum(s.completed)::bigint AS completed,
               sum(s.cancelled)::bigint AS cancelled
        FROM supervision_day_counts s
        WHERE s.seller_id = %(seller)s AND s.day >= %(first)s AND s.day < %(whole)s AND {kind} GROUP BY s.day
        UNION ALL
        SELECT (s.at AT TIME ZONE %(zone)s)::date AS day, {_COUNTED} FROM supervision_steps s
        WHERE s.at >= %(begin)s AND s.at < %(end)s AND {whose} AND {kind} AND {_BEGINS_OR_ENDS}
        GROUP BY 1 LIMIT {MOST_ROWS}
        """,
        params,
    )
    return Course(_node_times(steps), _day_counts(days, over))


class _Parts(msgspec.Struct, frozen=True):
    """A period cut to what there is to read: up to the day `whole` days are added up; of these `months` are whole, from
    the first up to the second, and `edges` are the days beside them."""

    whole: date
    months: tuple[date, date]
    edges: list[tuple[date, date]]


def _parts(over: Period, added_until: date | None) -> _Parts:
    whole = max(over.since, min(added_until or over.since, over.until + timedelta(days=1)))
    month, next_month = _month_from(over.since), whole.replace(day=1)
    if month >= next_month:
        return _Parts(whole, (whole, whole), [(over.since, whole)])
    return _Parts(whole, (month, next_month), [(over.since, month), (next_month, whole)])


def _month_from(day: date) -> date:
    """The first day of the first month that begins on a day or after it."""
    first = day.replace(day=1)
    return first if first == day else (first + timedelta(days=32)).replace(day=1)


def _node_times(rows: Iterable[_Steps]) -> list[NodeTimes]:
    by_node: dict[tuple[str, str], list[_Steps]] = defaultdict(list)
    for row in rows:
        by_node[row.delivery_type, row.node].append(row)
    return [
        NodeTimes(
            delivery_type,
            node,
            left=(left := sum(one.steps for one in some)),
            mean=sum(one.seconds for one in some) / left,
            median=_median(some),
            late=sum(one.late for one in some),
            rejected=sum(one.rejected for one in some),
        )
        for (delivery_type, node), some in sorted(by_node.items())
    ]


def _median(rows: Sequence[_Steps]) -> float:
    """Of durations of which is known how many lie on which step of the scale."""
    buckets: dict[int, int] = defaultdict(int)
    for row in rows:
        buckets[row.bucket] += row.steps
    half, passed = sum(buckets.values()) / 2, 0
    for bucket, count in sorted(buckets.items()):
        passed += count
        if passed >= half:
            return 0.0 if bucket == 0 else math.sqrt(GROWTH) * GROWTH ** (bucket - 1)
    return 0.0


def _day_counts(rows: Iterable[DayCount], over: Period) -> list[DayCount]:
    """Every day of the period, those without anything, too."""
    found = {row.day: row for row in rows}
    return [found.get(day, DayCount(day, 0, 0, 0)) for day in over.days]


# --- appeals ---------------------------------------------------------------------------------------------------------


class Outcomes(msgspec.Struct, frozen=True):
    """What became of the disputes of one kind that were opened within a period: `outcome` is None for those still
    open. Amounts are minor units; `seconds` is how long they took on average."""

    kind: str
    outcome: str | None
    currency: str
    cases: int
    amount_minor: int
    granted_minor: int
    seconds: float | None


async def outcomes(
    reader: Reader, viewer: Actor, only: StatisticsFilter, over: Period, zone: ZoneInfo
) -> list[Outcomes]:
    """Appeals, negotiated refunds and returns by outcome, of those opened within a period. Their ids are of the time
    they were opened."""
    since, until = over.bounds(zone)
    seller = only.of(viewer)
    whose: LiteralString = "d.seller_id = %(seller)s" if seller else "true"
    kind: LiteralString = "f.delivery_type = %(type)s" if only.delivery_type else "true"
    joined: LiteralString = "JOIN supervision_flows f ON f.id = d.flow_id" if only.delivery_type else ""
    return await reader.fetch_all(
        Outcomes,
        f"""
        SELECT d.kind, d.outcome, coalesce(d.currency, '') AS currency, count(*) AS cases,
               coalesce(sum(d.amount_minor), 0)::bigint AS amount_minor,
               coalesce(sum(d.granted_minor), 0)::bigint AS granted_minor,
               avg(extract(epoch FROM d.finished_at - d.opened_at))::float8 AS seconds
        FROM disputes d {joined} WHERE d.id >= %(first)s AND d.id < %(last)s AND {whose} AND {kind}
        GROUP BY d.kind, d.outcome, coalesce(d.currency, '') ORDER BY d.kind, d.outcome LIMIT {MOST_ROWS}
        """,
        {"first": lowest_id(since), "last": lowest_id(until), "seller": seller, "type": only.delivery_type},
    )


# --- days that are over are added up ---------------------------------------------------------------------------------


# Each whose orders of a day are added up: everybody's together, and each seller's.
_WHOSE: LiteralString = "(VALUES (%(everybody)s::uuid), (s.seller_id)) AS w (seller_id)"
_ADDING: tuple[LiteralString, ...] = (
    f"""
    INSERT INTO supervision_days (day, delivery_type, node, to_node, bucket, steps, seconds, late, rejected)
    SELECT (s.at AT TIME ZONE %(zone)s)::date, s.delivery_type, s.node, s.to_node, {_BUCKET}, {_ADDED}
    FROM supervision_steps s WHERE s.at >= %(since)s AND s.at < %(until)s GROUP BY 1, 2, 3, 4, 5
    """,
    f"""
    INSERT INTO supervision_day_counts (seller_id, day, delivery_type, began, completed, cancelled)
    SELECT w.seller_id, (s.at AT TIME ZONE %(zone)s)::date, s.delivery_type, {_COUNTED}
    FROM supervision_steps s CROSS JOIN LATERAL {_WHOSE}
    WHERE s.at >= %(since)s AND s.at < %(until)s AND {_BEGINS_OR_ENDS} GROUP BY 1, 2, 3
    """,
    f"""
    INSERT INTO supervision_months AS m (seller_id, month, delivery_type, node, bucket, steps, seconds, late, rejected)
    SELECT w.seller_id, date_trunc('month', s.at AT TIME ZONE %(zone)s)::date, s.delivery_type, s.node, {_BUCKET},
           {_ADDED}
    FROM supervision_steps s CROSS JOIN LATERAL {_WHOSE}
    WHERE s.at >= %(since)s AND s.at < %(until)s AND s.node <> '' GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1 -- whose are read together lie together
    ON CONFLICT (seller_id, month, delivery_type, node, bucket) DO UPDATE SET
        steps = m.steps + excluded.steps, seconds = m.seconds + excluded.seconds, late = m.late + excluded.late,
        rejected = m.rejected + excluded.rejected
    """,
)


async def add_up(tx: Tx, zone: ZoneInfo) -> bool:
    """Adds up the steps of days that are over, from the first that is not yet; whether there may be more of them.

    One day after the other, and each once: whoever adds up holds the row that says which comes next.
    """
    today = (tx.now - SETTLED_AFTER).astimezone(zone).date()
    day: date | None = await tx.fetch_value("SELECT day FROM supervision_days_until FOR UPDATE")
    if day is None:
        first: datetime | None = await tx.fetch_value("SELECT min(at) FROM supervision_steps")
        if first is None:
            return False
        day = await tx.fetch_value(
            """
            INSERT INTO supervision_days_until (day) VALUES (%(day)s)
            ON CONFLICT (only_row) DO UPDATE SET day = supervision_days_until.day RETURNING day
            """,
            {"day": first.astimezone(zone).date()},
        )
        assert day is not None, "it was just written"
    last = min(today, day + timedelta(days=MOST_DAYS))
    if last <= day:
        return False
    for statement in _ADDING:
        await tx.execute(
            statement,
            {
                "zone": str(zone),
                "since": _midnight(day, zone),
                "until": _midnight(last, zone),
                "everybody": EVERYBODY,
            },
        )
    await tx.execute("UPDATE supervision_days_until SET day = %(day)s", {"day": last})
    return last < today


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
