"""The moderation desk: what buyers wrote is read here before anybody else reads it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import get, post

from tradehall.edge.access import only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Invalid, NotFound, Problem
from tradehall.kernel.i18n import N_
from tradehall.kernel.paging import Page
from tradehall.reviews import actions, queries
from tradehall.reviews.errors import ReviewNotFound
from tradehall.reviews.model import LONGEST_REASON, ReviewState
from tradehall.reviews.queries import ReviewFilter
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
    searched,
    wanted_page,
)
from tradehall.web.reviewed import VOCABULARY
from tradehall.web.security import local_path
from tradehall.web.templating import Flash

HOME = "/operator/reviews"
OPERATORS = [only("platform")]
SHOWN: tuple[ReviewState, ...] = ("published", "rejected")
PUBLISHED = N_("The review is published.")
REJECTED = N_("The review is not published; its buyer reads why.")
TAKEN_DOWN = N_("The review was taken down; its buyer reads why.")
ANSWER_REMOVED = N_("The answer was taken down; the seller reads why.")


@get(HOME, guards=OPERATORS)
async def desk(request: WebRequest) -> PageResponse:
    """What waits, what was handed in first before the others; or what was decided, newest first."""
    return await _page(request)


async def _page(
    request: WebRequest, deciding: UUID | None = None, form: Form | None = None, problem: Problem | None = None
) -> PageResponse:
    """The list; or the one review that could not be decided, with what was typed."""
    actor, state, order = request.user.actor, chosen(request, "state", SHOWN), searched(request, "order")
    async with reading(request) as reader:
        if deciding:
            found = await queries.review(reader, actor, deciding)
            rows = Page([found] if found else [])
        elif state or order:
            rows = await queries.reviews(reader, actor, wanted_page(request), ReviewFilter(state, order=order))
        else:
            rows = await queries.waiting(reader, actor, wanted_page(request))
        count = await queries.waiting_count(reader)
    return page(
        request,
        "operator/reviews.html",
        flash=Flash("warning", said_of(request, problem)) if problem and not isinstance(problem, Invalid) else None,
        http_status=422 if form and form.errors else 200,
        rows=rows,
        state=state,
        order=order,
        count=count,
        deciding=deciding,
        typed=form or Form(request),
        longest=LONGEST_REASON,
        **VOCABULARY,
    )


Verb = Callable[[Tx, UUID, int, str], Awaitable[None]]


async def _decide(request: WebRequest, review_id: str, verb: Verb, said: str) -> PageResponse:
    form, wanted = await read_form(request), _review_id(review_id)
    seen, why = form.integer("seen"), form.values.get("why", "")

    async def action(tx: Tx) -> None:
        await verb(tx, wanted, seen, why)

    async def again(problem: Problem | None) -> PageResponse:
        return await _page(request, wanted, form, problem)

    to = local_path(form.value("return_to")) or HOME
    return await perform(request, action, to=to, said=said, form=form, again=again)


@post(f"{HOME}/{{review_id:str}}/publish", guards=OPERATORS, status_code=200)
async def publish(request: WebRequest, review_id: str) -> PageResponse:
    """Publishes what was read, and nothing that was written since."""
    return await _decide(request, review_id, lambda tx, wanted, seen, _: actions.publish(tx, wanted, seen), PUBLISHED)


@post(f"{HOME}/{{review_id:str}}/reject", guards=OPERATORS, status_code=200)
async def reject(request: WebRequest, review_id: str) -> PageResponse:
    return await _decide(request, review_id, actions.reject, REJECTED)


@post(f"{HOME}/{{review_id:str}}/take-down", guards=OPERATORS, status_code=200)
async def take_down(request: WebRequest, review_id: str) -> PageResponse:
    return await _decide(request, review_id, actions.take_down, TAKEN_DOWN)


@post(f"{HOME}/{{review_id:str}}/remove-answer", guards=OPERATORS, status_code=200)
async def remove_answer(request: WebRequest, review_id: str) -> PageResponse:
    return await _decide(request, review_id, actions.remove_answer, ANSWER_REMOVED)


def _review_id(text: str) -> UUID:
    try:
        return id_from(text)
    except NotFound:
        raise ReviewNotFound from None


handlers: list[Any] = [desk, publish, reject, take_down, remove_answer]
