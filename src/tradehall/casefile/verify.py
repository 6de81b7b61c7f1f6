"""Verifies a case file with nothing but the case file: no database, no network, no settings, no key of ours.

Every byte is accounted for: those around the members' contents by the container's one way of being written, the
contents by the manifest's hashes, the manifest, the signature and the timestamp by the installation's key. What does
not match is named as closely as it can be. Whose key it is, only a comparison tells: with `--key`, or with what the
marketplace publishes.

Who sends a case file may want to mislead or to stop whoever verifies it. So nothing of it is unpacked, what is read as
JSON is limited in size and has to be of the types that are written, and however it is made the work is in proportion to
its length.
"""

import mmap
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import Certificate

from tradehall.casefile import container, statement
from tradehall.casefile.container import Member
from tradehall.casefile.timestamp import NotATimestamp, examine

# Who takes an archive apart and packs it again changes what is around every content: that is one thing to say.
_MOST_PLACES = 6
# The most that is read into memory of a member that says something: far more than any case has to say.
MOST_READ = 128 << 20
# Flaws beyond these are counted.
MOST_FLAWS = 1000
# Names as a case file has them, which mean the same to every program that unpacks it.
_NAMED = re.compile(r"(?:files/)?[^/\\:\x00-\x1f\x7f]+")
_DOTS = ("files/.", "files/..", ".", "..")

T = TypeVar("T")
Counted = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Order(msgspec.Struct, frozen=True):
    number: str = ""


class _Exported(msgspec.Struct, frozen=True):
    made_for: str = msgspec.field(default="", name="for")
    at: str = ""


class _Chain(msgspec.Struct, frozen=True):
    entries: Counted
    head: str


class _Handed(msgspec.Struct, frozen=True):
    """A file of the case, as the manifest lists it."""

    id: str
    member: str
    sha256: str
    state: str


class _Listed(msgspec.Struct, frozen=True):
    """A member, as the manifest lists it."""

    name: str
    size: Counted
    sha256: str


class _Manifest(msgspec.Struct, frozen=True):
    format: str
    members: list[_Listed]
    order: _Order = _Order()
    exported: _Exported = _Exported()
    chain: _Chain | None = None
    files: list[_Handed] = []


