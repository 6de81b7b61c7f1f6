"""How often one credential may call."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from tradehall.openapi.limits import MOST_REMEMBERED, CallLimit

NOW = datetime(2026, 5, 9, 8, 0, tzinfo=UTC)


@given(
    per_minute=st.integers(1, 5000),
    pauses=st.lists(st.integers(0, 90_000), max_size=60),
)
def test_never_more_than_the_limit_at_once_and_whoever_waits_is_let_in(per_minute: int, pauses: list[int]) -> None:
    limit, one, now = CallLimit(per_minute), uuid4(), NOW
    for _ in range(per_minute):
        assert limit.take(one, now) == 0
    wait = limit.take(one, now)
    assert 0 < wait < 1.2 * 60 / per_minute  # what is added up is not exact
    for pause in pauses:
        now += timedelta(milliseconds=pause)
        if wait := limit.take(one, now):
            now += timedelta(seconds=wait)
            assert limit.take(one, now) == 0


def test_zero_is_no_limit() -> None:
    limit = CallLimit(0)
    assert not any(limit.take(uuid4(), NOW) for _ in range(100))


def test_credentials_do_not_share_it_and_are_forgotten_when_they_are_quiet() -> None:
    limit = CallLimit(1)
    for number in range(3 * MOST_REMEMBERED):
        assert limit.take(uuid4(), NOW + timedelta(seconds=number)) == 0
    assert len(limit._spent_until) <= MOST_REMEMBERED
