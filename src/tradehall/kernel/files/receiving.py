"""Taking in a file: it streams into the store while it is counted, hashed and looked at, and is kept only when all of
it is right. Nothing stays behind of one that was refused, cut off or never registered."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from tradehall.kernel import due
from tradehall.kernel.db import DATABASE_AWAY, Reader, Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.errors import Problem
from tradehall.kernel.files import kinds
from tradehall.kernel.files.errors import (
    FileBroken,
    FileEmpty,
    FileInfected,
    FileNotThere,
    FileTooBig,
    UploadCutOff,
    size_text,
)
from tradehall.kernel.files.names import clean_name, ending
from tradehall.kernel.files.scanning import Scanner, scanner_for
from tradehall.kernel.files.storage import Storage, new_key, storage_for
from tradehall.kernel.files.thumbnails import ENDING, NotAPicture, Thumbnails
from tradehall.kernel.ids import new_id
from tradehall.settings import InvalidSetting, Settings, variable

log = structlog.get_logger()

# A due row that forgets a file, row and content.
FORGET = "files.forget"


class Received(msgspec.Struct):
    """A file that lies whole and examined in the store, and belongs to nobody until it is registered. `kind` is a name
    of `kinds.KINDS` or "any"; `size` is in bytes; `registered` says that a transaction has written its row."""

    name: str
    kind: str
    media_type: str
    size: int
    sha256: bytes
    storage_key: str
    thumbnail_key: str | None
    registered: bool = False


class StoredFile(msgspec.Struct, frozen=True):
    """A file somebody handed in. `owner_id` is the organisation it was handed in for; `size` is in bytes."""

    id: UUID
    owner_id: UUID
    uploaded_by: UUID
    name: str
    media_type: str
    size: int
    sha256: bytes
    storage_key: str
    thumbnail_key: str | None
    created_at: datetime

    @property
    def is_picture(self) -> bool:
        return self.media_type in kinds.PICTURE_TYPES


class _Intake:
    """What is learnt of a stream while it passes on its way into the store."""

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self.size = 0
        self.signs = kinds.Signs()
        self._most = most
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> bytes:
        return self._hash.digest()

    async def passing(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            try:
                chunk = await anext(stream, None)
            except (ConnectionError, EOFError, TimeoutError) as error:
                raise UploadCutOff from error
            if chunk is None:
                return
            if not chunk:
                continue
            self.size += len(chunk)
            if self.size > self._most:
                raise FileTooBig(name=self.name, most=size_text(self._most))
            self._hash.update(chunk)
            self.signs.see(chunk)
            yield chunk


class Handing:
    """Files that were received together and are registered together; see Files.receiving."""

    def __init__(self, files: "Files") -> None:
        self._files = files
        self.received: list[Received] = []

    async def receive(
        self,
        name: str,
        stream: AsyncIterator[bytes],
        *,
        accept: frozenset[str] | None = None,
        announced: int | None = None,
    ) -> Received:
        """See Files.receive."""
        one = await self._files.receive(name, stream, accept=accept, announced=announced)
        self.received.append(one)
        return one


class Files:
    """The file store: a place for bytes, what may be put there, and the rows that say whose they are."""

    def __init__(
        self,
        storage: Storage,
        *,
        most: int,
        allowed: frozenset[str] = kinds.ANYTHING,
        scanner: Scanner | None = None,
    ) -> None:
        self.storage = storage
        self.most = most
        self.allowed = allowed
        self._scanner = scanner
        self._thumbnails = Thumbnails()

    async def receive(
        self,
        name: str,
        stream: AsyncIterator[bytes],
        *,
        accept: frozenset[str] | None = None,
        announced: int | None = None,
    ) -> Received:
        """Takes in one file. `accept` holds names of kinds, `kinds.ANY` for whatever cannot run; None means every known
        kind. `announced` is how many bytes were promised.

        Raises FileEmpty, FileTooBig, FileKindNotAllowed, FileDisguised, FileBroken, UploadCutOff, FileInfected,
        ScannerAway or StoreAway; whatever is raised, nothing of the file is left in the store.
        """
        name = clean_name(name)
        accept = self.allowed & (frozenset(kinds.KINDS) if accept is None else accept)
        kinds.check_name(name, accept)
        if announced is not None and announced > self.most:
            raise FileTooBig(name=name, most=size_text(self.most))
        key = new_key()
        thumbnail_key = f"{key}.{ENDING}"
        intake = _Intake(name, self.most)
        try:
            await self.storage.put(key, intake.passing(stream))
            if announced is not None and intake.size < announced:
                raise UploadCutOff
            if intake.size == 0:
                raise FileEmpty(name=name)
            content = await kinds.looked_inside(
                name, intake.signs.content(), intake.size, lambda start, end: self._range(key, start, end)
            )
            kind, media_type = kinds.judged(name, content, intake.signs.encoding(), accept)
            await self._scan(name, key)
            has_thumbnail = media_type in kinds.PICTURE_TYPES and await self._make_thumbnail(
                name, key, intake.size, thumbnail_key
            )
        except BaseException:
            await self._drop((key, thumbnail_key))
            raise
        return Received(
            name, kind, media_type, intake.size, intake.sha256, key, thumbnail_key if has_thumbnail else None
        )

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[Handing]:
        """A block in which files are received, then registered in a transaction that also ends within it:

            async with files.receiving() as handing:
                received = await handing.receive(name, stream)
                async with db.transaction(actor) as tx:
                    file = await files.register(tx, received, owner_id=…, uploaded_by=…)

        When the block raises, what it received is discarded, and so is what it never registered. Only when the database
        went away or the request was cancelled after a file was registered, nobody knows whether its row is there: then
        the content stays, so that no row is without one.
        """
        handing = Handing(self)
        unknown = False
        done = False
        try:
            yield handing
            done = True
        except (*DATABASE_AWAY, asyncio.CancelledError):
            unknown = True
            raise
        finally:
            for one in handing.received:
                if not one.registered or not (done or unknown):
                    await self.discard(one)
                elif unknown:
                    log.warning("file_left", key=one.storage_key)

    async def discard(self, received: Received) -> None:
        """Forgets what was received and will not be registered."""
        await self._drop((received.storage_key, received.thumbnail_key))

    async def register(self, tx: Tx, received: Received, *, owner_id: UUID, uploaded_by: UUID) -> StoredFile:
        """Writes down whose file it is; from then on it never changes."""
        file = StoredFile(
            new_id(tx.now),
            owner_id,
            uploaded_by,
            received.name,
            received.media_type,
            received.size,
            received.sha256,
            received.storage_key,
            received.thumbnail_key,
            tx.now,
        )
        await tx.execute(
            """
            INSERT INTO files (id, owner_id, uploaded_by, name, media_type, size, sha256, storage_key, thumbnail_key,
                               created_at)
            VALUES (%(id)s, %(owner_id)s, %(uploaded_by)s, %(name)s, %(media_type)s, %(size)s, %(sha256)s,
                    %(storage_key)s, %(thumbnail_key)s, %(created_at)s)
            """,
            msgspec.structs.asdict(file),
        )
        received.registered = True
        return file

    async def forget(self, tx: Tx, row: DueRow) -> None:
        """Carries out what `no_longer_wanted` asked for. Should the transaction fail once the content is gone, there is
        a row without any to which nothing refers, until this is done again. Raises StoreAway."""
        gone = await tx.fetch_one(
            StoredFile, f"SELECT {_COLUMNS} FROM files WHERE id = %(id)s FOR UPDATE", {"id": row.subject_id}
        )
        if gone is None:
            return
        await tx.execute("DELETE FROM files WHERE id = %(id)s", {"id": gone.id})
        for key in (gone.storage_key, gone.thumbnail_key):
            if key:
                await self.storage.delete(key)

    def content(self, file: StoredFile, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a file, or those from `start` up to but without `end`. Raises ContentMissing or StoreAway."""
        return self.storage.read(file.storage_key, start, end)

    def thumbnail(self, file: StoredFile) -> AsyncIterator[bytes]:
        """The bytes of its thumbnail (thumbnails.MEDIA_TYPE). Raises FileNotThere where it has none."""
        if file.thumbnail_key is None:
            raise FileNotThere
        return self.storage.read(file.thumbnail_key)

    async def _range(self, key: str, start: int, end: int) -> bytes:
        return b"".join([piece async for piece in self.storage.read(key, start, end)])

    async def _scan(self, name: str, key: str) -> None:
        if self._scanner and (signature := await self._scanner.scan(self.storage.read(key))):
            log.warning("file_infected", name=name, signature=signature)
            raise FileInfected(name=name, signature=signature)

    async def _make_thumbnail(self, name: str, key: str, size: int, thumbnail_key: str) -> bool:
        """Whether there is one now. A picture that cannot be decoded is refused: it proves nothing to whoever has to
        judge it later, and who hands it in now can still take another."""
        try:
            small = await self._thumbnails.of(self.storage.read(key), size)
        except NotAPicture as error:
            raise FileBroken(name=name, says=ending(name)) from error
        if small is None:
            return False
        await self.storage.put(thumbnail_key, _once(small))
        return True

    async def _drop(self, keys: Iterable[str | None]) -> None:
        """Deletes, also when the request that wanted it is being cancelled."""

        async def delete() -> None:
            for key in keys:
                if key:
                    with suppress(Problem):  # the store is away, and has said so in the log
                        await self.storage.delete(key)

        await asyncio.shield(asyncio.ensure_future(delete()))


