"""Applications as their seller, or the operator, sees them: what buyers have, until when, and what is ahead of it.

Operators may suspend one for a violation, and lift that again.
"""

from typing import get_args
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import templates
from tradehall.catalog.delivery import delivery
from tradehall.edge.access import installation_of, only
from tradehall.kernel.errors import NotFound, Problem
from tradehall.kernel.i18n import N_
from tradehall.kernel.paging import PageRequest
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.errors import InstanceNotFound
from tradehall.provisioning.model import InstanceState
from tradehall.provisioning.standing import next_step
from tradehall.trading import queries
from tradehall.trading import subscription_queries as subscriptions
from tradehall.trading.errors import SubscriptionNotFound
from tradehall.web.ahead import ahead_items
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    chosen,
    id_from,
    page,
    perform,
    read_form,
    reading,
    said_of,
    texts,
    timezone_of,
    wanted_page,
)
from tradehall.web.happened import clock_for
from tradehall.web.orders import delivered
from tradehall.web.seller.happened import timeline, told_to
from tradehall.web.seller.orders import VOCABULARY, step_card
from tradehall.web.templating import Flash

STATES: tuple[InstanceState, ...] = get_args(InstanceState)
LONGEST_REASON = 300
ORDERS_SHOWN = PageRequest(limit=50)
SUSPENDED = N_("It is suspended. The seller is asked to let nobody use it.")
SUSPENDED_BEFORE = N_("It was suspended before.")
LIFTED = N_("The suspension is lifted.")


def applications_handlers(base: str, kind: str) -> list[HTTPRouteHandler]:
    """The pages below `base` ("/seller", "/operator") for people of organisations of this kind."""
    guards = [only("platform" if kind == "platform" else "seller")]

    @get(f"{base}/applications", guards=guards)
    async def applications(request: WebRequest) -> PageResponse:
        state = chosen(request, "state", STATES)
        async with reading(request) as reader:
            rows = await provisioning.instances(reader, request.user.actor, wanted_page(request), state=state)
        return page(request, "seller/applications.html", rows=rows, state=state, base=base, **VOCABULARY)

    @get(f"{base}/applications/{{instance_id:str}}", guards=guards)
    async def application(request: WebRequest, instance_id: str) -> PageResponse:
        return await _page(request, base, kind, known(instance_id))

    return [applications, application, *(_powers(base, kind) if kind == "platform" else [])]


def _powers(base: str, kind: str) -> list[HTTPRouteHandler]:
    """What only operators do."""

    @post(f"{base}/applications/{{instance_id:str}}/suspend", guards=[only("platform")], status_code=200)
    async def suspend(request: WebRequest, instance_id: str) -> PageResponse:
        wanted, form = known(instance_id), await read_form(request)
        async with reading(request) as reader:
            before = await subscriptions.subscription(reader, request.user.actor, wanted)
        if before is None:
            raise SubscriptionNotFound
        why = form.text("why", required=True, most=LONGEST_REASON)

        async def again(problem: Problem | None) -> PageResponse:
            return await _page(request, base, kind, wanted, form, problem)

        if form.errors:
            return await again(None)
        return await perform(
            request,
            lambda tx: installation_of(request).life.suspend(tx, wanted, why),
            to=f"{base}/applications/{wanted}",
            said=SUSPENDED_BEFORE if before.suspended_at else SUSPENDED,
            tone="info" if before.suspended_at else "success",
            form=form,
            again=again,
        )

    @post(f"{base}/applications/{{instance_id:str}}/lift", guards=[only("platform")], status_code=200)
    async def lift(request: WebRequest, instance_id: str) -> PageResponse:
        wanted = known(instance_id)

        async def again(problem: Problem | None) -> PageResponse:
            return await _page(request, base, kind, wanted, None, problem)

        return await perform(
            request,
            lambda tx: installation_of(request).life.lift(tx, wanted),
            to=f"{base}/applications/{wanted}",
            said=LIFTED,
            again=again,
        )

    return [suspend, lift]


async def _page(
    request: WebRequest,
    base: str,
    kind: str,
    instance_id: UUID,
    form: Form | None = None,
    problem: Problem | None = None,
) -> PageResponse:
    actor, settings, said = request.user.actor, installation_of(request).settings, texts(request)
    async with reading(request) as reader:
        app = await provisioning.instance(reader, actor, instance_id)
        order = await queries.order(reader, actor, app.order_number) if app else None
        if app is None or order is None:
            raise InstanceNotFound
        orders = (await queries.orders_of_application(reader, actor, ORDERS_SHOWN, app.order_id, app.id)).items
        calls = await provisioning.calls_of_instance(reader, actor, app.id)
        log = told_to(kind, await queries.log_of_order(reader, app.order_id))
        held = await subscriptions.subscription(reader, actor, app.id)
        how = await delivered(reader, actor, order)
        now = reader.now
    clock = clock_for(said.locale, timezone_of(request))
    step = next_step(order, calls, [app], now, settings)
    return page(
        request,
        "seller/application.html",
        flash=Flash("warning", said_of(request, problem)) if problem else None,
        form=form or Form(request),
        http_status=422 if form and form.errors else 200,
        app=app,
        held=held,
        order=order,
        orders=orders,
        calls=calls[::-1],
        next=step_card(request, base, kind, order, step),
        ahead=ahead_items(app, settings, now, said),
        happened=timeline(log, said, clock, order.currency, kind, how.held.flow if how.held else None),
        by_server=delivery(order.delivery_type).reach == "server",
        delivered=how,
        template_labels=templates.LABELS,
        most=LONGEST_REASON,
        base=base,
        **VOCABULARY,
    )


def known(text: str) -> UUID:
    try:
        return id_from(text)
    except NotFound:
        raise InstanceNotFound from None
