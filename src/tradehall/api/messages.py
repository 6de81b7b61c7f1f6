"""What one was told, where one wants to be told, and, for operators, what could not be sent."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Router, get, post, put
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    installation_of_app,
    texts_for,
    wanted_page,
    write,
)
from tradehall.edge.access import anyone_signed_in, only
from tradehall.kernel import i18n
from tradehall.kernel.db import Tx
from tradehall.kernel.i18n import Translator
from tradehall.kernel.paging import Page
from tradehall.notices import actions, queries
from tradehall.notices.errors import NotFailed, NoticeNotFound, SendingNotFound
from tradehall.notices.model import Notice, NoticeKind, Sending
from tradehall.notices.words import written
from tradehall.parties import actions as parties
from tradehall.parties import queries as parties_queries
from tradehall.parties.model import Contact


class Message(msgspec.Struct, frozen=True):
    """Something one was told, in the language of the request. `link` is a path of this marketplace's pages; `read_at`
    is null until it was read."""

    id: UUID
    kind: NoticeKind
    title: str
    body: str
    order_number: str | None
    link: str
    urgent: bool
    created_at: datetime
    read_at: datetime | None


class Unread(msgspec.Struct, frozen=True):
    """How many messages are unread; a hundred stands for that many or more."""

    unread: int


class MarkedRead(msgspec.Struct, frozen=True):
    """How many messages became read."""

    marked: int


class SetContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where you want to be told: a mobile phone with its country code, or null for none, and whether by e-mail."""

    phone: Annotated[str, msgspec.Meta(max_length=30)] | None
    mail_notices: bool


class SendingAgain(msgspec.Struct, frozen=True):
    """A message that is being sent again."""

    id: UUID


def _message(request: ApiRequest, notice: Notice, words: Translator) -> Message:
    seat = request.user.seat
    assert seat, "guarded"
    zone = i18n.zone(seat.timezone or installation_of_app(request).settings.default_timezone)
    text = written(notice, words, zone)
    return Message(
        notice.id,
        notice.kind,
        text.title,
        text.body,
        notice.order_number,
        notice.link,
        notice.urgent,
        notice.created_at,
        notice.read_at,
    )


@get("/messages", guards=[anyone_signed_in])
async def list_messages(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    unread: Annotated[bool, QueryParameter(description="Only what has not been read.")] = False,
    kind: Annotated[NoticeKind | None, QueryParameter(description="Only messages of this kind.")] = None,
) -> Page[Message]:
    """List your messages.

    What you were told in the organisation your token acts for, newest first. They are kept for a year.
    """
    wanted, actor, words = wanted_page(limit, after, before), request.user.actor, texts_for(request)
    async with installation_of_app(request).db.read() as reader:
        rows = await queries.inbox(reader, actor, wanted, unread=unread, kind=kind)
    return Page([_message(request, one, words) for one in rows.items], rows.next, rows.previous)


@get("/messages/unread", guards=[anyone_signed_in])
async def count_unread(request: ApiRequest) -> Unread:
    """Count your unread messages.

    As the bell on the pages does: a hundred stands for that many or more.
    """
    actor = request.user.actor
    async with installation_of_app(request).db.read() as reader:
        return Unread(await queries.unread(reader, actor.person_id, actor.organisation_id))


@post(
    "/messages/{message_id:uuid}/read", guards=[anyone_signed_in], status_code=200, opt={"problems": [NoticeNotFound]}
)
async def read_message(request: ApiRequest, message_id: UUID, idempotency_key: IdempotencyKey = None) -> Message:
    """Mark a message as read.

    Marking it again changes nothing. The answer is the message as it was found.
    """
    words = texts_for(request)

    async def action(tx: Tx) -> Message:
        return _message(request, await actions.read(tx, message_id), words)

    return await write(request, Message, idempotency_key, action)


@post("/messages/read", guards=[anyone_signed_in], status_code=200)
async def read_messages(request: ApiRequest, idempotency_key: IdempotencyKey = None) -> MarkedRead:
    """Mark all messages as read.

    Those of the organisation your token acts for.
    """

    async def action(tx: Tx) -> MarkedRead:
        return MarkedRead(await actions.read_all(tx))

    return await write(request, MarkedRead, idempotency_key, action)


@get("/me/contact", guards=[anyone_signed_in])
async def get_contact(request: ApiRequest) -> Contact:
    """See where you are told.

    Whether messages also go to your e-mail address, and the phone that urgent ones go to by SMS.
    """
    person = request.user.actor.person_id
    assert person, "guarded"
    async with installation_of_app(request).db.read() as reader:
        found = await parties_queries.contact(reader, person)
    assert found, "who asks is there"
    return found


@put("/me/contact", guards=[anyone_signed_in])
async def set_contact(request: ApiRequest, data: SetContact, idempotency_key: IdempotencyKey = None) -> Contact:
    """Say where you want to be told.

    Both are set at once. A phone is written with its country code; spaces and hyphens in it are left out.
    """
    person = request.user.actor.person_id
    assert person, "guarded"

    async def action(tx: Tx) -> Contact:
        await parties.set_contact(tx, person, phone=data.phone or "", mail_notices=data.mail_notices)
        found = await parties_queries.contact(tx, person)
        assert found, "who asks is there"
        return found

    return await write(request, Contact, idempotency_key, action, data)


@get("/sendings", guards=[only("platform")])
async def list_sendings(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    only_state: Annotated[
        Literal["failed", "waiting"], QueryParameter(name="state", description="What failed, or what waits.")
    ] = "failed",
) -> Page[Sending]:
    """List outgoing messages that were not sent.

    E-mails and SMS that a server refused for good, or those that are still to be sent, newest first.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.sendings(reader, wanted, only_state)


@post(
    "/sendings/{sending_id:uuid}/retry",
    guards=[only("platform")],
    status_code=200,
    opt={"problems": [SendingNotFound, NotFailed]},
)
async def retry_sending(request: ApiRequest, sending_id: UUID, idempotency_key: IdempotencyKey = None) -> SendingAgain:
    """Send a failed message again.

    It is sent at once; if that fails for good again, it is listed again.
    """

    async def action(tx: Tx) -> SendingAgain:
        await actions.send_again(tx, sending_id)
        return SendingAgain(sending_id)

    return await write(request, SendingAgain, idempotency_key, action)


router = Router(
    "/",
    route_handlers=[list_messages, count_unread, read_message, read_messages, get_contact, set_contact],
    tags=["Messages"],
)
outgoing = Router("/operator", route_handlers=[list_sendings, retry_sending], tags=["Operator"])
