"""Mails and SMS that could not be sent, and those still on their way."""

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import installation_of, only
from tradehall.kernel.i18n import N_
from tradehall.notices import actions, queries
from tradehall.notices.model import Channel, SendingState
from tradehall.notices.sms import masked
from tradehall.notices.words import WORDS
from tradehall.web.common import PageResponse, WebRequest, chosen, id_from, page, perform, reading, wanted_page

CHANNELS: dict[Channel, str] = {"mail": N_("E-mail"), "sms": N_("SMS")}
STATES: tuple[SendingState, ...] = ("failed", "waiting")


@get("/operator/messages", guards=[only("platform")])
async def sendings(request: WebRequest) -> PageResponse:
    """What failed, unless what waits is asked for."""
    state = chosen(request, "state", STATES) or "failed"
    async with reading(request) as reader:
        rows = await queries.sendings(reader, wanted_page(request), state)
        failed = await queries.failed_count(reader)
    settings = installation_of(request).settings
    return page(
        request,
        "operator/messages.html",
        rows=rows,
        state=state,
        failed=failed,
        channels=CHANNELS,
        kinds={kind: one.label for kind, one in WORDS.items()},
        masked=masked,
        ways=[name for name, way in (("mail", settings.smtp_url), ("sms", settings.sms)) if way],
    )


@post("/operator/messages/{sending_id:str}/retry", guards=[only("platform")], status_code=200)
async def retry(request: WebRequest, sending_id: str) -> PageResponse:
    """Has a message that failed tried again."""
    wanted = id_from(sending_id)
    return await perform(
        request,
        lambda tx: actions.send_again(tx, wanted),
        to="/operator/messages",
        said=N_("It is being sent again. If it fails again, it comes back here."),
    )


handlers: list[HTTPRouteHandler] = [sendings, retry]
