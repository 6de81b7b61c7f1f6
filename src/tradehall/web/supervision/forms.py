"""The forms of a supervised order: one for each verb its reader has now, made of the fields the flow's table names."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tradehall.edge.access import installation_of
from tradehall.kernel.files import KINDS
from tradehall.kernel.i18n import N_
from tradehall.kernel.money import decimal_text
from tradehall.supervision.carriers import offered
from tradehall.supervision.disputes import rules
from tradehall.supervision.disputes.appeal import COMMITMENT_LETTER
from tradehall.supervision.disputes.model import Stage
from tradehall.supervision.disputes.steps import Step
from tradehall.supervision.fields import ACCEPTED, FURTHEST_DEADLINE, LONGEST, Accept, Field
from tradehall.supervision.flow import Verb
from tradehall.supervision.model import Held
from tradehall.supervision.queries import Evidence
from tradehall.web.common import Form, WebRequest, texts

SEEN = "seen"
# Buttons of a form besides the one that sends it: the value of `do`. Taking a file back names it in `remove`.
DO, SEND, SAVE, REMOVE = "do", "send", "save", "remove"
# What the platform does in an appeal stands in groups; the rest is by itself.
_GROUPS: dict[str, str] = {
    "note_contact": N_("Find out more"),
    "ask_buyer": N_("Find out more"),
    "ask_seller": N_("Find out more"),
    "propose": N_("Settle or decide"),
    "decide_resume": N_("Settle or decide"),
    "decide_redeliver": N_("Settle or decide"),
    "decide_accept": N_("Settle or decide"),
    "decide_refund": N_("Settle or decide"),
}


class Asked(msgspec.Struct, frozen=True):
    """A field as its form shows it. `name` is unique on the page, `files` are those handed in so far; `depends` is
    what the flag is called by which it is wanted or not. `earliest` and `latest` bound a day; money is of `currency`,
    `most` of it at most, as text."""

    field: Field
    name: str
    value: str
    error: str
    files: list[Evidence]
    accept: str
    earliest: date
    latest: date
    choices: tuple[tuple[str, str], ...] = ()
    currency: str = ""
    most: str = ""
    depends: str = ""

    @property
    def longest(self) -> int | None:
        return LONGEST.get(self.field.kind)


class Group(msgspec.Struct, frozen=True):
    """Fields of which at least one has to be supplied; or, without a name, a field by itself."""

    name: str
    fields: list[Asked]


class VerbForm(msgspec.Struct, frozen=True):
    """What a person fills in to do one thing. `saved`: something was written before and kept. `stage` is where it is
    done, `group` what it and those beside it are for."""

    verb: Verb
    groups: list[Group]
    form: Form
    errors: dict[str, str]
    saved: bool
    stage: Stage
    group: str = ""

    @property
    def opens(self) -> bool:
        """Whether it begins a dispute: then it stands apart, folded."""
        return self.stage.kind is not None and self.stage.dispute is None

    @property
    def open(self) -> bool:
        """Whether it is unfolded from the start: the first thing to do, and what was begun or has something wrong."""
        offered = self.verb.tone == "primary" and not self.group and not self.opens
        return offered or bool(self.errors) or self.begun

    @property
    def begun(self) -> bool:
        return self.saved or any(asked.files for group in self.groups for asked in group.fields)


def forms_of(
    request: WebRequest,
    held: Held,
    side: str,
    drafts: Mapping[str, Mapping[str, Any]],
    files: Sequence[Evidence],
    now: datetime,
    zone: ZoneInfo,
    sent: tuple[str, Form] | None = None,
    *,
    belongs: bool = False,
) -> list[VerbForm]:
    """The forms for what a side can do now. `sent` is what came back with something wrong, and for which verb;
    `belongs` that its reader is of the platform and of one of the two sides as well."""
    made, today = [], now.astimezone(zone).date()
    for stage in held.stages:
        for verb in stage.verbs(side, now):
            if rules.in_the_way(held, stage, verb, request.user.actor.person_id, belongs=belongs):
                continue
            form = sent[1] if sent and sent[0] == verb.key else None
            made.append(_form(request, held, side, stage, verb, drafts.get(verb.key), files, today, zone, form))
    return made


def _form(
    request: WebRequest,
    held: Held,
    side: str,
    stage: Stage,
    verb: Verb,
    draft: Mapping[str, Any] | None,
    files: Sequence[Evidence],
    today: date,
    zone: ZoneInfo,
    sent: Form | None,
) -> VerbForm:
    sandbox = installation_of(request).settings.sandbox
    fields = [field for field in offered(held.fields(verb), sandbox) if _asked(field, side)]
    before = _before(held, verb) if draft is None else draft
    labels, words = {field.key: field.label for field in fields}, texts(request)
    groups: list[Group] = []
    errors: dict[str, str] = {}
    for field in fields:
        name = f"{verb.key}-{field.key}"
        error = sent.error(field.key) if sent else ""
        if error:
            errors[name] = words.gettext("%(field)s: %(problem)s", field=words.lookup(field.label), problem=error)
        value = sent.value(field.key) if sent else _written(before.get(field.key), field, held.currency)
        handed = drafts_for(files, side, verb.key, field.key)
        asked = Asked(
            field,
            name,
            value,
            error,
            handed,
            endings(field.accept) if field.kind == "files" else "",
            *_days(field, held.ordered_at.astimezone(zone).date(), today),
            _choices(held, field),
            held.currency if field.kind == "money" else "",
            decimal_text(held.total_minor, held.currency) if field.kind == "money" else "",
            labels.get(field.unless or field.only_if, ""),
        )
        if field.group and groups and groups[-1].name == field.group:
            groups[-1].fields.append(asked)
        else:
            groups.append(Group(field.group, [asked]))
    group = _GROUPS.get(verb.key, "")
    return VerbForm(verb, groups, sent or Form(request), errors, draft is not None, stage, group)


def _asked(field: Field, side: str) -> bool:
    """Whether this side is asked for it: a commitment letter is the seller's."""
    return field.key != COMMITMENT_LETTER.key or side == "seller"


