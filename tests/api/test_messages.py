"""Messages over the API: one's own, in the language asked for, marked read once."""

from tests.api.conftest import As, Client
from tests.supervised import Supervised
from tests.world import Shop, World


async def test_messages_are_listed_counted_and_marked_read(client: Client, as_: As, shop: Shop, world: World) -> None:
    number = await Supervised(shop).buy("service")
    headers = await as_(world.buyer)
    (message,) = (await client.get("/api/v1/messages", headers=headers)).json()["items"]
    assert message["title"] == "Your turn: Submit requirement"
    assert message["order_number"] == number
    assert message["read_at"] is None
    chinese = await client.get("/api/v1/messages", headers=headers | {"Accept-Language": "zh-CN"})
    assert chinese.json()["items"][0]["title"].startswith("待您处理：")
    assert (await client.get("/api/v1/messages/unread", headers=headers)).json() == {"unread": 1}
    for _ in range(2):
        answer = await client.post(f"/api/v1/messages/{message['id']}/read", headers=headers)
        assert answer.status_code == 200
    assert (await client.get("/api/v1/messages?unread=true", headers=headers)).json()["items"] == []
    assert (await client.get("/api/v1/messages?kind=turn", headers=headers)).json()["items"][0]["read_at"]
    assert (await client.get("/api/v1/messages?kind=accepted", headers=headers)).json()["items"] == []
    assert (await client.get("/api/v1/messages?kind=nonsense", headers=headers)).status_code == 422


async def test_everything_is_marked_read_of_ones_own_only(client: Client, as_: As, shop: Shop, world: World) -> None:
    await Supervised(shop).buy("service")
    answer = await client.post("/api/v1/messages/read", headers=await as_(world.buyer))
    assert answer.json() == {"marked": 1}
    assert (await client.get("/api/v1/messages/unread", headers=await as_(world.buyer_member))).json() == {"unread": 1}


async def test_where_one_is_told_is_kept(client: Client, as_: As, world: World) -> None:
    headers = await as_(world.buyer)
    assert (await client.get("/api/v1/me/contact", headers=headers)).json() == {"phone": None, "mail_notices": True}
    wanted = {"phone": "+49 30 1234567", "mail_notices": False}
    answer = await client.put("/api/v1/me/contact", headers=headers, json=wanted)
    assert answer.json() == {"phone": "+49301234567", "mail_notices": False}
    wrong = await client.put("/api/v1/me/contact", headers=headers, json=wanted | {"phone": "030 1234567"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "phone"


async def test_operators_see_what_could_not_be_sent(client: Client, as_: As, shop: Shop, world: World) -> None:
    await Supervised(shop).buy("service")
    await shop.sql(
        """
        INSERT INTO notice_sendings (id, notice_id, channel, address, state, due_at, give_up_at, attempts, last_error,
                                     created_at)
        SELECT gen_random_uuid(), id, 'mail', 'gone@example.com', 'failed', now(), now(), 1, '550 No', now()
        FROM notices LIMIT 1
        """
    )
    headers = await as_(world.operator)
    (failed,) = (await client.get("/api/v1/operator/sendings", headers=headers)).json()["items"]
    assert failed["last_error"] == "550 No"
    answer = await client.post(f"/api/v1/operator/sendings/{failed['id']}/retry", headers=headers)
    assert answer.json() == {"id": failed["id"]}
    assert (await client.post(f"/api/v1/operator/sendings/{failed['id']}/retry", headers=headers)).status_code == 409
    (waiting,) = (await client.get("/api/v1/operator/sendings?state=waiting", headers=headers)).json()["items"]
    assert waiting["id"] == failed["id"]
