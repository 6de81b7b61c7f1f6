"""What the sample sellers of both generations share: requests come in, manners are played, answers go out.

A sample seller is an ASGI application. `respond` answers without a socket, as fast as Python can, for simulations.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs

from tradehall_seller import answers
from tradehall_seller.book import Book
from tradehall_seller.sample.manners import JSON, MANNERS, PAGES, AnyManner, Failures, Mannered
from tradehall_seller.serve import Headers, Receive, Reply, Scope, Send, read_body, reply, send_reply
from tradehall_seller.verify import Call, KeyRing, Keys, Rejected

REMEMBERED_CALLS = 10_000


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in: what it was verified as, or why it was rejected. `at` is Unix seconds."""

    at: float
    query: bytes
    body: bytes
    call: Call | None = None
    rejected: Rejected | None = None


class Outcome(NamedTuple):
    """A reply, and how it reaches the caller: "late" is after `hang_for` seconds, "cut" and "endless" never whole."""

    reply: Reply
    arrives: Literal["whole", "late", "cut", "endless"] = "whole"


class Sample:
    """`manner` may be changed while it runs; `calls` holds the last requests, oldest first; `used` is Product's."""

    breaches: tuple[str, ...] = ()

    def __init__(
        self,
        access_key: Keys,
        *,
        manner: AnyManner = "instant",
        ready_after: float = 5.0,
        hang_for: float = 30.0,
        seed: int = 0,
        book: Path | None = None,
        site: str = "https://app.example.com",
        allow_control: bool = False,
        used: float = 0.0,
        now: Callable[[], float] = time.time,
        opening_clock: Callable[[], float] | None = None,
    ) -> None:
        self.secret = KeyRing(access_key).current
        self.manner: AnyManner = manner
        # Interfaces that have a manner of their own.
        self.moods: dict[str, AnyManner] = {}
        self.ready_after = ready_after
        self.hang_for = hang_for
        self.seed = seed
        self.site = site
        self.allow_control = allow_control
        self.used = used
        self.now = now
        # By which slow openings are timed: a sandbox's clock, where that is moved on instead of being waited for.
        self.opening_clock = opening_clock or now
        self.book = Book(book, self.opening_clock)
        self.calls: deque[Received] = deque(maxlen=REMEMBERED_CALLS)
        self._failures = Failures()

    # What differs between the generations.

    def _verify(self, query: bytes, body: bytes) -> Call:
        raise NotImplementedError

    def _answer(self, call: Call, manner: AnyManner) -> bytes:
        raise NotImplementedError

    def _reply(self, body: bytes, call: Call | None, manner: AnyManner) -> Reply:
        """An answer with its headers; no call: it could not be verified."""
        return reply(body)

    # The same in both.

    def respond(self, method: str, url: str, headers: Headers = (), body: bytes = b"") -> Reply:
        """Answers a request at once. Raises ConnectionError where no whole answer would arrive, and TimeoutError where
        it would be late: then, as on a network, what was asked for has been done."""
        outcome = self.outcome(url.partition("?")[2].partition("#")[0].encode(), body)
        if outcome.arrives == "late":
            raise TimeoutError
        if outcome.arrives != "whole":
            raise ConnectionError
        return outcome.reply

    def outcome(self, query: bytes, body: bytes) -> Outcome:
        """What becomes of a request, with everything done that it asks for."""
        try:
            call = self._verify(query, body)
        except Rejected as rejected:
            self.calls.append(Received(self.now(), query, body, rejected=rejected))
            return Outcome(self._reply(answers.rejected(rejected), None, self.manner))
        self.calls.append(Received(self.now(), query, body, call))

        manner = self.moods.get(call.activity, self.manner)
        if manner == "flaky":
            manner = self._failures.next(call, self.seed)
        if manner in PAGES:
            return Outcome(_page(*PAGES[manner]))
        if manner == "endless":
            return Outcome(_page(200, JSON, b""), "endless")
        if manner == "cut":
            return Outcome(_page(200, JSON, b""), "cut")
        opened_before = len(self.book)
        answered = self._reply(self._answer(call, manner), call, manner)
        if manner == "lost_answer" and len(self.book) > opened_before:
            return Outcome(answered, "cut")
        return Outcome(answered, "late" if manner == "hang" else "whole")

    def product(self, manner: AnyManner) -> Mannered:
        """The product as it is at this moment."""
        return Mannered(
            book=self.book,
            secret=self.secret,
            site=self.site,
            ready_after=self.ready_after if manner == "slow" else 0.0,
            used=self.used,
            clock=self.opening_clock,
            manner=manner,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            body = await read_body(receive)
            if self.allow_control and scope["path"] == "/_manner":
                await self._control(scope, send)
            elif body is not None:
                await self._act(self.outcome(scope["query_string"], body), receive, send)

    async def _act(self, outcome: Outcome, receive: Receive, send: Send) -> None:
        match outcome.arrives:
            case "cut":
                await _cut(send)
            case "endless":
                await _never_end(receive, send)
            case "late":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(receive(), self.hang_for)  # returns when the caller has gone
                await send_reply(send, outcome.reply)
            case "whole":
                await send_reply(send, outcome.reply)

    async def _control(self, scope: Scope, send: Send) -> None:
        """POST /_manner?name=… from this machine changes the manner."""
        name = parse_qs(scope["query_string"].decode("latin-1")).get("name", [""])[-1]
        here = (scope.get("client") or ("",))[0] in ("127.0.0.1", "::1")
        known: tuple[Any, ...] = (*MANNERS, *self.breaches)
        if not here or scope["method"] != "POST":
            await send_reply(send, _page(403, JSON, b'{"error":"forbidden"}'))
        elif name not in known:
            body = json.dumps({"error": "no such manner", "manners": known}).encode()
            await send_reply(send, _page(400, JSON, body))
        else:
            self.manner = known[known.index(name)]
            await send_reply(send, _page(200, JSON, json.dumps({"manner": name}).encode()))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.book.close()
        await send({"type": "lifespan.shutdown.complete"})


def _page(status: int, content_type: str, body: bytes) -> Reply:
    moved = (("location", "/elsewhere"),) if status == 302 else ()
    return Reply(status, (("content-type", content_type), *moved), body)


async def _cut(send: Send) -> None:
    """Promises more than it sends and returns: the server can only end the connection."""
    headers = [(b"content-type", JSON.encode()), (b"content-length", b"100")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"resul', "more_body": True})


async def _never_end(receive: Receive, send: Send) -> None:
    """A message that goes on until the caller has gone."""
    gone = asyncio.ensure_future(receive())
    try:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", JSON.encode())]})
        await send({"type": "http.response.body", "body": b'{"resultCode":"000000","resultMsg":"', "more_body": True})
        while not gone.done():
            await send({"type": "http.response.body", "body": b"endless " * 2048, "more_body": True})
            await asyncio.sleep(0.001)
    finally:
        gone.cancel()
