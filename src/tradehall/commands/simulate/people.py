"""What people do, drawn from the seed: a buyer's whole life with what it buys, and those who look after the market.

Each is a generator that does something and then says how long it waits until it does the next thing.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

from tradehall.catalog import keys
from tradehall.catalog.errors import TooManyKeys
from tradehall.commands.simulate.faults import Faults, Mood
from tradehall.commands.simulate.market import Goods, Market, Price, Till
from tradehall.commands.simulate.sellers import Seller
from tradehall.installation import Installation
from tradehall.kernel.db import DATABASE_AWAY, Reader, Tx
from tradehall.kernel.errors import Problem
from tradehall.kernel.journal import Actor
from tradehall.provisioning.model import RESTARTABLE_WHEN_FAILED
from tradehall.trading import actions as trading
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.actions import Placed
from tradehall.trading.subscriptions import Renewal
from tradehall.trading.terms import Subscription

T = TypeVar("T")
Acting = AsyncIterator[timedelta]

TRIES = 4
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Stage(Protocol):
    """What people act on, and who counts what they do."""

    market: Market
    faults: Faults
    till: Till

    @property
    def installation(self) -> Installation: ...

    def step(self, who: str, what: str, outcome: str) -> None:
        """Something was done, with this outcome."""
        ...

    def doom_next_transaction(self) -> None:
        """Perhaps the next transaction loses its connection."""
        ...

    def surprise(self, who: str, what: str, error: BaseException) -> None:
        """Something went wrong that nobody provided for."""
        ...

    @property
    def anybody_left(self) -> bool:
        """Whether some life still goes on."""
        ...


class _Failed(msgspec.Struct, frozen=True):
    id: UUID
    attempts: int


class Person:
    """Somebody with an organisation to act for."""

    def __init__(self, stage: Stage, name: str, actor: Actor, rng: random.Random) -> None:
        self._stage = stage
        self._own = stage.installation
        self.name = name
        self.actor = actor
        self._rng = rng

    def _pause(self, least: timedelta, most: timedelta) -> timedelta:
        return least + (most - least) * self._rng.random()

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    async def _do(self, what: str, verb: Callable[[Tx], Awaitable[T]], actor: Actor | None = None) -> T | None:
        """Does something in a transaction of its own; None after a plain no. When the database is away for a moment, it
        is tried again, as people do."""
        for _ in range(TRIES):
            self._stage.doom_next_transaction()
            try:
                async with self._own.db.transaction(actor or self.actor, request_id=what) as tx:
                    done = await verb(tx)
            except DATABASE_AWAY:
                self._stage.step(self.name, what, "cut off")
            except Problem as problem:
                self._stage.step(self.name, what, type(problem).__name__)
                if problem.status >= 500 and problem.status != 503:
                    self._stage.surprise(self.name, what, problem)
                return None
            except Exception as error:
                self._stage.step(self.name, what, type(error).__name__)
                self._stage.surprise(self.name, what, error)
                return None
            else:
                self._stage.step(self.name, what, "done")
                return done
        return None

    async def _read(self, look: Callable[[Reader], Awaitable[T]]) -> T | None:
        """What there is to see; None after a plain no."""
        for _ in range(TRIES):
            try:
                async with self._own.db.read() as reader:
                    return await look(reader)
            except DATABASE_AWAY:
                self._stage.step(self.name, "look", "cut off")
            except Problem as problem:
                self._stage.step(self.name, "look", type(problem).__name__)
                return None
        return None


class Life(Person):
    """A buyer and one thing it buys, from the first look to the end."""

    def __init__(self, stage: Stage, name: str, rng: random.Random) -> None:
        super().__init__(stage, name, rng.choice(stage.market.buyers), rng)
        self.goods: Goods = rng.choice(stage.market.goods)
        self._price: Price = self.goods.monthly

    def live(self) -> Acting:
        lives = (self._look_around, self._try, self._buy_once, self._buy_by_use, self._buy_a_term)
        return self._rng.choices(lives, (8, 12, 10, 10, 60))[0]()

    # --- kinds of lives ----------------------------------------------------------------------------------------------

    async def _look_around(self) -> Acting:
        """Orders, and does not pay."""
        number = await self._place(self._rng.choice(self.goods.prices))
        yield self._pause(MINUTE, DAY)
        if number and self._chance(0.3):
            await self._pay(number, "declined_card")
        if number and self._chance(0.5):
            await self._twice("cancel", lambda tx: trading.cancel(tx, number=number))

    async def _try(self) -> Acting:
        placed = await self._do("try", lambda tx: self._own.subscriptions.try_out(tx, price_id=self.goods.monthly.id))
        if placed is None:
            return
        if self._chance(0.2):
            await self._do("try", lambda tx: self._own.subscriptions.try_out(tx, price_id=self.goods.monthly.id))
        yield self._pause(HOUR, 2 * DAY)
        held = await self._held(placed.number)
        if held is None:
            return
        fate = self._rng.choices(("leave", "convert", "late", "unsubscribe"), (3, 5, 2, 2))[0]
        if fate == "unsubscribe":
            await self._unsubscribe(held)
        elif fate != "leave":
            yield self._pause(HOUR, 10 * DAY) if fate == "convert" else self._pause(12 * DAY, 20 * DAY)
            await self._renew("convert", held)
            async for pause in self._go_on(held.id):
                yield pause

    async def _buy_once(self) -> Acting:
        async for pause in self._buy(self.goods.once):
            yield pause

    async def _buy_by_use(self) -> Acting:
        async for pause in self._buy(self.goods.by_use):
            yield pause

    async def _buy_a_term(self) -> Acting:
        goods = self.goods
        prices = (goods.monthly, goods.yearly, goods.pro_monthly, goods.team_monthly)
        async for pause in self._buy(self._rng.choices(prices, (5, 1, 2, 4))[0]):
            yield pause

    async def _buy(self, price: Price) -> Acting:
        self._price = price
        number = await self._place(price)
        if number is None:
            return
        if self._chance(0.15):
            yield self._pause(MINUTE, 6 * DAY)
        if self._chance(0.1):
            await self._pay(number, "declined_card")
        await self._pay(number)
        if self._chance(0.15):
            await self._pay(number)
            await self._do("cancel", lambda tx: trading.cancel(tx, number=number))
        yield self._pause(5 * MINUTE, 12 * HOUR)
        held = await self._held(number)
        if held is None:
            yield 4 * HOUR
            held = await self._held(number)
        if held is not None:
            async for pause in self._go_on(held.id):
                yield pause

    async def _go_on(self, subscription_id: UUID) -> Acting:
        """What is done with what one has: nothing, this and that, and in the end it is left to itself."""
        of_any = (self._misbehave, self._end, self._look, self._do_anything)
        of_terms = (
            self._renew_in_time, self._renew_late, self._have_it_renewed, self._change, self._regret_renewal,
            self._renew_with_a_change,
        )  # fmt: skip
        for _ in range(self._rng.choices((0, 1, 2, 3), (3, 5, 2, 1))[0]):
            held = await self._now(subscription_id)
            if held is None or held.state == "ended":
                return
            with_terms = held.expires_at is not None or self._chance(0.1)
            deeds = of_any + of_terms if with_terms else of_any
            weights = (3, 4, 2, 2, 5, 4, 3, 5, 3, 4)
            deed = self._rng.choices(deeds, weights[: len(deeds)])[0]
            async for pause in deed(held):
                yield pause
            yield self._pause(HOUR, 2 * DAY)

    # --- deeds -------------------------------------------------------------------------------------------------------

    async def _renew_in_time(self, held: Subscription) -> Acting:
        await self._renew("renew", held)
        yield self._pause(MINUTE, DAY)

    async def _renew_late(self, held: Subscription) -> Acting:
        """In the days of grace, or when it is frozen, or too late."""
        if held.expires_at is None or held.expires_at - self._own.clock.now() > 40 * DAY:
            return
        yield held.expires_at - self._own.clock.now() + self._pause(timedelta(0), 19 * DAY)
        await self._renew("renew", held)

    async def _have_it_renewed(self, held: Subscription) -> Acting:
        renew = self._own.subscriptions.renew_automatically
        await self._twice("renew automatically", lambda tx: renew(tx, held.id, True))
        if held.expires_at is not None:
            yield held.expires_at - self._own.clock.now() - 5 * DAY + self._pause(timedelta(0), 40 * DAY)
        await self._do("renew no longer", lambda tx: renew(tx, held.id, False))

    async def _change(self, held: Subscription) -> Acting:
        sku, quantity = self._other_form(held)
        verb = self._own.subscriptions
        quote = await self._read(lambda reader: verb.quote_change(reader, self.actor, held.id, sku, quantity))
        expected = quote.total_minor if quote and self._chance(0.9) else 1
        placed = await self._do("change", lambda tx: verb.change(tx, held.id, sku, quantity, expected_total=expected))
        async for pause in self._pay_or_not(placed):
            yield pause

    async def _renew_with_a_change(self, held: Subscription) -> Acting:
        if held.expires_at is not None and self._chance(0.9):
            early = held.expires_at - self._own.clock.now() - self._own.settings.change_at_renewal_lead
            if timedelta(0) < early < 40 * DAY:
                yield early + HOUR
        sku, quantity = self._other_form(held)
        price = next(one for one in (self.goods.team_monthly, self.goods.pro_monthly) if one.sku == sku)
        wanted = Renewal(period_number=1, price_id=price.id, quantity=quantity)
        placed = await self._do("renew and change", lambda tx: self._own.subscriptions.renew(tx, held.id, wanted))
        if placed is not None:
            if self._chance(0.3):
                await self._pay(placed.number)  # before the seller was asked
            yield self._pause(MINUTE, 2 * HOUR)
            await self._pay(placed.number)

    async def _regret_renewal(self, held: Subscription) -> Acting:
        await self._renew("renew", held)
        yield self._pause(MINUTE, DAY)
        await self._twice("cancel the renewal", lambda tx: self._own.ending.cancel_renewal(tx, held.id))

    async def _misbehave(self, held: Subscription) -> Acting:
        operator = self._stage.market.operator
        await self._do("suspend", lambda tx: self._own.life.suspend(tx, held.id, "a violation"), operator)
        if self._chance(0.3):
            await self._renew("renew", held)
        yield self._pause(MINUTE, 3 * DAY)
        if self._chance(0.9):
            await self._do("lift", lambda tx: self._own.life.lift(tx, held.id), operator)

    async def _end(self, held: Subscription) -> Acting:
        await self._unsubscribe(held)
        if self._chance(0.2):
            yield self._pause(MINUTE, HOUR)
            await self._renew("renew", held)

    async def _look(self, held: Subscription) -> Acting:
        await self._do("look", lambda tx: self._own.provisioning.refresh_details(tx, held.id))
        yield MINUTE

    async def _do_anything(self, held: Subscription) -> Acting:
        """Several things at once, sensible or not."""
        for _ in range(3):
            what = self._rng.randrange(5)
            if what == 0:
                await self._renew("renew", held)
            elif what == 1:
                await self._renew("convert", held)
            elif what == 2:
                await self._do("cancel the renewal", lambda tx: self._own.ending.cancel_renewal(tx, held.id))
            elif what == 3:
                await self._unsubscribe(held)
            else:
                await self._do("change", lambda tx: self._own.subscriptions.change(tx, held.id, held.sku_id, 10))
        yield MINUTE

    # --- what deeds are made of --------------------------------------------------------------------------------------

    async def _place(self, price: Price) -> str | None:
        """Places an order, sometimes by a price that is not right any more, sometimes twice."""
        quantity = price.quantity + price.step * self._rng.randrange(3)
        periods = self._rng.choice((1, 1, 1, 2)) if price.mode == "PERIOD" else None
        total = 0 if price.mode == "ON_DEMAND" else price.amount_minor * quantity * (periods or 1)
        placed: Placed | None = None
        for expected in [total + 1] * self._chance(0.05) + [total] * (1 + self._chance(0.05)):

            async def place(tx: Tx, expected: int = expected) -> Placed:
                return await trading.place(
                    tx,
                    price_id=price.id,
                    quantity=quantity,
                    period_number=periods,
                    unpaid_ttl=self._own.settings.unpaid_order_ttl,
                    expected_total=expected,
                )

            placed = await self._do("place", place)
        return placed.number if placed else None

    async def _pay(self, number: str, instrument: str = "balance") -> None:
        await self._do("pay", lambda tx: trading.pay(tx, self._own.gateway, number=number, instrument=instrument))

    async def _twice(self, what: str, verb: Callable[[Tx], Awaitable[object]]) -> None:
        """Does something, and sometimes clicks once more."""
        for _ in range(1 + self._chance(0.15)):
            await self._do(what, verb)

    async def _renew(self, what: str, held: Subscription) -> None:
        """Renews or converts, and pays in most cases; otherwise the order waits and is in the way for a while."""
        other = self.goods.yearly if held.price_id == self.goods.monthly.id else self.goods.monthly
        price = other.id if self._chance(0.1) and held.sku_id == other.sku else None
        wanted = Renewal(period_number=1, price_id=price)
        verb = self._own.subscriptions.convert if what == "convert" else self._own.subscriptions.renew
        placed = await self._do(what, lambda tx: verb(tx, held.id, wanted))
        if placed is not None and self._chance(0.9):
            await self._pay(placed.number)

    async def _pay_or_not(self, placed: Placed | None) -> Acting:
        if placed is None:
            return
        if self._chance(0.15):
            yield self._pause(HOUR, 2 * DAY)
        if self._chance(0.9):
            await self._pay(placed.number, "declined_card" if self._chance(0.05) else "balance")
            if self._chance(0.1):
                await self._pay(placed.number)
        elif self._chance(0.5):
            await self._do("cancel", lambda tx: trading.cancel(tx, number=placed.number))

    async def _unsubscribe(self, held: Subscription) -> None:
        expected = 1 if self._chance(0.05) else None
        unsubscribe = self._own.ending.unsubscribe
        await self._twice("unsubscribe", lambda tx: unsubscribe(tx, held.id, expected_refund=expected))

    def _other_form(self, held: Subscription) -> tuple[UUID, int]:
        """What it might become: more of the same, or the better specification."""
        if held.sku_id == self.goods.team_monthly.sku:
            return held.sku_id, held.quantity + 5 * self._rng.choice((1, 1, 2, 0))
        return self.goods.pro_monthly.sku, 1

    async def _held(self, number: str) -> Subscription | None:
        """What an order led to, if anything."""

        async def held(reader: Reader) -> Subscription | None:
            found = await reader.fetch_value(
                "SELECT s.id FROM subscriptions s JOIN orders o ON o.id = s.order_id WHERE o.number = %(number)s",
                {"number": number},
            )
            return await subscriptions.subscription(reader, self.actor, found) if found else None

        return await self._read(held)

    async def _now(self, subscription_id: UUID) -> Subscription | None:
        return await self._read(lambda reader: subscriptions.subscription(reader, self.actor, subscription_id))


# --- Those who look after the market ---------------------------------------------------------------------------------


class Keeper(Person):
    """Starts again, every other day, what was given up and waits for a person; and sometimes what is waiting anyway."""

    async def live(self) -> Acting:
        while self._stage.anybody_left:
            yield self._pause(DAY, 4 * DAY)
            await self.look_after(self._rng.choice((5, 20, 200)))

    async def look_after(self, most: int) -> None:
        """Restarts up to so many calls."""

        async def troubled(reader: Reader) -> list[_Failed]:
            return await reader.fetch_all(
                _Failed,
                """
                SELECT c.id, c.attempts FROM seller_calls c JOIN orders o ON o.id = c.order_id
                WHERE (c.state = 'failed' AND c.purpose = ANY(%(purposes)s)
                       AND (o.state = 'processing' OR c.purpose NOT IN ('renew', 'change') OR %(blindly)s))
                   OR (c.state = 'waiting' AND c.attempts > 0)
                ORDER BY c.id LIMIT %(most)s
                """,
                {"purposes": sorted(RESTARTABLE_WHEN_FAILED), "most": most, "blindly": self._chance(0.05)},
            )

        for call in await self._read(troubled) or ():
            seen = call.attempts - self._chance(0.1)
            await self._do("restart", partial(self._restart, call.id, seen))

    async def _restart(self, call_id: UUID, seen: int, tx: Tx) -> None:
        await self._own.provisioning.restart(tx, call_id, seen)


class Merchant(Person):
    """A seller's people: their server has its moods, and now and then they change its key."""

    def __init__(self, stage: Stage, name: str, actor: Actor, rng: random.Random, seller: Seller, goods: Goods) -> None:
        super().__init__(stage, name, actor, rng)
        self._seller = seller
        self._goods = goods

    async def live(self) -> Acting:
        while self._stage.anybody_left:
            yield self._pause(HOUR, 2 * DAY)
            if self._chance(0.05):
                await self._change_key()
            else:
                mood = self._stage.faults.mood(self._seller.kind.generation)
                self._set(mood)
                self._stage.step(self.name, "mood", mood)
                yield self._rng.choice((10 * MINUTE, HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR))
                self._seller.recover()
                self._stage.step(self.name, "mood", "well")

    def _set(self, mood: Mood) -> None:
        if mood == "down":
            self._seller.down = True
        elif mood == "wrong_keys":
            self._seller.forgets_its_keys = True
        else:
            self._seller.manner = mood

    async def _change_key(self) -> None:
        """The server goes by both keys for a while before the marketplace is told."""
        key = f"simulated-access-key-{self._rng.getrandbits(64):016x}"
        self._seller.change_key(key)
        await self._do("change the key", lambda tx: self._add_key(tx, key))

    async def _add_key(self, tx: Tx, key: str) -> None:
        with suppress(TooManyKeys):
            await keys.add_key(
                tx,
                self._own.seal,
                seller_id=self._goods.seller_id,
                endpoint_id=self._goods.endpoint_id,
                access_key=key,
                overlap=self._own.settings.key_overlap,
            )


class Bank(Person):
    """The gateway, which declines everything for a while now and then."""

    async def live(self) -> Acting:
        till = self._stage.till
        while self._stage.anybody_left:
            yield self._pause(DAY, 12 * DAY)
            till.declining = True
            self._stage.step(self.name, "declines", "everything")
            yield self._pause(HOUR, 2 * DAY)
            till.declining = False
            self._stage.step(self.name, "declines", "nothing")
