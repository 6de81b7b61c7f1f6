"""What sellers do with their products and endpoints."""

import re
import uuid
from typing import Any
from uuid import UUID

from babel.numbers import list_currencies

from tradehall.catalog import delivery, keys, queries
from tradehall.catalog.delivery import INSTANT
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
    CATEGORIES,
    PRODUCT_MOVES,
    ChargingMode,
    Encryption,
    Generation,
    InterfaceClass,
    PeriodType,
    ProductClass,
    ProductState,
)
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import FieldProblem, Invalid, invalid
from tradehall.kernel.ids import new_id
from tradehall.kernel.secrets import Seal

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_SLUG = 80
LONGEST_DESCRIPTION = 20_000
MOST_SKUS = 50
MOST_QUANTITY = 1_000_000
MOST_MINOR = 10**12
LONGEST_DELIVERY = 365
BLANK = "This must not be empty."
LONG = "Write at most {most} characters."


async def create_endpoint(
    tx: Tx,
    seal: Seal,
    *,
    seller_id: UUID,
    interface_class: InterfaceClass,
    name: str,
    address: str,
    access_key: str,
    generation: Generation = "V2",
    encryption: Encryption = "AES256",
    revisions: bool = False,
    asks_contact: bool = False,
) -> UUID:
    """A new production interface. The caller has checked that `address` may be called.

    Raises Invalid, KeyOfAnotherClass, or OneGeneralEndpoint where order notifications already have theirs.
    """
    _check_texts({"name": name}, 80)
    keys.check_key(access_key)
    _check_speech(interface_class, generation, encryption, revisions, asks_contact)
    endpoint_id = new_id()
    created = await tx.fetch_value(
        """
        INSERT INTO endpoints (id, seller_id, interface_class, name, address, generation, encryption, revisions,
                               asks_contact, created_at, updated_at)
        VALUES (%(id)s, %(seller)s, %(class)s, %(name)s, %(address)s, %(generation)s, %(encryption)s, %(revisions)s,
                %(contact)s, %(now)s, %(now)s)
        ON CONFLICT (seller_id) WHERE interface_class = 'general' DO NOTHING
        RETURNING true
        """,
        {
            "id": endpoint_id,
            "seller": seller_id,
            "class": interface_class,
            "name": name.strip(),
            "address": address,
            "generation": generation,
            "encryption": encryption,
            "revisions": revisions,
            "contact": asks_contact,
            "now": tx.now,
        },
    )
    if not created:
        raise OneGeneralEndpoint
    await keys.add_first_key(
        tx,
        seal,
        seller_id=seller_id,
        endpoint_id=endpoint_id,
        interface_class=interface_class,
        access_key=access_key,
    )
    facts = {"address": address, "class": interface_class, "name": name, "generation": generation}
    await tx.record("endpoint.created", "endpoint", endpoint_id, facts)
    return endpoint_id


async def change_endpoint(
    tx: Tx,
    *,
    seller_id: UUID,
    endpoint_id: UUID,
    version: int,
    name: str,
    address: str,
    generation: Generation | None = None,
    encryption: Encryption | None = None,
    revisions: bool | None = None,
    asks_contact: bool | None = None,
) -> None:
    """Changes an endpoint as it was at `version`; what is None stays, unless the new generation has no such thing.

    Calls not yet made use what it is then. Raises Invalid, EndpointNotFound or EndpointChanged.
    """
    _check_texts({"name": name}, 80)
    found = await queries.endpoint(tx, seller_id, endpoint_id)
    if found is None:
        raise EndpointNotFound
    generation = generation or found.generation
    v1, v2 = generation == "V1", generation == "V2"
    speech: dict[str, Any] = {
        "generation": generation,
        "encryption": encryption or (found.encryption if v1 else "AES256"),
        "revisions": (found.revisions and v2) if revisions is None else revisions,
        "asks_contact": (found.asks_contact and v1) if asks_contact is None else asks_contact,
    }
    _check_speech(found.interface_class, **speech)
    changed = await tx.fetch_value(
        """
        UPDATE endpoints SET name = %(name)s, address = %(address)s, generation = %(generation)s,
               encryption = %(encryption)s, revisions = %(revisions)s, asks_contact = %(asks_contact)s,
               version = version + 1, updated_at = %(now)s
        WHERE id = %(id)s AND seller_id = %(seller)s AND version = %(version)s
        RETURNING true
        """,
        {
            "id": endpoint_id,
            "seller": seller_id,
            "version": version,
            "name": name.strip(),
            "address": address,
            "now": tx.now,
            **speech,
        },
    )
    if not changed:
        raise EndpointChanged
    await tx.record("endpoint.changed", "endpoint", endpoint_id, {"address": address, "name": name, **speech})


