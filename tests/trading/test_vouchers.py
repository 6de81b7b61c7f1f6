"""Vouchers that pay for orders: how far they reach, that they are never overspent, and what comes back to them."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import sandbox_settings
from tests.world import SellerServer, Shop

from tradehall.commands.simulate.questions import ALWAYS
from tradehall.kernel.errors import Invalid, Problem
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import page_request
from tradehall.parties import actions as parties
from tradehall.parties.model import Track
from tradehall.settings import Settings
from tradehall.trading import actions as trading
from tradehall.trading import vouchers as vouchers_
from tradehall.trading.errors import (
    NoWayToPay,
    PaymentChanged,
    PaymentDeclined,
    VoucherExpired,
    VoucherNotForThis,
    VoucherNotFound,
    VoucherSpent,
)
from tradehall.trading.gateway import TestGateway, gateway_for
from tradehall.trading.model import PaymentIntent, Receipt
from tradehall.trading.voucher_queries import VoucherFilter, uses_of_order, voucher, vouchers
from tradehall.trading.vouchers import NewVoucher, divided, scene_of_order, vouchers_share

MONTH = 9_900  # what a month of the suite costs


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(pool_size=24)


class Till(TestGateway):
    """The test gateway, which remembers what it was asked."""

    def __init__(self) -> None:
        self.took: list[int] = []
        self.gave: list[int] = []

    async def collect(self, intent: PaymentIntent) -> Receipt:
        receipt = await super().collect(intent)
        self.took.append(intent.amount_minor)
        return receipt

    async def give_back(self, key: str, reference: str, amount_minor: int, currency: str) -> Receipt:
        self.gave.append(amount_minor)
        return await super().give_back(key, reference, amount_minor, currency)


@pytest.fixture
def till(shop: Shop) -> Till:
    till = Till()
    shop.installation.gateway = till
    return till


async def give(shop: Shop, amount: int, *, to: Actor | None = None, days: int = 30, **more: Any) -> UUID:
    """Issues a voucher to the buyer, of an amount in fen."""
    buyer = to or shop.world.buyer
    assert buyer.organisation_id
    wanted = NewVoucher(
        **{
            "buyer_id": buyer.organisation_id,
            "name_en": "Welcome",
            "name_zh": "欢迎券",
            "amount_minor": amount,
            "currency": "CNY",
            "expires_at": shop.clock.now() + timedelta(days=days),
            **more,
        }
    )
    async with shop.installation.db.transaction(shop.world.operator) as tx:
        return await vouchers_.issue(tx, wanted)


async def pay(shop: Shop, number: str, *chosen: UUID, by: Actor | None = None, **more: Any) -> None:
    async with shop.installation.db.transaction(by or shop.world.buyer) as tx:
        await trading.pay(tx, shop.installation.gateway, number=number, vouchers=chosen, **more)


async def left(shop: Shop, voucher_id: UUID) -> int:
    ((remaining,),) = await shop.sql("SELECT remaining_minor FROM vouchers WHERE id = %(id)s", {"id": voucher_id})
    return int(remaining)


async def facts(shop: Shop, number: str, kind: str) -> dict[str, Any]:
    return next(facts for one, facts in await shop.events(number) if one == kind)


async def books_agree(shop: Shop) -> None:
    """The invariants of money, as the simulation asks them."""
    async with shop.installation.db.read() as reader:
        for name, statements in ALWAYS:
            if name == "money_adds_up":
                for statement in statements:
                    cursor = await reader.connection.execute(statement)
                    assert await cursor.fetchall() == []


# --- paying


async def test_a_voucher_pays_what_it_can_and_the_gateway_the_rest(shop: Shop, till: Till) -> None:
    number, given = await shop.place(), await give(shop, 4_000)
    await pay(shop, number, given)
    assert till.took == [MONTH - 4_000]
    assert await left(shop, given) == 0
    assert await shop.sql("SELECT amount_minor, voucher_minor FROM payments") == [(MONTH, 4_000)]
    paid = await facts(shop, number, "order.paid")
    assert [(one["amount_minor"], one["scene"]) for one in paid["vouchers"]] == [(4_000, None)]
    assert paid["vouchers"][0].keys() == {"id", "code", "amount_minor", "scene"}
    await books_agree(shop)


async def test_what_is_left_of_a_voucher_pays_another_order(shop: Shop, till: Till) -> None:
    given = await give(shop, MONTH + 100)
    first, second = await shop.place(), await shop.place()
    await pay(shop, first, given)
    assert till.took == []
    assert await left(shop, given) == 100
    await pay(shop, second, given)
    assert till.took == [MONTH - 100]
    await books_agree(shop)


async def test_where_vouchers_pay_all_the_gateway_is_not_asked(shop: Shop) -> None:
    shop.installation.gateway = gateway_for(sandbox=False)
    number, given = await shop.place(), await give(shop, MONTH)
    await pay(shop, number, given)
    order = await shop.order(number)
    assert (order.state, order.payment_reference, order.payment_voucher_minor) == ("processing", "vouchers", MONTH)
    other = await shop.place()
    with pytest.raises(NoWayToPay):
        await pay(shop, other, await give(shop, MONTH - 1))


async def test_paying_without_vouchers_says_nothing_of_them(shop: Shop) -> None:
    number = await shop.buy()
    assert "vouchers" not in await facts(shop, number, "order.paid")
    assert (await shop.order(number)).payment_voucher_minor == 0


async def test_those_of_a_scene_are_used_first_then_what_expires_soonest(shop: Shop, till: Till) -> None:
    late, soon = await give(shop, 1_000, days=90), await give(shop, 1_000, days=10)
    scene = await give(shop, 1_000, days=365, scene="base")
    number = await shop.place(shop.world.seats_monthly, quantity=5)  # 60.00
    everything = await give(shop, 3_500, days=40)
    await pay(shop, number, late, everything, soon, scene)
    used = [(one["id"], one["amount_minor"]) for one in (await facts(shop, number, "order.paid"))["vouchers"]]
    assert used == [(str(scene), 1_000), (str(soon), 1_000), (str(everything), 3_500), (str(late), 500)]
    assert till.took == []


async def test_the_same_voucher_chosen_twice_is_used_once(shop: Shop, till: Till) -> None:
    number, given = await shop.place(), await give(shop, 1_000)
    await pay(shop, number, given, given)
    assert till.took == [MONTH - 1_000]


async def test_a_declined_payment_takes_nothing_from_vouchers(shop: Shop) -> None:
    number, given = await shop.place(), await give(shop, 1_000)
    with pytest.raises(PaymentDeclined):
        await pay(shop, number, given, instrument="declined_card")
    assert await left(shop, given) == 1_000
    assert await shop.sql("SELECT count(*) FROM voucher_uses") == [(0,)]


async def test_who_saw_another_rest_pays_nothing(shop: Shop, till: Till) -> None:
    number, given = await shop.place(), await give(shop, 1_000)
    with pytest.raises(PaymentChanged) as changed:
        await pay(shop, number, given, expected_rest=MONTH)
    assert changed.value.values["rest"] == "89.00"
    assert till.took == []
    await pay(shop, number, given, expected_rest=MONTH - 1_000)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"currency": "USD"}, VoucherNotForThis),
        ({"valid_from": timedelta(days=1)}, VoucherExpired),
        ({"seller_id": "other_seller"}, VoucherNotForThis),
        ({"to": "other_buyer"}, VoucherNotFound),
    ],
)
async def test_what_cannot_pay_for_this_is_refused(shop: Shop, more: dict[str, Any], problem: type[Problem]) -> None:
    for name, value in list(more.items()):
        if isinstance(value, timedelta):
            more[name] = shop.clock.now() + value
        elif name == "seller_id":
            more[name] = getattr(shop.world, value).organisation_id
        elif name == "to":
            more[name] = getattr(shop.world, value)
    number, given = await shop.place(), await give(shop, 1_000, **more)
    with pytest.raises(problem):
        await pay(shop, number, given)
    assert (await shop.order(number)).state == "pending_payment"


async def test_an_expired_spent_or_unknown_voucher_is_refused(shop: Shop) -> None:
    spent, short = await give(shop, 1_000), await give(shop, 1_000, days=1)
    await pay(shop, await shop.place(), spent)
    number = await shop.place()
    with pytest.raises(VoucherSpent):
        await pay(shop, number, spent)
    with pytest.raises(VoucherNotFound):
        await pay(shop, number, uuid4())
    shop.clock.advance(timedelta(days=1))
    with pytest.raises(VoucherExpired):
        await pay(shop, number, short)


async def test_one_of_a_seller_pays_for_its_products_only(shop: Shop, till: Till) -> None:
    own = await give(shop, 1_000, seller_id=shop.world.seller.organisation_id, issued_by_seller=True)
    await pay(shop, await shop.place(), own)
    assert till.took == [MONTH - 1_000]


# --- at once


async def test_twenty_payments_at_once_never_spend_more_than_a_voucher_has(shop: Shop, till: Till) -> None:
    given = await give(shop, 2 * MONTH + 5_200)
    numbers = [await shop.place() for _ in range(20)]
    results = await asyncio.gather(*(pay(shop, number, given) for number in numbers), return_exceptions=True)
    assert Counter(type(result).__name__ for result in results) == {"NoneType": 3, "VoucherSpent": 17}
    assert await left(shop, given) == 0
    assert await shop.sql("SELECT sum(amount_minor) FROM voucher_uses") == [(2 * MONTH + 5_200,)]
    assert till.took == [MONTH - 5_200]
    await books_agree(shop)


async def test_twenty_that_choose_two_in_either_order_wait_in_no_ring(shop: Shop, till: Till) -> None:
    one, other = await give(shop, 95_000), await give(shop, 95_000)
    numbers = [await shop.place() for _ in range(20)]
    tries = [pay(shop, number, *((one, other) if n % 2 else (other, one))) for n, number in enumerate(numbers)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    came = Counter(type(result).__name__ for result in results)
    assert came.keys() <= {"NoneType", "VoucherSpent"}
    ((spent,),) = await shop.sql("SELECT sum(amount_minor) FROM voucher_uses")
    assert await left(shop, one) + await left(shop, other) == 190_000 - spent
    assert sum(till.took) == came["NoneType"] * MONTH - spent
    await books_agree(shop)


async def test_twenty_clicks_on_one_payment_spend_once(shop: Shop, till: Till) -> None:
    given, number = await give(shop, 40_000), await shop.place()
    await asyncio.gather(*(pay(shop, number, given) for _ in range(20)))
    assert await left(shop, given) == 40_000 - MONTH
    assert await shop.sql("SELECT count(*) FROM voucher_uses") == [(1,)]


# --- what else is paid


async def test_renewals_and_changes_use_them_too_but_not_automatic_renewals(
    shop: Shop, till: Till, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    given = await give(shop, 500_000, days=400)
    renewal = await shop.order_renewal(number)
    await pay(shop, renewal, given)
    await shop.run_due()
    change = await shop.order_change(number, shop.world.seats, 10)
    await pay(shop, change, given)
    await shop.run_due()
    assert till.took == [MONTH]
    assert await left(shop, given) < 500_000 - MONTH
    await shop.renew_automatically(number)
    held = await shop.subscription(number)
    assert held.expires_at
    before = await left(shop, given)
    await shop.run_due(held.expires_at)
    assert await shop.sql(
        "SELECT p.voucher_minor FROM payments p JOIN orders o ON o.id = p.order_id WHERE o.automatic"
    ) == [(0,)]
    assert await left(shop, given) == before


# --- money going back


async def failed_order(shop: Shop, *chosen: UUID) -> str:
    """An order that was paid with vouchers and could not be opened; its refund is due."""
    number = await shop.place()
    await pay(shop, number, *chosen)
    return number


async def test_of_an_order_that_fails_everybody_gets_back_his_share(shop: Shop, till: Till) -> None:
    given = await give(shop, 4_000, days=30)
    number = await failed_order(shop, given)
    await shop.run_due(shop.clock.now() + timedelta(days=2))
    order = await shop.order(number)
    assert (order.state, order.refund_state) == ("cancelled", "refunded")
    assert till.gave == [MONTH - 4_000]
    assert await left(shop, given) == 4_000
    assert (order.refund_minor, order.refund_voucher_minor, order.refund_lost_minor) == (MONTH, 4_000, 0)
    refunded = await facts(shop, number, "order.refunded")
    assert (refunded["amount_minor"], refunded["voucher_minor"], refunded["lost_minor"]) == (MONTH, 4_000, 0)
    async with shop.installation.db.read() as reader:
        (use,) = await uses_of_order(reader, order.id)
    assert (use.amount_minor, use.returned_minor) == (4_000, 4_000)
    await books_agree(shop)


async def test_what_a_voucher_had_paid_that_has_expired_is_lost_and_said_to_be(shop: Shop, till: Till) -> None:
    lasting = await give(shop, 1_000, days=30)
    short = await give(shop, 4_000, days=1)
    number = await failed_order(shop, short, lasting)
    await shop.sql("UPDATE vouchers SET expires_at = valid_from + interval '1 second' WHERE id = %(id)s", {"id": short})
    shop.clock.advance(timedelta(minutes=1))
    await shop.run_due(shop.clock.now() + timedelta(days=2))
    order = await shop.order(number)
    assert till.gave == [MONTH - 5_000]
    assert (await left(shop, lasting), await left(shop, short)) == (1_000, 0)
    assert (order.refund_voucher_minor, order.refund_lost_minor) == (1_000, 4_000)
    assert (await facts(shop, number, "order.refunded"))["lost_minor"] == 4_000
    await books_agree(shop)


async def test_where_vouchers_had_paid_all_the_gateway_gives_nothing_back(shop: Shop, till: Till) -> None:
    given = await give(shop, MONTH)
    number = await failed_order(shop, given)
    await shop.run_due(shop.clock.now() + timedelta(days=2))
    assert till.gave == []
    assert (await shop.order(number)).refund_state == "refunded"
    assert await left(shop, given) == MONTH
    await books_agree(shop)


async def test_unsubscribing_and_taking_a_renewal_back_return_vouchers(
    shop: Shop, till: Till, seller_server: SellerServer
) -> None:
    given = await give(shop, 3 * MONTH)
    number = await shop.place()
    await pay(shop, number, given)
    await shop.run_due()
    renewal = await shop.order_renewal(number)
    await pay(shop, renewal, given)
    await shop.run_due()
    assert await left(shop, given) == MONTH
    await shop.cancel_renewal(number)
    await shop.run_due()
    assert await left(shop, given) == 2 * MONTH
    await shop.unsubscribe(number)
    await shop.run_due()
    assert await left(shop, given) == 3 * MONTH
    assert till.took == till.gave == []
    await books_agree(shop)


async def test_a_partial_refund_is_shared_and_its_remainder_is_money(shop: Shop, till: Till) -> None:
    first, second = await give(shop, 1_000, days=10), await give(shop, 2_000, days=20)
    number = await failed_order(shop, first, second)
    order = await shop.order(number)
    async with shop.installation.db.transaction(shop.world.operator) as tx:
        returned = await vouchers_.give_back(tx, order.id, 5_000, MONTH, 3_000)
    assert (returned.money_minor, returned.voucher_minor) == (3_485, 1_515)
    assert (await left(shop, first), await left(shop, second)) == (505, 1_010)


@given(
    uses=st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
    money=st.integers(0, 10**9),
    part=st.fractions(0, 1),
)
def test_shares_add_up_and_nobody_gets_more_than_he_paid(uses: list[int], money: int, part: Any) -> None:
    paid = sum(uses) + money
    refund = int(paid * part)
    share = vouchers_share(refund, paid, sum(uses))
    parts = divided(share, uses)
    assert sum(parts) == share
    assert all(0 <= one <= use for one, use in zip(parts, uses, strict=True))
    assert 0 <= refund - share <= money


# --- scenes


async def scene(shop: Shop, number: str) -> Track | None:
    order = await shop.order(number)
    async with shop.installation.db.read() as reader:
        return await scene_of_order(reader, order.id)


async def test_an_orders_scene_is_its_buyers_track_or_that_of_a_voucher(shop: Shop) -> None:
    plain = await shop.buy()
    assert await scene(shop, plain) is None
    base, empowerment = await give(shop, 1_000, scene="base"), await give(shop, 1_000, scene="empowerment")
    number = await shop.place()
    await pay(shop, number, base)
    assert await scene(shop, number) == "base"
    both = await shop.place()
    await pay(shop, both, await give(shop, 1_000, scene="base"), empowerment)
    assert await scene(shop, both) == "empowerment"
    assert shop.world.buyer.organisation_id
    async with shop.installation.db.transaction(shop.world.operator) as tx:
        await parties.set_track(tx, shop.world.buyer.organisation_id, "base")
    assert await scene(shop, both) == "base"
    assert await scene(shop, plain) == "base"


async def test_only_buyers_belong_to_a_track(shop: Shop) -> None:
    assert shop.world.seller.organisation_id
    async with shop.installation.db.transaction(shop.world.operator) as tx:
        with pytest.raises(Invalid):
            await parties.set_track(tx, shop.world.seller.organisation_id, "base")


# --- issuing and looking


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("amount_minor", 0),
        ("amount_minor", 2**60),
        ("currency", "XXL"),
        ("name_zh", "  "),
        ("expires_at", datetime.fromisoformat("2026-03-01T00:00:00Z")),
        ("buyer_id", uuid4()),
        ("seller_id", uuid4()),
    ],
)
async def test_a_wrong_voucher_is_not_issued(shop: Shop, field: str, wrong: object) -> None:
    with pytest.raises(Invalid) as invalid:
        await give(shop, **({"amount": 1_000, field: wrong} if field != "amount_minor" else {"amount": wrong}))  # type: ignore[arg-type]
    assert [one.field for one in invalid.value.fields] == [field]


async def test_who_may_see_a_voucher_and_in_which_state_it_is(shop: Shop) -> None:
    spent, usable = await give(shop, 1_000), await give(shop, 1_000)
    upcoming = await give(shop, 1_000, valid_from=shop.clock.now() + timedelta(days=3))
    foreign = await give(shop, 1_000, to=shop.world.other_buyer)
    await pay(shop, await shop.place(), spent)

    async def seen(viewer: Actor, **only: Any) -> list[UUID]:
        async with shop.installation.db.read() as reader:
            return [row.id for row in (await vouchers(reader, viewer, page_request(), VoucherFilter(**only))).items]

    buyer, operator = shop.world.buyer, shop.world.operator
    assert set(await seen(buyer)) == {spent, usable, upcoming}
    assert set(await seen(operator)) == {spent, usable, upcoming, foreign}
    assert set(await seen(operator, text="Zenith")) == {foreign}
    assert set(await seen(operator, buyer_id=buyer.organisation_id)) == {spent, usable, upcoming}
    for state, those in {"spent": [spent], "usable": [usable], "upcoming": [upcoming], "expired": []}.items():
        assert await seen(buyer, state=state) == those
    shop.clock.advance(timedelta(days=31))
    assert set(await seen(buyer, state="expired")) == {usable, upcoming}
    async with shop.installation.db.read() as reader:
        assert await voucher(reader, buyer, foreign) is None
        found = await voucher(reader, shop.world.other_buyer, foreign)
    assert found
    assert await seen(operator, text=found.code[:6]) == [foreign]
