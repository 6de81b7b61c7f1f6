"""Every SELECT on subscriptions. Who may see one is written once, in `_subscriptions_of`."""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.trading.pricing import WayToBuy
from tradehall.trading.terms import Subscription

LIFE = "subscription.life"
RENEWAL = "subscription.renewal"
# In the order in which everybody takes them: who carries out a renewal holds its row and then wants the other.
DUE_ROWS = (RENEWAL, LIFE)

_SUBSCRIPTION: LiteralString = """
    SELECT s.id, s.order_id, o.number AS order_number, l.number AS line_number, s.buyer_id, s.seller_id, s.product_id,
           p.state AS product_state, p.name_en AS product_name_en, p.name_zh AS product_name_zh, e.generation,
           p.delivery_type,
           s.sku_id, k.code AS sku_code, k.name_en AS sku_name_en, k.name_zh AS sku_name_zh,
           s.quantity, k.quantity_name_en, k.quantity_name_zh, k.quantity_min, k.quantity_max, k.quantity_step,
           s.price_id, s.charging_mode, r.period_type, s.unit_minor, r.currency, s.trial, s.state, s.began_at,
           s.bought_at, s.expires_at, s.frozen_at, s.suspended_at, s.suspended_why, s.ended_at, s.end_reason,
           s.auto_renew_by IS NOT NULL AS auto_renew, b.number AS busy_with, b.state AS busy_state
    FROM subscriptions s
    JOIN orders o ON o.id = s.order_id
    JOIN order_lines l ON l.id = s.order_line_id
    JOIN products p ON p.id = s.product_id
    LEFT JOIN endpoints e ON e.id = p.endpoint_id AND p.delivery_type = 'saas'
    JOIN skus k ON k.id = s.sku_id
    JOIN prices r ON r.id = s.price_id
    LEFT JOIN orders b ON b.subscription_id = s.id AND b.order_type <> 'UNSUBSCRIBE'
                      AND b.state IN ('pending_payment', 'processing')
"""


def _subscriptions_of(viewer: Actor) -> LiteralString:
    """The subscriptions a viewer may see, as a condition on `subscriptions s`."""
    return {
        "system": "true",
        "platform": "true",
        "seller": "s.seller_id = %(viewer)s",
        "buyer": "s.buyer_id = %(viewer)s",
    }[viewer.kind]


async def subscription(reader: Reader, viewer: Actor, subscription_id: UUID) -> Subscription | None:
    """One subscription; None when there is none or the viewer may not see it."""
    return await reader.fetch_one(
        Subscription,
        f"{_SUBSCRIPTION} WHERE s.id = %(id)s AND {_subscriptions_of(viewer)}",
        {"id": subscription_id, "viewer": viewer.organisation_id},
    )


async def expiring(reader: Reader, buyer_id: UUID, before: datetime, limit: int) -> list[Subscription]:
    """What an organisation has that is frozen, or expired, or will have before a moment; the nearest first."""
    return await reader.fetch_all(
        Subscription,
        f"""
        {_SUBSCRIPTION} WHERE s.buyer_id = %(buyer)s AND s.state <> 'ended' AND s.expires_at < %(before)s
        ORDER BY s.expires_at LIMIT %(limit)s
        """,
        {"buyer": buyer_id, "before": before, "limit": limit},
    )


async def trial_of(reader: Reader, buyer_id: UUID, product_id: UUID) -> str | None:
    """The number of the order by which an organisation tried a product; None when it has not."""
    number: str | None = await reader.fetch_value(
        """
        SELECT number FROM orders
        WHERE buyer_id = %(buyer)s AND product_id = %(product)s AND order_type = 'TRIAL' AND state <> 'cancelled'
        """,
        {"buyer": buyer_id, "product": product_id},
    )
    return number


async def locked(reader: Reader, viewer: Actor, subscription_id: UUID) -> Subscription | None:
    """One of the viewer's, its row locked."""
    await reader.fetch_value(
        f"SELECT true FROM subscriptions s WHERE s.id = %(id)s AND {_subscriptions_of(viewer)} FOR NO KEY UPDATE",
        {"id": subscription_id, "viewer": viewer.organisation_id},
    )
    return await subscription(reader, viewer, subscription_id)


