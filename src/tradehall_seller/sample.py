"""A complete V2 seller in one ASGI application. Copy it, and replace the book by your database.

It also plays every bad seller there is (`manner`), so a marketplace can be tried against all of them.
"""

import asyncio
import contextlib
import hmac
import json
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import parse_qs, quote

from tradehall_seller import answers
from tradehall_seller.answers import Code
from tradehall_seller.book import Book
from tradehall_seller.verify import MAX_TEXT, Call, Rejected, Verifier

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Manner = Literal[
    "instant",  # opens at once
    "slow",  # answers "in progress", and opens after `ready_after` seconds
    "fresh_ids",  # gives an instance a new id with every answer
    "lost_answer",  # opens, but the connection ends before the first answer is through
    "flaky",  # fails up to three times per order in ways drawn from the seed, then opens
    "refusing",  # an error in the product, whatever is asked
    "sold_out",  # opens nothing
    "trouble",  # an internal error
    "html",  # a gateway's error page
    "crash",  # a framework's error page
    "empty",  # status 200 and nothing else
    "nothing",  # an empty object
    "int_code",  # the code as a number
    "redirect",  # somewhere else
    "cut",  # the connection ends within the answer, nothing was opened
    "hang",  # carries it out, but answers only after `hang_for` seconds
    "endless",  # an answer that never ends
]
MANNERS: tuple[Manner, ...] = get_args(Manner)

MAX_BODY = 64 * 1024
MAX_IDS = 100  # in one queryInstance
REMEMBERED_CALLS = 10_000

_JSON = answers.CONTENT_TYPE.encode()
_HTML = b"text/html; charset=utf-8"
_ERROR_PAGE = b"<!doctype html><title>Error</title><h1>Something went wrong</h1>"

