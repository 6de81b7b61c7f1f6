"""What sellers do with products and endpoints."""

from uuid import uuid4

import pytest
from tests.world import KEY, Shop, add_endpoint

from tradehall.catalog import actions as catalog
from tradehall.catalog import queries
from tradehall.catalog.errors import (
    EndpointChanged,
    EndpointNotFound,
    NeedsAnEndpoint,
    NothingToSell,
    OneGeneralEndpoint,
    ProductChanged,
    ProductNotFound,
)
from tradehall.catalog.model import Endpoint
from tradehall.kernel.errors import Invalid
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.paging import page_request


async def draft(shop: Shop, slug: str = "new-thing", **changes: object) -> object:
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        return await catalog.create_product(
            tx,
            **{
                "seller_id": shop.world.seller.organisation_id,
                "endpoint_id": shop.world.endpoint,
                "slug": slug,
                "category": "data",
                "name_en": "New Thing",
                "name_zh": "新东西",
                "summary_en": "New",
                "summary_zh": "新",
            }
            | changes,  # type: ignore[arg-type]
        )


async def test_a_product_is_sold_only_with_an_endpoint_and_a_price(shop: Shop) -> None:
    seller = shop.world.seller.organisation_id
    without = await draft(shop, "no-endpoint", endpoint_id=None)
    unpriced = await draft(shop, "no-price")
    for product, problem in ((without, NeedsAnEndpoint), (unpriced, NothingToSell)):
        async with shop.installation.db.transaction(shop.world.seller) as tx:
            with pytest.raises(problem):
                await catalog.put_on_sale(tx, seller_id=seller, product_id=product, version=1)  # type: ignore[arg-type]


async def test_a_stale_page_cannot_change_a_product(shop: Shop) -> None:
    seller, product = shop.world.seller.organisation_id, shop.world.product
    assert seller
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        with pytest.raises(ProductChanged) as stale:
            await catalog.take_off_sale(tx, seller_id=seller, product_id=product, version=1)
        assert stale.value.values == {"state": "on_sale"}
        await catalog.take_off_sale(tx, seller_id=seller, product_id=product, version=2)
        with pytest.raises(ProductChanged):
            await catalog.take_off_sale(tx, seller_id=seller, product_id=product, version=3)


async def test_another_sellers_product_is_not_found(shop: Shop) -> None:
    other = shop.world.other_seller.organisation_id
    assert other
    async with shop.installation.db.transaction(shop.world.other_seller) as tx:
        with pytest.raises(ProductNotFound):
            await catalog.take_off_sale(tx, seller_id=other, product_id=shop.world.product, version=2)
        with pytest.raises(ProductNotFound):
            await catalog.put_on_sale(tx, seller_id=other, product_id=shop.world.product, version=2)


