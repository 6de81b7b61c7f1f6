"""The seller's console over HTTP: what fails comes first, all that was sent is shown, restarts happen once."""

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from tests.world import GENERAL_KEY, KEY, SellerServer, Shop, World, add_endpoint

from tradehall.app import create_app
from tradehall.edge.access import SESSION_COOKIE
from tradehall.installation import Installation
from tradehall.kernel.journal import SYSTEM, Actor
from tradehall.parties import actions as parties
from tradehall.parties import queries as people
from tradehall.protocols.answers import FAULTS, RESULT_CODES, SUCCESS
from tradehall.provisioning.model import Call
from tradehall.provisioning.troubles import TROUBLES
from tradehall.web.common import LOCALE_COOKIE
from tradehall.web.seller.hints import outcome_of_health
from tradehall.web.templating import CSRF_FIELD


class Browser:
    """A person's browser: GETs, and forms posted with the token of the page they stand on."""

    def __init__(self, client: AsyncTestClient[Litestar]) -> None:
        self.client = client

    def speak(self, locale: str) -> None:
        self.client.cookies.set(LOCALE_COOKIE, locale)

    async def get(self, path: str, status: int = 200) -> str:
        """The page's text, with entities as characters."""
        answer = await self.client.get(path, follow_redirects=False)
        assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text[-2000:]}"
        return html.unescape(answer.text)

    async def post(self, path: str, fields: dict[str, Any], status: int = 303) -> str:
        """The answer's text; after a redirect that of the page it leads to."""
        token = re.search(r'name="csrf-token" content="([^"]+)"', (await self.client.get("/account")).text)
        token = token or re.search(r'name="csrf-token" content="([^"]+)"', (await self.client.get("/nowhere")).text)
        assert token
        answer = await self.client.post(path, data={CSRF_FIELD: token[1], **fields}, follow_redirects=False)
        assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text[-2000:]}"
        return await self.get(answer.headers["Location"]) if status == 303 else html.unescape(answer.text)


Enter = Callable[[Actor], Awaitable[Browser]]


@pytest.fixture
async def enter(installation: Installation, world: World) -> AsyncIterator[Enter]:
    """`await enter(world.seller)`: that person's browser, signed in."""
    async with AsyncTestClient(create_app(installation)) as client:

        async def enter(actor: Actor) -> Browser:
            async with installation.db.transaction(SYSTEM) as tx:
                seat = await people.account_by_email(tx, world.email(actor))
                assert seat
                token = await parties.open_session(tx, installation.sign_in_policy, seat, "tests")
            client.cookies.set(SESSION_COOKIE, token)
            browser = Browser(client)
            browser.speak("en")
            return browser

        yield enter


@pytest.fixture
async def failing(shop: Shop, seller_server: SellerServer) -> Call:
    """A call that failed once at the first seller and waits."""
    seller_server.manner = "refusing"
    number = await shop.buy()
    await shop.run_due()
    return await shop.call(number, "newInstance")


SELLERS_PAGES = {
    "/seller": ("Overview", "概览"),
    "/seller/orders": ("Orders", "订单"),
    "/seller/calls": ("Service interface messages", "生产接口消息"),
    "/seller/settings": ("Interface settings", "接口设置"),
    "/seller/settings/new": ("New interface", "新增接口"),
    "/seller/products": ("Products", "商品"),
    "/seller/products/new": ("New product", "新建商品"),
    "/seller/products/north-suite": ("Northwind Suite", "北风套件"),
}


@pytest.mark.parametrize("path", SELLERS_PAGES)
async def test_every_page_is_there_in_both_languages(path: str, enter: Enter, world: World, failing: Call) -> None:
    browser = await enter(world.seller)
    for locale, title in zip(("en", "zh"), SELLERS_PAGES[path], strict=True):
        browser.speak(locale)
        page = await browser.get(path)
        assert f'<html lang="{"zh-CN" if locale == "zh" else "en"}"' in page
        assert re.search(rf"<h1>{title}\b", page)


async def test_one_order_and_one_call_are_there_in_both_languages(enter: Enter, world: World, failing: Call) -> None:
    browser = await enter(world.seller)
    for locale, customer, activity in (("en", "Acme Trading", "Create instance"), ("zh", "顶点贸易", "创建实例")):
        browser.speak(locale)
        order = await browser.get(f"/seller/orders/{failing.order_number}")
        assert customer in order
        assert "bea.buyer@example.com" in order
        assert f"<h1>{activity}" in await browser.get(f"/seller/calls/{failing.id}")


# --- what fails


