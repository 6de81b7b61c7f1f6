"""A worker dies with a call under way: another takes it over when the lease ends, and nothing is lost or done twice."""

from datetime import timedelta

import psycopg
import pytest
from tests.world import SellerServer, Shop

from tradehall.provisioning.model import business_id

MINUTES = timedelta(minutes=1)


async def test_a_killed_workers_call_is_taken_over_when_its_lease_ends(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy()
    assert len(await shop.seller_calls().claim(8)) == 1  # and then the machine is switched off

    await shop.run_due()
    assert seller_server.calls == [], "the call is another worker's as long as the lease lasts"
    await shop.end_leases()
    await shop.run_due()

    assert await shop.kinds(number) == ["order.placed", "order.paid", "instance.opened", "order.completed"]
    interrupted, answered = await shop.attempts(await shop.call(number, "newInstance"))
    assert (interrupted.verdict, interrupted.url, interrupted.status) == ("interrupted", None, None)
    assert (interrupted.number, answered.number, answered.verdict) == (1, 2, "success")
    assert [body["businessId"] for body in seller_server.bodies("newInstance")] == [business_id(answered.call_id, 2)]
    assert await shop.sql("SELECT outcome_unknown FROM instances") == [(True,)]


async def test_what_a_killed_worker_may_have_opened_is_released_when_opening_is_given_up(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.seller_calls().claim(8)
    await shop.end_leases()
    await seller_server.down()
    await shop.run_due(3 * 60 * MINUTES - timedelta(seconds=1))
    await seller_server.up()
    seller_server.manner = "sold_out"
    await shop.run_due(60 * MINUTES)
    (release,) = seller_server.bodies("releaseInstance")
    assert release["instanceId"] == business_id((await shop.call(number, "newInstance")).id, 1)
    assert (await shop.order(number)).refund_state == "refunded"


async def test_an_answer_that_comes_after_the_call_was_taken_over_is_put_on_record_only(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    (late,) = await shop.seller_calls().claim(8)
    await shop.end_leases()
    await seller_server.down()
    await shop.run_due()
    await seller_server.up()
    await late()
    first, second = await shop.attempts(await shop.call(number, "newInstance"))
    assert (first.verdict, second.verdict) == ("success", "unreachable")
    assert (await shop.call(number, "newInstance")).state == "waiting"
    await shop.run_due(3 * MINUTES)
    assert (await shop.order(number)).state == "completed"
    assert len(seller_server.seller.book) == 1


async def test_a_call_whose_claim_went_down_with_the_database_is_not_forgotten(
    shop: Shop, seller_server: SellerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seller opened it; then the database was away and came back as it had been before the claim."""
    number = await shop.buy()
    calls = shop.seller_calls()
    (job,) = await calls.claim(8)

    async def away(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("the connection is lost")

    with monkeypatch.context() as patched:
        patched.setattr(shop.installation.settling, "settle", away)
        await job()
    await shop.sql(
        "UPDATE seller_calls SET state = 'waiting', attempts = 0, worker = NULL, leased_until = NULL, verdict = NULL"
    )
    await seller_server.down()
    await calls.claim(8)
    assert await shop.sql("SELECT outcome_unknown FROM instances") == [(True,)]
    assert (await shop.order(number)).state == "processing"


async def test_a_killed_workers_refund_is_carried_out_once(shop: Shop, seller_server: SellerServer) -> None:
    await seller_server.down()
    number = await shop.buy()
    await shop.run_due(3 * 60 * MINUTES - timedelta(seconds=1))
    shop.clock.advance(timedelta(seconds=1))
    (last_try,) = await shop.seller_calls().claim(8)
    await last_try()
    assert (await shop.order(number)).refund_state == "requested"
    await shop.sql(
        "UPDATE due_rows SET attempts = 1, leased_until = now() + interval '2 minutes' WHERE kind = 'order.refund'"
    )
    await shop.run_due()
    assert (await shop.order(number)).refund_state == "requested"
    await shop.end_leases()
    await shop.run_due()
    assert (await shop.order(number)).refund_state == "refunded"
    assert (await shop.kinds(number)).count("order.refunded") == 1
