"""What buyers do with what they have: try it, convert, renew, change and give it back, with the price in sight."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Router, get, post, put

from tradehall.api.common import (
    ApiRequest,
    IdempotencyKey,
    Whole,
    installation_of_app,
    texts_for,
    write,
)
from tradehall.api.orders import PlacedOrder
from tradehall.api.prices import Step, TermPrice, told_quote, told_steps
from tradehall.catalog.errors import NoLongerOnSale, PriceNotFound
from tradehall.edge.access import only
from tradehall.kernel.db import Reader, Tx
from tradehall.provisioning import queries
from tradehall.provisioning.errors import InstanceNotFound, NotOpen
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.actions import Placed
from tradehall.trading.errors import (
    AcceptedForGood,
    ChangeNotOffered,
    ChangeTooEarly,
    ChangeWhileFrozen,
    NoChanceLeft,
    NoRenewalToCancel,
    NotATrial,
    NotBoughtByThePeriod,
    NothingChanges,
    PriceChanged,
    PriceInverted,
    RefundOver,
    SubscriptionBusy,
    SubscriptionEnded,
    TrialFirst,
    TrialNotOffered,
    TriedBefore,
)
from tradehall.trading.pricing import PriceStep
from tradehall.trading.subscriptions import Renewal, changes
from tradehall.trading.terms import end_of_day

BUYER = [only("buyer")]
HELD = [InstanceNotFound, NotOpen, SubscriptionEnded]
RENEWING = [
    *HELD, NotBoughtByThePeriod, TrialFirst, PriceNotFound, ChangeTooEarly, ChangeNotOffered, ChangeWhileFrozen
]  # fmt: skip
CHANGING = [
    *HELD, NotBoughtByThePeriod, TrialFirst, ChangeWhileFrozen, ChangeNotOffered, NothingChanges, PriceInverted
]  # fmt: skip
CONVERTING = [*HELD, NotATrial, PriceNotFound, ChangeNotOffered]
ENDING = [*HELD, AcceptedForGood, RefundOver, NoChanceLeft]
PLACING = [SubscriptionBusy, PriceChanged]


class AskRenewal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many months or years. With a `price_id` at that price, by the month or the year, or as that
    specification; with a `quantity` in that; left out, they stay what they are."""

    period_number: Whole
    price_id: UUID | None = None
    quantity: Whole | None = None


class RenewApplication(AskRenewal, frozen=True, forbid_unknown_fields=True):
    """As one asks for the price. With `expected_total` (minor units) the order is refused if the price has changed
    since it was looked at."""

    expected_total: Whole | None = None


class AskChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The specification it is to become, its own to be expanded, and in which quantity."""

    sku_id: UUID
    quantity: Whole = 1


class ChangeApplication(AskChange, frozen=True, forbid_unknown_fields=True):
    """As one asks for the price. With `expected_total` (minor units) the order is refused if the price has changed
    since it was looked at, as it does every midnight."""

    expected_total: Whole | None = None


class UnsubscribeApplication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """With `expected_refund` (minor units) nothing happens if that is not what would be returned."""

    expected_refund: Whole | None = None


class AutomaticRenewal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether an application is renewed for one period, and paid from the balance, whenever its term nears its end."""

    on: bool