def _check_speech(
    interface_class: InterfaceClass, generation: Generation, encryption: Encryption, revisions: bool, asks_contact: bool
) -> None:
    """Whether what is chosen goes with the generation. Raises Invalid."""
    if interface_class == "general" and generation != "V2":
        raise invalid("generation", "Order notifications are of generation V2.")
    if generation == "V1" and revisions:
        raise invalid("revisions", "Only generation V2 has this; leave it out.")
    if generation == "V2" and asks_contact:
        raise invalid("asks_contact", "Only generation V1 has this; leave it out.")
    if generation == "V2" and encryption != "AES256":
        raise invalid("encryption", "Only generation V1 has this; leave it out.")


def _check_texts(texts: dict[str, str], most: int) -> None:
    wrong = [FieldProblem(field, BLANK) for field, text in texts.items() if not text.strip()]
    if wrong:
        raise Invalid(*wrong)
    _check_lengths(texts, most)


def _check_lengths(texts: dict[str, str], most: int) -> None:
    wrong = [FieldProblem(field, LONG, {"most": most}) for field, text in texts.items() if len(text) > most]
    if wrong:
        raise Invalid(*wrong)


async def create_product(
    tx: Tx,
    *,
    seller_id: UUID,
    endpoint_id: UUID | None,
    slug: str,
    category: str,
    name_en: str,
    name_zh: str,
    summary_en: str,
    summary_zh: str,
    description_en: str = "",
    description_zh: str = "",
    delivery_type: str = INSTANT,
    product_class: ProductClass = "common",
    asks_requirement: bool = True,
    delivery_days: int | None = None,
) -> UUID:
    """A new draft. Raises Invalid, or EndpointNotFound for an endpoint that is not the seller's."""
    _check_texts({"name_en": name_en, "name_zh": name_zh}, 120)
    _check_texts({"summary_en": summary_en, "summary_zh": summary_zh}, 300)
    _check_lengths({"description_en": description_en, "description_zh": description_zh}, LONGEST_DESCRIPTION)
    if not SLUG.fullmatch(slug) or len(slug) > LONGEST_SLUG:
        raise invalid("slug", "Use small letters, digits and single hyphens, {most} at most.", most=LONGEST_SLUG)
    if category not in CATEGORIES:
        raise invalid("category", "Choose one of these: {choices}.", choices=", ".join(CATEGORIES))
    if endpoint_id and await queries.endpoint(tx, seller_id, endpoint_id) is None:
        raise EndpointNotFound
    check_delivery(delivery_type, asks_requirement, delivery_days)
    product_id = new_id()
    created = await tx.fetch_value(
        """
        INSERT INTO products (id, seller_id, endpoint_id, slug, category, name_en, name_zh, summary_en, summary_zh,
                              description_en, description_zh, state, created_at, delivery_type, product_class,
                              asks_requirement, delivery_days)
        VALUES (%(id)s, %(seller)s, %(endpoint)s, %(slug)s, %(category)s, %(name_en)s, %(name_zh)s, %(summary_en)s,
                %(summary_zh)s, %(description_en)s, %(description_zh)s, 'draft', %(now)s, %(delivery)s,
                %(class)s, %(asks)s, %(days)s)
        ON CONFLICT (slug) DO NOTHING RETURNING true
        """,
        {
            "id": product_id,
            "seller": seller_id,
            "endpoint": endpoint_id if delivery.delivery(delivery_type).reach == "server" else None,
            "slug": slug,
            "category": category,
            "name_en": name_en.strip(),
            "name_zh": name_zh.strip(),
            "summary_en": summary_en.strip(),
            "summary_zh": summary_zh.strip(),
            "description_en": description_en,
            "description_zh": description_zh,
            "delivery": delivery_type,
            "class": product_class,
            "asks": asks_requirement,
            "days": delivery_days,
            "now": tx.now,
        },
    )
    if not created:
        raise invalid("slug", "Another product already has this address.")
    await tx.record("product.created", "product", product_id, {"slug": slug, "name": name_en})
    return product_id


