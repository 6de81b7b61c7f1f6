"""Files and words handed in for a verb: drafts that can be taken back until the act, evidence ever after."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import Problem, invalid
from tradehall.kernel.files import no_longer_wanted
from tradehall.kernel.i18n import Label
from tradehall.kernel.ids import new_id
from tradehall.supervision import queries
from tradehall.supervision.disputes import rules
from tradehall.supervision.disputes.model import PROCEDURES, Stage
from tradehall.supervision.errors import (
    EvidenceHandedIn,
    EvidenceNotFound,
    FlowFinished,
    FlowFrozen,
    NotYourSide,
    OutOfTurn,
    UnknownVerb,
)
from tradehall.supervision.fields import LONGEST, NOT_ASKED, TOO_MANY, Field
from tradehall.supervision.flow import Verb
from tradehall.supervision.model import Held


def allowed(held: Held, key: str, side: str) -> tuple[Stage, Verb]:
    """The verb of this key and where it is done, if this side can do it now. Raises UnknownVerb, FlowFinished,
    FlowFrozen, OutOfTurn, NotYourSide, or what the rules of disputes say."""
    if held.known(key) is None:
        raise UnknownVerb
    if held.state != "open":
        raise FlowFinished
    for stage in held.stages:
        verb = next((one for one in stage.node.verbs if one.key == key), None)
        if verb is None:
            continue
        if side not in stage.by(verb):
            raise NotYourSide
        return stage, verb
    raise not_now(held, key)


def not_now(held: Held, key: str) -> Problem:
    """Why a verb that exists cannot be done at this moment."""
    kind = next((kind for kind, table in PROCEDURES.items() if any(verb.key == key for _, verb in table.walk())), None)
    if kind is None:
        return FlowFrozen() if held.frozen_at else OutOfTurn(node=Label(held.at.label))
    return rules.not_now(held, kind, key)


async def asked_for(reader: Reader, side: str, held: Held, verb: str, field: str) -> Field:
    """The files' field of a verb that this side can do now. Raises what `allowed` does, or Invalid where the verb asks
    for no such files, or no more of them."""
    found = next((one for one in held.fields(allowed(held, verb, side)[1]) if one.key == field), None)
    if found is None or found.kind != "files":
        raise invalid(field, NOT_ASKED)
    number = await reader.fetch_value(
        """
        SELECT count(*) FROM supervision_evidence
        WHERE flow_id = %(flow)s AND side = %(side)s AND verb = %(verb)s AND kind = %(kind)s AND act IS NULL
        """,
        {"flow": held.id, "side": side, "verb": verb, "kind": field},
    )
    if number >= found.most:
        raise invalid(field, TOO_MANY, most=found.most, now=number + 1)
    return found


async def attach(tx: Tx, number: str, verb: str, field: str, file_id: UUID) -> UUID:
    """A file that was just received becomes a draft for a verb; returns the evidence's id.

    Raises what `asked_for` does: things may have moved on while it was being sent.
    """
    held = await _held(tx, number)
    await asked_for(tx, tx.actor.kind, held, verb, field)
    evidence_id = new_id(tx.now)
    await tx.execute(
        """
        INSERT INTO supervision_evidence (id, flow_id, file_id, side, verb, kind, created_at)
        VALUES (%(id)s, %(flow)s, %(file)s, %(side)s, %(verb)s, %(kind)s, %(now)s)
        """,
        {
            "id": evidence_id,
            "flow": held.id,
            "file": file_id,
            "side": tx.actor.kind,
            "verb": verb,
            "kind": field,
            "now": tx.now,
        },
    )
    return evidence_id


async def take_back(tx: Tx, number: str, evidence_id: UUID) -> None:
    """A draft is no longer wanted; taking it back twice is fine. Raises FlowNotFound, EvidenceNotFound or
    EvidenceHandedIn."""
    held = await _held(tx, number)
    gone = await tx.fetch_one(
        _Piece,
        """
        SELECT act IS NOT NULL AS handed_in, side, file_id FROM supervision_evidence
        WHERE id = %(id)s AND flow_id = %(flow)s FOR UPDATE
        """,
        {"id": evidence_id, "flow": held.id},
    )
    if gone is None:
        return
    if gone.side != tx.actor.kind:
        raise EvidenceNotFound
    if gone.handed_in:
        raise EvidenceHandedIn
    await tx.execute("DELETE FROM supervision_evidence WHERE id = %(id)s AND act IS NULL", {"id": evidence_id})
    await no_longer_wanted(tx, gone.file_id)


class _Piece(msgspec.Struct, frozen=True):
    handed_in: bool
    side: str
    file_id: UUID


async def save_draft(tx: Tx, number: str, verb: str, answers: Mapping[str, Any]) -> None:
    """Keeps what somebody has written so far, secret things not. Raises what `allowed` does."""
    held = await queries.existing_flow(tx, tx.actor, number)
    fields = {field.key: field for field in held.fields(allowed(held, verb, tx.actor.kind)[1])}
    kept = {
        key: value[: LONGEST.get(fields[key].kind, 200) * 2] if isinstance(value, str) else value
        for key, value in answers.items()
        if key in fields and fields[key].kind not in ("secret", "files")
    }
    await tx.execute(
        """
        INSERT INTO supervision_drafts (flow_id, side, verb, answers, updated_at)
        VALUES (%(flow)s, %(side)s, %(verb)s, %(answers)s, %(now)s)
        ON CONFLICT (flow_id, side, verb) DO UPDATE SET answers = excluded.answers, updated_at = excluded.updated_at
        """,
        {
            "flow": held.id,
            "side": tx.actor.kind,
            "verb": verb,
            "answers": msgspec.json.encode(kept).decode(),
            "now": tx.now,
        },
    )


async def _held(tx: Tx, number: str) -> Held:
    """The order, held against acts that go on at the same time, and against other files: as many as are counted."""
    found = await queries.existing_flow(tx, tx.actor, number)
    await tx.fetch_value("SELECT true FROM supervision_flows WHERE id = %(id)s FOR NO KEY UPDATE", {"id": found.id})
    return await queries.flow_by_id(tx, found.id)
