"""What can go wrong with notices."""

from tradehall.kernel.errors import Conflict, NotFound


class NoticeNotFound(NotFound):
    """You have no such message."""


class SendingNotFound(NotFound):
    """There is no such outgoing message; it may have been deleted with an old notice."""


class NotFailed(Conflict):
    """This message is not one that failed: it was sent, or is being tried."""
