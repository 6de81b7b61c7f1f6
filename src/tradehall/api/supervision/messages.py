"""Messages inside supervised orders, their files and templates; and reminding the other side."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, post, put
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    Whole,
    installation_of_app,
    wanted_page,
    write,
)
from tradehall.api.supervision.files import FILE_PROBLEMS
from tradehall.edge.access import anyone_signed_in, only
from tradehall.edge.uploads import FilePart, file_response, thumbnail_response, uploading
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.files import ANYTHING, Received, file
from tradehall.kernel.files.errors import ContentMissing, FileNotThere, RangeNotThere, StoreAway
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page
from tradehall.notices import actions as notices
from tradehall.supervision import message_queries, message_templates, pressure, queries
from tradehall.supervision.errors import (
    ConversationClosed,
    ConversationFull,
    FlowFinished,
    FlowFrozen,
    FlowNotFound,
    MessageFileSent,
    MessageNotFound,
    MessageTemplateChanged,
    MessageTemplateNameTaken,
    MessageTemplateNotFound,
    TooManyMessages,
    TooManyMessageTemplates,
    UrgedAlready,
    YourTurn,
)
from tradehall.supervision.flow import Side
from tradehall.supervision.message_queries import Message, MessageFile
from tradehall.supervision.messages import is_private
from tradehall.supervision.model import Held


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


class ReadMark(msgspec.Struct, frozen=True):
    """A side it was written to; who of it read it first, and when. Operators are named to operators only."""

    side: Side
    read_at: datetime | None
    read_by_name: str | None


class CaseMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message inside a supervised order. The platform can read all of them; a `private` one is read by no more than
    one other side. It never changes."""

    id: UUID
    number: int
    side: Side
    to: list[Side]
    private: bool
    author_name: str | None
    text: str
    reply_to: UUID | None
    files: list[CaseFile]
    read: list[ReadMark]
    created_at: datetime


class WriteMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to write, and to whom: buyers and sellers write to the other side or to the platform, the platform to one of
    them or both. The files your side has uploaded for it go with it."""

    text: str
    to: list[Side]
    reply_to: UUID | None = None


class CaseDrafts(msgspec.Struct, frozen=True):
    """The files your side has uploaded and not yet sent."""

    items: list[CaseFile]


class Unread(msgspec.Struct, frozen=True):
    """How many messages are unread for your side, counted to a hundred at most."""

    unread: int


class ReadCount(msgspec.Struct, frozen=True):
    """How many messages were new."""

    read: int


class Reminders(msgspec.Struct, frozen=True):
    """How the present turn of an order was pressed for: reminders of the marketplace, of the sides that wait, and how
    many people hear of it by now (`level`, 1 to 4; 0 before the first)."""

    number: str
    level: int
    reminded: int
    reminded_at: datetime | None
    urged: int
    next_at: datetime | None
    may_urge_at: datetime | None


class OfferedTemplate(msgspec.Struct, frozen=True):
    """A template filled in for an order; of those built in the language is said."""

    key: str
    name: str
    text: str
    language: str | None


class OfferedTemplates(msgspec.Struct, frozen=True):
    """Your organisation's first, then those built in."""

    items: list[OfferedTemplate]


class MessageTemplate(msgspec.Struct, frozen=True):
    """A template of your organisation. {number}, {product}, {node}, {buyer} and {seller} in its text are filled in."""

    id: UUID
    name: str
    text: str
    version: int


class MessageTemplates(msgspec.Struct, frozen=True):
    """Your organisation's templates by name."""

    items: list[MessageTemplate]


class WriteTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a template is called and says."""

    name: str
    text: str


class ChangeTemplate(WriteTemplate, frozen=True, forbid_unknown_fields=True):
    """A template as it should be; `version` is the one you saw."""

    version: Whole


def _file(one: MessageFile) -> CaseFile:
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


def _told(one: Message) -> CaseMessage:
    return CaseMessage(
        id=one.id,
        number=one.number,
        side=one.side,
        to=one.to,
        private=is_private(one.side, one.to),
        author_name=one.author_name or None,
        text=one.text,
        reply_to=one.reply_to,
        files=[_file(file) for file in one.files],
        read=[ReadMark(mark.side, mark.read_at, mark.read_by_name or None) for mark in one.receipts],
        created_at=one.created_at,
    )


async def _held(reader: Reader, viewer: Actor, number: str) -> Held:
    held = await queries.flow(reader, viewer, number)
    if held is None:
        raise FlowNotFound
    return held


@get("/{number:str}/messages", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def list_case_messages(
    request: ApiRequest, number: str, limit: Limit = None, after: After = None, before: Before = None
) -> Page[CaseMessage]:
    """List the messages of a supervised order.

    Those that your side may read, newest first. Reading them here leaves no read mark.
    """
    wanted, actor = wanted_page(limit, after, before), request.user.actor
    async with installation_of_app(request).db.read() as reader:
        held = await _held(reader, actor, number)
        found = await message_queries.messages(reader, actor, held.id, wanted)
    return Page([_told(one) for one in found.items], found.next, found.previous)


@post(
    "/{number:str}/messages",
    guards=[anyone_signed_in],
    status_code=201,
    opt={"problems": [FlowNotFound, ConversationClosed, ConversationFull, TooManyMessages]},
)
async def send_case_message(
    request: ApiRequest, number: str, data: WriteMessage, idempotency_key: IdempotencyKey = None
) -> CaseMessage:
    """Write to the other side inside a supervised order.

    Possible while the order is under way, also while it is frozen, and for some time after. It stands in the operation
    log; the others are told by message and mail.
    """

    async def action(tx: Tx) -> CaseMessage:
        conversation = installation_of_app(request).conversation
        sent = await conversation.send(tx, number, data.text, data.to, reply_to=data.reply_to)
        held = await _held(tx, tx.actor, number)
        found = await message_queries.message(tx, tx.actor, held.id, sent.id)
        assert found, "it was just sent"
        return _told(found)

    return await write(request, CaseMessage, idempotency_key, action, data)


@post("/{number:str}/messages/read", guards=[anyone_signed_in], status_code=200, opt={"problems": [FlowNotFound]})
async def read_case_messages(request: ApiRequest, number: str, idempotency_key: IdempotencyKey = None) -> ReadCount:
    """Mark the messages of a supervised order as read.

    All that were written to your side. The first of a side to read one is named to the others.
    """

    async def action(tx: Tx) -> ReadCount:
        count = await installation_of_app(request).conversation.read(tx, number)
        await notices.read_about(tx, number, "message")
        return ReadCount(count)

    return await write(request, ReadCount, idempotency_key, action)


@get("/messages/unread", guards=[anyone_signed_in])
async def count_unread_case_messages(request: ApiRequest) -> Unread:
    """Count unread messages of supervised orders.

    Over all orders your side sees; of each message, whether anybody of your side has read it.
    """
    async with installation_of_app(request).db.read() as reader:
        return Unread(await message_queries.unread_count(reader, request.user.actor))


@get("/{number:str}/messages/drafts", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def list_case_drafts(request: ApiRequest, number: str) -> CaseDrafts:
    """List the files uploaded for a message and not yet sent.

    Your side's own; they go with the next message, or are taken back.
    """
    actor = request.user.actor
    async with installation_of_app(request).db.read() as reader:
        held = await _held(reader, actor, number)
        return CaseDrafts([_file(one) for one in await message_queries.drafted_files(reader, held.id, actor.kind)])


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
    name: Annotated[str, QueryParameter(description="The file's name, where the body is nothing but the file.")] = "",
    idempotency_key: IdempotencyKey = None,
) -> CaseFile:
    """Upload a file for a message.

    The body is the file itself, its name in the query or percent-encoded in the header X-File-Name, or a multipart form
    with one file. It is a draft that only your side sees until you send a message.
    """
    installation, actor = installation_of_app(request), request.user.actor
    assert actor.organisation_id, "guards let only people of organisations in"
    assert actor.person_id
    owner, person = actor.organisation_id, actor.person_id
    async with (
        uploading(request, csrf=False, most_files=1) as parts,
        installation.files.receiving() as handing,
    ):
        async with installation.db.read() as reader:
            await installation.conversation.asked_for(reader, actor.kind, await queries.flow(reader, actor, number))
        received: Received | None = None
        async for part in parts:
            if isinstance(part, FilePart):
                received = await handing.receive(part.name, part.content, accept=ANYTHING, announced=part.announced)
        if received is None:
            raise invalid("file", "This is missing.")
        whole = received

        async def action(tx: Tx) -> CaseFile:
            registered = await installation.files.register(tx, whole, owner_id=owner, uploaded_by=person)
            piece = await installation.conversation.attach(tx, number, registered.id)
            held = await _held(tx, tx.actor, number)
            found = await message_queries.message_file(tx, tx.actor, held.id, piece)
            assert found, "it was attached"
            return _file(found)

        return await write(request, CaseFile, idempotency_key, action, [whole.name, whole.sha256.hex()])


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
    thumbnail: Annotated[bool, QueryParameter(description="A small picture of it instead, where it is one.")] = False,
) -> Response[Any]:
    """Download a file of a message.

    For those the message is for, and the platform; of one that is not sent yet, for its side alone.
    """
    files, actor = installation_of_app(request).files, request.user.actor
    async with installation_of_app(request).db.read() as reader:
        held = await queries.flow(reader, actor, number)
        found = await message_queries.message_file(reader, actor, held.id, piece_id) if held else None
        if found is None:
            raise MessageNotFound
        stored = await file(reader, found.file_id)
    if thumbnail:
        return await thumbnail_response(request, files, stored)
    return await file_response(request, files, stored)


# --- reminders -------------------------------------------------------------------------------------------------------


async def _reminders(request: ApiRequest, reader: Reader, held: Held) -> Reminders:
    kind, settings = request.user.actor.kind, installation_of_app(request).settings
    pressed = await pressure.pressed(reader, held)
    last = pressed.urged_by(kind)
    earliest = max(reader.now, last + settings.urge_interval) if last else reader.now
    return Reminders(
        held.order_number,
        pressed.level,
        pressed.reminded,
        pressed.reminded_at,
        pressed.urged,
        held.timers.get("remind"),
        earliest if pressure.may_urge(held, kind) else None,
    )


@get("/{number:str}/reminders", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def get_reminders(request: ApiRequest, number: str) -> Reminders:
    """See how often a turn was reminded of.

    And when the next reminder is due, and from when on your side may remind (null where there is nobody to).
    """
    async with installation_of_app(request).db.read() as reader:
        return await _reminders(request, reader, await _held(reader, request.user.actor, number))


@post(
    "/{number:str}/urge",
    guards=[only("buyer", "seller")],
    status_code=200,
    opt={"problems": [FlowNotFound, FlowFinished, FlowFrozen, YourTurn, UrgedAlready]},
)
async def urge_other_side(request: ApiRequest, number: str, idempotency_key: IdempotencyKey = None) -> Reminders:
    """Remind the side whose turn it is.

    Once a day, if nothing else is set.
    """

    async def action(tx: Tx) -> Reminders:
        await pressure.urge(tx, installation_of_app(request).settings, number)
        return await _reminders(request, tx, await _held(tx, tx.actor, number))

    return await write(request, Reminders, idempotency_key, action)


# --- templates -------------------------------------------------------------------------------------------------------


@get("/{number:str}/messages/templates", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def list_offered_templates(request: ApiRequest, number: str) -> OfferedTemplates:
    """List the templates for a message, filled in for an order.

    Those that are built in, in your language, and your organisation's own.
    """
    actor = request.user.actor
    assert actor.organisation_id, "guards let only people of organisations in"
    async with installation_of_app(request).db.read() as reader:
        held = await _held(reader, actor, number)
        found = await message_templates.offered(reader, actor.organisation_id, held, actor.kind)
    return OfferedTemplates([OfferedTemplate(one.key, one.name, one.text, one.language) for one in found])


def _template(one: message_templates.Template) -> MessageTemplate:
    return MessageTemplate(one.id, one.name, one.text, one.version)


@get("/", guards=[anyone_signed_in])
async def list_message_templates(request: ApiRequest) -> MessageTemplates:
    """List your organisation's templates of messages.

    As they were written, with their placeholders; at most fifty.
    """
    actor = request.user.actor
    assert actor.organisation_id, "guards let only people of organisations in"
    async with installation_of_app(request).db.read() as reader:
        found = await message_templates.templates(reader, actor.organisation_id)
    return MessageTemplates([_template(one) for one in found])


@post(
    "/",
    guards=[anyone_signed_in],
    status_code=201,
    opt={"problems": [TooManyMessageTemplates, MessageTemplateNameTaken]},
)
async def add_message_template(
    request: ApiRequest, data: WriteTemplate, idempotency_key: IdempotencyKey = None
) -> MessageTemplate:
    """Keep a new template of messages.

    `{number}` and `{product}` in its text are filled in when it is used. An organisation keeps at most fifty.
    """

    async def action(tx: Tx) -> MessageTemplate:
        made = await message_templates.add(tx, data.name, data.text)
        return _template(await message_templates.template(tx, tx.actor.organisation_id, made))

    return await write(request, MessageTemplate, idempotency_key, action, data)


@put(
    "/{message_template_id:uuid}",
    guards=[anyone_signed_in],
    opt={"problems": [MessageTemplateNotFound, MessageTemplateChanged, MessageTemplateNameTaken]},
)
async def change_message_template(
    request: ApiRequest, message_template_id: UUID, data: ChangeTemplate, idempotency_key: IdempotencyKey = None
) -> MessageTemplate:
    """Change a template of messages.

    `version` is the one you read: if somebody changed it since, nothing is changed.
    """

    async def action(tx: Tx) -> MessageTemplate:
        await message_templates.change(tx, message_template_id, data.version, data.name, data.text)
        return _template(await message_templates.template(tx, tx.actor.organisation_id, message_template_id))

    return await write(request, MessageTemplate, idempotency_key, action, data)


@delete(
    "/{message_template_id:uuid}",
    guards=[anyone_signed_in],
    status_code=204,
    opt={"problems": [MessageTemplateNotFound]},
)
async def delete_message_template(
    request: ApiRequest, message_template_id: UUID, idempotency_key: IdempotencyKey = None
) -> None:
    """Delete a template of messages.

    Messages that were written with it stay as they are. Deleting it twice is fine.
    """

    async def action(tx: Tx) -> None:
        await message_templates.delete(tx, message_template_id)

    await write(request, type(None), idempotency_key, action)


messages = [
    list_case_messages,
    send_case_message,
    read_case_messages,
    count_unread_case_messages,
    list_case_drafts,
    upload_message_file,
    take_message_file_back,
    download_message_file,
    get_reminders,
    urge_other_side,
    list_offered_templates,
]
templates_router = Router(
    "/message-templates",
    route_handlers=[
        list_message_templates,
        add_message_template,
        change_message_template,
        delete_message_template,
    ],
    tags=["Service supervision"],
)
