"""A conversation in a supervised order: buyer and seller in their consoles, with a file, a template and read marks; and
the statistics of it all, drawn."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.test_supervision import SHOT, Console
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.world import Shop, World

from tradehall.settings import Settings

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path)


async def test_buyer_and_seller_talk_about_an_order_with_a_file(
    browser: "Browser", site: str, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    buyer = await Console.enter(browser, site, supervised, world.buyer, "en")
    seller = await Console.enter(browser, site, supervised, world.seller, "zh")
    await seller.open(number)

    # The buyer takes a template, adds to it, and sends it with a picture.
    await buyer.open(number)
    form = buyer.page.locator("#write")
    await form.locator("#f-template").select_option("ask_progress.en")
    text = form.locator("#f-text")
    assert number in await text.input_value()
    await text.press("End")
    await text.type("\nSee the picture.")
    await buyer.hand_in(form, [SHOT])
    await form.get_by_role("button", name="Send the message").click()
    await buyer.page.locator(".flashes .tone-success").wait_for()
    message = buyer.page.locator("#message-1")
    await message.get_by_text("See the picture.").wait_for()
    await message.get_by_text("Seller: not read yet").wait_for()
    assert await message.locator("[data-file] img").count() == 1
    assert await form.locator("[data-file]").count() == 0

    # The seller's page, open all the while, says so; what was typed there meanwhile stays.
    await seller.page.locator("#f-text").fill("我正在写")
    await seller.page.locator("#message-news a").wait_for(timeout=20_000)
    assert await seller.page.locator("#f-text").input_value() == "我正在写"
    await seller.page.goto(f"{site}/seller/supervision")
    await seller.page.goto(f"{site}/seller")
    await seller.page.locator("#supervision-messages .btn").click()
    await seller.page.locator("#message-1.is-new").get_by_text("See the picture.").wait_for()
    async with seller.page.expect_download() as download:
        await seller.page.locator("#message-1 a[download]").click()
    assert (await (await download.value).path()).read_bytes() == SHOT["buffer"]
    await seller.page.locator("#message-1 .talk-foot a").click()
    await seller.page.locator("#write .talk-quote").wait_for()
    await seller.page.locator("#f-text").fill("周一开始。")
    await seller.page.locator("#write button[value=send]:visible").click()
    await seller.page.locator("#message-2 .talk-quote").get_by_text("How far are you").wait_for()

    await buyer.open(number)
    await buyer.page.locator("#message-2.is-new").get_by_text("周一开始。").wait_for()
    await buyer.page.locator("#message-1").get_by_text("Seller: read by Sam Seller").wait_for()
    assert await buyer.page.locator("[data-state=whole]").count() == 1
    await buyer.page.locator("#log").get_by_text("From the seller: 周一开始。").wait_for()
    assert seller.complaints == buyer.complaints == []


async def test_without_javascript_a_message_goes_with_its_files_and_a_mistake_loses_nothing(
    browser: "Browser", site: str, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    seller = await Console.enter(browser, site, supervised, world.seller, "en", script=False)
    await seller.page.set_viewport_size({"width": 390, "height": 844})
    await seller.open(number)
    await seller.page.get_by_role("button", name="Remind the buyer").click()
    await seller.page.get_by_text("The buyer was reminded once.").wait_for()
    form = seller.page.locator("#write")
    await form.get_by_role("button", name="Send the message").click()
    await seller.page.locator("#f-text-error").wait_for()
    await form.locator("input[type=file]").set_input_files([SHOT, {**SHOT, "name": "second.png"}])
    await form.locator("#f-text").fill("x" * 10)
    await form.locator("#f-to").select_option("platform")
    await form.get_by_role("button", name="Send the message").click()
    await seller.page.locator("#message-1").get_by_text("To: The marketplace alone").wait_for()
    assert await seller.page.locator("#message-1 [data-file]").count() == 2
    assert await seller.page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_statistics_are_drawn_and_stand_in_tables(
    browser: "Browser", site: str, shop: Shop, world: World, supervised: Supervised
) -> None:
    for delivery_type in ("service", "orchestration", "data_file"):
        await supervised.complete(await supervised.buy(delivery_type))
        shop.clock.advance(timedelta(days=2))
        await supervised.buy(delivery_type)
    operator = await Console.enter(browser, site, supervised, world.operator, "en")
    await operator.page.goto(f"{site}/operator/supervision")
    await operator.page.get_by_role("link", name="Statistics").click()  # swapped in: the script has to hear of it
    await operator.page.locator(".chart canvas").nth(3).wait_for()
    assert await operator.page.locator("#standing tbody tr").count() == 3
    await operator.page.locator("select[name=type]").select_option("service")
    await operator.page.wait_for_url("**type=service**")
    await operator.page.locator(".chart canvas").nth(3).wait_for()
    assert await operator.page.locator("#standing tbody tr").count() == 1
    assert operator.complaints == []
