"""What happens to an order: placed, paid, completed; cancelled, expired, failed and refunded."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from tradehall.catalog import queries as catalog
from tradehall.catalog.errors import NoLongerOnSale, PriceNotFound
from tradehall.catalog.model import Offer, Quote, quote
from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import Event
from tradehall.kernel.money import decimal_text
from tradehall.trading.errors import (
    OnlyBuyersOrder,
    OrderAlreadyPaid,
    OrderMovedOn,
    OrderNotFound,
    PriceChanged,
)
from tradehall.trading.model import ORDER_MOVES, Gateway, OrderState, PaymentIntent, Receipt, before

EXPIRE = "order.expire"
REFUND = "order.refund"
# What stands for a receipt where nothing is due: on demand one pays for use, later.
NOTHING_TO_PAY = Receipt("-")
# Announces the number of an order that was completed or cancelled.
ORDER_CHANNEL = "order"


class Placed(msgspec.Struct, frozen=True):
    """A placed order's id and number."""

    id: UUID
    number: str


async def price_of(tx: Tx, price_id: UUID, quantity: int, period_number: int | None) -> Quote:
    """What a purchase would cost. Raises PriceNotFound, NoLongerOnSale or Invalid."""
    offer = await catalog.offer(tx, price_id)
    if offer is None:
        raise PriceNotFound
    if not offer.on_sale:
        raise NoLongerOnSale
    return quote(offer, quantity, period_number)


async def place(
    tx: Tx,
    *,
    price_id: UUID,
    quantity: int,
    period_number: int | None,
    unpaid_ttl: timedelta,
    expected_total: int | None = None,
    known: Offer | None = None,
) -> Placed:
    """Places an order for the actor's organisation; unpaid, it expires after `unpaid_ttl`.

    `known` is the offer as it was seen a moment ago; it is looked up anew when it no longer holds. Raises
    OnlyBuyersOrder, PriceNotFound, NoLongerOnSale, Invalid, or PriceChanged when the total is not the one the buyer saw
    (`expected_total`, minor units).
    """
    if tx.actor.kind != "buyer":
        raise OnlyBuyersOrder
    if known and known.on_sale:
        cost = quote(known, quantity, period_number)
        if expected_total in (None, cost.total_minor) and (placed := await _write(tx, known, cost, unpaid_ttl)):
            return placed
    offer = await catalog.offer(tx, price_id)
    if offer is None:
        raise PriceNotFound
    if not offer.on_sale:
        raise NoLongerOnSale
    cost = quote(offer, quantity, period_number)
    if expected_total is not None and cost.total_minor != expected_total:
        raise PriceChanged(total=decimal_text(cost.total_minor, cost.currency), currency=cost.currency)
    placed = await _write(tx, offer, cost, unpaid_ttl)
    if placed is None:
        raise NoLongerOnSale
    return placed


