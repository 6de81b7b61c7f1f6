"""A seller names an instance after the first businessId that reaches it, and that need not be the first one sent."""

from datetime import timedelta
from typing import Any

from tests.world import SellerServer, Shop


class Line:
    """The way to a seller: what is asked gets lost ("nothing"), or only what is answered ("unheard")."""

    def __init__(self, server: SellerServer) -> None:
        self.mode = "nothing"
        self._server = server
        self._seller = server.app
        server.app = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def swallow(message: Any) -> None:
            pass

        if self.mode != "nothing":
            await self._seller(scope, receive, send if self.mode == "good" else swallow)


async def asked_in_vain(shop: Shop, seller_server: SellerServer) -> tuple[str, Line]:
    """An order whose first try never arrived; the others did, and no answer came back."""
    line = Line(seller_server)
    number = await shop.buy()
    await shop.run_due()
    line.mode = "unheard"
    await shop.run_due(timedelta(hours=3))
    assert len(seller_server.seller.book) == 1
    return number, line


async def test_an_instance_with_a_later_name_is_found(shop: Shop, seller_server: SellerServer) -> None:
    number, line = await asked_in_vain(shop, seller_server)
    line.mode = "good"
    await shop.run_due(timedelta(minutes=30))
    order, instance = await shop.order(number), await shop.instance(number)
    assert (order.state, instance.state) == ("completed", "running")
    (opened,) = [one for one in seller_server.seller.book.effects if one.kind == "open"]
    assert instance.seller_instance_id == opened.instance_id


async def test_an_instance_with_a_later_name_is_released(shop: Shop, seller_server: SellerServer) -> None:
    number, line = await asked_in_vain(shop, seller_server)
    line.mode = "nothing"
    await shop.run_due(timedelta(minutes=90))  # the investigation is over, the release is not
    assert (await shop.order(number)).cancel_reason == "opening_failed"
    line.mode = "good"
    await shop.run_due(timedelta(hours=1))
    assert (await shop.instance(number)).state == "released"
    assert [one.kind for one in seller_server.seller.book.effects] == ["open", "release"]
