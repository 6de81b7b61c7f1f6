"""SaaS that the seller opens by hand. Source: supervision_and_trading.md §2.1."""

from datetime import date

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Flow, Node, Verb
from tradehall.supervision.flows.common import (
    COMPLETED_NODE,
    DESCRIPTION,
    acceptance,
    confirmation,
    delivery,
    request,
    review,
)

LABEL = N_("SaaS, opened by the seller")
# What the buyer needs to use it, shown on the detail page from the delivery on.
APPLICATION_INFO = (
    Field(key="front_end_url", label=N_("Address of the application"), kind="url"),
    Field(key="admin_url", label=N_("Address of its administration"), kind="url", required=False),
    Field(key="user_name", label=N_("Account"), kind="text", verbatim=True),
    Field(key="password", label=N_("Initial password"), kind="secret"),
)

FLOWS = (
    Flow(
        type="saas_manual",
        version=1,
        label=LABEL,
        nodes=(
            request(),
            confirmation(to="implementation"),
            Node(
                key="implementation",
                label=N_("Implement the service"),
                actor="seller",
                term="delivery",
                verbs=(
                    Verb(
                        key="finish_implementation",
                        label=N_("Implementation finished"),
                        event="implemented",
                        to="opening",
                        fields=(DESCRIPTION,),
                    ),
                ),
            ),
            delivery(
                *APPLICATION_INFO, key="opening", label=N_("Open and deliver"), verb_label=N_("Deliver the application")
            ),
            review(back="implementation"),
            acceptance(back="implementation"),
            COMPLETED_NODE,
        ),
    ),
    # Implementing and proving it have become one step, and a product may do without a written requirement.
    Flow(
        type="saas_manual",
        version=2,
        label=LABEL,
        from_date=date(2025, 3, 26),
        without_requirement="delivery",
        nodes=(
            request(),
            confirmation(to="delivery"),
            delivery(*APPLICATION_INFO, verb_label=N_("Deliver the application")),
            review(),
            acceptance(),
            COMPLETED_NODE,
        ),
    ),
)
