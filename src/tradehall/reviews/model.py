"""What a review is, how it moves, and what may stand in one: pure rules."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from tradehall.kernel.errors import FieldProblem, Invalid
from tradehall.kernel.i18n import N_

ReviewState = Literal["waiting", "published", "rejected", "withdrawn"]
REVIEW_STATES: tuple[ReviewState, ...] = ("waiting", "published", "rejected", "withdrawn")

# (state, verb) → next state. Publishing, rejecting and taking down are the platform's verbs; the others the buyer's.
REVIEW_MOVES: dict[tuple[ReviewState, str], ReviewState] = {
    ("waiting", "edit"): "waiting",
    ("waiting", "withdraw"): "withdrawn",
    ("waiting", "publish"): "published",
    ("waiting", "reject"): "rejected",
    ("rejected", "rewrite"): "waiting",
    ("rejected", "withdraw"): "withdrawn",
    ("withdrawn", "rewrite"): "waiting",
    ("published", "take_down"): "rejected",
}
# What is recorded of reviews on their orders. Nobody but buyer and platform hears of what is not published.
EVENTS = (
    "review.written",
    "review.edited",
    "review.withdrawn",
    "review.published",
    "review.rejected",
    "review.taken_down",
    "review.answered",
    "review.answer_changed",
    "review.answer_removed",
)
KEPT_FROM_SELLERS = frozenset({"review.written", "review.edited", "review.withdrawn", "review.rejected"})

STARS = (1, 2, 3, 4, 5)
LONGEST_TEXT = 2000
# How often one review may be written: each time somebody of the platform reads it, and it stands in the order's log.
MOST_VERSIONS = 50
LONGEST_REASON = 500
NO_STARS = N_("Choose one to five stars.")
BLANK = "This must not be empty."
LONG = "Write at most {most} characters."
NOT_TEXT = N_("This holds a character that cannot be shown.")


def states_before(verb: str) -> list[ReviewState]:
    """The states in which a verb applies."""
    return [state for (state, known) in REVIEW_MOVES if known == verb]


class Wording(msgspec.Struct, frozen=True):
    """What a buyer says: stars from one to five, a text that may be empty, and whether under their whole name."""

    rating: int
    text: str = ""
    named: bool = False


def checked(wanted: Wording) -> Wording:
    """The wording as it is kept. Raises Invalid, naming every field that is wrong."""
    text = plain(wanted.text)
    problems = _wrong_text("text", text, LONGEST_TEXT)
    if wanted.rating not in STARS:
        problems.insert(0, FieldProblem("rating", NO_STARS))
    if problems:
        raise Invalid(*problems)
    return Wording(wanted.rating, text, wanted.named)


def checked_text(field: str, text: str, most: int) -> str:
    """A text that has to be there, as it is kept. Raises Invalid."""
    found = plain(text)
    problems = _wrong_text(field, found, most) if found else [FieldProblem(field, BLANK)]
    if problems:
        raise Invalid(*problems)
    return found


def plain(text: str) -> str:
    """A text with the line ends of one kind, and none before its first or after its last word."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _wrong_text(field: str, text: str, most: int) -> list[FieldProblem]:
    if len(text) > most:
        return [FieldProblem(field, LONG, {"most": most})]
    # Control characters, and what turns the direction of the words around it.
    if any(unicodedata.category(one) in ("Cc", "Cs", "Co") and one not in "\n\t" for one in text) or any(
        "\u202a" <= one <= "\u202e" or "\u2066" <= one <= "\u2069" for one in text
    ):
        return [FieldProblem(field, NOT_TEXT)]
    return []


def veiled(name: str) -> str:
    """A name of which the public reads the beginning: "Acme Trading" → "A***"."""
    return f"{name[:1]}***"


class Review(msgspec.Struct, frozen=True):
    """A review as those whom it concerns see it. `version` and `answer_version` are what a change has to name.

    `reason` is why it was not published; `conflicted`, that the one who looks belongs to one of the two organisations
    and does not decide it. The seller's `answer` was first given at `answered_at`.
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
    submission: UUID
    conflicted: bool

    def allows(self, verb: str) -> bool:
        """Whether the table has the verb for this review."""
        return (self.state, verb) in REVIEW_MOVES

    @property
    def changeable(self) -> bool:
        """Whether its buyer may still write."""
        return self.allows("edit") or self.allows("rewrite")


class PublicReview(msgspec.Struct, frozen=True):
    """A review as everybody reads it. Of a buyer who did not want to be named the names are veiled."""

    id: UUID
    rating: int
    text: str
    by_name_en: str
    by_name_zh: str
    named: bool
    written_at: datetime
    answer: str | None
    answered_at: datetime | None


class Rating(msgspec.Struct, frozen=True):
    """How many published reviews give a product one, two, three, four and five stars."""

    one: int = 0
    two: int = 0
    three: int = 0
    four: int = 0
    five: int = 0

    @property
    def counts(self) -> Sequence[int]:
        return (self.one, self.two, self.three, self.four, self.five)

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def tenths(self) -> int | None:
        """The average in tenths of a star, halves upwards: 43 is 4.3; None without reviews."""
        if not self.count:
            return None
        total = sum(stars * number for stars, number in zip(STARS, self.counts, strict=True))
        return (20 * total + self.count) // (2 * self.count)

    @property
    def average(self) -> float | None:
        """The average to a tenth of a star."""
        return None if self.tenths is None else self.tenths / 10

    def share(self, stars: int) -> int:
        """What part of the reviews gives that many stars, in percent, rounded."""
        return (200 * self.counts[stars - 1] + self.count) // (2 * self.count) if self.count else 0


NO_RATING = Rating()
