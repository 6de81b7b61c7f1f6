"""What people do with an order: place it, pay it, cancel it."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from tradehall.catalog import delivery
from tradehall.catalog import queries as catalog
from tradehall.catalog.delivery import INSTANT
from tradehall.catalog.errors import NoLongerOnSale, PriceNotFound
from tradehall.catalog.model import Offer, Quote, quote
from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.errors import FieldProblem, Invalid
from tradehall.kernel.ids import new_id
from tradehall.kernel.money import decimal_text
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.errors import (
    AwaitingSeller,
    OnlyBuyersOrder,
    OrderAlreadyPaid,
    OrderMovedOn,
    OrderNotFound,
    OrderNotPaid,
    PaymentChanged,
    PriceChanged,
    QuoteStale,
    SubscriptionEnded,
)
from tradehall.trading.model import (
    ORDER_MOVES,
    Gateway,
    OrderState,
    OrderType,
    PaymentIntent,
    Receipt,
    Recipient,
    before,
)
from tradehall.trading.vouchers import Share, spend

EXPIRE = "order.expire"
# What stands for a receipt where nothing is due: on demand one pays for use, later.
NOTHING_TO_PAY = Receipt("-")
# Likewise where vouchers pay for everything: the gateway is not asked.
PAID_BY_VOUCHERS = Receipt("vouchers")
# Announces the number of an order that was completed or cancelled.
ORDER_CHANNEL = "order"
PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,28}")
LONGEST_ADDRESS = 200


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
    recipient: Recipient | None = None,
) -> Placed:
    """Places an order for the actor's organisation; unpaid, it expires after `unpaid_ttl`.

    `known` is the offer as it was seen a moment ago; it is looked up anew when it no longer holds. `recipient` is asked
    for where something is sent. Raises OnlyBuyersOrder, PriceNotFound, NoLongerOnSale, Invalid, or PriceChanged when
    the total is not the one the buyer saw (`expected_total`, minor units).
    """
    if tx.actor.kind != "buyer":
        raise OnlyBuyersOrder
    if known and known.on_sale:
        cost = quote(known, quantity, period_number)
        placed = None
        if expected_total in (None, cost.total_minor):
            placed = await _write(tx, known, cost, unpaid_ttl, recipient)
        if placed:
            return placed
    offer = await catalog.offer(tx, price_id)
    if offer is None:
        raise PriceNotFound
    if not offer.on_sale:
        raise NoLongerOnSale
    cost = quote(offer, quantity, period_number)
    if expected_total is not None and cost.total_minor != expected_total:
        raise PriceChanged(total=decimal_text(cost.total_minor, cost.currency), currency=cost.currency)
    placed = await _write(tx, offer, cost, unpaid_ttl, recipient)
    if placed is None:
        raise NoLongerOnSale
    return placed


def check_recipient(delivery_type: str, recipient: Recipient | None) -> Recipient | None:
    """The recipient of what is sent, and of nothing else. Raises Invalid where one is asked for and not complete."""
    if not delivery.delivery(delivery_type).asks_recipient:
        return None
    given = recipient or Recipient("", "", "")
    kept = Recipient(given.name.strip(), given.phone.strip(), given.address.strip())
    wrong = [
        FieldProblem(f"recipient_{name}", "This must not be empty.") for name, text in kept.told.items() if not text
    ]
    if kept.phone and not PHONE.fullmatch(kept.phone):
        wrong.append(FieldProblem("recipient_phone", "Write a phone number: digits, spaces, and + or - at most."))
    wrong += [
        FieldProblem(f"recipient_{name}", "Write at most {most} characters.", {"most": LONGEST_ADDRESS})
        for name, text in kept.told.items()
        if len(text) > LONGEST_ADDRESS
    ]
    if wrong:
        raise Invalid(*wrong)
    return kept


async def _write(
    tx: Tx, offer: Offer, cost: Quote, unpaid_ttl: timedelta, recipient: Recipient | None
) -> Placed | None:
    """Writes the order, if the offer still is what it is taken for; None if not."""
    recipient = check_recipient(offer.delivery_type, recipient)
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
        "delivery": offer.delivery_type,
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
                                total_minor, request_id, created_at, expires_at, delivery_type)
            SELECT %(id)s, next_order_number(%(now)s), 'NEW', %(buyer)s, %(seller)s, %(person)s, %(product)s,
                   'pending_payment', %(currency)s, %(total)s, %(request)s, %(now)s, %(expires)s, %(delivery)s
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
    if recipient:
        await tx.execute(
            """
            INSERT INTO recipients (order_id, name, phone, address)
            VALUES (%(order)s, %(name)s, %(phone)s, %(address)s)
            """,
            {"order": order_id, "name": recipient.name, "phone": recipient.phone, "address": recipient.address},
        )
    facts = {"number": number, "total_minor": cost.total_minor, "currency": cost.currency, "product": offer.product_id}
    await tx.record("order.placed", "order", order_id, facts)
    return Placed(order_id, number)


class _Payable(msgspec.Struct, frozen=True):
    id: UUID
    state: OrderState
    order_type: OrderType
    total_minor: int
    currency: str
    paid: bool
    subscription_id: UUID | None
    check_state: str | None
    delivery_type: str


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
        SELECT id, state, order_type, total_minor, currency, paid_at IS NOT NULL AS paid, subscription_id, check_state,
               delivery_type
        FROM orders
        WHERE number = %(number)s AND buyer_id = %(buyer)s AND (SELECT count(*) FROM taken) >= 0
        FOR NO KEY UPDATE
        """,
        {"expire": EXPIRE, "number": number, "buyer": tx.actor.organisation_id},
    )


