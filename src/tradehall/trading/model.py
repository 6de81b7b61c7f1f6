"""Orders and their lines, the states they move through, and the payment gateway's small interface."""

from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec

from tradehall.catalog.model import ChargingMode
from tradehall.trading.pricing import PriceStep, purchase_steps
from tradehall.trading.terms import TermUnit

OrderState = Literal["pending_payment", "processing", "completed", "cancelled"]
OrderType = Literal["NEW", "TRIAL", "TRIAL_TO_FORMAL", "RENEW", "CHANGE", "UNSUBSCRIBE"]
CancelReason = Literal[
    "buyer",
    "expired",
    "opening_failed",
    "renewal_failed",
    "change_failed",
    "seller_refused",
    "payment_declined",
    "not_accepted",
    "refund_agreed",
    "appeal_decided",
]
RefundState = Literal["requested", "refunded"]

# (state, verb) → next state. Completing and failing are the marketplace's own verbs; the others are people's.
ORDER_MOVES: dict[tuple[OrderState, str], OrderState] = {
    ("pending_payment", "pay"): "processing",
    ("pending_payment", "cancel"): "cancelled",
    ("pending_payment", "expire"): "cancelled",
    ("processing", "complete"): "completed",
    ("processing", "fail"): "cancelled",
}
# What an order ends with when the seller does not do what was paid for.
FAILURE_OF: dict[OrderType, CancelReason] = {
    "NEW": "opening_failed",
    "TRIAL": "opening_failed",
    "TRIAL_TO_FORMAL": "renewal_failed",
    "RENEW": "renewal_failed",
    "CHANGE": "change_failed",
}
ORDER_TYPES: tuple[OrderType, ...] = ("NEW", "TRIAL", "TRIAL_TO_FORMAL", "RENEW", "CHANGE", "UNSUBSCRIBE")
ORDER_STATES: tuple[OrderState, ...] = ("pending_payment", "processing", "completed", "cancelled")


def before(verb: str) -> OrderState:
    """The one state in which a verb applies."""
    (state,) = (state for (state, known) in ORDER_MOVES if known == verb)
    return state


class OrderRow(msgspec.Struct, frozen=True):
    """An order as lists show it. Amounts are minor units of `currency`.

    `application_id` is what the order is about, or what it began once that is open; `root_number` the order that began
    it, where that is another. `starts_at` and `ends_at` bound the term; what is opened begins its own when it is open.
    """

    id: UUID
    number: str
    state: OrderState
    order_type: OrderType
    buyer_id: UUID
    buyer_name_en: str
    buyer_name_zh: str
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    product_name_en: str
    product_name_zh: str
    sku_name_en: str
    sku_name_zh: str
    currency: str
    total_minor: int
    created_at: datetime
    cancel_reason: CancelReason | None
    refund_state: RefundState | None
    application_id: UUID | None
    root_number: str | None
    automatic: bool
    starts_at: datetime | None
    ends_at: datetime | None
    delivery_type: str


class Order(OrderRow, frozen=True):
    """An order as its page shows it, its one line included.

    `reverses_number` is the renewal that it takes back. An unsubscription's total is what is returned. What is named
    `from` is what the subscription was before. Vouchers paid `payment_voucher_minor` of the total; of what is refunded
    they get `refund_voucher_minor` back, and `refund_lost_minor` is lost because its voucher has expired.
    """

    product_id: UUID
    product_slug: str
    placed_by_name: str
    placed_by_email: str
    request_id: str
    expires_at: datetime
    paid_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    subscription_id: UUID | None
    reverses_number: str | None
    check_state: Literal["awaited", "passed"] | None
    cancel_message: str | None
    line_id: UUID
    line_number: str
    charging_mode: ChargingMode
    period_type: TermUnit | None
    period_number: int | None
    quantity: int
    quantity_name_en: str | None
    quantity_name_zh: str | None
    unit_minor: int
    unit_en: str | None
    unit_zh: str | None
    from_sku_name_en: str | None
    from_sku_name_zh: str | None
    from_quantity: int | None
    reckoning: list[dict[str, Any]]
    payment_gateway: str | None
    payment_reference: str | None
    payment_voucher_minor: int | None
    refund_number: str | None
    refund_minor: int | None
    refund_voucher_minor: int | None
    refund_lost_minor: int | None
    refunded_at: datetime | None

    @property
    def steps(self) -> list[PriceStep]:
        """How the price came about."""
        if self.reckoning:
            return msgspec.convert(self.reckoning, list[PriceStep])
        if self.order_type == "UNSUBSCRIBE":
            return []  # nothing had been paid
        if self.order_type == "TRIAL":
            return [PriceStep("trial", 0, number=self.period_number or 1)]
        return purchase_steps(
            self.charging_mode,
            self.period_type,
            self.quantity,
            self.period_number,
            self.unit_minor,
            self.total_minor,
        )


class Recipient(msgspec.Struct, frozen=True):
    """To whom something is sent."""

    name: str
    phone: str
    address: str

    @property
    def told(self) -> dict[str, str]:
        return {"name": self.name, "phone": self.phone, "address": self.address}


class HappenedEvent(msgspec.Struct, frozen=True):
    """An entry of an order's operation log."""

    seq: int
    kind: str
    at: datetime
    entry: str


class PaymentIntent(msgspec.Struct, frozen=True):
    """What a gateway is asked to collect. `key` is the same for every try at the same payment."""

    key: str
    order_number: str
    amount_minor: int
    currency: str
    instrument: str


class Receipt(msgspec.Struct, frozen=True):
    """What a gateway collected or gave back, under its own reference."""

    reference: str


class Gateway(Protocol):
    """A way to pay. Both verbs may be repeated with the same key and then have one effect."""

    name: str

    async def collect(self, intent: PaymentIntent) -> Receipt:
        """Takes the money. Raises PaymentDeclined."""
        ...

    async def give_back(self, key: str, reference: str, amount_minor: int, currency: str) -> Receipt:
        """Returns money of an earlier payment to where it came from."""
        ...
