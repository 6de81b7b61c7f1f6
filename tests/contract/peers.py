"""Sample sellers on real sockets: as ASGI applications under uvicorn, as WSGI applications under wsgiref."""

import asyncio
import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import uvicorn
from tests.seller import signing_by_hand as sign

from tradehall_seller import wsgi
from tradehall_seller.sample import SampleSeller, SampleSellerV1
from tradehall_seller.sample.base import Sample

KEY = "test-access-key-0001"
Gateway = Literal["asgi", "wsgi"]


@dataclass
class Answered:
    """Header names are exactly as they came."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Peer:
    """A seller that is online."""

    seller: Sample
    port: int

    def request(self, method: str, query: str, body: bytes = b"", *, timeout: float = 10) -> Answered:
        """Raises OSError or HTTPException when no whole answer arrives."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            headers = {"Content-Type": "application/json;charset=utf-8"} if method == "POST" else {}
            connection.request(method, f"/produce?{query}", body or None, headers)
            response = connection.getresponse()
            return Answered(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def v2(self, activity: str, key: str = KEY, **members: Any) -> Answered:
        body = sign.compact({"activity": activity, **members})
        return self.request("POST", sign.v2(key, body), body)

    def v1(self, activity: str, key: str = KEY, **parameters: str) -> Answered:
        return self.request("GET", sign.v1(key, activity, **parameters))


Online = Callable[..., Peer]


@pytest.fixture
def online() -> Iterator[Online]:
    """Puts a sample seller of a generation online."""
    with ExitStack() as stack:

        def put(generation: str, gateway: Gateway, **settings: Any) -> Peer:
            seller = (SampleSellerV1 if generation == "v1" else SampleSeller)(KEY, **settings)
            serving = _under_uvicorn(seller) if gateway == "asgi" else _under_wsgiref(seller)
            return Peer(seller, stack.enter_context(serving))

        yield put


@contextmanager
def _under_uvicorn(seller: Sample) -> Iterator[int]:
    # With httptools, uvicorn writes header names in lower case, and V1's Body-Sign is to be spelt just so.
    http = "h11" if isinstance(seller, SampleSellerV1) else "httptools"
    config = uvicorn.Config(
        seller, http=http, ws="none", log_level="critical", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def _under_wsgiref(seller: Sample) -> Iterator[int]:
    with make_server("127.0.0.1", 0, wsgi(seller), _QuietServer, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(10)


class _QuietServer(WSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A bad seller is for that."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""

    def get_stderr(self) -> Any:
        return io.StringIO()
