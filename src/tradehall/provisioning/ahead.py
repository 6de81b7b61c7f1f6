"""All that is ahead of an application if nobody does anything."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import msgspec

from tradehall.kernel.i18n import N_
from tradehall.provisioning.model import Instance
from tradehall.settings import Settings
from tradehall.trading.terms import LIFE_WORDS, LifeVerb, Subscription, SubscriptionState, life_ahead

AheadKind = Literal["renew", "end_of_trial"] | LifeVerb
# What is ahead of an application, in words (English message ids).
AHEAD: Mapping[AheadKind, str] = MappingProxyType(
    {
        "expire": LIFE_WORDS["expire"],
        "freeze": LIFE_WORDS["freeze"],
        "end": LIFE_WORDS["end"],
        "renew": N_("It is renewed automatically"),
        "end_of_trial": N_("The trial ends"),
    }
)


class Ahead(msgspec.Struct, frozen=True):
    """What will become of an application by itself, and when."""

    kind: AheadKind
    at: datetime

    @property
    def message(self) -> str:
        """The English message id."""
        return AHEAD[self.kind]


def what_is_ahead(
    held: Subscription | Instance, settings: Settings, *, renewal_at: datetime | None = None
) -> list[Ahead]:
    """All that is still to become of an application if nobody does anything, the next first; empty once it has ended,
    before it is open, and where it has no term.

    `renewal_at` is when its automatic renewal is due, where that is known: after a declined payment it is later.
    """
    state = held.state if isinstance(held, Subscription) else held.subscription_state
    if state is None:
        return []
    steps = [
        Ahead("end_of_trial" if held.trial and step.verb == "expire" else step.verb, step.at)
        for step in life_ahead(state, held.expires_at, held.trial, settings)
    ]
    if _renews(held, state) and held.expires_at:
        steps.append(Ahead("renew", renewal_at or held.expires_at - settings.renewal_lead))
    return sorted(steps, key=lambda step: step.at)


def _renews(held: Subscription | Instance, state: SubscriptionState) -> bool:
    return held.auto_renew and not held.trial and state in ("active", "grace")
