"""What the open APIs answer, in the protocol's names. Protocol section 6.1.

Members without a value are left out; moments are UTC, `yyyyMMddHHmmss`; amounts are numbers in the currency's major
unit.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from litestar import Response

from tradehall.openapi.errors import Refusal
from tradehall.protocols.requests import ChargingMode, PeriodType
from tradehall.trading.model import OrderType

SUCCESS = "MKT.0000"
MEDIA_TYPE = "application/json;charset=UTF-8"

_encode = msgspec.json.Encoder(decimal_format="number").encode


class ExtendParam(msgspec.Struct, frozen=True):
    """Something a buyer told the seller when ordering."""

    name: str
    value: str


class ProductInfo(msgspec.Struct, frozen=True, rename="camel"):
    """What was bought: `product_id` is the way to buy, `sku_code` the specification, `linear_value` how many."""

    product_id: str
    sku_code: str
    linear_value: int
    product_name: str


class BuyerInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Who bought it. How to reach them is told where the seller asked for it."""

    customer_id: str
    customer_name: str
    user_id: str | None = None
    user_name: str | None = None
    mobile_phone: str | None = None
    email: str | None = None

    def __repr__(self) -> str:
        return "BuyerInfo(…)"  # people do not belong into logs


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A line of an order. `currency` is its amount, absent where money goes back; `currency_after_discount` is what was
    paid, negative where money goes back."""

    order_line_id: str
    charging_mode: ChargingMode
    period_type: PeriodType | None = None
    period_number: int | None = None
    expire_time: str | None = None
    product_info: tuple[ProductInfo, ...]
    currency: Decimal | None = None
    currency_after_discount: Decimal
    extend_params: tuple[ExtendParam, ...] = ()


class OrderInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An order. `currency` and `currency_after_discount` are the sums of its lines'."""

    order_id: str
    order_type: OrderType
    create_time: str
    currency: Decimal | None = None
    currency_after_discount: Decimal
    order_line: tuple[OrderLine, ...]
    buyer_info: BuyerInfo | None = None
    extend_params: tuple[ExtendParam, ...] = ()


class OrderAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """An order that was asked for."""

    order_info: OrderInfo
    result_code: str = SUCCESS
    result_msg: str = "Success"


class FailureAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why nothing is told."""

    result_code: str = msgspec.field(name="resultCode")
    result_msg: str = msgspec.field(name="resultMsg")
    extra_info: dict[str, Any] | None = None


def timestamp(at: datetime) -> str:
    """A moment as the protocol writes it, in UTC."""
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}"


def success(answer: OrderAnswer) -> Response[bytes]:
    return _response(answer, 200)


def failure(refusal: Refusal, headers: dict[str, str]) -> Response[bytes]:
    extra = refusal.extra if refusal.has_extra else None
    told = FailureAnswer(result_code=refusal.code, result_msg=refusal.result_message, extra_info=extra)
    return _response(told, refusal.status, headers)


def _response(
    answer: OrderAnswer | FailureAnswer, status: int, headers: dict[str, str] | None = None
) -> Response[bytes]:
    return Response(
        _encode(answer),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
