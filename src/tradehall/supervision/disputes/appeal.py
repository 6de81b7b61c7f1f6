"""Appeals against how a delivery goes: by either side, at any node, decided by the platform.
Source: supervision_and_trading.md §3."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.disputes.steps import CLOSED, CLOSED_NODE, Outcome, Ruling, Step, unopened
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import By, Flow, Node, Side
from tradehall.supervision.flows.common import NOTE, REASON

RULING_LABELS: dict[Outcome, str] = {
    "resume": N_("The delivery continues where it was"),
    "redeliver": N_("Back to the seller for another delivery"),
    "accept": N_("The delivery counts as accepted"),
    "refund": N_("Money goes back to the buyer, and the order ends"),
}
STATEMENT = Field(key="statement", label=N_("Statement"), kind="note")
FILES = Field(key="appeal_files", label=N_("Files that show it"), kind="files", required=False, accept="any")
# Signed by a seller whose buyer cannot be reached, so that the platform may close the order by hand.
COMMITMENT_LETTER = Field(
    key="commitment_letter",
    label=N_("Commitment letter"),
    kind="files",
    required=False,
    hint=N_("Needed where the buyer cannot be reached and the order is to be closed by the marketplace."),
)
ANSWER_BY = Field(key="answer_by", label=N_("Answer by"), kind="deadline")
RULING = Field(key="ruling", label=N_("Decision"), kind="note", hint=N_("Both sides read it: say why."))
AMOUNT = Field(key="amount_minor", label=N_("Amount to return"), kind="money")
UNREACHABLE = Field(
    key="unreachable",
    label=N_("The buyer cannot be reached"),
    kind="flag",
    required=False,
    hint=N_("Then the seller's signed commitment letter has to be in the appeal."),
)
SECOND_LOOK_ASKS = N_(
    "Both sides are told, with your reasons. It cannot be taken back. Above the set amount a second person of the "
    "marketplace has to confirm it before."
)

WITHDRAW = Step(
    key="withdraw_appeal",
    label=N_("Withdraw the appeal"),
    event="withdrawn",
    to=CLOSED,
    by="opener",
    fields=(NOTE,),
    asks=N_("The delivery continues where it was. You can appeal again."),
    tone="danger",
    outcome="withdrawn",
)


def _decide(ruling: Ruling, *fields: Field, asks: str = "", to_reviewed: str = "") -> Step:
    return Step(
        key=f"decide_{ruling}",
        label=RULING_LABELS[ruling],
        event="decided",
        to=CLOSED,
        to_reviewed=to_reviewed,
        fields=(RULING, *fields),
        asks=asks or N_("Both sides are told, with your reasons. It cannot be taken back."),
        tone="danger" if ruling == "refund" else "primary",
        outcome=ruling,
    )


def _note_contact(at: str) -> Step:
    """People call and write at any time, also while an answer is waited for."""
    return Step(
        key="note_contact",
        label=N_("Log a contact"),
        event="contact_noted",
        to=at,
        by="platform",
        fields=(
            Field(
                key="channel",
                label=N_("How"),
                kind="choice",
                choices=(
                    ("phone", N_("Phone")),
                    ("mail", N_("Mail")),
                    ("meeting", N_("Meeting")),
                ),
            ),
            Field(
                key="with",
                label=N_("With whom"),
                kind="choice",
                choices=(
                    ("buyer", N_("The buyer")),
                    ("seller", N_("The seller")),
                    ("both", N_("Both sides")),
                ),
            ),
            Field(key="minutes", label=N_("Minutes"), kind="note", hint=N_("Both sides read it.")),
            FILES,
        ),
        tone="plain",
    )


def _add_to_appeal(at: str, by: By) -> Step:
    return Step(
        key="add_to_appeal",
        label=N_("Add a statement"),
        event="statement_added",
        to=at,
        by=by,
        fields=(STATEMENT, FILES, COMMITMENT_LETTER),
        tone="plain",
    )


def _recall(what: str, label: str) -> Step:
    """The platform no longer waits for what it asked or proposed."""
    return Step(
        key=f"recall_{what}",
        label=label,
        event=f"{what}_recalled",
        to="investigation",
        by="platform",
        fields=(REASON,),
        tone="plain",
    )


def _answer(side: Side, label: str) -> Node:
    return Node(
        key=f"{side}_evidence",
        label=label,
        actor=side,
        term="answer",
        verbs=(
            Step(
                key="answer_request",
                label=N_("Hand in what is asked for"),
                event="answered",
                to="investigation",
                fields=(STATEMENT, FILES, COMMITMENT_LETTER),
            ),
            Step(key="request_lapses", label=N_("No answer came in time"), event="request_lapsed",
                 to="investigation", by="system", timer="lapse"),
            _recall("request", N_("Take the request back")),
            _note_contact(f"{side}_evidence"),
            _add_to_appeal(f"{side}_evidence", "seller" if side == "buyer" else "buyer"),
            WITHDRAW,
        ),
    )  # fmt: skip


def _ask(side: str, label: str) -> Step:
    return Step(
        key=f"ask_{side}",
        label=label,
        event="evidence_requested",
        to=f"{side}_evidence",
        fields=(Field(key="request", label=N_("What is needed"), kind="note"), ANSWER_BY),
        tone="plain",
    )


def _agree(side: str, to: str) -> Step:
    return Step(
        key=f"agree_as_{side}",
        label=N_("Agree to the proposal"),
        event="proposal_agreed",
        to=to,
        by="buyer" if side == "buyer" else "seller",
        fields=(NOTE,),
        asks=N_("Once both sides agree it is carried out."),
        outcome="proposed" if to == CLOSED else None,
    )


def _decline(side: str) -> Step:
    return Step(
        key=f"decline_as_{side}",
        label=N_("Decline the proposal"),
        event="proposal_declined",
        to="investigation",
        by="buyer" if side == "buyer" else "seller",
        fields=(REASON,),
        tone="danger",
    )


LAPSES = Step(
    key="proposal_lapses",
    label=N_("Not agreed to in time"),
    event="proposal_lapsed",
    to="investigation",
    by="system",
    timer="lapse",
)

PROCEDURE = Flow(
    type="appeal",
    version=1,
    label=N_("Appeal"),
    nodes=(
        unopened(
            Step(
                key="appeal",
                label=N_("Appeal to the marketplace"),
                event="opened",
                to="investigation",
                by="party",
                fields=(
                    REASON,
                    Field(key="claim", label=N_("Claim"), kind="note"),
                    FILES,
                    COMMITMENT_LETTER,
                ),
                asks=N_("Nobody can act in the delivery, and no deadline runs, until the marketplace has decided."),
                tone="danger",
            )
        ),
        Node(
            key="investigation",
            label=N_("The marketplace investigates"),
            actor="platform",
            term="appeal",
            verbs=(
                _note_contact("investigation"),
                _ask("buyer", N_("Ask the buyer for more evidence")),
                _ask("seller", N_("Ask the seller for more evidence")),
                Step(
                    key="propose",
                    label=N_("Propose a settlement"),
                    event="proposed",
                    to="proposal",
                    fields=(
                        Field(
                            key="proposal",
                            label=N_("What becomes of the order"),
                            kind="choice",
                            choices=tuple(RULING_LABELS.items()),
                        ),
                        Field(
                            key="amount_minor",
                            label=N_("Amount to return"),
                            kind="money",
                            required=False,
                            hint=N_("Only for a refund."),
                        ),
                        Field(key="explanation", label=N_("Explanation"), kind="note"),
                        ANSWER_BY,
                    ),
                    tone="plain",
                ),
                _decide("resume"),
                _decide("redeliver"),
                _decide("accept", UNREACHABLE, asks=SECOND_LOOK_ASKS, to_reviewed="second_look"),
                _decide("refund", AMOUNT, asks=SECOND_LOOK_ASKS, to_reviewed="second_look"),
                _add_to_appeal("investigation", "party"),
                WITHDRAW,
            ),
        ),
        _answer("buyer", N_("The buyer supplies more evidence")),
        _answer("seller", N_("The seller supplies more evidence")),
        Node(
            key="proposal",
            label=N_("Both sides consider the proposal"),
            actor=None,
            term="proposal",
            verbs=(
                _agree("buyer", "seller_considers"),
                _agree("seller", "buyer_considers"),
                _decline("buyer"),
                _decline("seller"),
                LAPSES,
                _recall("proposal", N_("Take the proposal back")),
                _note_contact("proposal"),
                WITHDRAW,
            ),
        ),
        Node(
            key="buyer_considers",
            label=N_("The buyer considers the proposal"),
            actor="buyer",
            term="proposal",
            verbs=(
                _agree("buyer", CLOSED),
                _decline("buyer"),
                LAPSES,
                _note_contact("buyer_considers"),
                WITHDRAW,
            ),
        ),
        Node(
            key="seller_considers",
            label=N_("The seller considers the proposal"),
            actor="seller",
            term="proposal",
            verbs=(
                _agree("seller", CLOSED),
                _decline("seller"),
                LAPSES,
                _note_contact("seller_considers"),
                WITHDRAW,
            ),
        ),
        Node(
            key="second_look",
            label=N_("A second person confirms the decision"),
            actor="platform",
            term="second_look",
            only_reviewed=True,
            verbs=(
                Step(
                    key="confirm_decision",
                    label=N_("Confirm the decision"),
                    event="decision_confirmed",
                    to=CLOSED,
                    fields=(NOTE,),
                    outcome="decided",
                ),
                Step(
                    key="return_decision",
                    label=N_("Return the decision"),
                    event="decision_returned",
                    to="investigation",
                    fields=(REASON,),
                    tone="danger",
                ),
            ),
        ),
        CLOSED_NODE,
    ),
)
