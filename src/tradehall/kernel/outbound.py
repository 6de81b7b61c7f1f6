"""The only HTTP client of the product: calls to addresses that sellers typed, on servers nobody here controls.

A call never raises for anything the peer does. It returns an `Exchange`: what came back, what went wrong, and whether
the request may have reached the peer. A known non-delivery may be repeated; an unknown outcome has to be asked about.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import perf_counter
from types import SimpleNamespace
from typing import Final, Literal, Self

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import LineTooLong
from yarl import URL

from tradehall.kernel.i18n import N_

__all__ = ["AddressRules", "Exchange", "Outbound", "Trouble", "address_problem"]

Trouble = Literal[
    "address_refused",  # not a public address, and not on the allow-list
    "bad_address",
    "dns",
    "unreachable",
    "tls",
    "timed_out",
    "cut_off",  # the connection ended before the answer was whole
    "too_large",
    "protocol",  # what came back is not HTTP
]

KEPT_HEADERS: Final = 64
KEPT_HEADER_CHARACTERS: Final = 2048
IDLE_SECONDS: Final = 4.0  # Node closes an idle connection after 5 s: a POST must not race that
LOOKUP_SECONDS: Final = 5.0
LOOKUP_THREADS: Final = 8

NOT_PUBLIC: Final = N_("The address leads to a network that is not public.")
UNKNOWN_HOST: Final = N_("The host name is not known.")


class Exchange(msgspec.Struct, frozen=True):
    """One call, as far as it got. `trouble` is None when a whole answer came back, whatever its status.

    What arrived before the trouble is kept: `status`, `headers` (at most 64, as sent) and `body` (at most `max_body`
    bytes, not decompressed). `sent` is False only when the peer cannot have seen any of the request.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    milliseconds: float
    trouble: Trouble | None
    trouble_detail: str
    sent: bool

    def header(self, name: str) -> str | None:
        """The first header of that name, in any letter case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


# --- Which addresses may be called -----------------------------------------------------------------------------------

_Ip = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TEREDO = IPv6Network("2001::/32")
_NOT_PUBLIC_EITHER = (
    # What `is_global` lets through, in some release of Python or in all of them.
    IPv4Network("168.63.129.16/32"),  # Azure's host, metadata included
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
)


@lru_cache(maxsize=4096)
def _innermost(ip: _Ip) -> _Ip:
    """The IPv4 address that an IPv6 address stands for, when the network or a gateway would translate it."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


@lru_cache(maxsize=4096)
def _is_public(ip: _Ip) -> bool:
    if isinstance(ip, IPv6Address) and (ip not in _GLOBAL_UNICAST or ip in _TEREDO):
        return False
    return (
        ip.is_global
        and not ip.is_multicast
        and not ip.is_reserved
        and not any(ip in network for network in _NOT_PUBLIC_EITHER)
    )


