"""Every SELECT on instances and calls. Who may see them is written once, in `calls_of` and `_instances_of`."""

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.protocols.requests import Activity, Generation
from tradehall.provisioning.lane import Target
from tradehall.provisioning.model import Attempt, Call, CallRow, CallState, Instance, InstanceState
from tradehall.trading import queries as trading

CALL_COLUMNS: LiteralString = """
    c.id, c.seller_id, c.endpoint_id, c.activity, c.purpose, c.lane, c.order_id, c.order_number, c.line_number,
    c.instance_id, c.parameters, c.state, c.due_at, c.window_ends_at, c.attempts, c.verdict, c.result_code, c.trouble,
    c.last_attempt_at, c.settled_at, c.request_id, c.created_at, c.revision
"""
_CALL_ROW: LiteralString = f"""
    SELECT {CALL_COLUMNS}, l.product_name_en, l.product_name_zh,
           s.name_en AS seller_name_en, s.name_zh AS seller_name_zh, o.paid_at IS NOT NULL AS order_paid
    FROM seller_calls c
    JOIN orders o ON o.id = c.order_id
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


def calls_of(viewer: Actor) -> LiteralString:
    """The calls a viewer may see, as a condition on `seller_calls c`. Buyers see none."""
    return "true" if viewer.kind == "platform" else "c.seller_id = %(viewer)s AND %(viewer_kind)s = 'seller'"


def viewer_params(viewer: Actor) -> dict[str, Any]:
    return {"viewer": viewer.organisation_id, "viewer_kind": viewer.kind}


async def calls(reader: Reader, viewer: Actor, wanted: PageRequest, only: CallFilter) -> Page[CallRow]:
    """The message log, newest first."""
    where, order = keyset(wanted, "c.id")
    narrowed: LiteralString = f"{calls_of(viewer)} AND {where}"
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
    if only.activity not in (None, "newInstance", "queryInstance"):
        narrowed += " AND c.activity NOT IN ('newInstance', 'queryInstance')"  # as the index of the rarer has it
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
            **viewer_params(viewer),
            **wanted.params,
        },
        by_values=bool(only.text.strip()),
    )
    return page(rows, wanted, lambda row: row.id)


async def call(reader: Reader, viewer: Actor, call_id: UUID) -> CallRow | None:
    return await reader.fetch_one(
        CallRow, f"{_CALL_ROW} WHERE c.id = %(id)s AND {calls_of(viewer)}", {"id": call_id, **viewer_params(viewer)}
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


async def calls_of_instance(reader: Reader, viewer: Actor, instance_id: UUID) -> list[Call]:
    """The calls made for an instance, whatever order they were for, oldest first, its last fifty."""
    rows = await reader.fetch_all(
        Call,
        f"""
        SELECT {CALL_COLUMNS} FROM seller_calls c
        WHERE c.order_id IN (SELECT i.order_id FROM instances i WHERE i.id = %(instance)s
                             UNION ALL SELECT o.id FROM orders o WHERE o.subscription_id = %(instance)s)
          AND {calls_of(viewer)}
        ORDER BY c.id DESC, c.place DESC LIMIT 50
        """,
        {"instance": instance_id, **viewer_params(viewer)},
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
        SELECT {CALL_COLUMNS} FROM seller_calls c WHERE c.id = %(id)s AND {calls_of(actor)} FOR NO KEY UPDATE
        """,
        {"id": call_id, **viewer_params(actor)},
    )


def _instances_of(viewer: Actor) -> LiteralString:
    """The instances a viewer may see, as a condition on `instances i`."""
    return {
        "system": "true",
        "platform": "true",
        "seller": "i.seller_id = %(viewer)s",
        "buyer": "i.buyer_id = %(viewer)s",
    }[viewer.kind]


_INSTANCE: LiteralString = """
    SELECT i.id, i.order_id, o.number AS order_number, i.buyer_id, i.seller_id, s.name_en AS seller_name_en,
           s.name_zh AS seller_name_zh, l.product_name_en, l.product_name_zh, p.slug AS product_slug,
           k.name_en AS sku_name_en, k.name_zh AS sku_name_zh, l.charging_mode,
           coalesce(t.quantity, l.quantity) AS quantity, k.quantity_name_en, k.quantity_name_zh,
           i.state, i.seller_instance_id, i.front_end_url, i.admin_url, i.user_name,
           i.password IS NOT NULL AS has_password, i.memo, i.details_at, i.opened_at, i.closed_at,
           i.created_at, t.expires_at, t.state AS subscription_state,
           coalesce(t.trial, o.order_type = 'TRIAL') AS trial,
           t.suspended_at, t.frozen_at, t.ended_at, t.end_reason, t.auto_renew_by IS NOT NULL AS auto_renew
    FROM instances i
    JOIN orders o ON o.id = i.order_id
    JOIN order_lines l ON l.id = i.order_line_id
    LEFT JOIN subscriptions t ON t.id = i.id
    JOIN skus k ON k.id = coalesce(t.sku_id, l.sku_id)
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
    """The instances of an order the viewer was shown before: those it opens, or the one it is about."""
    return await reader.fetch_all(
        Instance,
        f"""
        {_INSTANCE}
        WHERE i.order_id = %(order)s OR i.id = (SELECT a.subscription_id FROM orders a WHERE a.id = %(order)s)
        ORDER BY i.id LIMIT 20
        """,
        {"order": order_id},
    )


async def investigated_until(reader: Reader, order_id: UUID) -> datetime | None:
    """Until when a given up call of an order is held for a person, before what it was for is undone."""
    until: datetime | None = await reader.fetch_value(
        """
        SELECT d.due_at FROM seller_calls c
        JOIN due_rows d ON d.kind = 'call.investigation' AND d.subject_id = c.id
        WHERE c.order_id = %(order)s AND c.purpose IN ('renew', 'change') LIMIT 1
        """,
        {"order": order_id},
    )
    return until


class LockedInstance(msgspec.Struct, frozen=True):
    """What asking a seller about an instance needs to know. `asking`: such a call is already under way or waiting."""

    state: InstanceState
    seller_id: UUID
    endpoint_id: UUID | None
    generation: Generation | None
    order_id: UUID
    order_number: str
    line_number: str
    seller_instance_id: str
    charging_mode: str
    revision: int
    details_at: datetime | None
    asking: bool

    def target(self, instance_id: UUID) -> Target:
        """Where calls about it go; only what a seller's server made has one."""
        assert self.endpoint_id, "only a server can be asked"
        assert self.generation, "a server speaks one generation"
        return Target(
            self.seller_id,
            self.endpoint_id,
            self.generation,
            self.order_id,
            self.order_number,
            self.line_number,
            instance_id,
        )


