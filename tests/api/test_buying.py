"""What a buyer's program does: look around, order, pay, follow, use."""

import asyncio
from datetime import timedelta

from tests.api.conftest import As, Client
from tests.world import SellerServer, Shop, World

from tradehall.provisioning.steps import NEXT_STEPS

API = "/api/v1"


async def test_the_catalogue_is_searched_and_a_price_asked_for_without_a_token(client: Client, world: World) -> None:
    found = (await client.get(f"{API}/products?q=northwind&charging_mode=PERIOD&category=collaboration")).json()
    assert [one["slug"] for one in found["items"]] == [world.slug]
    assert (await client.get(f"{API}/products?q=nothing-like-it")).json()["items"] == []
    others = (await client.get(f"{API}/products?seller={world.other_seller.organisation_id}")).json()
    assert [one["slug"] for one in others["items"]] == [world.other_slug]
    product = (await client.get(f"{API}/products/{world.slug}")).json()
    assert {"endpoint_id", "version"}.isdisjoint(product)
    assert [sku["name_en"] for sku in product["skus"]] == ["Standard", "Team"]
    asked = {"price_id": str(world.seats_monthly), "quantity": 10, "period_number": 3}
    quote = (await client.post(f"{API}/quotes", json=asked)).json()
    (step,) = quote.pop("steps")
    assert (step["kind"], step["amount_minor"]) == ("months", 36_000)
    assert step["text"] == "10 × CN¥12.00 a month × 3 months"
    chinese = await client.post(f"{API}/quotes", json=asked, headers={"Accept-Language": "zh"})
    assert chinese.json()["steps"][0]["text"] == "10 × 每月 ¥12.00 × 3 个月"
    assert quote == {
        "unit_minor": 1200, "quantity": 10, "period_number": 3, "total_minor": 36_000, "currency": "CNY"
    }  # fmt: skip


async def test_pages_of_a_list_lead_to_each_other(client: Client, world: World) -> None:
    first = (await client.get(f"{API}/products?limit=1")).json()
    second = (await client.get(f"{API}/products?limit=1&after={first['next']}")).json()
    back = (await client.get(f"{API}/products?limit=1&before={second['previous']}")).json()
    assert first["items"] != second["items"]
    assert second["next"] is None
    assert back["items"] == first["items"]


