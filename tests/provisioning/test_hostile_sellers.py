"""Whatever a seller's server does, the order ends well or the buyer is refunded, and the log names the trouble."""

from datetime import timedelta

import msgspec
import pytest
import structlog
from tests.conftest import sandbox_settings
from tests.world import SellerServer, Shop, raw_server

from tradehall.settings import Settings
from tradehall_seller.sample import MANNERS, Manner

MINUTES = timedelta(minutes=1)

# What the first try of a bad manner is judged: verdict, result code, trouble.
JUDGED: dict[Manner, tuple[str, str | None, str | None]] = {
    "refusing": ("refused", "000104", None),
    "sold_out": ("refused", "000106", None),
    "trouble": ("refused", "000005", None),
    "html": ("unreadable", None, "http_status"),
    "crash": ("unreadable", None, "http_status"),
    "empty": ("unreadable", None, "empty_body"),
    "nothing": ("unreadable", None, "no_result_code"),
    "int_code": ("unreadable", None, "result_code_type"),
    "redirect": ("unreadable", None, "redirected"),
    "cut": ("unreadable", None, "cut_off"),
    "hang": ("timed_out", None, "timed_out"),
    "endless": ("unreadable", None, "too_large"),
}
OPENING: tuple[Manner, ...] = ("instant", "slow", "fresh_ids", "lost_answer", "flaky")


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(
        call_timeout=timedelta(seconds=0.3),
        new_instance_window=12 * MINUTES,
        opening_investigation=8 * MINUTES,
        query_window=2 * MINUTES,
        release_window=6 * MINUTES,
    )


def test_every_manner_is_expected_to_end_somehow() -> None:
    assert {*OPENING, *JUDGED} == set(MANNERS)


@pytest.mark.parametrize("manner", OPENING)
async def test_a_seller_that_opens_in_the_end_completes_the_order(
    shop: Shop, seller_server: SellerServer, manner: Manner
) -> None:
    seller_server.manner = manner
    with structlog.testing.capture_logs() as logs:
        number = await shop.buy()
        await shop.run_due(30 * MINUTES)
    assert not [line for line in logs if line["log_level"] in ("error", "critical")]
    assert (await shop.order(number)).state == "completed"
    assert (await shop.instance(number)).state == "running"
    assert len(seller_server.seller.book) == 1


@pytest.mark.parametrize("manner", JUDGED)
async def test_a_seller_that_never_opens_costs_the_buyer_nothing(
    shop: Shop, seller_server: SellerServer, manner: Manner
) -> None:
    seller_server.manner = manner
    with structlog.testing.capture_logs() as logs:
        number = await shop.buy()
        await shop.run_due(30 * MINUTES)
    assert not [line for line in logs if line["log_level"] in ("error", "critical")]
    order = await shop.order(number)
    assert (order.state, order.refund_state) == ("cancelled", "refunded")
    tries = await shop.attempts(await shop.call(number, "newInstance"))
    assert len(tries) == 5
    assert {(one.verdict, one.result_code, one.trouble) for one in tries} == {JUDGED[manner]}
    assert all(one.url and one.request_body and one.milliseconds is not None for one in tries)
    released = [call for call in await shop.calls(number) if call.activity == "releaseInstance"]
    assert bool(released) == (tries[0].verdict != "refused"), "whoever says no has nothing to release"


