"""Which addresses may be called: what is written, what it resolves to, and what an installation opens."""

import ipaddress
import socket

import pytest
from tests.kernel.peer import SECRET, http, peer, resolves_to, saying

from tradehall.kernel import outbound as module
from tradehall.kernel.outbound import NOT_PUBLIC, UNKNOWN_HOST, AddressRules, Outbound, address_problem

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "0.1.2.3",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:1::1",
    "2001:db8::1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "114.114.114.114", "2606:4700::1111", "240e::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_private_address_is_refused_written_out_or_behind_a_name(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = f"[{address}]" if ":" in address else address
    assert address_problem(f"http://{written}/") == NOT_PUBLIC
    resolves_to(monkeypatch, address)
    async with Outbound() as client:
        for host in (written, "seller.example"):
            exchange = await client.post(f"http://{host}:9/?{SECRET}", b"", {}, timeout=5)
            assert (exchange.trouble, exchange.sent, exchange.trouble_detail) == ("address_refused", False, NOT_PUBLIC)
        assert await client.check_address("https://seller.example/") == NOT_PUBLIC


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_permitted(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_problem(f"https://{f'[{address}]' if ':' in address else address}/") is None
    resolves_to(monkeypatch, address)
    async with Outbound() as client:
        assert await client.check_address("https://seller.example/") is None


@pytest.mark.parametrize(
    "host", ["2130706433", "127.1", "0", "127.0.0.01", "1.2.3.4.5", "[1::2::3]", "[]", "[fe80::1%25eth0]"]
)
async def test_a_host_that_only_looks_like_an_address_is_bad(host: str) -> None:
    async with Outbound(["0.0.0.0/0", "::/0"]) as client:
        exchange = await client.get(f"http://{host}:9/", timeout=5)
    assert (exchange.trouble, exchange.sent) == ("bad_address", False)


async def test_a_hexadecimal_host_is_judged_by_what_it_resolves_to() -> None:
    async with Outbound() as client:
        exchange = await client.get("http://0x7f000001:9/", timeout=5)
    assert exchange.trouble in ("address_refused", "dns")


async def test_of_several_addresses_only_the_public_ones_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer(saying(http(b"inside"))) as (server, port), Outbound(["127.0.0.2"]) as client:
        resolves_to(monkeypatch, "127.0.0.1", "127.0.0.2")
        exchange = await client.get(f"http://seller.example:{port}/", timeout=5)
    assert exchange.trouble == "unreachable"
    assert server.connections == 0


async def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups: list[str] = []

    def rebinding(host: str, port: int, *_: object, **__: object) -> list[object]:
        lookups.append(host)
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1" if len(lookups) == 1 else "10.0.0.1", port))]

    async with peer(saying(http(b"ok"))) as (_, port), Outbound(["127.0.0.1"]) as client:
        monkeypatch.setattr(module.socket, "getaddrinfo", rebinding)
        exchange = await client.get(f"http://seller.example:{port}/", timeout=5)
    assert exchange.body == b"ok"
    assert lookups == ["seller.example"]


async def test_an_unknown_name_is_a_known_non_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(module.socket, "getaddrinfo", fails)
    async with Outbound() as client:
        exchange = await client.get("http://nowhere.example/", timeout=5)
        assert await client.check_address("http://nowhere.example/") == UNKNOWN_HOST
    assert (exchange.trouble, exchange.sent) == ("dns", False)


@pytest.mark.parametrize(
    ("opening", "permitted"),
    [
        ("127.0.0.0/8", True),
        ("127.0.0.1:9400", True),
        ("127.0.0.1:9401", False),
        ("127.0.0.0/8:9400", True),
        ("demo-seller", True),
        ("demo-seller:9400", True),
        ("demo-seller:80", False),
        ("demo-*:9400", True),
        ("seller", False),
        ("::1", False),
        ("[::1]:9400", False),
        ("[::ffff:127.0.0.1]:9400", False),
    ],
)
def test_the_allow_list_opens_networks_and_hosts_on_one_port_or_all(opening: str, permitted: bool) -> None:
    rules = AddressRules([opening])
    assert rules.permit("demo-seller", ipaddress.ip_address("127.0.0.1"), 9400) is permitted


@pytest.mark.parametrize("opening", ["", "10.0.0.0/40", "a b", "host:0", "host:70000", "*", "[::1", "http://x"])
def test_an_unreadable_allow_list_entry_is_an_error(opening: str) -> None:
    with pytest.raises(ValueError):
        AddressRules([opening])


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("", "http://"),
        ("shop.example/cb", "http://"),
        ("ftp://shop.example/", "http://"),
        ("file:///etc/passwd", "http://"),
        ("http://user:pw@shop.example/", "user name"),
        ("http://shop.example@127.0.0.1/", "user name"),
        ("http://shop.example/#x", "fragment"),
        ("http://店.example/", "ASCII"),
        ("http://shop.example/a b", "ASCII"),
        ("http://shop.example/\r\nX: y", "ASCII"),
        ("http:///path", "host"),
        ("http://shop..example/", "host"),
        ("http://shop.example\\@x/", "user name"),
        ("http://shop.example:/", "host"),
        ("http://shop.example:0/", "port"),
        ("http://shop.example:65536/", "port"),
        ("http://" + "a" * 64 + ".example/", "host"),
    ],
)
async def test_a_malformed_address_is_named_as_such(address: str, hint: str) -> None:
    assert hint in (address_problem(address) or "")
    async with Outbound() as client:
        exchange = await client.get(address, timeout=5)
        assert (exchange.trouble, exchange.sent) == ("bad_address", False)
        assert await client.check_address(address) == exchange.trouble_detail


@pytest.mark.parametrize(
    "address", ["https://shop.example", "HTTPS://Shop.Example:8443/cb?a=b/c@d", "http://a_b.example./", "http://x?y=1"]
)
def test_a_well_formed_address_has_no_problem(address: str) -> None:
    assert address_problem(address) is None