async def test_what_fails_comes_first_with_what_to_do(enter: Enter, world: World, failing: Call) -> None:
    page = await (await enter(world.seller)).get("/seller")
    told = page.index("Create instance: the last try failed")
    assert told < page.index("Orders in process")
    assert "The product's own service failed" in page
    assert "Restart 1 call" in page
    assert "/seller/calls?activity=newInstance&failing=1" in page
    assert "All your interfaces answer." not in page


async def test_when_all_is_well_the_overview_is_calm(
    enter: Enter, world: World, shop: Shop, seller_server: SellerServer
) -> None:
    await shop.buy()
    await shop.run_due()
    page = await (await enter(world.seller)).get("/seller")
    assert "All your interfaces answer." in page
    assert "tone-danger" not in page


async def test_a_call_shows_what_was_sent_and_what_came_back(
    enter: Enter, world: World, shop: Shop, failing: Call, seller_server: SellerServer
) -> None:
    browser = await enter(world.seller)
    page = await browser.get(f"/seller/calls/{failing.id}")
    assert f"POST {seller_server.url}?signature=" in page
    assert '"activity": "newInstance"' in page  # indented
    assert '"activity":"newInstance"' in page  # as it was sent
    assert "HTTP 200 OK" in page
    assert 'data-outcome="000104"' in page
    assert "The server said: the product's service is out of order" in page
    assert "When the service works again, restart the call" in page

    seller_server.manner = "html"
    await shop.run_due(timedelta(minutes=3))
    page = await browser.get(f"/seller/calls/{failing.id}")
    assert 'data-outcome="http_status"' in page
    assert "502, 503 or 504 come from a gateway" in page
    assert 'data-outcome="000104"' in await browser.get(f"/seller/calls/{failing.id}?try=1")


