"""Every SELECT on the catalogue. A draft or withdrawn product is seen by its seller and by the platform only."""

from typing import LiteralString
from uuid import UUID

from tradehall.catalog.keys import OF_ENDPOINT
from tradehall.catalog.model import (
    CATEGORIES,
    ChargingMode,
    Endpoint,
    Listing,
    Offer,
    Price,
    Product,
    ProductRow,
    ProductState,
    Sku,
)
from tradehall.kernel.db import Reader, like
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page

_ROW: LiteralString = """
    SELECT p.id, p.seller_id, s.name_en AS seller_name_en, s.name_zh AS seller_name_zh, p.slug, p.category,
           p.name_en, p.name_zh, p.summary_en, p.summary_zh, p.state, p.created_at,
           f.amount_minor AS from_minor, f.currency AS from_currency,
           f.charging_mode AS from_mode, f.period_type AS from_period, p.delivery_type
    FROM products p
    JOIN organisations s ON s.id = p.seller_id
    LEFT JOIN LATERAL (
        SELECT r.amount_minor, r.currency, r.charging_mode, r.period_type
        FROM skus k JOIN prices r ON r.sku_id = k.id
        WHERE k.product_id = p.id AND k.on_sale AND r.on_sale
        ORDER BY r.charging_mode = 'ON_DEMAND', r.amount_minor * CASE r.period_type WHEN 'year' THEN 1 ELSE 12 END
        LIMIT 1
    ) f ON true
"""


async def products_on_sale(
    reader: Reader,
    wanted: PageRequest,
    *,
    text: str = "",
    category: str | None = None,
    charging_mode: ChargingMode | None = None,
    seller_id: UUID | None = None,
) -> Page[ProductRow]:
    """The public catalogue, newest first, by words in name or summary, category, way of charging and seller."""
    where, order = keyset(wanted, "p.id")
    rows = await reader.fetch_all(
        ProductRow,
        f"""
        {_ROW}
        WHERE p.state = 'on_sale' AND {where}
          AND (%(like)s::text IS NULL
               OR lower(p.name_en || ' ' || p.name_zh || ' ' || p.summary_en || ' ' || p.summary_zh) LIKE %(like)s)
          AND (%(category)s::text IS NULL OR p.category = %(category)s)
          AND (%(seller)s::uuid IS NULL OR p.seller_id = %(seller)s)
          AND (%(mode)s::text IS NULL OR EXISTS (
                SELECT FROM skus k JOIN prices r ON r.sku_id = k.id
                WHERE k.product_id = p.id AND k.on_sale AND r.on_sale AND r.charging_mode = %(mode)s))
        ORDER BY {order} LIMIT %(fetch)s
        """,
        {
            "like": like(text) if text.strip() else None,
            "category": category if category in CATEGORIES else None,
            "mode": charging_mode,
            "seller": seller_id,
            **wanted.params,
        },
    )
    return page(rows, wanted, lambda row: row.id)


async def products_of_seller(
    reader: Reader, seller_id: UUID, wanted: PageRequest, *, state: ProductState | None = None
) -> Page[ProductRow]:
    """A seller's own products in every state, newest first."""
    where, order = keyset(wanted, "p.id")
    rows = await reader.fetch_all(
        ProductRow,
        f"""
        {_ROW}
        WHERE p.seller_id = %(seller)s AND {where} AND (%(state)s::text IS NULL OR p.state = %(state)s)
        ORDER BY {order} LIMIT %(fetch)s
        """,
        {"seller": seller_id, "state": state, **wanted.params},
    )
    return page(rows, wanted, lambda row: row.id)


_PRODUCT: LiteralString = """
    SELECT p.id, p.seller_id, s.name_en AS seller_name_en, s.name_zh AS seller_name_zh, p.endpoint_id, p.slug,
           p.category, p.name_en, p.name_zh, p.summary_en, p.summary_zh, p.description_en, p.description_zh,
           p.state, p.version, p.created_at, p.delivery_type, p.product_class, p.asks_requirement, p.delivery_days,
           p.released_at
    FROM products p JOIN organisations s ON s.id = p.seller_id
"""


async def listing(reader: Reader, slug: str, viewer: Actor | None) -> Listing | None:
    """A product with all that is for sale of it; None when it does not exist or the viewer may not see it."""
    product = await reader.fetch_one(
        Product,
        f"{_PRODUCT} WHERE p.slug = %(slug)s AND (p.state = 'on_sale' OR p.seller_id = %(viewer)s OR %(platform)s)",
        {
            "slug": slug,
            "viewer": viewer.organisation_id if viewer else None,
            "platform": viewer is not None and viewer.kind == "platform",
        },
    )
    if product is None:
        return None
    owner = viewer is not None and (viewer.kind == "platform" or viewer.organisation_id == product.seller_id)
    return await _listed(reader, product, everything=owner)


async def withdrawn(reader: Reader, slug: str) -> Product | None:
    """A product that was on sale once and is no longer, for everybody; None for any other."""
    return await reader.fetch_one(
        Product, f"{_PRODUCT} WHERE p.slug = %(slug)s AND p.state = 'off_sale'", {"slug": slug}
    )


async def own_listing(reader: Reader, seller_id: UUID, product_id: UUID) -> Listing | None:
    """A seller's product in any state with everything of it; None when there is none of theirs."""
    product = await reader.fetch_one(
        Product,
        f"{_PRODUCT} WHERE p.id = %(id)s AND p.seller_id = %(seller)s",
        {"id": product_id, "seller": seller_id},
    )
    return await _listed(reader, product, everything=True) if product else None


