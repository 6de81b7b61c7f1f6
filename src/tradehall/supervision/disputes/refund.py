"""Refunds that buyer and seller agree on while a delivery is supervised. Source: supervision_and_trading.md §5.2, §5.4
(goods not received)."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.disputes.grounds import GROUND_LABELS
from tradehall.supervision.disputes.steps import CLOSED, CLOSED_NODE, Step, unopened
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Flow, Node
from tradehall.supervision.flows.common import NOTE, REASON, REASON_FILES

AMOUNT = Field(key="amount_minor", label=N_("Amount to return"), kind="money", hint=N_("At most what was paid."))
SHARE_CONTACT = Field(
    key="share_contact",
    label=N_("The seller may see the buyer's phone number and e-mail address"),
    kind="flag",
    required=False,
)
OPINION = Field(key="opinion", label=N_("Opinion"), kind="note")
GROUND = Field(
    key="ground",
    label=N_("Ground"),
    kind="choice",
    choices=(*GROUND_LABELS.items(), ("other", N_("Something else"))),
)
AGREED_FILES = Field(
    key="agreement_files",
    label=N_("What was agreed on with the buyer"),
    kind="files",
    accept="any",
    hint=N_("A mail, a chat, minutes: whatever shows it."),
)
WITHDRAW = Step(
    key="withdraw_refund",
    label=N_("Withdraw the request"),
    event="withdrawn",
    to=CLOSED,
    by="buyer",
    asks=N_("The delivery continues where it was."),
    tone="plain",
    outcome="withdrawn",
)
ENDS_ORDER = N_("The money goes back at once and the order ends. What is not returned stays yours.")


# What a buyer says who wants money back.
ASKED = (AMOUNT, REASON, REASON_FILES, SHARE_CONTACT)


def refuse(event: str, label: str) -> Step:
    """The seller does not agree, and says on which ground."""
    return Step(
        key=f"refuse_{event}",
        label=label,
        event="refused",
        to=CLOSED,
        fields=(GROUND, REASON, REASON_FILES),
        asks=N_("The delivery continues where it was. The buyer can appeal."),
        tone="danger",
        outcome="refused",
    )


def chase(event: str) -> Step:
    """The buyer asks a seller who keeps them waiting, and sees whom to call."""
    return Step(
        key=f"chase_{event}",
        label=N_("Contact the seller"),
        event="chased",
        to=f"{event}_review",
        by="buyer",
        tone="plain",
        late=True,
    )


PROCEDURE = Flow(
    type="refund",
    version=1,
    label=N_("Refund request"),
    nodes=(
        unopened(
            Step(
                key="request_refund",
                label=N_("Ask for a refund"),
                event="requested",
                to="refund_review",
                to_reviewed="transit",
                by="buyer",
                fields=ASKED,
                asks=N_("The delivery is paused until the seller answers or you withdraw the request."),
                tone="plain",
            )
        ),
        Node(
            key="transit",
            label=N_("The marketplace confirms where the parcel is"),
            actor="platform",
            term="transit",
            only_reviewed=True,
            verbs=(
                Step(
                    key="clear_transit",
                    label=N_("Let the refund go on"),
                    event="transit_cleared",
                    to="refund_review",
                    fields=(NOTE,),
                ),
                Step(
                    key="deny_transit",
                    label=N_("The parcel will arrive: no refund without a return"),
                    event="transit_denied",
                    to=CLOSED,
                    fields=(REASON,),
                    tone="danger",
                    outcome="refused",
                ),
                WITHDRAW,
            ),
        ),
        Node(
            key="refund_review",
            label=N_("The seller answers"),
            actor="seller",
            term="refund_review",
            verbs=(
                Step(
                    key="agree_refund",
                    label=N_("Agree to the refund"),
                    event="agreed",
                    to=CLOSED,
                    fields=(OPINION, AGREED_FILES),
                    asks=ENDS_ORDER,
                    outcome="refund",
                ),
                refuse("refund", N_("Refuse the refund")),
                chase("refund"),
                WITHDRAW,
            ),
        ),
        CLOSED_NODE,
    ),
)
