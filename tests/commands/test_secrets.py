"""`tradehall secrets`: everything sealed is sealed anew with the current key, while the installation runs."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console
from tests.commands.running import tradehall_command
from tests.conftest import SECRET_KEY, sandbox_settings
from tests.world import KEY, SellerServer, Shop

from tradehall.catalog import keys
from tradehall.commands import secrets
from tradehall.kernel.idempotency import keyed
from tradehall.kernel.secrets import Seal
from tradehall.settings import Settings

NEW_SECRET = "the next secret key for tests, with a comma"
OLD, NEW = Seal(SECRET_KEY), Seal(NEW_SECRET)


def environment(database: str, **changes: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "TRADEHALL_SECRET_KEY": NEW_SECRET} | changes


def rotated(database: str) -> Settings:
    return sandbox_settings(database_url=database, secret_key=NEW_SECRET, previous_secret_keys=f" {SECRET_KEY} ,")


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


async def a_sealed_password(shop: Shop, seller_server: SellerServer) -> None:
    await shop.buy()
    await shop.run_due()


async def told(settings: Settings, verb: str, capsys: pytest.CaptureFixture[str]) -> tuple[bool, dict[str, Any]]:
    capsys.readouterr()
    whole = await getattr(secrets, verb)(settings, Console(), as_json=True)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return whole, found


async def test_all_that_is_sealed_is_sealed_anew_and_again_nothing(
    shop: Shop, seller_server: SellerServer, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await a_sealed_password(shop, seller_server)
    person = shop.world.seller.person_id
    assert person
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        await shop.change_key(tx, shop.world.endpoint, "new-access-key-0002")
        for key, answer in (("plain", b'{"id":1}'), ("sealed", OLD.close("[1,2]", f"{person} sealed"))):
            await (await keyed(tx, person, key, b"asked")).keep(answer)
    settings = rotated(database)
    before = rows(database, "SELECT id, last_used_at, state FROM access_keys ORDER BY id")

    whole, found = await told(settings, "check", capsys)
    assert whole
    assert found["access_keys.sealed"] == {"current": 0, "former_1": 3, "unreadable": 0}
    whole, found = await told(settings, "rotate", capsys)
    assert whole
    assert found["access_keys.sealed"] == {"sealed_anew": 3, "current_before": 0, "unreadable": 0}
    assert found["instances.password"] == {"sealed_anew": 1, "current_before": 0, "unreadable": 0}
    assert found["idempotency_keys.answer"] == {"sealed_anew": 1, "current_before": 0, "unreadable": 0}
    for sealed, endpoint, seller, fingerprint in rows(
        database, "SELECT sealed, endpoint_id::text, seller_id::text, fingerprint FROM access_keys"
    ):
        opened = NEW.open(sealed, endpoint)
        assert opened in (KEY, "new-access-key-0002")
        assert NEW.fingerprints(opened, seller) == [fingerprint]
    ((sealed, instance),) = rows(database, "SELECT password, id::text FROM instances")
    assert NEW.open(sealed, instance)
    answers = dict(rows(database, "SELECT key, answer FROM idempotency_keys WHERE key IN ('plain', 'sealed')"))
    assert answers["plain"] == b'{"id":1}'
    assert NEW.open(answers["sealed"], f"{person} sealed") == "[1,2]"
    assert rows(database, "SELECT id, last_used_at, state FROM access_keys ORDER BY id") == before

    for verb, sort in (("rotate", "current_before"), ("check", "current")):
        whole, found = await told(settings, verb, capsys)
        assert whole
        assert found["access_keys.sealed"][sort] == sum(found["access_keys.sealed"].values()) == 3


async def test_what_opens_with_no_key_is_counted_and_left_alone(
    shop: Shop, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = Seal("a key that nobody has any more, sadly").close(KEY, str(shop.world.endpoint))
    await shop.sql(
        "UPDATE access_keys SET sealed = %(lost)s WHERE endpoint_id = %(id)s", {"lost": lost, "id": shop.world.endpoint}
    )
    for verb in ("check", "rotate", "check"):
        whole, found = await told(rotated(database), verb, capsys)
        assert not whole
        assert found["access_keys.sealed"]["unreadable"] == 1
    assert (lost,) in rows(database, "SELECT sealed FROM access_keys")
    assert not await secrets.check(rotated(database), Console(), as_json=False)
    assert "1 unreadable" in capsys.readouterr().out


async def test_broken_off_it_goes_on_where_it_was(
    shop: Shop, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(secrets, "BATCH", 2)
    many = 7
    for number in range(many):
        async with shop.installation.db.transaction(shop.world.seller) as tx:
            await shop.change_key(tx, shop.world.endpoint, f"access-key-{number:05}", overlap=timedelta())
            await shop.sql("SELECT 1")
    await shop.sql(
        """
        INSERT INTO access_keys (id, seller_id, endpoint_id, sealed, hint, state, created_at, retires_at)
        SELECT gen_random_uuid(), seller_id, endpoint_id, sealed, hint, 'overlapping', created_at, now()
        FROM access_keys, generate_series(1, 7) WHERE state = 'current'
        """
    )
    done = 0
    seal_anew = secrets._seal_anew

    async def breaks_off(*arguments: Any) -> str:
        nonlocal done
        done += 1
        if done == 4:
            raise KeyboardInterrupt
        return await seal_anew(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(secrets, "_seal_anew", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            await secrets.rotate(rotated(database), Console(), as_json=True)
    whole, found = await told(rotated(database), "rotate", capsys)
    counted = found["access_keys.sealed"]
    assert whole
    assert counted["current_before"] == 3
    assert counted["sealed_anew"] == sum(counted.values()) - 3
    (live,) = rows(database, "SELECT count(*) FROM access_keys WHERE sealed IS NOT NULL")
    assert live == (sum(counted.values()),)


async def test_the_installation_goes_on_meanwhile(
    shop: Shop, seller_server: SellerServer, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its processes know both keys by then; what they seal and change is neither lost nor undone."""
    both = Seal(NEW_SECRET, [SECRET_KEY])
    vars(shop.installation.seal).update(vars(both))
    numbers: list[str] = []
    done = asyncio.Event()
    worker = shop.installation.worker()

    async def go_on() -> None:
        while not done.is_set() or len(numbers) < 20:
            numbers.append(await shop.buy())
            if len(numbers) % 5 == 0:
                async with shop.installation.db.transaction(shop.world.seller) as tx:
                    await shop.change_key(tx, shop.world.endpoint, f"access-key-{len(numbers):05}", overlap=timedelta())
                seller_server.seller.verifier = type(seller_server.seller)(
                    [KEY, *(f"access-key-{number:05}" for number in range(5, len(numbers) + 6))]
                ).verifier
            await asyncio.sleep(0)

    working, buying = asyncio.create_task(worker.run()), asyncio.create_task(go_on())
    try:
        for _ in range(3):
            assert await secrets.rotate(rotated(database), Console(), as_json=True)
    finally:
        done.set()
        await buying
        worker.stop()
        await working
    await shop.run_due(timedelta(minutes=10))
    assert {(await shop.order(number)).state for number in numbers} == {"completed"}
    assert await secrets.rotate(rotated(database), Console(), as_json=True)
    whole, found = await told(sandbox_settings(database_url=database, secret_key=NEW_SECRET), "check", capsys)
    assert whole
    assert found["instances.password"]["current"] == len(numbers)


