"""A buyer's vouchers, and how each stands."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import only
from tradehall.trading import voucher_queries as queries
from tradehall.trading.voucher_queries import VOUCHER_STATES, VoucherFilter
from tradehall.web import labels
from tradehall.web.common import PageResponse, WebRequest, chosen, page, reading, wanted_page


@get("/buyer/vouchers", guards=[only("buyer")])
async def vouchers(request: WebRequest) -> PageResponse:
    """The organisation's vouchers, newest first, by state."""
    state = chosen(request, "state", VOUCHER_STATES)
    async with reading(request) as reader:
        rows = await queries.vouchers(reader, request.user.actor, wanted_page(request), VoucherFilter(state))
    return page(
        request,
        "buyer/vouchers.html",
        rows=rows,
        state=state,
        states=labels.VOUCHER_STATES,
        scenes=labels.VOUCHER_SCENES,
    )


handlers: list[HTTPRouteHandler] = [vouchers]
