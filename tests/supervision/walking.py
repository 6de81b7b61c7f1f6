"""Random walks through supervised orders and disputes about them: what people may try, drawn from their tables, and
what holds then."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from tests.supervised import Supervised, stored
from tests.world import Shop

from tradehall.commands.simulate.faults import Doom, MortalDatabase
from tradehall.commands.simulate.replay import oddities
from tradehall.commands.simulate.services import answers_for, files_for
from tradehall.commands.simulate.supervised_questions import SUPERVISED as QUESTIONS
from tradehall.installation import Installation
from tradehall.kernel import journal
from tradehall.kernel.db import DATABASE_AWAY, Database, Reader, Tx
from tradehall.kernel.due import DueWork
from tradehall.kernel.errors import Problem
from tradehall.kernel.journal import Actor
from tradehall.parties import actions as parties
from tradehall.supervision import evidence, queries
from tradehall.supervision.disputes.model import Dispute, Stage
from tradehall.supervision.disputes.steps import CLOSED, Step
from tradehall.supervision.flow import Verb
from tradehall.supervision.flows import FLOWS
from tradehall.supervision.model import Held
from tradehall.trading import actions as trading
from tradehall.trading import vouchers
from tradehall.trading.vouchers import NewVoucher

# A plain no. Anything else that goes wrong is a bug.
NO = frozenset({402, 403, 404, 409, 422})
Outcome = str | None
# Who tries: both sides, two of the platform, one who works for the seller as well, and somebody else.
PLATFORM = ("platform", "second", "partial")
WHO = ("buyer", "seller", *PLATFORM, "stranger")
# What a verb may be refused for although it can be done here, with all that it asks for.
RULES = frozenset({"Invalid", "NothingToRedeliver", "SecondPersonNeeded", "OwnOrganisation", "SellerStillHasTime"})


class Attempt:
    """A verb that somebody tries, with what is supplied for it."""

    def __init__(self, side: str, verb: str, answers: Mapping[str, Any], files: Sequence[str] = ()) -> None:
        self.side = side
        self.verb = verb
        self.answers = answers
        self.files = files


class Walker:
    """Somebody who tries anything with the orders of a shop, and looks at everything afterwards."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.own = shop.installation
        self.supervised = Supervised(shop)
        # A second database whose connections end when they are told to.
        self.mortal = MortalDatabase(self.own.db.dsn, clock=self.own.clock, story=self.own.db._story, pool_size=2)
        self.prices: dict[tuple[Any, ...], UUID] = {}
        self.handed_in: dict[UUID, tuple[Any, ...]] = {}
        self.deaths = 0
        self.zone = ZoneInfo(self.own.settings.default_timezone)
        self.partial = msgspec.structs.replace(shop.world.operator, person_id=shop.world.seller.person_id)
        self.stopwatch = Stopwatch(self.own)

    # --- buying ------------------------------------------------------------------------------------------------------

    async def buy(
        self, kind: str, product_class: str, track: str | None, scene: str | None, asks: bool, by_month: bool
    ) -> str:
        """Buys what people deliver, as a buyer of a track, with a voucher of a scene where one is given."""
        buyer = self.shop.world.buyer
        assert buyer.organisation_id
        async with self.own.db.transaction(self.shop.world.operator, request_id="track") as tx:
            await parties.set_track(tx, buyer.organisation_id, track)  # type: ignore[arg-type]
        by_month = by_month and kind != "hardware"
        product = (kind, product_class, asks, by_month)
        if product not in self.prices:
            self.prices[product] = await self.supervised.price(
                kind,
                by_month=by_month,
                product_class=product_class,
                asks_requirement=asks or not FLOWS[kind][0].without_requirement,
            )
        number = await self.supervised.place(self.prices[product], periods=1 if by_month else None)
        async with self.own.db.transaction(self.shop.world.operator, request_id="voucher") as tx:
            until = tx.now + timedelta(days=30)
            wanted = NewVoucher(buyer.organisation_id, "A", "一", 30_000, "CNY", until, scene=scene)  # type: ignore[arg-type]
            chosen = [await vouchers.issue(tx, wanted)] if scene else []
        async with self.own.db.transaction(buyer, request_id="pay") as tx:
            await trading.pay(tx, self.own.gateway, number=number, vouchers=chosen)
        return number

    async def renew(self, number: str) -> None:
        """Renews what was accepted, where it was bought by the month."""
        if (await self.held(number)).state == "completed":
            await self.tried(lambda: self.shop.renew(number))

    # --- acting ------------------------------------------------------------------------------------------------------

    async def held(self, number: str) -> Held:
        return await self.supervised.flow(number)

    async def whole(self, held: Held, stage: Stage, verb: Verb, rng: Random) -> Attempt:
        """A verb with everything it asks for, by one who may do it there."""
        fields = held.fields(verb)
        async with self.own.db.read() as reader:
            code = await queries.code_of(reader, held.order_id)
        answers = answers_for(fields, rng, held.bounds(self.shop.clock.now(), self.zone), code=code)
        files = files_for(fields, answers, rng)
        for field in fields:
            if field.group and field.kind == "note":
                answers[field.key] = "Enough."
        side = rng.choice(stage.by(verb) or ("buyer",))
        return Attempt(rng.choice(PLATFORM[:2]) if side == "platform" else side, verb.key, answers, files)

    async def hand_in(self, number: str, attempt: Attempt) -> None:
        """The files of an attempt, as far as they are asked for."""
        by = self.actor(attempt.side)
        for field in attempt.files:

            async def attach(field: str = field) -> None:
                async with self.own.db.transaction(by, request_id="upload") as tx:
                    await evidence.attach(tx, number, attempt.verb, field, await stored(tx, by, b"proof"))

            await self.tried(attach)

    async def act(
        self, number: str, attempt: Attempt, *, seen: int | None = None, db: Database | None = None
    ) -> Outcome:
        """Tries it on a connection of its own; None when it was done, otherwise the no that came."""

        async def act() -> None:
            async with (db or self.own.db).transaction(self.actor(attempt.side), request_id="act") as tx:
                await self.own.supervision.act(tx, number, attempt.verb, attempt.answers, seen=seen)

        return await self.tried(act)

    async def at_once(self, number: str, attempts: Sequence[Attempt], *, seen: int | None = None) -> list[Outcome]:
        return await asyncio.gather(*(self.act(number, attempt, seen=seen) for attempt in attempts))

    async def act_and_die(self, number: str, attempt: Attempt, statements: int | None) -> Outcome:
        """Tries it on a connection that ends after so many statements, or once it has committed (None)."""
        self.mortal.doom = Doom(statements)
        try:
            return await self.act(number, attempt, db=self.mortal)
        except DATABASE_AWAY:
            return "died"
        finally:
            self.mortal.doom = None

    async def appeal(self, number: str, by: str = "buyer") -> Outcome:
        return await self.act(number, Attempt(by, "appeal", {"reason": "So.", "claim": "That."}))

    async def settle(self, number: str) -> None:
        """The platform ends whatever is disputed, and the delivery goes on where it stood."""
        await self.act(number, Attempt("second", "return_decision", {"reason": "No."}))
        for by in ("buyer", "seller"):
            await self.act(number, Attempt(by, "withdraw_appeal", {}))
        for verb in ("withdraw_refund", "withdraw_return"):
            await self.act(number, Attempt("buyer", verb, {}))
        if (await self.held(number)).disputes:  # goods that came back: no one can take that back
            assert await self.appeal(number) is None
            decision = {"ruling": "Enough.", "amount_minor": 1}
            assert await self.act(number, Attempt("platform", "decide_refund", decision)) is None

    async def tried(self, work: Callable[[], Awaitable[Any]]) -> Outcome:
        """Does what somebody wants; a plain no is an answer."""
        try:
            await work()
        except Problem as problem:
            if problem.status not in NO:
                raise
            return type(problem).__name__
        return None

    def actor(self, side: str) -> Actor:
        world = self.shop.world
        others = {"stranger": world.other_buyer, "second": world.operator_member, "partial": self.partial}
        return others.get(side) or self.supervised.actor(side)

    # --- time --------------------------------------------------------------------------------------------------------

    async def days_pass(self, days: int) -> None:
        """The clock goes from one due moment to the next, everything carried out in order."""
        worker = self.own.worker()
        end = self.shop.clock.now() + timedelta(days=days)
        await self.shop.end_leases()
        while True:
            await worker.run_until_idle()
            moment = await worker.next_due()
            if moment is None or moment > end:
                break
            self.shop.clock.move_to(max(moment, self.shop.clock.now()))
        self.shop.clock.move_to(end)

    async def a_worker_dies(self) -> None:
        """What is due is claimed, and nobody carries it out until the lease ends."""
        await self._one_lives()
        await DueWork(self.own.db, self.own.due_handlers()).claim(10)

    async def _one_lives(self) -> None:
        """Of so many workers in a row one does its work: what kills its worker each time is parked, and rightly so."""
        self.deaths += 1
        if self.deaths % 4 == 0:
            await self.shop.end_leases()
            await self.own.worker().run_until_idle()

    async def a_worker_dies_over_it(self, statements: int) -> None:
        """What is due is carried out on connections that end."""
        await self._one_lives()
        for job in await DueWork(self.mortal, self.own.due_handlers()).claim(3):
            self.mortal.doom = Doom(statements)
            try:
                await job()
            except DATABASE_AWAY:
                pass
            finally:
                self.mortal.doom = None
        await self.shop.end_leases()

    # --- what must be true -------------------------------------------------------------------------------------------

    async def look(self) -> list[str]:
        """Everything that is odd, and everything handed in that is not as it was."""
        async with self.own.db.read() as reader:
            found = await oddities(reader, self.own.settings.second_look_above)
            odd = [f"{one.invariant}: {one.number}: {one.seen}" for one in found]
            for invariant, statements in QUESTIONS:
                for statement in statements:
                    cursor = await reader.connection.execute(statement, {"supervised": sorted(FLOWS)})
                    odd += [f"{invariant}: {row}" for row in await cursor.fetchall()]
            odd += [f"journal: {flaw}" async for _, flaw in journal.verify(reader.connection) if flaw]
            odd += await self._evidence(reader)
        odd += [
            f"failed: {row}"
            for row in await self.shop.sql("SELECT kind, last_error FROM due_rows WHERE last_error IS NOT NULL")
        ]
        return odd

    async def _evidence(self, reader: Reader) -> list[str]:
        cursor = await reader.connection.execute(
            """
            SELECT e.id, e.flow_id, e.file_id, e.side, e.verb, e.kind, e.act, x.sha256
            FROM supervision_evidence e JOIN files x ON x.id = e.file_id WHERE e.act IS NOT NULL
            """
        )
        now = {row[0]: tuple(row) for row in await cursor.fetchall()}
        before, self.handed_in = self.handed_in, now
        return [f"evidence changed: {before[one]} is {now.get(one)}" for one in before if now.get(one) != before[one]]


