"""Orders that do not exist, for sellers to try their programs with: one of each kind, by the protocol's names.

They are the same for every seller. Their moments follow the clock, so that a term is not over when it is looked at.
Protocol section 6.1.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec

from tradehall.openapi.answers import BuyerInfo, ExtendParam, OrderInfo, OrderLine, ProductInfo, timestamp
from tradehall.protocols.requests import ChargingMode, PeriodType
from tradehall.trading.model import OrderType
from tradehall.trading.terms import later

_BUYER = BuyerInfo(
    customer_id="0a8f3c55d0904b7d8b4c6f7e1d2a9b30",
    customer_name="mock-buyer",
    user_id="5c1de2f4a7b84e0f9a6d3b2c1e0f4a88",
    user_name="mock-user",
    mobile_phone="138****0000",
    email="m***@example.com",
)
_EXTEND = (ExtendParam("emailDomainName", "example.com"),)
_YEARLY = ProductInfo("OFFI100000000000000001", "10000000-0000-4000-8000-000000000001", 10, "模拟商品,标准版")
_MONTHLY = ProductInfo("OFFI100000000000000002", "10000000-0000-4000-8000-000000000001", 10, "模拟商品,标准版")
_LARGER = ProductInfo("OFFI100000000000000003", "10000000-0000-4000-8000-000000000002", 20, "模拟商品,企业版")
_ONCE = ProductInfo("OFFI100000000000000004", "10000000-0000-4000-8000-000000000003", 1, "模拟商品,一次性服务")
_BY_USE = ProductInfo("OFFI100000000000000005", "10000000-0000-4000-8000-000000000004", 1, "模拟商品,按需调用")
_PACKAGE = ProductInfo("OFFI100000000000000006", "10000000-0000-4000-8000-000000000005", 1, "模拟商品,一万次套餐包")


class Mock(msgspec.Struct, frozen=True):
    """An order that does not exist. `amount` is what was paid, or with a minus what is returned.

    Its term began `since` before the order was placed, and lasts to its end or, as for a renewal, one term more.
    """

    order_type: OrderType
    charging_mode: ChargingMode
    product: ProductInfo
    amount: str
    period_type: PeriodType | None = None
    period_number: int | None = None
    since: timedelta = timedelta(0)
    terms: int = 1


_TEN_DAYS = timedelta(days=10)
# The spelling MONTY is the protocol's.
MOCKS: Mapping[str, Mock] = MappingProxyType(
    {
        "MOCKPERIODYEARNEW": Mock("NEW", "PERIOD", _YEARLY, "1999.00", "year", 1),
        "MOCKONETIMENEW": Mock("NEW", "ONE_TIME", _ONCE, "5000.00"),
        "MOCKONDEMAND": Mock("NEW", "ON_DEMAND", _BY_USE, "0.00"),
        "MOCKONDEMANDPKG": Mock("NEW", "ON_DEMAND_PKG", _PACKAGE, "300.00", "year", 1),
        "MOCKPERIODDAYTRIAL": Mock("TRIAL", "PERIOD", _MONTHLY, "0.00", "day", 7),
        "MOCKMONTYTRIALTOFORMAL": Mock("TRIAL_TO_FORMAL", "PERIOD", _MONTHLY, "199.00", "month", 1),
        "MOCKMONTYUNSUBSCRIBE": Mock("UNSUBSCRIBE", "PERIOD", _MONTHLY, "-199.00", "month", 1),
        "MOCKMONTYRENEW": Mock("RENEW", "PERIOD", _MONTHLY, "199.00", "month", 1, _TEN_DAYS, 2),
        "MOCKMONTYCHANGE": Mock("CHANGE", "PERIOD", _LARGER, "133.33", "month", 1, _TEN_DAYS),
    }
)


def mock_order(number: str, now: datetime, zone: ZoneInfo) -> OrderInfo | None:
    """The order of this name as if it had been placed a minute ago; None where there is none of this name."""
    mock = MOCKS.get(number)
    if mock is None:
        return None
    placed_at = now - timedelta(minutes=1)
    expires_at = None
    if mock.period_type and mock.period_number:
        expires_at = later(placed_at - mock.since, mock.period_type, mock.period_number * mock.terms, zone)
    paid = Decimal(mock.amount)
    amount = None if mock.order_type == "UNSUBSCRIBE" else paid
    return OrderInfo(
        order_id=number,
        order_type=mock.order_type,
        create_time=timestamp(placed_at),
        currency=amount,
        currency_after_discount=paid,
        order_line=(
            OrderLine(
                order_line_id=f"{number}-000001",
                charging_mode=mock.charging_mode,
                period_type=mock.period_type,
                period_number=mock.period_number,
                expire_time=timestamp(expires_at) if expires_at else None,
                product_info=(mock.product,),
                currency=amount,
                currency_after_discount=paid,
            ),
        ),
        buyer_info=_BUYER,
        extend_params=_EXTEND,
    )
