"""The seller's products: written in both languages, with specifications and prices, put on and taken off sale."""

from collections.abc import Awaitable, Callable
from typing import cast
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import actions, delivery, queries, rules, templates
from tradehall.catalog.errors import ProductNotFound
from tradehall.catalog.model import CATEGORIES, ChargingMode, Listing, PeriodType, Product, ProductState
from tradehall.catalog.rules import Void
from tradehall.catalog.templates import Template
from tradehall.edge.access import only
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import Invalid, Problem
from tradehall.kernel.i18n import N_
from tradehall.kernel.money import parse_decimal
from tradehall.web import labels
from tradehall.web.common import (
    NOT_A_CHOICE,
    Form,
    PageResponse,
    WebRequest,
    chosen,
    page,
    perform,
    read_form,
    reading,
    said_of,
    seat_of,
    texts,
    wanted_page,
)
from tradehall.web.seller.delivery import delivery_values, read_delivery, told_delivery, with_delivery
from tradehall.web.seller.orders import VOCABULARY
from tradehall.web.templating import Flash

PRODUCT_STATES: tuple[ProductState, ...] = ("draft", "on_sale", "off_sale")
CHARGINGS: dict[str, str] = {
    "PERIOD:month": N_("By the month"),
    "PERIOD:year": N_("By the year"),
    "ONE_TIME": N_("One-time"),
    "ON_DEMAND": N_("On demand"),
}
VOID: dict[Void, str] = {
    "sku_off_sale": N_("Void: the specification it leads to is not on sale."),
    "no_period_price": N_("Void: the specification it leads to is not sold by the period."),
}
NOT_AN_AMOUNT = N_("Write an amount such as 99.00.")
_FORMS = ("sku_form", "price_form", "trial_form", "rule_form", "delivery_form", "file_form")
# Where the actions' names of fields differ from the forms'.
_FIELDS = {"amount_minor": "amount", "charging_mode": "charging", "period_type": "charging", "days": "trial_days"}


@get("/seller/products", guards=[only("seller")])
async def products(request: WebRequest) -> PageResponse:
    state = chosen(request, "state", PRODUCT_STATES)
    async with reading(request) as reader:
        rows = await queries.products_of_seller(
            reader, seat_of(request).organisation_id, wanted_page(request), state=state
        )
    return page(request, "seller/products.html", rows=rows, state=state, **VOCABULARY)


@get("/seller/products/new", guards=[only("seller")])
async def new_product(request: WebRequest) -> PageResponse:
    return await _new_page(request, Form(request))


@post("/seller/products/new", guards=[only("seller")])
async def create_product(request: WebRequest) -> PageResponse:
    seat, form = seat_of(request), await read_form(request)
    name_en, name_zh = (form.text(field, required=True, most=120) for field in ("name_en", "name_zh"))
    summary_en, summary_zh = (form.text(field, required=True, most=300) for field in ("summary_en", "summary_zh"))
    description_en, description_zh = (
        form.text(field, most=actions.LONGEST_DESCRIPTION) for field in ("description_en", "description_zh")
    )
    slug = form.text("slug", required=True, most=actions.LONGEST_SLUG)
    category = form.choice("category", CATEGORIES)
    wished = read_delivery(form)

    async def again(problem: Problem | None) -> PageResponse:
        return await _new_page(request, form, problem)

    if form.errors:
        return await again(None)
    return await perform(
        request,
        lambda tx: actions.create_product(
            tx,
            seller_id=seat.organisation_id,
            slug=slug,
            category=category,
            name_en=name_en,
            name_zh=name_zh,
            summary_en=summary_en,
            summary_zh=summary_zh,
            description_en=description_en,
            description_zh=description_zh,
            endpoint_id=wished.endpoint_id,
            delivery_type=wished.delivery_type,
            product_class=wished.product_class,
            asks_requirement=wished.asks_requirement,
            delivery_days=wished.delivery_days,
        ),
        to=f"/seller/products/{slug}",
        said=N_("The draft was created. Add a specification and a price, then put it on sale."),
        form=form,
        again=again,
    )


