"""Every SELECT on orders. Who may see an order is written once, in `_scope`."""

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.catalog import queries as catalog
from tradehall.kernel.db import Reader
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.parties import queries as parties
from tradehall.trading.model import HappenedEvent, Order, OrderRow, OrderState, OrderType

# A number is searched by its beginning once that reaches the minute (CS and ten digits): never more than a few thousand
# orders begin alike then.
SHORTEST_NUMBER = 12
NUMBERS_SEARCHED = 500


class OrderFilter(msgspec.Struct, frozen=True):
    """What a list of orders is narrowed to. `text` is the beginning of an order's number, or part of the other side's
    or the product's name; `since` and `until` bound the time of ordering."""

    state: OrderState | None = None
    order_type: OrderType | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


def _scope(viewer: Actor) -> LiteralString:
    """The orders a viewer may see, as a condition on `orders o`."""
    if viewer.kind == "platform":
        return "true"
    if viewer.kind == "seller":
        return "o.seller_id = %(viewer)s AND o.state <> 'pending_payment' AND o.paid_at IS NOT NULL"
    return "o.buyer_id = %(viewer)s"


_ROW: LiteralString = """
    o.id, o.number, o.state, o.order_type, o.buyer_id, b.name_en AS buyer_name_en, b.name_zh AS buyer_name_zh,
    o.seller_id, s.name_en AS seller_name_en, s.name_zh AS seller_name_zh,
    l.product_name_en, l.product_name_zh, l.sku_name_en, l.sku_name_zh,
    o.currency, o.total_minor, o.created_at, o.cancel_reason, r.state AS refund_state,
    coalesce(o.subscription_id, h.id) AS application_id, n.number AS root_number, o.automatic, l.starts_at, l.ends_at,
    o.delivery_type
"""
_JOINS: LiteralString = """
    JOIN organisations b ON b.id = o.buyer_id
    JOIN organisations s ON s.id = o.seller_id
    JOIN order_lines l ON l.order_id = o.id
    LEFT JOIN refunds r ON r.order_id = o.id
    LEFT JOIN subscriptions h ON h.order_line_id = l.id
    LEFT JOIN subscriptions t ON t.id = o.subscription_id
    LEFT JOIN orders n ON n.id = t.order_id
"""


async def orders(reader: Reader, viewer: Actor, wanted: PageRequest, only: OrderFilter) -> Page[OrderRow]:
    """The orders a viewer may see, newest first."""
    if viewer.kind == "seller" and only.state == "pending_payment":
        return Page([])  # a seller hears of an order when it is paid
    where, order = keyset(wanted, "o.id")
    narrowed: LiteralString = f"{_scope(viewer)} AND {where}"
    if only.state:
        narrowed += " AND o.state = %(state)s"
        if only.state != "completed":
            narrowed += " AND o.state <> 'completed'"  # spelt out, so that the index of the unfinished serves it
    if only.order_type:
        narrowed += " AND o.order_type = %(type)s"
        if only.order_type != "NEW":
            narrowed += " AND o.order_type <> 'NEW'"  # likewise: the index of the rarer types
    if only.since:
        narrowed += " AND o.id >= %(since)s"
    if only.until:
        narrowed += " AND o.id < %(until)s"
    params: dict[str, Any] = {
        "viewer": viewer.organisation_id,
        "state": only.state,
        "type": only.order_type,
        "since": lowest_id(only.since) if only.since else None,
        "until": lowest_id(only.until) if only.until else None,
        **wanted.params,
    }
    picked: LiteralString = f"SELECT o.id FROM orders o WHERE {narrowed} ORDER BY {order} LIMIT %(fetch)s"
    if only.text.strip():
        picked, found = await _search(reader, viewer, only.text.strip(), narrowed, order)
        params |= found
    # The page is picked by an index alone; names are joined to its few rows only.
    rows = await reader.fetch_all(
        OrderRow,
        f"WITH picked AS ({picked}) SELECT {_ROW} FROM picked JOIN orders o USING (id) {_JOINS} ORDER BY {order}",
        params,
        by_values=bool(only.text.strip()),
    )
    return page(rows, wanted, lambda row: row.id)


async def _search(
    reader: Reader, viewer: Actor, text: str, narrowed: LiteralString, order: LiteralString
) -> tuple[LiteralString, dict[str, Any]]:
    """The ids of a page of matches: by number, or through the few organisations and products the text names."""
    others = [row.id for row in (await parties.organisations(reader, PageRequest(limit=20), text=text)).items]
    products = await catalog.product_names(reader, text, viewer.organisation_id if viewer.kind == "seller" else None)
    other: LiteralString = "o.seller_id" if viewer.kind == "buyer" else "o.buyer_id"
    picked: LiteralString = f"""
        SELECT id FROM (
            SELECT o.id FROM (
                SELECT o.* FROM orders o WHERE {_scope(viewer)} AND o.number LIKE %(number)s
                ORDER BY o.number DESC LIMIT %(numbers)s
            ) o WHERE {narrowed}
            UNION
            SELECT h.id FROM unnest(%(others)s::uuid[]) AS wanted (id), LATERAL (
                SELECT o.id FROM orders o WHERE {other} = wanted.id AND {narrowed} ORDER BY {order} LIMIT %(fetch)s) h
            UNION
            SELECT h.id FROM unnest(%(products)s::uuid[]) AS wanted (id), LATERAL (
                SELECT o.id FROM orders o WHERE o.product_id = wanted.id AND {narrowed}
                ORDER BY {order} LIMIT %(fetch)s) h
        ) o ORDER BY {order} LIMIT %(fetch)s
    """
    return picked, {"number": number_prefix(text), "numbers": NUMBERS_SEARCHED, "others": others, "products": products}


