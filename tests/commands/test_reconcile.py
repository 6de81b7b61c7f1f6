"""Whether an installation and a seller's own book tell the same: `tradehall reconcile`."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import AsyncConnection
from tests.commands.running import tradehall_command
from tests.conftest import SECRET_KEY
from tests.world import SellerServer, Shop, World

from tradehall.commands import reconcile
from tradehall.commands.common import CommandProblem
from tradehall.commands.reconcile import Difference
from tradehall_seller.book import Effect

Book = list[Effect]


@pytest.fixture
async def lives(shop: Shop, world: World, seller_server: SellerServer) -> dict[str, str]:
    """What was bought, by what became of it; numbers of orders."""
    numbers = {name: await shop.buy() for name in ("kept", "renewed", "taken_back", "changed", "frozen", "given_back")}
    await shop.run_due()
    numbers["renewal"] = await shop.renew(numbers["renewed"])
    await shop.renew(numbers["taken_back"])
    await shop.suspend(numbers["frozen"])
    numbers["change"] = await shop.change(numbers["changed"], world.seats, 20)
    await shop.unsubscribe(numbers["given_back"])
    await shop.run_due()
    await shop.cancel_renewal(numbers["taken_back"])
    numbers["unpaid"] = await shop.order_renewal(numbers["kept"])
    await shop.run_due()
    return numbers


@pytest.fixture
def book(lives: dict[str, str], seller_server: SellerServer) -> Book:
    """What the seller has on record of that."""
    return list(seller_server.seller.book.effects)


async def differences(database: str, effects: Book) -> list[Difference]:
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        return reconcile.compare(await reconcile.ours(connection, effects), effects)


async def test_what_went_well_agrees(database: str, book: Book) -> None:
    assert {one.kind for one in book} == {"open", "refresh", "freeze", "upgrade", "release"}
    assert await differences(database, book) == []


async def test_a_test_call_and_half_a_line_are_nobodys(database: str, book: Book, tmp_path: Path) -> None:
    test = Effect(kind="open", at="2026-03-02T09:00:00Z", instance_id="t", order_id="T1", test=True)
    path = tmp_path / "book"
    path.write_bytes(b"".join(one.line() for one in (*book, test)) + b'{"kind":"open","order_id":"half')
    assert len(reconcile.read_book(path)) == len(book) + 1
    assert await differences(database, reconcile.read_book(path)) == []


def _without(kind: str) -> Callable[[Book, str], Book]:
    return lambda book, number: [one for one in book if not (one.kind == kind and one.order_id == number)]


def _again(kind: str) -> Callable[[Book, str], Book]:
    return lambda book, number: [*book, *(one for one in book if one.kind == kind and one.order_id == number)]


def _otherwise(kind: str, **members: str) -> Callable[[Book, str], Book]:
    def changed(book: Book, number: str) -> Book:
        return [replace(one, **members) if one.kind == kind and one.order_id == number else one for one in book]

    return changed


def _another(book: Book, number: str) -> Book:
    return [*book, Effect(kind="open", at="", instance_id="more", order_id=number)]


def _released(book: Book, number: str) -> Book:
    name = next(one.instance_id for one in book if one.kind == "open" and one.order_id == number)
    return [*book, Effect(kind="release", at="", instance_id=name, order_id=number)]


def _frozen(book: Book, number: str) -> Book:
    name = next(one.instance_id for one in book if one.kind == "open" and one.order_id == number)
    return [*book, Effect(kind="freeze", at="", instance_id=name, order_id=number)]


def _not_released(book: Book, number: str) -> Book:
    name = next(one.instance_id for one in book if one.kind == "open" and one.order_id == number)
    return [one for one in book if not (one.kind == "release" and one.instance_id == name)]


def _not_frozen(book: Book, number: str) -> Book:
    return [one for one in book if one.kind != "freeze"]


def _also_for(unpaid: str) -> Callable[[Book, str], Book]:
    return lambda book, number: [*book, Effect(kind=unpaid, at="", instance_id="x", order_id=number)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "tampered", "what"),
    [
        ("kept", _without("open"), {"unknown_there", "not_done"}),
        ("kept", _otherwise("open", instance_id="other"), {"other_instance"}),
        ("kept", _otherwise("open", order_id="CS000000000000000"), {"unknown_here", "unknown_there", "not_done"}),
        ("kept", _again("open"), {"done_twice"}),
        ("kept", _another, {"done_twice"}),
        ("kept", _released, {"gone_there"}),
        ("kept", _frozen, {"frozen_there"}),
        ("frozen", _not_frozen, {"usable_there"}),
        ("given_back", _not_released, {"still_there"}),
        ("renewal", _without("refresh"), {"not_done"}),
        ("renewal", _again("refresh"), {"done_twice"}),
        ("renewal", _otherwise("refresh", expire_time="20200101000000"), {"other_expiry"}),
        ("change", _without("upgrade"), {"not_done"}),
        ("change", _again("upgrade"), {"done_twice"}),
        ("unpaid", _also_for("refresh"), {"done_unpaid"}),
    ],
)
async def test_every_difference_has_its_name(
    name: str, tampered: Callable[[Book, str], Book], what: set[str], database: str, book: Book, lives: dict[str, str]
) -> None:
    assert {one.what for one in await differences(database, tampered(book, lives[name]))} == what


async def test_what_is_under_way_is_no_difference(
    database: str, shop: Shop, seller_server: SellerServer, book: Book, lives: dict[str, str]
) -> None:
    seller_server.manner = "hang"  # carries it out; nobody hears of it
    seller_server.seller.hang_for = 0.0
    await shop.renew(lives["renewed"])
    assert await differences(database, book) == []


@pytest.mark.slow
async def test_the_command_names_every_difference_and_says_whether_there_is_one(
    database: str, book: Book, lives: dict[str, str], tmp_path: Path
) -> None:
    path, own = tmp_path / "seller.book", {"DATABASE_URL": database, "TRADEHALL_SECRET_KEY": SECRET_KEY}
    path.write_bytes(b"".join(one.line() for one in book))
    agreeing = tradehall_command(tmp_path, "reconcile", "--book", str(path), "--json", **own)
    assert agreeing.returncode == 0, agreeing.stderr
    told = json.loads(agreeing.stdout)
    assert told["differences"] == []
    assert told["instances"] == 6
    assert told["effects"] == len(book)

    path.write_bytes(b"".join(one.line() for one in _without("upgrade")(book, lives["change"])))
    differing = tradehall_command(tmp_path, "reconcile", "--book", str(path), **own)
    assert differing.returncode == 1
    assert lives["change"] in differing.stdout
    assert "in the book: 1 difference\n" in differing.stdout


@pytest.mark.slow
def test_what_is_no_book_of_this_installation_is_one_line(database: str, tmp_path: Path) -> None:
    path, own = tmp_path / "seller.book", {"DATABASE_URL": database, "TRADEHALL_SECRET_KEY": SECRET_KEY}
    path.touch()
    run = tradehall_command(tmp_path, "reconcile", "--book", str(path), **own)
    assert run.returncode == 2
    assert "--endpoint" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_what_is_no_book_is_said(tmp_path: Path) -> None:
    (tmp_path / "book").write_text('{"kind":"open","at":""}\nnothing\n')
    with pytest.raises(CommandProblem, match="line 2 is no effect"):
        reconcile.read_book(tmp_path / "book")
    with pytest.raises(CommandProblem, match="No such file"):
        reconcile.read_book(tmp_path / "none")
