"""What is ahead, as the API tells it: of an order and of an application; its words in the reader's language."""

from datetime import datetime

import msgspec

from tradehall.kernel.i18n import Translator
from tradehall.provisioning.ahead import Ahead, AheadKind
from tradehall.provisioning.steps import NextKind, NextStep, Turn


class Next(msgspec.Struct, frozen=True):
    """What happens next. `turn` is whose turn it is, both the buyer's and the seller's where that is the "parties",
    null when nobody has to do anything; `at` is when something
    happens by itself, `by` when it must have happened; `text` says it in your language."""

    kind: NextKind
    turn: Turn | None
    at: datetime | None
    by: datetime | None
    text: str


class AheadOf(msgspec.Struct, frozen=True):
    """What will become of an application by itself, and when, if nobody does anything; `text` says it in your
    language."""

    kind: AheadKind
    at: datetime
    text: str


def told_next(step: NextStep, texts: Translator) -> Next:
    return Next(step.kind, step.turn, step.at, step.by, texts.lookup(step.message))


def told_ahead(steps: list[Ahead], texts: Translator) -> list[AheadOf]:
    return [AheadOf(step.kind, step.at, texts.lookup(step.message)) for step in steps]
