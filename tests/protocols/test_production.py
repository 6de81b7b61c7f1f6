"""Requests in both generations, and that who calls sellers need not know which one it is."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.protocols.answers import Answer
from tradehall.protocols.crypt import decrypt
from tradehall.protocols.production import Outgoing, judge, outgoing
from tradehall.protocols.requests import (
    Activity,
    ChargingMode,
    CheckChange,
    Encryption,
    Generation,
    NotifyOrder,
    OpenInstance,
    PeriodType,
    Purchase,
    QuantityParameter,
    QueryInstances,
    RefreshInstance,
    ReleaseInstance,
    Request,
    Scene,
    SetStatus,
    UpgradeInstance,
    activity_of,
    activity_of_request,
)
from tradehall.protocols.signing import body_sign, sign_v1, verify_v1, verify_v2

KEY = "test-access-key-0001"
ORDER, LINE, BUSINESS = "CS2211181819B4LVS", "CS2211181819B4LVS-000001", "87b94795-0603-4e24-8ae5-69420d60e3c8"
AT = datetime(2020, 7, 27, 15, 37, 11, 903500, timezone(timedelta(hours=8)))  # 07:37:11.903 UTC
UNTIL = datetime(2021, 7, 27, 23, 31, 56, tzinfo=timezone(timedelta(hours=8)))  # 15:31:56 UTC
PURCHASE = Purchase(
    customer_id="68cbc86abc2018ab880d92f36422fa0e",
    customer_name=" 某 公司+1 ",
    sku_code="sku-1",
    product_id="00301-666666-0--0",
    charging_mode="PERIOD",
    period_type="year",
    period_number=1,
    expires_at=UNTIL,
    quantity=20,
    quantity_parameter="diskSize",
    amount=Decimal("12.78"),
    trial=False,
)
OPEN = OpenInstance(ORDER, LINE, BUSINESS, PURCHASE)
REFRESH = RefreshInstance("RENEWAL", ORDER, LINE, "a+/= ", UNTIL, "OFFI1", "month", 3, Decimal("9.90"))
UPGRADE = UpgradeInstance("i", ORDER, LINE, "sku-2", "OFFI2", 40, "amount")
CHECK = CheckChange("i", "sku-2", "OFFI2", 40, "云, 标准版")

texts = st.text(st.characters(exclude_categories=["Cs"]))
# An instance id is never empty, and only one asked for alone may hold a comma.
ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=","), min_size=1, max_size=64)
moments = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 - the zones come from the strategy
    datetime(2999, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC) | st.timezones(),
)
amounts = st.decimals(0, 10**9, places=3)
modes: st.SearchStrategy[ChargingMode] = st.sampled_from(get_args(ChargingMode))
counts = st.none() | st.integers(1, 9999999)
purchases = st.builds(
    Purchase,
    texts,
    texts,
    texts,
    texts,
    modes,
    st.none() | st.sampled_from(get_args(PeriodType)),
    counts,
    st.none() | moments,
    counts,
    st.sampled_from(get_args(QuantityParameter)),
    amounts,
    st.booleans(),
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
)
requests: st.SearchStrategy[Request] = st.one_of(
    st.builds(OpenInstance, texts, texts, texts, purchases, st.none() | texts),
    st.builds(QueryInstances, st.lists(ids, min_size=1, max_size=100).map(tuple)),
    st.builds(
        RefreshInstance,
        st.sampled_from(get_args(Scene)),
        texts,
        texts,
        ids,
        moments,
        st.none() | texts,
        st.none() | st.sampled_from(get_args(PeriodType)),
        counts,
        amounts,
    ),
    st.builds(SetStatus, ids, texts, st.booleans(), modes),
    st.builds(ReleaseInstance, ids, texts, st.none() | texts, st.none() | texts, st.none() | amounts),
    st.builds(UpgradeInstance, ids, texts, texts, texts, texts, counts, st.sampled_from(get_args(QuantityParameter))),
    st.builds(CheckChange, ids, texts, texts, counts, texts),
    st.builds(NotifyOrder, texts, texts),
)


ADDRESS, NONCE, IV = "https://isv.example.com/produce", "Of4lsV7H1qrzVDI52O5CFk2ofPcZRaA6", "Abcdef0123456789"


def query_of(url: str) -> dict[str, str]:
    """The parameters as a seller's server reads them, each of them there once and encoded strictly."""
    query = urlsplit(url).query
    assert re.fullmatch(r"([0-9A-Za-z_.~=&-]|%[0-9A-F]{2})+", query), query
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def sent(generation: Generation, request: Request, **options: Any) -> Outgoing:
    usual: dict[str, Any] = {"address": ADDRESS, "access_key": KEY, "nonce": NONCE, "at": AT}
    return outgoing(generation, request, **usual | options)


