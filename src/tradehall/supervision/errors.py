"""What can go wrong in service supervision."""

from tradehall.kernel.errors import Conflict, Forbidden, NotFound


class FlowNotFound(NotFound):
    """There is no such supervised order, or it is not yours to see."""


class FlowFinished(Conflict):
    """The service supervision of this order is finished; nothing more can be done in it."""


class FlowFrozen(Conflict):
    """The service supervision of this order is frozen; nobody can act until it is resumed."""


class FlowMovedOn(Conflict):
    """Something happened in this order since you opened the page. Look at it again, then act."""


class OutOfTurn(Conflict):
    """This cannot be done now: the order stands at “{node}”."""


class NotYourSide(Forbidden):
    """This is for the other side to do."""


class UnknownVerb(NotFound):
    """There is no such thing to do in this order."""


class WrongCode(Conflict):
    """This is not the authorisation code of this order."""


class NothingToReveal(NotFound):
    """There is nothing secret to show."""


class EvidenceNotFound(NotFound):
    """There is no such file in this order, or it is not yours to see."""


class EvidenceHandedIn(Conflict):
    """This file was handed in; it can no longer be taken back."""
