import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tradehall.protocols import v2
from tradehall.protocols.answers import Answer
from tradehall.protocols.requests import Activity, NotifyOrder, OpenInstance, QueryInstances, ReleaseInstance
from tradehall.protocols.signing import canonical_body
from tradehall.protocols.v2 import judge
from tradehall_seller.sample import MANNERS, Manner, Message, SampleSeller

KEY = "test-access-key-0001"


class Clock:
    now = 1_680_508_066.0

    def __call__(self) -> float:
        return self.now


class Caller:
    """Calls an ASGI application as the marketplace would, without a network."""

    def __init__(self, seller: SampleSeller, key: str = KEY) -> None:
        self.seller = seller
        self.key = key
        self.sent: list[Message] = []
        self.leave = asyncio.Event()

    async def request(
        self, body: bytes, query: str, path: str = "/", client: str = "127.0.0.1", method: str = "POST"
    ) -> tuple[int, dict[str, str], bytes]:
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self.sent = []

        async def receive() -> Message:
            if not waiting:
                await self.leave.wait()
                return {"type": "http.disconnect"}
            return waiting.pop()

        async def send(message: Message) -> None:
            self.sent.append(message)

        await self.seller(
            {
                "type": "http",
                "method": method,
                "path": path,
                "query_string": query.encode(),
                "headers": [],
                "client": (client, 1),
            },
            receive,
            send,
        )
        if not self.sent:
            raise ConnectionError
        start, *parts = self.sent
        assert start["type"] == "http.response.start"
        if parts[-1].get("more_body"):
            raise ConnectionError
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(part["body"] for part in parts)

    async def call(self, activity: Activity, body: bytes) -> Answer:
        url = v2.signed_url("", self.key, uuid4().hex, int(self.seller.now() * 1000), body)
        status, headers, answer = await self.request(body, url[1:])
        return judge(activity, status, headers["content-type"], answer)

    async def new(
        self, order: str = "CS1", business: str = "b1", *, product_id: str | None = None, test: bool = False
    ) -> Answer:
        asked = OpenInstance(order, f"{order}-000001", business, product_id=product_id)
        return await self.call("newInstance", v2.body(asked, test=test))

    async def query(self, *instance_ids: str, test: bool = False) -> Answer:
        return await self.call("queryInstance", v2.body(QueryInstances(instance_ids), test=test))

    async def release(self, instance_id: str, *, test: bool = False) -> Answer:
        asked = ReleaseInstance(instance_id, "", None, None, None)
        return await self.call("releaseInstance", v2.body(asked, test=test))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(clock: Clock) -> Callable[..., Caller]:
    def started(manner: Manner = "instant", **settings: Any) -> Caller:
        return Caller(SampleSeller(KEY, manner=manner, now=clock, **settings))

    return started


Start = Callable[..., Caller]


async def test_an_order_line_has_one_instance_however_often_it_is_asked_for(start: Start) -> None:
    caller = start()
    assert await caller.new(business="b1") == Answer("success", code="000000", message="success", instance_id="b1")
    assert (await caller.new(business="b2")).instance_id == "b1"
    assert (await caller.new("CS2", business="b3")).instance_id == "b3"


async def test_each_metered_product_of_an_order_has_its_own_instance(start: Start) -> None:
    caller = start()
    assert (await caller.new(business="b1", product_id="sms")).instance_id == "b1"
    assert (await caller.new(business="b2", product_id="mms")).instance_id == "b2"
    assert (await caller.new(business="b3", product_id="sms")).instance_id == "b1"


async def test_instances_are_described_together(start: Start) -> None:
    caller = start()
    await caller.new("CS1", "b1")
    await caller.new("CS2", "b2")
    answer = await caller.query("b1", "b2")
    assert [instance.instance_id for instance in answer.instances] == ["b1", "b2"]
    app = answer.instances[0].app
    assert app is not None
    assert all((app.front_end_url, app.admin_url, app.user_name, app.password, app.memo))
    assert answer == await caller.query("b1", "b2")


async def test_an_unknown_instance_is_neither_described_nor_released(start: Start) -> None:
    caller = start()
    await caller.new(business="b1")
    assert (await caller.query("b1", "unknown")).code == "000003"
    assert (await caller.release("unknown")).code == "000003"


async def test_a_release_may_be_repeated(start: Start) -> None:
    caller = start()
    await caller.new(business="b1")
    assert [(await caller.release("b1")).verdict for _ in range(2)] == ["success", "success"]
    assert (await caller.query("b1")).code == "000003"


