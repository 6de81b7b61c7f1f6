"""Service supervision as programs of all three sides use it."""

import asyncio
import hashlib
import io
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from PIL import Image
from tests.api.conftest import As, Client
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.world import Shop, World

from tradehall.kernel.i18n import translator
from tradehall.settings import Settings
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.flows import all_flows, flow_of

API = "/api/v1/supervision"
REQUIREMENT = {"requirement": "Move the order archive."}
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path, upload_max_bytes=100_000)


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def refused(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def wrong_fields(answer: Response) -> set[str]:
    assert refused(answer) == (422, "invalid")
    return {one["field"] for one in answer.json()["errors"]}


class Side:
    """A side's program."""

    def __init__(self, client: Client, headers: dict[str, str], number: str) -> None:
        self.client, self.headers, self.path = client, headers, f"{API}/{number}"

    async def look(self) -> dict[str, Any]:
        answer = await self.client.get(self.path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def act(self, verb: str, answers: dict[str, Any] | None = None, *, key: str = "", **more: Any) -> Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        body = {"verb": verb, "answers": answers or {}, **more}
        return await self.client.post(f"{self.path}/acts", json=body, headers=headers)

    async def upload(self, verb: str, field: str, name: str, content: Any, *, key: str = "") -> Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        query = {"verb": verb, "field": field, "name": name}
        return await self.client.post(f"{self.path}/files", params=query, content=content, headers=headers)


async def sides(client: Client, as_: As, world: World, number: str) -> tuple[Side, Side, Side]:
    """Buyer, seller and platform of an order."""
    people = (world.buyer, world.seller, world.operator)
    buyer, seller, platform = [Side(client, await as_(one), number) for one in people]
    return buyer, seller, platform


async def test_an_order_is_delivered_and_accepted_by_programs_alone(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("saas_manual")
    buyer, seller, platform = await sides(client, as_, world, number)
    seen = await buyer.look()
    assert (seen["node"], seen["turn"], seen["acts"], seen["overdue"]) == ("request", "buyer", 0, False)
    assert [step["standing"] for step in seen["steps"]] == ["now", "ahead", "ahead", "ahead", "ahead"]
    assert [one["verb"] for one in seen["allowed"] if one["stage"] == "delivery"] == ["submit_requirement"]
    assert {one["stage"] for one in (await seller.look())["allowed"]} == {"appeal"}
    assert (await platform.look())["allowed"] == []

    answer = await buyer.act("submit_requirement", REQUIREMENT, seen=0)
    assert (answer.status_code, answer.json()["turn"], answer.json()["seen"]) == (200, "seller", 1)
    assert (await seller.look())["requirement"]["answers"] == REQUIREMENT
    assert (await seller.act("confirm_requirement")).status_code == 200

    allowed = (await seller.look())["allowed"][0]
    wanted = {field["key"] for field in allowed["fields"] if field["required"]}
    assert wrong_fields(await seller.act("deliver")) == wanted
    delivery = {"front_end_url": "https://app.example.com/", "user_name": "root", "password": "first-pass-9"}
    for field in ("requirement_document", "acceptance_document"):
        assert (await seller.upload("deliver", field, f"{field}.pdf", PDF)).status_code == 201
    assert (await seller.act("deliver", delivery)).status_code == 200

    seen = await buyer.look()
    (delivered,) = seen["deliveries"]
    assert delivered["answers"]["front_end_url"] == delivery["front_end_url"]
    assert delivered["answers"]["password"] != delivery["password"]
    assert sorted(delivered["files"]) == sorted(one["id"] for one in seen["evidence"])
    assert {one["sha256"] for one in seen["evidence"]} == {hashlib.sha256(PDF).hexdigest()}
    secrets = {}
    for side in (buyer, seller):
        secrets = (await client.post(f"{side.path}/secrets", headers=side.headers)).json()["secrets"]
        assert secrets == {"password": delivery["password"]}
    answer = await client.post(f"{platform.path}/secrets", headers=platform.headers)
    assert refused(answer) == (403, "wrong_console")

    assert (await buyer.act("accept")).json()["state"] == "completed"
    seen = await platform.look()
    assert (seen["turn"], seen["by"], seen["allowed"], seen["order_state"]) == (None, None, [], "completed")
    assert {step["standing"] for step in seen["steps"]} == {"done"}
    assert [one["kind"].partition(".")[2] for one in seen["log"]] == [
        "opened", "requirement_submitted", "requirement_confirmed", "delivered", "accepted",
    ]  # fmt: skip
    assert seen["log_whole"]
    assert delivery["password"] not in str(seen)
    order = await client.get(f"/api/v1/orders/{number}/timeline", headers=buyer.headers)
    (told,) = [one for one in order.json()["events"] if one["kind"] == "supervision.delivered"]
    assert told["facts"] == {"node": "delivery", "to": "acceptance", "verb": "deliver"}


async def test_it_is_told_in_the_readers_language(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    headers = await as_(world.buyer) | {"Accept-Language": "zh"}
    seen = (await client.get(f"{API}/{number}", headers=headers)).json()
    texts = translator("zh")
    flow = flow_of("service", seen["version"])
    assert seen["delivery_label"] == texts.lookup(flow.label)
    assert [step["label"] for step in seen["steps"]] == [texts.lookup(node.label) for node in flow.steps(False)]
    assert seen["allowed"][0]["label"] == texts.lookup(flow.nodes[0].verbs[0].label)


async def test_lists_queue_and_counts_are_each_sides_own(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    first = await supervised.buy("service")
    await shop.run_due(timedelta(minutes=1))  # newest first: of one moment, neither is
    second = await supervised.buy("orchestration")

    async def got(who: Any, path: str, **query: Any) -> Any:
        answer = await client.get(API + path, params=query, headers=await as_(who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def numbers(who: Any, path: str = "/", **query: Any) -> list[str]:
        return [one["order_number"] for one in (await got(who, path, **query))["items"]]

    for who in (world.buyer, world.seller, world.operator):
        assert await numbers(who) == [second, first]
    for stranger in (world.other_buyer, world.other_seller):
        assert await numbers(stranger) == await numbers(stranger, "/queue") == []
        assert set((await got(stranger, "/counts")).values()) == {0}
    assert await numbers(world.buyer, "/queue") == [first]
    assert await numbers(world.seller, "/queue") == [second]
    assert (await got(world.seller, "/counts"))["mine"] == 1
    assert await numbers(world.operator, turn="seller") == [second]
    assert await numbers(world.operator, delivery_type="service", node="request") == [first]
    assert await numbers(world.operator, number=first) == [first]
    assert await numbers(world.operator, product="service") == [first]
    assert await numbers(world.operator, state="completed") == await numbers(world.operator, overdue="true") == []
    page = await got(world.buyer, "/", limit=1)
    assert await numbers(world.buyer, limit=1, after=page["next"]) == [first]
    await shop.run_due(timedelta(days=31))
    assert await numbers(world.operator, overdue="true") == [second, first]
    assert (await got(world.buyer, "/counts"))["overdue"] == 2


async def test_the_other_side_is_reachable_once_it_is_late(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    buyer, seller, platform = await sides(client, as_, world, await supervised.buy("service"))
    assert (await seller.look())["contacts"] == []
    await shop.run_due(timedelta(days=31))
    for side in (seller, platform):
        people = (await side.look())["contacts"]
        assert world.buyer.name in {one["name"] for one in people}
    assert (await buyer.look())["contacts"] == []


async def test_the_code_of_a_licence_reaches_both_sides_with_the_delivery_and_never_the_platform(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("license_code")
    buyer, seller, platform = await sides(client, as_, world, number)
    assert (await buyer.look())["license_code"] is (await seller.look())["license_code"] is None
    await supervised.act(number, "deliver")
    assert (await seller.look())["license_code"] == (await buyer.look())["license_code"]
    assert (await buyer.act("claim_code")).status_code == 200
    seen = await buyer.look()
    assert seen["license_code"].startswith("PL")
    assert not seen["refundable"]
    assert (await platform.look())["license_code"] is None
    assert refused(await seller.act("activate_code", {"code": "PL-WRONG"})) == (409, "wrong_code")
    assert (await seller.act("activate_code", {"code": seen["license_code"]})).status_code == 200


async def test_hardware_is_ordered_with_a_recipient_and_followed_to_it(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    price = await supervised.price("hardware")
    recipient = {"recipient_name": "Wang Fang", "recipient_phone": "13800000000", "recipient_address": "1 Harbour Road"}
    headers = await as_(world.buyer)
    body: dict[str, Any] = {"price_id": str(price)}
    assert wrong_fields(await client.post("/api/v1/orders", json=body, headers=headers)) == set(recipient)
    number = (await client.post("/api/v1/orders", json=body | recipient, headers=headers)).json()["number"]
    await shop.pay(number)
    buyer, seller, _ = await sides(client, as_, world, number)
    assert (await seller.look())["recipient"]["address"] == "1 Harbour Road"
    recipient["recipient_address"] = "2 Harbour Road"
    assert (await buyer.act("change_address", recipient)).status_code == 200
    assert (await seller.look())["recipient"]["address"] == "2 Harbour Road"
    await supervised.act(number, "deliver")
    parcel = (await buyer.look())["parcel"]
    assert (parcel["courier"], parcel["courier_label"], parcel["number"]) == ("test", "Test carrier", "TEST-2-0001")
    await shop.run_due(timedelta(days=3))
    parcel = (await buyer.look())["parcel"]
    assert (parcel["status"], bool(parcel["signed_at"])) == ("signed", True)
    assert "accept" in {one["kind"] for one in (await buyer.look())["timers"]}


async def test_what_cannot_be_done_is_refused_with_a_stable_code(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("service")
    buyer, seller, platform = await sides(client, as_, world, number)
    assert refused(await buyer.act("dance")) == (404, "unknown_verb")
    assert refused(await buyer.act("accept")) == (409, "out_of_turn")
    assert refused(await seller.act("submit_requirement", REQUIREMENT)) == (403, "not_your_side")
    assert refused(await platform.act("submit_requirement", REQUIREMENT)) == (403, "not_your_side")
    assert wrong_fields(await buyer.act("submit_requirement", {"requirement": "x" * 5_001})) == {"requirement"}
    assert wrong_fields(await buyer.act("submit_requirement", {**REQUIREMENT, "colour": "red"})) == {"colour"}
    wrong: list[Any] = [7, None, [], {"requirement": "x"}, True]
    for nothing in wrong:
        assert wrong_fields(await buyer.act("submit_requirement", {"requirement": nothing})) == {"requirement"}
    assert refused(await buyer.act("submit_requirement", REQUIREMENT, seen=4)) == (409, "flow_moved_on")
    assert (await buyer.look())["acts"] == 0

    await supervised.act(number, "appeal")
    assert refused(await buyer.act("submit_requirement", REQUIREMENT)) == (409, "flow_frozen")
    seen = await buyer.look()
    assert {one["stage"] for one in seen["allowed"]} == {"appeal"}
    assert (seen["by"], seen["timers"]) == (None, [])
    await supervised.act(number, "withdraw_appeal")
    await supervised.complete(number)
    assert refused(await buyer.act("accept")) == (409, "flow_finished")


async def test_a_draft_is_kept_for_its_own_side_and_gone_after_the_act(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    buyer, seller, _ = await sides(client, as_, world, number)
    url = f"{buyer.path}/drafts/submit_requirement"
    body = {"answers": {**REQUIREMENT, "colour": "red"}}
    answer = await client.put(url, json=body, headers=buyer.headers)
    assert answer.json() == {"verb": "submit_requirement", "answers": REQUIREMENT}
    assert refused(await client.put(url, json=body, headers=seller.headers)) == (403, "not_your_side")
    assert (await buyer.look())["allowed"][0]["draft"] == REQUIREMENT
    assert "Move the order archive" not in str(await seller.look())
    await supervised.complete(number)
    assert refused(await client.put(url, json=body, headers=buyer.headers)) == (409, "flow_finished")


# --- Files -----------------------------------------------------------------------------------------------------------


def stored(settings: Settings) -> list[Path]:
    """Every file that lies in the store."""
    return [path for path in settings.data_dir.rglob("*") if path.is_file() and "files" in path.parts]


async def test_a_file_is_a_draft_until_it_is_handed_in_and_evidence_ever_after(
    client: Client, as_: As, world: World, supervised: Supervised, settings: Settings
) -> None:
    buyer, seller, _ = await sides(client, as_, world, await supervised.buy("service"))
    content = picture()
    uploads = [
        await buyer.upload("submit_requirement", "requirement_files", "plan.png", content, key="plan") for _ in range(2)
    ]
    assert [one.status_code for one in uploads] == [201, 201]
    assert uploads[0].json() == uploads[1].json()
    told = uploads[0].json()
    assert (told["sha256"], told["size"], told["act"]) == (hashlib.sha256(content).hexdigest(), len(content), None)
    url = f"{buyer.path}/files/{told['id']}"
    assert refused(await client.get(url, headers=seller.headers)) == (404, "evidence_not_found")
    assert refused(await client.delete(url, headers=seller.headers)) == (404, "evidence_not_found")

    other = (await buyer.upload("submit_requirement", "requirement_files", "wrong.png", content)).json()
    for _ in range(2):
        answer = await client.delete(f"{buyer.path}/files/{other['id']}", headers=buyer.headers)
        assert answer.status_code == 204
    assert (await buyer.act("submit_requirement", REQUIREMENT)).status_code == 200
    assert refused(await client.delete(url, headers=buyer.headers)) == (409, "evidence_handed_in")
    (evidence,) = (await seller.look())["evidence"]
    assert (evidence["id"], evidence["act"], evidence["has_thumbnail"]) == (told["id"], 1, True)

    whole = await client.get(url, headers=seller.headers)
    assert (whole.content, whole.headers["Content-Type"]) == (content, "image/png")
    assert whole.headers["Content-Disposition"].startswith("attachment")
    part = await client.get(url, headers=seller.headers | {"Range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, content[:8])
    small = await client.get(url, params={"thumbnail": "1"}, headers=seller.headers)
    assert small.status_code == 200
    assert Image.open(io.BytesIO(small.content)).width < 640
    for stranger in (world.other_buyer, world.other_seller):
        assert refused(await client.get(url, headers=await as_(stranger))) == (404, "evidence_not_found")


async def test_what_is_taken_back_leaves_the_store(
    client: Client, as_: As, world: World, supervised: Supervised, settings: Settings, shop: Shop
) -> None:
    """Or who uploads and takes back again and again would fill it with what nobody ever sees."""
    buyer, *_ = await sides(client, as_, world, await supervised.buy("service"))
    kept = await buyer.upload("submit_requirement", "requirement_files", "kept.png", picture())
    before = stored(settings)
    gone = await buyer.upload("submit_requirement", "requirement_files", "gone.png", picture())
    sent = await client.post(
        f"{buyer.path}/messages/files", params={"name": "gone.pdf"}, content=PDF, headers=buyer.headers
    )
    assert len(stored(settings)) > len(before)
    for place in (f"files/{gone.json()['id']}", f"messages/files/{sent.json()['id']}"):
        for _ in range(2):
            answer = await client.delete(f"{buyer.path}/{place}", headers=buyer.headers)
            assert answer.status_code == 204
    await shop.run_due()
    assert sorted(stored(settings)) == sorted(before)
    assert [name for (name,) in await shop.sql("SELECT name FROM files")] == ["kept.png"]
    answer = await client.get(f"{buyer.path}/files/{kept.json()['id']}", headers=buyer.headers)
    assert answer.content == picture()


async def test_no_more_files_are_taken_at_once_than_one_after_the_other(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    buyer, *_ = await sides(client, as_, world, await supervised.buy("service"))
    many = (buyer.upload("submit_requirement", "requirement_files", f"{n}.pdf", PDF) for n in range(30))
    answers = [answer.status_code for answer in await asyncio.gather(*many)]
    assert Counter(answers) == {201: 20, 422: 10}
    assert len((await buyer.look())["evidence"]) == 20


async def test_a_form_takes_one_file(client: Client, as_: As, world: World, supervised: Supervised) -> None:
    buyer, *_ = await sides(client, as_, world, await supervised.buy("service"))
    query = {"verb": "submit_requirement", "field": "requirement_files"}

    async def send(*names: str) -> Response:
        files = [("file", (name, PDF, "application/pdf")) for name in names]
        return await client.post(f"{buyer.path}/files", params=query, files=files, headers=buyer.headers)

    assert (await send("需求.pdf")).json()["name"] == "需求.pdf"
    assert refused(await send("a.pdf", "b.pdf")) == (413, "too_many_files")
    empty = await client.post(f"{buyer.path}/files", params=query, data={"note": "no file"}, headers=buyer.headers)
    assert wrong_fields(empty) == {"requirement_files"}
    assert len((await buyer.look())["evidence"]) == 1


async def test_a_file_that_is_not_right_leaves_nothing(
    client: Client, as_: As, world: World, supervised: Supervised, settings: Settings
) -> None:
    buyer, seller, _ = await sides(client, as_, world, await supervised.buy("service"))
    place = ("submit_requirement", "requirement_files")
    assert refused(await buyer.upload(*place, "empty.pdf", b"")) == (422, "file_empty")
    assert refused(await buyer.upload(*place, "big.pdf", PDF + b"x" * 100_000)) == (413, "file_too_big")
    assert refused(await buyer.upload(*place, "plan.exe", b"MZ\0\0program")) == (415, "file_runs")
    assert refused(await buyer.upload(*place, "plan.pdf", picture())) == (422, "file_disguised")
    assert wrong_fields(await buyer.upload("submit_requirement", "requirement", "plan.pdf", PDF)) == {"requirement"}
    assert refused(await buyer.upload("accept", "note", "plan.pdf", PDF)) == (409, "out_of_turn")
    assert refused(await seller.upload(*place, "plan.pdf", PDF)) == (403, "not_your_side")
    assert (await buyer.look())["evidence"] == []
    assert stored(settings) == []


async def test_an_upload_that_is_cut_off_leaves_nothing(
    client: Client, as_: As, world: World, supervised: Supervised, settings: Settings
) -> None:
    buyer, *_ = await sides(client, as_, world, await supervised.buy("service"))

    async def cut_off() -> AsyncIterator[bytes]:
        yield PDF
        yield b"x" * 1_000

    buyer.headers |= {"Content-Length": "50000"}
    answer = await buyer.upload("submit_requirement", "requirement_files", "plan.pdf", cut_off())
    assert refused(answer) == (400, "upload_cut_off")
    del buyer.headers["Content-Length"]
    assert (await buyer.look())["evidence"] == []
    assert stored(settings) == []


# --- At once ---------------------------------------------------------------------------------------------------------


async def test_twenty_identical_acts_under_one_key_are_one_act(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    buyer, *_ = await sides(client, as_, world, await supervised.buy("service"))
    answers = await asyncio.gather(*(buyer.act("submit_requirement", REQUIREMENT, key="once") for _ in range(20)))
    assert {one.status_code for one in answers} == {200}
    assert len({one.text for one in answers}) == 1
    seen = await buyer.look()
    assert (seen["acts"], seen["node"]) == (1, "confirmation")
    assert Counter(one["kind"] for one in seen["log"])["supervision.requirement_submitted"] == 1
    other = await buyer.act("submit_requirement", {"requirement": "Something else."}, key="once")
    assert refused(other) == (422, "idempotency_key_reused")


async def test_twenty_acts_under_keys_of_their_own_are_one_act_and_nineteen_conflicts(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    buyer, *_ = await sides(client, as_, world, await supervised.buy("service"))
    answers = await asyncio.gather(
        *(buyer.act("submit_requirement", REQUIREMENT, key=f"act-{turn}", seen=0) for turn in range(20))
    )
    codes = Counter(one.status_code for one in answers)
    assert codes == {200: 1, 409: 19}
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"out_of_turn"}
    assert (await buyer.look())["acts"] == 1


async def test_twenty_uploads_under_one_key_are_one_file(
    client: Client, as_: As, world: World, supervised: Supervised, settings: Settings
) -> None:
    buyer, *_ = await sides(client, as_, world, await supervised.buy("service"))
    place = ("submit_requirement", "requirement_files", "plan.pdf", PDF)
    answers = await asyncio.gather(*(buyer.upload(*place, key="plan") for _ in range(20)))
    assert {one.status_code for one in answers} == {201}
    assert len((await buyer.look())["evidence"]) == 1
    assert len(stored(settings)) == 1


# --- Besides ---------------------------------------------------------------------------------------------------------


async def test_the_flows_are_told_as_the_command_prints_them(client: Client, as_: As, world: World) -> None:
    answer = await client.get(f"{API}/flows", headers=await as_(world.seller))
    told = [flow.told for flow in (*all_flows(), *PROCEDURES.values())]
    for table in told:
        table["from_date"] = table["from_date"] and table["from_date"].isoformat()
    assert answer.json()["items"] == told


async def test_an_invoice_is_noted_once(client: Client, as_: As, world: World, shop: Shop) -> None:
    unpaid, number = await shop.place(), await shop.buy()
    operator = await as_(world.operator)
    answer = await client.post(f"/api/v1/operator/orders/{unpaid}/invoice", headers=operator)
    assert refused(answer) == (409, "order_not_paid")
    answer = await client.post("/api/v1/operator/orders/CS2603020900ZZZZZ/invoice", headers=operator)
    assert refused(answer) == (404, "order_not_found")
    first = await client.post(f"/api/v1/operator/orders/{number}/invoice", headers=operator)
    await shop.run_due(timedelta(hours=1))
    again = await client.post(f"/api/v1/operator/orders/{number}/invoice", headers=operator)
    assert first.json() == again.json()
    assert (await shop.kinds(number)).count("order.invoiced") == 1
