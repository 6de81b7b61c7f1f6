"""What happened to an order, as its seller and operators read it: newest first, tries that failed alike told once."""

from collections.abc import Sequence
from typing import Any

from tradehall.kernel.i18n import N_, Translator
from tradehall.provisioning.model import Verdict
from tradehall.reviews.model import KEPT_FROM_SELLERS
from tradehall.supervision.flow import Flow
from tradehall.trading.model import HappenedEvent
from tradehall.web.happened import Clock, Told, told
from tradehall.web.reviewed import review_entry
from tradehall.web.seller.hints import outcome_of_health
from tradehall.web.seller.words import ACTIVITY_NAMES
from tradehall.web.supervision.happened import text_of, title_of
from tradehall.web.templating import Tone

_TITLES: dict[str, tuple[str, Tone]] = {
    "order.placed": (N_("Ordered"), "neutral"),
    "order.paid": (N_("Paid"), "success"),
    "order.completed": (N_("Order completed"), "success"),
    "order.cancelled": (N_("Order cancelled"), "warning"),
    "order.refund_requested": (N_("Refund requested"), "warning"),
    "order.refunded": (N_("Money given back to the buyer"), "warning"),
    "order.invoiced": (N_("Invoiced"), "neutral"),
    "instance.requested": (N_("Instance requested from the seller"), "info"),
    "instance.accepted": (N_("The seller accepted and is creating the instance"), "progress"),
    "instance.opened": (N_("Instance opened"), "success"),
    "instance.found": (N_("The instance was found: it had been created after all"), "success"),
    "instance.investigated": (N_("Not known whether it was created: the server is asked"), "warning"),
    "instance.failed": (N_("Opening given up"), "danger"),
    "instance.renewed": (N_("The server confirmed the new term"), "success"),
    "instance.changed": (N_("The server carried out the change"), "success"),
    "instance.frozen": (N_("Instance frozen"), "warning"),
    "instance.unfrozen": (N_("Instance can be used again"), "success"),
    "change.allowed": (N_("The server allows the change"), "success"),
    "change.refused": (N_("The server does not allow the change"), "warning"),
    "change.held": (N_("Held: mend the cause and restart the call in time"), "danger"),
    "change.failed": (N_("Not carried out; the buyer is refunded"), "danger"),
    "renewal.taken_back": (N_("The server confirmed that the renewal was taken back"), "neutral"),
    "subscription.renewed": (N_("Renewed"), "success"),
    "subscription.changed": (N_("Upgraded"), "success"),
    "subscription.converted": (N_("Trial converted"), "success"),
    "subscription.renewal_policy": (N_("Automatic renewal turned off"), "neutral"),
    "subscription.renewal_declined": (N_("The automatic payment was declined"), "warning"),
    "subscription.renewal_cancelled": (N_("Renewal taken back"), "warning"),
    "subscription.expired": (N_("The term ended"), "warning"),
    "subscription.frozen": (N_("Frozen: it was not renewed in time"), "danger"),
    "subscription.thawed": (N_("Renewed while frozen"), "info"),
    "subscription.suspended": (N_("Suspended by the marketplace"), "danger"),
    "subscription.suspension_lifted": (N_("Suspension lifted"), "success"),
    "subscription.ended": (N_("Ended"), "neutral"),
    "case.exported": (N_("Case file made"), "neutral"),
    "instance.released": (N_("Instance released"), "neutral"),
    "seller.notified": (N_("The seller was notified of the order"), "neutral"),
}
_REASONS = {
    "buyer": N_("The buyer cancelled it before paying."),
    "expired": N_("It was not paid in time."),
    "opening_failed": N_("The instance could not be opened in time."),
    "renewal_failed": N_("The renewal was not carried out."),
    "change_failed": N_("The change was not carried out."),
    "seller_refused": N_("The server does not allow the change; nothing was paid."),
    "payment_declined": N_("The automatic payment was declined; nothing was taken."),
    "not_accepted": N_("What was delivered was not accepted."),
    "refund_agreed": N_("You and the buyer agreed on a refund."),
    "appeal_decided": N_("The marketplace decided that money goes back."),
}


