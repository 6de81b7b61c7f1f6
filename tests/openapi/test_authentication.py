"""Who may call the open APIs: whoever signs with the credential of a seller, now and then, and not too often."""

import asyncio
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from structlog.testing import capture_logs
from tests.openapi.conftest import ORDER_QUERY, Credential, CredentialOf, Program, ProgramOf
from tests.openapi.signing import signed
from tests.world import Shop, World, serving

from tradehall.app import create_app
from tradehall.installation import Installation
from tradehall.kernel.journal import SYSTEM
from tradehall.openapi import queries
from tradehall.parties import credentials
from tradehall.parties.credentials import NOTED_EVERY
from tradehall.settings import Settings

MOCK = [("orderId", "MOCKPERIODYEARNEW")]
ILLEGAL = "Illegal token: "


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return type(settings)(
        **{name: getattr(settings, name) for name in settings.__struct_fields__} | {"openapi_rate": 12}
    )


def refused(answer: httpx.Response, code: str, status: int) -> str:
    """The message of a failure with this code and status."""
    assert (answer.json()["resultCode"], answer.status_code) == (code, status), answer.text
    message: str = answer.json()["resultMsg"]
    return message


async def test_what_is_not_signed(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"http://market.test{ORDER_QUERY}?orderId=MOCKPERIODYEARNEW")
    assert refused(answer, "MKT.0154", 401) == f"{ILLEGAL}the header Authorization is missing"
    assert answer.headers["WWW-Authenticate"] == "SDK-HMAC-SHA256"
    assert "extra_info" not in answer.json()


@pytest.mark.parametrize("name", ["X-Sdk-Date", "Host", "Authorization"])
async def test_a_header_that_is_missing_is_named(world: World, program_of: ProgramOf, name: str) -> None:
    program = await program_of(world.seller)
    request = program.sign(MOCK)
    del request.headers[name]
    message = refused(await program.client.send(request), "MKT.0154", 401)
    assert name.lower() in message.lower()


async def test_a_request_that_was_signed_as_another(world: World, program_of: ProgramOf) -> None:
    program = await program_of(world.seller)
    for query in ([("orderId", "MOCKONDEMAND")], [*MOCK, ("more", "1")], []):
        request = program.sign(MOCK)
        request.url = request.url.copy_with(params=dict(query))
        assert "the signature is not that of this request" in refused(
            await program.client.send(request), "MKT.0154", 401
        )
    for changes in ({"method": "GET", "body": b"{}"}, {"method": "GET", "path": ORDER_QUERY + "x"}):
        signed = program.sign(MOCK, **changes)
        request = httpx.Request("GET", f"http://market.test{ORDER_QUERY}?orderId=MOCKPERIODYEARNEW", content=b'{"a":1}')
        request.headers = signed.headers
        assert "the signature is not that of this request" in refused(
            await program.client.send(request), "MKT.0154", 401
        )


async def test_a_body_is_signed_with_the_request(world: World, program_of: ProgramOf) -> None:
    program = await program_of(world.seller)
    assert (await program.call(MOCK, body=b'{"read":"by nobody"}')).status_code == 200


@pytest.mark.parametrize(("minutes", "side"), [(-16, "behind"), (16, "ahead of")])
async def test_a_clock_sixteen_minutes_off(
    shop: Shop, world: World, program_of: ProgramOf, minutes: int, side: str
) -> None:
    program = await program_of(world.seller)
    at = shop.clock.now() + timedelta(minutes=minutes)
    message = refused(await program.call(MOCK, at=at), "MKT.0154", 401)
    assert f"is 960 seconds {side} the time here, 20260302T090000Z; at most 900 are allowed" in message
    for fine in (-15, 15):
        assert (await program.call(MOCK, at=shop.clock.now() + timedelta(minutes=fine))).status_code == 200


