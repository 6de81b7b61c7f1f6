"""What people are told, in words: of each kind of notice a title and a sentence, filled in with its facts.

The words are put together when they are read, in the reader's language and zone.
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from tradehall.kernel.i18n import N_, Translator
from tradehall.notices.model import Notice, NoticeKind
from tradehall.supervision.disputes.model import PROCEDURES


class Words(msgspec.Struct, frozen=True):
    """English message ids: what a kind is called among the filters, its title, and its body."""

    label: str
    title: str
    body: str


class Text(msgspec.Struct, frozen=True):
    """A notice as its reader reads it."""

    title: str
    body: str


PLATFORM = N_("The marketplace")

WORDS: Mapping[NoticeKind, Words] = {
    "turn": Words(
        N_("Your turn"),
        N_("Your turn: %(node)s"),
        N_("Order %(number)s, %(product)s, waits for you: %(node)s. Please do it by %(due)s."),
    ),
    "reminder": Words(
        N_("Reminder"),
        N_("Reminder: %(node)s"),
        N_("Order %(number)s, %(product)s, still waits for you: %(node)s. Please do it by %(due)s."),
    ),
    "overdue": Words(
        N_("Overdue"),
        N_("Overdue: %(node)s"),
        N_(
            "Order %(number)s, %(product)s, waited for you until %(due)s: %(node)s. "
            "The other side now sees how to reach you."
        ),
    ),
    "opened": Words(
        N_("New order under supervision"),
        N_("New order %(number)s: %(product)s"),
        N_("%(buyer)s bought %(product)s from %(seller)s. First comes: %(node)s, by %(due)s."),
    ),
    "delivered": Words(
        N_("Delivered for review"),
        N_("%(product)s was delivered"),
        N_("The seller delivered order %(number)s. The marketplace looks at the proof first, by %(due)s."),
    ),
    "delivery_approved": Words(
        N_("Review passed"),
        N_("The delivery of %(product)s passed the review"),
        N_("Order %(number)s: the buyer now looks at the delivery, by %(due)s."),
    ),
    "delivery_returned": Words(
        N_("Returned by the review"),
        N_("The delivery of %(product)s was returned to the seller"),
        N_("Order %(number)s: the proof did not pass the review. The seller hands it in anew, by %(due)s."),
    ),
    "rejected": Words(
        N_("Sent back to you"),
        N_("Sent back: %(node)s"),
        N_("Order %(number)s, %(product)s, came back to you. %(sender)s says: “%(why)s” Please do it by %(due)s."),
    ),
    "parcel_signed": Words(
        N_("Parcel signed for"),
        N_("The parcel with %(product)s was signed for"),
        N_("Order %(number)s: the carrier says that the parcel was handed over. Next: %(node)s, by %(due)s."),
    ),
    "unaccepted": Words(
        N_("Long not accepted"),
        N_("Not accepted after %(days)s days: order %(number)s"),
        N_(
            "%(buyer)s bought %(product)s from %(seller)s %(days)s days ago and has not accepted it. "
            "Please follow it up: the order is paid out only when it is accepted."
        ),
    ),
    "accepted": Words(
        N_("Accepted"),
        N_("%(product)s was accepted"),
        N_("Order %(number)s is completed: the delivery was accepted."),
    ),
    "cancelled": Words(
        N_("Supervision ended"),
        N_("Order %(number)s is no longer being delivered"),
        N_("The delivery of %(product)s was ended before it was accepted."),
    ),
    "order_given_up": Words(
        N_("Order not carried out"),
        N_("Order %(number)s could not be carried out"),
        N_(
            "The seller's server did not carry out the order of %(product)s. It is cancelled, and what was paid goes "
            "back to the buyer."
        ),
    ),
    "change_refused": Words(
        N_("Change refused"),
        N_("The seller does not allow the change"),
        N_("Order %(number)s about %(product)s is cancelled; nothing was paid."),
    ),
    "refunded": Words(
        N_("Refunded"),
        N_("%(amount)s was paid back"),
        N_("The refund of order %(number)s, %(product)s, was carried out."),
    ),
    "renewed": Words(
        N_("Renewed"),
        N_("%(buyer)s renewed %(product)s"),
        N_("The application of order %(number)s now runs until %(until)s."),
    ),
    "renewal_declined": Words(
        N_("Renewal not paid"),
        N_("%(product)s could not be renewed"),
        N_("The payment of the automatic renewal was declined. It is tried again at %(until)s."),
    ),
    "expired": Words(
        N_("Term ended"),
        N_("The term of %(product)s has ended"),
        N_("The application of order %(number)s can be used until %(until)s; renew it before then to keep it."),
    ),
    "frozen": Words(
        N_("Frozen"),
        N_("%(product)s is frozen"),
        N_(
            "The application of order %(number)s can no longer be used. Renew it before %(until)s: after that it is "
            "released with all its data."
        ),
    ),
    "ended": Words(
        N_("Released"),
        N_("%(product)s was released"),
        N_("The application of order %(number)s ended, as it was not renewed."),
    ),
    "suspended": Words(
        N_("Suspended"),
        N_("The marketplace suspended %(product)s"),
        N_("The application of order %(number)s cannot be used. Reason: %(why)s"),
    ),
    "escalated": Words(
        N_("Overdue: administrators"),
        N_("%(days)s days overdue: order %(number)s"),
        N_(
            "Order %(number)s, %(product)s, has waited for your organisation for %(days)s days: %(node)s. "
            "Your people were reminded %(times)s times, and the other side knows."
        ),
    ),
    "other_side_late": Words(
        N_("The other side is late"),
        N_("The other side is %(days)s days late: order %(number)s"),
        N_(
            "Order %(number)s, %(product)s, still stands at “%(node)s”. They were reminded %(times)s times. On the "
            "order's page you find whom to reach; you can remind them, write to them, or appeal."
        ),
    ),
    "long_overdue": Words(
        N_("Long overdue"),
        N_("Order %(number)s is %(days)s days overdue"),
        N_(
            "%(buyer)s bought %(product)s from %(seller)s. It stands at “%(node)s”; %(times)s reminders changed "
            "nothing. Please follow it up."
        ),
    ),
    "urged": Words(
        N_("Reminded by the other side"),
        N_("The other side waits for you: %(node)s"),
        N_("Order %(number)s, %(product)s: the other side asks you to go on. Please do it by %(due)s."),
    ),
    "message": Words(
        N_("Message in an order"),
        N_("%(sender)s wrote to you: order %(number)s"),
        N_("About %(product)s: %(excerpt)s"),
    ),
    "suspension_lifted": Words(
        N_("Suspension lifted"),
        N_("The suspension of %(product)s is over"),
        N_("The application of order %(number)s can be used again, as far as its term allows."),
    ),
    "appeal_opened": Words(
        N_("Appeal opened"),
        N_("Appeal about order %(number)s"),
        N_(
            "%(who)s appealed to the marketplace about %(product)s: “%(why)s” "
            "The delivery is paused until the marketplace has decided, by %(due)s."
        ),
    ),
    "appeal_to_decide": Words(
        N_("Appeal to decide"),
        N_("Appeal to decide: order %(number)s"),
        N_(
            "%(who)s appealed about %(product)s, which %(buyer)s bought from %(seller)s: “%(why)s” "
            "Please decide it by %(due)s."
        ),
    ),
    "second_look": Words(
        N_("Decision to confirm"),
        N_("A second person has to confirm a decision: order %(number)s"),
        N_("It was decided: %(outcome)s. “%(why)s” Please confirm or return it by %(due)s."),
    ),
    "evidence_requested": Words(
        N_("More evidence wanted"),
        N_("The marketplace asks you for more: order %(number)s"),
        N_("For the appeal about %(product)s it needs: “%(why)s” Please hand it in by %(due)s."),
    ),
    "statement_added": Words(
        N_("Statement in an appeal"),
        N_("%(who)s added a statement to the appeal about order %(number)s"),
        N_("It is about %(product)s: “%(why)s”"),
    ),
    "proposal": Words(
        N_("Settlement proposed"),
        N_("The marketplace proposes a settlement: order %(number)s"),
        N_(
            "For %(product)s it proposes: %(outcome)s. “%(why)s” "
            "Please agree or decline by %(due)s; once both sides agree it is carried out."
        ),
    ),
    "proposal_agreed": Words(
        N_("Other side agrees to a settlement"),
        N_("%(who)s agrees to the proposed settlement: order %(number)s"),
        N_("It is carried out once you agree, too. Please agree or decline by %(due)s."),
    ),
    "proposal_declined": Words(
        N_("Settlement declined"),
        N_("%(who)s declined the proposed settlement: order %(number)s"),
        N_("“%(why)s” The marketplace now looks into it again."),
    ),
    "decided": Words(
        N_("Appeal decided"),
        N_("The appeal about order %(number)s is decided"),
        N_("The marketplace decided about %(product)s: %(outcome)s. Its reasons: “%(why)s”"),
    ),
    "settled": Words(
        N_("Settlement agreed on"),
        N_("Both sides agreed: order %(number)s"),
        N_("What the marketplace proposed for %(product)s is carried out: %(outcome)s. “%(why)s”"),
    ),
    "refund_asked": Words(
        N_("Refund asked for"),
        N_("%(buyer)s asks for a refund of %(amount)s: order %(number)s"),
        N_("About %(product)s: “%(why)s” The delivery is paused meanwhile. Next: %(node)s, by %(due)s."),
    ),
    "return_asked": Words(
        N_("Return asked for"),
        N_("%(buyer)s wants to return %(product)s for %(amount)s"),
        N_("Order %(number)s: “%(why)s” Please agree and say where to send it, or refuse, by %(due)s."),
    ),
    "transit_cleared": Words(
        N_("Parcel located"),
        N_("The marketplace lets the refund of order %(number)s go on"),
        N_("It found out where the parcel with %(product)s is. The seller now answers, by %(due)s."),
    ),
    "refund_agreed": Words(
        N_("Refund agreed to"),
        N_("%(seller)s agrees to the refund of %(amount)s"),
        N_("The money for %(product)s, order %(number)s, goes back at once, and the order ends. “%(why)s”"),
    ),
    "return_agreed": Words(
        N_("Return agreed to"),
        N_("%(seller)s takes %(product)s back"),
        N_(
            "Order %(number)s: send it to %(address)s. Please say with which courier and number by %(due)s; after that "
            "the return counts as withdrawn."
        ),
    ),
    "refused": Words(
        N_("Refund or return refused"),
        N_("Refused: the %(dispute)s of order %(number)s"),
        N_("The delivery of %(product)s continues where it was. The reason: “%(why)s”"),
    ),
    "withdrawn": Words(
        N_("Appeal, refund or return withdrawn"),
        N_("Withdrawn: the %(dispute)s about order %(number)s"),
        N_("%(who)s withdrew it; the delivery of %(product)s continues where it was."),
    ),
    "lapsed": Words(
        N_("Time to answer is over"),
        N_("Not done in time: order %(number)s"),
        N_("In the %(dispute)s about %(product)s: %(step)s."),
    ),
    "recalled": Words(
        N_("Request or proposal taken back"),
        N_("The marketplace looks into the appeal again: order %(number)s"),
        N_("It took back what it asked for or proposed about %(product)s: “%(why)s” There is nothing to answer."),
    ),
    "sent_back": Words(
        N_("Goods on their way back"),
        N_("%(buyer)s sent %(product)s back"),
        N_(
            "Order %(number)s, %(courier)s %(parcel)s. Please inspect what arrives by %(due)s; after that it counts as "
            "in order and the money goes back."
        ),
    ),
    "inspected": Words(
        N_("Returned goods in order"),
        N_("What was returned of order %(number)s is in order"),
        N_("%(amount)s for %(product)s goes back to the buyer, and the order ends."),
    ),
    "contested": Words(
        N_("Returned goods contested"),
        N_("%(seller)s contests what was returned: order %(number)s"),
        N_("About %(product)s: “%(why)s” The marketplace decides."),
    ),
    "chased": Words(
        N_("Buyer waits for an answer"),
        N_("%(buyer)s still waits for your answer: order %(number)s"),
        N_("You were to answer the %(dispute)s of %(product)s by %(due)s. Please do it now."),
    ),
    "dispute_overdue": Words(
        N_("Appeal, refund or return overdue"),
        N_("Overdue in the %(dispute)s: %(node)s"),
        N_("Order %(number)s, %(product)s, waited for you until %(due)s: %(node)s. Please do it now."),
    ),
    "review_waiting": Words(
        N_("Review to moderate"),
        N_("A review of %(product)s waits for you"),
        N_("%(buyer)s wrote it about order %(number)s. It is published when somebody of the marketplace has read it."),
    ),
    "review_published": Words(
        N_("New review"),
        N_("%(product)s has a new review: %(rating)s of 5 stars"),
        N_(
            "It is about order %(number)s and stands on the product's page. "
            "Your answer would stand below it, for everybody."
        ),
    ),
    "review_rejected": Words(
        N_("Review not published"),
        N_("Your review of %(product)s was not published"),
        N_("It is about order %(number)s; you can write it anew. Reason: %(why)s"),
    ),
    "review_taken_down": Words(
        N_("Review taken down"),
        N_("Your review of %(product)s was taken down"),
        N_("It is about order %(number)s; you can write it anew. Reason: %(why)s"),
    ),
    "review_answered": Words(
        N_("Review answered"),
        N_("%(seller)s answered your review of %(product)s"),
        N_("The answer stands below your review of order %(number)s."),
    ),
    "review_answer_removed": Words(
        N_("Answer taken down"),
        N_("Your answer to a review of %(product)s was taken down"),
        N_("The review is about order %(number)s; you can answer it anew. Reason: %(why)s"),
    ),
}
# What an appeal, a refund and a return are called within a sentence.
IN_A_SENTENCE: Mapping[str, str] = {"appeal": N_("appeal"), "refund": N_("refund"), "return": N_("return of goods")}


def written(notice: Notice, words: Translator, zone: tzinfo) -> Text:
    """A notice in its reader's words. A kind that is no longer known shows its name and its order."""
    known = WORDS.get(notice.kind)
    if known is None:
        return Text(notice.kind, notice.order_number or "")
    values = _filled(notice, words, zone)
    return Text(words.lookup(known.title) % values, words.lookup(known.body) % values)