async def order(reader: Reader, viewer: Actor, number: str) -> Order | None:
    """One order by its number; None when there is none or the viewer may not see it."""
    return await reader.fetch_one(
        Order,
        f"""
        SELECT {_ROW},
               o.product_id, p.slug AS product_slug, w.name AS placed_by_name, w.email AS placed_by_email, o.request_id,
               o.expires_at, o.paid_at, o.completed_at, o.cancelled_at, o.subscription_id, o.check_state,
               o.cancel_message, v.number AS reverses_number,
               f.name_en AS from_sku_name_en, f.name_zh AS from_sku_name_zh, l.from_quantity,
               l.reckoning, l.id AS line_id, l.number AS line_number, l.charging_mode,
               l.period_type, l.period_number, l.quantity,
               k.quantity_name_en, k.quantity_name_zh, l.unit_minor, c.unit_en, c.unit_zh,
               y.gateway AS payment_gateway, y.reference AS payment_reference,
               y.voucher_minor AS payment_voucher_minor,
               r.number AS refund_number, r.amount_minor AS refund_minor, r.voucher_minor AS refund_voucher_minor,
               r.lost_minor AS refund_lost_minor, r.refunded_at
        FROM orders o {_JOINS}
        JOIN products p ON p.id = o.product_id
        JOIN people w ON w.id = o.placed_by
        JOIN skus k ON k.id = l.sku_id
        JOIN prices c ON c.id = l.price_id
        LEFT JOIN skus f ON f.id = l.from_sku_id
        LEFT JOIN payments y ON y.order_id = o.id
        LEFT JOIN orders v ON v.id = o.reverses_id
        WHERE o.number = %(number)s AND {_scope(viewer)}
        """,
        {"number": number, "viewer": viewer.organisation_id},
    )


async def orders_of_application(
    reader: Reader, viewer: Actor, wanted: PageRequest, root_id: UUID, application_id: UUID
) -> Page[OrderRow]:
    """The orders about what an order began, itself included, newest first."""
    where, order = keyset(wanted, "o.id")
    rows = await reader.fetch_all(
        OrderRow,
        f"""
        SELECT {_ROW} FROM orders o {_JOINS}
        WHERE (o.id = %(root)s OR o.subscription_id = %(application)s) AND {_scope(viewer)} AND {where}
        ORDER BY {order} LIMIT %(fetch)s
        """,
        {"root": root_id, "application": application_id, "viewer": viewer.organisation_id, **wanted.params},
    )
    return page(rows, wanted, lambda row: row.id)


async def log_of_order(reader: Reader, order_id: UUID) -> list[HappenedEvent]:
    """An order's operation log, oldest first, its last two hundred entries."""
    rows = await reader.fetch_all(
        HappenedEvent,
        """
        SELECT seq, kind, at, entry FROM events WHERE subject_kind = 'order' AND subject_id = %(order)s
        ORDER BY seq DESC LIMIT 200
        """,
        {"order": order_id},
    )
    return rows[::-1]


class OrderCounts(msgspec.Struct, frozen=True):
    """How many orders wait for payment and are in process, each counted to a thousand at most."""

    pending_payment: int
    processing: int


async def open_counts(reader: Reader, viewer: Actor) -> OrderCounts:
    """How many orders of the viewer are unfinished."""
    # A seller hears of no unpaid order, and a condition that excludes itself would be looked for all the same.
    unpaid: LiteralString = "AND false" if viewer.kind == "seller" else "AND o.state = 'pending_payment'"
    counts = await reader.fetch_one(
        OrderCounts,
        f"""
        SELECT (SELECT count(*) FROM (SELECT FROM orders o WHERE {_scope(viewer)} {unpaid}
                                      LIMIT 1000) c) AS pending_payment,
               (SELECT count(*) FROM (SELECT FROM orders o WHERE {_scope(viewer)} AND o.state = 'processing'
                                      LIMIT 1000) c) AS processing
        """,
        {"viewer": viewer.organisation_id},
    )
    assert counts is not None
    return counts


async def refund_number(reader: Reader, order_id: UUID) -> str | None:
    """The number of an order's refund: on the wire, the unsubscription's order number."""
    number: str | None = await reader.fetch_value(
        "SELECT number FROM refunds WHERE order_id = %(order)s", {"order": order_id}
    )
    return number


def number_prefix(text: str) -> str:
    """A LIKE pattern for order numbers that begin with `text`; one that finds nothing where that is too short."""
    typed = "".join(filter(str.isalnum, text.upper()))
    return f"{typed}%" if len(typed) >= SHORTEST_NUMBER else ""


async def state_of(reader: Reader, viewer: Actor, number: str) -> OrderState | None:
    """How an order stands; None when there is none or the viewer may not see it."""
    state: OrderState | None = await reader.fetch_value(
        f"SELECT o.state FROM orders o WHERE o.number = %(number)s AND {_scope(viewer)}",
        {"number": number, "viewer": viewer.organisation_id},
    )
    return state


async def is_processing(reader: Reader, order_id: UUID) -> bool:
    """Whether an order is paid and not yet carried out."""
    processing: bool = await reader.fetch_value(
        "SELECT EXISTS (SELECT FROM orders WHERE id = %(id)s AND state = 'processing')", {"id": order_id}
    )
    return processing
