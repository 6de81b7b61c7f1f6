"""How whoever is late is pressed: reminders that reach more people the later it gets, and what the other side can do.

Who hears of it at which level, `notices.model.TOLD` says:

1. before the turn should be taken: the side whose turn it is, in the station and by mail;
2. from that moment on: the same, urgent, by SMS as well;
3. late for `escalation_after`: its administrators apart, and the side that waits, with whom to reach;
4. late for `platform_escalation_after`: the marketplace, or the account manager of the buyer.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tradehall.kernel.db import Reader, Tx
from tradehall.settings import Settings
from tradehall.supervision import queries
from tradehall.supervision.errors import FlowFinished, FlowFrozen, FlowNotFound, UrgedAlready, YourTurn
from tradehall.supervision.model import Held

Level = Literal[0, 1, 2, 3, 4]


class Pressed(msgspec.Struct, frozen=True):
    """What was done so far to have a turn taken: reminders by the marketplace and by the side that waits."""

    level: Level = 0
    reminded: int = 0
    reminded_at: datetime | None = None
    urged: int = 0
    buyer_urged_at: datetime | None = None
    seller_urged_at: datetime | None = None

    @property
    def times(self) -> int:
        """How often in all."""
        return self.reminded + self.urged

    def urged_by(self, side: str) -> datetime | None:
        """When this side reminded the other last."""
        return self.buyer_urged_at if side == "buyer" else self.seller_urged_at if side == "seller" else None

    @property
    def last_at(self) -> datetime | None:
        moments = [one for one in (self.reminded_at, self.buyer_urged_at, self.seller_urged_at) if one]
        return max(moments, default=None)


def level_at(now: datetime, due_at: datetime, settings: Settings) -> Level:
    """The level of a reminder at this moment."""
    if now < due_at:
        return 1
    late = now - due_at
    if late < settings.escalation_after:
        return 2
    return 3 if late < settings.platform_escalation_after else 4


def following(now: datetime, held: Held, settings: Settings) -> datetime | None:
    """When a reminder is due after one at this moment: in the usual interval, and not later than the next level
    begins. None once the order is old enough for the platform to follow it up itself."""
    assert held.due_at, "an open flow has a term"
    if now < held.due_at:
        at = held.due_at
    else:
        begin = [held.due_at + settings.escalation_after, held.due_at + settings.platform_escalation_after]
        at = min([now + settings.reminder_interval, *(one for one in begin if one > now)])
    return at if at < held.opened_at + settings.unaccepted_after else None


async def pressed(reader: Reader, held: Held) -> Pressed:
    """How the present turn of an order was pressed for; nothing for a turn that has just begun."""
    found = await reader.fetch_one(
        Pressed,
        """
        SELECT level, reminded, reminded_at, urged, buyer_urged_at, seller_urged_at FROM supervision_pressure
        WHERE flow_id = %(flow)s AND entered_at = %(entered)s
        """,
        {"flow": held.id, "entered": held.entered_at},
    )
    return found or Pressed()


async def remind(tx: Tx, settings: Settings, held: Held) -> tuple[datetime | None, dict[str, Any]]:
    """Counts a reminder of an order whose row the caller holds; says when the next is due, and the event's facts.
    `reached` is the level where this is the first reminder of it."""
    assert held.due_at, "an open flow has a term"
    before = await pressed(tx, held)
    level = level_at(tx.now, held.due_at, settings)
    await _keep(
        tx, held, msgspec.structs.replace(before, level=level, reminded=before.reminded + 1, reminded_at=tx.now)
    )
    facts: dict[str, Any] = {"flow": held.id, "node": held.node, "turn": held.turn, "late": tx.now >= held.due_at}
    facts |= {"by": held.due_at, "level": level, "reached": level if level > before.level else 0}
    facts |= {"times": before.times + 1, "days": max(0, (tx.now - held.due_at).days)}
    return following(tx.now, held, settings), facts


async def long_overdue(reader: Reader, settings: Settings) -> int:
    """How many orders have been late for so long that the marketplace is told of them; a thousand at most."""
    count: int = await reader.fetch_value(
        """
        SELECT count(*) FROM (
            SELECT FROM supervision_flows f
            WHERE f.state = 'open' AND f.frozen_at IS NULL AND f.turn IN ('buyer', 'seller', 'platform')
              AND f.due_at < %(before)s LIMIT %(most)s) t
        """,
        {"before": reader.now - settings.platform_escalation_after, "most": queries.MOST_COUNTED},
    )
    return count


def may_urge(held: Held, side: str) -> bool:
    """Whether somebody of this side waits for another side's turn."""
    return held.state == "open" and not held.frozen_at and side in ("buyer", "seller") and held.turn != side


async def urge(tx: Tx, settings: Settings, number: str) -> Held:
    """The side that waits reminds the one whose turn it is; at most once in `urge_interval`.

    Raises FlowNotFound, FlowFinished, FlowFrozen, YourTurn or UrgedAlready.
    """
    found = await queries.existing_flow(tx, tx.actor, number)
    if tx.actor.kind not in ("buyer", "seller"):
        raise FlowNotFound
    # Held, so that the turn is not taken meanwhile, and that two of a side come one after the other.
    held = await queries.locked(tx, found.id)
    if held.state != "open":
        raise FlowFinished
    if held.frozen_at:
        raise FlowFrozen
    if not may_urge(held, tx.actor.kind):
        raise YourTurn
    before = await pressed(tx, held)
    last = before.urged_by(tx.actor.kind)
    if last and last + settings.urge_interval > tx.now:
        raise UrgedAlready(at=last + settings.urge_interval)
    moment = {f"{tx.actor.kind}_urged_at": tx.now}
    await _keep(tx, held, msgspec.structs.replace(before, urged=before.urged + 1, **moment))
    facts = {"flow": held.id, "node": held.node, "turn": held.turn, "late": held.overdue(tx.now), "by": held.due_at}
    await tx.record("supervision.urged", "order", held.order_id, facts | {"times": before.times + 1})
    return held


async def _keep(tx: Tx, held: Held, now: Pressed) -> None:
    """Writes down how the present turn was pressed for, in place of what was of a turn before."""
    await tx.execute(
        """
        INSERT INTO supervision_pressure (flow_id, entered_at, level, reminded, reminded_at, urged, buyer_urged_at,
                                          seller_urged_at)
        VALUES (%(flow)s, %(entered)s, %(level)s, %(reminded)s, %(reminded_at)s, %(urged)s, %(buyer_urged_at)s,
                %(seller_urged_at)s)
        ON CONFLICT (flow_id) DO UPDATE SET
            entered_at = excluded.entered_at, level = excluded.level, reminded = excluded.reminded,
            reminded_at = excluded.reminded_at, urged = excluded.urged, buyer_urged_at = excluded.buyer_urged_at,
            seller_urged_at = excluded.seller_urged_at
        """,
        {"flow": held.id, "entered": held.entered_at} | msgspec.structs.asdict(now),
    )
