"""What the API's handlers share: who asks, strict bodies, pages of lists, idempotent writes."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.params import HeaderParameter, QueryParameter

from tradehall.edge.access import Visitor, visitor_with_token
from tradehall.edge.problems import MalformedRequest, body_problem
from tradehall.installation import Installation
from tradehall.kernel.db import Tx
from tradehall.kernel.i18n import Translator, negotiate, translator
from tradehall.kernel.idempotency import MAX_LENGTH, IdempotencyKeyReused, keyed
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import MAX_LIMIT, PageRequest, page_request
from tradehall.kernel.secrets import Seal
from tradehall.trading.queries import SHORTEST_NUMBER

T = TypeVar("T")


class ApiRequest(Request[Visitor, None, Any]):
    """A request whose JSON body is read as strictly as its struct says: "3" is no number here."""

    async def json(self) -> Any:
        """The body as what the handler's `data` is annotated with. Raises MalformedRequest or Invalid."""
        field = self.route_handler.parsed_data_field
        try:
            return msgspec.json.decode(await self.body(), type=field.annotation if field else Any)
        except msgspec.DecodeError as error:
            raise body_problem(error) from error
        except UnicodeDecodeError as error:
            raise MalformedRequest(detail="not UTF-8") from error
        except RecursionError as error:
            raise MalformedRequest(detail="nested too deeply") from error


NUMBER_BEGINS = f"An order's number, or at least its first {SHORTEST_NUMBER} characters"
Limit = Annotated[int | None, QueryParameter(description=f"Rows of a page, 1 to {MAX_LIMIT}; 25 when left out.")]
After = Annotated[str | None, QueryParameter(description="The `next` of a page: gives the page after it.")]
Before = Annotated[str | None, QueryParameter(description="The `previous` of a page: gives the page before it.")]
Moment = Annotated[
    datetime | None, QueryParameter(description="With its offset from UTC, such as 2026-05-01T00:00:00+08:00.")
]
NumberBegins = Annotated[str, QueryParameter(description=f"{NUMBER_BEGINS}.")]
OverdueOnly = Annotated[bool, QueryParameter(description="Only those whose turn should have been taken.")]
# What JSON can carry exactly everywhere.
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
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


def texts_for(request: ApiRequest) -> Translator:
    """The language the answer is wanted in."""
    return translator(negotiate(request.headers.get("Accept-Language")))


def wanted_page(limit: int | None, after: str | None, before: str | None) -> PageRequest:
    return page_request(limit, after, before)


async def write(
    request: ApiRequest,
    kind: type[T],
    key: str | None,
    action: Callable[[Tx], Awaitable[T]],
    asked: Any = None,
    *,
    actor: Actor | None = None,
    secret: bool = False,
) -> T:
    """Runs `action` in a transaction of the one who asks; under a key, once, and repeats answer what the first did.

    `asked` is what distinguishes this request from another under the same key, beside its method and path. With
    `secret`, what was asked and answered is kept sealed: tokens, passwords and access keys.
    """
    actor = actor or request.user.actor
    installation = installation_of_app(request)
    async with installation.db.transaction(actor, request_id(request)) as tx:
        if not key:
            return await action(tx)
        owner = actor.person_id
        assert owner, "guards let only people write"
        place = [request.method, request.url.path]
        question = msgspec.json.encode([*place, asked], order="sorted")
        # Of a secret question not even a hash lies in the open.
        once = await keyed(tx, owner, key, msgspec.json.encode(place) if secret else question)
        purpose = f"{owner} {key}"
        if once.replay is not None:
            kept = _opened(installation.seal, once.replay, purpose, question) if secret else once.replay
            return msgspec.json.decode(kept, type=kind)
        answer = await action(tx)
        told = msgspec.json.encode(answer)
        await once.keep(_sealed(installation.seal, told, purpose, question) if secret else told)
        return answer


def _sealed(seal: Seal, answer: bytes, purpose: str, question: bytes) -> bytes:
    both = msgspec.json.encode([msgspec.Raw(question), msgspec.Raw(answer)])
    return seal.close(both.decode(), purpose)


def _opened(seal: Seal, kept: bytes, purpose: str, question: bytes) -> bytes:
    asked, answer = msgspec.json.decode(seal.open(kept, purpose), type=tuple[msgspec.Raw, msgspec.Raw])
    if bytes(asked) != question:
        raise IdempotencyKeyReused
    return bytes(answer)
