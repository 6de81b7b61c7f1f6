"""Where supervised orders meet the rest: money back, renewals, parcels, reviews, languages. Each went wrong once."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from tests.supervised import Supervised, stored
from tests.world import Shop

from tradehall.catalog import actions as catalog
from tradehall.catalog import delivering
from tradehall.catalog.errors import ClassFixed
from tradehall.kernel.due import DueRow
from tradehall.kernel.errors import Problem
from tradehall.kernel.i18n import translator
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.paging import PageRequest
from tradehall.supervision import queries
from tradehall.supervision.carriers import Parcel, Tracking, offered
from tradehall.supervision.flows import FLOWS
from tradehall.trading import actions as trading
from tradehall.trading.errors import AcceptedForGood, ChangeNotOffered
from tradehall.trading.model import Gateway, PaymentIntent, Receipt
from tradehall.trading.subscriptions import Renewal


@pytest.mark.parametrize("kind", ["hardware", "license_code", "service"])
async def test_what_was_accepted_is_not_unsubscribed(supervised: Supervised, shop: Shop, kind: str) -> None:
    number = await supervised.buy(kind)
    await supervised.complete(number)
    with pytest.raises(AcceptedForGood):
        await shop.unsubscribe(number)


class Slow:
    """A gateway that takes half a second, and says when it was asked."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.name, self.asked = gateway, gateway.name, asyncio.Event()

    async def collect(self, intent: PaymentIntent) -> Receipt:
        self.asked.set()
        await asyncio.sleep(0.5)
        return await self.gateway.collect(intent)

    async def give_back(self, key: str, reference: str, amount_minor: int, currency: str) -> Receipt:
        return await self.gateway.give_back(key, reference, amount_minor, currency)


