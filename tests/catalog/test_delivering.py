"""How a product is delivered: changed until it is released, and then no more."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.supervised import Supervised
from tests.templates import attached
from tests.world import Shop, World

from tradehall.catalog import actions, queries, templates
from tradehall.catalog.delivering import change_delivery
from tradehall.catalog.errors import (
    ClassFixed,
    DeliveryFixed,
    DeliveryUnfit,
    EndpointNotFound,
    NeedsAnEndpoint,
    NotAccepted,
    ProductChanged,
    ProductNotFound,
    TemplateNotFound,
)
from tradehall.catalog.model import Product
from tradehall.kernel.errors import Invalid


async def drafted(shop: Shop, **more: Any) -> UUID:
    assert shop.world.seller.organisation_id
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        return await actions.create_product(
            tx, seller_id=shop.world.seller.organisation_id, endpoint_id=None, slug="a-draft", category="data",
            name_en="A draft", name_zh="草稿", summary_en="What it is", summary_zh="是什么", **more,
        )  # fmt: skip


async def read(shop: Shop, product_id: UUID) -> Product:
    assert shop.world.seller.organisation_id
    async with shop.installation.db.read() as reader:
        found = await queries.own_listing(reader, shop.world.seller.organisation_id, product_id)
    assert found
    return found.product


async def change(shop: Shop, product_id: UUID, *, by: str = "seller", **changes: Any) -> None:
    usual = {
        "version": 1,
        "delivery_type": "saas_manual",
        "product_class": "common",
        "asks_requirement": True,
        "delivery_days": None,
        "endpoint_id": None,
    }
    actor = shop.world.actors[by]
    async with shop.installation.db.transaction(actor) as tx:
        await change_delivery(tx, seller_id=actor.organisation_id, product_id=product_id, **usual | changes)


async def test_a_draft_can_be_delivered_in_another_way(shop: Shop) -> None:
    product_id = await drafted(shop)
    await change(shop, product_id, product_class="joint", delivery_days=10, asks_requirement=False)
    product = await read(shop, product_id)
    assert (product.delivery_type, product.product_class) == ("saas_manual", "joint")
    assert (product.delivery_days, product.asks_requirement, product.version) == (10, False, 2)


async def test_what_changes_nothing_is_no_change(shop: Shop) -> None:
    product_id = await drafted(shop, delivery_type="service")
    await change(shop, product_id, delivery_type="service")
    assert (await read(shop, product_id)).version == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"delivery_type": "pigeon"}, "delivery_type"),
        ({"product_class": "noble"}, "product_class"),
        ({"delivery_type": "service", "asks_requirement": False}, "asks_requirement"),
        ({"delivery_type": "image", "delivery_days": 3}, "delivery_days"),
        ({"delivery_days": 366}, "delivery_days"),
    ],
)
async def test_what_does_not_go_together_is_refused(shop: Shop, wrong: dict[str, Any], field: str) -> None:
    product_id = await drafted(shop)
    with pytest.raises(Invalid) as refused:
        await change(shop, product_id, **wrong)
    assert [one.field for one in refused.value.fields] == [field]


async def test_an_old_version_somebody_elses_product_and_endpoint_are_refused(shop: Shop, world: World) -> None:
    product_id = await drafted(shop)
    with pytest.raises(ProductChanged):
        await change(shop, product_id, version=2)
    with pytest.raises(ProductNotFound):
        await change(shop, product_id, by="other_seller")
    with pytest.raises(EndpointNotFound):
        await change(shop, product_id, delivery_type="saas", endpoint_id=world.other_endpoint)


async def slow(shop: Shop) -> UUID:
    """A product on sale that people deliver."""
    price = await Supervised(shop).price("service")
    found = await shop.sql(f"SELECT k.product_id FROM prices r JOIN skus k ON k.id = r.sku_id WHERE r.id = '{price}'")
    return UUID(str(found[0][0]))


async def test_once_released_it_keeps_its_delivery_type_and_class_but_not_the_rest(shop: Shop, world: World) -> None:
    version = (await read(shop, world.product)).version
    with pytest.raises(DeliveryFixed):
        await change(shop, world.product, version=version)
    with pytest.raises(NeedsAnEndpoint):
        await change(shop, world.product, version=version, delivery_type="saas")
    same = {"version": version, "delivery_type": "saas", "endpoint_id": world.endpoint}
    with pytest.raises(ClassFixed):
        await change(shop, world.product, **same, product_class="joint")
    released = await slow(shop)
    await change(shop, released, version=2, delivery_type="service", delivery_days=9)
    assert (await read(shop, released)).delivery_days == 9
    with pytest.raises(psycopg.errors.RaiseException, match="the way it is delivered"):
        await shop.sql(f"UPDATE products SET delivery_type = 'service' WHERE id = '{world.product}'")


async def test_prices_and_trials_that_the_other_way_cannot_have_stand_in_its_way(shop: Shop, world: World) -> None:
    product_id = await drafted(shop)
    async with shop.installation.db.transaction(world.seller) as tx:
        sku = await actions.add_sku(tx, product_id=product_id, name_en="One", name_zh="一")
        await actions.add_price(
            tx, product_id=product_id, sku_id=sku, charging_mode="PERIOD", amount_minor=100, currency="CNY",
            period_type="month",
        )  # fmt: skip
    with pytest.raises(DeliveryUnfit):
        await change(shop, product_id, delivery_type="hardware")
    await change(shop, product_id)
    await change(shop, product_id, version=2, delivery_type="saas")
    await shop.sql(f"UPDATE skus SET trial_days = 7 WHERE id = '{sku}'")
    with pytest.raises(DeliveryUnfit):
        await change(shop, product_id, version=3)


# --- templates


async def test_a_template_is_replaced_and_earlier_orders_keep_theirs(shop: Shop, world: World) -> None:
    product_id = await slow(shop)
    placed = [shop.clock.now()]
    files = []
    for content in (b"A standard.", b"Another standard."):
        shop.clock.advance(timedelta(days=1))
        files.append(await attached(shop.installation, world.seller, product_id, content=content))
        placed.append(shop.clock.now())
    async with shop.installation.db.read() as reader:
        (now,) = await templates.templates_of(reader, product_id)
        assert (now.kind, now.file_id, now.name, now.size) == ("acceptance_template", files[1], "standard.txt", 17)
        by_order = [await templates.template_at(reader, product_id, "acceptance_template", at) for at in placed]
        assert by_order == [files[0], *files], "one that was there before the first standard takes that"
        assert await templates.template_at(reader, product_id, "requirement_template", placed[0]) is None


async def test_templates_are_for_whoever_may_see_the_product(shop: Shop, world: World) -> None:
    product_id = await drafted(shop, delivery_type="service")
    kept = await attached(shop.installation, world.seller, product_id)
    async with shop.installation.db.read() as reader:
        for viewer in (world.seller, world.operator):
            assert await templates.template(reader, viewer, "a-draft", "acceptance_template") == kept
        for stranger in (None, world.buyer, world.other_seller):
            with pytest.raises(TemplateNotFound):
                await templates.template(reader, stranger, "a-draft", "acceptance_template")
        with pytest.raises(TemplateNotFound):
            templates.kind_of("anything")


async def test_what_nobody_accepts_has_no_template(shop: Shop, world: World) -> None:
    with pytest.raises(NotAccepted):
        await attached(shop.installation, world.seller, world.product)
    with pytest.raises(ProductNotFound):
        await attached(shop.installation, world.other_seller, world.product)
