"""The operation log of a supervised order as people read it, and what of it was asked for and delivered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tradehall.kernel.i18n import N_, Translator
from tradehall.kernel.journal import Entry
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Verb
from tradehall.supervision.model import Held
from tradehall.supervision.queries import Evidence
from tradehall.web.supervised import ENDS, PREFIX, WITHOUT_VERB, done
from tradehall.web.templating import Tone

ROLES: dict[str, str] = {
    "buyer": N_("Buyer"),
    "seller": N_("Seller"),
    "platform": N_("Operator"),
    "system": N_("Marketplace"),
}
# The buyer's words on what is to be delivered.
_REQUIREMENTS = frozenset({"submit_requirement", "submit_identification"})
# What sellers do that hands nothing over: the code that is activated was the buyer's all along.
_NOT_DELIVERED = frozenset({"confirm_requirement", "activate_code"})


class Answer(msgspec.Struct, frozen=True):
    """Something that was supplied: how it is called, what kind of thing it is, and what was said."""

    label: str
    kind: str
    text: str


class Handed(msgspec.Struct, frozen=True):
    """Files that were handed in for one field."""

    label: str
    files: list[Evidence]


class Act(msgspec.Struct):
    """One entry of the log. `node` is where it was done and `place` what that is called, `digest` its hash in the
    chain, `objection` the act by which it was sent back."""

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
    objection: "Act | None" = None


def acts_of(
    held: Held, entries: Sequence[Entry], files: Sequence[Evidence], texts: Translator, viewer: str
) -> list[Act]:
    """What was done in the supervision of an order, oldest first. People of the platform are named to it alone."""
    by_id = {str(one.id): one for one in files}
    verbs = {(node.key, verb.key): verb for node, verb in held.flow.walk()}
    acts = [_act(held, one, verbs, by_id, texts) for one in entries if one.kind.startswith(PREFIX)]
    for number, act in enumerate(acts):
        if act.verb and act.verb.rejects:
            answered = next((one for one in reversed(acts[:number]) if _is_shown(one)), None)
            if answered:
                answered.objection = act
    if viewer != "platform":
        for act in acts:
            act.who = "" if act.role == "platform" else act.who
    return acts


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
    return bool(act.verb and not act.verb.rejects and (act.answers or act.handed or act.verb.key in _REQUIREMENTS))


def _act(
    held: Held,
    entry: Entry,
    verbs: Mapping[tuple[str, str], Verb],
    files: Mapping[str, Evidence],
    texts: Translator,
) -> Act:
    content = entry.content
    facts: dict[str, Any] = content.get("facts") or {}
    actor: dict[str, Any] = content.get("actor") or {}
    verb = verbs.get((facts.get("node", ""), facts.get("verb", "")))
    title, tone = WITHOUT_VERB.get(entry.kind, (entry.kind, "neutral"))
    if verb:
        title, tone = done(verb), _tone(verb)
    fields = {field.key: field for field in held.fields(verb)} if verb else {}
    node = next((node for node in held.flow.nodes if node.key == facts.get("node")), None)
    return Act(
        entry.seq,
        entry.kind,
        entry.at,
        actor.get("name") or "",
        actor.get("kind") or "system",
        texts.lookup(title),
        tone,
        node.key if node else "",
        texts.lookup(node.label) if node else "",
        verb,
        answers_of(facts.get("answers") or {}, fields, texts),
        _handed(facts.get("files") or [], fields, files, texts),
        _note(entry.kind, facts, texts),
        entry.hash.hex(),
    )


def _tone(verb: Verb) -> Tone:
    if verb.rejects:
        return "danger"
    return "success" if verb.event == "accepted" else "info"


def answers_of(answers: Mapping[str, Any], fields: Mapping[str, Field], texts: Translator) -> list[Answer]:
    """What was supplied, in the order in which it was asked for."""
    known = [key for key in fields if key in answers]
    others = [key for key in answers if key not in fields]
    return [answer_of(key, answers[key], fields, texts) for key in known + others]


def answer_of(key: str, value: Any, fields: Mapping[str, Field], texts: Translator) -> Answer:
    """Something that was supplied, as people read it."""
    field = fields.get(key)
    if field is None:
        return Answer(key, "text", str(value))
    text = str(value)
    if field.kind == "flag":
        text = texts.gettext("Yes")
    elif field.kind == "choice":
        text = texts.lookup(dict(field.choices).get(value, value))
    return Answer(texts.lookup(field.label), field.kind, text)


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
}


def _note(kind: str, facts: Mapping[str, Any], texts: Translator) -> str:
    match kind:
        case "supervision.reminded":
            return texts.lookup(_WHOM.get(facts.get("turn", ""), ""))
        case "supervision.unaccepted":
            days = int(facts.get("days", 0))
            return texts.ngettext("%(num)s day after the order.", "%(num)s days after the order.", days)
        case "supervision.cancelled":
            return texts.lookup(ENDS.get(facts.get("reason", ""), ""))
    return ""