class StartTrial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price by the period of the specification to be tried."""

    price_id: UUID


class UnsubscriptionQuote(msgspec.Struct, frozen=True):
    """What unsubscribing would return, in minor units, and for which orders. `until` is when that ends to be possible,
    null where nothing was paid; `chances_left` of this year, one of which it takes where money is returned."""

    refund_minor: int
    currency: str
    steps: list[Step]
    until: datetime | None
    chances_left: int


async def _check_open(reader: Reader, request: ApiRequest, application_id: UUID) -> None:
    """Raises InstanceNotFound, or NotOpen for what is there but has not begun."""
    found = await queries.instance(reader, request.user.actor, application_id)
    if found is None:
        raise InstanceNotFound
    if found.subscription_state is None:
        raise NotOpen


def _renewal(asked: AskRenewal) -> Renewal:
    return Renewal(asked.period_number, asked.price_id, asked.quantity)


def _placed(placed: Placed) -> PlacedOrder:
    return PlacedOrder(placed.id, placed.number)


# --- renewing --------------------------------------------------------------------------------------------------------


@post("/{application_id:uuid}/renewal-quote", guards=BUYER, status_code=200, opt={"problems": RENEWING})
async def quote_renewal(request: ApiRequest, application_id: UUID, data: AskRenewal) -> TermPrice:
    """Ask what a renewal costs.

    The new term begins where the present one ends, also when that is past. Nothing is reserved.
    """
    installation, actor = installation_of_app(request), request.user.actor
    async with installation.db.read() as reader:
        await _check_open(reader, request, application_id)
        quote = await installation.subscriptions.quote_renewal(reader, actor, application_id, _renewal(data))
        held = await subscriptions.subscription(reader, actor, application_id)
    return told_quote(quote, texts_for(request), asks_seller=held is not None and changes(held, quote))


@post("/{application_id:uuid}/renewals", guards=BUYER, status_code=201, opt={"problems": RENEWING + PLACING})
async def renew_application(
    request: ApiRequest, application_id: UUID, data: RenewApplication, idempotency_key: IdempotencyKey = None
) -> PlacedOrder:
    """Order a renewal.

    The order waits for payment. With another specification or quantity the seller is asked first whether it allows the
    change, and the order can be paid once it has.
    """

    async def action(tx: Tx) -> PlacedOrder:
        await _check_open(tx, request, application_id)
        verbs = installation_of_app(request).subscriptions
        return _placed(await verbs.renew(tx, application_id, _renewal(data), expected_total=data.expected_total))

    return await write(request, PlacedOrder, idempotency_key, action, data)


@post(
    "/{application_id:uuid}/renewal-cancellation",
    guards=BUYER,
    status_code=201,
    opt={"problems": [*HELD, SubscriptionBusy, NoRenewalToCancel]},
)
async def cancel_renewal(
    request: ApiRequest, application_id: UUID, idempotency_key: IdempotencyKey = None
) -> PlacedOrder:
    """Take back the last renewal.

    While its term has not begun. What it cost is returned, and the term ends when it did before.
    """

    async def action(tx: Tx) -> PlacedOrder:
        await _check_open(tx, request, application_id)
        return _placed(await installation_of_app(request).ending.cancel_renewal(tx, application_id))

    return await write(request, PlacedOrder, idempotency_key, action)


@put(
    "/{application_id:uuid}/auto-renewal",
    guards=BUYER,
    opt={"problems": [*HELD, NotBoughtByThePeriod, TrialFirst]},
)
async def set_automatic_renewal(
    request: ApiRequest, application_id: UUID, data: AutomaticRenewal, idempotency_key: IdempotencyKey = None
) -> AutomaticRenewal:
    """Switch automatic renewal on or off.

    Each time for one month or year, as it was last bought. A payment that is declined is tried again until the
    application is frozen.
    """

    async def action(tx: Tx) -> AutomaticRenewal:
        await _check_open(tx, request, application_id)
        await installation_of_app(request).subscriptions.renew_automatically(tx, application_id, data.on)
        return data

    return await write(request, AutomaticRenewal, idempotency_key, action, data)


# --- trying and converting -------------------------------------------------------------------------------------------


@post(
    "/",
    guards=BUYER,
    status_code=201,
    opt={"problems": [PriceNotFound, NoLongerOnSale, TrialNotOffered, TriedBefore]},
)
async def start_trial(request: ApiRequest, data: StartTrial, idempotency_key: IdempotencyKey = None) -> PlacedOrder:
    """Try a specification.

    It opens at once and costs nothing. An organisation tries each product once.
    """

    async def action(tx: Tx) -> PlacedOrder:
        return _placed(await installation_of_app(request).subscriptions.try_out(tx, price_id=data.price_id))

    return await write(request, PlacedOrder, idempotency_key, action, data)


@post("/{application_id:uuid}/conversion-quote", guards=BUYER, status_code=200, opt={"problems": CONVERTING})
async def quote_conversion(request: ApiRequest, application_id: UUID, data: AskRenewal) -> TermPrice:
    """Ask what converting a trial costs.

    The term that is bought begins as the trial ends. Nothing is reserved.
    """
    installation = installation_of_app(request)
    async with installation.db.read() as reader:
        await _check_open(reader, request, application_id)
        quote = await installation.subscriptions.quote_conversion(
            reader, request.user.actor, application_id, _renewal(data)
        )
    return told_quote(quote, texts_for(request))


@post("/{application_id:uuid}/conversion", guards=BUYER, status_code=201, opt={"problems": CONVERTING + PLACING})
async def convert_trial(
    request: ApiRequest, application_id: UUID, data: RenewApplication, idempotency_key: IdempotencyKey = None
) -> PlacedOrder:
    """Order the conversion of a trial.

    You keep the application and all that is in it. The order waits for payment.
    """

    async def action(tx: Tx) -> PlacedOrder:
        await _check_open(tx, request, application_id)
        verbs = installation_of_app(request).subscriptions
        return _placed(await verbs.convert(tx, application_id, _renewal(data), expected_total=data.expected_total))

    return await write(request, PlacedOrder, idempotency_key, action, data)


# --- changing during the term ----------------------------------------------------------------------------------------


@post("/{application_id:uuid}/change-quote", guards=BUYER, status_code=200, opt={"problems": CHANGING})
async def quote_change(request: ApiRequest, application_id: UUID, data: AskChange) -> TermPrice:
    """Ask what an upgrade or expansion costs.

    For the days that are left of the term, whose end stays what it is; so the price is another after midnight. Nothing
    is reserved.
    """
    installation = installation_of_app(request)
    async with installation.db.read() as reader:
        await _check_open(reader, request, application_id)
        quote = await installation.subscriptions.quote_change(
            reader, request.user.actor, application_id, data.sku_id, data.quantity
        )
        until = end_of_day(reader.now, ZoneInfo(installation.settings.default_timezone))
    return told_quote(quote, texts_for(request), good_until=until)


@post("/{application_id:uuid}/changes", guards=BUYER, status_code=201, opt={"problems": CHANGING + PLACING})
async def change_application(
    request: ApiRequest, application_id: UUID, data: ChangeApplication, idempotency_key: IdempotencyKey = None
) -> PlacedOrder:
    """Order an upgrade or expansion.

    The order waits for payment until the day ends.
    """

    async def action(tx: Tx) -> PlacedOrder:
        await _check_open(tx, request, application_id)
        return _placed(
            await installation_of_app(request).subscriptions.change(
                tx, application_id, data.sku_id, data.quantity, expected_total=data.expected_total
            )
        )

    return await write(request, PlacedOrder, idempotency_key, action, data)


# --- giving it back --------------------------------------------------------------------------------------------------


@get("/{application_id:uuid}/unsubscription", guards=BUYER, opt={"problems": ENDING})
async def quote_unsubscription(request: ApiRequest, application_id: UUID) -> UnsubscriptionQuote:
    """Ask what unsubscribing returns.

    All that was paid for the application, within a few days of buying it and a few times a year; the answer says until
    when and how often yet.
    """
    installation = installation_of_app(request)
    async with installation.db.read() as reader:
        await _check_open(reader, request, application_id)
        found = await installation.ending.look_at(reader, request.user.actor, application_id)
    steps = [PriceStep("taken_back", -one.amount_minor, order=one.number) for one in found.orders]
    return UnsubscriptionQuote(
        found.refund_minor,
        found.currency,
        told_steps(steps, found.currency, texts_for(request)),
        found.until,
        found.chances_left,
    )


@post(
    "/{application_id:uuid}/unsubscription",
    guards=BUYER,
    status_code=201,
    opt={"problems": [*ENDING, SubscriptionBusy, PriceChanged]},
)
async def unsubscribe_application(
    request: ApiRequest, application_id: UUID, data: UnsubscribeApplication, idempotency_key: IdempotencyKey = None
) -> PlacedOrder:
    """Unsubscribe an application.

    It ends at once and is released with all its data, and what was paid for it is returned.
    """

    async def action(tx: Tx) -> PlacedOrder:
        await _check_open(tx, request, application_id)
        return _placed(
            await installation_of_app(request).ending.unsubscribe(
                tx, application_id, expected_refund=data.expected_refund
            )
        )

    return await write(request, PlacedOrder, idempotency_key, action, data)


router = Router(
    "/applications",
    route_handlers=[
        quote_renewal,
        renew_application,
        cancel_renewal,
        set_automatic_renewal,
        quote_conversion,
        convert_trial,
        quote_change,
        change_application,
        quote_unsubscription,
        unsubscribe_application,
    ],
    tags=["Applications"],
)
trials = Router("/trials", route_handlers=[start_trial], tags=["Applications"])
