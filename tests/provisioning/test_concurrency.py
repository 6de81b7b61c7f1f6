"""Many workers, many clicks: every call is made once at a time, each seller's cap holds, each lane keeps its order."""

import asyncio
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from tests.conftest import sandbox_settings
from tests.world import SellerServer, Shop, serving

from tradehall.installation import Installation
from tradehall.kernel.errors import Problem
from tradehall.settings import Settings

MINUTES = timedelta(minutes=1)
CAP = 4


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(pool_size=24, seller_concurrency=CAP)


class Slowly:
    """Lets the app wait a little, so that calls overlap, and notes which ran when."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.01)
        await self.app(scope, receive, send)


async def test_two_workers_make_no_call_twice_and_keep_to_the_sellers_cap(
    shop: Shop, seller_server: SellerServer
) -> None:
    seller_server.app = Slowly(seller_server.seller)
    numbers = [await shop.buy() for _ in range(40)]
    workers = [shop.installation.worker() for _ in range(2)]
    for _ in range(20):
        await asyncio.gather(*(worker.run_until_idle() for worker in workers))
        if not await shop.sql("SELECT 1 FROM seller_calls WHERE state IN ('waiting', 'running', 'queued')"):
            break
    assert Counter(order.state for order in [await shop.order(number) for number in numbers]) == {"completed": 40}
    opened = Counter(body["orderId"] for body in seller_server.bodies("newInstance"))
    asked = Counter(body["instanceId"] for body in seller_server.bodies("queryInstance"))
    assert set(opened.values()) == set(asked.values()) == {1}
    assert len(opened) == len(asked) == 40
    assert 1 < seller_server.busiest <= CAP
    assert await shop.sql("SELECT max(number), count(*) FROM call_attempts") == [(1, 80)]


async def test_workers_in_several_processes_keep_to_the_cap_together(
    shop: Shop, seller_server: SellerServer, database: str, settings: Settings
) -> None:
    """Installations of their own stand for processes: they share the database only."""
    seller_server.app = Slowly(seller_server.seller)
    for _ in range(30):
        await shop.buy()
    async with (
        Installation(settings, database, shop.clock) as one,
        Installation(settings, database, shop.clock) as another,
    ):
        for _ in range(20):
            await asyncio.gather(*(each.worker().run_until_idle() for each in (one, another, shop.installation)))
            if not await shop.sql("SELECT 1 FROM seller_calls WHERE state IN ('waiting', 'running', 'queued')"):
                break
    assert await shop.sql("SELECT count(*) FROM orders WHERE state = 'completed'") == [(30,)]
    assert seller_server.busiest <= CAP
    assert await shop.sql("SELECT max(number) FROM call_attempts") == [(1,)]


async def test_a_seller_that_hangs_takes_no_room_from_another(shop: Shop, seller_server: SellerServer) -> None:
    never = asyncio.Event()

    async def hang(scope: Any, receive: Any, send: Any) -> None:
        await never.wait()

    async with serving(hang) as stuck:
        await shop.point_endpoint(shop.world.other_endpoint, stuck.url)
        for _ in range(3 * CAP):
            await shop.buy(shop.world.other_price)
        worker = shop.installation.worker()
        working = asyncio.create_task(worker.run_until_idle())
        while stuck.busy < CAP:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        mine = await shop.buy()
        async with asyncio.timeout(10):
            while (await shop.order(mine)).state != "completed":
                (job,) = await shop.seller_calls().claim(8) or (None,)
                if job:
                    await job()
                await asyncio.sleep(0.01)
        assert stuck.busiest == CAP
        worker.abort()
        never.set()
        await asyncio.gather(working, return_exceptions=True)


async def test_fifty_clicks_on_restart_are_one_try(shop: Shop, seller_server: SellerServer) -> None:
    seller_server.manner = "trouble"
    number = await shop.buy()
    await shop.run_due(MINUTES)
    call = await shop.call(number, "newInstance")
    results = await asyncio.gather(*(shop.restart(call) for _ in range(50)), return_exceptions=True)
    assert {type(result) for result in results} <= {type(None)}
    assert (await shop.kinds(number)).count("call.restarted") == 1
    await shop.run_due()
    assert len(await shop.attempts(call)) == 2
    results = await asyncio.gather(*(shop.restart(call) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(result, Problem) and result.status == 409 for result in results)


async def test_fifty_clicks_on_a_call_given_up_are_one_try(shop: Shop, seller_server: SellerServer) -> None:
    seller_server.seller.moods["queryInstance"] = "refusing"
    number = await shop.buy()
    await shop.run_due(90 * MINUTES)
    call = await shop.call(number, "queryInstance")
    assert call.state == "failed"
    tried = len(seller_server.bodies("queryInstance"))
    seller_server.seller.moods.clear()
    results = await asyncio.gather(*(shop.restart(call) for _ in range(50)), return_exceptions=True)
    assert set(results) == {None}
    assert (await shop.kinds(number)).count("call.restarted") == 1
    await shop.run_due()
    assert len(seller_server.bodies("queryInstance")) == tried + 1


async def test_restarting_while_the_call_is_under_way_never_makes_it_twice(
    shop: Shop, seller_server: SellerServer
) -> None:
    seller_server.manner = "trouble"
    seller_server.app = Slowly(seller_server.seller)
    number = await shop.buy()
    await shop.run_due(MINUTES)
    call = await shop.call(number, "newInstance")
    clicks = [shop.restart(call) for _ in range(10)]
    await asyncio.gather(shop.run_due(), *clicks, shop.run_due(), return_exceptions=True)
    await shop.run_due()
    tries = await shop.attempts(call)
    assert [one.number for one in tries] == list(range(1, len(tries) + 1))
    assert len(seller_server.bodies("newInstance")) == len(tries) <= 2


async def test_fifty_looks_at_an_application_ask_once(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due(10 * MINUTES)
    instance = await shop.instance(number)

    async def look() -> bool:
        async with shop.installation.db.transaction(shop.world.buyer) as tx:
            return await shop.installation.provisioning.refresh_details(tx, instance.id)

    assert Counter(await asyncio.gather(*(look() for _ in range(50)))) == {True: 1, False: 49}
    await shop.run_due()
    assert len(seller_server.bodies("queryInstance")) == 2


async def test_calls_of_a_lane_never_overlap_and_keep_their_order(shop: Shop, seller_server: SellerServer) -> None:
    under_way: defaultdict[str, int] = defaultdict(int)
    overlapped: list[str] = []
    inner = Slowly(seller_server.seller)

    async def watch(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        subject = str(seller_server.port)
        for word in message["body"].decode().split('"'):
            if word.startswith("CS") or "-" in word:
                subject = word
                break
        under_way[subject] += 1
        if under_way[subject] > 1:
            overlapped.append(subject)

        async def again() -> Any:
            return message

        try:
            await inner(scope, again, send)
        finally:
            under_way[subject] -= 1

    seller_server.app = watch
    seller_server.manner = "slow"
    seller_server.seller.ready_after = 20
    numbers = [await shop.buy() for _ in range(12)]
    workers = [shop.installation.worker() for _ in range(2)]
    for _ in range(30):
        await asyncio.gather(*(worker.run_until_idle() for worker in workers))
        moment = await workers[0].next_due()
        if moment is None or moment > shop.clock.now() + MINUTES:
            break
        shop.clock.move_to(max(moment, shop.clock.now()))
    assert overlapped == []
    for number in numbers:
        assert (await shop.order(number)).state == "completed"
        calls = await shop.calls(number)
        assert [call.activity for call in calls] == ["newInstance", "queryInstance"]


async def test_a_takeover_and_a_restart_at_once_do_not_wait_for_each_other_in_a_ring(
    shop: Shop, seller_server: SellerServer
) -> None:
    """A person restarts the very call that is being taken over from a dead worker."""
    number = await shop.buy()
    await shop.seller_calls().claim(8)
    await shop.end_leases()
    call = await shop.call(number, "newInstance")
    db = shop.installation.db
    async with await psycopg.AsyncConnection.connect(db.dsn, autocommit=True) as watcher:
        async with db.transaction(shop.world.seller) as tx:
            # The first half of a restart: the instance's row is locked.
            await tx.fetch_value(
                "SELECT true FROM instances WHERE id = %(id)s FOR NO KEY UPDATE", {"id": call.instance_id}
            )
            claiming = asyncio.ensure_future(shop.seller_calls().claim(8))
            for _ in range(50):
                waiting = await watcher.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                if claiming.done() or await waiting.fetchone():
                    break
                await asyncio.sleep(0.01)
            # The second half: the call's.
            await tx.fetch_value("SELECT true FROM seller_calls WHERE id = %(id)s FOR NO KEY UPDATE", {"id": call.id})
        await claiming
