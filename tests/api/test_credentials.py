"""API credentials over the API: made by administrators, shown once, listed without their secret, revoked at once."""

import asyncio

from tests.api.conftest import As, Client
from tests.world import Shop, World

from tradehall.kernel.journal import Actor
from tradehall.parties import credentials
from tradehall.parties.credentials import MOST_LIVE, MOST_SHOWN

PATH = "/api/v1/seller/credentials"


async def test_a_credential_is_made_listed_and_revoked(client: Client, as_: As, shop: Shop, world: World) -> None:
    headers = await as_(world.seller)
    made = await client.post(PATH, json={"name": " order-sync "}, headers=headers)
    assert made.status_code == 201
    told = made.json()
    secret = told.pop("secret_access_key")
    assert len(secret) == 40
    assert told["access_key_id"].isalnum()
    assert (told["name"], told["created_by_name"], told["last_used_at"]) == ("order-sync", "Sam Seller", None)
    assert (await client.get(PATH, headers=headers)).json() == [told]
    assert (await client.get(PATH, headers=await as_(world.other_seller))).json() == []
    # Whoever may not change them may see them.
    assert (await client.get(PATH, headers=await as_(world.seller_member))).json() == [told]
    for _ in range(2):
        assert (await client.delete(f"{PATH}/{told['id']}", headers=headers)).status_code == 204
    (revoked,) = (await client.get(PATH, headers=headers)).json()
    assert revoked["revoked_at"]
    assert await shop.sql("SELECT secret FROM api_credentials") == [(None,)]
    kinds = await shop.sql("SELECT kind, entry FROM events WHERE kind LIKE 'credential.%' ORDER BY seq")
    assert [kind for kind, _ in kinds] == ["credential.created", "credential.revoked"]
    assert secret not in str(kinds)


async def test_its_secret_is_sealed(client: Client, as_: As, shop: Shop, world: World) -> None:
    headers = await as_(world.seller) | {"Idempotency-Key": "make-one"}
    answers = [await client.post(PATH, json={"name": "x"}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    secret, credential_id = answers[0].json()["secret_access_key"], answers[0].json()["id"]
    ((sealed,),) = await shop.sql("SELECT secret FROM api_credentials")
    assert secret.encode() not in sealed
    assert shop.installation.seal.open(sealed, credential_id) == secret
    ((kept,),) = await shop.sql("SELECT answer FROM idempotency_keys")
    assert secret.encode() not in kept


async def test_a_name_is_needed_and_not_too_long(client: Client, as_: As, world: World) -> None:
    headers = await as_(world.seller)
    for name in ("", "  ", "x" * 81):
        answer = await client.post(PATH, json={"name": name}, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "name")


async def test_there_are_only_so_many(client: Client, as_: As, world: World) -> None:
    headers = await as_(world.seller)
    answers = await asyncio.gather(
        *(client.post(PATH, json={"name": str(number)}, headers=headers) for number in range(MOST_LIVE + 2))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * MOST_LIVE + [409] * 2
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "too_many_credentials"
    made = next(answer for answer in answers if answer.status_code == 201)
    await client.delete(f"{PATH}/{made.json()['id']}", headers=headers)
    assert (await client.post(PATH, json={"name": "again"}, headers=headers)).status_code == 201


async def test_the_list_does_not_grow_without_end(client: Client, as_: As, shop: Shop, world: World) -> None:
    async def make(actor: Actor) -> None:
        async with shop.installation.db.transaction(actor) as tx:
            made, _ = await credentials.create_credential(tx, shop.installation.seal, name="old")
            await credentials.revoke_credential(tx, made)

    headers = await as_(world.seller)
    kept = (await client.post(PATH, json={"name": "kept"}, headers=headers)).json()
    for _ in range(MOST_SHOWN + 1):
        await make(world.seller)
    listed = (await client.get(PATH, headers=headers)).json()
    assert len(listed) == MOST_SHOWN
    assert listed[0]["id"] == kept["id"]