async def instance_for_update(reader: Reader, actor: Actor, instance_id: UUID) -> LockedInstance | None:
    """An instance of the actor's, its row locked."""
    await reader.fetch_value("SELECT true FROM instances WHERE id = %(id)s FOR NO KEY UPDATE", {"id": instance_id})
    return await reader.fetch_one(
        LockedInstance,
        f"""
        SELECT i.state, i.seller_id, i.endpoint_id, e.generation, l.charging_mode, i.revision, i.order_id,
               o.number AS order_number, l.number AS line_number,
               coalesce(i.seller_instance_id, '') AS seller_instance_id, i.details_at,
               EXISTS (SELECT FROM seller_calls c WHERE c.lane = i.id AND c.purpose = 'details'
                       AND (c.state = 'queued' OR c.state IN ('waiting', 'running'))) AS asking
        FROM instances i
        JOIN orders o ON o.id = i.order_id
        JOIN order_lines l ON l.id = i.order_line_id
        LEFT JOIN endpoints e ON e.id = i.endpoint_id
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


async def lock_to_restart(reader: Reader, actor: Actor, call_ids: list[UUID]) -> list[UUID]:
    """Which of these calls are the actor's, in the order to restart them in. Their instances are locked first, all in
    one order, so that people who restart overlapping sets of calls at once wait for, and never block, each other."""
    params = {"ids": call_ids, **viewer_params(actor)}
    await reader.fetch_values(
        f"""
        SELECT i.id FROM instances i
        WHERE i.id IN (SELECT c.instance_id FROM seller_calls c WHERE c.id = ANY(%(ids)s) AND {calls_of(actor)})
        ORDER BY i.id FOR NO KEY UPDATE
        """,
        params,
    )
    return await reader.fetch_values(
        f"SELECT c.id FROM seller_calls c WHERE c.id = ANY(%(ids)s) AND {calls_of(actor)} ORDER BY c.order_id, c.id",
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


async def some_try_is_unknown(reader: Reader, call_id: UUID) -> bool:
    """Whether some try of a call may have had its effect although no answer said so."""
    unknown: bool = await reader.fetch_value(
        """
        SELECT EXISTS (SELECT FROM call_attempts
                       WHERE call_id = %(call)s
                         AND verdict IN ('in_progress', 'timed_out', 'unreadable', 'interrupted'))
        """,
        {"call": call_id},
    )
    return unknown


async def next_unknown_try(reader: Reader, call_id: UUID, after: int) -> int | None:
    """The first try of a call after that number of which nobody knows whether it had its effect."""
    number: int | None = await reader.fetch_value(
        """
        SELECT min(number) FROM call_attempts
        WHERE call_id = %(call)s AND number > %(after)s
          AND verdict IN ('in_progress', 'timed_out', 'unreadable', 'interrupted')
        """,
        {"call": call_id, "after": after},
    )
    return number


async def call_to_compensate(reader: Reader, call_id: UUID) -> Call | None:
    """A call whose investigation is over, its instance's row and its own locked in that order."""
    await reader.fetch_value(
        """
        SELECT true FROM instances WHERE id = (SELECT c.instance_id FROM seller_calls c WHERE c.id = %(id)s)
        FOR NO KEY UPDATE
        """,
        {"id": call_id},
    )
    return await reader.fetch_one(
        Call, f"SELECT {CALL_COLUMNS} FROM seller_calls c WHERE c.id = %(id)s FOR NO KEY UPDATE", {"id": call_id}
    )


async def expiry_before(reader: Reader, order_id: UUID) -> datetime | None:
    """When the term ended that an order about a subscription was to prolong."""
    before: datetime | None = await reader.fetch_value(
        "SELECT starts_at FROM order_lines WHERE order_id = %(order)s", {"order": order_id}
    )
    return before