class _Opening(msgspec.Struct, frozen=True):
    """One entry of the allow-list: a network or a pattern of host names, on one port or on all."""

    place: IPv4Network | IPv6Network | str
    port: int | None

    @classmethod
    def read(cls, text: str) -> Self:
        match = re.fullmatch(r"\[(.+)\](?::(\d+))?", text) or re.fullmatch(r"([^:]+):(\d+)", text)
        host, port = match.groups() if match else (text, None)
        if port and not 1 <= int(port) <= 65535:
            raise ValueError(f"no such port: {text!r}")
        try:
            return cls(ip_network(host, strict=False), int(port) if port else None)
        except ValueError:
            if not re.fullmatch(r"[A-Za-z0-9._*-]*[A-Za-z][A-Za-z0-9._*-]*", host):
                raise ValueError(f"neither a network nor a host name: {text!r}") from None
            return cls(host.lower(), int(port) if port else None)

    def covers(self, host: str, ip: _Ip, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        return fnmatchcase(host, self.place) if isinstance(self.place, str) else ip in self.place


class AddressRules:
    """Which addresses may be called: every public one, and those of `allow_private`.

    `allow_private` holds networks and host names, each with or without a port: `10.0.0.0/8`, `127.0.0.1:9400`,
    `[fd00::/8]:443`, `seller-demo:9400`, `*.corp.example`. A host name is trusted with whatever it resolves to.
    Raises ValueError for an entry that is neither.
    """

    def __init__(self, allow_private: Iterable[str] = ()) -> None:
        self._openings = tuple(_Opening.read(text) for text in allow_private)

    def permit(self, host: str, ip: _Ip, port: int) -> bool:
        ip = _innermost(ip)
        return _is_public(ip) or any(opening.covers(host.lower(), ip, port) for opening in self._openings)


PUBLIC_ONLY: Final = AddressRules()

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_ADDRESS = re.compile(
    rf"(?P<scheme>https?)://(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>{_LABEL}(?:\.{_LABEL})*\.?))"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?][!\"$-~]*)?",
    re.IGNORECASE,
)


class _Target(msgspec.Struct, frozen=True):
    host: str
    port: int
    literal: _Ip | None


class _Objection(Exception):
    def __init__(self, trouble: Trouble, text: str) -> None:
        self.trouble: Trouble = trouble
        self.text = text


def _target(url: str, rules: AddressRules) -> _Target:
    """Where the URL leads. Stricter than any URL library, so that none of them can read it differently."""
    match = _ADDRESS.fullmatch(url)
    if match is None:
        raise _Objection("bad_address", _why_malformed(url))
    scheme, ipv6, host, port_text = match.groups()
    port = int(port_text) if port_text else 443 if scheme.lower() == "https" else 80
    if not 1 <= port <= 65535:
        raise _Objection("bad_address", N_("The port must be between 1 and 65535."))
    literal: _Ip | None = None
    # aiohttp takes these two shapes for addresses and asks no resolver.
    if ipv6 or host.replace(".", "").isdigit():
        try:
            literal = ip_address(ipv6 or host)
        except ValueError:
            raise _Objection("bad_address", N_("The host is not a valid IP address.")) from None
        if not rules.permit(ipv6 or host, literal, port):
            raise _Objection("address_refused", NOT_PUBLIC)
    return _Target(ipv6 or host, port, literal)


def _why_malformed(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return N_("The address must start with http:// or https://.")
    if not url.isascii() or not url.isprintable() or " " in url:
        return N_("The address must be plain ASCII without blanks; write a Chinese domain name in its xn-- form.")
    if "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        return N_("The address must not hold a user name or a password.")
    if "#" in rest:
        return N_("The address must not hold a fragment (#).")
    return N_("The host or the port of the address is not valid.")


def address_problem(url: str) -> str | None:
    """What is wrong with an address that somebody typed, as an English message; None when nothing is.

    Looks at the text only; `Outbound.check_address` also resolves the name.
    """
    try:
        _target(url, PUBLIC_ONLY)
    except _Objection as objection:
        return objection.text
    return None


class _Refused(OSError):
    """The name resolves, but to nothing that may be called."""


class _Resolver(AbstractResolver):
    """Resolves in threads of its own, so that a slow name server holds up nothing else, and drops refused addresses.

    aiohttp connects to exactly what is returned here: nothing is resolved a second time, so nothing can be rebound.
    """

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        except UnicodeError as error:
            raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
        permitted = [
            ResolveResult(
                hostname=host,
                host=str(sockaddr[0]),
                port=port,
                family=found_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, protocol, _, sockaddr in found
            if self._rules.permit(host, ip_address(sockaddr[0]), port)
        ]
        if not permitted:
            raise _Refused(NOT_PUBLIC)
        return permitted

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


# --- Calls -----------------------------------------------------------------------------------------------------------


class _Progress:
    """How far one call has come."""

    __slots__ = ("body", "response", "sent")

    def __init__(self) -> None:
        self.sent = False
        self.response: aiohttp.ClientResponse | None = None
        self.body = bytearray()


async def _mark_sent(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    """Runs once a connection stands, just before the first byte is written."""
    context.trace_request_ctx.sent = True


class Outbound:
    """The client. Use it as an async context manager, or `start` and `close` it; share one per process.

    * Refuses what `AddressRules(allow_private)` does not permit, at the moment of connecting.
    * Follows no redirect, reads no proxy from the environment, keeps no cookie, decompresses nothing.
    * Never sends a request twice: aiohttp repeats idempotent methods on a stale connection, and here not even those.
    * `tls` replaces the public certificate authorities, for an intranet that has its own.
    """

    def __init__(
        self,
        allow_private: Sequence[str] = (),
        *,
        max_body: int = 64 * 1024,
        connections: int = 256,
        connections_per_host: int = 32,
        user_agent: str = "Tradehall",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.rules = AddressRules(allow_private)
        self._max_body = max_body
        self._connections = connections
        self._connections_per_host = connections_per_host
        self._user_agent = user_agent
        self._tls = tls
        self._resolver: _Resolver | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_mark_sent)
        self._resolver = _Resolver(self.rules)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                ssl=self._tls or True,
                limit=self._connections,
                limit_per_host=self._connections_per_host,
                keepalive_timeout=IDLE_SECONDS,
            ),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),  # `_exchange` has the one clock that counts
            trust_env=False,
            auto_decompress=False,
            read_bufsize=self._max_body,
            trace_configs=[tracing],
        )
        # V1 orders are GETs, which aiohttp would repeat by itself when a pooled connection turns out to be dead.
        self._session._retry_connection = False

    async def close(self) -> None:
        if self._session is not None and self._resolver is not None:
            await self._session.close()
            await self._resolver.close()
            self._session = self._resolver = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get(self, url: str, headers: Mapping[str, str] | None = None, *, timeout: float) -> Exchange:  # noqa: ASYNC109
        """Send a GET. The URL goes out byte for byte as given. `timeout` is in seconds, for everything together."""
        return await self._exchange("GET", url, None, headers, timeout)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Exchange:  # noqa: ASYNC109
        """Send a POST. URL and body go out byte for byte as given. `timeout` is in seconds, for everything together."""
        return await self._exchange("POST", url, body, headers, timeout)

    async def check_address(self, url: str) -> str | None:
        """Like `address_problem`, and also whether the host name resolves to something that may be called."""
        if self._resolver is None:
            raise RuntimeError("not started")
        try:
            target = _target(url, self.rules)
            if target.literal is None:
                async with asyncio.timeout(LOOKUP_SECONDS):
                    await self._resolver.resolve(target.host, target.port)
        except _Objection as objection:
            return objection.text
        except _Refused:
            return NOT_PUBLIC
        except OSError:  # time-outs are among them
            return UNKNOWN_HOST
        return None

    async def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None, seconds: float
    ) -> Exchange:
        if self._session is None:
            raise RuntimeError("not started")
        begun = perf_counter()
        progress = _Progress()
        trouble: Trouble | None = None
        detail = ""
        try:
            _target(url, self.rules)
            async with asyncio.timeout(seconds):
                progress.response = response = await self._session.request(
                    method,
                    # Not `URL(url)`: that rewrites escapes, and the signature covers what the seller decodes.
                    URL(url, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    trace_request_ctx=progress,
                )
                try:
                    async for chunk in response.content.iter_any():
                        progress.body += chunk
                        if len(progress.body) > self._max_body:
                            trouble, detail = "too_large", f"The answer is longer than {self._max_body} bytes."
                            break
                finally:
                    response.close()  # one that was read to its end is back in the pool by now
        except _Objection as objection:
            trouble, detail = objection.trouble, objection.text
        except TimeoutError:
            trouble, detail = "timed_out", f"No whole answer within {seconds:g} s."
        except Exception as error:
            trouble, detail = _diagnosis(error, progress.sent)
        came = progress.response
        return Exchange(
            status=came.status if came else None,
            headers=_kept(came.raw_headers) if came else (),
            body=bytes(progress.body[: self._max_body]),
            truncated=len(progress.body) > self._max_body,
            milliseconds=(perf_counter() - begun) * 1000,
            trouble=trouble,
            trouble_detail=detail,
            sent=progress.sent,
        )


def _kept(raw: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((_text(name), _text(value)) for name, value in list(raw)[:KEPT_HEADERS])


def _text(raw: bytes) -> str:
    """Text that a database takes: no lone surrogates, which aiohttp's own decoding leaves, and no NUL."""
    return raw[:KEPT_HEADER_CHARACTERS].decode("utf-8", "replace").replace("\0", "\ufffd")


def _diagnosis(error: Exception, sent: bool) -> tuple[Trouble, str]:
    """The trouble and a sentence. Never `str(error)` of aiohttp's own errors: they quote the URL and its signature."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or "it is not valid"
            return "tls", f"The certificate was not accepted: {reason}."
        case aiohttp.ClientConnectorSSLError():
            return "tls", f"No secure connection: {getattr(error.os_error, 'reason', None) or 'handshake failed'}."
        case aiohttp.ClientConnectorError(os_error=_Refused()):
            return "address_refused", NOT_PUBLIC
        case aiohttp.ClientConnectorDNSError():
            return "dns", UNKNOWN_HOST
        case aiohttp.ClientConnectorError():
            return "unreachable", f"No connection: {error.os_error.strerror or 'the host does not answer'}."
        case _ if any(isinstance(cause, LineTooLong) for cause in _causes(error)):
            return "too_large", "The headers of the answer are too long."
        case aiohttp.ClientResponseError() if error.message.startswith("Too many"):
            return "too_large", "The answer has too many headers."
        case aiohttp.ClientResponseError():
            return "protocol", "The answer is not HTTP."
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | OSError():
            return "cut_off", "The connection was closed before the answer was whole."
        case _ if not sent:
            return "unreachable", f"No connection: {type(error).__name__}."
        case _:
            return "protocol", f"The answer could not be read: {type(error).__name__}."


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
