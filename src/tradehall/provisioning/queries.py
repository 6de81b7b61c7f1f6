"""Every SELECT on instances and calls. Who may see them is written once, in `_calls_of` and `_instances_of`."""

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.protocols.v2 import Activity
from tradehall.provisioning.model import Attempt, Call, CallRow, CallState, Instance, InstanceState, Verdict
from tradehall.trading import queries as trading

CALL_COLUMNS: LiteralString = """
    c.id, c.seller_id, c.endpoint_id, c.activity, c.purpose, c.lane, c.order_id, c.order_number, c.line_number,
    c.instance_id, c.parameters, c.state, c.due_at, c.window_ends_at, c.attempts, c.verdict, c.result_code, c.trouble,
    c.last_attempt_at, c.settled_at, c.request_id, c.created_at
"""
_CALL_ROW: LiteralString = f"""
    SELECT {CALL_COLUMNS}, l.product_name_en, l.product_name_zh,
           s.name_en AS seller_name_en, s.name_zh AS seller_name_zh
    FROM seller_calls c
    JOIN order_lines l ON l.number = c.line_number
    JOIN organisations s ON s.id = c.seller_id
"""


class CallFilter(msgspec.Struct, frozen=True):
    """What the message log is narrowed to. `failing` means failed, or tried before and waiting to be tried again;
    `text` is the beginning of an order's number."""

    state: CallState | None = None
    activity: Activity | None = None
    failing: bool = False
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


def _calls_of(viewer: Actor) -> LiteralString:
    """The calls a viewer may see, as a condition on `seller_calls c`. Buyers see none."""
    return "true" if viewer.kind == "platform" else "c.seller_id = %(viewer)s AND %(viewer_kind)s = 'seller'"


def _viewer(viewer: Actor) -> dict[str, Any]:
    return {"viewer": viewer.organisation_id, "viewer_kind": viewer.kind}


async def calls(reader: Reader, viewer: Actor, wanted: PageRequest, only: CallFilter) -> Page[CallRow]:
    """The message log, newest first."""
    where, order = keyset(wanted, "c.id")
    narrowed: LiteralString = f"{_calls_of(viewer)} AND {where}"
    if only.state:
        narrowed += " AND c.state = %(state)s"
    if only.failing:
        # Spelt as the index of troubled calls has it, which then serves it.
        narrowed += (
            " AND (c.state = 'failed' OR (c.state = 'waiting' AND c.attempts > 0 AND c.verdict <> 'in_progress'))"
        )
    if only.state == "failed":
        narrowed += " AND c.state = 'failed'"
    if only.activity:
        narrowed += " AND c.activity = %(activity)s"
    if only.activity in ("releaseInstance", "orderNotify"):
        narrowed += " AND c.activity IN ('releaseInstance', 'orderNotify')"
    if only.text.strip():
        narrowed += """
            AND c.order_id IN (
                SELECT o.id FROM orders o
                WHERE o.number LIKE %(number)s AND (o.seller_id = %(viewer)s OR %(viewer_kind)s = 'platform')
                ORDER BY o.number DESC LIMIT 500)
        """
    if only.since:
        narrowed += " AND c.id >= %(since)s"
    if only.until:
        narrowed += " AND c.id < %(until)s"
    rows = await reader.fetch_all(
        CallRow,
        f"""
        WITH picked AS (SELECT c.id FROM seller_calls c WHERE {narrowed} ORDER BY {order} LIMIT %(fetch)s)
        {_CALL_ROW} JOIN picked ON picked.id = c.id ORDER BY {order}
        """,
        {
            "state": only.state,
            "activity": only.activity,
            "number": trading.number_prefix(only.text),
            "since": lowest_id(only.since) if only.since else None,
            "until": lowest_id(only.until) if only.until else None,
            **_viewer(viewer),
            **wanted.params,
        },
    )
    return page(rows, wanted, lambda row: row.id)


async def call(reader: Reader, viewer: Actor, call_id: UUID) -> CallRow | None:
    return await reader.fetch_one(
        CallRow, f"{_CALL_ROW} WHERE c.id = %(id)s AND {_calls_of(viewer)}", {"id": call_id, **_viewer(viewer)}
    )


async def attempts(reader: Reader, call_id: UUID) -> list[Attempt]:
    """The tries of a call the viewer was shown before, newest first, at most a hundred."""
    return await reader.fetch_all(
        Attempt,
        """
        SELECT call_id, number, started_at, milliseconds, url, request_body, status, response_headers, response_body,
               truncated, verdict, result_code, trouble, message, warnings
        FROM call_attempts WHERE call_id = %(call)s ORDER BY number DESC LIMIT 100
        """,
        {"call": call_id},
    )


