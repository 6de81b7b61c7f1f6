"""The operation log of a supervised order: its journal entries with their hashes, and whether they are whole."""

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