def v2_body(request: Request, **options: Any) -> Any:
    return json.loads(sent("V2", request, **options).body)


def v1_query(request: Request, **options: Any) -> dict[str, str]:
    """What a V1 seller reads of a call, without what is the same in all."""
    query = query_of(sent("V1", request, **options).url)
    assert query.pop("timeStamp") == "20200727073711903"
    assert len(query.pop("authToken")) == 44
    assert query.pop("testFlag") == "0"
    return query


# Names

NAMES: list[tuple[Request, Activity | None, Activity | None]] = [
    (OPEN, "newInstance", "newInstance"),
    (QueryInstances(("i",)), "queryInstance", "queryInstance"),
    (REFRESH, "refreshInstance", "refreshInstance"),
    (msgspec.structs.replace(REFRESH, scene="RENEWAL_CHANGE"), "refreshInstance", None),
    (SetStatus("i", ORDER, True, "PERIOD"), "updateInstanceStatus", "expireInstance"),
    (SetStatus("i", ORDER, False, "PERIOD"), "updateInstanceStatus", None),
    (SetStatus("i", ORDER, True, "ONE_TIME"), "updateInstanceStatus", "expireInstance"),
    (SetStatus("i", ORDER, True, "ON_DEMAND"), "updateInstanceStatus", "instanceStatus"),
    (SetStatus("i", ORDER, False, "ON_DEMAND_PKG"), "updateInstanceStatus", "instanceStatus"),
    (ReleaseInstance("i", ORDER, None, None, None), "releaseInstance", "releaseInstance"),
    (UPGRADE, "upgradeInstance", "upgrade"),
    (CHECK, "changeInstanceCheck", None),
    (NotifyOrder(ORDER, LINE), "orderNotify", "orderNotify"),
]


@pytest.mark.parametrize(("request_", "in_v2", "in_v1"), NAMES)
def test_every_request_has_its_name_or_none(request_: Request, in_v2: Activity | None, in_v1: Activity | None) -> None:
    names: tuple[tuple[Generation, Activity | None], ...] = (("V2", in_v2), ("V1", in_v1))
    for generation, name in names:
        assert activity_of_request(generation, request_) == name
        if name is None:
            with pytest.raises(ValueError, match="V1 has no interface"):
                sent(generation, request_)
        elif generation == "V2" or name == "orderNotify":
            assert json.loads(sent(generation, request_).body)["activity"] == name
        else:
            assert query_of(sent(generation, request_).url)["activity"] == name


def test_every_activity_is_some_requests() -> None:
    assert {name for _, *both in NAMES for name in both if name} == set(get_args(Activity))


def test_a_name_can_be_had_before_there_is_a_request() -> None:
    assert activity_of("V2", SetStatus) == "updateInstanceStatus"
    assert activity_of("V1", SetStatus, charging_mode="ON_DEMAND", frozen=False) == "instanceStatus"
    with pytest.raises(ValueError, match="charging mode"):
        activity_of("V1", SetStatus)


