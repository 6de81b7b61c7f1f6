"""A buyer's orders: choosing to confirm, placing, paying, cancelling, and following each to its end."""

import hashlib
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

import msgspec
from litestar import Response, get, post

from tradehall.catalog import queries as catalog
from tradehall.catalog import templates
from tradehall.catalog.delivery import delivery
from tradehall.catalog.errors import NoLongerOnSale
from tradehall.catalog.model import Listing
from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import Conflict, Problem
from tradehall.kernel.i18n import N_
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.model import Call, Instance
from tradehall.provisioning.standing import next_step
from tradehall.provisioning.steps import NextStep
from tradehall.reviews import queries as reviews
from tradehall.reviews.queries import Reviewable
from tradehall.supervision.standing import next_in_supervision, places_of
from tradehall.trading import actions, queries, voucher_queries
from tradehall.trading.errors import OrderNotFound, VoucherNotFound
from tradehall.trading.gateway import INSTRUMENTS
from tradehall.trading.model import ORDER_TYPES, HappenedEvent, Order, OrderState, Recipient
from tradehall.trading.queries import OrderFilter
from tradehall.trading.voucher_queries import VoucherUse
from tradehall.trading.vouchers import shares_of
from tradehall.web import labels
from tradehall.web.buyer.happened import timeline
from tradehall.web.buyer.standing import SETTLED, next_card, steps
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    chosen,
    day,
    page,
    perform,
    read_form,
    reading,
    redirect,
    said_of,
    searched,
    texts,
    timezone_of,
    wanted_page,
)
from tradehall.web.happened import clock_for
from tradehall.web.labels import ORDER_STATES, VOUCHER_SCENES
from tradehall.web.labels import ORDER_TYPES as TYPE_LABELS
from tradehall.web.ledger import money_card
from tradehall.web.orders import Delivered, delivered, lines_of, supervised_card, what_changes
from tradehall.web.public.choice import choose, price_named
from tradehall.web.reviewed import STATES as REVIEW_STATES

BUYERS = [only("buyer")]
RECIPIENT = ("recipient_name", "recipient_phone", "recipient_address")
ALL_STATES: tuple[OrderState, ...] = get_args(OrderState)
WAYS_TO_PAY: dict[str, tuple[str, str]] = {
    "balance": (N_("Account balance"), N_("Test money: nothing is really charged.")),
    "declined_card": (N_("A card that is declined"), N_("To see what happens when a payment fails.")),
}
PAID, PAID_BEFORE = N_("Paid. The seller is asked to open it."), N_("It was paid before; nothing was taken again.")
PAID_SUPERVISED = N_("Paid. Its service supervision has begun.")
PAID_COMPLETED = N_("Paid. It can be used now.")
PAID_ABOUT = N_("Paid. The seller is asked to carry it out.")
CANCELLED, CANCELLED_BEFORE = N_("The order is cancelled."), N_("The order was cancelled before.")


# --- the list


@get("/buyer/orders", guards=BUYERS)
async def orders(request: WebRequest) -> PageResponse:
    """The organisation's orders, newest first, by state, words and days."""
    state, order_type = chosen(request, "state", ALL_STATES), chosen(request, "type", ORDER_TYPES)
    only_those = OrderFilter(
        state=state,
        order_type=order_type,
        text=searched(request),
        since=day(request, "from"),
        until=day(request, "to", after=True),
    )
    async with reading(request) as reader:
        rows = await queries.orders(reader, request.user.actor, wanted_page(request), only_those)
        counts = await queries.open_counts(reader, request.user.actor)
        places = await places_of(reader, rows.items)
    query = request.query_params
    return page(
        request,
        "buyer/orders.html",
        rows=rows,
        places=places,
        counts=counts,
        state=state,
        states=ORDER_STATES,
        order_type=order_type,
        types=TYPE_LABELS,
        type_options=[(one, texts(request).lookup(label)) for one, label in TYPE_LABELS.items()],
        q=only_those.text,
        since=query.get("from", "") if only_those.since else "",
        until=query.get("to", "") if only_those.until else "",
        filtered=bool(order_type or only_those.text or only_those.since or only_those.until),
    )


# --- placing


@get("/buyer/orders/new", guards=BUYERS)
async def confirm(request: WebRequest) -> PageResponse:
    """What is about to be ordered, and what it costs, before it is."""
    return await _confirm(request, Form(request, list(request.query_params.multi_items())))


async def _confirm(request: WebRequest, form: Form, problem: Problem | None = None) -> PageResponse:
    async with reading(request) as reader:
        listing = await catalog.listing(reader, form.value("product"), request.user.actor)
    named = form.value("price")
    choice = choose(listing, form) if listing and (not named or price_named(listing, named)) else None
    if listing is None or choice is None:
        return _gone(request, listing)
    return page(
        request,
        "buyer/confirm.html",
        http_status=problem.status if problem else 200,
        listing=listing,
        product=listing.product,
        choice=choice,
        labels=labels,
        sent=delivery(listing.product.delivery_type).asks_recipient,
        form=form,
        stale=said_of(request, problem) if problem else "",
    )