async def pay(
    tx: Tx,
    gateway: Gateway,
    *,
    number: str,
    instrument: str = "balance",
    vouchers: Sequence[UUID] = (),
    expected_rest: int | None = None,
) -> OrderState:
    """Pays an order of the actor's organisation and says how it stands then; paying it again changes nothing.

    `vouchers` pay as far as they reach, the gateway collects the rest; it is not asked where there is none.
    Raises OrderNotFound, OrderMovedOn when the order was cancelled, PaymentDeclined, for vouchers what `vouchers.spend`
    does, and PaymentChanged when the rest is not what the buyer saw (`expected_rest`, minor units).
    """
    order = await _take_unpaid(tx, number)
    if order is None:
        raise OrderNotFound
    if order.paid:
        return order.state
    if order.state != before("pay"):
        raise OrderMovedOn(state=order.state)
    if order.subscription_id:
        # Its life waits until the order is carried out; whoever steps it on holds its due rows before it, as we do.
        await subscriptions.hold_life(tx, order.subscription_id)
        await _check_still_holds(tx, order.id, order.subscription_id)
    if order.check_state == "awaited":
        raise AwaitingSeller
    shares: Sequence[Share] = ()
    if vouchers and order.total_minor:
        shares = await spend(tx, order.id, vouchers, order.total_minor)
    rest = order.total_minor - sum(share.amount_minor for share in shares)
    if expected_rest not in (None, rest):
        raise PaymentChanged(rest=decimal_text(rest, order.currency), currency=order.currency)
    receipt = PAID_BY_VOUCHERS if shares else NOTHING_TO_PAY
    if rest:
        receipt = await gateway.collect(PaymentIntent(str(order.id), number, rest, order.currency, instrument))
    await _paid(tx, gateway, order, receipt, tx.actor.person_id, shares)
    if order.delivery_type == INSTANT:
        return ORDER_MOVES[order.state, "pay"]
    # What no server has to be asked for may be completed by now.
    state: OrderState = await tx.fetch_value("SELECT state FROM orders WHERE id = %(id)s", {"id": order.id})
    return state


async def _check_still_holds(tx: Tx, order_id: UUID, subscription_id: UUID) -> None:
    """Whether what an order is about still is what it was reckoned with; holds it, so that it stays so.

    Raises SubscriptionEnded or QuoteStale.
    """
    holds = await tx.fetch_one(
        _Holding,
        """
        SELECT s.state, s.ended_at, (s.sku_id, s.quantity, s.trial) = (l.from_sku_id, l.from_quantity,
                   o.order_type = 'TRIAL_TO_FORMAL')
               AND s.expires_at = CASE o.order_type WHEN 'CHANGE' THEN l.ends_at ELSE l.starts_at END
               AND (o.order_type <> 'CHANGE'
                    OR s.state = 'active' AND s.suspended_at IS NULL AND o.expires_at > %(now)s)
               -- A seller that went back to the first generation can no longer be told of a change at renewal.
               AND (o.check_state IS NULL OR e.generation = 'V2') AS as_reckoned
        FROM subscriptions s, orders o JOIN order_lines l ON l.order_id = o.id
        JOIN products p ON p.id = o.product_id LEFT JOIN endpoints e ON e.id = p.endpoint_id
        WHERE s.id = %(subscription)s AND o.id = %(order)s FOR NO KEY UPDATE OF s
        """,
        {"subscription": subscription_id, "order": order_id, "now": tx.now},
    )
    assert holds is not None, "an order about a subscription names one"
    if holds.state == "ended":
        raise SubscriptionEnded(at=holds.ended_at)
    if not holds.as_reckoned:
        raise QuoteStale


