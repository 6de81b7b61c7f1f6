import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall_seller.book import Book, BookDamaged, BookInUse, Entry, StaleRevision

ORDER = ("CS1", "CS1-000001", "")


class Clock:
    def __call__(self) -> float:
        return 1_680_508_066.618


def book(path: Path | None = None) -> Book:
    return Book(path, Clock())


def opened(one: Book, order_id: str = "CS1", instance_id: str = "i1", **rest: int | None) -> Entry:
    return one.open((order_id, f"{order_id}-000001", ""), instance_id, 0.0, **rest)  # type: ignore[arg-type]


def kinds(one: Book) -> list[str]:
    return [effect.kind for effect in one.effects]


def test_each_effect_is_a_line_that_names_its_order(tmp_path: Path) -> None:
    one = book(tmp_path / "book")
    entry = one.open(ORDER, "i1", 7.5, business_id="b1")
    one.refresh(entry, "CS2", scene="RENEWAL", expire_time="20260101000000", product_id="p", revision=3)
    one.set_frozen(entry, True)
    one.set_frozen(entry, False, order_id="CS2")
    one.upgrade(entry, "CS3", order_line_id="CS3-000001")
    one.release(entry)
    one.notify("CS1", "CS1-000001")
    at = "2023-04-03T07:47:46.618000Z"
    assert [json.loads(line) for line in (tmp_path / "book").read_text().splitlines()] == [
        {
            "kind": "open",
            "at": at,
            "instance_id": "i1",
            "order_id": "CS1",
            "order_line_id": "CS1-000001",
            "business_id": "b1",
            "ready_at": 7.5,
        },
        {
            "kind": "refresh",
            "at": at,
            "instance_id": "i1",
            "order_id": "CS2",
            "product_id": "p",
            "scene": "RENEWAL",
            "expire_time": "20260101000000",
            "revision": 3,
        },
        {"kind": "freeze", "at": at, "instance_id": "i1", "order_id": "CS1"},
        {"kind": "unfreeze", "at": at, "instance_id": "i1", "order_id": "CS2"},
        {"kind": "upgrade", "at": at, "instance_id": "i1", "order_id": "CS3", "order_line_id": "CS3-000001"},
        {"kind": "release", "at": at, "instance_id": "i1", "order_id": "CS1"},
        {"kind": "notify", "at": at, "order_id": "CS1", "order_line_id": "CS1-000001"},
    ]


def test_a_repetition_leaves_no_line() -> None:
    one = book()
    for _ in range(3):
        entry = opened(one)
        one.refresh(entry, "CS2", scene="RENEWAL", expire_time="20260101000000")
        one.refresh(entry, "CS2", scene="UNSUBSCRIBE_RENEWAL_PERIOD", expire_time="20250101000000")
        one.upgrade(entry, "CS2")
        one.notify("CS1", "CS1-000001")
    for _ in range(3):
        one.set_frozen(entry, True)
    for _ in range(3):
        one.release(entry)
    assert kinds(one) == ["open", "refresh", "refresh", "upgrade", "notify", "freeze", "release"]
    assert (entry.expire_time, entry.frozen, entry.released) == ("20250101000000", True, True)


def test_an_id_that_is_taken_is_not_given_again() -> None:
    one = book()
    assert opened(one, "CS1", "i1").instance_id == "i1"
    assert opened(one, "CS2", "i1").instance_id != "i1"
    assert one.open(ORDER, "i2", 0.0, test=True).instance_id == "i2", "a test order is another order"
    assert len(one) == 3


def test_an_older_revision_is_refused_even_where_it_would_change_nothing() -> None:
    one = book()
    entry = opened(one, revision=1)
    one.set_frozen(entry, True, revision=2)
    one.set_frozen(entry, True, revision=5)
    assert kinds(one) == ["open", "freeze", "seen"]
    with pytest.raises(StaleRevision, match="stale revision 4: 5 was seen already"):
        one.set_frozen(entry, False, revision=4)
    with pytest.raises(StaleRevision):
        opened(one, revision=4)
    with pytest.raises(StaleRevision):
        one.release(entry, revision=4)
    one.set_frozen(entry, False, revision=5)
    one.upgrade(entry, "CS2")  # whoever sends no revisions is not held to them
    assert (entry.frozen, entry.revision) == (False, 5)