async def _listed(reader: Reader, product: Product, *, everything: bool) -> Listing:
    params = {"product": product.id, "everything": everything}
    skus = await reader.fetch_all(
        Sku,
        """
        SELECT id, product_id, code, name_en, name_zh, quantity_name_en, quantity_name_zh, quantity_min, quantity_max,
               quantity_step, on_sale, trial_days
        FROM skus WHERE product_id = %(product)s AND (on_sale OR %(everything)s) ORDER BY position LIMIT 50
        """,
        params,
    )
    prices = await reader.fetch_all(
        Price,
        """
        SELECT r.id, r.sku_id, r.code, r.charging_mode, r.period_type, r.amount_minor, r.currency, r.unit_en, r.unit_zh,
               r.on_sale
        FROM prices r JOIN skus k ON k.id = r.sku_id
        WHERE k.product_id = %(product)s AND (%(everything)s OR (r.on_sale AND k.on_sale))
        ORDER BY k.position, r.charging_mode, r.period_type LIMIT 250
        """,
        params,
    )
    return Listing(product, skus, prices)


async def is_product_of(reader: Reader, seller_id: UUID, product_id: UUID) -> bool:
    """Whether the product is this seller's."""
    return bool(
        await reader.fetch_value(
            "SELECT true FROM products WHERE id = %(id)s AND seller_id = %(seller)s",
            {"id": product_id, "seller": seller_id},
        )
    )


async def is_sku_of(reader: Reader, product_id: UUID, sku_id: UUID) -> bool:
    """Whether the specification is one of this product."""
    return bool(
        await reader.fetch_value(
            "SELECT true FROM skus WHERE id = %(id)s AND product_id = %(product)s",
            {"id": sku_id, "product": product_id},
        )
    )


async def offer(reader: Reader, price_id: UUID) -> Offer | None:
    """All that placing an order for this price needs; None when there is no such price."""
    return await reader.fetch_one(
        Offer,
        """
        SELECT r.id AS price_id, r.charging_mode, r.period_type, r.amount_minor, r.currency,
               k.id AS sku_id, k.name_en AS sku_name_en, k.name_zh AS sku_name_zh,
               k.quantity_min, k.quantity_max, k.quantity_step,
               p.id AS product_id, p.name_en AS product_name_en, p.name_zh AS product_name_zh, p.seller_id,
               p.delivery_type,
               r.on_sale AND k.on_sale AND p.state = 'on_sale' AS on_sale
        FROM prices r JOIN skus k ON k.id = r.sku_id JOIN products p ON p.id = k.product_id
        WHERE r.id = %(price)s AND p.state <> 'draft'
        """,
        {"price": price_id},
    )


_ENDPOINT: LiteralString = f"""
    SELECT e.id, e.seller_id, e.interface_class, e.name, e.address, e.generation, e.encryption, e.revisions,
           e.asks_contact, e.version, e.updated_at,
           {OF_ENDPOINT}
    FROM endpoints e
"""


async def endpoints_of_seller(reader: Reader, seller_id: UUID) -> list[Endpoint]:
    """A seller's endpoints, at most fifty."""
    return await reader.fetch_all(
        Endpoint,
        f"{_ENDPOINT} WHERE e.seller_id = %(seller)s ORDER BY e.id LIMIT 50",
        {"seller": seller_id},
    )


async def endpoint(reader: Reader, seller_id: UUID, endpoint_id: UUID) -> Endpoint | None:
    return await reader.fetch_one(
        Endpoint,
        f"{_ENDPOINT} WHERE e.id = %(id)s AND e.seller_id = %(seller)s",
        {"id": endpoint_id, "seller": seller_id},
    )


async def lacks_endpoint(reader: Reader, product_id: UUID) -> bool:
    """Whether the product's instances are made by a seller's server that nobody has named."""
    lacks: bool = await reader.fetch_value(
        "SELECT endpoint_id IS NULL AND delivery_type = 'saas' FROM products WHERE id = %(product)s",
        {"product": product_id},
    )
    return lacks


async def delivery_type_of(reader: Reader, product_id: UUID) -> str:
    """How a product is delivered."""
    found: str = await reader.fetch_value(
        "SELECT delivery_type FROM products WHERE id = %(product)s", {"product": product_id}
    )
    return found


async def product_names(reader: Reader, text: str, seller_id: UUID | None) -> list[UUID]:
    """Products with this text in their name, at most fifty: what a search of orders looks for."""
    return await reader.fetch_values(
        """
        SELECT id FROM products
        WHERE (%(seller)s::uuid IS NULL OR seller_id = %(seller)s)
          AND lower(name_en || ' ' || name_zh || ' ' || summary_en || ' ' || summary_zh) LIKE %(like)s
          AND lower(name_en || ' ' || name_zh) LIKE %(like)s
        ORDER BY id LIMIT 50
        """,
        {"seller": seller_id, "like": like(text)},
    )


async def trial_days(reader: Reader, sku_id: UUID) -> int | None:
    """For how many days a specification may be tried; None where it may not."""
    days: int | None = await reader.fetch_value("SELECT trial_days FROM skus WHERE id = %(sku)s", {"sku": sku_id})
    return days