async def test_another_sellers_endpoint_makes_no_product(shop: Shop) -> None:
    with pytest.raises(EndpointNotFound):
        await draft(shop, endpoint_id=shop.world.other_endpoint)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name_en", " "),
        ("name_zh", "x" * 121),
        ("summary_en", "x" * 301),
        ("category", "toys"),
        ("slug", "north-suite"),
    ],
)
async def test_a_wrong_field_is_named(shop: Shop, field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        await draft(shop, **{field: value})
    assert field in [one.field for one in refused.value.fields]


async def test_the_public_sees_what_is_on_sale_and_finds_it(shop: Shop) -> None:
    await draft(shop)

    async def found(**only: object) -> list[str]:
        async with shop.installation.db.read() as reader:
            return [row.slug for row in (await queries.products_on_sale(reader, page_request(), **only)).items]  # type: ignore[arg-type]

    assert await found() == ["lotus-desk", "north-suite"]
    assert await found(text="北风") == ["north-suite"]
    assert await found(text="LOTUS") == ["lotus-desk"]
    assert await found(text="100%_") == []
    assert await found(charging_mode="ON_DEMAND") == ["north-suite"]
    assert await found(category="finance") == []
    assert await found(seller_id=shop.world.other_seller.organisation_id) == ["lotus-desk"]


async def test_a_draft_is_seen_by_its_seller_and_the_platform_only(shop: Shop) -> None:
    await draft(shop)
    world = shop.world
    async with shop.installation.db.read() as reader:
        for viewer, sees in (
            (None, False), (world.buyer, False), (world.other_seller, False), (world.seller, True),
            (world.seller_member, True), (world.operator, True),
        ):  # fmt: skip
            assert (await queries.listing(reader, "new-thing", viewer) is not None) == sees


async def test_a_seller_has_one_endpoint_for_notifications(shop: Shop) -> None:
    async with shop.installation.db.transaction(SYSTEM) as tx:
        await add_endpoint(tx, shop.installation, shop.world.seller.organisation_id, general=True)
        with pytest.raises(OneGeneralEndpoint):
            await add_endpoint(tx, shop.installation, shop.world.seller.organisation_id, general=True)


@pytest.mark.parametrize("key", ["", "short", "x" * 129, " padded-key "])
async def test_an_access_key_that_cannot_be_one_is_refused(shop: Shop, key: str) -> None:
    async with shop.installation.db.transaction(SYSTEM) as tx:
        with pytest.raises(Invalid) as refused:
            await catalog.create_endpoint(
                tx, shop.installation.seal, seller_id=shop.world.seller.organisation_id, interface_class="basic",  # type: ignore[arg-type]
                name="E", address="https://example.com/", access_key=key,
            )  # fmt: skip
    assert refused.value.fields[0].field == "access_key"


async def test_a_key_is_kept_sealed_and_shown_by_its_end_only(shop: Shop) -> None:
    ((sealed, hint),) = await shop.sql(
        f"SELECT sealed, hint FROM access_keys WHERE endpoint_id = '{shop.world.endpoint}'"
    )
    assert KEY.encode() not in bytes(sealed)
    assert hint == KEY[-4:]
    assert shop.installation.seal.open(sealed, str(shop.world.endpoint)) == KEY


async def test_an_endpoint_changes_as_it_was_seen_or_not_at_all(shop: Shop) -> None:
    seller = shop.world.seller.organisation_id
    assert seller

    async def change(endpoint: object, version: int) -> None:
        assert seller
        async with shop.installation.db.transaction(shop.world.seller) as tx:
            await catalog.change_endpoint(
                tx, seller_id=seller, endpoint_id=endpoint, version=version, name="New",  # type: ignore[arg-type]
                address="https://example.com/new",
            )  # fmt: skip

    await change(shop.world.endpoint, 1)
    ((sealed,),) = await shop.sql(f"SELECT sealed FROM access_keys WHERE endpoint_id = '{shop.world.endpoint}'")
    assert shop.installation.seal.open(sealed, str(shop.world.endpoint)) == KEY, "the key is another matter"
    with pytest.raises(EndpointChanged):
        await change(shop.world.endpoint, 1)
    for foreign in (shop.world.other_endpoint, uuid4()):
        with pytest.raises(EndpointNotFound):
            await change(foreign, 1)


async def test_what_an_endpoint_speaks_is_kept_and_fits_together(shop: Shop) -> None:
    seller, endpoint = shop.world.seller.organisation_id, shop.world.endpoint
    assert seller

    async def change(**speech: object) -> Endpoint:
        async with shop.installation.db.transaction(shop.world.seller) as tx:
            seen = await queries.endpoint(tx, seller, endpoint)
            assert seen
            await catalog.change_endpoint(
                tx, seller_id=seller, endpoint_id=endpoint, version=seen.version, name="E",
                address="https://example.com/", **speech,  # type: ignore[arg-type]
            )  # fmt: skip
            found = await queries.endpoint(tx, seller, endpoint)
            assert found
            return found

    def speech(of: Endpoint) -> tuple[object, ...]:
        return of.generation, of.encryption, of.revisions, of.asks_contact

    assert speech(await change()) == ("V2", "AES256", False, False)
    assert speech(await change(revisions=True)) == ("V2", "AES256", True, False)
    assert speech(await change()) == ("V2", "AES256", True, False), "what is left out stays"
    old = await change(generation="V1", encryption="AES128", asks_contact=True)
    assert speech(old) == ("V1", "AES128", False, True)
    assert speech(await change(generation="V2")) == ("V2", "AES256", False, False), "what the other generation had goes"
    for wrong, field in (
        ({"generation": "V1", "revisions": True}, "revisions"),
        ({"asks_contact": True}, "asks_contact"),
        ({"encryption": "AES128"}, "encryption"),
    ):
        with pytest.raises(Invalid) as refused:
            await change(**wrong)
        assert refused.value.fields[0].field == field
    async with shop.installation.db.transaction(SYSTEM) as tx:
        with pytest.raises(Invalid) as refused:
            await catalog.create_endpoint(
                tx, shop.installation.seal, seller_id=seller, interface_class="general", name="G", generation="V1",
                address="https://example.com/", access_key="a-key-of-its-own",
            )  # fmt: skip
    assert refused.value.fields[0].field == "generation"
