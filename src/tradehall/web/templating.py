"""How a page is written: `render(page, "buyer/orders.html", orders=orders)` -> HTML.

Templates see their own values plus what is named in `_GLOBALS`. Macros see the same, because the globals find the page
being written through a context variable. Whatever is printed is escaped, translations too: a text is never markup.
To put a link into a sentence pass it as a parameter: `_("See %(order)s.", order=link(...))`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tradehall.kernel import i18n

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
STATIC_URL = "/static/"
CSRF_FIELD = "_csrf_token"
CSRF_HEADER = "x-csrftoken"

Theme = Literal["auto", "light", "dark"]
Tone = Literal["neutral", "info", "success", "warning", "danger", "progress"]
Console = Literal["public", "buyer", "seller", "operator"]


class Person(msgspec.Struct, frozen=True):
    """Who is signed in."""

    name: str
    email: str


class Organisation(msgspec.Struct, frozen=True):
    """An organisation the person works for. `kind` is buyer, seller or platform."""

    id: str
    name: str
    kind: str


class SiteSuggestion(msgspec.Struct, frozen=True):
    """Another site that may suit the visitor better. `name` is shown in the visitor's own language."""

    id: str
    name: str
    url: str


class Flash(msgspec.Struct, frozen=True):
    """A message about what was just done; `text` is already translated."""

    tone: Tone
    text: str


class PageContext(msgspec.Struct, frozen=True, kw_only=True):
    """What every page knows about its reader and its request."""

    locale: str
    path: str
    csrf_token: str
    now: datetime  # clock.now(): relative times are told from here
    timezone: str = "Asia/Shanghai"
    query: str = ""  # the query string as it arrived, without "?"
    console: Console = "public"
    person: Person | None = None
    organisation: Organisation | None = None
    organisations: tuple[Organisation, ...] = ()  # all the person may switch to, the current one included
    theme: Theme = "auto"
    site_suggestion: SiteSuggestion | None = None
    flashes: tuple[Flash, ...] = ()
    unread: int = 0  # messages not read yet, for the bell; a hundred stands for that many or more
    request_id: str = ""
    marketplace: str = "Tradehall"  # what this marketplace calls itself


_page: ContextVar[PageContext] = ContextVar("page")


def render(page: PageContext, template: str, **values: object) -> str:
    """The template written out for this reader. Values a template names but is not given raise UndefinedError."""
    token = _page.set(page)
    try:
        return environment().get_template(template).render(values, page=page)
    finally:
        _page.reset(token)


@cache
def environment(*, reload: bool = False) -> Environment:
    """The Jinja environment. `reload` reads changed templates again: for `serve --reload` only."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=reload,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.extend(newstyle_gettext=True)  # {% trans %} calls gettext(msgid, **params), as `_` does
    made.globals.update(_GLOBALS)
    return made


# --- texts


def gettext(msgid: str, /, **params: object) -> str:
    """`_("Order %(number)s", number=…)`. Only literal texts: the translations' test reads them from the source."""
    return _fill(i18n.translator(_page.get().locale).lookup(msgid), params)


def ngettext(singular: str, plural: str, number: int, /, **params: object) -> str:
    """`ngettext("%(num)s order", "%(num)s orders", count)`."""
    text = i18n.translator(_page.get().locale).lookup_plural(singular, plural, number)
    return _fill(text, {"num": i18n.number(number, _page.get().locale), **params})


def _fill(text: str, params: Mapping[str, object]) -> str:
    if any(hasattr(value, "__html__") for value in params.values()):
        return Markup(escape(text)) % params  # noqa: S704 - the text is escaped, and so is every plain parameter
    return text % params


def named(thing: object, name: str) -> str:
    """What a thing is called in the reader's language: `named(product, "name")` reads name_zh or name_en."""
    found: str | None = getattr(thing, f"{name}_{_page.get().locale}")
    return found or ""


def mark(msgid: str) -> str:
    """Translates a text that was marked with N_ where it is defined: `{{ mark(state_label) }}`."""
    return i18n.translator(_page.get().locale).lookup(msgid)


# --- numbers and times


def prose(sentences: Iterable[str]) -> Markup:
    """Sentences one after the other, those that are empty left out: Chinese puts no space between them."""
    between = Markup("") if _page.get().locale == "zh" else Markup(" ")
    return between.join(one for one in sentences if one)


def money(minor: int, currency: str) -> Markup:
    """An amount in minor units as the reader writes it; never broken over two lines."""
    return Markup('<span class="num">{}</span>').format(i18n.money(minor, currency, _page.get().locale))


