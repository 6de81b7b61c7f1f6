"""Messages inside supervised orders: what was written, writing, and what is unread."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get, post

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    installation_of_app,
    wanted_page,
    write,
)
from tradehall.api.supervision.message_files import CaseFile, told_file
from tradehall.edge.access import anyone_signed_in
from tradehall.kernel.db import Tx
from tradehall.kernel.paging import Page
from tradehall.notices import actions as notices
from tradehall.supervision import queries
from tradehall.supervision.conversation import queries as message_queries
from tradehall.supervision.conversation.messages import is_private
from tradehall.supervision.conversation.queries import Message
from tradehall.supervision.errors import ConversationClosed, ConversationFull, FlowNotFound, TooManyMessages
from tradehall.supervision.flow import Side


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


class Unread(msgspec.Struct, frozen=True):
    """How many messages are unread for your side, counted to a hundred at most."""

    unread: int


class ReadCount(msgspec.Struct, frozen=True):
    """How many messages were new."""

    read: int


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
        files=[told_file(piece) for piece in one.files],
        read=[ReadMark(mark.side, mark.read_at, mark.read_by_name or None) for mark in one.receipts],
        created_at=one.created_at,
    )


@get("/{number:str}/messages", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def list_case_messages(
    request: ApiRequest, number: str, limit: Limit = None, after: After = None, before: Before = None
) -> Page[CaseMessage]:
    """List the messages of a supervised order.

    Those that your side may read, newest first. Reading them here leaves no read mark.
    """
    wanted, actor = wanted_page(limit, after, before), request.user.actor
    async with installation_of_app(request).db.read() as reader:
        held = await queries.existing_flow(reader, actor, number)
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
        held = await queries.existing_flow(tx, tx.actor, number)
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
