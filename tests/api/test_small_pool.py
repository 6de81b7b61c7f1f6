"""With one database connection everything takes its turn: no request holds one while it waits for another."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.api.conftest import As
from tests.conftest import sandbox_settings
from tests.world import World

from tradehall.app import create_app
from tradehall.installation import Installation
from tradehall.settings import Settings

API = "/api/v1"


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(pool_size=1)


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """A client in the application's own event loop, where those who wait for a connection are woken."""
    transport = httpx.ASGITransport(create_app(installation))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


async def test_orders_are_placed_and_paid_at_once_over_one_connection(
    client: httpx.AsyncClient, as_: As, world: World
) -> None:
    client.headers.update(await as_(world.buyer))
    body = {"price_id": str(world.monthly), "period_number": 1}

    async def buy(key: str) -> list[int]:
        placed = await client.post(f"{API}/orders", json=body, headers={"Idempotency-Key": key})
        paid = await client.post(f"{API}/orders/{placed.json()['number']}/pay", json={})
        return [placed.status_code, paid.status_code]

    async with asyncio.timeout(8):
        answers = await asyncio.gather(*(buy(f"key-{n}") for n in range(8)))
    assert answers == [[201, 200]] * 8