async def test_passwords_are_never_shown(enter: Enter, world: World, shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due()
    details = await shop.call(number, "queryInstance")
    page = await (await enter(world.seller)).get(f"/seller/calls/{details.id}")
    assert '"password": "••••••"' in page
    assert KEY not in page


def test_every_trouble_has_words_and_advice() -> None:
    for trouble in (*FAULTS, *TROUBLES):
        outcome = outcome_of_health("newInstance", "unreadable", None, trouble)
        assert outcome.text != trouble
        assert outcome.checks, trouble
    for code in set(RESULT_CODES) - {SUCCESS}:
        assert outcome_of_health("newInstance", "refused", code, None).checks, code


# --- lists


async def test_the_message_log_is_narrowed(enter: Enter, world: World, shop: Shop, failing: Call) -> None:
    browser = await enter(world.seller)
    row = f"/seller/calls/{failing.id}"
    day = shop.clock.now().date().isoformat()
    numbered, dated = f"?q={failing.order_number[:-2].lower()}", f"?since={day}&until={day}"
    for query in ("", "?failing=1", "?state=waiting", "?activity=newInstance", numbered, dated):
        assert row in await browser.get(f"/seller/calls{query}"), query
    for query in ("?state=failed", "?activity=orderNotify", "?q=CS99", "?until=2020-01-01", "?since=2099-01-01"):
        assert row not in await browser.get(f"/seller/calls{query}"), query
    assert row in await browser.get("/seller/calls?state=nonsense&activity=x&since=tomorrow")
    await browser.get("/seller/calls?after=garbage", status=422)


async def test_orders_are_narrowed(enter: Enter, world: World, failing: Call) -> None:
    browser = await enter(world.seller)
    row = f"/seller/orders/{failing.order_number}"
    for query in ("", "?state=processing", "?q=acme", "?q=北风", f"?q={failing.order_number}"):
        assert row in await browser.get(f"/seller/orders{query}"), query
    for query in ("?state=completed", "?q=zenith", "?until=2020-01-01"):
        assert row not in await browser.get(f"/seller/orders{query}"), query


# --- restart


async def test_a_restart_calls_the_server_once_more(
    enter: Enter, world: World, shop: Shop, failing: Call, seller_server: SellerServer
) -> None:
    browser = await enter(world.seller)
    seller_server.manner = "instant"
    page = await browser.post(f"/seller/calls/{failing.id}/restart", {"seen_attempts": failing.attempts})
    assert "Restarted: the server is called now." in page
    await shop.run_due()
    assert (await shop.order(failing.order_number)).state == "completed"


async def test_a_restart_pressed_twice_is_one_try(enter: Enter, world: World, shop: Shop, failing: Call) -> None:
    browser = await enter(world.seller)
    for _ in range(2):
        await browser.post(f"/seller/calls/{failing.id}/restart", {"seen_attempts": failing.attempts})
    await shop.run_due()
    assert (await shop.call(failing.order_number, "newInstance")).attempts == failing.attempts + 1


async def test_a_restart_from_a_stale_page_says_what_changed(
    enter: Enter, world: World, shop: Shop, failing: Call
) -> None:
    browser = await enter(world.seller)
    await shop.run_due(timedelta(minutes=3))
    page = await browser.post(f"/seller/calls/{failing.id}/restart", {"seen_attempts": 1}, status=409)
    assert "This call was tried again in the meantime" in page
    assert "<h1>Create instance" in page
    await browser.post(f"/seller/calls/{failing.id}/restart", {}, status=409)


async def test_many_are_restarted_at_once_and_each_refusal_is_told(
    enter: Enter, world: World, shop: Shop, failing: Call, seller_server: SellerServer
) -> None:
    second = await shop.call(await shop.buy(), "newInstance")
    await shop.run_due()
    seller_server.manner = "instant"
    browser = await enter(world.seller)
    ticked = {"call": [f"{failing.id}.1", f"{second.id}.1", f"{uuid4()}.1", "nonsense"]}
    page = await browser.post("/seller/calls/restart", ticked)
    assert "2 calls are made again now." in page
    assert "1 call was not restarted: There is no such call of yours." in page
    await shop.run_due()
    for call in (failing, second):
        assert (await shop.order(call.order_number)).state == "completed"
    page = await browser.post("/seller/calls/restart", {"call": [f"{failing.id}.1"]})
    assert "1 call was not restarted" in page
    assert "Tick the calls to restart first." in await browser.post("/seller/calls/restart", {})


async def test_what_was_refunded_is_not_restarted(enter: Enter, world: World, shop: Shop, failing: Call) -> None:
    await shop.run_due(timedelta(hours=4))
    call = await shop.call(failing.order_number, "newInstance")
    browser = await enter(world.seller)
    page = await browser.get(f"/seller/calls/{call.id}")
    assert "This call cannot be restarted." in page
    assert f"/seller/calls/{call.id}/restart" not in page
    page = await browser.post(f"/seller/calls/{call.id}/restart", {"seen_attempts": call.attempts}, status=409)
    assert "the buyer refunded" in page


async def test_somebody_elses_call_is_as_unknown_as_none(enter: Enter, world: World, failing: Call) -> None:
    browser = await enter(world.other_seller)
    told = set()
    for call_id in (str(failing.id), str(uuid4()), "nonsense"):
        page = await browser.get(f"/seller/calls/{call_id}", status=404)
        told.add(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|nonsense|content=\"[0-9a-f]{60,}\"|value=\"[^\"]*\"", "", page))
        page = await browser.post(f"/seller/calls/{call_id}/restart", {"seen_attempts": 1}, status=404)
        assert "There is no such call of yours." in page
    assert len(told) == 1
    assert "no such order" in await browser.get(f"/seller/orders/{failing.order_number}", status=404)


# --- interface settings


async def test_a_member_reads_the_settings_and_may_not_change_them(enter: Enter, world: World) -> None:
    browser = await enter(world.seller_member)
    page = await browser.get("/seller/settings")
    assert "Only administrators of your organisation may change these." in page
    assert "/seller/settings/new" not in page
    assert f"••••••••{KEY[-4:]}" in page
    assert KEY not in page
    fields = {"name": "Mine", "address": "https://www.example.com/", "access_key": "another-key-0002", "version": 1}
    for path in ("/seller/settings/new", f"/seller/settings/{world.endpoint}"):
        await browser.get(path, status=403)
        await browser.post(path, fields, status=403)


async def test_an_address_that_may_not_be_called_is_told_at_its_field(enter: Enter, world: World) -> None:
    browser = await enter(world.seller)
    fields = {"interface_class": "basic", "name": "Second", "access_key": "another-key-0002"}
    for address, problem in (
        ("http://10.1.2.3/produce", "The address leads to a network that is not public."),
        ("ftp://example.com/", "The address must start with http:// or https://."),
        ("", "This must not be empty."),
    ):
        page = await browser.post("/seller/settings/new", fields | {"address": address}, status=422)
        assert 'id="f-address-error"' in page
        assert problem in page
        assert 'value="Second"' in page
        assert "another-key-0002" not in page


