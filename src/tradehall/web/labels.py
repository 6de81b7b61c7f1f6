"""States and ways of buying as people read them, shared by all pages. Message ids: templates translate them."""

from tradehall.catalog.model import ChargingMode, PeriodType
from tradehall.kernel.i18n import N_
from tradehall.trading.model import OrderState
from tradehall.web.templating import Tone

ORDER_STATES: dict[OrderState, tuple[str, Tone]] = {
    "pending_payment": (N_("Waiting for payment"), "warning"),
    "processing": (N_("In process"), "progress"),
    "completed": (N_("Completed"), "success"),
    "cancelled": (N_("Cancelled"), "neutral"),
}
INSTANCE_STATES: dict[str, tuple[str, Tone]] = {
    "opening": (N_("Opening"), "progress"),
    "running": (N_("In use"), "success"),
    "failed": (N_("Not opened"), "danger"),
    "released": (N_("Released"), "neutral"),
}
CATEGORIES: dict[str, str] = {
    "collaboration": N_("Collaboration"),
    "customer_service": N_("Customer service"),
    "data": N_("Data"),
    "developer_tools": N_("Developer tools"),
    "finance": N_("Finance"),
    "industry": N_("Industry"),
    "marketing": N_("Marketing"),
    "security": N_("Security"),
}
CHARGING_MODES: dict[ChargingMode, str] = {
    "PERIOD": N_("By the period"),
    "ONE_TIME": N_("One-time"),
    "ON_DEMAND": N_("On demand"),
}
PERIODS: dict[PeriodType, str] = {"month": N_("per month"), "year": N_("per year")}
_OTHER_STATES: dict[str, str] = {
    "draft": N_("Draft"),
    "on_sale": N_("On sale"),
    "off_sale": N_("Off sale"),
    "queued": N_("Queued"),
    "waiting": N_("Waiting"),
    "running": N_("Calling now"),
    "succeeded": N_("Succeeded"),
    "failed": N_("Given up"),
}


def state_label(state: str) -> str:
    """The message id of a state that a problem names: an order's, a call's or a product's."""
    if state in _OTHER_STATES:
        return _OTHER_STATES[state]
    return next((label for known, (label, _) in ORDER_STATES.items() if known == state), state)