class _Stamp(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What signature.json says of the timestamp: its hash, or why there is none."""

    sha256: str | None = None
    missing: str | None = None


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    algorithm: str
    fingerprint: str
    manifest: str
    public_key: str
    timestamp: _Stamp
    whole: str


class _Line(msgspec.Struct, frozen=True):
    """A line of log.jsonl: an entry whole, told in part, or withheld."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    hash: str
    kind: str = ""
    at: str = ""
    entry: str | None = None
    told: dict[str, Any] | None = None


class Flaw(msgspec.Struct, frozen=True):
    """Something that does not match: a stable code, the member or entry it is about, and a sentence."""

    code: str
    about: str
    text: str


class Verdict(msgspec.Struct):
    """What verifying came to. What could not be made out is empty. `unsaid` is how many flaws there are besides those
    that are listed, `key_compared` whether the key was held against an expected one."""

    flaws: list[Flaw] = []
    unsaid: int = 0
    order: str = ""
    made_for: str = ""
    exported_at: str = ""
    key: str = ""
    key_compared: bool = False
    entries: int = 0
    told_in_part: int = 0
    withheld: int = 0
    head: str = ""
    members: int = 0
    files: int = 0
    timestamp_at: datetime | None = None
    timestamp_by: str = ""
    timestamp_trusted: bool = False
    without_timestamp: str = ""

    @property
    def whole(self) -> bool:
        return not self.flaws

    def say(self, code: str, about: str, text: str) -> None:
        if len(self.flaws) < MOST_FLAWS:
            self.flaws.append(Flaw(code, about, text))
        else:
            self.unsaid += 1


class _NotAFile(Exception):
    """What was given cannot be looked into."""


@contextmanager
def _mapped(path: Path) -> Iterator[memoryview]:
    with path.open("rb") as file:
        try:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise _NotAFile from error
        with mapped, memoryview(mapped) as data:
            yield data


def verify(path: Path, *, key: str = "", roots: Sequence[Certificate] = ()) -> Verdict:
    """Everything that does not match in a case file. `key` is the fingerprint that is expected, `roots` are the
    certificates a timestamp has to lead to. Raises OSError when the file cannot be read."""
    verdict = Verdict()
    try:
        with _mapped(path) as data:
            _Examination(data, verdict).run(normal(key), roots)
    except _NotAFile:
        verdict.say("not_a_case_file", path.name, "The file is empty.")
    return verdict


def normal(fingerprint: str) -> str:
    """A fingerprint as somebody copied it: with colons, blanks or capitals, or what it is made with before it."""
    return "".join(fingerprint.lower().removeprefix("sha256:").replace(":", "").split())


class _Examination:
    def __init__(self, data: memoryview, verdict: Verdict) -> None:
        self.data = data
        self.verdict = verdict
        self.members = container.members_in(data)
        self.by_name: dict[str, Member] = {}
        self.digests: dict[str, str] = {}
        self.changed: set[str] = set()
        self.manifest: _Manifest | None = None

    def run(self, key: str, roots: Sequence[Certificate]) -> None:
        for member in self.members:
            if member.name in self.by_name:
                self.say("named_twice", member.name, f"{member.name} is in the archive twice.")
            elif not _NAMED.fullmatch(member.name) or member.name in _DOTS:
                self.say("name_unsafe", member.name, f"{member.name} is no name of a case file: do not unpack it.")
            self.by_name.setdefault(member.name, member)
            self.digests.setdefault(member.name, statement.digest(self.content(member)))
        if not self.by_name:
            self.say("not_a_case_file", "", "This is no case file: no member can be made out in it.")
            return
        self.verdict.members = len(self.by_name)
        said = (statement.MANIFEST, statement.SIGNATURE, statement.TIMESTAMP, statement.LOG)
        large = [name for name in said if name in self.by_name and self.by_name[name].size > MOST_READ]
        if large:
            self.say("not_a_case_file", large[0], f"{large[0]} is larger than any case file's: it is not read.")
            return
        self.read_manifest()
        self.signature(key, roots)
        self.contents()
        entries = self.log()
        self.evidence(entries)
        self.structure()

    def say(self, code: str, about: str, text: str) -> None:
        self.verdict.say(code, about, text)

    def content(self, member: Member) -> memoryview:
        return self.data[member.content : member.end]

    def named(self, name: str) -> bytes | None:
        member = self.by_name.get(name)
        return bytes(self.content(member)) if member else None

    # --- What was signed

    def read_manifest(self) -> None:
        raw = self.named(statement.MANIFEST)
        if raw is None:
            self.say("member_missing", statement.MANIFEST, "manifest.json is missing: nothing says what belongs here.")
            return
        read = _read(raw, _Manifest)
        if read is None:
            self.say("member_changed", statement.MANIFEST, "manifest.json cannot be read: it was changed.")
            return
        self.manifest = read
        if read.format != statement.FORMAT:
            self.say("format", statement.MANIFEST, f"manifest.json is of another format: {read.format[:100]!r}.")
        self.verdict.order = read.order.number
        self.verdict.made_for = read.exported.made_for
        self.verdict.exported_at = read.exported.at

    def signature(self, expected: str, roots: Sequence[Certificate]) -> None:
        raw, manifest = self.named(statement.SIGNATURE), self.named(statement.MANIFEST)
        stamp = self.named(statement.TIMESTAMP)
        if raw is None:
            self.say("member_missing", statement.SIGNATURE, "signature.json is missing: nobody answers for this.")
            return
        self.verdict.key_compared = bool(expected)
        told = _read(raw, _Signature)
        if told is None:
            self.say("member_changed", statement.SIGNATURE, "signature.json was changed: it says something else.")
            return
        if statement.canonical(msgspec.to_builtins(told)) != raw:
            self.say("member_changed", statement.SIGNATURE, "signature.json was changed: it is not written that way.")
        public = _bytes(told.public_key)
        if told.algorithm != statement.ALGORITHM or len(public) != 32:
            self.say("member_changed", statement.SIGNATURE, "signature.json was changed: it says something else.")
        known = self.verdict.key = statement.fingerprint(public) if len(public) == 32 else ""
        if told.fingerprint != known:
            self.say("fingerprint_wrong", statement.SIGNATURE, "The fingerprint in signature.json is not its key's.")
        if expected and known != expected:
            self.say("key_unexpected", statement.SIGNATURE, f"The key is not the expected one: {known or 'none'}.")
        if manifest is None:
            return
        if not _signed(public, _bytes(told.manifest), manifest):
            text = "The signature over manifest.json is wrong: it or the signature was changed, or the key is another."
            self.say("signature_wrong", statement.MANIFEST, text)
        if not _signed(public, _bytes(told.whole), statement.sealed(manifest, stamp)):
            text = (
                "The signature over manifest and timestamp is wrong: the timestamp was changed, exchanged, added or "
                "taken out, or what it belongs to was changed."
            )
            self.say("timestamp_changed", statement.TIMESTAMP, text)
        self.timestamp(stamp, told.timestamp, manifest, roots)

    def timestamp(self, stamp: bytes | None, told: _Stamp, manifest: bytes, roots: Sequence[Certificate]) -> None:
        if stamp is None:
            self.verdict.without_timestamp = told.missing or "none was asked for"
            if told.sha256 is not None:
                self.say("member_missing", statement.TIMESTAMP, "timestamp.tsr is missing: there was one.")
            elif roots:
                reason = self.verdict.without_timestamp
                self.say("no_timestamp", statement.TIMESTAMP, f"There is no timestamp to check: {reason}.")
            return
        if told.sha256 != statement.digest(stamp):
            self.say("timestamp_changed", statement.TIMESTAMP, "timestamp.tsr is not the one signature.json tells of.")
        try:
            found = examine(stamp, bytes.fromhex(statement.digest(manifest)), roots)
        except NotATimestamp as error:
            self.say("timestamp_wrong", statement.TIMESTAMP, f"The timestamp does not match: {error}.")
            return
        self.verdict.timestamp_at, self.verdict.timestamp_by = found.at, found.authority
        self.verdict.timestamp_trusted = found.trusted

    # --- The members

    def contents(self) -> None:
        """Every member against what the manifest says of it."""
        if self.manifest is None:
            return
        wanted = {one.name: one for one in self.manifest.members}
        owner = {one.sha256: name for name, one in wanted.items()}
        for name, one in wanted.items():
            if name not in self.by_name:
                self.say("member_missing", name, f"{name} is missing.")
                continue
            found = self.digests[name]
            if found == one.sha256 and self.by_name[name].size == one.size:
                continue
            self.changed.add(name)
            other = owner.get(found)
            if other is not None and other != name:
                self.say("member_swapped", name, f"{name} was swapped: what is in it belongs to {other}.")
            else:
                size = f"{self.by_name[name].size} bytes instead of {one.size}, "
                size = size if self.by_name[name].size != one.size else ""
                self.say("member_changed", name, f"{name} was changed: {size}SHA-256 {found}, not {one.sha256}.")
        for name in self.by_name:
            if name not in wanted and name not in statement.OUTSIDE:
                self.say("member_unknown", name, f"{name} does not belong here: the manifest does not know it.")
        order = [name for name in self.by_name if name in wanted]
        if order != [name for name in wanted if name in self.by_name]:
            self.say("members_moved", "", "The members are not in the manifest's order.")

    def structure(self) -> None:
        """Everything between and behind the contents."""
        judged = [
            member
            if member.name in self.changed
            else msgspec.structs.replace(member, crc=zlib.crc32(self.content(member)))
            for member in self.members
        ]
        odd_places = container.oddities(self.data, judged)
        if len(odd_places) > _MOST_PLACES:
            text = (
                f"The archive itself was cut off, or packed anew by another program: {len(odd_places)} places outside"
            )
            self.say("archive_changed", "", f"{text} the contents are other, the first at byte {odd_places[0].at:,}.")
            odd_places = []
        for odd in odd_places:
            whose = f" of {odd.member}" if odd.member else ""
            text = f"The archive itself was changed {odd.where}{whose}, at byte {odd.at:,}."
            self.say("archive_changed", odd.member, text)
        last = [name for name in self.by_name if name in statement.OUTSIDE]
        if last != [name for name in statement.OUTSIDE if name in self.by_name] or (
            last and [member.name for member in self.members][-len(last) :] != last
        ):
            self.say("members_moved", "", "Manifest, timestamp and signature are not at the archive's end.")

    # --- The operation log

    def log(self) -> list[dict[str, Any]]:
        """Checks the chain as far as it can be followed; returns what the entries say."""
        raw = self.named(statement.LOG)
        if raw is None:
            if not self.manifest:
                self.say("member_missing", statement.LOG, "log.jsonl is missing.")
            return []
        contents: list[dict[str, Any]] = []
        previous, expected = b"", 1
        for number, line in enumerate(raw.splitlines(), 1):
            entry = _read(line, _Line)
            if entry is None:
                self.say("entry_changed", f"line {number}", f"Line {number} of log.jsonl cannot be read.")
                break
            seq, stated = entry.seq, _bytes(entry.hash)
            about = f"entry {seq}"
            if seq != expected:
                gone = f"Entry {expected}" if seq <= expected + 1 else f"Entries {expected} to {seq - 1}"
                self.say("entry_removed", f"entry {expected}", f"{gone} of the operation log: removed or out of place.")
            elif entry.entry is not None and stated != _hashed(previous, entry, entry.entry):
                self.say("entry_changed", about, f"Entry {seq} of the operation log was changed: its hash is another.")
            if (content := self.said(entry, about)) is not None:
                contents.append(content)
            previous, expected = stated, seq + 1
            self.verdict.entries = seq
        self.verdict.head = previous.hex()
        self.head(expected - 1, previous.hex())
        return contents

    def said(self, entry: _Line, about: str) -> dict[str, Any] | None:
        """What an entry says: whole as it was hashed, in part as it is told to this side, or nothing."""
        if entry.entry is not None:
            content = _read(entry.entry.encode(), dict[str, Any])
            if content is None:
                self.say("entry_changed", about, f"{about.capitalize()} of the operation log cannot be read.")
            return content
        if entry.told is not None:
            self.verdict.told_in_part += 1
            return entry.told
        self.verdict.withheld += 1
        return None

    def head(self, last: int, found: str) -> None:
        chain = self.manifest.chain if self.manifest else None
        if chain is None:
            return
        ends = f"the log goes to {chain.entries}, here it ends with {last}."
        if last < chain.entries:
            self.say("log_cut_off", f"entry {last + 1}", f"The last entries are cut off: {ends}")
        elif last > chain.entries:
            self.say("log_too_long", f"entry {chain.entries + 1}", f"Entries were added: {ends}")
        elif found != chain.head:
            self.say("head_wrong", f"entry {last}", "The log's last hash is not the one in the manifest.")

    # --- The evidence

    def evidence(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Files against what was recorded of them when they were handed in: in the manifest, and in the log itself."""
        listed = self.manifest.files if self.manifest else []
        self.verdict.files = len(listed)
        there: dict[str, str] = {}
        for one in listed:
            name = one.member
            there[one.id] = one.sha256
            if one.state == "missing":
                self.say("file_missing", name, f"{name} was no longer in the file store when the case file was made.")
            elif (
                name in self.digests
                and name not in self.changed
                and (one.state != "whole" or self.digests[name] != one.sha256)
            ):
                text = f"{name} is not what was handed in: it was other already when the case file was made."
                self.say("file_not_as_handed_in", name, text)
        for file in _files_in(entries):
            known = there.get(file["id"])
            if known is None and not file["name"]:
                continue  # of a message between one side and the marketplace, which only these two hold
            if self.manifest and known != file["sha256"]:
                what = "is not in this case file" if known is None else "is listed here with another hash"
                text = f"The log tells of {file['name'] or 'a file'} with SHA-256 {file['sha256']}: it {what}."
                self.say("file_not_as_logged", file["name"], text)


def _files_in(entries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """The files that the log tells of: id, name ("" where it is not told) and hash of each."""
    for entry in entries:
        facts = entry.get("facts")
        listed = facts.get("files") if isinstance(facts, dict) else None
        for one in listed if isinstance(listed, list) else ():
            told = {key: one.get(key) for key in ("id", "name", "sha256")} if isinstance(one, dict) else {}
            file = {key: value if isinstance(value, str) else "" for key, value in told.items()}
            if file and file["id"] and file["sha256"]:
                yield file


def _hashed(previous: bytes, line: _Line, entry: str) -> bytes:
    try:
        return statement.entry_hash(previous, line.seq, line.kind, line.at, entry)
    except ValueError:
        return b""


def _signed(public_key: bytes, signature: bytes, content: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(raw: bytes, kind: type[T]) -> T | None:
    """What a JSON text says, as this type; None where it says anything else."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _bytes(value: str) -> bytes:
    """What hexadecimal digits say; nothing where they are none, or written in another way than here."""
    try:
        said = bytes.fromhex(value)
    except ValueError:
        return b""
    return said if said.hex() == value else b""
