"""Supervised orders gone through once more from their logs: what the log says must be what the flow's table allows, and
lead to where the order stands."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.supervision.acceptance import Rule
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
    SELECT order_id, order_number, delivery_type, version, rule, reviewed, asks_requirement, node, turn, state,
           frozen_at IS NOT NULL AS frozen, acts, rejections_by_buyer, rejections_by_seller, rejections_by_platform
    FROM supervision_flows
"""
_LOGS: LiteralString = """
    SELECT v.subject_id AS order_id, v.kind, v.at, v.entry
    FROM supervision_flows f JOIN events v ON v.subject_kind = 'order' AND v.subject_id = f.order_id
    WHERE v.kind LIKE 'supervision.%%' ORDER BY v.subject_id, v.seq
"""


async def oddities(reader: Reader) -> list[Oddity]:
    """Everything that is odd about any supervised order there is."""
    logs: defaultdict[UUID, list[Logged]] = defaultdict(list)
    for one in await reader.fetch_all(Logged, _LOGS, {}):
        logs[one.order_id].append(one)
    return [
        odd
        for standing in await reader.fetch_all(Standing, _STANDINGS)
        for odd in Replay(standing).run(logs[standing.order_id])
    ]


class Replay:
    """One order's log, entry by entry."""

    def __init__(self, standing: Standing) -> None:
        self._is = standing
        self._flow = standing.flow
        self._node = self._flow.begins(standing.asks_requirement).key
        self._acts = 0
        self._frozen = False
        self._state = "open"
        self._accepted = False
        self._rejections: Counter[str] = Counter()

    def run(self, log: Sequence[Logged]) -> Iterator[Oddity]:
        """Whatever does not fit, from beginning to end."""
        if not log or log[0].kind != "supervision.opened":
            yield self._odd("every_act_logged", "its log does not begin with its opening")
            return
        if _content(log[0])["facts"]["node"] != self._node:
            yield self._odd("one_open_node", f"it did not begin at {self._node}")
        for one in log[1:]:
            yield from self._entry(one)
        yield from self._end()

    def _entry(self, one: Logged) -> Iterator[Oddity]:
        content = _content(one)
        facts, by = content["facts"], content["actor"]["kind"]
        if one.kind in TOLD:
            if self._frozen or self._state != "open":
                seen = f"{one.kind} of {'a frozen' if self._frozen else 'a finished'} order"
                yield self._odd("no_timer_on_frozen_or_finished", seen)
        elif one.kind in BESIDES:
            yield from self._besides(one.kind, facts)
        elif one.kind == "supervision.accepted" and "act" not in facts:
            # The consequence of an act with a name of its own: it comes once, at the end.
            if self._state != "completed" or self._accepted:
                yield self._odd("no_act_out_of_turn", f"accepted at {self._node}, {self._state}")
            self._accepted = True
        else:
            yield from self._act(one, facts, by)

    def _besides(self, kind: str, facts: dict[str, Any]) -> Iterator[Oddity]:
        self._acts += 1
        wanted = {"supervision.frozen": False, "supervision.resumed": True}.get(kind, self._frozen)
        if self._state != "open" or self._frozen != wanted or facts["node"] != self._node:
            seen = f"{kind} at {facts['node']} when it stood at {self._node}, {self._state}{', frozen' * self._frozen}"
            yield self._odd("no_act_out_of_turn", seen)
        self._frozen = kind == "supervision.frozen"
        if kind == "supervision.cancelled":
            self._state = "cancelled"

    def _act(self, one: Logged, facts: dict[str, Any], by: str) -> Iterator[Oddity]:
        self._acts += 1
        if facts.get("act") != self._acts:
            yield self._odd("every_act_logged", f"act {self._acts} is logged as {facts.get('act')}: {one.kind}")
        verb = self._verb(facts)
        seen = f"{one.kind} by {by} from {facts['node']} to {facts['to']} when it stood at {self._node}"
        if verb is None or self._state != "open" or self._frozen:
            yield self._odd("no_act_out_of_turn", f"{seen}, {self._state}{', frozen' * self._frozen}")
        else:
            leads_to = verb.leads_to(self._is.reviewed)
            told = (one.kind, by, facts["node"], facts["to"], facts["turn"])
            side = verb.by or self._flow.node(self._node).by(verb)
            if told != (f"supervision.{verb.event}", side, self._node, leads_to, self._flow.node(leads_to).actor or ""):
                yield self._odd("no_act_out_of_turn", seen)
            yield from self._left_out(verb, facts)
            self._rejections[by] += verb.rejects
        self._node = facts["to"]
        if self._node == COMPLETED:
            self._state = "completed"
            self._accepted = one.kind == "supervision.accepted"

    def _verb(self, facts: dict[str, Any]) -> Verb | None:
        if facts["verb"] == "close":  # the rule of a year counts at every node
            return Verb(key="close", label="", event="accepted", to=COMPLETED, by="system")
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
        if (row.node, row.turn, row.state, row.frozen) != (self._node, turn, self._state, self._frozen):
            ours = f"stands at {row.node}, {row.turn or 'nobody'}'s turn, {row.state}{', frozen' * row.frozen}"
            theirs = f"{self._node}, {turn or 'nobody'}, {self._state}{', frozen' * self._frozen}"
            yield self._odd("one_open_node", f"{ours}; by its log {theirs}")
        if row.acts != self._acts:
            yield self._odd("every_act_logged", f"{row.acts} acts, {self._acts} logged")
        if (row.state == "completed") != self._accepted:
            yield self._odd("every_act_logged", f"{row.state}, and acceptance logged is {self._accepted}")
        logged = tuple(self._rejections[side] for side in ("buyer", "seller", "platform"))
        if row.rejections != logged:
            yield self._odd("rejections_counted", f"rejections counted {row.rejections}, logged {logged}")

    def _odd(self, invariant: str, seen: str) -> Oddity:
        return Oddity(invariant, self._is.order_number, f"{self._is.delivery_type} {self._is.version}: {seen}")


def _content(one: Logged) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(one.entry)
    return content
