"""The operation log of a supervised order: its journal entries with their hashes, and whether they are whole."""

from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Entry, check_chain
from tradehall.supervision.disputes.model import PROCEDURES

# More than an order has where nobody means harm. Of a longer log what belongs to the supervision is shown, and so many
# of the last entries are checked: whatever else somebody has written into it, it hides nothing and stops nothing.
MOST_ENTRIES = 5000
_OF_SUPERVISION = ["supervision.%", *(f"{kind}.%" for kind in PROCEDURES)]


class Log(msgspec.Struct, frozen=True):
    """Entries, oldest first. `whole`: of those that are checked each follows from the one before, and none is missing
    at the end."""

    entries: list[Entry]
    whole: bool


class _Head(msgspec.Struct, frozen=True):
    seq: int
    hash: bytes


# An act comes with a few entries of what follows from it.
_ENTRIES_OF_AN_ACT = 5


async def acts_within(reader: Reader, order_id: UUID, side: str, span: timedelta, most: int) -> list[datetime]:
    """When a side acted in a supervised order within a span that ends now, newest first; at most `most` times."""
    moments: list[datetime] = await reader.fetch_values(
        """
        SELECT at FROM (
            SELECT seq, at, entry FROM events WHERE subject_kind = 'order' AND subject_id = %(order)s
            ORDER BY seq DESC LIMIT %(looked_at)s) latest
        WHERE at > %(since)s AND entry::jsonb #>> '{actor,kind}' = %(side)s
          AND entry::jsonb #> '{facts,act}' IS NOT NULL
        ORDER BY seq DESC LIMIT %(most)s
        """,
        {
            "order": order_id,
            "side": side,
            "since": reader.now - span,
            "most": most,
            "looked_at": 2 * most * _ENTRIES_OF_AN_ACT,
        },
    )
    return moments


async def log_of(reader: Reader, order_id: UUID) -> Log:
    """All that was written down of an order, and checks it; who may see the order was decided before."""
    head = await reader.fetch_one(
        _Head,
        "SELECT seq, hash FROM journal_heads WHERE subject_kind = 'order' AND subject_id = %(order)s",
        {"order": order_id},
    )
    if head is None:
        return Log([], False)
    # One more than is checked, after which the first of them comes.
    latest = await _entries(
        reader,
        "seq >= %(from)s AND seq <= %(head)s ORDER BY seq",
        {"order": order_id, "from": head.seq - MOST_ENTRIES, "head": head.seq},
    )
    after = latest[0] if head.seq > MOST_ENTRIES and latest else None
    chain = latest[1:] if after else latest
    last = (chain[-1].seq, chain[-1].hash) if chain else None
    whole = check_chain(chain, after) is None and last == (head.seq, head.hash)
    if after is None:
        return Log(chain, whole)
    shown = await _entries(
        reader,
        "seq <= %(head)s AND kind LIKE ANY(%(kinds)s) ORDER BY seq DESC",
        {"order": order_id, "head": head.seq, "kinds": _OF_SUPERVISION},
    )
    return Log(shown[::-1], whole)


async def _entries(reader: Reader, where: LiteralString, params: dict[str, Any]) -> list[Entry]:
    return await reader.fetch_all(
        Entry,
        f"""
        SELECT subject_kind, subject_id, seq, kind, at, entry, hash FROM events
        WHERE subject_kind = 'order' AND subject_id = %(order)s AND {where} LIMIT {MOST_ENTRIES + 1}
        """,
        params,
    )
