"""An automatic renewal that failed is paid anew when it is tried once more: what the first one paid went back."""

from datetime import timedelta

from tests.world import SellerServer, Shop


async def test_each_try_at_the_same_term_is_a_payment_of_its_own(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due()
    instance = await shop.instance(number)
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        await shop.installation.subscriptions.renew_automatically(tx, instance.id, True)
    assert instance.expires_at
    seller_server.manner = "trouble"
    await shop.run_due(instance.expires_at - timedelta(hours=1))
    tries = await shop.sql(
        """
        SELECT p.reference, r.amount_minor = p.amount_minor FROM payments p JOIN orders o ON o.id = p.order_id
        LEFT JOIN refunds r ON r.order_id = o.id AND r.state = 'refunded'
        WHERE o.automatic ORDER BY o.id
        """
    )
    assert len(tries) >= 2
    assert len({reference for reference, _ in tries}) == len(tries)
    assert tries[0][1], "and the first one was given back"
