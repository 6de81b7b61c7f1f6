"""How calls queue: each belongs to a lane, and the calls of a lane go out strictly one after the other.

The head of a lane is waiting or running, all behind it are queued; a unique index makes that a fact. Whoever adds to a
lane, ends or restarts a call of it holds the row of the lane's instance meanwhile, so lanes change one step at a time.
"""

from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.protocols.requests import Generation
from tradehall.provisioning.model import CHANGING, Attempt, Call, CallState, Purpose, activity_for

CHANNEL: LiteralString = "seller_call"


class Target(msgspec.Struct, frozen=True):
    """Where a call goes and what it is about."""

    seller_id: UUID
    endpoint_id: UUID
    generation: Generation
    order_id: UUID
    order_number: str
    line_number: str
    instance_id: UUID | None


class Hands(msgspec.Struct, frozen=True):
    """The worker that may take a call on as it is written, and for how long: it has just come from the same lane."""

    worker: UUID
    lease: timedelta


_NEXT_REVISION: LiteralString = """
    WITH changed AS (UPDATE instances SET revision = revision + 1 WHERE id = %(instance)s RETURNING revision)
"""
_NO_REVISION: LiteralString = "WITH changed AS (SELECT NULL::bigint AS revision)"


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
    """Writes a call at the end of its lane, to be made at `due_at` or else at once, and given up at `until`. What
    changes the instance takes its next revision. The caller knows that the seller's generation has this interface.

    With nothing before it the call goes straight into the `hands` that are offered: its id is returned, and the offerer
    has to make it now. Otherwise some worker is woken.
    """
    call_id = new_id(tx.now)
    parameters = parameters or {}
    taken = await tx.fetch_value(
        f"""
        {_NEXT_REVISION if purpose in CHANGING else _NO_REVISION}
        INSERT INTO seller_calls (id, seller_id, endpoint_id, activity, purpose, lane, order_id, order_number,
                                  line_number, instance_id, parameters, due_at, window_ends_at, request_id, created_at,
                                  state, attempts, worker, leased_until, last_attempt_at, revision)
        SELECT %(id)s, %(seller)s, %(endpoint)s, %(activity)s, %(purpose)s, %(lane)s, %(order)s, %(order_number)s,
               %(line_number)s, %(instance)s, %(parameters)s, %(due_at)s, %(until)s, %(request)s, %(now)s,
               CASE WHEN busy THEN 'queued' WHEN taken THEN 'running' ELSE 'waiting' END,
               CASE WHEN taken AND NOT busy THEN 1 ELSE 0 END,
               CASE WHEN taken AND NOT busy THEN %(worker)s::uuid END,
               CASE WHEN taken AND NOT busy THEN clock_timestamp() + %(lease)s END,
               CASE WHEN taken AND NOT busy THEN %(now)s::timestamptz END,
               (SELECT revision FROM changed)
        FROM (SELECT %(worker)s::uuid IS NOT NULL AS taken, EXISTS (
                SELECT FROM seller_calls WHERE lane = %(lane)s AND state IN ('waiting', 'running')) AS busy) AS place
        RETURNING state = 'running', CASE WHEN state = 'waiting' THEN pg_notify(%(channel)s, '') END
        """,
        {
            "id": call_id,
            "seller": to.seller_id,
            "endpoint": to.endpoint_id,
            "activity": activity_for(purpose, to.generation, parameters),
            "purpose": purpose,
            "lane": lane,
            "order": to.order_id,
            "order_number": to.order_number,
            "line_number": to.line_number,
            "instance": to.instance_id,
            "parameters": _json(parameters),
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


class Details(msgspec.Struct, frozen=True):
    """What a query learned of an instance; the password is sealed."""

    front_end_url: str | None
    admin_url: str | None
    user_name: str | None
    password: bytes | None
    memo: str | None


async def conclude(
    tx: Tx,
    call: Call,
    state: CallState,
    attempt: Attempt,
    *,
    sent: bool,
    due_at: datetime | None = None,
    details: Details | None = None,
) -> bool:
    """Records a try and moves its call on: to succeeded or failed, or back to waiting until `due_at`. In one statement.

    False when another worker has taken the call over: the try is on record, yet the call is not this worker's to move.
    """
    moved: bool = await tx.fetch_value(
        """
        SELECT conclude_seller_call(%(call)s, %(number)s, %(lane)s, %(instance)s, %(now)s, %(state)s, %(due_at)s,
                                    %(sent)s, %(attempt)s, %(details)s, %(durable)s)
        """,
        {
            "call": call.id,
            "number": call.attempts,
            "lane": call.lane,
            "instance": call.instance_id,
            "now": tx.now,
            "state": state,
            "due_at": due_at,
            "sent": sent,
            "attempt": _json(
                {**msgspec.structs.asdict(attempt), "seller_id": call.seller_id, "activity": call.activity}
            ),
            "details": _json(details) if details else None,
            # Should a crash of the database undo that an instance's details were learned, they are asked for again.
            "durable": call.purpose != "details",
        },
    )
    return moved


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def resume(tx: Tx, call: Call, until: datetime) -> None:
    """Has a waiting or given-up call made at once, even if its server's circuit is open; one given up may find its lane
    busy, and queues behind it."""
    await tx.execute(
        """
        UPDATE seller_calls c SET due_at = %(now)s, urgent = true, settled_at = NULL,
            window_ends_at = CASE WHEN state = 'failed' THEN %(until)s ELSE window_ends_at END,
            state = CASE WHEN state = 'failed' AND EXISTS (
                            SELECT FROM seller_calls h WHERE h.lane = c.lane AND h.state IN ('waiting', 'running'))
                         THEN 'queued' ELSE 'waiting' END
        WHERE id = %(id)s
        RETURNING pg_notify(%(channel)s, '')
        """,
        {"id": call.id, "now": tx.now, "until": until, "channel": CHANNEL},
    )


async def rename(tx: Tx, call: Call, parameters: dict[str, str]) -> None:
    """Has a waiting call ask by other names from its next try on. Whoever calls this holds the instance."""
    await tx.execute(
        "UPDATE seller_calls SET parameters = %(parameters)s WHERE id = %(id)s RETURNING pg_notify(%(channel)s, '')",
        {"id": call.id, "parameters": _json(parameters), "channel": CHANNEL},
    )


async def supersede(tx: Tx, lane: UUID) -> None:
    """Ends what would freeze or unfreeze a lane's instance and is neither done nor under way: something newer follows.
    Whoever calls this holds the instance."""
    await tx.execute(
        """
        UPDATE seller_calls SET state = 'cancelled', settled_at = %(now)s
        WHERE lane = %(lane)s AND purpose IN ('freeze', 'unfreeze') AND state IN ('queued', 'waiting', 'failed')
        """,
        {"lane": lane, "now": tx.now},
    )
    await tx.execute(
        """
        UPDATE seller_calls SET state = 'waiting'
        WHERE id = (SELECT id FROM seller_calls WHERE lane = %(lane)s AND state = 'queued' ORDER BY place LIMIT 1)
          AND NOT EXISTS (SELECT FROM seller_calls WHERE lane = %(lane)s AND state IN ('waiting', 'running'))
        """,
        {"lane": lane},
    )


async def is_overtaken(tx: Tx, call: Call) -> bool:
    """Whether a newer renewal than this call was confirmed by the seller, or is being told to it."""
    overtaken: bool = await tx.fetch_value(
        """
        SELECT EXISTS (SELECT FROM seller_calls c JOIN seller_calls own ON own.id = %(id)s
                       WHERE c.lane = own.lane AND c.place > own.place AND c.order_id IN (
                                 SELECT o.id FROM orders o WHERE o.subscription_id = own.instance_id)
                         AND c.purpose = 'renew' AND c.state IN ('queued', 'waiting', 'running', 'succeeded'))
        """,
        {"id": call.id},
    )
    return overtaken


async def is_superseded(tx: Tx, call: Call) -> bool:
    """Whether a newer call decides what the instance's status is to be."""
    if call.purpose not in ("freeze", "unfreeze"):
        return False
    newer: bool = await tx.fetch_value(
        """
        SELECT EXISTS (SELECT FROM seller_calls c JOIN seller_calls own ON own.id = %(id)s
                       WHERE c.lane = own.lane AND c.place > own.place
                         AND c.purpose IN ('freeze', 'unfreeze', 'release') AND c.state <> 'cancelled')
        """,
        {"id": call.id},
    )
    return newer
