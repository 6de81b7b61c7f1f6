"""A supervised order as the API tells it, in the words of the reader's language."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from tradehall.api.supervision.disputes import DisputeTurn, DisputeUnderWay, OrderDispute, told_pressing
from tradehall.api.supervision.events import FlowEventKind
from tradehall.api.supervision.parts import Answers, FlowActor, FlowTimer, ReachablePerson, StageKind
from tradehall.catalog.delivery import delivery
from tradehall.kernel.i18n import Translator
from tradehall.supervision.acceptance import ProductClass, Rule, Scene
from tradehall.supervision.carriers import COURIERS, offered
from tradehall.supervision.disputes.model import Stage
from tradehall.supervision.disputes.queries import Pressing
from tradehall.supervision.disputes.steps import Outcome
from tradehall.supervision.fields import LONGEST, Accept, Field, Kind
from tradehall.supervision.flow import By, Flow, Node, Side, Verb
from tradehall.supervision.model import FlowRow, Held, State
from tradehall.supervision.queries import Evidence
from tradehall.trading.model import OrderState


class SupervisedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order under service supervision. It stands at `node`; `turn` is whose turn it is, null when nobody's, and `by`
    when that should be done. A frozen one stands still, and its time does not run: it waits for the `dispute` about it,
    or where there is none for the platform. Amounts are minor units.
    """

    id: UUID
    order_number: str
    buyer_id: UUID
    buyer_name_en: str
    buyer_name_zh: str
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    product_id: UUID
    product_name_en: str
    product_name_zh: str
    sku_name_en: str
    sku_name_zh: str
    total_minor: int
    currency: str
    order_state: OrderState
    ordered_at: datetime
    delivery_type: str
    delivery_label: str
    version: int
    state: State
    node: str
    node_label: str
    turn: Side | None
    by: datetime | None
    overdue: bool
    entered_at: datetime
    frozen_at: datetime | None
    dispute: DisputeUnderWay | None
    opened_at: datetime
    finished_at: datetime | None


class FlowStep(msgspec.Struct, frozen=True):
    """A node on the way to completion, and whether it is behind, is where the order stands, or is ahead."""

    node: str
    label: str
    actor: Side | None
    standing: Literal["done", "now", "ahead"]


class Choice(msgspec.Struct, frozen=True):
    """One of the values a field can have."""

    value: str
    label: str


class AskedField(msgspec.Struct, frozen=True, kw_only=True):
    """Something to supply. `kind` says what: a "flag" is true or false, a "date" YYYY-MM-DD, a "deadline" too, from
    tomorrow to sixty days ahead; "money" is a whole number of minor units of the order's currency, or text with its
    decimals; "files" are uploaded before the act, everything else is text of at most `longest` characters.

    Of the fields of one `group` at least one has to be supplied; a field with `unless` need not be when that flag is
    set, one with `only_if` only when it is. `least` and `most` are numbers of files, of the kinds `accept`.
    """

    key: str
    kind: Kind
    required: bool
    label: str
    hint: str | None = None
    longest: int | None = None
    choices: list[Choice] | None = None
    least: int | None = None
    most: int | None = None
    accept: Accept | None = None
    group: str | None = None
    unless: str | None = None
    only_if: str | None = None


class AllowedVerb(msgspec.Struct, frozen=True):
    """Something your side can do now, in the delivery, or in an appeal, a refund or a return that it begins or goes on
    with (`stage`). `asks` is what a person should confirm first; `draft` what your side has written so far."""

    stage: StageKind
    verb: str
    label: str
    asks: str | None
    rejects: bool
    fields: list[AskedField]
    draft: Answers


class EvidenceFile(msgspec.Struct, frozen=True):
    """A file of the order, with the hash of its content. `field` is what it was handed in as; `act` the number of the
    act it was handed in with, null while it is a draft that only your side sees. `size` is in bytes."""

    id: UUID
    verb: str
    field: str
    side: Side
    act: int | None
    name: str
    media_type: str
    size: int
    sha256: str
    has_thumbnail: bool
    uploaded_by_name: str | None
    created_at: datetime


class Supplied(msgspec.Struct, frozen=True):
    """What was supplied with an act: answers by field, and the ids of the files. Secret answers are masked."""

    verb: str
    act: int | None
    at: datetime | None
    answers: Answers
    files: list[UUID]


class ShippedTo(msgspec.Struct, frozen=True):
    """To whom hardware is sent."""

    name: str
    phone: str
    address: str


