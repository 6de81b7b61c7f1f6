from datetime import UTC, datetime, timedelta

import pytest

from tradehall.kernel.clock import Clock, StillClock

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_a_clock_follows_the_machine_by_its_offset() -> None:
    moved = Clock(timedelta(days=3))
    assert abs(moved.now() - datetime.now(UTC) - timedelta(days=3)) < timedelta(seconds=5)
    assert Clock().now().tzinfo is UTC


def test_a_still_clock_stands_until_it_is_moved() -> None:
    clock = StillClock(AT)
    assert clock.now() == clock.now() == AT
    clock.advance(timedelta(hours=1))
    clock.move_to(AT + timedelta(hours=1))
    assert clock.now() == AT + timedelta(hours=1)


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        StillClock(AT).move_to(AT - timedelta(microseconds=1))