def _days(field: Field, ordered: date, today: date) -> tuple[date, date]:
    """The days a field of dates takes: since the order, or ahead."""
    if field.kind == "deadline":
        return today + timedelta(days=1), today + FURTHEST_DEADLINE
    return ordered, today


def _choices(held: Held, field: Field) -> tuple[tuple[str, str], ...]:
    """What can be chosen: a delivery anew only where there is one."""
    return tuple(one for one in field.choices if one[0] != "redeliver" or rules.redeliverable(held))


def _before(held: Held, verb: Verb) -> Mapping[str, Any]:
    """What stands in a form nobody has begun: what was supplied the last time, for it is corrected more often than
    written anew; reasons and notes belong to their time."""
    if verb.key == "change_address":
        return held.facts.get("recipient") or {}
    if verb.rejects or isinstance(verb, Step):
        return {}
    return {key: value for key, value in (held.facts.get(verb.key) or {}).items() if key != "note"}


def _written(value: Any, field: Field, currency: str) -> str:
    if value is True:
        return "1"
    if field.kind == "money" and type(value) is int:
        return decimal_text(value, currency)
    return value if isinstance(value, str) else ""


def drafts_for(files: Sequence[Evidence], side: str, verb: str, field: str) -> list[Evidence]:
    """The files handed in for a field that can still be taken back."""
    return [one for one in files if one.act is None and (one.side, one.verb, one.kind) == (side, verb, field)]


def endings(accept: Accept) -> str:
    """What a browser offers in its file dialogue; empty for everything."""
    if accept == "any":
        return ""
    return ",".join(f".{ending}" for name, kind in KINDS.items() if name in ACCEPTED[accept] for ending in kind.endings)


def answers_in(form: Form, held: Held, key: str) -> dict[str, Any]:
    """What was typed, by field: for everything the verb asks for that is no file."""
    verb = held.known(key)
    answers: dict[str, Any] = {}
    for field in held.fields(verb) if verb else ():
        if field.kind == "flag":
            if form.ticked(field.key):
                answers[field.key] = True
        elif field.kind != "files":
            typed = form.value(field.key).replace("\r\n", "\n")
            if typed.strip():
                answers[field.key] = typed if field.kind == "secret" else typed.strip()
    return answers
