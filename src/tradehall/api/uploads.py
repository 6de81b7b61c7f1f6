"""Files in requests and answers: one is sent as the whole body, received in a stream, and kept as its sender's."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from litestar import Response
from litestar.params import QueryParameter

from tradehall.api.common import ApiRequest, installation_of_app
from tradehall.edge.uploads import FilePart, file_response, thumbnail_response, uploading
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.files import Received, StoredFile
from tradehall.kernel.files.errors import (
    FileBroken,
    FileDisguised,
    FileEmpty,
    FileInfected,
    FileKindNotAllowed,
    FileTooBig,
    ScannerAway,
    StoreAway,
    TooManyFiles,
    UploadCutOff,
)

FILE_PROBLEMS = [
    FileEmpty,
    FileTooBig,
    TooManyFiles,
    FileKindNotAllowed,
    FileDisguised,
    FileBroken,
    FileInfected,
    UploadCutOff,
    ScannerAway,
    StoreAway,
]
FileName = Annotated[str, QueryParameter(description="The file's name, where the body is nothing but the file.")]
AsThumbnail = Annotated[bool, QueryParameter(description="A small picture of it instead, where it is one.")]


@asynccontextmanager
async def receiving(
    request: ApiRequest, kinds: Callable[[Reader], Awaitable[frozenset[str]]], field: str = "file"
) -> AsyncIterator[Received]:
    """The file that is sent; the transaction that registers it ends within the block.

    `kinds` says which there may be, before the first byte is read. Raises what that does, what `uploading` and
    `Files.receive` do, and Invalid for a request without a file.
    """
    installation = installation_of_app(request)
    async with (
        uploading(request, csrf=False, most_files=1, field=field) as parts,
        installation.files.receiving() as handing,
    ):
        async with installation.db.read() as reader:
            accept = await kinds(reader)
        received: Received | None = None
        async for part in parts:
            if isinstance(part, FilePart):
                received = await handing.receive(part.name, part.content, accept=accept, announced=part.announced)
        if received is None:
            raise invalid(field, "This is missing.")
        yield received


async def register(request: ApiRequest, tx: Tx, received: Received) -> StoredFile:
    """Writes down that it is the sender's."""
    owner, person = tx.actor.organisation_id, tx.actor.person_id
    assert owner, "guards let only people of organisations in"
    assert person
    return await installation_of_app(request).files.register(tx, received, owner_id=owner, uploaded_by=person)


async def downloading(request: ApiRequest, stored: StoredFile, *, thumbnail: bool) -> Response[Any]:
    files = installation_of_app(request).files
    if thumbnail:
        return await thumbnail_response(request, files, stored)
    return await file_response(request, files, stored)
