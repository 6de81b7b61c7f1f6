"""Files of messages inside supervised orders: uploaded in a stream, taken back until they are sent, and downloaded."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post

from tradehall.api.common import ApiRequest, IdempotencyKey, installation_of_app, write
from tradehall.api.uploads import FILE_PROBLEMS, AsThumbnail, FileName, downloading, receiving, register
from tradehall.edge.access import anyone_signed_in
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.files import ANYTHING, file
from tradehall.kernel.files.errors import ContentMissing, FileNotThere, RangeNotThere, StoreAway
from tradehall.supervision import queries
from tradehall.supervision.conversation import queries as message_queries
from tradehall.supervision.conversation.queries import MessageFile
from tradehall.supervision.errors import ConversationClosed, FlowNotFound, MessageFileSent, MessageNotFound
from tradehall.supervision.flow import Side


class CaseFile(msgspec.Struct, frozen=True):
    """A file of a message, with the hash of its content. It is a draft of your side until it is sent: then it has a
    `message_id`. `size` is in bytes."""

    id: UUID
    message_id: UUID | None
    side: Side
    name: str
    media_type: str
    size: int
    sha256: str
    has_thumbnail: bool
    uploaded_by_name: str | None
    created_at: datetime


class CaseDrafts(msgspec.Struct, frozen=True):
    """The files your side has uploaded and not yet sent."""

    items: list[CaseFile]


def told_file(one: MessageFile) -> CaseFile:
    return CaseFile(
        one.id,
        one.message_id,
        one.side,
        one.name,
        one.media_type,
        one.size,
        one.digest,
        one.has_thumbnail,
        one.uploaded_by_name or None,
        one.created_at,
    )


@get("/{number:str}/messages/drafts", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def list_case_drafts(request: ApiRequest, number: str) -> CaseDrafts:
    """List the files uploaded for a message and not yet sent.

    Your side's own; they go with the next message, or are taken back.
    """
    actor = request.user.actor
    async with installation_of_app(request).db.read() as reader:
        held = await queries.existing_flow(reader, actor, number)
        return CaseDrafts([told_file(one) for one in await message_queries.drafted_files(reader, held.id, actor.kind)])


@post(
    "/{number:str}/messages/files",
    guards=[anyone_signed_in],
    status_code=201,
    request_max_body_size=None,
    opt={"problems": [FlowNotFound, ConversationClosed, *FILE_PROBLEMS], "takes_file": True},
)
async def upload_message_file(
    request: ApiRequest,
    number: str,
    name: FileName = "",
    idempotency_key: IdempotencyKey = None,
) -> CaseFile:
    """Upload a file for a message.

    The body is the file itself, its name in the query or percent-encoded in the header X-File-Name, or a multipart form
    with one file. It is a draft that only your side sees until you send a message.
    """
    conversation = installation_of_app(request).conversation

    async def kinds(reader: Reader) -> frozenset[str]:
        held = await queries.existing_flow(reader, request.user.actor, number)
        await conversation.asked_for(reader, request.user.actor.kind, held)
        return ANYTHING

    async with receiving(request, kinds) as received:

        async def action(tx: Tx) -> CaseFile:
            kept = await register(request, tx, received)
            piece = await conversation.attach(tx, number, kept.id)
            held = await queries.existing_flow(tx, tx.actor, number)
            found = await message_queries.message_file(tx, tx.actor, held.id, piece)
            assert found, "it was attached"
            return told_file(found)

        return await write(request, CaseFile, idempotency_key, action, [received.name, received.sha256.hex()])


@delete(
    "/{number:str}/messages/files/{piece_id:uuid}",
    guards=[anyone_signed_in],
    status_code=204,
    opt={"problems": [FlowNotFound, MessageNotFound, MessageFileSent]},
)
async def take_message_file_back(
    request: ApiRequest, number: str, piece_id: UUID, idempotency_key: IdempotencyKey = None
) -> None:
    """Take back a file uploaded for a message.

    Only your side's, and only until it was sent. Taking it back again changes nothing.
    """

    async def action(tx: Tx) -> None:
        await installation_of_app(request).conversation.take_back(tx, number, piece_id)

    await write(request, type(None), idempotency_key, action)


@get(
    "/{number:str}/messages/files/{piece_id:uuid}",
    guards=[anyone_signed_in],
    opt={"problems": [MessageNotFound, FileNotThere, RangeNotThere, ContentMissing, StoreAway], "gives_file": True},
)
async def download_message_file(
    request: ApiRequest,
    number: str,
    piece_id: UUID,
    thumbnail: AsThumbnail = False,
) -> Response[Any]:
    """Download a file of a message.

    For those the message is for, and the platform; of one that is not sent yet, for its side alone.
    """
    actor = request.user.actor
    async with installation_of_app(request).db.read() as reader:
        held = await queries.flow(reader, actor, number)
        found = await message_queries.message_file(reader, actor, held.id, piece_id) if held else None
        if found is None:
            raise MessageNotFound
        stored = await file(reader, found.file_id)
    return await downloading(request, stored, thumbnail=thumbnail)
