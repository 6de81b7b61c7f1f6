"""What lists of supervised orders call things. Message ids: templates and the export translate them."""

from typing import Literal

from tradehall.kernel.i18n import N_, Translator
from tradehall.supervision.flow import COMPLETED, Side
from tradehall.supervision.flows import FLOWS, all_flows
from tradehall.web.desks import Desk

View = Literal["mine", "open", "overdue", "completed", "cancelled", "all"]
VIEWS: dict[View, str] = {
    "mine": N_("My turn"),
    "open": N_("Under way"),
    "overdue": N_("Overdue"),
    "completed": N_("Completed"),
    "cancelled": N_("Cancelled"),
    "all": N_("All"),
}
# What nodes are called together that delivery types name in their own ways.
_ALIKE: dict[str, str] = {
    "delivery": N_("Delivery by the seller"),
    "implementation": N_("Implement the service"),
}


DESKS: dict[Side, Desk] = {
    "buyer": Desk(
        "/buyer",
        "supervision",
        "buyer",
        N_("Service supervision"),
        N_("My marketplace"),
        N_("Your orders that people deliver, from your requirement to your acceptance."),
    ),
    "seller": Desk(
        "/seller",
        "supervision",
        "seller",
        N_("Service supervision"),
        N_("Transactions"),
        N_("Orders that your people deliver, from the buyer's requirement to the buyer's acceptance."),
    ),
    "platform": Desk(
        "/operator",
        "supervision",
        "platform",
        N_("Review desk"),
        "",
        N_("All orders that people deliver, and those that wait for your review."),
    ),
}


def type_options(texts: Translator) -> list[tuple[str, str]]:
    """The supervised delivery types, to choose one of."""
    return [(key, texts.lookup(flows[0].label)) for key, flows in FLOWS.items()]


def node_options(texts: Translator, delivery_type: str) -> list[tuple[str, str]]:
    """The nodes at which orders of a delivery type wait, or of all; in the order they are gone through."""
    labels: dict[str, list[str]] = {}
    for flow in all_flows():
        if delivery_type in ("", flow.type):
            for node in flow.nodes:
                if node.key != COMPLETED and node.label not in (known := labels.setdefault(node.key, [])):
                    known.append(node.label)
    options = [
        (key, texts.lookup(found[0] if len(found) == 1 else _ALIKE.get(key, found[0]))) for key, found in labels.items()
    ]
    return sorted(options, key=lambda option: _ORDER.index(option[0]) if option[0] in _ORDER else len(_ORDER))


# Roughly the way of an order, over all delivery types.
_ORDER = (
    "request",
    "identification",
    "confirmation",
    "design",
    "design_confirmation",
    "test_site",
    "test_site_confirmation",
    "implementation",
    "opening",
    "delivery",
    "claim",
    "activation",
    "proof",
    "review",
    "acceptance",
)
