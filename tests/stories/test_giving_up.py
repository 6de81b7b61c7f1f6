"""How an order ends that is not opened: never paid, cancelled, its window over; who is refunded, what is released."""

from datetime import timedelta

import pytest
from tests.world import SellerServer, Shop

from tradehall.provisioning.errors import BuyerWasRefunded
from tradehall.provisioning.model import business_id
from tradehall.trading.errors import OrderMovedOn

MINUTES = timedelta(minutes=1)
HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)
AT_ONCE = "both of them"


def unordered(kinds: list[str], *last: str) -> list[str]:
    """The last events happen at the same moment, by two jobs: in which order does not matter."""
    assert sorted(kinds[-len(last) :]) == sorted(last)
    return [*kinds[: -len(last)], AT_ONCE]


async def test_an_order_nobody_pays_expires_after_seven_days(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.place()
    await shop.run_due(7 * DAYS - timedelta(seconds=1))
    assert (await shop.order(number)).state == "pending_payment"
    await shop.run_due(timedelta(seconds=1))
    assert [*await shop.events(number)][1:] == [("order.cancelled", {"reason": "expired"})]
    order = await shop.order(number)
    assert (order.state, order.cancel_reason, order.cancelled_at) == ("cancelled", "expired", order.expires_at)
    assert seller_server.calls == []
    with pytest.raises(OrderMovedOn):
        await shop.pay(number)


async def test_an_order_paid_on_the_last_day_does_not_expire(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.place()
    await shop.run_due(7 * DAYS - timedelta(seconds=1))
    await shop.pay(number)
    await shop.run_due(1 * DAYS)
    assert await shop.kinds(number) == ["order.placed", "order.paid", "instance.opened", "order.completed"]


async def test_a_buyer_cancels_what_is_not_paid(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.place()
    await shop.cancel(number)
    await shop.cancel(number)
    await shop.run_due(8 * DAYS)
    assert [*await shop.events(number)][1:] == [("order.cancelled", {"reason": "buyer"})]
    assert seller_server.calls == []


async def test_at_the_windows_end_the_buyer_is_refunded_and_the_named_instance_released(
    shop: Shop, seller_server: SellerServer
) -> None:
    """Opening asynchronously, and never ready: the seller's own name for the instance is known."""
    seller_server.manner = "slow"
    seller_server.seller.ready_after = 1e9
    begun = shop.clock.now()
    number = await shop.buy()
    await shop.run_due(4 * HOURS)

    order, instance = await shop.order(number), await shop.instance(number)
    events = await shop.events(number)
    assert unordered([kind for kind, _ in events], "order.refunded", "instance.released") == [
        "order.placed",
        "order.paid",
        "instance.accepted",
        "call.given_up",
        "instance.failed",
        "order.cancelled",
        "order.refund_requested",
        AT_ONCE,
    ]
    assert events[3][1] | {"message": ""} == {
        "activity": "queryInstance",
        "attempt": (await shop.call(number, "queryInstance")).attempts,
        "verdict": "in_progress",
        "code": "000004",
        "trouble": None,
        "message": "",
        "again_at": None,
    }
    assert events[5][1] == {"reason": "opening_failed"}
    refunded = dict(events)["order.refunded"]
    assert (refunded["amount_minor"], refunded["number"]) == (9_900, order.refund_number)
    assert (order.state, order.refund_state, order.refund_minor) == ("cancelled", "refunded", 9_900)
    assert order.cancelled_at == begun + 3 * HOURS
    assert instance.state == "released"
    (release,) = seller_server.bodies("releaseInstance")
    assert release == {
        "activity": "releaseInstance",
        "instanceId": instance.seller_instance_id,
        "orderId": order.refund_number,
        "orderLineId": f"{order.refund_number}-000001",
    }


async def test_an_unknown_outcome_is_released_under_the_first_business_id(
    shop: Shop, seller_server: SellerServer
) -> None:
    seller_server.manner = "cut"
    number = await shop.buy()
    await shop.run_due(3 * HOURS - timedelta(seconds=1))
    seller_server.manner = "sold_out"
    await shop.run_due(1 * HOURS)

    tries = await shop.attempts(await shop.call(number, "newInstance"))
    assert len(tries) == 61, "every three minutes, the first at once and the last at the very end"
    # Asked by each businessId that may have been the first to arrive, the seller knows nothing; what it may have made
    # all the same is released, and as it knows no such instance (000003) it is as gone as it can be.
    assert unordered(await shop.kinds(number), "order.refunded", "instance.released") == [
        "order.placed",
        "order.paid",
        *["call.failed"] * 60,
        "call.given_up",
        "instance.investigated",
        "call.given_up",
        "instance.failed",
        "order.cancelled",
        "order.refund_requested",
        AT_ONCE,
    ]
    order = await shop.order(number)
    opening = await shop.call(number, "newInstance")
    asked = [query["instanceId"] for query in seller_server.bodies("queryInstance")]
    assert asked == [business_id(opening.id, number) for number in range(1, 61)]
    (release,) = seller_server.bodies("releaseInstance")
    assert release["instanceId"] == business_id(opening.id, 60)
    assert release["orderId"] == order.refund_number
    (gone,) = await shop.attempts(await shop.call(number, "releaseInstance"))
    assert gone.result_code == "000003"


async def test_an_instance_opened_without_a_word_is_found_when_its_seller_is_asked(
    shop: Shop, seller_server: SellerServer
) -> None:
    """Each answer was lost, yet the seller opened it at the first: the buyer gets what it paid for after all."""
    seller_server.manner = "lost_answer"
    number = await shop.buy()
    await shop.run_due()
    seller_server.manner = "trouble"
    await shop.run_due(3 * HOURS - timedelta(seconds=1))
    seller_server.seller.moods = {"newInstance": "trouble"}
    seller_server.manner = "instant"
    await shop.run_due(1 * HOURS)
    assert (await shop.kinds(number))[-5:] == [
        "call.given_up",
        "instance.investigated",
        "instance.found",
        "instance.opened",
        "order.completed",
    ]
    opened = await shop.instance(number)
    assert opened.seller_instance_id == business_id((await shop.call(number, "newInstance")).id, 1)
    assert opened.details_at is not None, "the answer told address and account at the same time"
    assert len(seller_server.seller.book) == 1


async def test_what_was_opened_without_a_word_is_released_if_its_seller_never_tells(
    shop: Shop, seller_server: SellerServer
) -> None:
    """The first try never reached the seller, so the second's businessId is the first it knows and names it after."""
    await seller_server.down()
    number = await shop.buy()
    await shop.run_due()
    await seller_server.up()
    seller_server.manner = "lost_answer"
    await shop.run_due(3 * MINUTES)
    assert len(seller_server.seller.book) == 1
    seller_server.manner = "trouble"
    await shop.run_due(3 * HOURS)
    seller_server.seller.moods = {"queryInstance": "trouble"}
    seller_server.manner = "instant"
    await shop.run_due(2 * HOURS)
    assert (await shop.order(number)).refund_state == "refunded"
    (release,) = [call for call in await shop.calls(number) if call.activity == "releaseInstance"]
    assert release.parameters["instance"] == business_id((await shop.call(number, "newInstance")).id, 2)
    assert [entry.released for entry in seller_server.seller.book._by_id.values()] == [True]
    assert (await shop.instance(number)).state == "released"


async def test_a_seller_that_was_never_reached_has_nothing_to_release(shop: Shop, seller_server: SellerServer) -> None:
    await seller_server.down()
    number = await shop.buy()
    await shop.run_due(4 * HOURS)
    assert await shop.kinds(number) == [
        "order.placed",
        "order.paid",
        *["call.failed"] * 60,
        "call.given_up",
        "instance.failed",
        "order.cancelled",
        "order.refund_requested",
        "order.refunded",
    ]
    assert [call.activity for call in await shop.calls(number)] == ["newInstance"]
    assert (await shop.instance(number)).state == "failed"


async def test_a_release_that_fails_for_an_hour_waits_for_its_seller(shop: Shop, seller_server: SellerServer) -> None:
    seller_server.manner = "slow"
    seller_server.seller.ready_after = 1e9
    number = await shop.buy()
    await shop.run_due(3 * HOURS - timedelta(seconds=1))
    seller_server.manner = "refusing"
    await shop.run_due(3 * HOURS)
    release = await shop.call(number, "releaseInstance")
    assert release.state == "failed"
    assert len(await shop.attempts(release)) == 21
    assert (await shop.instance(number)).state == "failed"
    assert (await shop.order(number)).refund_state == "refunded", "the buyer does not wait for the seller"

    seller_server.manner = "instant"
    await shop.restart(release)
    await shop.run_due()
    assert (await shop.kinds(number))[-3:] == ["call.given_up", "call.restarted", "instance.released"]


async def test_a_seller_starts_a_failing_call_again_without_waiting(shop: Shop, seller_server: SellerServer) -> None:
    seller_server.manner = "trouble"
    number = await shop.buy()
    await shop.run_due(4 * MINUTES)
    seller_server.manner = "instant"
    await shop.restart(await shop.call(number, "newInstance"))
    await shop.run_due()
    events = await shop.events(number)
    assert [kind for kind, _ in events] == [
        "order.placed",
        "order.paid",
        "call.failed",
        "call.failed",
        "call.restarted",
        "instance.opened",
        "order.completed",
    ]
    assert events[4][1] == {"call": str((await shop.call(number, "newInstance")).id), "activity": "newInstance"}


async def test_an_opening_given_up_cannot_be_started_again(shop: Shop, seller_server: SellerServer) -> None:
    seller_server.manner = "sold_out"
    number = await shop.buy()
    await shop.run_due(4 * HOURS)
    with pytest.raises(BuyerWasRefunded):
        await shop.restart(await shop.call(number, "newInstance"))
    assert (await shop.order(number)).refund_state == "refunded"