async def _new_page(request: WebRequest, form: Form, problem: Problem | None = None) -> PageResponse:
    said = texts(request)
    async with reading(request) as reader:
        endpoints = await queries.endpoints_of_seller(reader, seat_of(request).organisation_id)
    values = delivery_values(request, endpoints)
    if not form.values and len(values["endpoints"]) == 1:
        form.values["endpoint_id"] = str(values["endpoints"][0].id)
    return page(
        request,
        "seller/new_product.html",
        flash=_flash(request, problem),
        form=form,
        **values,
        categories=[(category, said.lookup(labels.CATEGORIES.get(category, category))) for category in CATEGORIES],
    )


@get("/seller/products/{slug:str}", guards=[only("seller")])
async def product(request: WebRequest, slug: str) -> PageResponse:
    return await product_page(request, slug)


@post("/seller/products/{slug:str}/sale", guards=[only("seller")])
async def sale(request: WebRequest, slug: str) -> PageResponse:
    """Puts the product on sale or takes it off, as it was at the version the person saw."""
    seller_id, form = seat_of(request).organisation_id, await read_form(request)
    on = form.values.get("verb") == "put_on_sale"
    if not on and form.values.get("verb") != "take_off_sale":
        form.fail("verb", NOT_A_CHOICE)
    version = form.integer("version")

    async def action(tx: Tx) -> None:
        listing = await own_product(tx, request, slug)
        move = actions.put_on_sale if on else actions.take_off_sale
        await move(tx, seller_id=seller_id, product_id=listing.product.id, version=version)

    return await change_product(
        request,
        slug,
        form,
        action,
        said=N_("The product is on sale now.") if on else N_("The product was taken off sale."),
    )


@post("/seller/products/{slug:str}/specifications", guards=[only("seller")])
async def add_specification(request: WebRequest, slug: str) -> PageResponse:
    form = await read_form(request)
    name_en, name_zh = form.text("name_en", required=True, most=80), form.text("name_zh", required=True, most=80)
    quantity_name_en, quantity_name_zh = form.text("quantity_name_en", most=40), form.text("quantity_name_zh", most=40)
    low, high, step = (form.integer(field) for field in ("quantity_min", "quantity_max", "quantity_step"))

    async def action(tx: Tx) -> None:
        listing = await own_product(tx, request, slug)
        await actions.add_sku(
            tx,
            product_id=listing.product.id,
            name_en=name_en,
            name_zh=name_zh,
            quantity_name_en=quantity_name_en or None,
            quantity_name_zh=quantity_name_zh or None,
            quantity_min=low,
            quantity_max=high,
            quantity_step=step,
        )

    return await change_product(request, slug, form, action, said=N_("The specification was added."), which="sku_form")


@post("/seller/products/{slug:str}/prices", guards=[only("seller")])
async def add_price(request: WebRequest, slug: str) -> PageResponse:
    form = await read_form(request)
    sku_id = form.uuid("sku_id")
    mode, _, period = form.choice("charging", tuple(CHARGINGS)).partition(":")
    currency = form.text("currency", required=True, most=3).upper()
    amount = _amount(form, currency)
    unit_en, unit_zh = form.text("unit_en", most=40), form.text("unit_zh", most=40)

    async def action(tx: Tx) -> None:
        listing = await own_product(tx, request, slug)
        await actions.must_own(tx, listing.product.seller_id, listing.product.id, sku_id)
        await actions.add_price(
            tx,
            product_id=listing.product.id,
            sku_id=sku_id,
            charging_mode=cast("ChargingMode", mode),
            period_type=cast("PeriodType", period) if period else None,
            amount_minor=amount,
            currency=currency,
            unit_en=unit_en or None,
            unit_zh=unit_zh or None,
        )

    return await change_product(request, slug, form, action, said=N_("The price was added."), which="price_form")


def _amount(form: Form, currency: str) -> int:
    typed = form.text("amount", required=True, most=20)
    try:
        return parse_decimal(typed, currency)
    except ValueError:
        form.fail("amount", NOT_AN_AMOUNT)
        return 0


