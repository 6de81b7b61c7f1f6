"""Hardware, sent as a parcel. Source: supervision_and_trading.md §2.5."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.carriers import COURIERS
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import COMPLETED, Flow, Verb
from tradehall.supervision.flows.common import COMPLETED_NODE, NOTE, acceptance, delivery, review

RECIPIENT = (
    Field(key="recipient_name", label=N_("Recipient"), kind="text"),
    Field(key="recipient_phone", label=N_("Recipient's phone"), kind="phone"),
    Field(key="recipient_address", label=N_("Address"), kind="text"),
)

FLOWS = (
    Flow(
        type="hardware",
        version=1,
        label=N_("Hardware"),
        charging=("ONE_TIME",),
        asks_recipient=True,
        nodes=(
            delivery(
                Field(
                    key="courier",
                    label=N_("Courier"),
                    kind="choice",
                    choices=COURIERS,
                    hint=N_("One that is not listed goes as another courier, named in the note; nobody can ask it."),
                ),
                Field(key="tracking_number", label=N_("Tracking number"), kind="text", verbatim=True),
                NOTE,
                label=N_("Ship"),
                verb_label=N_("Shipped"),
                timer="track",
                starts=(),
                others=(
                    Verb(
                        key="change_address",
                        label=N_("Change the address"),
                        event="address_changed",
                        to="delivery",
                        by="buyer",
                        fields=RECIPIENT,
                        keeps="recipient",
                        tone="plain",
                    ),
                ),
            ),
            review(),
            acceptance(
                "delivery",
                Verb(
                    key="accept_automatically",
                    label=N_("Accepted automatically"),
                    event="accepted",
                    to=COMPLETED,
                    by="system",
                    timer="accept",
                ),
            ),
            COMPLETED_NODE,
        ),
    ),
)
