"""The life of orders as a state machine: people, faulty sellers, dying workers and a clock in any order, on a real
PostgreSQL. Whatever happened, the books balance, and in the end nothing is stuck."""

import asyncio
import os
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.conftest import BEGINNING, Server, sandbox_settings
from tests.world import KEY, SellerServer, Shop, World

from tradehall.installation import Installation
from tradehall.kernel import journal
from tradehall.kernel.clock import StillClock
from tradehall.kernel.errors import Problem
from tradehall_seller.sample import Manner

T = TypeVar("T")

EXAMPLES = int(os.environ.get("LIFE_EXAMPLES", "12"))
STEPS = int(os.environ.get("LIFE_STEPS", "25"))
# Making a failure shorter takes minutes here; LIFE_SHRINK=1 asks for it.
PHASES = set(Phase) if os.environ.get("LIFE_SHRINK") else set(Phase) - {Phase.shrink, Phase.explain}
# Without those that only cost time: how a call fails is another test's subject.
MANNERS: tuple[Manner, ...] = (
    "instant", "slow", "fresh_ids", "lost_answer", "refusing", "sold_out", "trouble", "html", "nothing", "cut",
)  # fmt: skip


class Life(RuleBasedStateMachine):
    """One marketplace, two sellers' products, one seller's server; several workers, some of which die."""

    orders = Bundle("orders")

    def __init__(self, server: Server, furnished: tuple[str, World]) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.server = server
        template, self.world = furnished
        self.database = server.create(template)
        self.clock = StillClock(BEGINNING)
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self) -> None:
        self.installation = Installation(
            sandbox_settings(call_timeout=timedelta(seconds=5)), self.server.address(self.database), self.clock
        )
        await self.installation.__aenter__()
        self.shop = Shop(self.installation, self.clock, self.world)
        self.seller = SellerServer(self.clock, ready_after=90.0)
        await self.seller.up()
        await self.shop.sql(f"UPDATE endpoints SET address = '{self.seller.url}'")

    def attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Does what a person wants; a plain no is an answer, anything else a bug."""
        try:
            return self.run(work)
        except Problem as problem:
            if problem.status not in (402, 404, 409, 422):
                raise
            return None

    # --- What people do ---

    @initialize(target=orders)
    def first_order(self) -> str:
        return self.run(self.shop.buy())

    @rule(target=orders, other=st.booleans(), once=st.booleans())
    def place(self, other: bool, once: bool) -> str:
        if other:
            return self.run(self.shop.place(self.world.other_price))
        return self.run(self.shop.place(self.world.one_time, periods=None) if once else self.shop.place())

    @rule(number=orders, instrument=st.sampled_from(["balance", "balance", "declined_card"]))
    def pay(self, number: str, instrument: str) -> None:
        self.attempt(self.shop.pay(number, instrument=instrument))

    @rule(number=orders)
    def cancel(self, number: str) -> None:
        self.attempt(self.shop.cancel(number))

    @rule(number=orders, stale=st.booleans())
    def restart_every_call(self, number: str, stale: bool) -> None:
        for call in self.run(self.shop.calls(number)):
            by = self.world.operator
            self.attempt(self.shop.restart(call, by=by, seen=call.attempts - 1 if stale else call.attempts))

    @rule(number=orders)
    def look_at_the_application(self, number: str) -> None:
        async def look() -> None:
            order = await self.shop.order(number)
            for (instance,) in await self.shop.sql(f"SELECT id FROM instances WHERE order_id = '{order.id}'"):
                async with self.installation.db.transaction(self.world.buyer) as tx:
                    await self.installation.provisioning.refresh_details(tx, instance)

        self.attempt(look())

    # --- What sellers do ---

    @rule(manner=st.sampled_from(MANNERS))
    def change_manner(self, manner: Manner) -> None:
        self.seller.manner = manner

    @rule()
    def go_down(self) -> None:
        self.run(self.seller.down())

    @rule()
    def come_up(self) -> None:
        self.run(self.seller.up())

    @rule(right=st.booleans())
    def change_the_key(self, right: bool) -> None:
        key = KEY if right else "another-key-altogether"
        self.run(self.shop.point_endpoint(self.world.endpoint, self.seller.url, key))

    # --- What workers and the clock do ---

    @rule()
    def work(self) -> None:
        self.run(self.shop.run_due())

    @rule(minutes=st.sampled_from([1, 3, 10, 60, 200]))
    def time_passes(self, minutes: int) -> None:
        self.run(self.installation.worker().run_until_idle())
        self.run(self._pass(timedelta(minutes=minutes)))

    async def _pass(self, span: timedelta) -> None:
        end = self.clock.now() + span
        worker = self.installation.worker()
        while (moment := await worker.next_due()) and moment <= end:
            if moment > self.clock.now():
                self.clock.move_to(moment)
            elif not await worker.run_until_idle():
                break  # a dead worker's lease holds it
            await worker.run_until_idle()
        self.clock.move_to(end)

    @rule(minutes=st.sampled_from([1, 30, 240]))
    def nobody_works_for_a_while(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule()
    def a_worker_dies_before_it_calls(self) -> None:
        self.run(self.shop.seller_calls().claim(4))

    @rule()
    def a_worker_dies_before_it_hears_the_answer(self) -> None:
        self.run(self._die_unheard())

    async def _die_unheard(self) -> None:
        """The seller does what it was asked, and the worker is killed before the answer is through."""
        acted, over = asyncio.Event(), asyncio.Event()
        seller = self.seller.app

        async def unheard(scope: Any, receive: Any, send: Any) -> None:
            async def swallow(message: Any) -> None:
                pass

            await seller(scope, receive, swallow)
            acted.set()
            await over.wait()

        jobs = [asyncio.ensure_future(job()) for job in await self.shop.seller_calls().claim(1)]
        self.seller.app = unheard
        try:
            if jobs:
                heard = asyncio.ensure_future(acted.wait())
                await asyncio.wait([heard, *jobs], return_when=asyncio.FIRST_COMPLETED)
                heard.cancel()
                for job in jobs:
                    job.cancel()
                await asyncio.gather(heard, *jobs, return_exceptions=True)
        finally:
            over.set()
            self.seller.app = seller

    @rule()
    def leases_run_out(self) -> None:
        self.run(self.shop.end_leases())

    # --- What must be true at any time ---

    @invariant()
    def the_books_balance(self) -> None:
        self.run(self._check_books())

    async def _check_books(self) -> None:
        wrong = await self.shop.sql(
            """
            SELECT o.number, o.state, o.cancel_reason, i.state, r.state, p.amount_minor FROM orders o
            LEFT JOIN payments p ON p.order_id = o.id
            LEFT JOIN refunds r ON r.order_id = o.id
            LEFT JOIN instances i ON i.order_id = o.id
            WHERE NOT (
                (o.state = 'pending_payment' AND p IS NULL AND r IS NULL AND i IS NULL)
                OR (o.state = 'cancelled' AND o.cancel_reason IN ('buyer', 'expired')
                    AND p IS NULL AND r IS NULL AND i IS NULL)
                OR (o.state = 'processing' AND p.amount_minor = o.total_minor AND r IS NULL AND i.state = 'opening')
                OR (o.state = 'completed' AND p.amount_minor = o.total_minor AND r IS NULL AND i.state = 'running')
                OR (o.state = 'cancelled' AND o.cancel_reason = 'opening_failed' AND p.amount_minor = o.total_minor
                    AND r.amount_minor = p.amount_minor AND i.state IN ('failed', 'released'))
            )
            """
        )
        assert wrong == []
        ((paid, completed, refunded, processing),) = await self.shop.sql(
            """
            SELECT (SELECT coalesce(sum(amount_minor), 0) FROM payments),
                   (SELECT coalesce(sum(total_minor), 0) FROM orders WHERE state = 'completed'),
                   (SELECT coalesce(sum(amount_minor), 0) FROM refunds),
                   (SELECT coalesce(sum(total_minor), 0) FROM orders WHERE state = 'processing')
            """
        )
        assert paid == completed + refunded + processing
        blocked = await self.shop.sql(
            """
            SELECT lane, count(*) FILTER (WHERE state <> 'queued') FROM seller_calls
            WHERE state IN ('queued', 'waiting', 'running') GROUP BY lane
            HAVING count(*) FILTER (WHERE state <> 'queued') <> 1
            """
        )
        assert blocked == [], "each lane that has calls has one head"
        assert (
            await self.shop.sql(
                """
            SELECT o.number FROM orders o WHERE o.state = 'processing' AND NOT EXISTS (
                SELECT FROM seller_calls c WHERE c.order_id = o.id
                AND c.purpose IN ('open', 'await_opening', 'investigate')
                AND c.state IN ('queued', 'waiting', 'running'))
            """
            )
            == []
        ), "somebody works on every order in process"

    @invariant()
    def the_journal_is_whole(self) -> None:
        async def flaws() -> list[Any]:
            async with self.installation.db.read() as reader:
                return [flaw async for _, flaw in journal.verify(reader.connection) if flaw]

        assert self.run(flaws()) == []

    def teardown(self) -> None:
        try:
            self.run(self._drain())
        finally:
            self.run(self.seller.down())
            self.run(self.installation.__aexit__(None, None, None))
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            self.server.drop(self.database)

    async def _drain(self) -> None:
        """Leases end, sellers recover, time passes: then nothing waits any more."""
        await self.shop.end_leases()
        await self.seller.up()
        self.seller.manner = "instant"
        await self.shop.run_due(timedelta(hours=6))
        await self._check_books()
        assert await self.shop.sql("SELECT number FROM orders WHERE state = 'processing'") == []
        assert await self.shop.sql("SELECT id FROM refunds WHERE state <> 'refunded'") == []
        assert await self.shop.sql("SELECT id FROM seller_calls WHERE state IN ('queued', 'waiting', 'running')") == []
        assert await self.shop.sql("SELECT kind, last_error FROM due_rows WHERE parked_at IS NOT NULL") == []
        # What a seller opened for an order that was given back is released, or its release waits for a person.
        left = await self.shop.sql(
            """
            SELECT o.number FROM orders o WHERE o.cancel_reason = 'opening_failed' AND NOT EXISTS (
                SELECT FROM seller_calls c WHERE c.order_id = o.id AND c.purpose = 'release' AND c.state = 'failed')
            """
        )
        kept = {entry.order[0] for entry in self.seller.seller.book._by_order.values() if not entry.released}
        assert kept.isdisjoint(number for (number,) in left), "opened, refunded and forgotten"


def test_whatever_happens_the_books_balance_and_nothing_is_stuck(server: Server, furnished: tuple[str, World]) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Life(server, furnished),
        settings=settings(
            max_examples=EXAMPLES,
            phases=tuple(PHASES),
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
