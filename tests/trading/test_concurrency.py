"""Fifty at once have one effect, on a real PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from tests.conftest import sandbox_settings
from tests.world import SellerServer, Shop

from tradehall.kernel.db import DATABASE_AWAY
from tradehall.kernel.due import DueRow
from tradehall.kernel.errors import Problem
from tradehall.kernel.idempotency import IdempotencyKeyReused, keyed
from tradehall.settings import Settings
from tradehall.trading import actions as trading
from tradehall.trading.errors import OrderAlreadyPaid, OrderMovedOn

AT_ONCE = 50


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(pool_size=24)


async def outcomes(coroutines: list[Coroutine[Any, Any, Any]]) -> Counter[str]:
    """How many of them came to what: "done", or the name of the problem. Anything else is raised."""
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Problem):
            raise result
    return Counter(type(result).__name__ if isinstance(result, Problem) else "done" for result in results)


async def place_once(shop: Shop, key: str, request: bytes = b"one month of the suite") -> bytes:
    """Places an order as the API does, under an idempotency key."""
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        assert tx.actor.person_id
        write = await keyed(tx, tx.actor.person_id, key, request)
        if write.replay is not None:
            return write.replay
        placed = await trading.place(
            tx, price_id=shop.world.monthly, quantity=1, period_number=1, unpaid_ttl=timedelta(days=7)
        )
        await write.keep(placed.number.encode())
        return placed.number.encode()


async def test_fifty_orders_under_one_key_are_one_order(shop: Shop) -> None:
    answers = await asyncio.gather(*(place_once(shop, "k") for _ in range(AT_ONCE)))
    assert len(set(answers)) == 1
    assert await shop.sql("SELECT number FROM orders") == [(answers[0].decode(),)]
    assert await shop.kinds(answers[0].decode()) == ["order.placed"]


async def test_a_key_stands_for_one_request_only(shop: Shop) -> None:
    await place_once(shop, "k")
    with pytest.raises(IdempotencyKeyReused):
        await place_once(shop, "k", b"two months of the suite")


async def test_a_key_of_a_request_that_failed_is_free_again(shop: Shop) -> None:
    await shop.sql("UPDATE products SET state = 'off_sale'")
    with pytest.raises(Problem):
        await place_once(shop, "k")
    await shop.sql("UPDATE products SET state = 'on_sale'")
    assert await place_once(shop, "k")


async def test_the_same_key_of_two_people_is_two_keys(shop: Shop) -> None:
    async def place(by: Any) -> bytes | None:
        async with shop.installation.db.transaction(by) as tx:
            write = await keyed(tx, by.person_id, "k", b"same")
            await write.keep(b"answer")
            return write.replay

    assert await place(shop.world.buyer) is None
    assert await place(shop.world.other_buyer) is None
    assert await place(shop.world.buyer) == b"answer"


async def test_fifty_payments_are_one_payment_and_one_instance(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.place()
    assert await outcomes([shop.pay(number) for _ in range(AT_ONCE)]) == {"done": AT_ONCE}
    assert await shop.sql("SELECT count(*), sum(amount_minor) FROM payments") == [(1, 9_900)]
    assert await shop.sql("SELECT count(*) FROM instances") == [(1,)]
    await shop.run_due()
    assert await shop.kinds(number) == ["order.placed", "order.paid", "instance.opened", "order.completed"]
    assert len(seller_server.bodies("newInstance")) == 1


async def test_of_paying_and_cancelling_at_once_one_wins(shop: Shop) -> None:
    for _ in range(5):
        number = await shop.place()
        tries = [verb(number) for _ in range(AT_ONCE // 10) for verb in (shop.pay, shop.cancel)]
        came = await outcomes(tries)
        order = await shop.order(number)
        paid = await shop.sql(f"SELECT count(*) FROM payments WHERE order_id = '{order.id}'")
        if order.state == "processing":
            assert came == {"done": 5, OrderAlreadyPaid.__name__: 5}
            assert paid == [(1,)]
        else:
            assert (order.state, order.cancel_reason) == ("cancelled", "buyer")
            assert came == {"done": 5, OrderMovedOn.__name__: 5}
            assert paid == [(0,)]


async def test_fifty_orders_placed_at_once_have_fifty_numbers(shop: Shop) -> None:
    numbers = await asyncio.gather(*(shop.place() for _ in range(AT_ONCE)))
    assert len(set(numbers)) == AT_ONCE


async def test_paying_at_the_moment_of_expiry_is_one_or_the_other(shop: Shop) -> None:
    """Neither waits for the other in a ring: the buyer is never told that the database is away."""
    number = await shop.place()
    order = await shop.order(number)
    db = shop.installation.db
    expiring, go_on = asyncio.Event(), asyncio.Event()

    async def expire() -> None:
        # As a worker does: the due row is deleted first, the order's row is changed then.
        async with db.transaction(shop.world.operator) as tx:
            await tx.fetch_value("DELETE FROM due_rows WHERE subject_id = %(id)s RETURNING true", {"id": order.id})
            expiring.set()
            await go_on.wait()
            await trading.expire(tx, DueRow(order.id, trading.EXPIRE, order.id, order.expires_at, 1))

    async def pay() -> None:
        await expiring.wait()
        paying = asyncio.ensure_future(shop.pay(number))
        await _blocked(shop, paying)
        go_on.set()
        await paying

    try:
        results = await asyncio.gather(expire(), pay(), return_exceptions=True)
    finally:
        go_on.set()
    broken = [result for result in results if isinstance(result, DATABASE_AWAY)]
    assert broken == [], "a deadlock"


async def _blocked(shop: Shop, task: asyncio.Future[Any]) -> None:
    """Returns when a backend waits for a lock, or the task is done."""
    async with await psycopg.AsyncConnection.connect(shop.installation.db.dsn, autocommit=True) as connection:
        while not task.done():
            waiting = await connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if await waiting.fetchone():
                return
            await asyncio.sleep(0.01)