class _Holding(msgspec.Struct, frozen=True):
    state: str
    ended_at: datetime | None
    as_reckoned: bool


async def _paid(
    tx: Tx,
    gateway: Gateway,
    order: _Payable,
    receipt: Receipt,
    person_id: UUID | None,
    shares: Sequence[Share] = (),
) -> None:
    await tx.execute(
        """
        WITH paid AS (
            UPDATE orders SET state = 'processing', paid_at = %(now)s WHERE id = %(order)s AND state = 'pending_payment'
        )
        INSERT INTO payments (id, order_id, gateway, reference, amount_minor, voucher_minor, currency, paid_by,
                              created_at)
        VALUES (%(id)s, %(order)s, %(gateway)s, %(reference)s, %(amount)s, %(vouchers)s, %(currency)s, %(person)s,
                %(now)s)
        """,
        {
            "id": new_id(tx.now),
            "order": order.id,
            "gateway": gateway.name,
            "reference": receipt.reference,
            "amount": order.total_minor,
            "vouchers": sum(share.amount_minor for share in shares),
            "currency": order.currency,
            "person": person_id,
            "now": tx.now,
        },
    )
    facts: dict[str, Any] = {
        "gateway": gateway.name,
        "reference": receipt.reference,
        "amount_minor": order.total_minor,
    }
    if order.order_type != "NEW":
        facts["order_type"] = order.order_type
    if order.delivery_type != INSTANT:
        facts["delivery_type"] = order.delivery_type
    if shares:
        facts["vouchers"] = [msgspec.to_builtins(share) for share in shares]
    await tx.record("order.paid", "order", order.id, facts)


async def pay_automatically(
    tx: Tx, gateway: Gateway, placed: Placed, total_minor: int, currency: str, *, key: str, person_id: UUID
) -> None:
    """Pays a renewal that nobody is there to pay, from its buyer's balance. Raises PaymentDeclined or NoWayToPay."""
    receipt = NOTHING_TO_PAY
    if total_minor:
        receipt = await gateway.collect(PaymentIntent(key, placed.number, total_minor, currency, "balance"))
    order = _Payable(placed.id, "pending_payment", "RENEW", total_minor, currency, False, None, None, INSTANT)
    await _paid(tx, gateway, order, receipt, person_id)


async def lapse_unpaid_renewal(tx: Tx, subscription_id: UUID) -> bool:
    """A renewal that lies unpaid makes way for the automatic one; False when it is another order, or someone is just
    paying or cancelling it: they hold the order and want the subscription, so nobody here waits for them."""
    order_id: UUID | None = await tx.fetch_value(
        """
        SELECT id FROM orders WHERE subscription_id = %(subscription)s AND order_type = 'RENEW'
          AND state = 'pending_payment' FOR NO KEY UPDATE SKIP LOCKED
        """,
        {"subscription": subscription_id},
    )
    if order_id:
        await _end_unpaid(tx, order_id, "expired")
    return order_id is not None


async def decline(tx: Tx, order_id: UUID) -> None:
    """An automatic renewal could not be paid for: its order ends."""
    await _end_unpaid(tx, order_id, "payment_declined")


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


class _Invoiced(msgspec.Struct, frozen=True):
    id: UUID
    paid: bool
    invoiced_at: datetime | None


async def record_invoice(tx: Tx, number: str) -> datetime:
    """The buyer got an invoice for an order; returns when. Said again it stays with the first time.

    Raises OrderNotFound or OrderNotPaid.
    """
    order = await tx.fetch_one(
        _Invoiced,
        """
        SELECT id, paid_at IS NOT NULL AS paid, invoiced_at FROM orders WHERE number = %(number)s FOR NO KEY UPDATE
        """,
        {"number": number},
    )
    if order is None:
        raise OrderNotFound
    if order.invoiced_at:
        return order.invoiced_at
    if not order.paid:
        raise OrderNotPaid
    await tx.execute("UPDATE orders SET invoiced_at = %(now)s WHERE id = %(id)s", {"id": order.id, "now": tx.now})
    await tx.record("order.invoiced", "order", order.id, {})
    return tx.now
