"""An engine that is wrong, and an order that was tampered with, is found out by the questions that walks ask."""

from random import Random
from typing import Any

import pytest
from tests.conftest import sandbox_settings
from tests.supervision.walking import Attempt, Outcome, Walker, there
from tests.world import Shop

from tradehall.commands.simulate.replay import oddities
from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.journal import SYSTEM
from tradehall.supervision import engine, queries
from tradehall.supervision.disputes.model import Stage
from tradehall.supervision.fields import Checked
from tradehall.supervision.flow import Verb
from tradehall.supervision.model import Held
from tradehall.supervision.moving import TIMERS, Moving
from tradehall.supervision.opening import open_flow
from tradehall.supervision.timers import Timers


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
        await self._remind(tx, await queries.locked(tx, row.subject_id))

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
    attempt = await walker.whole(
        held, held.stages[0], next(v for _, v in there(held) if v.key == "agree_refund"), Random(0)
    )
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
