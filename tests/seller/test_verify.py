import hashlib
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seller import signing_by_hand as sign

from tradehall.protocols import v2
from tradehall.protocols.requests import OpenInstance
from tradehall.protocols.signing import sign_v2
from tradehall_seller import Call, NonceCache, Reason, Rejected, Verifier

KEY = "test-access-key-0001"
NONCE = "Of4lsV7H1qrzVDI52O5CFk2ofPcZRaA6"
AT = 1680508066618
BODY = v2.body(OpenInstance("CS2211181819B4LVS", "CS2211181819B4LVS-000001", "87b94795"), test=True)


def verifier(now_ms: int = AT) -> Verifier:
    return Verifier(KEY, now=lambda: now_ms / 1000)


def query(body: bytes = BODY, *, nonce: str = NONCE, at: int = AT, key: str = KEY) -> str:
    return v2.signed_url("", key, nonce, at, body)[1:]


def rejection(verify: Callable[[], Call]) -> tuple[str, str]:
    with pytest.raises(Rejected) as caught:
        verify()
    return caught.value.code, caught.value.message


def test_the_known_vector_verifies() -> None:
    body = (
        b'{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2211181819B4LVS",'
        b'"orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}'
    )
    signature = "8DCF3BE4D27CB97F445012E0D313A2F0C0957012401BAC1522FA13FE94102BE7"
    call = verifier().verify(f"signature={signature}&timestamp={AT}&nonce={NONCE}", body)
    assert (call.activity, call.test, call.text("orderId")) == ("newInstance", True, "CS2211181819B4LVS")
    assert verifier().verify(f"nonce={NONCE}&signature={signature.lower()}&timestamp={AT}".encode(), body) == call


@pytest.mark.parametrize("off_by", [-60_000, 60_000])
def test_a_clock_may_be_60_seconds_off(off_by: int) -> None:
    assert verifier(AT + off_by).verify(query(), BODY).timestamp_ms == AT


@pytest.mark.parametrize("off_by", [-60_001, 60_001])
def test_a_call_further_off_is_rejected(off_by: int) -> None:
    code, message = rejection(lambda: verifier(AT + off_by).verify(query(), BODY))
    assert code == "000002"
    assert "60 seconds" in message


@pytest.mark.parametrize("timestamp", ["", "-1", "1680508066", "now", "１６８０５０８０６６６１８", "9" * 4000, "1e12"])
def test_a_timestamp_that_is_not_milliseconds_is_rejected(timestamp: str) -> None:
    assert rejection(lambda: verifier().verify(f"signature=x&timestamp={timestamp}&nonce=n", BODY))[0] == "000002"


@pytest.mark.parametrize("nonce", ["", "n" * 129])
def test_a_nonce_is_needed_and_short(nonce: str) -> None:
    assert rejection(lambda: verifier().verify(query(nonce=nonce), BODY))[0] == "000002"


def test_a_signature_is_needed() -> None:
    assert rejection(lambda: verifier().verify(f"timestamp={AT}&nonce={NONCE}", BODY))[0] == "000001"


def test_a_signature_for_anything_else_is_rejected() -> None:
    for given_query, body in [
        (query(key="another"), BODY),
        (query().replace(NONCE, "n"), BODY),
        (query().replace(str(AT), str(AT + 1)), BODY),
        (query(), BODY.replace(b"87b94795", b"87b94796")),
        (query().replace("signature=", "signature=%EF%AC%80"), BODY),
    ]:
        assert rejection(lambda q=given_query, b=body: verifier().verify(q, b))[0] == "000001"  # type: ignore[misc]


def test_a_sender_that_signs_sorted_keys_but_sends_others_verifies() -> None:
    sent = json.dumps({"note": None, "orderId": "云", "activity": "orderNotify"}).encode()
    call = verifier().verify(query('{"activity":"orderNotify","orderId":"云"}'.encode()), sent)
    assert call.members == {"activity": "orderNotify", "orderId": "云"}


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"[" * 200_000, b"\xff", b"{}", b'{"activity":7}'])
def test_a_signed_body_that_is_no_call_is_rejected(body: bytes) -> None:
    assert rejection(lambda: verifier().verify(query(body), body))[0] == "000002"


def test_a_call_is_accepted_once() -> None:
    one = verifier()
    one.verify(query(), BODY)
    assert rejection(lambda: one.verify(query(), BODY)) == ("000002", "nonce was used before")
    one.verify(query(nonce="another"), BODY)


def test_a_forged_call_does_not_use_up_its_nonce() -> None:
    one = verifier()
    rejection(lambda: one.verify(query(key="another"), BODY))
    one.verify(query(), BODY)


