"""Products and orders of every delivery type, as programs are told of them."""

import pytest
from tests.api.conftest import As, Client
from tests.supervised import EVERYTHING, Supervised
from tests.templates import STANDARD
from tests.world import Shop, World

from tradehall.catalog.delivery import deliveries

DRAFT = {
    "slug": "meter", "category": "industry", "name_en": "Meter", "name_zh": "电表", "summary_en": "Counts",
    "summary_zh": "计数",
}  # fmt: skip
PRODUCTS = "/api/v1/seller/products"
TO = {"recipient_name": "Wang Fang", "recipient_phone": "138 0000 0000", "recipient_address": "1 Harbour Road"}


async def test_a_product_is_drafted_and_delivered_in_another_way(client: Client, world: World, as_: As) -> None:
    seller = await as_(world.seller)
    types = (await client.get("/api/v1/seller/delivery-types", headers=seller)).json()
    assert [one["delivery_type"] for one in types] == [one.key for one in deliveries()]
    made = (await client.post(PRODUCTS, json=DRAFT | {"delivery_type": "service"}, headers=seller)).json()
    assert (made["delivery_type"], made["supervised"], made["released_at"]) == ("service", True, None)
    wanted = {"version": 1, "delivery_type": "hardware", "product_class": "joint", "delivery_days": 7}
    changed = await client.put(f"{PRODUCTS}/{made['id']}/delivery", json=wanted, headers=seller)
    assert (changed.json()["delivery_label"], changed.json()["delivery_days"]) == ("Hardware", 7)
    again = await client.put(f"{PRODUCTS}/{made['id']}/delivery", json=wanted, headers=seller)
    assert (again.status_code, again.json()["code"]) == (409, "product_changed")


async def test_a_released_product_keeps_its_delivery_type(client: Client, world: World, as_: As) -> None:
    seller = await as_(world.seller)
    version = (await client.get(f"{PRODUCTS}/{world.product}", headers=seller)).json()["version"]
    wanted = {"version": version, "delivery_type": "service"}
    refused = await client.put(f"{PRODUCTS}/{world.product}/delivery", json=wanted, headers=seller)
    assert (refused.status_code, refused.json()["code"]) == (409, "delivery_fixed")


async def test_a_template_is_attached_and_downloaded(client: Client, world: World, as_: As) -> None:
    seller = await as_(world.seller)
    made = (await client.post(PRODUCTS, json=DRAFT | {"delivery_type": "service"}, headers=seller)).json()
    path = f"{PRODUCTS}/{made['id']}/templates/acceptance_template"
    key = {**seller, "Idempotency-Key": "once"}
    for _ in range(2):
        put = await client.post(f"{path}?name=standard.txt", content=STANDARD, headers=key)
        assert put.status_code == 201
    (template,) = put.json()["templates"]
    assert (template["kind"], template["name"], template["size"]) == (
        "acceptance_template", "standard.txt", len(STANDARD),
    )  # fmt: skip
    file = "/api/v1/products/meter/templates/acceptance_template"
    assert (await client.get(file, headers=seller)).content == STANDARD
    assert (await client.get(file)).status_code == 404, "a draft is nobody else's to see"
    disguised = await client.post(f"{path}?name=standard.pdf", content=b"MZ" + bytes(64), headers=seller)
    assert disguised.status_code in (415, 422)
    nothing = await client.post(f"{path}?name=standard.txt", content=b"", headers=seller)
    assert nothing.status_code == 422
    other = await client.post(path, content=STANDARD, headers=await as_(world.other_seller))
    assert other.status_code == 404


@pytest.mark.parametrize("delivery_type", EVERYTHING)
async def test_the_catalogue_says_how_it_is_delivered(client: Client, shop: Shop, delivery_type: str) -> None:
    await Supervised(shop).price(delivery_type)
    row = (await client.get("/api/v1/products?category=industry")).json()["items"][0]
    product = (await client.get(f"/api/v1/products/{row['slug']}")).json()
    assert row["delivery_type"] == product["delivery_type"] == delivery_type
    assert product["supervised"] == next(one.supervised for one in deliveries() if one.key == delivery_type)


async def test_hardware_is_ordered_for_a_recipient(client: Client, world: World, shop: Shop, as_: As) -> None:
    buyer = await as_(world.buyer)
    price = str(await Supervised(shop).price("hardware"))
    refused = await client.post("/api/v1/orders", json={"price_id": price}, headers=buyer)
    assert refused.status_code == 422
    assert {one["field"] for one in refused.json()["errors"]} == set(TO)
    placed = await client.post("/api/v1/orders", json={"price_id": price, **TO}, headers=buyer)
    order = (await client.get(f"/api/v1/orders/{placed.json()['number']}", headers=buyer)).json()
    assert list(order["recipient"].values()) == list(TO.values())
    assert order["supervision"]["state"] == "not_begun"


async def test_an_order_tells_of_its_supervision_until_it_is_billable(
    client: Client, world: World, shop: Shop, as_: As
) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy("service")
    seller = await as_(world.seller)
    order = (await client.get(f"/api/v1/orders/{number}", headers=seller)).json()
    told = order["supervision"]
    assert (told["state"], told["node"], told["turn"]) == ("open", "request", "buyer")
    assert (told["node_label"], order["billable_since"]) == ("Submit requirement", None)
    following = (await client.get(f"/api/v1/orders/{number}/timeline", headers=seller)).json()["next"]
    assert (following["kind"], following["turn"], following["by"]) == ("supervised", "buyer", told["by"])
    await supervised.complete(number)
    order = (await client.get(f"/api/v1/orders/{number}", headers=seller)).json()
    assert order["supervision"]["state"] == "completed"
    assert order["supervision"]["began_at"]
    assert order["billable_since"] == order["completed_at"]


@pytest.mark.parametrize("delivery_type", ["image", "api"])
async def test_what_needs_nothing_is_billable_at_once(
    client: Client, world: World, shop: Shop, as_: As, delivery_type: str
) -> None:
    number = await Supervised(shop).buy(delivery_type)
    order = (await client.get(f"/api/v1/orders/{number}", headers=await as_(world.buyer))).json()
    assert (order["state"], order["supervision"]["state"]) == ("completed", "not_involved")
    assert order["billable_since"] == order["completed_at"]
