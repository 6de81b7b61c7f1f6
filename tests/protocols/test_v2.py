import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.protocols import v2
from tradehall.protocols.answers import FAULTS, RESULT_CODES, Answer, AppInfo, Fault, InstanceInfo, UsageInfo
from tradehall.protocols.requests import Activity, NotifyOrder, OpenInstance, QueryInstances, ReleaseInstance
from tradehall.protocols.signing import verify_v2
from tradehall.protocols.v2 import judge

ORDER, LINE, BUSINESS = "CS2211181819B4LVS", "CS2211181819B4LVS-000001", "87b94795-0603-4e24-8ae5-69420d60e3c8"
ACTIVITIES: tuple[Activity, ...] = get_args(Activity)
JSON = "application/json"


def judged(activity: Activity, value: Any, status: int = 200, content_type: str = JSON) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return judge(activity, status, content_type, body)


# What is sent


def test_a_real_new_instance_carries_no_test_flag() -> None:
    assert v2.body(OpenInstance(ORDER, LINE, BUSINESS)) == (
        b'{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8",'
        b'"orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001"}'
    )


def test_a_metered_new_instance_names_its_product_and_a_test_says_so() -> None:
    body = json.loads(v2.body(OpenInstance(ORDER, LINE, BUSINESS, product_id="OFFI1"), test=True))
    assert (body["productId"], body["testFlag"]) == ("OFFI1", "1")


def test_instances_are_asked_for_in_one_list() -> None:
    assert v2.body(QueryInstances(("a+/=", "云"))) == '{"activity":"queryInstance","instanceId":"a+/=,云"}'.encode()
    assert json.loads(v2.body(QueryInstances(("a",)), test=True))["testFlag"] == "1"


@pytest.mark.parametrize("count", [0, 101])
def test_only_1_to_100_instances_can_be_asked_for(count: int) -> None:
    with pytest.raises(ValueError, match="instances"):
        v2.body(QueryInstances(("a",) * count))


def test_an_id_with_a_comma_is_asked_for_alone() -> None:
    assert json.loads(v2.body(QueryInstances(("a,b",))))["instanceId"] == "a,b"
    with pytest.raises(ValueError, match="comma"):
        v2.body(QueryInstances(("a,b", "c")))


def test_a_release_names_the_order_only_when_there_is_one() -> None:
    assert v2.body(ReleaseInstance("i", "", None, None, None)) == b'{"activity":"releaseInstance","instanceId":"i"}'
    assert json.loads(v2.body(ReleaseInstance("i", "", ORDER, LINE, None), test=True)) == {
        "activity": "releaseInstance",
        "instanceId": "i",
        "orderId": ORDER,
        "orderLineId": LINE,
        "testFlag": "1",
    }


@pytest.mark.parametrize(("test", "flag"), [(True, "1"), (False, "0")])
def test_a_notification_always_says_whether_it_is_a_test(test: bool, flag: str) -> None:
    assert json.loads(v2.body(NotifyOrder(ORDER, LINE), test=test))["testFlag"] == flag


@pytest.mark.parametrize(
    ("address", "start"),
    [
        ("https://isv.example.com", "https://isv.example.com?signature="),
        ("https://isv.example.com/produce", "https://isv.example.com/produce?signature="),
        ("https://isv.example.com/produce?", "https://isv.example.com/produce?signature="),
        ("https://isv.example.com/produce?a=1", "https://isv.example.com/produce?a=1&signature="),
        ("https://isv.example.com/produce?a=1&", "https://isv.example.com/produce?a=1&signature="),
        ("https://isv.example.com/produce?a=1#top", "https://isv.example.com/produce?a=1&signature="),
    ],
)
def test_the_signature_joins_whatever_the_address_holds(address: str, start: str) -> None:
    body = v2.body(NotifyOrder(ORDER, LINE))
    url = v2.signed_url(address, "key", "n+/=&", 1680508066618, body)
    assert url.startswith(start)
    given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (given["timestamp"], given["nonce"]) == ("1680508066618", "n+/=&")
    assert verify_v2("key", "n+/=&", 1680508066618, body, given["signature"])


# What comes back


def test_an_opened_instance_is_success() -> None:
    answer = judged("newInstance", {"resultCode": "000000", "resultMsg": "success.", "instanceId": "a+/="})
    assert answer == Answer("success", code="000000", message="success.", instance_id="a+/=")


def test_an_instance_may_be_opened_later() -> None:
    answer = judged("newInstance", {"resultCode": "000004", "instanceId": "i"})
    assert (answer.verdict, answer.instance_id) == ("in_progress", "i")


def test_only_creation_and_query_may_be_in_progress() -> None:
    assert judged("queryInstance", {"resultCode": "000004"}).verdict == "in_progress"
    for activity in set(ACTIVITIES) - {"newInstance", "queryInstance"}:
        assert judged(activity, {"resultCode": "000004"}) == Answer("refused", code="000004")


@pytest.mark.parametrize("activity", sorted(set(ACTIVITIES) - {"newInstance", "queryInstance"}))
def test_everything_else_needs_nothing_but_the_code(activity: Activity) -> None:
    assert judged(activity, {"resultCode": "000000"}) == Answer("success", code="000000")


