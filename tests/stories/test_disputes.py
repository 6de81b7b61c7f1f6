"""Appeals, refunds and returns from their opening to their end: exactly these events, by moved clock."""

from datetime import date, timedelta

import pytest
from tests.supervised import Supervised
from tests.world import Shop

from tradehall.kernel.errors import Invalid
from tradehall.ledger.queries import lines_of
from tradehall.supervision.disputes.calendar import mark_days
from tradehall.supervision.disputes.errors import NoDisputeOpen, NothingShipped, RefundRuledOut, SellerStillHasTime
from tradehall.supervision.errors import FlowFrozen

DAYS = timedelta(days=1)
PAID = ["order.placed", "order.paid", "supervision.opened"]
MONEY_BACK = [
    "supervision.cancelled", "order.cancelled", "order.refund_requested", "order.refunded",
]  # fmt: skip


async def since(supervised: Supervised, number: str, told: list[str]) -> list[str]:
    """What was written down after this, reminders aside."""
    kinds = [kind for kind in await supervised.kinds(number) if not kind.endswith(".reminded")]
    assert kinds[: len(told)] == told
    return kinds[len(told) :]


async def ledger(supervised: Supervised, number: str) -> list[tuple[str, dict[str, int]]]:
    """Every posting of an order with its lines; each sums to zero."""
    order = await supervised.shop.order(number)
    async with supervised.installation.db.read() as reader:
        postings = await lines_of(reader, order.id)
    assert all(sum(line.amount_minor for line in one.lines) == 0 for one in postings)
    return [(one.kind, {line.account: line.amount_minor for line in one.lines}) for one in postings]


HELD: tuple[str, dict[str, int]] = ("paid", {"buyer": -100_000, "escrow": 100_000})
ALL_BACK: tuple[str, dict[str, int]] = ("returned", {"escrow": -100_000, "refunds": 100_000})
PAID_OUT: tuple[str, dict[str, int]] = ("released", {"escrow": -100_000, "payable": 95_000, "fee": 5_000})


