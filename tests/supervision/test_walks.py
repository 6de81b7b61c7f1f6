"""Supervised orders as a state machine: whatever the three sides try, alone or at once, with whatever they supply, and
whoever dies over it, each order stands where its flow's table and its log say, on a real PostgreSQL."""

import asyncio
import os
from collections.abc import Coroutine
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.conftest import Server, sandbox_settings
from tests.supervised import SUPERVISED
from tests.supervision.walking import Attempt, Outcome, Walker
from tests.world import Shop, World

from tradehall.installation import Installation
from tradehall.kernel.clock import StillClock
from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.journal import SYSTEM
from tradehall.supervision import engine
from tradehall.supervision.fields import Checked
from tradehall.supervision.flow import COMPLETED, SIDES, Verb
from tradehall.supervision.model import Held
from tradehall.supervision.moving import Moving, arm
from tradehall.supervision.opening import open_flow
from tradehall.supervision.timers import Timers

T = TypeVar("T")

EXAMPLES = int(os.environ.get("WALK_EXAMPLES", "15"))
STEPS = int(os.environ.get("WALK_STEPS", "30"))
# Making a failure shorter takes minutes here; WALK_SHRINK=1 asks for it.
PHASES = set(Phase) if os.environ.get("WALK_SHRINK") else set(Phase) - {Phase.shrink, Phase.explain}
# Under the rule of a year and while all joint products were reviewed; before and after the flows changed.
BEGINNINGS = [datetime(*day, 9, 0, tzinfo=UTC) for day in ((2023, 2, 10), (2024, 9, 1), (2025, 3, 15), (2026, 3, 2))]
SCENES = st.sampled_from([None, None, "empowerment", "base"])
SEEDS = st.integers(0, 2**32)


