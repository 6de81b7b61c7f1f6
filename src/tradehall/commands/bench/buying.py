"""What a buyer's client does over HTTP: place an order, pay it, follow it until it is open."""

import time
from uuid import UUID

import aiohttp
import msgspec

from tradehall.commands.bench.market import Buyer
from tradehall.commands.bench.rig import BenchProblem

PATIENCE = 120.0


def shopping(url: str) -> aiohttp.ClientSession:
    """A session for any number of clients at once."""
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(url, connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def buy(session: aiohttp.ClientSession, buyer: Buyer, price: UUID) -> tuple[str, str]:
    """Places an order and pays it; its number and its state. Raises BenchProblem."""
    headers = _headers(buyer)
    placing = msgspec.json.encode({"price_id": price, "period_number": 1})
    async with session.post("/api/v1/orders", data=placing, headers=headers) as answer:
        number = (await _read(answer, 201))["number"]
    async with session.post(f"/api/v1/orders/{number}/pay", data=b"{}", headers=headers) as answer:
        return number, (await _read(answer, 200))["state"]


async def buy_and_follow(session: aiohttp.ClientSession, buyer: Buyer, price: UUID) -> float:
    """Milliseconds from sending an order to hearing that it is open. Raises BenchProblem when it does not open."""
    begun = time.perf_counter()
    number, state = await buy(session, buyer, price)
    while state == "processing":
        async with session.get(f"/api/v1/orders/{number}?wait=30", headers=_headers(buyer)) as answer:
            state = (await _read(answer, 200))["state"]
        if time.perf_counter() - begun > PATIENCE:
            raise BenchProblem(f"the order {number} has not been opened after {PATIENCE:g} s")
    if state != "completed":
        raise BenchProblem(f"the order {number} ended {state}")
    return (time.perf_counter() - begun) * 1000


def _headers(buyer: Buyer) -> dict[str, str]:
    return {"Authorization": f"Bearer {buyer.token}", "Content-Type": "application/json"}


async def _read(answer: aiohttp.ClientResponse, status: int) -> dict[str, str]:
    body = await answer.read()
    if answer.status != status:
        raise BenchProblem(f"{answer.method} {answer.url.path} answered {answer.status}: {body[:500]!r}")
    members: dict[str, str] = msgspec.json.decode(body)
    return members