@pytest.mark.parametrize("value", [None, "", 7, "o" * 65])
def test_a_member_that_is_not_usable_text_is_rejected(value: Any) -> None:
    call = Call("newInstance", {"orderId": value}, "n", AT)
    assert rejection(lambda: call.text("orderId"))[0] == "000002"  # type: ignore[arg-type,return-value]


def test_nonces_are_remembered_long_enough_and_forgotten_in_time() -> None:
    now = 0.0
    cache = NonceCache(120, now=lambda: now)
    assert cache.is_new("a")
    now = 119.9
    assert cache.is_new("b")
    now = 239.0
    assert not cache.is_new("b")
    now = 400.0
    assert cache.is_new("c")
    now = 520.0
    assert cache.is_new("a")


def test_the_memory_for_nonces_is_bounded() -> None:
    cache = NonceCache(120, limit=10, now=lambda: 0.0)
    for number in range(100):
        assert cache.is_new(str(number))
        assert not cache.is_new(str(number))
    assert len(cache._young) + len(cache._old) <= 20


def test_of_two_threads_with_one_nonce_one_wins() -> None:
    cache = NonceCache(120)
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(cache.is_new("n"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won.count(True) == 1


@given(st.text() | st.binary(), st.binary())
def test_anything_unsigned_is_rejected_and_nothing_else_happens(given_query: str | bytes, body: bytes) -> None:
    rejection(lambda: verifier().verify(given_query, body))


@given(st.text() | st.just(sign_v2(KEY, NONCE, AT, BODY).signature[:-1]), st.binary())
def test_no_signature_of_another_kind_is_accepted(signature: str, body: bytes) -> None:
    given_query = f"timestamp={AT}&nonce={NONCE}&signature=".encode() + signature.encode()
    rejection(lambda: verifier().verify(given_query, body))


def reason(given_query: str, body: bytes = BODY, keys: Any = KEY) -> Reason:
    with pytest.raises(Rejected) as caught:
        Verifier(keys, now=lambda: AT / 1000).verify(given_query, body)
    return caught.value.reason


def test_each_refusal_has_its_reason() -> None:
    assert reason("nonce=n&signature=x") == Reason.TIMESTAMP_MISSING
    assert reason("nonce=n&signature=x&timestamp=x") == Reason.TIMESTAMP_FORMAT
    assert reason(query(at=AT // 1000)) == Reason.TIMESTAMP_IN_SECONDS
    assert reason(query(at=AT - 75_000)) == Reason.TIMESTAMP_OLD
    assert reason(query(at=AT + 75_000)) == Reason.TIMESTAMP_AHEAD
    assert reason(query(nonce="")) == Reason.NONCE_MISSING
    assert reason(query(nonce="n" * 129)) == Reason.NONCE_TOO_LONG
    assert reason(f"timestamp={AT}&nonce=n") == Reason.SIGNATURE_MISSING
    assert reason(query(), b"{") == Reason.BODY_NOT_JSON
    assert reason(query(), b"[]") == Reason.BODY_NOT_AN_OBJECT
    assert reason(query(b"{}"), b"{}") == Reason.ACTIVITY_MISSING
    assert reason(query(key="another")) == Reason.SIGNATURE_WRONG


def test_the_usual_mistakes_are_named() -> None:
    def signed(canonical: bytes) -> str:
        return f"timestamp={AT}&nonce={NONCE}&signature={sign.mac(KEY, canonical).hex()}"

    prefix = f"{KEY}{NONCE}{AT}".encode()
    assert reason(signed(prefix + hashlib.sha256(BODY).hexdigest().encode())) == Reason.PLAIN_HASH
    assert reason(signed(prefix + BODY)) == Reason.KIT_RULE
    assert reason(query(), keys=[f" {KEY}\n"]) == Reason.KEY_WITH_BLANKS


def test_how_far_off_the_clock_is_is_said() -> None:
    message = rejection(lambda: verifier(AT + 75_000).verify(query(), BODY))[1]
    assert message == "timestamp is 75 s behind this server's clock, more than 60 seconds"


def test_while_keys_are_exchanged_both_are_accepted_and_the_call_says_which() -> None:
    two = Verifier({"new": "another", "old": KEY}, now=lambda: AT / 1000)
    assert two.verify(query(), BODY).key == "old"
    assert two.verify(query(key="another", nonce="n"), BODY).key == "new"
    rejection(lambda: two.verify(query(key="a third"), BODY))
    assert KEY not in repr(two.keys)


@pytest.mark.parametrize("keys", ["", [], {}, [KEY, ""]])
def test_no_key_is_no_key(keys: Any) -> None:
    with pytest.raises(ValueError):
        Verifier(keys)