async def change_product(
    request: WebRequest,
    slug: str,
    form: Form,
    action: Callable[[Tx], Awaitable[None]],
    *,
    said: str,
    which: str = "",
) -> PageResponse:
    """Runs an action on a product; what is wrong is told on its page, at the form `which` where there is one."""

    async def again(problem: Problem | None) -> PageResponse:
        for theirs, ours in _FIELDS.items():
            if theirs in form.errors:
                form.errors.setdefault(ours, form.errors.pop(theirs))
        return await product_page(request, slug, form, which, problem)

    if form.errors:
        return await again(None)
    return await perform(
        request, action, to=f"/seller/products/{slug}", said=lambda _: texts(request).gettext(said), form=form,
        again=again,
    )  # fmt: skip


async def own_product(reader: Reader, request: WebRequest, slug: str) -> Listing:
    """The seller's product at this address. Somebody else's is as unknown as one that does not exist."""
    listing = await queries.listing(reader, slug, request.user.actor)
    if listing is None or listing.product.seller_id != seat_of(request).organisation_id:
        raise ProductNotFound
    return listing


async def product_page(
    request: WebRequest, slug: str, form: Form | None = None, which: str = "", problem: Problem | None = None
) -> PageResponse:
    """The product's page, with what is wrong with the form `which`."""
    said = texts(request)
    async with reading(request) as reader:
        listing = await own_product(reader, request, slug)
        product = listing.product
        endpoint_id: UUID | None = product.endpoint_id
        endpoint = await queries.endpoint(reader, product.seller_id, endpoint_id) if endpoint_id else None
        upgrades = await rules.rules_of_product(reader, product.id)
        endpoints = await queries.endpoints_of_seller(reader, product.seller_id)
        attached = await templates.templates_of(reader, product.id)
    forms = {name: Form(request) for name in _FORMS}
    if form is not None and which:
        forms[which] = form
    with_delivery(forms["delivery_form"], product)
    locale = said.locale
    return page(
        request,
        "seller/product.html",
        flash=_flash(request, problem),
        http_status=422 if form is not None and form.errors else 200,
        listing=listing,
        endpoint=endpoint,
        rules=upgrades,
        void={reason: said.lookup(text) for reason, text in VOID.items()},
        step_factors=[
            (one, said.ngettext("%(num)s step", "%(num)s steps", one))
            for one in range(rules.STEP_FACTORS[0], rules.STEP_FACTORS[1] + 1)
        ],
        by_period=_by_period(listing, locale),
        missing=[said.gettext(one) for one in _missing(listing)],
        attached={one.kind: one for one in attached},
        without_standard=_without_standard(product, attached),
        **delivery_values(request, endpoints),
        **told_delivery(product),
        skus_options=[(one.id, one.name_zh if locale == "zh" else one.name_en) for one in listing.skus],
        chargings=[
            (charging, said.lookup(name))
            for charging, name in CHARGINGS.items()
            if charging.partition(":")[0] in delivery.delivery(product.delivery_type).charging
        ],
        **forms,
        **VOCABULARY,
    )


def _by_period(listing: Listing, locale: str) -> list[tuple[UUID, str]]:
    """The specifications sold by the period: only these are tried and upgraded."""
    sold = {price.sku_id for price in listing.prices if price.charging_mode == "PERIOD"}
    return [(one.id, one.name_zh if locale == "zh" else one.name_en) for one in listing.skus if one.id in sold]


def _missing(listing: Listing) -> list[str]:
    """What a product needs before it can be put on sale."""
    missing = []
    opens_by_itself = delivery.delivery(listing.product.delivery_type).reach == "server"
    if opens_by_itself and listing.product.endpoint_id is None:
        missing.append(N_("It needs an interface that creates it."))
    if not listing.skus:
        missing.append(N_("It needs a specification with a price."))
    elif not listing.prices:
        missing.append(N_("It needs a price."))
    return missing


def _without_standard(product: Product, attached: list[Template]) -> bool:
    """Whether what people deliver has nothing to hold a delivery against yet."""
    supervised = delivery.delivery(product.delivery_type).supervised
    return supervised and not any(one.kind == "acceptance_template" for one in attached)


def _flash(request: WebRequest, problem: Problem | None) -> Flash | None:
    return Flash("warning", said_of(request, problem)) if problem and not isinstance(problem, Invalid) else None


handlers: list[HTTPRouteHandler] = [
    products,
    new_product,
    create_product,
    product,
    sale,
    add_specification,
    add_price,
]
