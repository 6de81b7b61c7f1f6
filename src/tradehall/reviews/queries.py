"""Every SELECT on reviews. Who may see one is written once, in `_scope`; everybody reads what is published, in
`published`."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.parties import queries as parties
from tradehall.reviews.model import NO_RATING, PublicReview, Rating, Review, ReviewState, veiled

MOST_COUNTED = 1000
MOST_PRODUCTS = 100


class ReviewFilter(msgspec.Struct, frozen=True):
    """What a list of reviews is narrowed to. `order` is a whole order number."""

    state: ReviewState | None = None
    product_id: UUID | None = None
    rating: int | None = None
    answered: bool | None = None
    order: str = ""


def _scope(viewer: Actor) -> LiteralString:
    """The reviews a viewer may see, as a condition on `reviews v`. What is not published is between buyer and
    platform."""
    return {
        "platform": "true",
        "seller": "v.seller_id = %(viewer)s AND v.state = 'published'",
        "buyer": "v.buyer_id = %(viewer)s",
    }[viewer.kind]


# Who belongs to the buyer or the seller of a review decides nothing about it.
CONFLICTED = parties.belongs_to_a_side("v")
_ROW: LiteralString = f"""
    v.id, o.number AS order_number, v.product_id, p.slug AS product_slug, p.name_en AS product_name_en,
    p.name_zh AS product_name_zh, b.name_en AS buyer_name_en, b.name_zh AS buyer_name_zh,
    s.name_en AS seller_name_en, s.name_zh AS seller_name_zh, v.state, v.version, v.rating, v.text, v.named,
    v.written_at, v.created_at, v.decided_at, v.reason, v.answer, v.answer_version, v.answered_at, v.submission,
    {CONFLICTED} AS conflicted
"""
_JOINS: LiteralString = """
    JOIN orders o ON o.id = v.order_id
    JOIN products p ON p.id = v.product_id
    JOIN organisations b ON b.id = v.buyer_id
    JOIN organisations s ON s.id = v.seller_id
"""


def _params(viewer: Actor) -> dict[str, Any]:
    return {"viewer": viewer.organisation_id, "person": viewer.person_id}


async def reviews(reader: Reader, viewer: Actor, wanted: PageRequest, only: ReviewFilter) -> Page[Review]:
    """The reviews a viewer may see, newest first: a buyer's own, the published ones of a seller's products, to
    operators all."""
    where, order = keyset(wanted, "v.id")
    return await _listed(reader, viewer, wanted, f"{_scope(viewer)} AND {where}{_narrowed(only)}", order, only)


async def waiting(reader: Reader, viewer: Actor, wanted: PageRequest) -> Page[Review]:
    """What waits for the platform, what was handed in first before the others."""
    where, order = keyset(wanted, "v.submission", oldest_first=True)
    narrowed: LiteralString = f"{_scope(viewer)} AND v.state = 'waiting' AND {where}"
    return await _listed(reader, viewer, wanted, narrowed, order, ReviewFilter(), queue=True)


def _narrowed(only: ReviewFilter) -> LiteralString:
    narrowed: LiteralString = ""
    if only.state:
        narrowed += " AND v.state = %(state)s"
    if only.product_id:
        narrowed += " AND v.product_id = %(product)s"
    if only.rating:
        narrowed += " AND v.rating = %(rating)s"
    if only.answered is not None:
        narrowed += " AND v.answer IS NOT NULL" if only.answered else " AND v.answer IS NULL"
    if only.order:
        narrowed += " AND v.order_id = (SELECT id FROM orders WHERE number = %(number)s)"
    return narrowed


async def _listed(
    reader: Reader,
    viewer: Actor,
    wanted: PageRequest,
    narrowed: LiteralString,
    order: LiteralString,
    only: ReviewFilter,
    *,
    queue: bool = False,
) -> Page[Review]:
    """The page is picked by an index alone; names are joined to its few rows only."""
    rows = await reader.fetch_all(
        Review,
        f"""
        WITH picked AS (SELECT v.* FROM reviews v WHERE {narrowed} ORDER BY {order} LIMIT %(fetch)s)
        SELECT {_ROW} FROM picked v {_JOINS} ORDER BY {order}
        """,
        {
            **_params(viewer),
            "state": only.state,
            "product": only.product_id,
            "rating": only.rating,
            "number": only.order,
            **wanted.params,
        },
    )
    return page(rows, wanted, lambda row: row.submission if queue else row.id)


async def review(reader: Reader, viewer: Actor, review_id: UUID) -> Review | None:
    """One review; None when there is none or the viewer may not see it."""
    return await reader.fetch_one(
        Review,
        f"SELECT {_ROW} FROM reviews v {_JOINS} WHERE v.id = %(id)s AND {_scope(viewer)}",
        {**_params(viewer), "id": review_id},
    )


async def review_of_order(reader: Reader, viewer: Actor, number: str) -> Review | None:
    """The review of an order; None when there is none or the viewer may not see it."""
    return await reader.fetch_one(
        Review,
        f"SELECT {_ROW} FROM reviews v {_JOINS} WHERE o.number = %(number)s AND {_scope(viewer)}",
        {**_params(viewer), "number": number},
    )


class Reviewable(msgspec.Struct, frozen=True):
    """A purchase of the viewer's that is completed, what it bought, and the review of it, if there is one."""

    order_id: UUID
    number: str
    product_id: UUID
    product_slug: str
    product_name_en: str
    product_name_zh: str
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    review_id: UUID | None
    review_state: ReviewState | None


