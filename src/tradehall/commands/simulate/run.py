"""One simulated marketplace: many lives at once, one step at a time, the clock moved from what is due to what is due.

The same seed gives the same steps: everything is drawn from it, jobs are carried out one after the other in an order of
their own, ids and the database's random numbers are seeded too, and no moment of the machine's clock decides anything.
"""

import asyncio
import hashlib
import heapq
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, TextIO
from uuid import UUID

import msgspec

from tradehall.commands.simulate import invariants, market
from tradehall.commands.simulate.faults import Faults, Rates, WorkerDied
from tradehall.commands.simulate.invariants import Found
from tradehall.commands.simulate.market import SELLERS, Market, Till, begins
from tradehall.commands.simulate.people import Acting, Bank, Keeper, Life, Merchant
from tradehall.commands.simulate.rig import Simulated, WatchedCalls
from tradehall.commands.simulate.sellers import Seller, Transport
from tradehall.commands.simulate.services import ServiceLife
from tradehall.installation import HOUSEKEEPING, Installation
from tradehall.kernel import ids
from tradehall.kernel.clock import StillClock
from tradehall.kernel.db import DATABASE_AWAY
from tradehall.kernel.due import DueRow, DueWork
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.worker import Job
from tradehall.provisioning.model import ClaimedCall, Judgement
from tradehall.settings import Settings

ROOM = 500
TICK = timedelta(milliseconds=1)
# Calls leased by a worker that died are handed out anew after this long, and due rows.
LEASE = timedelta(minutes=1)
# How late workers and people may be: what is due close together is seen to together.
LATEST = timedelta(hours=3)
PUNCTUAL = 0.2
ARRIVING = timedelta(days=4)
CHECKED_EVERY = 150
LONGEST = timedelta(days=4000)
LAST_STEPS = 12
# One life in so many is about something that people deliver.
ONE_SERVICE_IN = 6


class Done(msgspec.Struct, frozen=True):
    """What became of a marketplace. `digest` is over every step, the same for the same seed; `last` are the last."""

    number: int
    lives: int
    steps: int
    digest: str
    violations: list[Found]
    last: list[str] = []