async def hold_instance(reader: Reader, subscription_id: UUID) -> None:
    """Locks the instance of a subscription, for those who have to take it first."""
    await reader.fetch_value("SELECT true FROM instances WHERE id = %(id)s FOR NO KEY UPDATE", {"id": subscription_id})


async def hold_life(reader: Reader, subscription_id: UUID) -> None:
    """Locks the due rows of a subscription's renewal and life, for those who take the subscription itself later."""
    for kind in DUE_ROWS:
        await reader.fetch_value(
            "SELECT true FROM due_rows WHERE kind = %(kind)s AND subject_id = %(id)s FOR UPDATE",
            {"kind": kind, "id": subscription_id},
        )


async def taken(reader: Reader, viewer: Actor, subscription_id: UUID) -> Subscription | None:
    """One of the viewer's, its row locked and its next step of life and renewal called off: who takes it has to arm it
    again.

    The due rows come first, as they do for the workers that carry them out, so that they wait for each other in turn.
    """
    for kind in DUE_ROWS:
        await reader.fetch_value(
            f"""
            DELETE FROM due_rows WHERE kind = %(kind)s AND subject_id = (
                SELECT s.id FROM subscriptions s WHERE s.id = %(id)s AND {_subscriptions_of(viewer)})
            RETURNING true
            """,
            {"kind": kind, "id": subscription_id, "viewer": viewer.organisation_id},
        )
    return await locked(reader, viewer, subscription_id)


async def ways_to_buy(reader: Reader, product_id: UUID, sku_id: UUID) -> list[WayToBuy]:
    """The prices by the period of a product's specification, by the month first."""
    return await reader.fetch_all(
        WayToBuy,
        """
        SELECT r.id AS price_id, k.id AS sku_id, k.code AS sku_code, r.code AS product_code, k.name_en AS sku_name_en,
               k.name_zh AS sku_name_zh, r.period_type, r.amount_minor, r.currency, k.quantity_min, k.quantity_max,
               k.quantity_step, r.on_sale AND k.on_sale AS on_sale, k.quantity_name_en, k.quantity_name_zh
        FROM skus k JOIN prices r ON r.sku_id = k.id
        WHERE k.id = %(sku)s AND k.product_id = %(product)s AND r.charging_mode = 'PERIOD'
        ORDER BY r.period_type
        """,
        {"sku": sku_id, "product": product_id},
    )


class UpgradeWay(msgspec.Struct, frozen=True):
    """A specification that a subscription's may become during its term, by the seller's rule."""

    sku_id: UUID
    name_en: str
    name_zh: str
    quantity_name_en: str | None
    quantity_name_zh: str | None
    quantity_min: int
    quantity_max: int
    quantity_step: int
    step_factor: int


async def upgrades(reader: Reader, from_sku: UUID) -> list[UpgradeWay]:
    """What a specification may be upgraded to, itself included where it may be expanded; at most fifty."""
    return await reader.fetch_all(
        UpgradeWay,
        """
        SELECT k.id AS sku_id, k.name_en, k.name_zh, k.quantity_name_en, k.quantity_name_zh, k.quantity_min,
               k.quantity_max, k.quantity_step, u.step_factor
        FROM upgrade_rules u JOIN skus k ON k.id = u.to_sku_id JOIN products p ON p.id = u.product_id
        WHERE u.from_sku_id = %(sku)s AND k.on_sale AND p.state = 'on_sale'
          AND EXISTS (SELECT FROM prices r WHERE r.sku_id = k.id AND r.charging_mode = 'PERIOD' AND r.on_sale)
        ORDER BY k.position LIMIT 50
        """,
        {"sku": from_sku},
    )


