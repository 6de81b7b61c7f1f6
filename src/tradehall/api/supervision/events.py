"""What happens in supervised orders, as their journal calls it: of every act of every flow and of every appeal, refund
and return about one, and besides."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.flows import all_flows

PREFIX = "supervision."
PREFIXES = (PREFIX, *(f"{kind}." for kind in PROCEDURES))
BESIDES = (
    "opened",
    "reminded",
    "urged",
    "message_sent",
    "unaccepted",
    "parcel_signed",
    "cancelled",
    "frozen",
    "resumed",
    "sent_back",
)


def _events() -> Iterator[str]:
    yield from (PREFIX + name for name in BESIDES)
    yield from (f"{PREFIX}{verb.event}" for flow in all_flows() for _, verb in flow.walk())
    for kind, table in PROCEDURES.items():
        yield from (f"{kind}.{verb.event}" for _, verb in table.walk())
        yield f"{kind}.reminded"
        # An appeal goes before a refund and a return, and may decide with them.
        if kind != "appeal":
            yield f"{kind}.superseded"


EVENTS: tuple[str, ...] = tuple(dict.fromkeys(_events()))
FlowEventKind = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(EVENTS)})]
