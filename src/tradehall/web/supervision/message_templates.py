"""Templates of messages: those everybody has, and those an organisation keeps for itself."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import only
from tradehall.kernel import i18n
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Invalid, Problem
from tradehall.kernel.i18n import N_, translator
from tradehall.supervision.conversation import templates as own
from tradehall.supervision.conversation.templates import BUILT_IN, LONGEST_NAME, LONGEST_TEXT, MOST, PLACES, Template
from tradehall.supervision.flow import Side
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    id_from,
    locale_of,
    page,
    perform,
    read_form,
    reading,
    said_of,
    seat_of,
)
from tradehall.web.desks import Desk
from tradehall.web.supervision.words import DESKS
from tradehall.web.templating import Flash


class Shown(msgspec.Struct, frozen=True):
    """A template everybody has, in each language."""

    name: str
    texts: dict[str, str]


def _built_in(side: Side, locale: str) -> list[Shown]:
    return [
        Shown(
            translator(locale).lookup(one.name),
            {language: translator(language).lookup(one.text) for language in i18n.LOCALES},
        )
        for one in BUILT_IN
        if side in one.sides
    ]


async def _page(
    request: WebRequest, desk: Desk, form: Form | None = None, problem: Problem | None = None, of: UUID | None = None
) -> PageResponse:
    """The list; with the form that comes back, of a template or of a new one, and what is wrong."""
    async with reading(request) as reader:
        rows: list[Template] = await own.templates(reader, seat_of(request).organisation_id)
    told = None if problem is None or isinstance(problem, Invalid) else problem
    return page(
        request,
        "supervision/message_templates.html",
        http_status=told.status if told else 422 if form and form.errors else 200,
        flash=Flash("danger", said_of(request, told)) if told else None,
        desk=desk,
        rows=rows,
        built_in=_built_in(desk.side, locale_of(request)),
        sent=form,
        sent_of=of,
        new=form if form and of is None else Form(request),
        most=MOST,
        places=[f"{{{name}}}" for name in PLACES],
        longest=(LONGEST_NAME, LONGEST_TEXT),
    )


def template_handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """The templates of one console."""
    guards = [only(desk.side)]
    home = f"{desk.path}/templates"

    @get(home, guards=guards)
    async def listed(request: WebRequest) -> PageResponse:
        """The organisation's templates, and those everybody has."""
        return await _page(request, desk)

    @post(home, guards=guards, status_code=200)
    async def add(request: WebRequest) -> PageResponse:
        """Keeps a new one."""
        form = await read_form(request)

        async def again(problem: Problem | None) -> PageResponse:
            return await _page(request, desk, form, problem)

        return await perform(
            request,
            lambda tx: own.add(tx, form.value("name"), form.value("text")),
            to=home,
            said=N_("The template was saved."),
            form=form,
            again=again,
        )

    @post(f"{home}/{{template_id:str}}", guards=guards, status_code=200)
    async def change(request: WebRequest, template_id: str) -> PageResponse:
        """Changes one."""
        form, wanted = await read_form(request), id_from(template_id)
        async with reading(request) as reader:
            await own.template(reader, request.user.actor.organisation_id, wanted)
        version = form.integer("version")

        async def action(tx: Tx) -> None:
            if form.errors:
                raise Invalid
            await own.change(tx, wanted, version, form.value("name"), form.value("text"))

        async def again(problem: Problem | None) -> PageResponse:
            return await _page(request, desk, form, problem, wanted)

        return await perform(request, action, to=home, said=N_("Saved."), form=form, again=again)

    @post(f"{home}/{{template_id:str}}/delete", guards=guards, status_code=200)
    async def delete(request: WebRequest, template_id: str) -> PageResponse:
        """Deletes one; messages written with it stay as they are."""
        wanted = id_from(template_id)
        return await perform(
            request, lambda tx: own.delete(tx, wanted), to=home, said=N_("The template was deleted."), tone="info"
        )

    return [listed, add, change, delete]


handlers: list[Any] = [handler for desk in DESKS.values() for handler in template_handlers(desk)]
