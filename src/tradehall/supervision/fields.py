"""What a verb asks for, as typed fields: what forms show, what the API takes, and how an answer is checked."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from tradehall.kernel.errors import FieldProblem, Invalid
from tradehall.kernel.files import ANYTHING, ARCHIVES, DOCUMENTS, PICTURES
from tradehall.kernel.i18n import N_, Label
from tradehall.kernel.money import decimal_text, parse_decimal

Kind = Literal["text", "note", "url", "secret", "code", "date", "choice", "flag", "phone", "files", "money", "deadline"]
Accept = Literal["documents", "pictures", "any"]
# What kinds of files a field takes. A document may well be a scan, and several of them a zip.
ACCEPTED: dict[Accept, frozenset[str]] = {
    "documents": DOCUMENTS | PICTURES | ARCHIVES,
    "pictures": PICTURES,
    "any": ANYTHING,
}
LONGEST: dict[Kind, int] = {"text": 200, "note": 5000, "url": 500, "secret": 200, "code": 200, "phone": 30}
MOST_FILES = 20
# How far ahead somebody may be given time to answer.
FURTHEST_DEADLINE = timedelta(days=60)

MISSING = N_("This is missing.")
NOT_TEXT = N_("Send this as text.")
LONG = N_("Write at most {most} characters.")
NOT_A_URL = N_("Write an address that begins with http:// or https://.")
NOT_A_DATE = N_("Write a date as year-month-day.")
BEFORE_ORDER = N_("The service cannot have begun before the order was placed, on {day}.")
IN_FUTURE = N_("The service cannot have begun in the future.")
NOT_A_CHOICE = N_("Choose one of these: {choices}.")
NOT_A_PHONE = N_("Write a phone number: digits, spaces, and + or - at most.")
NOT_CONFIRMED = N_("Confirm this.")
TOO_FEW = N_("Hand in at least {least}; there are {now}.")
TOO_MANY = N_("Hand in at most {most}; there are {now}.")
ONE_OF = N_("Supply at least one of these: {fields}.")
NOT_ASKED = N_("This is not asked for here.")
NOT_AN_AMOUNT = N_("Write an amount above zero and at most {most} {currency}, which is what was paid.")
NOT_AHEAD = N_("Choose a day from tomorrow to {last}.")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,28}")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to supply. Money is minor units of the order's currency, or typed with its decimals; a deadline is a
    day ahead. What is secret is kept sealed and shown on demand; a code is looked at and not shown again.
    Of one `group` at least one has to be; one with `unless` need not be where that flag is set,
    and one with `only_if` only counts where it is. `least` and `most` are numbers of files. Of what is `verbatim` every
    character counts: it is there to be copied."""

    key: str
    label: str
    kind: Kind
    required: bool = True
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    accept: Accept = "documents"
    least: int = 1
    most: int = MOST_FILES
    group: str = ""
    unless: str = ""
    only_if: str = ""
    verbatim: bool = False

    def wanted(self, answers: Mapping[str, Any]) -> bool:
        """Whether it has to be supplied, by what else is."""
        if self.unless and answers.get(self.unless):
            return False
        if self.only_if and not answers.get(self.only_if):
            return False
        return self.required


class Checked(msgspec.Struct, frozen=True):
    """Answers as they are kept: `secrets` apart from `values`."""

    values: dict[str, Any]
    secrets: dict[str, str]


class Bounds(msgspec.Struct, frozen=True):
    """What answers are held against: the days the order was placed and it is now, in the marketplace's zone, and what
    was paid, in minor units."""

    ordered: date
    today: date
    paid_minor: int
    currency: str


def check(fields: Sequence[Field], answers: Mapping[str, Any], files: Mapping[str, int], bounds: Bounds) -> Checked:
    """Checks what was supplied against what is asked for; `files` counts those handed in by field.

    Raises Invalid, naming every field that is wrong.
    """
    problems: list[FieldProblem] = []
    known = {field.key for field in fields}
    problems += [FieldProblem(key, NOT_ASKED) for key in answers if key not in known]
    exact = {field.key for field in fields if field.kind == "secret"}
    cleaned = {
        key: value.strip() if isinstance(value, str) and key not in exact else value for key, value in answers.items()
    }
    values: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for field in fields:
        if field.kind == "files":
            problems += _check_files(field, files.get(field.key, 0), cleaned)
            continue
        value = cleaned.get(field.key)
        if value in (None, "", False):
            if field.wanted(cleaned) and not field.group:
                missing = NOT_CONFIRMED if field.kind == "flag" else MISSING
                problems.append(FieldProblem(field.key, missing))
            continue
        problem = _wrong(field, value, bounds)
        if problem:
            problems.append(problem)
        elif field.kind == "money":
            values[field.key] = _minor(value, bounds.currency)
        elif field.kind in ("secret", "code"):
            secrets[field.key] = str(value)
        else:
            values[field.key] = value
    problems += _check_groups(fields, cleaned, files)
    if problems:
        raise Invalid(*problems)
    return Checked(values, secrets)


