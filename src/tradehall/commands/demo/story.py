"""The demo's story, told as it happens: first how orders are opened, or not, then the other chapters."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import timedelta

import aiohttp
from rich.console import Console

from tradehall.commands.clock import spoken
from tradehall.commands.demo.deliveries import Deliveries
from tradehall.commands.demo.disputes import Disputes
from tradehall.commands.demo.lives import Lives
from tradehall.commands.demo.stage import Choice, Person, Sellers, Stage, StoryWentWrong
from tradehall.commands.demo.telling import Totals, money
from tradehall.installation import Installation

__all__ = ["Sellers", "Story", "StoryWentWrong"]


class Story:
    """Plays the story once; every call orders anew."""

    def __init__(self, console: Console, opened: Installation, sellers: Sellers, base: str, began: float) -> None:
        self._stage = Stage(console, opened, sellers, base, began)
        self._tell = self._stage.tell
        self._settings = opened.settings

    async def play(self) -> Totals:
        """Tells it from beginning to end. Raises StoryWentWrong."""
        async with AsyncExitStack() as stack:
            try:
                await self._play_orders(stack)
                deliveries = Deliveries(self._stage)
                await deliveries.play(stack)
                disputes = Disputes(self._stage)
                await disputes.play(stack)
                await Lives(self._stage).play(stack)
                await deliveries.leave()
                await disputes.leave()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise StoryWentWrong(f"{type(error).__name__}: {error}") from error
        await self._tell.summary(self._stage.numbers)
        await self._tell.applications(self._stage.numbers)
        return await self._tell.totals(self._stage.numbers)

    async def _play_orders(self, stack: AsyncExitStack) -> None:
        wang = await self._stage.person(stack, "admin@qingshan.example")
        li = await self._stage.person(stack, "it@qingshan.example")
        grace = await self._stage.person(stack, "admin@harbour.example")
        david = await self._stage.person(stack, "it@harbour.example")
        su = await self._stage.person(stack, "admin@nebula.example")
        he = await self._stage.person(stack, "purchasing@nebula.example")
        await self._opened_at_once(wang)
        await self._opened_later(grace)
        await self._double_click(he)
        await self._flaky(su)
        forgotten = await self._forgotten(david)
        await self._failed_for_good(li)
        await self._expired(david, forgotten)

    # --- The chapters ------------------------------------------------------------------------------------------------

    async def _opened_at_once(self, buyer: Person) -> None:
        stage = self._stage
        self._tell.chapter("Opened at once", "即时开通")
        stage.sellers["cloudsail"].manner = "instant"
        number = await stage.place(buyer, Choice("cloudsail-workplace", 0, "PERIOD", "year", 50, 1))
        paid = time.perf_counter()
        await stage.pay(buyer, number)
        await stage.until_settled(buyer, number, "completed")
        opened = time.perf_counter()
        await stage.until_quiet(number)
        await self._tell.show_calls(number)
        self._tell.good(
            f"Opened {(opened - paid) * 1000:.0f} ms after it was paid, {opened - stage.began:.1f} s after start."
        )
        await self._tell.show_instance(number)

    async def _opened_later(self, buyer: Person) -> None:
        stage = self._stage
        self._tell.chapter("Opened asynchronously", "异步开通")
        stage.sellers["bedrock"].manner = "slow"
        number = await stage.place(buyer, Choice("bedrock-insight", 1, "PERIOD", "month", 1, 6))
        await stage.pay(buyer, number)
        await stage.until_tried(number, "newInstance", 1)
        self._tell.say(
            "The seller answers 000004: accepted, it opens in the background. From now on it is asked how far it is."
        )
        await stage.advance(timedelta(seconds=stage.sellers["bedrock"].ready_after * 2), "so that it can get ready")
        await stage.until_settled(buyer, number, "completed")
        await self._tell.show_calls(number)
        self._tell.good("Opened; the pauses between the questions doubled each time.")
        await self._tell.show_instance(number)

    async def _double_click(self, buyer: Person) -> None:
        stage = self._stage
        self._tell.chapter("A double click is one payment", "重复点击只付一次")
        number = await stage.place(buyer, Choice("cloudsail-sign", 1, "ONE_TIME"))
        clicks = 5
        await asyncio.gather(*(buyer.post(f"orders/{number}/pay", {}) for _ in range(clicks)))
        payments = await stage.value(
            "SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id WHERE o.number = %(number)s", number
        )
        self._tell.say(f"POST /api/v1/orders/{number}/pay, {clicks} times at the same moment")
        await stage.until_settled(buyer, number, "completed")
        await stage.until_quiet(number)
        await self._tell.show_calls(number)
        if payments != 1:
            raise StoryWentWrong(f"{clicks} clicks became {payments} payments")
        self._tell.good(f"{clicks} clicks, {payments} payment, one instance.")

    async def _flaky(self, buyer: Person) -> None:
        stage = self._stage
        self._tell.chapter("A seller that fails, and is asked again", "商家故障与自动重试")
        seller = stage.sellers["lark"]
        interval = self._settings.new_instance_interval
        seller.manner = "crash"
        number = await stage.place(buyer, Choice("lark-service-desk", 1, "PERIOD", "month", 12, 4))
        await stage.pay(buyer, number)
        await stage.until_tried(number, "newInstance", 1)
        self._tell.say(
            "The seller's server answers with an error page. The order is safe, and the call is made again later."
        )
        seller.manner = "nothing"
        await stage.advance(interval, "to the second try")
        await stage.until_tried(number, "newInstance", 2)
        seller.manner = "lost_answer"
        await stage.advance(interval, "to the third: it opens, but the connection breaks")
        await stage.until_tried(number, "newInstance", 3)
        seller.manner = "instant"
        await stage.advance(interval, "to the fourth")
        await stage.until_settled(buyer, number, "completed")
        await stage.until_quiet(number)
        await self._tell.show_calls(number)
        self._tell.good("Every try carried the same order, so the seller opened it once and now says which one it was.")
        await self._tell.show_instance(number)

    async def _forgotten(self, buyer: Person) -> str:
        self._tell.chapter("An order nobody pays", "无人付款的订单")
        number = await self._stage.place(buyer, Choice("bedrock-backup", 0, "PERIOD", "year", 20, 1))
        days = spoken(self._settings.unpaid_order_ttl)
        self._tell.say(f"It is left lying; after {days} it will expire. The story comes back to it.")
        return number

    async def _failed_for_good(self, buyer: Person) -> None:
        stage = self._stage
        self._tell.chapter("A seller that stays away, and a refund", "开通失败自动退款")
        seller = stage.sellers["bedrock"]
        window = self._settings.new_instance_window
        seller.manner = "html"
        number = await stage.place(buyer, Choice("bedrock-pipeline", 0, "PERIOD", "month", 10, 12))
        await stage.pay(buyer, number)
        await stage.until_tried(number, "newInstance", 1)
        await stage.advance(window + timedelta(seconds=1), "over the whole time a seller has")
        seller.manner = "instant"
        self._tell.say("Might it be open unheard? Its server is back, and is asked by every name it may have.")
        await stage.advance(self._settings.query_longest_pause, "to the answer")
        await stage.until_settled(buyer, number, "cancelled")
        await stage.until_quiet(number)
        await self._tell.show_calls(number)
        order = await buyer.get(f"orders/{number}")
        if order["refund_state"] != "refunded":
            raise StoryWentWrong(f"the refund of {number} is {order['refund_state']}")
        amount = money(order["refund_minor"], order["currency"])
        self._tell.good(
            f"Given up after {spoken(window)}: it is not there (000003), so {amount} went back by refund "
            f"{order['refund_number']}; and lest it appear later, it was told to release it."
        )

    async def _expired(self, buyer: Person, number: str) -> None:
        stage = self._stage
        self._tell.chapter("Seven days later", "七天之后")
        await stage.advance(self._settings.unpaid_order_ttl, f"nobody paid {number}")
        order = await stage.until_settled(buyer, number, "cancelled")
        if order["cancel_reason"] != "expired":
            raise StoryWentWrong(f"{number} was cancelled, but because of {order['cancel_reason']}")
        self._tell.good(f"{number} has expired 已过期: cancelled, nothing was charged, the seller never heard of it.")
