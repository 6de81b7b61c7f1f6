"""Orders as people place, pay, cancel and find them."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.world import SellerServer, Shop

from tradehall.catalog.errors import NoLongerOnSale, PriceNotFound
from tradehall.kernel.errors import Invalid
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import page_request
from tradehall.trading import actions as trading
from tradehall.trading import queries
from tradehall.trading.errors import (
    NoWayToPay,
    OnlyBuyersOrder,
    OrderAlreadyPaid,
    OrderMovedOn,
    OrderNotFound,
    PaymentDeclined,
    PriceChanged,
)
from tradehall.trading.gateway import gateway_for
from tradehall.trading.model import ORDER_MOVES, before
from tradehall.trading.queries import OrderFilter


async def numbers(shop: Shop, viewer: Actor, **only: object) -> list[str]:
    async with shop.installation.db.read() as reader:
        page = await queries.orders(reader, viewer, page_request(), OrderFilter(**only))  # type: ignore[arg-type]
    return [row.number for row in page.items]


async def test_an_order_has_numbers_of_the_documented_shape_in_chinas_time(shop: Shop) -> None:
    number = await shop.place()
    assert re.fullmatch(r"CS2603021700[0-9A-Z]{5}", number), "09:00 UTC is 17:00 in China"
    assert (await shop.order(number)).line_number == f"{number}-000001"


async def test_sixty_million_orders_in_one_minute_would_have_sixty_million_numbers(shop: Shop) -> None:
    ((rows, distinct),) = await shop.sql(
        "SELECT count(*), count(DISTINCT next_order_number('2026-03-02 09:00Z')) FROM generate_series(1, 20000)"
    )
    assert rows == distinct == 20_000
    # The step shares no factor with 36^5 = 2^10 * 3^10, so the sequence walks through all of them.
    assert 22_695_475 % 2
    assert 22_695_475 % 3


async def test_an_order_keeps_names_and_prices_as_they_were(shop: Shop) -> None:
    number = await shop.place(shop.world.seats_monthly, quantity=10, periods=3)
    await shop.sql("UPDATE products SET name_en = 'Renamed'")
    await shop.sql("UPDATE prices SET amount_minor = 1")
    order = await shop.order(number)
    assert (order.product_name_en, order.sku_name_zh) == ("Northwind Suite", "团队版")
    assert (order.unit_minor, order.quantity, order.period_number, order.total_minor) == (1_200, 10, 3, 36_000)


async def test_what_costs_nothing_now_is_paid_and_opened_like_anything_else(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy(shop.world.on_demand, periods=None)
    await shop.run_due()
    order, instance = await shop.order(number), await shop.instance(number)
    assert (order.total_minor, order.state) == (0, "completed")
    assert instance.expires_at is None


@pytest.mark.parametrize("who", ["seller", "operator"])
async def test_only_buyers_order(shop: Shop, who: str) -> None:
    with pytest.raises(OnlyBuyersOrder):
        await shop.place(by=getattr(shop.world, who))


async def test_what_is_not_for_sale_cannot_be_ordered(shop: Shop) -> None:
    with pytest.raises(PriceNotFound):
        await shop.place(uuid4())
    for table in ("prices", "skus"):
        await shop.sql(f"UPDATE {table} SET on_sale = false")
        with pytest.raises(NoLongerOnSale):
            await shop.place()
        await shop.sql(f"UPDATE {table} SET on_sale = true")
    await shop.sql("UPDATE products SET state = 'off_sale'")
    with pytest.raises(NoLongerOnSale):
        await shop.place()
    await shop.sql("UPDATE products SET state = 'draft'")
    with pytest.raises(PriceNotFound):
        await shop.place()


async def test_a_quantity_or_period_that_is_not_offered_is_refused(shop: Shop) -> None:
    with pytest.raises(Invalid):
        await shop.place(quantity=2)
    with pytest.raises(Invalid):
        await shop.place(periods=37)
    assert await shop.sql("SELECT 1 FROM orders") == []


async def test_a_price_that_changed_under_the_buyers_eyes_is_said_so(shop: Shop) -> None:
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        with pytest.raises(PriceChanged) as changed:
            await trading.place(
                tx, price_id=shop.world.monthly, quantity=1, period_number=1, unpaid_ttl=timedelta(days=7),
                expected_total=9_800,
            )  # fmt: skip
    assert changed.value.values == {"total": "99.00", "currency": "CNY"}


async def test_a_declined_payment_takes_nothing_and_can_be_tried_another_way(shop: Shop) -> None:
    number = await shop.place()
    with pytest.raises(PaymentDeclined):
        await shop.pay(number, instrument="declined_card")
    assert (await shop.order(number)).state == "pending_payment"
    assert await shop.sql("SELECT 1 FROM payments") == []
    await shop.pay(number)
    assert await shop.kinds(number) == ["order.placed", "order.paid"]


async def test_paying_twice_is_one_payment(shop: Shop) -> None:
    number = await shop.buy()
    await shop.pay(number)
    assert await shop.kinds(number) == ["order.placed", "order.paid"]


async def test_what_is_paid_cannot_be_cancelled_and_what_is_cancelled_cannot_be_paid(shop: Shop) -> None:
    paid, cancelled = await shop.buy(), await shop.place()
    await shop.cancel(cancelled)
    with pytest.raises(OrderAlreadyPaid):
        await shop.cancel(paid)
    with pytest.raises(OrderMovedOn) as moved:
        await shop.pay(cancelled)
    assert moved.value.values == {"state": "cancelled"}


@pytest.mark.parametrize("verb", ["pay", "cancel"])
async def test_someone_elses_order_is_answered_like_one_that_does_not_exist(shop: Shop, verb: str) -> None:
    number = await shop.place()
    for foreign in (number, "CS260302170000000", "", "'"):
        with pytest.raises(OrderNotFound):
            await getattr(shop, verb)(foreign, by=shop.world.other_buyer)
    # A colleague of the same organisation may.
    await getattr(shop, verb)(number, by=shop.world.buyer_member)


async def test_who_sees_which_orders(shop: Shop, seller_server: SellerServer) -> None:
    world = shop.world
    unpaid, paid = await shop.place(), await shop.buy()
    other = await shop.buy(world.other_price, by=world.other_buyer)
    assert set(await numbers(shop, world.buyer)) == {unpaid, paid}
    assert await numbers(shop, world.other_buyer) == [other]
    assert await numbers(shop, world.seller) == [paid], "a seller hears of an order when it is paid"
    assert await numbers(shop, world.other_seller) == [other]
    assert set(await numbers(shop, world.operator)) == {unpaid, paid, other}
    async with shop.installation.db.read() as reader:
        for viewer, number, sees in (
            (world.other_buyer, paid, False), (world.other_seller, paid, False), (world.seller, unpaid, False),
            (world.buyer_member, paid, True), (world.seller_member, paid, True), (world.operator, unpaid, True),
        ):  # fmt: skip
            assert (await queries.order(reader, viewer, number) is not None) == sees


async def test_orders_are_found_by_number_name_state_and_time(shop: Shop) -> None:
    world = shop.world
    first = await shop.buy()
    shop.clock.advance(timedelta(days=1))
    second = await shop.place(world.other_price)
    assert await numbers(shop, world.buyer) == [second, first]
    assert await numbers(shop, world.buyer, text=first.lower()) == [first]
    assert await numbers(shop, world.buyer, text=first[:14]) == [first]
    assert await numbers(shop, world.buyer, text=f" {second[:14]} ") == [second]
    assert await numbers(shop, world.buyer, text="lotus") == [second]
    assert await numbers(shop, world.buyer, text="北风套件") == [first]
    assert await numbers(shop, world.seller, text="Acme") == [first]
    assert await numbers(shop, world.seller, text="Zenith") == []
    assert await numbers(shop, world.operator, text="desk") == [second]
    assert await numbers(shop, world.buyer, state="processing") == [first]
    assert await numbers(shop, world.buyer, state="completed") == []
    day = datetime(2026, 3, 3, tzinfo=UTC)
    assert await numbers(shop, world.buyer, since=day) == [second]
    assert await numbers(shop, world.buyer, until=day) == [first]
    for odd in ("%", "_", "\\", "' OR 1=1", "%%%", "x" * 500):
        assert await numbers(shop, world.buyer, text=odd) in ([], [second, first])
    async with shop.installation.db.read() as reader:
        counts = await queries.open_counts(reader, world.buyer)
    assert (counts.pending_payment, counts.processing) == (1, 1)


def test_each_verb_applies_in_one_state() -> None:
    verbs = {verb for _, verb in ORDER_MOVES}
    assert {verb: before(verb) for verb in verbs} == {
        "pay": "pending_payment",
        "cancel": "pending_payment",
        "expire": "pending_payment",
        "complete": "processing",
        "fail": "processing",
    }


async def test_production_has_no_test_gateway() -> None:
    gateway = gateway_for(sandbox=False)
    with pytest.raises(NoWayToPay):
        await gateway.give_back("k", "r", 1, "CNY")


async def test_a_repeated_payment_or_refund_has_the_same_reference() -> None:
    gateway = gateway_for(sandbox=True)
    assert await gateway.give_back("k", "r", 1, "CNY") == await gateway.give_back("k", "r", 1, "CNY")
    assert await gateway.give_back("k", "r", 1, "CNY") != await gateway.give_back("k2", "r", 1, "CNY")
