"""The life of what was bought: renewed, expired, frozen, thawed, released; tried and converted; changed; given back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.world import KEY, SellerServer, Shop

from tradehall.protocols.production import outgoing
from tradehall.protocols.requests import SetStatus
from tradehall.provisioning.errors import BuyerWasRefunded
from tradehall.trading.errors import (
    ChangeTooEarly,
    ChangeWhileFrozen,
    NoRenewalToCancel,
    QuoteStale,
    RefundOver,
    SubscriptionBusy,
    SubscriptionEnded,
    TriedBefore,
)

HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)
SECONDS = timedelta(seconds=1)
OPENED = ["order.placed", "order.paid", "instance.opened", "order.completed"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def opened(shop: Shop, **bought: Any) -> str:
    number = await shop.buy(**bought)
    await shop.run_due()
    return number


async def test_what_nobody_renews_expires_is_frozen_and_released(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    end = at("2026-04-02T09:00")
    assert (await shop.subscription(number)).expires_at == end
    await shop.run_due(end - SECONDS)
    assert await shop.kinds(number) == OPENED
    await shop.run_due(end)
    assert (await shop.subscription(number)).state == "grace"
    assert seller_server.bodies("updateInstanceStatus") == [], "during the grace it is still usable"
    await shop.run_due(end + 3 * DAYS)
    instance = await shop.instance(number)
    assert (instance.state, instance.subscription_state) == ("frozen", "frozen")
    name = instance.seller_instance_id
    assert seller_server.bodies("updateInstanceStatus") == [
        {"activity": "updateInstanceStatus", "instanceId": name, "status": "FREEZE"}
    ]
    await shop.run_due(end + 18 * DAYS)
    assert seller_server.bodies("releaseInstance") == [{"activity": "releaseInstance", "instanceId": name}]
    assert await shop.kinds(number) == [
        *OPENED,
        "subscription.expired",
        "subscription.frozen",
        "instance.frozen",
        "subscription.ended",
        "instance.released",
    ]
    ended = await shop.subscription(number)
    assert (ended.state, ended.end_reason, ended.ended_at) == ("ended", "expired", end + 18 * DAYS)
    assert (await shop.instance(number)).state == "released"
    with pytest.raises(SubscriptionEnded):
        await shop.order_renewal(number)
    assert await shop.sql("SELECT kind FROM due_rows WHERE kind LIKE 'subscription%'") == []


async def test_a_renewal_prolongs_from_the_original_expiry(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.run_due(10 * DAYS)
    renewal = await shop.renew(number, 2)
    await shop.run_due()
    held = await shop.subscription(number)
    assert (held.state, held.expires_at) == ("active", at("2026-06-02T09:00"))
    (told,) = seller_server.bodies("refreshInstance")
    assert told == {
        "activity": "refreshInstance",
        "scene": "RENEWAL",
        "orderId": renewal,
        "orderLineId": f"{renewal}-000001",
        "instanceId": (await shop.instance(number)).seller_instance_id,
        "expireTime": "20260602090000",
    }
    assert await shop.kinds(renewal) == ["order.placed", "order.paid", "instance.renewed", "order.completed"]
    assert await shop.events(number) == [
        *(await shop.events(number))[:4],
        (
            "subscription.renewed",
            {"instance": str(held.id), "number": renewal, "expires_at": "2026-06-02T09:00:00Z"},
        ),
    ]
    order = await shop.order(renewal)
    assert (order.order_type, order.total_minor, order.root_number) == ("RENEW", 19_800, number)
    assert [(step.kind, step.amount_minor) for step in order.steps] == [("months", 19_800)]


async def test_another_period_is_another_product_to_the_seller(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.renew(number, 1, shop.world.yearly)
    await shop.run_due()
    (told,) = seller_server.bodies("refreshInstance")
    ((code,),) = await shop.sql(f"SELECT code FROM prices WHERE id = '{shop.world.yearly}'")
    assert (told["productId"], told["expireTime"]) == (code, "20270402090000")
    assert (await shop.subscription(number)).price_id == shop.world.yearly


async def test_a_renewal_while_frozen_thaws(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.run_due(at("2026-04-10T09:00"))
    assert (await shop.instance(number)).state == "frozen"
    with pytest.raises(ChangeWhileFrozen):
        await shop.order_change(number, shop.world.seats, 5)
    await shop.renew(number)
    await shop.run_due()
    held = await shop.subscription(number)
    assert (held.state, held.expires_at) == ("active", at("2026-05-02T09:00")), "from the original expiry"
    assert (await shop.instance(number)).state == "running"
    assert [body["status"] for body in seller_server.bodies("updateInstanceStatus")] == ["FREEZE", "UNFREEZE"]
    assert (await shop.kinds(number))[-3:] == ["subscription.renewed", "subscription.thawed", "instance.unfrozen"]


async def test_a_paid_renewal_holds_the_freeze_back(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.run_due(at("2026-04-05T08:50"))
    seller_server.manner = "trouble"
    renewal = await shop.renew(number)
    await shop.run_due(30 * timedelta(minutes=1))
    assert (await shop.subscription(number)).state == "grace", "the freeze was due ten minutes ago"
    seller_server.manner = "instant"
    await shop.run_due(1 * HOURS)
    assert (await shop.order(renewal)).state == "completed"
    assert seller_server.bodies("updateInstanceStatus") == []
    assert (await shop.subscription(number)).expires_at == at("2026-05-02T09:00")


async def test_a_renewal_its_seller_never_takes_is_held_and_then_returned(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await opened(shop)
    seller_server.manner = "refusing"
    renewal = await shop.renew(number)
    await shop.run_due(1 * HOURS)
    assert (await shop.order(renewal)).state == "processing"
    assert await shop.kinds(renewal) == [
        "order.placed",
        "order.paid",
        *["call.failed"] * 20,
        "call.given_up",
        "change.held",
    ]
    await shop.run_due(1 * DAYS)
    order = await shop.order(renewal)
    assert (order.state, order.cancel_reason, order.refund_state) == ("cancelled", "renewal_failed", "refunded")
    assert (await shop.kinds(renewal))[-4:] == [
        "change.failed",
        "order.cancelled",
        "order.refund_requested",
        "order.refunded",
    ]
    held = await shop.subscription(number)
    assert (held.state, held.expires_at) == ("active", at("2026-04-02T09:00")), "as if it had never been renewed"
    assert {body["scene"] for body in seller_server.bodies("refreshInstance")} == {"RENEWAL"}
    await shop.run_due(at("2026-04-02T09:00"))
    assert (await shop.subscription(number)).state == "grace"


async def test_a_held_renewal_is_completed_when_somebody_helps(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    seller_server.manner = "refusing"
    renewal = await shop.renew(number)
    await shop.run_due(20 * HOURS)
    seller_server.manner = "instant"
    await shop.restart(await shop.call(renewal, "refreshInstance"))
    await shop.run_due(10 * DAYS)
    assert (await shop.order(renewal)).state == "completed"
    assert (await shop.subscription(number)).expires_at == at("2026-05-02T09:00")


async def test_a_renewal_the_seller_may_have_taken_is_taken_back(shop: Shop, seller_server: SellerServer) -> None:
    """One answer said nothing, the others no: nobody knows, so the seller hears the old expiry."""
    number = await opened(shop)
    seller_server.seller.moods = {"refreshInstance": "nothing"}
    renewal = await shop.renew(number)
    await shop.run_due()
    seller_server.seller.moods = {"refreshInstance": "refusing"}
    await shop.run_due(1 * DAYS)
    seller_server.seller.moods = {}
    await shop.run_due(1 * DAYS)
    order = await shop.order(renewal)
    assert (order.cancel_reason, order.refund_state) == ("renewal_failed", "refunded")
    # Under the number of the refund: a seller that does each order once would take the renewal's own for a repetition.
    told = seller_server.bodies("refreshInstance")[-1]
    assert (told["scene"], told["orderId"], told["orderLineId"], told["expireTime"]) == (
        "UNSUBSCRIBE_RENEWAL_PERIOD", order.refund_number, f"{order.refund_number}-000001", "20260402090000",
    )  # fmt: skip
    assert set((await shop.kinds(renewal))[-2:]) == {"order.refunded", "renewal.taken_back"}


async def test_renewing_what_the_seller_does_not_know_fails_at_once(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.sql(
        f"UPDATE instances SET seller_instance_id = 'nobody' WHERE id = '{(await shop.instance(number)).id}'"
    )
    renewal = await shop.renew(number)
    await shop.run_due()
    assert (await shop.order(renewal)).refund_state == "refunded"
    assert len(seller_server.bodies("refreshInstance")) == 1


async def test_a_renewal_that_has_not_begun_is_cancelled(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    renewal = await shop.renew(number, 1, shop.world.yearly)
    await shop.run_due()
    cancelled = await shop.cancel_renewal(number)
    await shop.run_due()
    held = await shop.subscription(number)
    assert (held.expires_at, held.price_id, held.unit_minor) == (at("2026-04-02T09:00"), shop.world.monthly, 9_900)
    told = seller_server.bodies("refreshInstance")[-1]
    assert (told["scene"], told["orderId"], told["expireTime"]) == (
        "UNSUBSCRIBE_RENEWAL_PERIOD", cancelled, "20260402090000",
    )  # fmt: skip
    assert (await shop.order(renewal)).refund_state == "refunded"
    order = await shop.order(cancelled)
    assert (order.order_type, order.state, order.reverses_number, order.total_minor) == (
        "UNSUBSCRIBE", "completed", renewal, 99_900,
    )  # fmt: skip
    assert set(await shop.kinds(cancelled)) == {"order.placed", "order.completed", "renewal.taken_back"}
    with pytest.raises(NoRenewalToCancel):
        await shop.cancel_renewal(number)
    await shop.run_due(at("2026-04-02T09:00"))
    assert (await shop.subscription(number)).state == "grace", "its life goes on as before the renewal"


async def test_a_trial_is_tried_once_converted_and_told(shop: Shop, seller_server: SellerServer) -> None:
    number = await shop.try_out()
    await shop.run_due()
    held = await shop.subscription(number)
    assert (held.trial, held.expires_at) == (True, at("2026-03-16T09:00"))
    assert await shop.kinds(number) == OPENED
    with pytest.raises(TriedBefore):
        await shop.try_out(shop.world.yearly)
    await shop.run_due(5 * DAYS)
    conversion = await shop.convert(number, 1, shop.world.yearly)
    await shop.run_due()
    held = await shop.subscription(number)
    assert (held.trial, held.expires_at) == (False, at("2027-03-16T09:00"))
    assert held.bought_at == shop.clock.now()
    (told,) = seller_server.bodies("refreshInstance")
    assert (told["scene"], told["orderId"], told["expireTime"]) == ("TRIAL_TO_FORMAL", conversion, "20270316090000")
    assert (await shop.order(conversion)).order_type == "TRIAL_TO_FORMAL"


async def test_a_trial_nobody_converts_freezes_as_it_ends_and_is_released(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.try_out()
    await shop.run_due(at("2026-03-16T09:00"))
    assert (await shop.instance(number)).state == "frozen"
    await shop.run_due(15 * DAYS)
    assert (await shop.instance(number)).state == "released"


async def test_an_upgrade_costs_the_difference_for_the_days_that_are_left(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await opened(shop)
    await shop.run_due(at("2026-03-18T09:00"))
    changed = await shop.change(number, shop.world.seats, 10)
    await shop.run_due()
    order = await shop.order(changed)
    # 15 days are left: 10 seats at 12.00 for 30 days less 99.00 for 30 days.
    assert [(step.kind, step.amount_minor, step.number) for step in order.steps] == [
        ("new_for_the_rest", 6_000, 15),
        ("old_for_the_rest", -4_950, 15),
    ]
    assert order.total_minor == 1_050
    held = await shop.subscription(number)
    assert (held.sku_id, held.quantity, held.expires_at) == (shop.world.seats, 10, at("2026-04-02T09:00"))
    (told,) = seller_server.bodies("upgradeInstance")
    assert told == {
        "activity": "upgradeInstance",
        "instanceId": (await shop.instance(number)).seller_instance_id,
        "orderId": changed,
        "orderLineId": f"{changed}-000001",
    }
    assert await shop.kinds(changed) == ["order.placed", "order.paid", "instance.changed", "order.completed"]


async def test_what_was_bought_for_ten_years_is_upgraded_like_anything(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop, price=shop.world.seats_yearly, quantity=5, periods=5)
    await shop.renew(number, 5)
    await shop.run_due()
    change = await shop.order(await shop.change(number, shop.world.seats, 15))
    assert [step.number for step in change.steps] == [3653, 3653]
    await shop.run_due()
    assert (await shop.subscription(number)).quantity == 15


async def test_an_upgrade_that_fails_is_refunded_and_nothing_has_changed(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await opened(shop)
    seller_server.manner = "refusing"
    changed = await shop.change(number, shop.world.seats, 10)
    await shop.run_due(5 * DAYS)
    order = await shop.order(changed)
    assert (order.state, order.cancel_reason, order.refund_state) == ("cancelled", "change_failed", "refunded")
    held = await shop.subscription(number)
    assert (held.sku_id, held.quantity) == (shop.world.standard, 1)


async def test_an_unpaid_upgrade_goes_stale_with_the_day(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    changed = await shop.order_change(number, shop.world.seats, 10)
    with pytest.raises(SubscriptionBusy):
        await shop.order_renewal(number)
    await shop.run_due(at("2026-03-02T16:00"))
    order = await shop.order(changed)
    assert (order.state, order.cancel_reason) == ("cancelled", "expired"), "at midnight in the marketplace's zone"


async def test_an_upgrade_quoted_before_the_freeze_is_stale_after_it(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    changed = await shop.order_change(number, shop.world.seats, 10)
    await shop.suspend(number)
    with pytest.raises(QuoteStale):
        await shop.pay(changed)


async def test_a_renewal_brings_a_change_the_seller_allows(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop, price=shop.world.seats_monthly, quantity=20)
    await shop.run_due(2 * DAYS)
    renewal = await shop.order_renewal(number, 1, None, 10)
    await shop.run_due()
    order = await shop.order(renewal)
    assert (order.state, order.check_state) == ("pending_payment", "passed")
    assert [body["activity"] for body in seller_server.bodies("changeInstanceCheck")] == ["changeInstanceCheck"]
    await shop.pay(renewal)
    await shop.run_due()
    (told,) = seller_server.bodies("refreshInstance")
    assert told["scene"] == "RENEWAL_CHANGE"
    assert (await shop.subscription(number)).quantity == 10
    assert await shop.kinds(renewal) == [
        "order.placed",
        "change.allowed",
        "order.paid",
        "instance.renewed",
        "order.completed",
    ]


async def test_a_change_the_seller_refuses_ends_the_order_unpaid(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop, price=shop.world.seats_monthly, quantity=20)
    seller_server.seller.used = 15
    await shop.run_due(2 * DAYS)
    renewal = await shop.order_renewal(number, 1, None, 10)
    await shop.run_due()
    order = await shop.order(renewal)
    assert (order.state, order.cancel_reason) == ("cancelled", "seller_refused")
    assert order.cancel_message
    assert (await shop.kinds(renewal))[-2:] == ["change.refused", "order.cancelled"]
    assert (await shop.subscription(number)).quantity == 20


async def test_a_change_at_renewal_waits_for_the_last_thirty_days(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop, price=shop.world.seats_monthly, quantity=20, periods=3)
    with pytest.raises(ChangeTooEarly):
        await shop.order_renewal(number, 1, None, 10)


async def test_within_five_days_everything_is_returned_and_released(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    renewal = await shop.renew(number)
    await shop.run_due(5 * DAYS)
    given_back = await shop.unsubscribe(number)
    await shop.run_due()
    assert [(await shop.order(one)).refund_state for one in (number, renewal)] == ["refunded", "refunded"]
    order = await shop.order(given_back)
    assert (order.state, order.total_minor) == ("completed", 19_800)
    (release,) = seller_server.bodies("releaseInstance")
    assert (release["orderId"], release["orderLineId"]) == (given_back, f"{given_back}-000001")
    assert (await shop.instance(number)).state == "released"
    with pytest.raises(SubscriptionEnded):
        await shop.unsubscribe(number)
    assert await shop.sql("SELECT kind FROM due_rows WHERE kind LIKE 'subscription%'") == []


async def test_after_five_days_nothing_is_returned(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.run_due(5 * DAYS + SECONDS)
    with pytest.raises(RefundOver):
        await shop.unsubscribe(number)
    assert (await shop.subscription(number)).state == "active"


async def test_what_cost_nothing_is_ended_at_any_time(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop, price=shop.world.on_demand, periods=None)
    await shop.run_due(100 * DAYS)
    given_back = await shop.unsubscribe(number)
    await shop.run_due()
    assert (await shop.order(given_back)).state == "completed"
    assert (await shop.instance(number)).state == "released"
    assert await shop.sql("SELECT * FROM unsubscribe_chances") == []


async def test_renewed_automatically_it_never_ends(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.renew_automatically(number)
    await shop.run_due(at("2026-06-15T00:00"))
    held = await shop.subscription(number)
    assert (held.state, held.expires_at) == ("active", at("2026-07-02T09:00"))
    renewals = await shop.sql("SELECT number, automatic, state FROM orders WHERE order_type = 'RENEW' ORDER BY id")
    assert [row[1:] for row in renewals] == [(True, "completed")] * 3
    await shop.renew_automatically(number, False)
    await shop.run_due(at("2026-07-30T00:00"))
    assert (await shop.subscription(number)).state == "ended"


async def test_a_renewal_that_came_by_itself_does_not_come_again_once_it_is_taken_back(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await opened(shop)
    await shop.renew_automatically(number)
    await shop.run_due(at("2026-03-31T09:00"))
    assert (await shop.subscription(number)).expires_at == at("2026-05-02T09:00")
    await shop.cancel_renewal(number)
    await shop.run_due(1 * DAYS)
    held = await shop.subscription(number)
    assert (held.expires_at, held.auto_renew) == (at("2026-04-02T09:00"), False)
    assert "subscription.renewal_policy" in (await shop.kinds(number))[-2:]


async def test_taken_back_long_before_it_ends_it_is_still_renewed_automatically(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await opened(shop)
    await shop.renew_automatically(number)
    await shop.renew(number)
    await shop.run_due()
    await shop.cancel_renewal(number)
    await shop.run_due(at("2026-03-31T09:00"))
    assert (await shop.subscription(number)).expires_at == at("2026-05-02T09:00")


async def test_a_seller_that_refuses_at_once_is_asked_for_a_renewal_once_a_day(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await opened(shop)
    await shop.renew_automatically(number)
    await shop.sql(
        f"UPDATE instances SET seller_instance_id = 'nobody' WHERE id = '{(await shop.instance(number)).id}'"
    )
    await shop.run_due(at("2026-04-05T08:00"))
    tries = await shop.sql("SELECT created_at FROM orders WHERE order_type = 'RENEW' ORDER BY id")
    assert [moment for (moment,) in tries] == [at("2026-03-30T09:00") + days * DAYS for days in range(6)]


async def test_what_took_a_renewal_back_is_not_started_again_after_a_newer_renewal(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await opened(shop)
    await shop.renew(number)
    await shop.run_due()
    seller_server.manner = "refusing"
    cancelled = await shop.cancel_renewal(number)
    await shop.run_due(2 * HOURS)
    seller_server.manner = "instant"
    late = await shop.call(cancelled, "refreshInstance")
    assert late.state == "failed"
    await shop.renew(number, 3)
    await shop.run_due()
    with pytest.raises(BuyerWasRefunded):
        await shop.restart(late)
    assert seller_server.bodies("refreshInstance")[-1]["expireTime"] == "20260702090000"


async def test_what_took_a_renewal_back_can_be_started_again_until_then(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await opened(shop)
    await shop.renew(number)
    await shop.run_due()
    seller_server.manner = "refusing"
    cancelled = await shop.cancel_renewal(number)
    await shop.run_due(2 * DAYS)
    seller_server.manner = "instant"
    await shop.restart(await shop.call(cancelled, "refreshInstance"))
    await shop.run_due()
    assert seller_server.bodies("refreshInstance")[-1]["expireTime"] == "20260402090000"


async def test_suspended_for_a_violation_and_lifted(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.suspend(number)
    await shop.suspend(number)
    await shop.run_due()
    assert (await shop.instance(number)).state == "frozen"
    await shop.suspend(number, False)
    await shop.run_due()
    assert (await shop.instance(number)).state == "running"
    assert [body["status"] for body in seller_server.bodies("updateInstanceStatus")] == ["FREEZE", "UNFREEZE"]
    assert (await shop.kinds(number))[4:] == [
        "subscription.suspended",
        "instance.frozen",
        "subscription.suspension_lifted",
        "instance.unfrozen",
    ]


async def test_a_seller_that_wants_revisions_can_tell_a_late_call(shop: Shop, seller_server: SellerServer) -> None:
    await shop.sql("UPDATE endpoints SET revisions = true")
    number = await opened(shop)
    await shop.run_due(at("2026-04-06T09:00"))
    await shop.renew(number)
    await shop.run_due()
    numbered = [body["revision"] for body in seller_server.bodies() if "revision" in body]
    assert numbered == ["1", "2", "3", "4"], "opened, frozen, renewed, thawed"
    # The freeze, held up on the way, arrives once more.
    late = outgoing(
        "V2", SetStatus((await shop.instance(number)).seller_instance_id or "", number, True, "PERIOD"),
        address="https://seller.example.com/", access_key=KEY, nonce="n" * 32, at=datetime.now(UTC), revision=2,
    )  # fmt: skip
    answer = seller_server.seller.respond(late.method, late.url, tuple(late.headers.items()), late.body)
    assert b'"000002"' in answer.body
    assert b"revision" in answer.body


async def test_a_late_freeze_gives_way_to_the_thaw_that_followed(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    seller_server.manner = "trouble"
    await shop.run_due(at("2026-04-05T10:30"))
    freeze = await shop.call(number, "updateInstanceStatus")
    assert freeze.state == "failed", "given up after an hour"
    seller_server.manner = "instant"
    await shop.renew(number)
    await shop.run_due()
    assert [call.state for call in await shop.calls(number) if call.purpose == "freeze"] == ["cancelled"]
    assert [body["status"] for body in seller_server.bodies("updateInstanceStatus")][-1] == "UNFREEZE"
    assert (await shop.instance(number)).state == "running"


async def test_an_unpaid_renewal_makes_way_for_the_automatic_one(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop)
    await shop.renew_automatically(number)
    await shop.run_due(at("2026-03-30T08:00"))
    unpaid = await shop.order_renewal(number)
    await shop.run_due(at("2026-04-10T00:00"))
    assert (await shop.order(unpaid)).cancel_reason == "expired"
    held = await shop.subscription(number)
    assert (held.state, held.expires_at) == ("active", at("2026-05-02T09:00"))


async def test_an_expansion_of_what_is_bought_by_the_year_stays_so(shop: Shop, seller_server: SellerServer) -> None:
    number = await opened(shop, price=shop.world.seats_yearly, quantity=20)
    await shop.run_due(30 * DAYS)
    await shop.change(number, shop.world.seats, 40)
    await shop.run_due()
    held = await shop.subscription(number)
    assert (held.quantity, held.price_id, held.unit_minor) == (40, shop.world.seats_yearly, 12_000)
