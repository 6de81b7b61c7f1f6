"""Appeals, refunds and returns: who may do what when, and what happens when two do it at once."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.world import Shop

from tradehall.kernel.errors import Conflict, Invalid, Problem
from tradehall.kernel.journal import Actor
from tradehall.settings import Settings
from tradehall.supervision import queries
from tradehall.supervision.disputes.acting import MOST_BEGUN
from tradehall.supervision.disputes.calendar import after_working_days, mark_days, unmark_days, working_days_from
from tradehall.supervision.disputes.errors import (
    AppealUnderWay,
    NoDisputeOpen,
    NothingPaid,
    NothingToRedeliver,
    OwnOrganisation,
    RefundUnderWay,
    SecondPersonNeeded,
    TooManyDisputes,
)
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.disputes.steps import CLOSED, UNOPENED, Step
from tradehall.supervision.errors import FlowFinished, FlowMovedOn, NotYourSide, OutOfTurn, TooManyActs, UnknownVerb
from tradehall.supervision.queries import FlowFilter
from tradehall.supervision.turns import QueueRequest

DAYS = timedelta(days=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(second_look_above=50_000)


# --- the tables ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PROCEDURES)
def test_every_node_of_a_dispute_is_reached_and_left_and_every_end_has_an_outcome(kind: str) -> None:
    table = PROCEDURES[kind]  # type: ignore[index]
    reached = {UNOPENED} | {to for _, verb in table.walk() for to in (verb.to, verb.to_reviewed) if to}
    assert reached == {node.key for node in table.nodes}
    for node, verb in table.walk():
        assert isinstance(verb, Step)
        assert (CLOSED in (verb.to, verb.to_reviewed)) == (verb.outcome is not None), verb.key
        assert node.actor or node.key in (UNOPENED, "proposal")
        assert node.term or node.key == UNOPENED


def test_no_verb_of_a_dispute_is_called_like_one_of_a_delivery() -> None:
    from tradehall.supervision.flows import all_flows

    deliveries = {verb.key for flow in all_flows() for _, verb in flow.walk()}
    disputes = [{verb.key for _, verb in table.walk()} for table in PROCEDURES.values()]
    assert not deliveries & set().union(*disputes)
    assert sum(map(len, disputes)) == len(set().union(*disputes)), "nor like one of another dispute"


# --- who may, and when -----------------------------------------------------------------------------------------------


async def test_nothing_is_disputed_once_it_is_finished(supervised: Supervised) -> None:
    number = await supervised.buy("license_offline")
    await supervised.complete(number)
    for verb in ("appeal", "request_refund", "request_return", "decide_accept"):
        with pytest.raises(FlowFinished):
            await supervised.act(number, verb, {})


async def test_there_is_one_appeal_at_a_time(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    with pytest.raises(AppealUnderWay):
        await supervised.act(number, "appeal", {"reason": "Me too.", "claim": "All."}, by=supervised.actor("seller"))
    with pytest.raises(AppealUnderWay):
        await supervised.act(number, "request_refund", {}, by=supervised.actor("buyer"))


async def test_there_is_one_refund_at_a_time_and_nothing_is_done_in_one_that_was_withdrawn(
    supervised: Supervised,
) -> None:
    number = await supervised.buy("service")
    with pytest.raises(NoDisputeOpen):
        await supervised.act(number, "agree_refund", {}, by=supervised.actor("seller"))
    await supervised.act(number, "request_refund")
    with pytest.raises(RefundUnderWay):
        await supervised.act(number, "request_refund", {}, by=supervised.actor("buyer"))
    await supervised.act(number, "withdraw_refund")
    with pytest.raises(NoDisputeOpen):
        await supervised.act(number, "agree_refund", {}, by=supervised.actor("seller"))


async def test_nobody_drowns_the_others_in_disputes_and_acts(supervised: Supervised, shop: Shop) -> None:
    """Each stops the delivery, is told to the other side and stands in the log for ever."""
    number, buyer = await supervised.buy("service"), supervised.actor("buyer")
    why = {"reason": "Nothing happens.", "claim": "Something."}
    for _ in range(MOST_BEGUN):
        await supervised.act(number, "appeal", why, by=buyer)
        await supervised.act(number, "withdraw_appeal", {}, by=buyer)
    with pytest.raises(TooManyDisputes):
        await supervised.act(number, "appeal", why, by=buyer)
    await supervised.act(number, "request_refund", {"reason": "Late.", "amount_minor": 1}, by=buyer)
    await supervised.act(number, "appeal", why, by=supervised.actor("seller"))
    most = supervised.installation.settings.act_rate
    for _ in range(most - 2 * MOST_BEGUN - 1):
        await supervised.act(number, "add_to_appeal", {"statement": "And another thing."}, by=buyer)
    with pytest.raises(TooManyActs):
        await supervised.act(number, "add_to_appeal", {"statement": "And another thing."}, by=buyer)
    await supervised.act(number, "add_to_appeal", {"statement": "Enough."}, by=supervised.actor("seller"))
    shop.clock.advance(timedelta(hours=1, seconds=1))
    await supervised.act(number, "add_to_appeal", {"statement": "And another thing."}, by=buyer)


async def test_of_what_cost_nothing_nothing_is_refunded(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await shop.sql("UPDATE orders SET total_minor = 0 WHERE number = %(number)s", {"number": number})
    with pytest.raises(NothingPaid):
        await supervised.act(number, "request_refund", {}, by=supervised.actor("buyer"))


@pytest.mark.parametrize("amount", [0, -1, 100_001, "1000.01", "a lot", True, 1.5, None])
async def test_more_than_was_paid_or_nothing_is_no_amount(supervised: Supervised, amount: object) -> None:
    number = await supervised.buy("service")
    with pytest.raises(Invalid) as wrong:
        await supervised.act(number, "request_refund", {"amount_minor": amount, "reason": "No."})
    assert [one.field for one in wrong.value.fields] == ["amount_minor"]


async def test_an_amount_may_be_typed_with_its_decimals(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    held = await supervised.act(number, "request_refund", {"amount_minor": "400.50", "reason": "Late."})
    assert held.refund
    assert held.refund.amount_minor == 40_050


async def test_a_decision_says_why_and_a_proposed_refund_how_much(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    with pytest.raises(Invalid) as missing:
        await supervised.act(number, "decide_resume", {})
    assert [one.field for one in missing.value.fields] == ["ruling"]
    with pytest.raises(Invalid) as missing:
        await supervised.act(number, "propose", proposal="refund")
    assert [one.field for one in missing.value.fields] == ["amount_minor"]


async def test_the_sides_do_not_decide_and_the_platform_does_not_agree(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    for side in ("buyer", "seller"):
        with pytest.raises(NotYourSide):
            await supervised.act(number, "decide_accept", by=supervised.actor(side))
    with pytest.raises(NotYourSide):
        await supervised.act(number, "withdraw_appeal", {}, by=supervised.actor("seller"))
    await supervised.act(number, "propose", proposal="resume")
    with pytest.raises(NotYourSide):
        await supervised.act(number, "agree_as_buyer", {}, by=supervised.actor("platform"))
    with pytest.raises(OutOfTurn):
        await supervised.act(number, "decide_resume", {}, by=supervised.actor("platform"))
    with pytest.raises(UnknownVerb):
        await supervised.act(number, "overrule", {}, by=supervised.actor("platform"))


async def test_while_an_answer_is_waited_for_calls_are_noted_and_the_other_side_is_heard(
    supervised: Supervised,
) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    asked = (await supervised.act(number, "ask_seller")).appeal
    assert asked
    for verb, side in (("note_contact", "platform"), ("add_to_appeal", "buyer")):
        held = await supervised.act(number, verb, by=supervised.actor(side))
        assert held.appeal
        assert (held.appeal.node, held.appeal.turn, held.appeal.due_at, held.appeal.timers) == (
            "seller_evidence", "seller", asked.due_at, asked.timers,
        )  # fmt: skip
    with pytest.raises(NotYourSide):
        await supervised.act(number, "add_to_appeal", by=supervised.actor("seller"))


async def test_the_platform_takes_back_what_it_asked_for_or_proposed(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    opened = (await supervised.act(number, "appeal", by=supervised.actor("buyer"))).appeal
    assert opened
    for asks, takes_back in (("ask_buyer", "recall_request"), ("propose", "recall_proposal")):
        await supervised.act(number, asks, **({"proposal": "resume"} if asks == "propose" else {}))
        with pytest.raises(NotYourSide):
            await supervised.act(number, takes_back, by=supervised.actor("buyer"))
        held = await supervised.act(number, takes_back, by=supervised.actor("platform"))
        assert held.appeal
        assert (held.appeal.node, held.appeal.turn) == ("investigation", "platform")
        assert held.appeal.due_at == opened.due_at, "nothing of the time to decide was used up"
    await supervised.act(number, "propose", proposal="resume")
    await supervised.act(number, "agree_as_seller")
    with pytest.raises(OutOfTurn):
        await supervised.act(number, "recall_proposal", by=supervised.actor("platform"))


async def test_nobody_handles_a_dispute_of_their_own_organisation(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    await joins(shop, shop.world.operator, shop.world.seller)
    with pytest.raises(OwnOrganisation):
        await supervised.act(number, "note_contact")
    await supervised.act(number, "note_contact", by=shop.world.operator_member)


async def test_nobody_of_the_platform_judges_a_delivery_of_their_own_organisation(
    supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("service", product_class="joint")
    await shop.sql("UPDATE supervision_flows SET reviewed = true")
    for verb in ("submit_requirement", "confirm_requirement", "deliver"):
        await supervised.act(number, verb)
    await joins(shop, shop.world.operator, shop.world.seller)
    for verb in ("approve_delivery", "return_delivery"):
        with pytest.raises(OwnOrganisation):
            await supervised.act(number, verb)
    async with shop.installation.db.read() as reader:
        for operator, waiting in ((shop.world.operator, []), (shop.world.operator_member, [number])):
            assert [one.order_number for one in await queries.work_queue(reader, operator)] == waiting
            assert (await queries.counts(reader, operator)).mine == len(waiting)
            whose = await queries.queue(reader, operator, QueueRequest(), FlowFilter(turn="platform"))
            assert [one.order_number for one in whose.items] == [number], "whose turn it is, everybody sees"
    await supervised.act(number, "approve_delivery", by=shop.world.operator_member)


async def joins(shop: Shop, person: Actor, organisation: Actor) -> None:
    await shop.sql(
        """
        INSERT INTO memberships (person_id, organisation_id, role, created_at)
        VALUES (%(person)s, %(organisation)s, 'member', now())
        """,
        {"person": person.person_id, "organisation": organisation.organisation_id},
    )


async def test_above_the_set_amount_a_second_person_confirms(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    held = await supervised.act(number, "decide_refund", amount_minor=50_000)
    assert held.state == "cancelled", "not above it"
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    held = await supervised.act(number, "decide_refund", amount_minor=50_001)
    assert held.appeal
    assert held.appeal.node == "second_look"
    with pytest.raises(SecondPersonNeeded):
        await supervised.act(number, "confirm_decision")
    second = shop.world.operator_member
    await supervised.act(number, "return_decision", by=second)
    await supervised.act(number, "decide_refund", amount_minor=60_000)
    held = await supervised.act(number, "confirm_decision", by=second)
    await shop.run_due(timedelta(hours=3))
    assert (held.state, (await shop.order(number)).refund_minor) == ("cancelled", 60_000)
    kinds = await supervised.kinds(number)
    assert kinds[3:] == [
        "supervision.frozen", "appeal.opened", "appeal.decided", "appeal.decision_returned", "appeal.decided",
        "appeal.decision_confirmed", "supervision.cancelled", "order.cancelled", "order.refund_requested",
        "order.refunded",
    ]  # fmt: skip


async def test_there_is_nothing_to_deliver_anew_before_a_delivery_or_behind_a_claimed_code(
    supervised: Supervised,
) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    with pytest.raises(NothingToRedeliver):
        await supervised.act(number, "decide_redeliver")
    number = await supervised.buy("license_code")
    await supervised.walk(number, "deliver", "claim_code")
    await supervised.act(number, "appeal")
    with pytest.raises(NothingToRedeliver):
        await supervised.act(number, "decide_redeliver")


async def test_an_appeal_neither_renews_nor_uses_up_the_days_the_seller_promised(
    supervised: Supervised, shop: Shop
) -> None:
    """Sent back to where the seller has not delivered yet, it is the same promise; only that it stood still meanwhile
    is made up for."""
    number = await supervised.buy("service", delivery_days=30)
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    promised = shop.clock.now() + 30 * DAYS
    shop.clock.advance(20 * DAYS)
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    shop.clock.advance(2 * DAYS)
    held = await supervised.act(number, "decide_redeliver")
    assert (held.node, held.due_at) == ("delivery", promised + 2 * DAYS)
    await supervised.act(number, "deliver")
    held = await supervised.act(number, "reject_delivery")
    assert (held.node, held.due_at) == ("delivery", promised + 2 * DAYS)


# --- at once ---------------------------------------------------------------------------------------------------------


async def tried(supervised: Supervised, number: str, verb: str, answers: dict[str, object], by: Actor) -> str:
    """What came of somebody's try on a connection of its own."""
    try:
        async with supervised.installation.db.transaction(by, request_id="act") as tx:
            await supervised.installation.supervision.act(tx, number, verb, answers)
    except Problem as problem:
        return type(problem).__name__
    return "done"


