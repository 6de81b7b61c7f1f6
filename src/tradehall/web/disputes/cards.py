"""Disputes about an order as its page shows them: what is claimed, how far it is, and how it ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.i18n import N_, Translator
from tradehall.kernel.journal import Entry
from tradehall.supervision import queries
from tradehall.supervision.disputes.appeal import RULING_LABELS
from tradehall.supervision.disputes.grounds import GROUND_LABELS, Ground, grounds_in
from tradehall.supervision.disputes.model import Dispute
from tradehall.supervision.disputes.queries import opener_of
from tradehall.supervision.disputes.steps import CLOSED, UNOPENED, Step
from tradehall.supervision.flow import Node
from tradehall.supervision.model import Held
from tradehall.supervision.queries import Contact
from tradehall.web.disputes.words import OUTCOMES, SHORT_OUTCOMES, outcome_text
from tradehall.web.supervision.log import Act, Answer
from tradehall.web.supervision.standing import Step as Shown
from tradehall.web.supervision.standing import waits_for
from tradehall.web.templating import Tone

_TITLES: dict[str, dict[str, str]] = {
    "appeal": {"buyer": N_("Appeal by the buyer"), "seller": N_("Appeal by the seller")},
    "refund": {"buyer": N_("Refund asked for by the buyer")},
    "return": {"buyer": N_("Return asked for by the buyer")},
}
# Where a dispute is that nobody ended yet.
_STANDS: tuple[str, Tone] = (N_("Under way"), "progress")
_WAITS: tuple[str, Tone] = (N_("Waits for the appeal"), "neutral")


class Reachable(msgspec.Struct, frozen=True):
    """People who may be reached in a dispute, and why they are shown."""

    title: str
    why: str
    people: list[Contact]


class Card(msgspec.Struct, frozen=True):
    """A dispute on its order's page. `claim` is the act that opened it, `acts` what was done since; `now` is what lies
    before whoever's turn it is: a question, a proposal, a decision to confirm. `grounds` speak against a full refund,
    `address` is where goods go back to."""

    dispute: Dispute
    title: str
    badge: tuple[str, str, Tone]
    yours: bool
    late: bool
    steps: list[Shown]
    claim: Act | None
    acts: list[Act]
    now: tuple[str, list[Answer]] | None
    grounds: list[str]
    address: list[Answer]
    reach: list[Reachable]
    outcome: str


async def cards_of(
    reader: Reader, held: Held, disputes: Sequence[Dispute], acts: Sequence[Act], side: str, texts: Translator
) -> list[Card]:
    """The disputes of an order, those under way first, an appeal before the refund that waits for it."""
    ordered = sorted(disputes, key=lambda one: (one.finished_at is not None, one.kind != "appeal"))
    return [
        _card(held, one, acts, side, reader.now, texts, await _reachable(reader, held, one, side, texts))
        for one in ordered
    ]


def _card(
    held: Held,
    dispute: Dispute,
    acts: Sequence[Act],
    side: str,
    now: datetime,
    texts: Translator,
    reach: list[Reachable],
) -> Card:
    own = [act for act in acts if act.dispute == str(dispute.id)]
    claim = next((act for act in own if act.verb and act.node == UNOPENED), None)
    return Card(
        dispute,
        texts.lookup(_TITLES[dispute.kind].get(dispute.opened_by, dispute.flow.label)),
        _badge(dispute),
        waits_for(dispute, side),
        dispute.late(now),
        steps_of(dispute, own, texts),
        claim,
        [act for act in own if act is not claim and act.verb],
        _now(held, dispute, own, side, texts),
        grounds_of(dispute.facts.get("grounds") or [], texts),
        _address(dispute, own),
        reach,
        outcome_text(dispute.outcome, dispute.granted_minor, held.currency, texts) if dispute.outcome else "",
    )


def _badge(dispute: Dispute) -> tuple[str, str, Tone]:
    if dispute.outcome:
        return dispute.outcome, SHORT_OUTCOMES[dispute.outcome], OUTCOMES[dispute.outcome][1]
    if dispute.paused_at:
        return "paused", *_WAITS
    return "open", *_STANDS


def _now(
    held: Held, dispute: Dispute, acts: Sequence[Act], side: str, texts: Translator
) -> tuple[str, list[Answer]] | None:
    """What lies before whoever's turn it is."""
    match dispute.node:
        case "buyer_evidence" | "seller_evidence":
            asked = _last(acts, f"ask_{dispute.node.partition('_')[0]}")
            return (texts.gettext("What the marketplace asks for"), asked.answers) if asked else None
        case "proposal" | "buyer_considers" | "seller_considers":
            proposed = _last(acts, "propose")
            return (texts.gettext("What the marketplace proposes"), proposed.answers) if proposed else None
        case "second_look" if side == "platform":
            decision: dict[str, Any] = dispute.facts["decision"]
            answers = [Answer(texts.gettext("Decision"), "text", texts.lookup(RULING_LABELS[decision["outcome"]]))]
            if amount := decision.get("amount_minor"):
                label = texts.gettext("Amount to return")
                answers.append(Answer(label, "money", texts.money(amount, held.currency)))
            return texts.gettext("The decision to confirm"), answers
    return None