async def _write(tx: Tx, offer: Offer, cost: Quote, unpaid_ttl: timedelta) -> Placed | None:
    """Writes the order, if the offer still is what it is taken for; None if not."""
    order_id = new_id(tx.now)
    values: dict[str, Any] = {
        "id": order_id,
        "line": new_id(tx.now),
        "due": new_id(),
        "expire": EXPIRE,
        "buyer": tx.actor.organisation_id,
        "person": tx.actor.person_id,
        "seller": offer.seller_id,
        "product": offer.product_id,
        "currency": cost.currency,
        "total": cost.total_minor,
        "request": tx.request_id,
        "now": tx.now,
        "expires": tx.now + unpaid_ttl,
        "sku": offer.sku_id,
        "price": offer.price_id,
        "product_name_en": offer.product_name_en,
        "product_name_zh": offer.product_name_zh,
        "sku_name_en": offer.sku_name_en,
        "sku_name_zh": offer.sku_name_zh,
        "mode": offer.charging_mode,
        "period_type": offer.period_type,
        "period_number": cost.period_number,
        "quantity": cost.quantity,
        "unit": cost.unit_minor,
    }
    number: str | None = await tx.fetch_value(
        """
        WITH offered AS (
            SELECT FROM prices r JOIN skus k ON k.id = r.sku_id JOIN products p ON p.id = k.product_id
            WHERE r.id = %(price)s AND r.amount_minor = %(unit)s AND r.currency = %(currency)s
              AND r.on_sale AND k.on_sale AND p.state = 'on_sale'
        ), unpaid AS (
            INSERT INTO due_rows (id, kind, subject_id, due_at, created_at)
            SELECT %(due)s, %(expire)s, %(id)s, %(expires)s, %(now)s FROM offered
        ), placed AS (
            INSERT INTO orders (id, number, order_type, buyer_id, seller_id, placed_by, product_id, state, currency,
                                total_minor, request_id, created_at, expires_at)
            SELECT %(id)s, next_order_number(%(now)s), 'NEW', %(buyer)s, %(seller)s, %(person)s, %(product)s,
                   'pending_payment', %(currency)s, %(total)s, %(request)s, %(now)s, %(expires)s
            FROM offered
            RETURNING id, number
        )
        INSERT INTO order_lines (id, order_id, seller_id, number, sku_id, price_id, product_name_en, product_name_zh,
                                 sku_name_en, sku_name_zh, charging_mode, period_type, period_number, quantity,
                                 unit_minor, total_minor)
        SELECT %(line)s, placed.id, %(seller)s, placed.number || '-000001', %(sku)s, %(price)s, %(product_name_en)s,
               %(product_name_zh)s, %(sku_name_en)s, %(sku_name_zh)s, %(mode)s, %(period_type)s, %(period_number)s,
               %(quantity)s, %(unit)s, %(total)s
        FROM placed
        RETURNING left(number, -7)
        """,
        values,
    )
    if number is None:
        return None
    facts = {"number": number, "total_minor": cost.total_minor, "currency": cost.currency, "product": offer.product_id}
    await tx.record("order.placed", "order", order_id, facts)
    return Placed(order_id, number)


class _Payable(msgspec.Struct, frozen=True):
    id: UUID
    state: OrderState
    total_minor: int
    currency: str
    paid: bool


async def _take_unpaid(tx: Tx, number: str) -> _Payable | None:
    """The actor's order, locked, and no longer to expire if what follows succeeds.

    Of several who pay or cancel at once one acts and the others find it done. The due row is taken before the order,
    as by the worker that expires it, so that they wait for each other in turn and never in a ring.
    """
    return await tx.fetch_one(
        _Payable,
        """
        WITH taken AS MATERIALIZED (
            DELETE FROM due_rows WHERE kind = %(expire)s AND subject_id = (
                SELECT id FROM orders WHERE number = %(number)s AND buyer_id = %(buyer)s)
            RETURNING id
        )
        SELECT id, state, total_minor, currency, paid_at IS NOT NULL AS paid FROM orders
        WHERE number = %(number)s AND buyer_id = %(buyer)s AND (SELECT count(*) FROM taken) >= 0
        FOR NO KEY UPDATE
        """,
        {"expire": EXPIRE, "number": number, "buyer": tx.actor.organisation_id},
    )


async def pay(tx: Tx, gateway: Gateway, *, number: str, instrument: str = "balance") -> OrderState:
    """Pays an order of the actor's organisation and says how it stands then; paying it again changes nothing.

    Raises OrderNotFound, OrderMovedOn when the order was cancelled, and PaymentDeclined.
    """
    order = await _take_unpaid(tx, number)
    if order is None:
        raise OrderNotFound
    if order.paid:
        return order.state
    if order.state != before("pay"):
        raise OrderMovedOn(state=order.state)
    receipt = NOTHING_TO_PAY
    if order.total_minor:
        intent = PaymentIntent(str(order.id), number, order.total_minor, order.currency, instrument)
        receipt = await gateway.collect(intent)
    await tx.execute(
        """
        WITH paid AS (
            UPDATE orders SET state = 'processing', paid_at = %(now)s WHERE id = %(order)s AND state = 'pending_payment'
        )
        INSERT INTO payments (id, order_id, gateway, reference, amount_minor, currency, paid_by, created_at)
        VALUES (%(id)s, %(order)s, %(gateway)s, %(reference)s, %(amount)s, %(currency)s, %(person)s, %(now)s)
        """,
        {
            "id": new_id(tx.now),
            "order": order.id,
            "gateway": gateway.name,
            "reference": receipt.reference,
            "amount": order.total_minor,
            "currency": order.currency,
            "person": tx.actor.person_id,
            "now": tx.now,
        },
    )
    facts = {"gateway": gateway.name, "reference": receipt.reference, "amount_minor": order.total_minor}
    await tx.record("order.paid", "order", order.id, facts)
    return ORDER_MOVES[order.state, "pay"]


