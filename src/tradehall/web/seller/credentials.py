"""API credentials: the pairs of access key id and secret with which the seller's programs call the open APIs."""

from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Invalid, NotFound, Problem
from tradehall.kernel.i18n import N_
from tradehall.parties import credentials
from tradehall.parties.credentials import LONGEST_NAME, MOST_LIVE
from tradehall.parties.errors import CredentialNotFound
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    id_from,
    page,
    perform,
    read_form,
    reading,
    said_of,
    seat_of,
)
from tradehall.web.templating import Flash

PATH = "/seller/settings/credentials"


@get(PATH, guards=[only("seller")])
async def list_credentials(request: WebRequest) -> PageResponse:
    """The organisation's credentials, and for administrators the form that makes one."""
    return await _page(request, Form(request))


@post(PATH, guards=[only("seller", role="admin")], status_code=200)
async def create_credential(request: WebRequest) -> PageResponse:
    """Makes a credential and shows its secret this once."""
    form = await read_form(request)
    name = form.text("name", required=True, most=LONGEST_NAME)
    if form.errors:
        return await _page(request, form)
    made: list[tuple[UUID, str]] = []

    async def action(tx: Tx) -> None:
        made.append(await credentials.create_credential(tx, installation_of(request).seal, name=name))

    async def again(problem: Problem | None) -> PageResponse:
        return await _page(request, form, problem)

    answer = await perform(request, action, to=PATH, form=form, again=again)
    # No redirect when one was made: a secret in an address or a cookie would be kept where it should not.
    return await _page(request, Form(request), made=made[0]) if made and answer.status_code == 303 else answer


@post(PATH + "/{credential_id:str}/revoke", guards=[only("seller", role="admin")], status_code=200)
async def revoke_credential(request: WebRequest, credential_id: str) -> PageResponse:
    """Ends a credential at once."""
    try:
        wanted = id_from(credential_id)
    except NotFound:
        raise CredentialNotFound from None

    async def action(tx: Tx) -> None:
        await credentials.revoke_credential(tx, wanted)

    return await perform(
        request, action, to=PATH, said=N_("The credential is revoked; calls signed with it are refused.")
    )


async def _page(
    request: WebRequest, form: Form, problem: Problem | None = None, made: tuple[UUID, str] | None = None
) -> PageResponse:
    seat = seat_of(request)
    async with reading(request) as reader:
        found = await credentials.credentials_of(reader, seat.organisation_id)
    told = Flash("warning", said_of(request, problem)) if problem and not isinstance(problem, Invalid) else None
    return page(
        request,
        "seller/credentials.html",
        flash=told,
        credentials=found,
        form=form,
        made=next((one for one in found if made and one.id == made[0]), None),
        secret=made[1] if made else "",
        may_change=seat.role == "admin",
        most=MOST_LIVE,
    )


handlers: list[HTTPRouteHandler] = [list_credentials, create_credential, revoke_credential]
