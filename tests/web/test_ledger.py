"""What the consoles show of money, and whom."""

from tests.api.test_ledger import paid_with_voucher
from tests.web.conftest import Enter
from tests.world import SellerServer, Shop, World


async def test_pages_show_where_the_money_is(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await paid_with_voucher(shop)
    operator = await enter(world.operator)
    page = (await operator.get("/operator/ledger")).text
    assert "adds up" in page
    assert "does not add up" not in page
    assert "Vouchers the marketplace bears" in page
    assert number in page
    assert 'data-line="fee"' not in (await operator.get("/operator/ledger?account=escrow")).text
    assert "No postings match" in (await operator.get("/operator/ledger?q=CS9901010000")).text
    assert "Platform fee" in (await operator.get(f"/operator/orders/{number}")).text
    seller = await enter(world.seller)
    page = (await seller.get("/seller/ledger")).text
    assert "Can be settled" in page
    assert "CN¥94.05" in page
    page = (await seller.get(f"/seller/orders/{number}")).text
    assert "Owed to you" in page
    assert "voucher" not in page.lower()
    buyer = await enter(world.buyer, "zh")
    page = (await buyer.get(f"/buyer/orders/{number}")).text
    assert "已放款给商家" in page
    assert "服务费" not in page
    free = await shop.buy(world.on_demand, periods=None)
    assert "资金" not in (await buyer.get(f"/buyer/orders/{free}")).text
    assert "No postings yet" in (await (await enter(world.other_seller)).get("/seller/ledger")).text
