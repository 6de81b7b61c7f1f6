"""The order query: what sellers are told of every kind of order, and what they are refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.openapi.conftest import ProgramOf
from tests.world import SellerServer, Shop, World

from tradehall.openapi.answers import OrderInfo
from tradehall.openapi.mocks import MOCKS
from tradehall.openapi.routes import PREFIX
from tradehall.protocols.requests import ChargingMode
from tradehall.trading.model import OrderType


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


async def test_an_order_is_told_before_and_after_it_is_opened(
    shop: Shop, world: World, program_of: ProgramOf, seller_server: SellerServer
) -> None:
    program = await program_of(world.seller)
    number = await shop.buy(world.monthly, periods=3)
    told = await program.order(number)
    buyer, price = world.buyer.organisation_id, await shop.sql(f"SELECT code FROM prices WHERE id = '{world.monthly}'")
    sku = await shop.sql(f"SELECT code FROM skus WHERE id = '{world.standard}'")
    assert buyer
    assert told == {
        "orderId": number,
        "orderType": "NEW",
        "createTime": "20260302090000",
        "currency": 297.0,
        "currencyAfterDiscount": 297.0,
        "orderLine": [
            {
                "orderLineId": f"{number}-000001",
                "chargingMode": "PERIOD",
                "periodType": "month",
                "periodNumber": 3,
                "expireTime": "20260602090000",  # three months from being paid: an estimate
                "productInfo": [
                    {
                        "productId": price[0][0],
                        "skuCode": sku[0][0],
                        "linearValue": 1,
                        "productName": "北风套件,标准版",
                    }
                ],
                "currency": 297.0,
                "currencyAfterDiscount": 297.0,
            }
        ],
        "buyerInfo": {"customerId": buyer.hex, "customerName": "Acme Trading"},
    }
    shop.clock.advance(timedelta(hours=1))
    await shop.run_due()
    held = await shop.subscription(number)
    opened = await program.line(number)
    assert held.expires_at
    assert moment(opened["expireTime"]) == held.expires_at == datetime(2026, 6, 2, 10, tzinfo=UTC)
    # What was renewed later does not change what the first order brought.
    await shop.renew(number)
    await shop.run_due()
    assert await program.line(number) == opened


async def test_a_line_may_be_named(shop: Shop, world: World, program_of: ProgramOf) -> None:
    program = await program_of(world.seller)
    number = await shop.buy()
    named = await program.call([("orderId", number), ("orderLineId", f"{number}-000001")])
    assert named.json() == (await program.call([("orderId", number)])).json()
    assert named.headers["Content-Type"] == "application/json;charset=UTF-8"
    other = await program.call([("orderId", number), ("orderLineId", f"{number}-000002")])
    assert (other.status_code, other.json()) == (
        400,
        {"resultCode": "MKT.0101", "resultMsg": f"Invalid parameter: order {number} has no line {number}-000002"},
    )
    assert (await program.call([("orderId", number), ("orderLineId", "")])).status_code == 200


async def test_amounts_are_exact_numbers(shop: Shop, world: World, program_of: ProgramOf) -> None:
    program = await program_of(world.seller)
    answer = await program.call([("orderId", await shop.buy(world.seats_monthly, quantity=15))])
    assert '"currency":180.00,"currencyAfterDiscount":180.00' in answer.text
    assert answer.json()["orderInfo"]["orderLine"][0]["productInfo"][0]["linearValue"] == 15


async def test_what_is_not_bought_by_the_period_has_none(shop: Shop, world: World, program_of: ProgramOf) -> None:
    program = await program_of(world.seller)
    for price, mode, amount in ((world.one_time, "ONE_TIME", 5000), (world.on_demand, "ON_DEMAND", 0)):
        line = await program.line(await shop.buy(price, periods=None))
        assert (line["chargingMode"], line["currency"]) == (mode, amount)
        assert not {"periodType", "periodNumber", "expireTime"} & line.keys()


async def test_a_trial_its_conversion_a_renewal_and_a_change(
    shop: Shop, world: World, program_of: ProgramOf, seller_server: SellerServer
) -> None:
    program = await program_of(world.seller)
    trial = await shop.try_out()
    await shop.run_due()
    converted = await shop.convert(trial)
    await shop.run_due()
    renewed = await shop.renew(trial, price=world.yearly)
    await shop.run_due()
    changed = await shop.change(trial, world.seats, 20)
    await shop.run_due()
    told = {number: await program.order(number) for number in (trial, converted, renewed, changed)}
    lines = {number: info["orderLine"][0] for number, info in told.items()}
    said = [
        (
            told[number]["orderType"],
            line["periodType"],
            line["periodNumber"],
            line["expireTime"],
            line["productInfo"][0]["linearValue"],
        )
        for number, line in lines.items()
    ]
    assert said == [
        ("TRIAL", "day", 14, "20260316090000", 1),
        ("TRIAL_TO_FORMAL", "month", 1, "20260416090000", 1),
        ("RENEW", "year", 1, "20270416090000", 1),
        # The term that it changes is the renewal's, and ends when that does.
        ("CHANGE", "year", 1, "20270416090000", 20),
    ]
    assert told[trial]["currency"] == told[trial]["currencyAfterDiscount"] == 0
    assert (told[converted]["currency"], told[renewed]["currency"]) == (99, 999)
    assert told[changed]["currency"] > 0
    assert lines[renewed]["productInfo"][0]["productName"] == "北风套件,标准版"
    assert lines[changed]["productInfo"][0]["productName"] == "北风套件,团队版"


async def test_money_that_goes_back_is_negative(
    shop: Shop, world: World, program_of: ProgramOf, seller_server: SellerServer
) -> None:
    program = await program_of(world.seller)
    number = await shop.buy(world.monthly, periods=2)
    await shop.run_due()
    await shop.renew(number, periods=3)
    await shop.run_due()
    cancelled = await shop.cancel_renewal(number)
    await shop.run_due()
    back = await program.order(cancelled)
    (line,) = back["orderLine"]
    assert back["orderType"] == "UNSUBSCRIBE"
    assert "currency" not in back
    assert "currency" not in line
    assert back["currencyAfterDiscount"] == line["currencyAfterDiscount"] == -297
    # The term that was taken back, and when the rest ends now.
    assert (line["periodType"], line["periodNumber"], line["expireTime"]) == ("month", 3, "20260502090000")
    ended = await program.order(await shop.unsubscribe(number))
    (line,) = ended["orderLine"]
    assert (ended["orderType"], ended["currencyAfterDiscount"]) == ("UNSUBSCRIBE", -198)
    assert (line["periodType"], line["periodNumber"]) == ("month", 2)


async def test_the_number_under_which_a_failed_order_is_released_can_be_asked_for(
    shop: Shop, world: World, program_of: ProgramOf, seller_server: SellerServer
) -> None:
    program = await program_of(world.seller)
    seller_server.manner = "trouble"
    number = await shop.buy()
    await shop.run_due(timedelta(hours=5))
    refund = (await shop.order(number)).refund_number
    assert refund
    assert refund != number
    back = await program.order(refund)
    assert (back["orderId"], back["orderType"], back["currencyAfterDiscount"]) == (refund, "UNSUBSCRIBE", -99)
    (line,) = back["orderLine"]
    assert (line["orderLineId"], line["periodType"], line["periodNumber"]) == (f"{refund}-000001", "month", 1)
    assert (await program.order(number))["currencyAfterDiscount"] == 99
    other = await (await program_of(world.other_seller)).call([("orderId", refund)])
    assert other.json()["resultCode"] == "MKT.0150"


async def test_how_to_reach_the_buyer_is_told_where_the_seller_asked_for_it(
    shop: Shop, world: World, program_of: ProgramOf
) -> None:
    program = await program_of(world.seller)
    number = await shop.buy()
    assert "email" not in (await program.order(number))["buyerInfo"]
    await shop.sql(f"UPDATE endpoints SET asks_contact = true WHERE id = '{world.endpoint}'")
    assert (await program.order(number))["buyerInfo"]["email"] == world.email(world.buyer)


# --- Orders to try with ----------------------------------------------------------------------------------------------

# (type, mode, period type, number of periods, whether it ends, sign of what was paid)
KINDS: dict[str, tuple[OrderType, ChargingMode, str | None, int | None, int]] = {
    "MOCKPERIODYEARNEW": ("NEW", "PERIOD", "year", 1, 1),
    "MOCKONETIMENEW": ("NEW", "ONE_TIME", None, None, 1),
    "MOCKONDEMAND": ("NEW", "ON_DEMAND", None, None, 0),
    "MOCKONDEMANDPKG": ("NEW", "ON_DEMAND_PKG", "year", 1, 1),
    "MOCKPERIODDAYTRIAL": ("TRIAL", "PERIOD", "day", 7, 0),
    "MOCKMONTYTRIALTOFORMAL": ("TRIAL_TO_FORMAL", "PERIOD", "month", 1, 1),
    "MOCKMONTYUNSUBSCRIBE": ("UNSUBSCRIBE", "PERIOD", "month", 1, -1),
    "MOCKMONTYRENEW": ("RENEW", "PERIOD", "month", 1, 1),
    "MOCKMONTYCHANGE": ("CHANGE", "PERIOD", "month", 1, 1),
}


def test_there_are_the_nine_documented_ones() -> None:
    assert MOCKS.keys() == KINDS.keys()


@pytest.mark.parametrize("number", KINDS)
async def test_an_order_to_try_with_is_whole(shop: Shop, world: World, program_of: ProgramOf, number: str) -> None:
    order_type, mode, period_type, period_number, sign = KINDS[number]
    now = shop.clock.now()
    for seller in (world.seller, world.other_seller):
        program = await program_of(seller)
        answer = await program.call([("orderId", number), ("orderLineId", f"{number}-000001")])
        assert answer.status_code == 200
        info = msgspec.convert(answer.json()["orderInfo"], OrderInfo)
        (line,) = info.order_line
        assert (info.order_id, info.order_type, line.order_line_id) == (number, order_type, f"{number}-000001")
        assert (line.charging_mode, line.period_type, line.period_number) == (mode, period_type, period_number)
        assert moment(info.create_time) <= now
        assert (line.expire_time is not None) == (period_type is not None)
        assert line.expire_time is None or moment(line.expire_time) > now
        paid = line.currency_after_discount
        assert paid.compare(Decimal(0)) == sign
        assert line.currency == (None if sign < 0 else paid)
        (product,) = line.product_info
        assert product.product_id
        assert product.sku_code
        assert product.product_name
        assert product.linear_value > 0
        assert info.buyer_info
        assert info.extend_params


# --- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ([], 400, {"resultCode": "MKT.0101", "resultMsg": "Invalid parameter: the parameter orderId is missing"}),
        (
            [("orderId", "")],
            400,
            {"resultCode": "MKT.0101", "resultMsg": "Invalid parameter: the parameter orderId is missing"},
        ),
        (
            [("orderLineId", "CS1-000001")],
            400,
            {"resultCode": "MKT.0101", "resultMsg": "Invalid parameter: the parameter orderId is missing"},
        ),
        (
            [("orderId", "CS1"), ("orderID", "CS1")],
            400,
            {"resultCode": "MKT.0101", "resultMsg": "Invalid parameter: there is no parameter orderID"},
        ),
        (
            [("orderId", "CS1"), ("orderId", "CS2")],
            400,
            {"resultCode": "MKT.0101", "resultMsg": "Invalid parameter: the parameter orderId was sent more than once"},
        ),
        (
            [("orderId", "x" * 65)],
            500,
            {
                "resultCode": "MKT.0100",
                "resultMsg": "Failure of input parameter: orderId must be 1 to 64 letters, digits, hyphens or "
                "underscores",
                "extra_info": {"parameter": "orderId"},
            },
        ),
        (
            [("orderId", "CS1"), ("orderLineId", "云\x00 '\"")],
            500,
            {
                "resultCode": "MKT.0100",
                "resultMsg": "Failure of input parameter: orderLineId must be 1 to 64 letters, digits, hyphens or "
                "underscores",
                "extra_info": {"parameter": "orderLineId"},
            },
        ),
        (
            [("orderId", "CS2603020900ZZZZZ")],
            400,
            {"resultCode": "MKT.0101", "resultMsg": "Invalid parameter: there is no order CS2603020900ZZZZZ"},
        ),
        (
            [("orderId", "MOCKPERIODYEARNEW"), ("orderLineId", "MOCKPERIODYEARNEW-000002")],
            400,
            {
                "resultCode": "MKT.0101",
                "resultMsg": "Invalid parameter: order MOCKPERIODYEARNEW has no line MOCKPERIODYEARNEW-000002",
            },
        ),
    ],
)
async def test_wrong_parameters(
    world: World, program_of: ProgramOf, query: list[tuple[str, str]], status: int, told: dict[str, Any]
) -> None:
    answer = await (await program_of(world.seller)).call(query)
    assert (answer.status_code, answer.json()) == (status, told)


async def test_a_message_never_grows_beyond_what_is_documented(world: World, program_of: ProgramOf) -> None:
    answer = await (await program_of(world.seller)).call([("x" * 5000, "1")])
    assert answer.json()["resultCode"] == "MKT.0101"
    assert len(answer.json()["resultMsg"]) <= 1024


async def test_an_order_of_another_seller(shop: Shop, world: World, program_of: ProgramOf) -> None:
    number = await shop.buy()
    answer = await (await program_of(world.other_seller)).call([("orderId", number)])
    assert answer.status_code == 401
    assert answer.json() == {
        "resultCode": "MKT.0150",
        "resultMsg": f"Illegal operation: order {number} is not an order of this seller",
        "extra_info": {"orderId": number},
    }
    assert "WWW-Authenticate" not in answer.headers
    named = await (await program_of(world.other_seller)).call([("orderId", number), ("orderLineId", "CS1")])
    assert named.json()["resultCode"] == "MKT.0150"


async def test_an_unpaid_order_exists_for_no_seller(shop: Shop, world: World, program_of: ProgramOf) -> None:
    number = await shop.place()
    for seller in (world.seller, world.other_seller):
        answer = await (await program_of(seller)).call([("orderId", number)])
        assert answer.json() == {
            "resultCode": "MKT.0101",
            "resultMsg": f"Invalid parameter: there is no order {number}",
        }
    await shop.cancel(number)
    cancelled = await (await program_of(world.seller)).call([("orderId", number)])
    assert cancelled.json()["resultCode"] == "MKT.0101"


async def test_what_is_sent_otherwise_is_told_with_a_code_too(world: World, program_of: ProgramOf) -> None:
    program = await program_of(world.seller)
    posted = await program.call([("orderId", "MOCKONDEMAND")], method="POST", body=b"{}")
    assert (posted.status_code, posted.json()) == (
        400,
        {"resultCode": "MKT.0199", "resultMsg": "Request parameter error: this interface does not take POST"},
    )
    elsewhere = await program.call(path=f"{PREFIX}/order/other")
    assert (elsewhere.status_code, elsewhere.json()) == (
        400,
        {
            "resultCode": "MKT.0199",
            "resultMsg": f"Request parameter error: there is no interface at {PREFIX}/order/other",
        },
    )
