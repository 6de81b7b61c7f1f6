"""Organisations and the people who act for them."""

from typing import get_args

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import queries as catalog
from tradehall.edge.access import installation_of, only
from tradehall.kernel.errors import NotFound
from tradehall.kernel.i18n import N_
from tradehall.parties import actions, queries
from tradehall.parties.model import OrganisationKind
from tradehall.provisioning import circuits
from tradehall.provisioning import health as health_of
from tradehall.web.common import (
    PageResponse,
    WebRequest,
    chosen,
    id_from,
    page,
    perform,
    read_form,
    reading,
    searched,
    wanted_page,
)
from tradehall.web.labels import VOUCHER_SCENES
from tradehall.web.seller.hints import outcome_of_health
from tradehall.web.seller.orders import VOCABULARY
from tradehall.web.seller.overview import ShownHealth

KINDS: dict[OrganisationKind, str] = {
    "buyer": N_("Buyer"),
    "seller": N_("Seller"),
    "platform": N_("Operator"),
}
ROLES = {"admin": N_("Administrator"), "member": N_("Member")}


@get("/operator/organisations", guards=[only("platform")])
async def organisations(request: WebRequest) -> PageResponse:
    kind, text = chosen(request, "kind", get_args(OrganisationKind)), searched(request)
    async with reading(request) as reader:
        rows = await queries.organisations(reader, wanted_page(request), kind=kind, text=text)
    return page(
        request, "operator/organisations.html", rows=rows, kind=kind, q=text, kinds=KINDS, **VOCABULARY
    )  # fmt: skip


@get("/operator/organisations/{organisation_id:str}", guards=[only("platform")])
async def organisation(request: WebRequest, organisation_id: str) -> PageResponse:
    async with reading(request) as reader:
        found = await queries.organisation(reader, id_from(organisation_id))
        if found is None:
            raise NotFound
        people = await queries.members(reader, found.id)
        manager = await queries.account_manager(reader, found.id)
        managers = await queries.platform_people(reader) if found.kind == "buyer" else []
        selling = found.kind == "seller"
        endpoints = await catalog.endpoints_of_seller(reader, found.id) if selling else []
        health = await health_of.interfaces(reader, found.id) if selling else []
        servers = await circuits.circuits(
            reader, request.user.actor, installation_of(request).settings.circuit_failures
        )
    return page(
        request,
        "operator/organisation.html",
        organisation=found,
        people=people,
        manager=manager,
        managers=managers,
        endpoints=endpoints,
        circuits=[one for one in servers if one.seller_id == found.id],
        health=[
            ShownHealth(one, outcome_of_health(one.activity, one.last_verdict, one.last_code, one.last_trouble), [])
            for one in health
        ],
        kinds=KINDS,
        roles=ROLES,
        scenes=VOUCHER_SCENES,
        may_change=request.user.actor.role == "admin",
        **VOCABULARY,
    )


@post("/operator/organisations/{organisation_id:str}/account-manager", guards=[only("platform")], status_code=200)
async def set_account_manager(request: WebRequest, organisation_id: str) -> PageResponse:
    """Says who looks after a buyer: it is they who hear of orders that are not accepted for long."""
    form = await read_form(request)
    buyer, chosen_one = id_from(organisation_id), form.values.get("account_manager", "")
    person = id_from(chosen_one) if chosen_one else None
    return await perform(
        request,
        lambda tx: actions.set_account_manager(tx, buyer, person),
        to=f"/operator/organisations/{buyer}",
        said=N_("Saved."),
    )


handlers: list[HTTPRouteHandler] = [organisations, organisation, set_account_manager]
