"""A seller of a few lines, put online in either generation and through either kind of application."""

import asyncio
import io
import json
import logging
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seller import signing_by_hand as sign

from tradehall_seller import Code, Endpoint, Opened, Refused, Seller, asgi, decrypt, wsgi
from tradehall_seller.answers import App, Instance
from tradehall_seller.seller import (
    ChangeStatus,
    CheckChange,
    NewInstance,
    OrderNotice,
    QueryInstance,
    RefreshInstance,
    ReleaseInstance,
    Request,
    UpgradeInstance,
)
from tradehall_seller.serve import Generation, Reply

KEY = "test-access-key-0001"


class Small(Seller):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def open(self, request: NewInstance) -> Opened:
        self.asked.append(request)
        return Opened("i1", app=App(front_end_url="https://a.example", user_name="admin", password="initial"))

    def query(self, request: QueryInstance) -> Iterable[Instance]:
        self.asked.append(request)
        app = App(front_end_url="https://a.example", password="initial")
        return [Instance(instance_id=one, app=app) for one in request.instance_ids]

    def release(self, request: ReleaseInstance) -> None:
        self.asked.append(request)
        if request.instance_id == "gone":
            raise Refused(Code.NO_SUCH_INSTANCE, "gone")
        if request.instance_id == "bug":
            raise RuntimeError


class Large(Small):
    def refresh(self, request: RefreshInstance) -> None:
        self.asked.append(request)

    def set_status(self, request: ChangeStatus) -> None:
        self.asked.append(request)

    def upgrade(self, request: UpgradeInstance) -> None:
        self.asked.append(request)

    def check_change(self, request: CheckChange) -> None:
        self.asked.append(request)

    def order_notified(self, request: OrderNotice) -> None:
        self.asked.append(request)


def endpoint(generation: Generation = "both", seller: Seller | None = None, keys: Any = KEY) -> Endpoint:
    return Endpoint(seller or Large(), keys, generation=generation)


def post(one: Endpoint, key: str = KEY, **members: Any) -> tuple[Any, Reply]:
    body = sign.compact(members)
    reply = one.respond("POST", f"/produce?{sign.v2(key, body)}", (), body)
    return json.loads(reply.body), reply


def get(one: Endpoint, activity: str, key: str = KEY, **parameters: str) -> tuple[Any, Reply]:
    reply = one.respond("GET", f"/produce?{sign.v1(key, activity, **parameters)}")
    return json.loads(reply.body), reply


ORDER = {"orderId": "CS1", "orderLineId": "CS1-000001"}


@pytest.mark.parametrize(
    ("members", "asked"),
    [
        (
            {"activity": "newInstance", **ORDER, "businessId": "b", "productId": "p"},
            NewInstance(order=("CS1", "CS1-000001", "p"), business_id="b"),
        ),
        ({"activity": "queryInstance", "instanceId": "i1,i2"}, QueryInstance(instance_ids=("i1", "i2"))),
        (
            {
                "activity": "refreshInstance",
                **ORDER,
                "instanceId": "i1",
                "scene": "RENEWAL_CHANGE",
                "expireTime": "20221124023618256",
                "revision": "7",
            },
            RefreshInstance(
                instance_id="i1",
                order_id="CS1",
                order_line_id="CS1-000001",
                scene="RENEWAL_CHANGE",
                expire_time="20221124023618256",
                revision=7,
            ),
        ),
        (
            {"activity": "updateInstanceStatus", "instanceId": "i1", "status": "UNFREEZE", "testFlag": "1"},
            ChangeStatus(instance_id="i1", frozen=False, test=True),
        ),
        ({"activity": "releaseInstance", "instanceId": "i1"}, ReleaseInstance(instance_id="i1")),
        (
            {"activity": "upgradeInstance", "instanceId": "i1", **ORDER, "revision": 8},
            UpgradeInstance(instance_id="i1", order_id="CS1", order_line_id="CS1-000001", revision=8),
        ),
        (
            {
                "activity": "changeInstanceCheck",
                "instanceId": "i1",
                "productInfo": {"linearValue": 5, "productId": "p"},
            },
            CheckChange(instance_id="i1", product={"linearValue": 5, "productId": "p"}, quantity=5),
        ),
        (
            {"activity": "changeInstanceCheck", "instanceId": "i1", "productInfo": '[{"linearValue":"2.5"}]'},
            CheckChange(instance_id="i1", product={"linearValue": "2.5"}, quantity=2.5),
        ),
        ({"activity": "orderNotify", **ORDER}, OrderNotice(order_id="CS1", order_line_id="CS1-000001")),
    ],
)
def test_v2_calls_reach_their_methods(members: dict[str, Any], asked: Request) -> None:
    seller = Large()
    answer, reply = post(endpoint("v2", seller), **members)
    assert answer["resultCode"] == "000000"
    assert reply.headers == (("content-type", "application/json"),)
    (got,) = seller.asked
    assert {**vars_of(got), "members": None} == {**vars_of(asked), "members": None}
    assert got.members == members


