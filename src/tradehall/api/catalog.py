"""The public catalogue: what is for sale, and what it costs."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
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
from tradehall.api.ratings import ProductRating, told_rating
from tradehall.catalog import queries, templates
from tradehall.catalog.delivery import delivery
from tradehall.catalog.errors import NoLongerOnSale, PriceNotFound, ProductNotFound, TemplateNotFound
from tradehall.catalog.model import ChargingMode, Listing, Price, ProductClass, ProductRow, ProductState, Quote, Sku
from tradehall.catalog.templates import Template
from tradehall.edge.uploads import file_response
from tradehall.kernel.db import Reader
from tradehall.kernel.files import file
from tradehall.kernel.files.errors import ContentMissing
from tradehall.kernel.i18n import Translator
from tradehall.kernel.paging import Page
from tradehall.reviews import queries as reviews
from tradehall.reviews.model import NO_RATING
from tradehall.trading import actions as trading
from tradehall.trading import queries as orders
from tradehall.trading.errors import OrderNotFound
from tradehall.trading.pricing import purchase_steps


class PricedSku(Sku, frozen=True, kw_only=True):
    """A specification with the ways to buy it."""

    prices: list[Price]


class ListedProduct(ProductRow, frozen=True, kw_only=True):
    """A product as the catalogue shows it, and how it is rated."""

    rating: ProductRating


class ProductDetail(msgspec.Struct, frozen=True):
    """A product with everything that is for sale of it, and how it is delivered.

    What is `supervised` is delivered by people, promised within `delivery_days` (null: as is usual here), and accepted
    by its buyer. `asks_requirement`: the flow begins with the buyer's requirement, where its delivery type has it so.
    """

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
    delivery_type: str
    delivery_label: str
    supervised: bool
    product_class: ProductClass
    asks_requirement: bool
    delivery_days: int | None
    templates: list[Template]
    skus: list[PricedSku]
    rating: ProductRating


class AskPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to buy: a price of the catalogue, how many, and for how many periods where it is sold by the period."""

    price_id: UUID
    quantity: Whole = 1
    period_number: Whole | None = None


class PurchasePrice(Quote, frozen=True):
    """What a purchase costs, and how that comes about, step by step."""

    steps: list[Step]


Detail = TypeVar("Detail", bound=ProductDetail)


async def told_product(reader: Reader, kind: type[Detail], listing: Listing, texts: Translator) -> Detail:
    """A product as the API tells it."""
    product = listing.product
    way = delivery(product.delivery_type)
    told: dict[str, Any] = {
        "delivery_label": texts.lookup(way.label),
        "supervised": way.supervised,
        "templates": await templates.templates_of(reader, product.id),
        "skus": priced_skus(listing),
        "rating": told_rating(await reviews.rating_of(reader, product.id)),
    }
    rest = {name: getattr(product, name) for name in kind.__struct_fields__ if name not in told}
    return kind(**told, **rest)


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
) -> Page[ListedProduct]:
    """Search the catalogue.

    Everything that is on sale, newest first, each with the cheapest way to buy it. Amounts are minor units.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        rows = await queries.products_on_sale(
            reader, wanted, text=q, category=category, charging_mode=charging_mode, seller_id=seller
        )
        ratings = await reviews.ratings_of(reader, [row.id for row in rows.items])
    shown = [
        ListedProduct(**msgspec.structs.asdict(row), rating=told_rating(ratings.get(row.id, NO_RATING)))
        for row in rows.items
    ]
    return Page(shown, rows.next, rows.previous)


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
        return await told_product(reader, ProductDetail, found, texts_for(request))


@get(
    "/products/{slug:str}/templates/{template_kind:str}",
    opt={"problems": [TemplateNotFound, OrderNotFound, ContentMissing], "gives_file": True},
)
async def download_template(
    request: ApiRequest,
    slug: str,
    template_kind: str,
    order: Annotated[str, QueryParameter(description="An order's number: the template that this order goes by.")] = "",
) -> Response[Any]:
    """Download a product's template.

    The requirement template that buyers fill in, or the acceptance template, the standard of a delivery. For whoever
    may see the product; with an order's number, for whoever may see the order.
    """
    visitor, wanted = request.user, templates.kind_of(template_kind)
    async with installation_of_app(request).db.read() as reader:
        if order and visitor.seat:
            bought = await orders.order(reader, visitor.actor, order)
            if bought is None or bought.product_slug != slug:
                raise OrderNotFound
            file_id = await templates.template_at(reader, bought.product_id, wanted, bought.created_at)
        else:
            file_id = await templates.template(reader, visitor.actor if visitor.seat else None, slug, wanted)
        if file_id is None:
            raise TemplateNotFound
        stored = await file(reader, file_id)
    return await file_response(request, installation_of_app(request).files, stored)


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


router = Router("/", route_handlers=[list_products, get_product, download_template, quote_price], tags=["Catalogue"])
