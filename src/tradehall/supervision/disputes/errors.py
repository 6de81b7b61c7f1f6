"""What can go wrong in disputes."""

from tradehall.kernel.errors import Conflict, Forbidden


class AppealUnderWay(Conflict):
    """The marketplace already looks into an appeal about this order. Add what you have to say to that one."""


class RefundUnderWay(Conflict):
    """There is a request for a refund or a return of this order that is not answered yet."""


class NoDisputeOpen(Conflict):
    """That appeal, refund or return is closed or was withdrawn; nothing more can be done in it."""


class TooManyDisputes(Conflict):
    """Your side has begun this {most} times about this order and cannot begin it again."""


class RefundRuledOut(Conflict):
    """A refund can no longer be negotiated: the authorisation code was claimed."""


class NothingPaid(Conflict):
    """Nothing was paid for this order, so nothing can be returned."""


class NothingShipped(Conflict):
    """There is no parcel yet that could be returned; ask for a refund instead."""


class AppealTooSoon(Conflict):
    """An appeal is possible once the other side has been idle for {days} days, or after {times} rejections."""


class SellerStillHasTime(Conflict):
    """The seller has until {until} to answer; after that you see whom to contact."""


class OwnOrganisation(Forbidden):
    """You belong to the buyer or the seller of this order. Somebody else of the marketplace has to handle it."""


class SecondPersonNeeded(Forbidden):
    """You made this decision yourself. A second person of the marketplace has to confirm it."""


class NothingToRedeliver(Conflict):
    """There is no delivery of the seller's that this order could go back to."""
