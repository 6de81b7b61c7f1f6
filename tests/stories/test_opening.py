"""How an instance comes to run: at once, later, after trouble, under whatever name."""

import time
from datetime import UTC, datetime, timedelta

from tests.world import SellerServer, Shop

from tradehall.kernel.journal import SYSTEM
from tradehall.provisioning import lane
from tradehall.provisioning.model import business_id

MINUTES = timedelta(minutes=1)


async def test_an_instant_seller_opens_the_instance_at_once(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.buy(periods=3)
    await shop.run_due()
    order, instance = await shop.order(number), await shop.instance(number)
    assert await shop.events(number) == [
        (
            "order.placed",
            {"number": number, "total_minor": 29_700, "currency": "CNY", "product": str(shop.world.product)},
        ),
        ("order.paid", {"gateway": "test", "reference": order.payment_reference, "amount_minor": 29_700}),
        ("instance.opened", {"instance": str(instance.id)}),
        ("order.completed", {"expires_at": "2026-06-02T09:00:00Z"}),
    ]
    assert order.state == "completed"
    assert instance.state == "running"
    opening = await shop.call(number, "newInstance")
    assert instance.seller_instance_id == business_id(opening.id, 1)
    assert instance.expires_at == datetime(2026, 6, 2, 9, tzinfo=UTC)
    assert instance.details_at == shop.clock.now()
    assert instance.front_end_url == f"https://app.example.com/?instance={instance.seller_instance_id}"
    assert [call.activity for call in await shop.calls(number)] == ["newInstance", "queryInstance"]
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        password = await shop.installation.provisioning.reveal_password(tx, instance.id)
    assert password
    (described,) = await shop.attempts(await shop.call(number, "queryInstance"))
    assert password not in (described.response_body or "")
    assert '"password":"••••••"' in (described.response_body or "").replace(" ", "")


async def test_the_request_id_of_the_payment_follows_the_order_through_its_calls(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    assert {call.request_id for call in await shop.calls(number)} == {"pay"}


async def test_opening_later_is_polled_with_a_pause_that_doubles_to_a_minute(
    shop: Shop, seller_server: SellerServer
) -> None:
    seller_server.manner = "slow"
    seller_server.seller.ready_after = 300
    begun = shop.clock.now()
    number = await shop.buy()
    await shop.run_due(10 * MINUTES)
    polls = await shop.attempts(await shop.call(number, "queryInstance"))
    assert [(poll.started_at - begun).total_seconds() for poll in polls] == [
        2, 4, 8, 16, 32, 64, 124, 184, 244, 304,
    ]  # fmt: skip
    assert [poll.verdict for poll in polls] == ["in_progress"] * 9 + ["success"]
    assert [poll.result_code for poll in polls] == ["000004"] * 9 + ["000000"]
    assert await shop.kinds(number) == [
        "order.placed",
        "order.paid",
        "instance.accepted",
        "instance.opened",
        "order.completed",
    ]
    instance = await shop.instance(number)
    assert instance.opened_at == begun + timedelta(seconds=304)
    assert instance.details_at == instance.opened_at
    assert len(seller_server.bodies("newInstance")) == 1


async def test_a_seller_that_is_down_for_an_hour_is_tried_at_every_interval(
    shop: Shop, seller_server: SellerServer
) -> None:
    await seller_server.down()
    begun = shop.clock.now()
    number = await shop.buy()
    await shop.run_due(60 * MINUTES - timedelta(seconds=1))
    await seller_server.up()
    await shop.run_due(60 * MINUTES)

    events = await shop.events(number)
    assert [kind for kind, _ in events] == [
        "order.placed",
        "order.paid",
        *["call.failed"] * 20,
        "instance.opened",
        "order.completed",
    ]
    assert events[2][1] == {
        "activity": "newInstance",
        "attempt": 1,
        "verdict": "unreachable",
        "code": None,
        "trouble": "unreachable",
        "message": events[2][1]["message"],
        "again_at": "2026-03-02T09:03:00Z",
    }
    tries = await shop.attempts(await shop.call(number, "newInstance"))
    assert [one.started_at - begun for one in tries] == [3 * n * MINUTES for n in range(21)]


async def test_every_try_has_a_new_business_id_nonce_and_timestamp_for_the_same_order_line(
    shop: Shop, seller_server: SellerServer
) -> None:
    seller_server.manner = "trouble"
    number = await shop.buy()
    await shop.run_due(15 * MINUTES)
    bodies = seller_server.bodies("newInstance")
    assert len(bodies) == 6
    assert {(body["orderId"], body["orderLineId"]) for body in bodies} == {(number, f"{number}-000001")}
    assert all("testFlag" not in body for body in bodies)
    assert len({body["businessId"] for body in bodies}) == 6
    calls = [received.call for received in seller_server.calls if received.call]
    assert len({call.nonce for call in calls}) == 6
    # Timestamps are the machine's, which sellers compare with their own clocks; a sandbox's clock is its own affair.
    stamps = [call.timestamp_ms for call in calls]
    assert stamps == sorted(set(stamps))
    assert abs(stamps[-1] - time.time() * 1000) < 60_000
    # Nobody opened anything so far: a plain refusal leaves no doubt.
    assert await shop.sql("SELECT outcome_unknown FROM instances") == [(False,)]


async def test_the_first_name_a_seller_gives_is_kept(shop: Shop, seller_server: SellerServer) -> None:
    seller_server.manner = "fresh_ids"
    number = await shop.buy()
    await shop.run_due(10 * MINUTES)
    instance = await shop.instance(number)
    first = business_id((await shop.call(number, "newInstance")).id, 1)
    assert instance.seller_instance_id
    assert instance.seller_instance_id.startswith(first + "+/=")
    assert [body["instanceId"] for body in seller_server.bodies("queryInstance")] == [instance.seller_instance_id]
    assert instance.front_end_url
    assert (await shop.order(number)).state == "completed"


async def test_an_answer_lost_on_its_way_is_asked_for_again_and_opens_one_instance(
    shop: Shop, seller_server: SellerServer
) -> None:
    seller_server.manner = "lost_answer"
    number = await shop.buy()
    await shop.run_due()
    assert await shop.sql("SELECT outcome_unknown FROM instances") == [(True,)]
    await shop.run_due(10 * MINUTES)
    assert await shop.kinds(number) == [
        "order.placed",
        "order.paid",
        "call.failed",
        "instance.opened",
        "order.completed",
    ]
    lost, answered = await shop.attempts(await shop.call(number, "newInstance"))
    assert (lost.verdict, lost.trouble, lost.status) == ("unreadable", "cut_off", 200)
    assert answered.verdict == "success"
    assert len(seller_server.seller.book) == 1
    # The seller named it after the businessId of the try whose answer was lost.
    assert (await shop.instance(number)).seller_instance_id == business_id(answered.call_id, 1)


async def test_a_key_changed_within_the_window_signs_the_next_try(shop: Shop, seller_server: SellerServer) -> None:
    await shop.point_endpoint(shop.world.endpoint, seller_server.url, access_key="a-key-the-seller-does-not-know")
    number = await shop.buy()
    await shop.run_due(4 * MINUTES)
    opening = await shop.call(number, "newInstance")
    assert [one.result_code for one in await shop.attempts(opening)] == ["000001", "000001"]
    await shop.point_endpoint(shop.world.endpoint, seller_server.url, access_key="test-access-key-0001")
    await shop.run_due(2 * MINUTES)
    assert await shop.kinds(number) == [
        "order.placed",
        "order.paid",
        "call.failed",
        "call.failed",
        "instance.opened",
        "order.completed",
    ]


async def test_an_address_changed_within_the_window_gets_the_next_try(shop: Shop, seller_server: SellerServer) -> None:
    await shop.point_endpoint(shop.world.endpoint, "http://127.0.0.1:1/")
    number = await shop.buy()
    await shop.run_due()
    await shop.point_endpoint(shop.world.endpoint, seller_server.url)
    await shop.run_due(3 * MINUTES)
    assert (await shop.order(number)).state == "completed"


async def test_details_that_are_not_to_be_had_do_not_take_the_instance_away(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    seller_server.seller.moods["queryInstance"] = "refusing"
    await shop.run_due(2 * 60 * MINUTES)

    kinds = await shop.kinds(number)
    assert kinds[:4] == ["order.placed", "order.paid", "instance.opened", "order.completed"]
    assert kinds[-1] == "call.given_up"
    assert set(kinds[4:-1]) == {"call.failed"}
    query = await shop.call(number, "queryInstance")
    assert (query.state, query.purpose) == ("failed", "details")
    instance = await shop.instance(number)
    assert (instance.state, instance.details_at, instance.front_end_url) == ("running", None, None)

    # The seller mends it and starts the call again: it has a window of its own once more.
    seller_server.seller.moods.clear()
    await shop.restart(query)
    await shop.run_due()
    assert (await shop.kinds(number))[-2:] == ["call.given_up", "call.restarted"]
    assert (await shop.instance(number)).details_at == shop.clock.now()


async def test_a_buyer_who_looks_has_old_details_asked_for_anew_and_fresh_ones_not(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    instance = await shop.instance(number)

    async def look() -> bool:
        async with shop.installation.db.transaction(shop.world.buyer) as tx:
            return await shop.installation.provisioning.refresh_details(tx, instance.id)

    assert not await look()
    await shop.run_due(6 * MINUTES)
    assert await look()
    assert not await look(), "it is being asked for already"
    await shop.run_due()
    assert (await shop.instance(number)).details_at == shop.clock.now()
    assert len(seller_server.bodies("queryInstance")) == 2


async def test_the_calls_of_one_lane_go_out_strictly_one_after_the_other(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    instance = await shop.instance(number)
    seller_server.manner = "trouble"
    await shop.run_due(6 * MINUTES)
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        await shop.installation.provisioning.refresh_details(tx, instance.id)
    await shop.run_due()
    # While the first query waits to be tried again, another call of the instance has to wait behind it.
    first = await shop.call(number, "queryInstance")
    target = lane.Target(
        first.seller_id, first.endpoint_id, "V2", first.order_id, first.order_number, first.line_number, instance.id
    )
    async with shop.installation.db.transaction(SYSTEM) as tx:
        await tx.execute("SELECT FROM instances WHERE id = %(id)s FOR NO KEY UPDATE", {"id": instance.id})
        await lane.enqueue(
            tx, "release", target, shop.clock.now() + 60 * MINUTES, lane=instance.id,
            parameters={"instance": instance.seller_instance_id or ""},
        )  # fmt: skip
    await shop.run_due()
    assert (await shop.call(number, "releaseInstance")).state == "queued"
    assert seller_server.bodies("releaseInstance") == []
    seller_server.manner = "instant"
    await shop.run_due(5 * MINUTES)
    assert [call.state for call in await shop.calls(number)] == ["succeeded"] * 4
    assert [body["activity"] for body in seller_server.bodies()][-2:] == ["queryInstance", "releaseInstance"]
