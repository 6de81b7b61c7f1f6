import asyncio
import datetime as dt
import gzip
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.kernel.peer import SECRET, Peer, call, http, peer, resolves_to, saying

from tradehall.kernel.outbound import Exchange, Outbound

# --- What goes out ---


async def test_the_request_goes_out_byte_for_byte_and_asks_for_no_compression() -> None:
    async with peer(saying(http(b"ok"))) as (server, port), Outbound(["127.0.0.1"], user_agent="Hall/1") as client:
        url = f"http://127.0.0.1:{port}/a%2fb/../c?x=%20%2B+y&id=a%2B%2F%3D&q=%27'"
        exchange = await client.post(
            url, b'{"a":"1"}', {"X-Sign": "abc", "Content-Type": "application/json"}, timeout=5
        )
    assert exchange.trouble is None
    request = server.requests[0]
    assert request.startswith(b"POST /a%2fb/../c?x=%20%2B+y&id=a%2B%2F%3D&q=%27' HTTP/1.1\r\n")
    assert request.endswith(b'\r\n\r\n{"a":"1"}')
    for line in (
        b"X-Sign: abc",
        b"Accept-Encoding: identity",
        b"User-Agent: Hall/1",
        b"Content-Type: application/json",
    ):
        assert request.count(line) == 1


async def test_calls_to_one_host_share_a_connection() -> None:
    async with peer(saying(http(b"ok"))) as (server, port), Outbound(["127.0.0.1"]) as client:
        for _ in range(5):
            await client.post(f"http://127.0.0.1:{port}/", b"", {}, timeout=5)
    assert (server.connections, len(server.requests)) == (1, 5)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_is_never_repeated_on_a_connection_that_turned_out_dead(method: str) -> None:
    async def answers_once(it: Peer, writer: asyncio.StreamWriter) -> None:
        if len(it.requests) == 1:
            writer.write(http(b"ok"))
        else:
            writer.close()

    async with peer(answers_once) as (server, port), Outbound(["127.0.0.1"]) as client:

        async def send() -> Exchange:
            url = f"http://127.0.0.1:{port}/"
            return await (client.get(url, timeout=5) if method == "GET" else client.post(url, b"x", {}, timeout=5))

        assert (await send()).trouble is None
        second = await send()
    assert (second.trouble, second.sent) == ("cut_off", True)
    assert len(server.requests) == 2


async def test_cookies_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, "127.0.0.1")
    script = saying(http(b"", headers="Set-Cookie: a=b\r\n"))
    async with peer(script) as (server, port), Outbound(["*.test"]) as client:
        for _ in range(2):
            await client.get(f"http://shop.test:{port}/", timeout=5)
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert (await call(saying(http(b"ok")))).body == b"ok"


# --- What comes back ---


async def test_an_html_error_page_is_an_answer() -> None:
    exchange = await call(saying(http(b"<html>", status="500 Oops", headers="Content-Type: text/html\r\n")))
    assert (exchange.status, exchange.body, exchange.trouble, exchange.sent) == (500, b"<html>", None, True)
    assert exchange.header("content-type") == "text/html"
    assert exchange.header("Body-Sign") is None
    assert 0 < exchange.milliseconds < 5000


async def test_an_empty_answer_is_an_answer() -> None:
    exchange = await call(saying(http(b"")))
    assert (exchange.status, exchange.body, exchange.truncated, exchange.trouble) == (200, b"", False, None)


async def test_an_answer_of_exactly_the_cap_is_whole() -> None:
    exchange = await call(saying(http(b"x" * 65536)))
    assert (len(exchange.body), exchange.truncated, exchange.trouble) == (65536, False, None)