async def test_a_replay_is_answered_alike_while_its_date_is_good(
    shop: Shop, world: World, program_of: ProgramOf
) -> None:
    program = await program_of(world.seller)
    request = program.sign([("orderId", await shop.buy())])
    first, second = [await program.client.send(request) for _ in range(2)]
    assert first.status_code == 200
    assert first.json() == second.json()
    shop.clock.advance(timedelta(minutes=15, seconds=1))
    refused(await program.client.send(request), "MKT.0154", 401)


async def test_a_moved_clock_of_a_sandbox_does_not_count(
    installation: Installation, world: World, program_of: ProgramOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = await program_of(world.seller)
    months = timedelta(days=90)
    moved = datetime(2026, 6, 1, tzinfo=UTC)
    # In the database too: whoever begins to listen reads it from there.
    async with installation.db.transaction(SYSTEM) as tx:
        await tx.execute("UPDATE installation SET clock_offset = %(months)s", {"months": months})
    monkeypatch.setattr(installation.clock, "offset", months)
    monkeypatch.setattr(installation.clock, "now", lambda: moved)
    assert (await program.call(MOCK, at=moved - months)).status_code == 200
    refused(await program.call(MOCK, at=moved), "MKT.0154", 401)


async def test_an_unknown_a_revoked_and_a_wrong_secret(
    installation: Installation, world: World, program_of: ProgramOf, client: httpx.AsyncClient
) -> None:
    program = await program_of(world.seller)
    known = program.credential
    for access_key_id in ("A" * 20, "a' OR 1=1", "\x80", "A" * 3000):
        stranger = Program(client, Credential(known.id, access_key_id, known.secret), installation.clock.now)
        assert "is unknown or revoked" in refused(await stranger.call(MOCK), "MKT.0154", 401)
    liar = Program(client, Credential(known.id, known.access_key_id, "guessed"), installation.clock.now)
    message = refused(await liar.call(MOCK), "MKT.0154", 401)
    assert known.secret not in message
    assert (await program.call(MOCK)).status_code == 200
    async with installation.db.transaction(world.seller) as tx:
        await credentials.revoke_credential(tx, known.id)
    assert refused(await program.call(MOCK), "MKT.0154", 401) == (
        f"{ILLEGAL}the access key {known.access_key_id} is unknown or revoked"
    )


async def test_an_access_key_of_another_seller_with_ones_own_secret(
    installation: Installation, world: World, credential_of: CredentialOf, client: httpx.AsyncClient
) -> None:
    own, other = await credential_of(world.seller), await credential_of(world.other_seller)
    mixed = Program(client, Credential(own.id, other.access_key_id, own.secret), installation.clock.now)
    refused(await mixed.call(MOCK), "MKT.0154", 401)


async def test_who_is_no_seller(world: World, program_of: ProgramOf) -> None:
    for actor in (world.buyer, world.operator):
        answer = await (await program_of(actor)).call(MOCK)
        assert refused(answer, "MKT.0151", 401) == "No authority: the access key does not belong to a seller"
        assert "extra_info" not in answer.json()


async def test_a_bearer_token_is_no_signature(world: World, program_of: ProgramOf, client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer thp_anything", "X-Auth-Token": "anything"}
    answer = await client.get(f"http://market.test{ORDER_QUERY}?orderId=MOCKONDEMAND", headers=headers)
    assert "does not begin with SDK-HMAC-SHA256" in refused(answer, "MKT.0154", 401)


async def test_too_many_calls(shop: Shop, world: World, program_of: ProgramOf) -> None:
    program, spare = await program_of(world.seller), await program_of(world.seller)
    assert [(await program.call(MOCK)).status_code for _ in range(12)] == [200] * 12
    answer = await program.call(MOCK)
    assert refused(answer, "MKT.0250", 406) == (
        "Access frequency overlimit: at most 12 calls a minute with one access key; try again in 5.0 seconds"
    )
    assert answer.json()["extra_info"] == {"callsPerMinute": 12, "retryAfterSeconds": 5.0}
    assert int(answer.headers["Retry-After"]) >= 5
    assert (await spare.call(MOCK)).status_code == 200
    shop.clock.advance(timedelta(seconds=5))
    assert (await program.call(MOCK)).status_code == 200
    refused(await program.call(MOCK), "MKT.0250", 406)
    # Who does not prove itself uses up nothing.
    shop.clock.advance(timedelta(seconds=5))
    liar = Program(program.client, program.credential._replace(secret="guessed"), shop.clock.now)
    refused(await liar.call(MOCK), "MKT.0154", 401)
    assert (await program.call(MOCK)).status_code == 200


async def test_the_last_use_is_noted_once_a_minute(
    shop: Shop, world: World, program_of: ProgramOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = await program_of(world.seller)
    noted = 0
    note_use = credentials.note_use

    async def counted(*args: Any) -> None:
        nonlocal noted
        noted += 1
        await note_use(*args)

    async def last_used() -> datetime | None:
        (row,) = await shop.sql(f"SELECT last_used_at FROM api_credentials WHERE id = '{program.credential.id}'")
        found: datetime | None = row[0]
        return found

    monkeypatch.setattr(credentials, "note_use", counted)
    first = shop.clock.now()
    refused(
        await program.call(MOCK, headers={"Authorization": "x"}, method="GET", at=first - timedelta(days=1)),
        "MKT.0154",
        401,
    )
    assert await last_used() is None
    for _ in range(3):
        await program.call(MOCK)
    shop.clock.advance(NOTED_EVERY - timedelta(seconds=1))
    await program.call(MOCK)
    assert (noted, await last_used()) == (1, first)
    shop.clock.advance(timedelta(seconds=1))
    for _ in range(2):
        await program.call(MOCK)
    assert (noted, await last_used()) == (2, first + NOTED_EVERY)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("holds a secret"), "System internal error: request "),
        (psycopg.OperationalError("away"), "System internal error: not available right now, try again in a moment"),
    ],
)
async def test_what_fails_here(
    world: World, program_of: ProgramOf, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    async def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr(queries, "order_of_seller", failing)
    program = await program_of(world.seller)
    with capture_logs() as logs:
        answer = await program.call([("orderId", "CS1")])
    message = refused(answer, "MKT.0999", 500)
    assert message.startswith(told)
    assert str(error) not in message
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["request_failed"]


async def test_nothing_secret_is_logged(world: World, program_of: ProgramOf, shop: Shop) -> None:
    program = await program_of(world.seller)
    with capture_logs() as logs:
        await program.call([("orderId", await shop.buy())])
        await program.call(MOCK, at=shop.clock.now() - timedelta(days=1))
    assert program.credential.secret not in str(logs)
    assert "Signature" not in str(logs)


async def test_a_program_of_few_lines_over_a_real_socket(
    installation: Installation, shop: Shop, world: World, credential_of: CredentialOf
) -> None:
    """As the sellers' guide shows it; blanks and letters beyond ASCII are encoded by the signer alone."""
    credential, number = await credential_of(world.seller), await shop.buy()
    async with serving(create_app(installation)) as site:

        def call(query: list[tuple[str, object]]) -> tuple[int, Any]:
            uri, headers = signed(
                credential.access_key_id, credential.secret, shop.clock.now(), host=f"127.0.0.1:{site.port}",
                path=ORDER_QUERY, query=query,
            )  # fmt: skip
            request = urllib.request.Request(f"http://127.0.0.1:{site.port}{uri}")
            for name, value in headers:
                request.add_header(name.decode(), value.decode())
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)

        status, told = await asyncio.to_thread(call, [("orderId", number)])
        assert (status, told["orderInfo"]["orderId"]) == (200, number)
        status, told = await asyncio.to_thread(call, [("orderId", "云 商+店&=%"), ("orderLineId", "x")])
        assert (status, told["resultCode"]) == (500, "MKT.0100")
