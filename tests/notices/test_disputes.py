"""Who is told what of appeals, refunds and returns: exactly these people, at every step."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import sandbox_settings
from tests.notices.conftest import Inbox
from tests.notices.post import PostOffice
from tests.supervised import Supervised
from tests.world import Shop, World

from tradehall.kernel.i18n import translator
from tradehall.notices.model import TOLD
from tradehall.settings import Settings
from tradehall.supervision.disputes.model import PROCEDURES

DAYS = timedelta(days=1)
Heard = dict[str, list[str]]


@pytest.fixture
def settings(post_office: PostOffice) -> Settings:
    return sandbox_settings(
        smtp_url=f"smtp://127.0.0.1:{post_office.port}",
        mail_from="hall@market.example",
        public_url="https://market.example",
        sms="console",
        second_look_above=50_000,
    )


@pytest.fixture
def heard(shop: Shop, world: World, inbox: Inbox) -> Callable[[], Awaitable[Heard]]:
    """What each side was told since it was asked last; those told nothing are left out."""

    async def heard() -> Heard:
        people = {"buyer": world.buyer, "seller": world.seller, "platform": world.operator}
        assert await inbox.count() == sum(
            [len(await inbox.of(one)) for one in (*people.values(), world.buyer_member, world.seller_member,
                                                  world.operator_member)]
        ), "nobody else is told anything"  # fmt: skip
        found = {side: sorted(await inbox.kinds(one)) for side, one in people.items()}
        await shop.sql("DELETE FROM notices")
        return {side: kinds for side, kinds in found.items() if kinds}

    return heard


Hear = Callable[[], Awaitable[Heard]]


def test_every_step_of_every_dispute_is_told_to_somebody_and_so_are_its_reminders() -> None:
    events = {f"{kind}.{verb.event}" for kind, table in PROCEDURES.items() for _, verb in table.walk()}
    assert events | {f"{kind}.reminded" for kind in PROCEDURES} <= TOLD.keys()


async def test_an_appeal_from_its_opening_to_a_decision(
    supervised: Supervised, shop: Shop, world: World, inbox: Inbox, heard: Hear
) -> None:
    number = await supervised.buy("service")
    await heard()
    await supervised.act(number, "appeal", reason="Nobody answers.", by=world.buyer)
    assert await inbox.kinds(world.operator_member) == ["appeal_to_decide"]
    text = await inbox.last(world.seller)
    assert text.title == f"Appeal about order {number}"
    assert text.body.startswith("Acme Trading appealed to the marketplace about A service")
    assert "“Nobody answers.”" in text.body
    held = await supervised.flow(number)
    assert held.appeal
    assert held.appeal.due_at
    due = f"{held.appeal.due_at + timedelta(hours=8):%-d %b %Y, %H:%M}"
    assert due in text.body
    assert due in (await inbox.last(world.operator)).body
    assert await heard() == {
        "buyer": ["appeal_opened"], "seller": ["appeal_opened"], "platform": ["appeal_to_decide"],
    }  # fmt: skip

    await supervised.act(number, "note_contact")
    assert await heard() == {}
    await supervised.act(number, "add_to_appeal", by=world.seller)
    assert await heard() == {"buyer": ["statement_added"], "platform": ["turn"]}
    await supervised.act(number, "ask_seller", request="The minutes of the first meeting.")
    text = await inbox.last(world.seller)
    assert "“The minutes of the first meeting.”" in text.body
    assert await heard() == {"seller": ["evidence_requested"]}
    await supervised.act(number, "note_contact", by=world.operator)
    assert await heard() == {}
    await supervised.act(number, "add_to_appeal", by=world.buyer)
    assert await heard() == {"seller": ["statement_added"]}
    await supervised.act(number, "recall_request", reason="We found the minutes.", by=world.operator)
    assert "“We found the minutes.” There is nothing to answer." in (await inbox.last(world.seller)).body
    assert await heard() == {"buyer": ["recalled"], "seller": ["recalled"]}
    await supervised.act(number, "ask_seller", request="The plan, then.")
    await heard()
    await supervised.act(number, "answer_request")
    assert (await inbox.last(world.operator)).title == "Your turn: Appeal"
    assert await heard() == {"platform": ["turn"]}
    await supervised.act(number, "decide_resume", ruling="Both sides have a point.")
    text = await inbox.last(world.seller, kind="decided")
    assert text.body.endswith("The delivery continues where it was. Its reasons: “Both sides have a point.”")
    assert await heard() == {"buyer": ["decided", "turn"], "seller": ["decided"]}


async def test_a_proposal_waits_for_both_and_then_for_the_other(
    supervised: Supervised, shop: Shop, world: World, inbox: Inbox, heard: Hear
) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=world.seller)
    await heard()
    await supervised.act(number, "propose", proposal="resume")
    assert await heard() == {"buyer": ["proposal"], "seller": ["proposal"]}
    held = await supervised.flow(number)
    assert held.appeal
    assert held.appeal.due_at
    await shop.run_due(held.appeal.due_at - shop.clock.now() - timedelta(hours=1))
    assert await heard() == {"buyer": ["reminder"], "seller": ["reminder"]}
    await supervised.act(number, "decline_as_seller", reason="Too little.")
    assert await heard() == {"buyer": ["proposal_declined"], "platform": ["turn"]}
    await supervised.act(number, "propose", proposal="refund", amount_minor=30_000, explanation="A third is missing.")
    text = await inbox.last(world.buyer)
    assert "Money goes back to the buyer, and the order ends (CN¥300.00). “A third is missing.”" in text.body
    await heard()
    await supervised.act(number, "agree_as_seller")
    assert await heard() == {"buyer": ["proposal_agreed"]}
    await supervised.act(number, "agree_as_buyer")
    assert "“A third is missing.”" in (await inbox.last(world.seller, kind="settled")).body
    assert await heard() == {"buyer": ["cancelled", "settled"], "seller": ["cancelled", "settled"]}
    await shop.run_due(timedelta(hours=3))
    assert await heard() == {"buyer": ["refunded"]}


async def test_what_is_not_answered_is_told_to_those_who_did_not_and_to_the_platform(
    supervised: Supervised, shop: Shop, world: World, heard: Hear
) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    await supervised.act(number, "propose", proposal="resume")
    await heard()
    await shop.run_due(6 * DAYS)
    assert await heard() == {
        "buyer": ["lapsed", "reminder"], "seller": ["lapsed", "reminder"], "platform": ["turn"],
    }  # fmt: skip
    await supervised.act(number, "withdraw_appeal")
    assert await heard() == {"buyer": ["turn"], "seller": ["withdrawn"]}


async def test_a_decision_of_much_money_is_told_once_a_second_person_confirmed_it(
    supervised: Supervised, shop: Shop, world: World, inbox: Inbox, heard: Hear
) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal")
    await heard()
    await supervised.act(number, "decide_refund", amount_minor=90_000, ruling="It was never delivered.")
    assert await heard() == {"platform": ["second_look"]}
    await supervised.act(number, "return_decision", by=world.operator_member)
    assert await heard() == {"platform": ["turn"]}
    await supervised.act(number, "decide_refund", amount_minor=90_000, ruling="It was never delivered.")
    await heard()
    await supervised.act(number, "confirm_decision", by=world.operator_member)
    for side in (world.buyer, world.seller):
        text = await inbox.last(side, kind="decided")
        assert text.body.endswith("(CN¥900.00). Its reasons: “It was never delivered.”")
    assert await heard() == {"buyer": ["cancelled", "decided"], "seller": ["cancelled", "decided"]}


async def test_a_decision_that_moves_the_delivery_on_tells_whose_turn_it_then_is_and_nobody_elses(
    supervised: Supervised, world: World, heard: Hear
) -> None:
    number = await supervised.buy("license_offline")
    await supervised.act(number, "deliver")
    await supervised.act(number, "appeal", by=world.buyer)
    await heard()
    await supervised.act(number, "decide_redeliver")
    assert await heard() == {"buyer": ["decided"], "seller": ["decided", "turn"]}


async def test_a_late_platform_is_told_urgently(supervised: Supervised, shop: Shop, world: World, inbox: Inbox) -> None:
    number = await supervised.buy("service")
    held = await supervised.act(number, "appeal")
    assert held.appeal
    assert held.appeal.due_at
    await shop.sql("DELETE FROM notices")
    await shop.run_due(held.appeal.due_at - shop.clock.now() + timedelta(minutes=1))
    overdue, before = await inbox.of(world.operator)
    assert (before.kind, before.urgent) == ("reminder", False)
    assert (overdue.kind, overdue.urgent) == ("dispute_overdue", True)
    assert (await inbox.last(world.operator)).title == "Overdue in the appeal: The marketplace investigates"
    assert await inbox.kinds(world.buyer) == await inbox.kinds(world.seller) == []


async def test_a_refund_is_told_to_the_seller_and_its_answer_to_the_buyer(
    supervised: Supervised, shop: Shop, world: World, inbox: Inbox, heard: Hear
) -> None:
    number = await supervised.buy("service")
    await heard()
    await supervised.act(number, "request_refund", amount_minor=40_000, reason="We need it no longer.")
    text = await inbox.last(world.seller)
    assert text.title == f"Acme Trading asks for a refund of CN¥400.00: order {number}"
    assert "“We need it no longer.”" in text.body
    assert "400" in (await inbox.last(world.seller, "zh")).title
    assert await heard() == {"seller": ["refund_asked"]}
    await supervised.act(number, "refuse_refund", reason="The work is half done.")
    text = await inbox.last(world.buyer, kind="refused")
    assert text.title == f"Refused: the refund of order {number}"
    assert "“The work is half done.”" in text.body
    assert (await inbox.last(world.buyer, "zh", kind="refused")).title == f"订单 {number} 的退订被驳回"
    assert await heard() == {"buyer": ["refused", "turn"]}
    await supervised.act(number, "request_refund")
    await supervised.act(number, "withdraw_refund")
    assert await heard() == {"buyer": ["turn"], "seller": ["refund_asked", "withdrawn"]}
    await supervised.act(number, "request_refund", amount_minor=40_000)
    await heard()
    await supervised.act(number, "agree_refund")
    assert "CN¥400.00" in (await inbox.last(world.buyer, kind="refund_agreed")).title
    assert await heard() == {"buyer": ["cancelled", "refund_agreed"], "seller": ["cancelled"]}


async def test_a_seller_who_does_not_answer_is_chased_urgently(
    supervised: Supervised, shop: Shop, world: World, inbox: Inbox, heard: Hear
) -> None:
    number = await supervised.buy("service")
    held = await supervised.act(number, "request_refund")
    assert held.refund
    assert held.refund.due_at
    await heard()
    await shop.run_due(held.refund.due_at - shop.clock.now() + timedelta(minutes=1))
    assert await heard() == {"seller": ["dispute_overdue", "reminder"]}
    await supervised.act(number, "chase_refund")
    (chased,) = await inbox.of(world.seller)
    assert (chased.kind, chased.urgent) == ("chased", True)
    assert await heard() == {"seller": ["chased"]}


async def test_a_parcel_under_way_is_the_platforms_first(
    supervised: Supervised, shop: Shop, world: World, heard: Hear
) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    await heard()
    await supervised.act(number, "request_refund", amount_minor=100_000)
    assert await heard() == {"seller": ["refund_asked"], "platform": ["turn"]}
    await supervised.act(number, "clear_transit")
    assert await heard() == {"buyer": ["transit_cleared"], "seller": ["turn"]}
    await supervised.act(number, "withdraw_refund")
    await heard()
    await supervised.act(number, "request_refund", amount_minor=100_000)
    await heard()
    await supervised.act(number, "deny_transit")
    assert await heard() == {"buyer": ["refused", "turn"], "seller": ["refused"]}


async def test_a_return_names_the_address_the_courier_and_the_end(
    supervised: Supervised, shop: Shop, world: World, inbox: Inbox, heard: Hear
) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    await heard()
    await supervised.act(number, "request_return", amount_minor=60_000)
    assert await heard() == {"seller": ["return_asked"]}
    await supervised.act(
        number, "agree_return", return_name="Li", return_phone="13900000000", return_address="9 Dock Street"
    )
    assert "send it to Li, 13900000000, 9 Dock Street." in (await inbox.last(world.buyer)).body
    assert await heard() == {"buyer": ["return_agreed"]}
    await supervised.act(number, "send_back")
    assert "Test carrier TEST-2-0001" in (await inbox.last(world.seller)).body
    assert await heard() == {"seller": ["sent_back"]}
    await supervised.act(number, "contest_goods", reason="The case is broken.")
    assert "“The case is broken.”" in (await inbox.last(world.buyer, kind="contested")).body
    assert await heard() == {
        "buyer": ["appeal_opened", "contested"], "seller": ["appeal_opened"], "platform": ["appeal_to_decide"],
    }  # fmt: skip
    await supervised.act(number, "decide_resume")
    assert await heard() == {"buyer": ["decided"], "seller": ["decided"]}
    await supervised.act(number, "confirm_goods")
    assert "CN¥600.00" in (await inbox.last(world.buyer, kind="inspected")).body
    assert await heard() == {"buyer": ["cancelled", "inspected"], "seller": ["cancelled"]}


async def test_a_return_that_lapses_is_told_to_both(
    supervised: Supervised, shop: Shop, world: World, inbox: Inbox, heard: Hear
) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    await supervised.act(number, "request_return")
    await supervised.act(number, "agree_return")
    await heard()
    await shop.run_due(10 * DAYS + timedelta(minutes=1))
    assert "Not sent back in time: withdrawn" in (await inbox.last(world.seller, kind="lapsed")).body
    assert await heard() == {"buyer": ["lapsed", "reminder", "turn"], "seller": ["lapsed"]}


async def test_what_is_only_to_be_known_of_a_dispute_is_not_mailed(
    supervised: Supervised, shop: Shop, world: World
) -> None:
    number = await supervised.buy("service")
    await shop.sql("DELETE FROM notices")
    await supervised.act(number, "appeal", by=world.buyer)
    rows: list[Any] = await shop.sql("SELECT address FROM notice_sendings")
    assert world.email(world.buyer) not in {address for (address,) in rows}, "who opened it knows"
    assert world.email(world.buyer_member) in {address for (address,) in rows}
    await shop.sql("DELETE FROM notices")
    await supervised.act(number, "add_to_appeal", by=world.seller)
    rows = await shop.sql("SELECT DISTINCT n.kind FROM notice_sendings s JOIN notices n ON n.id = s.notice_id")
    assert rows == [("turn",)]


def test_the_words_are_chinese_for_chinese_readers() -> None:
    assert translator("zh").lookup("Appeal decided") == "申诉已处理"
