"""A try's request and response as they are read: heads put together, JSON bodies indented."""

import json
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

import msgspec

from tradehall.protocols import v1
from tradehall.protocols.v2 import HEADERS
from tradehall.provisioning.model import Attempt

# What the HTTP client adds to every call; the log keeps the address and the body, the rest is always the same.
_CLIENT_HEADERS = {"User-Agent": "Tradehall", "Accept-Encoding": "identity"}


class ShownExchange(msgspec.Struct, frozen=True):
    """A try over the wire as texts; empty where there was nothing. Heads are a first line and headers. `parameters` are
    those of a GET's address (V1), decoded, in the order they were sent."""

    request_head: str = ""
    parameters: list[tuple[str, str]] = []
    request_body: str = ""
    request_pretty: str = ""
    response_head: str = ""
    response_body: str = ""
    response_pretty: str = ""


def shown_exchange(attempt: Attempt) -> ShownExchange:
    """What was sent in a try and what came back."""
    sent, came = attempt.request_body or "", attempt.response_body or ""
    return ShownExchange(
        request_head=_request_head(attempt.url, sent) if attempt.url else "",
        parameters=_parameters(attempt.url) if attempt.url and not sent else [],
        request_body=sent,
        request_pretty=pretty(sent),
        response_head=_response_head(attempt.status, attempt.response_headers or []) if attempt.status else "",
        response_body=came,
        response_pretty=pretty(came),
    )


def _parameters(url: str) -> list[tuple[str, str]]:
    """What a GET says. A plus is one: V1 writes blanks as %20."""
    pairs = (piece.partition("=") for piece in urlsplit(url).query.split("&") if piece)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _request_head(url: str, body: str) -> str:
    if not body:
        headers = {"Host": urlsplit(url).netloc, **_CLIENT_HEADERS, **v1.HEADERS}
        return "\n".join([f"GET {url}", "", *(f"{name}: {value}" for name, value in headers.items())])
    headers = {"Host": urlsplit(url).netloc, **_CLIENT_HEADERS, **HEADERS, "Content-Length": str(len(body.encode()))}
    return "\n".join([f"POST {url}", "", *(f"{name}: {value}" for name, value in headers.items())])


def _response_head(status: int, headers: list[list[str]]) -> str:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""
    return "\n".join(
        [f"HTTP {status} {phrase}".rstrip(), "", *(f"{name}: {value}" for name, value in headers)]
    ).rstrip()


def pretty(text: str) -> str:
    """JSON indented, its characters readable; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
