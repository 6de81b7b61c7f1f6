"""Many people, or one with a nervous finger, do the same to one subscription at once; and what is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from tests.world import SellerServer, Shop

from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.errors import Invalid, Problem
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.trading.ending import CHANCES
from tradehall.trading.errors import (
    AwaitingSeller,
    ChangeNotOffered,
    NoChanceLeft,
    NotATrial,
    NotBoughtByThePeriod,
    PriceChanged,
    QuoteStale,
    SubscriptionBusy,
    SubscriptionNotFound,
    TrialFirst,
    TrialNotOffered,
)
from tradehall.trading.subscription_queries import LIFE, RENEWAL
from tradehall.trading.subscriptions import Renewal

DAYS = timedelta(days=1)


async def opened(shop: Shop) -> str:
    number = await shop.buy()
    await shop.run_due()
    return number


async def at_once(verb: Callable[[], Awaitable[str]], times: int = 50) -> tuple[list[str], list[Problem]]:
    """What came of doing the same many times at once."""
    results = await asyncio.gather(*(verb() for _ in range(times)), return_exceptions=True)
    broken = [one for one in results if isinstance(one, BaseException) and not isinstance(one, Problem)]
    assert broken == []
    return [one for one in results if isinstance(one, str)], [one for one in results if isinstance(one, Problem)]


async def test_fifty_renewals_at_once_are_one(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    placed, refused = await at_once(lambda: shop.order_renewal(number))
    assert len(placed) == 1
    assert {type(problem) for problem in refused} == {SubscriptionBusy}
    paid = await asyncio.gather(*(shop.pay(placed[0]) for _ in range(50)), return_exceptions=True)
    assert [one for one in paid if one is not None] == []
    await shop.run_due()
    assert len(seller_server.bodies("refreshInstance")) == 1
    assert (await shop.sql(f"SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id "
                           f"WHERE o.number = '{placed[0]}'"))[0][0] == 1  # fmt: skip


async def test_fifty_unsubscriptions_at_once_return_the_money_once(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    done, refused = await at_once(lambda: shop.unsubscribe(number))
    assert (len(done), len(refused)) == (1, 49)
    await shop.run_due()
    assert await shop.sql("SELECT count(*), sum(amount_minor) FROM refunds WHERE state = 'refunded'") == [(1, 9_900)]
    assert len(seller_server.bodies("releaseInstance")) == 1


async def test_fifty_trials_at_once_are_one(shop: Shop, seller_server: SellerServer) -> None:
    done, refused = await at_once(shop.try_out)
    assert (len(done), len(refused)) == (1, 49)
    await shop.run_due()
    assert len(seller_server.bodies("newInstance")) == 1


async def test_fifty_cancellations_of_a_renewal_at_once_are_one(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.renew(number)
    await shop.run_due()
    done, refused = await at_once(lambda: shop.cancel_renewal(number))
    assert (len(done), len(refused)) == (1, 49)
    await shop.run_due()
    assert await shop.sql("SELECT count(*) FROM refunds") == [(1,)]


async def test_paying_a_renewal_and_the_freeze_it_prevents_meet(shop: Shop, seller_server: SellerServer) -> None:
    """Whoever comes first, the application is usable in the end and nothing is stuck."""
    numbers = [await opened(shop) for _ in range(5)]
    await shop.run_due(33 * DAYS)
    renewals = [await shop.order_renewal(number) for number in numbers]
    await shop.run_due(1 * DAYS - timedelta(seconds=1))
    shop.clock.advance(timedelta(seconds=1))
    await asyncio.gather(*(shop.pay(renewal) for renewal in renewals), shop.run_due())
    await shop.run_due(1 * DAYS)
    for number in numbers:
        assert (await shop.subscription(number)).state == "active"
        assert (await shop.instance(number)).state == "running"


@pytest.mark.parametrize("other", ["expiry", "policy"])
async def test_an_automatic_renewal_and_what_else_happens_meet(
    shop: Shop, seller_server: SellerServer, other: str
) -> None:
    """Both are due at one moment, as after a renewal that failed: neither waits for what the other holds."""
    number = await opened(shop)
    await shop.renew_automatically(number)
    held = await shop.subscription(number)
    assert held.expires_at
    shop.clock.move_to(held.expires_at)
    own = shop.installation

    async def taken(tx: Tx, kind: str) -> DueRow:
        """A due row as the worker that carries it out holds it."""
        await tx.execute("DELETE FROM due_rows WHERE kind = %(kind)s", {"kind": kind})
        return DueRow(new_id(), kind, held.id, tx.now, 0)

    async def expire() -> None:
        async with own.db.transaction(SYSTEM) as tx:
            await own.life.carry_out_step(tx, await taken(tx, LIFE))

    async with own.db.transaction(SYSTEM) as tx:
        renewal = await taken(tx, RENEWAL)
        meanwhile = asyncio.ensure_future(expire() if other == "expiry" else shop.renew_automatically(number))
        await asyncio.sleep(0.2)
        await own.subscriptions.carry_out_renewal(tx, renewal)
    await meanwhile
    await shop.run_due()
    assert (await shop.subscription(number)).state == "active"
    assert (await shop.subscription(number)).expires_at != held.expires_at


async def test_the_eleventh_time_in_a_year_is_one_too_many(shop: Shop, seller_server: SellerServer) -> None:
    numbers = [await opened(shop) for _ in range(CHANCES + 2)]
    results = await asyncio.gather(*(shop.unsubscribe(number) for number in numbers), return_exceptions=True)
    refused = [one for one in results if isinstance(one, BaseException)]
    assert [type(one) for one in refused] == [NoChanceLeft] * 2
    assert await shop.sql("SELECT max(number), count(*) FROM unsubscribe_chances") == [(CHANCES, CHANCES)]
    left = next(number for number, one in zip(numbers, results, strict=True) if isinstance(one, NoChanceLeft))
    assert (await shop.subscription(left)).state == "active"


async def test_a_new_year_brings_new_chances(shop: Shop, seller_server: SellerServer) -> None:
    numbers = [await opened(shop) for _ in range(CHANCES)]
    for number in numbers:
        await shop.unsubscribe(number)
    await shop.run_due(305 * DAYS)
    assert await shop.unsubscribe(await opened(shop))


async def test_what_is_somebody_elses_is_not_there(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    held = await shop.subscription(number)
    own = shop.installation
    for actor in (shop.world.other_buyer, shop.world.other_seller):
        async with own.db.transaction(actor) as tx:
            for verb in (
                own.subscriptions.renew(tx, held.id, Renewal(1)),
                own.subscriptions.change(tx, held.id, shop.world.seats, 5),
                own.subscriptions.renew_automatically(tx, held.id, True),
                own.ending.unsubscribe(tx, held.id),
                own.ending.cancel_renewal(tx, held.id),
            ):
                with pytest.raises(SubscriptionNotFound):
                    await verb


async def test_a_price_that_is_not_the_one_seen_is_not_ordered(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    held = await shop.subscription(number)
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        with pytest.raises(PriceChanged):
            await shop.installation.subscriptions.renew(tx, held.id, Renewal(1), expected_total=1)
        with pytest.raises(PriceChanged):
            await shop.installation.ending.unsubscribe(tx, held.id, expected_refund=1)


async def test_what_is_not_offered_is_refused(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    with pytest.raises(ChangeNotOffered):
        await shop.order_change(number, shop.world.standard, 1)
    with pytest.raises(Invalid):
        await shop.order_change(number, shop.world.seats, 7)
    with pytest.raises(NotATrial):
        await shop.convert(number)
    with pytest.raises(TrialNotOffered):
        await shop.try_out(shop.world.seats_monthly)
    seats = await shop.buy(shop.world.seats_monthly, quantity=20)
    await shop.run_due()
    with pytest.raises(Invalid):
        await shop.order_change(seats, shop.world.seats, 25)  # it grows by tens
    trial = await shop.try_out()
    await shop.run_due()
    with pytest.raises(TrialFirst):
        await shop.order_renewal(trial)
    once = await shop.buy(shop.world.one_time, periods=None)
    await shop.run_due()
    with pytest.raises(NotBoughtByThePeriod):
        await shop.order_renewal(once)


async def test_a_change_is_not_paid_before_the_seller_allows_it(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy(shop.world.seats_monthly, quantity=20)
    await shop.run_due(2 * DAYS)
    renewal = await shop.order_renewal(number, 1, None, 10)
    with pytest.raises(AwaitingSeller):
        await shop.pay(renewal)


async def test_a_seller_that_does_not_say_in_time_has_said_no(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy(shop.world.seats_monthly, quantity=20)
    await shop.run_due(2 * DAYS)
    await seller_server.down()
    renewal = await shop.order_renewal(number, 1, None, 10)
    await shop.run_due(timedelta(minutes=10))
    assert (await shop.order(renewal)).cancel_reason == "seller_refused"
    await seller_server.up()
    assert await shop.order_renewal(number), "and the way is free for another order"


async def test_a_change_its_seller_can_no_longer_be_told_of_is_not_paid(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy(shop.world.seats_monthly, quantity=5)
    await shop.run_due(10 * DAYS)
    renewal = await shop.order_renewal(number, 1, None, 10)
    await shop.run_due()
    assert (await shop.order(renewal)).check_state == "passed"
    await shop.sql("UPDATE endpoints SET generation = 'V1'")
    with pytest.raises(QuoteStale):
        await shop.pay(renewal)
    assert (await shop.order(renewal)).state == "pending_payment"


async def test_a_first_generation_trial_is_converted_in_the_quantity_it_has(
    shop: Shop, seller_server: SellerServer
) -> None:
    world = shop.world
    await shop.sql(f"UPDATE skus SET trial_days = 14 WHERE id = '{world.seats}'")
    number = await shop.try_out(world.seats_monthly)
    await shop.run_due()
    held = await shop.subscription(number)
    await shop.sql("UPDATE endpoints SET generation = 'V1'")
    convert, quote = Renewal(1, quantity=10), shop.installation.subscriptions.quote_conversion
    async with shop.installation.db.read() as reader:
        with pytest.raises(ChangeNotOffered):
            await quote(reader, world.buyer, held.id, convert)
        assert (await quote(reader, world.buyer, held.id, Renewal(1))).quantity == held.quantity


async def test_suspending_while_a_renewal_ends_is_no_ring(shop: Shop, seller_server: SellerServer) -> None:
    """Whoever ends the order holds the instance and then takes the subscription; so does who suspends meanwhile."""
    number = await opened(shop)
    renewal = await shop.order(await shop.renew(number))
    held, ending = await shop.subscription(number), asyncio.Event()

    async def end() -> None:
        async with shop.installation.db.transaction(SYSTEM) as tx:
            await tx.execute("SELECT FROM instances WHERE id = %(id)s FOR NO KEY UPDATE", {"id": held.id})
            ending.set()
            await asyncio.sleep(0.3)
            await tx.record("instance.renewed", "order", renewal.id, {"instance": held.id})

    async def suspend() -> None:
        await ending.wait()
        await shop.suspend(number)

    await asyncio.gather(end(), suspend())
    held = await shop.subscription(number)
    assert held.suspended_at
    assert (await shop.order(renewal.number)).state == "completed"
