"""Put a seller online: `asgi(Endpoint(seller, keys))` or `wsgi(Endpoint(seller, keys))` is the whole application.

Without a web server, `Endpoint.respond` answers a request in the caller's own thread, and fits into any framework:
give it the query and the body exactly as they were received.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from tradehall_seller import answers, crypt, v1, v2
from tradehall_seller.body_sign import NAME, body_sign
from tradehall_seller.codes import Code, Refused
from tradehall_seller.crypt import Encryption
from tradehall_seller.seller import Seller
from tradehall_seller.verify import Keys, Nonces, Rejected, V1Verifier, Verifier

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Generation = Literal["v1", "v2", "both"]
Headers = Iterable[tuple[str, str]]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 64 * 1024  # bytes; the longest call, a hundred instances queried, has a tenth of it


class Reply(NamedTuple):
    """An HTTP answer, but for its length."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Responder(Protocol):
    """What can be put online: an Endpoint, or a sample seller."""

    def respond(self, method: str, url: str, headers: Headers = (), body: bytes = b"") -> Reply: ...


class Endpoint:
    """A seller's address: verifies what comes in, asks the seller, and signs what goes out where that is due.

    Serves V2 (POST), V1 (GET) or both. `keys` may be several, for as long as one replaces another; in V1 an answer is
    signed and encrypted with the key of its call. `encryption` is V1's. Safe to share between threads if the seller is;
    with several processes, give it `nonces` that they share. Raises CryptographyMissing.
    """

    def __init__(
        self,
        seller: Seller,
        keys: Keys,
        *,
        generation: Generation = "v2",
        encryption: Encryption = "aes256",
        now: Callable[[], float] = time.time,
        nonces: Nonces | None = None,
    ) -> None:
        if generation != "v2":
            crypt.require()
        self.seller = seller
        self.generation = generation
        self.encryption: Encryption = encryption
        self._v1 = V1Verifier(keys, now)
        self._v2 = Verifier(keys, now, nonces)

    def respond(self, method: str, url: str, headers: Headers = (), body: bytes = b"") -> Reply:
        """The answer to a request; `url` is needed from its path on."""
        query = url.partition("#")[0].partition("?")[2]
        if method == "GET" and self.generation != "v2":
            return self._respond_v1(query)
        if method == "POST" and self.generation != "v1":
            return self._respond_v2(query, body)
        return reply(answers.refused(Code.WRONG_PARAMETER, f"{method} is not for this address"), 405)

    def _respond_v1(self, query: str) -> Reply:
        try:
            call = self._v1.verify(query)
        except Rejected as rejected:
            return signed_reply(answers.rejected(rejected), self._v1.keys.current)
        key = self._v1.keys[call.key]
        return signed_reply(v1.answer(self.seller, call, v1.Secrets(key, self.encryption)), key)

    def _respond_v2(self, query: str, body: bytes) -> Reply:
        try:
            return reply(v2.answer(self.seller, self._v2.verify(query, body)))
        except Rejected as rejected:
            return reply(answers.rejected(rejected))


def reply(body: bytes, status: int = 200) -> Reply:
    """An answer of V2, and of V1 where nothing is to be signed."""
    return Reply(status, (("content-type", answers.CONTENT_TYPE),), body)


def signed_reply(body: bytes, access_key: str) -> Reply:
    """An answer of V1."""
    return Reply(200, (("content-type", answers.CONTENT_TYPE), (NAME, body_sign(access_key, body))), body)


def asgi(responder: Responder) -> AsgiApplication:
    """An ASGI application. The seller's methods run in threads, so they may wait for a database."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            body = await read_body(receive)
            if body is not None:
                url = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
                headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
                await send_reply(send, await asyncio.to_thread(responder.respond, scope["method"], url, headers, body))

    return application


def wsgi(responder: Responder) -> "WSGIApplication":
    """A WSGI application."""

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        size = int(length) if length.isascii() and length.isdigit() else MAX_BODY + 1
        if size > MAX_BODY:
            answered = reply(answers.rejected(Refused(Code.WRONG_PARAMETER, "the body is too long")), 413)
        else:
            url = f"{environ.get('PATH_INFO', '')}?{environ.get('QUERY_STRING', '')}"
            body = environ["wsgi.input"].read(size)
            answered = responder.respond(environ["REQUEST_METHOD"], url, _headers(environ), body)
        start_response(
            f"{answered.status} {'OK' if answered.status == 200 else 'See the body'}",
            [*answered.headers, ("content-length", str(len(answered.body)))],
        )
        return [answered.body]

    return application


async def read_body(receive: Receive) -> bytes | None:
    """The request's body; None when the caller left, or sends more than a call can be."""
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body", False):
            break
    return body if len(body) <= MAX_BODY else None


async def send_reply(send: Send, answered: Reply) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answered.headers]
    headers.append((b"content-length", b"%d" % len(answered.body)))
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": answered.body})


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _headers(environ: "WSGIEnvironment") -> list[tuple[str, str]]:
    return [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
