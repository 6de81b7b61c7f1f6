"""Taking something back: unsubscribing, cancelling a renewal that has not begun; and renewing by itself or not."""

from typing import Any

from litestar import get, post

from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Conflict, Problem
from tradehall.kernel.i18n import N_
from tradehall.trading.actions import Placed
from tradehall.trading.ending import CHANCES, Unsubscription
from tradehall.trading.errors import PriceChanged
from tradehall.web.buyer.applications import application_page
from tradehall.web.buyer.terms import held_by, known
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    page,
    perform,
    read_form,
    reading,
    said_of,
    texts,
)

BUYERS = [only("buyer")]
AUTOMATIC = N_("It is renewed by itself from now on.")
NOT_AUTOMATIC = N_("It is no longer renewed by itself.")
TAKEN_BACK = N_("The renewal is cancelled; the money is on its way back.")
ENDED = N_("It has ended. The seller is asked to release it.")


@get("/buyer/applications/{instance_id:str}/unsubscribe", guards=BUYERS)
async def look(request: WebRequest, instance_id: str) -> PageResponse:
    """What unsubscribing returns and what it destroys, before it does."""
    return await _page(request, instance_id, Form(request))


async def _page(request: WebRequest, instance_id: str, form: Form, problem: Problem | None = None) -> PageResponse:
    ending, wanted = installation_of(request).ending, known(instance_id)
    returned: Unsubscription | None = None
    async with reading(request) as reader:
        held = await held_by(reader, request, wanted)
        try:
            returned = await ending.look_at(reader, request.user.actor, wanted)
        except Conflict as why:
            problem = why
    words = texts(request)
    return page(
        request,
        "buyer/unsubscribe.html",
        held=held,
        returned=returned,
        lines=[
            {"label": words.gettext("What order %(number)s cost", number=one.number), "amount": one.amount_minor}
            for one in (returned.orders if returned else [])
        ],
        chances=CHANCES,
        form=form,
        problem=said_of(request, problem) if problem else "",
        changed=isinstance(problem, PriceChanged),
    )


@post("/buyer/applications/{instance_id:str}/unsubscribe", guards=BUYERS, status_code=200)
async def unsubscribe(request: WebRequest, instance_id: str) -> PageResponse:
    """Ends it and has the money returned. Sent twice, it is done once."""
    form, wanted = await read_form(request), known(instance_id)
    async with reading(request) as reader:
        await held_by(reader, request, wanted)
    expected = form.integer("expected_refund")

    async def action(tx: Tx) -> Placed:
        return await installation_of(request).ending.unsubscribe(tx, wanted, expected_refund=expected)

    async def again(problem: Problem | None) -> PageResponse:
        return await _page(request, instance_id, form, problem)

    if form.errors:
        return await again(None)
    return await perform(
        request, action, to=lambda placed: f"/buyer/orders/{placed.number}", said=ENDED, form=form, again=again
    )


@post("/buyer/applications/{instance_id:str}/cancel-renewal", guards=BUYERS, status_code=200)
async def cancel_renewal(request: WebRequest, instance_id: str) -> PageResponse:
    """Takes back the renewal that has not begun. The form's key keeps a second click from taking back another one."""
    form, wanted = await read_form(request), known(instance_id)

    async def action(tx: Tx) -> Placed:
        return await installation_of(request).ending.cancel_renewal(tx, wanted)

    async def again(problem: Problem | None) -> PageResponse:
        return await application_page(request, wanted, problem)

    return await perform(
        request, action, to=lambda placed: f"/buyer/orders/{placed.number}", said=TAKEN_BACK, form=form, again=again
    )


@post("/buyer/applications/{instance_id:str}/automatic-renewal", guards=BUYERS, status_code=200)
async def automatic(request: WebRequest, instance_id: str) -> PageResponse:
    """Turns automatic renewal on or off; it says which, so doing it twice changes nothing."""
    form, wanted = await read_form(request), known(instance_id)
    on = form.values.get("on") == "1"

    async def action(tx: Tx) -> None:
        await installation_of(request).subscriptions.renew_automatically(tx, wanted, on)

    async def again(problem: Problem | None) -> PageResponse:
        return await application_page(request, wanted, problem)

    return await perform(
        request,
        action,
        to=f"/buyer/applications/{wanted}",
        said=AUTOMATIC if on else NOT_AUTOMATIC,
        tone="success" if on else "info",
        again=again,
    )


handlers: list[Any] = [look, unsubscribe, cancel_renewal, automatic]
