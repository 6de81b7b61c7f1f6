"""How calls queue: each belongs to a lane, and the calls of a lane go out strictly one after the other.

The head of a lane is waiting or running, all behind it are queued; a unique index makes that a fact. Whoever adds to a
lane, ends or restarts a call of it holds the row of the lane's instance meanwhile, so lanes change one step at a time.
"""

from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.provisioning.model import ACTIVITY_OF, Call, CallState, Purpose

CHANNEL: LiteralString = "seller_call"


class Target(msgspec.Struct, frozen=True):
    """Where a call goes and what it is about."""

    seller_id: UUID
    endpoint_id: UUID
    order_id: UUID
    order_number: str
    line_number: str
    instance_id: UUID | None


class Hands(msgspec.Struct, frozen=True):
    """The worker that may take a call on as it is written, and for how long: it has just come from the same lane."""

    worker: UUID
    lease: timedelta


async def enqueue(
    tx: Tx,
    purpose: Purpose,
    to: Target,
    until: datetime,
    *,
    lane: UUID,
    parameters: dict[str, str] | None = None,
    due_at: datetime | None = None,
    hands: Hands | None = None,
) -> UUID | None:
    """Writes a call at the end of its lane, to be made at `due_at` or else at once, and given up at `until`.

    With nothing before it the call goes straight into the `hands` that are offered: its id is returned, and the offerer
    has to make it now. Otherwise some worker is woken.
    """
    call_id = new_id(tx.now)
    taken = await tx.fetch_value(
        """
        INSERT INTO seller_calls (id, seller_id, endpoint_id, activity, purpose, lane, order_id, order_number,
                                  line_number, instance_id, parameters, due_at, window_ends_at, request_id, created_at,
                                  state, attempts, worker, leased_until, last_attempt_at)
        SELECT %(id)s, %(seller)s, %(endpoint)s, %(activity)s, %(purpose)s, %(lane)s, %(order)s, %(order_number)s,
               %(line_number)s, %(instance)s, %(parameters)s, %(due_at)s, %(until)s, %(request)s, %(now)s,
               CASE WHEN busy THEN 'queued' WHEN taken THEN 'running' ELSE 'waiting' END,
               CASE WHEN taken AND NOT busy THEN 1 ELSE 0 END,
               CASE WHEN taken AND NOT busy THEN %(worker)s::uuid END,
               CASE WHEN taken AND NOT busy THEN clock_timestamp() + %(lease)s END,
               CASE WHEN taken AND NOT busy THEN %(now)s::timestamptz END
        FROM (SELECT %(worker)s::uuid IS NOT NULL AS taken, EXISTS (
                SELECT FROM seller_calls WHERE lane = %(lane)s AND state IN ('waiting', 'running')) AS busy) AS place
        RETURNING state = 'running', CASE WHEN state = 'waiting' THEN pg_notify(%(channel)s, '') END
        """,
        {
            "id": call_id,
            "seller": to.seller_id,
            "endpoint": to.endpoint_id,
            "activity": ACTIVITY_OF[purpose],
            "purpose": purpose,
            "lane": lane,
            "order": to.order_id,
            "order_number": to.order_number,
            "line_number": to.line_number,
            "instance": to.instance_id,
            "parameters": msgspec.json.encode(parameters or {}).decode(),
            "due_at": due_at or tx.now,
            "until": until,
            "now": tx.now,
            "request": tx.request_id,
            "channel": CHANNEL,
            "worker": hands.worker if hands else None,
            "lease": hands.lease if hands else None,
        },
    )
    return call_id if taken else None


async def conclude(
    tx: Tx, call: Call, state: CallState, attempt: dict[str, Any], due_at: datetime | None = None
) -> bool:
    """Records a try and moves its call on: to succeeded or failed, or back to waiting until `due_at`.

    False when another worker has taken the call over: the try is on record, yet the call is not this worker's to move.
    """
    moved = await tx.fetch_value(
        """
        WITH held AS MATERIALIZED (
            SELECT FROM instances WHERE id = %(instance)s FOR NO KEY UPDATE
        ), moved AS (
            UPDATE seller_calls
            SET state = %(state)s, due_at = coalesce(%(due_at)s, due_at), worker = NULL, leased_until = NULL,
                settled_at = CASE WHEN %(due_at)s::timestamptz IS NULL THEN %(now)s::timestamptz END,
                verdict = %(verdict)s, result_code = %(code)s, trouble = %(trouble)s,
                first_sent = CASE WHEN %(sent)s THEN coalesce(first_sent, %(number)s) ELSE first_sent END
            WHERE (SELECT count(*) FROM held) >= 0
              AND id = %(call)s AND state = 'running' AND attempts = %(number)s
            RETURNING id
        ), tried AS (
            INSERT INTO call_attempts (call_id, number, seller_id, activity, started_at, milliseconds, url,
                                       request_body, status, response_headers, response_body, truncated, verdict,
                                       result_code, trouble, message, warnings)
            VALUES (%(call)s, %(number)s, %(seller)s, %(activity)s, %(started)s, %(milliseconds)s, %(url)s,
                    %(request)s, %(status)s, %(headers)s, %(response)s, %(truncated)s, %(verdict)s, %(code)s,
                    %(trouble)s, %(message)s, %(warnings)s)
            -- A try declared lost whose answer arrives after all: the record is put right.
            ON CONFLICT (call_id, number) DO UPDATE SET
                milliseconds = excluded.milliseconds, url = excluded.url, request_body = excluded.request_body,
                status = excluded.status, response_headers = excluded.response_headers,
                response_body = excluded.response_body, truncated = excluded.truncated, verdict = excluded.verdict,
                result_code = excluded.result_code, trouble = excluded.trouble, message = excluded.message,
                warnings = excluded.warnings
        )
        SELECT true FROM moved
        """,
        attempt
        | {
            "call": call.id,
            "instance": call.instance_id,
            "seller": call.seller_id,
            "activity": call.activity,
            "number": call.attempts,
            "state": state,
            "due_at": due_at,
            "now": tx.now,
        },
    )
    # Opening is the first call of a lane, and nothing is queued behind it before it has settled.
    if moved and due_at is None and call.purpose not in ("open", "notify"):
        await _advance(tx, call.lane)
    return bool(moved)


async def _advance(tx: Tx, lane: UUID) -> None:
    """The next call of a lane moves up; it is due since it was asked for."""
    await tx.execute(
        """
        UPDATE seller_calls SET state = 'waiting'
        WHERE id = (SELECT id FROM seller_calls WHERE lane = %(lane)s AND state = 'queued' ORDER BY place LIMIT 1)
        RETURNING pg_notify(%(channel)s, '')
        """,
        {"lane": lane, "channel": CHANNEL},
    )


async def resume(tx: Tx, call: Call, until: datetime) -> None:
    """Has a waiting or given-up call made at once; one given up may find its lane busy, and queues behind it."""
    await tx.execute(
        """
        UPDATE seller_calls c SET due_at = %(now)s, settled_at = NULL,
            window_ends_at = CASE WHEN state = 'failed' THEN %(until)s ELSE window_ends_at END,
            state = CASE WHEN state = 'failed' AND EXISTS (
                            SELECT FROM seller_calls h WHERE h.lane = c.lane AND h.state IN ('waiting', 'running'))
                         THEN 'queued' ELSE 'waiting' END
        WHERE id = %(id)s
        RETURNING pg_notify(%(channel)s, '')
        """,
        {"id": call.id, "now": tx.now, "until": until, "channel": CHANNEL},
    )
