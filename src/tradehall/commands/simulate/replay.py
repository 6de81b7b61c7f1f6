"""Supervised orders gone through once more from their logs: what the log says must be what the flow's table and those
of disputes allow, and lead to where the order stands."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.commands.simulate.replayed_disputes import Cases, Kept, Told
from tradehall.kernel.db import Reader
from tradehall.supervision.acceptance import Rule
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.flow import COMPLETED, Flow, Verb
from tradehall.supervision.flows import flow_of

# What is told of an order without anybody having acted.
TOLD = frozenset(
    {
        "supervision.reminded",
        "supervision.unaccepted",
        "supervision.parcel_signed",
        "supervision.urged",
        "supervision.message_sent",
    }
)
# What counts as an act although no table has it.
BESIDES = frozenset({"supervision.frozen", "supervision.resumed", "supervision.cancelled"})


class Standing(msgspec.Struct, frozen=True):
    """A supervised order as its row has it."""

    order_id: UUID
    order_number: str
    delivery_type: str
    version: int
    rule: Rule
    reviewed: bool
    asks_requirement: bool
    node: str
    turn: str
    state: str
    frozen: bool
    acts: int
    rejections_by_buyer: int
    rejections_by_seller: int
    rejections_by_platform: int
    due_at: datetime | None
    total_minor: int

    @property
    def flow(self) -> Flow:
        return flow_of(self.delivery_type, self.version)

    @property
    def rejections(self) -> tuple[int, int, int]:
        return self.rejections_by_buyer, self.rejections_by_seller, self.rejections_by_platform


class Logged(msgspec.Struct, frozen=True):
    """An entry of an order's log."""

    order_id: UUID
    kind: str
    at: datetime
    entry: str


class Oddity(msgspec.Struct, frozen=True):
    """What does not fit: which invariant, of which order, and what was seen."""

    invariant: str
    number: str
    seen: str


_STANDINGS: LiteralString = """
    SELECT f.order_id, f.order_number, f.delivery_type, f.version, f.rule, f.reviewed, f.asks_requirement, f.node,
           f.turn, f.state, f.frozen_at IS NOT NULL AS frozen, f.acts, f.rejections_by_buyer, f.rejections_by_seller,
           f.rejections_by_platform, f.due_at, o.total_minor
    FROM supervision_flows f JOIN orders o ON o.id = f.order_id
"""
_LOGS: LiteralString = """
    SELECT v.subject_id AS order_id, v.kind, v.at, v.entry
    FROM supervision_flows f JOIN events v ON v.subject_kind = 'order' AND v.subject_id = f.order_id
    WHERE split_part(v.kind, '.', 1) = ANY(%(kinds)s) ORDER BY v.subject_id, v.seq
"""
_DISPUTES: LiteralString = """
    SELECT d.id, f.order_id, d.kind, d.opened_by, d.node, d.turn, d.outcome, d.granted_minor, d.acts, d.due_at,
           d.paused_at
    FROM disputes d JOIN supervision_flows f ON f.id = d.flow_id
"""


async def oddities(reader: Reader, second_look_above: int) -> list[Oddity]:
    """Everything that is odd about any supervised order there is. Above so much a second person has to look."""
    logs: defaultdict[UUID, list[Logged]] = defaultdict(list)
    for one in await reader.fetch_all(Logged, _LOGS, {"kinds": ["supervision", *PROCEDURES]}):
        logs[one.order_id].append(one)
    disputes: defaultdict[UUID, list[Kept]] = defaultdict(list)
    for kept in await reader.fetch_all(Kept, _DISPUTES):
        disputes[kept.order_id].append(kept)
    return [
        odd
        for standing in await reader.fetch_all(Standing, _STANDINGS)
        for odd in Replay(standing, disputes[standing.order_id], second_look_above).run(logs[standing.order_id])
    ]


