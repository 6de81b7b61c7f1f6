"""Mails through a real SMTP server: what they look like, and that each arrives, however servers and workers behave."""

import asyncio
from datetime import timedelta
from email.message import EmailMessage
from functools import partial

import pytest
import structlog
from tests.conftest import sandbox_settings
from tests.notices.conftest import Inbox
from tests.notices.post import PostOffice, part
from tests.supervised import Supervised
from tests.world import Shop, World

from tradehall.installation import Installation
from tradehall.kernel.paging import page_request
from tradehall.notices import actions, queries
from tradehall.notices.errors import NotFailed, SendingNotFound
from tradehall.notices.mail import Mailer, server
from tradehall.notices.model import Sending, SendingState
from tradehall.notices.sms import masked
from tradehall.settings import InvalidSetting, load


@pytest.fixture
async def alone(shop: Shop, world: World) -> Shop:
    """Only the first buyer's administrator is written to."""
    await shop.sql(f"UPDATE people SET mail_notices = id = '{world.buyer.person_id}'")
    return shop


async def sendings(shop: Shop, state: SendingState) -> list[Sending]:
    async with shop.installation.db.read() as reader:
        return list((await queries.sendings(reader, page_request(), state)).items)


async def states(shop: Shop) -> list[tuple[str, int]]:
    return [(state, tries) for state, tries in await shop.sql("SELECT state, attempts FROM notice_sendings")]


async def test_a_mail_in_the_readers_language_with_text_html_and_link(
    alone: Shop, supervised: Supervised, world: World, post_office: PostOffice
) -> None:
    await alone.sql("UPDATE people SET locale = 'zh', timezone = 'Asia/Shanghai'")
    number = await supervised.buy("service")
    await alone.run_due()
    await alone.sql("UPDATE people SET locale = 'en', timezone = 'Europe/London'")
    other = await supervised.buy("service")
    await alone.run_due()
    chinese, english = post_office.mails
    assert post_office.receivers == [world.email(world.buyer)] * 2
    assert chinese["Subject"].startswith("待您处理：")
    assert english["Subject"] == "Your turn: Submit requirement"
    assert chinese["From"].addresses[0].display_name == "云商厅 Hall"
    assert chinese["From"].addresses[0].addr_spec == "hall@market.example"
    assert chinese["To"].addresses[0].display_name == "Bea Buyer"
    assert (chinese["Content-Language"], english["Content-Language"]) == ("zh-CN", "en")
    assert chinese["Auto-Submitted"] == "auto-generated"
    for mail, order in ((chinese, number), (english, other)):
        for kind in ("plain", "html"):
            assert order in part(mail, kind)
            assert f"https://market.example/buyer/supervision/{order}" in part(mail, kind)
        assert "<img" not in part(mail, "html")
        assert "src=" not in part(mail, "html")
    assert "立即查看" in part(chinese, "html")
    assert "Open it" in part(english, "plain")
    assert "17:00" in part(chinese, "plain")  # nine o'clock UTC
    assert "10:00" in part(english, "plain")  # in April it is summer time there


async def test_what_sellers_call_their_products_is_no_markup_and_ends_no_header(
    alone: Shop, supervised: Supervised, post_office: PostOffice
) -> None:
    await alone.sql("UPDATE people SET name = 'Bea\r\nBcc: x@y.example'")
    number = await supervised.buy("service")
    await alone.sql("DELETE FROM notice_sendings")
    await alone.sql("""UPDATE order_lines SET product_name_en = E'<b>Big</b>\r\nBcc: all@world.example'""")
    await alone.sql("UPDATE people SET locale = 'en'")
    order = await alone.order(number)
    async with alone.installation.db.transaction(alone.world.seller) as tx:
        await tx.record("order.refunded", "order", order.id, {"amount_minor": 100})
    await alone.run_due()
    (mail,) = post_office.mails
    assert mail["Bcc"] is None
    assert post_office.receivers == ["bea.buyer@example.com"]
    assert "<b>Big" not in part(mail, "html")
    assert "&lt;b&gt;Big" in part(mail, "html")


