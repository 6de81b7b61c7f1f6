"""Fairness between sellers: circuits that open, probe and close; a rate; a dead server costs the others nothing."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.conftest import sandbox_settings
from tests.world import NOWHERE, SellerServer, Shop, serving

from tradehall.installation import Installation
from tradehall.kernel.clock import StillClock
from tradehall.kernel.journal import Actor, verify
from tradehall.provisioning import circuits
from tradehall.provisioning import health as health_of
from tradehall.provisioning.caller import SellerCalls
from tradehall.provisioning.circuits import Circuit
from tradehall.settings import Settings

SECONDS = timedelta(seconds=1)
MINUTES = timedelta(minutes=1)
TRIPS_AT = 5


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(seller_concurrency=1, pool_size=24)


@pytest.fixture
async def dead(shop: Shop, seller_server: SellerServer) -> None:
    """The first seller's server is away; the other's is there."""
    await away(shop)


async def away(shop: Shop) -> None:
    await shop.sql(
        "UPDATE endpoints SET address = %(at)s WHERE id = %(id)s", {"at": NOWHERE, "id": shop.world.endpoint}
    )


async def back(shop: Shop, server: SellerServer) -> None:
    """As if the server had come up where it was: nobody changes a setting."""
    await shop.sql(
        "UPDATE endpoints SET address = %(at)s WHERE id = %(id)s", {"at": server.url, "id": shop.world.endpoint}
    )


async def circuit(shop: Shop) -> Circuit:
    async with shop.installation.db.read() as reader:
        (found,) = await circuits.circuits(reader, shop.world.seller, shop.installation.settings.circuit_failures)
    return found


async def tries(shop: Shop) -> list[datetime]:
    """When the first seller was really called, in order."""
    rows = await shop.sql(
        """
        SELECT a.started_at FROM call_attempts a JOIN seller_calls c ON c.id = a.call_id
        WHERE c.endpoint_id = %(id)s AND a.trouble IS DISTINCT FROM 'circuit_open' ORDER BY a.started_at
        """,
        {"id": shop.world.endpoint},
    )
    return [at for (at,) in rows]


async def states(shop: Shop, numbers: list[str]) -> Counter[str]:
    return Counter([(await shop.order(number)).state for number in numbers])


async def noted(shop: Shop) -> list[str]:
    """What the journal says of circuits; every chain is whole."""
    async with shop.installation.db.read() as reader:
        assert [flaw async for _, flaw in verify(reader.connection) if flaw] == []
        return await reader.fetch_values(
            "SELECT kind FROM events WHERE subject_kind = 'endpoint' AND kind LIKE 'circuit.%%' ORDER BY seq", {}
        )


async def trip(shop: Shop, orders: int = 12) -> list[str]:
    """Buys from the dead seller until its circuit is open."""
    numbers = [await shop.buy() for _ in range(orders)]
    await shop.run_due()
    assert (await circuit(shop)).state == "open"
    return numbers


# --- Opening ---------------------------------------------------------------------------------------------------------


async def test_after_five_calls_in_a_row_without_an_answer_the_rest_wait(shop: Shop, dead: None) -> None:
    for _ in range(3):
        await shop.buy()
    await shop.run_due()
    seen = await circuit(shop)
    assert (seen.state, seen.failures_in_a_row, seen.trips_at, seen.waiting) == ("counting", 3, TRIPS_AT, 3)
    numbers = [await shop.buy() for _ in range(9)]
    await shop.run_due()
    assert len(await tries(shop)) == TRIPS_AT
    seen = await circuit(shop)
    assert (seen.state, seen.failures_in_a_row, seen.waiting) == ("open", TRIPS_AT, 12)
    assert seen.opened_at == shop.clock.now()
    assert seen.next_probe_at == shop.clock.now() + MINUTES
    assert await shop.installation.worker().next_due() == seen.next_probe_at
    assert await states(shop, numbers) == {"processing": 9}
    assert await noted(shop) == ["circuit.opened"]


async def test_one_order_alone_keeps_the_protocols_pace(shop: Shop, dead: None) -> None:
    """However often one call fails it is one call: nothing is gained by calling less often than every three minutes."""
    await shop.buy()
    begun = shop.clock.now()
    await shop.run_due(60 * MINUTES)
    assert await tries(shop) == [begun + 3 * number * MINUTES for number in range(21)]
    assert (await circuit(shop)).state == "counting"


@pytest.mark.parametrize("manner", ["trouble", "refusing", "sold_out", "nothing", "int_code"])
async def test_refusals_do_not_count(shop: Shop, seller_server: SellerServer, manner: Any) -> None:
    seller_server.manner = manner
    for _ in range(3 * TRIPS_AT):
        await shop.buy()
    await shop.run_due()
    assert len(await tries(shop)) == 3 * TRIPS_AT
    assert (await circuit(shop)).state == "closed"
    assert await shop.sql("SELECT * FROM circuits") == []


@pytest.mark.parametrize("manner", ["html", "crash", "hang"])
async def test_gateways_errors_and_silence_count(shop: Shop, seller_server: SellerServer, manner: Any) -> None:
    settings = sandbox_settings(seller_concurrency=1, call_timeout=0.1 * SECONDS)
    seller_server.manner = manner
    for _ in range(2 * TRIPS_AT):
        await shop.buy()
    async with Installation(settings, shop.installation.db.dsn, shop.clock) as impatient:
        await shop.run_due(worker=impatient.worker())
    assert len(await tries(shop)) == TRIPS_AT
    assert (await circuit(shop)).state == "open"


async def test_one_answer_begins_the_count_anew_and_good_calls_leave_no_trace(
    shop: Shop, seller_server: SellerServer
) -> None:
    await shop.buy()
    await shop.run_due()
    assert await shop.sql("SELECT * FROM circuits") == []
    await away(shop)
    for _ in range(TRIPS_AT - 1):
        await shop.buy()
    await shop.run_due()
    assert (await circuit(shop)).failures_in_a_row == TRIPS_AT - 1
    seller_server.manner = "trouble"
    await back(shop, seller_server)
    await shop.buy()
    await shop.run_due()
    assert (await circuit(shop)).state == "closed"
    assert await noted(shop) == []


async def test_what_a_dead_worker_leaves_behind_counts_once(shop: Shop, seller_server: SellerServer) -> None:
    numbers = [await shop.buy() for _ in range(8)]
    own = shop.installation
    eight = SellerCalls(own.db, own.settling, own.outbound, own.seal, sandbox_settings(seller_concurrency=8))
    assert len(await eight.claim(8)) == 8
    await shop.end_leases()
    again = await eight.claim(8)
    assert (await circuit(shop)).failures_in_a_row == 1
    assert len(again) == 2, "a server that failed last is called with care"
    for job in again:
        await job()
    await shop.run_due()
    assert await states(shop, numbers) == {"completed": 8}


async def test_with_the_setting_off_nothing_ever_waits(shop: Shop, dead: None) -> None:
    settings = sandbox_settings(seller_concurrency=1, circuit_failures=0)
    async with Installation(settings, shop.installation.db.dsn, shop.clock) as without:
        for _ in range(3 * TRIPS_AT):
            await shop.buy()
        await shop.run_due(worker=without.worker())
    assert len(await tries(shop)) == 3 * TRIPS_AT
    async with shop.installation.db.read() as reader:
        (seen,) = await circuits.circuits(reader, shop.world.seller, 0)
    assert (seen.state, seen.trips_at) == ("closed", 0)


# --- While it is open ------------------------------------------------------------------------------------------------


async def test_of_many_workers_one_makes_the_probe(shop: Shop, dead: None, database: str) -> None:
    await trip(shop, 40)
    called = len(await tries(shop))
    shop.clock.advance(MINUTES)
    many = sandbox_settings(seller_concurrency=8)
    async with (
        Installation(many, database, shop.clock) as one,
        Installation(many, database, shop.clock) as another,
    ):
        workers = [
            SellerCalls(own.db, own.settling, own.outbound, own.seal, many)
            for own in (one, another, shop.installation)
            for _ in range(4)
        ]
        claims = await asyncio.gather(*(worker.claim(8) for worker in workers))
        (probe,) = [job for jobs in claims for job in jobs]
        assert (await circuit(shop)).state == "half_open"
        async with shop.installation.db.read() as reader:
            ((ends,),) = await shop.sql("SELECT min(window_ends_at) FROM seller_calls WHERE state = 'waiting'")
            assert await workers[0].next_due(reader) == ends
        assert await asyncio.gather(*(worker.claim(8) for worker in workers)) == [[]] * len(workers)
        await probe()
    assert len(await tries(shop)) == called + 1
    assert (await circuit(shop)).state == "open"


async def test_probes_go_out_less_and_less_often(shop: Shop, dead: None) -> None:
    await trip(shop, 40)
    opened = shop.clock.now()
    await shop.run_due(46 * MINUTES)
    probes = [(at - opened) / MINUTES for at in (await tries(shop))[TRIPS_AT:]]
    assert probes == [1, 3, 7, 15, 25, 35, 45]
    assert await noted(shop) == ["circuit.opened"]


async def test_the_probes_success_closes_it_and_everything_drains(
    shop: Shop, seller_server: SellerServer, dead: None
) -> None:
    numbers = await trip(shop, 30)
    await shop.run_due(30 * SECONDS)
    await back(shop, seller_server)
    await shop.run_due(29 * SECONDS)
    assert seller_server.calls == []
    await shop.run_due(SECONDS)
    assert await states(shop, numbers) == {"completed": 30}
    opened = Counter(body["orderId"] for body in seller_server.bodies("newInstance"))
    assert set(opened.values()) == {1}
    seen = await circuit(shop)
    assert (seen.state, seen.failures_in_a_row, seen.waiting, seen.next_probe_at) == ("closed", 0, 0, None)
    assert await noted(shop) == ["circuit.opened", "circuit.closed"]


async def test_a_refusal_closes_it_too(shop: Shop, seller_server: SellerServer, dead: None) -> None:
    await trip(shop)
    seller_server.manner = "sold_out"
    await back(shop, seller_server)
    await shop.run_due(MINUTES)
    assert (await circuit(shop)).state == "closed"
    assert len(seller_server.calls) == 12


async def test_a_probe_whose_worker_dies_is_made_by_another(
    shop: Shop, seller_server: SellerServer, dead: None
) -> None:
    numbers = await trip(shop)
    await back(shop, seller_server)
    shop.clock.advance(MINUTES)
    assert len(await shop.seller_calls().claim(8)) == 1
    await shop.end_leases()
    await shop.run_due()
    assert await states(shop, numbers) == {"completed": 12}


async def test_every_call_is_given_up_on_time_and_the_money_returned(shop: Shop, dead: None) -> None:
    """Sixty orders, and a server that would take each last try to its time-out."""
    settings = sandbox_settings(seller_concurrency=2, worker_concurrency=40)
    window = settings.new_instance_window
    async with Installation(settings, shop.installation.db.dsn, shop.clock) as own:
        numbers = [await shop.buy() for _ in range(20)]
        first = shop.clock.now()
        await shop.run_due(10 * MINUTES, worker=own.worker())
        numbers += [await shop.buy() for _ in range(40)]
        second = shop.clock.now()
        await shop.run_due(first + window - MINUTES, worker=own.worker())
        assert await states(shop, numbers) == {"processing": 60}
        await shop.run_due(first + window, worker=own.worker())
        assert await states(shop, numbers) == {"cancelled": 20, "processing": 40}
        await shop.run_due(second + window, worker=own.worker())
    assert await states(shop, numbers) == {"cancelled": 60}
    assert {(await shop.order(number)).refund_state for number in numbers} == {"refunded"}
    untried = await shop.sql(
        "SELECT number, url, verdict FROM call_attempts WHERE trouble = 'circuit_open' ORDER BY number"
    )
    assert len(untried) == 60 - 2 * settings.seller_concurrency
    assert {(url, verdict) for _, url, verdict in untried} == {("", "unreachable")}
    # Nothing was sent, so there is nothing a seller would have to release.
    assert await shop.sql("SELECT 1 FROM seller_calls WHERE purpose = 'release'") == []
    assert await noted(shop) == ["circuit.opened"]


async def test_the_first_to_come_to_its_end_is_tried_and_may_save_the_others(
    shop: Shop, seller_server: SellerServer, dead: None
) -> None:
    numbers = await trip(shop)
    begun = shop.clock.now()
    window = shop.installation.settings.new_instance_window
    await shop.run_due(begun + window - SECONDS)
    await back(shop, seller_server)
    await shop.run_due(SECONDS)
    assert await states(shop, numbers) == {"completed": 12}


async def test_a_call_held_back_does_not_get_its_window_twice(
    shop: Shop, seller_server: SellerServer, dead: None
) -> None:
    """Untried calls get their whole window from the first try, for workers may have been away; not for a server that
    was."""
    numbers = await trip(shop)
    begun = shop.clock.now()
    window = shop.installation.settings.new_instance_window
    await shop.run_due(150 * MINUTES)
    seller_server.manner = "trouble"
    await back(shop, seller_server)
    await shop.run_due(begun + window)
    assert await states(shop, numbers) == {"cancelled": 12}


async def test_an_untried_call_whose_worker_dies_was_not_sent(shop: Shop, dead: None) -> None:
    await trip(shop)
    shop.clock.advance(shop.installation.settings.new_instance_window)
    await shop.seller_calls().claim(1)
    await shop.sql("UPDATE seller_calls SET untried = true WHERE state = 'running'")
    before = await shop.sql("SELECT count(*) FROM instances WHERE outcome_unknown")
    await shop.end_leases()
    await shop.run_due()
    assert await shop.sql("SELECT count(*) FROM instances WHERE outcome_unknown") == before


# --- People ----------------------------------------------------------------------------------------------------------


async def test_a_restart_goes_out_although_it_is_open_and_its_failure_changes_nothing(shop: Shop, dead: None) -> None:
    numbers = await trip(shop)
    probe_at = (await circuit(shop)).next_probe_at
    called = len(await tries(shop))
    call = await shop.call(numbers[-1], "newInstance")
    assert (call.attempts, call.state, call.due_at) == (0, "waiting", shop.clock.now())
    await asyncio.gather(*(shop.restart(call) for _ in range(20)))
    assert (await shop.kinds(numbers[-1])).count("call.restarted") == 1
    await shop.run_due()
    assert len(await tries(shop)) == called + 1
    assert len(await shop.attempts(call)) == 1
    seen = await circuit(shop)
    assert (seen.state, seen.next_probe_at) == ("open", probe_at)
    await shop.run_due(30 * SECONDS)
    assert len(await tries(shop)) == called + 1


async def test_a_restart_that_succeeds_closes_it(shop: Shop, seller_server: SellerServer, dead: None) -> None:
    numbers = await trip(shop)
    await back(shop, seller_server)
    await shop.restart(await shop.call(numbers[-1], "newInstance"))
    await shop.run_due()
    assert await states(shop, numbers) == {"completed": 12}


async def test_an_endpoint_that_was_put_right_is_probed_at_once(
    shop: Shop, seller_server: SellerServer, dead: None
) -> None:
    numbers = await trip(shop)
    await shop.point_endpoint(shop.world.endpoint, seller_server.url)
    await shop.run_due()
    assert await states(shop, numbers) == {"completed": 12}


async def test_who_sees_which_circuits(shop: Shop, dead: None) -> None:
    await trip(shop)

    async def seen_by(viewer: Actor) -> list[tuple[Any, str]]:
        async with shop.installation.db.read() as reader:
            return [(one.endpoint_id, one.state) for one in await circuits.circuits(reader, viewer, TRIPS_AT)]

    world = shop.world
    assert await seen_by(world.seller) == [(world.endpoint, "open")]
    assert await seen_by(world.other_seller) == [(world.other_endpoint, "closed")]
    assert await seen_by(world.operator) == [(world.endpoint, "open")]
    assert await seen_by(world.buyer) == []


# --- The others ------------------------------------------------------------------------------------------------------


async def test_another_sellers_orders_open_as_ever(shop: Shop, dead: None) -> None:
    await trip(shop, 30)
    others = [await shop.buy(shop.world.other_price) for _ in range(10)]
    await shop.run_due()
    assert await states(shop, others) == {"completed": 10}


async def test_a_server_that_failed_last_occupies_two_places_at_most(shop: Shop, clock: StillClock) -> None:
    settings = sandbox_settings(seller_concurrency=8, circuit_failures=100, call_timeout=0.2 * SECONDS)

    async def hang(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(5)

    async with serving(hang) as stuck, Installation(settings, shop.installation.db.dsn, clock) as own:
        await shop.point_endpoint(shop.world.endpoint, stuck.url)
        await shop.buy()
        await shop.run_due(worker=own.worker())
        stuck.busiest = stuck.busy
        for _ in range(8):
            await shop.buy()
        working = asyncio.create_task(own.worker().run_until_idle())
        await asyncio.sleep(0.1)
        assert await shop.sql("SELECT count(*) FROM seller_calls WHERE state = 'running'") == [(2,)]
        await working
        assert len(await tries(shop)) == 9


async def test_a_claim_does_not_walk_what_a_dead_seller_has_waiting(shop: Shop, dead: None) -> None:
    await trip(shop)
    await shop.sql(
        """
        INSERT INTO seller_calls (id, seller_id, endpoint_id, activity, purpose, lane, order_id, order_number,
                                  line_number, state, due_at, window_ends_at, request_id, created_at)
        SELECT gen_random_uuid(), seller_id, endpoint_id, 'orderNotify', 'notify', gen_random_uuid(), order_id,
               order_number, line_number, 'waiting', due_at, window_ends_at, '', created_at
        FROM (SELECT * FROM seller_calls LIMIT 1) one, generate_series(1, 5000)
        """
    )
    await shop.sql("ANALYZE seller_calls")
    shop.clock.advance(10 * SECONDS)
    db = shop.installation.db
    async with db.transaction(Actor("system")) as tx:
        claimed = await tx.fetch_values(
            """
            SELECT id FROM claim_seller_calls(gen_random_uuid(), %(now)s, 32, 8, interval '1 minute', 500, 5,
                                              interval '1 minute', interval '10 minutes')
            """,
            {"now": tx.now},
        )
        assert claimed == []
        read = await tx.fetch_value(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'seller_calls'"
        )
    assert read < 50
    async with db.read() as reader:
        backlog = await health_of.backlog(reader)
    assert (backlog.waiting, backlog.late_seconds) == (0, 0)


# --- The rate --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1, 4])
async def test_a_seller_is_called_no_more_often_than_its_rate(
    shop: Shop, seller_server: SellerServer, database: str, rate: int
) -> None:
    limited = sandbox_settings(seller_rate=rate)
    numbers = [await shop.buy() for _ in range(12)]
    others = [await shop.buy(shop.world.other_price) for _ in range(2)]
    async with Installation(limited, database, shop.clock) as own:
        await shop.run_due(3 * SECONDS, worker=own.worker())
        assert (await states(shop, numbers))["completed"] < 12
        assert (await states(shop, others))["completed"] >= 1
        await shop.run_due(30 * SECONDS, worker=own.worker())
    assert await states(shop, numbers) == {"completed": 12}
    at = await tries(shop)
    assert len(at) == 24
    # In no stretch of time more than its seconds allow, and a bucket full.
    for first in range(len(at)):
        for last in range(first, len(at)):
            assert last - first + 1 <= (at[last] - at[first]) / SECONDS * rate + max(rate, 2) + 1
    assert (at[-1] - at[0]) / SECONDS < 24 / rate + 1


async def test_without_a_rate_no_bucket_is_kept(shop: Shop, seller_server: SellerServer, database: str) -> None:
    await shop.buy()
    async with Installation(sandbox_settings(seller_rate=0), database, shop.clock) as own:
        await shop.run_due(worker=own.worker())
    assert await shop.sql("SELECT * FROM seller_rates") == []
    assert len(seller_server.calls) == 2
