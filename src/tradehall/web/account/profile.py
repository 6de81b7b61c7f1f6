"""A person's account: language and time zone, the people of their organisation, API tokens."""

from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from litestar import get, post

from tradehall.edge.access import anyone_signed_in, installation_of
from tradehall.kernel import i18n
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Problem
from tradehall.kernel.i18n import N_
from tradehall.parties import actions
from tradehall.parties import queries as parties
from tradehall.web.common import (
    LOCALE_COOKIE,
    Form,
    PageResponse,
    WebRequest,
    id_from,
    page,
    perform,
    read_form,
    reading,
    seat_of,
    timezone_of,
)
from tradehall.web.security import YEAR, cookie

COMMON_ZONES = (
    "Asia/Shanghai", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo", "Asia/Seoul", "Asia/Kolkata",
    "Asia/Dubai", "Europe/Moscow", "Europe/Berlin", "Europe/Paris", "Europe/London", "UTC", "America/Sao_Paulo",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Australia/Sydney",
    "Pacific/Auckland",
)  # fmt: skip
LIFETIMES = {"30": N_("30 days"), "90": N_("90 days"), "365": N_("1 year"), "": N_("Until revoked")}


@get("/account", guards=[anyone_signed_in])
async def account(request: WebRequest) -> PageResponse:
    """Everything about the person who asks."""
    return await _account(request)


async def _account(
    request: WebRequest,
    form: Form | None = None,
    token_form: Form | None = None,
    token: str = "",
    contact_form: Form | None = None,
) -> PageResponse:
    seat = seat_of(request)
    async with reading(request) as reader:
        members = await parties.members(reader, seat.organisation_id)
        tokens = await parties.tokens_of_person(reader, seat.person_id)
        contact = await parties.contact(reader, seat.person_id)
    zone = timezone_of(request)
    wrong = any(one and one.errors for one in (form, token_form, contact_form))
    return page(
        request,
        "account/account.html",
        http_status=422 if wrong else 200,
        seat=seat,
        members=members,
        tokens=tokens,
        token=token,
        locales=list(i18n.LOCALE_NAMES.items()),
        zones=[(name, name.replace("_", " ")) for name in dict.fromkeys((zone, *COMMON_ZONES))],
        zone=zone,
        lifetimes=LIFETIMES,
        profile=form or Form(request),
        token_form=token_form or Form(request),
        contact=contact,
        contact_form=contact_form,
    )


@post("/account", guards=[anyone_signed_in], status_code=200)
async def save(request: WebRequest) -> PageResponse:
    """Saves language and time zone."""
    form = await read_form(request)
    locale, zone = form.choice("locale", i18n.LOCALES), form.text("timezone", required=True)
    if zone and zone not in available_timezones():
        form.fail("timezone", N_("There is no such time zone."))
    if form.errors:
        return await _account(request, form=form)
    person = seat_of(request).person_id

    async def action(tx: Tx) -> None:
        await actions.set_preferences(tx, person, locale=locale, timezone=zone)

    said = i18n.translator(locale).gettext("Saved.")
    installation = installation_of(request)
    answer = await perform(request, action, to="/account", said=lambda _: said)
    installation.seats.forget()
    answer.set_cookie(cookie(installation.settings, LOCALE_COOKIE, locale, YEAR))
    return answer


@post("/account/contact", guards=[anyone_signed_in], status_code=200)
async def save_contact(request: WebRequest) -> PageResponse:
    """Saves where the person wants to be told what happens."""
    form = await read_form(request)
    person, phone, mail = seat_of(request).person_id, form.text("phone", most=30), form.ticked("mail_notices")

    async def again(problem: Problem | None) -> PageResponse:
        return await _account(request, contact_form=form)

    return await perform(
        request,
        lambda tx: actions.set_contact(tx, person, phone=phone, mail_notices=mail),
        to="/account",
        said=N_("Saved."),
        form=form,
        again=again,
    )


@post("/account/tokens", guards=[anyone_signed_in], status_code=200)
async def create_token(request: WebRequest) -> PageResponse:
    """Makes an API token and shows it this once."""
    form = await read_form(request)
    name = form.text("name", required=True, most=80)
    days = form.choice("lifetime", list(LIFETIMES))
    if form.errors:
        return await _account(request, token_form=form)
    made: list[str] = []

    async def action(tx: Tx) -> UUID:
        token_id, token = await actions.create_token(
            tx, seat_of(request), name, timedelta(days=int(days)) if days else None
        )
        made.append(token)
        return token_id

    async def again(problem: Problem | None) -> PageResponse:
        return await _account(request, token_form=form)

    answer = await perform(request, action, to="/account", form=form, again=again)
    # The one answer to a form that is no redirect: a token in an address or a cookie would be kept where it should not.
    return await _account(request, token=made[0]) if made else answer


@post("/account/tokens/{token_id:str}/revoke", guards=[anyone_signed_in], status_code=200)
async def revoke_token(request: WebRequest, token_id: str) -> PageResponse:
    """Ends an API token at once."""
    person, token = seat_of(request).person_id, id_from(token_id)

    async def action(tx: Tx) -> None:
        await actions.revoke_token(tx, person, token)

    return await perform(request, action, to="/account", said=N_("The token is revoked; it opens nothing any more."))


handlers: list[Any] = [account, save, save_contact, create_token, revoke_token]
