"""Appeals, refunds and returns gone through once more from the log of their order, each by its own table."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from tradehall.supervision.disputes.model import PROCEDURES, turn_at
from tradehall.supervision.disputes.steps import CLOSED, UNOPENED, Kind, Step
from tradehall.supervision.flow import Flow

SIDES = frozenset({"buyer", "seller"})
# What an order goes on from, and how the log says so.
GOES_ON = frozenset({"resume", "refused", "withdrawn"})


class Told(msgspec.Struct, frozen=True):
    """An entry of the log about a dispute: `event` is its kind without what sort of dispute it is about."""

    kind: Kind
    event: str
    at: datetime
    by: str
    person: str | None
    facts: dict[str, Any]

    @property
    def due_at(self) -> datetime | None:
        by: str | None = self.facts.get("by")
        return datetime.fromisoformat(by) if by else None


class Kept(msgspec.Struct, frozen=True):
    """A dispute as its row has it."""

    id: UUID
    order_id: UUID
    kind: Kind
    opened_by: str
    node: str
    turn: str
    outcome: str | None
    granted_minor: int | None
    acts: int
    due_at: datetime | None
    paused_at: datetime | None


class Case(msgspec.Struct):
    """A dispute as its log has it so far."""

    kind: Kind
    opened_by: str
    node: str = UNOPENED
    acts: int = 0
    outcome: str | None = None
    granted_minor: int | None = None
    due_at: datetime | None = None
    paused_at: datetime | None = None
    decided_by: str | None = None

    @property
    def table(self) -> Flow:
        return PROCEDURES[self.kind]

    @property
    def open(self) -> bool:
        return self.outcome is None

    def may(self, step: Step, by: str) -> bool:
        who = self.table.node(self.node).by(step)
        return by in {"party": SIDES, "opener": {self.opened_by}}.get(who, {who})

    def pause(self, at: datetime) -> None:
        self.paused_at = at

    def go_on(self, at: datetime) -> None:
        """It goes on with what it had left."""
        if self.paused_at and self.due_at:
            self.due_at += at - self.paused_at
        self.paused_at = None


class Cases:
    """All disputes about an order. What they yield is why an entry is out of turn."""

    def __init__(self, second_look_above: int, total_minor: int) -> None:
        self._second_look_above = second_look_above
        self._total_minor = total_minor
        self._all: dict[str, Case] = {}
        # What was ruled, and still has to be carried out by what follows in the log; and how much goes back.
        self.ruled: str | None = None
        self.granted_minor: int | None = None
        # Whether both sides agreed on that, and who acted last.
        self.agreed = False
        self.closed_by = ""

    @property
    def open(self) -> list[Case]:
        return [case for case in self._all.values() if case.open]

    def tell(self, told: Told, *, posted: bool, frozen: bool) -> Iterator[str]:
        """The next entry about a dispute."""
        if self.ruled and told.event != "superseded":
            yield f"{told.event} while {self.ruled} is still to be carried out"
        case = self._all.get(told.facts["dispute"])
        if case is None:
            yield from self._begun(told)
            case = self._all[told.facts["dispute"]] = Case(told.kind, told.by)
        if not frozen:
            yield f"{told.kind} {told.event} of an order that is not frozen"
        if not case.open or (case.paused_at and told.event != "superseded"):
            yield f"{told.kind} {told.event} of one that is {case.outcome or 'paused'}"
        elif told.event == "superseded":
            yield from self._superseded(case, told)
        elif told.event == "reminded":
            yield from self._reminded(case, told)
        else:
            yield from self._act(case, told, posted)

    def _begun(self, told: Told) -> Iterator[str]:
        """What a dispute that begins finds: a refund gives way to an appeal, and everything else excludes the other."""
        for case in self.open:
            if told.kind != "appeal" or case.kind == "appeal":
                yield f"{told.kind} begun while {case.kind} is open"
            else:
                case.pause(told.at)

    def _superseded(self, case: Case, told: Told) -> Iterator[str]:
        if self.ruled not in ("accept", "redeliver", "refund") or case.kind == "appeal":
            yield f"{case.kind} superseded by {self.ruled or 'nothing'}"
        case.outcome, case.node, case.due_at, case.paused_at = "superseded", CLOSED, None, None

    def _reminded(self, case: Case, told: Told) -> Iterator[str]:
        if (told.facts["node"], told.by, told.due_at) != (case.node, "system", case.due_at):
            yield f"reminded at {told.facts['node']} of {told.due_at} when {case.node} is due at {case.due_at}"
        late = case.due_at is not None and told.at >= case.due_at
        if told.facts["late"] != late or not case.due_at or case.due_at - told.at > timedelta(days=1):
            yield f"reminded at {told.at} of what is due at {case.due_at}, late is {told.facts['late']}"

    def _act(self, case: Case, told: Told, posted: bool) -> Iterator[str]:
        step, facts = case.table.verb(case.node, told.facts["verb"]), told.facts
        seen = f"{told.kind}.{told.event} by {told.by} from {facts['node']} to {facts['to']}, it stood at {case.node}"
        if not isinstance(step, Step):
            yield seen
        else:
            looked_at = self._looked_at(case, step, facts, posted)
            to = case.table.node(step.leads_to(looked_at))
            if (told.event, facts["node"], facts["to"], facts["turn"]) != (step.event, case.node, to.key, turn_at(to)):
                yield seen
            if not case.may(step, told.by):
                yield f"{step.key} by {told.by}"
            if step.late and not (case.due_at and case.due_at < told.at):
                yield f"{step.key} before {case.due_at}"
            if step.timer == "lapse" and not (case.due_at and case.due_at <= told.at):
                yield f"{step.key} before {case.due_at}"
            if to.key == case.node and told.due_at != case.due_at:
                yield f"{step.key} moved the term from {case.due_at} to {told.due_at}"
            if step.key == "confirm_decision" and case.decided_by == told.person:
                yield "a decision is confirmed by who made it"
            yield from self._outcome(step, case, facts)
        case.acts += 1
        if facts["to"] == "second_look":
            case.decided_by = told.person
        case.node, case.due_at = facts["to"], told.due_at
        if case.node == CLOSED:
            self._close(case, told)

    def _looked_at(self, case: Case, step: Step, facts: dict[str, Any], posted: bool) -> bool:
        """Whether somebody of the platform has to look first: where a parcel is, or at so much money."""
        if not step.to_reviewed:
            return False
        if case.kind == "refund":
            return posted
        moved = facts.get("amount_minor", 0) if step.outcome == "refund" else self._total_minor
        return bool(moved > self._second_look_above)

    def _outcome(self, step: Step, case: Case, facts: dict[str, Any]) -> Iterator[str]:
        ruled = facts.get("outcome")
        if (ruled is None) != (step.outcome is None) or step.outcome not in (None, "proposed", "decided", ruled):
            yield f"{step.key} with the outcome {ruled}"
        if ruled and facts["final"] != (facts["to"] == CLOSED):
            yield f"{step.key} leads to {facts['to']}, final is {facts['final']}"
        if (ruled == "refund") != ("amount_minor" in facts):
            yield f"{ruled} with {facts.get('amount_minor', 'no amount')}"

    def _close(self, case: Case, told: Told) -> None:
        case.outcome, case.due_at = told.facts.get("outcome"), None
        if case.outcome == "refund":
            case.granted_minor = self.granted_minor = told.facts.get("amount_minor")
        paused = self.open
        if case.outcome in GOES_ON and paused:
            for other in paused:
                other.go_on(told.at)
        else:
            self.ruled = "resume" if case.outcome in GOES_ON else case.outcome
            self.agreed = told.event not in ("decided", "decision_confirmed")
            self.closed_by = told.by

    def end(self, rows: Iterable[Kept]) -> Iterator[str]:
        """What the rows have otherwise than the log."""
        left = dict(self._all)
        for row in rows:
            case = left.pop(str(row.id), None)
            if case is None:
                yield f"{row.kind} {row.id} is in no log"
                continue
            turn = turn_at(case.table.node(case.node))
            ours = (row.kind, row.opened_by, row.node, row.turn, row.outcome, row.granted_minor, row.acts)
            logged = (case.kind, case.opened_by, case.node, turn, case.outcome, case.granted_minor, case.acts)
            if ours != logged:
                yield f"a dispute is {ours}, by its log {logged}"
            if (row.due_at, row.paused_at) != (case.due_at, case.paused_at):
                ours_due, logged_due = f"{row.due_at} {row.paused_at}", f"{case.due_at} {case.paused_at}"
                yield f"{row.kind} is due and paused at {ours_due}, by its log {logged_due}"
        for case in left.values():
            yield f"{case.kind} at {case.node} is only in the log"
