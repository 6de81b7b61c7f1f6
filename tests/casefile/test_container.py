"""The container by itself: any zip program reads it, it can be written in one way only, and every byte of it counts."""

import io
import random
import zipfile
import zlib
from typing import Any

import msgspec
import pytest

from tradehall.casefile import container
from tradehall.casefile.container import Member, TooLarge, Writer, members_in, oddities

CONTENTS = {"report.html": b"<p>hello</p>" * 100, "files/0001-\u73b0\u573a.jpg": bytes(range(256)) * 3, "empty": b""}


def written(contents: dict[str, bytes] = CONTENTS) -> bytes:
    file = io.BytesIO()
    writer = Writer(file)
    for name, content in contents.items():
        writer.add(name, content)
    writer.close()
    return file.getvalue()


def judged(data: bytes) -> list[Any]:
    view = memoryview(data)
    members = [msgspec.structs.replace(one, crc=zlib.crc32(view[one.content : one.end])) for one in members_in(view)]
    return oddities(view, members)


def test_any_zip_program_reads_it() -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == CONTENTS


def test_the_same_contents_are_the_same_bytes() -> None:
    assert written() == written()
    assert judged(written()) == []


def test_a_member_in_pieces_of_another_length_than_announced_is_the_same_as_one_at_once() -> None:
    file = io.BytesIO()
    writer = Writer(file)
    writer.begin("a", 1000)
    for piece in (b"one", b"two"):
        writer.write(piece)
    writer.end()
    writer.begin("gone", 5)
    writer.write(b"1234")
    writer.abandon()
    writer.add("b", b"x")
    writer.close()
    assert file.getvalue() == written({"a": b"onetwo", "b": b"x"})


def test_every_byte_around_the_contents_counts() -> None:
    data = bytearray(written())
    inside = {at for one in members_in(memoryview(data)) for at in range(one.content, one.end)}
    for at in sorted(set(range(len(data))) - inside):
        was = data[at]
        data[at] ^= 1 << at % 8
        assert judged(bytes(data)), f"byte {at}"
        data[at] = was


@pytest.mark.parametrize("added", [b"\0", b"PK\x05\x06" + bytes(18)])
def test_what_is_put_before_or_behind_is_found(added: bytes) -> None:
    data = written()
    assert judged(data + added)[-1].where == "after the end" or judged(data + added)
    assert judged(added + data) or not members_in(memoryview(added + data))


def test_whatever_is_read_nothing_is_raised() -> None:
    dice = random.Random(5)
    data = written()
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(dice.randrange(1, 9)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        cut = bytes(broken[dice.randrange(40) : len(broken) - dice.randrange(40)])
        view = memoryview(cut)
        oddities(view, members_in(view))


@pytest.mark.parametrize(("large", "many"), [(700, 0xFFFF), (0xFFFFFFFF, 2), (100, 1)])
def test_what_is_too_large_for_a_plain_zip_has_the_wide_fields(
    monkeypatch: pytest.MonkeyPatch, large: int, many: int
) -> None:
    """As if four gigabytes were seven hundred bytes: the same code, and what it writes is read again."""
    monkeypatch.setattr(container, "LARGE", large)
    monkeypatch.setattr(container, "MANY", many)
    data = written()
    assert judged(data) == []
    assert [one.name for one in members_in(memoryview(data))] == list(CONTENTS)
    assert b"PK\x06\x06" in data


def test_a_member_that_grows_beyond_its_header_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "LARGE", 10)
    writer = Writer(io.BytesIO())
    writer.begin("small", 3)
    writer.write(b"0123456789")
    with pytest.raises(TooLarge):
        writer.end()


def test_a_member_knows_where_its_content_lies() -> None:
    member = Member("a", 10, 5, 0)
    assert member.end - member.content == 5
    assert member.content == 10 + 30 + 1


def test_members_that_lie_over_each_other_are_not_read_again_and_again() -> None:
    """A directory can name one large member a hundred thousand times: what is read of it stays what there is."""
    data = written({"a": bytes(100_000)})
    (member,) = members_in(memoryview(data))
    bomb = data[: member.end]
    many = [member] * 10_000
    bomb += container.ending(many, len(bomb))
    assert sum(one.size for one in members_in(memoryview(bomb))) <= len(bomb)
    shifted = [msgspec.structs.replace(member, name=str(number), start=number) for number in range(5_000)]
    bomb = data[: member.end] + container.ending(shifted, member.end)
    assert sum(one.size for one in members_in(memoryview(bomb))) <= len(bomb)


def test_a_name_of_bytes_that_are_no_text_ends_nothing() -> None:
    data = written({"n" * 60_000: b"content"}).replace(b"n", b"\xff")
    assert judged(data)
