"""Access keys: one current per endpoint, an overlap that loses no call, one class of interface each, never shown."""

import asyncio
import logging
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from litestar.testing import AsyncTestClient
from tests.conftest import SECRET_KEY, Server
from tests.world import GENERAL_KEY, KEY, SellerServer, Shop, add_endpoint

from tradehall.app import create_app
from tradehall.catalog import actions as catalog
from tradehall.catalog import keys, queries
from tradehall.catalog.errors import KeyInUse, KeyIsCurrent, KeyNotFound, KeyOfAnotherClass, TooManyKeys
from tradehall.catalog.keys import AccessKey
from tradehall.catalog.model import Endpoint
from tradehall.edge.access import SESSION_COOKIE
from tradehall.installation import Installation
from tradehall.kernel import migrate
from tradehall.kernel.errors import Invalid
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.secrets import Seal
from tradehall.parties import actions as parties
from tradehall.parties import queries as people
from tradehall.provisioning.model import ClaimedCall, Judgement, another_key_is_next, key_for
from tradehall_seller.sample import SampleSeller

NEW = "new-access-key-0002"
WEEK = timedelta(days=7)


async def add(shop: Shop, key: str, *, overlap: timedelta = WEEK, endpoint: UUID | None = None) -> UUID:
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        return await shop.change_key(tx, endpoint or shop.world.endpoint, key, overlap=overlap)


async def own(shop: Shop, endpoint: UUID | None = None) -> list[AccessKey]:
    async with shop.installation.db.read() as reader:
        return await keys.keys_of_endpoints(reader, [endpoint or shop.world.endpoint])


async def live(shop: Shop) -> list[str]:
    """The keys that calls may be signed with, opened."""
    async with shop.installation.db.read() as reader:
        found = await keys.live_keys(reader, shop.world.endpoint)
    return [shop.installation.seal.open(key.sealed, str(shop.world.endpoint)) for key in found]


async def endpoint(shop: Shop) -> Endpoint:
    seller = shop.world.seller.organisation_id
    assert seller
    async with shop.installation.db.read() as reader:
        found = await queries.endpoint(reader, seller, shop.world.endpoint)
    assert found
    return found


def accept(server: SellerServer, *accepted: str) -> None:
    """The seller's server knows these keys from now on."""
    server.seller.verifier = SampleSeller(list(accepted)).verifier  # type: ignore[arg-type,unused-ignore]


# --- current, overlapping, retired


async def test_a_new_key_is_current_and_the_one_before_overlaps_until_its_time_is_up(shop: Shop) -> None:
    await add(shop, NEW)
    assert await live(shop) == [NEW, KEY]
    current, old = await own(shop)
    assert (current.state, current.hint, current.retires_at) == ("current", NEW[-4:], None)
    assert (old.state, old.hint, old.retires_at) == ("overlapping", KEY[-4:], shop.clock.now() + WEEK)
    assert (await endpoint(shop)).key_hint == NEW[-4:]
    await shop.run_due(WEEK - timedelta(seconds=1))
    assert len(await live(shop)) == 2
    await shop.run_due(timedelta(seconds=1))
    assert await live(shop) == [NEW]
    (_, gone) = await own(shop)
    assert (gone.state, gone.hint) == ("retired", KEY[-4:])
    assert await shop.sql("SELECT sealed, fingerprint FROM access_keys WHERE state = 'retired'") == [(None, None)]


async def test_an_overlapping_key_can_be_retired_at_once_and_the_current_one_cannot(shop: Shop) -> None:
    seller, at = shop.world.seller.organisation_id, shop.world.endpoint
    assert seller
    current = await add(shop, NEW)
    (_, old) = await own(shop)

    async def retire(key_id: UUID, of: UUID = at, by: UUID = seller) -> None:
        async with shop.installation.db.transaction(shop.world.seller) as tx:
            await keys.retire_key(tx, seller_id=by, endpoint_id=of, key_id=key_id)

    with pytest.raises(KeyIsCurrent):
        await retire(current)
    other = shop.world.other_seller.organisation_id
    assert other
    for key_id, of, by in ((uuid4(), at, seller), (old.id, shop.world.other_endpoint, seller), (old.id, at, other)):
        with pytest.raises(KeyNotFound):
            await retire(key_id, of, by)
    await retire(old.id)
    await retire(old.id)
    assert await live(shop) == [NEW]
    assert await shop.sql("SELECT kind FROM due_rows WHERE kind = 'retire_access_key'") == []
    kinds = await shop.sql("SELECT kind FROM events WHERE subject_id = %(id)s ORDER BY seq", {"id": at})
    assert [kind for (kind,) in kinds] == ["endpoint.created", "endpoint.key_added", "endpoint.key_retired"]