@given(requests, texts)
def test_what_has_a_name_can_be_said_and_nothing_else(request_: Request, nonce: str) -> None:
    for generation in get_args(Generation):
        name = activity_of_request(generation, request_)
        if name is None:
            with pytest.raises(ValueError):
                sent(generation, request_, nonce=nonce)
        else:
            assert sent(generation, request_, nonce=nonce).url.startswith(ADDRESS)


# V2


def test_a_v2_call_is_a_signed_post() -> None:
    call = sent("V2", OPEN)
    assert (call.method, call.headers["Content-Type"]) == ("POST", "application/json;charset=utf-8")
    query = {name: values[0] for name, values in parse_qs(urlsplit(call.url).query).items()}
    assert query.keys() == {"signature", "timestamp", "nonce"}
    assert (query["timestamp"], query["nonce"]) == ("1595835431903", NONCE)
    assert verify_v2(KEY, NONCE, 1595835431903, call.body, query["signature"])


def test_v2_opens_with_ids_alone() -> None:
    assert sent("V2", OPEN).body == (
        b'{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8",'
        b'"orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001"}'
    )
    assert v2_body(OpenInstance(ORDER, LINE, BUSINESS, product_id="OFFI1"))["productId"] == "OFFI1"


@pytest.mark.parametrize("scene", get_args(Scene))
def test_v2_names_the_scene_of_a_refresh(scene: Scene) -> None:
    assert v2_body(msgspec.structs.replace(REFRESH, scene=scene)) == {
        "activity": "refreshInstance",
        "scene": scene,
        "orderId": ORDER,
        "orderLineId": LINE,
        "instanceId": "a+/= ",
        "productId": "OFFI1",
        "expireTime": "20210727153156",
    }
    assert "productId" not in v2_body(msgspec.structs.replace(REFRESH, product_id=None))


@pytest.mark.parametrize(("frozen", "status"), [(True, "FREEZE"), (False, "UNFREEZE")])
def test_v2_freezes_and_unfreezes(frozen: bool, status: str) -> None:
    for mode in ("PERIOD", "ON_DEMAND"):
        assert v2_body(SetStatus("i", ORDER, frozen, mode)) == {
            "activity": "updateInstanceStatus",
            "instanceId": "i",
            "status": status,
        }


def test_v2_releases_for_an_unsubscription_or_for_no_order() -> None:
    assert v2_body(ReleaseInstance("i", ORDER, None, None, None)) == {"activity": "releaseInstance", "instanceId": "i"}
    assert v2_body(ReleaseInstance("i", ORDER, "CS9", "CS9-000001", Decimal(5))) == {
        "activity": "releaseInstance",
        "instanceId": "i",
        "orderId": "CS9",
        "orderLineId": "CS9-000001",
    }


def test_v2_upgrades_by_the_order_alone() -> None:
    assert v2_body(UPGRADE) == {
        "activity": "upgradeInstance",
        "instanceId": "i",
        "orderId": ORDER,
        "orderLineId": LINE,
    }


def test_v2_checks_a_change_with_the_product_it_leads_to() -> None:
    assert (
        sent("V2", CHECK).body
        == (
            '{"activity":"changeInstanceCheck","instanceId":"i",'
            '"productInfo":{"linearValue":40,"productId":"OFFI2","productName":"云, 标准版","skuCode":"sku-2"}}'
        ).encode()
    )
    assert "linearValue" not in v2_body(msgspec.structs.replace(CHECK, quantity=None))["productInfo"]


def test_v2_says_the_revision_only_when_told_to_and_the_test_flag_only_in_tests() -> None:
    assert v2_body(UPGRADE, revision=7, test=True) == v2_body(UPGRADE) | {"revision": "7", "testFlag": "1"}


