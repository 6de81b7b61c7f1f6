"""Where the bytes of files lie: in a directory, or in a bucket that speaks S3.

A key is made by this program and never by a person; what was put under it is complete or not there at all.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ParamSpec, Protocol, TypeVar

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tradehall.kernel.files.errors import ContentMissing, StoreAway
from tradehall.kernel.ids import new_id
from tradehall.settings import InvalidSetting, Settings, variable

if TYPE_CHECKING:
    from obstore.store import S3Config

P = ParamSpec("P")
T = TypeVar("T")

BLOCK = 1 << 20
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*\Z")

log = structlog.get_logger()


class Storage(Protocol):
    """Keeps bytes under keys. Every method raises StoreAway when the place itself is the trouble."""

    async def put(self, key: str, stream: AsyncIterator[bytes]) -> None:
        """Keeps what the stream yields. When the stream raises, nothing is kept and its error comes through."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to but without `end`, in pieces. Raises ContentMissing."""

    async def delete(self, key: str) -> None:
        """Forgets a key; one that is not there is no error."""


def storage_for(settings: Settings) -> Storage:
    """The place the settings name. Raises InvalidSetting."""
    address = settings.file_store
    if not address:
        return DiskStorage(settings.data_dir / "files")
    scheme, separator, rest = address.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise InvalidSetting(f"{variable('file_store')}={address!r}: expected nothing or s3://bucket/prefix")
    return BucketStorage(settings, bucket, prefix.strip("/"))


def new_key() -> str:
    """A key nobody has used, in one of 256 folders of equal size."""
    name = new_id().hex
    return f"{name[-2:]}/{name}"


def _checked(key: str) -> str:
    if not _KEY.match(key):
        raise ValueError(f"not a key of this store: {key!r}")
    return key


async def _blocks(stream: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The same bytes in larger pieces: of at least `size`, but for the last."""
    pieces: list[bytes] = []
    gathered = 0
    async for chunk in stream:
        pieces.append(chunk)
        gathered += len(chunk)
        if gathered >= size:
            gathered = 0
            yield _joined(pieces)
    if pieces:
        yield _joined(pieces)


def _joined(pieces: list[bytes]) -> bytes:
    """What the pieces make together, and forgets them: a block is large, and nobody shall hold it twice."""
    block = b"".join(pieces)
    pieces.clear()
    return block


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs it in a thread; see _ended."""
    return await _ended(asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs)))


async def _ended(future: asyncio.Future[T]) -> T:
    """What it comes to. Does not leave before that, not even when cancelled: what follows may undo it."""
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        with suppress(Exception):
            await future
        raise


# --- A directory -----------------------------------------------------------------------------------------------------


