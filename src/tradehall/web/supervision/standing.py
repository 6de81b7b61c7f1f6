"""How a supervised order stands, in sentences: the step bar, whose turn it is and by when, what happens by itself."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from tradehall.kernel.i18n import N_, Translator
from tradehall.supervision.disputes.model import Dispute, Turn
from tradehall.supervision.flow import Side, Timer
from tradehall.supervision.model import Held
from tradehall.web.disputes.words import DO, LAPSES
from tradehall.web.happened import Clock
from tradehall.web.supervision.log import Act
from tradehall.web.templating import Tone

# "skipped": the order was completed without it, because it counts as accepted.
State = Literal["done", "current", "todo", "failed", "skipped"]

# What there is to do at a node, for whoever's turn it is.
_DO: dict[str, str] = {
    "request": N_("Describe what you need. The seller then says whether it can be delivered."),
    "identification": N_("Submit the identification code for which the seller makes the licence."),
    "confirmation": N_("Read the requirement and confirm it, or reject it and say what is missing."),
    "implementation": N_("Do the service, then say here that it is finished."),
    "opening": N_("Open the application, then hand over how to get in and the proof."),
    "delivery": N_("Deliver, then hand in here what was delivered and what proves it."),
    "design": N_("Show the buyer a draft of the design."),
    "test_site": N_("Show the buyer the website on a test address."),
    "design_confirmation": N_("Look at the draft. Confirm it, or say what should be different."),
    "test_site_confirmation": N_("Look at the test site. Confirm it, or say what should be different."),
    "claim": N_("Claim the authorisation code and give it to the seller, who activates it."),
    "activation": N_("Activate the code that the buyer gives you; your software can do so through the open API."),
    "proof": N_("Hand in what proves the delivery."),
    "review": N_("Check the proof against the acceptance rule. Approve it, or return it and say why."),
    "acceptance": N_("Look at what was delivered. Accept it if it is what you ordered; if not, reject it and say why."),
}
# The same where a delivery type has it otherwise.
_DO_OF: dict[tuple[str, str], str] = {
    ("license_system_id", "delivery"): N_("Make the licence for the system ID, then hand it over here with its proof."),
    ("license_hardware_id", "delivery"): N_(
        "Make the licence for the code the buyer submitted, then hand it over here with its proof; a code that cannot "
        "be right you reject."
    ),
    ("license_code", "delivery"): N_(
        "Deploy the software, then say so here: from then on the buyer can claim the authorisation code."
    ),
    ("hardware", "delivery"): N_("Send the parcel to the recipient, then enter the courier and the tracking number."),
    ("hardware", "acceptance"): N_(
        "Once the parcel is there, look at it. Accept it if it is what you ordered; if not, reject it and say why."
    ),
}
# What there is to do meanwhile for who waits, though it is the turn of another.
_MEANWHILE: dict[tuple[str, str], str] = {
    ("activation", "buyer"): N_(
        "Give the authorisation code to the seller, or enter it in the software: that activates it."
    ),
}
_YOURS = N_("Your turn: %(node)s")
_OTHERS: dict[Side, str] = {
    "buyer": N_("The buyer's turn: %(node)s"),
    "seller": N_("The seller's turn: %(node)s"),
    "platform": N_("The marketplace's turn: %(node)s"),
}
_TOLD: dict[Turn, str] = {
    "buyer": N_("The buyer is reminded"),
    "seller": N_("The seller is reminded"),
    "platform": N_("The marketplace is reminded"),
    "parties": N_("Both sides are reminded"),
}
_AHEAD: dict[Timer, tuple[str, Tone]] = {
    "unaccepted": (
        N_("If it is still not accepted, the seller and the marketplace's account manager are told"),
        "warning",
    ),
    "close": (
        N_("A year is over: if it was invoiced it counts as accepted, otherwise it is cancelled and refunded"),
        "danger",
    ),
    "track": (N_("The courier is asked where the parcel is"), "info"),
    "accept": (N_("It counts as accepted, unless the buyer says something before"), "success"),
}


class Step(msgspec.Struct, frozen=True):
    """One node of the step bar. `at` is when it was last left, `note` how often things were sent back from there."""

    key: str
    label: str
    who: str
    state: State
    at: datetime | None
    note: str


def steps_of(held: Held, acts: Sequence[Act], texts: Translator) -> list[Step]:
    """The nodes of an order's flow in their order, and how far it has come."""
    nodes = held.steps
    now = next((place for place, node in enumerate(nodes) if node.key == held.node), len(nodes))
    left = {act.node: act.at for act in acts if act.verb and not act.dispute}
    rejected: dict[str, int] = {}
    for act in acts:
        if act.verb and act.verb.rejects:
            rejected[act.node] = rejected.get(act.node, 0) + 1
    shown = []
    for place, node in enumerate(nodes):
        state: State = "done" if place < now else "current" if place == now else "todo"
        if state == "current" and held.state != "open":
            state = "done" if held.state == "completed" else "failed"
        if held.state == "completed" and node.actor and node.key not in left:
            state = "skipped"
        at = held.finished_at if node.actor is None else left.get(node.key)
        shown.append(
            Step(
                node.key,
                texts.lookup(node.label),
                node.actor or "",
                state,
                at if state == "done" else None,
                _rejections(node.actor, rejected.get(node.key, 0), texts),
            )
        )
    return shown


