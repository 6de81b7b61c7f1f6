"""What buyers say of a seller's products, and the seller's answers."""

from typing import Any
from uuid import UUID

from litestar import get, post

from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Invalid, NotFound, Problem
from tradehall.kernel.i18n import N_
from tradehall.kernel.paging import Page
from tradehall.reviews import actions, queries
from tradehall.reviews.errors import ReviewNotFound
from tradehall.reviews.model import LONGEST_TEXT, STARS
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
    seat_of,
    texts,
    wanted_page,
)
from tradehall.web.reviewed import STAR_WORDS, VOCABULARY
from tradehall.web.security import local_path
from tradehall.web.templating import Flash

HOME = "/seller/reviews"
SELLERS = [only("seller")]
ANSWERED = N_("Your answer stands below the review now.")


@get(HOME, guards=SELLERS)
async def reviews(request: WebRequest) -> PageResponse:
    """Published reviews, newest first, by whether they are answered, product, stars and order."""
    return await _page(request)


async def _page(
    request: WebRequest, answering: UUID | None = None, form: Form | None = None, problem: Problem | None = None
) -> PageResponse:
    """The list; or the one review whose answer could not be given, with what was typed."""
    answered = chosen(request, "answered", ("yes", "no"))
    product, order = searched(request, "product"), searched(request, "order")
    only_those = ReviewFilter(
        product_id=_product(product),
        rating=chosen(request, "rating", STARS),
        answered=None if answered is None else answered == "yes",
        order=order,
    )
    seller_id, settings = seat_of(request).organisation_id, installation_of(request).settings
    async with reading(request) as reader:
        if answering:
            found = await queries.review(reader, request.user.actor, answering)
            rows = Page([found] if found else [])
        else:
            rows = await queries.reviews(reader, request.user.actor, wanted_page(request), only_those)
        products = await queries.reviewed_products(reader, seller_id)
        unanswered = await queries.unanswered_count(reader, seller_id)
        now = reader.now
    zh = texts(request).locale == "zh"
    return page(
        request,
        "seller/reviews.html",
        flash=Flash("warning", said_of(request, problem)) if problem and not isinstance(problem, Invalid) else None,
        rows=rows,
        only=only_those,
        answered=answered,
        unanswered=unanswered,
        product_options=[(one.id, one.name_zh if zh else one.name_en) for one in products],
        rating_options=[(stars, f"{'★' * stars} {texts(request).lookup(STAR_WORDS[stars])}") for stars in STAR_WORDS],
        answering=answering,
        typed=form or Form(request),
        http_status=422 if form and form.errors else 200,
        may_change=lambda row: row.answered_at + settings.review_answer_change > now,
        change_days=settings.review_answer_change.days,
        longest=LONGEST_TEXT,
        **VOCABULARY,
    )


def _product(text: str) -> UUID | None:
    try:
        return id_from(text)
    except NotFound:
        return None


@post(f"{HOME}/{{review_id:str}}/answer", guards=SELLERS, status_code=200)
async def answer(request: WebRequest, review_id: str) -> PageResponse:
    """Answers a review, or changes the answer. Sent twice, it is one."""
    form, wanted = await read_form(request), _review_id(review_id)
    text, seen = form.values.get("text", ""), form.integer("seen")
    change_for = installation_of(request).settings.review_answer_change

    async def action(tx: Tx) -> None:
        await actions.answer(tx, wanted, text, seen, change_for)

    async def again(problem: Problem | None) -> PageResponse:
        return await _page(request, wanted, form, problem)

    to = f"{local_path(form.value('return_to')) or HOME}#review-{wanted}"
    return await perform(request, action, to=to, said=ANSWERED, form=form, again=again)


def _review_id(text: str) -> UUID:
    try:
        return id_from(text)
    except NotFound:
        raise ReviewNotFound from None


handlers: list[Any] = [reviews, answer]
