"""Both sample sellers over real sockets, with requests signed by hand: what a marketplace may rely on.

Every test runs with an ASGI and with a WSGI server in front, for the answers must not depend on it.
"""

import http.client
import json
import threading
from typing import Any

import pytest
from tests.contract.peers import KEY, Answered, Gateway, Online, Peer
from tests.seller import signing_by_hand as sign

from tradehall_seller import decrypt
from tradehall_seller.crypt import CannotDecrypt

pytestmark = pytest.mark.parametrize("gateway", ["asgi", "wsgi"])
ORDER = {"orderId": "CS2211181819B4LVS", "orderLineId": "CS2211181819B4LVS-000001"}


def opened(peer: Peer, generation: str, business: str = "b1", key: str = KEY) -> Answered:
    """The answer to a newInstance for the one order, each time with another businessId."""
    if generation == "v2":
        return peer.v2("newInstance", key, **ORDER, businessId=business)
    return peer.v1("newInstance", key, orderId=ORDER["orderId"], businessId=business, customerName="顶点 + 贸易")


def read(answered: Answered) -> Any:
    assert answered.status == 200
    assert answered.headers["content-type"] == "application/json"
    return json.loads(answered.body)


def is_signed(answered: Answered) -> bool:
    """The header's name, too, is exactly as the protocol has it."""
    return answered.headers.get("Body-Sign") == sign.body_sign(KEY, answered.body)


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_one_order_one_instance_through_a_whole_life(online: Online, gateway: Gateway, generation: str) -> None:
    peer = online(generation, gateway)
    assert [read(opened(peer, generation, business))["instanceId"] for business in ("b1", "b2")] == ["b1", "b1"]
    renewal = {"orderId": "CS2", "expireTime": "20270101000000", "instanceId": "b1"}
    if generation == "v2":
        changes = [
            peer.v2("refreshInstance", **renewal, orderLineId="CS2-000001", scene="RENEWAL"),
            peer.v2("updateInstanceStatus", instanceId="b1", status="FREEZE"),
            peer.v2("updateInstanceStatus", instanceId="b1", status="UNFREEZE"),
            peer.v2("changeInstanceCheck", instanceId="b1", productInfo={"linearValue": 5}),
            peer.v2("upgradeInstance", instanceId="b1", orderId="CS3", orderLineId="CS3-000001"),
            peer.v2("orderNotify", **ORDER),
            peer.v2("releaseInstance", instanceId="b1"),
            peer.v2("releaseInstance", instanceId="b1"),
        ]
    else:
        changes = [
            peer.v1("refreshInstance", **renewal),
            peer.v1("expireInstance", instanceId="b1", orderId=ORDER["orderId"]),
            peer.v1("instanceStatus", instanceId="b1", instanceStatus="NORMAL"),
            peer.v1("upgrade", instanceId="b1", orderId="CS3", skuCode="s", productId="p"),
            peer.v1("releaseInstance", instanceId="b1", orderId=ORDER["orderId"]),
            peer.v1("releaseInstance", instanceId="b1", orderId=ORDER["orderId"]),
        ]
        assert all(map(is_signed, changes))
    assert [read(change)["resultCode"] for change in changes] == ["000000"] * len(changes)
    kinds = [effect.kind for effect in peer.seller.book.effects if effect.kind != "notify"]
    assert kinds == ["open", "refresh", "freeze", "unfreeze", "upgrade", "release"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_forged_call_changes_nothing(online: Online, gateway: Gateway, generation: str) -> None:
    peer = online(generation, gateway)
    answered = opened(peer, generation, key="another key")
    assert read(answered)["resultCode"] == "000001"
    assert is_signed(answered) is (generation == "v1"), "V1 signs errors as well"
    assert len(peer.seller.book) == 0


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_requests_for_one_order_at_once_get_one_instance(
    online: Online, gateway: Gateway, generation: str, tmp_path: Any
) -> None:
    peer = online(generation, gateway, book=tmp_path / "book")
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda n=number: got.append(read(opened(peer, generation, f"b{n}"))["instanceId"]))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(got)) == 1
    assert len((tmp_path / "book").read_text().splitlines()) == 1


def test_a_call_is_not_replayed(online: Online, gateway: Gateway) -> None:
    peer = online("v2", gateway)
    body = sign.compact({"activity": "orderNotify", **ORDER})
    query = sign.v2(KEY, body)
    codes = [read(peer.request("POST", query, body))["resultMsg"] for _ in range(2)]
    assert codes == ["success", "nonce was used before"]