class DiskStorage:
    """Files in a directory, which several processes may share; over a network if its file system knows rename."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, stream: AsyncIterator[bytes]) -> None:
        path = self._root / _checked(key)
        draft = self._root / ".incoming" / new_id().hex
        file: BinaryIO | None = None
        try:
            try:
                file = await _in_thread(_begun, draft, path.parent)
            except OSError as error:
                raise _away("put", key, error) from error
            async for block in _blocks(stream, BLOCK):
                try:
                    await _in_thread(file.write, block)
                except OSError as error:
                    raise _away("put", key, error) from error
            try:
                await _in_thread(_finished, file, draft, path)
            except OSError as error:
                raise _away("put", key, error) from error
        except BaseException:
            if file:
                with suppress(OSError):
                    file.close()
            with suppress(OSError):
                draft.unlink()
            raise

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread((self._root / _checked(key)).open, "rb")
        except FileNotFoundError as error:
            raise _missing(key) from error
        except OSError as error:
            raise _away("read", key, error) from error
        with file:
            file.seek(start)
            while end is None or start < end:
                size = BLOCK if end is None else min(BLOCK, end - start)
                try:
                    block = await _in_thread(file.read, size)
                except OSError as error:
                    raise _away("read", key, error) from error
                if not block:
                    return
                start += len(block)
                yield block

    async def delete(self, key: str) -> None:
        try:
            await _in_thread((self._root / _checked(key)).unlink, missing_ok=True)
        except OSError as error:
            raise _away("delete", key, error) from error


def _begun(draft: Path, folder: Path) -> BinaryIO:
    for needed in (folder, draft.parent):
        needed.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _finished(file: BinaryIO, draft: Path, path: Path) -> None:
    """On the disk before it has its name, and its name on the disk before anybody is told."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    draft.rename(path)
    for folder in (path.parent, path.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# --- A bucket --------------------------------------------------------------------------------------------------------

# The least a part of an upload may have; what is smaller goes in one request.
PART = 5 << 20


class BucketStorage:
    """Files in a bucket of whatever speaks S3: AWS, OBS, OSS, COS, MinIO, Ceph.

    The library's asynchronous calls can abort the process when it ends right after one (its threads then let go of
    Python objects while Python is being taken down), so its other ones are called, in threads. An upload takes its
    thread as long as the client takes to send the file; those have threads of their own.
    """

    def __init__(self, settings: Settings, bucket: str, prefix: str) -> None:
        config: S3Config = {
            "region": settings.s3_region,
            "virtual_hosted_style_request": settings.s3_virtual_host,
        }
        if settings.s3_endpoint:
            config["endpoint"] = settings.s3_endpoint
        if settings.s3_access_key:
            config["access_key_id"] = settings.s3_access_key
            config["secret_access_key"] = settings.s3_secret_key
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options={"allow_http": settings.s3_allow_http, "timeout": timedelta(seconds=60)},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )
        self._short = ThreadPoolExecutor(16, "bucket")
        self._long = ThreadPoolExecutor(64, "bucket-upload")

    async def put(self, key: str, stream: AsyncIterator[bytes]) -> None:
        blocks = _blocks(stream, PART)
        parts: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        first = await anext(blocks, b"")
        try:
            if len(first) < PART:
                await self._call(obstore.put, self._store, _checked(key), first, use_multipart=False)
            else:
                parts.put_nowait(first)
                del first
                await self._put_parts(key, parts, blocks)
        except (BaseError, OSError) as error:
            raise _away("put", key, error) from error

    async def _put_parts(self, key: str, parts: asyncio.Queue[bytes | None], blocks: AsyncIterator[bytes]) -> None:
        """Reads the stream here and hands it over there: an upload that is cancelled would leave its parts behind, one
        whose source raises takes them away."""
        gave_up = False
        loop = asyncio.get_running_loop()

        def source() -> Iterator[bytes]:
            while (part := asyncio.run_coroutine_threadsafe(parts.get(), loop).result()) is not None:
                yield part
            if gave_up:
                raise _GaveUp

        async def feed() -> None:
            async for block in blocks:
                await parts.put(block)
                del block
            await parts.put(None)

        def upload() -> None:
            obstore.put(self._store, _checked(key), source(), chunk_size=PART, max_concurrency=1)

        uploading, feeding = loop.run_in_executor(self._long, upload), asyncio.ensure_future(feed())
        try:
            await asyncio.wait((uploading, feeding), return_when=asyncio.FIRST_COMPLETED)
            if not uploading.done():
                await feeding
            await asyncio.shield(uploading)
        except BaseException:
            gave_up = True
            feeding.cancel()
            with suppress(BaseException):
                await feeding
            if not uploading.done():
                while not parts.empty():
                    parts.get_nowait()
                parts.put_nowait(None)
                with suppress(Exception):
                    await uploading
            raise
        finally:
            feeding.cancel()

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        # In pieces of their own: one long answer would run out of time when the reader is slow.
        while end is None or start < end:
            stop = start + PART if end is None else min(start + PART, end)
            try:
                piece, size = await self._call(_piece, self._store, _checked(key), start, stop)
            except FileNotFoundError as error:
                raise _missing(key) from error
            except (BaseError, OSError) as error:
                raise _away("read", key, error) from error
            start += len(piece)
            end = size if end is None else min(end, size)
            yield piece

    async def delete(self, key: str) -> None:
        try:
            await self._call(obstore.delete, self._store, _checked(key))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _away("delete", key, error) from error

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await _ended(loop.run_in_executor(self._short, partial(function, *args, **kwargs)))


def _piece(store: S3Store, key: str, start: int, stop: int) -> tuple[bytes, int]:
    """A part of an object, and how long all of it is."""
    found = obstore.get(store, key, options={"range": (start, stop)})
    return bytes(found.bytes()), found.meta["size"]


class _GaveUp(Exception):
    """The source of an upload has nothing more to give; what was uploaded of it is to be forgotten."""


def _away(doing: str, key: str, error: Exception) -> StoreAway:
    log.error("file_store_failed", doing=doing, key=key, error=f"{type(error).__name__}: {error}"[:500])
    return StoreAway()


def _missing(key: str) -> ContentMissing:
    log.error("file_content_missing", key=key)
    return ContentMissing()
