"""An order's log as its readers are told of it: tries that failed alike are gathered, everything newest first.

Buyers and sellers read the same log in their own words; what those are stands with their pages.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

import msgspec

from tradehall.kernel.i18n import DateStyle, Translator, format_datetime, zone
from tradehall.trading.model import HappenedEvent

Clock = Callable[[datetime, DateStyle], str]
_ALIKE = ("activity", "verdict", "code", "trouble")


class Told(msgspec.Struct):
    """A log entry, with how many tries like it came directly before, itself included."""

    event: HappenedEvent
    content: dict[str, Any]
    times: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.content.get("facts") or {}
        return facts

    def moment(self, fact: str, clock: Clock, style: DateStyle) -> str:
        """A time among the facts as the reader reads it; empty where there is none."""
        written: str | None = self.facts.get(fact)
        return clock(datetime.fromisoformat(written), style) if written else ""

    def who(self, texts: Translator, viewer: str) -> str:
        """Who did it. People of the platform are named to it alone."""
        actor: dict[str, Any] = self.content.get("actor") or {}
        name: str = actor.get("name") or ""
        if actor.get("kind") == "platform" and (viewer != "platform" or not name):
            return texts.gettext("The marketplace")
        return name or texts.gettext("System")


def clock_for(locale: str, timezone: str) -> Clock:
    """Writes moments as the reader reads them."""
    return lambda moment, style: format_datetime(moment, zone(timezone), locale, style)


def told(log: Sequence[HappenedEvent]) -> list[Told]:
    """A log given oldest first, newest first. Tries that failed alike become one entry, the latest, also where those
    of several interfaces alternate."""
    gathered: list[Told] = []
    for event in log:
        one = Told(event, msgspec.json.decode(event.entry))
        if event.kind == "call.failed" and (like_it := _earlier(gathered, one)):
            gathered.remove(like_it)
            one.times = like_it.times + 1
        gathered.append(one)
    return gathered[::-1]


def _earlier(gathered: list[Told], one: Told) -> Told | None:
    """The entry alike among the failures directly before."""
    run = takewhile(lambda other: other.event.kind == "call.failed", reversed(gathered))
    return next((other for other in run if all(other.facts.get(key) == one.facts.get(key) for key in _ALIKE)), None)
