"""Tells people what happened: one reaction to every event of model.TOLD, which writes who is told and what goes out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import Event
from tradehall.notices.model import MOST_TOLD, TOLD, Channel, Told
from tradehall.notices.sending import CHANNEL, MAIL_WINDOW, SMS_WINDOW
from tradehall.settings import Settings
from tradehall.supervision.carriers import COURIERS
from tradehall.supervision.conversation import queries as message_queries
from tradehall.supervision.disputes.model import OUTCOME_LABELS, PROCEDURES
from tradehall.supervision.disputes.steps import Kind
from tradehall.supervision.flows import flow_of
from tradehall.trading.terms import SubscriptionState, life_ahead

# Under which of its answers an act says why; where a person confirms, or both agree, it was said before.
REASONS = ("reason", "request", "explanation", "ruling", "statement", "opinion")
HOMES = {"buyer": "/buyer", "seller": "/seller", "platform": "/operator"}


class _Case(msgspec.Struct, frozen=True):
    """The order an event is about, its supervision, the dispute, and the subscription it began, as far as there are
    any."""

    number: str
    buyer_id: UUID
    buyer_name_en: str
    buyer_name_zh: str
    account_manager_id: UUID | None
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    product_name_en: str
    product_name_zh: str
    currency: str
    delivery_type: str | None
    version: int | None
    node: str | None
    due_at: datetime | None
    dispute_kind: Kind | None
    dispute_facts: dict[str, Any] | None
    instance_id: UUID | None
    subscription_state: SubscriptionState | None
    expires_at: datetime | None
    trial: bool | None


class _Person(msgspec.Struct, frozen=True):
    """Somebody to be told, as a member of this organisation."""

    id: UUID
    organisation_id: UUID
    email: str
    phone: str | None
    mail_notices: bool


class Notices:
    """Who is told what; mail and SMS only where the installation has a way to send them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tell(self, tx: Tx, event: Event) -> None:
        """Tells whoever should know of an event on an order. Reaction to every event of TOLD."""
        wanted = [told for told in TOLD[event.kind] if _applies(told, event)]
        if not wanted:
            return
        case = await _case(tx, event)
        until = self._until(case, event)
        if case is None or (event.kind == "subscription.expired" and until is None):
            return  # a trial is frozen as it expires: that is what is told
        facts = _facts(case, event, until)
        for told in wanted:
            for side in _sides(told, event):
                people = await _people(tx, side, case, told.role)
                await self._write(tx, told, side, case, facts, people, _link(side, case, event.kind))

    async def tell_message(self, tx: Tx, event: Event) -> None:
        """Tells those to whom a message was written, and when by mail. Reaction to supervision.message_sent."""
        case = await _case(tx, event)
        assert case is not None, "a message is about an order"
        (told,) = TOLD[event.kind]
        facts = _facts(case, event, None) | {"sender": event.facts["sender"]}
        for one in await message_queries.announced(tx, event.facts["message"]):
            people = await _people(tx, one.side, case)
            link = f"{_link(one.side, case, event.kind)}#messages"
            written = msgspec.structs.replace(told, mail=one.mail_at is not None)
            await self._write(tx, written, one.side, case, facts | {"excerpt": one.excerpt}, people, link, one.mail_at)

    def _until(self, case: _Case | None, event: Event) -> datetime | None:
        """The moment the words name: when it goes on, or what the reader has time for."""
        if again_at := event.facts.get("again_at"):
            return _moment(again_at)
        if case is None or case.expires_at is None or case.subscription_state is None:
            return None
        if event.kind == "subscription.renewed":
            return case.expires_at
        ahead = life_ahead(case.subscription_state, case.expires_at, bool(case.trial), self._settings)
        return ahead[0].at if ahead and ahead[0].at > event.at else None

    async def _write(
        self,
        tx: Tx,
        told: Told,
        side: str,
        case: _Case,
        facts: dict[str, Any],
        people: Sequence[_Person],
        link: str,
        out_at: datetime | None = None,
    ) -> None:
        """Writes a notice for each of these people, and what goes out of it (at once, or later), in one statement."""
        notices = [(new_id(tx.now), person) for person in people]
        out: list[tuple[UUID, UUID, Channel, str]] = []
        for notice_id, person in notices:
            # Whoever did it knows, and finds it in the station all the same; what they have to do next is mailed.
            knows = person.id == tx.actor.person_id and told.side != "turn"
            if self._settings.smtp_url and told.mail and person.mail_notices and not knows:
                out.append((new_id(tx.now), notice_id, "mail", person.email))
            if self._settings.sms and told.urgent and person.phone:
                out.append((new_id(tx.now), notice_id, "sms", person.phone))
        if not notices:
            return
        await tx.execute(
            """
            WITH told AS (
                INSERT INTO notices (id, person_id, organisation_id, kind, order_number, link, facts, urgent,
                                     created_at)
                SELECT id, person_id, organisation_id, %(kind)s, %(number)s, %(link)s, %(facts)s, %(urgent)s, %(now)s
                FROM unnest(%(ids)s::uuid[], %(people)s::uuid[], %(organisations)s::uuid[])
                    AS t (id, person_id, organisation_id)
                RETURNING id
            )
            INSERT INTO notice_sendings (id, notice_id, channel, address, state, due_at, give_up_at, created_at)
            SELECT o.id, told.id, o.channel, o.address, 'waiting', %(out_at)s,
                   %(out_at)s + CASE o.channel WHEN 'sms' THEN %(sms)s ELSE %(mail)s END, %(now)s
            FROM unnest(%(out)s::uuid[], %(of)s::uuid[], %(channels)s::text[], %(addresses)s::text[])
                AS o (id, notice_id, channel, address)
            JOIN told ON told.id = o.notice_id
            """,
            {
                "kind": told.kind,
                "number": case.number,
                "link": link,
                "facts": Jsonb(facts),
                "urgent": told.urgent,
                "now": tx.now,
                "out_at": out_at or tx.now,
                "mail": MAIL_WINDOW,
                "sms": SMS_WINDOW,
                "ids": [notice_id for notice_id, _ in notices],
                "people": [person.id for _, person in notices],
                "organisations": [person.organisation_id for _, person in notices],
                "out": [one[0] for one in out],
                "of": [one[1] for one in out],
                "channels": [one[2] for one in out],
                "addresses": [one[3] for one in out],
            },
        )
        if out:
            await tx.notify(CHANNEL)


