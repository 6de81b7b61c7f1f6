"""Licences made for one identification code, "License 1.0": the marketplace's system ID, or a machine's hardware ID.

Source: supervision_and_trading.md §2.3.3, kit_oauth_license.md §5.1.
"""

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Flow, Node, Verb
from tradehall.supervision.flows.common import COMPLETED_NODE, REASON, acceptance, delivery, review

LICENSE = (
    Field(key="license", label=N_("Licence"), kind="note", group="license", verbatim=True),
    Field(key="license_files", label=N_("Licence files"), kind="files", accept="any", group="license"),
)
# A code that cannot be right goes back to the buyer, as a requirement does (§1.3): for as long as nothing is delivered,
# and when what was delivered for it has come back.
_REJECT_CODE = Verb(
    key="reject_identification",
    label=N_("Reject the identification code"),
    event="identification_rejected",
    to="identification",
    fields=(REASON,),
    tone="danger",
    rejects=True,
)


def _identification(*fields: Field, asks: str) -> Node:
    return Node(
        key="identification",
        label=N_("Submit identification code"),
        actor="buyer",
        term="requirement",
        verbs=(
            Verb(
                key="submit_identification",
                label=N_("Submit the identification code"),
                event="identification_submitted",
                to="delivery",
                fields=fields,
                asks=asks,
            ),
        ),
    )


def _flow(kind: str, label: str, begin: Node, *others: Verb) -> Flow:
    return Flow(
        type=kind,
        version=1,
        label=label,
        nodes=(
            begin,
            delivery(*LICENSE, label=N_("Deliver licence"), verb_label=N_("Deliver the licence"), others=others),
            review(),
            acceptance(),
            COMPLETED_NODE,
        ),
    )


FLOWS = (
    _flow(
        "license_system_id",
        N_("Licence for a system ID"),
        # The code itself was made with the order: there is nothing to type.
        _identification(asks=N_("The seller makes the licence for this code.")),
    ),
    _flow(
        "license_hardware_id",
        N_("Licence for a hardware ID"),
        _identification(
            Field(
                key="hardware_id",
                label=N_("Identification code of the machine"),
                kind="text",
                verbatim=True,
                hint=N_("The seller's guide says where to read it. The licence will fit this machine only."),
            ),
            asks=N_(
                "Is every character right? The seller makes the licence for this code; it cannot be changed unless the "
                "seller rejects it."
            ),
        ),
        _REJECT_CODE,
    ),
)
