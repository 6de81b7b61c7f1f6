import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.protocols.signing import (
    body_sign,
    canonical_body,
    parse_body_sign,
    sign_kit,
    sign_usage,
    sign_v1,
    sign_v2,
    verify_body_sign,
    verify_kit,
    verify_usage,
    verify_v1,
    verify_v2,
)

KEY = "test-access-key-0001"
LONG_NONCE = "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA"
SHORT_NONCE = "Of4lsV7H1qrzVDI52O5CFk2ofPcZRaA6"

VECTORS = [
    pytest.param(
        SHORT_NONCE,
        1680508066618,
        {
            "activity": "newInstance",
            "businessId": "87b94795-0603-4e24-8ae5-69420d60e3c8",
            "orderId": "CS2211181819B4LVS",
            "orderLineId": "CS2211181819B4LVS-000001",
            "testFlag": "1",
        },
        "7c3423c08d12337dd359ce871f975ad942cfea7f9216e66e32389c76d6c0ebd3",
        "8DCF3BE4D27CB97F445012E0D313A2F0C0957012401BAC1522FA13FE94102BE7",
        id="newInstance",
    ),
    pytest.param(
        LONG_NONCE,
        1680508066618,
        {"activity": "updateLicenseCodeStatus", "license": "PL0000001", "status": "FREEZE", "testFlag": "1"},
        "56a1ff5a734bb2861ae4ecc723b72cc551f88ebc708247bb494f5e362fbf706c",
        "EA68FACBD6C289E3D5283854C85543D1407C20E288DD2398A04AE85F1976DEA9",
        id="license",
    ),
    pytest.param(
        SHORT_NONCE,
        1729566664115,
        {
            "activity": "orderNotify",
            "orderId": "CS2211181819B4LVS",
            "orderLineId": "CS2211181819B4LVS-000001",
            "testFlag": "1",
        },
        "ff0916ca39a0b4b14697d9a91125e0a4019307ba88f47ddf43080557be1a7d9a",
        "9C5BAF371D880D996FCDEB3C66B7FF501F29DD6315EF8F7277D628631CE367D0",
        id="orderNotify",
    ),
]

texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(("nonce", "timestamp_ms", "members", "body_hash", "signature"), VECTORS)
def test_signatures_match_the_known_vectors(
    nonce: str, timestamp_ms: int, members: dict[str, str], body_hash: str, signature: str
) -> None:
    signed = sign_v2(KEY, nonce, timestamp_ms, canonical_body(members))
    assert signed.body_hash == body_hash
    assert signed.canonical == f"{KEY}{nonce}{timestamp_ms}{body_hash}"
    assert signed.signature == signature


def test_the_canonical_body_is_sorted_compact_raw_utf8_and_without_nulls() -> None:
    body = canonical_body({"b": "云/商\u2028店", "a": 'say "hi"', "Z": "1", "gone": None, "é": "", "\U0001f600": "x"})
    assert body.decode() == '{"Z":"1","a":"say \\"hi\\"","b":"云/商\u2028店","é":"","\U0001f600":"x"}'


@pytest.mark.parametrize("value", [0, True, 1.5, ["a"], {"a": 1.5}, {"a": True}, {"a": {}}, b"a"])
def test_a_member_that_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="testFlag"):
        canonical_body({"testFlag": value})  # type: ignore[dict-item]


def test_an_object_within_the_body_is_sorted_too() -> None:
    body = canonical_body({"z": "1", "productInfo": {"skuCode": "s", "linearValue": 20, "gone": None, "Z": ""}})
    assert body == b'{"productInfo":{"Z":"","linearValue":20,"skuCode":"s"},"z":"1"}'


def test_text_without_a_utf8_form_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_body({"a": "\ud800"})


