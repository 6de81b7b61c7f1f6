"""Signing in and out."""

from typing import Any

from litestar import get, post

from tradehall.edge.access import SESSION_COOKIE, installation_of
from tradehall.kernel.errors import NotSignedIn, Problem
from tradehall.kernel.i18n import N_
from tradehall.parties import actions
from tradehall.parties.errors import TooManySignIns, WrongPassword
from tradehall.parties.model import PASSWORD_LENGTH, Seat
from tradehall.web.common import (
    HOMES,
    Form,
    PageResponse,
    WebRequest,
    page,
    read_form,
    redirect,
    request_id,
    said_of,
    texts,
    visitor_of,
)
from tradehall.web.security import cookie, forgotten, local_path


@get("/login")
async def login(request: WebRequest) -> PageResponse:
    """The form to sign in; whoever is signed in already goes on at once."""
    back = local_path(request.query_params.get("return_to"))
    seat = visitor_of(request).seat
    if seat:
        return redirect(request, back or HOMES[seat.organisation_kind])
    return page(request, "account/login.html", form=Form(request), return_to=back, problem="")


@post("/login", status_code=200)
async def sign_in(request: WebRequest) -> PageResponse:
    """Signs in and goes to where the person wanted to be, else to their console."""
    form = await read_form(request)
    back = local_path(form.values.get("return_to"))
    installation = installation_of(request)
    email = form.text("email", required=True, most=320)
    password = form.values.get("password", "")
    if not password:
        form.fail("password", N_("This must not be empty."))
    problem: Problem | None = None
    if not form.errors and len(password) <= PASSWORD_LENGTH[1]:
        try:
            seat = await actions.check_password(
                installation.db,
                installation.sign_in_policy,
                email=email,
                password=password,
                address=request.client.host if request.client else "",
            )
            return await _open(request, seat, back)
        except (NotSignedIn, TooManySignIns) as error:
            problem = error
    elif not form.errors:
        problem = WrongPassword()
    form.values.pop("password", None)
    return page(
        request,
        "account/login.html",
        http_status=problem.status if problem else 422,
        form=form,
        return_to=back,
        problem=said_of(request, problem) if problem else "",
    )


async def _open(request: WebRequest, seat: Seat, back: str) -> PageResponse:
    installation = installation_of(request)
    visitor = visitor_of(request)
    agent = request.headers.get("User-Agent", "")
    async with installation.db.transaction(visitor.actor, request_id(request)) as tx:
        if visitor.session:
            await actions.close_session(tx, visitor.session)
        session = await actions.open_session(tx, installation.sign_in_policy, seat, agent)
    kept = cookie(installation.settings, SESSION_COOKIE, session, installation.sign_in_policy.session)
    return redirect(request, back or HOMES[seat.organisation_kind], cookies=[kept])


@post("/logout", status_code=200)
async def logout(request: WebRequest) -> PageResponse:
    """Ends the session; doing so twice is fine."""
    installation, visitor = installation_of(request), visitor_of(request)
    if visitor.session:
        async with installation.db.transaction(visitor.actor, request_id(request)) as tx:
            await actions.close_session(tx, visitor.session)
        installation.seats.forget()
    said = texts(request).gettext("You are signed out.")
    return redirect(request, "/", said, "info", cookies=[forgotten(installation.settings, SESSION_COOKIE)])


handlers: list[Any] = [login, sign_in, logout]
