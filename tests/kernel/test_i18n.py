"""How numbers and times are written."""

from datetime import UTC, datetime, timedelta

import pytest
from babel.numbers import format_currency

from tradehall.kernel import i18n

NOW = datetime(2026, 11, 23, 12, 40, 12, 120_000, tzinfo=UTC)


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("currency", ["CNY", "USD", "EUR", "JPY", "KWD", "CHF", "HKD"])
@pytest.mark.parametrize("minor", [0, 1, 99, 100, 123_456, 1_234_567_890, -5, -123_456])
def test_money_is_written_as_babel_writes_it(locale: str, currency: str, minor: int) -> None:
    exponent = i18n.get_currency_precision(currency)
    from decimal import Decimal

    expected = format_currency(Decimal(minor).scaleb(-exponent), currency, locale=locale)
    assert i18n.money(minor, currency, locale) == expected


@pytest.mark.parametrize(
    ("offset", "english", "chinese"),
    [
        (timedelta(seconds=2), "just now", "刚刚"),
        (timedelta(seconds=-40), "40 seconds ago", "40秒前"),
        (timedelta(seconds=90), "in 2 minutes", "2分钟后"),
        (timedelta(minutes=59, seconds=50), "in 1 hour", "1小时后"),
        (timedelta(hours=2, minutes=4), "in 2 hours", "2小时后"),
        (timedelta(hours=-23, minutes=-50), "1 day ago", "1天前"),
        (timedelta(days=-7), "7 days ago", "7天前"),
        (timedelta(days=29), "in 29 days", "29天后"),
        (timedelta(days=61), "in 2 months", "2个月后"),
        (timedelta(days=-800), "2 years ago", "2年前"),
    ],
)
def test_a_moment_is_told_from_now(offset: timedelta, english: str, chinese: str) -> None:
    assert i18n.relative(NOW + offset, NOW, "en") == english
    assert i18n.relative(NOW + offset, NOW, "zh") == chinese


@pytest.mark.parametrize(
    ("span", "english", "chinese"),
    [
        (timedelta(0), "0 ms", "0毫秒"),
        (timedelta(milliseconds=842), "842 ms", "842毫秒"),
        (timedelta(milliseconds=1290), "1.2 sec", "1.2秒"),
        (timedelta(seconds=30), "30 sec", "30秒"),
        (timedelta(minutes=80), "1 hr 20 min", "1小时20分钟"),
        (timedelta(days=7), "7 days", "7天"),
    ],
)
def test_a_duration_has_two_units_at_most(span: timedelta, english: str, chinese: str) -> None:
    assert i18n.duration(span, "en") == english
    assert i18n.duration(span, "zh") == chinese


def test_times_are_on_the_readers_clock() -> None:
    shanghai = i18n.zone("Asia/Shanghai")
    assert i18n.format_datetime(NOW, shanghai, "zh") == "2026-11-23 20:40"
    assert i18n.format_datetime(NOW, shanghai, "en") == "23 Nov 2026, 20:40"
    assert i18n.format_datetime(NOW, i18n.zone("America/New_York"), "zh", "date") == "2026-11-23"
    assert i18n.format_datetime(NOW, shanghai, "en", "exact") == "2026-11-23 20:40:12.120 UTC+08:00"
    assert i18n.zone("../etc/passwd") is UTC
    assert i18n.zone("Asia") is UTC
    assert i18n.zone("") is UTC


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "zh"),
        ("", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh"),
        ("fr-FR,en;q=0.5,zh;q=0.4", "en"),
        ("fr", "zh"),
        ("zh;q=0,en;q=0.1", "en"),
        ("en;q=nonsense,zh", "zh"),
        ("*", "zh"),
        (";;,,;q=;", "zh"),
    ],
)
def test_the_language_a_browser_asks_for(header: str | None, locale: str) -> None:
    assert i18n.negotiate(header) == locale


def test_texts_are_filled_in_two_ways() -> None:
    english = i18n.translator("en")
    assert english.gettext("Order %(number)s", number=7) == "Order 7"
    assert english.format("Order {number} was 100% lost", number=7) == "Order 7 was 100% lost"
    assert i18n.translator("zh").ngettext("%(num)s on this page", "%(num)s on this page", 3) == "本页 3 条"
