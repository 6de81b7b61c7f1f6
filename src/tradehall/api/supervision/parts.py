"""What supervised orders and disputes about them tell alike: answers, who did something, timers, whom to reach."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from tradehall.supervision.disputes.steps import Kind as DisputeKind
from tradehall.supervision.flow import By, Timer

# Money is minor units of the order's currency.
Answer = str | bool | Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
Answers = dict[str, Answer]
# Where something can be done: in the delivery itself, or in a dispute about it.
StageKind = Literal["delivery"] | DisputeKind


class FlowTimer(msgspec.Struct, frozen=True):
    """What happens by itself if nobody does anything, and when: a reminder ("remind"), the platform is told that it is
    not accepted yet ("unaccepted"), the courier is asked ("track"), it counts as accepted ("accept"), it is closed
    ("close"), what a dispute waits for is over ("lapse")."""

    kind: Timer
    at: datetime


class ReachablePerson(msgspec.Struct, frozen=True):
    """Somebody of the side that is late, or who opened a dispute and agreed to be called."""

    name: str
    email: str
    phone: str | None


class FlowActor(msgspec.Struct, frozen=True):
    """Who did it. People of the platform are named to operators only."""

    kind: By
    name: str | None
