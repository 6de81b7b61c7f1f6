"""The buyer's purchase as it happens in a browser, from the storefront to the opened application."""

from typing import TYPE_CHECKING

import pytest
from tests.world import PASSWORD, SellerServer, Shop, World

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.browser

WORDS = {
    "en": {"order": "Order now", "place": "Place the order", "pay": "Pay CN¥120.00",
           "ready": "Your application is ready", "product": "Northwind Suite", "show": "Show the password",
           "seats": "Team"},
    "zh": {"order": "立即订购", "place": "提交订单", "pay": "支付 ¥120.00", "ready": "应用已可使用",
           "product": "北风套件", "show": "显示密码", "seats": "团队版"},
}  # fmt: skip


@pytest.mark.usefixtures("seller_server", "working")
@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_a_buyer_orders_pays_and_gets_in(
    browser: "Browser", site: str, shop: Shop, world: World, locale: str
) -> None:
    words = WORDS[locale]
    context = await browser.new_context(locale={"en": "en-GB", "zh": "zh-CN"}[locale])
    page = await context.new_page()
    complaints = listen(page)

    await page.goto(f"{site}/products")
    await page.get_by_role("link", name=words["product"]).click()
    await page.get_by_text(words["seats"], exact=True).first.wait_for()
    await page.locator(".chip", has_text=words["seats"]).click()
    await page.locator(".buy-sum", has_text="60.00").wait_for()
    await page.locator("#f-quantity").fill("10")
    await page.locator(".buy-sum", has_text="120.00").wait_for()
    await page.get_by_role("button", name=words["order"]).click()

    # Nobody is signed in yet: after signing in, the choice is still there.
    await page.locator("#f-email").fill(world.email(world.buyer))
    await page.locator("#f-password").fill(PASSWORD)
    await page.locator("main form button").click()
    await page.get_by_role("button", name=words["place"]).click()
    await page.get_by_role("button", name=words["pay"]).click()

    # The order's page follows by itself what the worker does.
    await page.get_by_role("heading", name=words["ready"]).wait_for(timeout=15_000)
    await page.locator("#order[data-state=completed]").wait_for()
    number = page.url.rsplit("/", 1)[1]
    assert (await shop.order(number)).state == "completed"

    await page.locator(".next-actions a").click()
    instance = await shop.instance(number)
    assert instance.front_end_url
    await page.get_by_role("link", name=instance.front_end_url).wait_for()
    async with shop.installation.db.transaction(world.buyer) as tx:
        secret = await shop.installation.provisioning.reveal_password(tx, instance.id)
    assert secret
    assert secret not in await page.content()
    await page.get_by_role("button", name=words["show"]).click()
    await page.locator(".secret-value", has_text=secret).wait_for()
    assert complaints == []


@pytest.mark.usefixtures("seller_server", "working")
async def test_everything_works_without_javascript_on_a_small_screen(
    browser: "Browser", site: str, shop: Shop, world: World
) -> None:
    context = await browser.new_context(
        locale="en-GB", java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    page = await context.new_page()
    await page.goto(f"{site}/products/{world.slug}?price={world.monthly}")
    await page.get_by_role("button", name="Order now").click()
    await page.locator("#f-email").fill(world.email(world.buyer))
    await page.locator("#f-password").fill(PASSWORD)
    await page.locator("main form button").click()
    await page.get_by_role("button", name="Place the order").click()
    await page.get_by_role("button", name="Pay CN¥99.00").click()
    await page.wait_for_url("**/buyer/orders/CS*")
    number = page.url.rsplit("/", 1)[1]
    for _ in range(50):
        await page.reload()
        if await page.get_by_role("heading", name="Your application is ready").count():
            break
        await page.wait_for_timeout(100)
    await page.locator(".next-actions a").click()
    await page.get_by_role("button", name="Show the password").click()
    assert await page.locator(".secret-value").count() == 1
    assert (await shop.order(number)).state == "completed"


async def test_the_language_and_the_look_follow_the_reader(
    browser: "Browser", site: str, seller_server: SellerServer
) -> None:
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{site}/products")
    await page.get_by_role("button", name="中文").click()
    await page.locator("html[lang=zh-CN]").wait_for()
    await page.locator("summary[aria-label=外观]").click()
    await page.get_by_role("button", name="深色").click()
    await page.locator("html[data-theme=dark]").wait_for()
    await page.reload()
    assert await page.locator("html[data-theme=dark][lang=zh-CN]").count() == 1


def listen(page: "Page") -> list[str]:
    """What the browser complains about: errors of scripts, and what the content security policy refused."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    return complaints
