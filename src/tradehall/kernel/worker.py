"""The loop of `tradehall work`: claims due work from its sources, carries it out, and sleeps until more is due.

Any number of workers may run on any number of machines: a source hands a piece of work to one of them at a time. A
worker that is told to stop claims nothing more and finishes what it has; what a killed one had is claimed again when
its lease ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from tradehall.kernel.db import DATABASE_AWAY, Database, Reader
from tradehall.kernel.listener import Listener

log = structlog.get_logger()

Job = Callable[[], Awaitable[None]]


class Source(Protocol):
    """Where work comes from: a table whose rows wait for a moment."""

    channel: str

    async def claim(self, room: int) -> Sequence[Job]:
        """At most `room` pieces of work that are due now, now this worker's."""
        ...

    async def next_due(self, reader: Reader) -> datetime | None:
        """When the next piece is due; None when nothing waits."""
        ...


class Worker:
    """Runs the work of its sources until it is stopped."""

    def __init__(self, db: Database, sources: Sequence[Source], *, concurrency: int, poll: timedelta) -> None:
        self._db = db
        self._sources = sources
        self._concurrency = concurrency
        self._poll = poll.total_seconds()
        self._jobs: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Works until `stop`; returns when the last job is done. A database that is away is waited for."""
        wake = {source.channel: lambda _: self._wake.set() for source in self._sources}
        listener = asyncio.create_task(Listener(self._db, wake).run())
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    claimed = await self._claim_all()
                    pause = 0.0 if claimed and self._room else await self._until_next_due()
                except DATABASE_AWAY as error:
                    log.warning("database_away", error=type(error).__name__)
                    pause = 1.0
                if pause:
                    await self._sleep(pause)
            await self._finish()
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    def stop(self) -> None:
        """Claims nothing more; `run` returns once what is under way is done."""
        self._stopping = True
        self._wake.set()

    def abort(self) -> None:
        """Drops what is under way; it is claimed again when its leases end."""
        self.stop()
        for job in self._jobs:
            job.cancel()

    async def run_until_idle(self) -> int:
        """Carries out everything due now and what follows from it at once; returns how many jobs that were."""
        done = 0
        while True:
            claimed = await self._claim_all()
            done += claimed
            if not self._jobs and not claimed:
                return done
            if self._jobs:
                await asyncio.wait(self._jobs, return_when=asyncio.FIRST_COMPLETED)

    async def next_due(self) -> datetime | None:
        """The moment the earliest waiting piece of work is due."""
        async with self._db.read() as reader:
            moments = [await source.next_due(reader) for source in self._sources]
        return min((moment for moment in moments if moment), default=None)

    @property
    def _room(self) -> int:
        return self._concurrency - len(self._jobs)

    async def _claim_all(self) -> int:
        claimed = 0
        for source in self._sources:
            if self._room <= 0 or self._stopping:
                break
            for job in await source.claim(self._room):
                task = asyncio.ensure_future(job())
                self._jobs.add(task)
                task.add_done_callback(self._job_done)
                claimed += 1
        return claimed

    def _job_done(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            # Its lease ends and it is claimed again: nothing is lost, but someone should know.
            log.error("job_failed", exc_info=error)

    async def _until_next_due(self) -> float:
        if self._room <= 0:
            return self._poll
        moment = await self.next_due()
        if moment is None:
            return self._poll
        # Due already, yet not handed out: its seller is at its cap, or another worker is just claiming.
        return min(max((moment - self._db.clock.now()).total_seconds(), 0.05), self._poll)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _finish(self) -> None:
        if self._jobs:
            log.info("finishing", jobs=len(self._jobs))
            await asyncio.wait(self._jobs)