async def cancel(tx: Tx, *, number: str) -> None:
    """The buyer gives up an unpaid order; doing so twice is fine. Raises OrderNotFound or OrderAlreadyPaid."""
    order = await _take_unpaid(tx, number)
    if order is None:
        raise OrderNotFound
    if order.paid:
        raise OrderAlreadyPaid
    if order.state == before("cancel"):
        await _end_unpaid(tx, order.id, "buyer")


async def expire(tx: Tx, row: DueRow) -> None:
    """An order nobody paid in time is cancelled."""
    await _end_unpaid(tx, row.subject_id, "expired")


async def _end_unpaid(tx: Tx, order_id: UUID, reason: str) -> None:
    ended = await tx.fetch_value(
        """
        UPDATE orders SET state = 'cancelled', cancelled_at = %(now)s, cancel_reason = %(reason)s
        WHERE id = %(id)s AND state = 'pending_payment' RETURNING true, pg_notify(%(channel)s, number)
        """,
        {"id": order_id, "now": tx.now, "reason": reason, "channel": ORDER_CHANNEL},
    )
    if ended:
        await tx.record("order.cancelled", "order", order_id, {"reason": reason})


async def complete(tx: Tx, event: Event) -> None:
    """What was ordered is delivered. Reaction to instance.opened."""
    order_id = event.subject_id
    completed = await tx.fetch_value(
        """
        UPDATE orders SET state = 'completed', completed_at = %(now)s
        WHERE id = %(id)s AND state = 'processing' RETURNING true, pg_notify(%(channel)s, number)
        """,
        {"id": order_id, "now": tx.now, "channel": ORDER_CHANNEL},
    )
    if completed:
        await tx.record("order.completed", "order", order_id, {})


async def fail(tx: Tx, event: Event) -> None:
    """What was ordered cannot be delivered: the order ends and the buyer's money goes back. A reaction.

    The gateway is called by a worker from a due row, as everything that leaves this process.
    """
    order_id = event.subject_id
    failed = await tx.fetch_value(
        """
        UPDATE orders SET state = 'cancelled', cancelled_at = %(now)s, cancel_reason = 'opening_failed'
        WHERE id = %(id)s AND state = 'processing' RETURNING true, pg_notify(%(channel)s, number)
        """,
        {"id": order_id, "now": tx.now, "channel": ORDER_CHANNEL},
    )
    if not failed:
        return
    await tx.record("order.cancelled", "order", order_id, {"reason": "opening_failed"})
    number: str = await tx.fetch_value(
        """
        INSERT INTO refunds (id, order_id, number, reason, amount_minor, currency, state, created_at)
        SELECT %(id)s, order_id, next_order_number(%(now)s), 'opening_failed', amount_minor, currency, 'requested',
               %(now)s
        FROM payments WHERE order_id = %(order)s
        RETURNING number
        """,
        {"id": new_id(tx.now), "order": order_id, "now": tx.now},
    )
    await due.schedule(tx, REFUND, order_id, tx.now)
    await tx.record("order.refund_requested", "order", order_id, {"number": number})


class _Refundable(msgspec.Struct, frozen=True):
    id: UUID
    number: str
    amount_minor: int
    currency: str
    payment_reference: str


async def carry_out_refund(tx: Tx, gateway: Gateway, row: DueRow) -> None:
    """Has the gateway return the money. Repeated after a crash it uses the same key, so the money goes back once."""
    refund = await tx.fetch_one(
        _Refundable,
        """
        SELECT r.id, r.number, r.amount_minor, r.currency, p.reference AS payment_reference
        FROM refunds r JOIN payments p USING (order_id)
        WHERE r.order_id = %(order)s AND r.state = 'requested' FOR UPDATE OF r
        """,
        {"order": row.subject_id},
    )
    if refund is None:
        return
    receipt = NOTHING_TO_PAY
    if refund.amount_minor:
        receipt = await gateway.give_back(
            str(refund.id), refund.payment_reference, refund.amount_minor, refund.currency
        )
    await tx.execute(
        """
        UPDATE refunds SET state = 'refunded', refunded_at = %(now)s, reference = %(reference)s WHERE id = %(id)s
        """,
        {"id": refund.id, "now": tx.now, "reference": receipt.reference},
    )
    facts = {"number": refund.number, "amount_minor": refund.amount_minor, "reference": receipt.reference}
    await tx.record("order.refunded", "order", row.subject_id, facts)
