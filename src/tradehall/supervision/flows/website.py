"""Websites built to order: the standard flow, with the buyer's word on the design and on the test site before it goes
live. Source: supervision_and_trading.md §2.4, whose drawing of these nodes is not known (decision 0012)."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Flow
from tradehall.supervision.flows.common import (
    COMPLETED_NODE,
    acceptance,
    confirmation,
    delivery,
    draft_round,
    request,
    review,
)

FLOWS = (
    Flow(
        type="website",
        version=1,
        label=N_("Website building"),
        nodes=(
            request(),
            confirmation(to="design"),
            *draft_round(
                Field(key="design_files", label=N_("Design draft"), kind="files", accept="any"),
                key="design",
                label=N_("Show design draft"),
                confirm_label=N_("Confirm design draft"),
                to="test_site",
            ),
            *draft_round(
                Field(key="test_url", label=N_("Address of the test site"), kind="url"),
                key="test_site",
                label=N_("Show test site"),
                confirm_label=N_("Confirm test site"),
                to="delivery",
            ),
            delivery(
                Field(key="site_url", label=N_("Address of the website"), kind="url"),
                label=N_("Go live"),
                verb_label=N_("The website is live"),
            ),
            review(),
            acceptance(),
            COMPLETED_NODE,
        ),
    ),
)