async def test_an_endless_answer_is_cut_at_the_cap_and_its_connection_closed() -> None:
    async def endless(_: Peer, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with peer(endless) as (server, port), Outbound(["127.0.0.1"], max_body=25_000) as client:
        exchange = await client.post(f"http://127.0.0.1:{port}/", b"", {}, timeout=5)
        await asyncio.wait_for(server.gone.wait(), 2)
    assert (exchange.status, exchange.body, exchange.truncated) == (200, b"x" * 25_000, True)
    assert (exchange.trouble, exchange.sent) == ("too_large", True)


async def test_a_slow_drip_ends_at_the_timeout_and_keeps_what_came() -> None:
    async def drip(_: Peer, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    exchange = await call(drip, seconds=0.3)
    assert (exchange.trouble, exchange.status, exchange.sent) == ("timed_out", 200, True)
    assert set(exchange.body) == set(b".")
    assert 290 < exchange.milliseconds < 1000


async def test_silence_is_a_timeout_with_an_unknown_outcome() -> None:
    async def silent(_: Peer, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    exchange = await call(silent, seconds=0.2)
    assert (exchange.trouble, exchange.status, exchange.sent) == ("timed_out", None, True)


async def test_a_peer_that_never_reads_a_large_request_is_a_timeout() -> None:
    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(2)
        writer.transport.abort()

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(deaf, sock=listening)
    port = server.sockets[0].getsockname()[1]
    async with Outbound(["127.0.0.1"]) as client:
        exchange = await client.post(f"http://127.0.0.1:{port}/", b"x" * 1_000_000, {}, timeout=0.5)
    server.close()
    assert (exchange.trouble, exchange.sent) == ("timed_out", True)
    assert exchange.milliseconds < 1500


async def test_an_endless_stream_of_interim_answers_is_a_timeout() -> None:
    async def interim(_: Peer, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    assert (await call(interim, seconds=0.3)).trouble == "timed_out"


async def test_a_redirect_is_not_followed() -> None:
    exchange = await call(saying(http(b"", status="302 Found", headers="Location: http://169.254.169.254/\r\n")))
    assert (exchange.status, exchange.header("location")) == (302, "http://169.254.169.254/")
    assert exchange.trouble is None


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_connection_lost_on_the_way_is_cut_off(start: bytes, reset: bool) -> None:
    async def leave(_: Peer, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        await asyncio.sleep(0.05)
        if reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            writer.transport.abort()
        else:
            writer.close()

    exchange = await call(leave)
    assert (exchange.trouble, exchange.sent) == ("cut_off", True)
    if start.endswith(b"abc"):
        assert (exchange.status, exchange.body) == (200, b"abc")


async def test_a_chunked_answer_that_ends_early_is_cut_off() -> None:
    exchange = await call(saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", close=True))
    assert (exchange.trouble, exchange.body) == ("cut_off", b"ab")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\1\2\3\4\5\6\7\n\n",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    ],
)
async def test_garbage_is_told_as_such(answer: bytes) -> None:
    exchange = await call(saying(answer, close=True), seconds=2)
    assert (exchange.trouble, exchange.sent) == ("protocol", True)


async def test_a_switch_of_protocols_does_not_hang() -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n" + b"x" * 100
    exchange = await call(saying(answer), seconds=1)
    assert exchange.status == 101


async def test_a_gzip_bomb_stays_compressed() -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    exchange = await call(saying(http(bomb, headers="Content-Encoding: gzip\r\n")))
    assert exchange.body == bomb
    assert exchange.trouble is None
    assert exchange.header("content-encoding") == "gzip"


@pytest.mark.parametrize("headers", ["X: " + "y" * 1_000_000 + "\r\n", "X: y\r\n" * 5000])
async def test_huge_headers_are_too_large(headers: str) -> None:
    exchange = await call(saying(http(b"", headers=headers)))
    assert (exchange.trouble, exchange.status, exchange.sent) == ("too_large", None, True)


async def test_headers_are_kept_within_bounds_as_text_that_a_database_takes() -> None:
    headers = "X: " + "y" * 5000 + "\r\n" + "Z: 1\r\n" * 100
    exchange = await call(saying(http(b"", headers=headers).replace(b"Z: 1", b"Z: \xff\xfe", 1)))
    assert len(exchange.headers) == 64
    assert len(exchange.header("x") or "") == 2048
    assert exchange.header("z") == "\ufffd\ufffd"


async def test_a_refused_port_is_a_known_non_delivery() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        async with Outbound(["127.0.0.1"]) as client:
            exchange = await client.get(f"http://127.0.0.1:{reserved.getsockname()[1]}/?{SECRET}", timeout=5)
    assert (exchange.trouble, exchange.sent, exchange.status) == ("unreachable", False, None)
    assert "s3cret" not in exchange.trouble_detail


async def test_a_timeout_before_the_connection_stands_is_a_known_non_delivery() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:  # a full backlog drops further handshakes
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        async with Outbound(["127.0.0.1"]) as client:
            exchange = await client.get(f"http://127.0.0.1:{full.getsockname()[1]}/", timeout=0.3)
        for filler in fillers:
            filler.close()
    assert (exchange.trouble, exchange.sent) == ("timed_out", False)


async def test_waiting_for_a_free_connection_counts_towards_the_timeout() -> None:
    async def slow(_: Peer, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)
        writer.write(http(b""))

    async with peer(slow) as (_, port), Outbound(["127.0.0.1"], connections_per_host=1) as client:
        url = f"http://127.0.0.1:{port}/"
        first, second = await asyncio.gather(client.get(url, timeout=0.4), client.get(url, timeout=0.2))
    assert (first.trouble, first.sent) == ("timed_out", True)
    assert (second.trouble, second.sent) == ("timed_out", False)


async def test_cancelling_the_caller_is_not_swallowed() -> None:
    async def silent(_: Peer, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    task = asyncio.create_task(call(silent))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- TLS ---


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "seller.test")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "seller.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_self_signed_certificate_is_refused_before_anything_is_sent(certificate: Path) -> None:
    async with peer(saying(http(b"ok")), serving(certificate)) as (server, port), Outbound(["127.0.0.1"]) as client:
        exchange = await client.post(f"https://127.0.0.1:{port}/?{SECRET}", b"x", {}, timeout=5)
    assert (exchange.trouble, exchange.sent) == ("tls", False)
    assert "self-signed" in exchange.trouble_detail
    assert server.requests == []


async def test_an_intranet_may_bring_its_own_authority(certificate: Path) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate))
    server = peer(saying(http(b"ok")), serving(certificate))
    async with server as (_, port), Outbound(["127.0.0.1"], tls=trusted) as client:
        exchange = await client.get(f"https://127.0.0.1:{port}/", timeout=5)
    assert (exchange.trouble, exchange.body) == (None, b"ok")


async def test_https_to_a_plain_port_is_tls_trouble() -> None:
    async with Outbound(["127.0.0.1"]) as client:
        server = await asyncio.start_server(lambda _, writer: writer.write(b"nonsense\r\n\r\n"), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        exchange = await client.get(f"https://127.0.0.1:{port}/", timeout=5)
        server.close()
    assert (exchange.trouble, exchange.sent) == ("tls", False)