class Walk(RuleBasedStateMachine):
    """One shop, whose buyer, seller and operator try whatever they like."""

    orders = Bundle("orders")

    def __init__(self, server: Server, furnished: tuple[str, World]) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.server = server
        template, self.world = furnished
        self.database = server.create(template)
        self.opened = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self, beginning: datetime) -> None:
        clock = StillClock(beginning)
        self.installation = Installation(
            sandbox_settings(pool_size=6), self.server.address(self.database), clock, listening=False
        )
        await self.installation.__aenter__()
        self.walker = Walker(Shop(self.installation, clock, self.world))
        await self.walker.mortal.open()
        self.opened = True

    # --- buying ---

    @initialize(target=orders, beginning=st.sampled_from(BEGINNINGS), kind=st.sampled_from(SUPERVISED))
    def begin(self, beginning: datetime, kind: str) -> str:
        self.run(self._open(beginning))
        return self.run(self.walker.buy(kind, "common", None, None, True, False))

    @rule(
        target=orders,
        kind=st.sampled_from(SUPERVISED),
        product_class=st.sampled_from(["common", "self_service", "joint", "joint"]),
        track=SCENES,
        scene=SCENES,
        asks=st.booleans(),
        by_month=st.booleans(),
    )
    def buy(
        self, kind: str, product_class: str, track: str | None, scene: str | None, asks: bool, by_month: bool
    ) -> str:
        return self.run(self.walker.buy(kind, product_class, track, scene, asks, by_month))

    @rule(number=orders)
    def renew(self, number: str) -> None:
        self.run(self.walker.renew(number))

    # --- as it should be done ---

    @rule(number=orders, pick=st.integers(0, 5), times=st.integers(1, 4), seed=SEEDS)
    def go_on(self, number: str, pick: int, times: int, seed: int) -> None:
        """Whoever's turn it is does something with all it asks for; that is done, and leads where the table says."""
        self.run(self._go_on(number, 0 if pick > 2 else pick, times, Random(seed)))

    async def _go_on(self, number: str, pick: int, times: int, rng: Random) -> None:
        for _ in range(times):
            held = await self.walker.held(number)
            verb = self._verb(held, pick)
            if verb is None:
                return
            attempt = await self.walker.whole(held, verb, rng)
            await self.walker.hand_in(number, attempt)
            no = await self.walker.act(number, attempt, seen=held.acts if rng.random() < 0.5 else None)
            after = await self.walker.held(number)
            if no is None:
                assert (after.node, after.acts) == (verb.leads_to(held.reviewed), held.acts + 1)
            else:
                # What was frozen, and a file too many that was handed in as a draft before.
                assert held.frozen_at or no == "Invalid", no
                assert (after.node, after.acts) == (held.node, held.acts)

    def _verb(self, held: Held, pick: int) -> Verb | None:
        verbs = [verb for verb in held.at.verbs if held.at.by(verb) != "system"]
        return verbs[pick % len(verbs)] if verbs and held.state == "open" else None

    # --- as it should not ---

    @rule(number=orders, side=st.sampled_from([*SIDES, "stranger"]), pick=st.integers(0, 30), seed=SEEDS)
    def do_anything(self, number: str, side: str, pick: int, seed: int) -> None:
        """Any verb of the flow by any side: done only if the table has it so."""
        self.run(self._do_anything(number, side, pick, Random(seed)))

    async def _do_anything(self, number: str, side: str, pick: int, rng: Random) -> None:
        held = await self.walker.held(number)
        verbs = [verb for _, verb in held.flow.walk()]
        attempt = await self.walker.whole(held, verbs[pick % len(verbs)], rng)
        attempt.side = side
        await self.walker.hand_in(number, attempt)
        no = await self.walker.act(number, attempt)
        if held.at.by(verbs[pick % len(verbs)]) != side or held.frozen_at or held.state != "open":
            assert no is not None

    @rule(number=orders, pick=st.integers(0, 5), extra=st.booleans(), seed=SEEDS)
    def leave_something_out(self, number: str, pick: int, extra: bool, seed: int) -> None:
        """Without something that is asked for, or with something that is not, nothing happens."""
        self.run(self._leave_something_out(number, pick, extra, Random(seed)))

    async def _leave_something_out(self, number: str, pick: int, extra: bool, rng: Random) -> None:
        held = await self.walker.held(number)
        verb = self._verb(held, pick)
        if verb is None:
            return
        attempt = await self.walker.whole(held, verb, rng)
        wanted = [field.key for field in held.fields(verb) if field.wanted({}) and not field.group]
        if extra:
            attempt.answers = {**attempt.answers, "nobody_asks": "for this"}
        elif wanted:
            gone = rng.choice(wanted)
            attempt.answers = {key: value for key, value in attempt.answers.items() if key != gone}
            async with self.installation.db.read() as reader:
                kept = await reader.fetch_value(
                    """
                    SELECT count(*) FROM supervision_evidence
                    WHERE flow_id = %(flow)s AND verb = %(verb)s AND kind = %(kind)s AND act IS NULL
                    """,
                    {"flow": held.id, "verb": verb.key, "kind": gone},
                )
            if kept:
                return  # a draft of before is there
            attempt.files = [key for key in attempt.files if key != gone]
        else:
            return
        await self.walker.hand_in(number, attempt)
        no = await self.walker.act(number, attempt)
        assert no == ("FlowFrozen" if held.frozen_at else "Invalid")
        assert (await self.walker.held(number)).acts == held.acts

    # --- at once ---

    @rule(number=orders, pick=st.integers(0, 5), times=st.integers(2, 4), seed=SEEDS)
    def click_twice(self, number: str, pick: int, times: int, seed: int) -> None:
        """The same at the same time: it is done once."""
        self.run(self._click_twice(number, pick, times, Random(seed)))

    async def _click_twice(self, number: str, pick: int, times: int, rng: Random) -> None:
        held = await self.walker.held(number)
        verb = self._verb(held, pick)
        if verb is None or held.frozen_at:
            return
        attempt = await self.walker.whole(held, verb, rng)
        await self.walker.hand_in(number, attempt)
        outcomes = await self.walker.at_once(number, [attempt] * times, seen=held.acts)
        assert outcomes.count(None) == 1 or set(outcomes) == {"Invalid"}

    @rule(number=orders, seed=SEEDS)
    def everybody_at_once(self, number: str, seed: int) -> None:
        """All that there is to do here, and some that is not, by everybody at the same time, while it is frozen."""
        self.run(self._everybody(number, Random(seed)))

    async def _everybody(self, number: str, rng: Random) -> None:
        held = await self.walker.held(number)
        attempts = [await self.walker.whole(held, verb, rng) for verb in held.at.verbs]
        attempts = [one for one in attempts if one.side != "system"]
        for one in attempts:
            await self.walker.hand_in(number, one)
        verbs = [verb.key for _, verb in held.flow.walk()]
        attempts += [Attempt(rng.choice(SIDES), rng.choice(verbs), {}) for _ in range(2)]
        rng.shuffle(attempts)
        work: list[Coroutine[Any, Any, Any]] = [self.walker.act(number, one) for one in attempts]
        if rng.random() < 0.3:
            work.append(self.walker.freeze(number, on=rng.random() < 0.5))
        if rng.random() < 0.5:
            work.append(self.installation.worker().run_until_idle())
        await asyncio.gather(*work)

    # --- by itself ---

    @rule(number=orders, on=st.booleans())
    def freeze(self, number: str, on: bool) -> None:
        self.run(self.walker.freeze(number, on=on))

    @rule(number=orders)
    def thaw(self, number: str) -> None:
        self.run(self.walker.freeze(number, on=False))

    @rule(days=st.sampled_from([1, 3, 12, 40, 200]))
    def days_pass(self, days: int) -> None:
        self.run(self.walker.days_pass(days))

    @rule()
    def a_worker_dies(self) -> None:
        self.run(self.walker.a_worker_dies())

    @rule(statements=st.integers(0, 8))
    def a_worker_dies_over_a_timer(self, statements: int) -> None:
        self.run(self.walker.a_worker_dies_over_it(statements))

    @rule(number=orders, statements=st.none() | st.integers(0, 14), seed=SEEDS)
    def die_over_an_act(self, number: str, statements: int | None, seed: int) -> None:
        """All of an act is there afterwards, or nothing of it."""
        self.run(self._die(number, statements, Random(seed)))

    async def _die(self, number: str, statements: int | None, rng: Random) -> None:
        held = await self.walker.held(number)
        verb = self._verb(held, rng.randrange(3))
        if verb is None:
            return
        attempt = await self.walker.whole(held, verb, rng)
        await self.walker.hand_in(number, attempt)
        outcome = await self.walker.act_and_die(number, attempt, statements)
        acts = (await self.walker.held(number)).acts - held.acts
        if outcome == "died":
            assert acts == (statements is None)
        else:
            assert acts == (outcome is None)

    # --- what must be true ---

    @invariant()
    def nothing_is_odd(self) -> None:
        if self.opened:
            assert self.run(self.walker.look()) == []

    def teardown(self) -> None:
        try:
            if self.opened:
                self.run(self._come_to_rest())
        finally:
            if self.opened:
                self.run(self.walker.mortal.close())
                self.run(self.installation.__aexit__(None, None, None))
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            self.server.drop(self.database)

    async def _come_to_rest(self) -> None:
        """Everything is thawed and seen through to its end."""
        rng = Random(0)
        for (number,) in await self.walker.shop.sql("SELECT order_number FROM supervision_flows WHERE state = 'open'"):
            await self.walker.freeze(number, on=False)
            for _ in range(12):
                await self._go_on(number, 0, 1, rng)
            held = await self.walker.held(number)
            assert (held.node, held.state) == (COMPLETED, "completed"), f"{number} cannot be ended"
        await self.walker.days_pass(1)
        assert await self.walker.look() == []
        assert await self.walker.shop.sql("SELECT id FROM refunds WHERE state <> 'refunded'") == []