async def no_longer_wanted(tx: Tx, file_id: UUID) -> None:
    """Has a file forgotten to which nothing refers any more, its content as well: who uploads and takes back again and
    again would fill the store with what nobody ever sees."""
    await due.schedule(tx, FORGET, file_id, tx.now)


async def file(reader: Reader, file_id: UUID) -> StoredFile:
    """A file by its id; who may see it is for the caller's room to know. Raises FileNotThere."""
    found = await reader.fetch_one(StoredFile, f"SELECT {_COLUMNS} FROM files WHERE id = %(id)s", {"id": file_id})
    if found is None:
        raise FileNotThere
    return found


async def files_of(reader: Reader, file_ids: Iterable[UUID]) -> dict[UUID, StoredFile]:
    """Files by their ids; those that do not exist are left out."""
    rows = await reader.fetch_all(
        StoredFile, f"SELECT {_COLUMNS} FROM files WHERE id = ANY(%(ids)s)", {"ids": list(file_ids)}
    )
    return {row.id: row for row in rows}


_COLUMNS = "id, owner_id, uploaded_by, name, media_type, size, sha256, storage_key, thumbnail_key, created_at"


def files_for(settings: Settings) -> Files:
    """The file store as the settings want it. Raises InvalidSetting."""
    wanted = frozenset(name for one in settings.upload_types.split(",") if (name := one.strip().lower()))
    if unknown := wanted - kinds.ANYTHING:
        raise InvalidSetting(
            f"{variable('upload_types')}: there is no {', '.join(sorted(unknown))}; "
            f"there are {', '.join((*kinds.KINDS, kinds.ANY))}"
        )
    return Files(
        storage_for(settings),
        most=settings.upload_max_bytes,
        allowed=wanted or kinds.ANYTHING,
        scanner=scanner_for(settings),
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