def _check_files(field: Field, number: int, answers: Mapping[str, Any]) -> list[FieldProblem]:
    if number > field.most:
        return [FieldProblem(field.key, TOO_MANY, {"most": field.most, "now": number})]
    if field.wanted(answers) and not field.group and number < field.least:
        if not number and field.least == 1:
            return [FieldProblem(field.key, MISSING)]
        return [FieldProblem(field.key, TOO_FEW, {"least": field.least, "now": number})]
    return []


def _check_groups(fields: Sequence[Field], answers: Mapping[str, Any], files: Mapping[str, int]) -> list[FieldProblem]:
    problems = []
    for group in dict.fromkeys(field.group for field in fields if field.group):
        members = [field for field in fields if field.group == group]
        if not any(answers.get(field.key) or files.get(field.key) for field in members):
            names = tuple(Label(field.label) for field in members)
            problems.append(FieldProblem(members[0].key, ONE_OF, {"fields": names}))
    return problems


def _wrong(field: Field, value: Any, bounds: Bounds) -> FieldProblem | None:
    if field.kind == "flag":
        return None if value is True else FieldProblem(field.key, NOT_CONFIRMED)
    if field.kind == "money":
        return _wrong_amount(field, value, bounds)
    if not isinstance(value, str):
        return FieldProblem(field.key, NOT_TEXT)
    most = LONGEST.get(field.kind)
    if most and len(value) > most:
        return FieldProblem(field.key, LONG, {"most": most})
    match field.kind:
        case "url":
            return _wrong_url(field, value)
        case "date":
            return _wrong_date(field, value, bounds)
        case "deadline":
            return _wrong_deadline(field, value, bounds.today)
        case "phone" if not _PHONE.fullmatch(value):
            return FieldProblem(field.key, NOT_A_PHONE)
        case "choice" if value not in {choice for choice, _ in field.choices}:
            return FieldProblem(field.key, NOT_A_CHOICE, {"choices": ", ".join(key for key, _ in field.choices)})
    return None


def _wrong_url(field: Field, value: str) -> FieldProblem | None:
    try:
        parts = urlsplit(value)
        well_formed = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)
    except ValueError:
        well_formed = False
    return None if well_formed else FieldProblem(field.key, NOT_A_URL)


def _minor(value: Any, currency: str) -> int:
    """Minor units of an amount: as programs say it, or as a person typed it. Raises ValueError."""
    if isinstance(value, str):
        return parse_decimal(value, currency)
    if type(value) is not int:
        raise ValueError(value)
    return value


def _wrong_amount(field: Field, value: Any, bounds: Bounds) -> FieldProblem | None:
    try:
        well = 0 < _minor(value, bounds.currency) <= bounds.paid_minor
    except ValueError:
        well = False
    most = decimal_text(bounds.paid_minor, bounds.currency)
    return None if well else FieldProblem(field.key, NOT_AN_AMOUNT, {"most": most, "currency": bounds.currency})


def _wrong_deadline(field: Field, value: str, today: date) -> FieldProblem | None:
    last = today + FURTHEST_DEADLINE
    try:
        well = today < date.fromisoformat(value) <= last
    except ValueError:
        return FieldProblem(field.key, NOT_A_DATE)
    return None if well else FieldProblem(field.key, NOT_AHEAD, {"last": last.isoformat()})


def _wrong_date(field: Field, value: str, bounds: Bounds) -> FieldProblem | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return FieldProblem(field.key, NOT_A_DATE)
    if day < bounds.ordered:
        return FieldProblem(field.key, BEFORE_ORDER, {"day": bounds.ordered.isoformat()})
    if day > bounds.today:
        return FieldProblem(field.key, IN_FUTURE)
    return None
