"""The demo's story: six orders by three companies, told as they happen. Buyers act over the HTTP API like anybody."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

import aiohttp
import msgspec
from rich.console import Console

from tradehall.catalog import queries as catalog
from tradehall.catalog.model import ChargingMode, PeriodType
from tradehall.commands.clock import move, spoken
from tradehall.commands.demo_telling import Teller, Totals, breakdown, money
from tradehall.commands.goods import SellerKey
from tradehall.installation import Installation
from tradehall.kernel.journal import SYSTEM
from tradehall.parties import actions as parties
from tradehall.parties import queries as parties_queries
from tradehall_seller.sample import SampleSeller

Sellers = dict[SellerKey, SampleSeller]
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


class Buyer:
    """Somebody who buys over the API with a token of their own."""

    def __init__(self, session: aiohttp.ClientSession, name: str, organisation: str) -> None:
        self.session = session
        self.name = name
        self.organisation = organisation

    async def post(self, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
        headers = {"Idempotency-Key": key or str(uuid4())}
        async with self.session.post(f"/api/v1/{path}", json=body, headers=headers) as response:
            return await _answer(response)

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(f"/api/v1/{path}") as response:
            return await _answer(response)


async def _answer(response: aiohttp.ClientResponse) -> dict[str, Any]:
    answer: dict[str, Any] = await response.json(content_type=None)
    if response.status >= 400:
        raise StoryWentWrong(f"{response.method} {response.url.path} was answered {response.status}: {answer}")
    return answer


class Story:
    """Plays the story once; every call orders anew."""

    def __init__(self, console: Console, opened: Installation, sellers: Sellers, base: str, began: float) -> None:
        self._tell = Teller(console, opened)
        self._opened = opened
        self._sellers = sellers
        self._base = base
        self._began = began
        self._numbers: list[str] = []

    async def play(self) -> Totals:
        """Tells it from beginning to end. Raises StoryWentWrong."""
        async with AsyncExitStack() as stack:
            wang = await self._buyer(stack, "admin@qingshan.example")
            li = await self._buyer(stack, "it@qingshan.example")
            grace = await self._buyer(stack, "admin@harbour.example")
            david = await self._buyer(stack, "it@harbour.example")
            su = await self._buyer(stack, "admin@nebula.example")
            he = await self._buyer(stack, "purchasing@nebula.example")
            try:
                await self._opened_at_once(wang)
                await self._opened_later(grace)
                await self._double_click(he)
                await self._flaky(su)
                forgotten = await self._forgotten(david)
                await self._failed_for_good(li)
                await self._expired(david, forgotten)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise StoryWentWrong(f"{type(error).__name__}: {error}") from error
        await self._tell.summary(self._numbers)
        return await self._tell.totals(self._numbers)

    # --- The chapters ------------------------------------------------------------------------------------------------

    async def _opened_at_once(self, buyer: Buyer) -> None:
        self._tell.chapter("Opened at once", "即时开通")
        self._sellers["cloudsail"].manner = "instant"
        number = await self._place(buyer, Choice("cloudsail-workplace", 0, "PERIOD", "year", 50, 1))
        paid = time.perf_counter()
        await self._pay(buyer, number)
        await self._until_settled(buyer, number, "completed")
        opened = time.perf_counter()
        await self._until_quiet(number)
        await self._tell.show_calls(number)
        self._tell.good(
            f"Opened {(opened - paid) * 1000:.0f} ms after it was paid, {opened - self._began:.1f} s after start."
        )
        await self._tell.show_instance(number)

    async def _opened_later(self, buyer: Buyer) -> None:
        self._tell.chapter("Opened asynchronously", "异步开通")
        self._sellers["bedrock"].manner = "slow"
        number = await self._place(buyer, Choice("bedrock-insight", 1, "PERIOD", "month", 1, 6))
        await self._pay(buyer, number)
        await self._until_tried(number, "newInstance", 1)
        self._tell.say(
            "The seller answers 000004: accepted, it opens in the background. From now on it is asked how far it is."
        )
        await self._advance(timedelta(seconds=self._sellers["bedrock"].ready_after * 2), "so that it can get ready")
        await self._until_settled(buyer, number, "completed")
        await self._tell.show_calls(number)
        self._tell.good("Opened; the pauses between the questions doubled each time.")
        await self._tell.show_instance(number)

    async def _double_click(self, buyer: Buyer) -> None:
        self._tell.chapter("A double click is one payment", "重复点击只付一次")
        number = await self._place(buyer, Choice("cloudsail-sign", 1, "ONE_TIME"))
        clicks = 5
        await asyncio.gather(*(buyer.post(f"orders/{number}/pay", {}) for _ in range(clicks)))
        payments = await self._value(
            "SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id WHERE o.number = %(number)s", number
        )
        self._tell.say(f"POST /api/v1/orders/{number}/pay, {clicks} times at the same moment")
        await self._until_settled(buyer, number, "completed")
        await self._until_quiet(number)
        await self._tell.show_calls(number)
        if payments != 1:
            raise StoryWentWrong(f"{clicks} clicks became {payments} payments")
        self._tell.good(f"{clicks} clicks, {payments} payment, one instance.")

    async def _flaky(self, buyer: Buyer) -> None:
        self._tell.chapter("A seller that fails, and is asked again", "商家故障与自动重试")
        seller = self._sellers["lark"]
        interval = self._opened.settings.new_instance_interval
        seller.manner = "crash"
        number = await self._place(buyer, Choice("lark-service-desk", 1, "PERIOD", "month", 12, 3))
        await self._pay(buyer, number)
        await self._until_tried(number, "newInstance", 1)
        self._tell.say(
            "The seller's server answers with an error page. The order is safe, and the call is made again later."
        )
        seller.manner = "nothing"
        await self._advance(interval, "to the second try")
        await self._until_tried(number, "newInstance", 2)
        seller.manner = "lost_answer"
        await self._advance(interval, "to the third: it opens the instance, but the connection breaks")
        await self._until_tried(number, "newInstance", 3)
        seller.manner = "instant"
        await self._advance(interval, "to the fourth")
        await self._until_settled(buyer, number, "completed")
        await self._until_quiet(number)
        await self._tell.show_calls(number)
        self._tell.good("Every try carried the same order, so the seller opened it once and now says which one it was.")
        await self._tell.show_instance(number)

    async def _forgotten(self, buyer: Buyer) -> str:
        self._tell.chapter("An order nobody pays", "无人付款的订单")
        number = await self._place(buyer, Choice("bedrock-backup", 0, "PERIOD", "year", 20, 1))
        days = spoken(self._opened.settings.unpaid_order_ttl)
        self._tell.say(f"It is left lying; after {days} it will expire. The story comes back to it.")
        return number

    async def _failed_for_good(self, buyer: Buyer) -> None:
        self._tell.chapter("A seller that stays away, and a refund", "开通失败自动退款")
        seller = self._sellers["bedrock"]
        window = self._opened.settings.new_instance_window
        seller.manner = "html"
        number = await self._place(buyer, Choice("bedrock-pipeline", 0, "PERIOD", "month", 10, 12))
        await self._pay(buyer, number)
        await self._until_tried(number, "newInstance", 1)
        await self._advance(window + timedelta(seconds=1), "over the whole time a seller has")
        order = await self._until_settled(buyer, number, "cancelled")
        seller.manner = "instant"
        await self._advance(self._opened.settings.release_interval, "the seller is back")
        await self._tell.show_calls(number)
        order = await buyer.get(f"orders/{number}")
        if order["refund_state"] != "refunded":
            raise StoryWentWrong(f"the refund of {number} is {order['refund_state']}")
        amount = money(order["refund_minor"], order["currency"])
        self._tell.good(
            f"Given up after {spoken(window)}; {amount} went back by refund {order['refund_number']}. The seller might "
            "have opened it unheard, so it was told to release it, and says there is none (000003)."
        )

    async def _expired(self, buyer: Buyer, number: str) -> None:
        self._tell.chapter("Seven days later", "七天之后")
        await self._advance(self._opened.settings.unpaid_order_ttl, f"for the order {number} that nobody paid")
        order = await self._until_settled(buyer, number, "cancelled")
        if order["cancel_reason"] != "expired":
            raise StoryWentWrong(f"{number} was cancelled, but because of {order['cancel_reason']}")
        self._tell.good(f"{number} has expired 已过期: cancelled, nothing was charged, the seller never heard of it.")

    # --- What buyers do ----------------------------------------------------------------------------------------------

    async def _buyer(self, stack: AsyncExitStack, email: str) -> Buyer:
        """A person with an API token that ends with the story."""
        async with self._opened.db.read() as reader:
            seat = await parties_queries.account_by_email(reader, email)
        if seat is None:
            raise StoryWentWrong(f"{email} does not exist; start with --fresh")
        async with self._opened.db.transaction(SYSTEM) as tx:
            token_id, token = await parties.create_token(tx, seat, "Demo story 演示")
        stack.push_async_callback(self._revoke, seat.person_id, token_id)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                self._base,
                headers={"Authorization": f"Bearer {token}"},
                timeout=aiohttp.ClientTimeout(total=PATIENCE + 5),
            )
        )
        return Buyer(session, seat.name, f"{seat.organisation_name_en} {seat.organisation_name_zh}")

    async def _revoke(self, person_id: UUID, token_id: UUID) -> None:
        async with self._opened.db.transaction(SYSTEM) as tx:
            await parties.revoke_token(tx, person_id, token_id)

    async def _place(self, buyer: Buyer, choice: Choice) -> str:
        async with self._opened.db.read() as reader:
            listing = await catalog.listing(reader, choice.slug, None)
        if listing is None:
            raise StoryWentWrong(f"{choice.slug} is not on sale; start with --fresh")
        sku = listing.skus[choice.sku]
        price = next(
            one
            for one in listing.prices_of(sku)
            if (one.charging_mode, one.period_type) == (choice.mode, choice.period)
        )
        body = {"price_id": str(price.id), "quantity": choice.quantity, "period_number": choice.periods}
        placed = await buyer.post("orders", body)
        number: str = placed["number"]
        self._numbers.append(number)
        order = await buyer.get(f"orders/{number}")
        product = listing.product
        self._tell.line("who", f"{buyer.name}, {buyer.organisation}")
        self._tell.line("buys", f"{product.name_en} {product.name_zh} · {sku.name_en} {sku.name_zh}")
        self._tell.line("from", f"{product.seller_name_en} {product.seller_name_zh}")
        self._tell.line("for", breakdown(order))
        self._tell.line("order", f"[bold]{number}[/bold]")
        return number

    async def _pay(self, buyer: Buyer, number: str) -> None:
        await buyer.post(f"orders/{number}/pay", {})
        self._tell.line("paid", "by the sandbox's test gateway 测试支付")

    # --- Waiting, and moving the clock -------------------------------------------------------------------------------

    async def _advance(self, by: timedelta, why: str) -> None:
        self._tell.clock_moves(by, why)
        await move(self._opened, self._opened.clock.now() + by)

    async def _until_settled(self, buyer: Buyer, number: str, state: str) -> dict[str, Any]:
        order = await buyer.get(f"orders/{number}?wait={PATIENCE:.0f}")
        if order["state"] != state:
            raise StoryWentWrong(f"{number} is {order['state']}, not {state}")
        return order

    async def _until_tried(self, number: str, activity: str, times: int) -> None:
        until = time.perf_counter() + PATIENCE
        while sum(one.activity == activity for one in await self._tell.calls(number)) < times:
            if time.perf_counter() > until:
                raise StoryWentWrong(f"{activity} for {number} was not tried {times} times within {PATIENCE:.0f} s")
            await asyncio.sleep(0.02)

    async def _until_quiet(self, number: str) -> None:
        """Waits until every call for the order is answered."""
        until = time.perf_counter() + PATIENCE
        while await self._value(
            """
            SELECT count(*) FROM seller_calls
            WHERE order_number = %(number)s AND state IN ('queued', 'waiting', 'running')
            """,
            number,
        ):
            if time.perf_counter() > until:
                raise StoryWentWrong(f"calls for {number} are still open after {PATIENCE:.0f} s")
            await asyncio.sleep(0.02)

    async def _value(self, sql: LiteralString, number: str) -> Any:
        async with self._opened.db.read() as reader:
            return await reader.fetch_value(sql, {"number": number})
