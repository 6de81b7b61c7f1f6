"""All marketplaces of a simulation: shared out among processes, counted together, and told."""

import asyncio
import hashlib
import os
import sys
import time
from asyncio.subprocess import Process
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import chain
from uuid import uuid4

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tradehall.commands.bench import progress
from tradehall.commands.bench.rig import BenchProblem, sandbox
from tradehall.commands.simulate import market
from tradehall.commands.simulate.invariants import INVARIANTS
from tradehall.commands.simulate.market import BEGINNING, Market, SeededIds
from tradehall.commands.simulate.play import READY, Assignment
from tradehall.commands.simulate.run import Done
from tradehall.installation import Installation
from tradehall.kernel import ids, migrate
from tradehall.kernel.clock import StillClock
from tradehall.kernel.journal import SYSTEM

# Enough for whoever lives at the same time to be seen to together; a thousand lives still see every era.
MOST_LIVES = 250
_STATISTICS = ("track_activities", "track_counts")
_LINE = 64 * 1024 * 1024


class Result(msgspec.Struct, frozen=True):
    """What a simulation came to; the line of JSON in which it ends."""

    lives: int
    steps: int
    lives_per_s: float
    violations: dict[str, int]


class Simulation:
    """So many lives from one seed, in marketplaces of at most MOST_LIVES each."""

    def __init__(self, lives: int, seed: int, *, as_json: bool, only: int | None = None, traced: bool = False) -> None:
        self._lives = lives
        self._seed = seed
        self._as_json = as_json
        self._only = only
        self._traced = traced

    async def run(self) -> bool:
        """Runs it and says what came of it; whether nothing was violated."""
        async with sandbox() as made:
            with databases_beside(made.dsn) as databases:
                done, seconds = await self._run(databases)
        return self._tell(done, seconds)

    async def _run(self, databases: "Databases") -> tuple[list[Done], float]:
        """What became of every marketplace, and how many seconds all took."""
        furnished = await furnish(databases.template)
        waiting = deque(
            (number, lives) for number, lives in enumerate(shared_out(self._lives), 1) if self._only in (None, number)
        )
        if not waiting:
            raise BenchProblem(
                f"there are {len(shared_out(self._lives))} marketplaces, and none is number {self._only}"
            )
        async with _players(min(len(waiting), os.cpu_count() or 1)) as players:
            progress(f"{len(waiting)} marketplaces in {len(players)} processes, seed {self._seed}")
            begun = time.perf_counter()
            work = (self._keep_busy(player, waiting, databases, furnished) for player in players)
            done = sorted(chain(*await asyncio.gather(*work)), key=lambda one: one.number)
            return done, time.perf_counter() - begun

    async def _keep_busy(
        self, player: Process, waiting: deque[tuple[int, int]], databases: "Databases", furnished: Market
    ) -> list[Done]:
        """Has a process simulate one marketplace after the other."""
        done = []
        assert player.stdin
        while waiting:
            number, lives = waiting.popleft()
            with databases.copy(number) as dsn:
                assignment = Assignment(dsn, furnished, self._seed, number, lives, self._traced)
                player.stdin.write(msgspec.json.encode(assignment) + b"\n")
                await player.stdin.drain()
                done.append(msgspec.json.decode(await _read(player), type=Done))
        return done

    def _tell(self, done: Sequence[Done], seconds: float) -> bool:
        lives = sum(one.lives for one in done)
        result = Result(
            lives,
            sum(one.steps for one in done),
            round(lives / seconds, 1),
            {name: sum(found.invariant == name for one in done for found in one.violations) for name in INVARIANTS},
        )
        for one in done:
            self._tell_of_violations(one)
        progress(f"digest of all steps: {digest_of(done)}")
        if self._as_json:
            print(msgspec.json.encode(result).decode())
        else:
            print(f"{result.lives} lives, {result.steps} steps, {result.lives_per_s} lives a second")
            for name, count in result.violations.items():
                print(f"{count:6}  {name:27} {INVARIANTS[name]}")
        return not any(result.violations.values())

    def _tell_of_violations(self, done: Done) -> None:
        if not done.violations:
            return
        for found in done.violations:
            progress(f"{found.invariant}: {found.subject}: {found.seen} (step {found.step})")
        progress(f"to see it again: tradehall simulate --lives {self._lives} --seed {self._seed} --only {done.number}")


