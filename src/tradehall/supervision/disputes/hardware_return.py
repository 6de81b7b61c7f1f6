"""Hardware that was received and goes back. Source: supervision_and_trading.md §5.4 (goods received)."""

from tradehall.kernel.i18n import N_
from tradehall.supervision.carriers import COURIERS
from tradehall.supervision.disputes.refund import ASKED, OPINION, chase, refuse
from tradehall.supervision.disputes.steps import CLOSED, CLOSED_NODE, Step, unopened
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Flow, Node
from tradehall.supervision.flows.common import NOTE, REASON, REASON_FILES

WITHDRAW = Step(
    key="withdraw_return",
    label=N_("Withdraw the return"),
    event="withdrawn",
    to=CLOSED,
    by="buyer",
    asks=N_("You keep what you received, and the delivery continues where it was."),
    tone="plain",
    outcome="withdrawn",
)

PROCEDURE = Flow(
    type="return",
    version=1,
    label=N_("Return"),
    nodes=(
        unopened(
            Step(
                key="request_return",
                label=N_("Return what was received"),
                event="requested",
                to="return_review",
                by="buyer",
                fields=ASKED,
                asks=N_("The seller says where to send it; the money comes back once it was looked at."),
                tone="plain",
            )
        ),
        Node(
            key="return_review",
            label=N_("The seller answers"),
            actor="seller",
            term="refund_review",
            verbs=(
                Step(
                    key="agree_return",
                    label=N_("Agree to the return"),
                    event="agreed",
                    to="sending_back",
                    fields=(
                        Field(key="return_name", label=N_("Recipient"), kind="text"),
                        Field(key="return_phone", label=N_("Recipient's phone"), kind="phone"),
                        Field(key="return_address", label=N_("Return address"), kind="text"),
                        OPINION,
                    ),
                ),
                refuse("return", N_("Refuse the return")),
                chase("return"),
                WITHDRAW,
            ),
        ),
        Node(
            key="sending_back",
            label=N_("The buyer sends it back"),
            actor="buyer",
            term="send_back",
            verbs=(
                Step(
                    key="send_back",
                    label=N_("Send it back"),
                    event="sent_back",
                    to="inspection",
                    fields=(
                        Field(key="courier", label=N_("Courier"), kind="choice", choices=COURIERS),
                        Field(key="tracking_number", label=N_("Tracking number"), kind="text", verbatim=True),
                        NOTE,
                    ),
                ),
                WITHDRAW,
                Step(
                    key="return_lapses",
                    label=N_("Not sent back in time: withdrawn"),
                    event="lapsed",
                    to=CLOSED,
                    by="system",
                    timer="lapse",
                    outcome="withdrawn",
                ),
            ),
        ),
        Node(
            key="inspection",
            label=N_("The seller inspects the goods"),
            actor="seller",
            term="inspection",
            verbs=(
                Step(
                    key="confirm_goods",
                    label=N_("The goods are in order"),
                    event="inspected",
                    to=CLOSED,
                    fields=(NOTE,),
                    asks=N_("The money goes back at once and the order ends."),
                    outcome="refund",
                ),
                Step(
                    key="contest_goods",
                    label=N_("Something is wrong with the goods"),
                    event="contested",
                    to="inspection",
                    fields=(REASON, REASON_FILES),
                    asks=N_("The marketplace decides: this opens an appeal in your name."),
                    tone="danger",
                ),
                Step(
                    key="inspection_lapses",
                    label=N_("Not inspected in time: counts as in order"),
                    event="inspected",
                    to=CLOSED,
                    by="system",
                    timer="lapse",
                    outcome="refund",
                ),
            ),
        ),
        CLOSED_NODE,
    ),
)
