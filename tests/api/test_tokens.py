"""API tokens: made with a password, listed without their secret, revoked at once."""

from datetime import timedelta

from tests.api.conftest import As, Client
from tests.world import PASSWORD, Shop, World

from tradehall.installation import Installation
from tradehall.kernel.journal import SYSTEM
from tradehall.parties import actions as parties

API = "/api/v1"


async def test_a_token_is_made_used_listed_and_revoked(client: Client, world: World) -> None:
    body = {"email": world.email(world.buyer), "password": PASSWORD, "name": "Robot", "days": 30}
    made = await client.post(f"{API}/tokens", json=body)
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    me = (await client.get(f"{API}/me", headers=headers)).json()
    assert me["email"] == world.email(world.buyer)
    assert me["organisation"] in me["organisations"]
    (listed,) = (await client.get(f"{API}/tokens", headers=headers)).json()
    assert listed["name"] == "Robot"
    assert made.json()["token"] not in str(listed)
    path = f"{API}/tokens/{made.json()['id']}"
    assert (await client.delete(path, headers=headers)).status_code == 204
    refused = await client.get(f"{API}/me", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


async def test_a_token_acts_for_the_organisation_that_is_chosen(
    client: Client, installation: Installation, world: World
) -> None:
    person, other = world.buyer.person_id, world.other_buyer.organisation_id
    assert person
    assert other
    body = {"email": world.email(world.buyer), "password": PASSWORD, "organisation_id": str(other)}
    refused = await client.post(f"{API}/tokens", json=body)
    assert refused.status_code == 404
    assert refused.json()["detail"] == "You do not belong to this organisation."
    async with installation.db.transaction(SYSTEM) as tx:
        await parties.add_member(tx, other, person, "member")
    made = (await client.post(f"{API}/tokens", json=body)).json()
    assert made["organisation"]["id"] == str(other)
    me = (await client.get(f"{API}/me", headers={"Authorization": f"Bearer {made['token']}"})).json()
    assert len(me["organisations"]) == 2


async def test_too_many_wrong_passwords_are_throttled_for_a_while(client: Client, shop: Shop, world: World) -> None:
    body = {"email": world.email(world.buyer), "password": "wrong"}
    policy = shop.installation.sign_in_policy
    for _ in range(policy.attempts):
        assert (await client.post(f"{API}/tokens", json=body)).json()["code"] == "wrong_password"
    right = body | {"password": PASSWORD}
    throttled = await client.post(f"{API}/tokens", json=right)
    assert (throttled.status_code, throttled.json()["code"]) == (429, "too_many_sign_ins")
    assert throttled.headers["Retry-After"]
    shop.clock.advance(policy.pause + timedelta(seconds=1))
    assert (await client.post(f"{API}/tokens", json=right)).status_code == 201


async def test_a_repeat_under_a_key_gets_the_same_token_and_keeps_no_secret_in_the_open(
    client: Client, shop: Shop, world: World
) -> None:
    body = {"email": world.email(world.buyer), "password": PASSWORD}
    headers = {"Idempotency-Key": "my-token"}
    tokens = [(await client.post(f"{API}/tokens", json=body, headers=headers)).json()["token"] for _ in range(2)]
    assert tokens[0] == tokens[1]
    other = await client.post(f"{API}/tokens", json=body | {"name": "Another"}, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"
    kept = await shop.sql("SELECT encode(answer, 'escape') FROM idempotency_keys WHERE key = 'my-token'")
    assert "thp_" not in kept[0][0]


async def test_an_expired_token_is_refused(client: Client, shop: Shop, world: World, as_: As) -> None:
    body = {"email": world.email(world.seller), "password": PASSWORD, "days": 1}
    made = (await client.post(f"{API}/tokens", json=body)).json()
    shop.clock.advance(timedelta(days=2))
    refused = await client.get(f"{API}/me", headers={"Authorization": f"Bearer {made['token']}"})
    assert refused.status_code == 401
    assert (await client.get(f"{API}/me", headers=await as_(world.seller))).status_code == 200