async def calls_of_order(reader: Reader, order_id: UUID) -> list[Call]:
    """The calls made for an order the viewer was shown before, oldest first, its last hundred."""
    rows = await reader.fetch_all(
        Call,
        f"""
        SELECT {CALL_COLUMNS} FROM seller_calls c WHERE c.order_id = %(order)s
        ORDER BY c.id DESC, c.place DESC LIMIT 100
        """,
        {"order": order_id},
    )
    return rows[::-1]


async def call_for_update(reader: Reader, actor: Actor, call_id: UUID) -> Call | None:
    """A call of the actor's, its instance's row and its own locked in that order, as everybody locks them."""
    await reader.fetch_value(
        """
        SELECT true FROM instances WHERE id = (SELECT c.instance_id FROM seller_calls c WHERE c.id = %(id)s)
        FOR NO KEY UPDATE
        """,
        {"id": call_id},
    )
    return await reader.fetch_one(
        Call,
        f"""
        SELECT {CALL_COLUMNS} FROM seller_calls c WHERE c.id = %(id)s AND {_calls_of(actor)} FOR NO KEY UPDATE
        """,
        {"id": call_id, **_viewer(actor)},
    )


def _instances_of(viewer: Actor) -> LiteralString:
    """The instances a viewer may see, as a condition on `instances i`."""
    return {
        "platform": "true",
        "seller": "i.seller_id = %(viewer)s",
        "buyer": "i.buyer_id = %(viewer)s",
    }[viewer.kind]


_INSTANCE: LiteralString = """
    SELECT i.id, i.order_id, o.number AS order_number, i.buyer_id, i.seller_id, s.name_en AS seller_name_en,
           s.name_zh AS seller_name_zh, l.product_name_en, l.product_name_zh, p.slug AS product_slug,
           l.sku_name_en, l.sku_name_zh, l.charging_mode, l.quantity, k.quantity_name_en, k.quantity_name_zh,
           i.state, i.seller_instance_id, i.front_end_url, i.admin_url, i.user_name,
           i.password IS NOT NULL AS has_password, i.memo, i.details_at, i.opened_at, i.expires_at, i.closed_at,
           i.created_at
    FROM instances i
    JOIN orders o ON o.id = i.order_id
    JOIN order_lines l ON l.id = i.order_line_id
    JOIN skus k ON k.id = l.sku_id
    JOIN products p ON p.id = i.product_id
    JOIN organisations s ON s.id = i.seller_id
"""


async def instances(
    reader: Reader, viewer: Actor, wanted: PageRequest, *, state: InstanceState | None = None
) -> Page[Instance]:
    """The applications a viewer may see, newest first."""
    where, order = keyset(wanted, "i.id")
    rows = await reader.fetch_all(
        Instance,
        f"""
        {_INSTANCE} WHERE {_instances_of(viewer)} AND {where} AND (%(state)s::text IS NULL OR i.state = %(state)s)
        ORDER BY {order} LIMIT %(fetch)s
        """,
        {"viewer": viewer.organisation_id, "state": state, **wanted.params},
    )
    return page(rows, wanted, lambda row: row.id)


async def instance(reader: Reader, viewer: Actor, instance_id: UUID) -> Instance | None:
    return await reader.fetch_one(
        Instance,
        f"{_INSTANCE} WHERE i.id = %(id)s AND {_instances_of(viewer)}",
        {"id": instance_id, "viewer": viewer.organisation_id},
    )


async def instances_of_order(reader: Reader, order_id: UUID) -> list[Instance]:
    """The instances of an order the viewer was shown before."""
    return await reader.fetch_all(
        Instance, f"{_INSTANCE} WHERE i.order_id = %(order)s ORDER BY i.id LIMIT 20", {"order": order_id}
    )


class LockedInstance(msgspec.Struct, frozen=True):
    """What asking a seller about an instance needs to know. `asking`: such a call is already under way or waiting."""

    state: InstanceState
    seller_id: UUID
    endpoint_id: UUID
    order_id: UUID
    order_number: str
    line_number: str
    seller_instance_id: str
    details_at: datetime | None
    asking: bool


async def instance_for_update(reader: Reader, actor: Actor, instance_id: UUID) -> LockedInstance | None:
    """An instance of the actor's, its row locked."""
    await reader.fetch_value("SELECT true FROM instances WHERE id = %(id)s FOR NO KEY UPDATE", {"id": instance_id})
    return await reader.fetch_one(
        LockedInstance,
        f"""
        SELECT i.state, i.seller_id, i.endpoint_id, i.order_id, o.number AS order_number, l.number AS line_number,
               coalesce(i.seller_instance_id, '') AS seller_instance_id, i.details_at,
               EXISTS (SELECT FROM seller_calls c WHERE c.lane = i.id AND c.purpose = 'details'
                       AND c.state IN ('queued', 'waiting', 'running')) AS asking
        FROM instances i JOIN orders o ON o.id = i.order_id JOIN order_lines l ON l.id = i.order_line_id
        WHERE i.id = %(id)s AND {_instances_of(actor)}
        """,
        {"id": instance_id, "viewer": actor.organisation_id},
    )


