"""The applications a buyer bought: where they are, how to get in, how long they last and what is ahead of them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    installation_of_app,
    texts_for,
    wanted_page,
    write,
)
from tradehall.api.standing import AheadOf, told_ahead
from tradehall.catalog.model import PeriodType
from tradehall.edge.access import anyone_signed_in, only
from tradehall.edge.problems import details
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import Problem
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page
from tradehall.provisioning import queries
from tradehall.provisioning.ahead import what_is_ahead
from tradehall.provisioning.errors import InstanceNotFound
from tradehall.provisioning.model import Instance, InstanceState
from tradehall.trading import queries as trading
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.model import OrderRow
from tradehall.trading.possibilities import BuyerVerb, possibilities
from tradehall.trading.pricing import WayToBuy
from tradehall.trading.subscription_queries import UpgradeWay
from tradehall.trading.terms import Subscription


class Possible(msgspec.Struct, frozen=True):
    """A verb that makes sense for an application; where something stands in its way now, `code` and `detail` say what,
    as in problem details."""

    verb: BuyerVerb
    code: str | None = None
    detail: str | None = None


class Application(Instance, frozen=True):
    """An application and what it was bought at last. Amounts are minor units.

    `ahead` is all that will become of it if nobody does anything, the next first. `unfinished_order` is the number of
    an order about it that is not done yet. Until it is open, what it was bought at is null. `possible` is what can be
    done with it, `ways` the prices it can be renewed or converted at, `upgrades` what it may become during its term:
    these are for its buyer.
    """

    sku_id: UUID | None
    price_id: UUID | None
    unit_minor: int | None
    currency: str | None
    period_type: PeriodType | None
    began_at: datetime | None
    bought_at: datetime | None
    suspended_why: str | None
    unfinished_order: str | None
    ahead: list[AheadOf]
    possible: list[Possible]
    ways: list[WayToBuy]
    upgrades: list[UpgradeWay]


# What an application's price tells, by the names it has in a subscription.
_AS_BOUGHT = (
    "sku_id",
    "price_id",
    "unit_minor",
    "currency",
    "period_type",
    "began_at",
    "bought_at",
    "suspended_why",
)


class Refreshing(msgspec.Struct, frozen=True):
    """Whether the seller is now being asked; not when the details are fresh, or it is being asked already."""

    asking: bool


class InitialPassword(msgspec.Struct, frozen=True):
    """The initial password of an application; null where the seller gave none."""

    password: str | None


@get("/", guards=[anyone_signed_in])
async def list_applications(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    instance_state: Annotated[
        InstanceState | None, QueryParameter(name="state", description="Only those in this state.")
    ] = None,
) -> Page[Instance]:
    """List applications.

    Buyers see those of their organisation, sellers those bought of theirs, operators all. Newest first. The password is
    not among the details; it is asked for apart.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.instances(reader, request.user.actor, wanted, state=instance_state)


@get("/{application_id:uuid}", guards=[anyone_signed_in], opt={"problems": [InstanceNotFound]})
async def get_application(request: ApiRequest, application_id: UUID) -> Application:
    """Look at an application.

    Its addresses and account as the seller last told them, until when it was bought, what is ahead of it by itself, and
    what its buyer can do with it.
    """
    async with installation_of_app(request).db.read() as reader:
        return await _application(reader, request, application_id)


async def _application(reader: Reader, request: ApiRequest, application_id: UUID) -> Application:
    installation, viewer, texts = installation_of_app(request), request.user.actor, texts_for(request)
    found = await queries.instance(reader, viewer, application_id)
    if found is None:
        raise InstanceNotFound
    held = await subscriptions.subscription(reader, viewer, application_id)
    can = None
    if held and viewer.kind == "buyer":
        can = await possibilities(reader, viewer, held, installation.subscriptions, installation.ending)
    bought: dict[str, Any] = {name: getattr(held, name, None) for name in _AS_BOUGHT}
    renewal_at = await subscriptions.renewal_at(reader, application_id) if found.auto_renew else None
    return Application(
        **msgspec.structs.asdict(found),
        **bought,
        unfinished_order=_unfinished(held, viewer),
        ahead=told_ahead(what_is_ahead(found, installation.settings, renewal_at=renewal_at), texts),
        possible=[_possible(verb, problem, texts.locale) for verb, problem in can.verbs.items()] if can else [],
        ways=can.ways if can else [],
        upgrades=can.upgrades if can else [],
    )


def _unfinished(held: Subscription | None, viewer: Actor) -> str | None:
    """The order it waits for; a seller hears of an order when it is paid."""
    if held is None or (viewer.kind == "seller" and held.busy_state == "pending_payment"):
        return None
    return held.busy_with


def _possible(verb: BuyerVerb, problem: Problem | None, locale: str) -> Possible:
    if problem is None:
        return Possible(verb)
    told = details(problem, locale, "")
    return Possible(verb, told.code, told.detail)


@get("/{application_id:uuid}/orders", guards=[anyone_signed_in], opt={"problems": [InstanceNotFound]})
async def list_application_orders(
    request: ApiRequest, application_id: UUID, limit: Limit = None, after: After = None, before: Before = None
) -> Page[OrderRow]:
    """List the orders about an application.

    The one that began it, its renewals and changes, and what was taken back. Newest first.
    """
    wanted = wanted_page(limit, after, before)
    viewer = request.user.actor
    async with installation_of_app(request).db.read() as reader:
        found = await queries.instance(reader, viewer, application_id)
        if found is None:
            raise InstanceNotFound
        return await trading.orders_of_application(reader, viewer, wanted, found.order_id, application_id)


@post("/{application_id:uuid}/refresh", guards=[only("buyer")], status_code=202, opt={"problems": [InstanceNotFound]})
async def refresh_application(
    request: ApiRequest, application_id: UUID, idempotency_key: IdempotencyKey = None
) -> Refreshing:
    """Have the seller asked anew.

    The details are asked for in the background. Look at the application again a moment later.
    """

    async def action(tx: Tx) -> Refreshing:
        return Refreshing(await installation_of_app(request).provisioning.refresh_details(tx, application_id))

    return await write(request, Refreshing, idempotency_key, action)


@post(
    "/{application_id:uuid}/reveal-password",
    guards=[only("buyer")],
    status_code=200,
    opt={"problems": [InstanceNotFound]},
)
async def reveal_password(
    request: ApiRequest, application_id: UUID, idempotency_key: IdempotencyKey = None
) -> InitialPassword:
    """See an application's initial password.

    Only people of the organisation that bought it can see it; neither its seller nor operators can.
    """

    async def action(tx: Tx) -> InitialPassword:
        return InitialPassword(await installation_of_app(request).provisioning.reveal_password(tx, application_id))

    return await write(request, InitialPassword, idempotency_key, action, secret=True)


router = Router(
    "/applications",
    route_handlers=[
        list_applications,
        get_application,
        list_application_orders,
        refresh_application,
        reveal_password,
    ],
    tags=["Applications"],
)
