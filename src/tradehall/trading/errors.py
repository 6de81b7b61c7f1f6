"""What can go wrong with orders and payments."""

from tradehall.kernel.errors import Conflict, Forbidden, NotFound, Problem


class OrderNotFound(NotFound):
    """There is no such order of yours."""


class OrderMovedOn(Conflict):
    """This order changed in the meantime: it is now {state}. Reload to see where it stands."""


class OrderAlreadyPaid(Conflict):
    """This order is already paid; it cannot be cancelled any more."""


class PriceChanged(Conflict):
    """The price changed in the meantime: it is now {total} {currency}. Look at it again before you order."""


class PaymentDeclined(Problem):
    """The payment was declined; nothing was taken. Choose another way to pay."""

    status = 402


class NoWayToPay(Problem):
    """No payment gateway is set up on this installation."""

    status = 503


class OnlyBuyersOrder(Forbidden):
    """Only people of a buying organisation can order."""