def _gone(request: WebRequest, listing: Listing | None) -> PageResponse:
    """What was chosen is not for sale any more, or never was."""
    problem = NoLongerOnSale()
    words = texts(request)
    to = f"/products/{listing.product.slug}" if listing else "/products"
    label = words.gettext("See what is on sale")
    return page(
        request,
        "error.html",
        http_status=problem.status,
        status=problem.status,
        code=problem.code(),
        message=said_of(request, problem),
        actions=[{"label": label, "href": to, "primary": True}],
        back="",
    )


@post("/buyer/orders/new", guards=BUYERS, status_code=200)
async def place(request: WebRequest) -> PageResponse:
    """Places the order and goes on to pay it. Sent twice, it is one order."""
    form = await read_form(request)
    price, quantity, expected = form.uuid("price"), form.integer("quantity"), form.integer("expected_total")
    periods = form.integer("period_number") if form.values.get("period_number") else None
    recipient = _recipient(form)
    if form.errors:
        return await _confirm(request, form)
    ttl = installation_of(request).settings.unpaid_order_ttl

    async def action(tx: Tx) -> actions.Placed:
        return await actions.place(
            tx,
            price_id=price,
            quantity=quantity,
            period_number=periods,
            unpaid_ttl=ttl,
            expected_total=expected,
            recipient=recipient,
        )

    async def again(problem: Problem | None) -> PageResponse:
        return await _confirm(request, form, problem if isinstance(problem, Conflict) else None)

    return await perform(
        request, action, to=lambda placed: f"/buyer/orders/{placed.number}/pay", form=form, again=again
    )


def _recipient(form: Form) -> Recipient | None:
    """To whom it is sent, where the form asked; what is missing or wrong the action says."""
    if not any(field in form.values for field in RECIPIENT):
        return None
    return Recipient(*(form.values.get(field, "") for field in RECIPIENT))


# --- paying


@get("/buyer/orders/{number:str}/pay", guards=BUYERS)
async def payment(request: WebRequest, number: str) -> PageResponse:
    """How to pay an order; one that waits for no payment is shown instead."""
    async with reading(request) as reader:
        order = await _order(reader, request, number)
    if order.state != "pending_payment" or order.check_state == "awaited":
        return redirect(request, f"/buyer/orders/{number}")
    return await _payment(request, order, Form(request, list(request.query_params.multi_items())))


async def _payment(request: WebRequest, order: Order, form: Form, problem: Problem | None = None) -> PageResponse:
    """What vouchers there are, what those that are ticked pay, and what remains."""
    sandbox = installation_of(request).settings.sandbox
    ticked = form.all("voucher")
    async with reading(request) as reader:
        usable = await voucher_queries.usable_for(reader, request.user.actor, order.seller_id, order.currency)
    by_id = {str(one.id): one for one in usable}
    chosen = [by_id[one] for one in dict.fromkeys(ticked) if one in by_id]
    covers = {share.id: share.amount_minor for share in shares_of(chosen, order.total_minor)}
    rest = order.total_minor - sum(covers.values())
    return page(
        request,
        "buyer/pay.html",
        order=order,
        lines=lines_of(order, texts(request)),
        changes=what_changes(order, texts(request)),
        types=TYPE_LABELS,
        ways={name: WAYS_TO_PAY[name] for name in INSTRUMENTS} if sandbox else {},
        instrument=form.value("instrument", INSTRUMENTS[0]),
        vouchers=usable if order.total_minor else [],
        chosen={one.id for one in chosen},
        covers=covers,
        rest=rest,
        scenes=VOUCHER_SCENES,
        problem=said_of(request, problem) if problem else "",
    )


@post("/buyer/orders/{number:str}/pay", guards=BUYERS, status_code=200)
async def pay(request: WebRequest, number: str) -> PageResponse:
    """Pays. Paying a paid order again changes nothing."""
    form = await read_form(request)
    gateway = installation_of(request).gateway
    vouchers = [_voucher_id(one) for one in form.all("voucher")]
    rest = form.integer("rest") if form.values.get("rest") else None

    async with reading(request) as reader:
        before = await _order(reader, request, number)

    async def action(tx: Tx) -> None:
        way = form.value("instrument", INSTRUMENTS[0])
        await actions.pay(tx, gateway, number=number, instrument=way, vouchers=vouchers, expected_rest=rest)

    async def again(problem: Problem | None) -> PageResponse:
        async with reading(request) as reader:
            order = await _order(reader, request, number)
        if order.state != "pending_payment" or order.check_state == "awaited":
            return await _detail(request, number, problem)
        return await _payment(request, order, form, problem)

    return await perform(
        request,
        action,
        to=f"/buyer/orders/{number}",
        said=_paid(before),
        tone="success" if before.paid_at is None else "info",
        again=again,
    )


def _paid(before: Order) -> str:
    """What is said of a payment, of the order as it was before."""
    if before.paid_at is not None:
        return PAID_BEFORE
    if before.order_type == "NEW":
        return {"people": PAID_SUPERVISED, "nothing": PAID_COMPLETED}.get(delivery(before.delivery_type).reach, PAID)
    return PAID_ABOUT if before.subscription_id else PAID