def check_delivery(delivery_type: str, asks_requirement: bool, delivery_days: int | None) -> None:
    """Whether a product can be delivered so. Raises Invalid."""
    if not delivery.known(delivery_type):
        choices = ", ".join(one.key for one in delivery.deliveries())
        raise invalid("delivery_type", "Choose one of these: {choices}.", choices=choices)
    chosen = delivery.delivery(delivery_type)
    if not asks_requirement and not chosen.requirement_optional:
        raise invalid("asks_requirement", "This is settled by the way the product is delivered; leave it as it is.")
    if delivery_days is not None and not chosen.supervised:
        raise invalid("delivery_days", "Only what people deliver has a time for it; leave it out.")
    if delivery_days is not None and not 1 <= delivery_days <= LONGEST_DELIVERY:
        raise invalid("delivery_days", "Choose a number from {low} to {high}.", low=1, high=LONGEST_DELIVERY)


async def add_sku(
    tx: Tx,
    *,
    product_id: UUID,
    name_en: str,
    name_zh: str,
    quantity_name_en: str | None = None,
    quantity_name_zh: str | None = None,
    quantity_min: int = 1,
    quantity_max: int = 1,
    quantity_step: int = 1,
) -> UUID:
    """A further specification of a product; with a quantity attribute (seats, boxes) or, without, sold singly.

    The caller has checked whose product it is (`must_own`). Raises Invalid.
    """
    _check_texts({"name_en": name_en, "name_zh": name_zh}, 80)
    _check_quantity(quantity_name_en, quantity_name_zh, quantity_min, quantity_max, quantity_step)
    if await tx.fetch_value(
        "SELECT count(*) >= %(most)s FROM skus WHERE product_id = %(product)s",
        {"product": product_id, "most": MOST_SKUS},
    ):
        raise invalid("product_id", "A product has at most {most} specifications.", most=MOST_SKUS)
    sku_id = new_id()
    await tx.execute(
        """
        INSERT INTO skus (id, product_id, code, position, name_en, name_zh, quantity_name_en, quantity_name_zh,
                          quantity_min, quantity_max, quantity_step)
        SELECT %(id)s, %(product)s, %(code)s, count(*) + 1, %(name_en)s, %(name_zh)s, %(quantity_name_en)s,
               %(quantity_name_zh)s, %(min)s, %(max)s, %(step)s
        FROM skus WHERE product_id = %(product)s
        """,
        {
            "id": sku_id,
            "product": product_id,
            "code": str(uuid.uuid4()),
            "name_en": name_en.strip(),
            "name_zh": name_zh.strip(),
            "quantity_name_en": quantity_name_en,
            "quantity_name_zh": quantity_name_zh,
            "min": quantity_min,
            "max": quantity_max,
            "step": quantity_step,
        },
    )
    await tx.record("product.sku_added", "product", product_id, {"sku": sku_id, "name": name_en})
    return sku_id


def _check_quantity(name_en: str | None, name_zh: str | None, low: int, high: int, step: int) -> None:
    if name_en is None and name_zh is None:
        if (low, high) != (1, 1):
            raise invalid("quantity_max", "Without a quantity attribute one is sold at a time.")
    else:
        _check_texts({"quantity_name_en": name_en or "", "quantity_name_zh": name_zh or ""}, 40)
    if not 1 <= low <= MOST_QUANTITY:
        raise invalid("quantity_min", "Choose a number from {low} to {high}.", low=1, high=MOST_QUANTITY)
    if not low <= high <= MOST_QUANTITY:
        raise invalid("quantity_max", "Choose a number from {low} to {high}.", low=low, high=MOST_QUANTITY)
    if not 1 <= step <= MOST_QUANTITY:
        raise invalid("quantity_step", "Choose a number from {low} to {high}.", low=1, high=MOST_QUANTITY)


async def add_price(
    tx: Tx,
    *,
    product_id: UUID,
    sku_id: UUID,
    charging_mode: ChargingMode,
    amount_minor: int,
    currency: str,
    period_type: PeriodType | None = None,
    unit_en: str | None = None,
    unit_zh: str | None = None,
) -> UUID:
    """One more way to buy a specification. `amount_minor` is per unit and period, per purchase, or per unit of use.

    The caller has checked whose product it is and that the specification is of it (`must_own`). Raises Invalid.
    """
    _check_price(charging_mode, amount_minor, currency, period_type, unit_en, unit_zh)
    if charging_mode not in delivery.delivery(await queries.delivery_type_of(tx, product_id)).charging:
        raise invalid("charging_mode", "What is delivered like this product is not sold this way.")
    price_id = new_id()
    values: dict[str, Any] = {
        "id": price_id,
        "sku": sku_id,
        "code": f"OFFI{uuid.uuid4().int % 10**18:018d}",
        "mode": charging_mode,
        "period": period_type,
        "amount": amount_minor,
        "currency": currency,
        "unit_en": unit_en,
        "unit_zh": unit_zh,
    }
    created = await tx.fetch_value(
        """
        INSERT INTO prices (id, sku_id, code, charging_mode, period_type, amount_minor, currency, unit_en, unit_zh)
        VALUES (%(id)s, %(sku)s, %(code)s, %(mode)s, %(period)s, %(amount)s, %(currency)s, %(unit_en)s, %(unit_zh)s)
        ON CONFLICT DO NOTHING RETURNING true
        """,
        values,
    )
    if not created:
        raise invalid("charging_mode", "This specification already has such a price.")
    facts = {"price": price_id, "mode": charging_mode, "period": period_type, "amount_minor": amount_minor}
    await tx.record("product.price_added", "product", product_id, facts)
    return price_id