async def skus_at_renewal(reader: Reader, sku_id: UUID) -> list[UUID]:
    """The specifications that a renewal may bring: itself, and those the seller's rules lead to or from."""
    return [
        sku_id,
        *await reader.fetch_values(
            """
            SELECT to_sku_id FROM upgrade_rules WHERE from_sku_id = %(sku)s AND to_sku_id <> %(sku)s
            UNION SELECT from_sku_id FROM upgrade_rules WHERE to_sku_id = %(sku)s AND from_sku_id <> %(sku)s
            LIMIT 50
            """,
            {"sku": sku_id},
        ),
    ]


class PaidOrder(msgspec.Struct, frozen=True):
    """Money that an order about a subscription brought in and that was not returned, in minor units."""

    order_id: UUID
    number: str
    amount_minor: int
    currency: str


async def paid_for(reader: Reader, subscription: Subscription) -> list[PaidOrder]:
    """Every payment for a subscription that was not returned, oldest first, at most a thousand."""
    return await reader.fetch_all(
        PaidOrder,
        """
        SELECT o.id AS order_id, o.number, y.amount_minor, y.currency
        FROM orders o JOIN payments y ON y.order_id = o.id
        WHERE (o.id = %(root)s OR o.subscription_id = %(id)s) AND y.amount_minor > 0
          AND NOT EXISTS (SELECT FROM refunds f WHERE f.order_id = o.id)
        ORDER BY o.id LIMIT 1000
        """,
        {"root": subscription.order_id, "id": subscription.id},
    )


async def automatic_renewals(reader: Reader, subscription_id: UUID, starts_at: datetime) -> int:
    """How many automatic renewals there have been for the term that begins at a moment."""
    number: int = await reader.fetch_value(
        """
        SELECT count(*) FROM orders o JOIN order_lines l ON l.order_id = o.id
        WHERE o.subscription_id = %(id)s AND o.automatic AND l.starts_at = %(starts)s
        """,
        {"id": subscription_id, "starts": starts_at},
    )
    return number


class UnbegunRenewal(msgspec.Struct, frozen=True):
    """A renewal whose term has not begun, and what the subscription was before it."""

    order_id: UUID
    number: str
    starts_at: datetime
    total_minor: int
    from_price_id: UUID
    from_unit_minor: int


async def unbegun_renewal(reader: Reader, subscription: Subscription) -> UnbegunRenewal | None:
    """The last renewal, if its term has not begun, and neither it nor an upgrade since changed more than the term."""
    return await reader.fetch_one(
        UnbegunRenewal,
        """
        SELECT o.id AS order_id, o.number, l.starts_at, o.total_minor, l.from_price_id, l.from_unit_minor
        FROM orders o JOIN order_lines l ON l.order_id = o.id
        WHERE o.subscription_id = %(id)s AND o.order_type = 'RENEW' AND o.state = 'completed'
          AND l.starts_at > %(now)s AND l.ends_at = %(until)s AND l.from_sku_id = l.sku_id
          AND l.from_quantity = l.quantity
          AND NOT EXISTS (SELECT FROM orders v WHERE v.reverses_id = o.id)
          -- An upgrade was paid for the renewed days too, and what it was before is no longer what it was.
          AND NOT EXISTS (SELECT FROM orders later WHERE later.subscription_id = o.subscription_id
                          AND later.order_type = 'CHANGE' AND later.completed_at > o.completed_at)
        ORDER BY o.id DESC LIMIT 1
        """,
        {"id": subscription.id, "now": reader.now, "until": subscription.expires_at},
    )


async def renewal_at(reader: Reader, subscription_id: UUID) -> datetime | None:
    """When a subscription's automatic renewal is due; None where none is."""
    at: datetime | None = await reader.fetch_value(
        "SELECT due_at FROM due_rows WHERE kind = 'subscription.renewal' AND subject_id = %(id)s",
        {"id": subscription_id},
    )
    return at


async def chances_used(reader: Reader, buyer_id: UUID, year: int) -> int:
    """How often an organisation has unsubscribed for the whole price in a calendar year."""
    used: int = await reader.fetch_value(
        "SELECT count(*) FROM unsubscribe_chances WHERE buyer_id = %(buyer)s AND year = %(year)s",
        {"buyer": buyer_id, "year": year},
    )
    return used
