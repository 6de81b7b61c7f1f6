"""A server of which every byte is told, and calls to it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tradehall.kernel import outbound as module
from tradehall.kernel.outbound import Exchange, Outbound

SECRET = "authToken=s3cret"


class Peer:
    """A raw server: hands each request's bytes to a script, which writes whatever it likes."""

    def __init__(self, script: Callable[["Peer", asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                await self.script(self, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()


Script = Callable[[Peer, asyncio.StreamWriter], Awaitable[None]]


def saying(answer: bytes, *, close: bool = False) -> Script:
    async def script(_: Peer, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if close:
            await writer.drain()
            writer.close()

    return script


@asynccontextmanager
async def peer(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Peer, int]]:
    it = Peer(script)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield it, server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def call(script: Script, *, seconds: float = 5) -> Exchange:
    async with peer(script) as (_, port), Outbound(["127.0.0.0/8"]) as client:
        exchange = await client.post(f"http://127.0.0.1:{port}/cb?{SECRET}", b"{}", {}, timeout=seconds)
    assert "s3cret" not in exchange.trouble_detail
    return exchange


def http(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def getaddrinfo(_host: str, port: int, *_: object, **__: object) -> list[object]:
        return [
            (socket.AF_INET6, 1, 6, "", (a, port, 0, 0)) if ":" in a else (socket.AF_INET, 1, 6, "", (a, port))
            for a in addresses
        ]

    monkeypatch.setattr(module.socket, "getaddrinfo", getaddrinfo)
