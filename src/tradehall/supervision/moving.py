"""How a supervised order moves from node to node: the one place that writes where it stands.

Whoever moves one holds first its due row, then its own row, then its order: so that people and the worker wait for each
other in turn and never in a ring.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.secrets import Seal
from tradehall.provisioning.delivered import Handover, open_delivered
from tradehall.settings import Settings
from tradehall.supervision import codes, queries, tracking
from tradehall.supervision.fields import Checked
from tradehall.supervision.flow import COMPLETED, Node, Timer, Verb
from tradehall.supervision.model import Held, first_reminder, start_of, term_of
from tradehall.supervision.queries import Evidence

# Why an order is taken back: a year without acceptance, a refund both sides agreed on, or the marketplace's decision.
CancelReason = Literal["year", "refund_agreed", "appeal_decided"]
# One row per flow: carries out whichever of its timers is due.
TIMERS = "supervision.timers"
SHOWN_SECRET = "••••••"
# Among the facts of a flow: by when the seller promised to deliver.
PROMISED = "promised_by"


class Move(msgspec.Struct, frozen=True):
    """Where an act leads: the node, what is written down, and from when the service counts."""

    node: Node
    facts: dict[str, Any]
    secrets: bytes | None
    begins_at: datetime | None
    timers: dict[Timer, datetime]


class Moving:
    """Takes hold of supervised orders, and moves them."""

    def __init__(self, settings: Settings, seal: Seal) -> None:
        self._settings = settings
        self._seal = seal
        self._zone = ZoneInfo(settings.default_timezone)

    async def take(self, tx: Tx, number: str) -> Held:
        """The order, its row locked. Its due row is taken first, as by the worker, so that they wait in turn."""
        return await queries.hold(tx, tx.actor, number, TIMERS)

    async def carry_out(self, tx: Tx, held: Held, verb: Verb, checked: Checked, files: Sequence[Evidence]) -> None:
        act = held.acts + 1
        if verb.effect == "claim":
            await codes.claim(tx, held.order_id)
        if verb.effect == "activate":
            await codes.activate(tx, held.order_id, checked.secrets.get("code"))
        move = self._move(tx, held, verb, checked)
        await self._write(tx, held, verb, move, act)
        await hand_in(tx, held, verb, act, files)
        facts = {
            "flow": held.id,
            "act": act,
            "verb": verb.key,
            "node": held.node,
            "to": move.node.key,
            "turn": move.node.actor or "",
            "answers": checked.values | dict.fromkeys(checked.secrets, SHOWN_SECRET),
            "files": named(files),
        }
        if verb.event != "accepted":
            await tx.record(f"supervision.{verb.event}", "order", held.order_id, facts)
        if move.node.key == COMPLETED:
            await self._accepted(tx, held, verb, move, facts)

    def _move(self, tx: Tx, held: Held, verb: Verb, checked: Checked) -> Move:
        node = held.flow.node(verb.leads_to(held.reviewed))
        facts: dict[str, Any] = {verb.keeps or verb.key: checked.values}
        begins_at = None if verb.rejects and not held.activated else held.begins_at
        if verb.starts:
            begins_at = tx.now if verb.at_once else None
            if day := checked.values.get("actual_start"):
                begins_at = start_of(day, held.paid_at, self._zone)
        timers: dict[Timer, datetime] = {
            name: at for name, at in held.timers.items() if name in ("unaccepted", "close")
        }
        if node.key == held.node:
            timers = dict(held.timers)
        elif node.term:
            due_at = self._due(tx.now, held, node, verb)
            timers["remind"] = first_reminder(tx.now, due_at)
            if node.term == "delivery" and not held.facts.get(PROMISED):
                facts[PROMISED] = due_at
        if verb.rejects and held.at.term == "delivery" and node.term != "delivery":
            facts[PROMISED] = None  # the days count anew from what comes in instead
        if "track" in held.timers and node.key in ("review", "acceptance"):
            timers |= {name: held.timers[name] for name in ("track", "accept") if name in held.timers}
        if verb.timer == "track":
            facts["parcel"] = tracking.parcel_of(held, checked.values, tx.now)
            timers["track"] = tx.now + self._settings.parcel_interval
        secrets = held.secrets
        if checked.secrets:
            known = self.secrets(held)
            known[verb.key] = checked.secrets
            secrets = self._seal.close(msgspec.json.encode(known).decode(), str(held.id))
        return Move(node, facts, secrets, begins_at, timers)

    def _due(self, now: datetime, held: Held, node: Node, verb: Verb) -> datetime:
        """By when whoever's turn it becomes should act. What was promised is promised once: the parts of a delivery,
        and what is delivered anew, have until then, or a few days where that is near or past. Nobody can accept a
        parcel before it is there: what was posted has time to arrive."""
        assert node.term, "every node at which somebody acts has a term"
        if node.term == "delivery" and (promised := held.facts.get(PROMISED)):
            return max(datetime.fromisoformat(promised), now + self._settings.redelivery_term)
        if node.term == "acceptance":
            now = self._arrives(now, held, verb)
        return now + term_of(node.term, self._settings, held.delivery_days)

    def _arrives(self, now: datetime, held: Held, verb: Verb) -> datetime:
        """When a parcel is there that is not known to be signed for; now for whatever else is delivered."""
        if verb.timer == "track":
            return now + self._settings.parcel_on_its_way
        if "track" in held.timers and held.facts["parcel"]["status"] != "signed":
            return max(now, tracking.parcel(held).posted_at + self._settings.parcel_on_its_way)
        return now

    async def _write(self, tx: Tx, held: Held, verb: Verb, move: Move, act: int) -> None:
        done = move.node.key == COMPLETED
        stays = move.node.key == held.node
        counted = held.at.by(verb) if verb.rejects else ""
        due_at = held.due_at if stays or done else self._due(tx.now, held, move.node, verb)
        await tx.execute(
            """
            UPDATE supervision_flows SET
                node = %(node)s, turn = %(turn)s, state = %(state)s, entered_at = %(entered)s, due_at = %(due)s,
                acts = %(act)s, facts = facts || %(facts)s, secrets = %(secrets)s, timers = %(timers)s,
                begins_at = %(begins)s, finished_at = %(finished)s,
                rejections_by_buyer = rejections_by_buyer + (%(counted)s = 'buyer')::int,
                rejections_by_seller = rejections_by_seller + (%(counted)s = 'seller')::int,
                rejections_by_platform = rejections_by_platform + (%(counted)s = 'platform')::int
            WHERE id = %(id)s
            """,
            {
                "id": held.id,
                "node": move.node.key,
                "turn": move.node.actor or "",
                "state": "completed" if done else "open",
                "entered": held.entered_at if stays else tx.now,
                "due": due_at,
                "act": act,
                "facts": told(move.facts),
                "secrets": move.secrets,
                "timers": told({} if done else move.timers),
                "begins": (move.begins_at or tx.now) if done else move.begins_at,
                "finished": tx.now if done else None,
                "counted": counted,
            },
        )
        await arm(tx, held.id)

    async def _accepted(self, tx: Tx, held: Held, verb: Verb, move: Move, facts: dict[str, Any]) -> None:
        """Everything was delivered and accepted: what was bought is the buyer's from now on."""
        begins_at = move.begins_at or tx.now
        instance_id = new_id(tx.now)
        supplied = held.facts.get("deliver", {})
        secrets = self.secrets(held).get("deliver", {})
        await open_delivered(
            tx,
            held.order_id,
            instance_id,
            Handover(
                supplied.get("front_end_url") or supplied.get("site_url"),
                supplied.get("admin_url"),
                supplied.get("user_name"),
                self._seal.close(secrets["password"], str(instance_id)) if "password" in secrets else None,
            ),
        )
        by = tx.actor.kind if verb.event == "accepted" else "system"
        told = {"by": by, "instance": instance_id, "began_at": begins_at}
        if verb.event == "accepted":
            told |= facts
        await tx.record("supervision.accepted", "order", held.order_id, {"flow": held.id, "turn": "", **told})

    def secrets(self, held: Held) -> dict[str, dict[str, str]]:
        if not held.secrets:
            return {}
        opened: dict[str, dict[str, str]] = msgspec.json.decode(self._seal.open(held.secrets, str(held.id)))
        return opened

    async def cancel(self, tx: Tx, held: Held, reason: CancelReason, refund_minor: int | None = None) -> None:
        """Ends a flow whose row the caller holds without an acceptance: the order is taken back and the money returned,
        all of it where nothing else is said."""
        await tx.execute(
            """
            UPDATE supervision_flows SET state = 'cancelled', turn = '', finished_at = %(now)s, timers = '{}',
                   frozen_at = NULL, timers_left = NULL, acts = acts + 1
            WHERE id = %(id)s
            """,
            {"id": held.id, "now": tx.now},
        )
        await due.cancel(tx, TIMERS, held.id)
        await codes.revoke(tx, held.order_id)
        facts = {"flow": held.id, "node": held.node, "turn": "", "reason": reason}
        if refund_minor is not None:
            facts |= {"refund_minor": refund_minor, "amount_minor": refund_minor}
        await tx.record("supervision.cancelled", "order", held.order_id, facts)

    # --- frozen ------------------------------------------------------------------------------------------------------

    async def freeze(self, tx: Tx, held: Held) -> None:
        """Nobody can act any more and every timer stops, keeping what it had left. The caller holds the order's row."""
        await tx.execute(
            """
            UPDATE supervision_flows SET frozen_at = %(now)s, timers_left = %(left)s, timers = '{}', acts = acts + 1
            WHERE id = %(id)s
            """,
            {"id": held.id, "now": tx.now, "left": told(left_of(held.timers, held.due_at, tx.now))},
        )
        await arm(tx, held.id)
        await tx.record("supervision.frozen", "order", held.order_id, {"flow": held.id, "node": held.node, "turn": ""})

    async def thaw(self, tx: Tx, held: Held, *, moves_on: bool = False) -> None:
        """It goes on where it stood, every timer with what it had left, what was promised later by as long as it stood
        still; one that is not frozen stays as it is. What `moves_on` at once is nobody's turn there."""
        left = await tx.fetch_value("SELECT timers_left FROM supervision_flows WHERE id = %(id)s", {"id": held.id})
        if left is None:
            return
        assert held.frozen_at, "what is left is noted as it is frozen"
        timers, due_at = going_on(left, tx.now)
        facts: dict[str, Any] = {}
        if promised := held.facts.get(PROMISED):
            facts[PROMISED] = datetime.fromisoformat(promised) + (tx.now - held.frozen_at)
        await tx.execute(
            """
            UPDATE supervision_flows SET frozen_at = NULL, timers_left = NULL, timers = %(timers)s, due_at = %(due)s,
                   facts = facts || %(facts)s, acts = acts + 1
            WHERE id = %(id)s
            """,
            {"id": held.id, "timers": told(timers), "due": due_at, "facts": told(facts)},
        )
        await arm(tx, held.id)
        happened = {"flow": held.id, "node": held.node, "turn": "" if moves_on else held.turn, "by": due_at}
        await tx.record("supervision.resumed", "order", held.order_id, happened)