async def test_test_calls_succeed_in_any_order_and_release_nothing(start: Start) -> None:
    caller = start()
    assert (await caller.query("never-opened", test=True)).verdict == "success"
    assert (await caller.release("never-opened", test=True)).verdict == "success"
    await caller.new(business="b1", test=True)
    await caller.release("b1", test=True)
    assert (await caller.query("b1", test=True)).verdict == "success"


async def test_a_paid_order_is_noted(start: Start) -> None:
    assert (await start().call("orderNotify", v2.body(NotifyOrder("CS1", "CS1-000001")))).verdict == "success"


async def test_a_slow_seller_is_in_progress_until_it_is_ready(start: Start, clock: Clock) -> None:
    caller = start("slow", ready_after=5)
    assert (await caller.new(business="b1")).verdict == "in_progress"
    assert (await caller.query("b1")).verdict == "in_progress"
    clock.now += 5
    assert (await caller.query("b1")).verdict == "success"
    assert (await caller.new(business="b2")) == Answer("success", code="000000", message="success", instance_id="b1")


@pytest.mark.parametrize("body", [b"{}", b'{"activity":"newInstance"}', b'{"activity":"dance"}'])
async def test_what_is_not_understood_is_refused(start: Start, body: bytes) -> None:
    assert (await start().call("newInstance", body)).code == "000002"


async def test_more_instances_than_a_call_may_name_are_refused(start: Start) -> None:
    body = canonical_body({"activity": "queryInstance", "instanceId": ",".join("a" * 101)})
    assert (await start().call("queryInstance", body)).code == "000002"


async def test_a_call_with_another_key_changes_nothing_and_is_remembered_as_rejected(start: Start) -> None:
    caller = start()
    caller.key = "another"
    assert (await caller.new()).code == "000001"
    received = caller.seller.calls[-1]
    assert received.call is None
    assert received.rejected is not None
    assert (received.rejected.code, len(caller.seller.book)) == ("000001", 0)


async def test_received_calls_are_remembered(start: Start, clock: Clock) -> None:
    caller = start()
    await caller.new(business="b1")
    (received,) = caller.seller.calls
    assert received.call is not None
    assert (received.at, received.call.activity, received.call.members["businessId"]) == (
        clock.now,
        "newInstance",
        "b1",
    )
    assert received.body == v2.body(OpenInstance("CS1", "CS1-000001", "b1"))


@pytest.mark.parametrize(
    ("manner", "verdict", "code", "fault"),
    [
        ("refusing", "refused", "000104", None),
        ("sold_out", "refused", "000106", None),
        ("trouble", "refused", "000005", None),
        ("html", "unreadable", None, "http_status"),
        ("crash", "unreadable", None, "http_status"),
        ("redirect", "unreadable", None, "redirected"),
        ("empty", "unreadable", None, "empty_body"),
        ("nothing", "unreadable", None, "no_result_code"),
        ("int_code", "unreadable", None, "result_code_type"),
    ],
)
async def test_each_bad_manner_is_judged_for_what_it_is(
    start: Start, manner: Manner, verdict: str, code: str | None, fault: str | None
) -> None:
    caller = start(manner)
    answer = await caller.new()
    assert (answer.verdict, answer.code, answer.fault) == (verdict, code, fault)
    assert len(caller.seller.book) == 0


async def test_a_sold_out_seller_still_releases(start: Start) -> None:
    caller = start()
    await caller.new(business="b1")
    caller.seller.manner = "sold_out"
    assert (await caller.release("b1")).verdict == "success"


async def test_fresh_ids_differ_and_all_lead_to_the_instance(start: Start) -> None:
    caller = start("fresh_ids")
    first, second = (await caller.new(business="b1")).instance_id, (await caller.new(business="b2")).instance_id
    assert first is not None
    assert second is not None
    assert first != second
    assert (await caller.query(first, second)).verdict == "success"
    assert (await caller.release(first)).verdict == "success"
    assert (await caller.query(second)).code == "000003"


async def test_a_lost_answer_has_opened_the_instance(start: Start) -> None:
    caller = start("lost_answer")
    with pytest.raises(ConnectionError):
        await caller.new(business="b1")
    assert (await caller.new(business="b2")).instance_id == "b1"


async def test_a_cut_connection_has_opened_nothing(start: Start) -> None:
    caller = start("cut")
    with pytest.raises(ConnectionError):
        await caller.new()
    assert len(caller.seller.book) == 0