# What was bought: a first purchase, or a trial that was converted.
_REVIEWABLE: LiteralString = """
    SELECT o.id AS order_id, o.number, o.product_id, p.slug AS product_slug, p.name_en AS product_name_en,
           p.name_zh AS product_name_zh, o.seller_id, s.name_en AS seller_name_en, s.name_zh AS seller_name_zh,
           v.id AS review_id, v.state AS review_state
    FROM orders o JOIN products p ON p.id = o.product_id JOIN organisations s ON s.id = o.seller_id
    LEFT JOIN reviews v ON v.order_id = o.id
    WHERE o.buyer_id = %(viewer)s AND o.state = 'completed' AND o.order_type IN ('NEW', 'TRIAL_TO_FORMAL')
"""


async def reviewable(reader: Reader, viewer: Actor, number: str) -> Reviewable | None:
    """The buyer's order of this number, if it can have a review."""
    return await reader.fetch_one(
        Reviewable,
        f"{_REVIEWABLE} AND o.number = %(number)s",
        {"viewer": viewer.organisation_id, "number": number},
    )


async def reviewable_of_application(reader: Reader, viewer: Actor, application_id: UUID) -> Reviewable | None:
    """The order by which the buyer bought this application, if it can have a review."""
    return await reader.fetch_one(
        Reviewable,
        f"""
        {_REVIEWABLE} AND o.id = (
            SELECT x.id FROM (
                SELECT u.order_id AS id, 2 AS place FROM subscriptions u WHERE u.id = %(application)s
                UNION ALL
                SELECT c.id, 1 FROM orders c
                WHERE c.subscription_id = %(application)s AND c.order_type = 'TRIAL_TO_FORMAL' AND c.state = 'completed'
            ) x ORDER BY x.place LIMIT 1)
        """,
        {"viewer": viewer.organisation_id, "application": application_id},
    )


async def unreviewed(reader: Reader, viewer: Actor) -> list[Reviewable]:
    """The buyer's latest purchases that are completed and have no review, at most five of the last hundred orders."""
    return await reader.fetch_all(
        Reviewable,
        f"""
        WITH latest AS (
            SELECT id FROM orders WHERE buyer_id = %(viewer)s ORDER BY id DESC LIMIT 100
        )
        {_REVIEWABLE} AND o.id IN (SELECT id FROM latest) AND v.id IS NULL ORDER BY o.id DESC LIMIT 5
        """,
        {"viewer": viewer.organisation_id},
    )


async def waiting_count(reader: Reader) -> int:
    """How many reviews wait for the platform, counted to a thousand at most."""
    counted: int = await reader.fetch_value(
        "SELECT count(*) FROM (SELECT FROM reviews WHERE state = 'waiting' LIMIT %(most)s) c", {"most": MOST_COUNTED}
    )
    return counted


async def unanswered_count(reader: Reader, seller_id: UUID) -> int:
    """How many published reviews of a seller's products have no answer, counted to a thousand at most."""
    counted: int = await reader.fetch_value(
        """
        SELECT count(*) FROM (
            SELECT FROM reviews WHERE seller_id = %(seller)s AND state = 'published' AND answer IS NULL
            LIMIT %(most)s) c
        """,
        {"seller": seller_id, "most": MOST_COUNTED},
    )
    return counted


class ReviewedProduct(msgspec.Struct, frozen=True):
    """A product that has reviews, as a filter names it."""

    id: UUID
    name_en: str
    name_zh: str


async def reviewed_products(reader: Reader, seller_id: UUID) -> list[ReviewedProduct]:
    """A seller's products that have reviews, at most a hundred."""
    return await reader.fetch_all(
        ReviewedProduct,
        """
        SELECT p.id, p.name_en, p.name_zh FROM product_ratings r JOIN products p ON p.id = r.product_id
        WHERE r.seller_id = %(seller)s ORDER BY r.product_id LIMIT %(most)s
        """,
        {"seller": seller_id, "most": MOST_PRODUCTS},
    )


# --- What everybody reads


async def published(reader: Reader, product_id: UUID, wanted: PageRequest) -> Page[PublicReview]:
    """A product's published reviews, newest first, their buyers veiled who did not want to be named."""
    where, order = keyset(wanted, "v.id")
    rows = await reader.fetch_all(
        PublicReview,
        f"""
        WITH picked AS (
            SELECT v.* FROM reviews v
            WHERE v.product_id = %(product)s AND v.state = 'published' AND {where} ORDER BY {order} LIMIT %(fetch)s
        )
        SELECT v.id, v.rating, v.text, b.name_en AS by_name_en, b.name_zh AS by_name_zh, v.named, v.written_at,
               v.answer, v.answered_at
        FROM picked v JOIN organisations b ON b.id = v.buyer_id ORDER BY {order}
        """,
        {"product": product_id, **wanted.params},
    )
    return page([_veiled(row) for row in rows], wanted, lambda row: row.id)


def _veiled(row: PublicReview) -> PublicReview:
    if row.named:
        return row
    return msgspec.structs.replace(row, by_name_en=veiled(row.by_name_en), by_name_zh=veiled(row.by_name_zh))


class _ProductRating(Rating, frozen=True, kw_only=True):
    product_id: UUID


async def ratings_of(reader: Reader, product_ids: Sequence[UUID]) -> Mapping[UUID, Rating]:
    """How products are rated; those without reviews are left out."""
    rows = await reader.fetch_all(
        _ProductRating,
        """
        SELECT product_id, one, two, three, four, five FROM product_ratings
        WHERE product_id = ANY (%(products)s::uuid[]) AND one + two + three + four + five > 0
        """,
        {"products": list(product_ids)},
    )
    return {row.product_id: Rating(*row.counts) for row in rows}


async def rating_of(reader: Reader, product_id: UUID) -> Rating:
    """How a product is rated."""
    return (await ratings_of(reader, [product_id])).get(product_id, NO_RATING)
