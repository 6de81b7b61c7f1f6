"""What a buyer chose on a product's page, read from the address, and what it costs."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tradehall.catalog.model import LONGEST_PERIOD, Listing, Offer, Price, Quote, Sku, quote
from tradehall.kernel.errors import Invalid
from tradehall.web.common import Form


@dataclass(frozen=True)
class Choice:
    """A choice that may yet hold mistakes: then there is no quote, and `form.errors` names them."""

    sku: Sku
    price: Price
    prices: list[Price]  # all ways to buy this specification
    form: Form
    quantity: int
    period_number: int | None
    quote: Quote | None
    longest: int = 1
    query: dict[str, Any] = field(default_factory=dict)  # the choice as an address holds it


def choose(listing: Listing, form: Form) -> Choice | None:
    """What was chosen of a product; what was not said is the first or the least. None when nothing is for sale."""
    skus = [sku for sku in listing.skus if any(price.on_sale for price in listing.prices_of(sku)) and sku.on_sale]
    if not skus:
        return None
    by_id = {str(price.id): price for price in listing.prices if price.on_sale}
    wanted = by_id.get(form.value("price"))
    sku = next((one for one in skus if one.code == form.value("sku")), None)
    if sku is None:
        sku = next((one for one in skus if wanted and one.id == wanted.sku_id), skus[0])
    prices = sorted((price for price in listing.prices_of(sku) if price.on_sale), key=_rank)
    price = wanted if wanted in prices and wanted else _like(wanted, prices)
    if wanted and wanted.sku_id != sku.id:
        form.values.pop("quantity", None)  # it was meant for the specification chosen before
    quantity = form.integer("quantity") if "quantity" in form.values else sku.quantity_min
    period_number: int | None = None
    if price.charging_mode == "PERIOD":
        period_number = form.integer("period_number") if form.values.get("period_number") else 1
    cost = None
    if not form.errors.keys() & {"quantity", "period_number"}:
        try:
            cost = quote(_offer(listing, sku, price), quantity, period_number)
        except Invalid as problem:
            form.take(problem)
    query = {
        "product": listing.product.slug,
        "price": price.id,
        "quantity": quantity if cost else form.value("quantity"),
        "period_number": period_number if cost else form.value("period_number"),
    }
    longest = LONGEST_PERIOD[price.period_type] if price.period_type else 1
    return Choice(sku, price, prices, form, quantity, period_number, cost, longest, query)


def _rank(price: Price) -> tuple[int, int]:
    return {"PERIOD": 0, "ONE_TIME": 1, "ON_DEMAND": 2}[price.charging_mode], price.period_type == "year"


def _like(wanted: Price | None, prices: list[Price]) -> Price:
    """The way to buy another specification that is most like the one chosen for the first."""
    alike = [
        price
        for price in prices
        if wanted and (price.charging_mode, price.period_type) == (wanted.charging_mode, wanted.period_type)
    ]
    return (alike or prices)[0]


def _offer(listing: Listing, sku: Sku, price: Price) -> Offer:
    product = listing.product
    return Offer(
        price_id=price.id,
        charging_mode=price.charging_mode,
        period_type=price.period_type,
        amount_minor=price.amount_minor,
        currency=price.currency,
        sku_id=sku.id,
        sku_name_en=sku.name_en,
        sku_name_zh=sku.name_zh,
        quantity_min=sku.quantity_min,
        quantity_max=sku.quantity_max,
        quantity_step=sku.quantity_step,
        product_id=product.id,
        product_name_en=product.name_en,
        product_name_zh=product.name_zh,
        seller_id=product.seller_id,
        delivery_type=product.delivery_type,
        on_sale=product.state == "on_sale",
    )


def trial_price(listing: Listing, choice: Choice) -> Price | None:
    """The price by the period for which the chosen specification can be tried; None where it cannot."""
    if not choice.sku.trial_days or listing.product.state != "on_sale":
        return None
    periods = [price for price in choice.prices if price.charging_mode == "PERIOD"]
    return choice.price if choice.price in periods else next(iter(periods), None)


def price_named(listing: Listing, text: str) -> Price | None:
    """The price on sale that an id names."""
    try:
        wanted = UUID(text)
    except ValueError:
        return None
    return next((price for price in listing.prices if price.id == wanted and price.on_sale), None)
