"""What becomes of supervised orders by itself: reminders, parcels signed for, acceptance, the old year's rule."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
import structlog

from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.settings import Settings
from tradehall.supervision import pressure, queries, tracking
from tradehall.supervision.carriers import Carrier
from tradehall.supervision.disputes.acting import Disputes
from tradehall.supervision.disputes.model import Dispute
from tradehall.supervision.fields import Checked
from tradehall.supervision.flow import COMPLETED, Timer, Verb
from tradehall.supervision.model import Held, first_reminder
from tradehall.supervision.moving import Moving, arm, told

log = structlog.get_logger()
NOTHING = Checked({}, {})
# What nobody's table has: the rule of a year counts at every node.
CLOSING = Verb(key="close", label="", event="accepted", to=COMPLETED, by="system")


class _Next(msgspec.Struct, frozen=True):
    """A timer of an order, or of a dispute about it."""

    at: datetime
    name: Timer
    dispute: Dispute | None


def _next(held: Held) -> _Next | None:
    """The timer that is due first; what is frozen or paused has none."""
    timers = [_Next(at, name, None) for name, at in held.timers.items()] if not held.frozen_at else []
    for one in held.disputes:
        if not one.paused_at:
            timers += [_Next(at, name, one) for name, at in one.timers.items()]
    return min(timers, key=lambda timer: (timer.at, timer.name), default=None) if held.state == "open" else None


class Timers:
    """Carries out the timers of supervised orders."""

    def __init__(self, settings: Settings, moving: Moving, disputes: Disputes, carrier: Carrier) -> None:
        self._settings = settings
        self._moving = moving
        self._disputes = disputes
        self._carrier = carrier

    async def carry_out(self, tx: Tx, row: DueRow) -> None:
        """What is due of a flow's timers, and of disputes about it, happens, the earliest first."""
        held = await queries.locked(tx, row.subject_id)
        while (following := _next(held)) and following.at <= tx.now:
            if following.dispute is None:
                await self._timer(tx, held, following.name)
            elif following.name == "lapse":
                await self._disputes.lapse(tx, held, following.dispute)
            else:
                await self._disputes.remind(tx, held, following.dispute)
            held = await queries.locked(tx, row.subject_id)
        if held.state == "open":
            await arm(tx, held.id)

    async def _timer(self, tx: Tx, held: Held, name: Timer) -> None:
        match name:
            case "remind":
                await self._remind(tx, held)
            case "unaccepted":
                days = (tx.now - held.ordered_at).days
                await self._set_timers(tx, held, {name: None})
                await tx.record(
                    "supervision.unaccepted", "order", held.order_id, {"flow": held.id, "days": days, "turn": held.turn}
                )
            case "close":
                await self._close_after_a_year(tx, held)
            case "track":
                await self._track(tx, held)
            case "accept":
                await self._by_itself(tx, held, "accept_automatically")
            case "lapse":
                raise AssertionError("only disputes lapse")

    async def _by_itself(self, tx: Tx, held: Held, key: str) -> None:
        """What the table has the system do at this node."""
        verb = held.flow.verb(held.node, key)
        assert verb is not None, "a timer runs only where the table has what it does"
        await self._moving.carry_out(tx, held, verb, NOTHING, ())

    async def _remind(self, tx: Tx, held: Held) -> None:
        """Reminds whoever's turn it is, and the longer they are late the more people hear of it (pressure.py)."""
        following, facts = await pressure.remind(tx, self._settings, held)
        await self._set_timers(tx, held, {"remind": following})
        await tx.record("supervision.reminded", "order", held.order_id, facts)

    async def _track(self, tx: Tx, held: Held) -> None:
        parcel = tracking.parcel(held)
        later = self._again(tx, held)
        try:
            answer = await self._carrier.track(parcel, tx.now)
        except OSError as error:
            log.warning("courier_away", courier=parcel.courier, order=held.order_number, error=str(error))
            await self._set_timers(tx, held, {"track": later})
            return
        changed = answer.status != held.facts["parcel"].get("status")
        timers: dict[Timer, datetime | None] = {"track": later}
        due_at: datetime | None = None
        if answer.status == "signed" and answer.at and held.node == "acceptance":
            # The buyer had the days to object from when it could be known here: not while the platform reviewed it,
            # nor from a day before this parcel was posted.
            known = max(answer.at, tx.now - self._settings.parcel_interval)
            timers = {"track": None, "accept": known + self._settings.parcel_acceptance}
            if changed:
                due_at = known + self._settings.acceptance_term
                timers["remind"] = first_reminder(tx.now, due_at)
        await self._set_timers(tx, held, timers, due_at)
        if changed:
            facts = {"parcel": held.facts["parcel"] | {"status": answer.status, "signed_at": answer.at}}
            await tx.execute(
                "UPDATE supervision_flows SET facts = facts || %(facts)s WHERE id = %(id)s",
                {"id": held.id, "facts": told(facts)},
            )
        if changed and answer.status == "signed":
            await tx.record(
                "supervision.parcel_signed",
                "order",
                held.order_id,
                {"flow": held.id, "at": answer.at, "turn": held.turn, "by": due_at or held.due_at},
            )

    def _again(self, tx: Tx, held: Held) -> datetime | None:
        """When the courier is asked anew; like reminders, not for ever."""
        again = tx.now + self._settings.parcel_interval
        return again if again < held.opened_at + self._settings.unaccepted_after else None

    async def _close_after_a_year(self, tx: Tx, held: Held) -> None:
        """The old rule: invoiced, it counts as accepted; otherwise the order is taken back (§1.3)."""
        if held.invoiced_at is None:
            await self._moving.cancel(tx, held, "year")
            return
        await self._moving.carry_out(tx, held, CLOSING, NOTHING, ())

    async def _set_timers(
        self, tx: Tx, held: Held, changes: Mapping[Timer, datetime | None], due_at: datetime | None = None
    ) -> None:
        """Changes timers, and by when the turn should be taken where that is given."""
        timers = {name: at for name, at in (held.timers | dict(changes)).items() if at}
        await tx.execute(
            "UPDATE supervision_flows SET timers = %(timers)s, due_at = coalesce(%(due)s, due_at) WHERE id = %(id)s",
            {"id": held.id, "timers": told(timers), "due": due_at},
        )
