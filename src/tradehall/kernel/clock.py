"""Time as a dependency. Production follows the machine; a sandbox's clock can be moved; a test's stands still."""

from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's time in UTC, plus an offset that only a sandbox has."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


class StillClock(Clock):
    """Stands still until it is moved: stories say exactly when things happen."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self._at = at

    def now(self) -> datetime:
        return self._at

    def move_to(self, at: datetime) -> None:
        if at < self._at:
            raise ValueError("time does not run backwards")
        self._at = at

    def advance(self, by: timedelta) -> None:
        self.move_to(self._at + by)