@given(requests, texts, texts, moments, st.none() | st.integers(0), st.booleans())
def test_any_v2_call_verifies_as_it_is_and_serialised_anew(
    request_: Request, key: str, nonce: str, at: datetime, revision: int | None, test: bool
) -> None:
    call = sent("V2", request_, access_key=key, nonce=nonce, at=at, revision=revision, test=test)
    query = {name: values[0] for name, values in parse_qs(urlsplit(call.url).query, keep_blank_values=True).items()}
    assert query["nonce"] == nonce
    assert abs(datetime.fromtimestamp(int(query["timestamp"]) / 1000, UTC) - at).total_seconds() < 0.002
    assert verify_v2(key, nonce, int(query["timestamp"]), call.body, query["signature"])
    members = json.loads(call.body)
    assert list(members) == sorted(members)
    assert all(isinstance(value, str) for name, value in members.items() if name != "productInfo")


# V1


def test_a_v1_call_is_a_get_with_a_token() -> None:
    call = sent("V1", QueryInstances(("i",)), address=ADDRESS, test=True)
    assert (call.method, call.body, dict(call.headers)) == ("GET", b"", {"Accept": "application/json"})
    assert call.url.startswith(
        f"{ADDRESS}?activity=queryInstance&instanceId=i&testFlag=1&timeStamp=20200727073711903&authToken="
    )
    assert verify_v1(KEY, query_of(call.url))


def test_v1_tells_who_bought_what() -> None:
    assert v1_query(OPEN) == {
        "activity": "newInstance",
        "customerId": "68cbc86abc2018ab880d92f36422fa0e",
        "customerName": "某 公司+1",
        "businessId": BUSINESS,
        "orderId": ORDER,
        "skuCode": "sku-1",
        "productId": "00301-666666-0--0",
        "expireTime": "20210727153156",
        "chargingMode": "1",
        "diskSize": "20",
        "periodType": "year",
        "periodNumber": "1",
        "orderAmount": "12.78",
    }


def test_v1_leaves_out_what_a_one_time_purchase_has_not() -> None:
    once = msgspec.structs.replace(
        PURCHASE, charging_mode="ONE_TIME", expires_at=None, customer_name=" ", quantity=None, amount=Decimal("1E+2")
    )
    query = v1_query(OpenInstance(ORDER, LINE, BUSINESS, once))
    assert not query.keys() & {"expireTime", "periodType", "periodNumber", "customerName", "diskSize", "trialFlag"}
    assert (query["chargingMode"], query["orderAmount"]) == ("3", "100")


@pytest.mark.parametrize(("mode", "number"), [("ON_DEMAND", "0"), ("ON_DEMAND_PKG", "5")])
def test_v1_opens_each_metered_item_by_its_product(mode: Any, number: str) -> None:
    metered = msgspec.structs.replace(PURCHASE, charging_mode=mode)
    query = v1_query(OpenInstance(ORDER, LINE, BUSINESS, metered, "OFFI7"))
    assert (query["productId"], query["chargingMode"]) == ("OFFI7", number)


def test_v1_says_that_it_is_a_trial() -> None:
    trial = msgspec.structs.replace(PURCHASE, trial=True, period_type="day")
    query = v1_query(OpenInstance(ORDER, LINE, BUSINESS, trial))
    assert (query["trialFlag"], query["periodType"]) == ("1", "day")


@pytest.mark.parametrize(
    ("encryption", "field"),
    [
        ("AES128", "Abcdef0123456789IPubErChGsBbiAwALiSiKA=="),
        ("AES256", "Abcdef0123456789rZvx3n2A23MjsxBTG9qxhg=="),
    ],
)
def test_v1_encrypts_how_a_buyer_is_reached(encryption: Encryption, field: str) -> None:
    person = msgspec.structs.replace(
        PURCHASE, user_id=" u1", user_name="li", email="li@example.com ", mobile_phone=" 13800000000 "
    )
    query = v1_query(OpenInstance(ORDER, LINE, BUSINESS, person), encryption=encryption, iv=IV)
    assert (query["userId"], query["userName"], query["mobilePhone"]) == ("u1", "li", field)
    assert decrypt(KEY, query["email"], encryption=encryption) == "li@example.com"
    assert "138" not in repr(person)
    anew = v1_query(OpenInstance(ORDER, LINE, BUSINESS, person), encryption=encryption)
    assert anew["email"][:16] != anew["mobilePhone"][:16]


