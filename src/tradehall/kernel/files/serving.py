"""What an answer says that carries a file somebody handed in, so that no browser ever runs it."""

import re
from typing import NamedTuple
from urllib.parse import quote

from tradehall.kernel.files.errors import RangeNotThere
from tradehall.kernel.files.receiving import StoredFile
from tradehall.kernel.files.thumbnails import MEDIA_TYPE

_NO_TOKEN = re.compile(r"[^ !#-\[\]-~]")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.ASCII)
_PDF = "application/pdf"
_SANDBOX = "sandbox; default-src 'none'"


def download_headers(file: StoredFile, inline: bool = False) -> dict[str, str]:
    """The headers of an answer with the whole of a file. Only pictures and PDFs are ever shown in the browser."""
    shown = inline and (file.is_picture or file.media_type == _PDF)
    return {
        "Content-Type": file.media_type,
        "Content-Length": str(file.size),
        "Content-Disposition": content_disposition(file.name, inline=shown),
        "Content-Security-Policy": _SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
        "ETag": etag(file),
        "Accept-Ranges": "bytes",
    }


def thumbnail_headers(file: StoredFile) -> dict[str, str]:
    """The headers of an answer with a file's thumbnail."""
    return {
        "Content-Type": MEDIA_TYPE,
        "Content-Disposition": "inline",
        "Content-Security-Policy": _SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=86400, immutable",
        "ETag": f'"{file.sha256.hex()}-small"',
    }


def etag(file: StoredFile) -> str:
    return f'"{file.sha256.hex()}"'


def content_disposition(name: str, *, inline: bool = False) -> str:
    """RFC 6266: the name in ASCII for whoever reads nothing else, and in full (RFC 5987)."""
    plain = _NO_TOKEN.sub("_", name).replace("%", "_")
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


class Part(NamedTuple):
    """From which byte up to but without which."""

    start: int
    end: int

    def headers(self, file: StoredFile) -> dict[str, str]:
        """What changes in the headers of an answer (206) with this part only."""
        return {
            "Content-Length": str(self.end - self.start),
            "Content-Range": f"bytes {self.start}-{self.end - 1}/{file.size}",
        }


def part_wanted(file: StoredFile, header: str | None, if_range: str | None = None) -> Part | None:
    """What a Range header asks for; None for the whole file: where there is none, where it asks for several parts or in
    words of its own, or for a file with another ETag. Raises RangeNotThere."""
    match = _RANGE.match(header or "")
    if not match or match[0] == "bytes=-" or (if_range and if_range != etag(file)):
        return None
    first, last = match[1], match[2]
    start = int(first) if first else max(0, file.size - int(last))
    end = min(int(last) + 1, file.size) if first and last else file.size
    if start >= file.size:
        raise RangeNotThere
    return Part(start, end) if start < end else None
