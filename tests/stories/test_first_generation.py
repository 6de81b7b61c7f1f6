"""Sellers of the protocol's first generation: the same lives, told in signed queries and signed answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.world import KEY, SellerServer, Shop

from tradehall_seller.crypt import decrypt

DAYS = timedelta(days=1)
HOURS = timedelta(hours=1)


@pytest.fixture(params=["aes256", "aes128"])
async def old_seller(request: pytest.FixtureRequest, shop: Shop) -> AsyncIterator[SellerServer]:
    """A sample seller of the first generation, with either encryption."""
    server = SellerServer(shop.clock, "V1", encryption=request.param, hang_for=5.0)
    await server.up()
    await shop.sql(
        f"UPDATE endpoints SET address = '{server.url}', generation = 'V1', encryption = '{request.param.upper()}'"
    )
    yield server
    await server.down()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_an_instance_opens_with_its_address_and_account_in_one_answer(
    shop: Shop, old_seller: SellerServer
) -> None:
    number = await shop.buy(periods=3)
    await shop.run_due()
    instance = await shop.instance(number)
    assert (instance.state, instance.details_at) == ("running", shop.clock.now())
    assert instance.front_end_url
    assert instance.has_password
    assert [call.activity for call in await shop.calls(number)] == ["newInstance"], "nobody has to be asked again"
    (told,) = old_seller.bodies("newInstance")
    assert told["orderId"] == number
    assert (told["chargingMode"], told["periodType"], told["periodNumber"]) == ("1", "month", "3")
    assert (told["orderAmount"], told["expireTime"], told["testFlag"]) == ("297.00", "20260602090000", "0")
    assert "email" not in told
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        assert await shop.installation.provisioning.reveal_password(tx, instance.id)


async def test_a_seller_that_asks_for_it_is_told_the_buyers_address(shop: Shop, old_seller: SellerServer) -> None:
    await shop.sql("UPDATE endpoints SET asks_contact = true")
    number = await shop.buy()
    await shop.run_due()
    (told,) = old_seller.bodies("newInstance")
    chosen = old_seller.seller.encryption  # type: ignore[union-attr]
    assert decrypt(told["email"], KEY, chosen) == shop.world.email(shop.world.buyer)
    query = (await shop.attempts(await shop.call(number, "newInstance")))[0]
    assert shop.world.email(shop.world.buyer) not in (query.url or "")


async def test_a_whole_life(shop: Shop, old_seller: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due()
    renewal = await shop.renew(number, 1, shop.world.yearly)
    await shop.run_due()
    (told,) = old_seller.bodies("refreshInstance")
    assert (told["orderId"], told["expireTime"], told["periodType"], told["orderAmount"]) == (
        renewal, "20270402090000", "year", "999.00",
    )  # fmt: skip
    assert "productId" in told
    cancelled = await shop.cancel_renewal(number)
    await shop.run_due()
    told = old_seller.bodies("refreshInstance")[-1]
    assert (told["orderId"], told["expireTime"], told["orderAmount"]) == (cancelled, "20260402090000", "-999.00")

    changed = await shop.change(number, shop.world.seats, 10)
    await shop.run_due()
    (told,) = old_seller.bodies("upgrade")
    assert (told["orderId"], told["amount"]) == (changed, "10")

    await shop.run_due(at("2026-04-05T09:00"))
    assert (await shop.instance(number)).state == "frozen"
    (told,) = old_seller.bodies("expireInstance")
    assert told["orderId"] == number, "the original order"
    await shop.renew(number)
    await shop.run_due()
    assert (await shop.instance(number)).state == "running", "the renewal itself thaws; there is nothing else to send"
    assert (await shop.kinds(number))[-2:] == ["subscription.renewed", "subscription.thawed"]
    assert [entry.frozen for entry in old_seller.seller.book._by_id.values()] == [False]

    await shop.run_due(at("2026-06-01T00:00"))
    assert (await shop.instance(number)).state == "released"
    (told,) = old_seller.bodies("releaseInstance")
    assert told["orderId"] == number


async def test_what_is_paid_by_use_is_frozen_by_the_interface_for_that(shop: Shop, old_seller: SellerServer) -> None:
    number = await shop.buy(shop.world.on_demand, periods=None)
    await shop.run_due()
    await shop.suspend(number)
    await shop.run_due()
    await shop.suspend(number, False)
    await shop.run_due()
    assert [body["instanceStatus"] for body in old_seller.bodies("instanceStatus")] == ["FREEZE", "NORMAL"]
    assert (await shop.instance(number)).state == "running"


async def test_details_are_asked_for_by_asking_for_the_instance_again(shop: Shop, old_seller: SellerServer) -> None:
    number = await shop.buy()
    await shop.run_due(1 * HOURS)
    instance = await shop.instance(number)
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        assert await shop.installation.provisioning.refresh_details(tx, instance.id)
    await shop.run_due()
    assert [call.activity for call in await shop.calls(number)] == ["newInstance", "newInstance"]
    assert (await shop.instance(number)).details_at == shop.clock.now()
    assert len(old_seller.seller.book) == 1


@pytest.mark.parametrize("breach", ["no_body_sign", "unquoted_body_sign", "wrong_body_sign"])
async def test_an_answer_that_nobody_signed_does_not_count(shop: Shop, old_seller: SellerServer, breach: str) -> None:
    old_seller.manner = breach  # type: ignore[assignment]
    number = await shop.buy()
    await shop.run_due()
    (first, *_) = await shop.attempts(await shop.call(number, "newInstance"))
    assert first.verdict == "unreadable"
    assert (first.trouble or "").startswith("body_sign_")
    assert (await shop.order(number)).state == "processing"
    old_seller.manner = "instant"
    await shop.run_due(1 * HOURS)
    assert (await shop.order(number)).state == "completed"
    assert len(old_seller.seller.book) == 1


@pytest.mark.parametrize("breach", ["encrypt_type_number", "encrypt_type_absent"])
async def test_what_the_documents_forbid_and_sellers_do_is_understood(
    shop: Shop, old_seller: SellerServer, breach: str
) -> None:
    old_seller.manner = breach  # type: ignore[assignment]
    number = await shop.buy()
    await shop.run_due()
    assert (await shop.order(number)).state == "completed"


async def test_a_password_nobody_can_read_costs_nobody_the_order(shop: Shop, old_seller: SellerServer) -> None:
    old_seller.manner = "undecryptable_password"
    number = await shop.buy()
    await shop.run_due()
    assert (await shop.order(number)).state == "completed"
    (first,) = await shop.attempts(await shop.call(number, "newInstance"))
    assert "cannot_decrypt" in first.warnings
    assert not (await shop.instance(number)).has_password


async def test_an_opening_under_way_is_asked_for_again(shop: Shop, old_seller: SellerServer) -> None:
    old_seller.manner = "slow"
    old_seller.seller.ready_after = 500
    number = await shop.buy()
    await shop.run_due(20 * timedelta(minutes=1))
    assert (await shop.order(number)).state == "completed"
    assert {call.activity for call in await shop.calls(number)} == {"newInstance"}
    assert "call.failed" not in await shop.kinds(number), "being under way is no failure"


async def test_a_call_that_the_chosen_generation_cannot_say_is_trouble_with_a_name(
    shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy(shop.world.seats_monthly, quantity=20)
    await shop.run_due(2 * DAYS)
    renewal = await shop.order_renewal(number, 1, None, 10)
    await shop.sql("UPDATE endpoints SET generation = 'V1'")
    await shop.run_due(1 * HOURS)
    (check,) = await shop.calls(renewal)
    assert (check.state, check.trouble) == ("failed", "not_in_generation")
    assert (await shop.order(renewal)).cancel_reason == "seller_refused"


async def test_a_renewal_does_not_let_a_suspended_application_be_used_again(
    shop: Shop, old_seller: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    await shop.suspend(number)
    await shop.run_due()
    await shop.renew(number)
    await shop.run_due()
    assert len(old_seller.bodies("expireInstance")) == 2
    assert [entry.frozen for entry in old_seller.seller.book._by_id.values()] == [True]
    assert (await shop.instance(number)).state == "frozen"