async def test_from_the_order_to_the_password(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    client.headers.update(await as_(world.buyer))
    body = {"price_id": str(world.monthly), "period_number": 12, "expected_total": 118_800}
    number = (await client.post(f"{API}/orders", json=body)).json()["number"]
    assert (await client.get(f"{API}/orders/{number}/timeline")).json()["next"]["turn"] == "buyer"
    paid = await client.post(f"{API}/orders/{number}/pay", json={})
    assert paid.json() == {"number": number, "state": "processing"}
    assert (await client.get(f"{API}/orders/{number}/timeline")).json()["next"]["kind"] == "call_waiting"
    await shop.run_due(timedelta(minutes=1))

    order = (await client.get(f"{API}/orders/{number}?wait=1")).json()
    assert (order["state"], order["placed_by_name"]) == ("completed", "Bea Buyer")
    (application,) = (await client.get(f"{API}/applications?state=running")).json()["items"]
    assert application["has_password"]
    assert "password" not in application
    path = f"{API}/applications/{application['id']}"
    detail = (await client.get(path)).json()
    assert application == {name: value for name, value in detail.items() if name in application}
    revealed = await client.post(f"{path}/reveal-password", headers={"Idempotency-Key": "eye"})
    again = await client.post(f"{path}/reveal-password", headers={"Idempotency-Key": "eye"})
    assert revealed.json() == again.json()
    password = revealed.json()["password"]
    kept = await shop.sql("SELECT encode(answer, 'escape') FROM idempotency_keys WHERE key = 'eye'")
    assert password not in kept[0][0]
    fresh = await client.post(f"{path}/refresh")
    assert (fresh.status_code, fresh.json()) == (202, {"asking": False})
    shop.clock.advance(timedelta(hours=1))
    assert (await client.post(f"{path}/refresh")).json() == {"asking": True}


async def test_the_timeline_tells_each_side_what_concerns_it(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    await seller_server.down()
    number = await shop.buy()
    await shop.run_due()
    path = f"{API}/orders/{number}/timeline"
    buyers = (await client.get(path, headers=await as_(world.buyer))).json()
    sellers = (await client.get(path, headers=await as_(world.seller))).json()
    operators = (await client.get(path, headers=await as_(world.operator))).json()

    assert buyers["next"]["kind"] == "call_again"
    assert buyers["next"]["turn"] == "seller"
    assert buyers["next"]["text"] == NEXT_STEPS["call_again"]
    assert buyers["next"]["at"] < buyers["next"]["by"]
    failed = {name: told["events"][-1] for name, told in (("buyer", buyers), ("seller", sellers))}
    assert failed["buyer"]["kind"] == failed["seller"]["kind"] == "call.failed"
    assert "trouble" not in failed["buyer"]["facts"]
    assert failed["seller"]["facts"]["trouble"] == "unreachable"
    assert buyers["calls"][0]["id"] is None
    assert buyers["calls"][0]["explanation"] is None
    assert sellers["calls"][0]["explanation"] == "The server cannot be reached"
    who = {name: told["events"][0]["actor"] for name, told in (("b", buyers), ("s", sellers), ("o", operators))}
    assert who["b"] == who["o"] == {"kind": "buyer", "name": "Bea Buyer"}
    assert who["s"] == {"kind": "buyer", "name": None}
    paid = {name: told["events"][1]["facts"] for name, told in (("b", buyers), ("s", sellers))}
    assert "reference" in paid["b"]
    assert "reference" not in paid["s"]
    order = (await client.get(f"{API}/orders/{number}", headers=await as_(world.seller))).json()
    assert order["placed_by_email"] is order["payment_reference"] is None
    chinese = await client.get(path, headers=await as_(world.buyer) | {"Accept-Language": "zh"})
    assert "商家服务器" in chinese.json()["next"]["text"]


async def test_a_write_sent_twice_at_once_with_one_key_has_one_effect(client: Client, as_: As, world: World) -> None:
    headers = await as_(world.buyer) | {"Idempotency-Key": "once"}
    body = {"price_id": str(world.monthly), "period_number": 1}
    answers = await asyncio.gather(*(client.post(f"{API}/orders", json=body, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["number"] for answer in answers}) == 1
    other = await client.post(f"{API}/orders", json=body | {"period_number": 2}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_an_order_is_refused_when_the_price_is_not_the_one_seen(client: Client, as_: As, world: World) -> None:
    body = {"price_id": str(world.monthly), "period_number": 1, "expected_total": 1}
    answer = await client.post(f"{API}/orders", json=body, headers=await as_(world.buyer))
    assert (answer.status_code, answer.json()["code"]) == (409, "price_changed")
    assert "99.00 CNY" in answer.json()["detail"]


async def test_a_declined_payment_and_a_cancellation(client: Client, as_: As, shop: Shop, world: World) -> None:
    number = await shop.place()
    headers = await as_(world.buyer)
    declined = await client.post(f"{API}/orders/{number}/pay", json={"instrument": "declined_card"}, headers=headers)
    assert declined.status_code == 402
    cancelled = await client.post(f"{API}/orders/{number}/cancel", headers=headers)
    assert cancelled.json()["state"] == "cancelled"
    timeline = (await client.get(f"{API}/orders/{number}/timeline", headers=headers)).json()
    assert (timeline["next"]["kind"], timeline["next"]["turn"]) == ("cancelled", None)
    listed = (await client.get(f"{API}/orders?state=cancelled&q={number[:12]}", headers=headers)).json()
    assert [one["number"] for one in listed["items"]] == [number]
