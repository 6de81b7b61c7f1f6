"""What an open API answers when it does not do what was asked. Protocol section 6.2.

Codes, HTTP statuses and the beginnings of the messages are the protocol's; sellers' programs read them, so they are
English and no Problems, which are told to people in their language.
"""

from typing import Any, ClassVar

LONGEST_MESSAGE = 1024


class Refusal(Exception):
    """A call that fails. `detail` says exactly why; `extra` is told where the protocol has a member for it."""

    code: ClassVar[str]
    status: ClassVar[int]
    message: ClassVar[str]
    has_extra: ClassVar[bool] = False

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra

    @property
    def result_message(self) -> str:
        """The protocol's message and what is to be said beside it."""
        told = f"{self.message.rstrip('.')}: {self.detail}" if self.detail else self.message
        return told if len(told) <= LONGEST_MESSAGE else f"{told[: LONGEST_MESSAGE - 1]}…"


class InternalError(Refusal):
    """Something failed here; the caller may try again."""

    code, status, message = "MKT.0999", 500, "System internal error."


class WrongFormat(Refusal):
    """A parameter is there but is not what it must be."""

    code, status, message, has_extra = "MKT.0100", 500, "Failure of input parameter", True


class WrongParameter(Refusal):
    """A parameter is missing, unknown, there twice, or names nothing."""

    code, status, message = "MKT.0101", 400, "Invalid parameter"


class RequestError(Refusal):
    """Anything else that is wrong with a request."""

    code, status, message = "MKT.0199", 400, "Request parameter error"


class NotYours(Refusal):
    """What was asked for was not sold by this seller."""

    code, status, message, has_extra = "MKT.0150", 401, "Illegal operation", True


class NotASeller(Refusal):
    """The caller is known, and no seller."""

    code, status, message = "MKT.0151", 401, "No authority"


class NotAuthenticated(Refusal):
    """It is not proved who calls."""

    code, status, message = "MKT.0154", 401, "Illegal token"


class TooManyCalls(Refusal):
    """More calls than a credential may make."""

    code, status, message, has_extra = "MKT.0250", 406, "Access frequency overlimit", True
