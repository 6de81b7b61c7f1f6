"""What can go wrong with reviews."""

from tradehall.kernel.errors import Conflict, Forbidden, NotFound


class ReviewNotFound(NotFound):
    """There is no such review, or it is not yours to see."""


class OrderNotReviewable(Conflict):
    """Only what was bought, converted from a trial included, can be reviewed, and only once its order is completed."""


class OwnProduct(Forbidden):
    """You belong to this product's seller as well; somebody else of your organisation has to review it."""


class ReviewExists(Conflict):
    """This order has a review already; open it to change it."""


class ReviewChanged(Conflict):
    """This review was changed in the meantime. Read it once more as it is now."""


class ReviewMovedOn(Conflict):
    """This review was decided in the meantime: it is now {state}."""


class WrittenTooOften(Conflict):
    """This review was written {most} times; it can only be withdrawn now."""


class OwnReview(Forbidden):
    """You belong to the organisation that wrote this review, or to the one it is about; somebody else decides it."""


class AnswerChanged(Conflict):
    """The answer to this review was changed in the meantime. Read it once more as it is now."""


class AnswerFinal(Conflict):
    """An answer can be changed for {days} days after it was given; that was until {until}."""


class NothingAnswered(Conflict):
    """This review has no answer."""
