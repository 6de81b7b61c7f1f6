"""What can go wrong, as classes: the docstring is the message, the class name the stable code, `status` the HTTP one.

Rooms derive their errors from these. A message may hold {placeholders}, filled from the keyword arguments the error was
raised with; `web/locale` translates the message with its placeholders still in it.
"""

import inspect
import re
from typing import Any, ClassVar

import msgspec


class Problem(Exception):
    """Something is wrong with this request."""

    status: ClassVar[int] = 400

    def __init__(self, **values: Any) -> None:
        super().__init__(values)
        self.values = values

    @classmethod
    def message_id(cls) -> str:
        """The English message with its placeholders, as the translations know it."""
        return " ".join(inspect.cleandoc(cls.__doc__ or "").split())

    @classmethod
    def code(cls) -> str:
        """The stable code: OrderNotFound → order_not_found."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()

    def __str__(self) -> str:
        return self.message_id().format_map(self.values)


class NotFound(Problem):
    """There is nothing here, or it is not yours to see."""

    status = 404


class Conflict(Problem):
    """Something changed in the meantime."""

    status = 409


class Forbidden(Problem):
    """Your role does not allow this."""

    status = 403


class NotSignedIn(Problem):
    """Sign in first."""

    status = 401


class TooMany(Problem):
    """Too many attempts; wait a while."""

    status = 429


class Unavailable(Problem):
    """The service is not available right now; nothing was changed. Try again in a moment."""

    status = 503


class FieldProblem(msgspec.Struct, frozen=True):
    """One field that is wrong: its name as sent, and the English message id of what is wrong with it."""

    field: str
    message: str
    values: dict[str, Any] = {}


class Invalid(Problem):
    """Some fields are not right."""

    status = 422

    def __init__(self, *fields: FieldProblem, **values: Any) -> None:
        super().__init__(**values)
        self.fields = fields


def invalid(field: str, message: str, **values: Any) -> Invalid:
    """One wrong field as an error."""
    return Invalid(FieldProblem(field, message, values))


def all_problems() -> list[type[Problem]]:
    """Every error class that is loaded, for the documentation and the translations."""
    found: list[type[Problem]] = []
    waiting = [Problem]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting.extend(kind.__subclasses__())
    return sorted(found, key=lambda kind: kind.code())
