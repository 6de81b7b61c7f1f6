"""Trying a specification before it is bought: looked at once more, then begun. Nothing is paid."""

from typing import Any

from litestar import get, post

from tradehall.catalog import queries as catalog
from tradehall.catalog.errors import ProductNotFound
from tradehall.catalog.model import Listing, Price, Sku
from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Problem
from tradehall.kernel.i18n import N_
from tradehall.trading import subscription_queries as queries
from tradehall.trading.actions import Placed
from tradehall.trading.errors import TrialNotOffered, TriedBefore
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    page,
    perform,
    read_form,
    reading,
    said_of,
    seat_of,
)

BUYERS = [only("buyer")]
BEGUN = N_("The trial is ordered. The seller is asked to open it.")


@get("/buyer/trials/new", guards=BUYERS)
async def confirm(request: WebRequest) -> PageResponse:
    """What is about to be tried, for how long, and what happens then."""
    return await _page(request, Form(request, list(request.query_params.multi_items())))


async def _page(request: WebRequest, form: Form, problem: Problem | None = None) -> PageResponse:
    async with reading(request) as reader:
        listing = await catalog.listing(reader, form.value("product"), request.user.actor)
        if listing is None:
            raise ProductNotFound
        sku, price = trial_named(listing, form.value("price"))
        days = sku.trial_days if sku else None
        tried = await queries.trial_of(reader, seat_of(request).organisation_id, listing.product.id)
    if problem is None and days is None:
        problem = TrialNotOffered()
    elif problem is None and tried:
        problem = TriedBefore()
    return page(
        request,
        "buyer/trial.html",
        http_status=problem.status if problem else 200,
        product=listing.product,
        sku=sku,
        price=price,
        days=days,
        tried=tried,
        form=form,
        problem=said_of(request, problem) if problem else "",
    )


def trial_named(listing: Listing, text: str) -> tuple[Sku | None, Price | None]:
    """The specification and price by the period that an id names, where it may be tried."""
    for price in listing.prices:
        if str(price.id) == text and price.charging_mode == "PERIOD":
            return next((sku for sku in listing.skus if sku.id == price.sku_id and sku.trial_days), None), price
    return None, None


@post("/buyer/trials/new", guards=BUYERS, status_code=200)
async def begin(request: WebRequest) -> PageResponse:
    """Begins the trial. Sent twice, it is one."""
    form = await read_form(request)
    price = form.uuid("price")

    async def action(tx: Tx) -> Placed:
        return await installation_of(request).subscriptions.try_out(tx, price_id=price)

    async def again(problem: Problem | None) -> PageResponse:
        return await _page(request, form, problem)

    if form.errors:
        return await again(None)
    return await perform(
        request, action, to=lambda placed: f"/buyer/orders/{placed.number}", said=BEGUN, form=form, again=again
    )


handlers: list[Any] = [confirm, begin]