async def test_a_key_is_still_told_from_another_while_fingerprints_change(shop: Shop) -> None:
    vars(shop.installation.seal).update(vars(Seal(NEW_SECRET, [SECRET_KEY])))
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        with pytest.raises(keys.KeyInUse):
            await shop.change_key(tx, shop.world.endpoint, KEY)


def test_a_former_key_that_can_be_none_is_told(tmp_path: Path) -> None:
    wrong = {"TRADEHALL_SECRET_KEY": NEW_SECRET, "TRADEHALL_PREVIOUS_SECRET_KEYS": f"{SECRET_KEY},short"}
    run = tradehall_command(tmp_path, "secrets", "check", **wrong)
    assert run.returncode == 2
    assert "TRADEHALL_PREVIOUS_SECRET_KEYS" in run.stderr
    assert SECRET_KEY not in run.stderr


def test_the_commands(database: str, tmp_path: Path) -> None:
    former = {"TRADEHALL_PREVIOUS_SECRET_KEYS": SECRET_KEY}
    lost = tradehall_command(tmp_path, "secrets", "check", **environment(database))
    assert lost.returncode == 1
    assert "unreadable" in lost.stdout
    run = tradehall_command(tmp_path, "secrets", "rotate", **environment(database, **former))
    assert run.returncode == 0, run.stderr
    assert "access_keys.sealed: 2 sealed anew, 0 current before" in run.stdout
    run = tradehall_command(tmp_path, "secrets", "check", "--json", **environment(database))
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["access_keys.sealed"] == {"current": 2, "unreadable": 0}
    shown = tradehall_command(tmp_path, "settings", **environment(database, **former)).stdout
    assert "TRADEHALL_PREVIOUS_SECRET_KEYS\t••••••" in shown
    assert SECRET_KEY not in shown
