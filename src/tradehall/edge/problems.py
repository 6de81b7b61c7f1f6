"""Errors as people and programs are told of them: problem details (RFC 9457) for the API, a page for browsers."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotAuthorizedException,
    NotFoundException,
    ValidationException,
)

from tradehall.kernel import errors
from tradehall.kernel.db import DATABASE_AWAY
from tradehall.kernel.i18n import N_, negotiate, translator

log = structlog.get_logger()


class MalformedRequest(errors.Problem):
    """This request cannot be read: {detail}"""


class MethodNotAllowed(errors.Problem):
    """This address does not take that method."""

    status = 405


class BodyTooLarge(errors.Problem):
    """The request is too large."""

    status = 413


class NotStorable(errors.Problem):
    """This request holds a character or a number that cannot be stored."""

    status = 422


class InternalError(errors.Problem):
    """Something went wrong on our side; nothing was changed. Tell us the request number if it happens again."""

    status = 500


class WrongField(msgspec.Struct, frozen=True):
    """A field that is not right, and why."""

    field: str
    message: str


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457. `code` is stable; `detail` is in the reader's language; `request_id` finds the log lines."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str = ""
    errors: list[WrongField] = []


def as_problem(error: Exception, sent_as: Mapping[str, str] = MappingProxyType({})) -> errors.Problem:
    """The problem behind any exception; what nobody foresaw is an InternalError.

    `sent_as` says what a handler's arguments are called in a request, where that is something else.
    """
    if isinstance(error, errors.Problem):
        return error
    if isinstance(error, DATABASE_AWAY):
        return errors.Unavailable()
    if isinstance(error, ValidationException):
        fields = list(_wrong_parameters(error.extra, sent_as))
        return errors.Invalid(*fields) if fields else MalformedRequest(detail=error.detail)
    # A NUL in a text, or a number beyond what a column holds.
    if isinstance(error, psycopg.DataError | UnicodeEncodeError):
        return NotStorable()
    if isinstance(error, MethodNotAllowedException):
        return MethodNotAllowed()
    if isinstance(error, NotFoundException):
        return errors.NotFound()
    if isinstance(error, NotAuthorizedException):
        return errors.NotSignedIn()
    if isinstance(error, HTTPException):
        if error.status_code == 413:
            return BodyTooLarge()
        if error.status_code == 403:
            return errors.Forbidden()
        if error.status_code < 500:
            return MalformedRequest(detail=error.detail)
    return InternalError()


def _wrong_parameters(extra: Any, sent_as: Mapping[str, str]) -> Iterator[errors.FieldProblem]:
    """What the framework says of parameters it could not read."""
    for one in extra if isinstance(extra, list) else ():
        if isinstance(one, dict):
            name, reason = str(one.get("key", "")), str(one.get("message", ""))
            # Of a body that was not sent it says no more than the argument's name.
            missing = name == "data" and reason == "'data'"
            field = "body" if name == "data" else sent_as.get(name, name)
            yield field_problem(field, "Missing required argument" if missing else reason)


def _sent_as(request: Request[Any, Any, Any]) -> dict[str, str]:
    handler = request.scope.get("route_handler")
    signature = getattr(handler, "parsed_fn_signature", None)
    parameters = signature.parameters if signature else {}
    return {name: getattr(one.kwarg_definition, "name", None) or name for name, one in parameters.items()}


def body_problem(error: msgspec.DecodeError) -> errors.Problem:
    """What is wrong with a JSON body: not JSON at all, or a field that is not what it must be."""
    if not isinstance(error, msgspec.ValidationError):
        return MalformedRequest(detail=str(error))
    reason, _, path = str(error).partition(" - at `")
    return errors.Invalid(field_problem(path.removesuffix("`").removeprefix("$").lstrip("."), reason))


def field_problem(field: str, reason: str) -> errors.FieldProblem:
    """What msgspec says of a value, in words that are translated. `field` is its path, such as calls[0].id."""
    for pattern, message in _REASONS:
        if match := pattern.fullmatch(reason):
            values = match.groupdict()
            if name := values.pop("field", None):
                field = f"{field}.{name}" if field else name
            return errors.FieldProblem(field or "body", message, values)
    return errors.FieldProblem(field or "body", "This is not right: {reason}", {"reason": reason})


_TYPES = {
    "str": N_("Write a text here."),
    "int": N_("Write a whole number here."),
    "float": N_("Write a number here."),
    "bool": N_("Write true or false here."),
    "array": N_("Write a list here."),
    "object": N_("Write an object here."),
    "uuid": N_("Write an id here, such as 01a3b0f2-7c1e-7d4a-9c55-0a1b2c3d4e5f."),
    "datetime": N_("Write a moment here with its offset, such as 2026-05-01T08:00:00Z."),
}
# What msgspec says → what we say. The first pattern that fits counts.
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), message)
    for pattern, message in (
        (r"Object missing required field `(?P<field>[^`]+)`", N_("This is missing.")),
        (r"Missing required argument.*", N_("This is missing.")),
        (r"Object contains unknown field `(?P<field>[^`]*)`", N_("There is no such field.")),
        (r"Expected `(?:int|float)` >= (?P<least>\S+)", N_("The least is {least}.")),
        (r"Expected `(?:int|float)` <= (?P<most>\S+)", N_("The most is {most}.")),
        (r"Expected `str` of length >= (?P<least>\d+)", N_("Write at least {least} characters.")),
        (r"Expected `str` of length <= (?P<most>\d+)", N_("Write at most {most} characters.")),
        (r"Expected `array` of length >= (?P<least>\d+)", N_("Send at least {least} of them.")),
        (r"Expected `array` of length <= (?P<most>\d+)", N_("Send at most {most} of them.")),
        (r"Invalid enum value .*", N_("This is none of the possible values.")),
        (r"(?:Invalid UUID|badly formed hexadecimal UUID string).*", _TYPES["uuid"]),
        (r"(?:Invalid RFC3339 encoded datetime|Expected `datetime` with .*)", _TYPES["datetime"]),
        *((rf"Expected `{name}(?: \| null)?`, got .*", message) for name, message in _TYPES.items()),
        (r"Integer value out of range", N_("This number is too large.")),
    )
)


def details(problem: errors.Problem, locale: str, request_id: str) -> ProblemDetails:
    """What is said of a problem, in the reader's language."""
    texts = translator(locale)
    code = problem.code()
    wrong = (
        [WrongField(one.field, texts.format(one.message, **one.values)) for one in problem.fields]
        if isinstance(problem, errors.Invalid)
        else []
    )
    return ProblemDetails(
        type=f"/problems/{code}",
        title=code.replace("_", " ").capitalize(),
        status=problem.status,
        detail=texts.format(problem.message_id(), **{name: _told(value) for name, value in problem.values.items()}),
        code=code,
        request_id=request_id,
        errors=wrong,
    )


def _told(value: object) -> object:
    """A moment as programs read it; whatever else, as it is."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value


def note(request: Request[Any, Any, Any], error: Exception, problem: errors.Problem) -> None:
    """Logs what nobody foresaw with its traceback; a foreseen problem is told to the reader only."""
    if problem.status >= 500:
        log.error("request_failed", path=request.url.path, exc_info=error)


def api_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The API's exception handler."""
    problem = as_problem(error, _sent_as(request))
    note(request, error, problem)
    locale = negotiate(request.headers.get("Accept-Language"))
    told = details(problem, locale, request.scope["state"].get("request_id", ""))
    headers = {"Retry-After": "5"} if problem.status in (429, 503) else {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode(told), status_code=problem.status, media_type="application/problem+json", headers=headers
    )