async def test_after_a_crash_between_sending_and_writing_it_down_the_repeat_has_the_same_message_id(
    alone: Shop, supervised: Supervised, post_office: PostOffice
) -> None:
    await supervised.buy("service")
    worker = alone.installation.worker()
    running: list[asyncio.Task[int]] = []

    def crash(_: EmailMessage) -> None:
        worker.abort()

    post_office.taking = crash
    running.append(asyncio.create_task(worker.run_until_idle()))
    await asyncio.wait(running, timeout=5)
    assert len(post_office.mails) == 1
    assert await states(alone) == [("waiting", 1)]
    post_office.taking = lambda _: None
    await alone.run_due()
    assert len(post_office.mails) == 1, "still leased"
    await alone.sql("UPDATE notice_sendings SET leased_until = now() - interval '1 second'")
    await alone.run_due()
    first, second = post_office.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]
    assert await states(alone) == [("sent", 2)]


async def test_a_refused_recipient_fails_for_good_is_shown_to_operators_and_can_be_tried_again(
    alone: Shop, supervised: Supervised, world: World, post_office: PostOffice
) -> None:
    address = world.email(world.buyer)
    post_office.refused[address] = "550 5.1.1 No such user here"
    await supervised.buy("service")
    await alone.run_due(timedelta(hours=3))
    (failed,) = await sendings(alone, "failed")
    assert (failed.address, failed.attempts) == (address, 1)
    assert failed.last_error == "550 5.1.1 No such user here"
    db = alone.installation.db
    async with db.read() as reader:
        assert await queries.failed_count(reader) == 1
    post_office.refused.clear()
    async with db.transaction(world.operator) as tx:
        await actions.send_again(tx, failed.id)
    await alone.run_due()
    assert len(post_office.mails) == 1
    async with db.transaction(world.operator) as tx:
        with pytest.raises(NotFailed):
            await actions.send_again(tx, failed.id)
        with pytest.raises(SendingNotFound):
            await actions.send_again(tx, world.endpoint)


async def test_what_is_not_taken_for_now_is_tried_again(
    alone: Shop, supervised: Supervised, world: World, post_office: PostOffice
) -> None:
    post_office.refused[world.email(world.buyer)] = "451 4.7.1 Greylisted, come back later"
    await supervised.buy("service")
    await alone.run_due()
    (waiting,) = await sendings(alone, "waiting")
    assert waiting.last_error == "451 4.7.1 Greylisted, come back later"
    assert waiting.due_at == alone.clock.now() + timedelta(seconds=30)
    post_office.refused.clear()
    await alone.run_due(timedelta(minutes=1))
    assert len(post_office.mails) == 1
    assert await states(alone) == [("sent", 2)]


async def test_a_server_that_is_away_gets_everything_when_it_is_back(
    alone: Shop, supervised: Supervised, post_office: PostOffice
) -> None:
    await post_office.down()
    numbers = [await supervised.buy("service") for _ in range(3)]
    await alone.run_due(timedelta(hours=5))
    assert post_office.mails == []
    assert len(await sendings(alone, "waiting")) == 3
    await post_office.up()
    await alone.run_due(timedelta(hours=2))
    assert sorted(
        number for mail in post_office.mails for number in numbers if number in part(mail, "plain")
    ) == sorted(numbers)


async def test_one_that_stays_away_is_given_up_after_two_days(
    alone: Shop, supervised: Supervised, post_office: PostOffice
) -> None:
    await post_office.down()
    await supervised.buy("service")
    await alone.run_due(timedelta(days=2))
    (failed,) = await sendings(alone, "failed")
    assert failed.attempts > 20
    assert "SMTPConnectError" in (failed.last_error or "")


async def test_two_workers_send_each_once(
    alone: Shop, supervised: Supervised, post_office: PostOffice, database: str
) -> None:
    for _ in range(12):
        await supervised.buy("service")
    own = alone.installation
    async with Installation(own.settings, database, alone.clock) as other:
        await asyncio.gather(own.worker().run_until_idle(), other.worker().run_until_idle())
    assert len(post_office.mails) == 12
    assert len({mail["Message-ID"] for mail in post_office.mails}) == 12
    assert set(await states(alone)) == {("sent", 1)}


