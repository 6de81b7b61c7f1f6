"""A seller's products: drafted, given specifications and prices, put on and taken off sale."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import QueryParameter

from tradehall.api.catalog import PricedSku, ProductDetail, told_product
from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    Whole,
    installation_of_app,
    texts_for,
    wanted_page,
    write,
)
from tradehall.api.seller.common import SELLER, Version, seller_of
from tradehall.catalog import actions, queries
from tradehall.catalog.delivery import INSTANT
from tradehall.catalog.errors import (
    EndpointNotFound,
    NeedsAnEndpoint,
    NothingToSell,
    ProductChanged,
    ProductNotFound,
    SkuNotFound,
)
from tradehall.catalog.model import (
    ChargingMode,
    PeriodType,
    Price,
    ProductClass,
    ProductRow,
    ProductState,
)
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.paging import Page


class SellerProduct(ProductDetail, frozen=True):
    """A product of one's own: also its endpoint, the version that changes refer to, and since when its delivery type is
    fixed, having been on sale."""

    endpoint_id: UUID | None
    version: int
    released_at: datetime | None


class CreateProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product in both languages. `slug` is its address in the catalogue. Only what your server opens by itself (the
    delivery type "saas") needs an endpoint; what people deliver may promise `delivery_days`."""

    slug: str
    category: str
    name_en: str
    name_zh: str
    summary_en: str
    summary_zh: str
    description_en: str = ""
    description_zh: str = ""
    endpoint_id: UUID | None = None
    delivery_type: str = INSTANT
    product_class: ProductClass = "common"
    asks_requirement: bool = True
    delivery_days: Whole | None = None


class CreateSku(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A specification. With a quantity attribute (seats, boxes) buyers choose how many; without, one is sold."""

    name_en: str
    name_zh: str
    quantity_name_en: str | None = None
    quantity_name_zh: str | None = None
    quantity_min: Whole = 1
    quantity_max: Whole = 1
    quantity_step: Whole = 1


class CreatePrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to buy a specification. By the period it needs `period_type`, on demand the units' names.

    `amount_minor` is in minor units, for one of the quantity and one period, one purchase, or one unit of use.
    """

    charging_mode: ChargingMode
    amount_minor: Whole
    currency: str
    period_type: PeriodType | None = None
    unit_en: str | None = None
    unit_zh: str | None = None


class ProductVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version of the product you saw."""

    version: Version


@get("/products", guards=SELLER)
async def list_own_products(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    product_state: Annotated[
        ProductState | None, QueryParameter(name="state", description="Only those in this state.")
    ] = None,
) -> Page[ProductRow]:
    """List your products.

    In every state, newest first.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.products_of_seller(reader, seller_of(request), wanted, state=product_state)


@get("/products/{product_id:uuid}", guards=SELLER, opt={"problems": [ProductNotFound]})
async def get_own_product(request: ApiRequest, product_id: UUID) -> SellerProduct:
    """Look at a product of yours.

    In any state, with its endpoint and the version that changes refer to.
    """
    async with installation_of_app(request).db.read() as reader:
        return await own_product(reader, request, product_id)


async def own_product(reader: Reader, request: ApiRequest, product_id: UUID) -> SellerProduct:
    found = await queries.own_listing(reader, seller_of(request), product_id)
    if found is None:
        raise ProductNotFound
    return await told_product(reader, SellerProduct, found, texts_for(request))


@post("/products", guards=SELLER, status_code=201, opt={"problems": [EndpointNotFound]})
async def create_product(
    request: ApiRequest, data: CreateProduct, idempotency_key: IdempotencyKey = None
) -> SellerProduct:
    """Draft a product.

    It is for sale once it has a specification and a price, an endpoint where its delivery type needs one, and is put on
    sale.
    """

    async def action(tx: Tx) -> SellerProduct:
        product_id = await actions.create_product(tx, seller_id=seller_of(request), **msgspec.structs.asdict(data))
        return await own_product(tx, request, product_id)

    return await write(request, SellerProduct, idempotency_key, action, data)


@post("/products/{product_id:uuid}/skus", guards=SELLER, status_code=201, opt={"problems": [ProductNotFound]})
async def create_sku(
    request: ApiRequest, product_id: UUID, data: CreateSku, idempotency_key: IdempotencyKey = None
) -> PricedSku:
    """Add a specification.

    With a quantity attribute (seats, boxes), or without and then sold one at a time.
    """

    async def action(tx: Tx) -> PricedSku:
        await actions.must_own(tx, seller_of(request), product_id)
        sku_id = await actions.add_sku(tx, product_id=product_id, **msgspec.structs.asdict(data))
        return next(sku for sku in (await own_product(tx, request, product_id)).skus if sku.id == sku_id)

    return await write(request, PricedSku, idempotency_key, action, data)


@post(
    "/products/{product_id:uuid}/skus/{sku_id:uuid}/prices",
    guards=SELLER,
    status_code=201,
    opt={"problems": [ProductNotFound, SkuNotFound]},
)
async def create_price(
    request: ApiRequest, product_id: UUID, sku_id: UUID, data: CreatePrice, idempotency_key: IdempotencyKey = None
) -> Price:
    """Add a price.

    A specification has at most one price for each way to buy it: by the month, by the year, once, on demand.
    """

    async def action(tx: Tx) -> Price:
        await actions.must_own(tx, seller_of(request), product_id, sku_id)
        price_id = await actions.add_price(tx, product_id=product_id, sku_id=sku_id, **msgspec.structs.asdict(data))
        skus = (await own_product(tx, request, product_id)).skus
        return next(price for sku in skus for price in sku.prices if price.id == price_id)

    return await write(request, Price, idempotency_key, action, data)


@post(
    "/products/{product_id:uuid}/put-on-sale",
    guards=SELLER,
    status_code=200,
    opt={"problems": [ProductNotFound, ProductChanged, NeedsAnEndpoint, NothingToSell]},
)
async def put_on_sale(
    request: ApiRequest, product_id: UUID, data: ProductVersion, idempotency_key: IdempotencyKey = None
) -> SellerProduct:
    """Put a product on sale.

    It needs a specification with a price, and an endpoint where its delivery type needs one. From then on it keeps its
    delivery type.
    """

    async def action(tx: Tx) -> SellerProduct:
        await actions.put_on_sale(tx, seller_id=seller_of(request), product_id=product_id, version=data.version)
        return await own_product(tx, request, product_id)

    return await write(request, SellerProduct, idempotency_key, action, data)


@post(
    "/products/{product_id:uuid}/take-off-sale",
    guards=SELLER,
    status_code=200,
    opt={"problems": [ProductNotFound, ProductChanged]},
)
async def take_off_sale(
    request: ApiRequest, product_id: UUID, data: ProductVersion, idempotency_key: IdempotencyKey = None
) -> SellerProduct:
    """Take a product off sale.

    Nobody can order it any more; what was ordered goes on.
    """

    async def action(tx: Tx) -> SellerProduct:
        await actions.take_off_sale(tx, seller_id=seller_of(request), product_id=product_id, version=data.version)
        return await own_product(tx, request, product_id)

    return await write(request, SellerProduct, idempotency_key, action, data)


handlers = [
    list_own_products,
    get_own_product,
    create_product,
    create_sku,
    create_price,
    put_on_sale,
    take_off_sale,
]
