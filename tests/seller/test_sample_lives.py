"""The sample sellers through an instance's whole life, each change asked for again and again, without a socket."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.seller import signing_by_hand as sign

from tradehall_seller import decrypt
from tradehall_seller.crypt import CannotDecrypt
from tradehall_seller.sample import BREACHES, MANNERS, Reply, SampleSeller, SampleSellerV1
from tradehall_seller.sample.base import Sample

KEY = "test-access-key-0001"
SCENES = ["TRIAL_TO_FORMAL", "RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD", "RENEWAL_CHANGE"]


def v2(seller: Sample, activity: str, key: str = KEY, **members: Any) -> Any:
    body = sign.compact({"activity": activity, **members})
    reply = seller.respond("POST", f"/produce?{sign.v2(key, body)}", (), body)
    return json.loads(reply.body)


def v1_reply(seller: Sample, activity: str, key: str = KEY, **parameters: str) -> Reply:
    return seller.respond("GET", f"/produce?{sign.v1(key, activity, **parameters)}")


def v1(seller: Sample, activity: str, key: str = KEY, **parameters: str) -> Any:
    reply = v1_reply(seller, activity, key, **parameters)
    assert dict(reply.headers)["Body-Sign"] == sign.body_sign(key, reply.body)
    return json.loads(reply.body)


def order(order_id: str) -> dict[str, str]:
    return {"orderId": order_id, "orderLineId": f"{order_id}-000001"}


def new(seller: Sample, order_id: str = "CS1", business: str = "i1", **more: str) -> str:
    answer = v2(seller, "newInstance", **order(order_id), businessId=business, **more)
    return str(answer.get("instanceId", answer["resultCode"]))


def effects(seller: Sample) -> list[str]:
    return [f"{effect.kind} {effect.order_id}" for effect in seller.book.effects]


# --- V2 --------------------------------------------------------------------------------------------------------------


def refresh(seller: Sample, order_id: str, scene: str = "RENEWAL", expires: str = "20270101000000", **more: str) -> str:
    asked = {"instanceId": "i1", **order(order_id), "scene": scene, "expireTime": expires, **more}
    return str(v2(seller, "refreshInstance", **asked)["resultCode"])


def status(seller: Sample, wanted: str, instance_id: str = "i1", **more: str) -> str:
    return str(v2(seller, "updateInstanceStatus", instanceId=instance_id, status=wanted, **more)["resultCode"])


@pytest.mark.parametrize("scene", SCENES)
def test_an_instance_is_refreshed_once_per_order(scene: str) -> None:
    seller = SampleSeller(KEY)
    new(seller)
    assert [refresh(seller, "CS2", scene, "20280101000000", productId="yearly") for _ in range(3)] == ["000000"] * 3
    assert refresh(seller, "CS3", scene, "20290101000000123") == "000000"
    assert refresh(seller, "CS2", scene, "20280101000000") == "000000", "an old call that comes late"
    entry = seller.book.find("i1")
    assert entry is not None
    assert (entry.expire_time, entry.product_id) == ("20290101000000123", "yearly")
    assert effects(seller) == ["open CS1", "refresh CS2", "refresh CS3"]


def test_a_renewal_may_be_taken_back_under_its_own_order() -> None:
    seller = SampleSeller(KEY)
    new(seller)
    assert refresh(seller, "CS2", "RENEWAL", "20280101000000") == "000000"
    assert refresh(seller, "CS2", "UNSUBSCRIBE_RENEWAL_PERIOD", "20270101000000") == "000000"
    assert seller.book.effects[-1].expire_time == "20270101000000"


def test_an_instance_is_frozen_and_unfrozen_however_often_it_is_said() -> None:
    seller = SampleSeller(KEY)
    new(seller)
    assert [status(seller, wanted) for wanted in ("UNFREEZE", "FREEZE", "FREEZE", "UNFREEZE", "UNFREEZE")] == [
        "000000"
    ] * 5
    assert effects(seller) == ["open CS1", "freeze CS1", "unfreeze CS1"]
    assert status(seller, "THAW") == "000002"


def test_an_instance_is_upgraded_once_per_order() -> None:
    seller = SampleSeller(KEY)
    new(seller)
    for order_id in ("CS2", "CS2", "CS3", "CS2"):
        assert v2(seller, "upgradeInstance", instanceId="i1", **order(order_id))["resultCode"] == "000000"
    assert effects(seller) == ["open CS1", "upgrade CS2", "upgrade CS3"]


def test_an_instance_is_released_once_and_for_all() -> None:
    seller = SampleSeller(KEY)
    new(seller)
    new(seller, "CS9", "i9")
    for _ in range(3):
        assert v2(seller, "releaseInstance", instanceId="i1", **order("CS2"))["resultCode"] == "000000"
    assert v2(seller, "releaseInstance", instanceId="i9")["resultCode"] == "000000"
    assert effects(seller)[2:] == ["release CS2", "release CS9"]
    assert refresh(seller, "CS3") == "000003"
    assert status(seller, "FREEZE") == "000003"
    assert v2(seller, "upgradeInstance", instanceId="i1", **order("CS4"))["resultCode"] == "000003"


def test_what_is_in_use_must_still_fit() -> None:
    seller = SampleSeller(KEY, used=12)
    new(seller)

    def check(**product: Any) -> Any:
        return v2(seller, "changeInstanceCheck", instanceId="i1", productInfo=product)

    assert check(linearValue=12, productId="p")["resultCode"] == "000000"
    assert check(productId="p")["resultCode"] == "000000"
    assert check(linearValue=11) == {"resultCode": "000002", "resultMsg": "12 are in use, more than 11"}
    seller.used = 3
    assert check(linearValue="11")["resultCode"] == "000000"
    assert v2(seller, "changeInstanceCheck", instanceId="i", productInfo={})["resultCode"] == "000003"
    assert effects(seller) == ["open CS1"], "asking changes nothing"


def test_test_calls_change_no_customers_instance() -> None:
    seller = SampleSeller(KEY, used=12)
    new(seller)
    for instance_id in ("i1", "never opened"):
        instance = {"instanceId": instance_id, "testFlag": "1"}
        assert v2(seller, "refreshInstance", **instance, **order("CS2"), scene="RENEWAL", expireTime="20270101000000")
        assert status(seller, "FREEZE", instance_id, testFlag="1") == "000000"
        for activity in ("upgradeInstance", "releaseInstance"):
            assert v2(seller, activity, **instance, **order("CS2"))["resultCode"] == "000000"
        check = v2(seller, "changeInstanceCheck", **instance, productInfo={"linearValue": 1})
        assert check["resultCode"] == "000000"
    assert v2(seller, "orderNotify", **order("CS1"), testFlag="1")["resultCode"] == "000000"
    assert effects(seller) == ["open CS1"]
    assert new(seller, "CS1", "i2", testFlag="1") == new(seller, "CS1", "i3", testFlag="1") == "i2"
    assert new(seller, "CS1", "i4") == "i1"


def test_an_older_revision_is_refused() -> None:
    seller = SampleSeller(KEY)
    new(seller, revision="1")
    assert status(seller, "FREEZE", revision="3") == "000000"
    late = v2(seller, "updateInstanceStatus", instanceId="i1", status="UNFREEZE", revision="2")
    assert late == {"resultCode": "000002", "resultMsg": "stale revision 2: 3 was seen already"}
    assert refresh(seller, "CS2", revision="2") == "000002"
    assert v2(seller, "newInstance", **order("CS1"), businessId="b", revision="2")["resultCode"] == "000002"
    assert refresh(seller, "CS2", revision="4") == "000000"
    assert effects(seller) == ["open CS1", "freeze CS1", "refresh CS2"]


def test_a_metered_instance_tells_what_was_used() -> None:
    seller = SampleSeller(KEY, used=12.5)
    new(seller, productId="sms")
    (described,) = v2(seller, "queryInstance", instanceId="i1")["info"]
    (usage,) = described["usageInfo"]
    assert usage["usageValue"] == 12.5
    assert len(usage["statisticalTime"]) == 17


def test_the_whole_life_survives_a_restart(tmp_path: Path) -> None:
    before = SampleSeller(KEY, book=tmp_path / "book")
    new(before)
    refresh(before, "CS2", revision="2")
    status(before, "FREEZE")
    before.book.close()
    after = SampleSeller(KEY, book=tmp_path / "book")
    assert refresh(after, "CS2", revision="1") == "000002"
    assert refresh(after, "CS2") == "000000"
    assert status(after, "FREEZE") == "000000"
    assert effects(after) == ["open CS1", "refresh CS2", "freeze CS1"]
    after.book.close()


# --- V1 --------------------------------------------------------------------------------------------------------------


def test_a_v1_instance_lives(tmp_path: Path) -> None:
    seller = SampleSellerV1(KEY, book=tmp_path / "book")
    opened = [v1(seller, "newInstance", orderId="CS1", businessId=f"b{n}", productId="p") for n in range(2)]
    assert [answer["instanceId"] for answer in opened] == ["b0", "b0"]
    assert opened[0]["encryptType"] == "1"
    assert decrypt(opened[0]["appInfo"]["userName"], KEY) == "admin-b0"
    (described,) = v1(seller, "queryInstance", instanceId="b0")["info"]
    assert decrypt(described["appInfo"]["password"], KEY) == decrypt(opened[0]["appInfo"]["password"], KEY)

    life: list[tuple[str, dict[str, str]]] = [
        ("refreshInstance", {"orderId": "CS2", "expireTime": "20270101000000", "orderAmount": "9"}),
        ("refreshInstance", {"orderId": "CS3", "expireTime": "20260101000000", "orderAmount": "-9"}),
        ("expireInstance", {"orderId": "CS1"}),
        ("instanceStatus", {"instanceStatus": "NORMAL"}),
        ("upgrade", {"orderId": "CS4", "skuCode": "s", "productId": "p"}),
        ("releaseInstance", {"orderId": "CS1"}),
    ]
    for activity, parameters in life:
        for _ in range(2):
            assert v1(seller, activity, instanceId="b0", **parameters)["resultCode"] == "000000"
        if activity != "releaseInstance":
            assert v1(seller, activity, instanceId="unknown", **parameters)["resultCode"] == "000003"
    assert effects(seller) == [
        "open CS1",
        "refresh CS2",
        "refresh CS3",
        "freeze CS1",
        "unfreeze CS1",
        "upgrade CS4",
        "release CS1",
    ]
    assert v1(seller, "queryInstance", instanceId="b0")["resultCode"] == "000003"
    seller.book.close()


def test_a_slow_v1_seller_is_in_progress() -> None:
    now = 1e9
    seller = SampleSellerV1(KEY, manner="slow", ready_after=5, opening_clock=lambda: now)
    assert v1(seller, "newInstance", orderId="CS1", businessId="b")["resultCode"] == "000004"
    now += 5
    assert v1(seller, "newInstance", orderId="CS1", businessId="b")["resultCode"] == "000000"


def test_v1_test_calls_succeed_in_any_order() -> None:
    seller = SampleSellerV1(KEY)
    for activity in ("expireInstance", "releaseInstance", "queryInstance"):
        assert v1(seller, activity, instanceId="i", testFlag="1")["resultCode"] == "000000"
    assert effects(seller) == []


# --- Manners, in both ------------------------------------------------------------------------------------------------


def sellers(manner: Any) -> list[tuple[Sample, Callable[[str], Any]]]:
    """A seller of each generation, and how to ask it for CS1's instance with a businessId."""
    two, one = SampleSeller(KEY, manner=manner), SampleSellerV1(KEY, manner=manner)
    return [
        (two, lambda business: v2(two, "newInstance", **order("CS1"), businessId=business)),
        (one, lambda business: v1(one, "newInstance", orderId="CS1", businessId=business)),
    ]