def _applies(told: Told, event: Event) -> bool:
    if told.only and event.facts.get(told.only[0]) not in told.only[1]:
        return False
    return bool(_sides(told, event))


def _sides(told: Told, event: Event) -> list[str]:
    """Whom this is for: sides of the order, or "manager"."""
    turn = event.facts.get("turn") or ""
    match told.side:
        case "turn":
            # Who does something that leaves the turn where it is need not hear that it is there.
            stays = event.facts.get("to", "") == event.facts.get("node") and turn == event.actor.kind
            if turn == "parties":
                return ["buyer", "seller"]
            return [turn] if turn and not stays else []
        case "addressed":
            return []  # tell_message knows them
        case "others":
            turns = ("buyer", "seller") if turn == "parties" else (turn,)
            return [side for side in ("buyer", "seller") if side not in (*turns, event.actor.kind)]
        case side:
            return [side]


async def _case(tx: Tx, event: Event) -> _Case | None:
    return await tx.fetch_one(
        _Case,
        """
        SELECT o.number, o.buyer_id, b.name_en AS buyer_name_en, b.name_zh AS buyer_name_zh, b.account_manager_id,
               o.seller_id, s.name_en AS seller_name_en, s.name_zh AS seller_name_zh,
               l.product_name_en, l.product_name_zh, o.currency, f.delivery_type, f.version, f.node, f.due_at,
               d.kind AS dispute_kind, d.facts AS dispute_facts,
               u.id AS instance_id, u.state AS subscription_state, u.expires_at, u.trial
        FROM orders o JOIN organisations b ON b.id = o.buyer_id JOIN organisations s ON s.id = o.seller_id
        JOIN LATERAL (SELECT product_name_en, product_name_zh FROM order_lines WHERE order_id = o.id LIMIT 1) l ON true
        LEFT JOIN supervision_flows f ON f.order_id = o.id
        LEFT JOIN disputes d ON d.id = %(dispute)s
        LEFT JOIN subscriptions u ON u.id = %(instance)s
        WHERE o.id = %(order)s
        """,
        {
            "order": event.subject_id,
            "instance": event.facts.get("instance"),
            "dispute": event.facts.get("dispute"),
        },
    )


def _facts(case: _Case, event: Event, until: datetime | None) -> dict[str, Any]:
    """What the words are filled in with."""
    facts: dict[str, Any] = {
        "product": {"en": case.product_name_en, "zh": case.product_name_zh},
        "buyer": {"en": case.buyer_name_en, "zh": case.buyer_name_zh},
        "seller": {"en": case.seller_name_en, "zh": case.seller_name_zh},
    }
    node = event.facts.get("to") or event.facts.get("node") or case.node
    if node and case.delivery_type and case.version:
        facts["node"] = _label(case.delivery_type, case.version, node)
    if case.due_at:
        facts["due"] = case.due_at.isoformat()
    if until:
        facts["until"] = until.isoformat()
    if "amount_minor" in event.facts:
        facts |= {"amount_minor": event.facts["amount_minor"], "currency": case.currency}
    facts |= {name: event.facts[name] for name in ("days", "why", "rating", "times") if name in event.facts}
    reason = (event.facts.get("answers") or {}).get("reason")
    if reason and event.kind.startswith("supervision."):
        facts |= {"why": reason, "sender": event.actor.kind}
    if case.dispute_kind:
        facts |= _of_dispute(case, case.dispute_kind, event)
    return facts


