"""Taking something back: unsubscribing for the whole price, and cancelling a renewal that has not begun."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.catalog.delivery import delivery
from tradehall.kernel import due
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.journal import Actor
from tradehall.kernel.money import decimal_text
from tradehall.settings import Settings
from tradehall.trading import subscription_queries as queries
from tradehall.trading.actions import Placed
from tradehall.trading.errors import (
    AcceptedForGood,
    NoChanceLeft,
    NoRenewalToCancel,
    PriceChanged,
    RefundOver,
    SubscriptionBusy,
)
from tradehall.trading.life import arm
from tradehall.trading.pricing import MOST_DAYS, PriceStep, TermQuote
from tradehall.trading.refunds import REFUND
from tradehall.trading.subscription_queries import PaidOrder
from tradehall.trading.subscriptions import write_order
from tradehall.trading.terms import Subscription, live

# How often a year an organisation may take its money back without giving a reason; the schema says so too.
CHANCES = 10


class Unsubscription(msgspec.Struct, frozen=True):
    """What unsubscribing would return (minor units, by order) and until when it may be done for the whole price;
    `chances_left` of this year, one of which it takes where money is returned."""

    refund_minor: int
    currency: str
    orders: list[PaidOrder]
    until: datetime | None
    chances_left: int


class Ending:
    """The verbs that give money back without asking the seller."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.default_timezone)

    async def look_at(self, reader: Reader, actor: Actor, subscription_id: UUID) -> Unsubscription:
        """What unsubscribing would do. Raises as unsubscribe does."""
        held = live(await queries.subscription(reader, actor, subscription_id))
        return await self._reckon(reader, held)

    async def unsubscribe(self, tx: Tx, subscription_id: UUID, *, expected_refund: int | None = None) -> Placed:
        """Ends what a buyer has and returns all that was paid for it, within days of buying it (UNSUBSCRIBE).

        What cost nothing, a trial or something paid by use, can be ended at any time and takes no chance.

        Raises SubscriptionNotFound, SubscriptionEnded, SubscriptionBusy, AcceptedForGood, RefundOver, NoChanceLeft, or
        PriceChanged when the refund is not the one the buyer saw (`expected_refund`, minor units).
        """
        held = live(await queries.taken(tx, tx.actor, subscription_id))
        if held.busy_with:
            raise SubscriptionBusy(number=held.busy_with)
        returned = await self._reckon(tx, held)
        if expected_refund is not None and returned.refund_minor != expected_refund:
            raise PriceChanged(total=decimal_text(returned.refund_minor, returned.currency), currency=returned.currency)
        await tx.execute(
            """
            UPDATE subscriptions SET state = 'ended', ended_at = %(now)s, end_reason = 'unsubscribed', frozen_at = NULL,
                   auto_renew_by = NULL
            WHERE id = %(id)s
            """,
            {"id": held.id, "now": tx.now},
        )
        placed = await self._take_back(tx, held, returned.orders, "unsubscribed", held.expires_at or tx.now)
        if returned.refund_minor:
            await self._take_chance(tx, placed.id)
        facts = {"instance": held.id, "reason": "unsubscribed", "number": placed.number}
        await tx.record("subscription.ended", "order", held.order_id, facts)
        return placed

    async def _reckon(self, reader: Reader, held: Subscription) -> Unsubscription:
        paid = await queries.paid_for(reader, held)
        total = sum(order.amount_minor for order in paid)
        until = held.bought_at + self._settings.unconditional_refund
        used = await queries.chances_used(reader, held.buyer_id, self._year(reader.now))
        if total:
            if delivery(held.delivery_type).supervised:
                raise AcceptedForGood  # its guarantee ended with the acceptance (§5.1)
            if reader.now > until:
                raise RefundOver(until=until)
            if used >= CHANCES:
                raise NoChanceLeft(most=CHANCES, next=self._next_year(reader.now))
        return Unsubscription(total, held.currency, paid, until if total else None, CHANCES - used)

    async def _take_chance(self, tx: Tx, order_id: UUID) -> None:
        """Takes one of the year's chances; the buyer's row makes those who unsubscribe at once take turns."""
        year, buyer = self._year(tx.now), tx.actor.organisation_id
        assert buyer
        await tx.fetch_value("SELECT true FROM organisations WHERE id = %(id)s FOR NO KEY UPDATE", {"id": buyer})
        used = await queries.chances_used(tx, buyer, year)
        if used >= CHANCES:
            raise NoChanceLeft(most=CHANCES, next=self._next_year(tx.now))
        await tx.execute(
            """
            INSERT INTO unsubscribe_chances (buyer_id, year, number, order_id)
            VALUES (%(buyer)s, %(year)s, %(number)s, %(order)s)
            """,
            {"buyer": buyer, "year": year, "number": used + 1, "order": order_id},
        )

    def _year(self, now: datetime) -> int:
        return now.astimezone(self._zone).year

    def _next_year(self, now: datetime) -> datetime:
        return datetime(self._year(now) + 1, 1, 1, tzinfo=self._zone)

    async def cancel_renewal(self, tx: Tx, subscription_id: UUID) -> Placed:
        """Takes back the last renewal, whose term has not begun; the term ends when it did before (UNSUBSCRIBE). Where
        it would be renewed automatically at once, it no longer is.

        Raises SubscriptionNotFound, SubscriptionEnded, SubscriptionBusy or NoRenewalToCancel.
        """
        held = live(await queries.taken(tx, tx.actor, subscription_id))
        if held.busy_with:
            raise SubscriptionBusy(number=held.busy_with)
        renewal = await queries.unbegun_renewal(tx, held)
        if renewal is None:
            raise NoRenewalToCancel
        paid = [one for one in await queries.paid_for(tx, held) if one.order_id == renewal.order_id]
        placed = await self._take_back(
            tx, held, paid, "renewal_cancelled", renewal.starts_at, reverses=renewal.order_id
        )
        comes_again = held.auto_renew and tx.now >= renewal.starts_at - self._settings.renewal_lead
        await tx.execute(
            """
            UPDATE subscriptions SET expires_at = %(until)s, price_id = %(price)s, unit_minor = %(unit)s,
                   auto_renew_by = CASE WHEN NOT %(again)s THEN auto_renew_by END
            WHERE id = %(id)s
            """,
            {
                "id": held.id,
                "again": comes_again,
                "until": renewal.starts_at,
                "price": renewal.from_price_id,
                "unit": renewal.from_unit_minor,
            },
        )
        facts = {"instance": held.id, "number": placed.number, "expires_at": renewal.starts_at}
        await tx.record("subscription.renewal_cancelled", "order", held.order_id, facts)
        if comes_again:
            await tx.record("subscription.renewal_policy", "order", held.order_id, {"instance": held.id, "on": False})
        await arm(tx, held.id, self._settings)
        return placed

    async def _take_back(
        self,
        tx: Tx,
        held: Subscription,
        paid: list[PaidOrder],
        reason: str,
        ends_at: datetime,
        *,
        reverses: UUID | None = None,
    ) -> Placed:
        """Writes the order that returns what was paid; a worker gives the money back."""
        steps = tuple(PriceStep("taken_back", -one.amount_minor, order=one.number) for one in paid)
        total = sum(one.amount_minor for one in paid)
        days = max((ends_at - tx.now) // timedelta(days=1), 1)
        cost = TermQuote(
            held.price_id, held.sku_id, held.sku_name_en, held.sku_name_zh, held.quantity, held.unit_minor, "day",
            min(days, MOST_DAYS), tx.now, ends_at, total, held.currency, steps,
        )  # fmt: skip
        placed = await write_order(tx, held, "UNSUBSCRIBE", cost, until=tx.now, reverses=reverses)
        await tx.execute(
            """
            INSERT INTO refunds (id, order_id, number, reason, amount_minor, currency, state, created_at,
                                 unsubscription_id)
            SELECT gen_random_uuid(), paid.id, %(number)s, %(reason)s, y.amount_minor, y.currency, 'requested', %(now)s,
                   %(unsubscription)s
            FROM unnest(%(orders)s::uuid[]) AS paid (id) JOIN payments y ON y.order_id = paid.id
            """,
            {
                "number": placed.number,
                "reason": reason,
                "now": tx.now,
                "unsubscription": placed.id,
                "orders": [one.order_id for one in paid],
            },
        )
        for one in paid:
            await due.schedule(tx, REFUND, one.order_id, tx.now)
        if not paid:
            await tx.execute(
                "UPDATE orders SET state = 'completed', completed_at = %(now)s WHERE id = %(id)s",
                {"id": placed.id, "now": tx.now},
            )
            await tx.record("order.completed", "order", placed.id, {})
        return placed
