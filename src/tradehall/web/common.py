"""What the handlers of all pages share: who reads, what every page knows, forms, and how an action is run and answered.

A list and a form, whole:

    @get("/seller/orders", guards=[only("seller")])
    async def orders(request: WebRequest) -> PageResponse:
        async with reading(request) as reader:
            rows = await queries.orders(reader, request.user.actor, wanted_page(request), OrderFilter(…))
        return page(request, "seller/orders.html", rows=rows)

    @post("/seller/settings", guards=[only("seller")])
    async def save(request: WebRequest) -> PageResponse:
        form = await read_form(request)
        async def again(problem: Problem | None) -> PageResponse:
            return page(request, "seller/settings.html", form=form)
        name, version = form.text("name", required=True), form.integer("version")
        if form.errors:
            return await again(None)                       # status 422, with what was typed
        return await perform(
            request, lambda tx: actions.change(tx, name=name, version=version),
            to="/seller/settings", said=N_("Saved."), form=form, again=again,
        )
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from tradehall.edge.access import NOBODY, Visitor, installation_of, visitor_with_cookie
from tradehall.installation import Installation
from tradehall.kernel import i18n
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import Forbidden, Invalid, NotFound, NotSignedIn, Problem
from tradehall.kernel.i18n import N_, Translator, translator
from tradehall.kernel.idempotency import keyed
from tradehall.kernel.ids import new_id
from tradehall.kernel.paging import PageRequest, page_request
from tradehall.notices import queries as notices
from tradehall.parties import queries as parties
from tradehall.parties.model import Seat
from tradehall.web import templating
from tradehall.web.labels import state_label
from tradehall.web.security import FLASH_COOKIE, cookie, csrf_token, forgotten, local_path, open_flash, seal_flash
from tradehall.web.templating import Console, Flash, Organisation, PageContext, Person, SiteSuggestion, Theme, Tone

T = TypeVar("T")
WebRequest = Request[Visitor, None, Any]
PageResponse = Response[str]

LOCALE_COOKIE = "tradehall_locale"
THEME_COOKIE = "tradehall_theme"
SITE_COOKIE = "tradehall_site"  # the site whose suggestion was dismissed
KEY_FIELD = "idempotency_key"
FLASH_LIFETIME = timedelta(minutes=2)
REQUIRED = N_("This must not be empty.")
TOO_LONG = N_("Write at most {most} characters.")
NOT_A_NUMBER = N_("Write a whole number.")
NOT_A_CHOICE = N_("Choose one of the options.")
DONE_BEFORE = N_("This was sent twice; it was done once.")
HOMES = {"buyer": "/buyer", "seller": "/seller", "platform": "/operator"}
_CONSOLES: dict[str, Console] = {"buyer": "buyer", "seller": "seller", "platform": "operator"}


# --- who reads


class SessionAuthentication(AbstractAuthenticationMiddleware):
    """Knows who asks by their session cookie. Without one the request goes on as nobody's, and guards decide."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        return AuthenticationResult(user=await identify(connection), auth=None)


async def identify(connection: ASGIConnection[Any, Any, Any, Any]) -> Visitor:
    """Who asks; the organisations they may switch to and what they have not read are kept for the page's frame."""
    visitor = await visitor_with_cookie(connection)
    if visitor.seat:
        async with installation_of(connection).db.read() as reader:
            connection.scope["state"]["seats"] = await parties.seats_of_person(reader, visitor.seat.person_id)
            connection.scope["state"]["unread"] = await notices.unread(
                reader, visitor.seat.person_id, visitor.seat.organisation_id
            )
    return visitor


def visitor_of(request: WebRequest) -> Visitor:
    """Who asks; nobody where the request failed before that was known."""
    found: Visitor = request.scope.get("user") or NOBODY
    return found


def seat_of(request: WebRequest) -> Seat:
    """The seat of somebody whom a guard let in."""
    seat = request.user.seat
    if seat is None:
        raise NotSignedIn
    return seat


def request_id(request: WebRequest) -> str:
    found: str = request.scope["state"].get("request_id", "")
    return found


@asynccontextmanager
async def reading(request: WebRequest) -> AsyncIterator[Reader]:
    """A connection for SELECTs."""
    async with installation_of(request).db.read() as reader:
        yield reader


# --- what every page knows