def timeline(
    log: Sequence[HappenedEvent],
    texts: Translator,
    clock: Clock,
    currency: str,
    viewer: str,
    flow: Flow | None = None,
) -> list[dict[str, Any]]:
    """What the macro `timeline` shows of a log given oldest first. `clock` writes the reader's times, `flow` is that of
    the order's supervision, `viewer` the kind of the reader's organisation."""
    return [_entry(one, texts, clock, currency, viewer, flow) for one in told(log)]


def told_to(kind: str, log: Sequence[HappenedEvent]) -> list[HappenedEvent]:
    """What of a log people of this kind of organisation are told: sellers nothing of reviews nobody may read yet."""
    return [one for one in log if kind == "platform" or one.kind not in KEPT_FROM_SELLERS]


def _entry(one: Told, texts: Translator, clock: Clock, currency: str, viewer: str, flow: Flow | None) -> dict[str, Any]:
    kind, facts = one.event.kind, one.facts
    if reviewed := review_entry(one, texts):
        return reviewed
    if supervised := title_of(kind, facts, flow, viewer):
        return {
            "title": texts.lookup(supervised[0]),
            "text": text_of(one, texts, clock, flow, currency, viewer),
            "tone": supervised[1],
            "time": one.event.at,
            "who": one.who(texts, viewer),
        }
    title, tone = _TITLES.get(kind, (kind, "neutral"))
    shown, said = texts.gettext(title), ""
    match kind:
        case "call.failed" | "call.given_up" | "call.restarted":
            shown, said, tone = _of_call(one, texts, clock)
        case "order.cancelled":
            said = texts.gettext(_REASONS.get(facts.get("reason", ""), "—"))
        case "subscription.renewal_policy" if facts.get("on"):
            shown, tone = texts.gettext("Automatic renewal turned on"), "success"
        case "subscription.renewed" | "subscription.converted" | "subscription.renewal_cancelled":
            until = one.moment("expires_at", clock, "date")
            said = texts.gettext("Order %(number)s: it runs until %(date)s.", number=facts.get("number"), date=until)
        case "subscription.changed":
            said = texts.gettext("Order %(number)s.", number=facts.get("number", "—"))
        case "subscription.suspended":
            said = texts.gettext("Reason: %(why)s", why=facts.get("why", "—"))
        case "subscription.ended":
            by_buyer = facts.get("reason") == "unsubscribed"
            said = (
                texts.gettext("The buyer unsubscribed.") if by_buyer else texts.gettext("It was not renewed in time.")
            )
        case "change.held" if until := one.moment("until", clock, "minute"):
            said = texts.gettext("Until %(time)s; then the order is cancelled and the buyer refunded.", time=until)
        case "change.refused" | "change.failed" if facts.get("message"):
            said = texts.gettext("The server said: %(message)s", message=facts["message"])
        case "order.completed" if until := one.moment("expires_at", clock, "date"):
            said = texts.gettext("Runs until %(date)s.", date=until)
        case "order.refund_requested" | "order.refunded":
            said = texts.gettext("Unsubscription order %(number)s.", number=facts.get("number", ""))
    return {"title": shown, "text": said, "tone": tone, "time": one.event.at, "who": one.who(texts, viewer)}


def _of_call(one: Told, texts: Translator, clock: Clock) -> tuple[str, str, Tone]:
    facts = one.facts
    activity = facts.get("activity", "")
    name = texts.gettext(ACTIVITY_NAMES.get(activity, activity))
    if one.event.kind == "call.restarted":
        return texts.gettext("%(activity)s: restarted", activity=name), "", "info"
    verdict: Verdict = facts.get("verdict", "unreachable")
    outcome = outcome_of_health(activity, verdict, facts.get("code"), facts.get("trouble"))
    parts = [texts.gettext(outcome.text)]
    if outcome.code:
        parts.insert(0, outcome.code)
    if again := one.moment("again_at", clock, "time"):
        parts.append(texts.gettext("next try at %(time)s", time=again))
    said = " · ".join(parts)
    if one.event.kind == "call.given_up":
        return texts.gettext("%(activity)s: given up", activity=name), said, "danger"
    title = texts.ngettext(
        "%(activity)s: try failed", "%(activity)s: %(num)s tries failed alike", one.times, activity=name
    )
    return title, said, "danger"