async def test_of_many_who_appeal_or_ask_for_money_at_once_one_opens_it(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    said = {"reason": "Now.", "claim": "All."}
    sides = [shop.world.buyer, shop.world.seller]
    outcomes = await asyncio.gather(*(tried(supervised, number, "appeal", said, sides[n % 2]) for n in range(8)))
    assert sorted(outcomes) == ["AppealUnderWay"] * 7 + ["done"]
    number = await supervised.buy("service")
    wanted = {"amount_minor": 90_000, "reason": "Now."}
    outcomes = await asyncio.gather(
        *(tried(supervised, number, "request_refund", wanted, shop.world.buyer) for _ in range(8))
    )
    assert sorted(outcomes) == ["RefundUnderWay"] * 7 + ["done"]


async def test_a_proposal_taken_back_as_a_side_agrees_is_agreed_to_or_gone(supervised: Supervised, shop: Shop) -> None:
    for side in ("buyer", "seller"):
        for _ in range(3):
            number = await supervised.buy("service")
            await supervised.act(number, "appeal", by=supervised.actor("buyer"))
            await supervised.act(number, "propose", proposal="resume")
            outcomes = await asyncio.gather(
                tried(supervised, number, "recall_proposal", {"reason": "Better."}, shop.world.operator),
                tried(supervised, number, f"agree_as_{side}", {}, supervised.actor(side)),
            )
            assert sorted(outcomes) == ["OutOfTurn", "done"]
            held = await supervised.flow(number)
            assert held.appeal
            other = "seller" if side == "buyer" else "buyer"
            assert held.appeal.node == ("investigation" if outcomes[0] == "done" else f"{other}_considers")


async def test_of_many_acts_at_once_no_more_than_the_limit_are_done(supervised: Supervised, shop: Shop) -> None:
    number, seller = await supervised.buy("service"), supervised.actor("seller")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    most = supervised.installation.settings.act_rate
    for _ in range(most - 3):
        await supervised.act(number, "add_to_appeal", {"statement": "And another thing."}, by=seller)
    outcomes = await asyncio.gather(
        *(tried(supervised, number, "add_to_appeal", {"statement": "And this."}, seller) for _ in range(8))
    )
    assert sorted(outcomes) == ["TooManyActs"] * 5 + ["done"] * 3


async def test_of_two_who_decide_at_once_one_does_and_money_goes_back_once(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    first, second = shop.world.operator, shop.world.operator_member
    outcomes = await asyncio.gather(
        tried(supervised, number, "decide_refund", {"ruling": "So.", "amount_minor": 40_000}, first),
        tried(supervised, number, "decide_resume", {"ruling": "So not."}, second),
        tried(supervised, number, "decide_refund", {"ruling": "More.", "amount_minor": 50_000}, second),
    )
    assert sorted(outcomes).count("done") == 1
    assert set(outcomes) <= {"done", "FlowFinished", "NoDisputeOpen"}
    await shop.run_due(timedelta(hours=3))
    refunds = await shop.sql("SELECT count(*) FROM refunds r JOIN orders o ON o.id = r.order_id WHERE o.number = %(n)s",
                             {"n": number})  # fmt: skip
    assert refunds[0][0] == ("supervision.cancelled" in await supervised.kinds(number))


async def test_whoever_saw_an_older_state_is_told_so(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    held = await supervised.flow(number)
    await supervised.act(number, "appeal")
    with pytest.raises(FlowMovedOn):
        async with shop.installation.db.transaction(shop.world.operator, request_id="act") as tx:
            await shop.installation.supervision.act(tx, number, "note_contact", {}, seen=held.acts)


async def test_the_database_refuses_to_return_more_than_was_paid(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    with pytest.raises(Exception, match="never returns more than was paid"):
        await shop.sql(
            """
            INSERT INTO refunds (id, order_id, number, reason, amount_minor, currency, state, created_at)
            SELECT gen_random_uuid(), id, 'X', 'refund_agreed', total_minor + 1, currency, 'requested', now()
            FROM orders WHERE number = %(number)s RETURNING id
            """,
            {"number": number},
        )


# --- grounds against a full refund -----------------------------------------------------------------------------------


async def test_who_was_late_with_the_requirement_or_the_materials_is_shown_so(
    supervised: Supervised, shop: Shop
) -> None:
    prompt = await supervised.buy("service")
    late = await supervised.buy("service")
    await supervised.act(prompt, "submit_requirement")
    await supervised.act(prompt, "reject_requirement")
    await shop.run_due(32 * DAYS)
    held = await supervised.act(late, "request_refund")
    assert held.refund
    assert held.refund.facts["grounds"] == ["late_requirement"]
    held = await supervised.act(prompt, "request_refund")
    assert held.refund
    assert held.refund.facts["grounds"] == ["late_materials"]


async def test_nobody_is_late_while_an_order_is_frozen(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    await shop.run_due(60 * DAYS)
    await supervised.act(number, "decide_resume")
    held = await supervised.act(number, "request_refund")
    assert held.refund
    assert held.refund.facts["grounds"] == []


# --- the older rules of appeals --------------------------------------------------------------------------------------


class TestOlderRules:
    @pytest.fixture
    def settings(self) -> Settings:
        return sandbox_settings(appeal_idle_days=5, appeal_rejections=3)

    async def test_an_appeal_waits_for_five_idle_days(self, supervised: Supervised, shop: Shop) -> None:
        number = await supervised.buy("service")
        with pytest.raises(Conflict, match="5 days, or after 3 rejections"):
            await supervised.act(number, "appeal", by=supervised.actor("seller"))
        await shop.run_due(5 * DAYS)
        with pytest.raises(Conflict):
            await supervised.act(number, "appeal", by=supervised.actor("buyer"))
        await supervised.act(number, "appeal", by=supervised.actor("seller"))

    async def test_or_for_three_rejections(self, supervised: Supervised) -> None:
        number = await supervised.buy("license_offline")
        for _ in range(3):
            await supervised.walk(number, "deliver", "reject_delivery")
        await supervised.act(number, "appeal", by=supervised.actor("buyer"))


# --- the calendar ----------------------------------------------------------------------------------------------------


def test_working_days_leave_weekends_out_and_keep_the_time_of_day() -> None:
    friday = datetime(2026, 3, 6, 8, 30, tzinfo=UTC)
    assert after_working_days(friday, 1, SHANGHAI, {}) == friday + 3 * DAYS
    assert after_working_days(friday + DAYS, 1, SHANGHAI, {}) == friday + 3 * DAYS, "from a Saturday on"
    assert (
        after_working_days(friday, 5, SHANGHAI, {date(2026, 3, 7): True, date(2026, 3, 9): False}) == friday + 7 * DAYS
    )


async def test_operators_keep_holidays_and_made_up_weekends(shop: Shop) -> None:
    monday = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
    async with shop.installation.db.transaction(shop.world.operator) as tx:
        assert await mark_days(tx, date(2026, 3, 3), date(2026, 3, 5), working=False, name="Holiday") == 3
        await mark_days(tx, date(2026, 3, 4), date(2026, 3, 4), working=True, name="Worked after all")
        assert await working_days_from(tx, monday, 2, SHANGHAI) == monday + 4 * DAYS
        await unmark_days(tx, [date(2026, 3, 3), date(2026, 3, 20)])
        assert await working_days_from(tx, monday, 2, SHANGHAI) == monday + 2 * DAYS
        with pytest.raises(Invalid):
            await mark_days(tx, date(2026, 3, 5), date(2026, 3, 4), working=False, name="Backwards")
        with pytest.raises(Invalid):
            await mark_days(tx, date(2026, 3, 5), date(2026, 12, 4), working=False, name="Long")
        with pytest.raises(Invalid):
            await mark_days(tx, date(2026, 3, 5), date(2026, 3, 5), working=False, name=" ")