def _rejections(side: Side | None, times: int, texts: Translator) -> str:
    if not times:
        return ""
    match side:
        case "buyer":
            return texts.ngettext("rejected once by the buyer", "rejected %(num)s times by the buyer", times)
        case "seller":
            return texts.ngettext("rejected once by the seller", "rejected %(num)s times by the seller", times)
        case _:
            return texts.ngettext(
                "returned once by the marketplace", "returned %(num)s times by the marketplace", times
            )


def next_of(
    held: Held,
    side: str,
    now: datetime,
    texts: Translator,
    clock: Clock,
    granted_minor: int | None = None,
    barred: str = "",
) -> dict[str, Any]:
    """What the macro `next_card` shows. `granted_minor`: what a dispute that is over returned; `barred`: the message id
    of why its reader cannot take the turn that is their side's."""
    if held.state == "completed":
        return {
            "title": texts.gettext("The service is completed"),
            "text": texts.gettext("It counts from %(time)s.", time=clock(held.begins_at, "minute"))
            if held.begins_at
            else "",
            "tone": "success",
        }
    if held.state == "cancelled":
        return {
            "title": texts.gettext("The order was cancelled"),
            "text": _cancelled(held, granted_minor, texts),
            "tone": "neutral",
        }
    if held.disputes:
        return _disputed(held, held.appeal or held.disputes[0], side, now, texts, clock, barred)
    return _turn(held, side, now, texts, clock, barred)


def _cancelled(held: Held, granted_minor: int | None, texts: Translator) -> str:
    """What becomes of the money; of a part it says so."""
    if not granted_minor:
        return texts.gettext("Nothing more is delivered; what was paid comes back.")
    amount = texts.money(granted_minor, held.currency)
    if granted_minor >= held.total_minor:
        return texts.gettext("Nothing more is delivered; %(amount)s goes back to the buyer.", amount=amount)
    return texts.gettext(
        "Nothing more is delivered; of %(total)s, %(amount)s goes back to the buyer.",
        total=texts.money(held.total_minor, held.currency),
        amount=amount,
    )


def _disputed(
    held: Held, dispute: Dispute, side: str, now: datetime, texts: Translator, clock: Clock, barred: str
) -> dict[str, Any]:
    """While there is a dispute it says what happens next; the delivery waits for it."""
    yours, late = waits_for(dispute, side) and not barred, dispute.late(now)
    said = []
    if late and dispute.due_at:
        said.append(texts.gettext("Overdue since %(time)s.", time=clock(dispute.due_at, "minute")))
    if yours:
        said.append(texts.lookup(DO.get(dispute.node, "")))
    if barred:
        said.append(texts.lookup(barred))
    said.append(
        texts.gettext(
            "The delivery is paused at “%(node)s”; its deadlines continue when this is settled.",
            node=texts.lookup(held.at.label),
        )
    )
    if held.appeal and held.refund:
        said.append(texts.gettext("The refund waits for the appeal."))
    label = texts.lookup(dispute.flow.label)
    return {
        # Its node says what a side does, which is odd to read for that side itself.
        "title": texts.gettext(_YOURS, node=label)
        if yours
        else texts.gettext("%(dispute)s: %(node)s", dispute=label, node=texts.lookup(dispute.at.label)),
        "text": texts.prose(said),
        "who": "you" if yours else dispute.turn,
        "by": dispute.due_at,
        "late": late,
        "tone": "danger" if late else "warning" if yours else "info",
    }


