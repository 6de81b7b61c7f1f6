"""The operator's first page: whose server fails, what was parked, which orders are open."""

from datetime import timedelta

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import installation_of, only
from tradehall.kernel import due
from tradehall.kernel.due import NotParked
from tradehall.kernel.errors import NotFound
from tradehall.kernel.i18n import N_
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import PageRequest
from tradehall.notices import queries as notices
from tradehall.provisioning import circuits
from tradehall.provisioning import health as health_of
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.queries import CallFilter
from tradehall.reviews import queries as reviews
from tradehall.trading import queries as trading
from tradehall.trading.queries import OrderFilter
from tradehall.web.common import PageResponse, WebRequest, id_from, page, perform, reading
from tradehall.web.disputes.lists import main_step, waiting
from tradehall.web.seller.orders import VOCABULARY
from tradehall.web.supervision.lists import duties, main_verb

SHOWN = PageRequest(limit=8)
LATELY = timedelta(days=1)
DUE_KINDS = {
    "order.expire": N_("Cancel an unpaid order"),
    "order.refund": N_("Give money back"),
    "subscription.life": N_("The next step of an application's life"),
    "subscription.renewal": N_("Automatic renewal"),
    "call.investigation": N_("Undo what could not be carried out"),
    "files.forget": N_("Delete a file that was taken back"),
    "housekeeping": N_("Housekeeping"),
}


@get("/operator", guards=[only("platform")])
async def overview(request: WebRequest) -> PageResponse:
    actor: Actor = request.user.actor
    async with reading(request) as reader:
        sellers = await health_of.failing_sellers(reader, reader.now - LATELY)
        parked = await due.parked(reader, PageRequest())
        counts = await health_of.call_counts(reader, actor)
        servers = await circuits.circuits(reader, actor, installation_of(request).settings.circuit_failures)
        unsent = await notices.failed_count(reader)
        unread_reviews = await reviews.waiting_count(reader)
        orders_open = await trading.open_counts(reader, actor)
        orders = await trading.orders(reader, actor, SHOWN, OrderFilter(state="processing"))
        calls = await provisioning.calls(reader, actor, SHOWN, CallFilter(state="waiting", failing=True))
        mine = await duties(reader, actor, installation_of(request).settings)
        disputed = await waiting(reader, actor)
    return page(
        request,
        "operator/overview.html",
        duties=mine,
        main_verb=main_verb,
        disputed=disputed,
        main_step=main_step,
        sellers=sellers,
        circuits=servers,
        parked=parked,
        due_kinds=DUE_KINDS,
        counts=counts,
        unsent=unsent,
        unread_reviews=unread_reviews,
        orders_open=orders_open,
        orders=orders.items,
        calls=calls.items,
        **VOCABULARY,
    )


@post("/operator/parked/{row_id:str}/retry", guards=[only("platform")])
async def retry(request: WebRequest, row_id: str) -> PageResponse:
    """Has parked work carried out again."""
    try:
        wanted = id_from(row_id)
    except NotFound:
        raise NotParked from None
    return await perform(
        request,
        lambda tx: due.retry_parked(tx, wanted),
        to="/operator",
        said=N_("It is carried out again now. If it fails again and again, it is parked again."),
    )


handlers: list[HTTPRouteHandler] = [overview, retry]
