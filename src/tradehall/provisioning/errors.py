"""What can go wrong with calls and instances when people deal with them."""

from tradehall.kernel.errors import Conflict, NotFound


class CallNotFound(NotFound):
    """There is no such call of yours."""


class InstanceNotFound(NotFound):
    """There is no such application of yours."""


class CallMovedOn(Conflict):
    """This call was tried again in the meantime: it is now {state} after {attempts} tries. Reload to see the result."""


class CallIsSettled(Conflict):
    """This call cannot be started again: it is {state}."""


class BuyerWasRefunded(Conflict):
    """Opening was given up and the buyer refunded; this call cannot be started again."""
