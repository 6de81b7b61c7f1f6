"""Who calls an open API: the seller whose credential signed the request. Protocol sections 6.0 and 6.2."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from tradehall.edge.access import installation_of
from tradehall.installation import Installation
from tradehall.kernel.journal import SYSTEM
from tradehall.openapi.errors import NotASeller, NotAuthenticated, TooManyCalls
from tradehall.openapi.limits import CallLimit
from tradehall.parties import credentials
from tradehall.parties.credentials import Signer
from tradehall.protocols import sdk_signature
from tradehall.protocols.sdk_signature import NotVerified, SignedRequest


class Caller(msgspec.Struct, frozen=True):
    """A seller's program that has proved itself."""

    seller_id: UUID
    credential_id: UUID


async def signed_by_a_seller(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: lets in who signed the request with a seller's credential, and tells the handler who that is.

    Raises NotAuthenticated, NotASeller or TooManyCalls. A request may be sent again as long as its date is good: what
    changes something has to be safe to repeat.
    """
    assert isinstance(connection, Request), "guards of HTTP routes are given the request"
    installation, limit = installation_of(connection), call_limit_of(connection)
    # A sandbox's clock may have been moved; those who sign look at their own.
    now = installation.clock.now() - installation.clock.offset
    signer = await _signer(installation, await _as_received(connection), now)
    structlog.contextvars.bind_contextvars(credential=str(signer.id), organisation=str(signer.organisation_id))
    if signer.use_is_stale:
        async with installation.db.statement(SYSTEM) as tx:
            await credentials.note_use(tx, signer.id)
    if signer.organisation_kind != "seller":
        raise NotASeller("the access key does not belong to a seller")
    if wait := limit.take(signer.id, now):
        detail = f"at most {limit.per_minute} calls a minute with one access key; try again in {wait:.1f} seconds"
        raise TooManyCalls(detail, callsPerMinute=limit.per_minute, retryAfterSeconds=round(wait, 1))
    connection.scope["user"] = Caller(signer.organisation_id, signer.id)


async def _signer(installation: Installation, request: SignedRequest, now: datetime) -> Signer:
    try:
        authorization = sdk_signature.read(request)
        sdk_signature.check_clock(authorization, now)
        async with installation.db.read() as reader:
            signer = await credentials.signer(reader, authorization.access_key_id)
        if signer is None:
            raise NotAuthenticated(f"the access key {authorization.access_key_id[:64]} is unknown or revoked")
        secret = installation.seal.open(signer.secret, str(signer.id))
        sdk_signature.check_signature(request, authorization, secret)
    except NotVerified as refused:
        raise NotAuthenticated(str(refused)) from None
    return signer


async def _as_received(request: Request[Any, Any, Any]) -> SignedRequest:
    scope = request.scope
    return SignedRequest(
        method=request.method,
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("utf-8", "replace"),
        headers=[(bytes(name), bytes(value)) for name, value in scope["headers"]],
        body=await request.body(),
    )


def call_limit_of(connection: ASGIConnection[Any, Any, Any, Any]) -> CallLimit:
    """The process's count of calls."""
    limit: CallLimit = connection.app.state.call_limit
    return limit