_CODES: dict[Manner, tuple[Code, str]] = {
    "refusing": (Code.SERVICE_TROUBLE, "the product's service is out of order"),
    "sold_out": (Code.SOLD_OUT, "sold out"),
    "trouble": (Code.TROUBLE, "internal error"),
}
_PAGES: dict[Manner, tuple[int, bytes, bytes]] = {
    "html": (502, _HTML, _ERROR_PAGE),
    "crash": (500, _HTML, _ERROR_PAGE),
    "empty": (200, _JSON, b""),
    "nothing": (200, _JSON, b"{}"),
    "int_code": (200, _JSON, b'{"resultCode":0,"resultMsg":"success"}'),
    "redirect": (302, _HTML, b""),
}
_FLAKY: tuple[Manner, ...] = ("crash", "empty", "nothing", "hang", "trouble", "cut", "lost_answer")
_FRESH = "+/="  # parts an instance's id from what makes it fresh


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in: what it was verified as, or why it was rejected. `at` is Unix seconds."""

    at: float
    query: bytes
    body: bytes
    call: Call | None = None
    rejected: Rejected | None = None


class SampleSeller:
    """The application. `manner` may be changed while it runs; `calls` holds the last requests, oldest first.

    Calls that say they are tests succeed in any order and release nothing: the marketplace replays them every day.
    """

    def __init__(
        self,
        access_key: str,
        *,
        manner: Manner = "instant",
        ready_after: float = 5.0,
        hang_for: float = 30.0,
        seed: int = 0,
        book: Path | None = None,
        site: str = "https://app.example.com",
        allow_control: bool = False,
        now: Callable[[], float] = time.time,
        opening_clock: Callable[[], float] | None = None,
    ) -> None:
        self.verifier = Verifier(access_key, now)
        self.manner: Manner = manner
        self.ready_after = ready_after
        self.hang_for = hang_for
        self.seed = seed
        self.site = site
        self.allow_control = allow_control
        self.now = now
        # By which slow openings are timed: a sandbox's clock, where that is moved on instead of being waited for.
        self.opening_clock = opening_clock or now
        self.book = Book(book)
        self.calls: deque[Received] = deque(maxlen=REMEMBERED_CALLS)
        self._failures: dict[str, list[Manner]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            body = await _read(receive)
            if self.allow_control and scope["path"] == "/_manner":
                await self._control(scope, send)
            elif body is not None:
                await self._serve(scope["query_string"], body, receive, send)

    async def _serve(self, query: bytes, body: bytes, receive: Receive, send: Send) -> None:
        try:
            call = self.verifier.verify(query, body)
        except Rejected as rejected:
            self.calls.append(Received(self.now(), query, body, rejected=rejected))
            await _reply(send, answers.rejected(rejected))
            return
        self.calls.append(Received(self.now(), query, body, call))

        manner = self._next_failure(call) if self.manner == "flaky" else self.manner
        if manner in _PAGES:
            status, content_type, page = _PAGES[manner]
            await _reply(send, page, status, content_type)
        elif manner == "cut":
            await _cut(send)
        elif manner == "endless":
            await _never_end(receive, send)
        else:
            opened_before = len(self.book)
            reply = self._answer(call, manner)
            if manner == "lost_answer" and len(self.book) > opened_before:
                await _cut(send)
                return
            if manner == "hang":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(receive(), self.hang_for)  # returns when the caller has gone
            await _reply(send, reply)

    def _answer(self, call: Call, manner: Manner) -> bytes:
        if manner in _CODES and (manner != "sold_out" or call.activity == "newInstance"):
            return answers.refused(*_CODES[manner])
        try:
            match call.activity:
                case "newInstance":
                    return self._new(call, manner)
                case "queryInstance":
                    return self._query(call)
                case "releaseInstance":
                    return self._release(call)
                case "orderNotify":
                    return self._notify(call)
                case _:
                    return answers.refused(Code.WRONG_PARAMETER, "this activity is not known here")
        except Rejected as rejected:
            return answers.rejected(rejected)

    def _new(self, call: Call, manner: Manner) -> bytes:
        product_id = call.text("productId") if "productId" in call.members else ""
        order = (call.text("orderId"), call.text("orderLineId"), product_id)
        now = self.opening_clock()
        ready_at = now + self.ready_after if manner == "slow" else now
        # The first call's businessId is a good id; a repeated call has another, and still gets this one.
        entry = self.book.open(order, call.text("businessId"), ready_at)
        instance_id = _freshened(entry.instance_id) if manner == "fresh_ids" else entry.instance_id
        return answers.opened(instance_id) if entry.ready_at <= now else answers.opening(instance_id)

    def _query(self, call: Call) -> bytes:
        instance_ids = call.text("instanceId", MAX_IDS * (MAX_TEXT + 1)).split(",")
        if len(instance_ids) > MAX_IDS:
            return answers.refused(Code.WRONG_PARAMETER, f"more than {MAX_IDS} instances")
        for instance_id in instance_ids:
            entry = self.book.find(_plain(instance_id))
            if (entry is None or entry.released) and not call.test:
                return answers.refused(Code.NO_SUCH_INSTANCE, "there is no such instance")
            if entry is not None and entry.ready_at > self.opening_clock():
                return answers.in_progress()
        return answers.described(self._described(instance_id) for instance_id in instance_ids)

    def _release(self, call: Call) -> bytes:
        entry = self.book.find(_plain(call.text("instanceId")))
        if call.test:
            return answers.done()
        if entry is None:
            return answers.refused(Code.NO_SUCH_INSTANCE, "there is no such instance")
        self.book.release(entry)
        return answers.done()

    def _notify(self, call: Call) -> bytes:
        call.text("orderId")
        call.text("orderLineId")
        return answers.done()

    def _described(self, instance_id: str) -> answers.Instance:
        plain = _plain(instance_id)
        password = hmac.digest(self.verifier.access_key.encode(), plain.encode(), "sha256").hex()[:16]
        app = answers.App(
            front_end_url=f"{self.site}/?instance={quote(plain, safe='')}",
            admin_url=f"{self.site}/admin?instance={quote(plain, safe='')}",
            user_name=f"admin-{plain[:8]}",
            password=password,
            memo="Please change the password when you first sign in. 首次登录后请修改密码。",
        )
        return answers.Instance(instance_id=instance_id, app=app)

    def _next_failure(self, call: Call) -> Manner:
        """How this call fails, or "instant" once the failures drawn for its order or instance are used up."""
        subject = " ".join(str(call.members.get(name)) for name in ("activity", "orderId", "orderLineId", "instanceId"))
        failures = self._failures.get(subject)
        if failures is None:
            draw = random.Random(f"{self.seed} {subject}")  # noqa: S311 - the same failures whatever else goes on
            failures = self._failures[subject] = draw.choices(_FLAKY, k=draw.randint(0, 3))
        return failures.pop() if failures else "instant"

    async def _control(self, scope: Scope, send: Send) -> None:
        """POST /_manner?name=… from this machine changes the manner."""
        name = parse_qs(scope["query_string"].decode("latin-1")).get("name", [""])[-1]
        here = (scope.get("client") or ("",))[0] in ("127.0.0.1", "::1")
        chosen = next((manner for manner in MANNERS if manner == name), None)
        if not here or scope["method"] != "POST":
            await _reply(send, b'{"error":"forbidden"}', 403)
        elif chosen is None:
            await _reply(send, json.dumps({"error": "no such manner", "manners": MANNERS}).encode(), 400)
        else:
            self.manner = chosen
            await _reply(send, json.dumps({"manner": chosen}).encode())

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.book.close()
        await send({"type": "lifespan.shutdown.complete"})


def _plain(instance_id: str) -> str:
    return instance_id.partition(_FRESH)[0]


def _freshened(instance_id: str) -> str:
    return f"{instance_id}{_FRESH}{random.getrandbits(32):08x}"


async def _read(receive: Receive) -> bytes | None:
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


async def _reply(send: Send, body: bytes, status: int = 200, content_type: bytes = _JSON) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    if status == 302:
        headers.append((b"location", b"/elsewhere"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _cut(send: Send) -> None:
    """Promises more than it sends and returns: the server can only end the connection."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", _JSON), (b"content-length", b"100")],
        }
    )
    await send({"type": "http.response.body", "body": b'{"resul', "more_body": True})


async def _never_end(receive: Receive, send: Send) -> None:
    """A message that goes on until the caller has gone."""
    gone = asyncio.ensure_future(receive())
    try:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", _JSON)]})
        await send({"type": "http.response.body", "body": b'{"resultCode":"000000","resultMsg":"', "more_body": True})
        while not gone.done():
            await send({"type": "http.response.body", "body": b"endless " * 2048, "more_body": True})
            await asyncio.sleep(0.001)
    finally:
        gone.cancel()