def locale_of(request: WebRequest) -> str:
    """The reader's language: the person's own, else the one chosen in this browser, else the browser's, else ours."""
    seat = visitor_of(request).seat
    if seat and seat.locale:
        return seat.locale
    chosen = request.cookies.get(LOCALE_COOKIE, "")
    if chosen in i18n.LOCALES:
        return chosen
    ours = installation_of(request).settings.default_locale
    available = (ours, *(locale for locale in i18n.LOCALES if locale != ours))
    return i18n.negotiate(request.headers.get("Accept-Language"), available)


def texts(request: WebRequest) -> Translator:
    """The texts in the reader's language: `texts(request).gettext("Saved.")`."""
    return translator(locale_of(request))


def timezone_of(request: WebRequest) -> str:
    seat = visitor_of(request).seat
    return (seat.timezone if seat else None) or installation_of(request).settings.default_timezone


def said_of(request: WebRequest, problem: Problem) -> str:
    """A problem in the reader's language, the states and times it names included."""
    words, zone = texts(request), i18n.zone(timezone_of(request))

    def told(name: str, value: object) -> object:
        if isinstance(value, datetime):
            return words.time(value, zone)
        return words.lookup(state_label(value)) if name == "state" and isinstance(value, str) else value

    return words.format(problem.message_id(), **{name: told(name, value) for name, value in problem.values.items()})


def page_context(request: WebRequest, token: str, flashes: Sequence[Flash] = ()) -> PageContext:
    """What the frame of every page shows."""
    installation = installation_of(request)
    seat = visitor_of(request).seat
    locale = locale_of(request)
    seats: list[Seat] = request.scope["state"].get("seats", [])
    theme = request.cookies.get(THEME_COOKIE, "")
    return PageContext(
        locale=locale,
        path=request.url.path,
        csrf_token=token,
        now=installation.clock.now(),
        timezone=timezone_of(request),
        query=request.url.query,
        console=_console(request, seat),
        person=Person(seat.name, seat.email) if seat else None,
        organisation=_organisation(seat, locale) if seat else None,
        organisations=tuple(_organisation(one, locale) for one in seats),
        theme=_THEMES.get(theme, "auto"),
        site_suggestion=_site_suggestion(request, installation),
        flashes=tuple(flashes),
        unread=request.scope["state"].get("unread", 0),
        request_id=request_id(request),
        marketplace=installation.settings.marketplace_name,
    )


_THEMES: dict[str, Theme] = {"auto": "auto", "light": "light", "dark": "dark"}


def _organisation(seat: Seat, locale: str) -> Organisation:
    name = seat.organisation_name_zh if locale == "zh" else seat.organisation_name_en
    return Organisation(str(seat.organisation_id), name, seat.organisation_kind)


def _console(request: WebRequest, seat: Seat | None) -> Console:
    """The console a page belongs to. Nobody is shown the navigation of a console that is not theirs."""
    if seat is None:
        return "public"
    own = _CONSOLES[seat.organisation_kind]
    first = request.url.path.strip("/").partition("/")[0]
    return own if first in (own, "account") else "public"


def _site_suggestion(request: WebRequest, installation: Installation) -> SiteSuggestion | None:
    """The sister site in the language this browser asks for, unless ours is that, or the reader has declined."""
    settings = installation.settings
    wanted = request.headers.get("Accept-Language")
    if not settings.sites or not wanted:
        return None
    languages = (settings.default_locale, *(site.language for site in settings.sites))
    language = i18n.negotiate(wanted, languages)
    if language == settings.default_locale or request.cookies.get(SITE_COOKIE) == language:
        return None
    site = next(site for site in settings.sites if site.language == language)
    return SiteSuggestion(site.language, site.name, site.url)


# --- answers


def page(
    request: WebRequest, template: str, /, *, http_status: int = 200, flash: Flash | None = None, **values: object
) -> PageResponse:
    """The template written out for whoever asks. A message left by the request before is shown and used up.

    A form that is shown again because something in it is wrong makes the answer a 422 by itself: pass it as `form`.
    """
    form = values.get("form")
    if http_status == 200 and isinstance(form, Form) and form.errors:
        http_status = 422
    settings = installation_of(request).settings
    token, token_cookie = csrf_token(request)
    cookies = [token_cookie] if token_cookie else []
    flashes = [flash] if flash else []
    if not is_partial(request) and (left := request.cookies.get(FLASH_COOKIE)):
        cookies.append(forgotten(settings, FLASH_COOKIE))
        if opened := open_flash(installation_of(request).seal, left):
            flashes.insert(0, opened)
    context = page_context(request, token, flashes)
    return Response(
        templating.render(context, template, **values),
        status_code=http_status,
        media_type="text/html; charset=utf-8",
        cookies=cookies,
        headers={
            "Cache-Control": "no-store" if context.person else "private, no-cache",
            "Content-Language": i18n.LANGUAGE_TAGS[context.locale],
            "Vary": "Cookie, Accept-Language, HX-Request",
        },
    )