def test_whatever_anybody_tries_every_order_stands_where_its_table_and_its_log_say(
    server: Server, furnished: tuple[str, World]
) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Walk(server, furnished),
        settings=settings(
            max_examples=EXAMPLES,
            phases=tuple(PHASES),
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# --- A wrong engine is found out -------------------------------------------------------------------------------------


@pytest.fixture
async def walker(shop: Shop) -> Walker:
    return Walker(shop)


async def seen(walker: Walker) -> set[str]:
    """The invariants that are violated."""
    return {odd.partition(":")[0] for odd in await walker.look()}


async def do(walker: Walker, number: str, verb: str) -> Outcome:
    """Does a verb of the flow with all it asks for."""
    held = await walker.held(number)
    node, found = next((node, one) for node, one in held.flow.walk() if one.key == verb)
    attempt = await walker.whole(held, found, Random(0))
    attempt.side = node.by(found)
    await walker.hand_in(number, attempt)
    return await walker.act(number, attempt)


async def test_an_engine_that_lets_anybody_do_anything_is_found_out(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    assert await do(walker, number, "confirm_requirement") == "OutOfTurn"
    assert await seen(walker) == set()

    def allowed(held: Held, key: str, side: str) -> Verb:
        return next(verb for _, verb in held.flow.walk() if verb.key == key)

    monkeypatch.setattr(engine, "allowed", allowed)
    assert await do(walker, number, "confirm_requirement") is None
    assert await seen(walker) == {"no_act_out_of_turn"}


async def test_an_engine_that_takes_an_act_twice_is_found_out(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    assert await do(walker, number, "submit_requirement") is None
    carry_out = Moving.carry_out

    async def twice(*acting: Any) -> None:
        await carry_out(*acting)
        await carry_out(*acting)

    monkeypatch.setattr(Moving, "carry_out", twice)
    assert await do(walker, number, "reject_requirement") is None
    assert {"no_act_out_of_turn", "every_act_logged"} <= await seen(walker)


async def test_an_engine_that_asks_for_nothing_is_found_out(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await walker.buy("license_offline", "joint", "base", None, True, False)
    assert await walker.act(number, Attempt("seller", "deliver", {})) == "Invalid"
    monkeypatch.setattr(engine.Supervision, "_check", lambda *_: Checked({}, {}))
    assert await walker.act(number, Attempt("seller", "deliver", {})) is None
    assert await seen(walker) == {"nothing_left_out"}


async def test_timers_that_run_on_while_an_order_is_frozen_are_found_out(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    held = await walker.held(number)
    assert await walker.freeze(number, on=True) is None
    assert await seen(walker) == set()
    async with walker.own.db.transaction(SYSTEM) as tx:
        await arm(tx, held.id, held.timers)
    assert await seen(walker) == {"no_timer_on_frozen_or_finished"}

    async def remind_all_the_same(self: Timers, tx: Tx, row: DueRow) -> None:
        await self._remind(tx, await self._moving.locked(tx, row.subject_id))

    monkeypatch.setattr(Timers, "carry_out", remind_all_the_same)
    await walker.days_pass(40)
    assert any("reminded of a frozen order" in odd for odd in await walker.look())


async def test_a_renewal_that_is_supervised_is_found_out(walker: Walker) -> None:
    number = await walker.buy("license_offline", "common", None, None, True, True)
    await walker.supervised.complete(number)
    renewal = await walker.shop.order(await walker.shop.renew(number))
    assert await seen(walker) == set()
    async with walker.own.db.transaction(SYSTEM) as tx:
        await open_flow(tx, walker.own.settings, renewal.id)
    assert await seen(walker) == {"renewals_open_no_flow"}


async def test_evidence_that_was_edited_is_found_out(walker: Walker) -> None:
    number = await walker.buy("license_offline", "common", None, None, True, False)
    assert await do(walker, number, "deliver") is None
    assert await seen(walker) == set()
    await walker.shop.sql("ALTER TABLE supervision_evidence DISABLE TRIGGER evidence_never_changes")
    await walker.shop.sql("UPDATE supervision_evidence SET kind = 'other_proof' WHERE kind = 'requirement_document'")
    assert await seen(walker) == {"evidence_stays", "evidence changed"}


async def test_rejections_that_are_not_counted_are_found_out(walker: Walker) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    for verb in ("submit_requirement", "reject_requirement"):
        assert await do(walker, number, verb) is None
    assert await seen(walker) == set()
    await walker.shop.sql("UPDATE supervision_flows SET rejections_by_seller = 0")
    assert await seen(walker) == {"rejections_counted"}


async def test_an_order_that_is_completed_before_it_is_accepted_is_found_out(walker: Walker) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    await walker.shop.sql(f"UPDATE orders SET state = 'completed', completed_at = now() WHERE number = '{number}'")
    assert await seen(walker) == {"paid_out_only_when_accepted"}
