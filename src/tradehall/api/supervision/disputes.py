"""Appeals, refunds and returns as the API tells them: of one order with everything said, and in lists."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    Limit,
    Moment,
    NumberBegins,
    OverdueOnly,
    installation_of_app,
    texts_for,
    wanted_page,
)
from tradehall.api.supervision.events import FlowEventKind
from tradehall.api.supervision.parts import Answers, FlowActor, FlowTimer, ReachablePerson
from tradehall.edge.access import anyone_signed_in
from tradehall.kernel.db import Reader
from tradehall.kernel.i18n import Translator
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page
from tradehall.supervision.carriers import COURIERS
from tradehall.supervision.disputes import queries
from tradehall.supervision.disputes.grounds import GROUND_LABELS, Ground
from tradehall.supervision.disputes.model import OUTCOME_LABELS, Dispute, Party, Turn
from tradehall.supervision.disputes.queries import Counts, DisputeFilter, DisputeRow, Pressing, State
from tradehall.supervision.disputes.refund import GROUND
from tradehall.supervision.disputes.steps import Kind, Outcome, Ruling

PARTIES = ("buyer", "seller")
# What ends an appeal by the platform's decision, and not by an agreement.
DECIDED = ("appeal.decided", "appeal.decision_confirmed")
DisputeTurn = Annotated[
    Turn | None, msgspec.Meta(description='"parties": both the buyer and the seller; null: nobody, it is closed.')
]


class DisputeUnderWay(msgspec.Struct, frozen=True):
    """The appeal, refund or return that a frozen order waits for: whose turn it is in it, and by when. An appeal goes
    before a refund."""

    kind: Kind
    turn: DisputeTurn
    by: datetime | None
    overdue: bool


class ListedDispute(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal, a refund or a return. `turn` is whose turn it is, `by` when that should be done; while it is paused an
    appeal goes before it. Amounts are minor units: what was asked for, and what was granted."""

    id: UUID
    order_number: str
    kind: Kind
    kind_label: str
    opened_by: Party
    node: str
    node_label: str
    turn: DisputeTurn
    by: datetime | None
    overdue: bool
    outcome: Outcome | None
    outcome_label: str | None
    amount_minor: int | None
    granted_minor: int | None
    total_minor: int
    currency: str
    paused_at: datetime | None
    opened_at: datetime
    finished_at: datetime | None
    buyer_name_en: str
    buyer_name_zh: str
    seller_name_en: str
    seller_name_zh: str
    product_name_en: str
    product_name_zh: str
    sku_name_en: str
    sku_name_zh: str


class DisputeStep(msgspec.Struct, frozen=True):
    """Something that was done in a dispute, or became of it. The entry of the log with this `seq` tells more."""

    seq: int
    kind: FlowEventKind
    at: datetime
    actor: FlowActor
    label: str | None


class DisputeRuling(msgspec.Struct, frozen=True):
    """What the platform decided or proposed, and why. One that is not `final` waits for a second person, or for both
    sides; a decision is told to these once it is final."""

    outcome: Ruling
    label: str
    amount_minor: int | None
    text: str | None
    final: bool


class DisputeGround(msgspec.Struct, frozen=True):
    """A documented ground on which no full refund is due."""

    ground: str
    label: str


class DisputeRefusal(msgspec.Struct, frozen=True):
    """Why a refund or a return was refused; the ground is the seller's."""

    ground: DisputeGround | None
    reason: str | None


class ReturnAddress(msgspec.Struct, frozen=True):
    """Where goods are sent back to."""

    name: str
    phone: str
    address: str


class ReturnParcel(msgspec.Struct, frozen=True):
    """Goods on their way back."""

    courier: str
    courier_label: str
    number: str