@pytest.mark.parametrize("code", ["000005", "000106", "MKT.0000", "0", "000000 ", "00000"])
def test_any_other_code_is_the_sellers_no(code: str) -> None:
    answer = judged("newInstance", {"resultCode": code, "resultMsg": "no", "instanceId": "i"})
    assert answer == Answer("refused", code=code, message="no")


@pytest.mark.parametrize("code", ["000000", "000004"])
@pytest.mark.parametrize(
    ("instance_id", "fault"),
    [
        (None, "no_instance_id"),
        ("", "no_instance_id"),
        ("  ", "no_instance_id"),
        ("a\0b", "no_instance_id"),
        (7, "no_instance_id"),
        (["i"], "no_instance_id"),
        ("i" * 65, "instance_id_too_long"),
    ],
)
def test_an_opening_without_a_usable_id_is_not_believed(code: str, instance_id: Any, fault: Fault) -> None:
    answer = judged("newInstance", {"resultCode": code, "instanceId": instance_id})
    assert answer == Answer("unreadable", code=code, fault=fault)


def test_64_characters_of_anything_are_an_id() -> None:
    assert judged("newInstance", {"resultCode": "000000", "instanceId": "云" * 64}).verdict == "success"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "empty_body"),
        (b" \r\n", "empty_body"),
        (b"\xef\xbb\xbf", "empty_body"),
        (b"<html>oops</html>", "not_json"),
        (b'{"resultCode":"000000"', "not_json"),
        (b'{"resultCode":"000000","x":NaN}', "not_json"),
        (b'{"resultCode":"000000"} trailing', "not_json"),
        (b"[" * 200_000, "not_json"),
        (b'{"a":' * 200_000, "not_json"),
        (b"9" * 5000, "not_json"),
        ('{"resultCode":"000000","resultMsg":"成功"}'.encode("gbk"), "not_utf8"),
        (b"[]", "not_an_object"),
        (b'"000000"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"9" * 4000, "not_an_object"),
        (b"{}", "no_result_code"),
        (b'{" resultCode":"000000"}', "no_result_code"),
        (b'{"resultCode":null}', "no_result_code"),
        (b'{"resultCode":""}', "no_result_code"),
        (b'{"resultCode":0}', "result_code_type"),
        (b'{"resultCode":false}', "result_code_type"),
        (b'{"resultCode":0.0}', "result_code_type"),
        (b'{"resultCode":["000000"]}', "result_code_type"),
        (b'{"resultCode":{}}', "result_code_type"),
        (b'{"resultCode":' + b"9" * 4000 + b"}", "result_code_type"),
    ],
)
def test_what_cannot_be_read_is_named(body: bytes, fault: Fault) -> None:
    for activity in ACTIVITIES:
        answer = judged(activity, body)
        assert (answer.verdict, answer.fault, answer.code) == ("unreadable", fault, None)


def test_an_error_status_counts_for_more_than_a_good_body() -> None:
    answer = judged("newInstance", {"resultCode": "000000", "instanceId": "i"}, status=500)
    assert answer == Answer("unreadable", code="000000", fault="http_status")


def test_an_error_status_still_shows_what_the_seller_said() -> None:
    answer = judged("releaseInstance", {"resultCode": "000005", "resultMsg": "bad signature"}, status=401)
    assert (answer.fault, answer.code, answer.message) == ("http_status", "000005", "bad signature")
    assert judged("releaseInstance", b"<html>", status=502, content_type="text/html") == Answer(
        "unreadable", fault="http_status"
    )


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_named(status: int) -> None:
    assert judged("orderNotify", b"", status=status).fault == "redirected"


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf8", " application/json ;x"])
def test_the_content_type_may_have_parameters(content_type: str) -> None:
    assert judged("orderNotify", {"resultCode": "000000"}, content_type=content_type).warnings == ()


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/html;charset=utf-8", "application/json2"])
def test_a_wrong_content_type_is_forgiven_but_named(content_type: str) -> None:
    answer = judged("orderNotify", {"resultCode": "000000"}, content_type=content_type)
    assert (answer.verdict, answer.fault, answer.warnings) == ("success", None, ("content_type",))


def test_a_byte_order_mark_is_tolerated_and_the_last_of_equal_keys_counts() -> None:
    body = b'\xef\xbb\xbf{"resultCode":"000005","resultCode":"000000"}'
    assert judged("orderNotify", body).verdict == "success"


def test_long_messages_and_codes_are_cut_and_cannot_hold_nul() -> None:
    answer = judged("orderNotify", {"resultCode": "9" * 500, "resultMsg": "\0" + "云" * 500})
    assert (answer.code, answer.message) == ("9" * 64, "\ufffd" + "云" * 254)


def test_a_message_that_is_not_text_is_left_out() -> None:
    assert judged("orderNotify", {"resultCode": "000000", "resultMsg": 7}).message is None