def test_v1_cannot_open_without_the_purchase() -> None:
    with pytest.raises(ValueError, match="purchase"):
        sent("V1", OpenInstance(ORDER, LINE, BUSINESS))


@pytest.mark.parametrize(
    ("scene", "formal", "amount"),
    [("RENEWAL", None, "9.90"), ("TRIAL_TO_FORMAL", "1", "9.90"), ("UNSUBSCRIBE_RENEWAL_PERIOD", None, "-9.90")],
)
def test_v1_has_flags_and_signs_for_the_scenes(scene: Scene, formal: str | None, amount: str) -> None:
    expected = {
        "activity": "refreshInstance",
        "orderId": ORDER,
        "instanceId": "a+/= ",  # opaque: not even its blanks are ours to take
        "productId": "OFFI1",
        "expireTime": "20210727153156",
        "periodType": "month",
        "periodNumber": "3",
        "orderAmount": amount,
    }
    assert v1_query(msgspec.structs.replace(REFRESH, scene=scene)) == expected | (
        {"trialToFormal": formal} if formal else {}
    )


@pytest.mark.parametrize("amount", ["9.90", "-9.90", "0", "-0"])
def test_a_cancelled_renewal_is_negative_however_its_amount_was_given(amount: str) -> None:
    cancelled = msgspec.structs.replace(REFRESH, scene="UNSUBSCRIBE_RENEWAL_PERIOD", amount=Decimal(amount))
    assert v1_query(cancelled)["orderAmount"] == ("0" if amount.endswith("0") and "9" not in amount else "-9.90")


def test_v1_expires_by_the_original_order_and_sets_the_status_of_meters() -> None:
    assert v1_query(SetStatus("i", ORDER, True, "PERIOD")) == {
        "activity": "expireInstance",
        "instanceId": "i",
        "orderId": ORDER,
    }
    for frozen, status in ((True, "FREEZE"), (False, "NORMAL")):
        assert v1_query(SetStatus("i", ORDER, frozen, "ON_DEMAND")) == {
            "activity": "instanceStatus",
            "instanceId": "i",
            "instanceStatus": status,
        }


def test_v1_releases_by_the_original_order() -> None:
    query = v1_query(ReleaseInstance("i", ORDER, "CS9", "CS9-000001", Decimal("5.5")))
    assert query == {"activity": "releaseInstance", "instanceId": "i", "orderId": ORDER, "orderAmount": "5.5"}
    assert "orderAmount" not in v1_query(ReleaseInstance("i", ORDER, None, None, None))


def test_v1_upgrades_to_a_product() -> None:
    assert v1_query(UPGRADE) == {
        "activity": "upgrade",
        "instanceId": "i",
        "orderId": ORDER,
        "skuCode": "sku-2",
        "productId": "OFFI2",
        "amount": "40",
    }


def test_v1_knows_no_nonce_and_no_revision() -> None:
    assert sent("V1", UPGRADE, nonce="x", revision=7) == sent("V1", UPGRADE)


def test_a_notification_is_v2s_for_everyone() -> None:
    notice = NotifyOrder(ORDER, LINE)
    assert sent("V1", notice, revision=7) == sent("V2", notice)
    assert v2_body(notice)["testFlag"] == "0"


@dataclass(frozen=True)
class Address:
    given: str
    start: str
    own: dict[str, str]


