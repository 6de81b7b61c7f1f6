"""What sellers' and operators' programs do: read the message log, restart calls, look after endpoints and products."""

from typing import Any
from uuid import uuid4

import pytest
from tests.api.conftest import As, Client
from tests.world import KEY, SellerServer, Shop, World

API = "/api/v1"
SELLER = f"{API}/seller"


async def test_the_message_log_tells_what_was_sent_and_what_came_back(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    client.headers.update(await as_(world.seller))
    listed = (await client.get(f"{SELLER}/calls?q={number}&activity=newInstance&state=succeeded")).json()["items"]
    assert [(one["order_number"], one["attempts"]) for one in listed] == [(number, 1)]
    assert {"lane", "parameters", "worker"}.isdisjoint(listed[0])
    call = (await client.get(f"{SELLER}/calls/{listed[0]['id']}")).json()
    (attempt,) = call["tries"]
    assert attempt["verdict"] == "success"
    assert number in attempt["request_body"]
    queried = (await client.get(f"{SELLER}/calls?activity=queryInstance")).json()["items"][0]
    details = (await client.get(f"{SELLER}/calls/{queried['id']}")).json()["tries"][0]
    revealed = await client.post(
        f"{API}/applications/{queried['instance_id']}/reveal-password", headers=await as_(world.buyer)
    )
    assert revealed.json()["password"] not in details["response_body"]
    assert (await client.get(f"{SELLER}/calls?failing=true")).json()["items"] == []


async def test_failing_calls_are_found_and_restarted_once(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    await seller_server.down()
    await shop.buy()
    await shop.run_due()
    client.headers.update(await as_(world.seller_member))
    dashboard = (await client.get(f"{SELLER}/dashboard")).json()
    assert dashboard["calls"]["failing"] == 1
    assert dashboard["interfaces"][0]["failing_in_a_row"] == 1
    (call,) = (await client.get(f"{SELLER}/calls?failing=true")).json()["items"]
    assert call["explanation"] == "The server cannot be reached"
    path = f"{SELLER}/calls/{call['id']}/restart"
    restarted = await client.post(path, json={"seen_attempts": 1})
    assert restarted.status_code == 200
    assert restarted.json()["next_at"] < call["next_at"]
    await seller_server.up()
    await shop.run_due()
    stale = await client.post(path, json={"seen_attempts": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "call_moved_on")
    settled = await client.post(path, json={"seen_attempts": 2})
    assert (settled.status_code, settled.json()["code"]) == (409, "call_is_settled")


async def test_of_many_calls_each_has_its_own_outcome(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    opened = await shop.buy()
    await shop.run_due()
    await seller_server.down()
    failing = [await shop.buy(), await shop.buy()]
    await shop.run_due()
    calls = [await shop.call(number, "newInstance") for number in (opened, *failing)]
    sent = [{"id": str(call.id), "seen_attempts": call.attempts} for call in calls]
    sent.insert(1, {"id": str(uuid4()), "seen_attempts": 0})
    body = {"calls": sent}
    headers = await as_(world.seller) | {"Idempotency-Key": "many"}
    answer = await client.post(f"{SELLER}/calls/restart", json=body, headers=headers)
    outcomes = answer.json()["outcomes"]
    assert [one["id"] for one in outcomes] == [one["id"] for one in sent]
    assert [one["code"] for one in outcomes] == ["call_is_settled", "call_not_found", None, None]
    assert [one["restarted"] for one in outcomes] == [False, False, True, True]
    await seller_server.up()
    await shop.run_due()
    assert {(await shop.order(number)).state for number in failing} == {"completed"}
    again = await client.post(f"{SELLER}/calls/restart", json=body, headers=headers)
    assert again.json() == answer.json()


async def test_an_operator_sees_and_restarts_every_sellers_calls(
    client: Client, as_: As, shop: Shop, world: World
) -> None:
    await shop.buy()
    await shop.buy(world.other_price)
    await shop.run_due()
    headers = await as_(world.operator_member)
    calls = (await client.get(f"{API}/operator/calls", headers=headers)).json()["items"]
    assert {one["seller_name_en"] for one in calls} == {"Northwind Software", "Lotus Cloud"}
    path = f"{API}/operator/calls/{calls[0]['id']}"
    assert len((await client.get(path, headers=headers)).json()["tries"]) == 1
    restarted = await client.post(f"{path}/restart", json={"seen_attempts": 1}, headers=headers)
    assert restarted.status_code == 200


ADDRESSES = [
    ("http://10.1.2.3/", "The address leads to a network that is not public."),
    ("ftp://example.com/", "The address must start with http:// or https://."),
    ("http://user:pass@example.com/", "The address must not hold a user name or a password."),
]


@pytest.mark.parametrize(("address", "message"), ADDRESSES)
async def test_an_endpoint_that_may_not_be_called_is_refused(
    client: Client, as_: As, world: World, address: str, message: str
) -> None:
    body = {"name": "Production", "address": address, "access_key": KEY}
    answer = await client.post(f"{SELLER}/endpoints", json=body, headers=await as_(world.seller))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "address", "message": message}]


async def test_endpoints_are_added_and_changed_by_version(client: Client, as_: As, shop: Shop, world: World) -> None:
    client.headers.update(await as_(world.seller))
    body: dict[str, Any] = {
        "name": "Notices",
        "address": "http://127.0.0.1:9/",
        "access_key": "s3cret-access-key",
        "interface_class": "general",
    }
    answers = [
        await client.post(f"{SELLER}/endpoints", json=body, headers={"Idempotency-Key": "general"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    made = answers[0].json()
    assert made == answers[1].json()
    assert "s3cret" not in answers[0].text
    other_key = body | {"access_key": "another-access-key"}
    reused = await client.post(f"{SELLER}/endpoints", json=other_key, headers={"Idempotency-Key": "general"})
    assert reused.json()["code"] == "idempotency_key_reused"
    assert (await client.post(f"{SELLER}/endpoints", json=body)).json()["code"] == "one_general_endpoint"
    path = f"{SELLER}/endpoints/{made['id']}"
    change = {"version": 1, "name": "Notices", "address": "http://127.0.0.1:10/"}
    changed = (await client.put(path, json=change)).json()
    assert (changed["version"], changed["address"], changed["key_hint"]) == (2, "http://127.0.0.1:10/", "-key")
    stale = await client.put(path, json=change)
    assert (stale.status_code, stale.json()["code"]) == (409, "endpoint_changed")
    assert (await client.get(path)).json() == changed
    assert changed in (await client.get(f"{SELLER}/endpoints")).json()


async def test_what_an_endpoint_speaks_is_chosen(client: Client, as_: As, world: World) -> None:
    client.headers.update(await as_(world.seller))
    path = f"{SELLER}/endpoints/{world.endpoint}"
    change = {"version": 1, "name": "Old server", "address": "http://127.0.0.1:9/"}
    wrong = await client.put(path, json=change | {"generation": "V1", "revisions": True})
    assert [one["field"] for one in wrong.json()["errors"]] == ["revisions"]
    speech = {"generation": "V1", "encryption": "AES128", "asks_contact": True}
    changed = (await client.put(path, json=change | speech)).json()
    assert changed | speech | {"revisions": False, "version": 2} == changed
    kept = (await client.put(path, json=change | {"version": 2})).json()
    assert kept | speech | {"version": 3} == kept
    unknown = await client.put(path, json=change | {"version": 3, "generation": "V3"})
    assert unknown.status_code == 422
    body = change | {"generation": "V2", "revisions": True, "access_key": KEY}
    del body["version"]
    assert (await client.post(f"{SELLER}/endpoints", json=body)).json()["revisions"] is True


async def test_access_keys_are_added_listed_and_retired(client: Client, as_: As, shop: Shop, world: World) -> None:
    client.headers.update(await as_(world.seller))
    path = f"{SELLER}/endpoints/{world.endpoint}/keys"
    (first,) = (await client.get(path)).json()
    assert (first["state"], first["hint"]) == ("current", KEY[-4:])
    answers = [await client.post(path, json={}, headers={"Idempotency-Key": "new-key"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    made = answers[0].json()
    assert made == answers[1].json(), "whoever lost the answer gets the same key"
    assert made["hint"] == made["access_key"][-4:]
    current, old = (await client.get(path)).json()
    assert current == {name: value for name, value in made.items() if name != "access_key"}
    assert (old["id"], old["state"]) == (first["id"], "overlapping")
    assert (await client.get(f"{SELLER}/endpoints/{world.endpoint}")).json()["key_hint"] == made["hint"]

    for key, code in ((made["access_key"], "key_in_use"), ("short", "invalid")):
        assert (await client.post(path, json={"access_key": key})).json()["code"] == code
    assert (await client.delete(f"{path}/{current['id']}")).json()["code"] == "key_is_current"
    assert (await client.delete(f"{path}/{uuid4()}")).json()["code"] == "key_not_found"
    for _ in range(2):
        assert (await client.delete(f"{path}/{old['id']}")).status_code == 204
    own = await client.post(path, json={"access_key": "own-access-key-01", "retire_others": True})
    assert own.json()["access_key"] is None
    assert [key["state"] for key in (await client.get(path)).json()] == ["current", "retired", "retired"]

    body = {"name": "N", "address": "http://127.0.0.1:9/", "access_key": "own-access-key-01"}
    body |= {"interface_class": "general"}
    bound = await client.post(f"{SELLER}/endpoints", json=body)
    assert (bound.status_code, bound.json()["code"]) == (409, "key_of_another_class")


async def test_a_product_is_drafted_priced_and_put_on_sale(client: Client, as_: As, world: World) -> None:
    client.headers.update(await as_(world.seller_member))
    draft = {
        "slug": "north-drive", "category": "data", "name_en": "North Drive", "name_zh": "北风网盘",
        "summary_en": "Files", "summary_zh": "文件", "endpoint_id": str(world.endpoint),
    }  # fmt: skip
    product = (await client.post(f"{SELLER}/products", json=draft)).json()
    path = f"{SELLER}/products/{product['id']}"
    assert (product["state"], product["version"]) == ("draft", 1)
    empty = await client.post(f"{path}/put-on-sale", json={"version": 1})
    assert (empty.status_code, empty.json()["code"]) == (409, "nothing_to_sell")
    sku = (await client.post(f"{path}/skus", json={"name_en": "Basic", "name_zh": "基础版"})).json()
    price = {"charging_mode": "PERIOD", "period_type": "month", "amount_minor": 990, "currency": "CNY"}
    prices = f"{path}/skus/{sku['id']}/prices"
    assert (await client.post(prices, json=price)).status_code == 201
    twice = await client.post(prices, json=price)
    assert [one["field"] for one in twice.json()["errors"]] == ["charging_mode"]
    assert (await client.get(f"{API}/products/north-drive", headers={"Authorization": ""})).status_code == 401
    on_sale = await client.post(f"{path}/put-on-sale", json={"version": 1})
    assert on_sale.json()["state"] == "on_sale"
    stale = await client.post(f"{path}/take-off-sale", json={"version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "product_changed")
    del client.headers["Authorization"]
    assert (await client.get(f"{API}/products/north-drive")).json()["skus"][0]["prices"][0]["amount_minor"] == 990


WRONG_PRICES: list[tuple[dict[str, Any], str]] = [
    ({"charging_mode": "PERIOD"}, "period_type"),
    ({"charging_mode": "ONE_TIME", "period_type": "month"}, "period_type"),
    ({"charging_mode": "ON_DEMAND"}, "unit_en"),
    ({"charging_mode": "ONE_TIME", "unit_en": "hour", "unit_zh": "小时"}, "unit_en"),
    ({"charging_mode": "ONE_TIME", "currency": "XQZ"}, "currency"),
    ({"charging_mode": "ONE_TIME", "amount_minor": 2**52}, "amount_minor"),
    ({"charging_mode": "WEEKLY"}, "charging_mode"),
]


@pytest.mark.parametrize(("wrong", "field"), WRONG_PRICES)
async def test_a_price_that_makes_no_sense_is_refused(
    client: Client, as_: As, shop: Shop, world: World, wrong: dict[str, Any], field: str
) -> None:
    sku = (await shop.sql(f"SELECT sku_id FROM prices WHERE id = '{world.seats_monthly}'"))[0][0]
    body = {"amount_minor": 1, "currency": "CNY"} | wrong
    answer = await client.post(
        f"{SELLER}/products/{world.product}/skus/{sku}/prices", json=body, headers=await as_(world.seller)
    )
    assert answer.status_code == 422, answer.text
    assert field in [one["field"] for one in answer.json()["errors"]]


WRONG_SKUS: list[tuple[dict[str, Any], str]] = [
    ({"quantity_max": 5}, "quantity_max"),
    ({"quantity_name_en": "Seats"}, "quantity_name_zh"),
    ({"quantity_name_en": "Seats", "quantity_name_zh": "席位", "quantity_min": 9, "quantity_max": 5}, "quantity_max"),
    ({"quantity_name_en": "Seats", "quantity_name_zh": "席位", "quantity_step": 0}, "quantity_step"),
    ({"name_en": " "}, "name_en"),
]


@pytest.mark.parametrize(("wrong", "field"), WRONG_SKUS)
async def test_a_specification_that_makes_no_sense_is_refused(
    client: Client, as_: As, world: World, wrong: dict[str, Any], field: str
) -> None:
    body = {"name_en": "Large", "name_zh": "大型版"} | wrong
    answer = await client.post(f"{SELLER}/products/{world.product}/skus", json=body, headers=await as_(world.seller))
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_a_slug_is_an_address(client: Client, as_: As, world: World) -> None:
    body = {
        "category": "data", "name_en": "x", "name_zh": "x", "summary_en": "x", "summary_zh": "x"
    }  # fmt: skip
    for slug in ("Upper", "two--hyphens", "", "中文", "a" * 81, world.slug):
        answer = await client.post(f"{SELLER}/products", json=body | {"slug": slug}, headers=await as_(world.seller))
        assert [one["field"] for one in answer.json()["errors"]] == ["slug"]


async def test_parked_work_is_listed_and_tried_again(client: Client, as_: As, shop: Shop, world: World) -> None:
    number = await shop.place()
    order = await shop.order(number)
    await shop.sql(
        f"""
        UPDATE due_rows SET parked_at = now(), attempts = 10, last_error = 'KeyError: x'
        WHERE subject_id = '{order.id}'
        """
    )
    client.headers.update(await as_(world.operator))
    (row,) = (await client.get(f"{API}/operator/parked")).json()["items"]
    assert (row["kind"], row["subject_id"], row["attempts"]) == ("order.expire", str(order.id), 10)
    path = f"{API}/operator/parked/{row['id']}/retry"
    assert (await client.post(path)).json() == {"id": row["id"]}
    assert (await client.get(f"{API}/operator/parked")).json()["items"] == []
    again = await client.post(path)
    assert (again.status_code, again.json()["code"]) == (404, "not_parked")
    await shop.run_due()
    assert (await shop.order(number)).cancel_reason == "expired"


async def test_operators_find_organisations(client: Client, as_: As, world: World) -> None:
    headers = await as_(world.operator)
    found = (await client.get(f"{API}/operator/organisations?kind=seller&q=莲花", headers=headers)).json()["items"]
    assert [one["name_en"] for one in found] == ["Lotus Cloud"]