def test_an_instance_by_business_id_is_another_each_time() -> None:
    for _, ask in sellers("by_business_id"):
        assert [ask(business)["instanceId"] for business in ("b1", "b2")] == ["b1", "b2"]


def test_fresh_ids_lead_to_one_instance() -> None:
    for seller, ask in sellers("fresh_ids"):
        assert ask("b1")["instanceId"] != ask("b2")["instanceId"]
        assert len(seller.book) == 1


def test_a_seller_that_releases_once_forgets() -> None:
    seller = SampleSeller(KEY, manner="releases_once")
    new(seller)
    assert [v2(seller, "releaseInstance", instanceId="i1")["resultCode"] for _ in range(2)] == ["000000", "000003"]


def test_a_seller_that_ignores_signatures_opens_for_anybody() -> None:
    two, one = SampleSeller(KEY, manner="ignores_signature"), SampleSellerV1(KEY, manner="ignores_signature")
    assert v2(two, "newInstance", "another", **order("CS1"), businessId="b")["instanceId"] == "b"
    answer = json.loads(v1_reply(one, "newInstance", "another", orderId="CS1", businessId="b").body)
    assert answer["instanceId"] == "b"


@pytest.mark.parametrize(
    ("manner", "sign_type"),
    [
        ("no_body_sign", None),
        ("unquoted_body_sign", "sign_type=HMAC-SHA256"),
        ("wrong_body_sign", 'sign_type="HMAC-SHA256"'),
    ],
)
def test_a_breach_of_body_sign(manner: Any, sign_type: str | None) -> None:
    reply = v1_reply(SampleSellerV1(KEY, manner=manner), "newInstance", orderId="CS1", businessId="b")
    said = dict(reply.headers).get("Body-Sign")
    assert said != sign.body_sign(KEY, reply.body)
    assert (said and said.partition(",")[0]) == sign_type
    assert json.loads(reply.body)["resultCode"] == "000000"