class Replay:
    """One order's log, entry by entry."""

    def __init__(self, standing: Standing, disputes: Sequence[Kept] = (), second_look_above: int = 0) -> None:
        self._is = standing
        self._disputes = disputes
        self._cases = Cases(second_look_above, standing.total_minor)
        self._flow = standing.flow
        self._node = self._flow.begins(standing.asks_requirement).key
        self._acts = 0
        self._frozen_at: datetime | None = None
        self._state = "open"
        self._accepted = False
        self._posted = False
        # By when the turn should be taken, as far as the log says.
        self._due_at: datetime | None = None
        self._rejections: Counter[str] = Counter()

    def run(self, log: Sequence[Logged]) -> Iterator[Oddity]:
        """Whatever does not fit, from beginning to end."""
        if not log or log[0].kind != "supervision.opened":
            yield self._odd("every_act_logged", "its log does not begin with its opening")
            return
        opened = _content(log[0])["facts"]
        self._due_at = _moment(opened["by"])
        if opened["node"] != self._node:
            yield self._odd("one_open_node", f"it did not begin at {self._node}")
        for one in log[1:]:
            yield from self._entry(one)
        yield from self._end()

    def _entry(self, one: Logged) -> Iterator[Oddity]:
        content = _content(one)
        facts, by = content["facts"], content["actor"]["kind"]
        sort, _, event = one.kind.partition(".")
        if sort != "supervision":
            yield from self._dispute(Told(sort, event, one.at, by, content["actor"]["person"], facts))  # type: ignore[arg-type]
        elif one.kind in TOLD:
            if self._frozen_at or self._state != "open":
                seen = f"{one.kind} of {'a frozen' if self._frozen_at else 'a finished'} order"
                yield self._odd("no_timer_on_frozen_or_finished", seen)
            if one.kind == "supervision.reminded":
                yield from self._due(_moment(facts["by"]))
            if one.kind == "supervision.parcel_signed":
                self._due_at = _moment(facts["by"])  # the buyer's days count from when it is there
        elif one.kind in BESIDES:
            yield from self._besides(one, facts)
        elif one.kind == "supervision.accepted" and "act" not in facts:
            # The consequence of an act with a name of its own: it comes once, at the end.
            if self._state != "completed" or self._accepted:
                yield self._odd("no_act_out_of_turn", f"accepted at {self._node}, {self._state}")
            self._accepted = True
        else:
            yield from self._act(one, facts, by)

    def _besides(self, one: Logged, facts: dict[str, Any]) -> Iterator[Oddity]:
        self._acts += 1
        frozen = self._frozen_at is not None
        wanted = {"supervision.frozen": False, "supervision.resumed": True}.get(one.kind, frozen)
        if self._state != "open" or frozen != wanted or facts["node"] != self._node or self._cases.open:
            seen = f"{one.kind} at {facts['node']} when it stood at {self._node}, {self._state}{', frozen' * frozen}"
            yield self._odd("no_act_out_of_turn", seen)
        if one.kind == "supervision.cancelled":
            yield from self._cancelled(facts)
            self._state, self._frozen_at = "cancelled", None
        elif one.kind == "supervision.frozen":
            self._frozen_at = one.at
        else:
            if self._due_at and self._frozen_at:
                self._due_at += one.at - self._frozen_at
            yield from self._due(_moment(facts["by"]))
            self._frozen_at = None
            if self._cases.ruled == "refund":
                yield self._odd("disputes_by_their_tables", "it goes on when its money goes back")
            elif self._cases.ruled == "resume":
                self._cases.ruled = None

    def _cancelled(self, facts: dict[str, Any]) -> Iterator[Oddity]:
        """Taken back: by the rule of a year, or as was agreed on or decided, and then with what was granted."""
        told = (facts["reason"], facts.get("refund_minor"))
        ruled = ("refund_agreed" if self._cases.agreed else "appeal_decided", self._cases.granted_minor)
        if told != (ruled if self._cases.ruled == "refund" else ("year", None)):
            seen = f"cancelled by {told}, {self._cases.ruled or 'nothing'} was ruled, {ruled}"
            yield self._odd("disputes_by_their_tables", seen)
        self._cases.ruled = None

    def _due(self, at: datetime | None) -> Iterator[Oddity]:
        if self._due_at and at != self._due_at:
            yield self._odd("time_kept", f"due at {at}, by what was left {self._due_at}")
        self._due_at = at

    def _dispute(self, told: Told) -> Iterator[Oddity]:
        if self._state != "open":
            yield self._odd("disputes_by_their_tables", f"{told.kind}.{told.event} of what is {self._state}")
        frozen = self._frozen_at is not None
        for seen in self._cases.tell(told, posted=self._posted, frozen=frozen):
            yield self._odd("disputes_by_their_tables", seen)
        if "act" not in told.facts:
            return
        self._acts += 1
        if told.facts["act"] != self._acts:
            seen = f"act {self._acts} is logged as {told.facts['act']}: {told.kind}.{told.event}"
            yield self._odd("every_act_logged", seen)
        verb = PROCEDURES[told.kind].verb(told.facts["node"], told.facts["verb"])
        if verb:
            yield from self._left_out(verb, told.facts)

    def _act(self, one: Logged, facts: dict[str, Any], by: str) -> Iterator[Oddity]:
        self._acts += 1
        if facts.get("act") != self._acts:
            yield self._odd("every_act_logged", f"act {self._acts} is logged as {facts.get('act')}: {one.kind}")
        verb = self._verb(facts)
        seen = f"{one.kind} by {by} from {facts['node']} to {facts['to']} when it stood at {self._node}"
        if verb is None or self._state != "open" or self._frozen_at:
            yield self._odd("no_act_out_of_turn", f"{seen}, {self._state}{', frozen' * bool(self._frozen_at)}")
        else:
            leads_to = verb.leads_to(self._is.reviewed)
            told = (one.kind, by, facts["node"], facts["to"], facts["turn"])
            side = self._flow.node(self._node).by(verb)
            if self._cases.ruled:  # whoever ended the dispute
                side, self._cases.ruled = self._cases.closed_by, None  # type: ignore[assignment]
            if told != (f"supervision.{verb.event}", side, self._node, leads_to, self._flow.node(leads_to).actor or ""):
                yield self._odd("no_act_out_of_turn", seen)
            yield from self._left_out(verb, facts)
            self._rejections[verb.by or by] += verb.rejects
            self._posted |= verb.timer == "track"
        if facts["to"] != self._node:
            self._due_at = None
        self._node = facts["to"]
        if self._node == COMPLETED:
            self._state = "completed"
            self._accepted = one.kind == "supervision.accepted"

    def _verb(self, facts: dict[str, Any]) -> Verb | None:
        if facts["verb"] == "close":  # the rule of a year counts at every node
            return Verb(key="close", label="", event="accepted", to=COMPLETED, by="system")
        if self._cases.ruled == "accept" and facts["verb"] == "accept_by_decision":
            return Verb(key="close", label="", event="accepted", to=COMPLETED)
        if self._cases.ruled == "redeliver" and self._flow.node(facts["to"]).term == "delivery":
            return Verb(key="close", label="", event="sent_back", to=facts["to"], by="platform", rejects=True)
        return self._flow.verb(self._node, facts["verb"])

    def _left_out(self, verb: Verb, facts: dict[str, Any]) -> Iterator[Oddity]:
        """Whatever the form and the acceptance rule ask for, and was not handed in."""
        answers = facts["answers"]
        files = Counter(one["kind"] for one in facts["files"])
        groups: defaultdict[str, bool] = defaultdict(bool)
        for field in () if verb.key == "close" else self._flow.fields(verb, self._is.rule):
            number = files.pop(field.key, 0)
            there = number >= field.least if field.kind == "files" else field.key in answers
            if field.group:
                groups[field.group] |= bool(number) or field.key in answers
            elif field.wanted(answers) and not there:
                yield self._odd("nothing_left_out", f"{verb.key} without {field.key}")
        for group, there in groups.items():
            if not there:
                yield self._odd("nothing_left_out", f"{verb.key} without any {group}")
        if files:
            yield self._odd("nothing_left_out", f"{verb.key} with {', '.join(files)}, for which nobody asks")

    def _end(self) -> Iterator[Oddity]:
        row, turn = self._is, self._flow.node(self._node).actor or "" if self._state == "open" else ""
        frozen = self._frozen_at is not None
        if (row.node, row.turn, row.state, row.frozen) != (self._node, turn, self._state, frozen):
            ours = f"stands at {row.node}, {row.turn or 'nobody'}'s turn, {row.state}{', frozen' * row.frozen}"
            theirs = f"{self._node}, {turn or 'nobody'}, {self._state}{', frozen' * frozen}"
            yield self._odd("one_open_node", f"{ours}; by its log {theirs}")
        if row.acts != self._acts:
            yield self._odd("every_act_logged", f"{row.acts} acts, {self._acts} logged")
        if (row.state == "completed") != self._accepted:
            yield self._odd("every_act_logged", f"{row.state}, and acceptance logged is {self._accepted}")
        if self._state == "open" and self._due_at and row.due_at != self._due_at:
            yield self._odd("time_kept", f"due at {row.due_at}, by its log {self._due_at}")
        for seen in self._cases.end(self._disputes):
            yield self._odd("disputes_by_their_tables", seen)
        if self._cases.ruled:
            yield self._odd("disputes_by_their_tables", f"{self._cases.ruled} was ruled, and nothing followed")
        logged = tuple(self._rejections[side] for side in ("buyer", "seller", "platform"))
        if row.rejections != logged:
            yield self._odd("rejections_counted", f"rejections counted {row.rejections}, logged {logged}")

    def _odd(self, invariant: str, seen: str) -> Oddity:
        return Oddity(invariant, self._is.order_number, f"{self._is.delivery_type} {self._is.version}: {seen}")


def _content(one: Logged) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(one.entry)
    return content


def _moment(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None
