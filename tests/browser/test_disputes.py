"""Disputes in a browser: an appeal and a return through the three consoles, each side in a browser of its own, one of
them in Chinese, one on a phone."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.test_supervision import PDF, SHOT, Console
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


async def do(console: Console, verb: str, **typed: str) -> None:
    """Unfolds the form of a verb on the open page, fills in these fields, and sends it."""
    form = console.form(verb)
    await form.wait_for()
    if not await form.locator("details[open]").count():
        await form.locator("summary").click()
    for field, value in typed.items():
        row = form.locator(f"[data-field={field}]")
        if await row.locator("select").count():
            await row.locator("select").select_option(value)
        else:
            await row.locator("input, textarea").fill(value)
    await console.send(verb)
    await console.page.locator(".flashes .tone-success").wait_for()


async def test_an_appeal_from_its_opening_to_the_settlement(
    browser: "Browser", site: str, world: World, supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("service")
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    buyer = await Console.enter(browser, site, supervised, world.buyer, "en")
    seller = await Console.enter(browser, site, supervised, world.seller, "zh")
    operator = await Console.enter(browser, site, supervised, world.operator, "en")
    await buyer.page.set_viewport_size({"width": 390, "height": 844})
    await seller.open(number)

    # Sent with half of it missing, the form comes back unfolded, with the file and what was typed.
    await buyer.open(number)
    form = buyer.form("appeal")
    await form.locator("summary").click()
    await form.locator("[data-field=reason] textarea").fill("Nobody answers.")
    await buyer.hand_in(form.locator("[data-field=appeal_files]"), [SHOT, PDF])
    await buyer.send("appeal")
    await buyer.page.locator("#f-appeal-claim-error").wait_for()
    assert await form.locator("[data-field=reason] textarea").input_value() == "Nobody answers."
    assert await form.locator("[data-file]").count() == 2
    await do(buyer, "appeal", claim="A part of my money.")
    card = buyer.page.locator("#dispute-appeal")
    assert await card.get_attribute("data-node") == "investigation"
    assert await card.locator("[data-claim] img").count() == 1
    assert await buyer.page.evaluate("document.documentElement.scrollWidth") <= 390

    # The seller, in the middle of the delivery's form, is told; and can do nothing but answer in the appeal.
    await seller.page.get_by_text("本订单有新动态").or_(seller.page.locator("#news a")).first.wait_for(timeout=15_000)
    await seller.open(number)
    assert await seller.form("deliver").count() == 0
    await seller.page.get_by_text("Nobody answers.").first.wait_for()

    # The operator's desk leads there.
    await operator.page.goto(f"{site}/operator")
    await operator.page.locator("#dispute-queue a.btn").click()
    await operator.page.wait_for_url(f"**/operator/supervision/{number}#dispute-appeal")
    await do(operator, "note_contact", channel="phone", minutes="He was ill.", **{"with": "seller"})
    ahead = (shop.clock.now() + timedelta(days=5)).date().isoformat()
    await do(operator, "ask_seller", request="The plan, please.", answer_by=ahead)
    await seller.open(number)
    await seller.page.locator("[data-now]").get_by_text("The plan, please.").wait_for()
    await do(seller, "answer_request", statement="计划见附件。")
    await operator.open(number)
    await do(operator, "propose", proposal="refund", amount_minor="300.00", explanation="Half done.", answer_by=ahead)

    # Both agree; the buyer's page, open all the while, goes on by itself.
    await buyer.open(number)
    await buyer.page.locator("[data-now]").get_by_text("CN¥300.00").wait_for()
    await do(buyer, "agree_as_buyer")
    await seller.page.goto(f"{site}/seller/disputes")
    await seller.page.locator("#disputes a.btn-primary").click()
    await do(seller, "agree_as_seller")
    await buyer.page.get_by_text("Refund granted: CN¥300.00").wait_for(timeout=15_000)
    await seller.page.get_by_text("已退款：¥300.00").wait_for()
    order = await shop.order(number)
    assert (order.state, order.refund_minor) == ("cancelled", 30_000)
    for console in (buyer, seller, operator):
        assert [said for said in console.complaints if "422" not in said] == []


async def test_a_return_from_the_request_to_what_the_marketplace_decides(
    browser: "Browser", site: str, world: World, supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    buyer = await Console.enter(browser, site, supervised, world.buyer, "zh")
    seller = await Console.enter(browser, site, supervised, world.seller, "en", script=False)
    operator = await Console.enter(browser, site, supervised, world.operator, "zh")
    await buyer.open(number)
    await buyer.form("request_return").locator("summary").click()
    await buyer.form("request_return").locator("[data-field=share_contact] input").check()
    await do(buyer, "request_return", amount_minor="1000", reason="它嗡嗡响。")

    await seller.open(number)
    await seller.page.get_by_text("bea.buyer@example.com").wait_for()
    await do(seller, "agree_return", return_name="Depot", return_phone="+86 755 1111 2222",
             return_address="9 Dock Road", opinion="Send it.")  # fmt: skip
    await buyer.open(number)
    await buyer.page.locator("[data-address]").get_by_text("9 Dock Road").wait_for()
    await do(buyer, "send_back", courier="test", tracking_number="TEST-2-0002")
    await seller.open(number)
    await do(seller, "contest_goods", reason="The case is broken.")
    await seller.page.locator("#dispute-return [data-state=paused]").wait_for()

    await operator.page.goto(f"{site}/operator/disputes")
    await operator.page.locator("#disputes a.btn-primary").click()
    await operator.page.get_by_text("The case is broken.").first.wait_for()
    await do(operator, "decide_refund", ruling="Worn, but not broken.", amount_minor="700")
    await buyer.open(number)
    await buyer.page.locator("[data-past=appeal]").get_by_text("Worn, but not broken.").wait_for()
    assert await buyer.page.locator("[data-past=return][data-outcome=superseded]").count() == 1
    await shop.run_due(timedelta(hours=3))
    order = await shop.order(number)
    assert (order.refund_minor, order.refund_state) == (70_000, "refunded")
    for console in (buyer, seller, operator):
        assert console.complaints == []
