"""The journal's chains: whole when untouched, and every kind of tampering shows."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.world import Shop

from tradehall.kernel.journal import SYSTEM, Entry, Flaw, check_chain, entry_hash, verify

SUBJECT = UUID(int=7)


@pytest.fixture
async def chain(shop: Shop) -> Shop:
    for n in range(1, 6):
        async with shop.installation.db.transaction(SYSTEM, request_id=f"r{n}") as tx:
            await tx.record("thing.happened", "thing", SUBJECT, {"n": n, "name": "云"})
            shop.clock.advance(timedelta(seconds=1.25))
    return shop


async def flaws(shop: Shop) -> list[Flaw]:
    async with shop.installation.db.read() as reader:
        return [flaw async for _, flaw in verify(reader.connection) if flaw]


async def tamper(shop: Shop, statement: str) -> None:
    """As somebody would who owns the database."""
    async with shop.installation.db.read() as reader, reader.connection.transaction():
        await reader.connection.execute("ALTER TABLE events DISABLE TRIGGER events_are_append_only")
        await reader.connection.execute(statement.encode())
        await reader.connection.execute("ALTER TABLE events ENABLE TRIGGER events_are_append_only")


async def test_an_untouched_journal_is_whole(chain: Shop) -> None:
    assert await flaws(chain) == []
    async with chain.installation.db.read() as reader:
        counts = [count async for count, _ in verify(reader.connection)]
        (events,) = await reader.fetch_values("SELECT count(*) FROM events")
    assert sum(counts) == events > 5


async def test_an_entry_says_who_did_what_when(shop: Shop) -> None:
    async with shop.installation.db.transaction(shop.world.seller, request_id="r-1") as tx:
        await tx.record("thing.happened", "thing", SUBJECT, {"at": shop.clock.now(), "id": SUBJECT})
    ((entry, at),) = await shop.sql(f"SELECT entry, at FROM events WHERE subject_id = '{SUBJECT}'")
    seller = shop.world.seller
    assert entry == (
        f'{{"actor":{{"kind":"seller","name":"Sam Seller","organisation":"{seller.organisation_id}",'
        f'"person":"{seller.person_id}"}},"facts":{{"at":"2026-03-02T09:00:00Z","id":"{SUBJECT}"}},"request_id":"r-1"}}'
    )
    assert at == shop.clock.now()


async def test_the_hash_can_be_computed_by_anybody(chain: Shop) -> None:
    rows = await chain.sql(f"SELECT seq, kind, at, entry, hash FROM events WHERE subject_id = '{SUBJECT}' ORDER BY seq")
    previous = b""
    for seq, kind, at, entry, digest in rows:
        micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        previous = hashlib.sha256(previous + f"{seq}\n{kind}\n{micros}\n{entry}".encode()).digest()
        assert digest == previous == bytes(digest)


@pytest.mark.parametrize(
    ("statement", "seq", "what"),
    [
        ("UPDATE events SET entry = replace(entry, '\"n\":3', '\"n\":9') WHERE {} AND seq = 3", 3, "changed"),
        ("UPDATE events SET kind = 'other' WHERE {} AND seq = 1", 1, "changed"),
        ("UPDATE events SET at = at + interval '1 microsecond' WHERE {} AND seq = 5", 5, "changed"),
        ("UPDATE events SET hash = sha256('x') WHERE {} AND seq = 2", 2, "changed"),
        ("DELETE FROM events WHERE {} AND seq = 2", 2, "missing"),
        ("DELETE FROM events WHERE {} AND seq = 1", 1, "missing"),
        ("DELETE FROM events WHERE {} AND seq = 5", 5, "cut_off"),
        ("DELETE FROM events WHERE {} AND seq > 2", 3, "cut_off"),
        ("DELETE FROM events WHERE {}", 1, "cut_off"),
    ],
)
async def test_tampering_shows_where_and_how(chain: Shop, statement: str, seq: int, what: str) -> None:
    await tamper(chain, statement.format(f"subject_id = '{SUBJECT}'"))
    assert await flaws(chain) == [Flaw("thing", SUBJECT, seq, what)]


async def test_a_head_that_is_gone_or_moved_shows(chain: Shop) -> None:
    await tamper(chain, f"UPDATE journal_heads SET hash = sha256('x') WHERE subject_id = '{SUBJECT}'")
    assert [flaw.what for flaw in await flaws(chain)] == ["cut_off"]
    await tamper(chain, f"DELETE FROM journal_heads WHERE subject_id = '{SUBJECT}'")
    assert [flaw.what for flaw in await flaws(chain)] == ["cut_off"]


async def test_one_flaw_does_not_hide_another_subjects(chain: Shop) -> None:
    await tamper(chain, "UPDATE events SET kind = kind || '!' WHERE seq = 1")
    found = await flaws(chain)
    (subjects,) = (await chain.sql("SELECT count(*) FROM journal_heads"))[0]
    assert len(found) == subjects > 5


@pytest.mark.parametrize("statement", ["UPDATE events SET kind = 'x'", "DELETE FROM events"])
async def test_the_database_itself_refuses_changes(chain: Shop, statement: str) -> None:
    import psycopg

    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        await chain.sql(statement)


async def test_many_writers_of_one_subject_make_one_chain(shop: Shop) -> None:
    async def write(n: int) -> None:
        async with shop.installation.db.transaction(SYSTEM) as tx:
            await tx.record("thing.happened", "thing", SUBJECT, {"n": n})
            await tx.record("thing.happened", "thing", SUBJECT, {"n": -n})

    await asyncio.gather(*(write(n) for n in range(1, 21)))
    rows = await shop.sql(f"SELECT seq, entry FROM events WHERE subject_id = '{SUBJECT}' ORDER BY seq")
    assert [seq for seq, _ in rows] == list(range(1, 41))
    assert await flaws(shop) == []


async def test_what_is_undone_is_not_recorded(shop: Shop) -> None:
    async def undone() -> None:
        async with shop.installation.db.transaction(SYSTEM) as tx:
            await tx.record("thing.happened", "thing", SUBJECT, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert await shop.sql(f"SELECT 1 FROM events WHERE subject_id = '{SUBJECT}'") == []


def test_a_chain_is_checked_without_a_database() -> None:
    at = datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)
    digest = entry_hash(b"", 1, "k", at, "{}")
    assert digest == hashlib.sha256(b"1\nk\n1000001\n{}").digest()
    assert check_chain([Entry("thing", SUBJECT, 1, "k", at, "{}", digest)]) is None
    assert check_chain([Entry("thing", SUBJECT, 1, "k", at, '{"a":1}', digest)]) == Flaw("thing", SUBJECT, 1, "changed")
    assert check_chain([]) is None