def vars_of(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.__dataclass_fields__} | {"class": type(request)}


@pytest.mark.parametrize(
    ("activity", "parameters", "asked"),
    [
        ("newInstance", {"orderId": "CS1", "businessId": "b", "productId": "p"}, {"order": ("CS1", "", "")}),
        (
            "newInstance",
            {"orderId": "CS1", "businessId": "b", "productId": "p", "chargingMode": "0"},
            {"order": ("CS1", "", "p")},
        ),
        ("refreshInstance", {"expireTime": "20260101000000"}, {"scene": "RENEWAL", "thaws": True}),
        (
            "refreshInstance",
            {"expireTime": "20260101000000", "orderAmount": "9.5"},
            {"scene": "RENEWAL", "thaws": True},
        ),
        (
            "refreshInstance",
            {"expireTime": "20260101000000", "orderAmount": "-9.5"},
            {"scene": "UNSUBSCRIBE_RENEWAL_PERIOD", "thaws": False},
        ),
        (
            "refreshInstance",
            {"expireTime": "20260101000000", "trialToFormal": "1", "productId": "p"},
            {"scene": "TRIAL_TO_FORMAL", "product_id": "p", "order_id": "CS2", "thaws": True},
        ),
        ("expireInstance", {}, {"frozen": True, "order_id": "CS2"}),
        ("instanceStatus", {"instanceStatus": "FREEZE"}, {"frozen": True}),
        ("instanceStatus", {"instanceStatus": "NORMAL", "testFlag": "1"}, {"frozen": False, "test": True}),
        ("releaseInstance", {"orderAmount": "-1"}, {"order_id": "CS2"}),
        ("upgrade", {"skuCode": "s", "amount": "5"}, {"order_id": "CS2"}),
        ("queryInstance", {}, {"instance_ids": ("i1",)}),
    ],
)
def test_v1_calls_reach_the_same_methods(activity: str, parameters: dict[str, str], asked: dict[str, Any]) -> None:
    seller = Large()
    answer, reply = get(endpoint("v1", seller), activity, **{"instanceId": "i1", "orderId": "CS2"} | parameters)
    assert answer["resultCode"] == "000000"
    assert dict(reply.headers)["Body-Sign"] == sign.body_sign(KEY, reply.body)
    (got,) = seller.asked
    assert {name: getattr(got, name) for name in asked} == asked


