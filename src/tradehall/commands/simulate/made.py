"""Products that people deliver, of every delivery type and class."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from tradehall.catalog import actions as catalog
from tradehall.catalog.delivery import delivery
from tradehall.catalog.model import ProductClass
from tradehall.kernel.db import Tx
from tradehall.supervision.flows import FLOWS

AMOUNT = 120_000
# What is delivered at once comes along: nothing of it is supervised.
TYPES = (*sorted(FLOWS), "image", "api")
CLASSES: tuple[ProductClass, ...] = ("common", "joint", "self_service", "joint")


class Service(msgspec.Struct, frozen=True):
    """A product that people deliver: `seller` is the place of its seller in the market; prices by id."""

    delivery_type: str
    seller: int
    once: UUID
    monthly: UUID | None

    @property
    def supervised(self) -> bool:
        return delivery(self.delivery_type).supervised


async def furnish(tx: Tx, sellers: Sequence[UUID]) -> tuple[Service, ...]:
    """Two products of each delivery type, of all classes, with and without a written requirement."""
    services = []
    for number, kind in enumerate([kind for kind in TYPES for _ in range(2)]):
        seller = number % len(sellers)
        product = await catalog.create_product(
            tx,
            seller_id=sellers[seller],
            endpoint_id=None,
            slug=f"{kind.replace('_', '-')}-{number}",
            category="industry",
            name_en=f"{kind} {number}",
            name_zh=f"{kind} {number}",
            summary_en="Made for you.",
            summary_zh="为您定制。",
            delivery_type=kind,
            product_class=CLASSES[number % len(CLASSES)],
            asks_requirement=number % 2 == 0 or not delivery(kind).requirement_optional,
        )
        sku = await catalog.add_sku(tx, product_id=product, name_en="Standard", name_zh="标准版")
        prices: dict[str, UUID] = {}
        for mode in ("ONE_TIME", "PERIOD"):
            if mode in delivery(kind).charging:
                prices[mode] = await catalog.add_price(
                    tx,
                    product_id=product,
                    sku_id=sku,
                    charging_mode=mode,
                    amount_minor=AMOUNT,
                    currency="CNY",
                    period_type="month" if mode == "PERIOD" else None,
                )
        await catalog.put_on_sale(tx, seller_id=sellers[seller], product_id=product, version=1)
        services.append(Service(kind, seller, prices["ONE_TIME"], prices.get("PERIOD")))
    return tuple(services)
