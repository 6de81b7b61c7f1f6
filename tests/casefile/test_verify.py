"""What verifying finds: each thing that can be wrong by its name, and any one byte changed anywhere."""

import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.casefile.cases import Cases, lines, members, packed

from tradehall.casefile import container, statement
from tradehall.casefile.signing import Signer
from tradehall.casefile.verify import MOST_FLAWS, Verdict, verify
from tradehall.kernel import journal

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
async def made(cases: Cases) -> Path:
    """The operator's case file of a service that was delivered twice."""
    path, _ = await cases.export(await cases.a_service(photographs=1), cases.world.operator)
    return path


def codes(verdict: Verdict) -> set[str]:
    return {flaw.code for flaw in verdict.flaws}


def said(verdict: Verdict) -> str:
    return "\n".join(flaw.text for flaw in verdict.flaws)


def changed(made: Path, change: Change) -> Verdict:
    """The verdict on a case file of which somebody who knows the format has changed something."""
    contents = members(made)
    change(contents)
    return verify(packed(made.with_name("changed.zip"), contents))


def with_lines(change: Callable[[list[bytes]], None]) -> Change:
    def changing(contents: dict[str, bytes]) -> None:
        some = contents[statement.LOG].splitlines(keepends=True)
        change(some)
        contents[statement.LOG] = b"".join(some)

    return changing


def a_file(contents: dict[str, bytes], number: int = 0) -> str:
    return [name for name in contents if name.startswith(statement.FILES)][number]


def test_what_was_not_touched_is_whole(made: Path) -> None:
    verdict = verify(made)
    assert verdict.flaws == []
    assert (verdict.made_for, verdict.withheld, verdict.told_in_part) == ("platform", 0, 0)
    assert verdict.entries == len(lines(members(made)[statement.LOG]))
    assert verdict.key
    assert verify(made, key=verdict.key).whole
    copied = ":".join(verdict.key[at : at + 2] for at in range(0, 64, 2)).upper()
    assert verify(made, key=copied).whole
    assert packed(made.with_name("again.zip"), members(made)).read_bytes() == made.read_bytes()


def test_an_archive_that_was_packed_anew_says_so_once_and_names_what_was_changed_in_it_first(made: Path) -> None:
    again = made.with_name("again.zip")
    with zipfile.ZipFile(again, "w") as other:
        for name, content in members(made).items():
            other.writestr(name, content[:-200] if name == statement.LOG else content)
    first, *others = verify(again).flaws
    assert first.text.startswith("log.jsonl was changed")
    assert [one.code for one in others].count("archive_changed") == 1
    assert others[-1].text.startswith("The archive itself was cut off, or packed anew by another program: ")


def test_any_single_byte_changed_anywhere_is_found(made: Path) -> None:
    size = made.stat().st_size
    dice = random.Random(20261129)
    with made.open("r+b") as file:
        for _ in range(1000):
            at, bit = dice.randrange(size), dice.randrange(1, 256)
            file.seek(at)
            was = file.read(1)[0]
            for byte in (was ^ bit, was):
                file.seek(at)
                file.write(bytes([byte]))
                file.flush()
                if byte != was:
                    assert not verify(made).whole, f"byte {at} of {size}: {was} became {byte}"
    assert verify(made).whole


def test_so_is_each_byte_of_what_is_not_content_and_of_the_signature(made: Path) -> None:
    """The few thousand bytes that random ones rarely hit."""
    data = made.read_bytes()
    found = container.members_in(memoryview(data))
    inside = {at for one in found if one.name != statement.SIGNATURE for at in range(one.content, one.end)}
    structure = sorted(set(range(len(data))) - inside)
    assert len(structure) > 1500
    letters = [at for at in structure if chr(data[at]).isalpha()]
    changes = [(at, 1 << at % 8) for at in structure[::3]] + [(at, 0x20) for at in letters[-300:]]  # other case, too
    with made.open("r+b") as file:
        for at, bit in changes:
            for byte in (data[at] ^ bit, data[at]):
                file.seek(at)
                file.write(bytes([byte]))
                file.flush()
                if byte != data[at]:
                    assert not verify(made).whole, f"byte {at}: {data[at]} became {byte}"


def test_a_changed_byte_is_named_with_its_member(made: Path) -> None:
    contents = members(made)
    name = a_file(contents)
    at = made.read_bytes().index(contents[name]) + 5
    with made.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff")
    verdict = verify(made)
    assert codes(verdict) == {"member_changed"}
    assert f"{name} was changed" in said(verdict)


