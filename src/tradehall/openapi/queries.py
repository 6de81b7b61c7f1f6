"""What the open APIs tell, read for the seller that asks."""

from datetime import datetime
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.money import decimal_text
from tradehall.openapi.answers import BuyerInfo, OrderInfo, OrderLine, ProductInfo, timestamp
from tradehall.protocols.requests import ChargingMode, PeriodType
from tradehall.trading.model import OrderType
from tradehall.trading.terms import end_in_sql

# What a number stands for that sellers are told: an order once it is paid, or the return of what was never delivered.
# The second is no order here, but the one that a release names.
_WANTED: LiteralString = """
    SELECT o.id, o.number, o.order_type, o.created_at, o.total_minor FROM orders o
    WHERE o.number = %(number)s AND o.paid_at IS NOT NULL AND o.state <> 'pending_payment'
    UNION ALL
    SELECT r.order_id, r.number, 'UNSUBSCRIBE', r.created_at, r.amount_minor FROM refunds r
    WHERE r.number = %(number)s AND r.unsubscription_id IS NULL
"""
# The end of a line is its own: what is opened begins its term when it is open, until then the end is an estimate. The
# period of what changes or takes back a term is that of the term.
_ORDER: LiteralString = f"""
    SELECT x.number, x.order_type, x.created_at, x.total_minor, o.currency, right(l.number, 7) AS line_suffix,
           l.charging_mode, k.code AS sku_code, c.code AS product_code, l.quantity,
           l.product_name_zh || ',' || l.sku_name_zh AS product_name,
           CASE WHEN o.order_type IN ('CHANGE', 'UNSUBSCRIBE') THEN term.period_type ELSE l.period_type END
               AS period_type,
           CASE WHEN o.order_type IN ('CHANGE', 'UNSUBSCRIBE') THEN term.period_number ELSE l.period_number END
               AS period_number,
           CASE WHEN l.charging_mode = 'PERIOD'
                THEN coalesce(l.ends_at, {end_in_sql("coalesce(h.began_at, o.paid_at)")}) END AS ends_at,
           o.buyer_id, b.name_en AS buyer_name, CASE WHEN e.asks_contact THEN w.email END AS email
    FROM ({_WANTED}) x
    JOIN orders o ON o.id = x.id
    JOIN order_lines l ON l.order_id = o.id
    JOIN organisations b ON b.id = o.buyer_id
    JOIN people w ON w.id = o.placed_by
    JOIN skus k ON k.id = l.sku_id
    JOIN prices c ON c.id = l.price_id
    JOIN products p ON p.id = o.product_id
    LEFT JOIN endpoints e ON e.id = p.endpoint_id
    LEFT JOIN subscriptions h ON h.order_line_id = l.id
    LEFT JOIN subscriptions t ON t.id = o.subscription_id
    LEFT JOIN LATERAL (
        SELECT q.period_type, q.period_number FROM orders z JOIN order_lines q ON q.order_id = z.id
        WHERE o.order_type IN ('CHANGE', 'UNSUBSCRIBE') AND (z.id = t.order_id OR z.subscription_id = t.id)
          AND z.order_type IN ('NEW', 'TRIAL', 'TRIAL_TO_FORMAL', 'RENEW') AND z.completed_at <= o.created_at
          AND NOT EXISTS (SELECT FROM orders v
                          WHERE v.reverses_id = z.id AND v.id <> o.id AND v.created_at <= o.created_at)
        ORDER BY coalesce(z.id = o.reverses_id, false) DESC, q.ends_at DESC NULLS LAST LIMIT 1
    ) term ON true
    WHERE o.seller_id = %(seller)s
"""


class _Line(msgspec.Struct, frozen=True):
    """An order and its one line."""

    number: str
    order_type: OrderType
    created_at: datetime
    total_minor: int
    currency: str
    line_suffix: str
    charging_mode: ChargingMode
    sku_code: str
    product_code: str
    quantity: int
    product_name: str
    period_type: PeriodType | None
    period_number: int | None
    ends_at: datetime | None
    buyer_id: UUID
    buyer_name: str
    email: str | None


async def order_of_seller(reader: Reader, seller_id: UUID, number: str, zone: str) -> OrderInfo | None:
    """The order of this number as its seller is told of it; None when the seller has none. `zone` is the marketplace's.

    Orders have one line each; the protocol tells a list.
    """
    line = await reader.fetch_one(_Line, _ORDER, {"number": number, "seller": seller_id, "zone": zone})
    return _told(line) if line else None


async def exists(reader: Reader, number: str) -> bool:
    """Whether there is an order of this number at all that a seller is told of."""
    found: bool = await reader.fetch_value(f"SELECT EXISTS ({_WANTED})", {"number": number})
    return found


def _told(line: _Line) -> OrderInfo:
    back = line.order_type == "UNSUBSCRIBE"
    paid = Decimal(decimal_text(-line.total_minor if back else line.total_minor, line.currency))
    amount = None if back else paid
    by_period = line.charging_mode == "PERIOD"
    return OrderInfo(
        order_id=line.number,
        order_type=line.order_type,
        create_time=timestamp(line.created_at),
        currency=amount,
        currency_after_discount=paid,
        order_line=(
            OrderLine(
                order_line_id=line.number + line.line_suffix,
                charging_mode=line.charging_mode,
                period_type=line.period_type if by_period else None,
                period_number=line.period_number if by_period else None,
                expire_time=timestamp(line.ends_at) if line.ends_at else None,
                product_info=(ProductInfo(line.product_code, line.sku_code, line.quantity, line.product_name),),
                currency=amount,
                currency_after_discount=paid,
            ),
        ),
        buyer_info=BuyerInfo(customer_id=line.buyer_id.hex, customer_name=line.buyer_name, email=line.email),
    )
