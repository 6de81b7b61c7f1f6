"""The container of a case file: a zip of stored members that can be written in one way only.

Names, sizes and contents decide every byte: no compression, no times, no comments, no gaps. So whoever reads it can
write it anew from what it holds and compare, and no byte of it is left that could say something else. Any zip program
opens it. Members and archives beyond 4 GiB take the zip64 fields, exactly where they are needed.
"""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from typing import IO

import msgspec

_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_LOCAL_MARK, _ENTRY_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END64_MARK, _LOCATOR_MARK = b"PK\x06\x06", b"PK\x06\x07"
_UTF8, _STORED, _MIDNIGHT, _FIRST_DAY = 0x0800, 0, 0, 0x0021  # 1980-01-01, the first day a zip knows
_VERSION, _VERSION64 = 20, 45
_ZIP64 = 0x0001
_UNIX = 3 << 8
_REGULAR_FILE = 0o100644 << 16

LARGE = 0xFFFFFFFF
MANY = 0xFFFF
PIECE = 1 << 20
# Of a container that somebody else made, no more is made out than this: a case has some thousand members at most.
_MOST_MEMBERS = 200_000
_LONGEST_NAME = MANY // 3  # in characters: however they are written they fit a header


class TooLarge(Exception):
    """A member turned out far larger than was announced."""


class Member(msgspec.Struct, frozen=True):
    """A file in the container: where its header begins, its content's checksum and how long it is."""

    name: str
    start: int
    size: int
    crc: int
    sha256: str = ""

    @property
    def content(self) -> int:
        """Where its content begins."""
        return self.start + len(local_header(self))

    @property
    def end(self) -> int:
        return self.content + self.size


class Writer:
    """Writes a container into a file that can be gone back in. `members` are those that are complete."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.members: list[Member] = []
        self._at = 0

    def add(self, name: str, content: bytes) -> Member:
        """A member that is there as a whole."""
        self.begin(name, len(content))
        self.write(content)
        return self.end()

    def begin(self, name: str, announced: int) -> None:
        """A member that comes in pieces. `announced` is how long it should become; another size is no error."""
        self._name, self._announced = name, announced
        self._size = self._crc = 0
        self._digest = hashlib.sha256()
        self.file.write(local_header(Member(name, self._at, announced, 0)))

    def write(self, piece: bytes) -> None:
        self.file.write(piece)
        self._size += len(piece)
        self._crc = zlib.crc32(piece, self._crc)
        self._digest.update(piece)

    def end(self) -> Member:
        """Completes the member. Raises TooLarge where its size takes another header than the announced one."""
        member = Member(self._name, self._at, self._size, self._crc, self._digest.hexdigest())
        header = local_header(member)
        if (self._size >= LARGE) != (self._announced >= LARGE):
            raise TooLarge(self._name)
        self.file.seek(member.start)
        self.file.write(header)
        self.file.seek(member.end)
        self._at = member.end
        self.members.append(member)
        return member

    def abandon(self) -> None:
        """Forgets the member that was begun: it is not to be had."""
        self.file.seek(self._at)
        self.file.truncate()

    def content(self, member: Member) -> bytes:
        """A member's bytes once more."""
        self.file.seek(member.content)
        content = self.file.read(member.size)
        self.file.seek(self._at)
        return content

    def close(self) -> None:
        """Writes what stands at the end."""
        self.file.write(ending(self.members, self._at))
        self.file.flush()


def local_header(member: Member) -> bytes:
    """What stands before a member's content."""
    name, large = member.name.encode(), member.size >= LARGE
    size = LARGE if large else member.size
    extra = struct.pack("<2H2Q", _ZIP64, 16, member.size, member.size) if large else b""
    version = _VERSION64 if large else _VERSION
    head = _LOCAL.pack(
        _LOCAL_MARK, version, _UTF8, _STORED, _MIDNIGHT, _FIRST_DAY, member.crc, size, size, len(name), len(extra)
    )
    return head + name + extra


def directory_entry(member: Member) -> bytes:
    """What the directory at the end says of a member."""
    name, large, far = member.name.encode(), member.size >= LARGE, member.start >= LARGE
    numbers = [member.size, member.size] * large + [member.start] * far
    extra = struct.pack(f"<2H{len(numbers)}Q", _ZIP64, 8 * len(numbers), *numbers) if numbers else b""
    size = LARGE if large else member.size
    version = _VERSION64 if numbers else _VERSION
    head = _ENTRY.pack(
        _ENTRY_MARK, _UNIX | version, version, _UTF8, _STORED, _MIDNIGHT, _FIRST_DAY, member.crc, size, size,
        len(name), len(extra), 0, 0, 0, _REGULAR_FILE, LARGE if far else member.start,
    )  # fmt: skip
    return head + name + extra


