"""What a buyer may do with what it has right now, and what stands in the way of the rest."""

from collections.abc import Awaitable
from typing import Any, Literal
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.errors import Problem
from tradehall.kernel.journal import Actor
from tradehall.trading import subscription_queries as queries
from tradehall.trading.ending import Ending, Unsubscription
from tradehall.trading.errors import ChangeNotOffered, SubscriptionBusy
from tradehall.trading.pricing import WayToBuy
from tradehall.trading.subscription_queries import UnbegunRenewal, UpgradeWay
from tradehall.trading.subscriptions import Renewal, Subscriptions
from tradehall.trading.terms import Subscription

BuyerVerb = Literal["renew", "change_at_renewal", "convert", "change", "cancel_renewal", "unsubscribe"]


class Possibilities(msgspec.Struct, frozen=True):
    """The verbs that make sense for a subscription, each with the problem it would meet now, None where it meets none.

    `ways` are the prices a renewal or conversion may choose among, the present specification's first; `unsubscribing`
    is what would be returned, where it can be.
    """

    verbs: dict[BuyerVerb, Problem | None]
    ways: list[WayToBuy]
    upgrades: list[UpgradeWay]
    unbegun: UnbegunRenewal | None
    unsubscribing: Unsubscription | None

    def allows(self, verb: BuyerVerb) -> bool:
        return verb in self.verbs and self.verbs[verb] is None


def next_quantity(held: Subscription, way: UpgradeWay | WayToBuy) -> int:
    """The quantity to propose: of the same specification the next one that can be had, of another the present one or
    the next above it that is sold."""
    low, high, step = way.quantity_min, way.quantity_max, way.quantity_step
    if way.sku_id == held.sku_id and isinstance(way, UpgradeWay):
        return min(held.quantity + step * way.step_factor, high)
    return min(max(low + -(-(held.quantity - low) // step) * step, low), high)


async def possibilities(
    reader: Reader, actor: Actor, held: Subscription, subscriptions: Subscriptions, ending: Ending
) -> Possibilities:
    """What the buyer of a subscription may do with it. What has ended cannot be done anything with."""
    verbs: dict[BuyerVerb, Problem | None] = {}
    ways: list[WayToBuy] = []
    upgrades: list[UpgradeWay] = []
    if held.state == "ended":
        return Possibilities(verbs, ways, upgrades, None, None)
    busy = SubscriptionBusy(number=held.busy_with) if held.busy_with else None
    once = Renewal(period_number=1)
    if held.trial:
        ways = await queries.ways_to_buy(reader, held.product_id, held.sku_id)
        verbs["convert"] = busy or await _problem(subscriptions.quote_conversion(reader, actor, held.id, once))
    elif held.expires_at:
        ways = await _ways_at_renewal(reader, held)
        upgrades = await queries.upgrades(reader, held.sku_id)
        verbs["renew"] = busy or await _problem(subscriptions.quote_renewal(reader, actor, held.id, once))
        if other := _other_form(held, ways):
            verbs["change_at_renewal"] = await _problem(subscriptions.quote_renewal(reader, actor, held.id, other))
        verbs["change"] = busy or await _change(reader, actor, held, subscriptions, upgrades)
    unbegun = await queries.unbegun_renewal(reader, held) if held.expires_at else None
    if unbegun:
        verbs["cancel_renewal"] = busy
    unsubscribing: Unsubscription | None = None
    try:
        unsubscribing = await ending.look_at(reader, actor, held.id)
        verbs["unsubscribe"] = busy
    except Problem as problem:
        verbs["unsubscribe"] = problem
    return Possibilities(verbs, ways, upgrades, unbegun, unsubscribing)


async def _ways_at_renewal(reader: Reader, held: Subscription) -> list[WayToBuy]:
    """What it has can always be renewed; only what is on sale can be changed to."""
    ways: list[WayToBuy] = []
    for sku_id in await queries.skus_at_renewal(reader, held.sku_id):
        ways += await queries.ways_to_buy(reader, held.product_id, sku_id)
    return [way for way in ways if way.on_sale or way.price_id == held.price_id]


def _other_form(held: Subscription, ways: list[WayToBuy]) -> Renewal | None:
    """Some renewal that would change more than the term; None where there is no choice."""
    for way in ways:
        if way.sku_id != held.sku_id:
            return Renewal(1, way.price_id, next_quantity(held, way))
        for quantity in (held.quantity + way.quantity_step, held.quantity - way.quantity_step):
            if way.quantity_min <= quantity <= way.quantity_max:
                return Renewal(1, way.price_id, quantity)
    return None


async def _change(
    reader: Reader, actor: Actor, held: Subscription, subscriptions: Subscriptions, upgrades: list[UpgradeWay]
) -> Problem | None:
    """The problem of the first way to upgrade where every one has one."""
    # Where a few would cost less than what there is, more may not.
    tried: list[tuple[UUID, int]] = [
        (way.sku_id, quantity) for way in upgrades for quantity in (next_quantity(held, way), way.quantity_max)
    ]
    problems = [
        await _problem(subscriptions.quote_change(reader, actor, held.id, sku_id, quantity))
        for sku_id, quantity in tried or [(held.sku_id, held.quantity)]
    ]
    if None in problems:
        return None
    return problems[0] or ChangeNotOffered()


async def _problem(quoting: Awaitable[Any]) -> Problem | None:
    try:
        await quoting
    except Problem as problem:
        return problem
    return None
