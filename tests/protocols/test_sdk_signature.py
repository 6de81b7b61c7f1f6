"""SDK-HMAC-SHA256, verified against the signer of the cloud's own SDK."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.openapi.signing import Pairs, sdk_date, signed

from tradehall.protocols.sdk_signature import (
    NotVerified,
    SignedRequest,
    canonical_request,
    check_clock,
    check_signature,
    parameters,
    read,
    sign,
)

AK, SK = "TESTACCESSKEY0000001", "test-secret-0001"
HOST = "market.example.com"
PATH = "/api/mkp-openapi-public/global/v1/order/query"
NOW = datetime(2026, 5, 9, 8, 0, tzinfo=UTC)


def request_for(secret: str = SK, at: datetime = NOW, body: bytes = b"", path: str = PATH, **how: Any) -> SignedRequest:
    """A request as it arrives that was signed for this path, query, headers and body."""
    uri, headers = signed(AK, secret, at, host=HOST, path=path, body=body, **how)
    sent_path, _, query = uri.partition("?")
    return SignedRequest(how.get("method", "GET"), quote(sent_path, safe="/%"), query, headers, body)


def verify(request: SignedRequest, now: datetime = NOW, secret: str = SK) -> None:
    authorization = read(request)
    assert authorization.access_key_id == AK
    check_clock(authorization, now)
    check_signature(request, authorization, secret)


def fault(request: SignedRequest, now: datetime = NOW, secret: str = SK) -> str:
    with pytest.raises(NotVerified) as refused:
        verify(request, now, secret)
    assert SK not in str(refused.value)
    return refused.value.fault


def changed(request: SignedRequest, **changes: Any) -> SignedRequest:
    said: dict[str, Any] = {name: getattr(request, name) for name in ("method", "path", "query", "headers", "body")}
    return SignedRequest(**(said | changes))


def with_header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    """The request with a header put in place of one of that name; with None, without it."""
    others = [pair for pair in request.headers if pair[0].lower() != name.lower().encode()]
    return changed(request, headers=[*others, (name.encode(), value.encode())] if value is not None else others)


def authorization_of(request: SignedRequest) -> str:
    return request.values(b"authorization")[0].decode()


# --- What the peer signs is verified ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        [],
        [("orderId", "CS2605091530K7Q2M")],
        [("orderLineId", "CS2605091530K7Q2M-000001"), ("orderId", "CS2605091530K7Q2M")],
        [("name", "a b+c&d=e?f/g%h"), ("Name", "~-_.!*'()")],
        [("名称", "云商店 ☁"), ("empty", "")],
        [("same", "2"), ("same", "10"), ("same", "1")],
        [("list", ["b", "a"]), ("flag", True), ("number", 7)],
    ],
)
def test_queries_of_every_kind(query: Pairs) -> None:
    verify(request_for(query=query))


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/a b/c", "/订单/query", "/a%20b", "/v1/~tilde"])
def test_paths_of_every_kind(path: str) -> None:
    verify(request_for(path=path))


@pytest.mark.parametrize("body", [b"", b"{}", '{"名称":"云"}'.encode(), bytes(range(256))])
def test_bodies_are_signed(body: bytes) -> None:
    verify(request_for(method="POST", body=body))


def test_more_headers_are_signed() -> None:
    verify(request_for(headers={"X-Project-Id": "  blanks around  ", "X-Name": "云商店", "X_not_signed": "x"}))


def test_a_request_without_a_body_may_say_of_it_what_it_likes() -> None:
    verify(request_for(headers={"Content-Type": "text/plain"}))
    own = "UNSIGNED-PAYLOAD"
    request = with_header(request_for(), "X-Sdk-Content-Sha256", own)
    authorization = read(request)
    signature = sign(SK, authorization.date, canonical_request(request, authorization.signed_headers, own))
    renewed = authorization_of(request).replace(authorization.signature, signature)
    verify(with_header(request, "Authorization", renewed))


def test_a_signature_in_capitals_is_the_same() -> None:
    request = request_for()
    verify(with_header(request, "Authorization", authorization_of(request).replace(*_in_capitals(request))))


def _in_capitals(request: SignedRequest) -> tuple[str, str]:
    signature = read(request).signature
    return signature, signature.upper()


def test_a_plus_in_a_query_is_a_blank() -> None:
    request = request_for(query=[("name", "a b")])
    verify(changed(request, query="name=a+b"))
    assert parameters("name=a+b&x&&y=%2B") == [("name", "a b"), ("x", ""), ("y", "+")]


def test_the_order_of_parameters_on_the_wire_does_not_matter() -> None:
    request = request_for(query=[("b", "2"), ("a", "1"), ("a", "0")])
    verify(changed(request, query="a=1&b=2&a=0"))


def test_the_texts_are_the_documented_ones() -> None:
    request = request_for(query=[("orderId", "CS1")])
    names = read(request).signed_headers
    canonical = canonical_request(request, names, hashlib.sha256(b"").hexdigest())
    assert canonical.decode() == (
        "GET\n"
        "/api/mkp-openapi-public/global/v1/order/query/\n"
        "orderId=CS1\n"
        "content-type:application/json;charset=UTF-8\n"
        "host:market.example.com\n"
        "x-sdk-date:20260509T080000Z\n"
        "\n"
        "content-type;host;x-sdk-date\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    # Computed with openssl.
    expected = "bad871941f810554c7d48460e4d2fe17e706ec15ef8121baeb8b3cdbeac3070e"
    assert sign(SK, "20260509T080000Z", canonical) == expected


SENDABLE = st.characters(codec="utf-8")
PAIRS = st.lists(st.tuples(st.text(SENDABLE), st.text(SENDABLE)), max_size=6)
HEADER = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)


@given(query=PAIRS, body=st.binary(max_size=50), header=HEADER)
def test_whatever_is_sent_survives(query: list[tuple[str, str]], body: bytes, header: str) -> None:
    request = request_for(method="POST", query=query, body=body, headers={"X-Anything": header})
    verify(request)
    assert sorted(parameters(request.query)) == sorted(query)


@given(query=PAIRS, other=PAIRS)
def test_another_query_never_fits(query: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    request = changed(request_for(query=query), query=request_for(query=other).query)
    if sorted(query) == sorted(other):
        verify(request)
    else:
        assert fault(request) == "signature_wrong"


# --- What is not as it was signed is refused -------------------------------------------------------------------------


def test_another_body_is_refused() -> None:
    request = request_for(method="POST", body=b'{"value":"1"}')
    assert fault(changed(request, body=b'{"value":"2"}')) == "signature_wrong"
    assert fault(changed(request, body=b"")) == "signature_wrong"
    assert fault(changed(request_for(method="POST"), body=b"added")) == "signature_wrong"


def test_a_body_that_was_not_signed_is_refused() -> None:
    """The SDK leaves out bodies that are not JSON; here every body counts."""
    request = request_for(method="POST", headers={"Content-Type": "text/plain"}, body=b"anything")
    assert request.values(b"x-sdk-content-sha256") == [b"UNSIGNED-PAYLOAD"]
    assert fault(request) == "body_unsigned"
    hashed = {"X-Sdk-Content-Sha256": hashlib.sha256(b"anything").hexdigest()}
    verify(request_for(method="POST", headers=hashed, body=b"anything"))


@pytest.mark.parametrize(
    "changes",
    [{"method": "POST"}, {"path": PATH + "/more"}, {"path": PATH.upper()}, {"query": "orderId=CS2"}, {"query": ""}],
)
def test_another_request_is_refused(changes: dict[str, str]) -> None:
    assert fault(changed(request_for(query=[("orderId", "CS1")]), **changes)) == "signature_wrong"


@pytest.mark.parametrize("name", ["Host", "Content-Type"])
def test_an_altered_header_is_refused(name: str) -> None:
    assert fault(with_header(request_for(), name, "another")) == "signature_wrong"
    assert fault(with_header(request_for(), name, None)) == "header_missing"


def test_a_date_that_was_put_in_later_is_refused() -> None:
    later = sdk_date(NOW + timedelta(minutes=20))
    request = with_header(request_for(), "X-Sdk-Date", later)
    assert fault(request, NOW + timedelta(minutes=20)) == "signature_wrong"


def test_another_secret_is_refused() -> None:
    assert fault(request_for(secret="another")) == "signature_wrong"
    assert fault(request_for(), secret="") == "signature_wrong"


def test_the_refusal_tells_its_sender_where_to_look() -> None:
    request = request_for(secret="another")
    canonical = canonical_request(request, read(request).signed_headers, hashlib.sha256(b"").hexdigest())
    with pytest.raises(NotVerified, match=hashlib.sha256(canonical).hexdigest()):
        verify(request)


# --- Time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-15, -1, 0, 1, 15])
def test_a_clock_may_be_fifteen_minutes_off(minutes: int) -> None:
    verify(request_for(at=NOW + timedelta(minutes=minutes)))


@pytest.mark.parametrize(("minutes", "told"), [(-16, "960 seconds behind"), (16, "960 seconds ahead of")])
def test_a_clock_sixteen_minutes_off_is_refused(minutes: int, told: str) -> None:
    request = request_for(at=NOW + timedelta(minutes=minutes))
    assert fault(request) == "clock_off"
    with pytest.raises(NotVerified, match=f"{told} the time here, 20260509T080000Z; at most 900 are allowed"):
        verify(request)


def test_a_replay_is_good_no_longer_than_its_date() -> None:
    request = request_for()
    verify(request)
    verify(request, NOW + timedelta(minutes=15))
    assert fault(request, NOW + timedelta(minutes=15, seconds=1)) == "clock_off"


# --- Malformed -------------------------------------------------------------------------------------------------------

HEX = "0" * 64


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "authorization_missing"),
        ("", "algorithm_unknown"),
        ("Bearer thp_x", "algorithm_unknown"),
        (f"SDK-HMAC-SM3 Access={AK}, SignedHeaders=x-sdk-date, Signature={HEX}", "algorithm_unknown"),
        ("SDK-HMAC-SHA256", "authorization_malformed"),
        (f"SDK-HMAC-SHA256 Access=, SignedHeaders=x-sdk-date, Signature={HEX}", "authorization_malformed"),
        (f"SDK-HMAC-SHA256 Access={AK}, Signature={HEX}", "authorization_malformed"),
        (f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host;;x-sdk-date, Signature={HEX}", "authorization_malformed"),
        (f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=x-sdk-date, Signature=abc", "authorization_malformed"),
        (f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=x-sdk-date", "authorization_malformed"),
        (f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host, Signature={HEX}", "date_unsigned"),
        (f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host;x-sdk-date;x-none, Signature={HEX}", "header_missing"),
        (f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host;x-sdk-date, Signature={HEX}", "signature_wrong"),
    ],
)
def test_a_malformed_authorization_is_refused(header: str | None, expected: str) -> None:
    assert fault(with_header(request_for(), "Authorization", header)) == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (None, "date_missing"),
        ("", "date_missing"),
        ("2026-05-09T08:00:00Z", "date_malformed"),
        ("20260509T080000", "date_malformed"),
        ("20260532T080000Z", "date_malformed"),
        ("20260509T080000Z ", "signature_wrong"),  # blanks around do not count; it was not signed with this secret
    ],
)
def test_a_malformed_date_is_refused(date: str | None, expected: str) -> None:
    assert fault(with_header(request_for(secret="another"), "X-Sdk-Date", date)) == expected


@pytest.mark.parametrize("name", ["Authorization", "X-Sdk-Date", "Host"])
def test_a_header_that_was_sent_twice_is_refused(name: str) -> None:
    request = request_for()
    (value,) = request.values(name.lower().encode())
    twice = changed(request, headers=[*request.headers, (name.encode(), value)])
    assert fault(twice) == "header_repeated"


@given(header=st.text(st.characters(codec="latin-1")), date=st.text(st.characters(codec="latin-1"), max_size=20))
def test_whatever_stands_in_the_headers_is_refused_and_not_fallen_over(header: str, date: str) -> None:
    for text in (header, f"SDK-HMAC-SHA256 {header}", f"SDK-HMAC-SHA256 Access=A, SignedHeaders={header}"):
        request = changed(
            request_for(),
            headers=[(b"authorization", text.encode("latin-1")), (b"x-sdk-date", date.encode("latin-1"))],
        )
        with pytest.raises(NotVerified):
            verify(request)
