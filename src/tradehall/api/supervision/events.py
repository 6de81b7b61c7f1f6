"""What happens in supervised orders, as their journal calls it: of every act of every flow, and besides."""

from typing import Annotated

import msgspec

from tradehall.supervision.flows import all_flows

PREFIX = "supervision."
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
)
EVENTS: tuple[str, ...] = tuple(
    PREFIX + name
    for name in dict.fromkeys((*BESIDES, *(verb.event for flow in all_flows() for _, verb in flow.walk())))
)
FlowEventKind = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(EVENTS)})]
