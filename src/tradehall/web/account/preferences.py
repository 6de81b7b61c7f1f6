"""Language, appearance, the site suggestion, and which organisation a person acts for."""

from typing import Any

from litestar import post

from tradehall.edge.access import anyone_signed_in, installation_of
from tradehall.kernel import i18n
from tradehall.kernel.errors import NotSignedIn
from tradehall.kernel.i18n import N_
from tradehall.parties import actions
from tradehall.parties import queries as parties
from tradehall.web.common import (
    HOMES,
    LOCALE_COOKIE,
    SITE_COOKIE,
    THEME_COOKIE,
    PageResponse,
    WebRequest,
    id_from,
    read_form,
    reading,
    redirect,
    request_id,
    seat_of,
    texts,
    visitor_of,
)
from tradehall.web.security import YEAR, cookie, local_path


@post("/preferences", status_code=200)
async def prefer(request: WebRequest) -> PageResponse:
    """Remembers a language or an appearance in this browser; the language also with the person."""
    form = await read_form(request)
    installation, visitor = installation_of(request), visitor_of(request)
    cookies = []
    locale, theme = form.values.get("locale", ""), form.values.get("theme", "")
    if locale in i18n.LOCALES:
        cookies.append(cookie(installation.settings, LOCALE_COOKIE, locale, YEAR))
        if visitor.seat:
            async with installation.db.transaction(visitor.actor, request_id(request)) as tx:
                await actions.set_preferences(tx, visitor.seat.person_id, locale=locale)
            installation.seats.forget()
    if theme in ("auto", "light", "dark"):
        cookies.append(cookie(installation.settings, THEME_COOKIE, theme, YEAR))
    return redirect(request, local_path(form.values.get("return_to")) or "/", cookies=cookies)


@post("/preferences/site-suggestion", status_code=200)
async def decline_site(request: WebRequest) -> PageResponse:
    """Stays on this site: until the browser is closed, or for good."""
    form = await read_form(request)
    settings = installation_of(request).settings
    site = form.values.get("site", "")
    known = any(one.language == site for one in settings.sites)
    lifetime = YEAR if form.ticked("never") else None
    cookies = [cookie(settings, SITE_COOKIE, site, lifetime)] if known else []
    return redirect(request, local_path(form.values.get("return_to")) or "/", cookies=cookies)


@post("/preferences/organisation", guards=[anyone_signed_in], status_code=200)
async def switch(request: WebRequest) -> PageResponse:
    """Acts for another of one's organisations, and goes to its console."""
    form = await read_form(request)
    visitor, seat = request.user, seat_of(request)
    wanted = id_from(form.values.get("organisation", ""))
    if visitor.session is None:
        raise NotSignedIn
    installation = installation_of(request)
    async with installation.db.transaction(visitor.actor, request_id(request)) as tx:
        await actions.change_seat(tx, visitor.session, seat.person_id, wanted)
    # The announcement of it may come after the next page is asked for.
    installation.seats.forget()
    async with reading(request) as reader:
        seats = await parties.seats_of_person(reader, seat.person_id)
    now = next(one for one in seats if one.organisation_id == wanted)
    words = texts(request)
    name = now.organisation_name_zh if words.locale == "zh" else now.organisation_name_en
    said = words.gettext(N_("You now act for %(organisation)s."), organisation=name)
    return redirect(request, HOMES[now.organisation_kind], said, "info")


handlers: list[Any] = [prefer, decline_site, switch]
