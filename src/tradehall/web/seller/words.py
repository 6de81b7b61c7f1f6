"""Calls, orders and products in the words people use. Everything here is a message id; templates translate it."""

from tradehall.catalog.model import InterfaceClass, ProductState
from tradehall.kernel.i18n import N_
from tradehall.protocols.v2 import Activity
from tradehall.provisioning.model import RESTARTABLE_WHEN_FAILED, Call, CallState, Purpose
from tradehall.trading.model import RefundState
from tradehall.web.templating import Tone

ACTIVITY_NAMES: dict[Activity, str] = {
    "newInstance": N_("Create instance"),
    "queryInstance": N_("Query instance"),
    "releaseInstance": N_("Release instance"),
    "orderNotify": N_("Order notification"),
}
PURPOSES: dict[Purpose, str] = {
    "open": N_("Asks the seller's server to create what was bought."),
    "await_opening": N_("The seller accepted and creates it in the background: asks whether it is ready."),
    "details": N_("Asks how the buyer signs in: address, account and initial password."),
    "release": N_("Tells the seller's server that the instance is no longer needed."),
    "notify": N_("Tells the seller's server of a paid order."),
}
CALL_STATE_NAMES: dict[CallState, str] = {
    "queued": N_("Queued"),
    "waiting": N_("Waiting"),
    "running": N_("Calling now"),
    "succeeded": N_("Succeeded"),
    "failed": N_("Given up"),
    "cancelled": N_("Called off"),
}
_CALL_TONES: dict[CallState, Tone] = {
    "queued": "neutral",
    "waiting": "info",
    "running": "progress",
    "succeeded": "success",
    "failed": "danger",
    "cancelled": "neutral",
}
REFUND_STATES: dict[RefundState, tuple[str, Tone]] = {
    "requested": (N_("Refund under way"), "warning"),
    "refunded": (N_("Refunded"), "warning"),
}
PRODUCT_STATES: dict[ProductState, tuple[str, Tone]] = {
    "draft": (N_("Draft"), "neutral"),
    "on_sale": (N_("On sale"), "success"),
    "off_sale": (N_("Off sale"), "warning"),
}
INTERFACE_CLASSES: dict[InterfaceClass, str] = {
    "basic": N_("Basic interfaces"),
    "general": N_("Order notifications"),
}


def is_failing(call: Call) -> bool:
    """Tried without success and to be tried again, or given up. Waiting for an opening instance is no failure."""
    if call.state == "failed":
        return True
    still_opening = call.verdict == "in_progress" or call.trouble == "no_info"
    return call.state == "waiting" and call.attempts > 0 and not still_opening


def call_state(call: Call) -> tuple[str, Tone]:
    """How a call's state reads, and its tone."""
    if call.state == "waiting" and call.attempts > 0:
        return (N_("Retrying"), "warning") if is_failing(call) else (N_("Polling"), "progress")
    return CALL_STATE_NAMES[call.state], _CALL_TONES[call.state]


def can_restart(call: Call) -> bool:
    """Whether a restart would do something: tried before and waiting, or given up without ending the order."""
    if call.state == "failed":
        return call.purpose in RESTARTABLE_WHEN_FAILED
    return call.state == "waiting" and call.attempts > 0


def tick(call: Call) -> str:
    """A call as a ticked box names it: which one, and after how many tries the person saw it."""
    return f"{call.id}.{call.attempts}"
