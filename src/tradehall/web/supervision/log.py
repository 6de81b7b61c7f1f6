"""The operation log of a supervised order as people read it, and what of it was asked for and delivered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tradehall.kernel.i18n import N_, Translator
from tradehall.kernel.journal import Entry
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.disputes.steps import UNOPENED
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Verb
from tradehall.supervision.model import Held
from tradehall.supervision.queries import Evidence
from tradehall.supervision.wording import done
from tradehall.web.supervision.happened import ending_of, inward, is_supervised, kind_of, title_of, tone_of, unconfirmed
from tradehall.web.templating import Tone

# The buyer's words on what is to be delivered.
_REQUIREMENTS = frozenset({"submit_requirement", "submit_identification"})
# What sellers do that hands nothing over: the code that is activated was the buyer's all along.
_NOT_DELIVERED = frozenset({"confirm_requirement", "activate_code"})


class Answer(msgspec.Struct, frozen=True):
    """Something that was supplied: how it is called, what kind of thing it is, and what was said; `verbatim` where
    it is there to be copied."""

    label: str
    kind: str
    text: str
    verbatim: bool = False


class Handed(msgspec.Struct, frozen=True):
    """Files that were handed in for one field."""

    label: str
    files: list[Evidence]


class Act(msgspec.Struct):
    """One entry of the log. `node` is where it was done and `place` what that is called, `to` the node it led to,
    `digest` its hash in the chain, `objection` the act by which it was sent back; `dispute` is the id of the dispute it
    was done in, "" for the delivery."""

    seq: int
    kind: str
    at: datetime
    who: str
    role: str
    title: str
    tone: Tone
    node: str
    place: str
    verb: Verb | None
    answers: list[Answer]
    handed: list[Handed]
    note: str
    digest: str
    to: str = ""
    dispute: str = ""
    objection: "Act | None" = None


def acts_of(
    held: Held, entries: Sequence[Entry], files: Sequence[Evidence], texts: Translator, viewer: str
) -> list[Act]:
    """What was done in the supervision of an order, oldest first. People of the platform are named to it alone."""
    by_id = {str(one.id): one for one in files}
    verbs = {(node.key, verb.key): verb for table in held.tables for node, verb in table.walk()}
    confirmed = _confirmed(entries)
    acts = [
        _act(held, one, verbs, by_id, texts, open_to=viewer == "platform" or one.seq in confirmed)
        for one in entries
        if is_supervised(one.kind)
    ]
    for number, act in enumerate(acts):
        if (act.verb and act.verb.rejects) or act.kind == "supervision.sent_back":
            shown = (one for one in reversed(acts[:number]) if _is_shown(one) and one.role != act.role)
            answered = next(shown, None)
            if answered:
                answered.objection = act
    if viewer != "platform":
        for act in acts:
            act.who = "" if act.role == "platform" else act.who
    return acts


def _confirmed(entries: Sequence[Entry]) -> set[int]:
    """The numbers of the decisions that a second person has confirmed: from then on both sides read them."""
    found: set[int] = set()
    waiting: int | None = None
    for one in entries:
        if unconfirmed(one.kind, one.content.get("facts") or {}):
            waiting = one.seq
        elif one.kind == "appeal.decision_confirmed" and waiting is not None:
            found.add(waiting)
    return found


def requirements(acts: Sequence[Act]) -> list[Act]:
    """What the buyer asked for, the latest words first."""
    return [act for act in reversed(acts) if act.verb and act.verb.key in _REQUIREMENTS]


def deliveries(acts: Sequence[Act]) -> list[Act]:
    """What the seller handed over or showed, the latest first."""
    return [
        act
        for act in reversed(acts)
        if _is_shown(act) and act.role == "seller" and act.verb and act.verb.key not in _NOT_DELIVERED
    ]


def _is_shown(act: Act) -> bool:
    """Whether it hands something over that the other side may send back."""
    return bool(
        act.verb
        and not act.dispute
        and not act.verb.rejects
        and (act.answers or act.handed or act.verb.key in _REQUIREMENTS)
    )


def _act(
    held: Held,
    entry: Entry,
    verbs: Mapping[tuple[str, str], Verb],
    files: Mapping[str, Evidence],
    texts: Translator,
    *,
    open_to: bool,
) -> Act:
    content = entry.content
    facts: dict[str, Any] = content.get("facts") or {}
    actor: dict[str, Any] = content.get("actor") or {}
    verb = verbs.get((facts.get("node", ""), facts.get("verb", "")))
    kept_back = not open_to and inward(entry.kind, facts)
    title, tone = title_of(entry.kind, facts, held.flow, "" if kept_back else "platform") or (entry.kind, "neutral")
    if verb and not kept_back:
        title, tone = done(verb), "danger" if verb.rejects else tone_of(entry.kind, verb)
    fields = {field.key: field for field in held.fields(verb)} if verb else {}
    table = PROCEDURES[dispute] if (dispute := kind_of(entry.kind)) else held.flow
    node = next((node for node in table.nodes if node.key == facts.get("node")), None)
    return Act(
        entry.seq,
        entry.kind,
        entry.at,
        actor.get("name") or "",
        actor.get("kind") or "system",
        _titled(entry.kind, texts.lookup(title), texts, decided=not kept_back),
        tone,
        node.key if node else "",
        texts.lookup(node.label) if node and node.key != UNOPENED else "",
        verb,
        []
        if kept_back
        else _sent_files(facts, texts)
        if entry.kind == "supervision.message_sent"
        else answers_of(facts.get("answers") or {}, fields, texts, held.currency),
        _handed(facts.get("files") or [], fields, files, texts),
        _note(entry.kind, facts, held.currency, texts),
        entry.hash.hex(),
        str(facts.get("to") or ""),
        str(facts.get("dispute") or "") if dispute else "",
    )


def _titled(kind: str, title: str, texts: Translator, *, decided: bool) -> str:
    """What a decision is called by what was decided."""
    return texts.gettext("Decided: %(what)s", what=title) if kind == "appeal.decided" and decided else title


def answers_of(
    answers: Mapping[str, Any], fields: Mapping[str, Field], texts: Translator, currency: str
) -> list[Answer]:
    """What was supplied, in the order in which it was asked for. Amounts are of the order's currency."""
    known = [key for key in fields if key in answers]
    others = [key for key in answers if key not in fields]
    return [answer_of(key, answers[key], fields, texts, currency) for key in known + others]


