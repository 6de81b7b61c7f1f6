"""Who is told of messages and reminders, and how often by mail."""

from datetime import datetime, timedelta

from tests.notices.conftest import Inbox
from tests.supervised import Supervised
from tests.world import Shop, World

from tradehall.kernel.journal import Actor
from tradehall.notices import actions
from tradehall.parties import actions as parties
from tradehall.supervision import pressure

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def send(shop: Shop, by: Actor, number: str, text: str, *to: str) -> None:
    async with shop.installation.db.transaction(by) as tx:
        await shop.installation.conversation.send(tx, number, text, to)


async def mails(shop: Shop, kind: str, address: str = "") -> list[datetime]:
    """When mails of a kind go out."""
    found = await shop.sql(
        """
        SELECT s.due_at FROM notice_sendings s JOIN notices n ON n.id = s.notice_id
        WHERE n.kind = %(kind)s AND s.channel = 'mail' AND %(address)s IN ('', s.address) ORDER BY s.due_at
        """,
        {"kind": kind, "address": address},
    )
    return [row[0] for row in found]


async def test_a_message_is_told_to_the_side_it_was_written_to(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    number = await supervised.buy("service")
    shop.clock.advance(MINUTE)
    await send(shop, world.buyer, number, "Which  database\ndo you need?", "seller")
    text = await inbox.last(world.seller_member)
    assert text.title == f"Acme Trading wrote to you: order {number}"
    assert "Which  database" in text.body
    assert (await inbox.of(world.seller))[0].link == f"/seller/supervision/{number}#messages"
    assert "message" not in await inbox.kinds(world.operator)
    shop.clock.advance(MINUTE)
    await send(shop, world.operator, number, "Please answer.", "seller")
    assert (await inbox.last(world.seller, "zh")).title == f"平台 给您发来消息：订单 {number}"
    assert "message" not in await inbox.kinds(world.buyer)
    async with shop.installation.db.transaction(world.seller) as tx:
        await actions.read_about(tx, number, "message")
    assert [one.read_at is None for one in await inbox.of(world.seller) if one.kind == "message"] == [False, False]
    assert [one.read_at is None for one in await inbox.of(world.seller_member) if one.kind == "message"] == [True, True]


async def test_there_is_one_mail_in_a_while_for_each_direction_and_none_is_left_out(
    supervised: Supervised, shop: Shop, world: World
) -> None:
    number = await supervised.buy("service")
    every = shop.installation.settings.message_mail_interval
    begun = shop.clock.now()
    to_seller, to_buyer = world.email(world.seller), world.email(world.buyer)
    for _ in range(5):
        await send(shop, world.buyer, number, "And another thing", "seller")
        shop.clock.advance(MINUTE)
    assert await mails(shop, "message", to_seller) == [begun, begun + every], "the second tells of all that came since"
    await send(shop, world.seller, number, "Here", "buyer")
    assert await mails(shop, "message", to_buyer) == [begun + 5 * MINUTE], "the other direction has its own"
    await send(shop, world.operator, number, "We look at it", "buyer", "seller")
    assert len(await mails(shop, "message", to_buyer)) == 2
    shop.clock.advance(2 * every)
    later = shop.clock.now()
    await send(shop, world.buyer, number, "Hello?", "seller")
    assert (await mails(shop, "message", to_seller))[-1] == later
    other = await supervised.buy("service")
    await send(shop, world.buyer, other, "In another order", "seller")
    assert (await mails(shop, "message", to_seller)).count(later) == 2


async def test_the_longer_somebody_is_late_the_more_people_hear_of_it(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    assert world.buyer.organisation_id
    async with shop.installation.db.transaction(world.operator) as tx:
        await parties.set_account_manager(tx, world.buyer.organisation_id, world.operator_member.person_id)
    number = await supervised.buy("service")
    due = (await supervised.flow(number)).due_at
    assert due

    async def told(who: Actor) -> list[str]:
        pressing = ("reminder", "overdue", "escalated", "other_side_late", "long_overdue")
        return [kind for kind in reversed(await inbox.kinds(who)) if kind in pressing]

    await shop.run_due(due)
    assert await told(world.buyer) == await told(world.buyer_member) == ["reminder", "overdue"]
    assert await told(world.seller) == []
    await shop.run_due(due + 7 * DAY)
    assert await told(world.buyer) == ["reminder", "overdue", "escalated"], "administrators hear of it apart"
    assert await told(world.buyer_member) == ["reminder", "overdue", "overdue"]
    assert await told(world.seller) == await told(world.seller_member) == ["other_side_late"]
    assert await told(world.operator_member) == []
    text = await inbox.last(world.seller)
    assert text.title == f"The other side is 7 days late: order {number}"
    assert "reminded 3 times" in text.body
    await shop.run_due(due + 21 * DAY)
    assert await told(world.operator_member) == ["long_overdue"]
    assert await told(world.operator) == [], "the buyer's account manager follows it up"
    assert await told(world.seller) == ["other_side_late", "other_side_late"]
    await shop.run_due(due + 28 * DAY)
    assert await told(world.operator_member) == ["long_overdue"], "of each level once"
    assert (await inbox.of(world.buyer))[0].urgent


async def test_who_is_reminded_by_the_other_side_hears_of_it(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    number = await supervised.buy("service")
    shop.clock.advance(MINUTE)
    async with shop.installation.db.transaction(world.seller) as tx:
        await pressure.urge(tx, shop.installation.settings, number)
    assert (await inbox.kinds(world.buyer))[0] == "urged"
    assert (await inbox.last(world.buyer)).title == "The other side waits for you: Submit requirement"
    assert "urged" not in await inbox.kinds(world.seller)
    assert await mails(shop, "urged", world.email(world.buyer_member)) == [shop.clock.now()]
