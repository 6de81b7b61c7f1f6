"""The applications an organisation bought: how to get in, until when, and whom to ask."""

import hashlib
from typing import Any, get_args
from uuid import UUID

import msgspec
from litestar import Response, get, post

from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Tx
from tradehall.kernel.i18n import N_
from tradehall.provisioning import queries
from tradehall.provisioning.errors import InstanceNotFound
from tradehall.provisioning.model import Instance, InstanceState
from tradehall.web.common import (
    PageResponse,
    WebRequest,
    chosen,
    id_from,
    is_partial,
    page,
    reading,
    redirect,
    request_id,
    texts,
    wanted_page,
)
from tradehall.web.labels import INSTANCE_STATES

BUYERS = [only("buyer")]
ALL_STATES: tuple[InstanceState, ...] = get_args(InstanceState)
NOT_SETTLED = ("queued", "waiting", "running")


@get("/buyer/applications", guards=BUYERS)
async def applications(request: WebRequest) -> PageResponse:
    """Everything the organisation bought that runs, opens or ended."""
    state = chosen(request, "state", ALL_STATES)
    async with reading(request) as reader:
        rows = await queries.instances(reader, request.user.actor, wanted_page(request), state=state)
    return page(request, "buyer/applications.html", rows=rows, state=state, states=INSTANCE_STATES)


class Shown(msgspec.Struct, frozen=True):
    """An application as its page shows it. `asking`: its seller is being asked for its details right now; `unanswered`:
    it was, and did not tell them."""

    instance: Instance
    asking: bool
    unanswered: bool

    @property
    def under_way(self) -> bool:
        return self.asking or self.instance.state == "opening"

    @property
    def mark(self) -> str:
        told = (self.instance.state, self.instance.details_at, self.asking, self.unanswered)
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


async def _shown(request: WebRequest, instance_id: UUID) -> Shown:
    async with reading(request) as reader:
        instance = await queries.instance(reader, request.user.actor, instance_id)
        if instance is None:
            raise InstanceNotFound
        calls = await queries.calls_of_order(reader, instance.order_id)
    asked = [call for call in calls if call.instance_id == instance_id and call.purpose == "details"]
    asking = any(call.state in NOT_SETTLED for call in asked)
    unanswered = bool(asked) and asked[-1].state != "succeeded" and asked[-1].attempts > 0
    return Shown(instance, asking, unanswered)


@get("/buyer/applications/{instance_id:str}", guards=BUYERS)
async def application(request: WebRequest, instance_id: str) -> PageResponse:
    """One application: addresses, account, password behind an eye, expiry. Old details are renewed."""
    return _page(request, await _shown(request, id_from(instance_id)))


def _page(request: WebRequest, shown: Shown, password: str | None = None) -> PageResponse:
    template = "buyer/application_details.html" if is_partial(request) else "buyer/application.html"
    return page(
        request, template, shown=shown, app=shown.instance, states=INSTANCE_STATES, password=password, renew=False
    )


@get("/buyer/applications/{instance_id:str}/details", guards=BUYERS)
async def details(request: WebRequest, instance_id: str) -> Response[Any]:
    """The details while they are being asked for; nothing (204) where nothing is new."""
    shown = await _shown(request, id_from(instance_id))
    if request.query_params.get("seen") == shown.mark:
        return Response(None, status_code=204, headers={"Cache-Control": "no-store"})
    if not is_partial(request):
        return redirect(request, f"/buyer/applications/{shown.instance.id}")
    return _page(request, shown)


@post("/buyer/applications/{instance_id:str}/refresh", guards=BUYERS, status_code=200)
async def refresh(request: WebRequest, instance_id: str) -> Response[Any]:
    """Has the seller asked for the details anew, unless they are fresh or being asked for already."""
    instance = id_from(instance_id)
    installation = installation_of(request)
    async with installation.db.transaction(request.user.actor, request_id(request)) as tx:
        asked = await installation.provisioning.refresh_details(tx, instance)
    if is_partial(request):
        if not asked:
            return Response(None, status_code=204)
        return _page(request, await _shown(request, instance))
    words = texts(request)
    said = N_("The seller is asked for the latest details.") if asked else N_("These details are up to date.")
    return redirect(request, f"/buyer/applications/{instance}", words.gettext(said), "info")


@post("/buyer/applications/{instance_id:str}/password", guards=BUYERS, status_code=200)
async def password(request: WebRequest, instance_id: str) -> PageResponse:
    """Shows the initial password: in its place where htmx asks, else on the page."""
    instance = id_from(instance_id)
    installation = installation_of(request)

    async def reveal(tx: Tx) -> str | None:
        return await installation.provisioning.reveal_password(tx, instance)

    async with installation.db.transaction(request.user.actor, request_id(request)) as tx:
        revealed = await reveal(tx)
    if is_partial(request):
        return page(request, "buyer/password.html", password=revealed, instance_id=instance)
    return _page(request, await _shown(request, instance), revealed)


handlers: list[Any] = [applications, application, details, refresh, password]