def test_breaches_of_encryption() -> None:
    def answered(manner: Any) -> Any:
        return v1(SampleSellerV1(KEY, manner=manner), "newInstance", orderId="CS1", businessId="b")

    assert answered("encrypt_type_number")["encryptType"] == 1
    assert "encryptType" not in answered("encrypt_type_absent")
    assert answered("plain_password")["appInfo"]["password"] == "initial"
    with pytest.raises(CannotDecrypt):
        decrypt(answered("undecryptable_password")["appInfo"]["password"], KEY)


@pytest.mark.parametrize(
    ("manner", "raised"), [("cut", ConnectionError), ("endless", ConnectionError), ("hang", TimeoutError)]
)
def test_without_a_socket_a_broken_connection_is_an_exception(manner: Any, raised: type[Exception]) -> None:
    for seller, ask in sellers(manner):
        with pytest.raises(raised):
            ask("b")
        assert len(seller.book) == (manner == "hang")


def test_every_manner_answers_or_breaks_off() -> None:
    for manner in (*MANNERS, *BREACHES):
        seller = SampleSellerV1(KEY, manner=manner)
        try:
            assert v1_reply(seller, "newInstance", orderId="CS1", businessId="b").status in (200, 302, 500, 502)
        except (ConnectionError, TimeoutError):
            assert manner in ("cut", "endless", "hang", "lost_answer", "flaky")


def test_two_keys_while_they_are_exchanged() -> None:
    two, one = SampleSeller(["new", KEY]), SampleSellerV1(["new", KEY])
    for key in ("new", KEY):
        assert v2(two, "newInstance", key, **order("CS1"), businessId="b")["instanceId"] == "b"
        assert v1(one, "newInstance", key, orderId="CS1", businessId="b")["instanceId"] == "b"
    refused = v1_reply(one, "newInstance", "a third", orderId="CS1", businessId="b")
    assert dict(refused.headers)["Body-Sign"] == sign.body_sign("new", refused.body)
