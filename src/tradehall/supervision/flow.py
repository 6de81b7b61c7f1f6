"""What a supervision flow is: nodes, who acts there, by which verbs, what these ask for, and where they lead.

Each file of `flows/` is such a table. Everything else is derived from it: what the engine allows, the buttons and forms
of the consoles, the step bar, the API's allowed actions, the diagrams in the docs, and the walks of the tests.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Literal

import msgspec

from tradehall.catalog.model import ChargingMode
from tradehall.supervision.acceptance import Rule, deliverables
from tradehall.supervision.fields import Field

Side = Literal["buyer", "seller", "platform"]
# In a dispute also a "party", buyer or seller, and the "opener", whichever of the two began it.
By = Literal["buyer", "seller", "platform", "system", "party", "opener"]
# Within what time whoever's turn it is should act: settings of the installation, or what the seller promised. From
# "appeal" on they are those of disputes.
Term = Literal[
    "requirement",
    "confirmation",
    "delivery",
    "review",
    "acceptance",
    "claim",
    "activation",
    "appeal",
    "answer",
    "proposal",
    "second_look",
    "transit",
    "refund_review",
    "send_back",
    "inspection",
]
Timer = Literal["remind", "unaccepted", "close", "track", "accept", "lapse"]

SIDES: tuple[Side, ...] = ("buyer", "seller", "platform")
COMPLETED = "completed"


class Verb(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be done at a node.

    `to` is where it leads, `to_reviewed` where instead when the platform looks at deliveries of this order. `event` is
    what the journal calls it, behind "supervision.". `fields` are asked for always; a verb that `proves` a delivery
    asks for what the acceptance rule demands as well. `asks` is what a person confirms before it is done. `timer` is
    what it sets going besides the reminders of the node it leads to. One that `rejects` is counted. One that `starts`
    the service says when that was: by what is supplied as actual_start, or, `at_once`, by the moment it is done. What
    is supplied is kept under the verb's key, or as what it `keeps`. One with an `effect` on the authorisation code
    cannot be taken back: from then on no refund is negotiated.
    """

    key: str
    label: str
    event: str
    to: str
    to_reviewed: str = ""
    by: By | None = None
    fields: tuple[Field, ...] = ()
    asks: str = ""
    tone: Literal["primary", "danger", "plain"] = "primary"
    timer: Timer | None = None
    proves: bool = False
    rejects: bool = False
    starts: bool = False
    at_once: bool = False
    keeps: str = ""
    effect: Literal["claim", "activate"] | None = None

    def leads_to(self, reviewed: bool) -> str:
        return self.to_reviewed if reviewed and self.to_reviewed else self.to


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a flow waits for somebody. `waits` says it to whoever waits with it."""

    key: str
    label: str
    actor: Side | None
    term: Term | None = None
    verbs: tuple[Verb, ...] = ()
    only_reviewed: bool = False

    def by(self, verb: Verb) -> By:
        """Who may do it."""
        return verb.by or self.actor or "system"


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The flow of one delivery type for orders placed from `from_date` on, in the marketplace's zone; None: ever since.

    The first node is where it begins, or `without_requirement` for products that do not ask for one. `charging` are
    the ways in which what is delivered so may be sold; one that is sent somewhere `asks_recipient` of who orders it.
    """

    type: str
    version: int
    label: str
    from_date: date | None = None
    nodes: tuple[Node, ...]
    without_requirement: str = ""
    charging: tuple[ChargingMode, ...] = ("PERIOD", "ONE_TIME")
    asks_recipient: bool = False

    def node(self, key: str) -> Node:
        return next(node for node in self.nodes if node.key == key)

    def begins(self, asks_requirement: bool) -> Node:
        if self.without_requirement and not asks_requirement:
            return self.node(self.without_requirement)
        return self.nodes[0]

    def steps(self, reviewed: bool, asks_requirement: bool = True) -> list[Node]:
        """The nodes in the order they are gone through when nobody objects."""
        begin = self.nodes.index(self.begins(asks_requirement))
        return [node for node in self.nodes[begin:] if reviewed or not node.only_reviewed]

    def walk(self) -> Iterator[tuple[Node, Verb]]:
        """Every verb with its node."""
        for node in self.nodes:
            for verb in node.verbs:
                yield node, verb

    def verb(self, node: str, key: str) -> Verb | None:
        return next((verb for verb in self.node(node).verbs if verb.key == key), None)

    def fields(self, verb: Verb, rule: Rule) -> tuple[Field, ...]:
        """All that a verb asks for by an acceptance rule."""
        return verb.fields + (deliverables(rule, self.type) if verb.proves else ())

    @property
    def told(self) -> dict[str, Any]:
        """The flow as `tradehall flows --json` prints it."""
        return {
            "type": self.type,
            "version": self.version,
            "from_date": self.from_date,
            "nodes": [
                {"key": node.key, "actor": node.actor, "verbs": [self._told(node, verb) for verb in node.verbs]}
                for node in self.nodes
            ],
        }

    def _told(self, node: Node, verb: Verb) -> dict[str, Any]:
        told: dict[str, Any] = {
            "verb": verb.key,
            "to": verb.to,
            "requires": _required(verb.fields),
            "timer": verb.timer or self.node(verb.to).term,
        }
        if groups := list(dict.fromkeys(field.group for field in verb.fields if field.group)):
            told["requires_one_of"] = [[field.key for field in verb.fields if field.group == group] for group in groups]
        if verb.to_reviewed:
            told["to_if_reviewed"] = verb.to_reviewed
        if verb.by:
            told["by"] = verb.by
        if verb.proves:
            told["requires_by_rule"] = {
                rule: _required(deliverables(rule, self.type)) for rule in ("seller_defined", "empowerment", "base")
            }
        return told


def _required(fields: Iterable[Field]) -> list[str]:
    """What has to be supplied whatever else is; of a group nothing alone, and not what another answer calls for."""
    return [field.key for field in fields if field.required and not field.group and not field.only_if]