async def test_an_interface_is_created_and_changed(
    enter: Enter, world: World, shop: Shop, seller_server: SellerServer
) -> None:
    browser = await enter(world.seller)
    created = {"interface_class": "general", "name": "Notices", "address": seller_server.url, "access_key": KEY}
    page = await browser.post("/seller/settings/new", created, status=409)
    assert "each class needs a key of its own" in page
    created |= {"access_key": GENERAL_KEY}
    assert "The interface was created." in await browser.post("/seller/settings/new", created)
    page = await browser.post("/seller/settings/new", created, status=409)
    assert "You already have an endpoint for order notifications" in page

    path, change = f"/seller/settings/{world.endpoint}", {"name": "Main", "address": seller_server.url, "version": 1}
    page = await browser.post(path, change)
    assert "Main" in page
    page = await browser.post(path, change | {"name": "Late"}, status=409)
    assert "changed by someone else" in page
    number = await shop.buy()
    await shop.run_due()  # with the key as it was
    assert (await shop.order(number)).state == "completed"
    await browser.get(f"/seller/settings/{world.other_endpoint}", status=404)
    await browser.post(f"/seller/settings/{world.other_endpoint}", change, status=404)


async def test_what_an_interface_speaks_is_chosen_and_what_does_not_belong_to_it_passed_over(
    enter: Enter, world: World, shop: Shop, seller_server: SellerServer
) -> None:
    browser = await enter(world.seller)

    async def speech() -> tuple[object, ...]:
        return (
            await shop.sql(
                "SELECT generation, encryption, revisions, asks_contact FROM endpoints WHERE id = %(id)s",
                {"id": world.endpoint},
            )
        )[0]

    path, change = f"/seller/settings/{world.endpoint}", {"name": "Main", "address": seller_server.url}
    page = await browser.get(path)
    for text in ("V2.0", "V1.0", "Number the changes of an instance", "AES-128", "Send the buyer's e-mail address"):
        assert text in page
    everything = {"encryption": "AES128", "revisions": "1", "asks_contact": "1"}
    await browser.post(path, change | everything | {"version": 1, "generation": "V2"})
    assert await speech() == ("V2", "AES256", True, False)
    page = await browser.post(path, change | everything | {"version": 2, "generation": "V1"})
    assert await speech() == ("V1", "AES128", False, True)
    assert "V1.0" in page
    await browser.post(path, change | {"version": 3, "generation": "V3"}, status=422)
    page = await browser.post(
        path, {"name": "", "version": 3, "generation": "V1", "address": seller_server.url}, status=422
    )
    assert re.search(r'value="V1" checked', page)
    assert not re.search(r'name="asks_contact" value="1" checked', page), "as it was sent, not as it was"
    created = {"interface_class": "basic", "name": "Old server", "address": seller_server.url, "generation": "V1"}
    await browser.post("/seller/settings/new", created | {"key_from": "typed"}, status=422)
    page = await browser.post("/seller/settings/new", created | {"access_key": KEY})
    assert "Old server" in page


async def test_a_key_is_changed_without_losing_calls(
    enter: Enter, world: World, shop: Shop, seller_server: SellerServer
) -> None:
    browser = await enter(world.seller)
    path = f"/seller/settings/{world.endpoint}"
    page = await browser.get(f"{path}/keys/new")
    made = re.search(r'name="made_key" value="([^"]+)"', page)
    assert made
    assert "7 days" in page
    page = await browser.post(f"{path}/keys/new", {"key_from": "typed", "access_key": "short"}, status=422)
    assert "Use 8 to 128 characters" in page
    page = await browser.post(f"{path}/keys/new", {"key_from": "typed", "access_key": KEY}, status=409)
    assert "Calls are signed with this access key already" in page
    page = await browser.post(f"{path}/keys/new", {"key_from": "made", "made_key": made[1]})
    assert "Calls are signed with the new access key from now on." in page
    assert made[1] not in page
    assert f"••••{made[1][-4:]}" in page
    assert "Still accepted" in page

    shop.clock.advance(timedelta(hours=2))
    number = await shop.buy()
    await shop.run_due()
    assert (await shop.order(number)).state == "completed"
    for where in ("/seller", "/seller/settings", path):
        assert "Your server still uses the old key" in await browser.get(where)
    (retire,) = re.findall(rf'action="({path}/keys/[^"]+/retire)"', await browser.get(path))
    page = await browser.post(retire, {})
    assert "The old access key is retired." in page
    assert "Retired" in page
    ((current,),) = await shop.sql("SELECT id FROM access_keys WHERE hint = %(hint)s", {"hint": made[1][-4:]})
    await browser.post(f"{path}/keys/{current}/retire", {}, status=409)
    await browser.post(f"{path}/keys/{uuid4()}/retire", {}, status=404)
    await browser.post(f"{path}/keys/nonsense/retire", {}, status=404)

    page = await browser.post(f"{path}/keys/new", {"access_key": "leaked-no-more-01", "retire_others": "1"})
    assert "Still accepted" not in page