async def sealed_password(reader: Reader, actor: Actor, instance_id: UUID) -> bytes | None:
    """The sealed password, empty where there is none; None when there is no such instance of the buyer's."""
    sealed: bytes | None = await reader.fetch_value(
        """
        SELECT coalesce(password, '') FROM instances
        WHERE id = %(id)s AND buyer_id = %(buyer)s AND %(kind)s = 'buyer'
        """,
        {"id": instance_id, "buyer": actor.organisation_id, "kind": actor.kind},
    )
    return sealed


class FailedInstance(msgspec.Struct, frozen=True):
    """What is known of an instance that could not be opened."""

    seller_instance_id: str | None
    outcome_unknown: bool


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


async def health(reader: Reader, seller_id: UUID) -> list[Health]:
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
        FROM unnest(ARRAY['newInstance', 'queryInstance', 'releaseInstance', 'orderNotify']) AS a (activity),
        LATERAL (
            SELECT row_number() OVER (ORDER BY t.started_at DESC) AS n, t.*,
                   t.verdict NOT IN ('success', 'in_progress') AND t.trouble IS DISTINCT FROM 'no_info'
                   -- What is to be released and unknown to the seller is gone, which is all that was asked.
                   AND NOT (t.activity = 'releaseInstance' AND t.result_code IS NOT DISTINCT FROM '000003') AS bad
            FROM call_attempts t WHERE t.seller_id = %(seller)s AND t.activity = a.activity
            ORDER BY t.started_at DESC LIMIT 200
        ) r
        GROUP BY a.activity
        ORDER BY failing_in_a_row DESC, failures DESC, a.activity
        """,
        {"seller": seller_id},
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
        SELECT (SELECT count(*) FROM (SELECT FROM seller_calls c WHERE {_calls_of(viewer)} AND c.state = 'waiting'
                AND c.attempts > 0 AND c.verdict <> 'in_progress' LIMIT 1000) f) AS failing,
               (SELECT count(*) FROM (SELECT FROM seller_calls c WHERE {_calls_of(viewer)} AND c.state = 'failed'
                LIMIT 1000) f) AS given_up,
               (SELECT count(*) FROM (SELECT FROM seller_calls c WHERE {_calls_of(viewer)} AND c.state = 'running'
                LIMIT 1000) f) AS under_way
        """,
        _viewer(viewer),
    )
    assert counts is not None
    return counts


async def lock_to_restart(reader: Reader, actor: Actor, call_ids: list[UUID]) -> list[UUID]:
    """Which of these calls are the actor's, in the order to restart them in. Their instances are locked first, all in
    one order, so that people who restart overlapping sets of calls at once wait for, and never block, each other."""
    params = {"ids": call_ids, **_viewer(actor)}
    await reader.fetch_values(
        f"""
        SELECT i.id FROM instances i
        WHERE i.id IN (SELECT c.instance_id FROM seller_calls c WHERE c.id = ANY(%(ids)s) AND {_calls_of(actor)})
        ORDER BY i.id FOR NO KEY UPDATE
        """,
        params,
    )
    return await reader.fetch_values(
        f"SELECT c.id FROM seller_calls c WHERE c.id = ANY(%(ids)s) AND {_calls_of(actor)} ORDER BY c.order_id, c.id",
        params,
    )


class WireNames(msgspec.Struct, frozen=True):
    """What the protocol calls an order's line: its specification and its way of being bought."""

    sku_code: str
    product_id: str


async def wire_names(reader: Reader, order_id: UUID) -> WireNames:
    """The skuCode and productId of an order the viewer was shown before."""
    found = await reader.fetch_one(
        WireNames,
        """
        SELECT k.code AS sku_code, r.code AS product_id
        FROM order_lines l JOIN skus k ON k.id = l.sku_id JOIN prices r ON r.id = l.price_id
        WHERE l.order_id = %(order)s LIMIT 1
        """,
        {"order": order_id},
    )
    assert found is not None, "an order has a line"
    return found


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
            WHERE (state = 'waiting' AND trouble IS DISTINCT FROM 'no_info')
               OR (state = 'failed' AND id >= %(since)s)
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
    """How far the workers are behind, counted to ten thousand at most."""
    found = await reader.fetch_one(
        Backlog,
        """
        SELECT (SELECT count(*) FROM (SELECT FROM seller_calls WHERE state = 'waiting' AND due_at <= %(now)s
                                      LIMIT 10000) w) AS waiting,
               (SELECT count(*) FROM (SELECT FROM seller_calls WHERE state = 'running' LIMIT 10000) r) AS running,
               coalesce(extract(epoch FROM %(now)s - (
                   SELECT min(due_at) FROM seller_calls WHERE state = 'waiting' AND due_at <= %(now)s)), 0)::float8
                   AS late_seconds
        """,
        {"now": reader.now},
    )
    assert found is not None
    return found
