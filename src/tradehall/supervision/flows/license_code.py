"""Licences by authorisation code, "License 2.0". Source: supervision_and_trading.md §2.3.1, §2.3.2;
kit_oauth_license.md §4.1."""

from datetime import date

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import COMPLETED, Flow, Node, Verb
from tradehall.supervision.flows.common import ACTUAL_START, COMPLETED_NODE, NOTE, review

LABEL = N_("Licence by authorisation code")

_DELIVERY = Node(
    key="delivery",
    label=N_("Deliver and deploy"),
    actor="seller",
    term="delivery",
    verbs=(
        Verb(
            key="deliver",
            label=N_("Delivered"),
            event="delivered",
            to="claim",
            fields=(NOTE,),
            asks=N_("The buyer can claim the authorisation code from now on."),
        ),
    ),
)
_CLAIM = Node(
    key="claim",
    label=N_("Claim authorisation code"),
    actor="buyer",
    term="claim",
    verbs=(
        Verb(
            key="claim_code",
            label=N_("Claim the code"),
            event="code_claimed",
            to="activation",
            asks=N_("Once the code is claimed, a refund can no longer be negotiated."),
            effect="claim",
        ),
    ),
)


def _activation(to: str, to_reviewed: str) -> Node:
    return Node(
        key="activation",
        label=N_("Activate code"),
        actor="seller",
        term="activation",
        verbs=(
            Verb(
                key="activate_code",
                label=N_("The code is activated"),
                event="code_activated",
                to=to,
                to_reviewed=to_reviewed,
                fields=(
                    Field(
                        key="code",
                        label=N_("Authorisation code"),
                        kind="code",
                        hint=N_("As the buyer handed it over. The seller's software says this by itself."),
                    ),
                    ACTUAL_START,
                ),
                starts=True,
                at_once=True,
                effect="activate",
            ),
        ),
    )


def _proof(*, only_reviewed: bool) -> Node:
    return Node(
        key="proof",
        label=N_("Upload delivery proof"),
        actor="seller",
        term="delivery",
        only_reviewed=only_reviewed,
        verbs=(
            Verb(
                key="hand_in_proof",
                label=N_("Hand in the proof"),
                event="proof_handed_in",
                to=COMPLETED,
                to_reviewed="review",
                fields=(NOTE,),
                proves=True,
            ),
        ),
    )


FLOWS = (
    Flow(
        type="license_code",
        version=1,
        label=LABEL,
        nodes=(
            _DELIVERY,
            _CLAIM,
            _activation(to="proof", to_reviewed="proof"),
            _proof(only_reviewed=False),
            review(to=COMPLETED, back="proof"),
            COMPLETED_NODE,
        ),
    ),
    # Claiming and activating say that the order may be accepted: proof is given only where the platform reviews it.
    Flow(
        type="license_code",
        version=2,
        label=LABEL,
        from_date=date(2024, 9, 14),
        nodes=(
            _DELIVERY,
            _CLAIM,
            _activation(to=COMPLETED, to_reviewed="proof"),
            _proof(only_reviewed=True),
            review(to=COMPLETED, back="proof"),
            COMPLETED_NODE,
        ),
    ),
)