def redirect(
    request: WebRequest, to: str, said: str = "", tone: Tone = "success", cookies: Sequence[Cookie] = ()
) -> PageResponse:
    """Sends the browser on with a GET (303); `said`, already translated, is shown there."""
    made = list(cookies)
    if said:
        installation = installation_of(request)
        value = seal_flash(installation.seal, Flash(tone, said[:1500]))
        made.append(cookie(installation.settings, FLASH_COOKIE, value, FLASH_LIFETIME))
    return Response(
        "",
        status_code=303,
        media_type="text/html; charset=utf-8",
        headers={"Location": to, "Cache-Control": "no-store"},
        cookies=made,
    )


def is_partial(request: WebRequest) -> bool:
    """Whether htmx asks for a part of a page; a boosted link or form wants the whole one."""
    return "hx-request" in request.headers and "hx-boosted" not in request.headers


def came_from(request: WebRequest, otherwise: str = "/") -> str:
    """The page of ours that this request was sent from."""
    sent_from = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    try:
        parts = urlsplit(sent_from)
    except ValueError:
        return otherwise
    if parts.netloc != request.headers.get("Host", ""):
        return otherwise
    return local_path(parts.path + (f"?{parts.query}" if parts.query else "")) or otherwise


def sign_in_first(request: WebRequest) -> str:
    """Where to sign in, and come back to what was asked for; what was sent to a form comes back to the form's page."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = wanted if request.method in ("GET", "HEAD") and not is_partial(request) else came_from(request)
    return f"/login?{urlencode({'return_to': back})}"


# --- what was asked in the address


def wanted_page(request: WebRequest) -> PageRequest:
    """The page of a list that ?after= or ?before= names. Raises Invalid."""
    return page_request(None, request.query_params.get("after"), request.query_params.get("before"))


def chosen(request: WebRequest, name: str, options: Sequence[T]) -> T | None:
    """The one of `options` that the address names; None for none of them."""
    return next((option for option in options if str(option) == request.query_params.get(name)), None)


def searched(request: WebRequest, name: str = "q") -> str:
    """What was typed into the search field."""
    return str(request.query_params.get(name, "")).strip()[:100]


def day(request: WebRequest, name: str, *, after: bool = False) -> datetime | None:
    """When the day in the address (2026-11-23) begins on the reader's clock; with `after`, when it is over."""
    try:
        found = date.fromisoformat(str(request.query_params.get(name, "")))
        zone = i18n.zone(timezone_of(request))
        return datetime.combine(found + timedelta(days=after), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def id_from(text: str) -> UUID:
    """The id in an address. Raises NotFound for what is none, as for an unknown one."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


# --- forms


class Form:
    """What was typed into a form, and what is wrong with it: `values` and `errors` by field, for the template."""

    def __init__(self, request: WebRequest, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._texts = texts(request)
        self._path = request.url.path
        self._pairs = [(name, value) for name, value in pairs if name not in (templating.CSRF_FIELD, KEY_FIELD)]
        self.values: dict[str, str] = dict(self._pairs)
        self.errors: dict[str, str] = {}
        self._key = dict(pairs).get(KEY_FIELD, "")
        self.key = self._key or str(new_id())  # for the hidden field of a form that is shown again

    def value(self, name: str, otherwise: object = "") -> str:
        """What to put into a field: what was typed, else what it held before."""
        return self.values.get(name, "" if otherwise is None else str(otherwise))

    def error(self, name: str) -> str:
        return self.errors.get(name, "")

    def fail(self, name: str, message: str, **values: object) -> None:
        """Marks a field as wrong; `message` is an English message id with {placeholders}. The first mark stays."""
        self.errors.setdefault(name, self._texts.format(message, **values))

    def take(self, problem: Invalid) -> None:
        """Marks what an action found wrong."""
        for one in problem.fields:
            self.fail(one.field, one.message, **one.values)

    def text(self, name: str, *, required: bool = False, most: int = 2000) -> str:
        typed = self.values.get(name, "").strip()
        if required and not typed:
            self.fail(name, REQUIRED)
        elif len(typed) > most:
            self.fail(name, TOO_LONG, most=most)
        return typed

    def all(self, name: str) -> list[str]:
        """Every value of a field that may come several times (ticked rows)."""
        return [value for one, value in self._pairs if one == name]

    def ticked(self, name: str) -> bool:
        return bool(self.values.get(name))

    def integer(self, name: str) -> int:
        """A whole number; marked wrong, and 0, where none was typed."""
        try:
            return int(self.values.get(name, "").strip()[:18])
        except ValueError:
            self.fail(name, NOT_A_NUMBER)
            return 0

    def choice(self, name: str, options: Sequence[str]) -> str:
        typed = self.values.get(name, "")
        if typed not in options:
            self.fail(name, NOT_A_CHOICE)
        return typed

    def uuid(self, name: str) -> UUID:
        """An id; marked wrong, and the zero id, where there is none."""
        try:
            return UUID(self.values.get(name, ""))
        except ValueError:
            self.fail(name, NOT_A_CHOICE)
            return UUID(int=0)

    @property
    def idempotency_key(self) -> str:
        """The form's own key together with what it holds: sent twice it is one request, corrected it is a new one."""
        if not self._key:
            return ""
        content = msgspec.json.encode([self._key, self._path, sorted(self._pairs)])
        return "form-" + hashlib.sha256(content).hexdigest()


async def read_form(request: WebRequest) -> Form:
    """What was sent; files are passed over."""
    data = await request.form()
    return Form(request, [(name, value) for name, value in data.multi_items() if isinstance(value, str)])


# --- actions


class _Done(msgspec.Struct, frozen=True):
    """How a form was answered, kept under its idempotency key."""

    to: str
    said: str
    before: bool = False  # when this same form was sent


Again = Callable[[Problem | None], Awaitable[PageResponse]]


async def perform(
    request: WebRequest,
    action: Callable[[Tx], Awaitable[T]],
    *,
    to: str | Callable[[T], str],
    said: str | Callable[[T], str] = "",
    tone: Tone = "success",
    form: Form | None = None,
    again: Again | None = None,
) -> PageResponse:
    """Runs `action` in a transaction of whoever asks, then sends the browser to `to` (303) and says `said` there.

    `said` is a message id marked with N_, or makes a finished text of the action's result. A form that holds an
    idempotency key (`{{ form_key(form) }}`) has one effect however often it is sent; sent again, that is what is said.
    When the action raises a Problem that the person can do something about (wrong fields, a conflict, a declined
    payment), `again` shows the page anew; the answer's status is the problem's. Without `again`, and for what is
    unknown or not theirs, the error page tells.
    """
    try:
        done = await _run(request, action, to, said, form)
    except (NotFound, Forbidden, NotSignedIn):
        raise
    except Problem as problem:
        if again is None:
            raise
        if isinstance(problem, Invalid) and form is not None:
            form.take(problem)
        answer = await again(problem)
        answer.status_code = problem.status
        return answer
    return redirect(request, done.to, done.said, "info" if done.before else tone)


async def _run(
    request: WebRequest,
    action: Callable[[Tx], Awaitable[T]],
    to: str | Callable[[T], str],
    said: str | Callable[[T], str],
    form: Form | None,
) -> _Done:
    visitor = visitor_of(request)
    async with installation_of(request).db.transaction(visitor.actor, request_id(request)) as tx:
        once = None
        if form is not None and form.idempotency_key and visitor.actor.person_id:
            once = await keyed(tx, visitor.actor.person_id, form.idempotency_key, b"form")
            if once.replay is not None:
                earlier = msgspec.json.decode(once.replay, type=_Done)
                return _Done(earlier.to, texts(request).gettext(DONE_BEFORE), before=True)
        result = await action(tx)
        done = _Done(
            to if isinstance(to, str) else to(result),
            texts(request).gettext(said) if isinstance(said, str) else said(result),
        )
        if once:
            await once.keep(msgspec.json.encode(done))
    return done
