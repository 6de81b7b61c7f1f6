"""Files in requests and answers: forms read in a stream, a file as the whole body, downloads.

A route that takes files has `request_max_body_size=None`: the application's limit is for everything else, and here each
file is limited by the file store and what surrounds the files by `max_request_bytes`. One that people's forms lead to
has `opt=UNCHECKED` as well: the application's CSRF check would read the whole form into memory and temporary files
first, so it is done here, on the header or on the first field of the form, before the first file.
"""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, PermissionDeniedException
from litestar.middleware.csrf import generate_csrf_hash
from litestar.response import Stream
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from tradehall.edge.access import installation_of
from tradehall.edge.problems import BodyTooLarge, MalformedRequest
from tradehall.kernel.errors import Problem
from tradehall.kernel.files import Files, StoredFile, download_headers, part_wanted, thumbnail_headers
from tradehall.kernel.files.errors import TooManyFiles, UploadCutOff

AnyRequest = Request[Any, Any, Any]

UNCHECKED: Final = {"exclude_from_csrf": True}
CSRF_FIELD: Final = "_csrf_token"
NAME_HEADER: Final = "X-File-Name"
_MULTIPART, _URL_ENCODED = "multipart/form-data", "application/x-www-form-urlencoded"
# A client that sends nothing for this long has gone away. One that sends, but has been waited for longer than that and
# was slower than this many bytes a second, only keeps a place that others need.
SILENCE = 60.0
SLOWEST = 4 << 10
_CSRF_SECRET_LENGTH = 64
_MOST_FIELDS = 200
# How much more of a refused upload is read, so that the client gets to read the answer instead of a broken connection.
_DRAINED, _DRAINED_FOR = 32 << 20, 10.0


class TextPart(msgspec.Struct, frozen=True):
    """A field of a form."""

    field: str
    value: str


class FilePart(msgspec.Struct, frozen=True):
    """A file in a request, its name as sent. `content` has to be read before the next part is asked for; what is not
    read of it is skipped. `announced` is its size in bytes where the client has said it."""

    field: str
    name: str
    content: AsyncIterator[bytes]
    announced: int | None = None


Part = TextPart | FilePart


@asynccontextmanager
async def uploading(
    request: AnyRequest, *, csrf: bool, most_files: int = 20, field: str = "file"
) -> AsyncIterator[AsyncIterator[Part]]:
    """The parts of a request, in their order, none of them held whole in memory:

        async with uploading(request, csrf=True) as parts:
            async for part in parts: …

    The body is a multipart form, a form without files, or one file (`field`) whose name is in the header X-File-Name
    (percent-encoded UTF-8) or in the query as `name`. `csrf` wants the token of the page before the first file. Reading
    the parts raises MalformedRequest, BodyTooLarge, TooManyFiles, UploadCutOff or PermissionDeniedException. When the
    block raises, what else the client sends is read for a while and thrown away.
    """
    body = _body(request, most_files)
    parts = _parts(request, body, most_files, field)
    if csrf:
        parts = _checked(request, parts)
    try:
        yield parts
    except (Problem, HTTPException) as error:
        if not isinstance(error, UploadCutOff):
            await _drain(body)
        raise


async def _body(request: AnyRequest, most_files: int) -> AsyncIterator[bytes]:
    """The request's body as it comes. Raises UploadCutOff when no more comes although it was not all, or too slowly."""
    settings = installation_of(request).settings
    room = settings.max_request_bytes + most_files * settings.upload_max_bytes
    stream = request.stream()
    waited, came = 0.0, 0
    while True:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(SILENCE):
                chunk = await anext(stream, b"")
        except (InternalServerException, TimeoutError) as error:  # the first is how the framework tells of a hang-up
            raise UploadCutOff from error
        if not chunk:
            return
        waited += time.monotonic() - begun
        came += len(chunk)
        if waited > SILENCE and came < waited * SLOWEST:
            raise UploadCutOff
        room -= len(chunk)
        if room < 0:
            raise BodyTooLarge
        yield chunk


async def _drain(body: AsyncIterator[bytes]) -> None:
    left = _DRAINED
    with suppress(Problem, HTTPException, TimeoutError):
        async with asyncio.timeout(_DRAINED_FOR):
            async for chunk in body:
                left -= len(chunk)
                if left < 0:
                    return


async def _parts(request: AnyRequest, body: AsyncIterator[bytes], most_files: int, field: str) -> AsyncIterator[Part]:
    kind, options = request.content_type
    most_text = installation_of(request).settings.max_request_bytes
    if kind == _MULTIPART:
        async for part in _multipart(body, options.get("boundary", ""), most_files, most_text):
            yield part
    elif kind == _URL_ENCODED:
        text = b""
        async for chunk in body:
            text += chunk
            if len(text) > most_text:
                raise BodyTooLarge
        for name, value in parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True):
            yield TextPart(name, value)
    else:
        name = unquote(request.headers.get(NAME_HEADER, "")) or request.query_params.get("name", "")
        yield FilePart(field, name, body, request.content_length)


