"""Calls, orders and products in the words people use. Everything here is a message id; templates translate it."""

from tradehall.catalog.model import InterfaceClass, ProductState
from tradehall.kernel.i18n import N_
from tradehall.protocols.requests import Activity
from tradehall.provisioning.model import RESTARTABLE_WHEN_FAILED, Call, CallState, Purpose
from tradehall.trading.model import RefundState
from tradehall.web.templating import Tone

ACTIVITY_NAMES: dict[Activity, str] = {
    "newInstance": N_("Create instance"),
    "queryInstance": N_("Query instance"),
    "refreshInstance": N_("Renew instance"),
    "updateInstanceStatus": N_("Update instance status"),
    "upgradeInstance": N_("Upgrade instance"),
    "changeInstanceCheck": N_("Check a change at renewal"),
    "releaseInstance": N_("Release instance"),
    "orderNotify": N_("Order notification"),
    "expireInstance": N_("Expire instance (V1)"),
    "upgrade": N_("Upgrade instance (V1)"),
    "instanceStatus": N_("Instance status (V1)"),
}
PURPOSES: dict[Purpose, str] = {
    "open": N_("Asks the seller's server to create what was bought."),
    "await_opening": N_("The seller accepted and creates it in the background: asks whether it is ready."),
    "investigate": N_("It is not known whether the instance was created: asks for it under every name it was given."),
    "details": N_("Asks how the buyer signs in: address, account and initial password."),
    "renew": N_("Tells the seller's server of a new end of the term."),
    "change": N_("Asks the seller's server to make more, or another specification, of an instance."),
    "check": N_("Asks whether a renewal may bring another specification or quantity; nothing is changed yet."),
    "freeze": N_("Tells the seller's server to let nobody use the instance and to keep its data."),
    "unfreeze": N_("Tells the seller's server to let the instance be used again."),
    "release": N_("Tells the seller's server that the instance is no longer needed."),
    "notify": N_("Tells the seller's server of a paid order."),
}
_SCENES: dict[str, str] = {
    "TRIAL_TO_FORMAL": N_("Tells the seller's server that a trial was bought, and until when it runs."),
    "UNSUBSCRIBE_RENEWAL_PERIOD": N_("Tells the seller's server that a renewal was taken back: the term ends earlier."),
    "RENEWAL_CHANGE": N_("Tells the seller's server of a renewal that changes specification or quantity."),
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


def purpose(call: Call) -> str:
    """What a call is for."""
    return _SCENES.get(call.parameters.get("scene", ""), PURPOSES[call.purpose])


def is_failing(call: Call) -> bool:
    """Tried without success and to be tried again, or given up. Waiting for an opening instance is no failure."""
    if call.state == "failed":
        return True
    return call.state == "waiting" and call.attempts > 0 and call.verdict != "in_progress"


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
