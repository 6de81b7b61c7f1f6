"""What pages call things of disputes, and what they say there is to do. Message ids: pages translate them."""

from tradehall.kernel.i18n import N_, Translator
from tradehall.supervision.disputes.model import OUTCOME_LABELS, PROCEDURES
from tradehall.supervision.disputes.steps import Kind, Outcome
from tradehall.web.templating import Tone

KINDS: dict[Kind, str] = {kind: table.label for kind, table in PROCEDURES.items()}
OUTCOMES: dict[Outcome, tuple[str, Tone]] = {
    "resume": (OUTCOME_LABELS["resume"], "info"),
    "redeliver": (OUTCOME_LABELS["redeliver"], "warning"),
    "accept": (OUTCOME_LABELS["accept"], "success"),
    "refund": (OUTCOME_LABELS["refund"], "info"),
    "refused": (OUTCOME_LABELS["refused"], "neutral"),
    "withdrawn": (OUTCOME_LABELS["withdrawn"], "neutral"),
    "superseded": (OUTCOME_LABELS["superseded"], "neutral"),
}
# The same in few words, for badges and filters.
SHORT_OUTCOMES: dict[Outcome, str] = {
    "resume": N_("Delivery goes on"),
    "redeliver": N_("To be delivered again"),
    "accept": N_("Counts as accepted"),
    "refund": N_("Money returned"),
    "refused": OUTCOME_LABELS["refused"],
    "withdrawn": OUTCOME_LABELS["withdrawn"],
    "superseded": OUTCOME_LABELS["superseded"],
}
# What there is to do at a node of a dispute, for whoever's turn it is.
DO: dict[str, str] = {
    "investigation": N_("Read what both sides say, ask for what is missing, propose a settlement, or decide."),
    "buyer_evidence": N_("Hand in what the marketplace asks for; without an answer it goes on without it."),
    "seller_evidence": N_("Hand in what the marketplace asks for; without an answer it goes on without it."),
    "proposal": N_("Read the proposal, then agree or decline. Once both sides agree it is carried out."),
    "buyer_considers": N_("The seller has agreed to the proposal. Agree too, or decline and say why."),
    "seller_considers": N_("The buyer has agreed to the proposal. Agree too, or decline and say why."),
    "second_look": N_("Somebody decided; a second person confirms that, or returns it and says why."),
    "transit": N_("A parcel is under way. Find out where it is, then let the refund go on or deny it."),
    "refund_review": N_("Agree to the refund, or refuse it and say why."),
    "return_review": N_("Agree and say where it is to be sent, or refuse and say why."),
    "sending_back": N_("Send it to the address the seller gave, then enter courier and tracking number here."),
    "inspection": N_("Inspect what came back. Confirm it is in order, or say what is wrong: the marketplace decides."),
}
# What becomes of it when nobody does anything.
LAPSES: dict[str, str] = {
    "request_lapses": N_("Without an answer the marketplace decides by what it has"),
    "proposal_lapses": N_("If not both sides have agreed, the proposal is off and the marketplace decides"),
    "return_lapses": N_("If it was not sent back, the return counts as withdrawn and the delivery goes on"),
    "inspection_lapses": N_("If the seller says nothing, the goods count as in order and the money goes back"),
}
# What each step that begins a dispute is for.
OPENS: dict[str, str] = {
    "request_refund": N_("You say how much and why, the seller agrees or refuses. For what was not delivered."),
    "request_return": N_("For goods you received: the seller says where to send them, the money comes back after."),
    "appeal": N_("You and the other side do not agree: the marketplace looks into it and decides."),
}
_GRANTED = N_("Refund granted: %(amount)s")


def outcome_text(outcome: Outcome, granted_minor: int | None, currency: str, texts: Translator) -> str:
    """How a dispute ended, with what went back."""
    if outcome == "refund" and granted_minor:
        return texts.gettext(_GRANTED, amount=texts.money(granted_minor, currency))
    return texts.lookup(OUTCOMES[outcome][0])
