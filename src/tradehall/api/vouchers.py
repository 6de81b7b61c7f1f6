"""Vouchers: buyers see and spend them, operators issue them and say to which sales scene a buyer belongs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get, post, put
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    Whole,
    installation_of_app,
    wanted_page,
    write,
)
from tradehall.edge.access import only
from tradehall.kernel.db import Tx
from tradehall.kernel.paging import Page
from tradehall.parties import actions as parties
from tradehall.parties.errors import OrganisationNotFound
from tradehall.parties.model import Track
from tradehall.trading import queries as orders
from tradehall.trading import voucher_queries as queries
from tradehall.trading import vouchers
from tradehall.trading.errors import OrderNotFound
from tradehall.trading.voucher_queries import SHORTEST_CODE, Voucher, VoucherFilter, VoucherState

ADMINISTRATORS = [only("platform", role="admin")]
At = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(max_length=120)]


class IssueVoucher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A voucher for a buyer, in minor units of a currency; valid from now on if nothing else is said.

    With a `seller_id` it pays for that seller's products only, and with `issued_by_seller` that seller bears it. With a
    `scene`, what it pays for belongs to that sales scene.
    """

    buyer_id: UUID
    name_en: Name
    name_zh: Name
    amount_minor: Whole
    currency: str
    expires_at: At
    valid_from: At | None = None
    scene: Track | None = None
    seller_id: UUID | None = None
    issued_by_seller: bool = False


class SetTrack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sales scene a buyer belongs to from now on; null for none."""

    track: Track | None


class TrackSet(msgspec.Struct, frozen=True):
    """A buyer and the sales scene it belongs to."""

    organisation_id: UUID
    track: Track | None


class UsableVouchers(msgspec.Struct, frozen=True):
    """What can pay an order now, in the order in which it is used; at most fifty."""

    items: list[Voucher]


@get("/vouchers", guards=[only("buyer", "platform")])
async def list_vouchers(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    voucher_state: Annotated[
        VoucherState | None, QueryParameter(name="state", description="Only those in this state.")
    ] = None,
    scene: Annotated[Track | None, QueryParameter(description="Only those of this sales scene.")] = None,
    buyer_id: Annotated[UUID | None, QueryParameter(description="Only those of this buyer.")] = None,
    q: Annotated[
        str,
        QueryParameter(
            description=f"The first {SHORTEST_CODE} characters of a code or more, or part of the buyer's name."
        ),
    ] = "",
) -> Page[Voucher]:
    """List vouchers.

    Buyers see those of their organisation, operators all. Newest first.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.vouchers(
            reader, request.user.actor, wanted, VoucherFilter(voucher_state, scene, buyer_id, q)
        )


@get("/orders/{number:str}/vouchers", guards=[only("buyer")], opt={"problems": [OrderNotFound]})
async def list_usable_vouchers(request: ApiRequest, number: str) -> UsableVouchers:
    """List vouchers that can pay an order.

    None for an order that waits for no payment. Name their ids when you pay it.
    """
    async with installation_of_app(request).db.read() as reader:
        order = await orders.order(reader, request.user.actor, number)
        if order is None:
            raise OrderNotFound
        if order.state != "pending_payment" or not order.total_minor:
            return UsableVouchers([])
        return UsableVouchers(await queries.usable_for(reader, request.user.actor, order.seller_id, order.currency))


@post("/operator/vouchers", guards=ADMINISTRATORS, status_code=201)
async def issue_voucher(request: ApiRequest, data: IssueVoucher, idempotency_key: IdempotencyKey = None) -> Voucher:
    """Issue a voucher.

    The buyer can spend it in part or whole, on any number of orders, until it expires.
    """

    async def action(tx: Tx) -> Voucher:
        issued = await vouchers.issue(tx, vouchers.NewVoucher(**msgspec.structs.asdict(data)))
        found = await queries.voucher(tx, request.user.actor, issued)
        assert found is not None
        return found

    return await write(request, Voucher, idempotency_key, action, data)


@put(
    "/operator/organisations/{organisation_id:uuid}/track",
    guards=ADMINISTRATORS,
    opt={"problems": [OrganisationNotFound]},
)
async def set_track(
    request: ApiRequest, organisation_id: UUID, data: SetTrack, idempotency_key: IdempotencyKey = None
) -> TrackSet:
    """Say which sales scene a buyer belongs to.

    It decides by which rule deliveries of joint products are accepted, for orders that are paid from now on.
    """

    async def action(tx: Tx) -> TrackSet:
        await parties.set_track(tx, organisation_id, data.track)
        return TrackSet(organisation_id, data.track)

    return await write(request, TrackSet, idempotency_key, action, data)


router = Router("/", route_handlers=[list_vouchers, list_usable_vouchers, issue_voucher, set_track], tags=["Vouchers"])
