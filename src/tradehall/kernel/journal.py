"""The journal: every change as an event, each holding the hash of the one before on the same subject.

An entry's hash is SHA-256 over the previous entry's hash followed by the UTF-8 text
`seq LF kind LF at LF entry`, `at` being microseconds since 1970 and `entry` the canonical JSON as stored. The head of
each chain stands in a row of its own: it serialises writers on a subject, and shows when the last entries are missing.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a person for an organisation, or the system. `kind` is the organisation's kind, or "system"."""

    kind: str
    person_id: UUID | None = None
    organisation_id: UUID | None = None
    role: str = ""
    name: str = ""


SYSTEM = Actor("system")


class Event(msgspec.Struct, frozen=True):
    """What happened, as its reactions see it."""

    kind: str
    subject_kind: str
    subject_id: UUID
    facts: dict[str, Any]
    at: datetime
    actor: Actor
    request_id: str


class Entry(msgspec.Struct, frozen=True):
    """An event as it stands in the journal. `entry` is canonical JSON: {"actor":{…},"facts":{…},"request_id":…}."""

    subject_kind: str
    subject_id: UUID
    seq: int
    kind: str
    at: datetime
    entry: str
    hash: bytes

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = msgspec.json.decode(self.entry)
        return content


_encoder = msgspec.json.Encoder(order="sorted")


# What append_events does for one event, without the detour through arrays: most transactions record just one.
_APPEND_ONE = """
    WITH head AS (
        INSERT INTO journal_heads AS h (subject_kind, subject_id, seq, hash)
        VALUES (%(subject_kind)s, %(subject_id)s, 1, sha256(convert_to('1' || E'\\n' || %(signed)s, 'UTF8')))
        ON CONFLICT (subject_kind, subject_id) DO UPDATE
            SET seq = h.seq + 1,
                hash = sha256(h.hash || convert_to((h.seq + 1)::text || E'\\n' || %(signed)s, 'UTF8'))
        RETURNING seq, hash
    )
    INSERT INTO events (subject_kind, subject_id, seq, kind, at, entry, hash)
    SELECT %(subject_kind)s, %(subject_id)s, head.seq, %(kind)s, %(at)s, %(entry)s, head.hash FROM head
"""


async def append(connection: AsyncConnection[Any], events: Sequence[Event]) -> None:
    """Writes events in order, each at the end of its subject's chain."""
    entries = [_entry(event) for event in events]
    if len(events) == 1:
        (event,), (entry,) = events, entries
        await connection.execute(
            _APPEND_ONE,
            {
                "subject_kind": event.subject_kind,
                "subject_id": event.subject_id,
                "kind": event.kind,
                "at": event.at,
                "entry": entry,
                "signed": _signed(event.kind, event.at, entry),
            },
        )
        return
    await connection.execute(
        "SELECT append_events(%s, %s, %s, %s, %s, %s)",
        (
            [event.subject_kind for event in events],
            [event.subject_id for event in events],
            [event.kind for event in events],
            [event.at for event in events],
            entries,
            [_signed(event.kind, event.at, entry) for event, entry in zip(events, entries, strict=True)],
        ),
    )


def _entry(event: Event) -> str:
    actor = {
        "kind": event.actor.kind,
        "person": event.actor.person_id,
        "organisation": event.actor.organisation_id,
        "name": event.actor.name,
    }
    return _encoder.encode({"actor": actor, "facts": event.facts, "request_id": event.request_id}).decode()


def _signed(kind: str, at: datetime, entry: str) -> str:
    return f"{kind}\n{_microseconds(at)}\n{entry}"


def _microseconds(at: datetime) -> int:
    # Not timestamp() * 1e6: a float has not the digits for that.
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def entry_hash(previous: bytes, seq: int, kind: str, at: datetime, entry: str) -> bytes:
    """The hash an entry must have after one whose hash is `previous` (empty for the first)."""
    return hashlib.sha256(previous + f"{seq}\n{_signed(kind, at, entry)}".encode()).digest()


class Flaw(msgspec.Struct, frozen=True):
    """Something that does not fit in a chain: `what` is "changed", "missing" or "cut_off"."""

    subject_kind: str
    subject_id: UUID
    seq: int
    what: str


def check_chain(entries: Iterable[Entry], after: Entry | None = None) -> Flaw | None:
    """The first flaw of one subject's entries in order, all of them or those after one; None for a whole chain."""
    previous, expected = (after.hash, after.seq + 1) if after else (b"", 1)
    for one in entries:
        if one.seq != expected:
            return Flaw(one.subject_kind, one.subject_id, expected, "missing")
        if one.hash != entry_hash(previous, one.seq, one.kind, one.at, one.entry):
            return Flaw(one.subject_kind, one.subject_id, one.seq, "changed")
        previous, expected = one.hash, expected + 1
    return None


_CHAINS = """
    SELECT subject_kind, subject_id, seq, kind, at, entry, hash FROM events
    UNION ALL
    SELECT subject_kind, subject_id, seq + 1, '', 'epoch', '', hash FROM journal_heads
    ORDER BY subject_kind, subject_id, seq
"""


async def verify(connection: AsyncConnection[Any]) -> AsyncIterator[tuple[int, Flaw | None]]:
    """Checks every chain against its entries and its head; yields (entries, flaw or None) of one subject at a time."""
    async with connection.transaction(), connection.cursor("journal", row_factory=class_row(Entry)) as cursor:
        await cursor.execute(_CHAINS)
        cursor.itersize = 5000
        chain: list[Entry] = []
        async for row in cursor:
            if chain and (row.subject_kind, row.subject_id) != (chain[0].subject_kind, chain[0].subject_id):
                yield _verdict(chain)
                chain = []
            chain.append(row)
        if chain:
            yield _verdict(chain)


def _verdict(chain: list[Entry]) -> tuple[int, Flaw | None]:
    *entries, head = chain
    if head.kind:  # entries whose head row is gone
        return len(chain), Flaw(head.subject_kind, head.subject_id, head.seq, "cut_off")
    flaw = check_chain(entries)
    if flaw is None and (len(entries) + 1 != head.seq or (entries and entries[-1].hash != head.hash)):
        flaw = Flaw(head.subject_kind, head.subject_id, len(entries) + 1, "cut_off")
    return len(entries), flaw
