"""A buyer's life with an application in a browser: bought, renewed, upgraded, the renewal taken back, unsubscribed."""

from typing import TYPE_CHECKING

import pytest
from tests.browser.test_purchase import listen
from tests.world import PASSWORD, SellerServer, Shop, World

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.browser

WORDS = {
    "en": {"order_renewal": "Order the renewal", "order_upgrade": "Order the upgrade", "go_on": "Go on",
           "pay": "Pay CN¥", "end": "End it at once"},
    "zh": {"order_renewal": "提交续费订单", "order_upgrade": "提交升级订单", "go_on": "下一步", "pay": "支付 ¥",
           "end": "立即退订"},
}  # fmt: skip


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_an_application_from_its_purchase_to_its_end(
    browser: "Browser", site: str, shop: Shop, world: World, seller_server: SellerServer, locale: str
) -> None:
    words = WORDS[locale]
    context = await browser.new_context(locale={"en": "en-GB", "zh": "zh-CN"}[locale])
    page = await context.new_page()
    complaints = listen(page)
    await page.goto(f"{site}/login?return_to=/buyer/orders/new?product=north-suite%26price={world.seats_monthly}")
    await page.locator("#f-email").fill(world.email(world.buyer))
    await page.locator("#f-password").fill(PASSWORD)
    await page.locator("main form button").click()
    await page.locator(".checkout-form button").click()
    number = await pay(page, words["pay"])
    await page.locator(".next-actions a.btn-primary").click()
    await page.locator("#application[data-state=active]").wait_for()
    application = page.url

    # Renewed for two months, the price following what is typed.
    await page.locator("[data-deed=renew] a").click()
    await page.locator("#f-period_number").fill("2")
    await page.locator(".price tfoot", has_text="120.00").wait_for()
    await page.get_by_role("button", name=words["go_on"]).click()
    await page.get_by_role("button", name=words["order_renewal"]).click()
    await pay(page, words["pay"])

    # Expanded from 5 to 15 seats.
    await page.goto(application)
    await page.locator("[data-deed=change] a").click()
    await page.locator(".price tbody tr").nth(1).wait_for()
    await page.get_by_role("button", name=words["go_on"]).click()
    await page.get_by_role("button", name=words["order_upgrade"]).click()
    await pay(page, words["pay"])
    assert (await shop.subscription(number)).quantity == 15

    # Renewed once more, and that taken back in the dialog.
    await page.goto(application)
    await page.locator("[data-deed=renew] a").click()
    await page.get_by_role("button", name=words["go_on"]).click()
    await page.get_by_role("button", name=words["order_renewal"]).click()
    await pay(page, words["pay"])
    until = (await shop.subscription(number)).expires_at
    await page.goto(application)
    await page.locator("[data-deed=cancel_renewal] > button").click()
    await page.locator("#ask-cancel_renewal .btn-danger").click()
    await page.locator("#order[data-state=completed] [data-type=UNSUBSCRIBE]").wait_for(timeout=15_000)
    held = await shop.subscription(number)
    assert held.expires_at
    assert until
    assert held.expires_at < until

    await page.goto(application)
    await page.locator("[data-deed=unsubscribe] a").click()
    await page.get_by_role("button", name=words["end"]).click()
    await page.locator("#order[data-state=completed] [data-type=UNSUBSCRIBE]").wait_for(timeout=15_000)
    await page.goto(application)
    await page.locator("#application[data-state=released]").wait_for(timeout=15_000)
    assert seller_server.bodies("releaseInstance")
    assert complaints == []
    await context.close()


async def pay(page: "Page", button: str) -> str:
    """Pays on the page of payment and waits until the order is carried out; returns its number."""
    await page.get_by_role("button", name=button).click()
    await page.locator("#order[data-state=completed]").wait_for(timeout=15_000)
    return page.url.rsplit("/", 1)[1]
