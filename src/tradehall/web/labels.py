"""States and ways of buying as people read them, shared by all pages. Message ids: templates translate them."""

from tradehall.catalog.delivery import delivery, known
from tradehall.catalog.model import ChargingMode, PeriodType
from tradehall.kernel.i18n import N_
from tradehall.parties.model import Track
from tradehall.provisioning.model import Instance
from tradehall.trading.model import OrderState, OrderType
from tradehall.trading.terms import Subscription, SubscriptionState
from tradehall.trading.voucher_queries import VoucherState
from tradehall.web.templating import Tone

ORDER_STATES: dict[OrderState, tuple[str, Tone]] = {
    "pending_payment": (N_("Waiting for payment"), "warning"),
    "processing": (N_("In process"), "progress"),
    "completed": (N_("Completed"), "success"),
    "cancelled": (N_("Cancelled"), "neutral"),
}
ORDER_TYPES: dict[OrderType, str] = {
    "NEW": N_("New purchase"),
    "TRIAL": N_("Trial"),
    "TRIAL_TO_FORMAL": N_("Conversion"),
    "RENEW": N_("Renewal"),
    "CHANGE": N_("Upgrade"),
    "UNSUBSCRIBE": N_("Unsubscription"),
}
SUBSCRIPTION_STATES: dict[SubscriptionState, tuple[str, Tone]] = {
    "active": (N_("In use"), "success"),
    "grace": (N_("Expired, still usable"), "warning"),
    "frozen": (N_("Frozen"), "danger"),
    "ended": (N_("Ended"), "neutral"),
}
_SUSPENDED: tuple[str, Tone] = (N_("Suspended"), "danger")
INSTANCE_STATES: dict[str, tuple[str, Tone]] = {
    "opening": (N_("Opening"), "progress"),
    "running": (N_("In use"), "success"),
    "frozen": (N_("Frozen"), "danger"),
    "ending": (N_("Being released"), "neutral"),
    "failed": (N_("Not opened"), "danger"),
    "released": (N_("Released"), "neutral"),
}
VOUCHER_STATES: dict[VoucherState, tuple[str, Tone]] = {
    "usable": (N_("Can be used"), "success"),
    "upcoming": (N_("Not valid yet"), "info"),
    "spent": (N_("Spent"), "neutral"),
    "expired": (N_("Expired"), "warning"),
}
VOUCHER_SCENES: dict[Track, str] = {
    "empowerment": N_("Empowerment cloud"),
    "base": N_("Base cloud"),
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
# How each delivery type reaches the buyer, in a sentence for both sides.
DELIVERIES: dict[str, str] = {
    "saas": N_("The seller's server opens it as soon as it is paid for."),
    "saas_manual": N_("The seller opens it by hand and hands over its address and account."),
    "license_system_id": N_("The buyer confirms a system ID that comes with the order; the licence is made for it."),
    "license_hardware_id": N_("The buyer submits the hardware ID of a machine; the licence is made for it."),
    "license_code": N_("An authorisation code comes with the order: the buyer claims it, the seller activates it."),
    "license_offline": N_("The seller hands over the licence directly and proves that here."),
    "software_package": N_("The seller deploys the software for the buyer."),
    "service": N_("The seller's people do the work: they set something up, migrate data, train."),
    "website": N_("A website is built to order; the buyer confirms its design and a test site on the way."),
    "hardware": N_("It is sent as a parcel to the recipient named in the order."),
    "orchestration": N_("The seller deploys applications that work together."),
    "data_file": N_("The seller hands over data files, which are downloaded here."),
    "image": N_("An image: once it is paid for, servers can be made from it in the cloud's console."),
    "api": N_("An API: once it is paid for, it can be called as its description says."),
}
BY_PEOPLE = N_("The seller delivers it and the buyer accepts it, each step recorded.")
_OTHER_STATES: dict[str, str] = {
    "draft": N_("Draft"),
    "on_sale": N_("On sale"),
    "off_sale": N_("Off sale"),
    "queued": N_("Queued"),
    "waiting": N_("Waiting"),
    "running": N_("Calling now"),
    "succeeded": N_("Succeeded"),
    "failed": N_("Given up"),
    "suspended": N_("Suspended"),
    "published": N_("Published"),
    "rejected": N_("Not published"),
    "withdrawn": N_("Withdrawn"),
}


def delivery_label(key: str) -> str:
    """The message id of what a delivery type is called."""
    return delivery(key).label if known(key) else key


def delivery_sentence(key: str) -> str:
    """The message id of the sentence that says how it reaches the buyer; of a flow that has none of its own, what holds
    for all of them."""
    return DELIVERIES.get(key, BY_PEOPLE)


def is_supervised(key: str) -> bool:
    """Whether the delivery is supervised."""
    return known(key) and delivery(key).supervised


def standing(application: Instance | Subscription) -> tuple[str, str, Tone]:
    """How an application stands: the stable word, its message id and its tone. What it was bought for says more than
    the seller's instance, except while that opens or is released."""
    if isinstance(application, Subscription):
        state, suspended = application.state, application.suspended_at
    else:
        if application.subscription_state is None or application.state in ("ending", "released"):
            return (application.state, *INSTANCE_STATES[application.state])
        state, suspended = application.subscription_state, application.suspended_at
    if suspended and state != "ended":
        return ("suspended", *_SUSPENDED)
    return (state, *SUBSCRIPTION_STATES[state])


def state_label(state: str) -> str:
    """The message id of a state that a problem names: an order's, a call's, a product's or an application's."""
    for subscription, (label, _) in SUBSCRIPTION_STATES.items():
        if state == subscription:
            return label
    if state in _OTHER_STATES:
        return _OTHER_STATES[state]
    return next((label for known, (label, _) in ORDER_STATES.items() if known == state), state)