def state(one: Book) -> tuple[object, ...]:
    return one._by_order, one._by_id, one._notified, one.effects


def test_what_is_read_again_is_what_was_written(tmp_path: Path) -> None:
    one = book(tmp_path / "book")
    entry = opened(one, revision=1)
    one.open(("CS1", "CS1-000001", "sms"), "i2", 3.5, test=True)
    one.refresh(entry, "CS2", scene="RENEWAL", expire_time="20260101000000", product_id="p")
    one.upgrade(entry, "CS3")
    one.set_frozen(entry, True, revision=2)
    one.set_frozen(entry, True, revision=3)
    one.notify("CS1", "CS1-000001")
    one.close()
    again = book(tmp_path / "book")
    assert state(again) == state(one)
    again.release(again._by_id["i1"])
    again.close()
    assert kinds(book(tmp_path / "book"))[-1] == "release"


@given(st.integers(0, 2000), st.binary(max_size=20).filter(lambda junk: b"\n" not in junk))
def test_a_line_cut_off_anywhere_is_forgotten_and_the_rest_is_kept(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("cut") / "book"
    one = book(path)
    for number in range(5):
        opened(one, f"CS{number}", f"i{number}")
    one.close()
    whole = path.read_bytes()
    cut = min(cut, len(whole))
    path.write_bytes(whole[:cut] + junk)
    left = whole[:cut].count(b"\n")
    again = book(path)
    assert len(again) == left
    opened(again, "CS9", "i9")
    again.close()
    last = book(path)
    assert len(last) == left + 1
    last.close()


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "half", '{"kind":"dance","at":""}', '{"kind":"freeze","at":"","instance_id":"i"}']
)
def test_a_damaged_line_before_the_last_is_not_guessed_at(tmp_path: Path, line: str) -> None:
    path = tmp_path / "book"
    one = book(path)
    opened(one)
    one.close()
    path.write_text(path.read_text() + line + "\n" + path.read_text())
    with pytest.raises(BookDamaged, match="line 2"):
        book(path)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    one = book(tmp_path / "book")
    with pytest.raises(BookInUse):
        book(tmp_path / "book")
    one.close()
    book(tmp_path / "book").close()


def test_what_could_not_be_written_has_not_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = book(tmp_path / "book")
    opened(one)
    write = os.write

    def full(handle: int, data: bytes) -> int:
        return write(handle, data[:10])

    def broken(handle: int) -> None:
        raise OSError(errno.EIO, "broken")

    for name, failing in [("write", full), ("fsync", broken)]:
        with monkeypatch.context() as patch:
            patch.setattr(os, name, failing)
            with pytest.raises(OSError):
                opened(one, "CS2", "i2")
    assert len(one) == 1
    assert opened(one, "CS3", "i3").instance_id == "i3"
    one.close()
    assert [*book(tmp_path / "book")._by_id] == ["i1", "i3"]


def test_of_many_threads_with_one_order_all_get_one_instance(tmp_path: Path) -> None:
    one = book(tmp_path / "book")
    start = threading.Barrier(16)
    got: list[str] = []

    def ask(number: int) -> None:
        start.wait()
        entry = opened(one, instance_id=f"i{number}")
        got.append(entry.instance_id)
        one.release(entry)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1
    assert kinds(one) == ["open", "release"]


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tradehall_seller.book import Book\n"
        "book = Book(Path(sys.argv[1]))\n"
        "for number in range(10**9):\n"
        "    print(book.open((f'CS{number}', '', ''), f'i{number}', 0.0).instance_id, flush=True)\n"
    )
    path = tmp_path / "book"
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
    again = book(path)
    assert all(again.find(instance_id) for instance_id in told)
    assert len(again) - len(told) in (0, 1)
