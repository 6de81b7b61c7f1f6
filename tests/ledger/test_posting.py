"""What each end of an order moves in the ledger, line by line."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from tests.conftest import sandbox_settings
from tests.ledger.books import cancel_in_part, close, closed_to, flaws, in_account, order_id_of, posted
from tests.supervised import Supervised
from tests.trading.test_vouchers import MONTH, give, pay
from tests.world import SellerServer, Shop

from tradehall.kernel.journal import SYSTEM, Event
from tradehall.ledger.posting import Ledger
from tradehall.settings import Settings
from tradehall.trading import actions as trading
from tradehall.trading.model import Receipt

PAID = {"buyer": -MONTH, "escrow": MONTH}
FEE = 495  # 5 % of it
RELEASED = {"escrow": -MONTH, "payable": MONTH - FEE, "fee": FEE}
RETURNED = {"escrow": -MONTH, "refunds": MONTH}


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(pool_size=24)


async def test_what_is_paid_is_held_until_the_order_is_completed(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    assert await posted(shop, number) == {"paid": PAID}
    await shop.run_due()
    assert await posted(shop, number) == {"paid": PAID, "released": RELEASED}
    assert await flaws(shop) == []


async def test_an_order_that_fails_gives_back_what_was_held(shop: Shop, seller_server: SellerServer) -> None:
    seller_server.manner = "refusing"
    number = await shop.buy()
    await shop.run_due(timedelta(hours=4))
    assert await posted(shop, number) == {"paid": PAID, "returned": RETURNED}
    assert await flaws(shop) == []


async def test_money_on_its_way_back_is_still_held(
    shop: Shop, seller_server: SellerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> Receipt:
        raise ConnectionError

    seller_server.manner = "refusing"
    monkeypatch.setattr(shop.installation.gateway, "give_back", down)
    number = await shop.buy()
    await shop.run_due(timedelta(hours=3))
    assert (await shop.order(number)).state == "cancelled"
    assert await posted(shop, number) == {"paid": PAID}
    assert await flaws(shop) == []


async def test_unsubscribing_takes_back_what_had_been_released(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due()
    taken = await shop.unsubscribe(number)
    await shop.run_due()
    assert await posted(shop, number) == {
        "paid": PAID,
        "released": RELEASED,
        "taken_back": {"escrow": MONTH, "payable": FEE - MONTH, "fee": -FEE},
        "returned": RETURNED,
    }
    assert await posted(shop, taken) == {}
    assert [await in_account(shop, one) for one in ("escrow", "payable", "fee")] == [0, 0, 0]
    assert await flaws(shop) == []


async def test_a_renewal_taken_back_before_it_began_goes_the_same_way(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due()
    renewal = await shop.renew(number)
    await shop.run_due()
    released = (await shop.sql("SELECT at, releasable_at FROM ledger_postings WHERE kind = 'released'"))[-1]
    assert released[1] == (await shop.order(renewal)).starts_at > released[0]
    await shop.cancel_renewal(number)
    await shop.run_due()
    assert list(await posted(shop, renewal)) == ["paid", "released", "taken_back", "returned"]
    assert await in_account(shop, "payable") == MONTH - FEE
    assert await flaws(shop) == []


async def test_what_costs_nothing_moves_nothing(shop: Shop, seller_server: SellerServer) -> None:
    tried = await shop.try_out()
    metered = await shop.buy(shop.world.on_demand, periods=None)
    await shop.run_due()
    await shop.unsubscribe(tried)
    await shop.run_due()
    assert await shop.sql("SELECT count(*) FROM ledger_postings") == [(0,)]
    assert (await shop.order(metered)).state == "completed"
    assert await flaws(shop) == []


async def test_vouchers_move_with_whoever_bears_them(shop: Shop, seller_server: SellerServer) -> None:
    platform = await give(shop, 2_000)
    sellers = await give(shop, 3_000, seller_id=shop.world.seller.organisation_id, issued_by_seller=True)
    number = await shop.place()
    await pay(shop, number, platform, sellers)
    await shop.run_due()
    # Of the seller's own voucher nothing reaches the seller, and no fee is taken: 6,900 were worth something.
    assert await posted(shop, number) == {
        "paid": {"buyer": -4_900, "platform_vouchers": -2_000, "seller_vouchers": -3_000, "escrow": MONTH},
        "released": {"seller_vouchers": 3_000, "escrow": -MONTH, "payable": 6_555, "fee": 345},
    }
    await shop.unsubscribe(number)
    await shop.run_due()
    back = await posted(shop, number)
    assert back["taken_back"] == {"seller_vouchers": -3_000, "escrow": MONTH, "payable": -6_555, "fee": -345}
    assert back["returned"] == {
        "platform_vouchers": 2_000, "seller_vouchers": 3_000, "escrow": -MONTH, "refunds": 4_900,
    }  # fmt: skip
    assert [await in_account(shop, one) for one in ("platform_vouchers", "seller_vouchers")] == [0, 0]
    assert await flaws(shop) == []


async def test_what_an_expired_voucher_loses_stays_with_whoever_bears_it(
    shop: Shop, seller_server: SellerServer
) -> None:
    lasting = await give(shop, 2_000)
    passing = await give(shop, 3_000, days=1, seller_id=shop.world.seller.organisation_id, issued_by_seller=True)
    number = await shop.place()
    await pay(shop, number, lasting, passing)
    await shop.run_due()
    shop.clock.advance(timedelta(days=2))
    await shop.unsubscribe(number)
    await shop.run_due()
    assert (await shop.sql("SELECT voucher_minor, lost_minor FROM refunds")) == [(2_000, 3_000)]
    assert (await posted(shop, number))["returned"] == {
        "platform_vouchers": 2_000, "seller_vouchers": 3_000, "escrow": -MONTH, "refunds": 4_900,
    }  # fmt: skip
    assert await in_account(shop, "payable") == 0
    assert await flaws(shop) == []


async def test_nothing_is_released_before_acceptance(shop: Shop) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy("orchestration")
    await shop.run_due(timedelta(days=30))
    assert list(await posted(shop, number)) == ["paid"]
    await supervised.complete(number)
    assert (await posted(shop, number))["released"] == {"escrow": -100_000, "payable": 95_000, "fee": 5_000}
    assert await flaws(shop) == []


async def test_a_joint_product_is_shared(shop: Shop) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy("orchestration", product_class="joint")
    await supervised.complete(number)
    assert (await posted(shop, number))["released"] == {"escrow": -100_000, "payable": 70_000, "fee": 30_000}


async def test_what_a_cancelled_order_keeps_is_released_when_the_rest_is_back(shop: Shop) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy("orchestration")
    await cancel_in_part(shop, number, 40_001)
    assert await posted(shop, number) == {
        "paid": {"buyer": -100_000, "escrow": 100_000},
        "returned": {"escrow": -40_001, "refunds": 40_001},
        "released": {"escrow": -59_999, "payable": 56_999, "fee": 3_000},
    }
    assert await flaws(shop) == []


async def test_a_partial_refund_gives_vouchers_their_part(shop: Shop) -> None:
    supervised = Supervised(shop)
    number = await supervised.place(await supervised.price("orchestration"))
    sellers = await give(shop, 20_000, seller_id=shop.world.seller.organisation_id, issued_by_seller=True)
    await pay(shop, number, await give(shop, 10_000), sellers)
    await cancel_in_part(shop, number, 50_000)
    assert await posted(shop, number) == {
        "paid": {
            "buyer": -70_000, "platform_vouchers": -10_000, "seller_vouchers": -20_000, "escrow": 100_000,
        },
        "returned": {
            "platform_vouchers": 5_000, "seller_vouchers": 10_000, "escrow": -50_000, "refunds": 35_000,
        },
        "released": {"seller_vouchers": 10_000, "escrow": -50_000, "payable": 38_000, "fee": 2_000},
    }  # fmt: skip
    assert await flaws(shop) == []


async def test_the_fee_is_the_one_of_the_day_of_payment(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    ledger = Ledger(sandbox_settings(platform_fee=1_000))
    event = Event(
        "order.paid", "order", await order_id_of(shop, number), {"amount_minor": 1}, shop.clock.now(), SYSTEM, ""
    )
    async with shop.installation.db.transaction(SYSTEM) as tx:
        await ledger.hold(tx, event)
    await shop.run_due()
    assert (await posted(shop, number))["released"] == RELEASED


async def test_a_posting_repeated_at_once_by_many_is_one(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due()
    await shop.unsubscribe(number)
    await shop.run_due()
    before = await posted(shop, number)
    ledger, order_id, facts = Ledger(shop.installation.settings), await order_id_of(shop, number), {"amount_minor": 1}

    async def again(kind: str) -> None:
        reaction = {"order.paid": ledger.hold, "order.completed": ledger.release, "order.refunded": ledger.give_back}
        async with shop.installation.db.transaction(SYSTEM) as tx:
            await reaction[kind](tx, Event(kind, "order", order_id, facts, tx.now, SYSTEM, ""))

    await asyncio.gather(*(again(kind) for kind in ("order.paid", "order.completed", "order.refunded") * 6))
    assert await posted(shop, number) == before
    assert await flaws(shop) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE ledger_postings SET fee_minor = 0", "append-only"),
        ("DELETE FROM ledger_postings", "append-only"),
        ("TRUNCATE ledger_postings", "append-only"),
        ("{insert} 'paid', 'order.paid', {at}, -5, 4, 0)", "a_posting_sums_to_zero"),
        ("{insert} 'returned', 'order.refunded', {at}, -5, 5, 0)", "does not move what its kind"),
        ("{insert} 'returned', 'order.completed', {at}, 0, -5, 5)", "belongs to no event"),
        ("{insert} 'paid', 'order.paid', {at}, -5, 5, 0)", "one_posting_per_order_and_kind"),
        ("{insert} 'returned', 'order.refunded', {at}, 0, -5, 5)", "belongs to no event"),
    ],
)  # fmt: skip
async def test_the_database_refuses_what_does_not_add_up(shop: Shop, change: str, why: str) -> None:
    await shop.buy()
    insert = (
        "INSERT INTO ledger_postings (order_id, buyer_id, seller_id, currency, fee_rate, kind, cause, at, buyer_minor, "
        "escrow_minor, refunds_minor) SELECT order_id, buyer_id, seller_id, currency, fee_rate, {} FROM ledger_postings"
    )
    if change.startswith("{insert}"):
        change = insert.format(change.removeprefix("{insert} ").removesuffix(")").format(at="at"))
    with pytest.raises(psycopg.Error, match=why):
        await shop.sql(change)


async def test_balances_are_the_same_before_while_and_after_closing(shop: Shop, seller_server: SellerServer) -> None:
    await shop.sql("DELETE FROM due_rows WHERE kind = 'housekeeping'")  # which closes, too
    for _ in range(3):
        await shop.buy()
        await shop.run_due()
    whole = 3 * (MONTH - FEE)
    assert await in_account(shop, "payable") == whole
    await close(shop)
    assert (await shop.sql("SELECT closed_to, next_to FROM ledger_closing")) == [(0, 6)]
    for reached in (2, 4, 6):
        assert await closed_to(shop, reached, batch=2)
        assert await in_account(shop, "payable") == whole
        assert await flaws(shop) == []
    await shop.buy()
    assert await in_account(shop, "payable") == whole
    assert await in_account(shop, "escrow") == MONTH
    assert await flaws(shop) == []


async def test_closing_waits_for_transactions_that_may_have_a_lower_number(shop: Shop) -> None:
    late, early = await shop.place(), await shop.place()
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        await trading.pay(tx, shop.installation.gateway, number=late)
        await shop.pay(early)
        for _ in range(3):
            await close(shop)
        # The number of the one that is visible is noted; the other's is lower.
        assert (await shop.sql("SELECT closed_to, next_to FROM ledger_closing")) == [(0, 2)]
    assert await closed_to(shop, 2)
    assert await in_account(shop, "escrow") == 2 * MONTH
    assert await flaws(shop) == []


async def test_closing_goes_on_in_a_database_that_was_restored_elsewhere(shop: Shop) -> None:
    await shop.buy()
    await close(shop)
    await shop.sql("UPDATE ledger_closing SET next_xid = '999999999999'")  # of the server it came from
    assert await closed_to(shop, 1)
    assert await flaws(shop) == []