class Run:
    """One marketplace and its lives. Use it as `async with Run.of(...) as run`."""

    def __init__(
        self, dsn: str, furnished: Market, seed: str, number: int, lives: int, rates: Rates, told: TextIO | None = None
    ) -> None:
        self.market = furnished
        self.clock = StillClock(begins(number) + timedelta(days=1))
        self.till = Till()
        self.faults = Faults(f"{seed} faults", rates)
        self.steps = 0
        self.last: deque[str] = deque(maxlen=LAST_STEPS)
        self.sellers = {kind.host: Seller(kind, self.clock, number) for kind in SELLERS}
        self.transport = Transport(self.sellers, lambda: self.steps)
        self._own = Simulated(dsn, self.clock, self.transport, self.till)
        self.watch = invariants.Watch()
        self._seed = seed
        self._number = number
        self._lives = lives
        self._told = told
        self._left = lives
        self._rng = random.Random(f"{seed} order")  # noqa: S311 - to be repeated, not to be secret
        self._digest = hashlib.sha256()
        self._numbers = count()
        self._plans: list[tuple[datetime, int, Callable[[], Awaitable[None]]]] = []
        self._calls = WatchedCalls(self._own, self.transport, self._seen)
        self._due = DueWork(self._own.db, self._own.due_handlers())
        self._stalled: list[asyncio.Task[None]] = []
        self._seeded_for = -1
        self._idle = False
        self._due_at: datetime | None = None
        self._call_at: datetime | None = None
        # Whether something may have become due since we looked.
        self._changed = True
        # Whether no call has become due, nor was made, since we looked when the next is.
        self._calls_seen = False

    # --- what others see of it ---------------------------------------------------------------------------------------

    def step(self, who: str, what: str, outcome: str) -> None:
        """Counts a step; every one takes a moment."""
        self.steps += 1
        line = f"{self.steps} {self.clock.now():%Y-%m-%d %H:%M:%S.%f} {who}: {what}: {outcome}"
        self._digest.update(line.encode() + b"\n")
        self.last.append(line)
        if self._told:
            print(line, file=self._told)
        self.clock.advance(TICK)

    def doom_next_transaction(self) -> None:
        self._own.mortal.doom = self.faults.of_connection()
        self._changed = True
        self._calls_seen = False

    def surprise(self, who: str, what: str, error: BaseException) -> None:
        self.watch.found("no_surprise", who, f"{what}: {type(error).__name__}: {error}", self.steps)

    @property
    def installation(self) -> Installation:
        return self._own

    @property
    def settings(self) -> Settings:
        return self._own.settings

    @property
    def anybody_left(self) -> bool:
        # The last few may live for years, alone with due rows.
        return self._left > self._lives // 20

    # --- the run -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Run"]:
        """Everything that has to be there before the first step."""
        before, ids.source = ids.source, market.SeededIds(f"{self._seed} ids", self.clock)
        random.seed(f"{self._seed} manners")  # some of the sample seller's manners draw from here
        try:
            async with self._own:
                async with self._own.db.transaction(SYSTEM) as tx:
                    # It comes every few hours, forgets what no life knows, and would be most of what happens.
                    await tx.execute("DELETE FROM due_rows WHERE kind = %(kind)s", {"kind": HOUSEKEEPING})
                yield self
        finally:
            ids.source = before

    async def run(self) -> Done:
        """All lives from their beginning to their end, and all checks."""
        await self.live()
        await self._finish()
        await self.check(last=True)
        return self.done()

    async def live(self, rounds: int | None = None) -> None:
        """Lives on until nothing happens any more, or for so many rounds of work."""
        if self.steps == 0:
            self._plan_lives()
        done = 0
        while done != rounds and await self._go_on():
            await self._act()
            await self._work()
            done += 1
            if done % CHECKED_EVERY == 0:
                await self.check()

    def done(self) -> Done:
        return Done(
            self._number, self._lives, self.steps, self._digest.hexdigest(), self.watch.violations, list(self.last)
        )

    async def check(self, *, last: bool = False) -> None:
        """Looks at every invariant, as far as it must hold at any time, or as it must at the end."""
        async with self._own.db.read() as reader:
            await self.watch.check(reader, self, last=last)

    def _plan_lives(self) -> None:
        def rng(what: str) -> random.Random:
            return random.Random(f"{self._seed} {what}")  # noqa: S311

        for number in range(1, self._lives + 1):
            sort = Life if number % ONE_SERVICE_IN else ServiceLife
            life = sort(self, f"life {number}", rng(f"life {number}"))
            self.plan(ARRIVING * self._rng.random(), partial(self._go, life.live(), True))
        keeper = Keeper(self, "keeper", self.market.operator, rng("keeper"))
        self.plan(timedelta(0), partial(self._go, keeper.live(), False))
        bank = Bank(self, "bank", self.market.operator, rng("bank"))
        self.plan(timedelta(0), partial(self._go, bank.live(), False))
        for kind, actor, goods in zip(SELLERS, self.market.sellers, self.market.goods, strict=True):
            name = f"seller {kind.name}"
            merchant = Merchant(self, name, actor, rng(name), self.sellers[kind.host], goods)
            self.plan(timedelta(0), partial(self._go, merchant.live(), False))

    def plan(self, after: timedelta, act: Callable[[], Awaitable[None]]) -> None:
        """Has something happen after a while."""
        heapq.heappush(self._plans, (self.clock.now() + after, next(self._numbers), act))

    async def _go(self, acting: Acting, alive: bool) -> None:
        """Has somebody do the next thing, and come back when they said."""
        pause = await anext(acting, None)
        if pause is not None:
            self.plan(max(pause, TICK), partial(self._go, acting, alive))
        elif alive:
            self._left -= 1

    async def _go_on(self) -> bool:
        """Moves the clock to when something happens next; False when nothing ever will."""
        if self._changed:
            await self._look_ahead()
        now = self.clock.now()
        work = (moment for moment in (self._due_at, self._call_at) if moment)
        # What is due and was not handed out is in the hands of a worker that died: then time goes on.
        moments = [moment for moment in work if moment > now or not self._idle]
        if self._plans:
            moments.append(self._plans[0][0])
        if not moments:
            return False
        if min(moments) > now:
            self.clock.move_to(min(moments) + self._lateness())
        return self.clock.now() < begins(self._number) + LONGEST

    def _lateness(self) -> timedelta:
        """How late whoever is next is; whatever becomes due meanwhile is seen to with it."""
        return TICK if self._rng.random() < PUNCTUAL else LATEST * self._rng.random()

    async def _look_ahead(self) -> None:
        """When the next work is due."""
        if not self._calls_seen:
            await self._look_for_calls()
        try:
            async with self._own.db.read() as reader:
                self._due_at = await self._due.next_due(reader)
        except DATABASE_AWAY:
            self.step("worker", "looks ahead", "cut off")
        else:
            self._changed = not self._calls_seen

    async def _look_for_calls(self) -> None:
        """When the next call is due; one that cannot be seen may be due now."""
        try:
            async with self._own.db.read() as reader:
                self._call_at = await self._calls.next_due(reader)
        except DATABASE_AWAY:
            self.step("worker", "looks for calls", "cut off")
            self._call_at = self.clock.now()
        else:
            self._calls_seen = True

    async def _act(self) -> None:
        """People, and whatever else was planned for now."""
        now = self.clock.now()
        while self._plans and self._plans[0][0] <= now:
            _, _, act = heapq.heappop(self._plans)
            await act()

    # --- work --------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Everything that is due is claimed once and carried out, unless the worker dies over it."""
        now = self.clock.now()
        changed = self._changed
        done = 0
        if changed or (self._due_at and self._due_at <= now):
            done += await self._work_due()
        if changed or done:
            await self._look_for_calls()  # a claim of them costs far more than a look
        if self._call_at and self._call_at <= self.clock.now():
            done += await self._work_calls()
            self._calls_seen = False
        self._idle = done == 0
        self._changed = self._changed or done > 0

    async def _claimed(self, claim: Callable[[int], Awaitable[Sequence[Job]]]) -> list[Job]:
        """What a worker gets: in an order of its own, since the database's is none."""
        try:
            await self._seed_database()
            jobs = await claim(ROOM)
        except DATABASE_AWAY:
            self.step("worker", "claims", "cut off")
            return []
        ordered = sorted(jobs, key=_key_of)
        self._rng.shuffle(ordered)
        return ordered

    async def _seed_database(self) -> None:
        """Servers are called in random order: by random numbers of the database, session by session."""
        if self._seeded_for != self._own.mortal.deaths:
            async with self._own.db.read() as reader:
                await reader.fetch_value("SELECT setseed(%(seed)s)", {"seed": self._rng.random()})
            self._seeded_for = self._own.mortal.deaths

    async def _work_due(self) -> int:
        jobs = await self._claimed(self._due.claim)
        dying = self._dies_among(jobs)
        for number, job in enumerate(jobs):
            row: DueRow = _subject_of(job)
            if number == dying:
                self._die("due_rows", [_subject_of(left).id for left in jobs[number:]])
                break
            deaths = self._own.mortal.deaths
            self.doom_next_transaction()
            outcome = "done"
            try:
                await job()
            except DATABASE_AWAY:
                outcome = "cut off"
            except Exception as error:
                outcome = type(error).__name__
                self.surprise("worker", row.kind, error)
            self.step("worker", f"{row.kind} {row.subject_id}", outcome)
            if self._own.mortal.deaths != deaths or outcome != "done":
                self._lose("due_rows", [row.id])
            self._forget()
        return len(jobs)

    async def _work_calls(self) -> int:
        jobs = await self._claimed(self._calls.claim)
        dying = self._dies_among(jobs)
        for number, job in enumerate(jobs):
            if number == dying:
                self._die("seller_calls", [_subject_of(left).lane for left in jobs[number:]])
                break
            await self._make_call(job)
        return len(jobs)

    async def _make_call(self, job: Job) -> None:
        call: ClaimedCall = _subject_of(job)
        deaths = self._own.mortal.deaths
        self.transport.fault = fault = self.faults.of_call()
        if fault == "late":
            self.plan(timedelta(seconds=30), self._deliver)
        if fault is None:
            self.doom_next_transaction()
        try:
            if fault == "stalls":
                await self._stall(job)
            else:
                await job()
        except WorkerDied:
            self.step("worker", f"dies over {self._wording(call)}", fault or "")
            self._lose("seller_calls", [call.lane])
        except DATABASE_AWAY:
            self.step("worker", self._wording(call), "cut off")
            self._lose("seller_calls", [call.lane])
        except Exception as error:
            self.step("worker", self._wording(call), type(error).__name__)
            self.surprise("worker", self._wording(call), error)
            self._lose("seller_calls", [call.lane])
        if self._own.mortal.deaths != deaths:
            self._lose("seller_calls", [call.lane])
        self._forget()

    def _forget(self) -> None:
        """What was drawn for one job is not for the next."""
        self.transport.fault = self.transport.under_way = self._own.mortal.doom = None

    def _making(self, call: ClaimedCall) -> ClaimedCall:
        """The call that was being made: the one that was claimed, or what followed from it at once."""
        return self.transport.under_way or call

    def _wording(self, call: ClaimedCall) -> str:
        made = self._making(call)
        return f"{made.purpose} of {made.order_number} for the {made.attempts}. time"

    def _seen(self, call: ClaimedCall, result: Judgement) -> None:
        self.step("worker", self._wording(call), result.code or result.trouble or result.verdict)

    async def _deliver(self) -> None:
        self.transport.deliver_delayed()

    async def _stall(self, job: Job) -> None:
        """The worker stands still over an answer; the world goes on without it, and its lease ends."""
        self.transport.parked.clear()
        task = asyncio.ensure_future(job())
        parked = asyncio.ensure_future(self.transport.parked.wait())
        await asyncio.wait([task, parked], return_when=asyncio.FIRST_COMPLETED)
        parked.cancel()
        if task.done():
            return task.result()
        call, resumed = self.transport.under_way, self.transport.resumed
        assert call, "what stands still is a call"
        self.step("worker", f"stands still over {self._wording(call)}", "")
        self._lose("seller_calls", [call.lane])

        async def wake() -> None:
            deaths = self._own.mortal.deaths
            self.transport.under_way = call
            resumed.set()
            try:
                await task
            except DATABASE_AWAY:
                self.step("worker", "wakes", "cut off")
            except Exception as error:
                self.step("worker", "wakes", type(error).__name__)
                self.surprise("worker", self._wording(call), error)
            if self._own.mortal.deaths != deaths:
                self._lose("seller_calls", [call.lane])
            self._forget()

        self.plan(LEASE * (0.5 + 20 * self._rng.random() ** 2), wake)
        return None

    def _dies_among(self, jobs: Sequence[Job]) -> int | None:
        """The job before which the worker dies, if it does."""
        return self._rng.randrange(len(jobs)) if jobs and self.faults.of_claim() else None

    def _die(self, table: str, held: list[UUID]) -> None:
        self.step("worker", f"dies with {len(held)} {table}", "")
        self._lose(table, held)

    def _lose(self, table: str, held: list[UUID]) -> None:
        """What a worker had is handed out anew when its lease is over: due rows by their ids, calls by their lanes:
        it may already have had the call that follows."""
        self.plan(LEASE, partial(self._end_leases, table, held))

    async def _end_leases(self, table: str, held: list[UUID]) -> None:
        statement = {
            "seller_calls": """
                UPDATE seller_calls SET leased_until = clock_timestamp() - interval '1 second'
                WHERE lane = ANY(%(ids)s) AND state = 'running' AND last_attempt_at <= %(before)s
            """,
            "due_rows": """
                UPDATE due_rows SET leased_until = clock_timestamp() - interval '1 second'
                WHERE id = ANY(%(ids)s) AND leased_until IS NOT NULL
            """,
        }[table]
        try:
            async with self._own.db.statement(SYSTEM) as tx:
                # A call that another worker has meanwhile is not this one's to lose.
                await tx.connection.execute(statement, {"ids": held, "before": self.clock.now() - LEASE})
        except DATABASE_AWAY:
            self._lose(table, held)
        self._changed = True
        self._calls_seen = False

    async def _finish(self) -> None:
        """Nothing fails any more, and time goes on until nothing is left to do."""
        self.faults.rates = Rates(0, 0, 0)
        for seller in self.sellers.values():
            seller.recover()
        self.till.declining = False
        keeper = Keeper(self, "keeper", self.market.operator, random.Random(f"{self._seed} last"))  # noqa: S311
        await keeper.look_after(100_000)
        self._idle = False
        while await self._go_on():
            await self._act()
            await self._work()


def _subject_of(job: Job) -> Any:
    """The call or due row that a job is about."""
    assert isinstance(job, partial)
    return job.args[0]


def _key_of(job: Job) -> tuple[datetime, str, str]:
    subject = _subject_of(job)
    return (subject.due_at, getattr(subject, "kind", ""), str(getattr(subject, "subject_id", subject.id)))
