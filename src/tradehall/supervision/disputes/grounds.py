"""The documented grounds on which no full refund is due: those the log shows by itself, and those the seller claims.
Source: supervision_and_trading.md §5.3."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from tradehall.kernel.i18n import N_
from tradehall.kernel.journal import Entry
from tradehall.supervision.flow import Flow

Ground = Literal["late_requirement", "late_materials", "beyond_scope"]
GROUND_LABELS: dict[Ground, str] = {
    "late_requirement": N_("No requirement was submitted within a month after the payment"),
    "late_materials": N_("Materials came more than a month late, and the project stood still"),
    "beyond_scope": N_("More was asked for than was promised when the order was taken"),
}


class _Stay(msgspec.Struct, frozen=True):
    """How long the buyer was to say what is needed: from a moment to another, for the first time or once more."""

    since: datetime
    until: datetime
    first: bool


def grounds_in(flow: Flow, paid_at: datetime, entries: Sequence[Entry], now: datetime) -> list[Ground]:
    """The grounds that the order's log shows. What was asked for beyond the scope, only the seller can say."""
    stays = list(_stays(flow, paid_at, entries, now))
    found: list[Ground] = []
    if any(stay.first and stay.until > _a_month_after(stay.since) for stay in stays):
        found.append("late_requirement")
    if any(not stay.first and stay.until > _a_month_after(stay.since) for stay in stays):
        found.append("late_materials")
    return found


def _stays(flow: Flow, paid_at: datetime, entries: Sequence[Entry], now: datetime) -> list[_Stay]:
    # Time for which the order was frozen does not count: it was nobody's to be late in.
    requirement = {node.key for node in flow.nodes if node.term == "requirement"}
    stays: list[_Stay] = []
    since: datetime | None = None
    frozen_at = now
    for one in entries:
        facts: dict[str, Any] = one.content.get("facts") or {}
        if one.kind == "supervision.opened" and facts.get("node") in requirement:
            since = paid_at
        elif since and facts.get("to") and facts["to"] not in requirement and facts.get("node") in requirement:
            stays.append(_Stay(since, one.at, not stays))
            since = None
        elif one.kind == "supervision.frozen":
            frozen_at = one.at
        elif one.kind == "supervision.resumed" and since:
            since += one.at - frozen_at
        elif facts.get("to") in requirement and facts.get("node") not in requirement:
            since = one.at
    return [*stays, _Stay(since, now, not stays)] if since else stays


def _a_month_after(moment: datetime) -> datetime:
    year, month = moment.year + moment.month // 12, moment.month % 12 + 1
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month)
