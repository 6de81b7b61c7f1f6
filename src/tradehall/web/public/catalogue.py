"""The storefront, the catalogue and a product's page."""

from typing import Any, get_args

from litestar import Response, get

from tradehall.catalog import delivery, queries, templates
from tradehall.catalog.errors import ProductNotFound, TemplateNotFound
from tradehall.catalog.model import CATEGORIES, ChargingMode, Listing
from tradehall.edge.access import Visitor, installation_of
from tradehall.edge.uploads import file_response
from tradehall.kernel.db import Reader
from tradehall.kernel.files import file
from tradehall.kernel.paging import PageRequest, page_request
from tradehall.reviews import queries as reviews
from tradehall.reviews.model import NO_RATING
from tradehall.trading import queries as trading
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.errors import OrderNotFound
from tradehall.web import labels
from tradehall.web.common import Form, PageResponse, WebRequest, chosen, page, reading, searched, visitor_of
from tradehall.web.labels import CATEGORIES as CATEGORY_LABELS
from tradehall.web.labels import CHARGING_MODES
from tradehall.web.public.choice import choose, trial_price
from tradehall.web.reviewed import STAR_WORDS

CARDS = 24
FEATURED = 8
REVIEWS = 10
ALL_CHARGING_MODES: tuple[ChargingMode, ...] = get_args(ChargingMode)


@get("/")
async def storefront(request: WebRequest) -> PageResponse:
    """What this place is, and its newest products."""
    async with reading(request) as reader:
        newest = await queries.products_on_sale(reader, PageRequest(limit=FEATURED))
        ratings = await reviews.ratings_of(reader, [row.id for row in newest.items])
    return page(
        request, "public/storefront.html", rows=newest, ratings=ratings, categories=CATEGORY_LABELS, labels=labels
    )


@get("/products")
async def catalogue(request: WebRequest) -> PageResponse:
    """Everything on sale, by words, category and way of charging."""
    text, category = searched(request), chosen(request, "category", CATEGORIES)
    mode = chosen(request, "mode", ALL_CHARGING_MODES)
    wanted = page_request(CARDS, request.query_params.get("after"), request.query_params.get("before"))
    async with reading(request) as reader:
        rows = await queries.products_on_sale(reader, wanted, text=text, category=category, charging_mode=mode)
        ratings = await reviews.ratings_of(reader, [row.id for row in rows.items])
    return page(
        request,
        "public/catalogue.html",
        rows=rows,
        ratings=ratings,
        q=text,
        category=category,
        mode=mode,
        categories=CATEGORY_LABELS,
        modes=CHARGING_MODES,
        labels=labels,
    )


@get("/products/{slug:str}")
async def product(request: WebRequest, slug: str) -> PageResponse:
    """A product and the ways to buy it. What is chosen stands in the address, so it survives signing in.

    Whoever follows an old link to what has been taken off sale is told so (410).
    """
    visitor = visitor_of(request)
    wanted = page_request(REVIEWS, request.query_params.get("after"), request.query_params.get("before"))
    async with reading(request) as reader:
        listing = await queries.listing(reader, slug, visitor.actor if visitor.seat else None)
        gone = await queries.withdrawn(reader, slug) if listing is None else None
        tried = await _tried(reader, visitor, listing) if listing else None
        attached = await templates.templates_of(reader, listing.product.id) if listing else []
        rating = await reviews.rating_of(reader, listing.product.id) if listing else NO_RATING
        reviewed = await reviews.published(reader, listing.product.id, wanted) if rating.count and listing else None
    if gone:
        return page(request, "public/withdrawn.html", http_status=410, product=gone, categories=CATEGORY_LABELS)
    if listing is None:
        raise ProductNotFound
    choice = choose(listing, Form(request, list(request.query_params.multi_items())))
    return page(
        request,
        "public/product.html",
        listing=listing,
        product=listing.product,
        choice=choice,
        for_sale=[sku for sku in listing.skus if listing.prices_of(sku)],
        categories=CATEGORY_LABELS,
        trial=trial_price(listing, choice) if choice else None,
        tried=tried,
        may_order=visitor.seat is None or visitor.seat.organisation_kind == "buyer",
        delivered=delivery.delivery(listing.product.delivery_type),
        days=listing.product.delivery_days or installation_of(request).settings.delivery_days,
        attached=attached,
        template_labels=templates.LABELS,
        labels=labels,
        rating=rating,
        reviewed=reviewed,
        star_words=STAR_WORDS,
    )


@get("/products/{slug:str}/files/{kind:str}")
async def template(request: WebRequest, slug: str, kind: str, order: str = "") -> Response[Any]:
    """A template of a product, for whoever may see that; with an order's number the one the order goes by, for whoever
    may see the order."""
    visitor, wanted = visitor_of(request), templates.kind_of(kind)
    async with reading(request) as reader:
        if order and visitor.seat:
            bought = await trading.order(reader, visitor.actor, order)
            if bought is None or bought.product_slug != slug:
                raise OrderNotFound
            file_id = await templates.template_at(reader, bought.product_id, wanted, bought.created_at)
            if file_id is None:
                raise TemplateNotFound
        else:
            file_id = await templates.template(reader, visitor.actor if visitor.seat else None, slug, wanted)
        stored = await file(reader, file_id)
    return await file_response(request, installation_of(request).files, stored)


async def _tried(reader: Reader, visitor: Visitor, listing: Listing) -> str | None:
    """The number of the order by which the reader's organisation tried this product, if it did."""
    seat = visitor.seat
    if seat is None or seat.organisation_kind != "buyer":
        return None
    return await subscriptions.trial_of(reader, seat.organisation_id, listing.product.id)


handlers: list[Any] = [storefront, catalogue, product, template]