def _check_price(
    charging_mode: ChargingMode,
    amount_minor: int,
    currency: str,
    period_type: PeriodType | None,
    unit_en: str | None,
    unit_zh: str | None,
) -> None:
    if not 0 <= amount_minor <= MOST_MINOR:
        raise invalid("amount_minor", "Choose a number from {low} to {high}.", low=0, high=MOST_MINOR)
    if currency not in list_currencies("en"):
        raise invalid("currency", "Write a currency's three letters, such as CNY.")
    if charging_mode == "PERIOD" and period_type is None:
        raise invalid("period_type", "Choose the month or the year.")
    if charging_mode != "PERIOD" and period_type is not None:
        raise invalid("period_type", "This is not bought by the period; leave it out.")
    if charging_mode == "ON_DEMAND":
        _check_texts({"unit_en": unit_en or "", "unit_zh": unit_zh or ""}, 40)
    elif unit_en is not None or unit_zh is not None:
        raise invalid("unit_en", "Only what is paid for by use has a unit; leave it out.")


async def must_own(tx: Tx, seller_id: UUID, product_id: UUID, sku_id: UUID | None = None) -> None:
    """Raises ProductNotFound unless the product is the seller's, SkuNotFound unless the specification is of it."""
    if not await queries.is_product_of(tx, seller_id, product_id):
        raise ProductNotFound
    if sku_id and not await queries.is_sku_of(tx, product_id, sku_id):
        raise SkuNotFound


async def put_on_sale(tx: Tx, *, seller_id: UUID, product_id: UUID, version: int) -> None:
    """Offers the product to everybody. Raises NeedsAnEndpoint, NothingToSell, ProductChanged or ProductNotFound."""
    await must_own(tx, seller_id, product_id)
    if await queries.lacks_endpoint(tx, product_id):
        raise NeedsAnEndpoint
    if not await tx.fetch_value(
        """
        SELECT true FROM skus k JOIN prices r ON r.sku_id = k.id
        WHERE k.product_id = %(product)s AND k.on_sale AND r.on_sale LIMIT 1
        """,
        {"product": product_id},
    ):
        raise NothingToSell
    await _move(tx, seller_id, product_id, version, "put_on_sale")


async def take_off_sale(tx: Tx, *, seller_id: UUID, product_id: UUID, version: int) -> None:
    """Nobody can order it any more; what was ordered goes on. Raises ProductChanged or ProductNotFound."""
    await _move(tx, seller_id, product_id, version, "take_off_sale")


async def _move(tx: Tx, seller_id: UUID, product_id: UUID, version: int, verb: str) -> None:
    moves = {state: after for (state, known), after in PRODUCT_MOVES.items() if known == verb}
    state: ProductState = next(iter(set(moves.values())))
    moved = await tx.fetch_value(
        """
        UPDATE products SET state = %(state)s, version = version + 1,
               released_at = CASE WHEN %(state)s = 'on_sale' THEN coalesce(released_at, %(now)s) ELSE released_at END
        WHERE id = %(id)s AND seller_id = %(seller)s AND version = %(version)s AND state = ANY(%(before)s)
        RETURNING true
        """,
        {
            "id": product_id,
            "seller": seller_id,
            "version": version,
            "state": state,
            "before": list(moves),
            "now": tx.now,
        },
    )
    if not moved:
        now: str | None = await tx.fetch_value(
            "SELECT state FROM products WHERE id = %(id)s AND seller_id = %(seller)s",
            {"id": product_id, "seller": seller_id},
        )
        if now is None:
            raise ProductNotFound
        raise ProductChanged(state=now)
    await tx.record(f"product.{verb}", "product", product_id, {"state": state})