def _voucher_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise VoucherNotFound from None


@post("/buyer/orders/{number:str}/cancel", guards=BUYERS, status_code=200)
async def cancel(request: WebRequest, number: str) -> PageResponse:
    """Gives up an unpaid order; doing so twice is fine."""

    async with reading(request) as reader:
        before = await _order(reader, request, number)

    async def action(tx: Tx) -> None:
        await actions.cancel(tx, number=number)

    async def again(problem: Problem | None) -> PageResponse:
        return await _detail(request, number, problem)

    return await perform(
        request,
        action,
        to=f"/buyer/orders/{number}",
        said=CANCELLED_BEFORE if before.state == "cancelled" else CANCELLED,
        tone="info",
        again=again,
    )


# --- following


class Followed(msgspec.Struct, frozen=True):
    """An order with all its page tells of it."""

    order: Order
    log: list[HappenedEvent]
    instances: list[Instance]
    calls: list[Call]
    step: NextStep
    vouchers: list[VoucherUse]
    delivered: Delivered
    money: dict[str, Any]
    at: datetime
    reviewable: Reviewable | None = None

    @property
    def under_way(self) -> bool:
        """Whether something will change without the reader doing anything."""
        return self.step.kind not in SETTLED

    @property
    def delivered_by_server(self) -> bool:
        """Whether the seller's server made what was ordered, and can be asked about it."""
        return delivery(self.order.delivery_type).reach == "server"

    @property
    def mark(self) -> str:
        """Changes whenever the page would tell something new."""
        told = (
            self.order.state,
            self.order.refund_state,
            self.order.check_state,
            len(self.log),
            self.log[-1].seq if self.log else 0,
            [self.step.kind, self.step.at, self.step.by],
            self.delivered.held.acts if self.delivered.held else 0,
            [[one.state, one.details_at, one.subscription_state] for one in self.instances],
        )
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


async def follow(reader: Reader, request: WebRequest, number: str) -> Followed:
    """An order of the organisation's with its log and its next step. Raises OrderNotFound."""
    order = await _order(reader, request, number)
    log = await queries.log_of_order(reader, order.id)
    instances = await provisioning.instances_of_order(reader, order.id)
    calls = await provisioning.calls_of_order(reader, order.id)
    held_until = await provisioning.investigated_until(reader, order.id)
    settings = installation_of(request).settings
    step = next_step(order, calls, instances, reader.now, settings, held_until=held_until)
    vouchers = await voucher_queries.uses_of_order(reader, order.id) if order.payment_voucher_minor else []
    how = await delivered(reader, request.user.actor, order)
    step = next_in_supervision(step, how.held)
    reviewed = await reviews.reviewable(reader, request.user.actor, number) if order.state == "completed" else None
    money = await money_card(reader, request.user.actor, order, texts(request))
    return Followed(order, log, instances, calls, step, vouchers, how, money, reader.now, reviewed)


async def _order(reader: Reader, request: WebRequest, number: str) -> Order:
    order = await queries.order(reader, request.user.actor, number)
    if order is None:
        raise OrderNotFound
    return order


@get("/buyer/orders/{number:str}", guards=BUYERS)
async def detail(request: WebRequest, number: str) -> PageResponse:
    """What happened, what happens next, whose turn it is, and by when."""
    return await _detail(request, number)


async def _detail(request: WebRequest, number: str, problem: Problem | None = None) -> PageResponse:
    async with reading(request) as reader:
        followed = await follow(reader, request, number)
    return page(
        request, "buyer/order.html", **_told(request, followed), problem=said_of(request, problem) if problem else ""
    )


@get("/buyer/orders/{number:str}/progress", guards=BUYERS)
async def progress(request: WebRequest, number: str) -> Response[Any]:
    """The part of an order's page that changes while it is under way; nothing (204) where nothing is new."""
    async with reading(request) as reader:
        followed = await follow(reader, request, number)
    if request.query_params.get("seen") == followed.mark:
        return Response(None, status_code=204, headers={"Cache-Control": "no-store"})
    return page(request, "buyer/order_progress.html", **_told(request, followed))


def _told(request: WebRequest, followed: Followed) -> dict[str, Any]:
    words = texts(request)
    clock = clock_for(words.locale, timezone_of(request))
    order, held = followed.order, followed.delivered.held
    return {
        "followed": followed,
        "order": order,
        "instances": followed.instances,
        "next": supervised_card(held, "buyer", "/buyer", followed.at, words, clock)
        if held and held.state == "open"
        else next_card(followed.step, order, words, followed.instances),
        "steps_shown": steps(order, followed.instances, words, held),
        "events": timeline(followed.log, words, clock, order.currency, held.flow if held else None),
        "delivered": followed.delivered,
        "template_labels": templates.LABELS,
        "labels": labels,
        "states": ORDER_STATES,
        "types": TYPE_LABELS,
        "lines": lines_of(order, words),
        "changes": what_changes(order, words),
        "reviewable": followed.reviewable,
        "review_states": REVIEW_STATES,
    }


handlers: list[Any] = [orders, confirm, place, payment, pay, cancel, detail, progress]
