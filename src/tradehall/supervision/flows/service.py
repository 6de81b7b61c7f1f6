"""Manual services in the standard flow: environments set up, data migrated. Source: supervision_and_trading.md §2.4."""

from datetime import date

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Flow
from tradehall.supervision.flows.common import COMPLETED_NODE, acceptance, confirmation, delivery, request, review

LABEL = N_("Manual service")

FLOWS = (
    Flow(
        type="service",
        version=1,
        label=LABEL,
        nodes=(
            request(),
            confirmation(to="implementation"),
            delivery(
                Field(key="result", label=N_("Result of the service"), kind="note"),
                key="implementation",
                label=N_("Implement the service"),
                verb_label=N_("Service finished"),
            ),
            review(back="implementation"),
            acceptance(back="implementation"),
            COMPLETED_NODE,
        ),
    ),
    Flow(
        type="service",
        version=2,
        label=LABEL,
        from_date=date(2025, 3, 26),
        nodes=(
            request(),
            confirmation(to="delivery"),
            delivery(verb_label=N_("Service finished")),
            review(),
            acceptance(),
            COMPLETED_NODE,
        ),
    ),
)