@pytest.mark.parametrize("encryption", ["aes128", "aes256"])
def test_accounts_of_v1_are_encrypted(online: Online, gateway: Gateway, encryption: Any) -> None:
    peer = online("v1", gateway, encryption=encryption)
    answered = opened(peer, "v1")
    answer = read(answered)
    assert is_signed(answered)
    assert answer["encryptType"] == {"aes256": "1", "aes128": "2"}[encryption]
    assert decrypt(answer["appInfo"]["userName"], KEY, encryption) == "admin-b1"
    described = read(peer.v1("queryInstance", instanceId="b1"))
    assert described["encryptType"] == answer["encryptType"]
    assert decrypt(described["info"][0]["appInfo"]["password"], KEY, encryption)


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_seller_that_keys_on_business_id_is_found(online: Online, gateway: Gateway, generation: str) -> None:
    peer = online(generation, gateway, manner="by_business_id")
    assert len({read(opened(peer, generation, business))["instanceId"] for business in ("b1", "b2")}) == 2


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_fresh_id_still_leads_to_the_instance(online: Online, gateway: Gateway, generation: str) -> None:
    peer = online(generation, gateway, manner="fresh_ids")
    ids = [read(opened(peer, generation, business))["instanceId"] for business in ("b1", "b2")]
    assert len(set(ids)) == 2
    ask = peer.v2 if generation == "v2" else peer.v1
    assert [read(ask("queryInstance", instanceId=one))["resultCode"] for one in ids] == ["000000"] * 2


@pytest.mark.parametrize("manner", ["no_body_sign", "unquoted_body_sign", "wrong_body_sign"])
def test_a_missing_or_malformed_body_sign_is_found(online: Online, gateway: Gateway, manner: str) -> None:
    answered = opened(online("v1", gateway, manner=manner), "v1")
    assert read(answered)["resultCode"] == "000000"
    assert not is_signed(answered)


def test_breaches_of_encryption_are_found(online: Online, gateway: Gateway) -> None:
    peer = online("v1", gateway, manner="encrypt_type_number")
    assert read(opened(peer, "v1"))["encryptType"] == 1
    peer.seller.manner = "encrypt_type_absent"
    assert "encryptType" not in read(opened(peer, "v1"))
    for manner in ("undecryptable_password", "plain_password"):
        peer.seller.manner = manner
        answered = opened(peer, "v1")
        assert is_signed(answered)
        with pytest.raises(CannotDecrypt):
            decrypt(read(answered)["appInfo"]["password"], KEY)


@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize(
    ("manner", "status", "body"),
    [("crash", 500, b"<!doctype"), ("html", 502, b"<!doctype"), ("empty", 200, b""), ("nothing", 200, b"{}")],
)
def test_pages_instead_of_answers(
    online: Online, gateway: Gateway, generation: str, manner: str, status: int, body: bytes
) -> None:
    answered = opened(online(generation, gateway, manner=manner), generation)
    assert answered.status == status
    assert answered.body[:9] == body


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_connection_that_closes(online: Online, gateway: Gateway, generation: str) -> None:
    peer = online(generation, gateway, manner="cut")
    if gateway == "wsgi":
        # A WSGI server has no way to break off: whatever it says instead is not the answer.
        assert opened(peer, generation).status == 500
    else:
        with pytest.raises((OSError, http.client.HTTPException)):
            opened(peer, generation)
    assert len(peer.seller.book) == 0


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_an_answer_that_is_slow(online: Online, gateway: Gateway, generation: str) -> None:
    peer = online(generation, gateway, manner="hang", hang_for=0.3)
    body = sign.compact({"activity": "newInstance", **ORDER, "businessId": "b1"})
    said = ("POST", sign.v2(KEY, body), body)
    if generation == "v1":
        said = ("GET", sign.v1(KEY, "newInstance", orderId=ORDER["orderId"], businessId="b1"), b"")
    if gateway == "wsgi":
        assert peer.request(*said).status == 500, "there it does not wait either"
    else:
        with pytest.raises(TimeoutError):
            peer.request(*said, timeout=0.1)
    assert len(peer.seller.book) == 1, "it was carried out all the same"
    peer.seller.manner = "instant"
    assert read(opened(peer, generation, "b2"))["instanceId"] == "b1"