class OrderDispute(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal, a refund or a return, with everything your side may see of it.

    It stands at `node`; `turn` is whose turn it is, `by` when that should be done. While it is paused an appeal goes
    before it, and its time does not run. `reason` and `claim` are the opener's words; `asked` is what the platform
    asked for last, while it waits for that. `amount_minor` is what was asked for, `granted_minor` what goes back.
    `grounds` against a full refund are those that the order's log shows. `return_to` is told to the two sides;
    `contact` is the buyer's, told to the seller if the buyer agreed to that.
    """

    id: UUID
    kind: Kind
    kind_label: str
    opened_by: Party
    node: str
    node_label: str
    turn: DisputeTurn
    by: datetime | None
    overdue: bool
    paused_at: datetime | None
    opened_at: datetime
    finished_at: datetime | None
    reason: str | None
    claim: str | None
    asked: str | None
    amount_minor: int | None
    granted_minor: int | None
    currency: str
    outcome: Outcome | None
    outcome_label: str | None
    proposal: DisputeRuling | None
    decision: DisputeRuling | None
    opinion: str | None
    refusal: DisputeRefusal | None
    grounds: list[DisputeGround]
    return_to: ReturnAddress | None
    returned: ReturnParcel | None
    contact: ReachablePerson | None
    steps: Annotated[list[DisputeStep], msgspec.Meta(description="Oldest first.")]
    timers: list[FlowTimer]


# --- in lists --------------------------------------------------------------------------------------------------------


@get("/disputes", guards=[anyone_signed_in])
async def list_disputes(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    kind: Annotated[Kind | None, QueryParameter(description="Only those of this kind.")] = None,
    dispute_state: Annotated[
        State | None,
        QueryParameter(name="state", description="Only those in this state; mine: where it is your side's turn."),
    ] = None,
    outcome: Annotated[Outcome | None, QueryParameter(description="Only those that ended so.")] = None,
    overdue: OverdueOnly = False,
    number: NumberBegins = "",
    since: Moment = None,
    until: Moment = None,
) -> Page[ListedDispute]:
    """List appeals, refunds and returns.

    Buyers see those about orders of their organisation, sellers those about what they sold, operators all. Newest
    first; `since` and `until` bound the opening.
    """
    wanted, texts = wanted_page(limit, after, before), texts_for(request)
    narrowed = DisputeFilter(dispute_state, kind, outcome, number, overdue, since, until)
    async with installation_of_app(request).db.read() as reader:
        found = await queries.disputes(reader, request.user.actor, wanted, narrowed)
        return Page([told_row(row, texts, reader.now) for row in found.items], found.next, found.previous)


@get("/disputes/counts", guards=[anyone_signed_in])
async def count_disputes(request: ApiRequest) -> Counts:
    """Count appeals, refunds and returns.

    How many are open and closed, and how many wait for your side (`mine`) or for anybody who is late (`overdue`).
    """
    async with installation_of_app(request).db.read() as reader:
        return await queries.counts(reader, request.user.actor)


def told_row(row: DisputeRow, texts: Translator, now: datetime) -> ListedDispute:
    kept = {name: getattr(row, name) for name in ListedDispute.__struct_fields__ if name in row.__struct_fields__}
    return ListedDispute(**kept | _standing(row, texts, now) | {"overdue": row.overdue(now)})


def _standing(one: DisputeRow | Dispute, texts: Translator, now: datetime) -> dict[str, Any]:
    """What a list and an order's page say alike."""
    return {
        "kind_label": texts.lookup(one.flow.label),
        "node_label": texts.lookup(one.at.label),
        "turn": one.turn or None,
        "by": one.due_at if one.paused_at is None else None,
        "outcome_label": texts.lookup(OUTCOME_LABELS[one.outcome]) if one.outcome else None,
    }


def told_pressing(one: Pressing | None, now: datetime) -> DisputeUnderWay | None:
    return DisputeUnderWay(one.kind, one.turn, one.due_at, one.due_at < now) if one else None


def told_under_way(disputes: Sequence[Dispute], now: datetime) -> DisputeUnderWay | None:
    """What of the open disputes of an order it waits for."""
    one = next((one for one in disputes if one.paused_at is None), None)
    return DisputeUnderWay(one.kind, one.turn, one.due_at, one.late(now)) if one else None


# --- of one order ----------------------------------------------------------------------------------------------------


async def told_dispute(
    reader: Reader, viewer: Actor, dispute: Dispute, currency: str, steps: Sequence[DisputeStep], texts: Translator
) -> OrderDispute:
    """A dispute about an order the viewer was shown."""
    facts, now = dispute.facts, reader.now
    opened = facts.get("appeal") or facts.get("request_refund") or facts.get("request_return") or {}
    agreed = facts.get("agree_refund") or facts.get("agree_return") or {}
    kept = {name: getattr(dispute, name) for name in OrderDispute.__struct_fields__ if hasattr(dispute, name)}
    ended = steps[-1].kind if dispute.finished_at and steps else ""
    return OrderDispute(
        **kept
        | _standing(dispute, texts, now)
        | {
            "overdue": dispute.late(now),
            "currency": currency,
            "reason": opened.get("reason"),
            "claim": opened.get("claim"),
            "asked": _asked(dispute),
            "proposal": _proposal(dispute, ended, texts),
            "decision": _decision(dispute, ended, viewer, texts),
            "opinion": agreed.get("opinion"),
            "refusal": _refusal(dispute, texts),
            "grounds": [DisputeGround(one, texts.lookup(GROUND_LABELS[one])) for one in _grounds(dispute)],
            "return_to": _return_to(agreed) if viewer.kind in PARTIES else None,
            "returned": _returned(facts.get("send_back"), texts),
            "contact": await _contact(reader, viewer, dispute, opened),
            "steps": list(steps),
            "timers": [FlowTimer(name, at) for name, at in sorted(dispute.timers.items(), key=lambda one: one[1])],
        }
    )


def _asked(dispute: Dispute) -> str | None:
    asked = {"buyer_evidence": "ask_buyer", "seller_evidence": "ask_seller"}.get(dispute.node, "")
    request: str | None = dispute.facts.get(asked, {}).get("request")
    return request


def _proposal(dispute: Dispute, ended: str, texts: Translator) -> DisputeRuling | None:
    """What the platform proposed last; final once both sides agreed, and it was carried out."""
    said = dispute.facts.get("propose")
    if said is None:
        return None
    outcome: Ruling = said["proposal"]
    amount = said.get("amount_minor") if outcome == "refund" else None
    label = texts.lookup(OUTCOME_LABELS[outcome])
    return DisputeRuling(outcome, label, amount, said.get("explanation"), ended == "appeal.proposal_agreed")


def _decision(dispute: Dispute, ended: str, viewer: Actor, texts: Translator) -> DisputeRuling | None:
    """What ended an appeal; to the platform also what waits for a second person."""
    outcome: Any = dispute.outcome if ended in DECIDED else None
    amount = dispute.granted_minor
    if dispute.node == "second_look" and viewer.kind == "platform":
        outcome, amount = dispute.facts["decision"]["outcome"], dispute.facts["decision"]["amount_minor"]
    if outcome is None:
        return None
    said = dispute.facts.get(f"decide_{outcome}", {})
    return DisputeRuling(outcome, texts.lookup(OUTCOME_LABELS[outcome]), amount, said.get("ruling"), ended in DECIDED)


def _refusal(dispute: Dispute, texts: Translator) -> DisputeRefusal | None:
    facts = dispute.facts
    said = facts.get("refuse_refund") or facts.get("refuse_return") or facts.get("deny_transit")
    if said is None or dispute.outcome != "refused":
        return None
    ground = said.get("ground")
    label = texts.lookup(dict(GROUND.choices)[ground]) if ground else ""
    return DisputeRefusal(DisputeGround(ground, label) if ground else None, said.get("reason"))


def _grounds(dispute: Dispute) -> list[Ground]:
    found: list[Ground] = dispute.facts.get("grounds", [])
    return found


def _return_to(agreed: dict[str, Any]) -> ReturnAddress | None:
    if "return_address" not in agreed:
        return None
    return ReturnAddress(agreed["return_name"], agreed["return_phone"], agreed["return_address"])


def _returned(sent: Answers | None, texts: Translator) -> ReturnParcel | None:
    if not sent:
        return None
    courier = str(sent["courier"])
    return ReturnParcel(courier, texts.lookup(dict(COURIERS)[courier]), str(sent["tracking_number"]))


async def _contact(reader: Reader, viewer: Actor, dispute: Dispute, opened: dict[str, Any]) -> ReachablePerson | None:
    if viewer.kind != "seller" or not opened.get("share_contact"):
        return None
    person = await queries.opener_of(reader, dispute)
    return ReachablePerson(person.name, person.email, person.phone) if person else None
