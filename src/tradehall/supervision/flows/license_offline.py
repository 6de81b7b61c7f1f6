"""Licences that the seller delivers outside the marketplace, and software packages that are deployed.

Source: supervision_and_trading.md §2.3.4, §2.3.5.
"""

from tradehall.kernel.i18n import N_
from tradehall.supervision.flow import Flow
from tradehall.supervision.flows.common import COMPLETED_NODE, DESCRIPTION, acceptance, delivery, review

FLOWS = (
    Flow(
        type="license_offline",
        version=1,
        label=N_("Licence, delivered by the seller"),
        nodes=(
            delivery(DESCRIPTION, label=N_("Deliver licence offline"), verb_label=N_("Licence delivered")),
            review(),
            acceptance(),
            COMPLETED_NODE,
        ),
    ),
    Flow(
        type="software_package",
        version=1,
        label=N_("Software package"),
        nodes=(
            delivery(DESCRIPTION, label=N_("Deploy software package"), verb_label=N_("Deployed")),
            review(),
            acceptance(),
            COMPLETED_NODE,
        ),
    ),
)
