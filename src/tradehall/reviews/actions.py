"""What buyers, the platform and sellers do with reviews. Each verb names the version it was decided by: what is
published is what the moderator read, and of two who write or decide at the same moment one is told so.

The same sent twice is done once: whoever finds done just what they asked for is not refused."""

from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.parties import queries as parties
from tradehall.reviews import queries
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
from tradehall.reviews.model import (
    LONGEST_REASON,
    LONGEST_TEXT,
    MOST_VERSIONS,
    ReviewState,
    Wording,
    checked,
    checked_text,
    states_before,
)
from tradehall.reviews.queries import CONFLICTED
from tradehall.trading import queries as trading
from tradehall.trading.errors import OrderNotFound


class _Taken(msgspec.Struct, frozen=True):
    """A review whose row is locked."""

    id: UUID
    order_id: UUID
    state: ReviewState
    version: int
    rating: int
    text: str
    named: bool
    written_by: UUID
    decided_by: UUID | None
    reason: str | None

    @property
    def wording(self) -> Wording:
        return Wording(self.rating, self.text, self.named)


# --- The buyer


async def write(tx: Tx, number: str, wanted: Wording, seen: int = 0) -> UUID:
    """Says what the buyer thinks of an order, or says it differently: waits for the platform then. Returns the id.

    `seen` is the version that was changed, 0 for none. Raises OrderNotFound, OrderNotReviewable, OwnProduct, Invalid,
    ReviewExists, ReviewChanged, ReviewMovedOn or WrittenTooOften.
    """
    bought = await _bought(tx, number)
    wording = checked(wanted)
    review_id = await _write_first(tx, bought, wording) if seen == 0 else None
    if review_id is None:
        review_id = await _write_again(tx, bought.order_id, wording, seen)
    return review_id


async def _bought(tx: Tx, number: str) -> queries.Reviewable:
    found = await queries.reviewable(tx, tx.actor, number)
    if found is None:
        # What there is of theirs, but cannot be reviewed, is told apart from what is unknown.
        raise OrderNotFound if await trading.state_of(tx, tx.actor, number) is None else OrderNotReviewable
    if await parties.belongs_to_any(tx, tx.actor.person_id, (found.seller_id,)):
        raise OwnProduct
    return found


async def _write_first(tx: Tx, bought: queries.Reviewable, wording: Wording) -> UUID | None:
    """The first review of an order; None where there is one."""
    made = new_id(tx.now)
    written: UUID | None = await tx.fetch_value(
        """
        INSERT INTO reviews (id, order_id, product_id, buyer_id, seller_id, state, rating, text, named, submission,
                             written_by, written_at, created_at)
        VALUES (%(id)s, %(order)s, %(product)s, %(buyer)s, %(seller)s, 'waiting', %(rating)s, %(text)s, %(named)s,
                %(id)s, %(person)s, %(now)s, %(now)s)
        ON CONFLICT (order_id) DO NOTHING RETURNING id
        """,
        {
            "id": made,
            "order": bought.order_id,
            "product": bought.product_id,
            "buyer": tx.actor.organisation_id,
            "seller": bought.seller_id,
            "person": tx.actor.person_id,
            "now": tx.now,
            **msgspec.structs.asdict(wording),
        },
    )
    if written:
        await tx.record("review.written", "order", bought.order_id, {"review": made, "version": 1})
    return written


async def _write_again(tx: Tx, order_id: UUID, wording: Wording, seen: int) -> UUID:
    held = await _taken(tx, "v.order_id = %(order)s", {"order": order_id})
    if held is None:
        raise ReviewNotFound
    if held.version == seen + 1 and held.state == "waiting" and held.wording == wording:
        return held.id
    if seen == 0 and held.state != "withdrawn":
        raise ReviewExists
    if seen not in (0, held.version):
        raise ReviewChanged
    verb = "edit" if held.state == "waiting" else "rewrite"
    if held.state not in states_before(verb):
        raise ReviewMovedOn(state=held.state)
    if held.version >= MOST_VERSIONS:
        raise WrittenTooOften(most=MOST_VERSIONS)
    # What is edited keeps its place among those that wait; what is handed in anew goes to their end.
    await tx.execute(
        """
        UPDATE reviews SET state = 'waiting', version = version + 1, rating = %(rating)s, text = %(text)s,
               named = %(named)s, written_by = %(person)s, written_at = %(now)s, reason = NULL, decided_by = NULL,
               decided_at = NULL, submission = CASE WHEN state = 'waiting' THEN submission ELSE %(submission)s END
        WHERE id = %(id)s
        """,
        {
            "id": held.id,
            "person": tx.actor.person_id,
            "submission": new_id(tx.now),
            "now": tx.now,
            **msgspec.structs.asdict(wording),
        },
    )
    kind = "review.edited" if verb == "edit" else "review.written"
    await tx.record(kind, "order", order_id, {"review": held.id, "version": held.version + 1})
    return held.id


