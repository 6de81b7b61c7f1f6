"""Interface settings: where the marketplace calls the seller's server (生产接口地址) and with which access key."""

from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import actions, queries
from tradehall.catalog.errors import EndpointNotFound
from tradehall.catalog.model import Endpoint
from tradehall.edge.access import installation_of, only
from tradehall.kernel.errors import Invalid, NotFound, Problem
from tradehall.kernel.i18n import N_
from tradehall.protocols.v2 import RESULT_CODES
from tradehall.web.common import (
    NOT_A_CHOICE,
    REQUIRED,
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
from tradehall.web.seller.orders import VOCABULARY
from tradehall.web.templating import Flash

LONGEST_ADDRESS = 500


@get("/seller/settings", guards=[only("seller")])
async def settings(request: WebRequest) -> PageResponse:
    seat = seat_of(request)
    async with reading(request) as reader:
        endpoints = await queries.endpoints_of_seller(reader, seat.organisation_id)
    return page(
        request,
        "seller/settings.html",
        endpoints=endpoints,
        may_change=seat.role == "admin",
        result_codes=list(RESULT_CODES.values()),
        settings=installation_of(request).settings,
        **VOCABULARY,
    )


@get("/seller/settings/new", guards=[only("seller", role="admin")])
async def new_endpoint(request: WebRequest) -> PageResponse:
    return _form_page(request, None, Form(request))


@post("/seller/settings/new", guards=[only("seller", role="admin")])
async def create_endpoint(request: WebRequest) -> PageResponse:
    seat, form = seat_of(request), await read_form(request)
    name, address, access_key = await _read(request, form)
    if not access_key:
        form.fail("access_key", REQUIRED)
    general = form.values.get("interface_class") == "general"
    if not general and form.values.get("interface_class") != "basic":
        form.fail("interface_class", NOT_A_CHOICE)

    async def again(problem: Problem | None) -> PageResponse:
        return _form_page(request, None, form, problem)

    if form.errors:
        return await again(None)
    return await perform(
        request,
        lambda tx: actions.create_endpoint(
            tx,
            installation_of(request).seal,
            seller_id=seat.organisation_id,
            interface_class="general" if general else "basic",
            name=name,
            address=address,
            access_key=access_key,
        ),
        to="/seller/settings",
        said=N_("The interface was created."),
        form=form,
        again=again,
    )


@get("/seller/settings/{endpoint_id:str}", guards=[only("seller", role="admin")])
async def endpoint(request: WebRequest, endpoint_id: str) -> PageResponse:
    return _form_page(request, await _find(request, endpoint_id), Form(request))


@post("/seller/settings/{endpoint_id:str}", guards=[only("seller", role="admin")])
async def change_endpoint(request: WebRequest, endpoint_id: str) -> PageResponse:
    found, form = await _find(request, endpoint_id), await read_form(request)
    name, address, access_key = await _read(request, form)
    version = form.integer("version")

    async def again(problem: Problem | None) -> PageResponse:
        return _form_page(request, found, form, problem)

    if form.errors:
        return await again(None)
    return await perform(
        request,
        lambda tx: actions.change_endpoint(
            tx,
            installation_of(request).seal,
            seller_id=found.seller_id,
            endpoint_id=found.id,
            version=version,
            name=name,
            address=address,
            access_key=access_key,
        ),
        to="/seller/settings",
        said=N_("Saved. The next try of every call uses it."),
        form=form,
        again=again,
    )


async def _read(request: WebRequest, form: Form) -> tuple[str, str, str]:
    """Name, address and key as typed; the address is looked up, so that a refusal stands at its field."""
    name = form.text("name", required=True, most=80)
    address = form.text("address", required=True, most=LONGEST_ADDRESS)
    if not form.error("address") and (problem := await installation_of(request).outbound.check_address(address)):
        form.fail("address", problem)
    return name, address, form.values.get("access_key", "")


async def _find(request: WebRequest, text: str) -> Endpoint:
    async with reading(request) as reader:
        found = await queries.endpoint(reader, seat_of(request).organisation_id, _known(text))
    if found is None:
        raise EndpointNotFound
    return found


def _known(text: str) -> UUID:
    try:
        return id_from(text)
    except NotFound:
        raise EndpointNotFound from None


def _form_page(request: WebRequest, found: Endpoint | None, form: Form, problem: Problem | None = None) -> PageResponse:
    told = Flash("warning", said_of(request, problem)) if problem and not isinstance(problem, Invalid) else None
    return page(request, "seller/endpoint.html", flash=told, endpoint=found, form=form)


handlers: list[HTTPRouteHandler] = [settings, new_endpoint, create_endpoint, endpoint, change_endpoint]
