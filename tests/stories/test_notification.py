"""A seller with an endpoint of class general hears of paid orders, beside and independent of what is opened."""

from datetime import timedelta

import pytest
from tests.supervised import Supervised
from tests.world import SellerServer, Shop, add_endpoint

from tradehall.kernel.journal import SYSTEM


@pytest.fixture
async def notified(shop: Shop, seller_server: SellerServer) -> SellerServer:
    async with shop.installation.db.transaction(SYSTEM) as tx:
        await add_endpoint(tx, shop.installation, shop.world.seller.organisation_id, seller_server.url, general=True)
    return seller_server


async def test_the_seller_hears_of_a_paid_order(shop: Shop, notified: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due()
    assert sorted(await shop.kinds(number)) == sorted(
        ["order.placed", "order.paid", "instance.opened", "order.completed", "seller.notified"]
    )
    assert notified.bodies("orderNotify") == [
        {"activity": "orderNotify", "orderId": number, "orderLineId": f"{number}-000001", "testFlag": "0"}
    ]


async def test_a_notification_nobody_takes_is_given_up_and_the_order_is_completed_all_the_same(
    shop: Shop, notified: SellerServer
) -> None:
    number = await shop.buy()
    await shop.point_endpoint(
        (await shop.sql("SELECT id FROM endpoints WHERE interface_class = 'general'"))[0][0], "http://127.0.0.1:1/"
    )
    await shop.run_due(4 * timedelta(hours=1))
    kinds = await shop.kinds(number)
    assert kinds.count("call.failed") == 60
    assert [kind for kind in kinds if kind != "call.failed"] == [
        "order.placed",
        "order.paid",
        "instance.opened",
        "order.completed",
        "call.given_up",
    ]
    assert (await shop.order(number)).state == "completed"

    # Once the seller has put it right, the notification can still be sent.
    await shop.sql(f"UPDATE endpoints SET address = '{notified.url}'")
    await shop.restart(await shop.call(number, "orderNotify"))
    await shop.run_due()
    assert (await shop.kinds(number))[-2:] == ["call.restarted", "seller.notified"]


async def test_the_seller_hears_of_the_order_that_takes_a_supervised_one_back(
    shop: Shop, notified: SellerServer
) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy("service")
    await supervised.walk(number, "request_refund", "agree_refund")
    await shop.run_due()
    refund = (await shop.order(number)).refund_number
    assert [body["orderId"] for body in notified.bodies("orderNotify")] == [number, refund]
    assert notified.bodies("orderNotify")[1]["orderLineId"] == f"{refund}-000001"
