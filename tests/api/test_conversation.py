"""Messages, reminders, templates and statistics for programs."""

from pathlib import Path

import pytest
from tests.api.conftest import As, Client
from tests.conftest import sandbox_settings
from tests.kernel.files.stores import picture
from tests.supervised import Supervised
from tests.world import Shop, World

from tradehall.settings import Settings

HOME = "/api/v1/supervision"
OWN = "/api/v1/message-templates/"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path)


async def test_a_conversation(client: Client, as_: As, shop: Shop, world: World) -> None:
    number = await Supervised(shop).buy("service")
    buyer, seller = await as_(world.buyer), await as_(world.seller)
    place = f"{HOME}/{number}/messages"
    file = await client.post(f"{place}/files", params={"name": "two.png"}, content=picture(), headers=buyer)
    assert file.status_code == 201, file.text
    assert [one["name"] for one in (await client.get(f"{place}/drafts", headers=buyer)).json()["items"]] == ["two.png"]
    key = {"Idempotency-Key": "once"}
    body = {"text": "Two are missing.", "to": ["seller"]}
    first, again = [await client.post(place, json=body, headers=buyer | key) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, again.json())
    assert (await client.get(f"{HOME}/messages/unread", headers=seller)).json() == {"unread": 1}
    (message,) = (await client.get(place, headers=seller)).json()["items"]
    assert (message["number"], message["private"], message["read"][0]["read_at"]) == (1, False, None)
    content = await client.get(f"{place}/files/{message['files'][0]['id']}", headers=seller)
    assert content.headers["ETag"].strip('"') == message["files"][0]["sha256"]
    assert (await client.post(f"{place}/read", headers=seller)).json() == {"read": 1}
    answer = {"text": "They come.", "to": ["buyer"], "reply_to": message["id"]}
    assert (await client.post(place, json=answer, headers=seller)).status_code == 201
    detail = (await client.get(f"{HOME}/{number}", headers=buyer)).json()
    told = [one["text"] for one in detail["log"] if one["kind"] == "supervision.message_sent"]
    assert (told, detail["log_whole"]) == (["Two are missing.", "They come."], True)
    wrong = await client.post(place, json={"text": "", "to": ["buyer"]}, headers=buyer)
    assert [one["field"] for one in wrong.json()["errors"]] == ["to", "text"]


async def test_reminding(client: Client, as_: As, shop: Shop, world: World) -> None:
    number = await Supervised(shop).buy("service")
    seller = await as_(world.seller)
    before = (await client.get(f"{HOME}/{number}/reminders", headers=seller)).json()
    assert (before["urged"], before["may_urge_at"] is None) == (0, False)
    assert (await client.post(f"{HOME}/{number}/urge", headers=seller)).json()["urged"] == 1
    again = await client.post(f"{HOME}/{number}/urge", headers=seller)
    assert (again.status_code, again.json()["code"]) == (409, "urged_already")
    own = await client.post(f"{HOME}/{number}/urge", headers=await as_(world.buyer))
    assert (own.status_code, own.json()["code"]) == (409, "your_turn")


async def test_templates_and_statistics(client: Client, as_: As, shop: Shop, world: World) -> None:
    number = await Supervised(shop).buy("service")
    seller = await as_(world.seller)
    made = (await client.post(OWN, json={"name": "Which", "text": "Of {number}?"}, headers=seller)).json()
    change = {"name": "Which", "text": "Which of {number}?", "version": 1}
    assert (await client.put(OWN + made["id"], json=change, headers=seller)).json()["version"] == 2
    assert (await client.put(OWN + made["id"], json=change, headers=seller)).status_code == 409
    offered = (await client.get(f"{HOME}/{number}/messages/templates", headers=seller)).json()["items"]
    assert offered[0]["text"] == f"Which of {number}?"
    assert (await client.delete(OWN + made["id"], headers=seller)).status_code == 204
    told = (await client.get(f"{HOME}/statistics", headers=seller)).json()
    assert [(one["node"], one["orders"]) for one in told["standing"]] == [("request", 1)]
    assert sum(day["began"] for day in told["days"]) == 1
    wrong = await client.get(f"{HOME}/statistics", params={"since": "1999-01-01"}, headers=seller)
    assert wrong.status_code == 422
