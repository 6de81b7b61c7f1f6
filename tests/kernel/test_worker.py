"""The worker's loop: wakes at once, stops gracefully, is fair, and outlives its database's absence."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from tests.conftest import sandbox_settings

from tradehall.installation import Installation
from tradehall.kernel import migrate
from tradehall.kernel.clock import Clock
from tradehall.kernel.db import DATABASE_AWAY, Database, Reader, Tx
from tradehall.kernel.due import DueRow, DueWork, schedule
from tradehall.kernel.embedded import start
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.worker import Job, Worker

PATIENCE = 20


@pytest.fixture
async def db(empty_database: str) -> AsyncIterator[Database]:
    one = Database(empty_database, clock=Clock(), story={})
    await one.open()
    yield one
    await one.close()


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        worker.abort()
        with suppress(asyncio.CancelledError):
            await task


async def soon(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Work:
    """Due rows of kind "do"; each takes as long as `go_on` is not set."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.begun = self.done = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.source = DueWork(db, {"do": self})

    async def __call__(self, tx: Tx, row: DueRow) -> None:
        self.begun += 1
        await self.go_on.wait()
        self.done += 1

    async def add(self, rows: int = 1, after: timedelta = timedelta()) -> None:
        async with self.db.transaction(SYSTEM) as tx:
            for _ in range(rows):
                await schedule(tx, "do", uuid4(), tx.now + after)

    def worker(self, *, poll: float = 60.0, concurrency: int = 4) -> Worker:
        return Worker(self.db, [self.source], concurrency=concurrency, poll=timedelta(seconds=poll))


async def test_a_notification_wakes_an_idle_worker_at_once(db: Database) -> None:
    work = Work(db)
    async with running(work.worker()):
        await work.add()
        await soon(lambda: work.done == 1)
        await asyncio.sleep(0.1)
        await work.add()
        await soon(lambda: work.done == 2, 5)


async def test_without_a_notification_the_worker_is_there_when_something_falls_due(db: Database) -> None:
    work = Work(db)
    await work.add(after=timedelta(seconds=0.4))
    async with running(work.worker()):
        await asyncio.sleep(0.1)
        assert work.done == 0
        await soon(lambda: work.done == 1, 5)


async def test_never_more_is_under_way_than_allowed_and_all_gets_done(db: Database) -> None:
    work = Work(db)
    work.go_on.clear()
    await work.add(10)
    async with running(work.worker(concurrency=3)):
        await soon(lambda: work.begun == 3)
        await asyncio.sleep(0.1)
        assert work.begun == 3
        work.go_on.set()
        await soon(lambda: work.done == 10)


async def test_a_worker_told_to_stop_finishes_what_it_has_and_claims_nothing_more(db: Database) -> None:
    work = Work(db)
    work.go_on.clear()
    await work.add(6)
    worker = work.worker(concurrency=2)
    async with running(worker) as task:
        await soon(lambda: work.begun == 2)
        worker.stop()
        await asyncio.sleep(0.1)
        assert not task.done()
        work.go_on.set()
        await asyncio.wait_for(task, 5)
    assert (work.begun, work.done) == (2, 2)
    async with db.read() as reader:
        assert await reader.fetch_value("SELECT count(*) FROM due_rows") == 4


async def test_a_worker_told_twice_drops_what_it_has_and_it_is_not_lost(db: Database) -> None:
    work = Work(db)
    work.go_on.clear()
    await work.add()
    worker = work.worker()
    async with running(worker) as task:
        await soon(lambda: work.begun == 1)
        worker.stop()
        worker.abort()
        await asyncio.wait_for(task, 5)
    async with db.read() as reader:
        assert await reader.fetch_value("SELECT count(*) FROM due_rows") == 1
        await reader.connection.execute("UPDATE due_rows SET leased_until = now() - interval '1 second'")
    work.go_on.set()
    await work.worker().run_until_idle()
    assert work.done == 1


async def test_an_idle_worker_stops_at_once(db: Database) -> None:
    worker = Work(db).worker()
    async with running(worker) as task:
        await asyncio.sleep(0.1)
        worker.stop()
        await asyncio.wait_for(task, 2)


class Endless:
    """A source that always has more than there is room for."""

    channel = "endless"

    def __init__(self) -> None:
        self.done = 0

    async def claim(self, room: int) -> Sequence[Job]:
        async def job() -> None:
            await asyncio.sleep(0.002)
            self.done += 1

        return [job] * room

    async def next_due(self, reader: Reader) -> datetime | None:
        return reader.now


async def test_a_source_that_is_never_done_does_not_starve_the_others(db: Database) -> None:
    """Sellers who hang fill a worker with calls; refunds and expiries are carried out all the same."""
    work, endless = Work(db), Endless()
    await work.add()
    worker = Worker(db, [endless, work.source], concurrency=2, poll=timedelta(seconds=1))
    async with running(worker):
        await soon(lambda: endless.done > 200)
        assert work.done == 1


async def test_run_until_idle_does_what_follows_from_what_it_did(db: Database) -> None:
    done: list[int] = []

    async def follow(tx: Tx, row: DueRow) -> None:
        done.append(len(done))
        await asyncio.sleep(0.003 * (len(done) % 3))
        if len(done) < 20:
            await schedule(tx, "do", uuid4(), tx.now)

    async with db.transaction(SYSTEM) as tx:
        await schedule(tx, "do", uuid4(), tx.now)
    worker = Worker(db, [DueWork(db, {"do": follow})], concurrency=4, poll=timedelta(seconds=1))
    assert await worker.run_until_idle() == 20
    assert len(done) == 20


@pytest.fixture
def own_directory() -> Iterator[Path]:
    outer = Path(tempfile.mkdtemp())
    outer.chmod(0o711)
    yield outer / "pg"
    shutil.rmtree(outer)


async def test_a_database_that_goes_away_and_comes_back_is_survived(own_directory: Path) -> None:
    """Worker, readers and listeners all go on by themselves; work added afterwards is carried out."""
    postgres = await asyncio.to_thread(start, own_directory, fsync=False)
    await migrate.migrate(postgres.dsn)
    with structlog.testing.capture_logs():
        async with Installation(sandbox_settings(pool_size=4), postgres.dsn) as installation:
            work = Work(installation.db)
            async with running(work.worker(poll=0.5)) as task:
                await work.add()
                await soon(lambda: work.done == 1)

                await asyncio.to_thread(postgres.release)
                with pytest.raises(DATABASE_AWAY):
                    await asyncio.wait_for(_look(installation.db), PATIENCE)
                await asyncio.sleep(1.2)
                assert not task.done()

                postgres = await asyncio.to_thread(start, own_directory, fsync=False)
                assert await _first_answer(installation.db) == "sandbox"
                await work.add()
                await soon(lambda: work.done == 2)
                with installation.watching("CS1") as moved:
                    await _announce(installation.db, moved)
    await asyncio.to_thread(postgres.release)


async def _look(db: Database) -> str:
    async with db.read() as reader:
        return str(await reader.fetch_value("SELECT mode FROM installation"))


async def _first_answer(db: Database) -> str:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await _look(db)
            except DATABASE_AWAY:
                await asyncio.sleep(0.05)


async def _announce(db: Database, moved: asyncio.Event) -> None:
    """Until the listener has its connection again, announcements are lost: it says so itself when it has."""
    async with asyncio.timeout(PATIENCE):
        while not moved.is_set():
            async with db.transaction(SYSTEM) as tx:
                await tx.notify("order", "CS1")
            await asyncio.sleep(0.05)
