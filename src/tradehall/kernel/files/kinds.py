"""Kinds of files: what a name says a file is, what its content is, and whether the two agree.

`Signs` looks at a content while it passes by; `looked_inside` reads those parts of a stored one that tell containers
apart. What a content is has a short name that is understood in every language: "pdf", "docx", "exe", "text", "binary".
"""

import codecs
import re
import struct
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from tradehall.kernel.files.errors import FileBroken, FileDisguised, FileKindNotAllowed, FileRuns
from tradehall.kernel.files.names import ending

HEAD = 64 * 1024
TEXT, BINARY, ANY = "text", "binary", "any"


class Kind(msgspec.Struct, frozen=True):
    """A kind of file that may be taken: its endings, what its content must be, and its media type."""

    name: str
    endings: tuple[str, ...]
    content: str
    media_type: str


_OFFICE = "application/vnd.openxmlformats-officedocument"
KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("pdf", ("pdf",), "pdf", "application/pdf"),
        Kind("png", ("png",), "png", "image/png"),
        Kind("jpg", ("jpg", "jpeg", "jpe", "jfif"), "jpg", "image/jpeg"),
        Kind("gif", ("gif",), "gif", "image/gif"),
        Kind("webp", ("webp",), "webp", "image/webp"),
        Kind("docx", ("docx",), "docx", f"{_OFFICE}.wordprocessingml.document"),
        Kind("xlsx", ("xlsx",), "xlsx", f"{_OFFICE}.spreadsheetml.sheet"),
        Kind("pptx", ("pptx",), "pptx", f"{_OFFICE}.presentationml.presentation"),
        Kind("doc", ("doc",), "doc", "application/msword"),
        Kind("xls", ("xls",), "xls", "application/vnd.ms-excel"),
        Kind("txt", ("txt", "log"), TEXT, "text/plain"),
        Kind("csv", ("csv",), TEXT, "text/csv"),
        Kind("md", ("md", "markdown"), TEXT, "text/markdown"),
        Kind("json", ("json",), TEXT, "application/json"),
        Kind("xml", ("xml",), TEXT, "application/xml"),
        Kind("zip", ("zip",), "zip", "application/zip"),
        Kind("7z", ("7z",), "7z", "application/x-7z-compressed"),
        Kind("gz", ("gz", "tgz"), "gz", "application/gzip"),
        # A licence is a text, or anything at all where the field takes anything.
        Kind("lic", ("lic", "license", "key", "dat"), TEXT, "text/plain"),
    )
}
PICTURES: Final = frozenset({"png", "jpg", "gif", "webp"})
DOCUMENTS: Final = frozenset({"pdf", "docx", "xlsx", "pptx", "doc", "xls", "txt", "csv", "md"})
ARCHIVES: Final = frozenset({"zip", "7z", "gz"})
ANYTHING: Final = frozenset(KINDS) | {ANY}
"""What a field of data files or licences accepts: every kind, and what is of no known kind; never what can run."""

PICTURE_TYPES: Final = frozenset(KINDS[name].media_type for name in PICTURES)

_OF_ENDING = {one: kind for kind in KINDS.values() for one in kind.endings}
_OF_CONTENT = {kind.content: kind for kind in KINDS.values() if kind.content != TEXT} | {TEXT: KINDS["txt"]}

