"""V1's request token (1.4)."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seller import signing_by_hand as sign

from tradehall_seller import Call, Reason, Rejected, V1Verifier

KEY = "test-access-key-0001"
STAMP = "20200727073711903"
SAID = {
    "activity": "newInstance",
    "businessId": "61e834ba-7b97-4418-b8f7-e5345137278c",
    "customerId": "68cbc86abc2018ab880d92f36422fa0e",
    "expireTime": "20200727153156",
    "orderId": "CS1906666666ABCDE",
    "productId": "00301-666666-0--0",
    "testFlag": "1",
    "timeStamp": STAMP,
}
TOKEN = "rjND+EtzdPJCNyqrLt/LHR3JrNBZA/GGJbgOmLk2tqE="


def query(key: str = KEY, **changed: str) -> str:
    said = {**SAID, **changed}
    return sign.encoded({**said, "authToken": sign.token(key, said)})


def rejection(given_query: str | bytes, keys: Any = KEY, **settings: Any) -> tuple[str, Reason]:
    with pytest.raises(Rejected) as caught:
        V1Verifier(keys, **settings).verify(given_query)
    return caught.value.code, caught.value.reason


def test_the_known_vector_verifies() -> None:
    call = V1Verifier(KEY).verify(sign.encoded({**SAID, "authToken": TOKEN}))
    assert call == Call("newInstance", SAID, "", 1_595_835_431_903, "1")
    assert call.test
    assert sign.token(KEY, SAID) == TOKEN


@pytest.mark.parametrize("value", ["a b", "a+b", "云商厅", "&=#%", " blanks ", "", "%2B", "é\u0301"])
def test_values_are_signed_as_they_are_and_sent_percent_encoded(value: str) -> None:
    call = V1Verifier(KEY).verify(query(customerName=value).encode())
    assert call.members["customerName"] == value


def test_an_upper_case_name_sorts_first() -> None:
    assert V1Verifier(KEY).verify(query(Zone="x")).members["Zone"] == "x"


def test_a_token_with_bare_plus_signs_means_plus_signs() -> None:
    assert V1Verifier(KEY).verify(query().replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))


def test_the_same_call_may_come_again() -> None:
    verifier = V1Verifier(KEY)
    assert verifier.verify(query()) == verifier.verify(query())


def test_while_keys_are_exchanged_both_are_accepted_and_the_call_says_which() -> None:
    verifier = V1Verifier({"2026": "new key", "2025": KEY})
    assert [verifier.verify(query(key)).key for key in ("new key", KEY)] == ["2026", "2025"]
    assert rejection(query("a third"), ["new key", KEY])[1] == Reason.SIGNATURE_WRONG
    assert KEY not in repr(verifier.keys)


PLUS = query(customerName="+")


@pytest.mark.parametrize(
    ("given_query", "code", "reason"),
    [
        ("", "000002", Reason.TIMESTAMP_MISSING),
        (query(timeStamp="1595835431903"), "000002", Reason.TIMESTAMP_FORMAT),
        (query(timeStamp="20201327073711903"), "000002", Reason.TIMESTAMP_FORMAT),
        (sign.encoded(SAID), "000001", Reason.SIGNATURE_MISSING),
        (query() + "&orderId=CS2", "000002", Reason.PARAMETER_TWICE),
        (query() + "&a" * 64, "000002", Reason.QUERY_UNREADABLE),
        (query() + "&a=%FF", "000002", Reason.QUERY_UNREADABLE),
        (query(activity=""), "000002", Reason.ACTIVITY_MISSING),
        (query().replace("CS19", "CS18"), "000001", Reason.SIGNATURE_WRONG),
        (query() + "&added=1", "000001", Reason.SIGNATURE_WRONG),
        (query("another key"), "000001", Reason.SIGNATURE_WRONG),
        (query(customerName="a b").replace("a%20b", "a+b"), "000001", Reason.BLANK_AS_PLUS),
        (sign.encoded({**SAID, "authToken": TOKEN.replace("+", " ")}), "000001", Reason.PLUS_AS_BLANK),
        (
            sign.encoded({**SAID, "a": "云", "authToken": sign.token(KEY, {**SAID, "a": "%E4%BA%91"})}),
            "000001",
            Reason.ENCODED_VALUES,
        ),
    ],
)
def test_each_refusal_has_its_reason(given_query: str, code: str, reason: Reason) -> None:
    assert rejection(given_query) == (code, reason)


def test_a_key_entered_with_a_blank_is_named() -> None:
    assert rejection(query(), KEY + "\n") == ("000001", Reason.KEY_WITH_BLANKS)


def test_age_is_limited_only_on_request() -> None:
    made = 1_595_835_431.903
    assert V1Verifier(KEY, now=lambda: made + 60, window=60).verify(query())
    assert rejection(query(), now=lambda: made + 61, window=60) == ("000002", Reason.TIMESTAMP_OLD)
    assert rejection(query(), now=lambda: made - 61, window=60) == ("000002", Reason.TIMESTAMP_AHEAD)


@given(st.text(st.characters()) | st.binary())
def test_anything_unsigned_is_rejected_and_nothing_else_happens(given_query: str | bytes) -> None:
    rejection(given_query)


@given(st.dictionaries(st.sampled_from([*SAID, "authToken"]), st.text()))
def test_no_parameters_are_too_strange(said: dict[str, str]) -> None:
    rejection(sign.encoded(said))


@given(
    st.dictionaries(st.text(min_size=1), st.text(), max_size=5).filter(lambda said: not {*said} & {*SAID, "authToken"})
)
def test_every_signed_query_verifies(more: dict[str, str]) -> None:
    said = {**SAID, **more}
    text = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}"
        for name, value in {**said, "authToken": sign.token(KEY, said)}.items()
    )
    assert V1Verifier(KEY).verify(text).members == said