# --- Where things can be done ----------------------------------------------------------------------------------------


def by(side: str) -> str:
    """The side somebody acts for."""
    return "platform" if side in PLATFORM else "buyer" if side == "stranger" else side


def there(held: Held) -> list[tuple[Stage, Verb]]:
    """All that people can do now, and where."""
    return [(stage, verb) for stage in held.stages for verb in stage.node.verbs if "system" not in stage.by(verb)]


def anything(held: Held) -> list[Verb]:
    """All that there is in any table of an order."""
    return [verb for table in held.tables for _, verb in table.walk()]


def led_to(held: Held, stage: Stage, verb: Verb, after: Held) -> bool:
    """Whether a verb that was done led to where its table says."""
    if stage.kind is None:
        return after.node == verb.leads_to(held.reviewed) and after.acts == held.acts + 1
    assert isinstance(verb, Step)
    now = after.appeal if stage.kind == "appeal" else after.refund
    if now is None:
        return CLOSED in (verb.to, verb.to_reviewed)
    return now.node in (verb.to, verb.to_reviewed) and after.frozen_at is not None


class Stopwatch:
    """Stands beside an installation, and sees to it that what is frozen or paused loses no time and gains none: when
    it goes on every timer has to the microsecond what it had left."""

    def __init__(self, own: Installation) -> None:
        self.moving = own.supervision._moving
        self.disputes = own.supervision._disputes
        self._stopped: dict[UUID, tuple[datetime, dict[Any, datetime], datetime | None]] = {}
        self._freeze, self._thaw = self.moving.freeze, self.moving.thaw
        self._pause, self._go_on = self.disputes._pause, self.disputes._go_on
        self.moving.freeze, self.moving.thaw = self.freeze, self.thaw  # type: ignore[method-assign]
        self.disputes._pause, self.disputes._go_on = self.pause, self.go_on  # type: ignore[method-assign]

    async def freeze(self, tx: Tx, held: Held) -> None:
        self._stopped[held.id] = (tx.now, held.timers, held.due_at)
        await self._freeze(tx, held)

    async def thaw(self, tx: Tx, held: Held, *, moves_on: bool = False) -> None:
        await self._thaw(tx, held, moves_on=moves_on)
        after = await queries.locked(tx, held.id)
        if held.frozen_at:
            self._check(held.id, tx.now, after.timers, after.due_at)

    async def pause(self, tx: Tx, dispute: Dispute) -> None:
        self._stopped[dispute.id] = (tx.now, dispute.timers, dispute.due_at)
        await self._pause(tx, dispute)

    async def go_on(self, tx: Tx, dispute: Dispute) -> None:
        await self._go_on(tx, dispute)
        after = await self.disputes._read(tx, dispute.id)
        self._check(dispute.id, tx.now, after.timers, after.due_at)

    def stop(self) -> None:
        """It looks no longer."""
        self._stopped.clear()

    def _check(self, subject: UUID, now: datetime, timers: Mapping[Any, datetime], due_at: datetime | None) -> None:
        if subject not in self._stopped:
            return
        since, before, due_before = self._stopped[subject]
        assert timers == {name: at + (now - since) for name, at in before.items()}
        assert due_at == (due_before + (now - since) if due_before else None)
