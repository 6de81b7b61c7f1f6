"""Messages inside a supervised order: what the form of its page sends, their files; and reminding the other side."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import installation_of, only
from tradehall.edge.problems import BodyTooLarge
from tradehall.edge.uploads import UNCHECKED, FilePart, TextPart, file_response, thumbnail_response, uploading
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, Problem
from tradehall.kernel.files import ANYTHING, StoredFile, file
from tradehall.kernel.files.errors import TooManyFiles, UploadCutOff
from tradehall.kernel.i18n import N_
from tradehall.parties.model import OrganisationKind
from tradehall.supervision import pressure, queries
from tradehall.supervision.conversation import queries as message_queries
from tradehall.supervision.conversation.messages import MOST_FILES
from tradehall.supervision.errors import MessageNotFound
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    id_from,
    is_partial,
    page,
    perform,
    reading,
    request_id,
    said_of,
)
from tradehall.web.supervision.detail import detail_page
from tradehall.web.supervision.files import refused
from tradehall.web.supervision.talk import id_or_none
from tradehall.web.uploads import take_in

SENT = N_("The message was sent.")
URGED = N_("They were reminded.")


class _Received(msgspec.Struct):
    """A form as it came in, its files already drafts. `refused`: what stood in the way of all of them."""

    form: Form
    refused: Problem | None = None


async def _received(request: WebRequest, number: str) -> _Received:
    """Reads the form in a stream. A file that is refused is named, and the others are taken all the same."""
    pairs: list[tuple[str, str]] = []
    wrong: list[Problem] = []
    refused: Problem | None = None
    try:
        async with uploading(request, csrf=True, most_files=MOST_FILES) as parts:
            async for part in parts:
                if isinstance(part, TextPart):
                    pairs.append((part.field, part.value))
                    continue
                try:
                    await _take_in(request, number, part)
                except (UploadCutOff, BodyTooLarge, NotFound, Forbidden, NotSignedIn):
                    raise
                except Conflict as problem:
                    refused = problem
                except Problem as problem:
                    wrong.append(problem)
    except (BodyTooLarge, TooManyFiles) as problem:
        refused = problem
    form = Form(request, pairs)
    for one in wrong:
        if isinstance(one, Invalid):
            form.take(one)
        else:
            form.errors.setdefault("files", said_of(request, one))
    return _Received(form, refused)


async def _take_in(request: WebRequest, number: str, part: FilePart) -> UUID:
    """Takes in one file as a draft; whether there may be one is known before the first of its bytes is read."""
    actor, conversation = request.user.actor, installation_of(request).conversation
    async with reading(request) as reader:
        held = await queries.existing_flow(reader, actor, number)
        await conversation.asked_for(reader, actor.kind, held)
    return await take_in(request, part, ANYTHING, lambda tx, file_id: conversation.attach(tx, number, file_id))


def conversation_handlers(base: str, kind: OrganisationKind) -> list[HTTPRouteHandler]:
    """The messages of the orders below `base` ("/buyer") for people of organisations of this kind."""
    guards = [only(kind)]
    place = f"{base}/supervision/{{number:str}}"

    @post(f"{place}/messages", guards=guards, status_code=200, opt=UNCHECKED, request_max_body_size=None)
    async def send(request: WebRequest, number: str) -> PageResponse:
        """Sends a message with its files; where the button of a file was pressed, takes that back instead."""
        async with reading(request) as reader:
            await queries.existing_flow(reader, request.user.actor, number)
        sent = await _received(request, number)
        return await _sent(request, base, number, sent)

    @post(f"{place}/messages/files", guards=guards, status_code=200, opt=UNCHECKED, request_max_body_size=None)
    async def upload(request: WebRequest, number: str) -> PageResponse:
        """One file, sent by the page's script; answered with the list of files, or what is wrong with it."""
        try:
            async with uploading(request, csrf=True, most_files=1) as parts:
                async for part in parts:
                    if isinstance(part, FilePart):
                        await _take_in(request, number, part)
            return await _list(request, base, number)
        except (NotFound, Forbidden, NotSignedIn, UploadCutOff):
            raise
        except Problem as problem:
            return refused(request, problem)

    @post(f"{place}/messages/files/{{piece:str}}/remove", guards=guards, status_code=200)
    async def remove(request: WebRequest, number: str, piece: str) -> Response[Any]:
        """Takes a draft back; doing so twice is fine."""
        wanted = id_from(piece)

        async def action(tx: Tx) -> None:
            await installation_of(request).conversation.take_back(tx, number, wanted)

        done = await perform(request, action, to=f"{base}/supervision/{number}#write")
        return Response(None, status_code=204) if is_partial(request) else done

    @get(f"{place}/messages/files/{{piece:str}}", guards=guards)
    async def download(request: WebRequest, number: str, piece: str, inline: bool = False) -> Response[Any]:
        """A file of a message; pictures and PDFs are shown by the browser where that is asked for."""
        stored = await _stored(request, number, piece)
        return await file_response(request, installation_of(request).files, stored, inline=inline)

    @get(f"{place}/messages/files/{{piece:str}}/small", guards=guards)
    async def small(request: WebRequest, number: str, piece: str) -> Response[Any]:
        """The thumbnail of a picture."""
        stored = await _stored(request, number, piece)
        return await thumbnail_response(request, installation_of(request).files, stored)

    @get(f"{place}/messages/news", guards=guards)
    async def news(request: WebRequest, number: str) -> Response[Any]:
        """Says that something was written since the page was loaded (`seen` is the last number on it); else nothing."""
        actor = request.user.actor
        async with reading(request) as reader:
            held = await queries.existing_flow(reader, actor, number)
            latest = await message_queries.latest(reader, actor, held.id)
        if str(latest.number) == request.query_params.get("seen"):
            return Response(None, status_code=204, headers={"Cache-Control": "no-store"})
        return page(request, "supervision/message_news.html", number=number, base=base)

    handlers: list[HTTPRouteHandler] = [send, upload, remove, download, small, news]
    if kind != "platform":

        @post(f"{place}/urge", guards=guards, status_code=200)
        async def urge(request: WebRequest, number: str) -> PageResponse:
            """Reminds the side whose turn it is."""
            settings = installation_of(request).settings

            async def again(problem: Problem | None) -> PageResponse:
                return await detail_page(request, base, number, said=problem)

            return await perform(
                request,
                lambda tx: pressure.urge(tx, settings, number),
                to=f"{base}/supervision/{number}#messages",
                said=URGED,
                again=again,
            )

        handlers.append(urge)
    return handlers


