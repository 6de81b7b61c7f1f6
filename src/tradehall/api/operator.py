"""What operators look after: organisations, every seller's calls, and work that got stuck."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, delete, get, post, put
from litestar.params import QueryParameter

from tradehall.api.calls import calls_router
from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    installation_of_app,
    wanted_page,
    write,
)
from tradehall.edge.access import only
from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.due import NotParked, ParkedRow
from tradehall.kernel.errors import invalid
from tradehall.kernel.paging import Page
from tradehall.parties import queries
from tradehall.parties.model import Organisation, OrganisationKind
from tradehall.trading import actions as trading
from tradehall.trading.errors import OrderNotFound, OrderNotPaid, SubscriptionEnded, SubscriptionNotFound

OPERATOR = [only("platform")]
LONGEST_REASON = 500


class Suspend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an application is suspended: its buyer and its seller are told."""

    why: Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)]


class Suspended(msgspec.Struct, frozen=True):
    """An application that is suspended."""

    application_id: UUID


class Invoiced(msgspec.Struct, frozen=True):
    """An order the buyer has an invoice for, and since when."""

    number: str
    invoiced_at: datetime


class Retrying(msgspec.Struct, frozen=True):
    """Parked work that is being tried again."""

    id: UUID


@get("/organisations", guards=OPERATOR)
async def list_organisations(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    kind: Annotated[OrganisationKind | None, QueryParameter(description="Only organisations of this kind.")] = None,
    q: Annotated[str, QueryParameter(description="Part of a name, in either language.")] = "",
) -> Page[Organisation]:
    """List organisations.

    Buyers, sellers and the platform itself, newest first.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.organisations(reader, wanted, kind=kind, text=q)


@get("/parked", guards=OPERATOR)
async def list_parked(
    request: ApiRequest, limit: Limit = None, after: After = None, before: Before = None
) -> Page[ParkedRow]:
    """List work that got stuck.

    What failed again and again is parked and waits until its cause is mended and it is started again.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await due.parked(reader, wanted)


@post("/parked/{row_id:uuid}/retry", guards=OPERATOR, status_code=200, opt={"problems": [NotParked]})
async def retry_parked(request: ApiRequest, row_id: UUID, idempotency_key: IdempotencyKey = None) -> Retrying:
    """Try stuck work again.

    It is carried out at once; if it fails again and again, it is parked again.
    """

    async def action(tx: Tx) -> Retrying:
        await due.retry_parked(tx, row_id)
        return Retrying(row_id)

    return await write(request, Retrying, idempotency_key, action)


@put(
    "/applications/{application_id:uuid}/suspension",
    guards=OPERATOR,
    opt={"problems": [SubscriptionNotFound, SubscriptionEnded]},
)
async def suspend_application(
    request: ApiRequest, application_id: UUID, data: Suspend, idempotency_key: IdempotencyKey = None
) -> Suspended:
    """Suspend an application.

    For a violation: the seller is told to freeze it, whatever its term. Suspending it again changes nothing.
    """
    why = data.why.strip()
    if not why:
        raise invalid("why", "This must not be empty.")

    async def action(tx: Tx) -> Suspended:
        await installation_of_app(request).life.suspend(tx, application_id, why)
        return Suspended(application_id)

    return await write(request, Suspended, idempotency_key, action, data)


@delete(
    "/applications/{application_id:uuid}/suspension",
    guards=OPERATOR,
    status_code=204,
    opt={"problems": [SubscriptionNotFound, SubscriptionEnded]},
)
async def lift_suspension(request: ApiRequest, application_id: UUID, idempotency_key: IdempotencyKey = None) -> None:
    """Lift a suspension.

    The application can be used again, unless its term is over. Lifting it again changes nothing.
    """

    async def action(tx: Tx) -> None:
        await installation_of_app(request).life.lift(tx, application_id)

    await write(request, type(None), idempotency_key, action)


@post(
    "/orders/{number:str}/invoice",
    guards=OPERATOR,
    status_code=200,
    opt={"problems": [OrderNotFound, OrderNotPaid]},
)
async def record_invoice(request: ApiRequest, number: str, idempotency_key: IdempotencyKey = None) -> Invoiced:
    """Note that an order was invoiced.

    The buyer got an invoice for it. Said again, nothing changes. Orders of before March 2023 that are still under
    supervision after a year count as accepted when they were invoiced, and are taken back when they were not.
    """

    async def action(tx: Tx) -> Invoiced:
        return Invoiced(number, await trading.record_invoice(tx, number))

    return await write(request, Invoiced, idempotency_key, action)


router = Router(
    "/operator",
    route_handlers=[
        calls_router("operator", "platform"),
        list_organisations,
        list_parked,
        retry_parked,
        suspend_application,
        lift_suspension,
        record_invoice,
    ],
    tags=["Operator"],
)
