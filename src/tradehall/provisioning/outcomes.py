"""What a try tells, and what is done about it. A time-out is not a failure, and a lost answer is not a no.

Two tables, from which the worker acts and the documentation is drawn: what each finding means for each purpose of a
call (`DECISIONS`), and what happens when a call is given up (`ENDINGS`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

import msgspec

from tradehall.protocols.requests import Generation
from tradehall.provisioning.model import Judgement, Purpose

Finding = Literal[
    "done",
    "under_way",
    "no_for_good",
    "no",
    "key_refused",
    "unknown_there",
    "unreadable",
    "not_sent",
    "no_answer",
    "interrupted",
]
Knowledge = Literal["done", "under_way", "not_done", "unknown"]
Then = Literal["settle", "again", "give_up"]
Ending = Literal["fail", "investigate", "hold", "refuse", "wait_for_person"]

FINDINGS: Mapping[Finding, str] = MappingProxyType(
    {
        "done": "Success (000000) with all that the interface must return",
        "under_way": "Accepted, still being worked on (000004); or a query that does not tell of the instance yet",
        "no_for_good": "Refused with a code that no repetition can change",
        "no": "Refused with any other code",
        "key_refused": "The signature was not accepted (000001)",
        "unknown_there": "The seller knows no such instance (000003)",
        "unreadable": "An HTTP error, or an answer that cannot be read",
        "not_sent": "No connection: the request cannot have arrived",
        "no_answer": "Time-out, or the connection ended before the answer was whole",
        "interrupted": "The worker died with the call under way",
    }
)
KNOWLEDGE: Mapping[Knowledge, str] = MappingProxyType(
    {
        "done": "it is done",
        "under_way": "it is being done",
        "not_done": "it is not done",
        "unknown": "unknown",
    }
)
THEN: Mapping[Then, str] = MappingProxyType(
    {
        "settle": "go on",
        "again": "ask again, same order, until the window ends",
        "give_up": "give up at once",
    }
)
ENDING: Mapping[Ending, str] = MappingProxyType(
    {
        "fail": "the order is cancelled, the buyer refunded; what may exist is released",
        "investigate": "the seller is asked for the instance by its first businessId; then as when not done",
        "hold": "held for a person; then the order is cancelled, the buyer refunded, and what may be done taken back",
        "refuse": "the order is cancelled unpaid, with the seller's words",
        "wait_for_person": "waits for a person to start it again",
    }
)

# Codes of newInstance that speak of the buyer or the product: asking again cannot change them, and must not create.
NEVER_TO_BE_OPENED = frozenset({"000101", "000102", "000103", "000105", "000107"})
# What a seller answers when it could not find out whether it allows a change; any other code is its no.
CANNOT_SAY = frozenset({"000004", "000005", "000104"})
SIGNATURE_REFUSED = "000001"
UNKNOWN_INSTANCE = "000003"


class Decision(msgspec.Struct, frozen=True):
    """What a finding tells, and what follows."""

    knows: Knowledge
    then: Then


_SETTLE = Decision("done", "settle")
_WAIT = Decision("under_way", "again")
_AGAIN = Decision("not_done", "again")
_STOP = Decision("not_done", "give_up")
_UNKNOWN = Decision("unknown", "again")

# What holds unless a purpose says otherwise.
_USUALLY: Mapping[Finding, Decision] = MappingProxyType(
    {
        "done": _SETTLE,
        "under_way": _WAIT,
        "no_for_good": _STOP,
        "no": _AGAIN,
        "key_refused": _AGAIN,
        "unknown_there": _AGAIN,
        "unreadable": _UNKNOWN,
        "not_sent": _AGAIN,
        "no_answer": _UNKNOWN,
        "interrupted": _UNKNOWN,
    }
)
_OTHERWISE: Mapping[Purpose, Mapping[Finding, Decision]] = {
    # Accepted to be opened later settles the call too: from there on the instance is queried.
    "open": {"under_way": Decision("under_way", "settle")},
    # The seller was asked for the name it has to give: not to know it is an answer.
    "investigate": {"unknown_there": _STOP},
    # An instance that is not there can neither be renewed nor changed nor frozen, however often one asks.
    "renew": {"unknown_there": _STOP},
    "change": {"unknown_there": _STOP},
    "freeze": {"unknown_there": _STOP},
    "unfreeze": {"unknown_there": _STOP},
    # A no is the answer that was asked for.
    "check": {"no_for_good": Decision("not_done", "settle"), "unknown_there": _STOP},
    # An instance the seller does not know is as gone as it can be.
    "release": {"unknown_there": _SETTLE},
}
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
# Purposes for which some refusals are final; to the others every refusal may be a passing one.
_FINAL: frozenset[Purpose] = frozenset({"open", "check"})
DECISIONS: Mapping[tuple[Purpose, Finding], Decision] = MappingProxyType(
    {
        (purpose, finding): _OTHERWISE.get(purpose, {}).get(finding, usual)
        for purpose in PURPOSES
        for finding, usual in _USUALLY.items()
        if finding != "no_for_good" or purpose in _FINAL
    }
)

# What happens when a call is given up: (while all that is known is that it was not done, while that is unknown).
ENDINGS: Mapping[Purpose, tuple[Ending, Ending]] = MappingProxyType(
    {
        "open": ("fail", "investigate"),
        "await_opening": ("fail", "fail"),
        "investigate": ("fail", "fail"),
        "details": ("wait_for_person", "wait_for_person"),
        "renew": ("hold", "hold"),
        "change": ("hold", "hold"),
        "check": ("refuse", "refuse"),
        "freeze": ("wait_for_person", "wait_for_person"),
        "unfreeze": ("wait_for_person", "wait_for_person"),
        "release": ("wait_for_person", "wait_for_person"),
        "notify": ("wait_for_person", "wait_for_person"),
    }
)


def finding(purpose: Purpose, result: Judgement) -> Finding:
    """What a try came to, in the terms of the tables."""
    match result.verdict:
        case "success":
            return "done"
        case "in_progress":
            return "under_way"
        case "refused":
            return _refusal(purpose, result.code or "")
        case "interrupted":
            return "interrupted"
        case "unreachable" | "timed_out" if not result.sent:
            return "not_sent"
        case "unreadable" if result.trouble != "cut_off":
            return "unreadable"
        case _:
            return "no_answer"


def _refusal(purpose: Purpose, code: str) -> Finding:
    if code == SIGNATURE_REFUSED:
        return "key_refused"
    if code == UNKNOWN_INSTANCE:
        return "unknown_there"
    if purpose == "open" and code in NEVER_TO_BE_OPENED:
        return "no_for_good"
    if purpose == "check" and code not in CANNOT_SAY:
        return "no_for_good"
    return "no"


def decide(purpose: Purpose, result: Judgement, generation: Generation = "V2") -> Decision:
    """What is known after a try, and what follows.

    Where an instance that is being opened has no name yet, or its seller need not answer queries (V1), the opening is
    asked for again instead: with the same order, so nothing is opened twice.
    """
    found = finding(purpose, result)
    if purpose == "open" and found == "under_way" and (generation == "V1" or result.instance_id is None):
        return _WAIT
    return DECISIONS[purpose, found]


def ending(purpose: Purpose, unknown: bool) -> Ending:
    """What happens to a call that is given up; `unknown`: some try may have done what was asked."""
    return ENDINGS[purpose][unknown]
