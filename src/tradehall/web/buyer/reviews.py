"""A buyer's reviews: what was written of which order, how it stands, what the seller answered."""

from typing import Any

from litestar import get, post

from tradehall.edge.access import only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Invalid, Problem
from tradehall.kernel.i18n import N_
from tradehall.reviews import actions, queries
from tradehall.reviews.errors import OrderNotReviewable
from tradehall.reviews.model import LONGEST_TEXT, REVIEW_STATES, Wording
from tradehall.reviews.queries import ReviewFilter
from tradehall.trading import queries as trading
from tradehall.trading.errors import OrderNotFound
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    chosen,
    page,
    perform,
    read_form,
    reading,
    said_of,
    wanted_page,
)
from tradehall.web.reviewed import VOCABULARY
from tradehall.web.templating import Flash

BUYERS = [only("buyer")]
HANDED_IN = N_("Thank you. The marketplace reads it, then it is published.")
WITHDRAWN = N_("The review is withdrawn.")


@get("/buyer/reviews", guards=BUYERS)
async def reviews(request: WebRequest) -> PageResponse:
    """The organisation's reviews, newest first, by state; and what could be reviewed."""
    actor, state = request.user.actor, chosen(request, "state", REVIEW_STATES)
    async with reading(request) as reader:
        rows = await queries.reviews(reader, actor, wanted_page(request), ReviewFilter(state))
        unreviewed = await queries.unreviewed(reader, actor)
    return page(request, "buyer/reviews.html", rows=rows, state=state, unreviewed=unreviewed, **VOCABULARY)


@get("/buyer/orders/{number:str}/review", guards=BUYERS)
async def review(request: WebRequest, number: str) -> PageResponse:
    """The review of an order, and the form to write it as long as it may be written."""
    return await _page(request, number, Form(request))


async def _page(request: WebRequest, number: str, form: Form, problem: Problem | None = None) -> PageResponse:
    async with reading(request) as reader:
        bought = await queries.reviewable(reader, request.user.actor, number)
        if bought is None:
            known = await trading.state_of(reader, request.user.actor, number)
            raise OrderNotFound if known is None else OrderNotReviewable
        held = await queries.review_of_order(reader, request.user.actor, number)
    return page(
        request,
        "buyer/review.html",
        flash=Flash("warning", said_of(request, problem)) if problem and not isinstance(problem, Invalid) else None,
        bought=bought,
        review=held,
        form=form,
        longest=LONGEST_TEXT,
        **VOCABULARY,
    )


@post("/buyer/orders/{number:str}/review", guards=BUYERS, status_code=200)
async def write(request: WebRequest, number: str) -> PageResponse:
    """Hands the review in, for the first time or as it is now. Sent twice, it is one."""
    form = await read_form(request)
    rating = form.values.get("rating", "")
    wording = Wording(
        int(rating) if rating.isascii() and rating.isdecimal() and len(rating) == 1 else 0,
        form.values.get("text", ""),
        form.ticked("named"),
    )
    seen = form.integer("seen") if form.values.get("seen") else 0

    async def action(tx: Tx) -> None:
        await actions.write(tx, number, wording, seen)

    async def again(problem: Problem | None) -> PageResponse:
        return await _page(request, number, form, problem)

    to = f"/buyer/orders/{number}/review"
    return await perform(request, action, to=to, said=HANDED_IN, form=form, again=again)


@post("/buyer/orders/{number:str}/review/withdraw", guards=BUYERS, status_code=200)
async def withdraw(request: WebRequest, number: str) -> PageResponse:
    """Takes it back before it is published; doing so twice is fine."""
    form = await read_form(request)
    seen = form.integer("seen")

    async def action(tx: Tx) -> None:
        await actions.withdraw(tx, number, seen)

    async def again(problem: Problem | None) -> PageResponse:
        return await _page(request, number, Form(request), problem)

    to = f"/buyer/orders/{number}/review"
    return await perform(request, action, to=to, said=WITHDRAWN, tone="info", again=again)


handlers: list[Any] = [reviews, review, write, withdraw]