def test_v1_decrypts_what_comes_and_encrypts_what_goes() -> None:
    seller = Large()
    one = Endpoint(seller, ["new", KEY], generation="v1", encryption="aes128")
    phone = "Abcdef0123456789IPubErChGsBbiAwALiSiKA=="
    answer, reply = get(one, "newInstance", orderId="CS1", businessId="b", mobilePhone=phone, email="not encrypted")
    (asked,) = seller.asked
    assert isinstance(asked, NewInstance)
    assert (asked.mobile_phone, asked.email) == ("13800000000", "")
    assert "13800000000" not in repr(asked)
    assert (answer["instanceId"], answer["encryptType"]) == ("i1", "2")
    assert decrypt(answer["appInfo"]["userName"], KEY, "aes128") == "admin"
    assert dict(reply.headers)["Body-Sign"] == sign.body_sign(KEY, reply.body), "signed with the key of the call"
    described, _ = get(one, "queryInstance", instanceId="i1")
    assert decrypt(described["info"][0]["appInfo"]["password"], KEY, "aes128") == "initial"


def test_what_cannot_be_verified_is_refused_and_in_v1_signed_all_the_same() -> None:
    one = endpoint()
    answer, _ = post(one, "another", activity="orderNotify", **ORDER)
    assert answer["resultCode"] == "000001"
    answer, reply = get(one, "queryInstance", "another", instanceId="i1")
    assert answer["resultCode"] == "000001"
    assert dict(reply.headers)["Body-Sign"] == sign.body_sign(KEY, reply.body)


def test_a_sellers_no_and_a_sellers_failure(caplog: pytest.LogCaptureFixture) -> None:
    one = endpoint(seller=Small())
    assert post(one, activity="releaseInstance", instanceId="gone")[0] == {"resultCode": "000003", "resultMsg": "gone"}
    with caplog.at_level(logging.CRITICAL, "tradehall_seller"):
        assert post(one, activity="releaseInstance", instanceId="bug")[0]["resultCode"] == "000005"
        assert get(one, "releaseInstance", instanceId="bug")[0]["resultCode"] == "000005"
    assert (
        post(one, activity="upgradeInstance", instanceId="i", **ORDER)[0]["resultMsg"]
        == "upgrading is not offered here"
    )
    assert post(one, activity="orderNotify", **ORDER)[0]["resultCode"] == "000000"
    with pytest.raises(NotImplementedError):
        Seller().open(NewInstance(order=("", "", ""), business_id=""))


@pytest.mark.parametrize(
    "members",
    [
        {"activity": "dance"},
        {"activity": "newInstance"},
        {"activity": "newInstance", **ORDER, "businessId": 7},
        {"activity": "queryInstance", "instanceId": ",".join("a" * 101)},
        {"activity": "refreshInstance", **ORDER, "instanceId": "i", "scene": "DANCE", "expireTime": "20260101000000"},
        {"activity": "refreshInstance", **ORDER, "instanceId": "i", "scene": "RENEWAL", "expireTime": "2026-01-01"},
        {"activity": "updateInstanceStatus", "instanceId": "i", "status": "NORMAL"},
        {"activity": "releaseInstance", "instanceId": "i", "revision": "-1"},
        {"activity": "releaseInstance", "instanceId": "i", "revision": True},
        {"activity": "releaseInstance", "instanceId": "i", "revision": "٣"},
        {"activity": "changeInstanceCheck", "instanceId": "i"},
        {"activity": "changeInstanceCheck", "instanceId": "i", "productInfo": "{"},
        {"activity": "changeInstanceCheck", "instanceId": "i", "productInfo": {"linearValue": "many"}},
        {"activity": "changeInstanceCheck", "instanceId": "i", "productInfo": {"linearValue": 10**400}},
        {"activity": "changeInstanceCheck", "instanceId": "i", "productInfo": {"linearValue": [1]}},
    ],
)
def test_what_is_not_understood_is_refused(members: dict[str, Any]) -> None:
    seller = Large()
    assert post(endpoint(seller=seller), **members)[0]["resultCode"] == "000002"
    assert seller.asked == []


