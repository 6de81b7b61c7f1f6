"""A whole review in a browser, across the three consoles: written, rejected, written anew, published, answered, read
by everybody; in both languages, and once without JavaScript on a small screen."""

from typing import TYPE_CHECKING

import pytest
from tests.browser.test_supervision import Console
from tests.reviewing import Reviewing
from tests.supervised import Supervised
from tests.world import Shop, World

from tradehall.reviews.model import Rating

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.browser

WORDS = {
    "en": ("Not published", "Write a review", "Answer of Northwind Software", "A***"),
    "zh": ("未发布", "撰写评价", "北风软件 的回复", "顶***"),
}


@pytest.mark.parametrize(("locale", "script"), [("en", True), ("zh", True), ("zh", False)])
async def test_a_review_is_written_moderated_answered_and_read(
    browser: "Browser", site: str, shop: Shop, world: World, locale: str, script: bool
) -> None:
    rejected, write, answered, veiled = WORDS[locale]
    reviewing, supervised = Reviewing(shop), Supervised(shop)
    number = await reviewing.bought()
    buyer, operator, seller = [
        await Console.enter(browser, site, supervised, who, locale, script=script)
        for who in (world.buyer, world.operator, world.seller)
    ]
    if not script:
        for console in (buyer, operator, seller):
            await console.page.set_viewport_size({"width": 390, "height": 844})

    async def hand_in(stars: int, text: str) -> None:
        await buyer.page.locator(f"input[name=rating][value='{stars}']").check()
        await buyer.page.locator("#f-text").fill(text)
        await buyer.page.locator("form:has(#f-text) button").click()
        await buyer.page.locator(".flashes .tone-success").wait_for()

    await buyer.page.goto(f"{site}/buyer/orders/{number}")
    await buyer.page.get_by_role("link", name=write).click()
    await hand_in(2, "Ask for Mr. Wang!")
    await buyer.page.locator(".state[data-state=waiting]").wait_for()

    await operator.page.goto(f"{site}/operator/reviews")
    row = operator.page.locator(f"[data-review={number}]")
    await row.locator("[data-verb=reject] summary").click()
    await row.locator("[data-verb=reject] textarea").fill("Please name nobody.")
    await row.locator("[data-verb=reject] .btn-danger").click()
    await operator.page.locator(".flashes .tone-success").wait_for()
    assert await row.count() == 0

    await buyer.page.reload()
    await buyer.page.get_by_text("Please name nobody.").wait_for()
    await buyer.page.get_by_text(rejected).first.wait_for()
    await hand_in(4, "It took a while,\nbut it runs.")

    await operator.page.goto(f"{site}/operator/reviews")
    await row.locator("form[action$=publish] button").click()
    await operator.page.locator(".flashes .tone-success").wait_for()

    await seller.page.goto(f"{site}/seller/reviews?answered=no")
    row = seller.page.locator(f"[data-review={number}]")
    await row.locator("summary").click()
    await row.locator("textarea").fill("Thank you for your patience.")
    await row.locator("button").click()
    await seller.page.locator(".flashes .tone-success").wait_for()

    slug = (await shop.order(number)).product_slug
    await buyer.page.goto(f"{site}/products/{slug}#reviews")
    section = buyer.page.locator("#reviews")
    await section.get_by_text("It took a while").wait_for()
    await section.get_by_text(answered).wait_for()
    await section.get_by_text("Thank you for your patience.").wait_for()
    assert await section.locator(".review-head strong").inner_text() == veiled
    assert await section.locator("[data-stars='4']").count() == 1
    assert await reviewing.rating((await shop.order(number)).product_id) == Rating(four=1)
    for console in (buyer, operator, seller):
        assert console.complaints == []
        assert script or await console.page.evaluate("document.documentElement.scrollWidth") <= 390
        await console.page.context.close()
