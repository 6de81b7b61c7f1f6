"""Texts, numbers and times as people read them.

English sentences are the message ids; `web/locale/<language>/*.po` hold the translations, one file per console, merged
when a language is first asked for. Two languages are equal here: "zh" and "en".

Two ways of filling in, chosen by where the text comes from:

* `gettext("Order %(number)s", number=…)`: templates and code; a per cent sign of its own is written `%%`
* `format("Order {number} was not found.", number=…)`: the docstrings of errors
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from gettext import c2py
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_timedelta, get_month_names
from babel.messages.pofile import read_po
from babel.numbers import get_currency_precision, get_currency_symbol, get_decimal_symbol, get_group_symbol
from babel.units import format_unit

LOCALES: tuple[str, ...] = ("zh", "en")
LOCALE_NAMES: Mapping[str, str] = {"zh": "中文", "en": "English"}
LANGUAGE_TAGS: Mapping[str, str] = {"zh": "zh-CN", "en": "en"}  # zh-CN picks the right glyphs in CJK typefaces
LOCALE_DIRECTORY = Path(__file__).resolve().parent.parent / "web" / "locale"

DateStyle = Literal["minute", "second", "date", "time", "exact"]


class Translator:
    """One language: its texts and its ways of writing numbers and times. Get one from `translator(locale)`."""

    def __init__(
        self,
        locale: str,
        messages: Mapping[str, str],
        plurals: Mapping[str, tuple[str, ...]],
        plural_index: Callable[[int], int],
    ) -> None:
        self.locale = locale
        self._messages = messages
        self._plurals = plurals
        self._plural_index = plural_index

    def lookup(self, msgid: str) -> str:
        """The translated text with its placeholders still in it; the id itself when there is none."""
        return self._messages.get(msgid, msgid)

    def lookup_plural(self, singular: str, plural: str, number: int) -> str:
        """Like `lookup`, for a text whose form depends on a number."""
        forms = self._plurals.get(singular)
        if forms is None:
            return singular if number == 1 else plural
        return forms[min(self._plural_index(number), len(forms) - 1)]

    def gettext(self, msgid: str, /, **params: object) -> str:
        """The text with its `%(name)s` filled in."""
        return self.lookup(msgid) % params

    def ngettext(self, singular: str, plural: str, number: int, /, **params: object) -> str:
        """The text for this number, with its `%(name)s` filled in; `%(num)s` is the number."""
        return self.lookup_plural(singular, plural, number) % {"num": number, **params}

    def prose(self, sentences: Iterable[str]) -> str:
        """Sentences one after the other, those that are empty left out: Chinese puts no space between them."""
        return ("" if self.locale == "zh" else " ").join(one for one in sentences if one)

    def format(self, msgid: str, /, **params: object) -> str:
        """The text with its `{name}` filled in, labels in its own language: for docstrings of errors."""
        return self.lookup(msgid).format_map({name: self._told(value) for name, value in params.items()})

    def _told(self, value: object) -> object:
        if isinstance(value, tuple):
            return ("、" if self.locale == "zh" else ", ").join(str(self._told(one)) for one in value)
        return self.lookup(value) if isinstance(value, Label) else value

    def money(self, minor: int, currency: str) -> str:
        """12345, "CNY" -> "¥123.45" in Chinese, "CN¥123.45" in English. `minor` is in the currency's minor unit."""
        return money(minor, currency, self.locale)

    def time(self, moment: datetime, zone: tzinfo, style: DateStyle = "minute") -> str:
        """The moment on the reader's clock; see `format_datetime`."""
        return format_datetime(moment, zone, self.locale, style)

    def day(self, written: str) -> str:
        """A day written as "2027-04-02": "2 Apr 2027" in English. What is no day stays as it is."""
        try:
            day = datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            return written
        return format_datetime(day, UTC, self.locale, "date")

    def relative(self, moment: datetime, now: datetime) -> str:
        """ "in 2 hours", "3 days ago", "just now"."""
        return relative(moment, now, self.locale)

    def duration(self, span: timedelta) -> str:
        """ "842 ms", "1.2 sec", "1 hr 20 min"."""
        return duration(span, self.locale)


class Label(str):
    """A message id that stands in for what it says among the values of an error or of another text."""

    __slots__ = ()


def N_(msgid: str) -> str:  # noqa: N802 - the name extraction tools and readers know
    """Marks a text for translation where it is defined; it is translated where it is shown: `_(state.label)`."""
    return msgid


@cache
def translator(locale: str) -> Translator:
    """The translator of a language, loaded once. Unknown languages speak English."""
    return load_translator(locale, LOCALE_DIRECTORY)


def load_translator(locale: str, directory: Path) -> Translator:
    """Reads and merges every .po file of a language; fuzzy entries do not count."""
    messages: dict[str, str] = {}
    plurals: dict[str, tuple[str, ...]] = {}
    plural_index: Callable[[int], int] = c2py("n != 1")
    for path in sorted((directory / locale).glob("*.po")):
        with path.open("rb") as file:
            catalog = read_po(file, locale=locale)
        plural_index = c2py(catalog.plural_expr)
        for message in catalog:
            if not message.id or message.fuzzy or not message.string:
                continue
            if isinstance(message.id, tuple | list):
                forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
                plurals[message.id[0]] = tuple(forms)
            elif isinstance(message.string, str):
                messages[message.id] = message.string
    return Translator(locale, messages, plurals, plural_index)


