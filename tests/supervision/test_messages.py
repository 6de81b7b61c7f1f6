"""Messages inside supervised orders: who may write to whom and read what, what never changes, and what ends it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import errors
from tests.supervised import Supervised, stored
from tests.world import Shop, World

from tradehall.kernel.errors import Invalid
from tradehall.kernel.idempotency import keyed
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import page_request
from tradehall.supervision.conversation import queries as message_queries
from tradehall.supervision.conversation import templates as message_templates
from tradehall.supervision.conversation.messages import LONGEST, MOST_FILES, Sent
from tradehall.supervision.conversation.queries import Message
from tradehall.supervision.conversation.templates import BUILT_IN, MOST, filled
from tradehall.supervision.errors import (
    ConversationClosed,
    FlowNotFound,
    MessageFileSent,
    MessageNotFound,
    MessageTemplateChanged,
    MessageTemplateNameTaken,
    MessageTemplateNotFound,
    TooManyMessages,
    TooManyMessageTemplates,
)
from tradehall.supervision.log import log_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Send = Callable[..., Awaitable[Sent]]


@pytest.fixture
def send(shop: Shop) -> Send:
    async def send(by: Actor, number: str, text: str, *to: str, **more: Any) -> Sent:
        async with shop.installation.db.transaction(by, request_id="write") as tx:
            return await shop.installation.conversation.send(tx, number, text, to, **more)

    return send


async def read_by(shop: Shop, by: Actor, number: str) -> int:
    async with shop.installation.db.transaction(by, request_id="read") as tx:
        return await shop.installation.conversation.read(tx, number)


async def attach(shop: Shop, by: Actor, number: str, content: bytes = b"shown") -> UUID:
    async with shop.installation.db.transaction(by, request_id="upload") as tx:
        return await shop.installation.conversation.attach(tx, number, await stored(tx, by, content))


async def seen(supervised: Supervised, viewer: Actor, number: str) -> list[Message]:
    """What somebody may read of an order, oldest first."""
    held = await supervised.flow(number)
    async with supervised.installation.db.read() as reader:
        found = await message_queries.messages(reader, viewer, held.id, page_request(100))
    return list(found.items)[::-1]


async def unread(supervised: Supervised, viewer: Actor) -> int:
    async with supervised.installation.db.read() as reader:
        return await message_queries.unread_count(reader, viewer)


# --- a conversation --------------------------------------------------------------------------------------------------


async def test_both_sides_write_to_each_other_and_the_platform_reads_along(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("service")
    await send(world.buyer, number, "  When do you begin?\r\nWe wait. ", "seller")
    shop.clock.advance(HOUR)
    first = (await seen(supervised, world.seller, number))[0]
    await send(world.seller_member, number, "On Monday.", "buyer", reply_to=first.id)
    for viewer in (world.buyer_member, world.seller, world.operator):
        asked, answered = await seen(supervised, viewer, number)
        assert (asked.number, asked.side, asked.to, asked.text) == (
            1, "buyer", ["seller"], "When do you begin?\nWe wait."
        )  # fmt: skip
        assert (answered.number, answered.author_name) == (2, "Sofia Support")
        assert (answered.replied_number, answered.replied_text) == (1, asked.text)
    assert await supervised.kinds(number) == [
        *(await supervised.kinds(number))[:-2], "supervision.message_sent", "supervision.message_sent"
    ]  # fmt: skip
    (facts,) = [facts for kind, facts in await shop.events(number) if kind == "supervision.message_sent"][:1]
    assert facts["text"] == "When do you begin?\nWe wait."
    assert facts["sha256"] == hashlib.sha256(facts["text"].encode()).hexdigest()
    held = await supervised.flow(number)
    async with shop.installation.db.read() as reader:
        assert (await log_of(reader, held.order_id)).whole


async def test_what_is_read_is_marked_once_for_the_side_that_it_was_written_to(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("service")
    await send(world.seller, number, "Please send the data.", "buyer")
    await send(world.seller, number, "And the accounts.", "buyer")
    assert [await unread(supervised, one) for one in (world.buyer, world.seller, world.operator)] == [2, 0, 0]
    assert await unread(supervised, world.other_buyer) == 0
    assert await read_by(shop, world.operator, number) == 0, "the platform reads along, and leaves no mark"
    shop.clock.advance(HOUR)
    read_at = shop.clock.now()
    assert await read_by(shop, world.buyer_member, number) == 2
    shop.clock.advance(HOUR)
    assert await read_by(shop, world.buyer, number) == 0
    assert await unread(supervised, world.buyer) == 0
    (receipt,) = (await seen(supervised, world.seller, number))[0].receipts
    assert (receipt.side, receipt.read_at, receipt.read_by_name) == ("buyer", read_at, "Ben Buyer")


async def test_many_readers_at_once_leave_one_mark(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("service")
    await send(world.seller, number, "Hello", "buyer")
    counts = await asyncio.gather(*[read_by(shop, one, number) for one in (world.buyer, world.buyer_member) * 4])
    assert sorted(counts) == [0] * 7 + [1]


async def test_a_private_message_is_read_by_its_side_and_the_platform_and_proven_without_its_words(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("service")
    piece = await attach(shop, world.buyer, number)
    asked = await send(world.buyer, number, "They do not answer the phone.", "platform")
    await send(world.operator, number, "We will call them.", "buyer", reply_to=asked.id)
    await send(world.operator, number, "Please answer the buyer.", "seller")
    await send(world.operator, number, "Please talk.", "buyer", "seller", reply_to=asked.id)
    assert [one.text for one in await seen(supervised, world.seller, number)] == [
        "Please answer the buyer.", "Please talk."
    ]  # fmt: skip
    assert [one.text for one in await seen(supervised, world.buyer, number)] == [
        "They do not answer the phone.", "We will call them.", "Please talk."
    ]  # fmt: skip
    assert len(await seen(supervised, world.operator_member, number)) == 4
    both = (await seen(supervised, world.seller, number))[-1]
    assert (both.replied_number, both.replied_text) == (None, ""), "what is answered is quoted to those who may read it"
    assert both.author_name == "", "people of the platform are named to it alone"
    logged = str([facts for kind, facts in await shop.events(number) if kind == "supervision.message_sent"][:3])
    for word in ("phone", "call them", "answer the buyer", "proof.pdf"):
        assert word not in logged
    assert hashlib.sha256(b"We will call them.").hexdigest() in logged
    held = await supervised.flow(number)
    async with shop.installation.db.read() as reader:
        assert await message_queries.message_file(reader, world.buyer, held.id, piece)
        assert await message_queries.message_file(reader, world.operator, held.id, piece)
        assert await message_queries.message_file(reader, world.seller, held.id, piece) is None


@pytest.mark.parametrize(
    ("side", "to"),
    [("buyer", ["buyer"]), ("buyer", ["seller", "platform"]), ("seller", ["seller"]), ("platform", ["platform"]),
     ("buyer", []), ("seller", ["nobody"]), ("platform", ["buyer", "buyer", "x"])],
)  # fmt: skip
async def test_nobody_writes_to_themselves_or_to_whom_there_is_not(
    supervised: Supervised, send: Send, side: str, to: list[str]
) -> None:
    number = await supervised.buy("service")
    with pytest.raises(Invalid) as caught:
        await send(supervised.actor(side), number, "Hello", *to)
    assert [one.field for one in caught.value.fields] == ["to"]


async def test_everything_that_is_wrong_with_a_message_is_named(
    supervised: Supervised, world: World, send: Send
) -> None:
    number, other = await supervised.buy("service"), await supervised.buy("service")
    elsewhere = await send(world.buyer, other, "Elsewhere", "seller")
    with pytest.raises(Invalid) as caught:
        await send(world.buyer, number, " \n ", reply_to=elsewhere.id)
    assert [one.field for one in caught.value.fields] == ["to", "text", "reply_to"]
    with pytest.raises(Invalid) as caught:
        await send(world.buyer, number, "x" * (LONGEST + 1), "seller", reply_to=new_id())
    assert [one.field for one in caught.value.fields] == ["text", "reply_to"]
    await send(world.buyer, number, "x" * LONGEST + "\0", "seller")
    for stranger in (world.other_buyer, world.other_seller):
        with pytest.raises(FlowNotFound):
            await send(stranger, number, "Hello", "seller" if stranger.kind == "buyer" else "buyer")


async def test_messages_and_their_marks_never_change(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("service")
    await attach(shop, world.buyer, number)
    await send(world.buyer, number, "As it is", "seller")
    await read_by(shop, world.seller, number)
    for statement in (
        "UPDATE case_messages SET text = 'else'",
        "DELETE FROM case_messages",
        "UPDATE case_receipts SET read_at = now()",
        "DELETE FROM case_receipts",
        "UPDATE case_message_files SET message_id = NULL",
        "DELETE FROM case_message_files",
    ):
        with pytest.raises(errors.RaiseException):
            await shop.sql(statement)


# --- when one can write ----------------------------------------------------------------------------------------------


async def test_one_writes_while_it_is_frozen_and_for_a_while_after_the_end(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("orchestration")
    await supervised.act(number, "appeal")
    await send(world.buyer, number, "It is frozen", "seller")
    await supervised.act(number, "withdraw_appeal")
    await supervised.complete(number)
    shop.clock.advance(shop.installation.settings.messages_after - timedelta(seconds=1))
    await send(world.seller, number, "Thank you", "buyer")
    shop.clock.advance(timedelta(seconds=1))
    with pytest.raises(ConversationClosed):
        await send(world.seller, number, "One more thing", "buyer")
    with pytest.raises(ConversationClosed):
        await attach(shop, world.seller, number)


async def test_a_side_writes_so_often_within_an_hour_and_the_others_are_not_hindered(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("service")
    begun = shop.clock.now()
    for turn in range(shop.installation.settings.message_rate):
        await send((world.buyer, world.buyer_member)[turn % 2], number, f"{turn}", "seller")
        shop.clock.advance(timedelta(seconds=10))
    with pytest.raises(TooManyMessages) as caught:
        await send(world.buyer, number, "Too much", "seller")
    assert caught.value.values["at"] == begun + HOUR
    await send(world.seller, number, "Slowly, please", "buyer")
    shop.clock.advance(HOUR)
    await send(world.buyer, number, "Now", "seller")


async def test_at_once_messages_are_numbered_one_after_the_other_and_the_limit_holds(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("service")
    most = shop.installation.settings.message_rate
    for turn in range(most - 3):
        await send(world.buyer, number, f"{turn}", "seller")
    outcomes = await asyncio.gather(
        *[send(world.buyer, number, f"at once {turn}", "seller") for turn in range(8)], return_exceptions=True
    )
    assert sorted(one.number for one in outcomes if isinstance(one, Sent)) == [most - 2, most - 1, most]
    assert len([one for one in outcomes if isinstance(one, TooManyMessages)]) == 5


async def test_a_double_click_sends_one_message(supervised: Supervised, shop: Shop, world: World) -> None:
    number = await supervised.buy("service")
    person = world.buyer.person_id
    assert person

    async def click() -> bool:
        async with shop.installation.db.transaction(world.buyer) as tx:
            once = await keyed(tx, person, "form-1", b"form")
            if once.replay is not None:
                return False
            await shop.installation.conversation.send(tx, number, "Once", ["seller"])
            await once.keep(b"done")
            return True

    assert sorted(await asyncio.gather(*[click() for _ in range(6)])) == [False] * 5 + [True]
    assert [one.text for one in await seen(supervised, world.seller, number)] == ["Once"]


# --- files -----------------------------------------------------------------------------------------------------------


async def test_files_are_drafts_of_a_side_until_they_are_sent(
    supervised: Supervised, shop: Shop, world: World, send: Send
) -> None:
    number = await supervised.buy("service")
    held = await supervised.flow(number)
    kept, gone = [await attach(shop, world.buyer, number, text) for text in (b"one", b"two")]
    async with shop.installation.db.transaction(world.seller) as tx:
        with pytest.raises(MessageNotFound):
            await shop.installation.conversation.take_back(tx, number, gone)
    for _ in range(2):
        async with shop.installation.db.transaction(world.buyer_member) as tx:
            await shop.installation.conversation.take_back(tx, number, gone)
    async with shop.installation.db.read() as reader:
        assert await message_queries.message_file(reader, world.seller, held.id, kept) is None
        assert len(await message_queries.drafted_files(reader, held.id, "buyer")) == 1
    await send(world.buyer, number, "", "seller")
    (message,) = await seen(supervised, world.seller, number)
    assert [one.id for one in message.files] == [kept]
    async with shop.installation.db.transaction(world.buyer) as tx:
        with pytest.raises(MessageFileSent):
            await shop.installation.conversation.take_back(tx, number, kept)
    (facts,) = [facts for kind, facts in await shop.events(number) if kind == "supervision.message_sent"]
    assert facts["files"] == [
        {"id": str(kept), "name": "proof.pdf", "sha256": hashlib.sha256(b"one").hexdigest()}
    ]  # fmt: skip


async def test_no_more_files_than_a_message_may_have(supervised: Supervised, shop: Shop, world: World) -> None:
    number = await supervised.buy("service")
    for turn in range(MOST_FILES):
        await attach(shop, world.seller, number, f"{turn}".encode())
    with pytest.raises(Invalid):
        await attach(shop, world.seller, number, b"one more")


# --- templates -------------------------------------------------------------------------------------------------------


async def test_templates_are_offered_in_both_languages_and_filled_in(supervised: Supervised, world: World) -> None:
    number = await supervised.buy("service")
    held = await supervised.flow(number)
    assert world.seller.organisation_id
    async with supervised.installation.db.transaction(world.seller) as tx:
        await message_templates.add(tx, "Our own", "{number} for {buyer}, {unknown}")
    async with supervised.installation.db.read() as reader:
        offered = await message_templates.offered(reader, world.seller.organisation_id, held, "seller")
    assert (offered[0].name, offered[0].text) == ("Our own", f"{number} for Acme Trading, {{unknown}}")
    by_key = {one.key: one for one in offered}
    assert number in by_key["ask_acceptance.en"].text
    assert held.product_name_en in by_key["ask_acceptance.en"].text
    assert "确认验收" in by_key["ask_acceptance.zh"].text
    assert held.product_name_zh in by_key["ask_acceptance.zh"].text
    assert not any("{" in one.text for one in offered[1:])
    for side in ("buyer", "seller", "platform"):
        assert len([one for one in BUILT_IN if side in one.sides]) >= 3
    assert filled("{node}", held, "zh") == "提交需求"


async def test_templates_are_an_organisations_own(supervised: Supervised, world: World) -> None:
    db = supervised.installation.db
    async with db.transaction(world.seller) as tx:
        made = await message_templates.add(tx, " Which  database ", "Which one?\r\n")
    with pytest.raises(MessageTemplateNameTaken):
        async with db.transaction(world.seller_member) as tx:
            await message_templates.add(tx, "which DATABASE", "Another")
    async with db.transaction(world.other_seller) as tx:
        second = await message_templates.add(tx, "Which database", "Theirs")
        with pytest.raises(MessageTemplateNotFound):
            await message_templates.change(tx, made, 1, "Mine", "now")
        with pytest.raises(MessageTemplateNotFound):
            await message_templates.delete(tx, made)
    assert second
    async with db.transaction(world.seller_member) as tx:
        await message_templates.change(tx, made, 1, "Which one", "Please say")
    with pytest.raises(MessageTemplateChanged):
        async with db.transaction(world.seller) as tx:
            await message_templates.change(tx, made, 1, "Which one", "Late")
    async with db.transaction(world.seller) as tx:
        found = await message_templates.template(tx, tx.actor.organisation_id, made)
        assert (found.name, found.text, found.version) == ("Which one", "Please say", 2)
        await message_templates.delete(tx, made)
    with pytest.raises(MessageTemplateNotFound):
        async with db.transaction(world.seller) as tx:
            await message_templates.delete(tx, made)
    with pytest.raises(Invalid) as caught:
        async with db.transaction(world.seller) as tx:
            await message_templates.add(tx, "x" * 61, " ")
    assert [one.field for one in caught.value.fields] == ["name", "text"]


async def test_however_many_add_templates_at_once_there_are_no_more_than_can_be(
    supervised: Supervised, world: World
) -> None:
    async def add(turn: int) -> None:
        async with supervised.installation.db.transaction(world.seller) as tx:
            await message_templates.add(tx, f"Template {turn}", "Text")

    for turn in range(MOST - 2):
        await add(turn)
    outcomes = await asyncio.gather(*[add(MOST + turn) for turn in range(6)], return_exceptions=True)
    assert len([one for one in outcomes if one is None]) == 2
    assert len([one for one in outcomes if isinstance(one, TooManyMessageTemplates)]) == 4
