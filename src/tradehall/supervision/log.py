"""The operation log of a supervised order: its journal entries with their hashes, and whether they are whole."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Entry, check_chain

# More than any order has; a longer log is shown from its beginning and not called whole.
MOST_ENTRIES = 5000


class Log(msgspec.Struct, frozen=True):
    """Entries, oldest first. `whole`: each follows from the one before, and none is missing at the end."""

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
    entries = await reader.fetch_all(
        Entry,
        """
        SELECT subject_kind, subject_id, seq, kind, at, entry, hash FROM events
        WHERE subject_kind = 'order' AND subject_id = %(order)s ORDER BY seq LIMIT %(most)s
        """,
        {"order": order_id, "most": MOST_ENTRIES},
    )
    head = await reader.fetch_one(
        _Head,
        "SELECT seq, hash FROM journal_heads WHERE subject_kind = 'order' AND subject_id = %(order)s",
        {"order": order_id},
    )
    last = (entries[-1].seq, entries[-1].hash) if entries else None
    whole = check_chain(entries) is None and head is not None and last == (head.seq, head.hash)
    return Log(entries, whole)
