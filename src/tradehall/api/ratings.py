"""How a product is rated, as the API tells it wherever it tells of products."""

from typing import Annotated

import msgspec

from tradehall.reviews.model import Rating


class ProductRating(msgspec.Struct, frozen=True):
    """How a product is rated: the average to a tenth of a star (null without reviews), how many published reviews there
    are, and how many of them give one to five stars, in this order."""

    average: float | None
    count: int
    stars: Annotated[list[int], msgspec.Meta(min_length=5, max_length=5)]


def told_rating(rating: Rating) -> ProductRating:
    return ProductRating(rating.average, rating.count, list(rating.counts))