def test_instances_are_described() -> None:
    answer = judged(
        "queryInstance",
        {
            "resultCode": "000000",
            "encryptType": "1",
            "info": [
                {
                    "instanceId": "i",
                    "appInfo": {
                        "frontEndUrl": "https://app.example.com",
                        "adminUrl": "HTTPS://app.example.com/admin",
                        "userName": "admin",
                        "password": "secret",
                        "memo": "请修改",
                    },
                    "usageInfo": [
                        {"relatedInstanceId": "j", "usageValue": 12.3456, "statisticalTime": "20221124023618256"},
                        {"usageValue": "99", "dashboardUrl": "https://app.example.com/usage"},
                    ],
                }
            ],
        },
    )
    app = AppInfo("https://app.example.com", "HTTPS://app.example.com/admin", "admin", "secret", "请修改")
    first = UsageInfo(Decimal("12.3456"), datetime(2022, 11, 24, 2, 36, 18, 256000, UTC), "j")
    second = UsageInfo(Decimal(99), dashboard_url="https://app.example.com/usage")
    assert answer == Answer("success", code="000000", instances=(InstanceInfo("i", app, (first, second)),))
    assert "secret" not in repr(answer)


def test_what_is_unusable_within_an_instance_is_left_out() -> None:
    answer = judged(
        "queryInstance",
        {
            "resultCode": "000000",
            "info": [
                "text",
                {"instanceId": 7},
                {"instanceId": "bare"},
                {"instanceId": "empty", "appInfo": {"frontEndUrl": 1, "userName": "u" * 129}, "usageInfo": {}},
                {
                    "instanceId": "partly",
                    "appInfo": {
                        "frontEndUrl": "javascript:alert(1)",
                        "adminUrl": "https://" + "a" * 505,
                        "userName": "u" * 128,
                        "memo": "m" * 2000,
                    },
                    "usageInfo": [
                        7,
                        {"usageValue": True},
                        {"usageValue": "-1"},
                        {"usageValue": 1e300},
                        {"usageValue": "1", "statisticalTime": "20221324023618256", "relatedInstanceId": "r" * 65},
                    ],
                },
            ],
        },
    )
    assert answer.instances == (
        InstanceInfo("bare"),
        InstanceInfo("empty"),
        InstanceInfo("partly", AppInfo(user_name="u" * 128, memo="m" * 1024), (UsageInfo(Decimal(1)),)),
    )


@pytest.mark.parametrize("info", [None, [], {}, "i", [{}], [{"instanceId": "i" * 65}]])
def test_a_query_answered_without_an_instance_says_that_it_is_not_ready(info: Any) -> None:
    answer = judged("queryInstance", {"resultCode": "000000", "info": info})
    assert answer == Answer("in_progress", code="000000")


def test_another_instance_than_the_one_asked_for_does_not_count() -> None:
    body = b'{"resultCode":"000000","info":[{"instanceId":"i"}]}'
    assert judge("queryInstance", 200, JSON, body).verdict == "success"
    assert judge("queryInstance", 200, JSON, body, asked=["h", "i"]).verdict == "success"
    assert judge("queryInstance", 200, JSON, body, asked=["j"]) == Answer(
        "in_progress", code="000000", instances=(InstanceInfo("i"),)
    )


# Whatever comes

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["000000", "000004"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
app_infos = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["frontEndUrl", "adminUrl", "userName", "password", "memo"], values)
)
usage_infos = st.fixed_dictionaries(
    {},
    optional={
        "usageValue": values | st.from_regex(r"[0-9]{1,14}(\.[0-9]+)?"),
        "statisticalTime": values | st.from_regex(r"[0-9]{14,17}"),
        "relatedInstanceId": values,
        "dashboardUrl": values,
    },
)
instance_infos = st.fixed_dictionaries(
    {"instanceId": values},
    optional={"appInfo": values | app_infos, "usageInfo": values | st.lists(usage_infos)},
)
answers = st.fixed_dictionaries(
    {"resultCode": st.sampled_from(["000000", "000004"]) | values},
    optional={"resultMsg": values, "instanceId": values, "info": values | st.lists(instance_infos)},
)


def assert_sound(answer: Answer) -> None:
    assert (answer.verdict == "unreadable") == (answer.fault is not None)
    if answer.verdict == "success":
        assert answer.code == "000000"
    for text in (answer.code, answer.message, answer.instance_id):
        assert text is None or ("\0" not in text and text.encode())


@given(st.sampled_from(ACTIVITIES), st.sampled_from([200]) | st.integers(), st.text(), st.binary())
def test_any_bytes_are_judged(activity: Activity, status: int, content_type: str, body: bytes) -> None:
    assert_sound(judge(activity, status, content_type, body))


@given(st.sampled_from(ACTIVITIES), values | answers)
def test_any_json_is_judged(activity: Activity, value: Any) -> None:
    assert_sound(judged(activity, value))


def test_every_fault_and_code_has_its_words() -> None:
    assert set(FAULTS) == set(get_args(Fault))
    assert all(known.code == code and known.meaning for code, known in RESULT_CODES.items())
    assert {f"{code:06}" for code in (*range(6), *range(100, 108), *range(900, 904))} == set(RESULT_CODES)