async def test_a_hanging_seller_opens_but_answers_late(start: Start) -> None:
    caller = start("hang", hang_for=0.01)
    assert (await caller.new(business="b1")).instance_id == "b1"


async def test_a_hanging_seller_stops_when_the_caller_leaves(start: Start) -> None:
    caller = start("hang", hang_for=60)
    caller.leave.set()
    async with asyncio.timeout(5):
        await caller.new()


async def test_an_endless_answer_ends_when_the_caller_leaves(start: Start) -> None:
    caller = start("endless")
    asyncio.get_running_loop().call_later(0.05, caller.leave.set)
    with pytest.raises(ConnectionError):
        await caller.new()
    assert len(caller.sent) > 3


async def outcomes(caller: Caller, order: str) -> list[str]:
    """What happened until the order was opened."""
    seen: list[str] = []
    while not seen or seen[-1] != "success":
        try:
            answer = await caller.new(order, uuid4().hex)
            seen.append(answer.fault or answer.verdict)
        except ConnectionError:
            seen.append("cut")
    return seen


async def test_a_flaky_seller_opens_in_the_end_and_fails_the_same_way_again(start: Start) -> None:
    orders = [f"CS{number}" for number in range(60)]
    one, two = start("flaky", seed=7, hang_for=0), start("flaky", seed=7, hang_for=0)
    seen = {order: await outcomes(one, order) for order in orders}
    again = {order: await outcomes(two, order) for order in reversed(orders)}
    assert seen == again
    assert max(map(len, seen.values())) <= 4
    assert {kind for kinds in seen.values() for kind in kinds} >= {"success", "cut", "http_status", "empty_body"}
    assert len(one.seller.book) == len(orders)


async def test_the_book_survives_a_restart_and_half_a_line(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    before = start(book=path)
    await before.new("CS1", "b1")
    await before.new("CS2", "b2")
    await before.release("b2")
    before.seller.book.close()
    with path.open("a") as file:
        file.write('{"instance_id": "b3", "ord')

    for _ in range(2):
        after = start(book=path)
        assert (await after.new("CS1", "b9")).instance_id == "b1"
        assert (await after.query("b2")).code == "000003"
        await after.new("CS4", "b4")
        after.seller.book.close()
    assert len(after.seller.book) == 3


async def control(caller: Caller, name: str, **rest: str) -> int:
    status, _, _ = await caller.request(b"", f"name={name}", "/_manner", **rest)
    return status


async def test_the_manner_can_be_changed_from_this_machine_when_that_is_allowed(start: Start) -> None:
    caller = start(allow_control=True)
    assert await control(caller, "dance") == 400
    assert await control(caller, "slow", client="192.0.2.1") == 403
    assert await control(caller, "slow", method="GET") == 403
    assert (await caller.new("CS1")).verdict == "success"
    assert await control(caller, "slow") == 200
    assert (await caller.new("CS2")).verdict == "in_progress"


async def test_the_manner_cannot_be_changed_otherwise(start: Start) -> None:
    caller = start()
    await control(caller, "slow")
    assert caller.seller.manner == "instant"


async def test_a_caller_that_leaves_or_sends_too_much_is_not_answered(start: Start) -> None:
    caller = start()
    with pytest.raises(ConnectionError):
        await caller.request(b" " * 70_000, "")
    assert not caller.seller.calls


async def test_the_application_starts_and_stops(start: Start) -> None:
    waiting: list[Message] = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    sent: list[str] = []

    async def receive() -> Message:
        return waiting.pop()

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await start().seller({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_server_says_where_it_is_and_answers_there() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tradehall_seller", "--key", KEY, "--allow-control"], stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            with urllib.request.urlopen(address, data=b"{}", timeout=10) as response:
                assert json.load(response)["resultCode"] == "000002"
            with urllib.request.urlopen(f"{address}_manner?name=slow", data=b"", timeout=10) as response:
                assert json.load(response) == {"manner": "slow"}
        finally:
            server.terminate()
        server.wait(10)


def test_manners_are_all_played_by_the_server() -> None:
    helped = subprocess.run([sys.executable, "-m", "tradehall_seller", "--help"], capture_output=True, check=True)
    assert all(manner.encode() in helped.stdout for manner in MANNERS)


def test_what_a_seller_installs_needs_nothing_but_python() -> None:
    script = "import sys, tradehall_seller.sample; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout.split()
    assert {"tradehall", "msgspec", "uvicorn"}.isdisjoint(loaded)
