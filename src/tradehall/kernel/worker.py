"""The loop of `tradehall work`: claims due work from its sources, carries it out, and sleeps until more is due.

Any number of workers may run on any number of machines: a source hands a piece of work to one of them at a time. A
worker that is told to stop claims nothing more and finishes what it has; what a killed one had is claimed again when
its lease ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from tradehall.kernel.db import DATABASE_AWAY, Database, Reader
from tradehall.kernel.listener import Listener

log = structlog.get_logger()

# How far off the next claim is at most, after one that brought something or while something due is not handed out.
LOOK_AGAIN = timedelta(milliseconds=50)

Job = Callable[[], Awaitable[None]]


class Capped(list[Job]):
    """What a claim brought that may have left more due, for a reason other than `room`."""


class Source(Protocol):
    """Where work comes from: a table whose rows wait for a moment."""

    channel: str

    async def claim(self, room: int) -> Sequence[Job]:
        """At most `room` pieces of work that are due now, now this worker's."""
        ...

    async def next_due(self, reader: Reader) -> datetime | None:
        """When the next piece is due; None when nothing waits."""
        ...


class _Line:
    """What the worker knows of one source: until when it has nothing to hand out, unless a notification says so."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.quiet_until: datetime | None = None
        # Work may be due that was not handed out: for want of room, or its seller is at its cap.
        self.backlog = False

    def woken(self) -> None:
        self.quiet_until = None


class Worker:
    """Runs the work of its sources until it is stopped."""

    def __init__(
        self,
        db: Database,
        sources: Sequence[Source],
        *,
        concurrency: int,
        poll: timedelta,
        also_heard: Mapping[str, Callable[[str], None]] | None = None,
    ) -> None:
        self._db = db
        self._also_heard = dict(also_heard or {})
        self._lines = [_Line(source) for source in sources]
        self._concurrency = concurrency
        self._poll = poll
        self._jobs: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Works until `stop`; returns when the last job is done. A database that is away is waited for."""
        listener = asyncio.create_task(Listener(self._db, self._heard()).run())
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    await self._claim_all()
                    pause = self._until_next_claim()
                except DATABASE_AWAY as error:
                    log.warning("database_away", error=type(error).__name__)
                    pause = 1.0
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
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
            idle = not self._jobs  # a job that ends while its source is being asked may leave more to do there
            for line in self._lines:
                line.woken()
            claimed = await self._claim_all()
            done += claimed
            if idle and not claimed:
                return done
            if self._jobs:
                await asyncio.wait(self._jobs, return_when=asyncio.FIRST_COMPLETED)

    async def next_due(self) -> datetime | None:
        """The moment the earliest waiting piece of work is due."""
        async with self._db.read() as reader:
            moments = [await line.source.next_due(reader) for line in self._lines]
        return min((moment for moment in moments if moment), default=None)

    @property
    def _room(self) -> int:
        return self._concurrency - len(self._jobs)

    def _heard(self) -> dict[str, Callable[[str], None]]:
        def announcer(line: _Line) -> Callable[[str], None]:
            def heard(_: str) -> None:
                line.woken()
                self._wake.set()

            return heard

        return self._also_heard | {line.source.channel: announcer(line) for line in self._lines}

    async def _claim_all(self) -> int:
        """Claims from every source that may have something due, as long as there is room."""
        claimed = 0
        self._lines = self._lines[1:] + self._lines[:1]  # first choice in turn, or one that never ends starves the rest
        for line in self._lines:
            now = self._db.clock.now()
            if self._room <= 0 or self._stopping or (line.quiet_until and now < line.quiet_until):
                continue
            line.quiet_until = now + self._poll  # a notification from here on means work that this claim may miss
            room = self._room
            jobs = await line.source.claim(room)
            for job in jobs:
                task = asyncio.ensure_future(job())
                self._jobs.add(task)
                task.add_done_callback(self._job_done)
            claimed += len(jobs)
            # A backlog lasts until a claim comes back empty; while it does, every job that ends makes room for another.
            more = len(jobs) == room or isinstance(jobs, Capped)
            line.backlog = more or (line.backlog and bool(jobs))
            if self._room <= 0:
                line.quiet_until = None
            elif jobs:
                line.quiet_until = min(line.quiet_until, now + LOOK_AGAIN) if line.quiet_until else None
            elif line.quiet_until:
                async with self._db.read() as reader:
                    moment = await line.source.next_due(reader)
                if moment and line.quiet_until:
                    line.quiet_until = min(line.quiet_until, max(moment, now + LOOK_AGAIN))
        return claimed

    def _job_done(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        for line in self._lines:
            if line.backlog:
                line.woken()
                self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            # Its lease ends and it is claimed again: nothing is lost, but someone should know.
            log.error("job_failed", exc_info=error)

    def _until_next_claim(self) -> float:
        if self._room <= 0:
            return self._poll.total_seconds()
        now = self._db.clock.now()
        moments = [line.quiet_until or now for line in self._lines]
        return max((min(moments) - now).total_seconds(), 0)

    async def _finish(self) -> None:
        if self._jobs:
            log.info("finishing", jobs=len(self._jobs))
            await asyncio.wait(self._jobs)
