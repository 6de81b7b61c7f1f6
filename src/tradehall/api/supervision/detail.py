"""A supervised order with everything that the one who asks may see of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get

from tradehall.api.common import ApiRequest, installation_of_app, texts_for
from tradehall.api.supervision.disputes import DisputeStep, told_dispute, told_under_way
from tradehall.api.supervision.events import PREFIXES
from tradehall.api.supervision.parts import Answers, FlowActor, FlowTimer, ReachablePerson
from tradehall.api.supervision.told import (
    FlowEvent,
    SupervisedOrderDetail,
    deliveries_of,
    requirement_of,
    told_evidence,
    told_fields,
    told_parcel,
    told_recipient,
    told_steps,
    told_verb,
    values_of,
)
from tradehall.edge.access import anyone_signed_in
from tradehall.kernel.db import Reader
from tradehall.kernel.i18n import Translator
from tradehall.kernel.journal import Actor, Entry
from tradehall.supervision import queries
from tradehall.supervision.acceptance import RULE_LABELS, deliverables
from tradehall.supervision.disputes import rules
from tradehall.supervision.disputes.model import Dispute
from tradehall.supervision.disputes.queries import disputes_about
from tradehall.supervision.disputes.steps import Outcome
from tradehall.supervision.errors import FlowNotFound
from tradehall.supervision.flow import By
from tradehall.supervision.log import log_of
from tradehall.supervision.model import Held


class _File(msgspec.Struct, frozen=True):
    id: UUID


class _Facts(msgspec.Struct, frozen=True):
    act: int | None = None
    verb: str | None = None
    node: str | None = None
    to: str | None = None
    turn: str | None = None
    answers: Answers = {}
    files: list[_File] = []
    by: str | None = None
    late: bool | None = None
    days: int | None = None
    reason: str | None = None
    level: int | None = None
    times: int | None = None
    message: UUID | None = None
    text: str | None = None
    dispute: UUID | None = None
    outcome: Outcome | None = None
    final: bool | None = None
    amount_minor: int | None = None


class _Who(msgspec.Struct, frozen=True):
    kind: By
    name: str | None = None


class _Entry(msgspec.Struct, frozen=True):
    actor: _Who
    facts: _Facts


@get("/{number:str}", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def get_supervised_order(request: ApiRequest, number: str) -> SupervisedOrderDetail:
    """Look at a supervised order.

    Where it stands, whose turn it is and by when, what was asked for and delivered, by which rule it is accepted, what
    your side can do now, every file with its hash, and the operation log.
    """
    async with installation_of_app(request).db.read() as reader:
        held = await queries.existing_flow(reader, request.user.actor, number)
        sandbox = installation_of_app(request).settings.sandbox
        return await told_held(reader, request.user.actor, held, texts_for(request), sandbox)


async def told_held(
    reader: Reader, viewer: Actor, held: Held, texts: Translator, sandbox: bool
) -> SupervisedOrderDetail:
    """A supervised order for who may see it."""
    evidence = await queries.evidence(reader, viewer, held.id)
    drafts = await queries.drafts(reader, viewer, held.id)
    kept = await log_of(reader, held.order_id)
    log = [_event(one, viewer) for one in kept.entries if one.kind.startswith(PREFIXES)]
    disputes = await disputes_about(reader, held.id)
    belongs = await queries.judges_their_own(reader, viewer, held)
    values: dict[str, Any] = {
        name: getattr(held, name) for name in SupervisedOrderDetail.__struct_fields__ if hasattr(held, name)
    }
    values |= values_of(held, texts, reader.now)
    return SupervisedOrderDetail(
        **values
        | {
            "rule_label": texts.lookup(RULE_LABELS[held.rule]),
            "steps": told_steps(held, texts),
            "requirement": requirement_of(held, log),
            "system_id": held.facts.get("system_id"),
            "license_code": await queries.code_for(reader, viewer, held),
            "recipient": told_recipient(held.facts),
            "deliveries": deliveries_of(held, log),
            "parcel": told_parcel(held.facts, texts),
            "demanded": told_fields(_demanded(held), texts),
            "has_secrets": held.secrets is not None and viewer.kind in ("buyer", "seller"),
            "timers": [FlowTimer(name, at) for name, at in sorted(held.timers.items(), key=lambda timer: timer[1])],
            "dispute": told_under_way(held.disputes, reader.now),
            "disputes": [
                await told_dispute(reader, viewer, one, held.currency, _steps_of(one, log, texts), texts)
                for one in disputes
            ],
            "allowed": [
                told_verb(held, stage, verb, drafts.get(verb.key, {}), texts, sandbox)
                for stage in held.stages
                for verb in stage.verbs(viewer.kind, reader.now)
                if rules.in_the_way(held, stage, verb, viewer.person_id, belongs=belongs) is None
            ],
            "contacts": await _contacts(reader, viewer, held),
            "evidence": [told_evidence(one) for one in evidence],
            "log": log,
            "log_whole": kept.whole,
        }
    )


def _demanded(held: Held) -> tuple[Any, ...]:
    proven = any(verb.proves and (held.reviewed or not node.only_reviewed) for node, verb in held.flow.walk())
    return deliverables(held.rule, held.delivery_type) if proven else ()


def _steps_of(dispute: Dispute, log: Sequence[FlowEvent], texts: Translator) -> list[DisputeStep]:
    labels = {verb.key: verb.label for _, verb in dispute.flow.walk()}
    return [
        DisputeStep(
            one.seq, one.kind, one.at, one.actor, texts.lookup(labels[one.verb]) if one.verb in labels else None
        )
        for one in log
        if one.dispute == dispute.id and one.late is None
    ]


async def _contacts(reader: Reader, viewer: Actor, held: Held) -> list[ReachablePerson]:
    """People of the side that is late, in the delivery or in what is under way about it."""
    turn: str = held.turn if held.overdue(reader.now) else ""
    if one := held.appeal or held.refund:
        turn = one.turn if one.late(reader.now) else ""
    organisation = {"buyer": held.buyer_id, "seller": held.seller_id}.get(turn)
    if organisation is None or turn == viewer.kind:
        return []
    people = await queries.contacts(reader, organisation)
    return [ReachablePerson(one.name, one.email, one.phone) for one in people]


def _event(one: Entry, viewer: Actor) -> FlowEvent:
    entry = msgspec.json.decode(one.entry, type=_Entry)
    facts, who = entry.facts, entry.actor
    # A decision that waits for a second person, and why one was returned, are the platform's own business.
    inward = facts.final is False or one.kind == "appeal.decision_returned"
    kept_back = inward and viewer.kind != "platform"
    named = who.kind in ("buyer", "seller") or (who.kind == "platform" and viewer.kind == "platform")
    return FlowEvent(
        seq=one.seq,
        kind=one.kind,
        at=one.at,
        actor=FlowActor(who.kind, (who.name or None) if named else None),
        act=facts.act,
        # It names the decision.
        verb=None if kept_back else facts.verb,
        node=facts.node,
        to=facts.to,
        turn=facts.turn or None,  # type: ignore[arg-type]  # a side is what we record
        answers={} if kept_back else facts.answers,
        files=[file.id for file in facts.files],
        # Of an acceptance it says by whom it was, as the actor does.
        by=datetime.fromisoformat(facts.by) if facts.by and one.kind != "supervision.accepted" else None,
        late=facts.late,
        days=facts.days,
        reason=facts.reason,
        level=facts.level,
        times=facts.times,
        message=facts.message,
        text=facts.text,
        dispute=facts.dispute,
        outcome=None if kept_back else facts.outcome,
        amount_minor=None if kept_back else facts.amount_minor,
        hash=one.hash.hex(),
    )