def waits_for(dispute: Dispute, side: str) -> bool:
    """Whether it is this side's turn in a dispute."""
    if dispute.finished_at or dispute.paused_at:
        return False
    return dispute.turn == side or (dispute.turn == "parties" and side in ("buyer", "seller"))


def _turn(held: Held, side: str, now: datetime, texts: Translator, clock: Clock, barred: str) -> dict[str, Any]:
    assert held.turn, "an open flow is somebody's turn"
    yours, late = held.turn == side and not barred, held.overdue(now)
    said = []
    if late and held.due_at:
        said.append(texts.gettext("Overdue since %(time)s.", time=clock(held.due_at, "minute")))
    if yours:
        said.append(texts.lookup(_DO_OF.get((held.delivery_type, held.node)) or _DO.get(held.node, "")))
    elif barred:
        said.append(texts.lookup(barred))
    elif meanwhile := _MEANWHILE.get((held.node, side)):
        said.append(texts.lookup(meanwhile))
    elif late and side == "platform":
        said.append(texts.gettext("Follow it up: write to them or reach them directly."))
    elif late and held.turn == "platform":
        said.append(texts.gettext("You can remind the marketplace below."))
    elif late:
        said.append(
            texts.gettext("Remind them or reach them directly; if that changes nothing, appeal to the marketplace.")
        )
    elif any(stage.kind is None and stage.verbs(side) for stage in held.stages):
        said.append(texts.gettext("Until then you can do what stands below."))
    else:
        said.append(texts.gettext("There is nothing for you to do until then."))
    if not yours and _comes_back(held, side):
        said.append(
            texts.gettext(
                "To correct what you handed over, say so in a message: once it is rejected, you can change it."
            )
        )
    title = _YOURS if yours else _OTHERS[held.turn]
    return {
        "title": texts.gettext(title, node=texts.lookup(held.at.label)),
        "text": texts.prose(said),
        "who": "you" if yours else held.turn,
        "by": held.due_at,
        "late": late,
        "tone": "danger" if late else "warning" if yours else "info",
    }


def _comes_back(held: Held, side: str) -> bool:
    """Whether what this side handed over last can be rejected to it by whoever has it now."""
    return any(
        verb.rejects and held.at.by(verb) != side and held.flow.node(verb.to).actor == side for verb in held.at.verbs
    )


def ahead_of(held: Held, now: datetime, texts: Translator) -> list[dict[str, Any]]:
    """What the macro `ahead_list` shows: what happens if nobody does anything, the next thing first."""
    items = []
    for name, at in sorted(held.timers.items(), key=lambda timer: (timer[1], timer[0])):
        text, tone = _AHEAD[name] if name in _AHEAD else (_TOLD[held.turn or "platform"], "warning")
        items.append({"text": texts.lookup(text), "at": max(at, now), "tone": tone})
    for dispute in held.disputes:
        if not dispute.paused_at:
            items += _ahead_in(dispute, now, texts)
    return sorted(items, key=lambda item: item["at"])


def _ahead_in(dispute: Dispute, now: datetime, texts: Translator) -> list[dict[str, Any]]:
    """What becomes of a dispute by itself."""
    items = []
    for name, at in dispute.timers.items():
        if name == "lapse":
            verb = next((verb for verb in dispute.at.verbs if verb.timer == "lapse"), None)
            text, tone = LAPSES.get(verb.key if verb else "", ""), "danger"
        else:
            text, tone = _TOLD[dispute.turn or "platform"], "warning"
        items.append({"text": texts.lookup(text), "at": max(at, now), "tone": tone})
    return items
