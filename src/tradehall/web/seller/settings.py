"""Interface settings: where the marketplace calls the seller's server (生产接口地址) and with which access key."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import actions, keys, queries
from tradehall.catalog.errors import EndpointNotFound, KeyNotFound
from tradehall.catalog.keys import AccessKey
from tradehall.catalog.model import Encryption, Endpoint, Generation
from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Invalid, NotFound, Problem
from tradehall.kernel.i18n import N_
from tradehall.protocols.answers import RESULT_CODES
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
        found = await keys.keys_of_endpoints(reader, [endpoint.id for endpoint in endpoints])
    return page(
        request,
        "seller/settings.html",
        endpoints=endpoints,
        keys_of=_by_endpoint(found),
        may_change=seat.role == "admin",
        result_codes=list(RESULT_CODES.values()),
        settings=installation_of(request).settings,
        **VOCABULARY,
    )


class _Speech(msgspec.Struct, frozen=True):
    """What a form says of an endpoint, whether new or known."""

    name: str
    address: str
    generation: Generation
    encryption: Encryption
    revisions: bool
    asks_contact: bool


@get("/seller/settings/new", guards=[only("seller", role="admin")])
async def new_endpoint(request: WebRequest) -> PageResponse:
    return await _form_page(request, None, Form(request))


@get("/seller/settings/{endpoint_id:str}", guards=[only("seller", role="admin")])
async def endpoint(request: WebRequest, endpoint_id: str) -> PageResponse:
    return await _form_page(request, await _find(request, endpoint_id), Form(request))


@post("/seller/settings/new", guards=[only("seller", role="admin")])
async def create_endpoint(request: WebRequest) -> PageResponse:
    return await _save(request, None)


@post("/seller/settings/{endpoint_id:str}", guards=[only("seller", role="admin")])
async def change_endpoint(request: WebRequest, endpoint_id: str) -> PageResponse:
    return await _save(request, await _find(request, endpoint_id))


async def _save(request: WebRequest, found: Endpoint | None) -> PageResponse:
    """Creates an endpoint, or changes the one that was found."""
    seller_id, form = seat_of(request).organisation_id, await read_form(request)
    general = (found.interface_class if found else form.values.get("interface_class")) == "general"
    if not found and not general and form.values.get("interface_class") != "basic":
        form.fail("interface_class", NOT_A_CHOICE)
    speech = msgspec.structs.asdict(await _read(request, form, general=general))
    access_key = "" if found else _read_key(form)
    version = form.integer("version") if found else 0

    async def again(problem: Problem | None) -> PageResponse:
        return await _form_page(request, found, form, problem)

    if form.errors:
        return await again(None)

    async def action(tx: Tx) -> None:
        if found:
            await actions.change_endpoint(tx, seller_id=seller_id, endpoint_id=found.id, version=version, **speech)
        else:
            await actions.create_endpoint(
                tx,
                installation_of(request).seal,
                seller_id=seller_id,
                interface_class="general" if general else "basic",
                access_key=access_key,
                **speech,
            )

    return await perform(
        request,
        action,
        to="/seller/settings",
        said=N_("Saved. The next try of every call uses it.") if found else N_("The interface was created."),
        form=form,
        again=again,
    )


async def _read(request: WebRequest, form: Form, *, general: bool) -> _Speech:
    """What was typed and chosen; the address is looked up, so that a refusal stands at its field.

    The page hides what the chosen generation does not have, whatever was ticked there before: it does not count.
    """
    name = form.text("name", required=True, most=80)
    address = form.text("address", required=True, most=LONGEST_ADDRESS)
    if not form.error("address") and (problem := await installation_of(request).outbound.check_address(address)):
        form.fail("address", problem)
    v1 = not general and form.values.get("generation", "V2") == "V1"
    if form.values.get("generation", "V2") not in ("V1", "V2"):
        form.fail("generation", NOT_A_CHOICE)
    return _Speech(
        name=name,
        address=address,
        generation="V1" if v1 else "V2",
        encryption="AES128" if v1 and form.values.get("encryption") == "AES128" else "AES256",
        revisions=not v1 and not general and form.ticked("revisions"),
        asks_contact=v1 and form.ticked("asks_contact"),
    )


def _read_key(form: Form) -> str:
    """The access key that was typed, or the one that the form proposed."""
    if form.values.get("key_from") == "made":
        return form.values.get("made_key", "")
    typed = form.values.get("access_key", "")
    if not typed:
        form.fail("access_key", REQUIRED)
    return typed


# --- access keys


@get("/seller/settings/{endpoint_id:str}/keys/new", guards=[only("seller", role="admin")])
async def new_key(request: WebRequest, endpoint_id: str) -> PageResponse:
    return _key_page(request, await _find(request, endpoint_id), Form(request))


@post("/seller/settings/{endpoint_id:str}/keys/new", guards=[only("seller", role="admin")])
async def add_key(request: WebRequest, endpoint_id: str) -> PageResponse:
    found, form = await _find(request, endpoint_id), await read_form(request)
    installation = installation_of(request)
    access_key = _read_key(form)
    overlap = timedelta() if form.ticked("retire_others") else installation.settings.key_overlap

    async def again(problem: Problem | None) -> PageResponse:
        return _key_page(request, found, form, problem)

    if form.errors:
        return await again(None)
    return await perform(
        request,
        lambda tx: keys.add_key(
            tx,
            installation.seal,
            seller_id=found.seller_id,
            endpoint_id=found.id,
            access_key=access_key,
            overlap=overlap,
        ),
        to=f"/seller/settings/{found.id}",
        said=N_("Calls are signed with the new access key from now on."),
        form=form,
        again=again,
    )


@post("/seller/settings/{endpoint_id:str}/keys/{key_id:str}/retire", guards=[only("seller", role="admin")])
async def retire_key(request: WebRequest, endpoint_id: str, key_id: str) -> PageResponse:
    found = await _find(request, endpoint_id)
    wanted = _id(key_id, KeyNotFound)
    return await perform(
        request,
        lambda tx: keys.retire_key(tx, seller_id=found.seller_id, endpoint_id=found.id, key_id=wanted),
        to=f"/seller/settings/{found.id}",
        said=N_("The old access key is retired."),
    )


def _by_endpoint(found: Iterable[AccessKey]) -> dict[UUID, list[AccessKey]]:
    by_endpoint: defaultdict[UUID, list[AccessKey]] = defaultdict(list)
    for key in found:
        by_endpoint[key.endpoint_id].append(key)
    return by_endpoint


async def _find(request: WebRequest, text: str) -> Endpoint:
    async with reading(request) as reader:
        found = await queries.endpoint(reader, seat_of(request).organisation_id, _id(text, EndpointNotFound))
    if found is None:
        raise EndpointNotFound
    return found


def _id(text: str, unknown: type[NotFound]) -> UUID:
    try:
        return id_from(text)
    except NotFound:
        raise unknown from None


async def _form_page(
    request: WebRequest, found: Endpoint | None, form: Form, problem: Problem | None = None
) -> PageResponse:
    own: list[AccessKey] = []
    if found:
        async with reading(request) as reader:
            own = await keys.keys_of_endpoints(reader, [found.id])
    return page(
        request,
        "seller/endpoint.html",
        flash=_told(request, problem),
        endpoint=found,
        form=form,
        keys=own,
        made_key=form.value("made_key") or keys.generated(),
    )


def _key_page(request: WebRequest, found: Endpoint, form: Form, problem: Problem | None = None) -> PageResponse:
    return page(
        request,
        "seller/new_key.html",
        flash=_told(request, problem),
        endpoint=found,
        form=form,
        made_key=form.value("made_key") or keys.generated(),
        overlap=installation_of(request).settings.key_overlap,
    )


def _told(request: WebRequest, problem: Problem | None) -> Flash | None:
    return Flash("warning", said_of(request, problem)) if problem and not isinstance(problem, Invalid) else None


handlers: list[HTTPRouteHandler] = [
    settings,
    new_endpoint,
    create_endpoint,
    endpoint,
    change_endpoint,
    new_key,
    add_key,
    retire_key,
]