def number(value: int) -> str:
    """12345 -> 12,345."""
    return i18n.number(value, _page.get().locale)


def dt(moment: datetime | None, style: i18n.DateStyle = "minute") -> Markup:
    """A moment on the reader's clock, the exact one on hover; an em dash for none."""
    if moment is None:
        return _NOTHING
    page = _page.get()
    zone = i18n.zone(page.timezone)
    return _TIME.format(
        moment.isoformat(),
        i18n.format_datetime(moment, zone, page.locale, "exact"),
        i18n.format_datetime(moment, zone, page.locale, style),
    )


def ago(moment: datetime | None) -> Markup:
    """How far off a moment is ("in 2 hours"), the exact one on hover; an em dash for none."""
    if moment is None:
        return _NOTHING
    page = _page.get()
    exact = i18n.format_datetime(moment, i18n.zone(page.timezone), page.locale, "exact")
    return _TIME.format(moment.isoformat(), exact, i18n.relative(moment, page.now, page.locale))


def duration(span: timedelta | float | None) -> str:
    """How long; a plain number is milliseconds."""
    if span is None:
        return "—"
    length = span if isinstance(span, timedelta) else timedelta(milliseconds=span)
    return i18n.duration(length, _page.get().locale)


_TIME = Markup('<time datetime="{}" title="{}">{}</time>')
_NOTHING = Markup('<span class="text-secondary">—</span>')


# --- links and pictures


def static(path: str) -> str:
    """The address of a file under static/, with a digest of its content: it may be cached for ever."""
    return f"{STATIC_URL}{path}{_digest(path)}"


@cache
def _digest(path: str) -> str:
    file = STATIC / path
    if not file.is_file():
        if path.startswith("vendor/"):  # not fetched yet: pages still work, plainly
            return ""
        raise FileNotFoundError(f"no such static file: {path}")
    return "?v=" + hashlib.sha256(file.read_bytes()).hexdigest()[:12]


@cache
def icon(name: str, css: str = "") -> Markup:
    """A Tabler icon, invisible to screen readers: say the same in words beside it or in an aria-label."""
    return Markup('<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>').format(
        css, static("vendor/icons.svg"), name
    )


def url(path: str, /, **query: object) -> str:
    """`url('/buyer/orders', state='paid', after=None)` -> "/buyer/orders?state=paid"; None and "" are left out."""
    pairs = [(key, str(value)) for key, value in query.items() if value is not None and value != ""]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def here(**changes: object) -> str:
    """The present address with some of its query changed; a change to None or "" takes the key out."""
    page = _page.get()
    kept: dict[str, object] = dict(parse_qsl(page.query))
    return url(page.path, **(kept | changes))


def link(href: str, text: str, css: str = "") -> Markup:
    """A link to put into a sentence: `_("See %(order)s.", order=link(url(...), number))`.

    Addresses come from sellers too: what is neither http(s) nor a path of ours is shown as plain text.
    """
    if not href.startswith(("/", "#", "https://", "http://")):
        return escape(text)
    return Markup('<a href="{}" class="{}">{}</a>').format(href, css, text)


def csrf_field() -> Markup:
    """The hidden field every POST form carries."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, _page.get().csrf_token)


def htmx_config() -> str:
    """What htmx is told: no eval and no styles of its own (the content security policy), show error pages."""
    settings = {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "selfRequestsOnly": True,
        "historyRestoreAsHxRequest": False,
        "defaultSwapStyle": "outerHTML",
        "scrollIntoViewOnBoost": False,
        "historyCacheSize": 0,  # pages hold passwords and orders: none is kept in the browser's storage
        "responseHandling": [{"code": "204", "swap": False}, {"code": "...", "swap": True}],
    }
    return msgspec.json.encode(settings).decode()


_GLOBALS: dict[str, Any] = {
    "_": gettext,
    "gettext": gettext,
    "ngettext": ngettext,
    "named": named,
    "mark": mark,
    "prose": prose,
    "money": money,
    "number": number,
    "dt": dt,
    "ago": ago,
    "duration": duration,
    "static": static,
    "icon": icon,
    "url": url,
    "here": here,
    "link": link,
    "csrf_field": csrf_field,
    "htmx_config": htmx_config,
    "current_page": _page.get,
    "csrf_header": CSRF_HEADER,
    "language_tags": i18n.LANGUAGE_TAGS,
    "locale_names": i18n.LOCALE_NAMES,
}