async def _sent(request: WebRequest, base: str, number: str, sent: _Received) -> PageResponse:
    form, conversation = sent.form, installation_of(request).conversation
    taken_back = form.value("remove")
    to = [side for side in form.value("to").split(",") if side]
    reply = id_or_none(form.value("reply_to")) if form.value("reply_to") else None

    async def action(tx: Tx) -> None:
        if sent.refused:
            raise sent.refused
        if form.errors:
            raise Invalid
        await conversation.send(tx, number, form.value("text"), to, reply_to=reply)

    async def again(problem: Problem | None) -> PageResponse:
        told = None if isinstance(problem, Invalid) else problem
        return await detail_page(request, base, number, said=told, written=form)

    if taken_back:
        async with installation_of(request).db.transaction(request.user.actor, request_id(request)) as tx:
            await conversation.take_back(tx, number, id_from(taken_back))
        return await again(sent.refused)
    return await perform(request, action, to=f"{base}/supervision/{number}#messages", said=SENT, form=form, again=again)


async def _stored(request: WebRequest, number: str, piece: str) -> StoredFile:
    actor = request.user.actor
    async with reading(request) as reader:
        held = await queries.flow(reader, actor, number)
        found = await message_queries.message_file(reader, actor, held.id, id_from(piece)) if held else None
        if found is None:
            raise MessageNotFound
        return await file(reader, found.file_id)


async def _list(request: WebRequest, base: str, number: str) -> PageResponse:
    actor = request.user.actor
    async with reading(request) as reader:
        held = await queries.existing_flow(reader, actor, number)
        files = await message_queries.drafted_files(reader, held.id, actor.kind)
    return page(request, "supervision/drafts.html", files=files, place=f"{base}/supervision/{number}/messages")


handlers: list[Any] = [
    *conversation_handlers("/buyer", "buyer"),
    *conversation_handlers("/seller", "seller"),
    *conversation_handlers("/operator", "platform"),
]