def _last(acts: Sequence[Act], key: str) -> Act | None:
    return next((act for act in reversed(acts) if act.verb and act.verb.key == key), None)


def _address(dispute: Dispute, acts: Sequence[Act]) -> list[Answer]:
    """Where goods go back to, once the seller has said so."""
    agreed = _last(acts, "agree_return") if dispute.kind == "return" else None
    keys = {"return_name", "return_phone", "return_address"}
    labels = [field.key for field in agreed.verb.fields] if agreed and agreed.verb else []
    return [one for key, one in zip(labels, agreed.answers, strict=False) if key in keys] if agreed else []


def grounds_of(found: Sequence[Ground], texts: Translator) -> list[str]:
    """The documented grounds against a full refund, as people read them."""
    return [texts.lookup(GROUND_LABELS[one]) for one in found]


def grounds_now(held: Held, entries: Sequence[Entry], now: datetime, texts: Translator) -> list[str]:
    """What would speak against a full refund if the buyer asked for one now."""
    return grounds_of(grounds_in(held.flow, held.paid_at, entries, now), texts)


# --- how far it is ---------------------------------------------------------------------------------------------------


def steps_of(dispute: Dispute, acts: Sequence[Act], texts: Translator) -> list[Shown]:
    """The step bar: the nodes it has been at, where it is, and the shortest way to its end, as its table has them."""
    left = {act.node: act.at for act in acts if act.verb and act.to != act.node}
    been = [key for key in dict.fromkeys(act.node for act in acts if act.verb) if key not in (UNOPENED, dispute.node)]
    opening = dispute.flow.node(UNOPENED).verbs[0]
    shown = [Shown(UNOPENED, texts.lookup(opening.label), dispute.opened_by, "done", dispute.opened_at, "")]
    shown += [_shown(dispute.flow.node(key), "done", left.get(key), texts) for key in been]
    if dispute.outcome:
        ended = texts.lookup(SHORT_OUTCOMES[dispute.outcome])
        return [*shown, Shown(CLOSED, ended, "", "done", dispute.finished_at, "")]
    state: Any = "todo" if dispute.paused_at else "current"
    shown.append(_shown(dispute.at, state, None, texts))
    return shown + [_shown(node, "todo", None, texts) for node in ahead(dispute)]


def _shown(node: Node, state: Any, at: datetime | None, texts: Translator) -> Shown:
    return Shown(node.key, texts.lookup(node.label), node.actor or "", state, at, "")


def ahead(dispute: Dispute) -> list[Node]:
    """The nodes on the shortest way from where a dispute is to its end, its own left out, when nobody objects."""
    paths = [[dispute.at]]
    seen = {dispute.node}
    for path in paths:
        if path[-1].key == CLOSED:
            return path[1:]
        for verb in path[-1].verbs:
            objects = isinstance(verb, Step) and verb.outcome in ("withdrawn", "refused")
            if verb.timer is None and not objects and verb.to not in seen:
                seen.add(verb.to)
                paths.append([*path, dispute.flow.node(verb.to)])
    return []


# --- whom to reach ---------------------------------------------------------------------------------------------------


async def _reachable(reader: Reader, held: Held, dispute: Dispute, side: str, texts: Translator) -> list[Reachable]:
    """The buyer's own number for the seller where the buyer allowed it; the seller's people for the buyer once the
    answer is overdue or was asked for. The platform reaches both at any time, elsewhere on the page."""
    if dispute.finished_at or side == "platform":
        return []
    found: list[Reachable] = []
    shared = any(facts.get("share_contact") for facts in dispute.facts.values() if isinstance(facts, dict))
    if side == "seller" and shared and (opener := await opener_of(reader, dispute)):
        why = texts.gettext("The buyer allows you to see this.")
        found.append(Reachable(texts.gettext("How to reach the buyer"), why, [opener]))
    chased = any(key.startswith("chase_") for key in dispute.facts)
    if side == "buyer" and (chased or (dispute.turn == "seller" and dispute.late(reader.now))):
        why = texts.gettext("The seller's answer is overdue.")
        people = await queries.contacts(reader, held.seller_id)
        found.append(Reachable(texts.gettext("How to reach the seller"), why, people))
    return found
