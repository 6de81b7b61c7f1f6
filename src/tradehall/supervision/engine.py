"""What people do with supervised orders: one act after the other, as the flow's table has it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.journal import Event
from tradehall.kernel.secrets import Seal
from tradehall.settings import Settings
from tradehall.supervision import queries
from tradehall.supervision.carriers import Carrier
from tradehall.supervision.errors import FlowFinished, FlowFrozen, FlowMovedOn, FlowNotFound
from tradehall.supervision.evidence import allowed
from tradehall.supervision.fields import Checked, check
from tradehall.supervision.flow import Verb
from tradehall.supervision.flows import is_supervised
from tradehall.supervision.model import Held
from tradehall.supervision.moving import TIMERS, Moving, arm, told
from tradehall.supervision.opening import open_flow
from tradehall.supervision.queries import Evidence
from tradehall.supervision.timers import Timers


class Supervision:
    """The verbs and reactions of service supervision. `timers` are what happens without anybody."""

    def __init__(self, settings: Settings, seal: Seal, carrier: Carrier) -> None:
        self._settings = settings
        self._moving = Moving(settings, seal)
        self.timers = Timers(settings, self._moving, carrier)
        self._zone = ZoneInfo(settings.default_timezone)

    async def open_for(self, tx: Tx, event: Event) -> None:
        """A paid order of something that people deliver begins its flow. Reaction to order.paid.

        A renewal never does: what it renews was accepted before.
        """
        if not is_supervised(event.facts.get("delivery_type", "")) or event.facts.get("order_type", "NEW") != "NEW":
            return
        await open_flow(tx, self._settings, event.subject_id)

    async def act(self, tx: Tx, number: str, key: str, answers: Mapping[str, Any], *, seen: int | None = None) -> Held:
        """One of the two sides, or the platform, does what it can do now; returns the order as it stood before.

        `seen` is the number of acts the person had seen. The files are those the side has handed in as drafts for
        this verb. Raises FlowNotFound, FlowFinished, FlowFrozen, OutOfTurn, NotYourSide, UnknownVerb, FlowMovedOn, or
        Invalid naming everything that is missing or wrong.
        """
        held = await self._moving.take(tx, number)
        verb = allowed(held, key, tx.actor.kind)
        if seen is not None and seen != held.acts:
            raise FlowMovedOn
        files = await queries.drafted_files(tx, held.id, tx.actor.kind, key)
        checked = self._check(tx, held, verb, answers, files)
        await self._moving.carry_out(tx, held, verb, checked, files)
        return held

    def _check(self, tx: Tx, held: Held, verb: Verb, answers: Mapping[str, Any], files: Sequence[Evidence]) -> Checked:
        numbers: dict[str, int] = {}
        for one in files:
            numbers[one.kind] = numbers.get(one.kind, 0) + 1
        return check(
            held.fields(verb),
            answers,
            numbers,
            ordered=held.ordered_at.astimezone(self._zone).date(),
            today=tx.now.astimezone(self._zone).date(),
        )

    async def reveal(self, tx: Tx, number: str) -> dict[str, str]:
        """The secret things of a delivery, for the buyer and the seller who supplied them. Raises FlowNotFound."""
        held = await queries.flow(tx, tx.actor, number)
        if held is None or tx.actor.kind not in ("buyer", "seller"):
            raise FlowNotFound
        return self._moving.secrets(held).get("deliver", {})

    # --- frozen ------------------------------------------------------------------------------------------------------

    async def freeze(self, tx: Tx, number: str) -> Held:
        """Nobody can act any more and every timer stops, keeping what it had left. Raises FlowNotFound, FlowFinished
        or FlowFrozen."""
        held = await self._moving.take(tx, number)
        if held.state != "open":
            raise FlowFinished
        if held.frozen_at:
            raise FlowFrozen
        left: dict[str, float] = {name: (at - tx.now).total_seconds() for name, at in held.timers.items()}
        if held.due_at:
            left["due"] = (held.due_at - tx.now).total_seconds()
        await tx.execute(
            """
            UPDATE supervision_flows SET frozen_at = %(now)s, timers_left = %(left)s, timers = '{}', acts = acts + 1
            WHERE id = %(id)s
            """,
            {"id": held.id, "now": tx.now, "left": told(left)},
        )
        await due.cancel(tx, TIMERS, held.id)
        await tx.record("supervision.frozen", "order", held.order_id, {"flow": held.id, "node": held.node, "turn": ""})
        return held

    async def thaw(self, tx: Tx, number: str) -> None:
        """It goes on where it stood, every timer with what it had left. Raises FlowNotFound; one that is not frozen
        stays as it is."""
        held = await self._moving.take(tx, number)
        left = await tx.fetch_value("SELECT timers_left FROM supervision_flows WHERE id = %(id)s", {"id": held.id})
        if held.frozen_at is None or left is None:
            return
        moments = {name: tx.now + timedelta(seconds=seconds) for name, seconds in left.items()}
        due_at = moments.pop("due", None)
        await tx.execute(
            """
            UPDATE supervision_flows SET frozen_at = NULL, timers_left = NULL, timers = %(timers)s, due_at = %(due)s,
                   acts = acts + 1
            WHERE id = %(id)s
            """,
            {"id": held.id, "timers": told(moments), "due": due_at},
        )
        await arm(tx, held.id, moments)
        facts = {"flow": held.id, "node": held.node, "turn": held.turn, "by": due_at}
        await tx.record("supervision.resumed", "order", held.order_id, facts)