def test_a_file_that_was_swapped_with_another_is_named_with_it(made: Path) -> None:
    contents = members(made)
    first, last, *_ = (name for name in contents if name.endswith(".jpg"))
    assert contents[first] != contents[last]

    def swap(contents: dict[str, bytes]) -> None:
        contents[first], contents[last] = contents[last], contents[first]

    verdict = changed(made, swap)
    assert codes(verdict) == {"member_swapped"}
    assert f"{first} was swapped: what is in it belongs to {last}." in said(verdict)
    assert f"{last} was swapped: what is in it belongs to {first}." in said(verdict)


def test_a_removed_entry_is_named_by_its_number(made: Path) -> None:
    verdict = changed(made, with_lines(lambda some: some.pop(4)))
    assert codes(verdict) == {"member_changed", "entry_removed"}
    assert "Entry 5 of the operation log: removed" in said(verdict)


def test_the_last_entries_cut_off_are_named_with_how_many_there_were(made: Path) -> None:
    whole = verify(made).entries

    def cut(some: list[bytes]) -> None:
        del some[-3:]

    verdict = changed(made, with_lines(cut))
    assert codes(verdict) == {"member_changed", "log_cut_off"}
    assert f"the log goes to {whole}, here it ends with {whole - 3}" in said(verdict)


def test_a_changed_entry_is_named_and_so_are_added_ones(made: Path) -> None:
    def change(some: list[bytes]) -> None:
        some[2] = some[2].replace(b"Bea Buyer", b"Eve Other")

    verdict = changed(made, with_lines(change))
    assert {"entry_changed", "member_changed"} <= codes(verdict)
    assert "Entry 3 of the operation log was changed" in said(verdict)

    def add(some: list[bytes]) -> None:
        last = json.loads(some[-1])
        last["seq"] += 1
        last["hash"] = statement.entry_hash(
            bytes.fromhex(last["hash"]), last["seq"], last["kind"], last["at"], last["entry"]
        ).hex()
        some.append(statement.canonical(last))

    assert "log_too_long" in codes(changed(made, with_lines(add)))


def test_a_file_that_was_added_and_one_that_was_taken_out_are_named(made: Path) -> None:
    def add(contents: dict[str, bytes]) -> None:
        manifest = {name: contents.pop(name) for name in (statement.MANIFEST, statement.SIGNATURE)}
        contents["files/9999-later.pdf"] = b"%PDF"
        contents |= manifest

    def take(contents: dict[str, bytes]) -> None:
        del contents[a_file(contents)]

    verdict = changed(made, add)
    assert codes(verdict) == {"member_unknown"}
    assert "files/9999-later.pdf does not belong here" in said(verdict)
    verdict = changed(made, take)
    assert codes(verdict) == {"member_missing"}
    assert f"{a_file(members(made))} is missing" in said(verdict)


@pytest.mark.parametrize("name", [statement.MANIFEST, statement.SIGNATURE, statement.LOG])
def test_what_everything_hangs_on_is_missed(made: Path, name: str) -> None:
    verdict = changed(made, lambda contents: contents.pop(name) and None)
    assert "member_missing" in codes(verdict)
    assert name in said(verdict)


def test_a_manifest_that_says_something_else_is_not_what_was_signed(made: Path) -> None:
    def change(contents: dict[str, bytes]) -> None:
        contents[statement.MANIFEST] = contents[statement.MANIFEST].replace(b'"CNY"', b'"USD"', 1)

    verdict = changed(made, change)
    assert codes(verdict) == {"signature_wrong", "timestamp_changed"}


def test_a_signature_with_another_key_is_only_found_by_who_knows_the_right_one(made: Path) -> None:
    right = verify(made).key

    def sign_anew(contents: dict[str, bytes]) -> None:
        contents[statement.SIGNATURE] = Signer(Ed25519PrivateKey.generate()).statement(
            contents[statement.MANIFEST], None, "none was asked for"
        )

    forged = changed(made, sign_anew)
    assert forged.whole, "a file cannot know whose key is right"
    assert not forged.key_compared, "and says that it does not"
    verdict = verify(made.with_name("changed.zip"), key=right)
    assert codes(verdict) == {"key_unexpected"}
    assert f"The key is not the expected one: {verdict.key}" in said(verdict)


def test_a_signature_written_otherwise_is_no_longer_what_was_signed(made: Path) -> None:
    def other_case(contents: dict[str, bytes]) -> None:
        told = json.loads(contents[statement.SIGNATURE])
        told["manifest"] = told["manifest"].upper()
        contents[statement.SIGNATURE] = statement.canonical(told)

    def other_blanks(contents: dict[str, bytes]) -> None:
        contents[statement.SIGNATURE] = contents[statement.SIGNATURE].replace(b":", b": ", 1)

    for change in (other_case, other_blanks):
        assert not changed(made, change).whole


