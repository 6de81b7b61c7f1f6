"""Application orchestration: delivered offline, without a requirement. Source: supervision_and_trading.md §2.6."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.flow import Flow
from tradehall.supervision.flows.common import COMPLETED_NODE, DESCRIPTION, acceptance, delivery, review

FLOWS = (
    Flow(
        type="orchestration",
        version=1,
        label=N_("Application orchestration"),
        nodes=(
            delivery(DESCRIPTION, label=N_("Deliver orchestration"), verb_label=N_("Delivered")),
            review(),
            acceptance(),
            COMPLETED_NODE,
        ),
    ),
)