@pytest.mark.parametrize(
    "address",
    [
        Address("https://isv.example.com", "https://isv.example.com?activity=", {}),
        Address("https://isv.example.com/p?", "https://isv.example.com/p?activity=", {}),
        Address("https://isv.example.com/p?a=1&", "https://isv.example.com/p?a=1&activity=", {"a": "1"}),
        Address("https://isv.example.com/p?a=1#top", "https://isv.example.com/p?a=1&activity=", {"a": "1"}),
        Address(
            "https://isv.example.com/p?z=a%2Fb+c&Z&testFlag=9&authToken=x&z=2&&%61=",
            "https://isv.example.com/p?z=a%2Fb%20c&Z&%61=&activity=",
            {"z": "a/b c", "Z": "", "a": ""},
        ),
    ],
)
def test_what_the_address_holds_is_kept_and_signed(address: Address) -> None:
    url = sent("V1", QueryInstances(("i",)), address=address.given).url
    assert url.startswith(address.start)
    read = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in read.values())
    parameters = {name: values[0] for name, values in read.items()}
    assert parameters.keys() == address.own.keys() | {"activity", "instanceId", "testFlag", "timeStamp", "authToken"}
    assert address.own.items() <= parameters.items()
    assert verify_v1(KEY, parameters)


@given(requests, texts, moments, st.sampled_from(get_args(Encryption)), st.booleans())
def test_any_v1_call_comes_back_from_its_address(
    request_: Request, key: str, at: datetime, encryption: Encryption, test: bool
) -> None:
    name = activity_of_request("V1", request_)
    if name is None or name == "orderNotify":
        return
    query = query_of(sent("V1", request_, access_key=key, at=at, encryption=encryption, test=test).url)
    assert query["activity"] == name
    assert query["testFlag"] == ("1" if test else "0")
    assert query["authToken"] == sign_v1(key, query).token
    assert all(value and value == value.strip() for name, value in query.items() if name != "instanceId")
    if isinstance(request_, QueryInstances):
        assert tuple(query["instanceId"].split(",")) == request_.instance_ids
    if isinstance(request_, OpenInstance) and request_.purchase:
        for sent_, plain in (("email", request_.purchase.email), ("mobilePhone", request_.purchase.mobile_phone)):
            said = decrypt(key, query[sent_], encryption=encryption) if sent_ in query else ""
            assert said == (plain or "").strip()


# Both


@pytest.mark.parametrize("generation", get_args(Generation))
def test_what_cannot_be_said_is_a_value_error(generation: Generation) -> None:
    for wrong in (
        QueryInstances(()),
        QueryInstances(("i",) * 101),
        QueryInstances(("a,b", "c")),
        msgspec.structs.replace(REFRESH, expires_at=UNTIL.replace(tzinfo=None)),
        msgspec.structs.replace(REFRESH, order_id="\ud800"),
    ):
        with pytest.raises(ValueError):
            sent(generation, wrong)
    with pytest.raises(ValueError, match="zone"):
        sent(generation, UPGRADE, at=AT.replace(tzinfo=None))
    assert sent(generation, QueryInstances(("a,b",)))


def test_v1_cannot_say_an_amount_that_is_none() -> None:
    with pytest.raises(ValueError, match="amount"):
        sent("V1", msgspec.structs.replace(REFRESH, amount=Decimal("NaN")))


def test_answers_are_judged_by_the_generation() -> None:
    body = b'{"resultCode":"000000","instanceId":"i"}'
    options: Any = {"status": 200, "content_type": "application/json", "body": body}
    assert judge("V2", "newInstance", **options).verdict == "success"
    assert judge("V1", "newInstance", **options).fault == "body_sign_missing"
    signed = judge("V1", "newInstance", **options, body_sign=body_sign(KEY, body), access_keys=[KEY])
    assert signed.verdict == "success"
    # Only what was asked in V1's way is answered in it.
    assert judge("V1", "orderNotify", **options) == Answer("success", code="000000")
