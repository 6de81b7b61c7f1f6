"""What a buyer's program does with what was bought: renew, convert, change, give back; and who else sees what of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.api.buyer import API, BEGAN, DAY, EXPIRY, Bought, Buyer, bought, moment, refused, tried
from tests.api.conftest import As, Client
from tests.world import SellerServer, Shop, World

from tradehall.kernel.journal import Actor

__all__ = ["bought", "tried"]  # fixtures


# --- Looking ---------------------------------------------------------------------------------------------------------


async def test_an_application_tells_its_term_and_what_is_ahead(bought: Bought, world: World) -> None:
    buyer = await bought()
    seen = await buyer.look()
    assert (seen["subscription_state"], seen["trial"], seen["auto_renew"]) == ("active", False, False)
    assert moment(seen["expires_at"]) == EXPIRY
    assert (seen["unit_minor"], seen["currency"], seen["period_type"]) == (9900, "CNY", "month")
    assert seen["price_id"] == str(world.monthly)
    ahead = [(one["kind"], moment(one["at"])) for one in seen["ahead"]]
    assert ahead == [("expire", EXPIRY), ("freeze", EXPIRY + 3 * DAY), ("end", EXPIRY + 18 * DAY)]
    assert seen["ahead"][0]["text"] == "The term ends"
    chinese = await buyer.client.get(buyer.path, headers={"Accept-Language": "zh"})
    assert chinese.json()["ahead"][2]["text"] == "应用连同全部数据被释放"
    can = {one["verb"]: one["code"] for one in seen["possible"]}
    assert (can["renew"], can["change"], can["unsubscribe"]) == (None, None, None)
    assert can["change_at_renewal"] == "change_too_early"
    assert [one["sku_id"] for one in seen["upgrades"]] == [str(world.seats)]
    assert {one["price_id"] for one in seen["ways"]} >= {str(world.monthly), str(world.yearly)}
    step = await buyer.next()
    assert (step["kind"], step["turn"], moment(step["at"])) == ("use_until", None, EXPIRY)


async def test_before_it_is_open_there_is_nothing_to_be_done_with_it(
    client: Client, as_: As, shop: Shop, world: World
) -> None:
    number = await shop.buy()
    client.headers.update(await as_(world.buyer))
    buyer = Buyer(client, shop, number, f"{API}/applications/{(await shop.instance(number)).id}")
    seen = await buyer.look()
    assert (seen["state"], seen["subscription_state"], seen["ahead"], seen["possible"]) == ("opening", None, [], [])
    assert refused(await buyer.ask("renewals", period_number=1)) == (409, "not_open")
    assert refused(await buyer.ask("unsubscription")) == (409, "not_open")
    orders = (await client.get(f"{buyer.path}/orders")).json()["items"]
    assert [one["number"] for one in orders] == [number]


async def test_seller_and_operator_see_the_same_life(bought: Bought, client: Client, as_: As, world: World) -> None:
    buyer = await bought()
    unpaid = (await buyer.ask("renewals", period_number=1)).json()["number"]
    mine = await buyer.look()
    assert mine["unfinished_order"] == unpaid
    for actor in (world.seller_member, world.operator_member):
        headers = await as_(actor)
        seen = (await client.get(buyer.path, headers=headers)).json()
        assert seen["ahead"] == mine["ahead"]
        assert seen["possible"] == [], "what can be done is for the buyer"
        listed = (await client.get(f"{API}/applications", headers=headers)).json()["items"]
        assert [one["id"] for one in listed] == [mine["id"]]
        timeline = (await client.get(f"{API}/orders/{buyer.number}/timeline", headers=headers)).json()
        assert timeline["next"]["kind"] == "use_until"
        assert [one["at"] for one in timeline["ahead"]] == [one["at"] for one in mine["ahead"]]
    orders = {}
    for actor in (world.buyer, world.seller, world.operator):
        answer = await client.get(f"{buyer.path}/orders", headers=await as_(actor))
        orders[actor] = [one["number"] for one in answer.json()["items"]]
    assert orders[world.buyer] == orders[world.operator] == [unpaid, buyer.number]
    assert orders[world.seller] == [buyer.number], "a seller hears of an order when it is paid"
    sellers = (await client.get(buyer.path, headers=await as_(world.seller))).json()
    assert sellers["unfinished_order"] is None
    assert (await client.get(f"{API}/applications", headers=await as_(world.other_seller))).json()["items"] == []


async def test_the_orders_about_an_application_come_in_pages_and_by_type(bought: Bought, client: Client) -> None:
    buyer = await bought()
    renewals = [await buyer.order("renewals", period_number=1) for _ in range(2)]
    first = (await client.get(f"{buyer.path}/orders?limit=2")).json()
    second = (await client.get(f"{buyer.path}/orders?limit=2&after={first['next']}")).json()
    assert [one["number"] for one in first["items"]] == renewals[::-1]
    (root,) = second["items"]
    assert (root["number"], root["root_number"], root["order_type"]) == (buyer.number, None, "NEW")
    assert (second["next"], root["application_id"]) == (None, first["items"][0]["application_id"])
    assert {one["root_number"] for one in first["items"]} == {buyer.number}
    by_type = (await client.get(f"{API}/orders?type=RENEW&state=completed")).json()["items"]
    assert [one["number"] for one in by_type] == renewals[::-1]
    unknown = await client.get(f"{API}/orders?type=REPAIR")
    assert unknown.status_code == 422


# --- Trials ----------------------------------------------------------------------------------------------------------


async def test_a_trial_is_tried_once_and_converted(tried: Buyer, client: Client, world: World, shop: Shop) -> None:
    end = BEGAN + 14 * DAY
    seen = await tried.look()
    assert (seen["trial"], moment(seen["expires_at"])) == (True, end)
    assert [one["kind"] for one in seen["ahead"]] == ["end_of_trial", "freeze", "end"]
    step = await tried.next()
    assert (step["kind"], moment(step["at"])) == ("trial", end)
    again = await client.post(f"{API}/trials", json={"price_id": str(world.yearly)})
    assert refused(again) == (409, "tried_before")
    assert refused(await tried.ask("renewals", period_number=1)) == (409, "trial_first")
    quote = (await tried.ask("conversion-quote", period_number=1)).json()
    assert (moment(quote["starts_at"]), quote["total_minor"]) == (end, 9900)
    number = await tried.order("conversion", period_number=1, expected_total=9900)
    order = (await client.get(f"{API}/orders/{number}")).json()
    assert (order["order_type"], order["root_number"]) == ("TRIAL_TO_FORMAL", tried.number)
    assert (await tried.look())["trial"] is False
    assert refused(await tried.ask("conversion", period_number=1)) == (409, "not_a_trial")
    first = (await client.get(f"{API}/orders/{tried.number}")).json()
    assert (first["total_minor"], first["steps"][0]["text"]) == (0, "Free for 14 days")


async def test_a_trial_clicked_twice_begins_once(
    client: Client, as_: As, world: World, shop: Shop, seller_server: SellerServer
) -> None:
    headers = await as_(world.buyer)
    body = {"price_id": str(world.monthly)}
    answers = await asyncio.gather(
        *(client.post(f"{API}/trials", json=body, headers=headers | {"Idempotency-Key": "try"}) for _ in range(3))
    )
    assert len({answer.json()["number"] for answer in answers}) == 1
    other = await client.post(f"{API}/trials", json=body, headers=headers)
    assert refused(other) == (409, "tried_before")
    for price, code in ((world.seats_monthly, "trial_not_offered"), (world.on_demand, "trial_not_offered")):
        answer = await client.post(f"{API}/trials", json={"price_id": str(price)}, headers=await as_(world.other_buyer))
        assert refused(answer) == (409, code)


async def test_a_trial_ends_for_nothing_and_costs_no_chance(tried: Buyer, client: Client, shop: Shop) -> None:
    quote = (await client.get(f"{tried.path}/unsubscription")).json()
    assert (quote["refund_minor"], quote["until"], quote["chances_left"], quote["steps"]) == (0, None, 10, [])
    number = (await tried.ask("unsubscription", expected_refund=0)).json()["number"]
    assert (await tried.next(number))["kind"] == "taken_back"
    assert (await client.get(f"{API}/orders/{number}")).json()["steps"] == []
    await shop.run_due()
    assert (await tried.look())["state"] == "released"


# --- Changing --------------------------------------------------------------------------------------------------------


async def test_an_upgrade_says_how_its_price_came_about(
    bought: Bought, client: Client, shop: Shop, world: World
) -> None:
    buyer = await bought()
    quote = (await buyer.ask("change-quote", sku_id=str(world.seats), quantity=10)).json()
    new, old = quote["steps"]
    assert (new["kind"], old["kind"]) == ("new_for_the_rest", "old_for_the_rest")
    assert (new["amount_minor"], old["amount_minor"]) == (12_400, -10_230)
    assert new["text"] == "The new: 10 × CN¥12.00 for 30 days, 31 days of it"
    assert quote["total_minor"] == 2_170
    assert moment(quote["ends_at"]) == EXPIRY
    assert moment(quote["good_until"]) == datetime(2026, 3, 2, 16, tzinfo=UTC)
    number = await buyer.order("changes", sku_id=str(world.seats), quantity=10, expected_total=2_170)
    order = (await client.get(f"{API}/orders/{number}")).json()
    assert (order["order_type"], order["steps"]) == ("CHANGE", quote["steps"])
    seen = await buyer.look()
    assert (seen["sku_name_en"], seen["quantity"], moment(seen["expires_at"])) == ("Team", 10, EXPIRY)
    small = await buyer.ask("change-quote", sku_id=str(world.seats), quantity=15)
    assert refused(small) == (422, "invalid"), "two steps of five at a time"
    assert (await buyer.ask("change-quote", sku_id=str(world.seats), quantity=20)).status_code == 200
    same = await buyer.ask("change-quote", sku_id=str(world.seats), quantity=10)
    assert refused(same) == (409, "nothing_changes")
    back = await buyer.ask("changes", sku_id=str(world.standard))
    assert refused(back) == (409, "change_not_offered")


async def test_an_upgrade_quote_goes_stale_at_midnight(bought: Bought, shop: Shop, world: World) -> None:
    buyer = await bought()
    wanted: dict[str, Any] = {"sku_id": str(world.seats), "quantity": 10}
    quote = (await buyer.ask("change-quote", **wanted)).json()
    placed = (await buyer.ask("changes", **wanted)).json()["number"]
    await shop.run_due(moment(quote["good_until"]))
    assert (await buyer.next(placed))["kind"] == "expired", "unpaid, it ends with the day"
    stale = await buyer.ask("changes", **wanted, expected_total=quote["total_minor"])
    assert refused(stale) == (409, "price_changed")


async def test_what_was_reckoned_with_may_not_have_changed_when_it_is_paid(
    bought: Bought, shop: Shop, world: World
) -> None:
    buyer = await bought()
    number = (await buyer.ask("renewals", period_number=1)).json()["number"]
    held = buyer.path.rpartition("/")[2]
    await shop.sql(f"UPDATE subscriptions SET expires_at = expires_at + interval '1 day' WHERE id = '{held}'")
    assert refused(await buyer.pay(number)) == (409, "quote_stale")


# --- Giving it back --------------------------------------------------------------------------------------------------


async def test_unsubscribing_returns_everything_once(
    bought: Bought, client: Client, as_: As, shop: Shop, world: World
) -> None:
    buyer = await bought()
    quote = (await client.get(f"{buyer.path}/unsubscription")).json()
    assert (quote["refund_minor"], quote["chances_left"]) == (9900, 10)
    assert moment(quote["until"]) == BEGAN + 5 * DAY
    assert quote["steps"][0]["text"] == f"Returned: what order {buyer.number} cost"
    assert refused(await buyer.ask("unsubscription", expected_refund=1)) == (409, "price_changed")
    answers = await asyncio.gather(*(buyer.ask("unsubscription", "end", expected_refund=9900) for _ in range(3)))
    assert len({answer.json()["number"] for answer in answers}) == 1
    number = answers[0].json()["number"]
    assert (await buyer.next(number))["kind"] == "returning"
    await shop.run_due()
    assert (await buyer.next(number))["kind"] == "returned"
    seen = await buyer.look()
    assert (seen["state"], seen["end_reason"]) == ("released", "unsubscribed")
    assert refused(await buyer.ask("unsubscription")) == (409, "subscription_ended")
    sellers = (await client.get(f"{API}/orders/{number}", headers=await as_(world.seller))).json()
    assert (sellers["order_type"], sellers["total_minor"]) == ("UNSUBSCRIBE", 9900)
    following = await (await bought()).look()
    assert {one["verb"]: one["code"] for one in following["possible"]}["unsubscribe"] is None


async def test_the_eleventh_unsubscription_of_a_year_is_refused(bought: Bought, shop: Shop, client: Client) -> None:
    for left in range(10, 0, -1):
        buyer = await bought()
        assert (await client.get(f"{buyer.path}/unsubscription")).json()["chances_left"] == left
        assert (await buyer.ask("unsubscription")).status_code == 201
    buyer = await bought()
    for answer in (await client.get(f"{buyer.path}/unsubscription"), await buyer.ask("unsubscription")):
        assert refused(answer) == (409, "no_chance_left")
        assert "10 times" in answer.json()["detail"]
    assert (await buyer.look())["subscription_state"] == "active"


async def test_after_five_days_it_is_too_late(bought: Bought, shop: Shop) -> None:
    buyer = await bought()
    await shop.run_due(5 * DAY + timedelta(seconds=1))
    answer = await buyer.ask("unsubscription")
    assert refused(answer) == (409, "refund_over")
    assert "2026-03-07T09:00:00Z" in answer.json()["detail"]
    can = {one["verb"]: one for one in (await buyer.look())["possible"]}
    assert can["unsubscribe"]["code"] == "refund_over"
    assert can["unsubscribe"]["detail"] == answer.json()["detail"]


async def test_a_release_the_seller_does_not_carry_out_waits_for_it(
    bought: Bought, shop: Shop, seller_server: SellerServer
) -> None:
    buyer = await bought()
    await seller_server.down()
    await buyer.ask("unsubscription")
    await shop.run_due()
    assert (await buyer.next())["kind"] == "releasing_again"
    await shop.run_due(timedelta(hours=2))
    step = await buyer.next()
    assert (step["kind"], step["turn"]) == ("releasing_stuck", "seller")


# --- Suspension ------------------------------------------------------------------------------------------------------


async def test_operators_suspend_an_application_and_lift_it(
    bought: Bought, client: Client, as_: As, shop: Shop, world: World
) -> None:
    buyer = await bought()
    path = f"{API}/operator/applications/{buyer.path.rpartition('/')[2]}/suspension"
    operator = await as_(world.operator_member)
    for _ in range(2):
        put = await client.put(path, json={"why": " It sends spam. "}, headers=operator | {"Idempotency-Key": "s"})
        assert put.status_code == 200
    await shop.run_due()
    seen = await buyer.look()
    assert (seen["state"], seen["suspended_why"]) == ("frozen", "It sends spam.")
    step = await buyer.next()
    assert (step["kind"], step["turn"]) == ("suspended", "platform")
    refusal = await buyer.ask("changes", sku_id=str(world.seats), quantity=5)
    assert refused(refusal) == (409, "change_while_suspended")
    for who in (world.buyer, world.seller):
        assert refused(await client.delete(path, headers=await as_(who))) == (403, "wrong_console")
    for _ in range(2):
        assert (await client.delete(path, headers=operator)).status_code == 204
    await shop.run_due()
    seen = await buyer.look()
    assert (seen["state"], seen["suspended_at"]) == ("running", None)
    timeline = (await client.get(f"{API}/orders/{buyer.number}/timeline")).json()
    suspended = next(one for one in timeline["events"] if one["kind"] == "subscription.suspended")
    assert suspended["facts"]["why"] == "It sends spam."
    for why, status in (("  ", 422), ("x" * 501, 422)):
        assert (await client.put(path, json={"why": why}, headers=operator)).status_code == status
    unknown = await client.put(path.replace(path.split("/")[5], str(uuid4())), json={"why": "x"}, headers=operator)
    assert refused(unknown) == (404, "subscription_not_found")


# --- Others ----------------------------------------------------------------------------------------------------------

WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("renewals", {"period_number": 1}),
    ("renewal-quote", {"period_number": 1}),
    ("changes", {"sku_id": "$"}),
    ("change-quote", {"sku_id": "$"}),
    ("conversion", {"period_number": 1}),
    ("renewal-cancellation", {}),
    ("unsubscription", {}),
)


async def test_another_buyer_finds_nothing_and_sellers_are_in_the_wrong_place(
    bought: Bought, client: Client, as_: As, world: World
) -> None:
    buyer = await bought()

    async def asked(actor: Actor) -> set[tuple[int, str]]:
        client.headers.update(await as_(actor))
        bodies = [(what, {k: str(world.seats) if v == "$" else v for k, v in body.items()}) for what, body in WRITES]
        return {refused(await buyer.ask(what, **body)) for what, body in bodies}

    assert await asked(world.other_buyer) == {(404, "instance_not_found")}
    assert (await client.get(f"{buyer.path}/orders")).status_code == 404
    assert await asked(world.seller) == {(403, "wrong_console")}
    assert (await client.get(buyer.path, headers=await as_(world.other_seller))).status_code == 404
    assert await asked(world.operator) == {(403, "wrong_console")}
