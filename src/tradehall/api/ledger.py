"""Where money is: of one order, of a seller, and the ledger that operators see whole."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    Limit,
    NumberBegins,
    installation_of_app,
    wanted_page,
)
from tradehall.edge.access import anyone_signed_in, only
from tradehall.kernel.paging import Page
from tradehall.ledger import queries
from tradehall.ledger.model import LedgerFilter, OrderMoney, Posting, SellerTotals, Shown
from tradehall.trading import queries as orders
from tradehall.trading.errors import OrderNotFound


class LedgerBalance(msgspec.Struct, frozen=True):
    """What every account holds in one currency, in minor units. `sum_minor` is zero, or the ledger is wrong.

    Accounts whose money lies outside hold what came from them as a negative amount: `buyer_minor` what the gateway
    collected, and the vouchers what those who bear them paid. `escrow_minor` is held, `payable_minor` owed to sellers,
    `fee_minor` the platform's, `refunds_minor` what the gateway gave back.
    """

    currency: str
    buyer_minor: int
    platform_vouchers_minor: int
    seller_vouchers_minor: int
    escrow_minor: int
    payable_minor: int
    fee_minor: int
    refunds_minor: int
    sum_minor: int


class LedgerBalances(msgspec.Struct, frozen=True):
    """The balances of all accounts, by currency."""

    items: list[LedgerBalance]


class LedgerTotals(msgspec.Struct, frozen=True):
    """Your organisation's money, by currency."""

    items: list[SellerTotals]


@get("/orders/{number:str}/money", guards=[anyone_signed_in], opt={"problems": [OrderNotFound]})
async def get_money(request: ApiRequest, number: str) -> OrderMoney:
    """Look where the money of an order is.

    What of it is held, released and returned, and the postings that say so: each sums to zero. Buyers are not told what
    the platform keeps, sellers not how the buyer paid; who sees fewer accounts sees them together.
    """
    viewer = request.user.actor
    async with installation_of_app(request).db.read() as reader:
        found = await orders.order(reader, viewer, number)
        if found is None:
            raise OrderNotFound
        return await queries.money_of_order(reader, viewer, found.id, found.currency)


@get("/ledger/postings", guards=[only("seller", "platform")])
async def list_postings(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    account: Annotated[
        Shown | None, QueryParameter(description="Only postings that move this account, and their lines in it.")
    ] = None,
    seller_id: Annotated[UUID | None, QueryParameter(description="Only of orders of this seller.")] = None,
    q: NumberBegins = "",
) -> Page[Posting]:
    """List what the ledger holds.

    Sellers see the postings of their own orders, operators all. Newest first.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.postings(reader, request.user.actor, wanted, LedgerFilter(account, q, seller_id))


@get("/ledger/balances", guards=[only("platform")])
async def list_balances(request: ApiRequest) -> LedgerBalances:
    """List the balances of all accounts.

    As they are at this moment, every posting counted.
    """
    async with installation_of_app(request).db.read() as reader:
        found = await queries.balances(reader)
    return LedgerBalances(
        [
            LedgerBalance(
                one.currency, one.buyer, one.platform_vouchers, one.seller_vouchers, one.escrow, one.payable, one.fee,
                one.refunds, one.sum_minor,
            )
            for one in found
        ]
    )  # fmt: skip


@get("/ledger/totals", guards=[only("seller")])
async def list_totals(request: ApiRequest) -> LedgerTotals:
    """List what your organisation has earned.

    What is held until orders are completed, what can be settled, now or when a renewed term begins, what the platform
    kept, and what went back to buyers.
    """
    organisation = request.user.actor.organisation_id
    assert organisation, "a guard let only sellers' people in"
    async with installation_of_app(request).db.read() as reader:
        return LedgerTotals(await queries.totals_of_seller(reader, organisation))


router = Router("/", route_handlers=[get_money, list_postings, list_balances, list_totals], tags=["Ledger"])
