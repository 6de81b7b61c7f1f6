"""When a term ends, what lies ahead of a subscription, and what a change costs. No database."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.errors import Invalid
from tradehall.settings import Settings
from tradehall.trading.errors import NothingChanges, PriceInverted
from tradehall.trading.pricing import WayToBuy, quote_change, quote_term
from tradehall.trading.terms import (
    SUBSCRIPTION_MOVES,
    Subscription,
    SubscriptionState,
    TermUnit,
    end_of_day,
    later,
    life_ahead,
    remaining_days,
)

CHINA = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAYS = timedelta(days=1)
ONE, TWO = UUID(int=1), UUID(int=2)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("begins", "unit", "number", "ends"),
    [
        ("2026-01-15T10:00+08:00", "month", 1, "2026-02-15T10:00+08:00"),
        ("2026-01-31T10:00+08:00", "month", 1, "2026-02-28T10:00+08:00"),
        ("2028-01-31T10:00+08:00", "month", 1, "2028-02-29T10:00+08:00"),
        ("2028-02-29T10:00+08:00", "year", 1, "2029-02-28T10:00+08:00"),
        ("2028-02-29T10:00+08:00", "year", 4, "2032-02-29T10:00+08:00"),
        ("2026-08-31T23:59+08:00", "month", 1, "2026-09-30T23:59+08:00"),
        ("2026-12-31T00:00+08:00", "month", 2, "2027-02-28T00:00+08:00"),
        ("2026-12-01T00:00+08:00", "month", 36, "2029-12-01T00:00+08:00"),
        ("2026-02-27T10:00+08:00", "day", 3, "2026-03-02T10:00+08:00"),
        # Already the 31st in China, still the 30th in London: the buyer's month counts.
        ("2026-01-30T20:00+00:00", "month", 1, "2026-02-28T04:00+08:00"),
    ],
)
def test_a_term_ends_on_the_same_day_or_the_months_last(begins: str, unit: TermUnit, number: int, ends: str) -> None:
    assert later(datetime.fromisoformat(begins), unit, number, CHINA) == datetime.fromisoformat(ends)


@given(MOMENTS, st.integers(1, 60))
def test_longer_terms_end_later(begins: datetime, months: int) -> None:
    shorter, longer = later(begins, "month", months, CHINA), later(begins, "month", months + 1, CHINA)
    assert begins < shorter < longer
    assert timedelta(days=28 * months) <= shorter - begins <= timedelta(days=31 * months)


@given(MOMENTS)
def test_until_the_day_ends_the_remaining_days_stay_what_they_are(now: datetime) -> None:
    end = end_of_day(now, CHINA)
    assert now < end <= now + DAYS
    assert remaining_days(now + 40 * DAYS, now, CHINA) == remaining_days(
        now + 40 * DAYS, end - timedelta(microseconds=1), CHINA
    )


def test_a_life_runs_to_its_end_by_itself() -> None:
    settings = Settings()
    ahead = life_ahead("active", NOW, False, settings)
    assert [(step.verb, step.at) for step in ahead] == [
        ("expire", NOW),
        ("freeze", NOW + 3 * DAYS),
        ("end", NOW + 18 * DAYS),
    ]
    assert life_ahead("frozen", NOW, False, settings) == ahead[2:]
    assert life_ahead("ended", NOW, False, settings) == []
    assert life_ahead("active", None, False, settings) == []
    assert [step.at for step in life_ahead("active", NOW, True, settings)] == [NOW, NOW, NOW + 15 * DAYS]


def test_every_state_but_the_last_is_left_by_itself() -> None:
    settings = Settings()
    states: list[SubscriptionState] = ["active", "grace", "frozen"]
    for state in states:
        steps = life_ahead(state, NOW, False, settings)
        for before, after in pairwise(steps):
            assert before.at <= after.at
        assert (state, steps[0].verb) in SUBSCRIPTION_MOVES


def way(sku: UUID = ONE, amount: int = 9_900, period: Any = "month", **changes: Any) -> WayToBuy:
    made = WayToBuy(
        ONE, sku, "sku", "product", "Standard", "标准版", period, amount, "CNY", 1, 100, 1, True
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def held(**changes: Any) -> Subscription:
    values: dict[str, Any] = dict.fromkeys(Subscription.__struct_fields__)
    values |= {
        "sku_id": ONE, "quantity": 1, "unit_minor": 9_900, "period_type": "month", "currency": "CNY",
        "expires_at": NOW + 30 * DAYS,
    }  # fmt: skip
    return Subscription(**values | changes)


def test_a_further_term_costs_its_periods() -> None:
    quote = quote_term(way(), 3, 2, NOW, CHINA)
    assert (quote.total_minor, quote.ends_at) == (59_400, datetime(2026, 5, 2, 9, tzinfo=UTC))
    assert sum(step.amount_minor for step in quote.steps) == quote.total_minor


@pytest.mark.parametrize(("quantity", "number"), [(0, 1), (101, 1), (1, 0), (1, 37), (1, None)])
def test_what_is_not_offered_has_no_price(quantity: int, number: int | None) -> None:
    with pytest.raises(Invalid):
        quote_term(way(), quantity, number, NOW, CHINA)


def test_a_change_costs_the_difference_for_the_rest_of_the_term() -> None:
    quote = quote_change(held(), [way(TWO, 20_100)], 1, NOW, CHINA)
    assert (quote.total_minor, quote.ends_at, quote.period_number) == (10_200, NOW + 30 * DAYS, 30)


def test_with_a_year_left_the_price_by_the_year_counts_if_there_is_one() -> None:
    long = held(expires_at=NOW + 365 * DAYS, period_type="year", unit_minor=99_900)
    ways = [way(TWO, 20_000), way(TWO, 200_000, "year")]
    assert quote_change(long, ways, 1, NOW, CHINA).total_minor == 100_100
    assert quote_change(long, ways[:1], 1, NOW, CHINA).unit_minor == 20_000
    assert quote_change(held(), ways, 1, NOW, CHINA).unit_minor == 20_000


def test_no_change_and_a_price_turned_over_are_refused() -> None:
    with pytest.raises(NothingChanges):
        quote_change(held(), [way()], 1, NOW, CHINA)
    with pytest.raises(PriceInverted):
        quote_change(held(), [way(TWO, 5_000)], 1, NOW, CHINA)
    with pytest.raises(PriceInverted):
        quote_change(held(), [way(TWO, 50_000, currency="USD")], 1, NOW, CHINA)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 2000), st.integers(1, 100), st.integers(1, 100))
def test_the_steps_of_a_change_add_up_and_it_never_pays_the_buyer(
    new: int, old: int, days: int, more: int, fewer: int
) -> None:
    before = held(unit_minor=old, quantity=fewer, expires_at=NOW + days * DAYS)
    try:
        quote = quote_change(before, [way(TWO, new)], more, NOW, CHINA)
    except PriceInverted:
        assert new * more * days < old * fewer * days
    else:
        assert sum(step.amount_minor for step in quote.steps) == quote.total_minor >= 0