def left_of(timers: Mapping[Any, datetime], due_at: datetime | None, now: datetime) -> dict[str, float]:
    """The seconds that each timer has left, and "due" the term."""
    moments: dict[str, datetime] = {**timers, **({"due": due_at} if due_at else {})}
    return {name: (at - now).total_seconds() for name, at in moments.items()}


def going_on(left: Mapping[str, float], now: datetime) -> tuple[dict[str, datetime], datetime | None]:
    """The moments of timers, and of the term, that go on with what they had left."""
    moments = {name: now + timedelta(seconds=seconds) for name, seconds in left.items()}
    due_at = moments.pop("due", None)
    return moments, due_at


async def hand_in(tx: Tx, held: Held, verb: Verb, act: int, files: Sequence[Evidence]) -> None:
    """The files of an act become evidence, and what was drafted for it is gone."""
    if files:
        await tx.execute(
            "UPDATE supervision_evidence SET act = %(act)s WHERE id = ANY(%(ids)s) AND act IS NULL",
            {"act": act, "ids": [one.id for one in files]},
        )
    await tx.execute(
        "DELETE FROM supervision_drafts WHERE flow_id = %(flow)s AND side = %(side)s AND verb = %(verb)s",
        {"flow": held.id, "side": tx.actor.kind, "verb": verb.key},
    )


def named(files: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Files as an event names them."""
    return [{"id": one.id, "kind": one.kind, "name": one.name, "sha256": one.digest} for one in files]


async def arm(tx: Tx, flow_id: UUID) -> None:
    """Has the earliest timer of an order, or of a dispute about it, carried out when it is due."""
    at: datetime | None = await tx.fetch_value(
        """
        SELECT min(t.at::timestamptz) FROM (
            SELECT jsonb_each_text(f.timers) AS each FROM supervision_flows f
            WHERE f.id = %(flow)s AND f.state = 'open' AND f.frozen_at IS NULL
            UNION ALL
            SELECT jsonb_each_text(d.timers) FROM disputes d
            WHERE d.flow_id = %(flow)s AND d.finished_at IS NULL AND d.paused_at IS NULL
        ) timers, LATERAL (SELECT (timers.each).value AS at) t
        """,
        {"flow": flow_id},
    )
    if at:
        await due.schedule(tx, TIMERS, flow_id, at)
    else:
        await due.cancel(tx, TIMERS, flow_id)


def told(value: Any) -> str:
    """JSON for a column."""
    return msgspec.json.encode(value).decode()
