"""Case files as answers: written into a file of no name, and sent from it in pieces."""

import asyncio
from collections.abc import AsyncIterator
from tempfile import TemporaryFile
from typing import IO, Any

from litestar import Request
from litestar.response import Stream

from tradehall.casefile.actions import file_name
from tradehall.edge.access import installation_of
from tradehall.kernel.files.serving import content_disposition

MEDIA_TYPE = "application/zip"
PIECE = 256 * 1024


async def case_file_response(request: Request[Any, Any, Any], number: str, *, locale: str, request_id: str) -> Stream:
    """The case file of an order as whoever asks may see it; that it was made is recorded before the first byte leaves.
    Raises OrderNotFound and what else `CaseFiles.export` does."""
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed once it is sent
    try:
        written = await installation_of(request).case_files.export(
            request.user.actor, number, file, locale=locale, request_id=request_id
        )
    except BaseException:
        file.close()
        raise
    return Stream(
        _sent(file),
        media_type=MEDIA_TYPE,
        headers={
            "Content-Disposition": content_disposition(file_name(number)),
            "Content-Length": str(written.size),
            "ETag": f'"{written.digest}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