# Contents that run somewhere when opened, and names under which a content would: refused whatever a field accepts.
_RUNS = frozenset({"exe", "elf", "mach-o", "wasm", "lnk", "msi", "script", "html", "svg"})
_RUNNING_ENDINGS = frozenset(
    {
        *(
            "exe",
            "dll",
            "com",
            "scr",
            "pif",
            "cpl",
            "msi",
            "msp",
            "bat",
            "cmd",
            "ps1",
            "psm1",
            "vbs",
            "vbe",
            "wsf",
            "wsh",
        ),
        *(
            "js",
            "jse",
            "mjs",
            "hta",
            "lnk",
            "url",
            "reg",
            "scf",
            "sh",
            "bash",
            "zsh",
            "csh",
            "command",
            "app",
            "elf",
            "so",
        ),
        *("dylib", "html", "htm", "xhtml", "xht", "shtml", "mht", "mhtml", "svg", "svgz", "swf"),
        *("docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm"),
    }
)

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"WEBPVP8", "webp"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"\x1f\x8b\x08", "gz"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"\x7fELF", "elf"),
    (0, b"\xfe\xed\xfa\xce", "mach-o"),
    (0, b"\xfe\xed\xfa\xcf", "mach-o"),
    (0, b"\xce\xfa\xed\xfe", "mach-o"),
    (0, b"\xcf\xfa\xed\xfe", "mach-o"),
    (0, b"\xca\xfe\xba\xbe", "mach-o"),  # or a Java class: that runs too
    (0, b"\xbe\xba\xfe\xca", "mach-o"),
    (0, b"\0asm", "wasm"),
    (0, b"\x4c\0\0\0\x01\x14\x02\0", "lnk"),
    (0, b"#!", "script"),
    (0, b"{\\rtf", "rtf"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"BZh", "bz2"),
    (257, b"ustar", "tar"),
    (4, b"ftyp", "mp4"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
)
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x19\x1c-\x1f\x7f]")
# What may stand before a document's first element. Repetitions are possessive where what follows cannot begin like what
# is repeated: whatever somebody hands in, each character is looked at a few times at most.
_PROLOG = re.compile(
    r"\s++|<\?.*?\?>|<!--.*?-->|<!doctype\s++(?!html|svg)[^\[>]*+(?:\[.*?\]\s*+)?>", re.DOTALL | re.IGNORECASE
)
_PAGE = re.compile(r"<(?:!doctype\s++)?(?:[\w.-]++:)?(html|head|body|script|iframe|frameset|svg)\b", re.IGNORECASE)


class Signs:
    """What a content shows while it passes by in chunks: how it begins, and in which encoding it is a text, if any."""

    def __init__(self) -> None:
        self.head = b""
        self._decoders: dict[str, codecs.IncrementalDecoder] | None = None

    def see(self, chunk: bytes) -> None:
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
        if self._decoders is None:
            # A byte-order mark says what the rest is; without one it is UTF-8 or what Chinese Windows writes.
            names = ("utf-16",) if chunk[:2] in _BOMS else ("utf-8", "gb18030")
            self._decoders = {name: codecs.getincrementaldecoder(name)() for name in names}
        if "utf-16" not in self._decoders and _CONTROLS.search(chunk):
            self._decoders.clear()
        for name, decoder in list(self._decoders.items()):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                del self._decoders[name]

    def encoding(self) -> str | None:
        """In which encoding all of it is a text; None when it is none."""
        for name, decoder in (self._decoders or {}).items():
            try:
                decoder.decode(b"", True)
            except UnicodeDecodeError:
                continue
            return name
        return None

    def content(self) -> str:
        """What it is, as far as its beginning and its characters tell."""
        start = self.head.removeprefix(codecs.BOM_UTF8)
        # Two letters are no proof: a program for Windows has zeros in its header, a text has none.
        if start.startswith(b"MZ") and b"\0" in start:
            return "exe"
        for offset, magic, name in _SIGNATURES:
            if start.startswith(magic, offset):
                return name
        encoding = self.encoding()
        return _text(self.head, encoding) if encoding else BINARY


def _text(head: bytes, encoding: str) -> str:
    """Tells web pages and drawings, which run scripts, from other texts."""
    text = head.decode(encoding, "ignore").lstrip("\ufeff")
    place = 0
    while skipped := _PROLOG.match(text, place):
        place = skipped.end()
    if page := _PAGE.match(text, place):
        return "svg" if page[1].lower() == "svg" else "html"
    # A comment or a type definition longer than all that was looked at hides what comes after it.
    return "html" if text.startswith(("<!--", "<?", "<!"), place) and len(head) >= HEAD else TEXT


# --- Inside containers -----------------------------------------------------------------------------------------------

Ranged = Callable[[int, int], Awaitable[bytes]]
"""Reads the bytes from the first number up to but without the second."""

_DIRECTORY_LOOKED_AT = 4 << 20
_END_OF_ZIP, _ENTRY_OF_ZIP = b"PK\x05\x06", b"PK\x01\x02"
_OFFICE_FOLDERS = (("word/", "docx"), ("xl/", "xlsx"), ("ppt/", "pptx"))
_OLE_STREAMS = {"WordDocument": "doc", "Workbook": "xls", "Book": "xls", "PowerPoint Document": "ppt"}


