"""What can go wrong in service supervision."""

from tradehall.kernel.errors import Conflict, Forbidden, NotFound, TooMany


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


class ConversationClosed(Conflict):
    """The service supervision of this order has been over for a while; nothing more can be written in it."""


class MessageNotFound(NotFound):
    """There is no such message in this order, or it is not yours to see."""


class MessageFileSent(Conflict):
    """This file was sent; it can no longer be taken back."""


class TooManyActs(TooMany):
    """Your side has acted {most} times in this order within an hour. Go on at {at}."""


class TooManyMessages(TooMany):
    """Your side has written {most} messages in this order within an hour. Write again at {at}."""


class ConversationFull(Conflict):
    """This order holds {most} messages, and takes no more."""


class MessageTemplateNotFound(NotFound):
    """There is no such template, or it is not your organisation's."""


class MessageTemplateNameTaken(Conflict):
    """There is a template of this name already."""


class TooManyMessageTemplates(Conflict):
    """An organisation can keep {most} templates. Delete one first."""


class MessageTemplateChanged(Conflict):
    """Somebody changed this template since you opened it. Look at it again, then change it."""


class YourTurn(Conflict):
    """It is your own turn: there is nobody to remind."""


class UrgedAlready(Conflict):
    """Your side reminded them already. You can do so again at {at}."""