def http(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def instance(instance_id: str) -> bytes:
    return http(b'{"resultCode":"000000","resultMsg":"","instanceId":%s}' % instance_id.encode())


OPENED = b'{"resultCode":"000000","resultMsg":"success","instanceId":"i-1"}'
RAW = {
    "nothing at all": (b"", "unreadable", "cut_off"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "unreadable", "protocol"),
    "half a status line": (b"HTTP/1.1 2", "unreadable", "cut_off"),
    "half an answer": (http(OPENED[:20], length=64), "unreadable", "cut_off"),
    "a header without end": (http(OPENED, "X-Long: " + "x" * 100_000), "unreadable", "too_large"),
    "headers without end": (http(OPENED, *[f"X-{n}: {n}" for n in range(5000)]), "unreadable", "too_large"),
    "a broken chunk": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "unreadable",
        None,
    ),
    "a length that is none": (http(OPENED).replace(b"Content-Length: ", b"Content-Length: -"), "unreadable", None),
    "a page": (http(b"<!doctype html><title>Login</title>"), "unreadable", "not_json"),
    "a blank": (http(b" \r\n "), "unreadable", "empty_body"),
    "an empty object": (http(b"{}"), "unreadable", "no_result_code"),
    "a list": (http(b"[]"), "unreadable", "not_an_object"),
    "null": (http(b"null"), "unreadable", "not_an_object"),
    "a tower of brackets": (http(b"[" * 50_000), "unreadable", "not_json"),
    "Chinese in GBK": (http('{"resultCode":"000005","resultMsg":"库存不足"}'.encode("gbk")), "unreadable", "not_utf8"),
    "packed unasked": (http(b"\x1f\x8b\x08\x00" + b"\0" * 20, "Content-Encoding: gzip"), "unreadable", None),
    "a code that is null": (http(b'{"resultCode":null}'), "unreadable", "no_result_code"),
    "a code that is a number": (http(b'{"resultCode":0,"instanceId":"i-1"}'), "unreadable", "result_code_type"),
    "a code that is an object": (http(b'{"resultCode":{"a":1}}'), "unreadable", "result_code_type"),
    "success in an error's dress": (http(OPENED, status="500 Oops"), "unreadable", "http_status"),
    "success that moved": (http(OPENED, "Location: http://127.0.0.1:1/", status="307 Go"), "unreadable", "redirected"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "unreadable", "http_status"),
    "success without an instance": (http(b'{"resultCode":"000000"}'), "unreadable", "no_instance_id"),
    "an empty name": (instance('""'), "unreadable", "no_instance_id"),
    "a number for a name": (instance("17"), "unreadable", "no_instance_id"),
    "a name nobody can store": (instance('"a\\u0000b"'), "unreadable", "no_instance_id"),
    "a name too long": (instance('"' + "x" * 65 + '"'), "unreadable", "instance_id_too_long"),
    "half a character for a name": (instance('"\\ud800"'), "unreadable", None),
    "a code with a NUL": (http(b'{"resultCode":"00\\u0000","resultMsg":"\\u0000"}'), "refused", None),
    "a novel for a message": (
        http(b'{"resultCode":"000005","resultMsg":"' + b"why " * 15_000 + b'"}'),
        "refused",
        None,
    ),
    "a code of its own": (http(b'{"resultCode":"999999","resultMsg":"!"}'), "refused", None),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
async def test_an_answer_that_is_none_is_on_record_with_its_trouble_and_the_buyer_refunded(
    shop: Shop, name: str
) -> None:
    answer, verdict, trouble = RAW[name]
    with structlog.testing.capture_logs() as logs:
        async with raw_server(answer) as address:
            await shop.point_endpoint(shop.world.endpoint, address)
            number = await shop.buy()
            await shop.run_due(30 * MINUTES)
    assert not [line for line in logs if line["log_level"] in ("error", "critical")]
    tries = await shop.attempts(await shop.call(number, "newInstance"))
    assert len(tries) == 5
    for one in tries:
        assert one.verdict == verdict
        assert one.result_code if verdict == "refused" else one.trouble
        assert trouble in (None, one.trouble)
        assert len(one.response_body or "") <= 8 * 1024
    order = await shop.order(number)
    assert (order.state, order.refund_state) == ("cancelled", "refunded")


@pytest.mark.parametrize(
    "instance_id", ["i-1", "实例/一 ?&=#%", "a,b", "'; DROP TABLE orders; --", "x" * 64, "<script>", "\u202e\ufeff😀"]
)
async def test_any_name_a_seller_gives_comes_back_as_it_was(shop: Shop, instance_id: str) -> None:
    body = {
        "resultCode": "000000",
        "resultMsg": "",
        "instanceId": instance_id,
        "info": [{"instanceId": instance_id, "appInfo": {"frontEndUrl": "javascript:alert(1)", "memo": "hi"}}],
    }
    async with raw_server(http(msgspec.json.encode(body))) as address:
        await shop.point_endpoint(shop.world.endpoint, address)
        number = await shop.buy()
        await shop.run_due(5 * MINUTES)
    opened = await shop.instance(number)
    assert (opened.state, opened.seller_instance_id) == ("running", instance_id)
    assert (opened.memo, opened.front_end_url) == ("hi", None)
    query = (await shop.attempts(await shop.call(number, "queryInstance")))[0]
    assert msgspec.json.decode(query.request_body or "")["instanceId"] == instance_id


async def test_an_address_on_a_private_network_is_never_called(shop: Shop) -> None:
    await shop.point_endpoint(shop.world.endpoint, "http://10.1.2.3/produce")
    number = await shop.buy()
    await shop.run_due(30 * MINUTES)
    tries = await shop.attempts(await shop.call(number, "newInstance"))
    assert {(one.verdict, one.trouble) for one in tries} == {("unreachable", "address_refused")}
    assert (await shop.order(number)).refund_state == "refunded"
    assert (await shop.instance(number)).state == "failed", "nothing was sent, so nothing is released"


async def test_a_key_that_cannot_be_read_any_more_is_trouble_with_a_name(shop: Shop) -> None:
    await shop.sql("UPDATE access_keys SET sealed = decode(repeat('01', 60), 'hex')")
    number = await shop.buy()
    await shop.run_due(30 * MINUTES)
    tries = await shop.attempts(await shop.call(number, "newInstance"))
    assert {(one.verdict, one.trouble) for one in tries} == {("unreachable", "key_unreadable")}
    assert (await shop.order(number)).refund_state == "refunded"