async def withdraw(tx: Tx, number: str, seen: int) -> None:
    """Takes a review back before it is published; the order may be reviewed anew. Doing so twice is fine.

    Raises ReviewNotFound, ReviewChanged or ReviewMovedOn.
    """
    found = await queries.review_of_order(tx, tx.actor, number)
    held = await _taken(tx, "v.id = %(id)s", {"id": found.id}) if found else None
    if held is None:
        raise ReviewNotFound
    if held.state == "withdrawn":
        return
    if held.version != seen:
        raise ReviewChanged
    if held.state not in states_before("withdraw"):
        raise ReviewMovedOn(state=held.state)
    await tx.execute(
        """
        UPDATE reviews SET state = 'withdrawn', reason = NULL, decided_by = NULL, decided_at = NULL WHERE id = %(id)s
        """,
        {"id": held.id},
    )
    await tx.record("review.withdrawn", "order", held.order_id, {"review": held.id, "version": held.version})


async def _taken(tx: Tx, where: LiteralString, params: dict[str, Any]) -> _Taken | None:
    """A review of the buyer's, locked, as it stands when whoever held it before is done."""
    return await tx.fetch_one(
        _Taken,
        f"""
        SELECT v.id, v.order_id, v.state, v.version, v.rating, v.text, v.named, v.written_by, v.decided_by, v.reason
        FROM reviews v WHERE v.buyer_id = %(buyer)s AND {where} FOR NO KEY UPDATE
        """,
        {"buyer": tx.actor.organisation_id, **params},
    )


# --- The platform


class _Decided(msgspec.Struct, frozen=True):
    order_id: UUID
    rating: int
    text: str
    named: bool


# How many have how many stars changes in the statement that publishes or takes down, under the lock of that one row.
_COUNTED: LiteralString = """
    INSERT INTO product_ratings AS r (product_id, seller_id, one, two, three, four, five)
    SELECT product_id, seller_id, (rating = 1)::int, (rating = 2)::int, (rating = 3)::int, (rating = 4)::int,
           (rating = 5)::int FROM decided
    ON CONFLICT (product_id) DO UPDATE SET one = r.one + excluded.one, two = r.two + excluded.two,
        three = r.three + excluded.three, four = r.four + excluded.four, five = r.five + excluded.five
"""
_COUNTED_OFF: LiteralString = """
    UPDATE product_ratings r SET one = r.one - (rating = 1)::int, two = r.two - (rating = 2)::int,
        three = r.three - (rating = 3)::int, four = r.four - (rating = 4)::int, five = r.five - (rating = 5)::int
    FROM decided WHERE r.product_id = decided.product_id
"""


async def publish(tx: Tx, review_id: UUID, seen: int) -> None:
    """Shows a review to everybody, just as it was seen. Raises ReviewNotFound, OwnReview, ReviewChanged or
    ReviewMovedOn."""
    decided = await tx.fetch_one(
        _Decided,
        f"""
        WITH decided AS (
            UPDATE reviews v SET state = 'published', decided_by = %(person)s, decided_at = %(now)s
            WHERE v.id = %(id)s AND v.state = 'waiting' AND v.version = %(seen)s AND NOT {CONFLICTED}
            RETURNING v.*
        ), counted AS ({_COUNTED})
        SELECT order_id, rating, text, named FROM decided
        """,
        _decision(tx, review_id, seen),
    )
    if decided is None:
        await _why_not(tx, review_id, seen, "publish", done="published")
        return
    facts = {"review": review_id, "version": seen, "rating": decided.rating, "text": decided.text}
    await tx.record("review.published", "order", decided.order_id, facts)


async def reject(tx: Tx, review_id: UUID, seen: int, why: str) -> None:
    """Does not publish a review; its buyer reads why, and may write it anew. Raises Invalid, ReviewNotFound, OwnReview,
    ReviewChanged or ReviewMovedOn."""
    reason = checked_text("why", why, LONGEST_REASON)
    decided = await tx.fetch_one(
        _Decided,
        f"""
        UPDATE reviews v SET state = 'rejected', decided_by = %(person)s, decided_at = %(now)s, reason = %(reason)s
        WHERE v.id = %(id)s AND v.state = 'waiting' AND v.version = %(seen)s AND NOT {CONFLICTED}
        RETURNING v.order_id, v.rating, v.text, v.named
        """,
        {**_decision(tx, review_id, seen), "reason": reason},
    )
    if decided is None:
        await _why_not(tx, review_id, seen, "reject", done="rejected", reason=reason)
        return
    await tx.record("review.rejected", "order", decided.order_id, {"review": review_id, "version": seen, "why": reason})


