"""What comes back from V1 sellers."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.protocols.answers import Answer, AppInfo, Fault, InstanceInfo
from tradehall.protocols.crypt import encrypt
from tradehall.protocols.requests import Activity
from tradehall.protocols.signing import body_sign
from tradehall.protocols.v1 import judge

ACTIVITIES: tuple[Activity, ...] = get_args(Activity)
KEY, JSON = "test-access-key-0001", "application/json"
USER, PASSWORD = encrypt(KEY, "admin", iv="Abcdef0123456789"), encrypt(KEY, "密 码", iv="0123456789Abcdef")
USER_128 = encrypt(KEY, "admin", encryption="AES128", iv="Abcdef0123456789")


def judged(
    activity: Activity,
    value: Any,
    *,
    status: int = 200,
    header: str | None = "sign",
    keys: tuple[str, ...] = (KEY,),
    asked: tuple[str, ...] = (),
) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return judge(activity, status, JSON, body, body_sign(KEY, body) if header == "sign" else header, keys, asked=asked)


def opened(app_info: Any = None, **members: Any) -> dict[str, Any]:
    return {"resultCode": "000000", "instanceId": "i", "appInfo": app_info} | members


def test_an_opened_instance_says_how_it_is_reached() -> None:
    answer = judged(
        "newInstance",
        opened(
            {
                "frontEndUrl": "https://app.example.com",
                "adminUrl": "https://app.example.com/admin",
                "userName": USER,
                "password": PASSWORD,
                "memo": "请修改",
            },
            encryptType="1",
            resultMsg="success.",
        ),
    )
    app = AppInfo("https://app.example.com", "https://app.example.com/admin", "admin", "密 码", "请修改")
    assert answer == Answer(
        "success", code="000000", message="success.", instance_id="i", instances=(InstanceInfo("i", app),)
    )
    assert "密 码" not in repr(answer)


@pytest.mark.parametrize("app_info", [None, {}, [], "text", 7, {"frontEndUrl": None}, {"frontEndUrl": "javascript:1"}])
def test_an_order_does_not_fail_for_want_of_an_address(app_info: Any) -> None:
    assert judged("newInstance", opened(app_info)) == Answer(
        "success", code="000000", instance_id="i", instances=(InstanceInfo("i"),)
    )


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({}, USER),
        ({"encryptType": None}, USER),
        ({"encryptType": ""}, USER),
        ({"encryptType": "1"}, USER),
        ({"encryptType": 1}, USER),
        ({"encryptType": [2]}, USER),
        ({"encryptType": "2"}, USER_128),
        ({"encryptType": 2}, USER_128),
    ],
)
def test_the_encryption_may_be_text_a_number_or_nothing(members: dict[str, Any], field: str) -> None:
    answer = judged("newInstance", opened({"userName": field}, **members))
    assert answer.instances == (InstanceInfo("i", AppInfo(user_name="admin")),)
    assert answer.warnings == ()


@pytest.mark.parametrize(
    "field", ["admin", USER_128, USER[:-4], encrypt("another", "admin", iv="Abcdef0123456789"), "x" * 129]
)
def test_an_account_that_cannot_be_decrypted_costs_the_order_nothing(field: str) -> None:
    answer = judged("newInstance", opened({"frontEndUrl": "https://a.example", "userName": field, "password": field}))
    assert answer == Answer(
        "success",
        code="000000",
        instance_id="i",
        instances=(InstanceInfo("i", AppInfo("https://a.example")),),
        warnings=("cannot_decrypt",),
    )


def test_an_account_that_is_not_there_is_no_trouble() -> None:
    answer = judged("newInstance", opened({"userName": "", "password": 7, "memo": "m"}))
    assert (answer.instances, answer.warnings) == ((InstanceInfo("i", AppInfo(memo="m")),), ())


def test_queries_are_decrypted_alike() -> None:
    told = {"resultCode": "000000", "info": [{"instanceId": "i", "appInfo": {"userName": USER_128}}]}
    answer = judged("queryInstance", told | {"encryptType": 2})
    assert answer.instances == (InstanceInfo("i", AppInfo(user_name="admin")),)
    assert judged("queryInstance", told).warnings == ("cannot_decrypt",)
    assert judged("queryInstance", told, asked=("i",)).verdict == "success"
    assert judged("queryInstance", told, asked=("j",)).verdict == "in_progress"
    assert judged("queryInstance", {"resultCode": "000000"}) == Answer("in_progress", code="000000")


def test_an_instance_may_be_opened_later_and_named_later() -> None:
    assert judged("newInstance", {"resultCode": "000004"}) == Answer("in_progress", code="000004")
    later = judged("newInstance", opened({"memo": "m"}, resultCode="000004"))
    assert later == Answer(
        "in_progress", code="000004", instance_id="i", instances=(InstanceInfo("i", AppInfo(memo="m")),)
    )


def test_only_creation_and_query_may_be_in_progress() -> None:
    for activity in set(ACTIVITIES) - {"newInstance", "queryInstance"}:
        assert judged(activity, {"resultCode": "000004"}) == Answer("refused", code="000004")


@pytest.mark.parametrize(("instance_id", "fault"), [(None, "no_instance_id"), ("i" * 65, "instance_id_too_long")])
def test_an_opening_without_a_usable_id_is_not_believed(instance_id: Any, fault: Fault) -> None:
    assert judged("newInstance", opened(instanceId=instance_id)) == Answer("unreadable", code="000000", fault=fault)


# Body-Sign


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (None, "body_sign_missing"),
        ("", "body_sign_missing"),
        (" \t", "body_sign_missing"),
        ("sign_type=HMAC-SHA256, signature=abc", "body_sign_malformed"),
        ('sign_type="HMAC-SHA1", signature="abc"', "body_sign_malformed"),
        ('sign_type="HMAC-SHA256", signature="abc"', "body_sign_wrong"),
        (body_sign(KEY, b"{}"), "body_sign_wrong"),
    ],
)
@pytest.mark.parametrize("code", ["000000", "000004", "000005"])
def test_without_its_signature_an_answer_is_only_shown(header: str | None, fault: Fault, code: str) -> None:
    members = opened({"frontEndUrl": "https://a.example", "userName": USER}, resultCode=code, resultMsg="m")
    answer = judged("newInstance", members, header=header)
    assert (answer.verdict, answer.fault, answer.code, answer.message) == ("unreadable", fault, code, "m")
    if code != "000005":
        assert answer.instance_id == "i"
        assert answer.instances == (InstanceInfo("i", AppInfo("https://a.example", user_name="admin")),)


def test_what_is_graver_than_a_signature_comes_first() -> None:
    assert judged("releaseInstance", b"<html>", header=None).fault == "not_json"
    assert judged("releaseInstance", b"", header=None).fault == "empty_body"
    assert judged("releaseInstance", {"resultCode": "000000"}, status=500, header=None).fault == "http_status"


def test_a_signature_is_over_the_bytes_as_they_came() -> None:
    for body in (b' {"resultCode":"000000"}\r\n', b'\xef\xbb\xbf{"resultCode": "000000"}\t'):
        assert judged("releaseInstance", body).verdict == "success"
        assert judged("releaseInstance", body, header=body_sign(KEY, body.strip(b"\xef\xbb\xbf \r\n\t"))).fault == (
            "body_sign_wrong"
        )


def test_any_of_the_keys_may_have_signed_and_the_same_one_encrypted() -> None:
    members = opened({"userName": USER})
    for keys in ((KEY, "new"), ("new", KEY), ("newest", "new", KEY)):
        assert judged("newInstance", members, keys=keys).instances == (InstanceInfo("i", AppInfo(user_name="admin")),)
    others = opened({"userName": encrypt("new", "admin")})
    assert judged("newInstance", others, keys=("new", KEY)).warnings == ("cannot_decrypt",)
    assert judged("newInstance", members, keys=()).fault == "body_sign_wrong"


# Whatever comes

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["000000", "000004"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
apps = st.fixed_dictionaries(
    {}, optional={"userName": values | st.just(USER), "password": values | st.just(USER_128), "frontEndUrl": values}
)
answers = st.fixed_dictionaries(
    {"resultCode": st.sampled_from(["000000", "000004"]) | values},
    optional={
        "resultMsg": values,
        "encryptType": values | st.sampled_from(["1", "2", 1, 2]),
        "instanceId": values,
        "appInfo": values | apps,
        "info": values | st.lists(st.fixed_dictionaries({"instanceId": values}, optional={"appInfo": apps | values})),
    },
)


def assert_sound(answer: Answer) -> None:
    assert (answer.verdict == "unreadable") == (answer.fault is not None)
    if answer.verdict == "success":
        assert answer.code == "000000"
    for text in (answer.code, answer.message, answer.instance_id):
        assert text is None or ("\0" not in text and text.encode())


@given(
    st.sampled_from(ACTIVITIES),
    st.just(200) | st.integers(),
    st.text(),
    st.binary(),
    st.none() | st.text(),
    st.lists(texts, max_size=3),
)
def test_any_bytes_and_headers_are_judged(
    activity: Activity, status: int, content_type: str, body: bytes, header: str | None, keys: list[str]
) -> None:
    assert_sound(judge(activity, status, content_type, body, header, keys))
    assert_sound(judge(activity, status, content_type, body, body_sign(KEY, body), [KEY]))


@given(st.sampled_from(ACTIVITIES), values | answers, st.booleans())
def test_any_json_is_judged(activity: Activity, value: Any, signed: bool) -> None:
    assert_sound(judged(activity, value, header="sign" if signed else None))
