"""Errors as people and programs are told of them: problem details (RFC 9457) for the API, a page for browsers."""

from typing import Any

import msgspec
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
from tradehall.kernel.i18n import negotiate, translator

log = structlog.get_logger()


class MalformedRequest(errors.Problem):
    """This request cannot be read: {detail}"""


class MethodNotAllowed(errors.Problem):
    """This address does not take that method."""

    status = 405


class BodyTooLarge(errors.Problem):
    """The request is too large."""

    status = 413


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


def as_problem(error: Exception) -> errors.Problem:
    """The problem behind any exception; what nobody foresaw is an InternalError."""
    if isinstance(error, errors.Problem):
        return error
    if isinstance(error, DATABASE_AWAY):
        return errors.Unavailable()
    if isinstance(error, ValidationException):
        extra = error.extra if isinstance(error.extra, list) else []
        fields = [
            errors.FieldProblem(str(one.get("key", "")), "{reason}", {"reason": one.get("message", "")})
            for one in extra
            if isinstance(one, dict)
        ]
        return errors.Invalid(*fields) if fields else MalformedRequest(detail=error.detail)
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
        detail=texts.format(problem.message_id(), **problem.values),
        code=code,
        request_id=request_id,
        errors=wrong,
    )


def note(request: Request[Any, Any, Any], error: Exception, problem: errors.Problem) -> None:
    """Logs what nobody foresaw with its traceback; a foreseen problem is told to the reader only."""
    if problem.status >= 500:
        log.error("request_failed", path=request.url.path, exc_info=error)


def api_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The API's exception handler."""
    problem = as_problem(error)
    note(request, error, problem)
    locale = negotiate(request.headers.get("Accept-Language"))
    told = details(problem, locale, request.scope["state"].get("request_id", ""))
    headers = {"Retry-After": "5"} if problem.status in (429, 503) else {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode(told), status_code=problem.status, media_type="application/problem+json", headers=headers
    )
