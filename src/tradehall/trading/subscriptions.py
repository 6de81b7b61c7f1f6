"""What people do with what they have: try it, convert, renew and change it, end it. One method per verb."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.catalog import queries as catalog
from tradehall.catalog.errors import NoLongerOnSale, PriceNotFound
from tradehall.kernel import due
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.errors import invalid
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM, Actor
from tradehall.kernel.money import decimal_text
from tradehall.settings import Settings
from tradehall.trading import subscription_queries as queries
from tradehall.trading.actions import EXPIRE, Placed, decline, lapse_unpaid_renewal, pay, pay_automatically
from tradehall.trading.errors import (
    ChangeNotOffered,
    ChangeTooEarly,
    ChangeWhileFrozen,
    ChangeWhileSuspended,
    NotATrial,
    NotBoughtByThePeriod,
    NoWayToPay,
    OnlyBuyersOrder,
    PaymentDeclined,
    PriceChanged,
    SubscriptionBusy,
    TrialFirst,
    TrialNotOffered,
    TriedBefore,
)
from tradehall.trading.life import RENEWAL, arm
from tradehall.trading.model import Gateway, OrderType
from tradehall.trading.pricing import TermQuote, WayToBuy, check_quantity, quote_change, quote_term
from tradehall.trading.terms import Subscription, end_of_day, live


class Renewal(msgspec.Struct, frozen=True):
    """How a subscription is to be renewed or converted: for how many months or years, and where it is to be something
    else from then on, as which specification and in which quantity."""

    period_number: int
    price_id: UUID | None = None
    quantity: int | None = None


class Subscriptions:
    """The verbs of a buyer on what it has, with the settings that say by when and for how much."""

    def __init__(self, settings: Settings, gateway: Gateway) -> None:
        self._settings = settings
        self._gateway = gateway
        self._zone = ZoneInfo(settings.default_timezone)

    # --- trying and converting ---------------------------------------------------------------------------------------

    async def try_out(self, tx: Tx, *, price_id: UUID) -> Placed:
        """Begins the trial of a specification; it opens like anything bought, and nothing is paid.

        Raises OnlyBuyersOrder, PriceNotFound, NoLongerOnSale, TrialNotOffered or TriedBefore.
        """
        if tx.actor.kind != "buyer":
            raise OnlyBuyersOrder
        offer = await catalog.offer(tx, price_id)
        if offer is None:
            raise PriceNotFound
        if not offer.on_sale:
            raise NoLongerOnSale
        days = await catalog.trial_days(tx, offer.sku_id)
        if days is None or offer.charging_mode != "PERIOD":
            raise TrialNotOffered
        order_id = new_id(tx.now)
        number: str | None = await tx.fetch_value(
            """
            WITH placed AS (
                INSERT INTO orders (id, number, order_type, buyer_id, seller_id, placed_by, product_id, state, currency,
                                    total_minor, request_id, created_at, expires_at)
                VALUES (%(id)s, next_order_number(%(now)s), 'TRIAL', %(buyer)s, %(seller)s, %(person)s, %(product)s,
                        'pending_payment', %(currency)s, 0, %(request)s, %(now)s, %(now)s)
                ON CONFLICT (buyer_id, product_id) WHERE order_type = 'TRIAL' AND state <> 'cancelled' DO NOTHING
                RETURNING id, number
            )
            INSERT INTO order_lines (id, order_id, seller_id, number, sku_id, price_id, product_name_en,
                                     product_name_zh, sku_name_en, sku_name_zh, charging_mode, period_type,
                                     period_number, quantity, unit_minor, total_minor)
            SELECT %(line)s, id, %(seller)s, number || '-000001', %(sku)s, %(price)s, %(product_name_en)s,
                   %(product_name_zh)s, %(sku_name_en)s, %(sku_name_zh)s, 'PERIOD', 'day', %(days)s, %(quantity)s, 0, 0
            FROM placed
            RETURNING left(number, -7)
            """,
            {
                "id": order_id,
                "line": new_id(tx.now),
                "buyer": tx.actor.organisation_id,
                "seller": offer.seller_id,
                "person": tx.actor.person_id,
                "product": offer.product_id,
                "currency": offer.currency,
                "request": tx.request_id,
                "now": tx.now,
                "sku": offer.sku_id,
                "price": offer.price_id,
                "product_name_en": offer.product_name_en,
                "product_name_zh": offer.product_name_zh,
                "sku_name_en": offer.sku_name_en,
                "sku_name_zh": offer.sku_name_zh,
                "days": days,
                "quantity": offer.quantity_min,
            },
        )
        if number is None:
            raise TriedBefore
        await tx.record("order.placed", "order", order_id, {"number": number, "order_type": "TRIAL", "days": days})
        await pay(tx, self._gateway, number=number)
        return Placed(order_id, number)

    async def quote_conversion(self, reader: Reader, actor: Actor, subscription_id: UUID, wanted: Renewal) -> TermQuote:
        """What turning a trial into something bought costs. The term begins as the trial ends. Raises NotATrial too."""
        return await self._conversion(reader, live(await queries.subscription(reader, actor, subscription_id)), wanted)

    async def convert(
        self, tx: Tx, subscription_id: UUID, wanted: Renewal, *, expected_total: int | None = None
    ) -> Placed:
        """Places the order that turns a trial into something bought (TRIAL_TO_FORMAL)."""
        held = live(await queries.locked(tx, tx.actor, subscription_id))
        cost = await self._conversion(tx, held, wanted)
        return await self._place(tx, held, "TRIAL_TO_FORMAL", cost, expected_total, tx.now + self._ttl)

    async def _conversion(self, reader: Reader, held: Subscription, wanted: Renewal) -> TermQuote:
        if not held.trial or held.expires_at is None:
            raise NotATrial
        way = await self._way(reader, held, wanted.price_id)
        if way.sku_id != held.sku_id:
            raise ChangeNotOffered
        quantity = held.quantity if wanted.quantity is None else wanted.quantity
        # The first generation's refreshInstance does not tell how many.
        if held.generation != "V2" and quantity != held.quantity:
            raise ChangeNotOffered
        return quote_term(way, quantity, wanted.period_number, held.expires_at, self._zone)

    # --- renewing ----------------------------------------------------------------------------------------------------

    async def quote_renewal(self, reader: Reader, actor: Actor, subscription_id: UUID, wanted: Renewal) -> TermQuote:
        """What a further term costs; it begins where the present one ends, also when that is past."""
        held = live(await queries.subscription(reader, actor, subscription_id))
        return await self._renewal(reader, held, wanted)

    async def renew(
        self, tx: Tx, subscription_id: UUID, wanted: Renewal, *, expected_total: int | None = None
    ) -> Placed:
        """Places the order for a further term (RENEW). With another specification or quantity, the seller is asked
        first whether it allows the change, and the order can be paid once it has.

        Raises SubscriptionNotFound, SubscriptionEnded, SubscriptionBusy, NotBoughtByThePeriod, TrialFirst,
        PriceNotFound, Invalid, PriceChanged; for a change also ChangeTooEarly, ChangeNotOffered or ChangeWhileFrozen.
        """
        held = live(await queries.locked(tx, tx.actor, subscription_id))
        cost = await self._renewal(tx, held, wanted)
        check = "awaited" if changes(held, cost) else None
        return await self._place(tx, held, "RENEW", cost, expected_total, tx.now + self._ttl, check_state=check)

    async def _renewal(self, reader: Reader, held: Subscription, wanted: Renewal) -> TermQuote:
        expires_at = _by_the_period(held)
        way = await self._way(reader, held, wanted.price_id)
        quantity = held.quantity if wanted.quantity is None else wanted.quantity
        cost = quote_term(way, quantity, wanted.period_number, expires_at, self._zone)
        if changes(held, cost):
            await self._check_change_at_renewal(reader, held, expires_at, way)
        return cost

    async def _check_change_at_renewal(
        self, reader: Reader, held: Subscription, expires_at: datetime, way: WayToBuy
    ) -> None:
        _check_usable(held, reader.now)
        lead = self._settings.change_at_renewal_lead
        if reader.now < expires_at - lead:
            raise ChangeTooEarly(since=expires_at - lead, days=lead.days)
        # The first generation of the protocol has no way to ask a seller, nor to tell it.
        if held.generation != "V2" or not way.on_sale or held.product_state != "on_sale":
            raise ChangeNotOffered

    async def renew_automatically(self, tx: Tx, subscription_id: UUID, on: bool) -> None:
        """Has a subscription renewed for one period whenever its term nears its end, or no longer."""
        held = live(await queries.taken(tx, tx.actor, subscription_id))
        if on:
            _by_the_period(held)
        if held.auto_renew != on:
            await tx.execute(
                "UPDATE subscriptions SET auto_renew_by = %(by)s WHERE id = %(id)s",
                {"id": held.id, "by": tx.actor.person_id if on else None},
            )
            facts = {"instance": held.id, "on": on}
            await tx.record("subscription.renewal_policy", "order", held.order_id, facts)
        await arm(tx, held.id, self._settings)

    async def carry_out_renewal(self, tx: Tx, row: DueRow) -> None:
        """Renews a subscription for one period and pays for it, as its buyer has set it up to be. A due row's work.

        A payment that is declined is tried again until the subscription is frozen; the buyer sees each time.
        """
        await queries.hold_life(tx, row.subject_id)
        held = await queries.locked(tx, SYSTEM, row.subject_id)
        if held is None or not held.auto_renew or held.trial or held.state in ("frozen", "ended"):
            return
        again_at = tx.now + self._settings.renewal_retry
        if held.busy_with and not await lapse_unpaid_renewal(tx, held.id):
            await due.schedule(tx, RENEWAL, held.id, again_at)
            return
        cost = await self._renewal(tx, held, Renewal(period_number=1))
        person: UUID = await tx.fetch_value(
            "SELECT auto_renew_by FROM subscriptions WHERE id = %(id)s", {"id": held.id}
        )
        # The key names the term, so that a crash after the money was taken does not take it again; and how many tries
        # went before, since what an earlier one paid was given back and is not there to pay with.
        earlier = await queries.automatic_renewals(tx, held.id, cost.starts_at)
        key = f"{held.id}:{cost.starts_at:%Y%m%d%H%M%S}:{earlier}"
        placed = await write_order(tx, held, "RENEW", cost, until=tx.now, person_id=person, automatic=True)
        try:
            await pay_automatically(
                tx, self._gateway, placed, cost.total_minor, cost.currency, key=key, person_id=person
            )
        except (PaymentDeclined, NoWayToPay):
            await decline(tx, placed.id)
            facts = {"instance": held.id, "number": placed.number, "again_at": again_at}
            await tx.record("subscription.renewal_declined", "order", held.order_id, facts)
            await due.schedule(tx, RENEWAL, held.id, again_at)

    # --- changing during the term ------------------------------------------------------------------------------------

    async def quote_change(
        self, reader: Reader, actor: Actor, subscription_id: UUID, sku_id: UUID, quantity: int
    ) -> TermQuote:
        """What an upgrade or expansion costs for the rest of the term; good until the day ends."""
        held = live(await queries.subscription(reader, actor, subscription_id))
        return await self._change(reader, held, sku_id, quantity)

    async def change(
        self, tx: Tx, subscription_id: UUID, sku_id: UUID, quantity: int, *, expected_total: int | None = None
    ) -> Placed:
        """Places the order for an upgrade or expansion (CHANGE). Unpaid, it is cancelled as the day ends, since the
        remaining days are part of its price.

        Raises SubscriptionNotFound, SubscriptionEnded, SubscriptionBusy, NotBoughtByThePeriod, TrialFirst,
        ChangeWhileFrozen, ChangeNotOffered, NothingChanges, PriceInverted, Invalid or PriceChanged.
        """
        held = live(await queries.locked(tx, tx.actor, subscription_id))
        cost = await self._change(tx, held, sku_id, quantity)
        until = min(tx.now + self._ttl, end_of_day(tx.now, self._zone))
        return await self._place(tx, held, "CHANGE", cost, expected_total, until)

    async def _change(self, reader: Reader, held: Subscription, sku_id: UUID, quantity: int) -> TermQuote:
        _by_the_period(held)
        _check_usable(held, reader.now)
        rule = next((way for way in await queries.upgrades(reader, held.sku_id) if way.sku_id == sku_id), None)
        if rule is None or held.product_state != "on_sale":
            raise ChangeNotOffered
        ways = [way for way in await queries.ways_to_buy(reader, held.product_id, sku_id) if way.on_sale]
        if sku_id == held.sku_id:
            step = rule.quantity_step * rule.step_factor
            check_quantity(ways[0], quantity)
            if quantity < held.quantity or (quantity - held.quantity) % step:
                raise invalid("quantity", "Choose {low} plus a multiple of {step}.", low=held.quantity, step=step)
        return quote_change(held, ways, quantity, reader.now, self._zone)

    # --- what they have in common ------------------------------------------------------------------------------------

    @property
    def _ttl(self) -> timedelta:
        return self._settings.unpaid_order_ttl

    async def _way(self, reader: Reader, held: Subscription, price_id: UUID | None) -> WayToBuy:
        """The price chosen, or the one it was last bought at. What is no longer on sale can still be renewed."""
        wanted = price_id or held.price_id
        for sku_id in [held.sku_id] if price_id is None else await queries.skus_at_renewal(reader, held.sku_id):
            for way in await queries.ways_to_buy(reader, held.product_id, sku_id):
                if way.price_id == wanted:
                    return way
        raise PriceNotFound

    async def _place(
        self,
        tx: Tx,
        held: Subscription,
        order_type: OrderType,
        cost: TermQuote,
        expected_total: int | None,
        until: datetime,
        *,
        check_state: str | None = None,
    ) -> Placed:
        if held.busy_with:
            raise SubscriptionBusy(number=held.busy_with)
        if expected_total is not None and cost.total_minor != expected_total:
            raise PriceChanged(total=decimal_text(cost.total_minor, cost.currency), currency=cost.currency)
        placed = await write_order(tx, held, order_type, cost, until=until, check_state=check_state)
        await due.schedule(tx, EXPIRE, placed.id, until)
        return placed


def changes(held: Subscription, cost: TermQuote) -> bool:
    """Whether a further term would bring another specification or quantity."""
    return (cost.sku_id, cost.quantity) != (held.sku_id, held.quantity)


def _check_usable(held: Subscription, now: datetime) -> None:
    """What may not be used is not changed either. Raises ChangeWhileFrozen or ChangeWhileSuspended."""
    if held.state != "active" or (held.expires_at and held.expires_at <= now):
        raise ChangeWhileFrozen(state=held.state)
    if held.suspended_at:
        raise ChangeWhileSuspended


def _by_the_period(held: Subscription) -> datetime:
    if held.expires_at is None:
        raise NotBoughtByThePeriod
    if held.trial:
        raise TrialFirst
    return held.expires_at


async def write_order(
    tx: Tx,
    held: Subscription,
    order_type: OrderType,
    cost: TermQuote,
    *,
    until: datetime,
    check_state: str | None = None,
    person_id: UUID | None = None,
    automatic: bool = False,
    reverses: UUID | None = None,
) -> Placed:
    """Writes an order about a subscription, whose row the caller holds."""
    order_id = new_id(tx.now)
    number: str = await tx.fetch_value(
        """
        WITH placed AS (
            INSERT INTO orders (id, number, order_type, buyer_id, seller_id, placed_by, product_id, state, currency,
                                total_minor, request_id, created_at, expires_at, paid_at, subscription_id, reverses_id,
                                automatic, check_state, delivery_type)
            SELECT %(id)s, next_order_number(%(now)s), %(type)s, s.buyer_id, s.seller_id, %(person)s, s.product_id,
                   CASE WHEN %(settled)s THEN 'processing' ELSE 'pending_payment' END, %(currency)s, %(total)s,
                   %(request)s, %(now)s, %(until)s, CASE WHEN %(settled)s THEN %(now)s::timestamptz END, s.id,
                   %(reverses)s, %(automatic)s, %(check)s, %(delivery)s
            FROM subscriptions s WHERE s.id = %(subscription)s
            RETURNING id, seller_id, number
        )
        INSERT INTO order_lines (id, order_id, seller_id, number, sku_id, price_id, product_name_en, product_name_zh,
                                 sku_name_en, sku_name_zh, charging_mode, period_type, period_number, quantity,
                                 unit_minor, total_minor, starts_at, ends_at, from_sku_id, from_price_id, from_quantity,
                                 from_unit_minor, reckoning)
        SELECT %(line)s, o.id, o.seller_id, o.number || '-000001', %(sku)s, %(price)s, %(product_name_en)s,
               %(product_name_zh)s, %(sku_name_en)s, %(sku_name_zh)s, %(mode)s, %(period_type)s, %(period_number)s,
               %(quantity)s, %(unit)s, %(total)s, %(starts)s, %(ends)s, s.sku_id, s.price_id, s.quantity, s.unit_minor,
               %(reckoning)s
        FROM placed o, subscriptions s WHERE s.id = %(subscription)s
        RETURNING left(number, -7)
        """,
        {
            "id": order_id,
            "line": new_id(tx.now),
            "now": tx.now,
            "type": order_type,
            # What gives money back is paid by nobody.
            "settled": order_type == "UNSUBSCRIBE",
            "person": person_id or tx.actor.person_id,
            "subscription": held.id,
            "until": until,
            "currency": cost.currency,
            "total": cost.total_minor,
            "request": tx.request_id,
            "delivery": held.delivery_type,
            "reverses": reverses,
            "automatic": automatic,
            "check": check_state,
            "sku": cost.sku_id,
            "price": cost.price_id,
            "product_name_en": held.product_name_en,
            "product_name_zh": held.product_name_zh,
            "sku_name_en": cost.sku_name_en,
            "sku_name_zh": cost.sku_name_zh,
            "mode": held.charging_mode,
            "period_type": cost.period_type if held.charging_mode == "PERIOD" else None,
            "period_number": cost.period_number if held.charging_mode == "PERIOD" else None,
            "quantity": cost.quantity,
            "unit": cost.unit_minor,
            "starts": cost.starts_at,
            "ends": cost.ends_at,
            "reckoning": msgspec.json.encode(cost.steps).decode(),
        },
    )
    facts: dict[str, Any] = {
        "number": number,
        "order_type": order_type,
        "instance": held.id,
        "total_minor": cost.total_minor,
        "currency": cost.currency,
    }
    if check_state:
        facts["check"] = check_state
    await tx.record("order.placed", "order", order_id, facts)
    return Placed(order_id, number)