NESTED = b"[" * 50_000 + b"]" * 50_000
HOSTILE = (
    (statement.SIGNATURE, b'{"algorithm":NaN}'),
    (statement.SIGNATURE, b'{"algorithm":"\\ud800"}'),
    (statement.SIGNATURE, b'{"whole":' + NESTED + b"}"),
    (statement.MANIFEST, b'{"format":' + NESTED + b',"members":[]}'),
    (statement.MANIFEST, b'{"format":"x","members":[],"files":5,"chain":7,"order":[],"exported":null}'),
    (statement.MANIFEST, b'{"format":"x","members":[{"name":[],"size":1e400,"sha256":{}}]}'),
    (statement.LOG, b'{"seq":' + b"9" * 4300 + b'}\n{"seq":1}\n'),
    (statement.LOG, b'{"seq":1,"hash":"","entry":"\\ud800","kind":"x","at":"x"}'),
    (statement.LOG, b'{"seq":1,"hash":"","entry":"{\\"facts\\":{\\"files\\":5}}"}'),
    (statement.LOG, b'{"seq":1,"hash":"","told":{"facts":{"files":[1,{"id":[],"sha256":{}}]}}}'),
    (statement.LOG, b'{"seq":true}'),
    (statement.LOG, b"\xff\xfe"),
)


@pytest.mark.parametrize(("name", "hostile"), HOSTILE)
def test_whatever_stands_where_json_should_is_a_flaw_and_never_ends_the_program(
    made: Path, name: str, hostile: bytes
) -> None:
    def write(contents: dict[str, bytes]) -> None:
        contents[name] = hostile

    assert changed(made, write).flaws


def test_a_name_that_would_be_unpacked_elsewhere_is_named(made: Path) -> None:
    """Whoever makes a case file with a key of their own can call its members as they like."""
    for name in ("../evil.sh", "files/../../evil", "/etc/passwd", "C:\\evil", "files/a/b", "..", "a\nb"):

        def add(contents: dict[str, bytes], name: str = name) -> None:
            contents[name] = b"x"

        assert "name_unsafe" in codes(changed(made, add)), name


def test_of_very_many_flaws_the_first_are_listed_and_the_others_counted(made: Path) -> None:
    verdict = verify(packed(made.with_name("many.zip"), {f"files/../{number}": b"" for number in range(3000)}))
    assert len(verdict.flaws) == MOST_FLAWS
    assert verdict.unsaid > 2000


def test_what_says_something_is_not_read_when_it_is_larger_than_any_case(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradehall.casefile.verify.MOST_READ", 100)
    verdict = verify(made)
    assert codes(verdict) == {"not_a_case_file"}
    assert "is not read" in said(verdict)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 50, bytes(100)])
def test_what_is_no_case_file_is_called_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    assert codes(verify(path)) == {"not_a_case_file"}


def test_cut_off_in_the_middle_it_is_not_whole(made: Path) -> None:
    data = made.read_bytes()
    for part in (0.1, 0.5, 0.9, 0.999):
        made.write_bytes(data[: int(len(data) * part)])
        assert not verify(made).whole


def test_all_flaws_are_listed_not_only_the_first(made: Path) -> None:
    def change(contents: dict[str, bytes]) -> None:
        with_lines(lambda some: some.pop(1))(contents)
        contents[a_file(contents)] += b"x"
        contents["report.html"] = b""

    verdict = changed(made, change)
    assert {"entry_removed", "member_changed"} <= codes(verdict)
    assert len(verdict.flaws) >= 4


async def test_the_hash_of_an_entry_is_the_journals_own(cases: Cases) -> None:
    """Written down a second time, because who verifies has no journal; it must stay the same."""
    number = await cases.a_service(photographs=0)
    path, _ = await cases.export(number, cases.world.operator)
    order = await cases.supervised.shop.order(number)
    rows = await cases.supervised.shop.sql(
        "SELECT seq, kind, at, entry, hash FROM events WHERE subject_id = %(id)s ORDER BY seq", {"id": order.id}
    )
    previous = b""
    for (seq, kind, at, entry, known), line in zip(rows, lines(members(path)[statement.LOG]), strict=False):
        assert line["entry"] == entry
        assert bytes.fromhex(line["hash"]) == known == journal.entry_hash(previous, seq, kind, at, entry)
        assert statement.entry_hash(previous, seq, line["kind"], line["at"], entry) == known
        previous = known
