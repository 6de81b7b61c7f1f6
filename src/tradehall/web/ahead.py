"""What becomes of an application if nobody does anything, as every console shows it."""

from datetime import datetime
from typing import Any

from tradehall.kernel.i18n import Translator
from tradehall.provisioning.ahead import AheadKind, what_is_ahead
from tradehall.provisioning.model import Instance
from tradehall.settings import Settings
from tradehall.trading.terms import Subscription
from tradehall.web.templating import Tone

_TONES: dict[AheadKind, Tone] = {
    "renew": "success",
    "end_of_trial": "warning",
    "expire": "warning",
    "freeze": "danger",
    "end": "danger",
}


def ahead_items(
    held: Subscription | Instance, settings: Settings, now: datetime, texts: Translator
) -> list[dict[str, Any]]:
    """What the macro `ahead_list` shows, the next thing first; what is overdue happens now."""
    return [
        {"text": texts.lookup(step.message), "at": max(step.at, now), "tone": _TONES[step.kind]}
        for step in what_is_ahead(held, settings)
    ]
