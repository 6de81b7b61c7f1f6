"""What sellers look after: how their interfaces do, their endpoints, their products."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get, post, put
from litestar.params import QueryParameter

from tradehall.api.calls import calls_router
from tradehall.api.catalog import PricedSku, ProductDetail, priced_skus
from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    Whole,
    installation_of_app,
    wanted_page,
    write,
)
from tradehall.catalog import actions, queries
from tradehall.catalog.errors import (
    EndpointChanged,
    EndpointNotFound,
    NeedsAnEndpoint,
    NothingToSell,
    OneGeneralEndpoint,
    ProductChanged,
    ProductNotFound,
    SkuNotFound,
)
from tradehall.catalog.model import (
    ChargingMode,
    Endpoint,
    InterfaceClass,
    PeriodType,
    Price,
    ProductRow,
    ProductState,
)
from tradehall.edge.access import only
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.paging import Page
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.queries import CallCounts, Health

SELLER = [only("seller")]
SELLER_ADMIN = [only("seller", role="admin")]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1, description="The version you saw.")]


class Dashboard(msgspec.Struct, frozen=True):
    """How a seller's interfaces did of late, the failing ones first, and how many calls need someone."""

    interfaces: list[Health]
    calls: CallCounts


class CreateEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A production interface: a server that makes instances (basic), or one that hears of paid orders (general)."""

    name: str
    address: Annotated[str, msgspec.Meta(max_length=512)]
    access_key: str
    interface_class: InterfaceClass = "basic"


class ChangeEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an endpoint shall be, `version` being the one you saw. Without an access key the key stays as it is."""

    version: Version
    name: str
    address: Annotated[str, msgspec.Meta(max_length=512)]
    access_key: str = ""


class SellerProduct(ProductDetail, frozen=True):
    """A product of one's own: also its endpoint, and the version that changes refer to."""

    endpoint_id: UUID | None
    version: int


class CreateProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product in both languages. `slug` is its address in the catalogue."""

    slug: str
    category: str
    name_en: str
    name_zh: str
    summary_en: str
    summary_zh: str
    description_en: str = ""
    description_zh: str = ""
    endpoint_id: UUID | None = None


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


def _seller_id(request: ApiRequest) -> UUID:
    organisation = request.user.organisation_id
    assert organisation, "guarded"
    return organisation


@get("/dashboard", guards=SELLER)
async def get_dashboard(request: ApiRequest) -> Dashboard:
    """See how your interfaces do.

    Each interface's record over its last tries, the failing ones first, and how many calls fail, were given up or are
    under way (each counted to a thousand).
    """
    async with installation_of_app(request).db.read() as reader:
        return Dashboard(
            await provisioning.health(reader, _seller_id(request)),
            await provisioning.call_counts(reader, request.user.actor),
        )


@get("/endpoints", guards=SELLER)
async def list_endpoints(request: ApiRequest) -> list[Endpoint]:
    """List your endpoints.

    Of an access key only its last four characters are shown.
    """
    async with installation_of_app(request).db.read() as reader:
        return await queries.endpoints_of_seller(reader, _seller_id(request))


@get("/endpoints/{endpoint_id:uuid}", guards=SELLER, opt={"problems": [EndpointNotFound]})
async def get_endpoint(request: ApiRequest, endpoint_id: UUID) -> Endpoint:
    """Look at an endpoint.

    Of its access key only the last four characters are shown.
    """
    async with installation_of_app(request).db.read() as reader:
        return await _endpoint(reader, request, endpoint_id)


async def _endpoint(reader: Reader, request: ApiRequest, endpoint_id: UUID) -> Endpoint:
    found = await queries.endpoint(reader, _seller_id(request), endpoint_id)
    if found is None:
        raise EndpointNotFound
    return found


async def _check_address(request: ApiRequest, address: str) -> None:
    if objection := await installation_of_app(request).outbound.check_address(address):
        raise invalid("address", objection)


@post("/endpoints", guards=SELLER_ADMIN, status_code=201, opt={"problems": [OneGeneralEndpoint]})
async def create_endpoint(
    request: ApiRequest, data: CreateEndpoint, idempotency_key: IdempotencyKey = None
) -> Endpoint:
    """Add an endpoint.

    Only administrators can. The address must be public, or allowed by the operator. The access key signs every call.
    """
    await _check_address(request, data.address)

    async def action(tx: Tx) -> Endpoint:
        endpoint_id = await actions.create_endpoint(
            tx,
            installation_of_app(request).seal,
            seller_id=_seller_id(request),
            interface_class=data.interface_class,
            name=data.name,
            address=data.address,
            access_key=data.access_key,
        )
        return await _endpoint(tx, request, endpoint_id)

    return await write(request, Endpoint, idempotency_key, action, data, secret=True)


@put("/endpoints/{endpoint_id:uuid}", guards=SELLER_ADMIN, opt={"problems": [EndpointNotFound, EndpointChanged]})
async def change_endpoint(
    request: ApiRequest, endpoint_id: UUID, data: ChangeEndpoint, idempotency_key: IdempotencyKey = None
) -> Endpoint:
    """Change an endpoint.

    Only administrators can. Calls not yet made use the new address and key. If someone else changed it after the
    version you saw, nothing is done.
    """
    async with installation_of_app(request).db.read() as reader:
        await _endpoint(reader, request, endpoint_id)
    await _check_address(request, data.address)

    async def action(tx: Tx) -> Endpoint:
        await actions.change_endpoint(
            tx,
            installation_of_app(request).seal,
            seller_id=_seller_id(request),
            endpoint_id=endpoint_id,
            version=data.version,
            name=data.name,
            address=data.address,
            access_key=data.access_key,
        )
        return await _endpoint(tx, request, endpoint_id)

    return await write(request, Endpoint, idempotency_key, action, data, secret=True)


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
        return await queries.products_of_seller(reader, _seller_id(request), wanted, state=product_state)


@get("/products/{product_id:uuid}", guards=SELLER, opt={"problems": [ProductNotFound]})
async def get_own_product(request: ApiRequest, product_id: UUID) -> SellerProduct:
    """Look at a product of yours.

    In any state, with its endpoint and the version that changes refer to.
    """
    async with installation_of_app(request).db.read() as reader:
        return await _product(reader, request, product_id)


async def _product(reader: Reader, request: ApiRequest, product_id: UUID) -> SellerProduct:
    found = await queries.own_listing(reader, _seller_id(request), product_id)
    if found is None:
        raise ProductNotFound
    product = found.product
    return SellerProduct(
        skus=priced_skus(found),
        **{name: getattr(product, name) for name in SellerProduct.__struct_fields__ if name != "skus"},
    )


@post("/products", guards=SELLER, status_code=201, opt={"problems": [EndpointNotFound]})
async def create_product(
    request: ApiRequest, data: CreateProduct, idempotency_key: IdempotencyKey = None
) -> SellerProduct:
    """Draft a product.

    It is for sale once it has an endpoint, a specification and a price, and is put on sale.
    """

    async def action(tx: Tx) -> SellerProduct:
        product_id = await actions.create_product(tx, seller_id=_seller_id(request), **msgspec.structs.asdict(data))
        return await _product(tx, request, product_id)

    return await write(request, SellerProduct, idempotency_key, action, data)


@post("/products/{product_id:uuid}/skus", guards=SELLER, status_code=201, opt={"problems": [ProductNotFound]})
async def create_sku(
    request: ApiRequest, product_id: UUID, data: CreateSku, idempotency_key: IdempotencyKey = None
) -> PricedSku:
    """Add a specification.

    With a quantity attribute (seats, boxes), or without and then sold one at a time.
    """

    async def action(tx: Tx) -> PricedSku:
        await actions.must_own(tx, _seller_id(request), product_id)
        sku_id = await actions.add_sku(tx, product_id=product_id, **msgspec.structs.asdict(data))
        return next(sku for sku in (await _product(tx, request, product_id)).skus if sku.id == sku_id)

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
        await actions.must_own(tx, _seller_id(request), product_id, sku_id)
        price_id = await actions.add_price(tx, product_id=product_id, sku_id=sku_id, **msgspec.structs.asdict(data))
        skus = (await _product(tx, request, product_id)).skus
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

    It needs an endpoint, and a specification with a price.
    """

    async def action(tx: Tx) -> SellerProduct:
        await actions.put_on_sale(tx, seller_id=_seller_id(request), product_id=product_id, version=data.version)
        return await _product(tx, request, product_id)

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
        await actions.take_off_sale(tx, seller_id=_seller_id(request), product_id=product_id, version=data.version)
        return await _product(tx, request, product_id)

    return await write(request, SellerProduct, idempotency_key, action, data)


router = Router(
    "/seller",
    route_handlers=[
        get_dashboard,
        calls_router("seller", "seller"),
        list_endpoints,
        get_endpoint,
        create_endpoint,
        change_endpoint,
        list_own_products,
        get_own_product,
        create_product,
        create_sku,
        create_price,
        put_on_sale,
        take_off_sale,
    ],
    tags=["Seller"],
)
