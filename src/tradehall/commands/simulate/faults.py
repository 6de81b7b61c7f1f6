"""What goes wrong: calls, workers and the database's connections. All of it is drawn from the seed."""

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import msgspec
import psycopg
from psycopg import AsyncConnection, waiting
from psycopg.abc import RV, PQGen

from tradehall.kernel.db import Database, Tx
from tradehall.kernel.journal import Actor
from tradehall.kernel.statements import PreparingConnection
from tradehall_seller.sample import AnyManner

CallFault = Literal[
    "dies_before",  # the worker is killed before it calls
    "dies_after",  # and here when the seller has done what it was asked
    "stalls",  # the worker stands still with the answer, and wakes when its lease is long over
    "not_sent",  # no connection
    "lost_on_the_way",  # a time-out, and the seller never saw the call
    "late",  # a time-out, and the call reaches the seller a little later
    "answer_lost",  # a time-out, and the seller did what it was asked
    "answer_cut",
]
_CALL_FAULTS: tuple[tuple[CallFault, int], ...] = (
    ("dies_before", 2),
    ("dies_after", 3),
    ("stalls", 2),
    ("not_sent", 2),
    ("lost_on_the_way", 2),
    ("late", 2),
    ("answer_lost", 4),
    ("answer_cut", 2),
)
# How a seller's server is when not at its best: dead, with other keys than agreed, or in a manner of the sample's.
Mood = Literal["down", "wrong_keys"] | AnyManner
_MOODS: tuple[tuple[Mood, int], ...] = (
    ("down", 4),
    ("wrong_keys", 3),
    ("slow", 5),
    ("fresh_ids", 2),
    ("lost_answer", 3),
    ("flaky", 4),
    ("refusing", 2),
    ("sold_out", 2),
    ("trouble", 2),
    ("html", 1),
    ("crash", 1),
    ("empty", 1),
    ("nothing", 1),
    ("int_code", 1),
    ("redirect", 1),
    ("cut", 1),
    ("hang", 3),
    ("endless", 1),
    ("releases_once", 1),
)
# What only a V1 seller can do wrong.
_V1_MOODS: tuple[tuple[Mood, int], ...] = (
    ("no_body_sign", 1),
    ("unquoted_body_sign", 1),
    ("wrong_body_sign", 1),
    ("encrypt_type_absent", 1),
    ("undecryptable_password", 1),
    ("plain_password", 1),
)


# Of the connections that fail, this share really ends.
REALLY_ENDS = 0.1


class WorkerDied(BaseException):
    """The worker is killed. No program catches that."""


class Doom(msgspec.Struct):
    """A connection that ends with the transaction it is next used for: after so many statements, or, at None, after the
    commit and before whoever committed hears of it.

    One that is not `real` fails likewise, and its transaction is undone, but it is used again: a new session costs as
    much as a whole life.
    """

    statements: int | None
    real: bool = True


class Rates(msgspec.Struct, frozen=True):
    """How often something goes wrong: shares of calls, of claims, of transactions.

    A connection that ends is a rarer thing than a call that fails: everything has to be planned anew on the next one,
    and with a share of 0.015 that alone was a third of all work.
    """

    calls: float = 0.08
    claims: float = 0.03
    connections: float = 0.005


class Faults:
    """Draws what goes wrong next."""

    def __init__(self, seed: str, rates: Rates) -> None:
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self.rates = rates

    def of_call(self) -> CallFault | None:
        if self._random.random() >= self.rates.calls:
            return None
        faults, weights = zip(*_CALL_FAULTS, strict=True)
        return cast("CallFault", self._random.choices(faults, weights)[0])

    def of_claim(self) -> bool:
        """Whether a worker dies with what it has just claimed."""
        return self._random.random() < self.rates.claims

    def of_connection(self) -> Doom | None:
        if self._random.random() >= self.rates.connections:
            return None
        statements = None if self._random.random() < 0.3 else self._random.randrange(6)
        return Doom(statements, real=self._random.random() < REALLY_ENDS)

    def mood(self, generation: str) -> Mood:
        moods, weights = zip(*(_MOODS + (_V1_MOODS if generation == "V1" else ())), strict=True)
        return cast("Mood", self._random.choices(moods, weights)[0])


class _ShortLived(PreparingConnection):
    """A connection that will not last: what is said to it is prepared the first time.

    One thing happens after the other here, so nothing else could go on while the database answers: it is waited for
    without the event loop.
    """

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:  # noqa: ASYNC109
        return waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)

    @property
    def prepare_threshold(self) -> int | None:
        return self._prepared.prepare_threshold

    @prepare_threshold.setter
    def prepare_threshold(self, value: int | None) -> None:
        self._prepared.prepare_threshold = 0


class MortalDatabase(Database):
    """A database whose server ends a connection when it is told to (`doom`); `deaths` counts them."""

    doom: Doom | None = None
    deaths = 0

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._pool.connection_class = _ShortLived
        self._killer: psycopg.Connection[Any] | None = None

    @asynccontextmanager
    async def transaction(self, actor: Actor, request_id: str = "") -> AsyncIterator[Tx]:
        doom, self.doom = self.doom, None
        if doom is None:
            async with super().transaction(actor, request_id) as tx:
                yield tx
            return
        async with self._connection() as connection:
            async with connection.transaction():
                doomed = cast("AsyncConnection[Any]", _Doomed(connection, doom, self))
                tx = Tx(doomed, self.clock.now(), actor, request_id, self._story)
                yield tx
                await tx.write_journal()
            if doom.statements is None:
                self.end(connection, doom)
                raise psycopg.OperationalError("the connection ended before the answer to COMMIT came")

    async def close(self) -> None:
        await super().close()
        if self._killer:
            self._killer.close()

    def end(self, connection: AsyncConnection[Any], doom: Doom) -> None:
        """Has the server end a session, as at a restart or a failover, and returns when it has."""
        self.deaths += 1
        if not doom.real:
            return
        if self._killer is None:
            self._killer = psycopg.connect(self.dsn, autocommit=True)
        pid = {"pid": connection.info.backend_pid}
        self._killer.execute("SELECT pg_terminate_backend(%(pid)s)", pid)
        # The server itself would look again only every 100 ms.
        while self._killer.execute("SELECT FROM pg_stat_get_activity(%(pid)s)", pid).fetchone() is not None:
            time.sleep(0.0005)


class _Doomed:
    """A connection that ends before its n-th statement from now on."""

    def __init__(self, connection: AsyncConnection[Any], doom: Doom, database: MortalDatabase) -> None:
        self._connection = connection
        self._doom = doom
        self._left = doom.statements
        self._database = database

    def _use(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == -1:
                self._database.end(self._connection, self._doom)
            if self._left < 0 and not self._doom.real:
                raise psycopg.OperationalError("the connection ended")

    def cursor(self, **settings: Any) -> Any:
        self._use()
        return self._connection.cursor(**settings)

    async def execute(self, *statement: Any, **settings: Any) -> Any:
        self._use()
        return await self._connection.execute(*statement, **settings)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)
