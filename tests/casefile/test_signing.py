"""The installation's key: made once, sealed, replaced without being forgotten, sealed anew with the secret key."""

import asyncio
from pathlib import Path

import pytest
from rich.console import Console
from tests.casefile.cases import Cases
from tests.conftest import SECRET_KEY, sandbox_settings

from tradehall.casefile import signing
from tradehall.casefile.errors import SigningKeyUnreadable
from tradehall.casefile.verify import verify
from tradehall.commands import secrets
from tradehall.installation import Installation
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.secrets import Seal

NEW_SECRET = "the next secret key for tests, long enough"


async def public_key(installation: Installation, seal: Seal | None = None) -> bytes:
    async with installation.db.transaction(SYSTEM) as tx:
        return (await signing.signer(tx, seal or installation.seal)).public_key


async def test_it_is_made_once_whoever_asks_first(installation: Installation) -> None:
    made = await asyncio.gather(*(public_key(installation) for _ in range(8)))
    assert len(set(made)) == 1
    async with installation.db.read() as reader:
        (known,) = await signing.known_keys(reader)
        events = await reader.fetch_values("SELECT kind FROM events WHERE subject_kind = 'signing_key'")
    assert (known.public_key, known.retired_at) == (made[0], None)
    assert events == ["signing_key.made"]


async def test_it_lies_sealed_and_is_sealed_anew_with_the_secret_key(
    installation: Installation, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await public_key(installation)
    settings = sandbox_settings(database_url=database, secret_key=NEW_SECRET, previous_secret_keys=SECRET_KEY)
    assert await secrets.check(settings, Console(), as_json=True)
    assert await secrets.rotate(settings, Console(), as_json=True)
    assert '"signing_keys.private_key": {"sealed_anew": 1' in capsys.readouterr().out
    assert await public_key(installation, Seal(NEW_SECRET)) == before
    with pytest.raises(SigningKeyUnreadable):
        await public_key(installation)


async def test_a_replaced_key_signs_nothing_more_and_stays_known(cases: Cases) -> None:
    installation = cases.installation
    number = await cases.a_service(photographs=0)
    old_file, old = await cases.export(number, cases.world.operator)
    async with installation.db.transaction(SYSTEM) as tx:
        await signing.replace(tx, installation.seal)
    new_file, new = await cases.export(number, cases.world.operator, name="new.zip")
    assert old.key != new.key
    async with installation.db.read() as reader:
        known = await signing.known_keys(reader)
        private = await reader.fetch_values("SELECT private_key IS NULL FROM signing_keys ORDER BY id DESC")
    assert {one.fingerprint: one.retired_at is not None for one in known} == {new.key: False, old.key: True}
    assert private.count(True) == 1, "what is retired cannot sign"
    assert verify(old_file, key=old.key).whole
    assert verify(new_file, key=new.key).whole
    assert not verify(old_file, key=new.key).whole


async def test_two_who_replace_it_at_once_leave_one_that_signs(installation: Installation) -> None:
    await public_key(installation)

    async def replace() -> None:
        async with installation.db.transaction(SYSTEM) as tx:
            await signing.replace(tx, installation.seal)

    await asyncio.gather(*(replace() for _ in range(4)))
    async with installation.db.read() as reader:
        known = await signing.known_keys(reader)
    assert [one.retired_at is None for one in known].count(True) == 1


def test_nothing_of_the_private_half_is_in_a_case_file(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    assert key.private_bytes_raw().hex().encode() not in signing.Signer(key).statement(b"{}", None, "")