async def test_who_wants_no_mail_gets_none(
    alone: Shop, supervised: Supervised, inbox: Inbox, world: World, post_office: PostOffice
) -> None:
    await alone.sql("UPDATE people SET mail_notices = false")
    await supervised.buy("service")
    await alone.run_due()
    assert await inbox.kinds(world.buyer) == ["turn"]
    assert post_office.mails == []


async def test_urgent_notices_go_by_sms_to_who_has_a_phone(
    alone: Shop, supervised: Supervised, world: World, post_office: PostOffice
) -> None:
    await alone.sql(f"UPDATE people SET phone = '+8613800138000' WHERE id = '{world.buyer_member.person_id}'")
    number = await supervised.buy("service")
    order = await alone.order(number)
    for late in (False, True):
        async with alone.installation.db.transaction(world.operator) as tx:
            facts = {"turn": "buyer", "node": "request", "late": late, "level": 2 if late else 1}
            await tx.record("supervision.reminded", "order", order.id, facts)
    with structlog.testing.capture_logs() as logs:
        await alone.run_due()
    (sms,) = [one for one in logs if one["event"] == "sms"]
    assert sms["phone"] == "+861*******000"
    assert sms["text"].startswith("【云商厅 Hall】已超期：")
    assert sms["text"].endswith(f" https://market.example/buyer/supervision/{number}")
    assert await alone.sql("SELECT count(*) FROM notice_sendings WHERE channel = 'sms'") == [(1,)]
    assert [mail["Importance"] for mail in post_office.mails] in (["high", None, None], [None, "high", None],
                                                                  [None, None, "high"])  # fmt: skip


async def test_a_server_that_wants_a_password_gets_it(
    alone: Shop, supervised: Supervised, post_office: PostOffice, database: str
) -> None:
    await supervised.buy("service")
    for password, taken in (("wrong", 0), ("se%2Fcret", 1)):
        url = f"smtp://hall:{password}@127.0.0.1:{post_office.port}"
        settings = sandbox_settings(smtp_url=url, mail_from="hall@market.example", public_url="https://x.example")
        async with Installation(settings, database, alone.clock) as other:
            await other.worker().run_until_idle()
        assert len(post_office.mails) == taken
        alone.clock.advance(timedelta(minutes=1))
    assert post_office.signed_in[-1] == ("hall", "se/cret")


async def test_without_a_server_nothing_is_kept_to_be_sent(database: str, shop: Shop, world: World) -> None:
    async with Installation(sandbox_settings(), database, shop.clock) as bare:
        await Supervised(Shop(bare, shop.clock, world)).buy("service")
    assert await shop.sql("SELECT count(*) FROM notice_sendings") == [(0,)]


def test_the_servers_address_is_read() -> None:
    plain = server("smtp://mail.example")
    assert (plain.host, plain.port, plain.tls, plain.starttls) == ("mail.example", 587, False, None)
    assert server("smtps://mail.example").port == 465
    full = server("smtp://a%40b:p%2F%3A@mail.example:2525?starttls=1")
    assert (full.user, full.password, full.port, full.starttls) == ("a@b", "p/:", 2525, True)
    assert server("smtp://mail.example?starttls=0").starttls is False
    for wrong in ("http://x", "smtp://", "smtp://x/y", "smtp://x?starttls=2", "smtp://x?tls=1"):
        with pytest.raises(ValueError, match="the mail server is written like"):
            server(wrong)


def test_settings_that_cannot_send_say_so() -> None:
    read = partial(load, {})
    good = {"smtp_url": "smtp://x", "mail_from": "Hall <hall@x.example>", "public_url": "https://x.example"}
    assert Mailer(read(**good).smtp_url, read(**good).mail_from, "Hall")
    for name, wrong in (("smtp_url", "x"), ("mail_from", ""), ("mail_from", "nobody"), ("public_url", "")):
        with pytest.raises(InvalidSetting, match=f"TRADEHALL_{name.upper()}"):
            read(**(good | {name: wrong}))


def test_a_phone_is_masked() -> None:
    assert masked("+8613800138000") == "+861*******000"
    assert masked("+4912345") == "+491*345"
