"""How a seller says, and changes, the way a product reaches its buyer."""

from typing import get_args
from uuid import UUID

from tradehall.catalog import delivery, queries
from tradehall.catalog.actions import check_delivery
from tradehall.catalog.errors import (
    ClassFixed,
    DeliveryFixed,
    DeliveryUnfit,
    EndpointNotFound,
    NeedsAnEndpoint,
    ProductChanged,
    ProductNotFound,
)
from tradehall.catalog.model import Listing, ProductClass
from tradehall.catalog.rules import rules_of_product
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import invalid

CLASSES: tuple[ProductClass, ...] = get_args(ProductClass)


async def change_delivery(
    tx: Tx,
    *,
    seller_id: UUID,
    product_id: UUID,
    version: int,
    delivery_type: str,
    product_class: ProductClass,
    asks_requirement: bool,
    delivery_days: int | None,
    endpoint_id: UUID | None,
) -> None:
    """Changes how a product is delivered, as it was at the version the seller saw; orders of before keep what they
    have.

    `endpoint_id` is the interface that creates it, which only what the seller's server opens needs. Raises Invalid,
    EndpointNotFound, ProductNotFound, ProductChanged, NeedsAnEndpoint for one on sale, DeliveryFixed when it has been
    on sale before with another delivery type, ClassFixed likewise, DeliveryUnfit when it has what the other delivery
    type cannot have.
    """
    if product_class not in CLASSES:
        raise invalid("product_class", "Choose one of these: {choices}.", choices=", ".join(CLASSES))
    check_delivery(delivery_type, asks_requirement, delivery_days)
    if endpoint_id and await queries.endpoint(tx, seller_id, endpoint_id) is None:
        raise EndpointNotFound
    await tx.fetch_value("SELECT true FROM products WHERE id = %(id)s FOR NO KEY UPDATE", {"id": product_id})
    listing = await queries.own_listing(tx, seller_id, product_id)
    if listing is None:
        raise ProductNotFound
    product = listing.product
    if product.version != version:
        raise ProductChanged(state=product.state)
    if product.product_class != product_class and product.released_at:
        raise ClassFixed
    if product.delivery_type != delivery_type:
        if product.released_at:
            raise DeliveryFixed
        if not await _fits(tx, listing, delivery_type):
            raise DeliveryUnfit
    by_server = delivery.delivery(delivery_type).reach == "server"
    if product.state == "on_sale" and by_server and endpoint_id is None:
        raise NeedsAnEndpoint
    changes = {
        "delivery_type": delivery_type,
        "product_class": product_class,
        "asks_requirement": asks_requirement,
        "delivery_days": delivery_days,
        "endpoint_id": endpoint_id if by_server else None,
    }
    changed = {name: value for name, value in changes.items() if getattr(product, name) != value}
    if not changed:
        return
    await tx.execute(
        """
        UPDATE products SET delivery_type = %(delivery_type)s, product_class = %(product_class)s,
               asks_requirement = %(asks_requirement)s, delivery_days = %(delivery_days)s,
               endpoint_id = %(endpoint_id)s, version = version + 1
        WHERE id = %(id)s
        """,
        {**changes, "id": product_id},
    )
    await tx.record("product.delivery_changed", "product", product_id, changed)


async def _fits(tx: Tx, listing: Listing, delivery_type: str) -> bool:
    """Whether the product has no price, trial or upgrade rule that something delivered so cannot have."""
    wanted = delivery.delivery(delivery_type)
    if any(price.charging_mode not in wanted.charging for price in listing.prices):
        return False
    if wanted.reach == "server":
        return True
    return not any(sku.trial_days for sku in listing.skus) and not await rules_of_product(tx, listing.product.id)