def returned(amount: int) -> list[tuple[str, dict[str, int]]]:
    """A part goes back, and the seller has what is left, less the fee of a twentieth."""
    rest = 100_000 - amount
    return [
        HELD,
        ("returned", {"escrow": -amount, "refunds": amount}),
        ("released", {"escrow": -rest, "payable": rest - rest // 20, "fee": rest // 20}),
    ]


# --- negotiated refunds ----------------------------------------------------------------------------------------------


async def test_a_refund_that_the_seller_agrees_to(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "submit_requirement")
    before = await supervised.flow(number)
    held = await supervised.act(number, "request_refund", amount_minor=40_000)
    assert held.frozen_at
    assert [one.kind for one in held.disputes] == ["refund"]
    held = await supervised.act(number, "agree_refund")
    await shop.run_due(timedelta(hours=3))
    order = await shop.order(number)
    assert (held.state, order.state, order.cancel_reason) == ("cancelled", "cancelled", "refund_agreed")
    assert (order.refund_minor, order.refund_state) == (40_000, "refunded")
    assert await since(supervised, number, [*PAID, "supervision.requirement_submitted"]) == [
        "supervision.frozen", "refund.requested", "refund.agreed", *MONEY_BACK
    ]  # fmt: skip
    assert before.refundable
    assert await ledger(supervised, number) == returned(40_000)


async def test_a_refund_that_the_seller_refuses_and_what_each_timer_has_left(
    supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("service")
    before = await supervised.flow(number)
    await shop.run_due(2 * DAYS)
    await supervised.act(number, "request_refund")
    await shop.run_due(4 * DAYS)
    with pytest.raises(FlowFrozen):
        await supervised.act(number, "submit_requirement", {})
    held = await supervised.act(number, "refuse_refund")
    assert (held.state, held.node, held.disputes) == ("open", "request", [])
    assert held.timers == {name: at + 4 * DAYS for name, at in before.timers.items()}
    assert await since(supervised, number, PAID) == [
        "supervision.frozen", "refund.requested", "refund.refused", "supervision.resumed"
    ]  # fmt: skip
    held = await supervised.act(number, "request_refund")
    assert held.refund, "it may be asked for once more"
    assert await ledger(supervised, number) == [HELD]


async def test_a_seller_who_does_not_answer_is_chased_after_seven_working_days(
    supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("service")  # on Monday, 2 March
    held = await supervised.act(number, "request_refund")
    assert held.refund
    assert held.refund.due_at == held.refund.opened_at + 9 * DAYS
    with pytest.raises(SellerStillHasTime):
        await supervised.act(number, "chase_refund")
    await shop.run_due(9 * DAYS + timedelta(minutes=1))
    await supervised.act(number, "chase_refund")
    await supervised.act(number, "withdraw_refund")
    assert await since(supervised, number, PAID) == [
        "supervision.frozen", "refund.requested", "refund.chased", "refund.withdrawn", "supervision.resumed"
    ]  # fmt: skip
    kinds = await supervised.kinds(number)
    assert kinds.count("refund.reminded") == 2, "a day before, and when it was due"


async def test_once_a_code_was_claimed_no_refund_is_negotiated(supervised: Supervised) -> None:
    number = await supervised.buy("license_code")
    await supervised.walk(number, "deliver", "claim_code")
    with pytest.raises(RefundRuledOut):
        await supervised.act(number, "request_refund", {"amount_minor": 100_000, "reason": "No."})


# --- hardware --------------------------------------------------------------------------------------------------------


async def test_what_was_not_shipped_is_refunded_without_a_return(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("hardware")
    with pytest.raises(NothingShipped):
        await supervised.act(number, "request_return", {"amount_minor": 100_000, "reason": "No."})
    held = await supervised.act(number, "request_refund", amount_minor=100_000)
    assert held.refund
    assert held.refund.node == "refund_review"
    await supervised.act(number, "agree_refund")
    await shop.run_due(timedelta(hours=3))
    assert (await shop.order(number)).refund_minor == 100_000
    assert await ledger(supervised, number) == [HELD, ALL_BACK]


async def test_of_a_parcel_under_way_the_marketplace_says_where_it_is(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    held = await supervised.act(number, "request_refund", amount_minor=100_000)
    assert held.refund
    assert (held.refund.node, held.refund.turn) == ("transit", "platform")
    held = await supervised.act(number, "deny_transit")
    assert (held.node, held.frozen_at) == ("acceptance", None)
    await supervised.act(number, "request_refund", amount_minor=100_000)
    await supervised.walk(number, "clear_transit", "agree_refund")
    assert await since(supervised, number, [*PAID, "supervision.delivered"]) == [
        "supervision.frozen", "refund.requested", "refund.transit_denied", "supervision.resumed",
        "supervision.frozen", "refund.requested", "refund.transit_cleared", "refund.agreed", *MONEY_BACK[:-1],
    ]  # fmt: skip


async def test_a_return_from_the_request_to_the_money(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    await supervised.act(number, "request_return", amount_minor=60_000)
    await supervised.walk(number, "agree_return", "send_back", "confirm_goods")
    await shop.run_due(timedelta(hours=3))
    assert await since(supervised, number, [*PAID, "supervision.delivered"]) == [
        "supervision.frozen", "return.requested", "return.agreed", "return.sent_back", "return.inspected", *MONEY_BACK
    ]  # fmt: skip
    assert (await shop.order(number)).refund_minor == 60_000
    assert await ledger(supervised, number) == returned(60_000)


async def test_what_is_not_sent_back_in_ten_days_counts_as_withdrawn(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    await supervised.act(number, "request_return")
    await supervised.act(number, "agree_return")
    await shop.run_due(10 * DAYS - timedelta(minutes=1))
    assert (await supervised.flow(number)).refund
    await shop.run_due(timedelta(minutes=2))
    held = await supervised.flow(number)
    assert (held.node, held.frozen_at, held.disputes) == ("acceptance", None, [])
    assert await since(supervised, number, [*PAID, "supervision.delivered"]) == [
        "supervision.frozen", "return.requested", "return.agreed", "return.lapsed", "supervision.resumed"
    ]  # fmt: skip
    with pytest.raises(NoDisputeOpen):
        await supervised.act(number, "send_back", {"courier": "test", "tracking_number": "1"})


async def test_what_came_back_and_is_not_looked_at_in_fifteen_days_counts_as_in_order(
    supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    await supervised.act(number, "request_return", amount_minor=100_000)
    await supervised.walk(number, "agree_return", "send_back")
    await shop.run_due(15 * DAYS - timedelta(minutes=1))
    assert (await supervised.flow(number)).state == "open"
    await shop.run_due(timedelta(minutes=2))
    assert (await shop.order(number)).refund_state == "refunded"
    assert await ledger(supervised, number) == [HELD, ALL_BACK]


async def test_goods_that_the_seller_contests_are_judged_by_the_marketplace(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    await supervised.act(number, "request_return", amount_minor=100_000)
    await supervised.walk(number, "agree_return", "send_back")
    await shop.run_due(5 * DAYS)
    held = await supervised.act(number, "contest_goods", reason="The case is broken.")
    assert held.appeal
    assert (held.appeal.opened_by, held.appeal.facts["appeal"]["reason"]) == ("seller", "The case is broken.")
    await shop.run_due(100 * DAYS)
    assert (await supervised.flow(number)).refund, "what is paused does not lapse"
    held = await supervised.act(number, "decide_resume")
    assert held.refund
    assert held.refund.timers["lapse"] == shop.clock.now() + 10 * DAYS, "it goes on with what it had left"
    await supervised.act(number, "contest_goods")
    await supervised.act(number, "decide_refund", amount_minor=70_000)
    assert await since(supervised, number, [*PAID, "supervision.delivered"]) == [
        "supervision.frozen", "return.requested", "return.agreed", "return.sent_back",
        "return.contested", "appeal.opened", "appeal.decided",
        "return.contested", "appeal.opened", "appeal.decided", "return.superseded", *MONEY_BACK[:-1],
    ]  # fmt: skip
    order = await shop.order(number)
    assert (order.cancel_reason, order.refund_minor) == ("appeal_decided", 70_000)
    await shop.run_due(timedelta(hours=3))
    assert await ledger(supervised, number) == returned(70_000)


# --- appeals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["buyer", "seller"])
async def test_an_appeal_that_ends_with_the_delivery_going_on(supervised: Supervised, shop: Shop, side: str) -> None:
    number = await supervised.buy("service")
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    before = await supervised.flow(number)
    await supervised.act(number, "appeal", by=supervised.actor(side))
    await shop.run_due(60 * DAYS)
    held = await supervised.act(number, "decide_resume")
    assert (held.node, held.turn, held.frozen_at) == ("delivery", "seller", None)
    assert held.timers == {name: at + 60 * DAYS for name, at in before.timers.items()}
    assert await ledger(supervised, number) == [HELD], "nothing is the seller's before the acceptance"
    events = [*PAID, "supervision.requirement_submitted", "supervision.requirement_confirmed"]
    assert await since(supervised, number, events) == [
        "supervision.frozen", "appeal.opened", "appeal.decided", "supervision.resumed"
    ]  # fmt: skip


async def test_an_appeal_is_due_in_three_working_days_by_the_kept_calendar(supervised: Supervised, shop: Shop) -> None:
    first = await supervised.buy("service")
    second = await supervised.buy("service")
    held = await supervised.act(first, "appeal")
    assert held.appeal
    assert held.appeal.due_at == held.appeal.opened_at + 3 * DAYS
    async with shop.installation.db.transaction(shop.world.operator) as tx:
        await mark_days(tx, date(2026, 3, 3), date(2026, 3, 4), working=False, name="Spring")
        await mark_days(tx, date(2026, 3, 7), date(2026, 3, 7), working=True, name="Made up for")
    held = await supervised.act(second, "appeal")
    assert held.appeal
    assert held.appeal.due_at == held.appeal.opened_at + 5 * DAYS


async def test_an_appeal_that_sends_it_back_to_the_seller(supervised: Supervised) -> None:
    number = await supervised.buy("license_offline")
    await supervised.act(number, "deliver")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    held = await supervised.act(number, "decide_redeliver")
    assert (held.node, held.turn, held.rejections_by_platform) == ("delivery", "seller", 1)
    held = await supervised.complete(number)
    assert held.state == "completed"
    assert await since(supervised, number, [*PAID, "supervision.delivered"]) == [
        "supervision.frozen", "appeal.opened", "appeal.decided", "supervision.resumed", "supervision.sent_back",
        "supervision.delivered", "supervision.accepted", "order.completed",
    ]  # fmt: skip
    assert await ledger(supervised, number) == [HELD, PAID_OUT]


async def test_an_appeal_against_a_buyer_who_cannot_be_reached(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("license_offline")
    await supervised.act(number, "deliver")
    await supervised.act(number, "appeal", by=supervised.actor("seller"))
    await supervised.act(number, "note_contact")
    with pytest.raises(Invalid) as missing:
        await supervised.act(number, "decide_accept", unreachable=True)
    assert [one.field for one in missing.value.fields] == ["unreachable"]
    await supervised.act(number, "ask_seller")
    await supervised.act(number, "answer_request", files=["commitment_letter"])
    held = await supervised.act(number, "decide_accept", unreachable=True)
    assert held.state == "completed"
    assert (await shop.order(number)).state == "completed"
    assert await since(supervised, number, [*PAID, "supervision.delivered"]) == [
        "supervision.frozen", "appeal.opened", "appeal.contact_noted", "appeal.evidence_requested", "appeal.answered",
        "appeal.decided", "supervision.resumed", "supervision.accepted", "order.completed",
    ]  # fmt: skip
    assert await ledger(supervised, number) == [HELD, PAID_OUT]


async def test_a_proposal_that_both_agree_to_is_carried_out(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    await supervised.act(number, "propose", proposal="refund", amount_minor=25_000)
    await supervised.act(number, "decline_as_seller")
    await supervised.act(number, "propose", proposal="refund", amount_minor=30_000)
    held = await supervised.act(number, "agree_as_seller")
    assert held.appeal
    assert (held.appeal.node, held.appeal.turn) == ("buyer_considers", "buyer")
    held = await supervised.act(number, "agree_as_buyer")
    await shop.run_due(timedelta(hours=3))
    order = await shop.order(number)
    assert (held.state, order.cancel_reason, order.refund_minor) == ("cancelled", "refund_agreed", 30_000)
    assert await since(supervised, number, PAID) == [
        "supervision.frozen", "appeal.opened", "appeal.proposed", "appeal.proposal_declined", "appeal.proposed",
        "appeal.proposal_agreed", "appeal.proposal_agreed", *MONEY_BACK,
    ]  # fmt: skip
    assert await ledger(supervised, number) == returned(30_000)


async def test_what_is_decided_after_a_proposal_came_to_nothing_was_not_agreed_to(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    await supervised.act(number, "propose", proposal="refund", amount_minor=25_000)
    await supervised.act(number, "decline_as_seller")
    await supervised.act(number, "decide_refund", amount_minor=30_000)
    order = await supervised.shop.order(number)
    assert (order.cancel_reason, order.refund_minor) == ("appeal_decided", 30_000)


async def test_questions_and_proposals_that_nobody_answers_lapse(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    await supervised.act(number, "ask_buyer")
    await shop.run_due(7 * DAYS)
    held = await supervised.flow(number)
    assert held.appeal
    assert held.appeal.node == "investigation"
    assert held.appeal.due_at
    assert held.appeal.due_at > shop.clock.now() - 2 * DAYS, "the marketplace gets a working day at least"
    await supervised.act(number, "propose", proposal="resume")
    await shop.run_due(7 * DAYS)
    await supervised.act(number, "withdraw_appeal")
    assert await since(supervised, number, PAID) == [
        "supervision.frozen", "appeal.opened", "appeal.evidence_requested", "appeal.request_lapsed",
        "appeal.proposed", "appeal.proposal_lapsed", "appeal.withdrawn", "supervision.resumed",
    ]  # fmt: skip