def _of_dispute(case: _Case, kind: Kind, event: Event) -> dict[str, Any]:
    """What is told of an appeal, a refund or a return: whose, what was said, how much, and by when what comes next."""
    answers, before = event.facts.get("answers") or {}, case.dispute_facts or {}
    table = PROCEDURES[kind]
    known = {node.key: node.label for node in table.nodes}
    steps = {verb.key: verb.label for _, verb in table.walk()}
    place = event.facts.get("to") or event.facts.get("node") or ""
    outcome = event.facts.get("outcome") or answers.get("proposal")
    said = next((answers[name] for name in REASONS if name in answers), None)
    if not said and outcome:
        settled = before.get("propose" if event.kind == "appeal.proposal_agreed" else f"decide_{outcome}", {})
        said = settled.get("explanation") or settled.get("ruling")
    by = event.facts.get("by")
    found = {
        "dispute": kind,
        "node": known.get(place, place),
        "step": steps.get(event.facts.get("verb") or ""),
        "why": said,
        "outcome": OUTCOME_LABELS.get(outcome) if outcome else None,
        "due": _moment(by).isoformat() if by else None,
        "courier": dict(COURIERS).get(answers.get("courier", "")),
        "parcel": answers.get("tracking_number"),
        "address": ", ".join(
            answers[name] for name in ("return_name", "return_phone", "return_address") if name in answers
        ),
    }
    if event.actor.kind in ("buyer", "seller"):
        found["who"] = {
            "en": getattr(case, f"{event.actor.kind}_name_en"), "zh": getattr(case, f"{event.actor.kind}_name_zh"),
        }  # fmt: skip
    if amount := event.facts.get("amount_minor") or answers.get("amount_minor"):
        found |= {"amount_minor": amount, "currency": case.currency}
    return {name: value for name, value in found.items() if value}


def _label(delivery_type: str, version: int, node: str) -> str:
    """What a node is called, as a message id; its key where the flow does not know it (any more)."""
    try:
        return flow_of(delivery_type, version).node(node).label
    except (KeyError, StopIteration):
        return node


def _link(side: str, case: _Case, kind: str) -> str:
    """Where the reader sees more: the review, the supervision, the application, or else the order."""
    home = HOMES["platform" if side == "manager" else side]
    if kind.startswith("review."):
        return f"/buyer/orders/{case.number}/review" if side == "buyer" else f"{home}/reviews?order={case.number}"
    if case.delivery_type and not (case.instance_id and kind.startswith("subscription.")):
        return f"{home}/supervision/{case.number}"
    if case.instance_id:
        return f"{home}/applications/{case.instance_id}"
    return f"{home}/orders/{case.number}"


def _moment(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


async def _people(tx: Tx, side: str, case: _Case, role: str = "") -> list[_Person]:
    """The people of a side, or those of it in a role, administrators first, at most MOST_TOLD."""
    if side == "manager" and case.account_manager_id and (found := await _manager(tx, case.account_manager_id)):
        return found
    organisation = {"buyer": case.buyer_id, "seller": case.seller_id}.get(side)
    return await tx.fetch_all(
        _Person,
        """
        SELECT p.id, m.organisation_id, p.email, p.phone, p.mail_notices
        FROM memberships m JOIN people p ON p.id = m.person_id
        WHERE p.disabled_at IS NULL AND %(role)s IN ('', m.role) AND m.organisation_id = ANY (
            CASE WHEN %(organisation)s::uuid IS NULL
                 THEN ARRAY(SELECT id FROM organisations WHERE kind = 'platform' ORDER BY id LIMIT 5)
                 ELSE ARRAY[%(organisation)s::uuid] END)
        ORDER BY m.role, m.created_at, p.id LIMIT %(most)s
        """,
        {"organisation": organisation, "most": MOST_TOLD, "role": role},
    )


async def _manager(tx: Tx, person_id: UUID) -> list[_Person]:
    """The account manager, as long as they work for the platform."""
    return await tx.fetch_all(
        _Person,
        """
        SELECT p.id, m.organisation_id, p.email, p.phone, p.mail_notices
        FROM people p JOIN memberships m ON m.person_id = p.id JOIN organisations o ON o.id = m.organisation_id
        WHERE p.id = %(person)s AND p.disabled_at IS NULL AND o.kind = 'platform' ORDER BY m.organisation_id LIMIT 1
        """,
        {"person": person_id},
    )
