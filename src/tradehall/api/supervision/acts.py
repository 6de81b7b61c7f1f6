"""What the sides of a supervised order do: act, keep a draft of what they are about to say, ask for its secrets."""

from typing import Annotated, Any

import msgspec
from litestar import post, put

from tradehall.api.common import ApiRequest, IdempotencyKey, Whole, installation_of_app, texts_for, write
from tradehall.api.supervision.disputes import DisputeUnderWay, told_under_way
from tradehall.api.supervision.parts import Answers
from tradehall.edge.access import anyone_signed_in, only
from tradehall.kernel.db import Tx
from tradehall.supervision import evidence, queries
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
    SellerStillHasTime,
    TooManyDisputes,
)
from tradehall.supervision.errors import (
    FlowFinished,
    FlowFrozen,
    FlowMovedOn,
    FlowNotFound,
    NotYourSide,
    OutOfTurn,
    TooManyActs,
    UnknownVerb,
    WrongCode,
)
from tradehall.supervision.flow import Side
from tradehall.supervision.model import State

# What may be in the way of whoever wants to do something, or to prepare it.
NOT_NOW = [
    FlowNotFound,
    UnknownVerb,
    FlowFinished,
    FlowFrozen,
    OutOfTurn,
    NotYourSide,
    AppealUnderWay,
    RefundUnderWay,
    NoDisputeOpen,
    RefundRuledOut,
    NothingPaid,
    NothingShipped,
]
BY_KEY = "By the field's key: text, true and false of a flag, minor units of money."
Written = Annotated[Answers, msgspec.Meta(description=BY_KEY)]
# Whatever is sent is looked at field by field, so that the wrong one is named.
Supplied = Annotated[
    dict[str, Any],
    msgspec.Meta(
        description=BY_KEY,
        extra_json_schema={"additionalProperties": {"type": ["string", "boolean", "integer", "null"]}},
    ),
]


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the verbs your side is allowed, and what it asks for. Its files are those uploaded for it before.

    `seen` is the number of `acts` you had seen: if something was done since, nothing is done now.
    """

    verb: str
    answers: Supplied = {}
    seen: Whole | None = None


class FlowStanding(msgspec.Struct, frozen=True):
    """Where a supervised order stands after an act; `seen` is what to send with the next one. While a `dispute` is
    under way, it is frozen at its node."""

    number: str
    state: State
    node: str
    node_label: str
    turn: Side | None
    dispute: DisputeUnderWay | None
    seen: int


class WriteDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What your side has written so far."""

    answers: Written


class FlowDraft(msgspec.Struct, frozen=True):
    """What is kept of a draft: without secrets, and without what is not asked for."""

    verb: str
    answers: Answers


class FlowSecrets(msgspec.Struct, frozen=True):
    """The secret things of a delivery, by field; none where it has none."""

    secrets: dict[str, str]


@post(
    "/{number:str}/acts",
    guards=[anyone_signed_in],
    status_code=200,
    opt={
        "problems": [
            *NOT_NOW,
            FlowMovedOn,
            TooManyActs,
            WrongCode,
            TooManyDisputes,
            AppealTooSoon,
            SellerStillHasTime,
            OwnOrganisation,
            SecondPersonNeeded,
            NothingToRedeliver,
        ]
    },
)
async def act_on_order(
    request: ApiRequest, number: str, data: Act, idempotency_key: IdempotencyKey = None
) -> FlowStanding:
    """Do what your side can do now.

    A supervised order says what is `allowed` and what that asks for. Everything that is missing or wrong is named at
    once, by field, and nothing is done; what was uploaded and kept as a draft stays. An appeal, a refund or a return is
    begun and gone on with in the same way.
    """
    texts = texts_for(request)

    async def action(tx: Tx) -> FlowStanding:
        await installation_of_app(request).supervision.act(tx, number, data.verb, data.answers, seen=data.seen)
        held = await queries.flow(tx, tx.actor, number)
        assert held, "it was acted on"
        under_way = told_under_way(held.disputes, tx.now)
        label = texts.lookup(held.at.label)
        return FlowStanding(number, held.state, held.node, label, held.turn or None, under_way, held.acts)

    # Answers may hold a password.
    return await write(request, FlowStanding, idempotency_key, action, data, secret=True)


@put("/{number:str}/drafts/{verb:str}", guards=[anyone_signed_in], opt={"problems": NOT_NOW})
async def save_draft(
    request: ApiRequest, number: str, verb: str, data: WriteDraft, idempotency_key: IdempotencyKey = None
) -> FlowDraft:
    """Keep a draft of an act.

    For your side only, in place of the one before. Nothing is checked yet; secrets are never kept.
    """

    async def action(tx: Tx) -> FlowDraft:
        await evidence.save_draft(tx, number, verb, data.answers)
        held = await queries.flow(tx, tx.actor, number)
        assert held, "its draft was kept"
        return FlowDraft(verb, (await queries.drafts(tx, tx.actor, held.id)).get(verb, {}))

    return await write(request, FlowDraft, idempotency_key, action, data, secret=True)


@post(
    "/{number:str}/secrets",
    guards=[only("buyer", "seller")],
    status_code=200,
    opt={"problems": [FlowNotFound]},
)
async def reveal_secrets(request: ApiRequest, number: str, idempotency_key: IdempotencyKey = None) -> FlowSecrets:
    """See the secret things of a delivery.

    The initial password, for people of the buyer and of the seller who supplied it; operators cannot see it.
    """

    async def action(tx: Tx) -> FlowSecrets:
        return FlowSecrets(await installation_of_app(request).supervision.reveal(tx, number))

    return await write(request, FlowSecrets, idempotency_key, action, secret=True)
