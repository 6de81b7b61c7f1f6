"""Work that waits for its moment, as rows: scheduled in a transaction, claimed under a lease, carried out once.

A row is deleted in the transaction that does its work, so a crash before commit leaves it due again and a crash after
commit leaves nothing. A row that fails is pushed back, each time further; after `PARK_AFTER` failures it is parked,
where operators see it, and never stops the rows behind it. Attempts are counted before the work starts, so a row that
kills its worker is parked too.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec
import structlog

from tradehall.kernel.db import DATABASE_AWAY, Database, Reader, Tx
from tradehall.kernel.errors import NotFound
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.kernel.worker import Job

LEASE = timedelta(minutes=2)
PARK_AFTER = 10
CHANNEL = "due"

log = structlog.get_logger()


class DueRow(msgspec.Struct, frozen=True):
    """One claimed piece of work."""

    id: UUID
    kind: str
    subject_id: UUID
    due_at: datetime
    attempts: int


class _ClaimedRow(DueRow, frozen=True):
    parked: bool


Handler = Callable[[Tx, DueRow], Awaitable[None]]


async def schedule(tx: Tx, kind: str, subject_id: UUID, at: datetime) -> None:
    """Has `kind` done for the subject at `at`; scheduled again, it moves there."""
    await tx.execute(
        """
        INSERT INTO due_rows (id, kind, subject_id, due_at, created_at)
        VALUES (%(id)s, %(kind)s, %(subject)s, %(at)s, %(now)s)
        ON CONFLICT (kind, subject_id) DO UPDATE
            SET due_at = excluded.due_at, attempts = 0, parked_at = NULL, last_error = NULL,
                leased_until = NULL
        """,
        {"id": new_id(), "kind": kind, "subject": subject_id, "at": at, "now": tx.now},
    )
    if at <= tx.now:
        await tx.notify(CHANNEL)


async def cancel(tx: Tx, kind: str, subject_id: UUID) -> None:
    """What was scheduled is no longer wanted."""
    await tx.execute(
        "DELETE FROM due_rows WHERE kind = %(kind)s AND subject_id = %(subject)s",
        {"kind": kind, "subject": subject_id},
    )


def back_off(attempts: int, first: timedelta, longest: timedelta) -> timedelta:
    """The pause after the given number of attempts: doubling from `first`, never above `longest`."""
    return min(first * (1 << min(max(attempts - 1, 0), 30)), longest)


class DueWork:
    """The due rows as a source of jobs for a worker. `handlers` says what each kind of row does."""

    channel = CHANNEL

    def __init__(self, db: Database, handlers: Mapping[str, Handler]) -> None:
        self._db = db
        self._handlers = handlers

    async def claim(self, room: int) -> Sequence[Job]:
        async with self._db.read() as reader:
            params = {"now": reader.now, "lease": LEASE, "room": room, "most": PARK_AFTER}
            rows = await reader.fetch_all(_ClaimedRow, _CLAIM, params)
        return [partial(self._carry_out, row) for row in rows if not row.parked]

    async def next_due(self, reader: Reader) -> datetime | None:
        moment: datetime | None = await reader.fetch_value(
            "SELECT due_at FROM due_rows WHERE parked_at IS NULL ORDER BY due_at LIMIT 1"
        )
        return moment

    async def _carry_out(self, row: DueRow) -> None:
        try:
            async with self._db.transaction(SYSTEM, request_id=str(row.id)) as tx:
                if await tx.fetch_value(
                    "DELETE FROM due_rows WHERE id = %(id)s AND attempts = %(attempts)s RETURNING true",
                    {"id": row.id, "attempts": row.attempts},
                ):
                    await self._handlers[row.kind](tx, row)
        except DATABASE_AWAY:
            raise
        except Exception as error:
            log.exception("due_row_failed", kind=row.kind, subject_id=str(row.subject_id), attempts=row.attempts)
            await self._push_back(row, error)

    async def _push_back(self, row: DueRow, error: Exception) -> None:
        pause = back_off(row.attempts, timedelta(seconds=5), timedelta(hours=1))
        async with self._db.transaction(SYSTEM) as tx:
            await tx.execute(
                """
                UPDATE due_rows
                SET due_at = %(now)s + %(pause)s, leased_until = NULL, last_error = %(error)s,
                    parked_at = CASE WHEN attempts >= %(most)s THEN %(now)s::timestamptz END
                WHERE id = %(id)s AND attempts = %(attempts)s
                """,
                {
                    "now": tx.now,
                    "pause": pause,
                    "error": f"{type(error).__name__}: {error}"[:500],
                    "most": PARK_AFTER,
                    "id": row.id,
                    "attempts": row.attempts,
                },
            )


class Backlog(msgspec.Struct, frozen=True):
    """How long the first due row has been waiting, and how many rows are parked."""

    late_seconds: float
    parked: int


async def backlog(reader: Reader) -> Backlog:
    """How far the due rows are behind; parked ones counted to ten thousand at most."""
    found = await reader.fetch_one(
        Backlog,
        """
        SELECT coalesce(extract(epoch FROM %(now)s - (
                   SELECT due_at FROM due_rows WHERE parked_at IS NULL AND due_at <= %(now)s ORDER BY due_at LIMIT 1)),
                   0)::float8 AS late_seconds,
               (SELECT count(*) FROM (SELECT FROM due_rows WHERE parked_at IS NOT NULL LIMIT 10000) p) AS parked
        """,
        {"now": reader.now},
    )
    assert found is not None
    return found


# A row that has used up its tries although none of them ended has killed its workers: it is parked, not handed out.
_CLAIM = """
    UPDATE due_rows SET leased_until = clock_timestamp() + %(lease)s, attempts = attempts + 1,
        parked_at = CASE WHEN attempts >= %(most)s THEN %(now)s::timestamptz END,
        last_error = CASE WHEN attempts >= %(most)s THEN 'its worker died each time' ELSE last_error END
    WHERE id IN (
        SELECT id FROM due_rows
        WHERE parked_at IS NULL AND due_at <= %(now)s
          AND (leased_until IS NULL OR leased_until < clock_timestamp())
        ORDER BY due_at
        LIMIT %(room)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id, kind, subject_id, due_at, attempts, parked_at IS NOT NULL AS parked
"""


# --- What was parked -------------------------------------------------------------------------------------------------


class ParkedRow(msgspec.Struct, frozen=True):
    """Work that failed again and again and waits for an operator; `last_error` is for whoever mends the cause."""

    id: UUID
    kind: str
    subject_id: UUID
    due_at: datetime
    attempts: int
    last_error: str | None
    parked_at: datetime
    created_at: datetime


class NotParked(NotFound):
    """There is no such parked work; it may have been started again."""


async def parked(reader: Reader, wanted: PageRequest) -> Page[ParkedRow]:
    """What waits for an operator, newest first."""
    where, order = keyset(wanted)
    rows = await reader.fetch_all(
        ParkedRow,
        f"""
        SELECT id, kind, subject_id, due_at, attempts, last_error, parked_at, created_at FROM due_rows
        WHERE parked_at IS NOT NULL AND {where} ORDER BY {order} LIMIT %(fetch)s
        """,
        wanted.params,
    )
    return page(rows, wanted, lambda row: row.id)


async def retry_parked(tx: Tx, row_id: UUID) -> None:
    """Has parked work tried again at once, with as many tries before it as if it were new. Raises NotParked."""
    kind: str | None = await tx.fetch_value(
        """
        UPDATE due_rows SET parked_at = NULL, attempts = 0, due_at = %(now)s, leased_until = NULL
        WHERE id = %(id)s AND parked_at IS NOT NULL RETURNING kind
        """,
        {"id": row_id, "now": tx.now},
    )
    if kind is None:
        raise NotParked
    await tx.record("work.retried", "due_row", row_id, {"kind": kind})
    await tx.notify(CHANNEL)