@given(st.dictionaries(texts, texts))
def test_the_canonical_body_is_what_a_seller_that_serialises_anew_gets(members: dict[str, str]) -> None:
    body = canonical_body(members)
    assert json.loads(body) == members
    printable = all(character >= " " for text in (*members, *members.values()) for character in text)
    if printable:  # libraries differ in how they escape control characters, which no id holds
        assert body == json.dumps(members, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


@given(texts, texts, st.integers(0, 10**16), st.binary())
def test_every_signature_verifies_in_both_letter_cases(key: str, nonce: str, timestamp_ms: int, body: bytes) -> None:
    signature = sign_v2(key, nonce, timestamp_ms, body).signature
    assert signature == signature.upper()
    assert verify_v2(key, nonce, timestamp_ms, body, signature)
    assert verify_v2(key, nonce, timestamp_ms, body, signature.lower())


@given(st.binary(max_size=64), st.integers(0, 63), st.binary(min_size=1, max_size=8))
def test_nothing_that_was_changed_verifies(body: bytes, place: int, extra: bytes) -> None:
    signature = sign_v2(KEY, SHORT_NONCE, 1680508066618, body).signature
    other = "0" if signature[place] != "0" else "1"
    assert not verify_v2(KEY, SHORT_NONCE, 1680508066618, body, signature[:place] + other + signature[place + 1 :])
    assert not verify_v2(KEY, SHORT_NONCE, 1680508066618, body + extra, signature)
    assert not verify_v2(KEY, SHORT_NONCE, 1680508066619, body, signature)
    assert not verify_v2(KEY, LONG_NONCE, 1680508066618, body, signature)
    assert not verify_v2(KEY + "x", SHORT_NONCE, 1680508066618, body, signature)


@given(st.text())
def test_any_text_may_come_as_a_signature(signature: str) -> None:
    assert not verify_v2(KEY, SHORT_NONCE, 1680508066618, b"{}", signature)


def test_the_access_key_is_not_in_the_repr() -> None:
    assert KEY not in repr(sign_v2(KEY, SHORT_NONCE, 1680508066618, b"{}"))


# Synchronisation calls

TENANT = (
    b'{"domainName":"https://example.tenantaccount.com","flag":1,"instanceId":"huaiweitest123456","name":"huaiweitest",'
    b'"orderId":"CS1906666666ABCDE","tenantCode":"huawei","tenantId":"68cbc86000000000880d92f36422fa0e","testFlag":0,'
    b'"timeStamp":"20220413093539534"}'
)
NEW_INSTANCE = canonical_body(VECTORS[0].values[2])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("nonce", "body", "signature"),
    [
        pytest.param(
            SHORT_NONCE,
            NEW_INSTANCE,
            "8010637B71F37ED4A4CA86D271A9B89B39611DBD9106F128AE6D8EAD43A182AD",
            id="newInstance",
        ),
        pytest.param(
            LONG_NONCE, TENANT, "7e3ec9121c06f88c82cebb1595bef1216efcc781fb35e8e7c1db001fc57c064d", id="tenantSync"
        ),
    ],
)
def test_synchronisation_signatures_match_the_known_vectors(nonce: str, body: bytes, signature: str) -> None:
    signed = sign_kit(KEY, nonce, 1680508066618, body)
    assert signed.canonical == f"{KEY}{nonce}1680508066618".encode() + body
    assert signed.signature == signature.upper()
    assert verify_kit(KEY, nonce, 1680508066618, body, signature)
    assert KEY not in repr(signed)


def test_the_two_rules_of_v2_are_not_each_others() -> None:
    of_a_call = sign_v2(KEY, SHORT_NONCE, 1680508066618, NEW_INSTANCE).signature
    assert not verify_kit(KEY, SHORT_NONCE, 1680508066618, NEW_INSTANCE, of_a_call)


@given(texts, texts, st.integers(0, 10**16), st.binary(), st.text())
def test_every_synchronisation_signature_verifies(key: str, nonce: str, at: int, body: bytes, other: str) -> None:
    signature = sign_kit(key, nonce, at, body).signature
    assert verify_kit(key, nonce, at, body, signature.lower())
    assert not verify_kit(key, nonce, at, body, other)
    assert not verify_kit(key, nonce, at, body + b" ", signature)


# V1's token

TOKEN = "rjND+EtzdPJCNyqrLt/LHR3JrNBZA/GGJbgOmLk2tqE="
PARAMETERS = {
    "timeStamp": "20200727073711903",
    "testFlag": "1",
    "productId": "00301-666666-0--0",
    "orderId": "CS1906666666ABCDE",
    "expireTime": "20200727153156",
    "customerId": "68cbc86abc2018ab880d92f36422fa0e",
    "businessId": "61e834ba-7b97-4418-b8f7-e5345137278c",
    "activity": "newInstance",
}


def test_a_token_matches_the_known_vector() -> None:
    signed = sign_v1(KEY, PARAMETERS | {"authToken": "whatever"})
    assert signed.token == TOKEN
    assert signed.canonical.startswith("activity=newInstance&businessId=61e834ba-")
    assert signed.canonical.endswith("&testFlag=1&timeStamp=20200727073711903")
    assert verify_v1(KEY, PARAMETERS | {"authToken": TOKEN})


def test_names_ascend_by_code_point_and_values_are_taken_as_they_are() -> None:
    assert sign_v1(KEY, {"b": "云 &=", "timeStamp": "1", "Z": "+%20", "a": ""}).canonical == (
        "Z=+%20&a=&b=云 &=&timeStamp=1"
    )


