"""Vouchers as programs use them."""

from datetime import timedelta
from typing import Any

from tests.api.conftest import As, Client
from tests.trading.test_vouchers import MONTH, give
from tests.world import SellerServer, Shop, World

API = "/api/v1"


def asked(world: World, **more: Any) -> dict[str, Any]:
    return {
        "buyer_id": str(world.buyer.organisation_id),
        "name_en": "Gift",
        "name_zh": "礼券",
        "amount_minor": 4_000,
        "currency": "CNY",
        "expires_at": "2026-03-31T16:00:00Z",
        **more,
    }


async def test_one_is_issued_found_used_and_told_of(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    operator, buyer = await as_(world.operator), await as_(world.buyer)
    for _ in range(2):
        answer = await client.post(
            f"{API}/operator/vouchers",
            json=asked(world, scene="empowerment"),
            headers={**operator, "Idempotency-Key": "gift"},
        )
        assert answer.status_code == 201
    issued = answer.json()
    assert (issued["state"], issued["remaining_minor"], len(issued["code"])) == ("usable", 4_000, 16)
    (seen,) = (await client.get(f"{API}/vouchers", headers=buyer)).json()["items"]
    assert seen == issued
    number = await shop.place()
    usable = (await client.get(f"{API}/orders/{number}/vouchers", headers=buyer)).json()["items"]
    assert [one["id"] for one in usable] == [issued["id"]]

    body = {"vouchers": [issued["id"]], "expected_rest": 0}
    refused = await client.post(f"{API}/orders/{number}/pay", json=body, headers=buyer)
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_changed")
    body["expected_rest"] = MONTH - 4_000
    paid = await client.post(f"{API}/orders/{number}/pay", json=body, headers=buyer)
    assert paid.json() == {"number": number, "state": "processing"}
    assert (await client.get(f"{API}/orders/{number}/vouchers", headers=buyer)).json() == {"items": []}
    await shop.run_due(timedelta(minutes=1))

    order = (await client.get(f"{API}/orders/{number}", headers=buyer)).json()
    assert order["payment_voucher_minor"] == 4_000
    (use,) = order["vouchers"]
    assert (use["voucher_id"], use["amount_minor"], use["scene"]) == (issued["id"], 4_000, "empowerment")
    events = (await client.get(f"{API}/orders/{number}/timeline", headers=buyer)).json()["events"]
    (told,) = [one["facts"] for one in events if one["kind"] == "order.paid"]
    assert told["vouchers"] == [
        {"id": issued["id"], "code": issued["code"], "amount_minor": 4_000, "scene": "empowerment"}
    ]


async def test_how_a_buyer_paid_is_kept_from_the_seller(client: Client, as_: As, shop: Shop, world: World) -> None:
    given, number = await give(shop, 4_000), await shop.place()
    await client.post(f"{API}/orders/{number}/pay", json={"vouchers": [str(given)]}, headers=await as_(world.buyer))
    seller = await as_(world.seller)
    order = (await client.get(f"{API}/orders/{number}", headers=seller)).json()
    assert (order["payment_voucher_minor"], order["vouchers"]) == (None, [])
    timeline = (await client.get(f"{API}/orders/{number}/timeline", headers=seller)).text
    assert "voucher" not in timeline


async def test_a_voucher_of_others_is_as_unknown_as_one_that_does_not_exist(
    client: Client, as_: As, shop: Shop, world: World
) -> None:
    foreign, number = await give(shop, 4_000, to=world.other_buyer), await shop.place()
    buyer = await as_(world.buyer)
    answers = [
        await client.post(f"{API}/orders/{number}/pay", json={"vouchers": [one]}, headers=buyer)
        for one in (str(foreign), "0196b4fb-4ea0-7b31-9c5d-3e4f50617283")
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "voucher_not_found")] * 2
    assert (await client.get(f"{API}/vouchers", headers=buyer)).json()["items"] == []
    by_others = f"{API}/vouchers?buyer_id={world.other_buyer.organisation_id}"
    assert (await client.get(by_others, headers=buyer)).json()["items"] == []
    assert len((await client.get(by_others, headers=await as_(world.operator))).json()["items"]) == 1


async def test_more_vouchers_than_a_payment_takes_are_refused(
    client: Client, as_: As, shop: Shop, world: World
) -> None:
    number = await shop.place()
    body = {"vouchers": ["0196b4fb-4ea0-7b31-9c5d-3e4f50617283"] * 51}
    answer = await client.post(f"{API}/orders/{number}/pay", json=body, headers=await as_(world.buyer))
    assert answer.status_code == 422


async def test_a_moment_without_its_offset_and_a_buyer_that_is_none_are_refused(
    client: Client, as_: As, world: World
) -> None:
    operator = await as_(world.operator)
    for wrong in ({"expires_at": "2026-03-31T16:00:00"}, {"buyer_id": str(world.seller.organisation_id)}):
        answer = await client.post(f"{API}/operator/vouchers", json=asked(world, **wrong), headers=operator)
        assert answer.status_code == 422


async def test_a_track_is_set_and_shown(client: Client, as_: As, world: World) -> None:
    operator = await as_(world.operator)
    path = f"{API}/operator/organisations/{world.buyer.organisation_id}/track"
    answer = await client.put(path, json={"track": "base"}, headers=operator)
    assert answer.json() == {"organisation_id": str(world.buyer.organisation_id), "track": "base"}
    rows = (await client.get(f"{API}/operator/organisations?kind=buyer&q=acme", headers=operator)).json()["items"]
    assert [one["track"] for one in rows] == ["base"]
    seller = f"{API}/operator/organisations/{world.seller.organisation_id}/track"
    assert (await client.put(seller, json={"track": "base"}, headers=operator)).status_code == 422