def negotiate(accept_language: str | None, available: Sequence[str] = LOCALES) -> str:
    """The best of our languages for an Accept-Language header; the first of `available` when none fits.

    "zh-TW,zh;q=0.9,en;q=0.8" -> "zh". Malformed parts are passed over.
    """
    wishes: list[tuple[float, int, str]] = []
    for position, part in enumerate((accept_language or "")[:1000].split(",")):
        tag, _, parameters = part.strip().partition(";")
        quality = 1.0
        if parameters:
            match = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameters)
            if match is None:
                continue
            quality = float(match[1])
        if quality > 0:
            wishes.append((-quality, position, tag.strip().lower()))
    for _, _, tag in sorted(wishes):
        if tag == "*":
            break
        language = tag.partition("-")[0]
        for locale in available:
            if locale in (tag, language):
                return locale
    return available[0]


# --- numbers


@lru_cache(maxsize=512)
def _money_parts(currency: str, locale: str) -> tuple[int, str, str, str, str, str, str]:
    """exponent, decimal point, thousands separator, and what stands before and after, positive and negative.

    Asking Babel costs some 40 µs for each amount; a page of fifty rows has a hundred and fifty of them.
    """
    known = _babel(locale)
    symbol = get_currency_symbol(currency, locale=known)
    pattern = known.currency_formats["standard"]
    before, before_negative, after, after_negative = (
        part.replace("¤", symbol) for part in (*pattern.prefix, *pattern.suffix)
    )
    exponent = get_currency_precision(currency)
    return (
        exponent,
        get_decimal_symbol(known),
        get_group_symbol(known),
        before,
        before_negative,
        after,
        after_negative,
    )


def money(minor: int, currency: str, locale: str) -> str:
    """An amount of minor units as people write it: 123456, "CNY", "zh" -> "¥1,234.56"; 500, "JPY" has no decimals."""
    exponent, point, separator, before, before_negative, after, after_negative = _money_parts(currency, locale)
    whole, fraction = divmod(abs(minor), 10**exponent)
    digits = f"{whole:,}"
    if separator != ",":
        digits = digits.replace(",", separator)
    if exponent:
        digits += f"{point}{fraction:0{exponent}d}"
    return f"{before_negative}{digits}{after_negative}" if minor < 0 else f"{before}{digits}{after}"


def number(value: int, locale: str) -> str:
    """12345 -> "12,345"."""
    return f"{value:,}".replace(",", get_group_symbol(_babel(locale)))


# --- times


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The time zone called so ("Asia/Shanghai"); UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a directory in the zone database
        return UTC


def format_datetime(moment: datetime, zone: tzinfo, locale: str, style: DateStyle = "minute") -> str:
    """The moment on the reader's clock.

    minute  2026-11-23 20:38          23 Nov 2026, 20:38
    second  2026-11-23 20:38:05       23 Nov 2026, 20:38:05
    date    2026-11-23                23 Nov 2026
    time    20:38:05                  20:38:05
    exact   2026-11-23 20:38:05.120 UTC+08:00 (for reading beside a log)
    """
    local = moment.astimezone(zone)
    if style == "exact":
        offset = f"{local:%z}"
        return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} UTC{offset[:3]}:{offset[3:5]}"
    if style == "time":
        return f"{local:%H:%M:%S}"
    if locale == "zh":
        day, joint = f"{local:%Y-%m-%d}", " "
    else:
        day, joint = f"{local.day} {_month_names(locale)[local.month]} {local.year}", ", "
    if style == "date":
        return day
    return f"{day}{joint}{local:%H:%M:%S}" if style == "second" else f"{day}{joint}{local:%H:%M}"


def relative(moment: datetime, now: datetime, locale: str) -> str:
    """How far off a moment is: "in 2 hours", "3 days ago"; "just now" within five seconds."""
    seconds = (moment - now).total_seconds()
    size = abs(seconds)
    if size < 5:
        return translator(locale).gettext("just now")
    for limit, unit in ((60, 1), (3600, 60), (86_400, 3600), (30 * 86_400, 86_400), (365 * 86_400, 30 * 86_400)):
        # 59.7 minutes are an hour, not 60 minutes
        if round(size / unit) * unit < limit:
            break
    else:
        unit = 365 * 86_400
    count = round(size / unit)
    return _relative(count if seconds > 0 else -count, unit, locale)


def duration(span: timedelta, locale: str) -> str:
    """How long something takes, in at most two units: "842 ms", "1.2 sec", "1 hr 20 min", "3 days 4 hr"."""
    milliseconds = max(0, round(span / timedelta(milliseconds=1)))
    if milliseconds < 1000:
        return _unit(milliseconds, "millisecond", locale)
    if milliseconds < 60_000:
        tenths = milliseconds // 100
        return _unit(tenths / 10 if tenths % 10 else tenths // 10, "second", locale)
    seconds = milliseconds // 1000
    units = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
    largest = next(index for index, (_, size) in enumerate(units) if seconds >= size)
    parts = []
    for name, size in units[largest : largest + 2]:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(_unit(count, name, locale))
    return ("" if locale == "zh" else " ").join(parts)


@cache
def _babel(locale: str) -> Locale:
    try:
        return Locale.parse(locale)
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@cache
def _month_names(locale: str) -> Mapping[int, str]:
    return dict(get_month_names("abbreviated", locale=_babel(locale)))


@lru_cache(maxsize=4096)
def _relative(count: int, unit: int, locale: str) -> str:
    # This threshold keeps the unit we chose (Babel would make weeks of seven days). Chinese is short unabbreviated.
    return format_timedelta(
        timedelta(seconds=count * unit),
        threshold=abs(count),
        add_direction=True,
        format="short" if locale == "zh" else "long",
        locale=_babel(locale),
    )


@lru_cache(maxsize=8192)
def _unit(value: float, unit: str, locale: str) -> str:
    return format_unit(value, f"duration-{unit}", length="short", locale=_babel(locale))
