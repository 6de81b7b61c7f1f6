"""The public catalogue: what is for sale, and what it costs."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    Limit,
    Whole,
    installation_of_app,
    request_id,
    texts_for,
    wanted_page,
)
from tradehall.api.prices import Step, told_steps
from tradehall.catalog import queries
from tradehall.catalog.errors import NoLongerOnSale, PriceNotFound, ProductNotFound
from tradehall.catalog.model import ChargingMode, Listing, Price, ProductRow, ProductState, Quote, Sku
from tradehall.kernel.paging import Page
from tradehall.trading import actions as trading
from tradehall.trading.pricing import purchase_steps


class PricedSku(Sku, frozen=True, kw_only=True):
    """A specification with the ways to buy it."""

    prices: list[Price]


class ProductDetail(msgspec.Struct, frozen=True):
    """A product with everything that is for sale of it."""

    id: UUID
    slug: str
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    category: str
    name_en: str
    name_zh: str
    summary_en: str
    summary_zh: str
    description_en: str
    description_zh: str
    state: ProductState
    skus: list[PricedSku]


class AskPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to buy: a price of the catalogue, how many, and for how many periods where it is sold by the period."""

    price_id: UUID
    quantity: Whole = 1
    period_number: Whole | None = None


class PurchasePrice(Quote, frozen=True):
    """What a purchase costs, and how that comes about, step by step."""

    steps: list[Step]


def priced_skus(listing: Listing) -> list[PricedSku]:
    return [PricedSku(**msgspec.structs.asdict(sku), prices=listing.prices_of(sku)) for sku in listing.skus]


@get("/products")
async def list_products(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    q: Annotated[str, QueryParameter(description="Words of a name or summary, in either language.")] = "",
    category: Annotated[str | None, QueryParameter(description="A category's code, such as collaboration.")] = None,
    charging_mode: Annotated[ChargingMode | None, QueryParameter(description="Sold in this way, at least.")] = None,
    seller: Annotated[UUID | None, QueryParameter(description="A seller's id.")] = None,
) -> Page[ProductRow]:
    """Search the catalogue.

    Everything that is on sale, newest first, each with the cheapest way to buy it. Amounts are minor units.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.products_on_sale(
            reader, wanted, text=q, category=category, charging_mode=charging_mode, seller_id=seller
        )


@get("/products/{slug:str}", opt={"problems": [ProductNotFound]})
async def get_product(request: ApiRequest, slug: str) -> ProductDetail:
    """Look at a product.

    With its specifications and the ways to buy each. What is not on sale is seen by its seller and operators only.
    """
    visitor = request.user
    async with installation_of_app(request).db.read() as reader:
        found = await queries.listing(reader, slug, visitor.actor if visitor.seat else None)
    if found is None:
        raise ProductNotFound
    product = found.product
    return ProductDetail(
        skus=priced_skus(found),
        **{name: getattr(product, name) for name in ProductDetail.__struct_fields__ if name != "skus"},
    )


@post("/quotes", status_code=200, opt={"problems": [PriceNotFound, NoLongerOnSale]})
async def quote_price(request: ApiRequest, data: AskPrice) -> PurchasePrice:
    """Ask what a purchase costs.

    Unit price × quantity × periods = total, in minor units. Nothing is reserved. Ordering with the total as
    `expected_total` fails if the price has changed by then.
    """
    async with installation_of_app(request).db.transaction(request.user.actor, request_id(request)) as tx:
        cost = await trading.price_of(tx, data.price_id, data.quantity, data.period_number)
        offer = await queries.offer(tx, data.price_id)
    if offer is None:
        raise PriceNotFound
    steps = purchase_steps(
        offer.charging_mode, offer.period_type, cost.quantity, cost.period_number, cost.unit_minor, cost.total_minor
    )
    return PurchasePrice(**msgspec.structs.asdict(cost), steps=told_steps(steps, cost.currency, texts_for(request)))


router = Router("/", route_handlers=[list_products, get_product, quote_price], tags=["Catalogue"])
