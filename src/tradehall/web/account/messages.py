"""The inbox of whoever is signed in: what they were told in the organisation they act for."""

from typing import Any, get_args

import msgspec
from litestar import get, post

from tradehall.edge.access import anyone_signed_in
from tradehall.kernel import i18n
from tradehall.kernel.i18n import N_
from tradehall.notices import actions, queries
from tradehall.notices.model import Notice, NoticeKind
from tradehall.notices.words import WORDS, Text, written
from tradehall.web.common import (
    PageResponse,
    WebRequest,
    chosen,
    id_from,
    page,
    perform,
    read_form,
    reading,
    texts,
    timezone_of,
    wanted_page,
)
from tradehall.web.security import local_path

HOME = "/account/messages"


class Shown(msgspec.Struct, frozen=True):
    """A message and its words."""

    notice: Notice
    text: Text
    label: str


@get(HOME, guards=[anyone_signed_in])
async def messages(request: WebRequest) -> PageResponse:
    """The list, newest first: all, what is unread, what is of one kind."""
    actor = request.user.actor
    unread = chosen(request, "unread", ("1",)) is not None
    kind: NoticeKind | None = chosen(request, "kind", get_args(NoticeKind))
    async with reading(request) as reader:
        rows = await queries.inbox(reader, actor, wanted_page(request), unread=unread, kind=kind)
    words, zone = texts(request), i18n.zone(timezone_of(request))
    shown = [
        Shown(one, written(one, words, zone), WORDS[one.kind].label if one.kind in WORDS else "") for one in rows.items
    ]
    return page(
        request,
        "account/messages.html",
        rows=rows,
        shown=shown,
        unread=unread,
        kind=kind,
        kinds=[(one, words.lookup(WORDS[one].label)) for one in get_args(NoticeKind)],
    )


@get("/account/messages/{message_id:str}", guards=[anyone_signed_in])
async def open_message(request: WebRequest, message_id: str) -> PageResponse:
    """Leads to what a message is about, which is then read."""
    wanted = id_from(message_id)
    return await perform(request, lambda tx: actions.read(tx, wanted), to=lambda notice: notice.link)


@post("/account/messages/{message_id:str}/read", guards=[anyone_signed_in], status_code=200)
async def read_message(request: WebRequest, message_id: str) -> PageResponse:
    """Marks a message as read and stays where the person is."""
    form, wanted = await read_form(request), id_from(message_id)
    return await perform(request, lambda tx: actions.read(tx, wanted), to=local_path(form.value("return_to")) or HOME)


@post("/account/messages/read", guards=[anyone_signed_in], status_code=200)
async def read_all(request: WebRequest) -> PageResponse:
    """Marks everything as read."""
    return await perform(request, actions.read_all, to=HOME, said=N_("All messages are marked as read."))


handlers: list[Any] = [messages, open_message, read_message, read_all]