async def take_down(tx: Tx, review_id: UUID, seen: int, why: str) -> None:
    """Takes a published review, and the answer to it, off the product's page. Its stars count no more; its buyer reads
    why, and may write it anew. Raises Invalid, ReviewNotFound, OwnReview, ReviewChanged or ReviewMovedOn."""
    reason = checked_text("why", why, LONGEST_REASON)
    decided = await tx.fetch_one(
        _Decided,
        f"""
        WITH decided AS (
            UPDATE reviews v SET state = 'rejected', decided_by = %(person)s, decided_at = %(now)s,
                   reason = %(reason)s, answer = NULL, answered_by = NULL, answered_at = NULL,
                   answer_version = answer_version + (answer IS NOT NULL)::int
            WHERE v.id = %(id)s AND v.state = 'published' AND v.version = %(seen)s AND NOT {CONFLICTED}
            RETURNING v.*
        ), counted AS ({_COUNTED_OFF})
        SELECT order_id, rating, text, named FROM decided
        """,
        {**_decision(tx, review_id, seen), "reason": reason},
    )
    if decided is None:
        await _why_not(tx, review_id, seen, "take_down", done="rejected", reason=reason)
        return
    facts = {"review": review_id, "version": seen, "rating": decided.rating, "why": reason}
    await tx.record("review.taken_down", "order", decided.order_id, facts)


def _decision(tx: Tx, review_id: UUID, seen: int) -> dict[str, Any]:
    return {"id": review_id, "seen": seen, "person": tx.actor.person_id, "now": tx.now}


async def _why_not(
    tx: Tx, review_id: UUID, seen: int, verb: str, *, done: ReviewState, reason: str | None = None
) -> None:
    """Why a verb did not apply, as a problem; nothing where just that was done by the same person before."""
    found = await queries.review(tx, tx.actor, review_id)
    if found is None:
        raise ReviewNotFound
    if found.conflicted:
        raise OwnReview
    by: UUID | None = await tx.fetch_value("SELECT decided_by FROM reviews WHERE id = %(id)s", {"id": review_id})
    if (found.state, found.version, found.reason, by) == (done, seen, reason, tx.actor.person_id):
        return
    if found.state in states_before(verb):
        raise ReviewChanged
    raise ReviewMovedOn(state=found.state)


async def remove_answer(tx: Tx, review_id: UUID, seen: int, why: str) -> None:
    """Takes a seller's answer off the product's page; the seller reads why, and may answer anew. `seen` is the answer's
    version. Raises Invalid, ReviewNotFound, OwnReview, NothingAnswered or AnswerChanged."""
    reason = checked_text("why", why, LONGEST_REASON)
    order_id: UUID | None = await tx.fetch_value(
        f"""
        UPDATE reviews v SET answer = NULL, answered_by = NULL, answered_at = NULL, answer_version = answer_version + 1
        WHERE v.id = %(id)s AND v.answer IS NOT NULL AND v.answer_version = %(seen)s AND NOT {CONFLICTED}
        RETURNING v.order_id
        """,
        _decision(tx, review_id, seen),
    )
    if order_id:
        await tx.record("review.answer_removed", "order", order_id, {"review": review_id, "why": reason})
        return
    found = await queries.review(tx, tx.actor, review_id)
    if found is None:
        raise ReviewNotFound
    if found.conflicted:
        raise OwnReview
    if found.answer is not None:
        raise AnswerChanged
    if found.answer_version != seen + 1:
        raise NothingAnswered


# --- The seller


class _Answered(msgspec.Struct, frozen=True):
    order_id: UUID
    changed: bool


async def answer(tx: Tx, review_id: UUID, text: str, seen: int, change_for: timedelta) -> None:
    """Answers a published review, or changes the answer within `change_for` of when it was given first.

    `seen` is the answer's version, 0 where there never was one. Raises Invalid, ReviewNotFound, AnswerChanged or
    AnswerFinal.
    """
    found = await queries.review(tx, tx.actor, review_id)
    if found is None:
        raise ReviewNotFound
    said = checked_text("text", text, LONGEST_TEXT)
    if found.answer_version == seen + 1 and found.answer == said:
        return
    if found.answer is not None and found.answered_at and found.answer_version == seen:
        until = found.answered_at + change_for
        if tx.now > until:
            raise AnswerFinal(days=change_for.days, until=until)
    done = await tx.fetch_one(
        _Answered,
        """
        WITH before AS (
            SELECT id, answer IS NOT NULL AS changed FROM reviews
            WHERE id = %(id)s AND seller_id = %(seller)s AND state = 'published' FOR NO KEY UPDATE
        )
        UPDATE reviews v SET answer = %(text)s, answer_version = answer_version + 1, answered_by = %(person)s,
               answered_at = coalesce(answered_at, %(now)s)
        FROM before WHERE v.id = before.id AND v.answer_version = %(seen)s
        RETURNING v.order_id, before.changed
        """,
        {"text": said, "seller": tx.actor.organisation_id, **_decision(tx, review_id, seen)},
    )
    if done is None:
        now = await queries.review(tx, tx.actor, review_id)
        if now is None:
            raise ReviewNotFound
        if now.answer_version == seen + 1 and now.answer == said:
            return
        raise AnswerChanged
    kind = "review.answer_changed" if done.changed else "review.answered"
    await tx.record(kind, "order", done.order_id, {"review": review_id, "text": said})
