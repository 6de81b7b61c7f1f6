"""Whether a seller's server answers, as its people and operators see it before its calls begin to wait and after."""

from datetime import timedelta

import pytest
from tests.web.test_seller import Enter, enter
from tests.world import NOWHERE, SellerServer, Shop, World

from tradehall.kernel.journal import Actor

__all__ = ["enter"]  # a fixture

EN = {
    "counting": "3 calls in a row were not answered",
    "warned": "After 5, calls wait, and only one is made every so often as a probe",
    "open": "calls wait, for the server does not answer",
}
ZH = {"counting": "已连续 3 次调用无应答", "warned": "连续 5 次无应答后将暂停调用", "open": "服务器无应答，已暂停调用"}


@pytest.mark.parametrize(("locale", "texts"), [("en", EN), ("zh", ZH)])
async def test_sellers_and_operators_are_warned_before_calls_wait(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer, locale: str, texts: dict[str, str]
) -> None:
    organisation = f"/operator/organisations/{world.seller.organisation_id}"

    async def pages(who: Actor, *paths: str) -> list[str]:
        browser = await enter(who)
        browser.speak(locale)
        return [await browser.get(path) for path in paths]

    await shop.sql("UPDATE endpoints SET address = %(at)s WHERE id = %(id)s", {"at": NOWHERE, "id": world.endpoint})
    for _ in range(3):
        await shop.buy()
    await shop.run_due()
    for page in await pages(world.seller, "/seller", "/seller/calls"):
        assert texts["counting"] in page
        assert texts["warned"] in page
    overview, details = await pages(world.operator, "/operator", organisation)
    assert 'data-state="counting"' in overview
    assert texts["counting"] in details

    for _ in range(9):
        await shop.buy()
    await shop.run_due()
    for page in await pages(world.seller, "/seller", "/seller/calls"):
        assert texts["open"] in page
    for page in await pages(world.other_seller, "/seller", "/seller/calls"):
        assert texts["open"] not in page
    overview, details = await pages(world.operator, "/operator", organisation)
    assert 'data-state="open"' in overview
    assert texts["open"] in details

    await shop.sql("UPDATE endpoints SET address = %(at)s", {"at": seller_server.url})
    await shop.run_due(timedelta(minutes=1))
    for page in await pages(world.seller, "/seller", "/seller/calls"):
        assert texts["open"] not in page
    (overview,) = await pages(world.operator, "/operator")
    assert 'data-state="open"' not in overview
