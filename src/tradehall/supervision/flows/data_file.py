"""Data files: the standard flow, and the files themselves are what is delivered. Source: supervision_and_trading.md
§2.7."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Flow
from tradehall.supervision.flows.common import COMPLETED_NODE, acceptance, confirmation, delivery, request, review

FLOWS = (
    Flow(
        type="data_file",
        version=1,
        label=N_("Data file"),
        nodes=(
            request(),
            confirmation(to="delivery"),
            delivery(
                Field(key="data_files", label=N_("Data files"), kind="files", accept="any"),
                label=N_("Deliver data"),
                verb_label=N_("Deliver the data"),
            ),
            review(),
            acceptance(),
            COMPLETED_NODE,
        ),
    ),
)
