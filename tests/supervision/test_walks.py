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
from tests.supervision.walking import RULES, WHO, Attempt, Outcome, Walker, anything, by, led_to, there
from tests.world import Shop, World

from tradehall.commands.simulate.replay import oddities
from tradehall.installation import Installation
from tradehall.kernel import due
from tradehall.kernel.clock import StillClock
from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.journal import SYSTEM
from tradehall.supervision import engine
from tradehall.supervision.disputes.model import Stage, begins
from tradehall.supervision.disputes.steps import Kind
from tradehall.supervision.fields import Checked
from tradehall.supervision.flow import COMPLETED, Verb
from tradehall.supervision.model import Held
from tradehall.supervision.moving import TIMERS, Moving
from tradehall.supervision.opening import open_flow
from tradehall.supervision.timers import Timers

T = TypeVar("T")

EXAMPLES = int(os.environ.get("WALK_EXAMPLES", "15"))
STEPS = int(os.environ.get("WALK_STEPS", "30"))
# Making a failure shorter takes minutes here; WALK_SHRINK=1 asks for it.
PHASES = set(Phase) if os.environ.get("WALK_SHRINK") else set(Phase) - {Phase.shrink, Phase.explain}
# Under the rule of a year and while all joint products were reviewed; before and after the flows changed.
BEGINNINGS = [datetime(*day, 9, 0, tzinfo=UTC) for day in ((2023, 2, 10), (2024, 9, 1), (2025, 3, 15), (2026, 3, 2))]
SECOND_LOOK_ABOVE = 50_000
SCENES = st.sampled_from([None, None, "empowerment", "base"])
RNG = Random(0)
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
            sandbox_settings(pool_size=6, second_look_above=SECOND_LOOK_ABOVE),
            self.server.address(self.database),
            clock,
            listening=False,
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
            await self._do(held, Stage(held.flow, held.at), verb, rng)

    async def _do(self, held: Held, stage: Stage, verb: Verb, rng: Random, side: str = "") -> Outcome:
        """Does what can be done here, with all it asks for: it is done, or a rule of disputes says no."""
        attempt = await self.walker.whole(held, stage, verb, rng)
        attempt.side = side or attempt.side
        await self.walker.hand_in(held.order_number, attempt)
        no = await self.walker.act(held.order_number, attempt, seen=held.acts if rng.random() < 0.5 else None)
        after = await self.walker.held(held.order_number)
        if no is None:
            assert led_to(held, stage, verb, after), verb.key
        else:
            # What a rule refuses, and a file too many that was handed in as a draft before.
            assert no in RULES, no
            assert (after.node, after.acts) == (held.node, held.acts)
        return no

    def _verb(self, held: Held, pick: int) -> Verb | None:
        """What whoever's turn it is can do in the delivery."""
        verbs = [verb for verb in held.at.verbs if held.at.by(verb) != "system"]
        return verbs[pick % len(verbs)] if verbs and held.state == "open" and not held.frozen_at else None

    def _something(self, held: Held, rng: Random) -> tuple[Stage, Verb] | None:
        """Anything that anybody can do, in the delivery or a dispute about it."""
        possible = there(held)
        return rng.choice(possible) if possible else None

    # --- when they disagree ---

    @rule(number=orders, kind=st.sampled_from(["appeal", "appeal", "refund", "return"]), seed=SEEDS)
    def dispute(self, number: str, kind: Kind, seed: int) -> None:
        """Somebody appeals or wants money back, and it is frozen; where something is in the way, they are told."""
        self.run(self._dispute(number, kind, Random(seed)))

    async def _dispute(self, number: str, kind: Kind, rng: Random) -> None:
        held = await self.walker.held(number)
        stage = begins(kind)
        (verb,) = stage.node.verbs
        if (kind, None) in [(one.kind, one.dispute) for one in held.stages]:
            await self._do(held, stage, verb, rng)
        else:
            attempt = await self.walker.whole(held, stage, verb, rng)
            assert await self.walker.act(number, attempt) is not None

    @rule(number=orders, times=st.integers(1, 5), seed=SEEDS)
    def argue(self, number: str, times: int, seed: int) -> None:
        """What can be done about what is disputed is done, by any who may, and leads where its table says."""
        self.run(self._argue(number, times, Random(seed)))

    async def _argue(self, number: str, times: int, rng: Random) -> None:
        for _ in range(times):
            held = await self.walker.held(number)
            if not held.disputes:
                return
            stage = held.stages[0]
            verb = rng.choice([verb for at, verb in there(held) if at.kind == stage.kind])
            partial = stage.by(verb) == ("platform",) and rng.random() < 0.15
            no = await self._do(held, stage, verb, rng, "partial" if partial else "")
            assert not partial or no in ("OwnOrganisation", "Invalid")

    @rule(number=orders, seed=SEEDS)
    def decide_at_once(self, number: str, seed: int) -> None:
        """Two operators decide an appeal at the same moment, while it is withdrawn: one of them does."""
        self.run(self._decide_at_once(number, Random(seed)))

    async def _decide_at_once(self, number: str, rng: Random) -> None:
        held = await self.walker.held(number)
        if held.appeal is None:
            return
        decided = [{"ruling": "So.", "amount_minor": 30_000 + rng.randrange(60_000)}, {"ruling": "So."}]
        ends = rng.choice(["decide_resume", "decide_accept", "decide_redeliver"])
        attempts = [
            Attempt("platform", "decide_refund", decided[0]),
            Attempt("second", "decide_refund", decided[0]),
            Attempt("second", ends, decided[1]),
            Attempt("partial", "confirm_decision", {}),
            Attempt("second", "confirm_decision", {}),
            Attempt(held.appeal.opened_by, "withdraw_appeal", {}),
        ]
        rng.shuffle(attempts)
        await self._at_once(number, attempts, rng)
        after = await self.walker.held(number)
        assert after.appeal is None or after.appeal.id == held.appeal.id

    @rule(number=orders, seed=SEEDS)
    def withdraw_while_it_is_answered(self, number: str, seed: int) -> None:
        """The buyer takes a refund or return back while the seller agrees, somebody appeals and a timer may fire."""
        self.run(self._withdraw_while(number, Random(seed)))

    async def _withdraw_while(self, number: str, rng: Random) -> None:
        held = await self.walker.held(number)
        if held.refund is None:
            return
        kind = held.refund.kind
        attempts = [
            Attempt("buyer", f"withdraw_{kind}", {}),
            Attempt("seller", "confirm_goods", {}),
            Attempt("seller", "contest_goods", {"reason": "Broken."}),
            Attempt("platform", "deny_transit", {"reason": "It arrives."}),
        ]
        attempts += [one for one in [await self._agreeing(held, rng)] if one]
        if rng.random() < 0.3:
            attempts.append(Attempt(rng.choice(["buyer", "seller"]), "appeal", {"reason": "So.", "claim": "That."}))
        if rng.random() < 0.5:  # at the moment it lapses
            self.walker.shop.clock.move_to(max(held.refund.due_at or held.opened_at, self.walker.shop.clock.now()))
        rng.shuffle(attempts)
        await self._at_once(number, attempts, rng)

    async def _agreeing(self, held: Held, rng: Random) -> Attempt | None:
        """The seller's yes to what is asked for, with what it asks for."""
        for stage, verb in there(held):
            if verb.key in ("agree_refund", "agree_return"):
                attempt = await self.walker.whole(held, stage, verb, rng)
                await self.walker.hand_in(held.order_number, attempt)
                return attempt
        return None

    async def _at_once(self, number: str, attempts: list[Attempt], rng: Random) -> None:
        work: list[Coroutine[Any, Any, Any]] = [self.walker.act(number, one) for one in attempts]
        if rng.random() < 0.5:
            work.insert(rng.randrange(len(work)), self.installation.worker().run_until_idle())
        await asyncio.gather(*work)

    # --- as it should not ---

    @rule(number=orders, side=st.sampled_from(WHO), pick=st.integers(0, 200), seed=SEEDS)
    def do_anything(self, number: str, side: str, pick: int, seed: int) -> None:
        """Any verb of any table by anybody: done only if the table has it so."""
        self.run(self._do_anything(number, side, pick, Random(seed)))

    async def _do_anything(self, number: str, side: str, pick: int, rng: Random) -> None:
        held = await self.walker.held(number)
        verbs = anything(held)
        key = verbs[pick % len(verbs)].key
        possible = [(stage, verb) for stage, verb in there(held) if verb.key == key]
        stage, verb = possible[0] if possible else (Stage(held.flow, held.at), verbs[pick % len(verbs)])
        attempt = await self.walker.whole(held, stage, verb, rng)
        attempt.side = side
        await self.walker.hand_in(number, attempt)
        no = await self.walker.act(number, attempt)
        if not possible or by(side) not in stage.by(verb) or side == "stranger":
            assert no is not None
        if side == "partial" and stage.kind:
            assert no is not None

    @rule(number=orders, extra=st.booleans(), seed=SEEDS)
    def leave_something_out(self, number: str, extra: bool, seed: int) -> None:
        """Without something that is asked for, or with something that is not, nothing happens."""
        self.run(self._leave_something_out(number, extra, Random(seed)))

    async def _leave_something_out(self, number: str, extra: bool, rng: Random) -> None:
        held = await self.walker.held(number)
        found = self._something(held, rng)
        if found is None:
            return
        stage, verb = found
        attempt = await self.walker.whole(held, stage, verb, rng)
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
                    WHERE flow_id = %(flow)s AND verb = %(verb)s AND kind = %(kind)s AND side = %(side)s AND act IS NULL
                    """,
                    {"flow": held.id, "verb": verb.key, "kind": gone, "side": by(attempt.side)},
                )
            if kept:
                return  # a draft of before is there
            attempt.files = [key for key in attempt.files if key != gone]
        else:
            return
        await self.walker.hand_in(number, attempt)
        no = await self.walker.act(number, attempt)
        assert no == "Invalid"
        assert (await self.walker.held(number)).acts == held.acts

    # --- at once ---

    @rule(number=orders, times=st.integers(2, 4), seed=SEEDS)
    def click_twice(self, number: str, times: int, seed: int) -> None:
        """The same at the same time: it is done once."""
        self.run(self._click_twice(number, times, Random(seed)))

    async def _click_twice(self, number: str, times: int, rng: Random) -> None:
        held = await self.walker.held(number)
        found = self._something(held, rng)
        if found is None:
            return
        attempt = await self.walker.whole(held, *found, rng)
        await self.walker.hand_in(number, attempt)
        outcomes = await self.walker.at_once(number, [attempt] * times, seen=held.acts)
        assert outcomes.count(None) == 1 or (len(set(outcomes)) == 1 and set(outcomes) <= RULES), outcomes

    @rule(number=orders, seed=SEEDS)
    def everybody_at_once(self, number: str, seed: int) -> None:
        """All that there is to do here, and some that is not, by everybody at the same time."""
        self.run(self._everybody(number, Random(seed)))

    async def _everybody(self, number: str, rng: Random) -> None:
        held = await self.walker.held(number)
        possible = there(held)
        attempts = [await self.walker.whole(held, *found, rng) for found in rng.sample(possible, min(len(possible), 6))]
        for one in attempts:
            await self.walker.hand_in(number, one)
        verbs = [verb.key for verb in anything(held)]
        attempts += [Attempt(rng.choice(WHO), rng.choice(verbs), {}) for _ in range(2)]
        rng.shuffle(attempts)
        await self._at_once(number, attempts, rng)

    # --- by itself ---

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
        found = self._something(held, rng)
        if found is None:
            return
        attempt = await self.walker.whole(held, *found, rng)
        await self.walker.hand_in(number, attempt)
        outcome = await self.walker.act_and_die(number, attempt, statements)
        acted = (await self.walker.held(number)).acts > held.acts
        if outcome == "died":
            assert acted == (statements is None)
        else:
            assert acted == (outcome is None)

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
        """Everything is settled and seen through to its end."""
        rng = Random(0)
        for (number,) in await self.walker.shop.sql("SELECT order_number FROM supervision_flows WHERE state = 'open'"):
            await self.walker.settle(number)
            for _ in range(12):
                await self._go_on(number, 0, 1, rng)
            held = await self.walker.held(number)
            assert held.state == "cancelled" or (held.node, held.state) == (COMPLETED, "completed"), number
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
    attempt = await walker.whole(held, Stage(held.flow, node), found, Random(0))
    await walker.hand_in(number, attempt)
    return await walker.act(number, attempt)


async def test_an_engine_that_lets_anybody_do_anything_is_found_out(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    assert await do(walker, number, "confirm_requirement") == "OutOfTurn"
    assert await seen(walker) == set()

    def allowed(held: Held, key: str, side: str) -> tuple[Stage, Verb]:
        return Stage(held.flow, held.at), next(verb for _, verb in held.flow.walk() if verb.key == key)

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
    monkeypatch.setattr(engine, "check", lambda *_: Checked({}, {}))
    assert await walker.act(number, Attempt("seller", "deliver", {})) is None
    assert await seen(walker) == {"nothing_left_out"}


async def test_timers_that_run_on_while_an_order_is_frozen_are_found_out(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    held = await walker.held(number)
    assert await walker.appeal(number) is None
    assert await seen(walker) == set()
    async with walker.own.db.transaction(SYSTEM) as tx:
        await due.schedule(tx, TIMERS, held.id, held.opened_at)
    assert await seen(walker) == {"no_timer_on_frozen_or_finished"}

    async def remind_all_the_same(self: Timers, tx: Tx, row: DueRow) -> None:
        await self._remind(tx, await self._moving.locked(tx, row.subject_id))

    monkeypatch.setattr(Timers, "carry_out", remind_all_the_same)
    await walker.days_pass(40)
    assert any("reminded of a frozen order" in odd for odd in await walker.look())


async def never(*_: Any) -> None:
    """What is forgotten."""


async def test_an_order_that_is_not_frozen_while_it_is_disputed_is_found_out(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    monkeypatch.setattr(walker.own.supervision._moving, "freeze", never)
    assert await walker.appeal(number) is None
    assert {"frozen_while_disputed", "disputes_by_their_tables"} <= await seen(walker)


async def test_a_refund_that_runs_on_behind_an_appeal_is_found_out(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    assert await walker.act(number, Attempt("buyer", "request_refund", {"amount_minor": 1, "reason": "No."})) is None
    monkeypatch.setattr(walker.own.supervision._disputes, "_pause", never)
    assert await walker.appeal(number) is None
    assert {"frozen_while_disputed", "disputes_by_their_tables"} <= await seen(walker)


async def test_time_that_is_lost_over_an_appeal_is_found_out(walker: Walker) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    assert await walker.appeal(number) is None
    assert await seen(walker) == set()
    await walker.shop.sql(
        """
        UPDATE supervision_flows
        SET timers_left = jsonb_set(timers_left, '{due}', to_jsonb((timers_left->>'due')::numeric - 60)) RETURNING id
        """
    )
    assert await seen(walker) == {"time_kept"}
    with pytest.raises(AssertionError):
        await walker.act(number, Attempt("buyer", "withdraw_appeal", {}))
    walker.stopwatch.stop()
    assert await walker.act(number, Attempt("buyer", "withdraw_appeal", {})) is None
    assert await seen(walker) == {"time_kept"}


async def test_more_money_back_than_was_agreed_is_found_out(walker: Walker) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    assert await walker.act(number, Attempt("buyer", "request_refund", {"amount_minor": 1, "reason": "No."})) is None
    held = await walker.held(number)
    attempt = await walker.whole(held, held.stages[0], next(v for _, v in there(held) if v.key == "agree_refund"), RNG)
    await walker.hand_in(number, attempt)
    assert await walker.act(number, attempt) is None
    assert await seen(walker) == set()
    await walker.shop.sql("UPDATE refunds SET amount_minor = 2 RETURNING id")
    assert await seen(walker) == {"money_back_as_ruled"}


async def test_who_judges_their_own_or_confirms_their_own_decision_is_found_out(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    disputes = walker.own.supervision._disputes
    decision = {"ruling": "So.", "amount_minor": 100_000}
    monkeypatch.setattr(disputes, "_settings", sandbox_settings(second_look_above=1))
    first, second = [await walker.buy("service", "common", None, None, True, False) for _ in range(2)]
    for number in (first, second):
        assert await walker.appeal(number) is None
    assert await walker.act(first, Attempt("partial", "decide_refund", decision)) == "OwnOrganisation"
    assert await walker.act(first, Attempt("platform", "decide_refund", decision)) is None
    assert await walker.act(first, Attempt("platform", "confirm_decision", {})) == "SecondPersonNeeded"
    monkeypatch.setattr(disputes, "_check", never)
    monkeypatch.setattr(walker.own.supervision, "_check_impartial", never)
    assert await walker.act(first, Attempt("platform", "confirm_decision", {})) is None
    assert await walker.act(second, Attempt("partial", "decide_resume", {"ruling": "So."})) is None
    odd = await walker.look()
    for what in ("who decided it has confirmed it", "confirmed by who made it", "by a member of a side"):
        assert any(what in one for one in odd), what


async def test_a_refund_above_the_set_amount_that_nobody_confirmed_is_found_out(walker: Walker) -> None:
    number = await walker.buy("service", "common", None, None, True, False)
    assert await walker.appeal(number) is None
    decision = {"ruling": "So.", "amount_minor": 100_000}
    assert await walker.act(number, Attempt("platform", "decide_refund", decision)) is None
    assert await seen(walker) == set()
    async with walker.own.db.read() as reader:
        assert {odd.invariant for odd in await oddities(reader, 99_999)} == {"disputes_by_their_tables"}


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