async def _multipart(body: AsyncIterator[bytes], boundary: str, most_files: int, most_text: int) -> AsyncIterator[Part]:
    events = _events(body, boundary, _MOST_FIELDS + most_files)
    files = text_size = 0
    async for event in events:
        assert isinstance(event, _Head), "what was said of one part has been read to its end below"
        if event.filename:
            files += 1
            if files > most_files:
                raise TooManyFiles(most=most_files)
            content = _Content(events)
            yield FilePart(event.field, event.filename, content)
            async for _ in content:
                pass
            continue
        text = bytearray()
        async for piece in _Content(events):
            text_size += len(piece)
            if text_size > most_text:
                raise BodyTooLarge
            text += piece
        # A browser sends a field for files in which none was chosen as a file without name and content.
        if event.filename is None:
            yield TextPart(event.field, text.decode("utf-8", "replace"))


class _Head(msgspec.Struct, frozen=True):
    """How a part of a form begins. `filename` is None for a field, and empty where no file was chosen."""

    field: str
    filename: str | None


_Event: TypeAlias = _Head | bytes | None


async def _events(body: AsyncIterator[bytes], boundary: str, most_parts: int) -> AsyncIterator[_Event]:
    """The head of each part, the pieces of its content, and None at its end."""
    begun = False
    try:
        parser = PushMultipartParser(boundary, max_segment_count=most_parts)
        async for chunk in body:
            for event in parser.parse(chunk):
                begun = True
                if isinstance(event, MultipartSegment):
                    yield _Head(event.name or "", event.filename)
                else:
                    yield event
    except ParserLimitReached as error:
        raise BodyTooLarge from error
    except MultipartError as error:
        raise MalformedRequest(detail=str(error)) from error
    try:
        parser.close()
    except MultipartError as error:
        raise UploadCutOff if begun else MalformedRequest(detail=str(error)) from error


class _Content:
    """The content of one file in a form: ends with its part, and can be asked for more after somebody gave it up."""

    def __init__(self, events: AsyncIterator[_Event]) -> None:
        self._events = events
        self._ended = False

    def __aiter__(self) -> "_Content":
        return self

    async def __anext__(self) -> bytes:
        event = None if self._ended else await anext(self._events, None)
        if not isinstance(event, bytes):
            self._ended = True
            raise StopAsyncIteration
        return event


async def _checked(request: AnyRequest, parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
    """The parts, but for the token, which has to come before any file. Raises PermissionDeniedException."""
    config = request.app.csrf_config
    assert config, "forms are served with CSRF protection"
    cookie = request.cookies.get(config.cookie_name, "")
    proven = _matches(request.headers.get(config.header_name, ""), cookie, config.secret)
    async for part in parts:
        if isinstance(part, TextPart) and part.field == CSRF_FIELD:
            proven = proven or _matches(part.value, cookie, config.secret)
        elif isinstance(part, FilePart) and not proven:
            break
        else:
            yield part
    if not proven:
        raise PermissionDeniedException("CSRF token verification failed")


def _matches(token: str, cookie: str, secret: str) -> bool:
    """As the framework's own check: a secret with its signature, the same in the page and in the cookie."""
    if len(token) <= _CSRF_SECRET_LENGTH or not hmac.compare_digest(token.encode(), cookie.encode()):
        return False
    signature = generate_csrf_hash(token[:_CSRF_SECRET_LENGTH], secret)
    return hmac.compare_digest(token[_CSRF_SECRET_LENGTH:].encode(), signature.encode())


# --- Downloads -------------------------------------------------------------------------------------------------------


async def file_response(request: AnyRequest, files: Files, file: StoredFile, *, inline: bool = False) -> Response[Any]:
    """An answer with a file, or with the part of it that was asked for; whether it may be seen was decided before.
    Raises ContentMissing, StoreAway or RangeNotThere."""
    headers = download_headers(file, inline)
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(None, status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    part = part_wanted(file, request.headers.get("Range"), request.headers.get("If-Range"))
    if part:
        headers |= part.headers(file)
    content = files.content(file, part.start, part.end) if part else files.content(file)
    return await _streamed(content, headers, 206 if part else 200)


async def thumbnail_response(request: AnyRequest, files: Files, file: StoredFile) -> Response[Any]:
    """An answer with a file's thumbnail. Raises FileNotThere where it has none, ContentMissing or StoreAway."""
    headers = thumbnail_headers(file)
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(None, status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    return await _streamed(files.thumbnail(file), headers, 200)


async def _streamed(content: AsyncIterator[bytes], headers: dict[str, str], status: int) -> Stream:
    # The first piece is read before anything is answered: a store that is away is an error and not half an answer.
    first = await anext(content, b"")

    async def pieces() -> AsyncIterator[bytes]:
        yield first
        async for piece in content:
            yield piece

    media_type = headers.pop("Content-Type")
    return Stream(pieces, status_code=status, headers=headers, media_type=media_type)