@pytest.mark.parametrize(
    ("activity", "parameters"),
    [
        ("upgradeInstance", {}),
        ("newInstance", {"orderId": "CS1"}),
        ("newInstance", {"orderId": "CS1", "businessId": "b", "chargingMode": "0"}),
        ("refreshInstance", {"instanceId": "i", "orderId": "CS1", "expireTime": "20260101000000", "orderAmount": "?"}),
        ("instanceStatus", {"instanceId": "i", "instanceStatus": "UNFREEZE"}),
    ],
)
def test_what_v1_does_not_know_is_refused(activity: str, parameters: dict[str, str]) -> None:
    assert get(endpoint(), activity, **parameters)[0]["resultCode"] == "000002"


def test_only_the_generation_that_was_chosen_is_served() -> None:
    assert get(endpoint("v2"), "queryInstance", instanceId="i1")[1].status == 405
    assert post(endpoint("v1"), activity="orderNotify", **ORDER)[1].status == 405
    assert endpoint().respond("HEAD", "/").status == 405


ACTIVITIES = st.sampled_from(["newInstance", "queryInstance", "refreshInstance", "changeInstanceCheck"])
MEMBERS = st.sampled_from(
    ["orderId", "orderLineId", "businessId", "instanceId", "scene", "expireTime", "productInfo", "testFlag", "revision"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda some: st.lists(some) | st.dictionaries(st.text(), some),
    max_leaves=3,
)


@given(ACTIVITIES, st.dictionaries(MEMBERS, VALUES))
def test_every_call_is_answered_with_a_code(activity: str, members: dict[str, Any]) -> None:
    answer, reply = post(endpoint(), **{**members, "activity": activity})
    assert reply.status == 200
    assert len(answer["resultCode"]) == 6


@given(st.text(), st.text(st.characters()), st.binary())
def test_every_request_is_answered(method: str, url: str, body: bytes) -> None:
    for asked in (method, "GET", "POST"):
        assert json.loads(endpoint().respond(asked, url, (), body).body)["resultCode"] != "000000"


# --- The applications ------------------------------------------------------------------------------------------------


async def asgi_request(one: Endpoint, query: str, body: bytes) -> list[Any]:
    waiting: list[Any] = [
        {"type": "http.request", "body": body[5:], "more_body": False},
        {"type": "http.request", "body": body[:5], "more_body": True},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": query.encode(), "headers": [(b"a", b"b")]}
    await asgi(one)(scope, receive, send)
    return sent


async def test_an_asgi_application_answers_in_a_thread() -> None:
    threads: list[str] = []

    class Waiting(Small):
        def release(self, request: ReleaseInstance) -> None:
            threads.append(threading.current_thread().name)

    body = sign.compact({"activity": "releaseInstance", "instanceId": "i1"})
    start, rest = await asgi_request(endpoint(seller=Waiting()), sign.v2(KEY, body), body)
    assert start["status"] == 200
    assert (b"content-length", b"%d" % len(rest["body"])) in start["headers"]
    assert json.loads(rest["body"])["resultCode"] == "000000"
    assert threads != [threading.main_thread().name]


async def test_an_asgi_application_does_not_read_without_end() -> None:
    assert await asgi_request(endpoint(), "", b" " * 70_000) == []


async def test_an_asgi_application_starts_and_stops() -> None:
    waiting = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    sent: list[str] = []

    async def receive() -> Any:
        await asyncio.sleep(0)
        return waiting.pop()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await asgi(endpoint())({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(
    ("length", "status"), [("75", "200 OK"), ("70000", "413 See the body"), ("-1", "413 See the body"), ("", "200 OK")]
)
def test_a_wsgi_application_answers(length: str, status: str) -> None:
    started: list[Any] = []
    body = b" " * 75
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": sign.v2(KEY, body),
        "CONTENT_LENGTH": length,
        "HTTP_HOST": "seller.example",
        "wsgi.input": io.BytesIO(body),
    }
    (answer,) = wsgi(endpoint())(environ, lambda *said: started.append(said))  # type: ignore[arg-type]
    assert started[0][0] == status
    assert ("content-length", str(len(answer))) in started[0][1]
    assert json.loads(answer)["resultCode"] == "000002"
