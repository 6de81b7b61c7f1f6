import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.protocols.signing import canonical_body, sign_v2, verify_v2

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


@pytest.mark.parametrize("value", [0, True, 1.5, ["a"], {"a": "b"}, b"a"])
def test_a_member_that_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="testFlag"):
        canonical_body({"testFlag": value})  # type: ignore[dict-item]


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
