"""What buyers do over HTTP while everything falls over: they repeat what was not answered, under the same key.

What was acknowledged to one of them is a promise, and written down.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import aiohttp
import msgspec

from tradehall.commands.soak.market import Goods, Market

Step = Literal["renew", "take_back", "change", "unsubscribe"]
ORDER_TYPE: dict[Step, str] = {
    "renew": "RENEW",
    "take_back": "UNSUBSCRIBE",
    "change": "CHANGE",
    "unsubscribe": "UNSUBSCRIBE",
}
WAIT = 5.0  # seconds of one request that waits for an order
DOUBLE_CLICKS = 0.1
LAST_BEGINS = 0.85  # of the time of the kills: the last ones are for what is renewed and changed
JUST_BEFORE = 0.7  # seconds: placed, paid and opened takes about as long
# An organisation may take its money back ten times a year.
UNSUBSCRIPTIONS = 9


class Promise(msgspec.Struct):
    """An order that was acknowledged to its buyer, and how far it was said to be: placed, paid or completed."""

    number: str
    order_type: str
    said: str = "placed"


class Unexpected(Exception):
    """An answer that no killed process explains."""


class OutOfPatience(Exception):
    """Something did not happen however often it was asked for."""


class Plan(msgspec.Struct, frozen=True):
    """What one buyer does: begins after so many seconds, buys, and then these steps."""

    begins: float
    token: str
    price: UUID
    upgrade: UUID
    period_number: int
    steps: tuple[Step, ...]


def plans(market: Market, orders: int, kills: Sequence[float], chance: random.Random) -> list[Plan]:
    """The plans of a run: half of them spread over the time of the kills, half begin just before one of them."""
    unsubscribed: Counter[str] = Counter()
    made = []
    for number in range(orders):
        token, goods = chance.choice(market.tokens), market.goods[number % len(market.goods)]
        steps = _steps(chance)
        if "unsubscribe" in steps:
            unsubscribed[token] += 1
            if unsubscribed[token] > UNSUBSCRIPTIONS:
                steps.remove("unsubscribe")
        share = LAST_BEGINS * number / orders
        made.append(_plan(goods, token, _beginning(share, kills, chance), steps, chance))
    return made


def _beginning(share: float, kills: Sequence[float], chance: random.Random) -> float:
    if not kills:
        return 0.0
    if chance.random() < 0.5:
        return share * kills[-1]
    return max(kills[int(share * len(kills))] - chance.uniform(0.0, JUST_BEFORE), 0.0)


def _plan(goods: Goods, token: str, begins: float, steps: list[Step], chance: random.Random) -> Plan:
    by_year = chance.random() < 0.3
    return Plan(
        begins,
        token,
        goods.year if by_year else goods.month,
        goods.upgrade,
        1 if by_year else chance.randint(1, 6),
        tuple(steps),
    )


def _steps(chance: random.Random) -> list[Step]:
    steps: list[Step] = []
    if chance.random() < 0.45:
        steps.append("renew")
        if chance.random() < 0.2:
            steps.append("take_back")
    if chance.random() < 0.25:
        steps.append("change")
    if chance.random() < 0.2:
        steps.append("renew")
    if chance.random() < 0.08:
        steps.append("unsubscribe")
    return steps


class Clients:
    """Everybody who buys. `promises` are all orders acknowledged; `unexpected` what nobody could explain; `gave_up`
    who lost patience."""

    def __init__(self, url: str, plans: list[Plan], patience: float, seed: str) -> None:
        self._url = url
        self._plans = plans
        self._patience = patience
        self._seed = seed
        self.promises: list[Promise] = []
        self.unexpected: list[str] = []
        self.gave_up: list[str] = []
        self.repeated = 0
        self.done = 0

    async def run(self) -> None:
        """Everybody does what was planned."""
        timeout = aiohttp.ClientTimeout(total=WAIT + 5)
        async with aiohttp.ClientSession(self._url, timeout=timeout) as session, asyncio.TaskGroup() as group:
            for number, plan in enumerate(self._plans):
                chance = random.Random(f"{self._seed} client {number}")  # noqa: S311 - to be repeated
                group.create_task(self._carry_out(_Client(self, session, plan.token, chance), plan))

    async def _carry_out(self, client: "_Client", plan: Plan) -> None:
        await asyncio.sleep(plan.begins)
        client.until = time.monotonic() + self._patience
        try:
            bought = await client.buy(plan.price, plan.period_number)
            for step in plan.steps:
                await client.take(step, bought, plan)
        except Unexpected as problem:
            self.unexpected.append(str(problem))
        except OutOfPatience as problem:
            self.gave_up.append(str(problem))
        finally:
            self.done += 1


class _Client:
    """One buyer with one application."""

    def __init__(self, all_of_them: Clients, session: aiohttp.ClientSession, token: str, chance: random.Random) -> None:
        self._all = all_of_them
        self._session = session
        self._authorization = f"Bearer {token}"
        self._chance = chance
        self.until = 0.0

    async def buy(self, price: UUID, period_number: int) -> str:
        """Buys an application and waits until it is open; its id."""
        body = {"price_id": str(price), "quantity": 1, "period_number": period_number}
        completed = await self._order("orders", body, "NEW")
        application: str | None = completed["application_id"]
        if application is None:
            raise Unexpected(f"{completed['number']} is completed, and there is no application")
        return application

    async def take(self, step: Step, application: str, plan: Plan) -> None:
        """Does something with the application and waits until it is done."""
        where = f"applications/{application}"
        match step:
            case "renew":
                await self._order(f"{where}/renewals", {"period_number": 1}, ORDER_TYPE[step])
            case "change":
                await self._order(f"{where}/changes", {"sku_id": str(plan.upgrade), "quantity": 1}, ORDER_TYPE[step])
            case "take_back":
                await self._order(f"{where}/renewal-cancellation", None, ORDER_TYPE[step], pay=False)
            case "unsubscribe":
                await self._order(f"{where}/unsubscription", {}, ORDER_TYPE[step], pay=False)

    async def _order(
        self, path: str, body: dict[str, Any] | None, order_type: str, *, pay: bool = True
    ) -> dict[str, Any]:
        placed = await self._post(path, body)
        promise = Promise(placed["number"], order_type)
        self._all.promises.append(promise)
        if pay:
            await self._post(f"orders/{promise.number}/pay", {})
        promise.said = "paid"
        while True:
            order = await self._ask("GET", f"orders/{promise.number}?wait={WAIT:g}")
            if order["state"] == "completed":
                promise.said = "completed"
                return order
            if order["state"] not in ("processing", "pending_payment"):
                raise Unexpected(f"{promise.number} ({order_type}) is {order['state']}: {order['cancel_reason']}")
            if pay and order["state"] == "pending_payment":
                raise Unexpected(f"{promise.number} ({order_type}) was paid, and is {order['state']} again")
            self._check_patience(f"{promise.number} ({order_type}) to be completed")

    async def _post(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """Asks for something until it is answered; now and then twice at once, as a double click does."""
        key = f"{self._chance.getrandbits(64):016x}"
        if self._chance.random() >= DOUBLE_CLICKS:
            return await self._ask("POST", path, body, key)
        first, second = await asyncio.gather(self._ask("POST", path, body, key), self._ask("POST", path, body, key))
        if first != second:
            raise Unexpected(f"POST {path} twice under one key was answered {first} and {second}")
        return first

    async def _ask(self, method: str, path: str, body: Any = None, key: str = "") -> dict[str, Any]:
        headers = {"Authorization": self._authorization} | ({"Idempotency-Key": key} if key else {})
        while True:
            answer = None
            try:
                async with self._session.request(method, f"/api/v1/{path}", json=body, headers=headers) as response:
                    answer = await response.read()
                    if response.status < 300:
                        told: dict[str, Any] = msgspec.json.decode(answer)
                        return told
                    if response.status not in (429, 502, 503, 504):
                        raise Unexpected(f"{method} {path} was answered {response.status}: {answer.decode()[:300]}")
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            self._all.repeated += 1
            self._check_patience(f"an answer to {method} {path}")
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))

    def _check_patience(self, what: str) -> None:
        if time.monotonic() > self.until:
            raise OutOfPatience(f"waited {self._all._patience:.0f} s for {what}")
