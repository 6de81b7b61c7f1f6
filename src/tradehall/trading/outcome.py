"""How paid orders end: delivered, failed, or refused by the seller before anything was paid. Reactions all."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM, Event
from tradehall.settings import Settings
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.actions import EXPIRE, ORDER_CHANNEL
from tradehall.trading.life import arm
from tradehall.trading.model import FAILURE_OF, CancelReason, OrderType
from tradehall.trading.refunds import REFUND
from tradehall.trading.subscription_queries import LIFE
from tradehall.trading.terms import Subscription, end_in_sql

# Supervised orders end for a reason of their own, whatever their type.
ENDED_BY: dict[str, CancelReason] = {
    "year": "not_accepted",
    "refund_agreed": "refund_agreed",
    "appeal_decided": "appeal_decided",
}


class _Completed(msgspec.Struct, frozen=True):
    number: str
    order_type: OrderType
    subscription_id: UUID | None
    expires_at: datetime | None


class _Failed(msgspec.Struct, frozen=True):
    order_type: OrderType
    subscription_id: UUID | None


class Outcome:
    """What follows in trading from what became of an order at the seller."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def complete(self, tx: Tx, event: Event) -> None:
        """What was ordered is delivered. Reaction to instance.opened, instance.renewed, instance.changed and
        supervision.accepted.

        What was bought or tried becomes a subscription, whose term begins now, or when the service actually began;
        every other order changes the one it is about.
        """
        order_id = event.subject_id
        # One statement, because every order that opens something ends with it.
        done = await tx.fetch_one(
            _Completed,
            f"""
            WITH completed AS (
                UPDATE orders SET state = 'completed', completed_at = %(now)s
                WHERE id = %(id)s AND state = 'processing'
                RETURNING id, number, order_type, buyer_id, seller_id, product_id, paid_at, subscription_id,
                          pg_notify(%(channel)s, number)
            ), begun AS (
                INSERT INTO subscriptions (id, order_id, order_line_id, buyer_id, seller_id, product_id, sku_id,
                                           price_id, quantity, charging_mode, unit_minor, trial, state, began_at,
                                           bought_at, expires_at)
                SELECT %(instance)s, c.id, l.id, c.buyer_id, c.seller_id, c.product_id, l.sku_id, l.price_id,
                       l.quantity, l.charging_mode, l.unit_minor, c.order_type = 'TRIAL', 'active', %(began)s,
                       c.paid_at,
                       {end_in_sql("%(began)s::timestamptz")}
                FROM completed c JOIN order_lines l ON l.order_id = c.id WHERE c.order_type IN ('NEW', 'TRIAL')
                RETURNING id, expires_at
            ), armed AS (
                INSERT INTO due_rows (id, kind, subject_id, due_at, created_at)
                SELECT %(due)s, %(life)s, id, expires_at, %(now)s FROM begun WHERE expires_at IS NOT NULL
            )
            SELECT number, order_type, subscription_id, (SELECT expires_at FROM begun) AS expires_at FROM completed
            """,
            {
                "id": order_id,
                "instance": event.facts["instance"],
                "due": new_id(),
                "life": LIFE,
                "zone": self._settings.default_timezone,
                "channel": ORDER_CHANNEL,
                "now": tx.now,
                "began": event.facts.get("began_at", tx.now),
            },
        )
        if done is None:
            return
        await tx.record(
            "order.completed", "order", order_id, {"expires_at": done.expires_at} if done.expires_at else {}
        )
        if done.subscription_id:
            await self._apply(tx, order_id, done, done.subscription_id)

    async def _apply(self, tx: Tx, order_id: UUID, order: _Completed, subscription_id: UUID) -> None:
        """A subscription becomes what an order about it says."""
        before = await subscriptions.taken(tx, SYSTEM, subscription_id)
        assert before is not None, "an order about a subscription names one"
        expires_at: datetime = await tx.fetch_value(
            """
            UPDATE subscriptions s SET
                sku_id = l.sku_id, price_id = l.price_id, quantity = l.quantity, unit_minor = l.unit_minor,
                expires_at = l.ends_at, trial = false,
                state = CASE WHEN %(changed)s THEN s.state ELSE 'active' END,
                frozen_at = CASE WHEN %(changed)s THEN s.frozen_at END,
                bought_at = CASE WHEN %(converted)s THEN o.paid_at ELSE s.bought_at END
            FROM orders o JOIN order_lines l ON l.order_id = o.id
            WHERE s.id = %(id)s AND o.id = %(order)s
            RETURNING s.expires_at
            """,
            {
                "id": subscription_id,
                "order": order_id,
                "changed": order.order_type == "CHANGE",
                "converted": order.order_type == "TRIAL_TO_FORMAL",
            },
        )
        await self._tell(tx, before, order, expires_at)
        await arm(tx, subscription_id, self._settings)

    async def _tell(self, tx: Tx, before: Subscription, order: _Completed, expires_at: datetime) -> None:
        kind = {"RENEW": "subscription.renewed", "CHANGE": "subscription.changed"}.get(
            order.order_type, "subscription.converted"
        )
        facts: dict[str, Any] = {"instance": before.id, "number": order.number, "expires_at": expires_at}
        if before.suspended_at:
            facts["suspended"] = True
        await tx.record(kind, "order", before.order_id, facts)
        if order.order_type != "CHANGE" and before.state == "frozen":
            facts = {"instance": before.id, "suspended": before.suspended_at is not None}
            await tx.record("subscription.thawed", "order", before.order_id, facts)

    async def fail(self, tx: Tx, event: Event) -> None:
        """What was ordered is not delivered: the order ends and the buyer's money goes back, all of it or what was
        agreed or decided (`refund_minor`). Reaction to instance.failed, change.failed and supervision.cancelled.

        The gateway is called by a worker from a due row, as everything that leaves this process.
        """
        order_id = event.subject_id
        ended_by = ENDED_BY[event.facts["reason"]] if event.kind == "supervision.cancelled" else None
        failed = await tx.fetch_one(
            _Failed,
            """
            WITH failed AS (
                UPDATE orders SET state = 'cancelled', cancelled_at = %(now)s, cancel_message = %(message)s,
                       cancel_reason = coalesce(%(reason)s, (%(reasons)s::jsonb)->>order_type)
                WHERE id = %(id)s AND state = 'processing'
                RETURNING order_type, subscription_id, pg_notify(%(channel)s, number)
            )
            SELECT order_type, subscription_id FROM failed
            """,
            {
                "id": order_id,
                "now": tx.now,
                "message": event.facts.get("message"),
                "reason": ended_by,
                "reasons": msgspec.json.encode(FAILURE_OF).decode(),
                "channel": ORDER_CHANNEL,
            },
        )
        if failed is None:
            return
        reason = ended_by or FAILURE_OF[failed.order_type]
        await tx.record("order.cancelled", "order", order_id, {"reason": reason})
        number: str = await tx.fetch_value(
            """
            INSERT INTO refunds (id, order_id, number, reason, amount_minor, currency, state, created_at)
            SELECT %(id)s, order_id, next_order_number(%(now)s), %(reason)s, coalesce(%(amount)s, amount_minor),
                   currency, 'requested', %(now)s
            FROM payments WHERE order_id = %(order)s
            RETURNING number
            """,
            {
                "id": new_id(tx.now),
                "order": order_id,
                "reason": reason,
                "amount": event.facts.get("refund_minor"),
                "now": tx.now,
            },
        )
        await due.schedule(tx, REFUND, order_id, tx.now)
        await tx.record("order.refund_requested", "order", order_id, {"number": number})
        if failed.subscription_id:
            await subscriptions.taken(tx, SYSTEM, failed.subscription_id)
            # A seller that fails at once would be asked and paid without a pause.
            not_before = tx.now + self._settings.renewal_retry
            await arm(tx, failed.subscription_id, self._settings, not_before=not_before)

    async def allow(self, tx: Tx, event: Event) -> None:
        """The seller allows the change a renewal brings: it can be paid. Reaction to change.allowed."""
        await tx.execute(
            """
            UPDATE orders SET check_state = 'passed' WHERE id = %(id)s AND state = 'pending_payment'
            RETURNING pg_notify(%(channel)s, number)
            """,
            {"id": event.subject_id, "channel": ORDER_CHANNEL},
        )

    async def refuse(self, tx: Tx, event: Event) -> None:
        """The seller does not allow it, or did not say in time: the order ends unpaid. Reaction to change.refused."""
        refused = await tx.fetch_value(
            """
            WITH taken AS MATERIALIZED (
                DELETE FROM due_rows WHERE kind = %(expire)s AND subject_id = %(id)s RETURNING id
            )
            UPDATE orders SET state = 'cancelled', cancelled_at = %(now)s, cancel_reason = 'seller_refused',
                   cancel_message = %(message)s
            WHERE id = %(id)s AND state = 'pending_payment' AND (SELECT count(*) FROM taken) >= 0
            RETURNING true, pg_notify(%(channel)s, number)
            """,
            {
                "expire": EXPIRE,
                "id": event.subject_id,
                "message": event.facts.get("message"),
                "now": tx.now,
                "channel": ORDER_CHANNEL,
            },
        )
        if refused:
            await tx.record("order.cancelled", "order", event.subject_id, {"reason": "seller_refused"})