async def test_without_an_overlap_no_older_key_stays_good(shop: Shop) -> None:
    await add(shop, NEW)
    await add(shop, "third-access-key-03", overlap=timedelta())
    assert await live(shop) == ["third-access-key-03"]
    assert await shop.sql("SELECT kind FROM due_rows WHERE kind = 'retire_access_key'") == []


async def test_one_can_go_back_to_a_key_that_overlaps(shop: Shop) -> None:
    await add(shop, NEW)
    await add(shop, KEY)
    assert await live(shop) == [KEY, NEW]
    await shop.run_due(WEEK)
    assert await live(shop) == [KEY], "what was to retire it is forgotten"


async def test_a_key_typed_wrong_in_between_does_not_push_out_the_one_in_use(shop: Shop) -> None:
    for key in ("a-key-typed-wrong", NEW):
        shop.clock.advance(timedelta(minutes=1))
        await add(shop, key)
    assert await live(shop) == [NEW, "a-key-typed-wrong", KEY]
    await add(shop, "fourth-access-key-04")
    with pytest.raises(TooManyKeys):
        await add(shop, "fifth-access-key-05")
    await add(shop, "fifth-access-key-05", overlap=timedelta())
    assert await live(shop) == ["fifth-access-key-05"]


@pytest.mark.parametrize("key", ["", "short", "x" * 129, " padded-key ", "with\nline-break"])
async def test_a_key_that_cannot_be_one_is_refused(shop: Shop, key: str) -> None:
    with pytest.raises(Invalid) as refused:
        await add(shop, key)
    assert refused.value.fields[0].field == "access_key"
    assert await live(shop) == [KEY]


def test_keys_made_here_are_good_ones() -> None:
    made = {keys.generated() for _ in range(100)}
    assert len(made) == 100
    for key in made:
        keys.check_key(key)