async def test_a_renewal_by_hand_is_paid_while_its_buyer_changes_the_policy(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service", periods=1)
    await supervised.complete(number)
    renewal = await shop.order_renewal(number)
    slow = Slow(shop.installation.gateway)

    async def pay() -> None:
        async with shop.installation.db.transaction(shop.world.buyer, request_id="pay") as tx:
            await trading.pay(tx, slow, number=renewal)

    async def policy() -> None:
        await slow.asked.wait()
        await shop.renew_automatically(number)

    assert await asyncio.gather(pay(), policy(), return_exceptions=True) == [None, None]


async def test_an_automatic_renewal_meets_a_life_step(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service", periods=1)
    await supervised.complete(number)
    await shop.renew_automatically(number)
    shop.clock.move_to((await shop.subscription(number)).expires_at + timedelta(hours=1))
    db, subs = shop.installation.db, shop.installation.subscriptions
    subs._gateway = slow = Slow(shop.installation.gateway)
    held = asyncio.Event()
    take = "DELETE FROM due_rows WHERE kind = %(kind)s RETURNING id, kind, subject_id, due_at, attempts"

    async def life() -> None:
        async with db.transaction(SYSTEM) as tx:
            row = await tx.fetch_one(DueRow, take, {"kind": "subscription.life"})
            held.set()
            # The renewal waits for this due row before it takes the subscription, so the gateway is not asked yet.
            with suppress(TimeoutError):
                await asyncio.wait_for(slow.asked.wait(), 0.3)
            await shop.installation.life.carry_out_step(tx, row)

    async def renewal() -> None:
        await held.wait()
        async with db.transaction(SYSTEM) as tx:
            await subs.carry_out_renewal(tx, await tx.fetch_one(DueRow, take, {"kind": "subscription.renewal"}))

    assert await asyncio.gather(life(), renewal(), return_exceptions=True) == [None, None]


async def test_after_a_review_the_buyer_has_time_before_it_is_accepted_by_itself(
    supervised: Supervised, shop: Shop
) -> None:
    await shop.sql(f"UPDATE organisations SET track='empowerment' WHERE id='{shop.world.buyer.organisation_id}'")
    number = await supervised.buy("hardware", product_class="joint")
    await supervised.act(number, "deliver")  # signed for after two days
    await shop.run_due(timedelta(days=20))
    await supervised.act(number, "approve_delivery")
    await shop.run_due(timedelta(days=1))
    assert (await supervised.flow(number)).state == "open"


async def test_a_rejected_parcel_handed_in_again_is_not_accepted_by_itself(
    supervised: Supervised, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await supervised.buy("hardware")
    signed = shop.clock.now() + timedelta(days=1)

    class Courier:
        async def track(self, parcel: Parcel, now: datetime) -> Tracking:
            return Tracking("signed", signed) if now >= signed else Tracking("in_transit")

    monkeypatch.setattr(shop.installation.supervision.timers, "_carrier", Courier())
    await supervised.act(number, "deliver")
    await shop.run_due(timedelta(days=9))
    await supervised.act(number, "reject_delivery", {"reason": "An empty box"})
    await shop.run_due(timedelta(days=3))
    await supervised.act(number, "deliver")  # the same number again
    await shop.run_due(timedelta(days=1))
    assert (await supervised.flow(number)).state == "open"


async def test_time_frozen_does_not_count_to_acceptance(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver", tracking_number="TEST-1")
    await supervised.act(number, "appeal")
    await shop.run_due(timedelta(days=60))
    await supervised.act(number, "withdraw_appeal")
    going_on = shop.clock.now()
    await shop.run_due(timedelta(days=1))
    held = await supervised.flow(number)
    assert (held.state, held.facts["parcel"]["status"]) == ("open", "signed")
    assert held.due_at
    assert held.due_at >= going_on + timedelta(days=5), (
        "signed for while it was frozen, the days to accept are all there"
    )
    assert held.timers["accept"] >= going_on + timedelta(days=10)


async def test_a_courier_that_is_away_for_two_hours_does_not_end_all_timers(
    supervised: Supervised, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")

    class Away:
        async def track(self, parcel: Parcel, now: datetime) -> Tracking:
            raise OSError("courier away")

    carrier = shop.installation.supervision.timers._carrier
    shop.installation.supervision.timers._carrier = Away()
    shop.clock.move_to((await supervised.flow(number)).timers["track"])
    await shop.run_due(timedelta(hours=3))
    shop.installation.supervision.timers._carrier = carrier
    await shop.run_due(timedelta(days=30))
    assert (await supervised.flow(number)).state == "completed"


async def test_a_released_product_keeps_its_class(supervised: Supervised, shop: Shop) -> None:
    """By it deliveries are reviewed: a seller must not get round that between order and payment."""
    price = await supervised.price("service", product_class="joint")
    ((product, version),) = await shop.sql(
        "SELECT p.id, p.version FROM products p JOIN skus k ON k.product_id = p.id JOIN prices r ON r.sku_id = k.id "
        "WHERE r.id = %(price)s",
        {"price": price},
    )
    seller = shop.world.seller.organisation_id
    assert seller
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        with pytest.raises(ClassFixed):
            await delivering.change_delivery(
                tx, seller_id=seller, product_id=product, version=version, delivery_type="service",
                product_class="common", asks_requirement=True, delivery_days=None, endpoint_id=None,
            )  # fmt: skip


async def test_a_change_at_renewal_of_what_people_deliver_is_refused(supervised: Supervised, shop: Shop) -> None:
    seller = shop.world.seller.organisation_id
    assert seller
    async with shop.installation.db.transaction(SYSTEM) as tx:
        product = await catalog.create_product(
            tx,
            seller_id=seller,
            endpoint_id=shop.world.endpoint,
            slug="with-endpoint",
            category="industry",
            name_en="A",
            name_zh="商品",
            summary_en="x",
            summary_zh="x",
            delivery_type="service",
        )
        sku = await catalog.add_sku(
            tx,
            product_id=product,
            name_en="Standard",
            name_zh="标准版",
            quantity_name_en="Users",
            quantity_name_zh="用户",
            quantity_min=1,
            quantity_max=100,
        )
        price = await catalog.add_price(
            tx,
            product_id=product,
            sku_id=sku,
            charging_mode="PERIOD",
            amount_minor=1000,
            currency="CNY",
            period_type="month",
        )
        await catalog.put_on_sale(tx, seller_id=seller, product_id=product, version=1)
    number = await supervised.place(price, periods=1)
    await shop.pay(number)
    await supervised.complete(number)
    held = await shop.subscription(number)
    shop.clock.move_to(held.expires_at - timedelta(days=10))
    with pytest.raises(ChangeNotOffered):
        async with shop.installation.db.transaction(shop.world.buyer, request_id="renew") as tx:
            await shop.installation.subscriptions.renew(tx, held.id, Renewal(1, None, 5))


async def test_a_thousand_earlier_files_do_not_hide_what_is_handed_in_now(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("license_offline")
    held = await supervised.flow(number)
    async with shop.installation.db.transaction(shop.world.seller, request_id="x") as tx:
        for n in range(1000):
            await tx.execute(
                "INSERT INTO supervision_evidence (id, flow_id, file_id, side, verb, kind, act, created_at)"
                " VALUES (%(i)s,%(f)s,%(x)s,'seller','deliver','other_proof',1,%(n)s)",
                {"i": new_id(tx.now), "f": held.id, "x": await stored(tx, shop.world.seller, b"%d" % n), "n": tx.now},
            )
    shop.clock.move_to(shop.clock.now() + timedelta(minutes=1))
    await supervised.act(number, "deliver")


async def test_who_is_told_of_a_freeze_is_led_to_where_it_can_be_renewed(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service", periods=1)
    await supervised.complete(number)
    await shop.run_due(timedelta(days=60))
    links = await shop.sql("SELECT DISTINCT link FROM notices WHERE kind IN ('expired', 'frozen')")
    assert all("/applications/" in link for (link,) in links), links


async def test_what_was_said_of_a_rejected_delivery_no_longer_counts(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service", periods=1)
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    await supervised.act(number, "deliver", actual_start="2026-03-02")
    await supervised.act(number, "reject_delivery", {"reason": "x"})
    assert (await supervised.flow(number)).begins_at is None


async def test_a_buyer_finds_its_order_by_the_product(supervised: Supervised, shop: Shop) -> None:
    seller = shop.world.seller.organisation_id
    assert seller
    async with shop.installation.db.transaction(SYSTEM) as tx:
        for n in range(60):
            await catalog.create_product(
                tx,
                seller_id=seller,
                endpoint_id=None,
                slug=f"decoy-{n}",
                category="industry",
                name_en=f"A decoy service {n}",
                name_zh="x",
                summary_en="x",
                summary_zh="x",
                delivery_type="service",
            )
    number = await supervised.buy("service")
    async with shop.installation.db.read() as reader:
        found = await queries.flows(reader, shop.world.buyer, PageRequest(), queries.FlowFilter(product="service"))
    assert [one.order_number for one in found.items] == [number]


async def test_paying_says_how_the_order_stands(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.place(await supervised.price("image"))
    async with shop.installation.db.transaction(shop.world.buyer, request_id="pay") as tx:
        said = await trading.pay(tx, shop.installation.gateway, number=number)
    assert said == (await shop.order(number)).state


async def test_a_password_is_kept_as_it_was_typed(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("saas_manual")
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    await supervised.act(number, "deliver", password=" two words ")
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        assert await shop.installation.supervision.reveal(tx, number) == {"password": " two words "}


async def test_the_authorisation_code_is_not_in_the_journal(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("license_code")
    await supervised.complete(number)
    async with shop.installation.db.read() as reader:
        code = await queries.code_of(reader, (await supervised.flow(number)).order_id)
    assert code not in str(await shop.events(number))


async def test_where_it_stands_is_told_in_the_readers_language(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    with pytest.raises(Problem) as caught:
        await supervised.act(number, "accept", {})
    said = translator("zh").format(caught.value.message_id(), **caught.value.values)
    assert "Submit requirement" not in said, said


def test_outside_a_sandbox_the_test_carrier_carries_nothing() -> None:
    (hardware,) = FLOWS["hardware"]
    verb = hardware.verb("delivery", "deliver")
    assert verb
    for sandbox in (True, False):
        (courier,) = [field for field in offered(verb.fields, sandbox) if field.key == "courier"]
        assert ("test" in dict(courier.choices)) == sandbox
