"""Every request gets an id, which follows what it causes into the logs, the journal and the calls to sellers."""

import re
import time

import structlog
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from tradehall.kernel.ids import new_id

log = structlog.get_logger()

REQUESTS = Counter("tradehall_http_requests", "Requests answered", ["part", "method", "status"])
SECONDS = Histogram("tradehall_http_request_seconds", "Time to answer", ["part"])
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        (
            b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
            b"form-action 'self'"
        ),
    ),
]


class RequestLog(ASGIMiddleware):
    """Gives the request its id, sets the headers every answer carries, and writes one log line per request."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        assert scope["type"] == ScopeType.HTTP, "the only scope asked for above"
        started = time.perf_counter()
        sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
        request_id = sent if _ACCEPTABLE.match(sent) else str(new_id())
        scope["state"]["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    *SECURITY_HEADERS,
                ]
            await send(message)

        try:
            await next_app(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            part = _part(scope["path"])
            REQUESTS.labels(part, scope["method"], str(status)).inc()
            SECONDS.labels(part).observe(seconds)
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )


def _part(path: str) -> str:
    """The part of the site a path belongs to; few enough to be a metric's label."""
    first = path.strip("/").partition("/")[0]
    return first if first in ("api", "buyer", "seller", "operator", "static", "products", "login") else "other"
