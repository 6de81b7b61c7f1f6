"""What the tables of disputes have beyond those of deliveries: an end with an outcome."""

from typing import Literal

from tradehall.kernel.i18n import N_
from tradehall.supervision.flow import Node, Verb

Kind = Literal["appeal", "refund", "return"]
# "resume": the delivery goes on where it stood. "redeliver": it goes back to the seller. "accept": it counts as
# accepted. "refund": money goes back and the order ends. "refused" and "withdrawn": nothing came of it, the delivery
# goes on. "superseded": an appeal decided the order, and with it this.
Outcome = Literal["resume", "redeliver", "accept", "refund", "refused", "withdrawn", "superseded"]
# What can be decided, and proposed.
Ruling = Literal["resume", "redeliver", "accept", "refund"]

UNOPENED, CLOSED = "unopened", "closed"


class Step(Verb, frozen=True, kw_only=True):
    """A verb of a dispute. One with an `outcome` ends it with that; "proposed" is what the platform proposed before,
    "decided" what it decided. One that is `late` can be done only once the turn it waits for is overdue. One `to` be
    looked at by the platform first leads to `to_reviewed`: a parcel under way, an amount that wants a second person.
    """

    outcome: Outcome | Literal["proposed", "decided"] | None = None
    late: bool = False


def unopened(step: Step) -> Node:
    """Where a dispute is before there is one: the step that begins it."""
    return Node(key=UNOPENED, label=N_("Not opened"), actor=None, verbs=(step,))


CLOSED_NODE = Node(key=CLOSED, label=N_("Closed"), actor=None)
