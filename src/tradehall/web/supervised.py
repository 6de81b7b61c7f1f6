"""What happened in an order's service supervision, in the words of its flow's table: a later flow needs none here."""

from typing import Any

from tradehall.kernel.i18n import N_, Translator
from tradehall.supervision.flow import Flow, Verb
from tradehall.supervision.flows import all_flows
from tradehall.web.happened import Clock, Told
from tradehall.web.templating import Tone

PREFIX = "supervision."
# What happens without a verb.
WITHOUT_VERB: dict[str, tuple[str, Tone]] = {
    "supervision.opened": (N_("Service supervision began"), "info"),
    "supervision.reminded": (N_("Reminder sent"), "neutral"),
    "supervision.unaccepted": (N_("Not accepted for a long time: seller and marketplace were told"), "warning"),
    "supervision.parcel_signed": (N_("Parcel signed for"), "success"),
    "supervision.accepted": (N_("Accepted by itself"), "success"),
    "supervision.cancelled": (N_("Order taken back"), "warning"),
    "supervision.frozen": (N_("Frozen"), "warning"),
    "supervision.resumed": (N_("Resumed"), "info"),
}
# What was done, by what its button says; a verb whose words are not here is told as its button has it.
DONE: dict[str, str] = {
    "Submit the requirement": N_("Requirement submitted"),
    "Submit the identification code": N_("Identification code submitted"),
    "Confirm the requirement": N_("Requirement confirmed"),
    "Reject the requirement": N_("Requirement rejected"),
    "Deliver the application": N_("Application delivered"),
    "Deliver the licence": N_("Licence handed over"),
    "Deliver the data": N_("Data delivered"),
    "Change the address": N_("Address changed"),
    "Show it to the buyer": N_("Shown to the buyer"),
    "Confirm it": N_("Confirmed by the buyer"),
    "Ask for changes": N_("Changes asked for"),
    "Claim the code": N_("Code claimed"),
    "The code is activated": N_("Code activated"),
    "Hand in the proof": N_("Proof handed in"),
    "Approve the proof": N_("Proof approved"),
    "Return the proof": N_("Proof returned"),
    "Accept the delivery": N_("Delivery accepted"),
    "Reject the delivery": N_("Delivery rejected"),
}
# Why an order was taken back, where that is said.
ENDS: dict[str, str] = {
    "year": N_("It was not accepted within a year and not invoiced."),
}
_WHOSE: dict[str, str] = {
    "buyer": N_("%(node)s, the buyer's turn"),
    "seller": N_("%(node)s, the seller's turn"),
    "platform": N_("%(node)s, the marketplace's turn"),
}


def title_of(kind: str, facts: dict[str, Any], flow: Flow | None = None) -> tuple[str, Tone] | None:
    """The message id of what happened, and its tone; None for what did not happen in supervision. Without the order's
    `flow`, words of a flow that has this verb."""
    if not kind.startswith(PREFIX):
        return None
    verb = _verb(kind.removeprefix(PREFIX), facts, flow)
    if verb is None:
        return WITHOUT_VERB.get(kind)
    return done(verb), "warning" if verb.rejects else "success" if verb.event == "accepted" else "info"


def done(verb: Verb) -> str:
    """The message id of a verb once it was done."""
    return DONE.get(verb.label, verb.label)


def _verb(event: str, facts: dict[str, Any], flow: Flow | None) -> Verb | None:
    if facts.get("verb") is None and f"{PREFIX}{event}" in WITHOUT_VERB:
        return None
    for one in [flow] if flow else all_flows():
        for _, verb in one.walk():
            if verb.event == event and facts.get("verb", verb.key) == verb.key:
                return verb
    return None


def text_of(one: Told, texts: Translator, clock: Clock, flow: Flow | None = None) -> str:
    """What more there is to say of it: the reason that was given, and whose turn it is since."""
    facts = one.facts
    parts = []
    if reason := (facts.get("answers") or {}).get("reason"):
        parts.append(texts.gettext("Reason: %(why)s", why=reason))
    match one.event.kind:
        case "supervision.accepted":
            if began := one.moment("began_at", clock, "date"):
                parts.append(texts.gettext("The service counts from %(date)s.", date=began))
        case "supervision.unaccepted":
            days = int(facts.get("days", 0))
            parts.append(texts.ngettext("%(num)s day after the order.", "%(num)s days after the order.", days))
        case "supervision.parcel_signed" if at := one.moment("at", clock, "minute"):
            parts.append(at)
        case "supervision.cancelled":
            parts.append(texts.lookup(ENDS.get(facts.get("reason", ""), "")))
        case _ if (turn := facts.get("turn")) in _WHOSE:
            label = _node(str(facts.get("to") or facts.get("node", "")), flow)
            if label:
                parts.append(texts.gettext(_WHOSE[turn], node=texts.lookup(label)))
    return " ".join(part for part in parts if part)


def _node(key: str, flow: Flow | None) -> str:
    found = (node.label for one in ([flow] if flow else all_flows()) for node in one.nodes if node.key == key)
    return next(found, "")
