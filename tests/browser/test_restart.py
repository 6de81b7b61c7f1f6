"""The seller's restart as it happens in a browser: a call fails, the seller mends the server, presses, sees success."""

from typing import TYPE_CHECKING

import pytest
from tests.world import PASSWORD, SellerServer, Shop, World

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.browser

WORDS = {
    "en": {"failing": "Create instance: the last try failed", "log": "Look at the log", "restart": "Restart",
           "why": "The product's own service failed", "done": "Done", "order": "In process"},
    "zh": {"failing": "创建实例：最近连续 1 次调用失败", "log": "查看消息", "restart": "重新启动",
           "why": "商品自身的服务异常", "done": "成功", "order": "处理中"},
}  # fmt: skip


async def sign_in(page: "Page", site: str, email: str, to: str) -> None:
    await page.goto(f"{site}/login?return_to={to}")
    await page.locator("#f-email").fill(email)
    await page.locator("#f-password").fill(PASSWORD)
    await page.locator("main form button").click()
    await page.wait_for_url(f"{site}{to}")


async def failing_order(shop: Shop, seller_server: SellerServer) -> str:
    """A paid order whose server refused once; returns its number."""
    seller_server.manner = "refusing"
    number = await shop.buy()
    await shop.run_due()
    return number


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_a_seller_mends_the_server_and_restarts(
    browser: "Browser", site: str, shop: Shop, world: World, seller_server: SellerServer, locale: str
) -> None:
    words = WORDS[locale]
    number = await failing_order(shop, seller_server)
    context = await browser.new_context(locale={"en": "en-GB", "zh": "zh-CN"}[locale])
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)

    await sign_in(page, site, world.email(world.seller), "/seller")
    await page.get_by_text(words["failing"]).wait_for()
    await page.get_by_role("link", name=words["log"]).click()
    await page.wait_for_url("**/seller/calls?**")
    await page.locator(".bulk tr", has_text=number).locator(".row-link").click()
    await page.locator("[data-outcome='000104']", has_text=words["why"]).wait_for()

    seller_server.manner = "instant"
    await page.get_by_role("button", name=words["restart"]).click()
    await page.locator("#flashes .tone-success").wait_for()
    await shop.run_due()
    # The page follows by itself.
    await page.locator("#call[data-state=succeeded]").wait_for(timeout=15_000)
    await page.locator("[data-outcome=success]", has_text=words["done"]).wait_for()
    assert (await shop.order(number)).state == "completed"
    assert complaints == []
    await context.close()


async def test_many_are_restarted_without_javascript_on_a_small_screen(
    browser: "Browser", site: str, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    numbers = [await failing_order(shop, seller_server) for _ in range(2)]
    context = await browser.new_context(
        locale="en-GB", java_script_enabled=False, viewport={"width": 390, "height": 800}
    )
    page = await context.new_page()
    await sign_in(page, site, world.email(world.seller), "/seller/calls?failing=1")
    seller_server.manner = "instant"
    for box in await page.locator("td.tick input").all():
        await box.check()
    await page.locator(".bulk-bar button").click()
    await page.get_by_text("2 calls are made again now.").wait_for()
    await shop.run_due()
    for number in numbers:
        assert (await shop.order(number)).state == "completed"
    await context.close()
