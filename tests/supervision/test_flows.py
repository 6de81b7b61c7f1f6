"""Every flow can be gone through from payment to a completed order."""

import pytest
from tests.supervised import SUPERVISED, Supervised
from tests.world import Shop


@pytest.mark.parametrize("delivery_type", SUPERVISED)
async def test_an_order_is_delivered_and_accepted(shop: Shop, delivery_type: str) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy(delivery_type)
    assert (await shop.order(number)).state == "processing"
    held = await supervised.complete(number)
    assert held.state == "completed"
    assert (await shop.order(number)).state == "completed"
    assert (await shop.subscription(number)).state == "active"
