"""Circuits: a seller's server that does not answer is not called any more until a probe finds that it does again.

What counts, when a circuit opens and what goes out meanwhile is decided where calls are handed out and concluded, in
the SQL functions `claim_seller_calls` and `conclude_seller_call`. Here is what people see of it, and what they can do.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.journal import Actor, Event
from tradehall.provisioning.lane import CHANNEL
from tradehall.provisioning.model import Call

CircuitState = Literal["closed", "counting", "open", "half_open"]


class Circuit(msgspec.Struct, frozen=True):
    """How it stands with a seller's server. `closed`: it answers; `counting`: it failed to answer `failures_in_a_row`
    calls, and with `trips_at` of them its calls begin to wait; `open`: they wait, but for a probe at `next_probe_at`;
    `half_open`: the probe is under way. `waiting` calls are counted to a thousand. `trips_at` 0: they never wait."""

    endpoint_id: UUID
    endpoint_name: str
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    state: CircuitState
    failures_in_a_row: int
    trips_at: int
    failed_at: datetime | None
    opened_at: datetime | None
    next_probe_at: datetime | None
    waiting: int


async def circuits(reader: Reader, viewer: Actor, trips_at: int) -> list[Circuit]:
    """A seller's circuits, the troubled first; to an operator those of all sellers that are not closed, at most fifty.

    `trips_at` is the setting `circuit_failures`. Buyers see none.
    """
    return await reader.fetch_all(
        Circuit,
        """
        WITH seen AS (
            SELECT endpoint_id FROM circuits WHERE failed_calls <> '{}' AND %(kind)s = 'platform'
            UNION ALL
            SELECT id FROM endpoints WHERE seller_id = %(organisation)s AND %(kind)s = 'seller'
        )
        SELECT e.id AS endpoint_id, e.name AS endpoint_name, e.seller_id, s.name_en AS seller_name_en,
               s.name_zh AS seller_name_zh, coalesce(cardinality(k.failed_calls), 0) AS failures_in_a_row,
               %(trips_at)s::integer AS trips_at, k.failed_at, k.opened_at, k.probe_at AS next_probe_at,
               CASE WHEN EXISTS (SELECT FROM seller_calls p WHERE p.id = k.probe_call AND p.state = 'running'
                                 AND p.attempts = k.probe_try) THEN 'half_open'
                    WHEN k.opened_at IS NOT NULL THEN 'open'
                    WHEN k.failed_at IS NOT NULL AND %(trips_at)s::integer > 0 THEN 'counting'
                    ELSE 'closed' END AS state,
               (SELECT count(*) FROM (
                   SELECT FROM seller_calls c
                   WHERE c.state = 'waiting' AND c.seller_id = e.seller_id AND c.endpoint_id = e.id LIMIT 1000) w
               ) AS waiting
        FROM seen
        JOIN endpoints e ON e.id = seen.endpoint_id
        JOIN organisations s ON s.id = e.seller_id
        LEFT JOIN circuits k ON k.endpoint_id = e.id
        ORDER BY k.opened_at, failures_in_a_row DESC, e.id LIMIT 50
        """,
        {"kind": viewer.kind, "organisation": viewer.organisation_id, "trips_at": trips_at},
    )


async def holds(reader: Reader, call: Call) -> bool:
    """Whether a waiting call waits, although it is due, until its server answers again."""
    held: bool = await reader.fetch_value(
        """
        SELECT EXISTS (SELECT FROM circuits k JOIN seller_calls c ON c.id = %(call)s
                       WHERE k.endpoint_id = c.endpoint_id AND k.opened_at IS NOT NULL AND NOT c.urgent)
        """,
        {"call": call.id},
    )
    return held


async def probe_changed_endpoint(tx: Tx, event: Event) -> None:
    """Its seller has put the address or the key right: whether that helps is found out at once. Reaction to
    endpoint.changed."""
    await tx.execute(
        """
        UPDATE circuits SET probe_at = %(now)s WHERE endpoint_id = %(endpoint)s AND probe_at > %(now)s
        RETURNING pg_notify(%(channel)s, '')
        """,
        {"endpoint": event.subject_id, "now": tx.now, "channel": CHANNEL},
    )
