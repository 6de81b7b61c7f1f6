"""A buyer with an application, over the API."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Response
from tests.api.conftest import As, Client
from tests.world import SellerServer, Shop, World

API = "/api/v1"
DAY = timedelta(days=1)
BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EXPIRY = datetime(2026, 4, 2, 9, 0, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def refused(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class Buyer:
    """A buyer's program: what it asks of one application, and the order that began it."""

    def __init__(self, client: Client, shop: Shop, number: str, path: str) -> None:
        self.client, self.shop, self.number, self.path = client, shop, number, path

    async def look(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(self.path)).json()
        return found

    async def ask(self, what: str, key: str | None = None, **body: Any) -> Response:
        self.shop.clock.advance(timedelta(milliseconds=2))  # so that what is ordered later stands after it in lists
        headers = {"Idempotency-Key": key} if key else {}
        return await self.client.post(f"{self.path}/{what}", json=body, headers=headers)

    async def pay(self, number: str) -> Response:
        return await self.client.post(f"{API}/orders/{number}/pay", json={})

    async def order(self, what: str, **body: Any) -> str:
        """Places an order about the application, pays it and has it carried out; returns its number."""
        placed = await self.ask(what, **body)
        assert placed.status_code == 201, placed.text
        number: str = placed.json()["number"]
        paid = await self.pay(number)
        assert paid.status_code == 200, paid.text
        await self.shop.run_due()
        return number

    async def next(self, number: str | None = None) -> dict[str, Any]:
        told: dict[str, Any] = (await self.client.get(f"{API}/orders/{number or self.number}/timeline")).json()["next"]
        return told


Bought = Callable[..., Awaitable[Buyer]]


@pytest.fixture
async def bought(client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer) -> Bought:
    """`await bought(price)`: an application of the buyer's, open; the client acts for the buyer from then on."""

    async def bought(price: Any = None, **how: Any) -> Buyer:
        client.headers.update(await as_(world.buyer))
        return await begun(await shop.buy(price, **how))

    async def begun(number: str) -> Buyer:
        await shop.run_due()
        return Buyer(client, shop, number, f"{API}/applications/{(await shop.instance(number)).id}")

    return bought


@pytest.fixture
async def tried(client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer) -> Buyer:
    """A trial of the suite, begun over the API."""
    client.headers.update(await as_(world.buyer))
    answer = await client.post(f"{API}/trials", json={"price_id": str(world.monthly)})
    assert answer.status_code == 201, answer.text
    number = answer.json()["number"]
    await shop.run_due()
    return Buyer(client, shop, number, f"{API}/applications/{(await shop.instance(number)).id}")
