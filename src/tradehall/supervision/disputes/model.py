"""A dispute about a supervised order as it stands, and its table."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from tradehall.kernel.i18n import N_
from tradehall.supervision.disputes import appeal, hardware_return, refund
from tradehall.supervision.disputes.steps import CLOSED, UNOPENED, Kind, Outcome, Step
from tradehall.supervision.flow import By, Flow, Node, Timer, Verb

Party = Literal["buyer", "seller"]
# Whose turn it is: of both sides where a proposal waits for both.
Turn = Literal["buyer", "seller", "platform", "parties", ""]

PROCEDURES: dict[Kind, Flow] = {
    "appeal": appeal.PROCEDURE,
    "refund": refund.PROCEDURE,
    "return": hardware_return.PROCEDURE,
}
KINDS: tuple[Kind, ...] = tuple(PROCEDURES)
OUTCOME_LABELS: dict[Outcome, str] = {
    **appeal.RULING_LABELS,
    "refused": N_("Refused"),
    "withdrawn": N_("Withdrawn"),
    "superseded": N_("Decided by an appeal"),
}


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal, a refund or a return. Amounts are minor units of the order's currency: what was asked for, and what
    was granted. `facts` are what was last supplied by each verb. While it is paused an appeal goes before."""

    id: UUID
    kind: Kind
    opened_by: Party
    opener_id: UUID | None
    node: str
    turn: Turn
    outcome: Outcome | None
    amount_minor: int | None
    granted_minor: int | None
    acts: int
    entered_at: datetime
    due_at: datetime | None
    paused_at: datetime | None
    timers: dict[Timer, datetime]
    facts: dict[str, Any]
    opened_at: datetime
    finished_at: datetime | None

    @property
    def flow(self) -> Flow:
        return PROCEDURES[self.kind]

    @property
    def at(self) -> Node:
        return self.flow.node(self.node)

    def late(self, now: datetime) -> bool:
        return self.finished_at is None and self.paused_at is None and self.due_at is not None and self.due_at < now


class Stage(msgspec.Struct, frozen=True):
    """A table and a node of it at which something can be done now: of the delivery itself (`kind` None), or of a
    dispute, which there is already or which is begun by what is done."""

    flow: Flow
    node: Node
    kind: Kind | None = None
    dispute: Dispute | None = None

    def by(self, verb: Verb) -> tuple[By, ...]:
        """Which sides may do it."""
        who = self.node.by(verb)
        if who == "party":
            return ("buyer", "seller")
        if who == "opener":
            return (self.dispute.opened_by,) if self.dispute else ()
        return (who,)

    def verbs(self, side: str, now: datetime | None = None) -> list[Verb]:
        """What this side can do at it; at a moment, without what can be done only later."""
        return [verb for verb in self.node.verbs if side in self.by(verb) and not self.too_soon(verb, now)]

    def too_soon(self, verb: Verb, now: datetime | None) -> bool:
        if now is None or not isinstance(verb, Step) or not verb.late or self.dispute is None:
            return False
        return not self.dispute.late(now)


def begins(kind: Kind) -> Stage:
    """Where a dispute of this kind is begun."""
    return Stage(PROCEDURES[kind], PROCEDURES[kind].node(UNOPENED), kind)


def stage_of(dispute: Dispute) -> Stage:
    return Stage(dispute.flow, dispute.at, dispute.kind, dispute)


def turn_at(node: Node) -> Turn:
    """Whose turn it is at a node: both sides' where it names nobody and is not the end."""
    if node.actor:
        return node.actor
    return "" if node.key == CLOSED else "parties"
