"""Orders as buyers place, pay and follow them."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import QueryParameter

from tradehall.api.common import (
    NUMBER_BEGINS,
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    Moment,
    Whole,
    installation_of_app,
    texts_for,
    wanted_page,
    write,
)
from tradehall.api.prices import Step, told_steps
from tradehall.api.supervision.disputes import DisputeUnderWay, told_under_way
from tradehall.catalog.errors import NoLongerOnSale, PriceNotFound
from tradehall.catalog.model import ChargingMode
from tradehall.edge.access import anyone_signed_in, only
from tradehall.kernel.db import Tx
from tradehall.kernel.i18n import Translator
from tradehall.kernel.paging import Page
from tradehall.supervision.flow import Side
from tradehall.supervision.model import Held
from tradehall.supervision.standing import billable_since, involves_supervision, recipient_of, supervision_of
from tradehall.trading import actions, queries
from tradehall.trading.errors import (
    AwaitingSeller,
    OrderAlreadyPaid,
    OrderMovedOn,
    OrderNotFound,
    PaymentChanged,
    PaymentDeclined,
    PriceChanged,
    QuoteStale,
    SubscriptionEnded,
    VoucherExpired,
    VoucherNotForThis,
    VoucherNotFound,
    VoucherSpent,
)
from tradehall.trading.model import Order, OrderRow, OrderState, OrderType, Recipient
from tradehall.trading.queries import OrderFilter
from tradehall.trading.terms import TermUnit
from tradehall.trading.voucher_queries import MOST_PER_ORDER, VoucherUse, uses_of_order

LONGEST_WAIT = 30.0


class PlaceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to order: a price of the catalogue, how many, and for how many periods where it is sold by the period.

    With `expected_total` (minor units) the order is refused if the price has changed since it was looked at. What is
    sent as a parcel needs a recipient with phone and address.
    """

    price_id: UUID
    quantity: Whole = 1
    period_number: Whole | None = None
    expected_total: Whole | None = None
    recipient_name: str = ""
    recipient_phone: str = ""
    recipient_address: str = ""


class PayOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay. The test gateway of a sandbox knows "balance" and "declined_card".

    `vouchers` are ids of your organisation's; they pay as far as they reach, the gateway collects the rest. With
    `expected_rest` (minor units) the payment is refused if the rest is not what you reckoned.
    """

    instrument: str = "balance"
    vouchers: Annotated[list[UUID], msgspec.Meta(max_length=MOST_PER_ORDER)] = []
    expected_rest: Whole | None = None


class PlacedOrder(msgspec.Struct, frozen=True):
    """A new order."""

    id: UUID
    number: str


class OrderStanding(msgspec.Struct, frozen=True):
    """An order after something was done to it."""

    number: str
    state: OrderState


class SupervisionOfOrder(msgspec.Struct, frozen=True):
    """How the supervision of an order stands. "not_begun": it begins with the payment. While it is open it stands at
    `node`, named by `node_label` in your language; `turn` is whose turn it is, null while it is frozen, `by` when that
    should be done. It is frozen by the `dispute` that is under way, an appeal, a refund or a return, with whose turn it
    is in that. `began_at` is the actual start of the service, once that is known."""

    state: Literal["not_involved", "not_begun", "open", "completed", "cancelled"]
    node: str | None = None
    node_label: str | None = None
    turn: Side | None = None
    by: datetime | None = None
    overdue: bool = False
    frozen: bool = False
    began_at: datetime | None = None
    dispute: DisputeUnderWay | None = None


class OrderDetail(OrderRow, frozen=True):
    """An order with its one line. Amounts are minor units. Who ordered and how it was paid is told to the buyer and to
    operators; to the seller these are null.

    `steps` says how the price came about; an unsubscription's total is what is returned. `check_state` says whether the
    seller allowed the change that a renewal brings, null where it need not be asked; `cancel_message` is what the
    seller said when it refused. `reverses_number` is the renewal that is taken back. What is named `from` is what the
    application was before.

    Of the total, `vouchers` paid `payment_voucher_minor`. Of what is refunded, `refund_voucher_minor` came back to
    them, and `refund_lost_minor` is lost because its voucher has expired; both are known once it is refunded.

    `recipient` is to whom a parcel is sent. From `billable_since` on the seller is paid for it: once it is completed,
    its service supervision with it.
    """

    product_id: UUID
    product_slug: str
    placed_by_name: str | None
    placed_by_email: str | None
    expires_at: datetime
    paid_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    check_state: Literal["awaited", "passed"] | None
    cancel_message: str | None
    reverses_number: str | None
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
    steps: list[Step]
    payment_gateway: str | None
    payment_reference: str | None
    payment_voucher_minor: int | None
    vouchers: list[VoucherUse]
    recipient: Recipient | None
    supervision: SupervisionOfOrder
    billable_since: datetime | None
    refund_number: str | None
    refund_minor: int | None
    refund_voucher_minor: int | None
    refund_lost_minor: int | None
    refunded_at: datetime | None
    request_id: str


_KEPT_FROM_SELLERS = dict.fromkeys(
    (
        "placed_by_name", "placed_by_email", "payment_gateway", "payment_reference", "payment_voucher_minor",
        "refund_voucher_minor", "refund_lost_minor",
    )
)  # fmt: skip


@post(
    "/",
    guards=[only("buyer")],
    status_code=201,
    opt={"problems": [PriceNotFound, NoLongerOnSale, PriceChanged]},
)
async def place_order(request: ApiRequest, data: PlaceOrder, idempotency_key: IdempotencyKey = None) -> PlacedOrder:
    """Place an order.

    For your organisation. It waits for payment, and is cancelled if it is not paid in time.
    """

    # Before the transaction: who holds one connection must not wait for another.
    known = await installation_of_app(request).offers.of(data.price_id)

    async def action(tx: Tx) -> PlacedOrder:
        placed = await actions.place(
            tx,
            price_id=data.price_id,
            quantity=data.quantity,
            period_number=data.period_number,
            expected_total=data.expected_total,
            known=known,
            recipient=Recipient(data.recipient_name, data.recipient_phone, data.recipient_address),
            unpaid_ttl=installation_of_app(request).settings.unpaid_order_ttl,
        )
        return PlacedOrder(placed.id, placed.number)

    return await write(request, PlacedOrder, idempotency_key, action, data)


@post(
    "/{number:str}/pay",
    guards=[only("buyer")],
    status_code=200,
    opt={
        "problems": [
            OrderNotFound,
            PaymentDeclined,
            OrderMovedOn,
            AwaitingSeller,
            QuoteStale,
            SubscriptionEnded,
            VoucherNotFound,
            VoucherNotForThis,
            VoucherExpired,
            VoucherSpent,
            PaymentChanged,
        ]
    },
)
async def pay_order(
    request: ApiRequest, number: str, data: PayOrder, idempotency_key: IdempotencyKey = None
) -> OrderStanding:
    """Pay an order.

    Paying a paid order again changes nothing. From here on the marketplace has it carried out: the application is
    opened, renewed or changed.
    """

    async def action(tx: Tx) -> OrderStanding:
        state = await actions.pay(
            tx,
            installation_of_app(request).gateway,
            number=number,
            instrument=data.instrument,
            vouchers=data.vouchers,
            expected_rest=data.expected_rest,
        )
        return OrderStanding(number, state)

    return await write(request, OrderStanding, idempotency_key, action, data)


@post(
    "/{number:str}/cancel",
    guards=[only("buyer")],
    status_code=200,
    opt={"problems": [OrderNotFound, OrderAlreadyPaid]},
)
async def cancel_order(request: ApiRequest, number: str, idempotency_key: IdempotencyKey = None) -> OrderStanding:
    """Cancel an order.

    Only while it is unpaid. Cancelling it again changes nothing.
    """

    async def action(tx: Tx) -> OrderStanding:
        await actions.cancel(tx, number=number)
        return OrderStanding(number, "cancelled")

    return await write(request, OrderStanding, idempotency_key, action)


@get("/", guards=[anyone_signed_in])
async def list_orders(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    order_state: Annotated[
        OrderState | None, QueryParameter(name="state", description="Only those in this state.")
    ] = None,
    order_type: Annotated[OrderType | None, QueryParameter(name="type", description="Only those of this type.")] = None,
    q: Annotated[str, QueryParameter(description=f"{NUMBER_BEGINS}, or part of a name.")] = "",
    since: Moment = None,
    until: Moment = None,
) -> Page[OrderRow]:
    """List orders.

    Buyers see those of their organisation, sellers those paid to theirs, operators all. Newest first.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.orders(
            reader, request.user.actor, wanted, OrderFilter(order_state, order_type, q, since, until)
        )


