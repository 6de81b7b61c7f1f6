"""How sellers' interfaces do of late, and which calls need someone."""

from datetime import datetime
from typing import get_args
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import Actor
from tradehall.protocols.requests import Activity
from tradehall.provisioning.model import Verdict
from tradehall.provisioning.queries import calls_of, viewer_params


class Health(msgspec.Struct, frozen=True):
    """How one interface of a seller did of late, over its last tries (at most two hundred)."""

    activity: Activity
    tries: int
    failures: int
    failing_in_a_row: int
    last_at: datetime
    last_verdict: Verdict
    last_code: str | None
    last_trouble: str | None
    last_message: str | None
    median_ms: float | None


async def interfaces(reader: Reader, seller_id: UUID) -> list[Health]:
    """Each interface's recent record, the failing ones first."""
    return await reader.fetch_all(
        Health,
        """
        SELECT a.activity, count(*) AS tries, count(*) FILTER (WHERE r.bad) AS failures,
               coalesce(min(r.n) FILTER (WHERE NOT r.bad) - 1, count(*)) AS failing_in_a_row,
               max(r.started_at) AS last_at,
               (array_agg(r.verdict ORDER BY r.n))[1] AS last_verdict,
               (array_agg(r.result_code ORDER BY r.n))[1] AS last_code,
               (array_agg(r.trouble ORDER BY r.n))[1] AS last_trouble,
               (array_agg(r.message ORDER BY r.n))[1] AS last_message,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY r.milliseconds) AS median_ms
        FROM unnest(%(activities)s::text[]) AS a (activity),
        LATERAL (
            SELECT row_number() OVER (ORDER BY t.started_at DESC) AS n, t.*,
                   t.verdict NOT IN ('success', 'in_progress')
                   -- What is to be released and unknown to the seller is gone, which is all that was asked.
                   AND NOT (t.activity = 'releaseInstance' AND t.result_code IS NOT DISTINCT FROM '000003')
                   -- Nor is the seller's no to a change.
                   AND NOT (t.activity = 'changeInstanceCheck' AND t.verdict = 'refused') AS bad
            FROM call_attempts t WHERE t.seller_id = %(seller)s AND t.activity = a.activity
            ORDER BY t.started_at DESC LIMIT 200
        ) r
        GROUP BY a.activity
        ORDER BY failing_in_a_row DESC, failures DESC, a.activity
        """,
        {"seller": seller_id, "activities": list(get_args(Activity))},
    )


class CallCounts(msgspec.Struct, frozen=True):
    """Calls that need someone, each counted to a thousand at most."""

    failing: int
    given_up: int
    under_way: int


async def call_counts(reader: Reader, viewer: Actor) -> CallCounts:
    """How many calls of the viewer fail and will be tried again, were given up, or are under way."""
    counts = await reader.fetch_one(
        CallCounts,
        f"""
        SELECT (SELECT count(*) FROM (SELECT FROM seller_calls c WHERE {calls_of(viewer)} AND c.state = 'waiting'
                AND c.attempts > 0 AND c.verdict <> 'in_progress' LIMIT 1000) f) AS failing,
               (SELECT count(*) FROM (SELECT FROM seller_calls c WHERE {calls_of(viewer)} AND c.state = 'failed'
                LIMIT 1000) f) AS given_up,
               (SELECT count(*) FROM (SELECT FROM seller_calls c WHERE {calls_of(viewer)} AND c.state = 'running'
                LIMIT 1000) f) AS under_way
        """,
        viewer_params(viewer),
    )
    assert counts is not None
    return counts


class FailingSeller(msgspec.Struct, frozen=True):
    """A seller whose server fails: calls that are tried again, calls given up of late, and which interfaces."""

    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    failing: int
    given_up: int
    activities: list[Activity]
    last_at: datetime


async def failing_sellers(reader: Reader, since: datetime) -> list[FailingSeller]:
    """The sellers with failing calls, the worst first, at most twenty: from the latest four thousand calls that are
    tried again, or were given up after `since`. Served by seller_calls_all_troubled."""
    return await reader.fetch_all(
        FailingSeller,
        """
        WITH troubled AS (
            SELECT id, seller_id, activity, state, trouble, last_attempt_at FROM seller_calls
            WHERE state IN ('waiting', 'failed') AND attempts > 0 AND verdict <> 'in_progress'
            ORDER BY id DESC LIMIT 4000
        ), bad AS (
            SELECT seller_id, activity, state, last_attempt_at FROM troubled
            WHERE state = 'waiting' OR id >= %(since)s
        )
        SELECT b.seller_id, s.name_en AS seller_name_en, s.name_zh AS seller_name_zh,
               count(*) FILTER (WHERE b.state = 'waiting') AS failing,
               count(*) FILTER (WHERE b.state = 'failed') AS given_up,
               array_agg(DISTINCT b.activity ORDER BY b.activity) AS activities, max(b.last_attempt_at) AS last_at
        FROM bad b JOIN organisations s ON s.id = b.seller_id
        GROUP BY b.seller_id, s.name_en, s.name_zh
        ORDER BY failing DESC, given_up DESC, b.seller_id LIMIT 20
        """,
        {"since": lowest_id(since)},
    )


class Backlog(msgspec.Struct, frozen=True):
    """Calls that are due and not yet made, those under way, and how long the first has been waiting."""

    waiting: int
    running: int
    late_seconds: float


async def backlog(reader: Reader) -> Backlog:
    """How far the workers are behind, counted to ten thousand at most per server. What waits until its server answers
    again does not count."""
    found = await reader.fetch_one(
        Backlog,
        """
        SELECT coalesce((
                   SELECT sum(due.n) FROM waiting_servers s, LATERAL (SELECT count(*) AS n FROM (
                       SELECT FROM seller_calls c
                       WHERE c.state = 'waiting' AND c.seller_id = s.seller_id AND c.endpoint_id = s.endpoint_id
                         AND c.due_at <= %(now)s LIMIT 10000) w) due
                   WHERE NOT s.held), 0)::integer AS waiting,
               (SELECT count(*) FROM (SELECT FROM seller_calls WHERE state = 'running' LIMIT 10000) r) AS running,
               coalesce(extract(epoch FROM %(now)s - (
                   SELECT min(s.next_at) FROM waiting_servers s WHERE s.next_at <= %(now)s)), 0)::float8
                   AS late_seconds
        """,
        {"now": reader.now},
    )
    assert found is not None
    return found
