"""The Kit's signature (Kit 0.4)."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seller import signing_by_hand as sign

from tradehall_seller import KitVerifier, Reason, Rejected

KEY = "test-access-key-0001"
AT = 1680508066618
PATH = "/isv/produce/produceAPI/v2/tenantSync"
BODY = (
    b'{"domainName":"https://example.tenantaccount.com","flag":1,"instanceId":"huaiweitest123456","name":"huaiweitest",'
    b'"orderId":"CS1906666666ABCDE","tenantCode":"huawei","tenantId":"68cbc86000000000880d92f36422fa0e","testFlag":0,'
    b'"timeStamp":"20220413093539534"}'
)
HEADERS = {
    "X-Sign": "7e3ec9121c06f88c82cebb1595bef1216efcc781fb35e8e7c1db001fc57c064d",
    "X-Timestamp": str(AT),
    "X-Nonce": "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA",
}


def verifier(keys: Any = KEY, now_ms: int = AT) -> KitVerifier:
    return KitVerifier(keys, now=lambda: now_ms / 1000)


def rejection(headers: Any, body: bytes = BODY, **settings: Any) -> tuple[str, Reason]:
    with pytest.raises(Rejected) as caught:
        verifier(**settings).verify(PATH, headers, body)
    return caught.value.code, caught.value.reason


def test_the_known_vectors_verify() -> None:
    call = verifier().verify(PATH, HEADERS, BODY)
    assert (call.activity, call.test, call.members["flag"], call.timestamp_ms) == ("tenantSync", False, 1, AT)
    body = (
        b'{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2211181819B4LVS",'
        b'"orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}'
    )
    signed = "8010637B71F37ED4A4CA86D271A9B89B39611DBD9106F128AE6D8EAD43A182AD"
    headers = [("x-sign", signed), ("x-timestamp", str(AT)), ("x-nonce", "Of4lsV7H1qrzVDI52O5CFk2ofPcZRaA6")]
    assert verifier().verify("/", headers, body).activity == ""


def test_a_body_in_another_order_verifies_if_its_sorted_form_was_signed() -> None:
    members = {"testFlag": 0, "orgInfoList": [{"z": 1, "a": 2}], "instanceId": "云"}
    sent = b'{"testFlag": 0, "note": null, "orgInfoList": [{"z": 1, "a": 2}], "instanceId": "\\u4e91"}'
    assert verifier().verify(PATH, sign.kit(KEY, sign.compact(members), at=AT), sent).members == members


def test_each_call_is_accepted_once_with_any_of_the_keys() -> None:
    one = verifier(["new", KEY])
    assert one.verify(PATH, HEADERS, BODY).key == "2"
    with pytest.raises(Rejected, match="nonce was used before"):
        one.verify(PATH, HEADERS, BODY)


@pytest.mark.parametrize(
    ("changed", "code", "reason"),
    [
        ({"X-Timestamp": ""}, "000002", Reason.TIMESTAMP_MISSING),
        ({"X-Timestamp": "1e12"}, "000002", Reason.TIMESTAMP_FORMAT),
        ({"X-Timestamp": str(AT // 1000)}, "000002", Reason.TIMESTAMP_IN_SECONDS),
        ({"X-Timestamp": str(AT - 60_001)}, "000002", Reason.TIMESTAMP_OLD),
        ({"X-Timestamp": str(AT + 60_001)}, "000002", Reason.TIMESTAMP_AHEAD),
        ({"X-Timestamp": str(AT + 1)}, "000001", Reason.SIGNATURE_WRONG),
        ({"X-Nonce": ""}, "000002", Reason.NONCE_MISSING),
        ({"X-Nonce": "n" * 129}, "000002", Reason.NONCE_TOO_LONG),
        ({"X-Sign": ""}, "000001", Reason.SIGNATURE_MISSING),
        ({"X-Sign": "0" * 64}, "000001", Reason.SIGNATURE_WRONG),
    ],
)
def test_each_refusal_has_its_reason(changed: dict[str, str], code: str, reason: Reason) -> None:
    assert rejection({**HEADERS, **changed}) == (code, reason)


def test_the_basic_interfaces_rule_is_named() -> None:
    inner = sign.mac(KEY, BODY).hex().encode()
    assert rejection(sign.kit(KEY, inner, at=AT)) == ("000001", Reason.BASIC_RULE)
    assert rejection(sign.kit(KEY, hashlib.sha256(BODY).hexdigest().encode(), at=AT))[1] == Reason.SIGNATURE_WRONG


@given(st.dictionaries(st.sampled_from(["x-sign", "x-timestamp", "x-nonce"]), st.text(st.characters())), st.binary())
def test_anything_unsigned_is_rejected_and_nothing_else_happens(headers: dict[str, str], body: bytes) -> None:
    rejection(headers, body)
    rejection({**headers, "x-timestamp": str(AT), "x-nonce": "n"}, body)
