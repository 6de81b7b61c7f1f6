"""Any orders in any order, with and without vouchers: completed, failed, refunded in part, taken back, and repeated by
many at once. Whatever happened, the ledger adds up and agrees with a reckoning of its own."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.conftest import BEGINNING, Server, sandbox_settings
from tests.ledger.books import cancel_in_part, close, flaws, order_id_of, posted
from tests.supervised import Supervised
from tests.trading.test_vouchers import give, pay
from tests.world import SellerServer, Shop, World

from tradehall.installation import Installation
from tradehall.kernel.clock import StillClock
from tradehall.kernel.errors import Problem
from tradehall.kernel.journal import SYSTEM, Event
from tradehall.ledger import queries
from tradehall.ledger.posting import Ledger
from tradehall.trading.vouchers import divided, vouchers_share

T = TypeVar("T")

EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "10"))
STEPS = int(os.environ.get("LEDGER_STEPS", "18"))
# Making a failure shorter takes minutes here; LEDGER_SHRINK=1 asks for it.
PHASES = set(Phase) if os.environ.get("LEDGER_SHRINK") else set(Phase) - {Phase.shrink, Phase.explain}
AMOUNTS = st.integers(1, 60_000)


class Books(RuleBasedStateMachine):
    """One buyer with vouchers, a server that opens or refuses, people who deliver, and the clock."""

    orders = Bundle("orders")
    services = Bundle("services")

    def __init__(self, server: Server, furnished: tuple[str, World]) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.server = server
        template, self.world = furnished
        self.database = server.create(template)
        self.clock = StillClock(BEGINNING)
        self.numbers: list[str] = []
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self) -> None:
        self.installation = Installation(sandbox_settings(), self.server.address(self.database), self.clock)
        await self.installation.__aenter__()
        self.shop = Shop(self.installation, self.clock, self.world)
        self.supervised = Supervised(self.shop)
        self.seller = SellerServer(self.clock)
        await self.seller.up()
        await self.shop.sql(f"UPDATE endpoints SET address = '{self.seller.url}'")
        self.price = await self.supervised.price("orchestration")
        self.joint = await self.supervised.price("orchestration", product_class="joint")

    # --- What happens ---

    @initialize(target=orders)
    def first(self) -> str:
        return self.run(self._bought(self.shop.place(), None, None))

    @rule(target=orders, platform=st.none() | AMOUNTS, sellers=st.none() | AMOUNTS)
    def buy(self, platform: int | None, sellers: int | None) -> str:
        return self.run(self._bought(self.shop.place(), platform, sellers))

    @rule(target=services, joint=st.booleans(), platform=st.none() | AMOUNTS, sellers=st.none() | AMOUNTS)
    def order_work(self, joint: bool, platform: int | None, sellers: int | None) -> str:
        placing = self.supervised.place(self.joint if joint else self.price)
        return self.run(self._bought(placing, platform, sellers))

    async def _bought(self, placing: Coroutine[Any, Any, str], platform: int | None, sellers: int | None) -> str:
        """Places and pays, with vouchers of which the platform's expires on the next day."""
        number = await placing
        chosen = []
        if platform:
            chosen.append(await give(self.shop, platform, days=1))
        if sellers:
            seller = self.world.seller.organisation_id
            chosen.append(await give(self.shop, sellers, seller_id=seller, issued_by_seller=True))
        await pay(self.shop, number, *chosen)
        self.numbers.append(number)
        return number

    @rule(refuses=st.booleans())
    def work(self, refuses: bool) -> None:
        self.seller.manner = "refusing" if refuses else "instant"
        self.run(self.shop.run_due(timedelta(hours=4)))

    @rule()
    def a_day_passes(self) -> None:
        self.run(self.shop.run_due(timedelta(days=1)))

    @rule(number=services)
    def deliver_and_accept(self, number: str) -> None:
        if self._waits(number):
            self.run(self.supervised.complete(number))

    @rule(number=services, part=st.integers(1, 100_000))
    def cancel(self, number: str, part: int) -> None:
        if self._waits(number):
            self.run(cancel_in_part(self.shop, number, part))

    def _waits(self, number: str) -> bool:
        return self.run(self.shop.order(number)).state == "processing"

    @rule(number=orders)
    def renew(self, number: str) -> None:
        if renewal := self._if_open(number, self.shop.renew):
            self.numbers.append(renewal)

    @rule(number=orders)
    def take_renewal_back(self, number: str) -> None:
        self._if_open(number, self.shop.cancel_renewal)

    @rule(number=orders)
    def unsubscribe(self, number: str) -> None:
        self._if_open(number, self.shop.unsubscribe)

    def _if_open(self, number: str, act: Callable[[str], Coroutine[Any, Any, T]]) -> T | None:
        """What a buyer does with what an order began; a plain no is an answer."""
        if self.run(self.shop.order(number)).state != "completed":
            return None
        try:
            return self.run(act(number))
        except Problem as problem:
            if problem.status not in (402, 404, 409, 422):
                raise
            return None

    @rule(batch=st.integers(1, 5))
    def close_the_books(self, batch: int) -> None:
        self.run(close(self.shop, batch))

    @rule(number=orders | services)
    def post_again(self, number: str) -> None:
        self.run(self._again(number))

    async def _again(self, number: str) -> None:
        """Everything that this order's log has is posted again, several times at once."""
        ledger, order_id = Ledger(self.installation.settings), await order_id_of(self.shop, number)
        reactions = {"order.paid": ledger.hold, "order.completed": ledger.release, "order.refunded": ledger.give_back}
        before = await posted(self.shop, number)

        async def post(kind: str, facts: dict[str, Any]) -> None:
            async with self.installation.db.transaction(SYSTEM) as tx:
                await reactions[kind](tx, Event(kind, "order", order_id, facts, tx.now, SYSTEM, ""))

        log = [(kind, facts) for kind, facts in await self.shop.events(number) if kind in reactions]
        await asyncio.gather(*(post(kind, facts) for kind, facts in log * 3))
        assert await posted(self.shop, number) == before

    # --- What holds ---

    @invariant()
    def it_adds_up(self) -> None:
        assert self.run(flaws(self.shop)) == []

    @invariant()
    def every_account_is_what_a_reckoning_of_its_own_says(self) -> None:
        self.run(self._reckon())

    async def _reckon(self) -> None:
        totals: dict[str, int] = {}
        for number in self.numbers:
            held: dict[str, int] = {}
            for lines in (await posted(self.shop, number)).values():
                for account, amount in lines.items():
                    held[account] = held.get(account, 0) + amount
            assert {account: amount for account, amount in held.items() if amount} == await self._expected(number)
            for account, amount in held.items():
                totals[account] = totals.get(account, 0) + amount
        async with self.installation.db.read() as reader:
            (balance,) = await queries.balances(reader)
        assert balance.sum_minor == 0
        assert balance.escrow >= 0
        assert {account: getattr(balance, account) for account in totals} == totals

    async def _expected(self, number: str) -> dict[str, int]:
        """What the accounts of an order hold, by what it cost, what paid for it and what became of it."""
        order = await self.shop.order(number)
        uses = await self.shop.sql(
            "SELECT u.amount_minor, v.issuer_id IS NOT NULL FROM voucher_uses u JOIN vouchers v ON v.id = u.voucher_id "
            "WHERE u.order_id = %(id)s ORDER BY v.id",
            {"id": order.id},
        )
        total = order.total_minor
        back = order.refund_minor or 0 if order.refunded_at else 0
        parts = [0] * len(uses)
        if uses and back:
            share = vouchers_share(back, total, sum(use for use, _ in uses))
            parts = divided(share, [use for use, _ in uses])
        by_voucher = {
            sellers: (
                sum(use for use, theirs in uses if theirs == sellers),
                sum(part for part, (_, theirs) in zip(parts, uses, strict=True) if theirs == sellers),
            )
            for sellers in (False, True)
        }
        (platform, platform_back), (sellers, sellers_back) = by_voucher[False], by_voucher[True]
        expected = {
            "buyer": platform + sellers - total,
            "refunds": back - platform_back - sellers_back,
            "platform_vouchers": platform_back - platform,
        }
        if order.state == "completed" or (order.state == "cancelled" and order.refunded_at):
            base = total - back - (sellers - sellers_back)
            rate = 3_000 if await self._is_joint(order.product_id) else 500
            expected["fee"] = (base * rate + 5_000) // 10_000
            expected["payable"] = base - expected["fee"]
        else:
            expected["escrow"] = total
            expected["seller_vouchers"] = -sellers
        return {account: amount for account, amount in expected.items() if amount}

    async def _is_joint(self, product_id: object) -> bool:
        ((kind,),) = await self.shop.sql("SELECT product_class FROM products WHERE id = %(id)s", {"id": product_id})
        return bool(kind == "joint")

    def teardown(self) -> None:
        self.run(self.seller.down())
        self.run(self.installation.__aexit__())
        self.loop.close()
        self.server.drop(self.database)


def test_whatever_happens_the_ledger_adds_up(server: Server, furnished: tuple[str, World]) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Books(server, furnished),
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None,
            suppress_health_check=list(HealthCheck), phases=PHASES,
        ),
    )  # fmt: skip
