"""What has to hold before something is done in a dispute, beyond whose turn the table says it is."""

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tradehall.kernel.errors import Problem
from tradehall.kernel.i18n import Label
from tradehall.settings import Settings
from tradehall.supervision.disputes.errors import (
    AppealTooSoon,
    AppealUnderWay,
    NoDisputeOpen,
    NothingPaid,
    NothingShipped,
    NothingToRedeliver,
    OwnOrganisation,
    RefundRuledOut,
    RefundUnderWay,
    SecondPersonNeeded,
)
from tradehall.supervision.disputes.model import PROCEDURES, Dispute, Stage
from tradehall.supervision.disputes.steps import UNOPENED, Kind
from tradehall.supervision.errors import FlowFrozen, OutOfTurn
from tradehall.supervision.flow import Node, Verb

if TYPE_CHECKING:
    from datetime import datetime

    from tradehall.supervision.model import Held


def not_now(held: "Held", kind: Kind, key: str) -> Problem:
    """Why a verb of a dispute cannot be done: what stands in its way, or that it would be of another moment."""
    begins = any(verb.key == key for verb in PROCEDURES[kind].node(UNOPENED).verbs)
    there = held.appeal if kind == "appeal" else held.refund
    if held.appeal and kind != "appeal":
        return AppealUnderWay()
    if not begins:
        return OutOfTurn(node=Label(there.at.label)) if there and there.kind == kind else NoDisputeOpen()
    if there:
        return AppealUnderWay() if kind == "appeal" else RefundUnderWay()
    if held.frozen_at:
        return FlowFrozen()
    if not held.total_minor:
        return NothingPaid()
    return NothingShipped() if held.refundable else RefundRuledOut()


def in_the_way(held: "Held", stage: Stage, verb: Verb, person_id: UUID | None, *, belongs: bool) -> Problem | None:
    """What keeps somebody from a step that the table allows their side, None for nothing. `belongs`: they are of the
    platform and of one of the two sides as well."""
    if belongs:
        return OwnOrganisation()
    if stage.kind is None:
        return None
    if verb.key == "confirm_decision" and decided_by(stage.dispute, person_id):
        return SecondPersonNeeded()
    return NothingToRedeliver() if verb.key == "decide_redeliver" and not redeliverable(held) else None


def decided_by(dispute: Dispute | None, person_id: UUID | None) -> bool:
    """Whether this person made the decision that a second one is to confirm."""
    decision = dispute.facts.get("decision") if dispute and dispute.node == "second_look" else None
    return bool(decision and decision["person"] == str(person_id))


def redeliverable(held: "Held") -> bool:
    """Whether there is a delivery of the seller's that the order could go back to."""
    try:
        delivery_behind(held)
    except NothingToRedeliver:
        return False
    return True


def check_appeal(held: "Held", side: str, settings: Settings, now: "datetime") -> None:
    """The older rule, where an installation keeps it: only after idle days of the other side, or rejections (§3)."""
    days, times = settings.appeal_idle_days, settings.appeal_rejections
    if not (days or times) or held.refund:
        return
    idle = bool(days) and held.turn != side and now - held.entered_at >= timedelta(days=days)
    rejections = max(held.rejections_by_buyer, held.rejections_by_seller)
    if not idle and not (times and rejections >= times):
        raise AppealTooSoon(days=days or "—", times=times or "—")


def delivery_behind(held: "Held") -> Node:
    """The seller's node that a delivery goes back to: the last before where it stands, as long as nothing lies between
    that cannot be undone. Raises NothingToRedeliver."""
    steps = held.steps
    place = next((number for number, node in enumerate(steps) if node.key == held.node), 0)
    for node in reversed(steps[: place + 1]):
        if node.actor == "seller" and node.term == "delivery":
            return node
        if any(verb.effect and verb.key in held.facts for verb in node.verbs):
            break
    raise NothingToRedeliver
