"""What sellers allow beside buying: trials of their specifications, and upgrades during a term."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from tests.api.conftest import As, Client
from tests.world import Shop, World

API = "/api/v1"


@pytest.fixture
async def product(client: Client, as_: As, world: World) -> str:
    """The path of the seller's product; the client acts for the seller."""
    client.headers.update(await as_(world.seller))
    return f"{API}/seller/products/{world.product}"


async def test_upgrade_rules_are_made_listed_and_taken_back(
    client: Client, product: str, as_: As, shop: Shop, world: World
) -> None:
    rules = f"{product}/upgrade-rules"
    before = (await client.get(rules)).json()
    assert {(one["from_sku_name_en"], one["to_sku_name_en"]) for one in before} == {
        ("Standard", "Team"),
        ("Team", "Team"),
    }
    body: dict[str, Any] = {"from_sku_id": str(world.standard), "to_sku_id": str(world.standard), "step_factor": 3}
    answers = await asyncio.gather(
        *(client.post(rules, json=body, headers={"Idempotency-Key": "rule"}) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {201}
    made = answers[0].json()
    assert (made["step_factor"], made["void"], made["to_sku_name_zh"]) == (3, None, "标准版")
    assert (await client.get(rules)).json() == [*before, made]
    again = await client.post(rules, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "upgrade_rule_exists")
    deleted = await client.delete(f"{rules}/{made['id']}", headers={"Idempotency-Key": "away"})
    repeated = await client.delete(f"{rules}/{made['id']}", headers={"Idempotency-Key": "away"})
    assert deleted.status_code == repeated.status_code == 204
    gone = await client.delete(f"{rules}/{made['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "rule_not_found")
    assert (await client.get(rules)).json() == before
    kept = await client.delete(f"{rules}/{before[0]['id']}", headers=await as_(world.other_seller))
    assert kept.status_code == 404


async def test_a_rule_that_leads_to_what_is_not_for_sale_does_not_count(
    client: Client, product: str, shop: Shop, world: World
) -> None:
    await shop.sql(f"UPDATE prices SET on_sale = false WHERE sku_id = '{world.seats}'")
    assert {one["void"] for one in (await client.get(f"{product}/upgrade-rules")).json()} == {"no_period_price"}
    await shop.sql(f"UPDATE skus SET on_sale = false WHERE id = '{world.seats}'")
    assert {one["void"] for one in (await client.get(f"{product}/upgrade-rules")).json()} == {"sku_off_sale"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"step_factor": 0}, "step_factor"),
        ({"step_factor": 6}, "step_factor"),
        ({"step_factor": "2"}, "step_factor"),
        ({"to_sku_id": str(uuid4())}, "to_sku_id"),
        ({"from_sku_id": "x"}, "from_sku_id"),
        ({"discount": 1}, "discount"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    client: Client, product: str, world: World, change: dict[str, Any], field: str
) -> None:
    body = {"from_sku_id": str(world.standard), "to_sku_id": str(world.standard)} | change
    answer = await client.post(f"{product}/upgrade-rules", json=body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_a_rule_is_for_what_is_sold_by_the_period(client: Client, product: str, world: World) -> None:
    sku = (await client.post(f"{product}/skus", json={"name_en": "Visit", "name_zh": "上门"})).json()["id"]
    price = {"charging_mode": "ONE_TIME", "amount_minor": 100, "currency": "CNY"}
    await client.post(f"{product}/skus/{sku}/prices", json=price)
    answer = await client.post(f"{product}/upgrade-rules", json={"from_sku_id": str(world.standard), "to_sku_id": sku})
    assert answer.json()["errors"] == [
        {"field": "to_sku_id", "message": "This specification is not sold by the period, so it is not upgraded."}
    ]


async def test_a_trial_once_offered_stays_while_the_product_is_on_sale(
    client: Client, product: str, as_: As, world: World
) -> None:
    path = f"{product}/skus/{world.standard}/trial"
    assert (await client.put(path, json={"days": 14})).json() == {"days": 14}, "that is what it is"
    for days in (15, None):
        fixed = await client.put(path, json={"days": days})
        assert (fixed.status_code, fixed.json()["code"]) == (409, "trial_fixed")
        assert "14 days" in fixed.json()["detail"]
    seats = f"{product}/skus/{world.seats}/trial"
    assert (await client.put(seats, json={"days": 7}, headers={"Idempotency-Key": "t"})).json() == {"days": 7}
    shown = (await client.get(f"{API}/products/{world.slug}")).json()
    assert [sku["trial_days"] for sku in shown["skus"]] == [14, 7]
    version = (await client.get(product)).json()["version"]
    await client.post(f"{product}/take-off-sale", json={"version": version})
    assert (await client.put(path, json={"days": None})).json() == {"days": None}
    others = await client.put(path, json={"days": 3}, headers=await as_(world.other_seller))
    assert (others.status_code, others.json()["code"]) == (404, "product_not_found")
    unknown = await client.put(path.replace(str(world.standard), str(uuid4())), json={"days": 3})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "sku_not_found")


@pytest.mark.parametrize("days", [0, 2, 181, "7", 3.5])
async def test_a_trial_is_of_three_to_a_hundred_and_eighty_days(
    client: Client, product: str, world: World, days: object
) -> None:
    answer = await client.put(f"{product}/skus/{world.standard}/trial", json={"days": days})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "days"
