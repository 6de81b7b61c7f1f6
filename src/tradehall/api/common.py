"""What the API's handlers share: who asks, pages of lists, idempotent writes."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.params import HeaderParameter, QueryParameter

from tradehall.edge.access import Visitor, visitor_with_token
from tradehall.installation import Installation
from tradehall.kernel.db import Tx
from tradehall.kernel.idempotency import MAX_LENGTH, keyed
from tradehall.kernel.paging import MAX_LIMIT, PageRequest, page_request

T = TypeVar("T")
ApiRequest = Request[Visitor, None, Any]

Limit = Annotated[int | None, QueryParameter(description=f"Rows of a page, 1 to {MAX_LIMIT}; 25 when left out.")]
After = Annotated[str | None, QueryParameter(description="The `next` of a page: gives the page after it.")]
Before = Annotated[str | None, QueryParameter(description="The `previous` of a page: gives the page before it.")]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description=f"Up to {MAX_LENGTH} characters. Sent twice, the write has one effect and one answer.",
    ),
]


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Knows who asks by their API token. Without one the request goes on as nobody's, and guards decide."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        return AuthenticationResult(user=await visitor_with_token(connection), auth=None)


def installation_of_app(request: ApiRequest) -> Installation:
    installation: Installation = request.app.state.installation
    return installation


def request_id(request: ApiRequest) -> str:
    found: str = request.scope["state"]["request_id"]
    return found


def wanted_page(limit: int | None, after: str | None, before: str | None) -> PageRequest:
    return page_request(limit, after, before)


async def write(
    request: ApiRequest, kind: type[T], key: str | None, action: Callable[[Tx], Awaitable[T]], asked: Any = None
) -> T:
    """Runs `action` in a transaction of the one who asks; under a key, once, and repeats answer what the first did.

    `asked` is what distinguishes this request from another under the same key, beside its method and path.
    """
    visitor: Visitor = request.user
    async with installation_of_app(request).db.transaction(visitor.actor, request_id(request)) as tx:
        if not key:
            return await action(tx)
        owner = visitor.actor.person_id
        assert owner, "guards let only people write"
        fingerprint = msgspec.json.encode([request.method, request.url.path, asked], order="sorted")
        once = await keyed(tx, owner, key, fingerprint)
        if once.replay is not None:
            return msgspec.json.decode(once.replay, type=kind)
        answer = await action(tx)
        await once.keep(msgspec.json.encode(answer))
        return answer
