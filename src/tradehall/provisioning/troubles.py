"""What a failed try means, in words."""

from collections.abc import Mapping
from types import MappingProxyType

from tradehall.kernel.i18n import N_
from tradehall.protocols.answers import FAULTS, RESULT_CODES, SUCCESS

# What went wrong on the way to a seller's server and back. What is wrong with an answer is in the protocol's FAULTS.
TROUBLES: Mapping[str, str] = MappingProxyType(
    {
        "address_refused": N_("The server's address leads to a network that is not public"),
        "bad_address": N_("The server's address is not valid"),
        "dns": N_("The server's host name is not known"),
        "unreachable": N_("The server cannot be reached"),
        "tls": N_("No secure connection to the server"),
        "timed_out": N_("The server did not answer in time"),
        "cut_off": N_("The connection ended before the answer was whole"),
        "too_large": N_("The answer is too large"),
        "protocol": N_("What came back is not HTTP"),
        "key_unreadable": N_("The access key cannot be read; set it again"),
        "not_in_generation": N_("The generation of the protocol chosen for this address has no such interface"),
        "circuit_open": N_("Not called: the server had not been answering, and the time for this call was over"),
        "interrupted": N_("The call was interrupted; what the seller's server did is not known"),
    }
)


def explanation(result_code: str | None, trouble: str | None, verdict: str | None = None) -> str | None:
    """The English message id of what a try came to, from its codes; None for success and what has no words yet."""
    if trouble:
        return TROUBLES.get(trouble) or next((text for fault, text in FAULTS.items() if fault == trouble), None)
    if verdict == "interrupted":
        return TROUBLES["interrupted"]
    known = RESULT_CODES.get(result_code or "")
    if known is None or result_code == SUCCESS:
        return N_("The seller's server refused with a code of its own") if verdict == "refused" else None
    return known.meaning
