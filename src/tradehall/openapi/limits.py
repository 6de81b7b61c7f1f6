"""How often one credential may call. Counted in each process: a call is not worth a write."""

from datetime import datetime
from uuid import UUID

MOST_REMEMBERED = 10_000


class CallLimit:
    """A number of calls a minute for each credential: all of them at once, or spread over the minute. 0: no limit."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._spent_until: dict[UUID, float] = {}  # when all that was called so far will be worth nothing any more

    def take(self, credential_id: UUID, now: datetime) -> float:
        """Counts a call at `now`; if it is one too many, it is not counted, and the answer is the seconds to wait."""
        if not self.per_minute:
            return 0.0
        moment, worth = now.timestamp(), 60 / self.per_minute
        spent = max(self._spent_until.get(credential_id, moment), moment)
        # Half a call of tolerance: what is added up is not exact.
        if (wait := spent + worth / 2 - moment - 60) > 0:
            return wait + worth / 2
        if len(self._spent_until) >= MOST_REMEMBERED:
            self._spent_until = {one: until for one, until in self._spent_until.items() if until > moment}
        self._spent_until[credential_id] = spent + worth
        return 0.0