def ending(members: Sequence[Member], start: int) -> bytes:
    """The directory, which begins at `start`, and the end after it."""
    directory = b"".join(map(directory_entry, members))
    return directory + last_bytes(len(members), start, len(directory))


def last_bytes(count: int, start: int, size: int) -> bytes:
    """What stands after the directory of `count` entries, which begins at `start` and is `size` bytes long."""
    wide = b""
    if count >= MANY or start >= LARGE or size >= LARGE:
        wide = _END64.pack(
            _END64_MARK, _END64.size - 12, _UNIX | _VERSION64, _VERSION64, 0, 0, count, count, size, start
        ) + _LOCATOR.pack(_LOCATOR_MARK, 0, start + size, 1)
    few = min(count, MANY)
    return wide + _END.pack(_END_MARK, 0, 0, few, few, min(size, LARGE), min(start, LARGE), 0)


class Odd(msgspec.Struct, frozen=True):
    """Bytes that are not as they can only be: from where on, and what stands there."""

    at: int
    where: str
    member: str = ""


def members_in(data: memoryview) -> list[Member]:
    """The members by their own headers, or by the directory where those tell of more. Raises nothing: of something
    damaged it gives what can be made out. Whatever it is, members never overlap: what is done with all of them is in
    proportion to its length."""
    walked, listed = _walked(data), _listed(data)
    return listed if len(listed) > len(walked) else walked


def _walked(data: memoryview) -> list[Member]:
    found: list[Member] = []
    at = 0
    while len(found) < _MOST_MEMBERS and len(data) - at >= _LOCAL.size and data[at : at + 4] == _LOCAL_MARK:
        *_, crc, size, _, named, extra = _LOCAL.unpack_from(data, at)
        name = _name(data[at + _LOCAL.size : at + _LOCAL.size + named])
        if size == LARGE and extra == 20 and len(data) - at >= _LOCAL.size + named + extra:
            (size,) = struct.unpack_from("<Q", data, at + _LOCAL.size + named + 4)
        member = Member(name, at, size, crc)
        at += _LOCAL.size + named + extra + size
        if at > len(data):
            break
        found.append(member)
    return found


def _listed(data: memoryview) -> list[Member]:
    end = len(data) - _END.size
    if end < 0 or data[end : end + 4] != _END_MARK:
        return []
    *_, count, _, start, _ = _END.unpack_from(data, end)
    locator = end - _LOCATOR.size
    if locator >= 0 and data[locator : locator + 4] == _LOCATOR_MARK:
        wide = _LOCATOR.unpack_from(data, locator)[2]
        if wide + _END64.size <= len(data):
            *_, count, _, start = _END64.unpack_from(data, wide)
    found: list[Member] = []
    at, free = start, 0
    while len(found) < min(count, _MOST_MEMBERS) and len(data) - at >= _ENTRY.size and data[at : at + 4] == _ENTRY_MARK:
        (_, _, _, _, _, _, _, crc, length, _, named, extra, noted, _, _, _, where) = _ENTRY.unpack_from(data, at)
        name = _name(data[at + _ENTRY.size : at + _ENTRY.size + named])
        numbers = bytes(data[at + _ENTRY.size + named + 4 : at + _ENTRY.size + named + extra])
        if length == LARGE and len(numbers) >= 16:
            length = int.from_bytes(numbers[:8], "little")
        if where == LARGE and len(numbers) >= 8:
            where = int.from_bytes(numbers[-8:], "little")
        member = Member(name, where, length, crc)
        if where < free or where + _LOCAL.size + len(name.encode()) + length > len(data):
            break
        free = member.end
        found.append(member)
        at += _ENTRY.size + named + extra + noted
    return found


def _name(raw: memoryview) -> str:
    return bytes(raw).decode(errors="replace")[:_LONGEST_NAME]


def oddities(data: memoryview, members: Sequence[Member]) -> list[Odd]:
    """Where the bytes around the members' contents are other than these members make them, in order."""
    odd: list[Odd] = []
    at = 0
    for member in members:
        if member.start != at:
            odd.append(Odd(min(at, len(data)), "before the header", member.name))
        at = _compared(data, member.start, local_header(member), "in the header", member.name, odd) + member.size
    start = at
    for member in members:
        at = _compared(data, at, directory_entry(member), "in the directory's entry", member.name, odd)
    at = _compared(data, at, last_bytes(len(members), start, at - start), "in the directory's end", "", odd)
    if at < len(data):
        odd.append(Odd(at, "after the end", ""))
    return odd


def _compared(data: memoryview, at: int, wanted: bytes, where: str, member: str, odd: list[Odd]) -> int:
    there = bytes(data[at : at + len(wanted)])
    if there != wanted:
        first = next((n for n, (is_, be) in enumerate(zip(there, wanted, strict=False)) if is_ != be), len(there))
        odd.append(Odd(at + first, where, member))
    return at + len(wanted)
