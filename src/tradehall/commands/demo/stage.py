"""What the demo's chapters play on: people who act over the HTTP API like anybody, the sellers' servers, the clock."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

import aiohttp
import msgspec
from rich.console import Console

from tradehall.catalog import queries as catalog
from tradehall.catalog.model import ChargingMode, Listing, PeriodType, Price, Sku
from tradehall.commands.clock import move
from tradehall.commands.demo.telling import Teller, breakdown
from tradehall.commands.goods import SellerKey
from tradehall.installation import Installation
from tradehall.kernel.journal import SYSTEM
from tradehall.parties import actions as parties
from tradehall.parties import queries as parties_queries
from tradehall_seller.sample import SampleSeller, SampleSellerV1

Sellers = dict[SellerKey, SampleSeller | SampleSellerV1]
RECIPIENT = {
    "recipient_name": "Grace Lim",
    "recipient_phone": "+65 6123 4567",
    "recipient_address": "8 Marina View, Singapore",
}
PATIENCE = 20.0  # seconds for anything that should take a fraction of one


class StoryWentWrong(Exception):
    """Something in the story did not happen; the message says what."""


class Choice(msgspec.Struct, frozen=True):
    """What to order."""

    slug: str
    sku: int
    mode: ChargingMode
    period: PeriodType | None = None
    quantity: int = 1
    periods: int | None = None


class Person:
    """Somebody who acts over the API with a token of their own."""

    def __init__(
        self, session: aiohttp.ClientSession, name: str, organisation: str, organisation_id: UUID | None
    ) -> None:
        self.session = session
        self.name = name
        self.organisation = organisation
        self.organisation_id = organisation_id

    async def post(self, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
        headers = {"Idempotency-Key": key or str(uuid4())}
        async with self.session.post(f"/api/v1/{path}", json=body, headers=headers) as response:
            return await _answer(response)

    async def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": str(uuid4())}
        async with self.session.put(f"/api/v1/{path}", json=body, headers=headers) as response:
            return await _answer(response)

    async def upload(self, path: str, query: dict[str, str], content: bytes) -> dict[str, Any]:
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/octet-stream"}
        async with self.session.post(f"/api/v1/{path}", params=query, data=content, headers=headers) as response:
            return await _answer(response)

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(f"/api/v1/{path}") as response:
            return await _answer(response)


async def _answer(response: aiohttp.ClientResponse) -> dict[str, Any]:
    answer: dict[str, Any] = await response.json(content_type=None)
    if response.status >= 400:
        raise StoryWentWrong(f"{response.method} {response.url.path} was answered {response.status}: {answer}")
    return answer


class Stage:
    """Everything a chapter needs. `numbers` are the orders placed so far, `applications` what they began."""

    def __init__(self, console: Console, opened: Installation, sellers: Sellers, base: str, began: float) -> None:
        self.tell = Teller(console, opened)
        self.opened = opened
        self.sellers = sellers
        self.began = began
        self.numbers: list[str] = []
        self._base = base

    @property
    def now(self) -> datetime:
        return self.opened.clock.now()

    # --- What people do ----------------------------------------------------------------------------------------------

    async def person(self, stack: AsyncExitStack, email: str) -> Person:
        """A person with an API token that ends with the story."""
        async with self.opened.db.read() as reader:
            seat = await parties_queries.account_by_email(reader, email)
        if seat is None:
            raise StoryWentWrong(f"{email} does not exist; start with --fresh")
        async with self.opened.db.transaction(SYSTEM) as tx:
            token_id, token = await parties.create_token(tx, seat, "Demo story 演示")
        stack.push_async_callback(self._revoke, seat.person_id, token_id)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                self._base,
                headers={"Authorization": f"Bearer {token}"},
                timeout=aiohttp.ClientTimeout(total=PATIENCE + 5),
            )
        )
        return Person(
            session, seat.name, f"{seat.organisation_name_en} {seat.organisation_name_zh}", seat.organisation_id
        )

    async def _revoke(self, person_id: UUID, token_id: UUID) -> None:
        async with self.opened.db.transaction(SYSTEM) as tx:
            await parties.revoke_token(tx, person_id, token_id)

    async def listing(self, slug: str) -> Listing:
        async with self.opened.db.read() as reader:
            found = await catalog.listing(reader, slug, None)
        if found is None:
            raise StoryWentWrong(f"{slug} is not on sale; start with --fresh")
        return found

    async def chosen(self, choice: Choice) -> tuple[Listing, Sku, Price]:
        """What a choice is in the catalogue."""
        listing = await self.listing(choice.slug)
        sku = listing.skus[choice.sku]
        price = next(
            one
            for one in listing.prices_of(sku)
            if (one.charging_mode, one.period_type) == (choice.mode, choice.period)
        )
        return listing, sku, price

    async def place(self, buyer: Person, choice: Choice) -> str:
        """Orders something, and tells what."""
        listing, sku, price = await self.chosen(choice)
        body: dict[str, Any] = {
            "price_id": str(price.id),
            "quantity": choice.quantity,
            "period_number": choice.periods,
        }
        if listing.product.delivery_type == "hardware":
            body |= RECIPIENT
        placed = await buyer.post("orders", body)
        number = self.note(placed)
        self.introduce(buyer, "buys", listing, sku)
        await self.tell_price(buyer, number)
        return number

    def introduce(self, buyer: Person, verb: str, listing: Listing, sku: Sku) -> None:
        """Who does what with which product."""
        product = listing.product
        self.tell.line("who", f"{buyer.name}, {buyer.organisation}")
        self.tell.line(verb, f"{product.name_en} {product.name_zh} · {sku.name_en} {sku.name_zh}")
        self.tell.line("from", f"{product.seller_name_en} {product.seller_name_zh}")

    def note(self, placed: dict[str, Any]) -> str:
        """Remembers an order for the end of the story."""
        number: str = placed["number"]
        self.numbers.append(number)
        return number

    async def tell_price(self, buyer: Person, number: str) -> None:
        self.tell.line("for", breakdown(await buyer.get(f"orders/{number}")))
        self.tell.line("order", f"[bold]{number}[/bold]")

    async def pay(self, buyer: Person, number: str) -> None:
        await buyer.post(f"orders/{number}/pay", {})
        self.tell.line("paid", "by the sandbox's test gateway 测试支付")

    async def bought(self, buyer: Person, choice: Choice) -> str:
        """Orders, pays, and waits until it is open: the application's id."""
        number = await self.place(buyer, choice)
        await self.pay(buyer, number)
        return await self.application_of(buyer, number)

    async def application_of(self, buyer: Person, number: str) -> str:
        """What a paid order begins, once it is open and nothing about it is under way."""
        await self.until_settled(buyer, number, "completed")
        await self.until_quiet(number)
        order = await buyer.get(f"orders/{number}")
        application: str = order["application_id"]
        return application

    async def carried_out(self, buyer: Person, placed: dict[str, Any]) -> str:
        """Pays an order about an application, and waits until the seller has done it."""
        number = self.note(placed)
        await self.tell_price(buyer, number)
        await self.pay(buyer, number)
        await self.until_settled(buyer, number, "completed")
        await self.until_quiet(number)
        return number

    # --- Waiting, and moving the clock -------------------------------------------------------------------------------

    async def advance(self, by: timedelta, why: str) -> None:
        self.tell.clock_moves(by, why)
        await move(self.opened, self.now + by)

    async def advance_to(self, moment: datetime, why: str) -> None:
        await self.advance(max(moment - self.now, timedelta(0)), why)

    async def until_settled(self, buyer: Person, number: str, state: str) -> dict[str, Any]:
        order = await buyer.get(f"orders/{number}?wait={PATIENCE:.0f}")
        if order["state"] != state:
            raise StoryWentWrong(f"{number} is {order['state']}, not {state}")
        return order

    async def until_tried(self, number: str, activity: str, times: int) -> None:
        until = time.perf_counter() + PATIENCE
        while sum(one.activity == activity for one in await self.tell.calls(number)) < times:
            if time.perf_counter() > until:
                raise StoryWentWrong(f"{activity} for {number} was not tried {times} times within {PATIENCE:.0f} s")
            await asyncio.sleep(0.02)

    async def until_refunded(self, number: str) -> None:
        """Waits until an order's money is back."""
        until = time.perf_counter() + PATIENCE
        while not await self.value(
            """
            SELECT count(*) FROM refunds r JOIN orders o ON o.id = r.order_id
            WHERE o.number = %(number)s AND r.state = 'refunded'
            """,
            number,
        ):
            if time.perf_counter() > until:
                raise StoryWentWrong(f"the money of {number} is not back after {PATIENCE:.0f} s")
            await asyncio.sleep(0.02)

    async def until_quiet(self, number: str) -> None:
        """Waits until every call for the order is answered."""
        until = time.perf_counter() + PATIENCE
        while await self.value(
            """
            SELECT count(*) FROM seller_calls
            WHERE order_number = %(number)s AND state IN ('queued', 'waiting', 'running')
            """,
            number,
        ):
            if time.perf_counter() > until:
                raise StoryWentWrong(f"calls for {number} are still open after {PATIENCE:.0f} s")
            await asyncio.sleep(0.02)

    async def value(self, sql: LiteralString, number: str) -> Any:
        """One value about the order of this number."""
        async with self.opened.db.read() as reader:
            return await reader.fetch_value(sql, {"number": number})


def moment(text: str) -> datetime:
    """A moment as the API writes it."""
    return datetime.fromisoformat(text)
