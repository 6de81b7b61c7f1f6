"""Who is told what: by the events of real orders, supervised and not."""

import re
from datetime import timedelta
from typing import Any

import pytest
from tests.notices.conftest import Inbox
from tests.supervised import Supervised
from tests.world import SellerServer, Shop, World

from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM, Actor
from tradehall.notices import actions, queries
from tradehall.notices.model import MOST_COUNTED, MOST_TOLD, TOLD, NoticeKind
from tradehall.notices.words import WORDS, Words
from tradehall.parties import actions as parties
from tradehall.trading.model import OrderState


async def record(shop: Shop, number: str, kind: str, by: Actor = SYSTEM, **facts: Any) -> None:
    order = await shop.order(number)
    async with shop.installation.db.transaction(by) as tx:
        await tx.record(kind, "order", order.id, facts)


def test_every_kind_has_words_and_every_word_a_kind() -> None:
    told = {one.kind for some in TOLD.values() for one in some}
    assert told == WORDS.keys()
    assert all(isinstance(words, Words) for words in WORDS.values())


async def test_an_order_that_simply_works_is_told_to_nobody(
    shop: Shop, inbox: Inbox, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    state: OrderState = (await shop.order(number)).state
    assert state == "completed"
    assert await inbox.count() == 0


async def test_whose_turn_it_is_hears_of_it_with_what_and_by_when(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    number = await supervised.buy("service")
    assert await inbox.kinds(world.buyer) == ["turn"]
    assert await inbox.kinds(world.buyer_member) == ["turn"]
    assert await inbox.kinds(world.seller) == ["opened"]
    assert await inbox.kinds(world.operator) == []
    text = await inbox.last(world.buyer)
    assert text.title == "Your turn: Submit requirement"
    assert number in text.body
    due = (await supervised.flow(number)).due_at
    assert due
    assert f"{due + timedelta(hours=8):%-d %b %Y, %H:%M}" in text.body
    assert (await inbox.last(world.buyer, "zh")).title.startswith("待您处理：")
    shop.clock.advance(timedelta(hours=1))
    await supervised.act(number, "submit_requirement")
    assert await inbox.kinds(world.seller) == ["turn", "opened"]
    assert (await inbox.of(world.seller))[0].link == f"/seller/supervision/{number}"


async def test_a_whole_supervised_life_tells_both_sides(supervised: Supervised, inbox: Inbox, world: World) -> None:
    number = await supervised.buy("service")
    await supervised.complete(number)
    assert sorted(await inbox.kinds(world.buyer)) == ["accepted", "turn", "turn"]
    assert sorted(await inbox.kinds(world.seller)) == ["accepted", "opened", "turn", "turn"]
    assert await inbox.kinds(world.other_buyer) == await inbox.kinds(world.other_seller) == []
    assert await inbox.kinds(world.operator) == []


async def test_a_delivery_under_review_is_told_to_the_buyer_too(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    await shop.sql(f"UPDATE organisations SET track = 'base' WHERE id = '{world.buyer.organisation_id}'")
    number = await supervised.buy("service", product_class="joint")
    for verb in ("submit_requirement", "confirm_requirement", "deliver"):
        shop.clock.advance(timedelta(hours=1))
        await supervised.act(number, verb)
    assert (await inbox.kinds(world.buyer))[0] == "delivered"
    assert (await inbox.of(world.operator))[0].link == f"/operator/supervision/{number}"
    shop.clock.advance(timedelta(hours=1))
    await supervised.act(number, "return_delivery")
    assert (await inbox.kinds(world.buyer))[0] == "delivery_returned"
    assert (await inbox.kinds(world.seller))[0] == "rejected"
    for verb in ("deliver", "approve_delivery"):
        shop.clock.advance(timedelta(hours=1))
        await supervised.act(number, verb)
    assert (await inbox.kinds(world.seller))[0] == "delivery_approved"
    assert (await inbox.kinds(world.buyer))[0] == "turn"
    mailed = {row[0] for row in await shop.sql("SELECT DISTINCT kind FROM notice_sendings JOIN notices n ON "
                                               "n.id = notice_id")}  # fmt: skip
    assert mailed == {"turn", "rejected"}, "what is only to be known stays in the station"


async def test_what_comes_back_says_from_whom_and_why(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    number = await supervised.buy("license_hardware_id")
    await supervised.act(number, "submit_identification")
    shop.clock.advance(timedelta(hours=1))
    await supervised.act(number, "reject_identification", {"reason": "No machine has this ID."})
    assert (await inbox.kinds(world.buyer))[0] == "rejected"
    text = await inbox.last(world.buyer)
    assert text.title == "Sent back: Submit identification code"
    assert "Northwind Software says: “No machine has this ID.”" in text.body
    assert "—" not in text.body
    assert "驳回：“No machine has this ID.”" in (await inbox.last(world.buyer, "zh")).body


async def test_reminders_become_urgent_when_it_is_late(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    number = await supervised.buy("service")
    due = (await supervised.flow(number)).due_at
    assert due
    await shop.run_due(due + timedelta(minutes=1))
    overdue, *before = await inbox.of(world.buyer)
    assert (overdue.kind, overdue.urgent) == ("overdue", True)
    assert {(one.kind, one.urgent) for one in before} == {("reminder", False), ("turn", False)}


async def test_after_half_a_year_the_seller_and_the_account_manager_hear_of_it(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    first = await supervised.buy("service")
    assert world.buyer.organisation_id
    await record(shop, first, "supervision.unaccepted", flow=new_id(), days=180, turn="buyer")
    assert "unaccepted" in await inbox.kinds(world.seller)
    assert "unaccepted" not in await inbox.kinds(world.buyer)
    assert await inbox.kinds(world.operator) == await inbox.kinds(world.operator_member) == ["unaccepted"]
    async with shop.installation.db.transaction(world.operator) as tx:
        await parties.set_account_manager(tx, world.buyer.organisation_id, world.operator_member.person_id)
    shop.clock.advance(timedelta(days=1))
    await record(shop, first, "supervision.unaccepted", flow=new_id(), days=181, turn="buyer")
    assert await inbox.kinds(world.operator) == ["unaccepted"]
    assert await inbox.kinds(world.operator_member) == ["unaccepted", "unaccepted"]
    text = await inbox.last(world.operator_member)
    assert text.title == f"Not accepted after 181 days: order {first}"
    assert "Acme Trading bought" in text.body


async def test_who_does_something_is_not_written_a_mail_about_it_unless_they_have_to_go_on(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    number = await supervised.buy("service")

    async def written_to() -> set[str]:
        return {address for (address,) in await shop.sql("SELECT address FROM notice_sendings")}

    await supervised.act(number, "submit_requirement")
    await shop.sql("DELETE FROM notices")
    await supervised.act(number, "confirm_requirement")
    assert await written_to() == {world.email(world.seller), world.email(world.seller_member)}
    await supervised.act(number, "deliver")
    await shop.sql("DELETE FROM notices")
    await supervised.act(number, "accept")
    assert await inbox.kinds(world.buyer) == ["accepted"]
    assert await written_to() == {world.email(one) for one in (world.seller, world.seller_member, world.buyer_member)}


async def test_an_order_that_could_not_be_opened_is_told_to_both_and_the_refund_to_the_buyer(
    shop: Shop, inbox: Inbox, world: World, seller_server: SellerServer
) -> None:
    await seller_server.down()
    number = await shop.buy()
    await shop.run_due(timedelta(hours=6))
    assert sorted(await inbox.kinds(world.buyer)) == ["order_given_up", "refunded"]
    assert await inbox.kinds(world.seller) == ["order_given_up"]
    text = await inbox.last(world.buyer, kind="refunded")
    assert text.title == "CN¥99.00 was paid back"
    assert number in text.body


async def test_a_term_that_ends_is_told_to_the_buyer_step_by_step(
    shop: Shop, inbox: Inbox, world: World, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due(timedelta(days=60))
    assert await inbox.kinds(world.buyer) == ["ended", "frozen", "expired"]
    instance = (await shop.instance(number)).id
    ended, frozen, expired = await inbox.of(world.buyer)
    assert frozen.urgent
    assert not expired.urgent
    assert {one.link for one in (ended, frozen, expired)} == {f"/buyer/applications/{instance}"}
    assert expired.facts["until"] < frozen.facts["until"]
    assert await inbox.kinds(world.seller) == []


async def test_a_trial_that_ends_is_frozen_at_once_and_so_it_is_told(
    shop: Shop, inbox: Inbox, world: World, seller_server: SellerServer
) -> None:
    await shop.try_out()
    await shop.run_due(timedelta(days=15))
    assert await inbox.kinds(world.buyer) == ["frozen"]


async def test_a_suspension_says_why_and_a_renewal_is_told_to_the_seller(
    shop: Shop, inbox: Inbox, world: World, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    await shop.suspend(number)
    assert "Sends unsolicited mail" in (await inbox.last(world.buyer)).body
    assert await inbox.kinds(world.seller) == ["suspended"]
    shop.clock.advance(timedelta(hours=1))
    await shop.suspend(number, on=False)
    await shop.run_due()
    shop.clock.advance(timedelta(hours=1))
    await shop.renew(number)
    await shop.run_due()
    assert await inbox.kinds(world.seller) == ["renewed", "suspension_lifted", "suspended"]
    assert (await inbox.last(world.seller, "zh")).title == "顶点贸易 已续费 北风套件"


async def test_of_a_big_organisation_fifty_are_told_administrators_first(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    await shop.sql(
        """
        WITH more AS (
            INSERT INTO people (id, email, name, password_hash, created_at)
            SELECT gen_random_uuid(), 'p' || n || '@example.com', 'P' || n, 'x', now() - interval '1 year'
            FROM generate_series(1, 60) n RETURNING id)
        INSERT INTO memberships SELECT id, %(buyer)s, 'member', '2020-01-01' FROM more
        """,
        {"buyer": world.buyer.organisation_id},
    )
    await supervised.buy("service")
    told = await shop.sql(f"SELECT count(*) FROM notices WHERE organisation_id = '{world.buyer.organisation_id}'")
    assert told == [(MOST_TOLD,)]
    assert await inbox.kinds(world.buyer) == ["turn"]


async def test_who_is_disabled_is_told_nothing(supervised: Supervised, shop: Shop, inbox: Inbox, world: World) -> None:
    await shop.sql(f"UPDATE people SET disabled_at = now() WHERE id = '{world.buyer_member.person_id}'")
    await supervised.buy("service")
    assert await inbox.kinds(world.buyer_member) == []


# --- reading ---------------------------------------------------------------------------------------------------------


async def test_messages_are_read_once_and_only_by_whom_they_are_for(
    supervised: Supervised, shop: Shop, inbox: Inbox, world: World
) -> None:
    await supervised.buy("service")
    (mine,) = await inbox.of(world.buyer)
    db = shop.installation.db
    for stranger in (world.buyer_member, world.other_buyer, world.operator):
        async with db.read() as reader:
            assert await queries.notice(reader, stranger, mine.id) is None
    async with db.transaction(world.buyer) as tx:
        await actions.read(tx, mine.id)
    first = (await inbox.of(world.buyer))[0].read_at
    shop.clock.advance(timedelta(hours=1))
    async with db.transaction(world.buyer) as tx:
        await actions.read(tx, mine.id)
    assert (await inbox.of(world.buyer))[0].read_at == first
    assert await inbox.of(world.buyer, unread=True) == []
    async with db.transaction(world.buyer_member) as tx:
        assert await actions.read_all(tx) == 1
        assert await actions.read_all(tx) == 0


async def test_the_bell_counts_to_a_hundred(shop: Shop, world: World) -> None:
    await shop.sql(
        """
        INSERT INTO notices (id, person_id, organisation_id, kind, link, facts, urgent, created_at)
        SELECT gen_random_uuid(), %(person)s, %(organisation)s, 'accepted', '/buyer', '{}', false, now()
        FROM generate_series(1, 150)
        """,
        {"person": world.buyer.person_id, "organisation": world.buyer.organisation_id},
    )
    async with shop.installation.db.read() as reader:
        assert await queries.unread(reader, world.buyer.person_id, world.buyer.organisation_id) == MOST_COUNTED


@pytest.mark.parametrize("kind", WORDS)
async def test_an_incomplete_notice_still_says_something(
    kind: NoticeKind, inbox: Inbox, shop: Shop, world: World
) -> None:
    await shop.sql(
        """
        INSERT INTO notices (id, person_id, organisation_id, kind, link, facts, urgent, created_at)
        SELECT gen_random_uuid(), %(person)s, %(organisation)s, %(kind)s, '/buyer', '{}', false, now()
        """,
        {"person": world.buyer.person_id, "organisation": world.buyer.organisation_id, "kind": kind},
    )
    assert not re.search(r"%\(", (await inbox.last(world.buyer)).body)


async def test_what_is_a_year_old_is_forgotten(supervised: Supervised, shop: Shop, inbox: Inbox, world: World) -> None:
    await supervised.buy("service")
    begun = await inbox.count()
    async with shop.installation.db.transaction(SYSTEM) as tx:
        assert not await actions.forget_old(tx, timedelta(days=365))
    assert await inbox.count() == begun
    shop.clock.advance(timedelta(days=366))
    async with shop.installation.db.transaction(SYSTEM) as tx:
        assert not await actions.forget_old(tx, timedelta(days=365))
    assert await inbox.count() == 0
    assert await shop.sql("SELECT count(*) FROM notice_sendings") == [(0,)]
