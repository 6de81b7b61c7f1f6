"""Renewals over the API, by hand and by themselves."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.api.buyer import API, DAY, EXPIRY, Bought, bought, moment, refused
from tests.api.conftest import As, Client
from tests.world import SellerServer, Shop, World

__all__ = ["bought"]  # a fixture


async def test_a_renewal_from_the_price_to_the_new_term(bought: Bought, client: Client, as_: As, world: World) -> None:
    buyer = await bought()
    quote = (await buyer.ask("renewal-quote", period_number=2, price_id=str(world.yearly))).json()
    assert (quote["total_minor"], quote["asks_seller"], quote["good_until"]) == (199_800, False, None)
    (step,) = quote["steps"]
    assert step["text"] == "1 × CN¥999.00 a year × 2 years"
    assert sum(one["amount_minor"] for one in quote["steps"]) == quote["total_minor"]
    assert moment(quote["starts_at"]) == EXPIRY
    number = await buyer.order(
        "renewals", period_number=2, price_id=str(world.yearly), expected_total=quote["total_minor"]
    )
    order = (await client.get(f"{API}/orders/{number}")).json()
    assert (order["state"], order["order_type"], order["root_number"]) == ("completed", "RENEW", buyer.number)
    assert (order["starts_at"], order["ends_at"]) == (quote["starts_at"], quote["ends_at"])
    assert (order["steps"], order["automatic"], order["check_state"]) == (quote["steps"], False, None)
    seen = await buyer.look()
    assert (seen["expires_at"], seen["price_id"]) == (quote["ends_at"], str(world.yearly))
    timeline = (await client.get(f"{API}/orders/{buyer.number}/timeline")).json()
    renewed = next(one for one in timeline["events"] if one["kind"] == "subscription.renewed")
    assert renewed["facts"]["number"] == number
    sellers = (await client.get(f"{API}/orders/{number}", headers=await as_(world.seller))).json()
    assert (sellers["steps"], sellers["payment_reference"]) == (order["steps"], None)
    assert (await buyer.next(number))["kind"] == "use_until"


async def test_a_renewal_is_followed_while_the_sellers_server_is_down(
    bought: Bought, shop: Shop, seller_server: SellerServer
) -> None:
    buyer = await bought()
    await seller_server.down()
    number = await buyer.order("renewals", period_number=1)
    step = await buyer.next(number)
    assert (step["kind"], step["turn"]) == ("renewal_again", "seller")
    await shop.run_due(timedelta(hours=2))
    step = await buyer.next(number)
    assert (step["kind"], step["turn"], step["at"]) == ("renewal_held", "seller", None)
    assert moment(step["by"]) - shop.clock.now() < DAY
    assert "money returned" in step["text"]
    await shop.run_due(2 * DAY)
    assert (await buyer.next(number))["kind"] == "change_refunded"
    order = (await buyer.client.get(f"{API}/orders/{number}")).json()
    assert (order["state"], order["cancel_reason"]) == ("cancelled", "renewal_failed")
    assert moment((await buyer.look())["expires_at"]) == EXPIRY


async def test_what_is_released_cannot_be_renewed_nor_anything_else(bought: Bought, shop: Shop) -> None:
    buyer = await bought()
    await shop.run_due(EXPIRY + 19 * DAY)
    assert (await buyer.look())["state"] == "released"
    assert (await buyer.next())["kind"] == "released"
    verbs: dict[str, dict[str, Any]] = {
        "renewal-quote": {"period_number": 1},
        "renewals": {"period_number": 1},
        "change-quote": {"sku_id": str(uuid4())},
        "changes": {"sku_id": str(uuid4())},
        "conversion": {"period_number": 1},
        "renewal-cancellation": {},
        "unsubscription": {},
    }
    for what, body in verbs.items():
        answer = await buyer.ask(what, **body)
        assert refused(answer) == (409, "subscription_ended"), what
        assert "2026-04-20T09:00:00Z" in answer.json()["detail"]
    switched = await buyer.client.put(f"{buyer.path}/auto-renewal", json={"on": True})
    assert refused(switched) == (409, "subscription_ended")


async def test_a_frozen_application_is_renewed_but_not_upgraded(bought: Bought, shop: Shop, world: World) -> None:
    buyer = await bought()
    await shop.run_due(EXPIRY + 4 * DAY)
    step = await buyer.next()
    assert (step["kind"], step["turn"], moment(step["by"])) == ("frozen", "buyer", EXPIRY + 18 * DAY)
    for what in ("change-quote", "changes"):
        answer = await buyer.ask(what, sku_id=str(world.seats), quantity=5)
        assert refused(answer) == (409, "change_while_frozen")
    await buyer.order("renewals", period_number=1)
    seen = await buyer.look()
    assert (seen["state"], seen["subscription_state"]) == ("running", "active")
    assert moment(seen["expires_at"]) == datetime(2026, 5, 2, 9, tzinfo=UTC), "from the original expiry"


async def test_a_change_at_renewal_waits_for_the_seller(
    bought: Bought, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    buyer = await bought()
    wanted: dict[str, Any] = {"period_number": 1, "price_id": str(world.seats_monthly), "quantity": 10}
    assert refused(await buyer.ask("renewals", **wanted)) == (409, "change_too_early")
    await shop.run_due(2 * DAY)
    quote = (await buyer.ask("renewal-quote", **wanted)).json()
    assert (quote["asks_seller"], quote["total_minor"]) == (True, 12_000)
    number = (await buyer.ask("renewals", **wanted)).json()["number"]
    step = await buyer.next(number)
    assert (step["kind"], step["turn"]) == ("change_asked", "seller")
    assert refused(await buyer.pay(number)) == (409, "awaiting_seller")
    await shop.run_due()
    order = (await buyer.client.get(f"{API}/orders/{number}")).json()
    assert (order["check_state"], order["from_sku_name_en"], order["from_quantity"]) == ("passed", "Standard", 1)
    assert (await buyer.next(number))["kind"] == "pay"
    await buyer.pay(number)
    await shop.run_due()
    assert (await buyer.look())["sku_name_en"] == "Team"


async def test_a_change_the_seller_refuses_ends_unpaid_with_its_words(
    bought: Bought, shop: Shop, world: World, seller_server: SellerServer, client: Client, as_: As
) -> None:
    buyer = await bought()
    await shop.run_due(2 * DAY)
    seller_server.seller.moods["changeInstanceCheck"] = "refusing"
    wanted: dict[str, Any] = {"period_number": 1, "price_id": str(world.seats_monthly), "quantity": 10}
    number = (await buyer.ask("renewals", **wanted)).json()["number"]
    await shop.run_due(timedelta(hours=1))
    order = (await client.get(f"{API}/orders/{number}")).json()
    assert (order["state"], order["cancel_reason"]) == ("cancelled", "seller_refused")
    assert order["cancel_message"] == "the product's service is out of order"
    assert (await buyer.next(number))["kind"] == "seller_refused"
    timeline = (await client.get(f"{API}/orders/{number}/timeline")).json()
    told = next(one for one in timeline["events"] if one["kind"] == "change.refused")
    assert told["facts"]["message"] == order["cancel_message"]
    hidden = await client.get(f"{API}/orders/{number}", headers=await as_(world.seller))
    assert hidden.status_code == 404, "it was never paid"


async def test_one_order_about_an_application_at_a_time(bought: Bought, world: World) -> None:
    buyer = await bought()
    number = (await buyer.ask("renewals", period_number=1)).json()["number"]
    for what, body in (("renewals", {"period_number": 2}), ("changes", {"sku_id": str(world.seats), "quantity": 10})):
        answer = await buyer.ask(what, **body)
        assert refused(answer) == (409, "subscription_busy")
        assert number in answer.json()["detail"]
    assert refused(await buyer.ask("unsubscription")) == (409, "subscription_busy")


async def test_a_double_click_orders_once(bought: Bought, client: Client) -> None:
    buyer = await bought()
    answers = await asyncio.gather(*(buyer.ask("renewals", "twice", period_number=1) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["number"] for answer in answers}) == 1
    other = await buyer.ask("renewals", "twice", period_number=2)
    assert refused(other) == (422, "idempotency_key_reused")
    orders = (await client.get(f"{API}/orders?type=RENEW")).json()["items"]
    assert len(orders) == 1


@pytest.mark.parametrize("number", [0, 37])
async def test_a_number_of_periods_that_is_not_offered_is_refused(bought: Bought, number: int) -> None:
    buyer = await bought()
    answer = await buyer.ask("renewals", period_number=number)
    assert refused(answer) == (422, "invalid")
    assert answer.json()["errors"] == [{"field": "period_number", "message": "Choose a number from 1 to 36."}]


async def test_a_renewal_at_another_price_than_the_one_seen_is_refused(bought: Bought, world: World) -> None:
    buyer = await bought()
    assert refused(await buyer.ask("renewals", period_number=1, expected_total=1)) == (409, "price_changed")
    foreign = await buyer.ask("renewals", period_number=1, price_id=str(world.other_price))
    assert refused(foreign) == (404, "price_not_found")


async def test_a_renewal_is_taken_back_before_it_begins(bought: Bought, client: Client, shop: Shop) -> None:
    buyer = await bought()
    assert refused(await buyer.ask("renewal-cancellation")) == (409, "no_renewal_to_cancel")
    renewal = await buyer.order("renewals", period_number=3)
    answers = await asyncio.gather(*(buyer.ask("renewal-cancellation", "back") for _ in range(3)))
    assert [answer.status_code for answer in answers] == [201] * 3
    number = answers[0].json()["number"]
    assert (await buyer.next(number))["kind"] == "returning"
    assert (await buyer.next(renewal))["kind"] == "returning"
    await shop.run_due()
    order = (await client.get(f"{API}/orders/{number}")).json()
    assert (order["order_type"], order["state"], order["reverses_number"]) == ("UNSUBSCRIBE", "completed", renewal)
    (step,) = order["steps"]
    assert (step["kind"], step["amount_minor"], step["order"]) == ("taken_back", -29_700, renewal)
    assert moment((await buyer.look())["expires_at"]) == EXPIRY
    assert (await buyer.next(renewal))["kind"] == (await buyer.next(number))["kind"] == "returned"


async def test_automatic_renewal_is_switched_on_and_seen(
    bought: Bought, client: Client, as_: As, shop: Shop, world: World
) -> None:
    buyer = await bought()
    path = f"{buyer.path}/auto-renewal"
    for _ in range(2):
        assert (await client.put(path, json={"on": True}, headers={"Idempotency-Key": "on"})).json() == {"on": True}
    ahead = (await buyer.look())["ahead"]
    assert (ahead[0]["kind"], moment(ahead[0]["at"])) == ("renew", EXPIRY - 3 * DAY)
    step = await buyer.next()
    assert (step["kind"], moment(step["at"])) == ("use_renewed", EXPIRY - 3 * DAY)
    await shop.run_due(EXPIRY)
    (renewal,) = (await client.get(f"{API}/orders?type=RENEW")).json()["items"]
    assert (renewal["automatic"], renewal["state"]) == (True, "completed")
    off = await client.put(path, json={"on": False})
    assert off.json() == {"on": False}
    assert (await buyer.look())["auto_renew"] is False
    timeline = (await client.get(f"{API}/orders/{buyer.number}/timeline")).json()
    switched = [one["facts"]["on"] for one in timeline["events"] if one["kind"] == "subscription.renewal_policy"]
    assert switched == [True, False]
    assert (await client.put(path, json={"on": "yes"})).status_code == 422


async def test_what_has_no_term_is_neither_renewed_nor_changed(bought: Bought, client: Client, world: World) -> None:
    buyer = await bought(world.on_demand, periods=None)
    code = (409, "not_bought_by_the_period")
    assert refused(await buyer.ask("renewals", period_number=1)) == code
    assert refused(await buyer.ask("changes", sku_id=str(world.seats), quantity=5)) == code
    assert refused(await client.put(f"{buyer.path}/auto-renewal", json={"on": True})) == code
    assert (await buyer.next())["kind"] == "use"
    assert (await buyer.look())["ahead"] == []
    order = (await client.get(f"{API}/orders/{buyer.number}")).json()
    assert order["steps"][0]["text"] == "CN¥0.35 for each unit used, paid later"
