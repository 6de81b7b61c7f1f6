"""Reviews: everybody reads what is published; buyers write, operators decide, sellers answer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get, post, put
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    Whole,
    installation_of_app,
    wanted_page,
    write,
)
from tradehall.api.ratings import ProductRating, told_rating
from tradehall.catalog import queries as catalog
from tradehall.catalog.errors import ProductNotFound
from tradehall.edge.access import anyone_signed_in, only
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.paging import Page
from tradehall.reviews import actions, queries
from tradehall.reviews.errors import (
    AnswerChanged,
    AnswerFinal,
    NothingAnswered,
    OrderNotReviewable,
    OwnProduct,
    OwnReview,
    ReviewChanged,
    ReviewExists,
    ReviewMovedOn,
    ReviewNotFound,
    WrittenTooOften,
)
from tradehall.reviews.model import LONGEST_REASON, LONGEST_TEXT, PublicReview, Review, ReviewState, Wording
from tradehall.reviews.queries import ReviewFilter
from tradehall.trading.errors import OrderNotFound

BUYER, SELLER, PLATFORM = [only("buyer")], [only("seller")], [only("platform")]
Seen = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1, description="The version you saw.")]
Why = Annotated[str, msgspec.Meta(description=f"What whoever wrote it is told, at most {LONGEST_REASON} characters.")]


class ProductReviews(msgspec.Struct, frozen=True):
    """A product's published reviews, newest first, and how it is rated by all of them.

    Of buyers who did not want to be named the names are their first letters.
    """

    rating: ProductRating
    items: list[PublicReview]
    next: str | None
    previous: str | None


class ToldReview(msgspec.Struct, frozen=True):
    """A review as its buyer, its seller and operators see it.

    `version` and `answer_version` are what a change has to name; `named`: the public reads the buyer's whole name;
    `reason`: why it was not published. Sellers see what is published only.
    """

    id: UUID
    order_number: str
    product_id: UUID
    product_slug: str
    product_name_en: str
    product_name_zh: str
    buyer_name_en: str
    buyer_name_zh: str
    seller_name_en: str
    seller_name_zh: str
    state: ReviewState
    version: int
    rating: int
    text: str
    named: bool
    written_at: datetime
    created_at: datetime
    decided_at: datetime | None
    reason: str | None
    answer: str | None
    answer_version: int
    answered_at: datetime | None


class WriteReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stars from one to five, a text that may be empty, and whether the public reads the whole name of the buyer.

    `seen` is the version that is changed; 0 where there is no review yet.
    """

    rating: Whole
    text: Annotated[str, msgspec.Meta(description=f"Plain text, at most {LONGEST_TEXT} characters.")] = ""
    named: bool = False
    seen: Seen = 0


class SeenReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version of the review that was seen."""

    seen: Seen


class SeenWithReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version that was seen, of the answer where it is the answer that is taken down; and why."""

    seen: Seen
    why: Why


class AnswerReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What everybody reads below the review; `seen` is the version of the answer that is changed, or the last one."""

    text: Annotated[str, msgspec.Meta(description=f"Plain text, at most {LONGEST_TEXT} characters.")]
    seen: Seen = 0


def _told(review: Review) -> ToldReview:
    return ToldReview(**{name: getattr(review, name) for name in ToldReview.__struct_fields__})


async def _of_order(reader: Reader, request: ApiRequest, number: str) -> ToldReview:
    found = await queries.review_of_order(reader, request.user.actor, number)
    if found is None:
        raise ReviewNotFound
    return _told(found)


async def _by_id(reader: Reader, request: ApiRequest, review_id: UUID) -> ToldReview:
    found = await queries.review(reader, request.user.actor, review_id)
    if found is None:
        raise ReviewNotFound
    return _told(found)


@get("/products/{slug:str}/reviews", opt={"problems": [ProductNotFound]})
async def list_product_reviews(
    request: ApiRequest, slug: str, limit: Limit = None, after: After = None, before: Before = None
) -> ProductReviews:
    """Read what buyers say of a product.

    The published reviews with the seller's answers, and how many stars the product has by all of them.
    """
    visitor, wanted = request.user, wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        found = await catalog.listing(reader, slug, visitor.actor if visitor.seat else None)
        if found is None:
            raise ProductNotFound
        rating = await queries.rating_of(reader, found.product.id)
        rows = await queries.published(reader, found.product.id, wanted)
    return ProductReviews(told_rating(rating), list(rows.items), rows.next, rows.previous)


@get("/reviews", guards=[anyone_signed_in])
async def list_reviews(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    review_state: Annotated[
        ReviewState | None, QueryParameter(name="state", description="Only those in this state.")
    ] = None,
    product_id: Annotated[UUID | None, QueryParameter(description="Only those of this product.")] = None,
    rating: Annotated[int | None, QueryParameter(description="Only those with this many stars.", ge=1, le=5)] = None,
    answered: Annotated[bool | None, QueryParameter(description="Only those with an answer, or without.")] = None,
) -> Page[ToldReview]:
    """List reviews.

    Buyers see those of their organisation, sellers the published ones of their products, operators all. Newest first.
    """
    only_those = ReviewFilter(review_state, product_id, rating, answered)
    async with installation_of_app(request).db.read() as reader:
        rows = await queries.reviews(reader, request.user.actor, wanted_page(limit, after, before), only_those)
    return Page([_told(row) for row in rows.items], rows.next, rows.previous)


@get("/orders/{number:str}/review", guards=[anyone_signed_in], opt={"problems": [ReviewNotFound]})
async def get_review(request: ApiRequest, number: str) -> ToldReview:
    """Read the review of an order.

    Sellers see it once it is published.
    """
    async with installation_of_app(request).db.read() as reader:
        return await _of_order(reader, request, number)


@put(
    "/orders/{number:str}/review",
    guards=BUYER,
    opt={
        "problems": [
            OrderNotFound,
            OrderNotReviewable,
            OwnProduct,
            ReviewExists,
            ReviewChanged,
            ReviewMovedOn,
            WrittenTooOften,
        ]
    },
)
async def write_review(
    request: ApiRequest, number: str, data: WriteReview, idempotency_key: IdempotencyKey = None
) -> ToldReview:
    """Write the review of an order, or change it.

    For orders that are completed. It waits for the marketplace then; what is published cannot be changed, what was not
    published can be written anew.
    """

    async def action(tx: Tx) -> ToldReview:
        await actions.write(tx, number, Wording(data.rating, data.text, data.named), data.seen)
        return await _of_order(tx, request, number)

    return await write(request, ToldReview, idempotency_key, action, data)


@post(
    "/orders/{number:str}/review/withdraw",
    guards=BUYER,
    status_code=200,
    opt={"problems": [ReviewNotFound, ReviewChanged, ReviewMovedOn]},
)
async def withdraw_review(
    request: ApiRequest, number: str, data: SeenReview, idempotency_key: IdempotencyKey = None
) -> ToldReview:
    """Withdraw a review that is not published.

    Nobody reads it then; the order can be reviewed anew.
    """

    async def action(tx: Tx) -> ToldReview:
        await actions.withdraw(tx, number, data.seen)
        return await _of_order(tx, request, number)

    return await write(request, ToldReview, idempotency_key, action, data)


@post(
    "/seller/reviews/{review_id:uuid}/answer",
    guards=SELLER,
    status_code=200,
    opt={"problems": [ReviewNotFound, AnswerChanged, AnswerFinal]},
)
async def answer_review(
    request: ApiRequest, review_id: UUID, data: AnswerReview, idempotency_key: IdempotencyKey = None
) -> ToldReview:
    """Answer a review, or change the answer.

    Everybody reads it at once, below the review. It can be changed for some days.
    """
    change_for = installation_of_app(request).settings.review_answer_change

    async def action(tx: Tx) -> ToldReview:
        await actions.answer(tx, review_id, data.text, data.seen, change_for)
        return await _by_id(tx, request, review_id)

    return await write(request, ToldReview, idempotency_key, action, data)


@get("/operator/reviews/waiting", guards=PLATFORM)
async def list_waiting_reviews(
    request: ApiRequest, limit: Limit = None, after: After = None, before: Before = None
) -> Page[ToldReview]:
    """List reviews that wait to be read.

    What was handed in first comes first.
    """
    async with installation_of_app(request).db.read() as reader:
        rows = await queries.waiting(reader, request.user.actor, wanted_page(limit, after, before))
    return Page([_told(row) for row in rows.items], rows.next, rows.previous)


_DECIDING = [ReviewNotFound, OwnReview, ReviewChanged, ReviewMovedOn]


@post("/operator/reviews/{review_id:uuid}/publish", guards=PLATFORM, status_code=200, opt={"problems": _DECIDING})
async def publish_review(
    request: ApiRequest, review_id: UUID, data: SeenReview, idempotency_key: IdempotencyKey = None
) -> ToldReview:
    """Publish a review.

    Just as it was seen: one that was changed since is not published. Nobody decides about their own organisations.
    """

    async def action(tx: Tx) -> ToldReview:
        await actions.publish(tx, review_id, data.seen)
        return await _by_id(tx, request, review_id)

    return await write(request, ToldReview, idempotency_key, action, data)


@post("/operator/reviews/{review_id:uuid}/reject", guards=PLATFORM, status_code=200, opt={"problems": _DECIDING})
async def reject_review(
    request: ApiRequest, review_id: UUID, data: SeenWithReason, idempotency_key: IdempotencyKey = None
) -> ToldReview:
    """Do not publish a review.

    Its buyer reads why, and may write it anew.
    """

    async def action(tx: Tx) -> ToldReview:
        await actions.reject(tx, review_id, data.seen, data.why)
        return await _by_id(tx, request, review_id)

    return await write(request, ToldReview, idempotency_key, action, data)


@post("/operator/reviews/{review_id:uuid}/take-down", guards=PLATFORM, status_code=200, opt={"problems": _DECIDING})
async def take_down_review(
    request: ApiRequest, review_id: UUID, data: SeenWithReason, idempotency_key: IdempotencyKey = None
) -> ToldReview:
    """Take down a published review.

    And the answer to it. Its stars count no more; its buyer reads why, and may write it anew.
    """

    async def action(tx: Tx) -> ToldReview:
        await actions.take_down(tx, review_id, data.seen, data.why)
        return await _by_id(tx, request, review_id)

    return await write(request, ToldReview, idempotency_key, action, data)


@post(
    "/operator/reviews/{review_id:uuid}/remove-answer",
    guards=PLATFORM,
    status_code=200,
    opt={"problems": [ReviewNotFound, OwnReview, NothingAnswered, AnswerChanged]},
)
async def remove_answer(
    request: ApiRequest, review_id: UUID, data: SeenWithReason, idempotency_key: IdempotencyKey = None
) -> ToldReview:
    """Take down the answer to a review.

    The seller reads why, and may answer anew.
    """

    async def action(tx: Tx) -> ToldReview:
        await actions.remove_answer(tx, review_id, data.seen, data.why)
        return await _by_id(tx, request, review_id)

    return await write(request, ToldReview, idempotency_key, action, data)


router = Router(
    "/",
    route_handlers=[
        list_product_reviews,
        list_reviews,
        get_review,
        write_review,
        withdraw_review,
        answer_review,
        list_waiting_reviews,
        publish_review,
        reject_review,
        take_down_review,
        remove_answer,
    ],
    tags=["Reviews"],
)