@get("/{number:str}", guards=[anyone_signed_in], opt={"problems": [OrderNotFound]})
async def get_order(
    request: ApiRequest,
    number: str,
    wait: Annotated[
        float, QueryParameter(ge=0, le=LONGEST_WAIT, description="Seconds to wait for an open order to be settled.")
    ] = 0,
) -> OrderDetail:
    """Look at an order.

    With `wait`, answers as soon as it is completed or cancelled, or when the time is over.
    """
    if not wait:
        return await _read(request, number)
    installation = installation_of_app(request)
    # Watched before it is looked at, so that nothing can be missed in between.
    with installation.watching(number) as moved:
        async with installation.db.read() as reader:
            state = await queries.state_of(reader, request.user.actor, number)
        if state in ("pending_payment", "processing"):
            with suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), wait)
    return await _read(request, number)


async def _read(request: ApiRequest, number: str) -> OrderDetail:
    viewer = request.user.actor
    async with installation_of_app(request).db.read() as reader:
        found = await queries.order(reader, viewer, number)
        if found is None:
            raise OrderNotFound
        with_vouchers = bool(found.payment_voucher_minor) and viewer.kind != "seller"
        used = await uses_of_order(reader, found.id) if with_vouchers else []
        held = await supervision_of(reader, viewer, found)
        recipient = await recipient_of(reader, found, held)
        now = reader.now
    values: dict[str, Any] = {name: getattr(found, name, None) for name in OrderDetail.__struct_fields__}
    values["vouchers"] = used
    values["recipient"] = recipient
    values["supervision"] = _supervision(found, held, now, texts_for(request))
    values["billable_since"] = billable_since(found, held)
    values["steps"] = told_steps(found.steps, found.currency, texts_for(request))
    if viewer.kind == "seller":
        values |= _KEPT_FROM_SELLERS
    elif viewer.kind == "buyer" and found.cancel_reason != "seller_refused":
        # Words of the seller's server are for the buyer where it answers what the buyer wished for.
        values["cancel_message"] = None
    return OrderDetail(**values)


def _supervision(order: Order, held: Held | None, now: datetime, texts: Translator) -> SupervisionOfOrder:
    if held is None:
        return SupervisionOfOrder("not_begun" if involves_supervision(order) else "not_involved")
    if held.state != "open":
        return SupervisionOfOrder(held.state, began_at=held.begins_at)
    frozen = held.frozen_at is not None
    return SupervisionOfOrder(
        held.state,
        held.node,
        texts.lookup(held.at.label),
        None if frozen else held.turn or None,
        None if frozen else held.due_at,
        held.overdue(now),
        frozen,
        held.begins_at,
        told_under_way(held.disputes, now),
    )


router = Router(
    "/orders", route_handlers=[place_order, pay_order, cancel_order, list_orders, get_order], tags=["Orders"]
)