# --- products


async def test_a_product_is_written_priced_and_put_on_sale(enter: Enter, world: World, shop: Shop) -> None:
    browser = await enter(world.seller)
    fields = {
        "name_en": "Northwind Mail", "name_zh": "北风邮件", "slug": "north-mail", "category": "marketing",
        "summary_en": "Mail", "summary_zh": "邮件", "endpoint_id": str(world.endpoint),
    }  # fmt: skip
    page = await browser.post("/seller/products/new", fields)
    assert "It needs a specification with a price." in page
    path = "/seller/products/north-mail"
    page = await browser.post(f"{path}/sale", {"verb": "put_on_sale", "version": 1}, status=409)
    assert "only with at least one specification" in page

    sku = {"name_en": "Basic", "name_zh": "基础版", "quantity_min": 1, "quantity_max": 1, "quantity_step": 1}
    assert "The specification was added." in await browser.post(f"{path}/specifications", sku)
    (sku_id,) = (
        await shop.sql("SELECT k.id FROM skus k JOIN products p ON p.id = k.product_id WHERE slug = 'north-mail'")
    )[0]
    price = {"sku_id": str(sku_id), "charging": "PERIOD:month", "amount": "99.50", "currency": "cny"}
    page = await browser.post(f"{path}/prices", price)
    assert "CN¥99.50" in page
    assert "This specification already has such a price." in await browser.post(f"{path}/prices", price, status=422)

    page = await browser.post(f"{path}/sale", {"verb": "put_on_sale", "version": 1})
    assert 'data-state="on_sale"' in page
    assert "reload and look again" in await browser.post(
        f"{path}/sale", {"verb": "put_on_sale", "version": 1}, status=409
    )
    assert 'data-state="off_sale"' in await browser.post(f"{path}/sale", {"verb": "take_off_sale", "version": 2})
    assert "/seller/products/north-mail" in await browser.get("/seller/products?state=off_sale")
    assert "/seller/products/north-mail" not in await browser.get("/seller/products?state=on_sale")


async def test_what_is_wrong_with_a_product_is_told_at_its_fields(enter: Enter, world: World) -> None:
    browser = await enter(world.seller)
    page = await browser.post("/seller/products/new", {"slug": "Not A Slug", "name_en": "Kept"}, status=422)
    assert 'id="f-name_zh-error"' in page
    assert 'value="Kept"' in page
    path = f"/seller/products/{world.slug}"
    sku = {"name_en": "A", "name_zh": "甲", "quantity_name_en": "Seats", "quantity_name_zh": "席位"}
    page = await browser.post(
        f"{path}/specifications", sku | {"quantity_min": 5, "quantity_max": 2, "quantity_step": 1}, status=422
    )
    assert 'id="f-quantity_max-error"' in page
    page = await browser.post(
        f"{path}/prices", {"sku_id": "x", "charging": "y", "amount": "z", "currency": "CNY"}, status=422
    )
    for field in ("sku_id", "charging", "amount"):
        assert f'id="f-{field}-error"' in page


async def test_somebody_elses_product_is_unknown(enter: Enter, world: World) -> None:
    browser = await enter(world.seller)
    path = f"/seller/products/{world.other_slug}"
    await browser.get(path, status=404)
    await browser.post(f"{path}/sale", {"verb": "take_off_sale", "version": 2}, status=404)
    sku = {"name_en": "A", "name_zh": "甲", "quantity_min": 1, "quantity_max": 1, "quantity_step": 1}
    await browser.post(f"{path}/specifications", sku, status=404)


async def test_others_are_refused_at_the_sellers_pages(enter: Enter, world: World) -> None:
    for actor in (world.buyer, world.operator):
        browser = await enter(actor)
        for path in SELLERS_PAGES:
            await browser.get(path, status=403)


async def test_an_order_notification_given_up_is_restarted(
    enter: Enter, world: World, shop: Shop, installation: Installation, seller_server: SellerServer
) -> None:
    async with installation.db.transaction(SYSTEM) as tx:
        general: UUID = await add_endpoint(tx, installation, world.seller.organisation_id, general=True)
    number = await shop.buy()
    await shop.run_due(timedelta(hours=4))
    call = await shop.call(number, "orderNotify")
    assert call.state == "failed"
    await shop.point_endpoint(general, seller_server.url)
    await (await enter(world.seller)).post(f"/seller/calls/{call.id}/restart", {"seen_attempts": call.attempts})
    await shop.run_due()
    assert (await shop.call(number, "orderNotify")).state == "succeeded"