async def test_keys_added_at_the_same_time_leave_one_current(shop: Shop) -> None:
    added = await asyncio.gather(*(add(shop, f"key-of-many-{n:04}") for n in range(3)))
    found = await own(shop)
    assert [key.state for key in found] == ["current", *["overlapping"] * 3]
    assert {key.id for key in found} >= set(added)
    again = await asyncio.gather(*(add(shop, NEW, overlap=timedelta()) for _ in range(5)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in again) == ["KeyInUse"] * 4 + ["UUID"]
    assert await live(shop) == [NEW]


async def test_the_schema_allows_one_current_key(shop: Shop) -> None:
    await add(shop, NEW)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await shop.sql("UPDATE access_keys SET state = 'current', retires_at = NULL WHERE state = 'overlapping'")


# --- one class of interface each


async def general(shop: Shop, key: str = GENERAL_KEY) -> UUID:
    seller = shop.world.seller.organisation_id
    assert seller
    async with shop.installation.db.transaction(SYSTEM) as tx:
        return await catalog.create_endpoint(
            tx, shop.installation.seal, seller_id=seller, interface_class="general", name="Notices",
            address="http://127.0.0.1:1/", access_key=key,
        )  # fmt: skip


async def test_a_key_is_bound_to_one_class_of_interface(shop: Shop) -> None:
    with pytest.raises(KeyOfAnotherClass) as bound:
        await general(shop, KEY)
    assert bound.value.values == {"name": "Basic"}
    assert bound.value.code() == "key_of_another_class"
    notices = await general(shop)
    with pytest.raises(KeyOfAnotherClass):
        await add(shop, GENERAL_KEY)
    with pytest.raises(KeyOfAnotherClass):
        await add(shop, KEY, endpoint=notices)
    with pytest.raises(KeyInUse):
        await add(shop, KEY)
    async with shop.installation.db.transaction(SYSTEM) as tx:
        await add_endpoint(tx, shop.installation, shop.world.seller.organisation_id)  # a second one of the same class
        await add_endpoint(tx, shop.installation, shop.world.other_seller.organisation_id, general=True)


async def test_a_retired_key_is_free_again(shop: Shop) -> None:
    await add(shop, NEW)
    with pytest.raises(KeyOfAnotherClass):
        await general(shop, KEY)  # still overlaps
    await shop.run_due(WEEK)
    await general(shop, KEY)


async def test_keys_that_were_there_before_fingerprints_are_compared_too(shop: Shop) -> None:
    await shop.sql("UPDATE access_keys SET fingerprint = NULL")
    with pytest.raises(KeyOfAnotherClass):
        await general(shop, KEY)
    await general(shop)
    unprinted = await shop.sql(
        "SELECT count(*) FROM access_keys WHERE fingerprint IS NULL AND seller_id = %(id)s",
        {"id": shop.world.seller.organisation_id},
    )
    assert unprinted == [(0,)]


async def test_two_classes_at_the_same_time_do_not_get_one_key(shop: Shop) -> None:
    notices = await general(shop)
    both = await asyncio.gather(add(shop, NEW), add(shop, NEW, endpoint=notices), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["KeyOfAnotherClass", "UUID"]


def test_equal_keys_have_equal_fingerprints_for_one_seller_only() -> None:
    seal = Seal("a secret key for tests, long enough", ["a former one, long enough for tests"])
    now, before = seal.fingerprints(KEY, "seller 1")
    assert [now, before] == seal.fingerprints(KEY, "seller 1")
    assert len({now, before, *seal.fingerprints(KEY, "seller 2"), *seal.fingerprints(NEW, "seller 1")}) == 6
    assert Seal("a former one, long enough for tests").fingerprints(KEY, "seller 1") == [before]


# --- which key signs a try


def claimed(attempts: int, last_code: str | None, *sealed: bytes) -> ClaimedCall:
    known: dict[str, Any] = dict.fromkeys(ClaimedCall.__struct_fields__)
    return ClaimedCall(**known | {"attempts": attempts, "result_code": last_code, "access_keys": list(sealed)})


REFUSED = "000001"


def test_the_keys_take_turns_while_they_are_refused() -> None:
    a, b, c = b"a", b"b", b"c"
    assert key_for(claimed(1, None, a, b)) == a
    assert key_for(claimed(7, "000005", a, b)) == a, "another refusal says nothing of the key"
    assert [key_for(claimed(n, REFUSED, a, b)) for n in (2, 3, 4)] == [b, a, b]
    assert [key_for(claimed(n, REFUSED, a, b, c)) for n in (2, 3, 4)] == [b, c, a]
    assert key_for(claimed(2, REFUSED, a)) == a
    assert key_for(claimed(1, None)) == b""


@pytest.mark.parametrize("before", [None, "000005"])
@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("first", [1, 2, 3, 4, 5])
def test_every_key_is_tried_without_waiting_or_after_waiting_once(before: str | None, count: int, first: int) -> None:
    sealed = [bytes([number]) for number in range(count)]
    tried, last, number, waits = set(), before, first, 0
    while tried != set(sealed):
        call = claimed(number, last, *sealed)
        tried.add(key_for(call))
        waits += not another_key_is_next(call, Judgement("refused", code=REFUSED))
        last, number = REFUSED, number + 1
    assert number - first <= 2 * count
    last_one_waits = waits and not another_key_is_next(call, Judgement("refused", code=REFUSED))
    assert waits - last_one_waits <= (0 if count == 2 else 1)


def test_a_server_that_refuses_every_key_is_not_called_without_end() -> None:
    call = claimed(2, REFUSED, b"a", b"b")
    assert not another_key_is_next(call, Judgement("refused", code=REFUSED))


def test_with_one_key_or_another_answer_the_next_try_waits() -> None:
    assert not another_key_is_next(claimed(1, None, b"a"), Judgement("refused", code=REFUSED))
    assert not another_key_is_next(claimed(1, None, b"a", b"b"), Judgement("refused", code="000005"))
    assert not another_key_is_next(claimed(1, None, b"a", b"b"), Judgement("timed_out"))


async def test_a_server_that_has_the_old_key_is_called_with_it_at_once_and_its_seller_warned(
    shop: Shop, seller_server: SellerServer
) -> None:
    accept(seller_server, KEY)
    await shop.buy()
    await shop.run_due()
    shop.clock.advance(timedelta(hours=2))
    await add(shop, NEW)
    assert not (await endpoint(shop)).old_key_in_use, "it was before there was another"
    number = await shop.buy()
    await shop.run_due()  # the clock stands still: nothing waits
    assert (await shop.order(number)).state == "completed"
    tries = await shop.attempts(await shop.call(number, "newInstance"))
    assert [one.result_code for one in tries] == [REFUSED, "000000"]
    assert (await endpoint(shop)).old_key_in_use
    _, old = await own(shop)
    assert old.last_used_at == shop.clock.now()

    accept(seller_server, NEW)
    shop.clock.advance(timedelta(minutes=1))
    await shop.buy()
    await shop.run_due()
    assert not (await endpoint(shop)).old_key_in_use


async def test_that_a_key_was_used_is_written_once_an_hour(shop: Shop, seller_server: SellerServer) -> None:
    async def used() -> object:
        (key,) = await own(shop)
        return key.last_used_at

    worker = shop.installation.worker()
    times = []
    for pause in (0, 30, 29, 1, 1):
        shop.clock.advance(timedelta(minutes=pause))
        await shop.buy()
        await shop.run_due(worker=worker)
        times.append(await used())
    assert len(set(times)) == 2
    assert times[3] == times[4] == shop.clock.now() - timedelta(minutes=1)


async def test_changing_keys_while_calls_go_on_loses_none(
    shop: Shop, seller_server: SellerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server learns each key before, while or after the marketplace does: old only, both, new only."""
    numbers: list[str] = []
    bought, done = asyncio.Semaphore(0), asyncio.Event()
    worker = shop.installation.worker()

    async def go_on_buying() -> None:
        while not done.is_set():
            numbers.append(await shop.buy())
            bought.release()
            await asyncio.sleep(0)

    async def until(more: int) -> None:
        for _ in range(more):
            await bought.acquire()

    accept(seller_server, KEY)
    working = asyncio.create_task(worker.run())
    buying = [asyncio.create_task(go_on_buying()) for _ in range(2)]
    try:
        await until(8)
        await add(shop, NEW)  # the marketplace first
        await until(8)
        accept(seller_server, KEY, NEW)
        await until(8)
        accept(seller_server, NEW)
        await until(8)
        accept(seller_server, NEW, "third-access-key-03")  # the server first
        await until(8)
        await add(shop, "third-access-key-03")
        await until(8)
        accept(seller_server, "third-access-key-03")
        await until(8)
    finally:
        done.set()
        await asyncio.gather(*buying)
        worker.stop()
        await working
    await shop.run_due(timedelta(minutes=10))  # a try under way while its key changed waits for its next turn
    states = {number: (await shop.order(number)).state for number in numbers}
    assert len(states) >= 56
    assert set(states.values()) == {"completed"}
    assert len(seller_server.seller.book) == len(numbers)


async def test_keys_of_before_are_taken_over_as_they_were_sealed(server: Server, tmp_path: Path) -> None:
    for migration in migrate.MIGRATIONS.iterdir():
        if migration.name < "0007":
            (tmp_path / migration.name).write_text(migration.read_text(encoding="utf-8"), encoding="utf-8")
    seal, seller, at = Seal(SECRET_KEY), uuid4(), uuid4()
    with server.clone() as dsn:
        await migrate.migrate(dsn, tmp_path)
        with psycopg.connect(dsn) as connection:
            connection.execute(
                """
                INSERT INTO organisations (id, kind, name_en, name_zh, created_at)
                VALUES (%s, 'seller', 'S', 'S', now())
                """,
                (seller,),
            )
            connection.execute(
                """
                INSERT INTO endpoints (id, seller_id, interface_class, name, address, access_key, key_hint, created_at,
                                       updated_at)
                VALUES (%s, %s, 'basic', 'E', 'http://127.0.0.1/', %s, %s, now(), now())
                """,
                (at, seller, seal.close(KEY, str(at)), KEY[-4:]),
            )
        await migrate.migrate(dsn)
        with psycopg.connect(dsn) as connection:
            ((sealed, *rest),) = connection.execute("SELECT sealed, hint, state, seller_id FROM access_keys").fetchall()
    assert seal.open(sealed, str(at)) == KEY
    assert rest == [KEY[-4:], "current", seller]


# --- shown to nobody


class Everything(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


@pytest.fixture
def logged() -> Any:
    handler = Everything()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler.said
    root.removeHandler(handler)
    root.setLevel(level)


async def everything_stored(installation: Installation) -> AsyncIterator[str]:
    """Every row of every table as text: the journal that is exported, the message log, answers kept for repeats."""
    async with installation.db.read() as reader:
        tables = await reader.fetch_values(
            "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'"
        )
        for table in tables:
            cursor = await reader.connection.execute(f"SELECT t::text FROM {table} t".encode())
            for (row,) in await cursor.fetchall():
                yield f"{table} {row}"


async def test_a_key_is_written_shown_and_logged_nowhere(
    shop: Shop, seller_server: SellerServer, logged: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    installation, world = shop.installation, shop.world
    typed = "typed-in-the-page-0004"
    accept(seller_server, KEY)
    succeeded, seen = await shop.buy(), []
    await shop.run_due()
    await add(shop, NEW)
    old_key = await shop.buy()
    await shop.run_due()
    accept(seller_server, "none-of-ours-0000")
    refused = await shop.buy()
    await shop.run_due(timedelta(minutes=4))

    # A call that ends in an exception, with the key at hand.
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken off")

    with monkeypatch.context() as patched:
        patched.setattr(installation.outbound, "post", broken)
        failed = await shop.buy()
        calls = await shop.seller_calls().claim(1)
        with pytest.raises(RuntimeError) as raised:
            await calls[0]()  # type: ignore[operator]
    trace = "".join(traceback.format_exception(raised.value))
    await shop.end_leases()

    async with AsyncTestClient(create_app(installation)) as client:
        async with installation.db.transaction(SYSTEM) as tx:
            assert world.seller.person_id
            email = world.emails[world.seller.person_id]
            seat = await people.account_by_email(tx, email)
            assert seat
            session = await parties.open_session(tx, installation.sign_in_policy, seat, "tests")
            _, token = await parties.create_token(tx, seat, "test", None)
        client.cookies.set(SESSION_COOKIE, session)
        bearer = {"Authorization": f"Bearer {token}"}
        api = "/api/v1/seller"
        made = await client.post(
            f"{api}/endpoints/{world.endpoint}/keys", json={}, headers=bearer | {"Idempotency-Key": "k"}
        )
        assert made.status_code == 201
        generated = made.json()["access_key"]
        again = await client.post(
            f"{api}/endpoints/{world.endpoint}/keys", json={"access_key": generated}, headers=bearer
        )
        seen += [again.text]
        put = {"version": 1, "name": "E", "address": seller_server.url, "access_key": typed}
        seen += [(await client.put(f"{api}/endpoints/{world.endpoint}", json=put, headers=bearer)).text]
        for path in (
            f"{api}/endpoints", f"{api}/endpoints/{world.endpoint}", f"{api}/endpoints/{world.endpoint}/keys",
            f"{api}/calls", f"{api}/dashboard",
        ):  # fmt: skip
            answer = await client.get(path, headers=bearer)
            assert answer.status_code == 200, path
            seen.append(answer.text)
        pages = ["/seller", "/seller/settings", f"/seller/settings/{world.endpoint}", "/seller/calls"]
        pages.append(f"/seller/settings/{world.endpoint}/keys/new")
        for number in (succeeded, old_key, refused, failed):
            pages.append(f"/seller/orders/{number}")
            call = (await shop.call(number, "newInstance")).id
            pages.append(f"/seller/calls/{call}")
            seen.append((await client.get(f"{api}/calls/{call}", headers=bearer)).text)
        for path in pages:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            seen.append(answer.text)
        seen.append((await client.get("/metrics")).text)

    stored = [row async for row in everything_stored(installation)]
    out = capsys.readouterr()
    for key in (KEY, NEW, generated, typed):
        for text in (*seen, *stored, *logged, out.out, out.err, trace, repr(installation.seal)):
            assert key not in text, text[:300]
            assert key.encode().hex() not in text, text[:300]
    assert any("seller_call" in line for line in (out.out + out.err).splitlines()), "calls were logged at all"
    assert any(row.startswith("events ") and "endpoint.key_added" in row for row in stored)


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_logged_exception_does_not_show_what_was_at_hand(form: str) -> None:
    script = f"""
import structlog
from tradehall.kernel import logs
logs.configure({form!r}, "info")
def sign(access_key):
    raise RuntimeError("broken off")
try:
    sign("-".join(["secret", "at", "hand"]))
except RuntimeError:
    structlog.get_logger().exception("job_failed")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "broken off" in done.stderr
    assert "secret-at-hand" not in done.stderr + done.stdout