def shared_out(lives: int) -> list[int]:
    """How many lives each marketplace has: an even number of marketplaces, so that they come out even on processors.
    Whatever the machine, the same lives are lived in the same company."""
    if lives < 20:
        return [lives]
    marketplaces = 2 * -(-lives // (2 * MOST_LIVES))
    return [lives // marketplaces + (number < lives % marketplaces) for number in range(marketplaces)]


def digest_of(done: Sequence[Done]) -> str:
    """The same for the same steps in all marketplaces."""
    return hashlib.sha256("".join(one.digest for one in done).encode()).hexdigest()[:16]


async def furnish(dsn: str) -> Market:
    """Makes the marketplace in an empty database, which is then ready to be copied."""
    await migrate.migrate(dsn)
    clock = StillClock(BEGINNING)
    before, ids.source = ids.source, SeededIds("the marketplace", clock)
    try:
        async with (
            Installation(market.settings(), dsn, clock, listening=False) as own,
            own.db.transaction(SYSTEM) as tx,
        ):
            furnished = await market.furnish(tx, own.seal)
    finally:
        ids.source = before
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Where a row lies decides between equals; a vacuum that comes when it likes would make a difference.
        tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        for (table,) in connection.execute(tables).fetchall():
            connection.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(sql.Identifier(table)))
    return furnished


class Databases:
    """The furnished database and its copies, beside the one at `dsn`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._name = f"tradehall_simulation_{uuid4().hex[:12]}"

    @property
    def template(self) -> str:
        return make_conninfo(self._dsn, dbname=self._name)

    @contextmanager
    def copy(self, number: int) -> Iterator[str]:
        """The address of a copy, which is dropped afterwards."""
        name = f"{self._name}_{number}"
        copy = sql.Identifier(name)
        self.do(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log").format(copy, sql.Identifier(self._name)),
            # Nobody waits for the disk, and no plan depends on what the planner finds out on the way.
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(copy),
            sql.SQL("ALTER DATABASE {} SET plan_cache_mode = force_generic_plan").format(copy),
        )
        # Nor does anybody look at what its sessions are doing; only a superuser may say so.
        with suppress(psycopg.errors.InsufficientPrivilege):
            self.do(*(sql.SQL("ALTER DATABASE {} SET {} = off").format(copy, sql.SQL(name)) for name in _STATISTICS))
        try:
            yield make_conninfo(self._dsn, dbname=name)
        finally:
            self.do(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(copy))

    def create(self) -> None:
        self.do(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._name)))

    def drop(self) -> None:
        self.do(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._name)))

    def do(self, *statements: sql.Composed) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def databases_beside(dsn: str) -> Iterator[Databases]:
    """Databases that are gone afterwards."""
    made = Databases(dsn)
    made.create()
    try:
        yield made
    finally:
        made.drop()


# --- Processes -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _players(number: int) -> AsyncIterator[list[Process]]:
    """Processes that are ready to take assignments; gone afterwards."""
    players: list[Process] = []
    try:
        while len(players) < number:
            player = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tradehall.commands.simulate.play",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE,
            )
            players.append(player)
        for player in players:
            if await _read(player) != READY:
                raise BenchProblem("a process that simulates did not start")
        yield players
    finally:
        for player in players:
            with suppress(ProcessLookupError):
                player.kill()
            await player.wait()


async def _read(player: Process) -> bytes:
    assert player.stdout
    line = await player.stdout.readline()
    if not line:
        raise BenchProblem("a process that simulates ended by itself; what it said is above")
    return line