async def looked_inside(name: str, content: str, size: int, read: Ranged) -> str:
    """What a stored content is when one looks inside it: an office file or a plain zip. Raises FileBroken."""
    if content == "zip":
        return await _inside_zip(name, size, read)
    if content == "ole":
        return await _inside_ole(size, read)
    return content


async def _inside_zip(name: str, size: int, read: Ranged) -> str:
    # The directory is at the end, so an archive that was cut off has none.
    tail = await read(max(0, size - 22 - 0xFFFF), size)
    place = tail.rfind(_END_OF_ZIP)
    if place < 0 or len(tail) - place < 22:
        raise FileBroken(name=name, says=ending(name) or "zip")
    entries, length = struct.unpack_from("<HI", tail, place + 10)
    if length == 0xFFFFFFFF or entries == 0xFFFF:
        return "zip"  # of more than 65,534 files or 4 GB: no office file
    end = size - len(tail) + place
    if length > end or (entries and length < 46):
        raise FileBroken(name=name, says=ending(name) or "zip")
    directory = await read(end - length, end - length + min(length, _DIRECTORY_LOOKED_AT)) if length else b""
    names: list[str] = []
    at = 0
    while at + 46 <= len(directory) and directory.startswith(_ENTRY_OF_ZIP, at):
        named, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        names.append(directory[at + 46 : at + 46 + named].decode("utf-8", "replace"))
        at += 46 + named + extra + comment
    if len(names) < entries and len(directory) < _DIRECTORY_LOOKED_AT:
        raise FileBroken(name=name, says=ending(name) or "zip")
    if "[Content_Types].xml" not in names:
        return "zip"
    for folder, kind in _OFFICE_FOLDERS:
        if any(one.startswith(folder) for one in names):
            macros = any(one.lower().endswith("vbaproject.bin") for one in names)
            return f"{kind[:-1]}m" if macros else kind
    return "zip"


async def _inside_ole(size: int, read: Ranged) -> str:
    """By the names of its streams; those of what made it stand in the first sectors of its directory."""
    header = await read(0, min(512, size))
    if len(header) < 512:
        return "ole"
    shift, first = struct.unpack_from("<H", header, 30)[0], struct.unpack_from("<I", header, 48)[0]
    start = (first + 1) << shift
    if shift not in (9, 12) or start >= size:
        return "ole"
    directory = await read(start, min(size, start + 4096))
    for at in range(0, len(directory) - 127, 128):
        length = struct.unpack_from("<H", directory, at + 64)[0]
        stream = directory[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
        if kind := _OLE_STREAMS.get(stream):
            return kind
        # An installer for Windows is named by its class alone.
        if at == 0 and directory[80:96] == b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46":
            return "msi"
    return "ole"


# --- Whether it may be taken -----------------------------------------------------------------------------------------


def check_name(name: str, accept: frozenset[str]) -> None:
    """Refuses by its name alone what would be refused anyway, before all of it was sent. Raises FileKindNotAllowed,
    or FileRuns, which is one."""
    says = ending(name)
    kind = _OF_ENDING.get(says)
    if says in _RUNNING_ENDINGS:
        raise FileRuns(name=name, kind=says)
    if ANY not in accept and (kind is None or kind.name not in accept):
        raise FileKindNotAllowed(name=name, kind=says or "?", allowed=_list(accept))


def judged(name: str, content: str, encoding: str | None, accept: frozenset[str]) -> tuple[str, str]:
    """The kind and the media type of a file of this name and content. Raises FileKindNotAllowed (FileRuns
    is one) or FileDisguised."""
    check_name(name, accept)
    says = ending(name)
    kind = _OF_ENDING.get(says)
    if kind and kind.content != content:
        if kind.name == "lic" and ANY in accept and content not in _RUNS:
            return ANY, "application/octet-stream"
        raise FileDisguised(name=name, says=says, is_=content)
    if content in _RUNS:
        raise FileRuns(name=name, kind=content)
    found = kind or _OF_CONTENT.get(content)
    media_type = found.media_type if found else "application/octet-stream"
    charset = f"; charset={encoding}" if encoding and media_type.startswith("text/") else ""
    return kind.name if kind else ANY, media_type + charset


def _list(accept: frozenset[str]) -> str:
    return ", ".join(name for name in KINDS if name in accept)
