"""Every route of the open APIs, and how they answer. Protocol section 6."""

import re
from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from litestar import Request, Response, Router, get
from litestar.exceptions import HTTPException

from tradehall.edge.access import installation_of
from tradehall.kernel.db import DATABASE_AWAY
from tradehall.openapi import answers, queries
from tradehall.openapi.answers import OrderAnswer
from tradehall.openapi.authentication import Caller, signed_by_a_seller
from tradehall.openapi.errors import (
    InternalError,
    NotAuthenticated,
    NotYours,
    Refusal,
    RequestError,
    TooManyCalls,
    WrongFormat,
    WrongParameter,
)
from tradehall.openapi.mocks import mock_order
from tradehall.protocols import sdk_signature

log = structlog.get_logger()

PREFIX = "/api/mkp-openapi-public/global/v1"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@get("/order/query")
async def query_order(request: Request[Caller, None, Any]) -> Response[bytes]:
    """An order of the seller that asks, by its number (`orderId`), and of that a line (`orderLineId`).

    Answers MKT.0101 when a parameter is missing, unknown or sent twice and when there is no such order or line,
    MKT.0100 when an id cannot be one, MKT.0150 for an order of another seller. Protocol section 6.1.
    """
    asked = _parameters(request, required=("orderId",), optional=("orderLineId",))
    number, line_number = asked["orderId"], asked.get("orderLineId")
    installation = installation_of(request)
    zone = installation.settings.default_timezone
    found = mock_order(number, installation.clock.now(), ZoneInfo(zone))
    if found is None:
        async with installation.db.read() as reader:
            found = await queries.order_of_seller(reader, request.user.seller_id, number, zone)
            if found is None:
                if await queries.exists(reader, number):
                    raise NotYours(f"order {number} is not an order of this seller", orderId=number)
                raise WrongParameter(f"there is no order {number}")
    if line_number is not None and line_number not in {line.order_line_id for line in found.order_line}:
        raise WrongParameter(f"order {number} has no line {line_number}")
    return answers.success(OrderAnswer(found))


def _parameters(
    request: Request[Any, Any, Any], *, required: Collection[str], optional: Collection[str]
) -> dict[str, str]:
    """The query's parameters, ids all of them. Raises WrongParameter or WrongFormat."""
    found: dict[str, str] = {}
    query = request.scope["query_string"].decode("utf-8", "replace")
    for name, value in sdk_signature.parameters(query):
        if name not in required and name not in optional:
            raise WrongParameter(f"there is no parameter {name[:64]}")
        if name in found:
            raise WrongParameter(f"the parameter {name} was sent more than once")
        if value or name in required:
            found[name] = value
    for name in required:
        if not found.get(name):
            raise WrongParameter(f"the parameter {name} is missing")
    for name, value in found.items():
        if not _ID.fullmatch(value):
            raise WrongFormat(f"{name} must be 1 to 64 letters, digits, hyphens or underscores", parameter=name)
    return found


def openapi_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The open APIs' exception handler: every failure is told with a code of the protocol."""
    refusal = _refusal(request, error)
    if isinstance(refusal, InternalError):
        log.error("request_failed", path=request.url.path, exc_info=error)
    headers = {}
    if isinstance(refusal, TooManyCalls):
        headers["Retry-After"] = str(int(refusal.extra["retryAfterSeconds"]) + 1)
    elif isinstance(refusal, NotAuthenticated):
        headers["WWW-Authenticate"] = sdk_signature.ALGORITHM
    return answers.failure(refusal, headers)


def _refusal(request: Request[Any, Any, Any], error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException) and error.status_code < 500:
        if error.status_code == 404:
            return RequestError(f"there is no interface at {request.url.path[:200]}")
        if error.status_code == 405:
            return RequestError(f"this interface does not take {request.method}")
        return RequestError("the request is too large" if error.status_code == 413 else error.detail)
    if isinstance(error, DATABASE_AWAY):
        return InternalError("not available right now, try again in a moment")
    return InternalError(f"request {request.scope['state'].get('request_id', '')}")


openapi = Router(
    PREFIX,
    route_handlers=[query_order],
    guards=[signed_by_a_seller],
    exception_handlers={Exception: openapi_problem},
    include_in_schema=False,
)
