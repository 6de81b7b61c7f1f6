"""The inbox as people use it, in both languages, and what operators see of mails that failed."""

import re

import pytest
from tests.supervised import Supervised
from tests.web.conftest import Enter
from tests.world import Shop, World

from tradehall.notices.model import NoticeKind

BELL = re.compile(r'class="bell-count" aria-hidden="true">([^<]+)<')


@pytest.fixture
async def number(shop: Shop) -> str:
    """An order under supervision, in which it is the buyer's turn."""
    return await Supervised(shop).buy("service")


async def tell(shop: Shop, world: World, count: int, kind: NoticeKind = "accepted") -> None:
    await shop.sql(
        """
        INSERT INTO notices (id, person_id, organisation_id, kind, link, facts, urgent, created_at)
        SELECT gen_random_uuid(), %(person)s, %(organisation)s, %(kind)s, '/buyer/orders', '{}', false, now()
        FROM generate_series(1, %(count)s)
        """,
        {
            "person": world.buyer.person_id,
            "organisation": world.buyer.organisation_id,
            "kind": kind,
            "count": count,
        },
    )


async def test_the_bell_says_how_much_is_unread_and_leads_to_it(enter: Enter, world: World, number: str) -> None:
    visitor = await enter(world.buyer)
    await visitor.get("/buyer")
    assert BELL.findall(visitor.page) == ["1"]
    assert "Messages, 1 unread" in visitor.page
    await visitor.get("/account/messages")
    assert "Your turn: Submit requirement" in visitor.page
    assert number in visitor.page


@pytest.mark.parametrize(("locale", "words"), [("en", "Mark all as read"), ("zh", "全部标为已读")])
async def test_the_inbox_speaks_the_readers_language(
    enter: Enter, world: World, number: str, locale: str, words: str
) -> None:
    visitor = await enter(world.buyer, locale)
    await visitor.get("/account/messages")
    assert words in visitor.page
    assert ("待您处理：" in visitor.page) == (locale == "zh")


async def test_opening_a_message_marks_it_read_and_leads_to_what_it_is_about(
    enter: Enter, shop: Shop, world: World
) -> None:
    await tell(shop, world, 1)
    visitor = await enter(world.buyer)
    await visitor.get("/account/messages")
    (path,) = re.findall(r'href="(/account/messages/[0-9a-f-]{36})"', visitor.page)
    answer = await visitor.get(path)
    assert answer.url.path == "/buyer/orders"
    assert BELL.findall(visitor.page) == []
    await visitor.get("/account/messages")
    assert "is-unread" not in visitor.page


async def test_one_message_or_all_are_marked_read_and_again_changes_nothing(
    enter: Enter, shop: Shop, world: World
) -> None:
    await tell(shop, world, 3)
    visitor = await enter(world.buyer)
    await visitor.get("/account/messages?unread=1")
    path = re.findall(r'action="(/account/messages/[0-9a-f-]{36}/read)"', visitor.page)[0]
    fields = visitor.form(path)
    answer = await visitor.post(path, **fields)
    assert (answer.url.path, answer.url.query) == ("/account/messages", b"unread=1")
    assert BELL.findall(visitor.page) == ["2"]
    everything = visitor.form("/account/messages/read")
    for _ in range(2):
        await visitor.post(path, **fields)
        answer = await visitor.post("/account/messages/read", **everything)
        assert answer.status_code == 200
        assert BELL.findall(visitor.page) == []


async def test_the_list_is_filtered_in_the_address_and_paged(enter: Enter, shop: Shop, world: World) -> None:
    await tell(shop, world, 30)
    await tell(shop, world, 2, "cancelled")
    visitor = await enter(world.buyer)
    await visitor.get("/account/messages?kind=cancelled")
    assert len(re.findall(r'<li class="message', visitor.page)) == 2
    await visitor.get("/account/messages")
    assert len(re.findall(r'<li class="message', visitor.page)) == 25
    (following,) = re.findall(r'href="([^"]+)" rel="next"', visitor.page)
    await visitor.get(following.replace("&amp;", "&"))
    assert len(re.findall(r'<li class="message', visitor.page)) == 7
    await shop.sql("UPDATE notices SET read_at = now()")
    await visitor.get("/account/messages?unread=1")
    assert "Everything is read" in visitor.page


async def test_ninety_nine_is_as_far_as_the_bell_counts(enter: Enter, shop: Shop, world: World) -> None:
    await tell(shop, world, 120)
    visitor = await enter(world.buyer)
    await visitor.get("/buyer")
    assert BELL.findall(visitor.page) == ["99+"]


async def test_nobody_else_sees_a_message(enter: Enter, shop: Shop, world: World) -> None:
    await tell(shop, world, 1)
    ((message,),) = await shop.sql("SELECT id FROM notices")
    for actor in (world.buyer_member, world.other_buyer, world.seller, world.operator):
        visitor = await enter(actor)
        await visitor.get("/account/messages")
        assert "No messages yet" in visitor.page
        assert (await visitor.get(f"/account/messages/{message}")).status_code == 404


async def test_a_person_says_where_they_want_to_be_told(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.buyer)
    await visitor.send("/account/contact", at="/account", phone="+86 138-0013-8000")
    stored = f"SELECT phone, mail_notices FROM people WHERE id = '{world.buyer.person_id}'"
    assert await shop.sql(stored) == [("+8613800138000", True)]
    answer = await visitor.send("/account/contact", at="/account", phone="13800138000")
    assert answer.status_code == 422
    assert "with its country code" in visitor.page
    assert "13800138000" in visitor.page
    await visitor.get("/account")
    fields = visitor.form("/account/contact")
    del fields["mail_notices"]
    await visitor.post("/account/contact", **(fields | {"phone": ""}))
    assert await shop.sql(stored) == [(None, False)]


async def test_an_operator_names_who_looks_after_a_buyer(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.operator)
    page = f"/operator/organisations/{world.buyer.organisation_id}"
    stored = f"SELECT account_manager_id FROM organisations WHERE id = '{world.buyer.organisation_id}'"
    await visitor.send(f"{page}/account-manager", at=page, account_manager=world.operator_member.person_id)
    assert await shop.sql(stored) == [(world.operator_member.person_id,)]
    answer = await visitor.send(f"{page}/account-manager", at=page, account_manager=world.seller.person_id)
    assert answer.status_code == 422
    await visitor.send(f"{page}/account-manager", at=page, account_manager="")
    assert await shop.sql(stored) == [(None,)]
    seller = f"/operator/organisations/{world.seller.organisation_id}"
    await visitor.get(seller)
    assert "account-manager" not in visitor.page


async def test_operators_see_what_failed_and_send_it_again(enter: Enter, shop: Shop, world: World) -> None:
    await tell(shop, world, 1)
    await shop.sql(
        """
        INSERT INTO notice_sendings (id, notice_id, channel, address, state, due_at, give_up_at, attempts, last_error,
                                     created_at)
        SELECT gen_random_uuid(), id, 'mail', 'gone@example.com', 'failed', now(), now(), 1, '550 No such <user>', now()
        FROM notices
        """
    )
    visitor = await enter(world.operator)
    await visitor.get("/operator")
    assert "1 message could not be sent" in visitor.page
    await visitor.get("/operator/messages")
    assert "550 No such &lt;user&gt;" in visitor.page
    (path,) = re.findall(r'action="(/operator/messages/[^"]+/retry)"', visitor.page)
    await visitor.send(path)
    assert "gone@example.com" not in visitor.page
    await visitor.get("/operator/messages?state=waiting")
    assert "gone@example.com" in visitor.page