def test_there_is_no_token_without_a_time() -> None:
    with pytest.raises(ValueError, match="timeStamp"):
        sign_v1(KEY, {"a": "b"})
    assert not verify_v1(KEY, {"a": "b", "authToken": TOKEN})
    assert not verify_v1(KEY, PARAMETERS)


@given(texts, st.dictionaries(texts, texts), texts, st.text())
def test_every_token_verifies_and_nothing_else_does(key: str, parameters: dict[str, str], at: str, other: str) -> None:
    given_ = {name: value for name, value in parameters.items() if name != "authToken"} | {"timeStamp": at}
    token = sign_v1(key, given_).token
    assert verify_v1(key, given_ | {"authToken": token})
    assert not verify_v1(key, given_ | {"authToken": other})
    assert not verify_v1(key, given_ | {"authToken": token, "timeStamp": at + "0"})


# V1's Body-Sign

ANSWER = b'{"resultCode":"000000","resultMsg":"success."}'


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        (KEY, "MTRk2q83clWO4HHLQUfXiUtDjSMcNYXSL1bfbmtOrjc="),
        ("testkey", "fX/qR7ZCF+wrz3vqGpHGVb4a2EZaBzFSBXXt5c7jkyA="),
    ],
)
def test_an_answers_signature_matches_the_known_vectors(key: str, signature: str) -> None:
    assert body_sign(key, ANSWER) == f'sign_type="HMAC-SHA256", signature= "{signature}"'
    assert verify_body_sign(key, ANSWER, signature)
    assert not verify_body_sign(key, ANSWER + b"\n", signature)


@pytest.mark.parametrize(
    "header",
    [
        'sign_type="HMAC-SHA256", signature= "a+/="',
        'sign_type="HMAC-SHA256",signature="a+/="',
        'SIGN_TYPE = "hmac-sha256" ,  Signature\t=\t"a+/="',
        'signature="a+/=";sign_type="HMAC-SHA256"',
        '  sign_type="HMAC-SHA256" signature="a+/=", more="x"  ',
    ],
)
def test_a_body_sign_is_read_however_it_is_spaced(header: str) -> None:
    assert parse_body_sign(header) == "a+/="


@pytest.mark.parametrize(
    "header",
    [
        "",
        "a+/=",
        'signature="a+/="',
        'sign_type="HMAC-SHA256"',
        'sign_type="HMAC-SHA256", signature=""',
        'sign_type="HMAC-SHA1", signature="a+/="',
        "sign_type=HMAC-SHA256, signature=a+/=",
        "sign_type='HMAC-SHA256', signature='a+/='",
        'sign_type="HMAC-SHA256", my_signature="a+/="',
        'sign_type="HMAC-SHA256", signature="a+/=' + "x" * 2000 + '"',
    ],
)
def test_what_is_no_body_sign_is_not_read(header: str) -> None:
    assert parse_body_sign(header) is None


@given(texts, st.binary(), st.text())
def test_every_body_sign_is_read_and_verifies(key: str, body: bytes, other: str) -> None:
    signature = parse_body_sign(body_sign(key, body))
    assert signature is not None
    assert verify_body_sign(key, body, signature)
    assert not verify_body_sign(key, body + b" ", signature)
    assert not verify_body_sign(key, body, other)


@given(st.text() | st.text('sign_type="HMAC-SHA256", '))
def test_any_header_is_read(header: str) -> None:
    signature = parse_body_sign(header)
    assert signature is None or not verify_body_sign(KEY, ANSWER, signature)


# Readings that sellers push

READINGS = (
    b'{"usage_records":[{"begin_time":"20220809T080000Z","end_time":"20220809T090000Z",'
    b'"instance_id":"7f141bf1-aec8-4859-8323-fb3a8ad50721","metering_sn":"m-0001","record_time":"20220809T091000Z",'
    b'"usage_value":"99"}]}'
)


def test_a_push_of_readings_matches_the_known_vector() -> None:
    nonce = "6c63c221-1f6b-4141-8ff4-22f5dfe82b65"
    signed = sign_usage(KEY, "1709690865879", nonce, READINGS)
    assert signed.canonical == f"ts=1709690865879&nonce={nonce}&body=".encode() + READINGS
    assert signed.signature == "W0r8gCZJGUHWwHtnf1TSYWpNnUXOquPOdokVPFzPpHg="
    assert verify_usage(KEY, "1709690865879", nonce, READINGS, signed.signature)


@given(texts, texts, texts, st.binary(), st.text())
def test_every_push_of_readings_verifies(key: str, ts: str, nonce: str, body: bytes, other: str) -> None:
    signature = sign_usage(key, ts, nonce, body).signature
    assert verify_usage(key, ts, nonce, body, signature)
    assert not verify_usage(key, ts, nonce, body, other)
    assert not verify_usage(key, ts, nonce, body + b" ", signature)