def verbatim(held: Held, texts: Translator) -> list[Answer]:
    """What was supplied last of which every character counts, in the order of its flow."""
    found: list[Answer] = []
    for _, verb in held.flow.walk():
        fields = {field.key: field for field in held.fields(verb) if field.verbatim}
        given = {key: value for key, value in (held.facts.get(verb.key) or {}).items() if key in fields}
        found += answers_of(given, fields, texts, held.currency)
    return found


def answer_of(key: str, value: Any, fields: Mapping[str, Field], texts: Translator, currency: str) -> Answer:
    """Something that was supplied, as people read it."""
    field = fields.get(key)
    if field is None:
        return Answer(key, "text", str(value))
    text = str(value)
    if field.kind == "flag":
        text = texts.gettext("Yes")
    elif field.kind == "money" and isinstance(value, int):
        text = texts.money(value, currency)
    elif field.kind == "choice":
        text = texts.lookup(dict(field.choices).get(value, value))
    elif field.kind in ("date", "deadline"):
        text = texts.day(text)
    return Answer(texts.lookup(field.label), field.kind, text, field.verbatim)


def _handed(
    listed: Sequence[dict[str, Any]], fields: Mapping[str, Field], files: Mapping[str, Evidence], texts: Translator
) -> list[Handed]:
    by_kind: dict[str, list[Evidence]] = {}
    for one in listed:
        if found := files.get(str(one.get("id"))):
            by_kind.setdefault(str(one.get("kind")), []).append(found)
    return [
        Handed(texts.lookup(fields[kind].label) if kind in fields else kind, by_kind[kind])
        for kind in sorted(by_kind, key=lambda kind: list(fields).index(kind) if kind in fields else len(fields))
    ]


_WHOM: dict[str, str] = {
    "buyer": N_("To the buyer, whose turn it was."),
    "seller": N_("To the seller, whose turn it was."),
    "platform": N_("To the marketplace, whose turn it was."),
    "parties": N_("To both sides, whose turn it was."),
}


# Of a message, who is named is a side.
_FROM: dict[str, str] = {
    "buyer": N_("From the buyer: %(text)s"),
    "seller": N_("From the seller: %(text)s"),
    "platform": N_("From the marketplace: %(text)s"),
}
_HIDDEN: dict[str, str] = {
    "buyer": N_("Between the buyer and the marketplace alone: what it says is not written here."),
    "seller": N_("Between the seller and the marketplace alone: what it says is not written here."),
}
_ESCALATED: dict[int, str] = {
    3: N_("Its administrators were told apart, and the side that waits."),
    4: N_("The marketplace was told as well."),
}


def _sent_files(facts: Mapping[str, Any], texts: Translator) -> list[Answer]:
    """The files of a message, each with the beginning of its fingerprint."""
    named = [one for one in facts.get("files") or [] if one.get("name")]
    return [Answer(texts.gettext("File"), "text", f"{one['name']} · {one['sha256'][:12]}") for one in named]


def _message(facts: Mapping[str, Any], texts: Translator) -> str:
    if facts.get("text") is None:
        one = next((side for side in [facts.get("sender"), *facts.get("addressed", [])] if side in _HIDDEN), "buyer")
        return texts.lookup(_HIDDEN[str(one)])
    return texts.gettext(_FROM.get(facts.get("sender", ""), "%(text)s"), text=facts["text"])


def _note(kind: str, facts: dict[str, Any], currency: str, texts: Translator) -> str:
    match kind:
        case "supervision.message_sent":
            return _message(facts, texts)
        case "supervision.urged" | "appeal.reminded" | "refund.reminded" | "return.reminded":
            return texts.lookup(_WHOM.get(facts.get("turn", ""), ""))
        case "supervision.reminded":
            said = [_WHOM.get(facts.get("turn", ""), ""), _ESCALATED.get(facts.get("level", 0), "")]
            return texts.prose(texts.lookup(one) for one in said)
        case "supervision.unaccepted":
            days = int(facts.get("days", 0))
            return texts.ngettext("%(num)s day after the order.", "%(num)s days after the order.", days)
        case "supervision.cancelled":
            return ending_of(facts, texts, currency)
    return ""
