"""The applications an organisation bought: how to get in, until when, what may be done with them, what is ahead."""

import hashlib
from functools import partial
from typing import Any, get_args
from uuid import UUID

import msgspec
from litestar import Response, get, post

from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import Problem
from tradehall.kernel.i18n import N_, Translator
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import PageRequest
from tradehall.provisioning import queries
from tradehall.provisioning.errors import InstanceNotFound
from tradehall.provisioning.model import Instance, InstanceState
from tradehall.reviews import queries as reviews
from tradehall.supervision import queries as supervision
from tradehall.supervision.acceptance import LICENSES
from tradehall.supervision.model import Held
from tradehall.trading import queries as trading
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.possibilities import possibilities
from tradehall.trading.terms import Subscription
from tradehall.web import labels
from tradehall.web.ahead import ahead_items
from tradehall.web.buyer.deeds import deeds
from tradehall.web.buyer.happened import timeline
from tradehall.web.buyer.orders import Followed, follow
from tradehall.web.buyer.standing import next_card
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
    said_of,
    texts,
    timezone_of,
    wanted_page,
)
from tradehall.web.happened import clock_for
from tradehall.web.labels import INSTANCE_STATES, ORDER_STATES, ORDER_TYPES, standing
from tradehall.web.reviewed import STATES as REVIEW_STATES
from tradehall.web.supervision.log import Answer, verbatim
from tradehall.web.templating import Flash

BUYERS = [only("buyer")]
ORDERS_SHOWN = PageRequest(limit=50)
ALL_STATES: tuple[InstanceState, ...] = get_args(InstanceState)
NOT_SETTLED = ("queued", "waiting", "running")


@get("/buyer/applications", guards=BUYERS)
async def applications(request: WebRequest) -> PageResponse:
    """Everything the organisation bought that runs, opens or ended."""
    state = chosen(request, "state", ALL_STATES)
    async with reading(request) as reader:
        rows = await queries.instances(reader, request.user.actor, wanted_page(request), state=state)
    return page(
        request, "buyer/applications.html", rows=rows, state=state, states=INSTANCE_STATES, standing=standing
    )  # fmt: skip


class Shown(msgspec.Struct, frozen=True):
    """An application as its page shows it. `first` is the order that began it, `busy` the unfinished one about it.
    `asking`: its seller is being asked for its details right now; `unanswered`: it was, and did not tell them."""

    instance: Instance
    held: Subscription | None
    first: Followed
    busy: Followed | None
    asking: bool
    unanswered: bool

    @property
    def followed(self) -> Followed:
        """The order that says what happens next."""
        return self.busy or self.first

    @property
    def under_way(self) -> bool:
        """Whether something will change without the reader doing anything."""
        return self.asking or self.followed.under_way

    @property
    def mark(self) -> str:
        """Changes whenever the page would tell something new."""
        told = (
            [self.instance.details_at, self.asking, self.unanswered],
            self.held.state if self.held else "",
            self.first.mark,
            self.busy.mark if self.busy else "",
        )
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


async def _shown(request: WebRequest, instance_id: UUID) -> Shown:
    actor = request.user.actor
    async with reading(request) as reader:
        instance = await queries.instance(reader, actor, instance_id)
        if instance is None:
            raise InstanceNotFound
        held = await subscriptions.subscription(reader, actor, instance_id)
        first = await follow(reader, request, instance.order_number)
        busy = await follow(reader, request, held.busy_with) if held and held.busy_with else None
    asked = [call for call in first.calls if call.instance_id == instance_id and call.purpose == "details"]
    asking = any(call.state in NOT_SETTLED for call in asked)
    unanswered = bool(asked) and asked[-1].state != "succeeded" and asked[-1].attempts > 0
    return Shown(instance, held, first, busy, asking, unanswered)


@get("/buyer/applications/{instance_id:str}", guards=BUYERS)
async def application(request: WebRequest, instance_id: str) -> PageResponse:
    """One application: how to get in, what is ahead, what may be done. Old details are renewed."""
    return await application_page(request, id_from(instance_id))


async def application_page(
    request: WebRequest, instance_id: UUID, problem: Problem | None = None, password: str | None = None
) -> PageResponse:
    """The application's page, or what of it htmx asks for; with what went wrong with something done on it."""
    return await _page(request, await _shown(request, instance_id), problem, password)


async def _page(
    request: WebRequest, shown: Shown, problem: Problem | None = None, password: str | None = None
) -> PageResponse:
    installation, actor, words = installation_of(request), request.user.actor, texts(request)
    app, held = shown.instance, shown.held
    clock = clock_for(words.locale, timezone_of(request))
    async with reading(request) as reader:
        can = None
        if held:
            can = await possibilities(reader, actor, held, installation.subscriptions, installation.ending)
        orders = (await trading.orders_of_application(reader, actor, ORDERS_SHOWN, app.order_id, app.id)).items
        flow = shown.first.delivered.held
        licence = await _licence(reader, actor, flow, words) if flow else []
        reviewable = await reviews.reviewable_of_application(reader, actor, app.id)
        now = reader.now
    settings, followed = installation.settings, shown.followed
    by_server = shown.first.delivered_by_server
    return page(
        request,
        "buyer/application_details.html" if is_partial(request) else "buyer/application.html",
        flash=Flash("warning", said_of(request, problem)) if problem else None,
        shown=shown,
        app=app,
        held=held,
        standing=standing,
        ahead=ahead_items(app, settings, now, words),
        next=next_card(followed.step, followed.order, words, [app], on_order=False),
        deeds=deeds(held, can, settings, now, words, clock, partial(said_of, request)) if held and can else [],
        orders=orders,
        states=ORDER_STATES,
        types=ORDER_TYPES,
        events=timeline(shown.first.log, words, clock, followed.order.currency, flow.flow if flow else None),
        by_server=by_server,
        followed_order=shown.first.order,
        labels=labels,
        delivered=shown.first.delivered,
        licence=licence,
        password=password,
        reviewable=reviewable,
        review_states=REVIEW_STATES,
    )


async def _licence(reader: Reader, viewer: Actor, held: Held, words: Translator) -> list[Answer]:
    """What there is of a licence to be copied: its code, what it is bound to, itself."""
    if held.delivery_type not in LICENSES:
        return []
    found = []
    if code := await supervision.code_for(reader, viewer, held):
        found.append(Answer(words.gettext("Authorisation code"), "code", code, verbatim=True))
    if system_id := held.facts.get("system_id"):
        found.append(Answer(words.gettext("System ID"), "code", system_id, verbatim=True))
    return found + verbatim(held, words)


@get("/buyer/applications/{instance_id:str}/details", guards=BUYERS)
async def details(request: WebRequest, instance_id: str) -> Response[Any]:
    """The page's content while something is under way; nothing (204) where nothing is new."""
    shown = await _shown(request, id_from(instance_id))
    if request.query_params.get("seen") == shown.mark:
        return Response(None, status_code=204, headers={"Cache-Control": "no-store"})
    if not is_partial(request):
        return redirect(request, f"/buyer/applications/{shown.instance.id}")
    return await _page(request, shown)


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
        return await application_page(request, instance)
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
    return await application_page(request, instance, password=revealed)


handlers: list[Any] = [applications, application, details, refresh, password]
