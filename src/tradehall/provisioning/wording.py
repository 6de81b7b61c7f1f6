"""What a call says to the seller, in the protocol's terms and for whichever generation."""

from datetime import datetime
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.money import decimal_text
from tradehall.protocols.requests import (
    ChargingMode,
    CheckChange,
    NotifyOrder,
    OpenInstance,
    PeriodType,
    Purchase,
    QueryInstances,
    RefreshInstance,
    ReleaseInstance,
    Request,
    Scene,
    SetStatus,
    UpgradeInstance,
)
from tradehall.provisioning.model import ClaimedCall, business_id
from tradehall.trading.terms import end_in_sql

# A V1 seller is told when the term will end: what is opened begins its term when it is open, so until then that is an
# estimate from the time of asking.
_PURCHASE: LiteralString = f"""
    SELECT o.buyer_id AS customer_id, b.name_en AS customer_name, k.code AS sku_code, r.code AS product_id,
           l.charging_mode, l.period_type, l.period_number, l.quantity, o.total_minor, o.currency,
           o.order_type = 'TRIAL' AS trial, w.email,
           coalesce(s.expires_at, {end_in_sql("c.created_at")}) AS expires_at
    FROM seller_calls c
    JOIN orders o ON o.id = c.order_id
    JOIN order_lines l ON l.order_id = o.id
    JOIN organisations b ON b.id = o.buyer_id
    JOIN people w ON w.id = o.placed_by
    JOIN skus k ON k.id = l.sku_id
    JOIN prices r ON r.id = l.price_id
    LEFT JOIN subscriptions s ON s.id = c.instance_id
    WHERE c.id = %(call)s
"""


class _Bought(msgspec.Struct, frozen=True):
    customer_id: UUID
    customer_name: str
    sku_code: str
    product_id: str
    charging_mode: ChargingMode
    period_type: PeriodType | None
    period_number: int | None
    quantity: int
    total_minor: int
    currency: str
    trial: bool
    email: str
    expires_at: datetime | None


def needs_purchase(call: ClaimedCall) -> bool:
    """Whether the call tells who bought what; sellers of the second generation query the order instead."""
    return call.generation == "V1" and call.activity == "newInstance"


async def purchase(reader: Reader, call: ClaimedCall, zone: str) -> Purchase:
    """Who bought what. The buyer's address is there only where the seller asked for it."""
    bought = await reader.fetch_one(_Bought, _PURCHASE, {"call": call.id, "zone": zone})
    assert bought is not None, "a call about an order has one"
    return Purchase(
        customer_id=bought.customer_id.hex,
        customer_name=bought.customer_name,
        sku_code=bought.sku_code,
        product_id=bought.product_id,
        charging_mode=bought.charging_mode,
        period_type=bought.period_type,
        period_number=bought.period_number,
        expires_at=bought.expires_at,
        quantity=bought.quantity,
        quantity_parameter="amount",
        amount=Decimal(decimal_text(bought.total_minor, bought.currency)),
        trial=bought.trial,
        email=bought.email if call.asks_contact else None,
    )


def request_for(call: ClaimedCall, bought: Purchase | None) -> Request:
    """What a call asks, built from what was written down with it; `bought` where `needs_purchase` says so."""
    said = call.parameters
    match call.purpose:
        case "details" if call.activity == "newInstance":
            return OpenInstance(call.order_number, call.line_number, business_id(call.id, call.attempts), bought)
        case "open":
            return OpenInstance(call.order_number, call.line_number, business_id(call.id, call.attempts), bought)
        case "await_opening" | "investigate" | "details":
            return QueryInstances((said["instance"],))
        case "renew":
            refund = said.get("refund")
            return RefreshInstance(
                scene=msgspec.convert(said["scene"], Scene),
                order_id=refund or call.order_number,
                order_line_id=f"{refund}-000001" if refund else call.line_number,
                instance_id=said["instance"],
                expires_at=datetime.fromisoformat(said["expires_at"]),
                product_id=said.get("product"),
                period_type=msgspec.convert(said.get("period_type"), PeriodType | None),
                period_number=int(said["period_number"]) if "period_number" in said else None,
                amount=Decimal(said.get("amount", "0")),
            )
        case "change":
            return UpgradeInstance(
                said["instance"], call.order_number, call.line_number, said["sku"], said["product"],
                int(said["quantity"]), "amount",
            )  # fmt: skip
        case "check":
            return CheckChange(
                said["instance"], said["sku"], said["product"], int(said["quantity"]), said["product_name"]
            )
        case "freeze" | "unfreeze":
            mode = msgspec.convert(said["mode"], ChargingMode)
            return SetStatus(said["instance"], call.order_number, call.purpose == "freeze", mode)
        case "release":
            refund = said.get("refund")
            line = f"{refund}-000001" if refund else None
            amount = Decimal(said["amount"]) if "amount" in said else None
            return ReleaseInstance(said["instance"], call.order_number, refund, line, amount)
        case "notify":
            return NotifyOrder(call.order_number, call.line_number)
