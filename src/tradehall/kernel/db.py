"""PostgreSQL: a pool of connections, transactions with one clock reading and one actor, and plain SQL into structs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from tradehall.kernel.clock import Clock
from tradehall.kernel.journal import Actor, Event, append

T = TypeVar("T")
Params = Mapping[str, Any] | None

set_json_loads(msgspec.json.decode)
set_json_dumps(lambda value: msgspec.json.encode(value))

# What the database says when it is away or going away; a caller may simply try again.
DATABASE_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)


class Reader:
    """Runs SELECTs. `sql` holds %(name)s parameters; rows become instances of the struct that is asked for."""

    def __init__(self, connection: AsyncConnection[Any], now: datetime) -> None:
        self.connection = connection
        self.now = now

    async def fetch_all(
        self, kind: type[T], sql: LiteralString, params: Params = None, *, by_values: bool = False
    ) -> list[T]:
        """All rows. `by_values` has it planned for these very values each time, as a search wants: the best way to some
        orders of many depends on what is looked for, and a plan that fits anything may read them all."""
        cursor = self.connection.cursor(row_factory=class_row(kind))
        await cursor.execute(sql, params, prepare=False if by_values else None)
        return await cursor.fetchall()

    async def fetch_one(self, kind: type[T], sql: LiteralString, params: Params = None) -> T | None:
        cursor = self.connection.cursor(row_factory=class_row(kind))
        await cursor.execute(sql, params)
        return await cursor.fetchone()

    async def fetch_value(self, sql: LiteralString, params: Params = None) -> Any:
        """The first column of the first row, or None where there is none."""
        cursor = self.connection.cursor(row_factory=tuple_row)
        await cursor.execute(sql, params)
        row = await cursor.fetchone()
        return row[0] if row else None

    async def fetch_values(self, sql: LiteralString, params: Params = None) -> list[Any]:
        """The first column of every row."""
        cursor = self.connection.cursor(row_factory=tuple_row)
        await cursor.execute(sql, params)
        return [row[0] for row in await cursor.fetchall()]


class Tx(Reader):
    """A transaction: what is written, recorded and reacted to in it happens together or not at all."""

    def __init__(
        self,
        connection: AsyncConnection[Any],
        now: datetime,
        actor: Actor,
        request_id: str,
        story: Mapping[str, Sequence["Reaction"]],
    ) -> None:
        super().__init__(connection, now)
        self.actor = actor
        self.request_id = request_id
        self._story = story
        self.recorded: list[Event] = []

    async def execute(self, sql: LiteralString, params: Params = None) -> None:
        """Runs a statement whose result nobody needs."""
        await self.connection.execute(sql, params)

    async def record(self, kind: str, subject_kind: str, subject_id: UUID, facts: Mapping[str, Any]) -> None:
        """Records an event on a subject ("order", its id) and runs what the story says follows from it, in order."""
        event = Event(kind, subject_kind, subject_id, dict(facts), self.now, self.actor, self.request_id)
        self.recorded.append(event)
        for reaction in self._story.get(kind, ()):
            await reaction(self, event)

    async def write_journal(self) -> None:
        """Writes what was recorded; the transaction's last statement, so that chains are locked only for an instant."""
        if self.recorded:
            await append(self.connection, self.recorded)
            self.recorded = []

    async def notify(self, channel: LiteralString, payload: str = "") -> None:
        """Wakes whoever listens on `channel`, once this transaction has committed."""
        await self.execute("SELECT pg_notify(%(channel)s, %(payload)s)", {"channel": channel, "payload": payload})


Reaction = Callable[[Tx, Event], Awaitable[None]]


class Database:
    """The pool of one process. `story` maps an event's kind to the reactions that run in its transaction."""

    def __init__(
        self,
        dsn: str,
        *,
        clock: Clock,
        story: Mapping[str, Sequence[Reaction]],
        pool_size: int = 16,
        prepare: bool = True,
    ) -> None:
        self.dsn = dsn
        self.clock = clock
        self._story = story
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            dsn,
            min_size=min(2, pool_size),
            max_size=pool_size,
            timeout=10,
            open=False,
            kwargs={"autocommit": True, "prepare_threshold": 3 if prepare else None},
        )

    async def open(self) -> None:
        await self._pool.open(wait=True, timeout=30)

    async def close(self) -> None:
        await self._pool.close(timeout=5)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """A connection for SELECTs, each of which sees the database as it is at that moment."""
        async with self._connection() as connection:
            yield Reader(connection, self.clock.now())

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        """A connection for SELECTs that all see the database as it was at the first of them."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield Reader(connection, self.clock.now())

    @asynccontextmanager
    async def transaction(self, actor: Actor, request_id: str = "") -> AsyncIterator[Tx]:
        """One unit of work of `actor`; commits when the block ends, undoes everything when it raises."""
        async with self._connection() as connection, connection.transaction():
            tx = Tx(connection, self.clock.now(), actor, request_id, self._story)
            yield tx
            await tx.write_journal()

    @asynccontextmanager
    async def statement(self, actor: Actor, request_id: str = "") -> AsyncIterator[Tx]:
        """A unit of work that is one statement and so a transaction by itself; it records no event."""
        async with self._connection() as connection:
            tx = Tx(connection, self.clock.now(), actor, request_id, self._story)
            yield tx
            assert not tx.recorded, "an event and what it tells of belong in one transaction"

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError):
            # The server may have been away: throw out what broke, so that the next caller gets a live connection.
            with suppress(*DATABASE_AWAY):
                await self._pool.check()
            raise

    def pool_stats(self) -> dict[str, int]:
        """Counters of the pool, for the metrics."""
        return self._pool.get_stats()

    async def listen(self) -> AsyncConnection[Any]:
        """A connection of its own for LISTEN; the caller closes it."""
        return await AsyncConnection.connect(self.dsn, autocommit=True)


def like(text: str) -> str:
    """A LIKE pattern that finds `text` anywhere, its own wildcards taken literally; lower case."""
    escaped = text.strip().lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