class ShippedParcel(msgspec.Struct, frozen=True):
    """A parcel on its way. "hidden": the courier tells nothing, the recipient's phone being another."""

    courier: str
    courier_label: str
    number: str
    status: Literal["unknown", "in_transit", "signed", "hidden"]
    posted_at: datetime
    signed_at: datetime | None


class FlowEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the operation log. Which fields are set depends on its kind: an act has its number, the verb, what
    was supplied and where it led; a reminder says by when the turn should have been taken, whether it is `late`, how
    often they were reminded (`times`), and how many hear of it by now (`level`, 1 to 4). A `message` has its `text`,
    unless only one side and the platform are to read it. What happens in an appeal, a refund or a return has that
    `dispute`, and by when the next turn should be taken; what ends it has its `outcome`, with the amount where money
    goes back. A decision that waits for a second person is told to operators only.

    `hash` is that of the entry and of the one before it in the order's journal.
    """

    seq: int
    kind: FlowEventKind
    at: datetime
    actor: FlowActor
    act: int | None = None
    verb: str | None = None
    node: str | None = None
    to: str | None = None
    turn: DisputeTurn = None
    answers: Answers = {}
    files: list[UUID] = []
    by: datetime | None = None
    late: bool | None = None
    days: int | None = None
    reason: str | None = None
    level: int | None = None
    times: int | None = None
    message: UUID | None = None
    text: str | None = None
    dispute: UUID | None = None
    outcome: Outcome | None = None
    amount_minor: int | None = None
    hash: str


class SupervisedOrderDetail(SupervisedOrder, frozen=True, kw_only=True):
    """A supervised order with everything your side may see of it.

    `acts` counts what was done: send it as `seen` so that you act on what you saw. `demanded` is what a delivery is
    proven with by the acceptance rule. `disputes` are the appeals, refunds and returns about it. `has_secrets` says
    that there is something to ask for apart: an initial password. `begins_at` is the actual start of the service.
    `contacts` are people of the other side while it is late. `log_whole` says that every entry of the order's journal
    follows from the one before and none is missing.
    """

    product_class: ProductClass
    scene: Scene | None
    rule: Rule
    rule_label: str
    reviewed: bool
    delivery_days: int
    acts: int
    rejections_by_seller: int
    rejections_by_buyer: int
    rejections_by_platform: int
    refundable: bool
    paid_at: datetime
    begins_at: datetime | None
    steps: list[FlowStep]
    requirement: Supplied | None
    system_id: str | None
    license_code: str | None
    recipient: ShippedTo | None
    deliveries: Annotated[list[Supplied], msgspec.Meta(description="Oldest first: the last is the one that counts.")]
    parcel: ShippedParcel | None
    demanded: list[AskedField]
    has_secrets: bool
    timers: list[FlowTimer]
    disputes: Annotated[
        list[OrderDispute], msgspec.Meta(description="Open and closed, newest first; at most the last fifty.")
    ]
    allowed: list[AllowedVerb]
    contacts: list[ReachablePerson]
    evidence: list[EvidenceFile]
    log: Annotated[list[FlowEvent], msgspec.Meta(description="The operation log, oldest first.")]
    log_whole: bool


class FlowVerb(msgspec.Struct, frozen=True, omit_defaults=True):
    """What can be done at a node and where it leads: elsewhere, where the platform reviews deliveries
    (`to_if_reviewed`). `by` is who does it where that is not the node's actor. A verb that proves a delivery requires
    what the acceptance rule demands as well; of each list in `requires_one_of` one thing is enough. `timer` is the term
    or timer it sets going."""

    verb: str
    to: str
    requires: list[str]
    timer: str | None
    requires_one_of: list[list[str]] | None = None
    to_if_reviewed: str | None = None
    by: By | None = None
    requires_by_rule: dict[Rule, list[str]] | None = None


class FlowNode(msgspec.Struct, frozen=True):
    """Where a flow waits, and for whom."""

    key: str
    actor: Side | None
    verbs: list[FlowVerb]


class FlowTable(msgspec.Struct, frozen=True):
    """The flow of a delivery type, for orders placed from a day on; null: ever since. Or what an "appeal", a "refund"
    or a "return" goes by: a verb at "unopened" begins it, by a "party" is by the buyer or the seller, by the "opener"
    by whichever of them began it."""

    type: str
    version: int
    from_date: date | None
    nodes: list[FlowNode]


def told_table(flow: Flow) -> FlowTable:
    return msgspec.convert(flow.told, FlowTable)


def values_of(row: FlowRow, texts: Translator, now: datetime) -> dict[str, Any]:
    """The values of a SupervisedOrder, but for its dispute."""
    kept = {name: getattr(row, name) for name in SupervisedOrder.__struct_fields__ if name in row.__struct_fields__}
    return kept | {
        "delivery_label": texts.lookup(delivery(row.delivery_type).label),
        "node_label": texts.lookup(row.at.label),
        "turn": row.turn or None,
        "by": row.due_at if row.state == "open" and row.frozen_at is None else None,
        "overdue": row.overdue(now),
    }


def told_order(row: FlowRow, texts: Translator, now: datetime, pressing: Pressing | None = None) -> SupervisedOrder:
    return SupervisedOrder(**values_of(row, texts, now), dispute=told_pressing(pressing, now))


def told_steps(held: Held, texts: Translator) -> list[FlowStep]:
    """The nodes it goes through. Where it stands belongs to them, unless a rejection led it elsewhere."""
    steps = held.steps
    keys = [node.key for node in steps]
    now = keys.index(held.node) if held.node in keys else 0
    return [
        FlowStep(node.key, texts.lookup(node.label), node.actor, _standing(held, place, now))
        for place, node in enumerate(steps)
    ]


def _standing(held: Held, place: int, now: int) -> Literal["done", "now", "ahead"]:
    if held.state == "completed" or place < now:
        return "done"
    return "now" if place == now and held.state == "open" else "ahead"


def told_field(field: Field, texts: Translator) -> AskedField:
    files = field.kind == "files"
    return AskedField(
        key=field.key,
        kind=field.kind,
        required=field.required,
        label=texts.lookup(field.label),
        hint=texts.lookup(field.hint) if field.hint else None,
        longest=LONGEST.get(field.kind),
        choices=[Choice(value, texts.lookup(label)) for value, label in field.choices] or None,
        least=field.least if files and field.required else None,
        most=field.most if files else None,
        accept=field.accept if files else None,
        group=field.group or None,
        unless=field.unless or None,
        only_if=field.only_if or None,
    )


def told_fields(fields: Iterable[Field], texts: Translator) -> list[AskedField]:
    return [told_field(field, texts) for field in fields]


def told_verb(
    held: Held, stage: Stage, verb: Verb, draft: Mapping[str, Any], texts: Translator, sandbox: bool
) -> AllowedVerb:
    return AllowedVerb(
        stage.kind or "delivery",
        verb.key,
        texts.lookup(verb.label),
        texts.lookup(verb.asks) if verb.asks else None,
        verb.rejects,
        told_fields(offered(held.fields(verb), sandbox), texts),
        dict(draft),
    )


def told_evidence(one: Evidence) -> EvidenceFile:
    return EvidenceFile(
        one.id,
        one.verb,
        one.kind,
        one.side,
        one.act,
        one.name,
        one.media_type,
        one.size,
        one.digest,
        one.has_thumbnail,
        one.uploaded_by_name or None,
        one.created_at,
    )


def told_recipient(facts: Mapping[str, Any]) -> ShippedTo | None:
    kept = facts.get("recipient")
    return (
        ShippedTo(kept["recipient_name"], kept["recipient_phone"], kept["recipient_address"])
        if kept is not None
        else None
    )


def told_parcel(facts: Mapping[str, Any], texts: Translator) -> ShippedParcel | None:
    kept = facts.get("parcel")
    if kept is None:
        return None
    known = {**kept, "courier_label": texts.lookup(dict(COURIERS)[kept["courier"]])}
    return msgspec.convert(known, ShippedParcel)


def requirement_of(held: Held, log: Sequence[FlowEvent]) -> Supplied | None:
    """What the buyer asked for last, by whatever verb its flow has for that."""
    for node in held.flow.nodes:
        if node.term == "requirement":
            for verb in node.verbs:
                acts = [one for one in log if one.verb == verb.key and one.act is not None]
                if acts:
                    return _supplied(acts[-1])
                if verb.key in held.facts:
                    return Supplied(verb.key, None, None, held.facts[verb.key], [])
    return None


def deliveries_of(held: Held, log: Sequence[FlowEvent]) -> list[Supplied]:
    """What the seller handed over, one after the other: acts at nodes where it is to deliver something."""
    acts = [one for one in log if one.act is not None and one.node and one.dispute is None]
    return [_supplied(one) for one in acts if _delivers(held.flow, one)]


def _delivers(flow: Flow, event: FlowEvent) -> bool:
    node: Node = flow.node(event.node or "")
    return node.term == "delivery" and event.actor.kind == "seller"


def _supplied(event: FlowEvent) -> Supplied:
    assert event.verb, "an act is of a verb"
    return Supplied(event.verb, event.act, event.at, event.answers, event.files)
