"""Nodes and verbs that many flows share."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import COMPLETED, Node, Timer, Verb

REASON = Field(key="reason", label=N_("Reason"), kind="note")
REASON_FILES = Field(key="reason_files", label=N_("Files that show it"), kind="files", required=False, accept="any")
NOTE = Field(key="note", label=N_("Note"), kind="note", required=False)
ACTUAL_START = Field(
    key="actual_start",
    label=N_("Actual start of the service"),
    kind="date",
    required=False,
    hint=N_("The term counts from this day; left empty, from the buyer's acceptance."),
)
DESCRIPTION = Field(key="description", label=N_("What was done"), kind="note")


def request(to: str = "confirmation") -> Node:
    """The buyer says what is needed."""
    return Node(
        key="request",
        label=N_("Submit requirement"),
        actor="buyer",
        term="requirement",
        verbs=(
            Verb(
                key="submit_requirement",
                label=N_("Submit the requirement"),
                event="requirement_submitted",
                to=to,
                fields=(
                    Field(key="requirement", label=N_("Description of the requirement"), kind="note"),
                    Field(
                        key="requirement_files",
                        label=N_("Requirement document"),
                        kind="files",
                        required=False,
                        accept="any",
                        hint=N_("The seller's template, filled in, where the product has one."),
                    ),
                ),
                asks=N_("The seller reads it next; it cannot be changed unless the seller rejects it."),
            ),
        ),
    )


def confirmation(to: str) -> Node:
    """The seller says whether that can be delivered."""
    return Node(
        key="confirmation",
        label=N_("Confirm requirement"),
        actor="seller",
        term="confirmation",
        verbs=(
            Verb(
                key="confirm_requirement",
                label=N_("Confirm the requirement"),
                event="requirement_confirmed",
                to=to,
                fields=(NOTE,),
                asks=N_("From now on the days you promised for the delivery count."),
            ),
            Verb(
                key="reject_requirement",
                label=N_("Reject the requirement"),
                event="requirement_rejected",
                to="request",
                fields=(REASON,),
                tone="danger",
                rejects=True,
            ),
        ),
    )


def delivery(
    *fields: Field,
    key: str = "delivery",
    label: str = N_("Upload delivery proof"),
    verb_label: str = N_("Deliver"),
    timer: Timer | None = None,
    others: tuple[Verb, ...] = (),
    starts: tuple[Field, ...] = (ACTUAL_START,),
) -> Node:
    """The seller delivers and proves it."""
    return Node(
        key=key,
        label=label,
        actor="seller",
        term="delivery",
        verbs=(
            Verb(
                key="deliver",
                label=verb_label,
                event="delivered",
                to="acceptance",
                to_reviewed="review",
                fields=(*fields, *starts),
                asks=N_("What is handed in stays as it is and is shown to the other side."),
                timer=timer,
                proves=True,
                starts=True,
            ),
            *others,
        ),
    )


def review(to: str = "acceptance", back: str = "delivery") -> Node:
    """The platform looks at the proof, where the acceptance rule has it so."""
    return Node(
        key="review",
        label=N_("Platform review"),
        actor="platform",
        term="review",
        only_reviewed=True,
        verbs=(
            Verb(
                key="approve_delivery",
                label=N_("Approve the proof"),
                event="delivery_approved",
                to=to,
                fields=(NOTE,),
            ),
            Verb(
                key="return_delivery",
                label=N_("Return the proof"),
                event="delivery_returned",
                to=back,
                fields=(REASON,),
                tone="danger",
                rejects=True,
            ),
        ),
    )


def acceptance(back: str = "delivery", *others: Verb) -> Node:
    """The buyer accepts what was delivered, or says why not."""
    return Node(
        key="acceptance",
        label=N_("Confirm acceptance"),
        actor="buyer",
        term="acceptance",
        verbs=(
            Verb(
                key="accept",
                label=N_("Accept the delivery"),
                event="accepted",
                to=COMPLETED,
                fields=(NOTE,),
                asks=N_("With your acceptance the order is completed and the seller will be paid."),
            ),
            reject(back),
            *others,
        ),
    )


def reject(back: str) -> Verb:
    return Verb(
        key="reject_delivery",
        label=N_("Reject the delivery"),
        event="delivery_rejected",
        to=back,
        fields=(REASON, REASON_FILES),
        tone="danger",
        rejects=True,
    )


def draft_round(*fields: Field, key: str, label: str, confirm_label: str, to: str) -> tuple[Node, Node]:
    """The seller shows something unfinished, and goes on when the buyer has confirmed it."""
    confirmed = f"{key}_confirmation"
    return (
        Node(
            key=key,
            label=label,
            actor="seller",
            term="delivery",
            verbs=(
                Verb(
                    key=f"show_{key}",
                    label=N_("Show it to the buyer"),
                    event=f"{key}_shown",
                    to=confirmed,
                    fields=(DESCRIPTION, *fields),
                ),
            ),
        ),
        Node(
            key=confirmed,
            label=confirm_label,
            actor="buyer",
            term="acceptance",
            verbs=(
                Verb(
                    key=f"confirm_{key}",
                    label=N_("Confirm it"),
                    event=f"{key}_confirmed",
                    to=to,
                    fields=(NOTE,),
                    asks=N_("The seller goes on from here."),
                ),
                Verb(
                    key=f"reject_{key}",
                    label=N_("Ask for changes"),
                    event=f"{key}_rejected",
                    to=key,
                    fields=(REASON, REASON_FILES),
                    tone="danger",
                    rejects=True,
                ),
            ),
        ),
    )


COMPLETED_NODE = Node(key=COMPLETED, label=N_("Service completed"), actor=None)
