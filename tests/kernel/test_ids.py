from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.ids import lowest_id, new_id

moments = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ONE_MS = timedelta(milliseconds=1)


@given(moments)
def test_an_id_is_a_version_7_uuid_of_its_moment(at: datetime) -> None:
    one = new_id(at)
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    assert one.int >> 80 == int(at.timestamp() * 1000)


@given(moments, moments)
def test_ids_sort_by_time(earlier: datetime, later: datetime) -> None:
    if later - earlier > ONE_MS:
        assert new_id(earlier) < new_id(later)


@given(moments)
def test_a_span_of_time_is_a_range_of_ids(at: datetime) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert lowest_id(at) <= new_id(at) < lowest_id(at + 2 * ONE_MS)
    assert new_id(at - 2 * ONE_MS) < lowest_id(at)


def test_ids_of_one_moment_differ() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    assert len({new_id(at) for _ in range(10_000)}) == 10_000
