"""Products, specifications (SKUs), the ways to buy them, and what a purchase costs."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from tradehall.kernel.errors import invalid
from tradehall.kernel.money import Money

ChargingMode = Literal["PERIOD", "ONE_TIME", "ON_DEMAND"]
PeriodType = Literal["month", "year"]
ProductState = Literal["draft", "on_sale", "off_sale"]
InterfaceClass = Literal["basic", "general"]
ProductClass = Literal["common", "self_service", "joint"]
Generation = Literal["V2", "V1"]
Encryption = Literal["AES256", "AES128"]

CATEGORIES: tuple[str, ...] = (
    "collaboration",
    "customer_service",
    "data",
    "developer_tools",
    "finance",
    "industry",
    "marketing",
    "security",
)
LONGEST_PERIOD: dict[PeriodType, int] = {"month": 36, "year": 5}

# (state, verb) → next state.
PRODUCT_MOVES: dict[tuple[ProductState, str], ProductState] = {
    ("draft", "put_on_sale"): "on_sale",
    ("off_sale", "put_on_sale"): "on_sale",
    ("on_sale", "take_off_sale"): "off_sale",
}


class Price(msgspec.Struct, frozen=True):
    """One way to buy a specification. `code` is the protocol's productId; `amount_minor` is for one unit of quantity
    and one period, one purchase, or one `unit` of use."""

    id: UUID
    sku_id: UUID
    code: str
    charging_mode: ChargingMode
    period_type: PeriodType | None
    amount_minor: int
    currency: str
    unit_en: str | None
    unit_zh: str | None
    on_sale: bool


class Sku(msgspec.Struct, frozen=True):
    """A specification. `code` is the protocol's skuCode. Without a quantity attribute one is sold at a time."""

    id: UUID
    product_id: UUID
    code: str
    name_en: str
    name_zh: str
    quantity_name_en: str | None
    quantity_name_zh: str | None
    quantity_min: int
    quantity_max: int
    quantity_step: int
    on_sale: bool
    trial_days: int | None = None  # for how many days it may be tried; None: not at all


class ProductRow(msgspec.Struct, frozen=True):
    """A product as lists show it, with the cheapest way to buy it where one is on sale."""

    id: UUID
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    slug: str
    category: str
    name_en: str
    name_zh: str
    summary_en: str
    summary_zh: str
    state: ProductState
    created_at: datetime
    from_minor: int | None
    from_currency: str | None
    from_mode: ChargingMode | None
    from_period: PeriodType | None
    delivery_type: str


class Product(msgspec.Struct, frozen=True):
    """A product with everything its page shows. `delivery_days` is within how many days the seller promises to deliver
    what people deliver; from `released_at` on the delivery type stays as it is."""

    id: UUID
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    endpoint_id: UUID | None
    slug: str
    category: str
    name_en: str
    name_zh: str
    summary_en: str
    summary_zh: str
    description_en: str
    description_zh: str
    state: ProductState
    version: int
    created_at: datetime
    delivery_type: str
    product_class: ProductClass
    asks_requirement: bool
    delivery_days: int | None
    released_at: datetime | None


class Listing(msgspec.Struct, frozen=True):
    """A product with its specifications and their prices, as the page and the API give it."""

    product: Product
    skus: list[Sku]
    prices: list[Price]

    def prices_of(self, sku: Sku) -> list[Price]:
        return [price for price in self.prices if price.sku_id == sku.id]


class Endpoint(msgspec.Struct, frozen=True):
    """A seller's production interface as its owner sees it; of the current access key the last characters, and whether
    the server still goes by an older one.

    `generation` is the protocol's that the server speaks. Of V1 alone are `encryption`, which is of account fields on
    the wire, and `asks_contact`: it wants the buyer's e-mail address. Of V2 alone are `revisions`: each change to an
    instance says its number, so that the server can tell a late one.
    """

    id: UUID
    seller_id: UUID
    interface_class: InterfaceClass
    name: str
    address: str
    generation: Generation
    encryption: Encryption
    revisions: bool
    asks_contact: bool
    key_hint: str
    old_key_in_use: bool
    version: int
    updated_at: datetime


class Offer(msgspec.Struct, frozen=True):
    """A price with what it belongs to: all that placing an order needs to know."""

    price_id: UUID
    charging_mode: ChargingMode
    period_type: PeriodType | None
    amount_minor: int
    currency: str
    sku_id: UUID
    sku_name_en: str
    sku_name_zh: str
    quantity_min: int
    quantity_max: int
    quantity_step: int
    product_id: UUID
    product_name_en: str
    product_name_zh: str
    seller_id: UUID
    delivery_type: str
    on_sale: bool


class Quote(msgspec.Struct, frozen=True):
    """What a purchase costs and how that comes about: unit × quantity × periods = total, in minor units."""

    unit_minor: int
    quantity: int
    period_number: int | None
    total_minor: int
    currency: str


def quote(offer: Offer, quantity: int, period_number: int | None) -> Quote:
    """The price of a purchase. Raises Invalid when the quantity or the number of periods is not offered.

    On demand nothing is paid in advance: the order's total is zero and the unit price is what use will cost.
    """
    low, high, step = offer.quantity_min, offer.quantity_max, offer.quantity_step
    if not low <= quantity <= high:
        raise invalid("quantity", "Choose a number from {low} to {high}.", low=low, high=high)
    if (quantity - low) % step:
        raise invalid("quantity", "Choose {low} plus a multiple of {step}.", low=low, step=step)
    if offer.charging_mode != "PERIOD":
        if period_number is not None:
            raise invalid("period_number", "This is not bought by the period; leave it out.")
        unit = Money(offer.amount_minor, offer.currency)
        total = unit * quantity if offer.charging_mode == "ONE_TIME" else unit * 0
        return Quote(unit.minor, quantity, None, total.minor, unit.currency)
    longest = LONGEST_PERIOD[offer.period_type or "month"]
    if period_number is None or not 1 <= period_number <= longest:
        raise invalid("period_number", "Choose a number from {low} to {high}.", low=1, high=longest)
    total = Money(offer.amount_minor, offer.currency) * quantity * period_number
    return Quote(offer.amount_minor, quantity, period_number, total.minor, offer.currency)
