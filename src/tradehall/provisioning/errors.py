"""What can go wrong with calls and instances when people deal with them."""

from tradehall.kernel.errors import Conflict, NotFound


class CallNotFound(NotFound):
    """There is no such call of yours."""


class InstanceNotFound(NotFound):
    """There is no such application of yours."""


class NotOpen(Conflict):
    """This application is not open: it is still being opened, or it could not be."""


class CallMovedOn(Conflict):
    """This call was tried again in the meantime: it is now {state} after {attempts} tries. Reload to see the result."""


class CallIsSettled(Conflict):
    """This call cannot be started again: it is {state}."""


class BuyerWasRefunded(Conflict):
    """This call cannot be started again: the buyer was refunded, or something newer was asked since."""