def _filled(notice: Notice, words: Translator, zone: tzinfo) -> "_Values":
    """The facts as the reader writes them: moments, amounts, names in two languages, labels."""
    facts = notice.facts
    values = _Values(number=notice.order_number or "")
    for name in ("product", "buyer", "seller", "who"):
        if names := facts.get(name):
            values[name] = names.get(words.locale) or names["en"]
    for name in ("due", "until"):
        if moment := facts.get(name):
            values[name] = words.time(datetime.fromisoformat(moment), zone)
    for name in ("node", "step", "courier"):
        if label := facts.get(name):
            values[name] = words.lookup(label)
    if "amount_minor" in facts:
        values["amount"] = words.money(facts["amount_minor"], facts["currency"])
    if dispute := facts.get("dispute"):
        values["dispute"] = words.lookup(IN_A_SENTENCE.get(dispute, dispute))
        # Its node says what a side does, which is odd to read for that side itself.
        if notice.kind in ("turn", "reminder") and dispute in PROCEDURES:
            values["node"] = words.lookup(PROCEDURES[dispute].label)
    if outcome := facts.get("outcome"):
        label = words.lookup(outcome)
        values["outcome"] = f"{label} ({values['amount']})" if "amount" in values else label
    for name in ("days", "why", "rating", "times", "excerpt", "parcel", "address"):
        if name in facts:
            values[name] = facts[name]
    if sender := facts.get("sender"):
        values["sender"] = values[sender] if sender in values else words.lookup(PLATFORM)
    return values


class _Values(dict[str, Any]):
    """What is not known is a dash: an incomplete message still says the rest."""

    def __missing__(self, name: str) -> str:
        return "—"
