"""What happened to an order, as its buyer reads it: newest first, tries that failed alike told once."""

from collections.abc import Sequence
from typing import Any

from tradehall.kernel.i18n import N_, Translator
from tradehall.provisioning.troubles import explanation
from tradehall.supervision.flow import Flow
from tradehall.trading.model import HappenedEvent
from tradehall.web.happened import Clock, Told, told
from tradehall.web.reviewed import review_entry
from tradehall.web.supervision.happened import text_of, title_of
from tradehall.web.templating import Tone

_TITLES: dict[str, tuple[str, Tone]] = {
    "order.placed": (N_("Order placed"), "neutral"),
    "order.paid": (N_("Payment received"), "success"),
    "order.completed": (N_("Order completed"), "success"),
    "order.cancelled": (N_("Order cancelled"), "warning"),
    "order.refund_requested": (N_("Refund started"), "warning"),
    "order.refunded": (N_("Money returned"), "success"),
    "order.invoiced": (N_("Invoiced"), "neutral"),
    "instance.requested": (N_("Seller asked to open the application"), "info"),
    "instance.accepted": (N_("Seller accepted and is preparing the application"), "progress"),
    "instance.opened": (N_("Application opened"), "success"),
    "instance.found": (N_("The seller had opened it after all"), "success"),
    "instance.investigated": (N_("Not known whether it was opened; the seller is asked"), "warning"),
    "instance.failed": (N_("Opening given up"), "danger"),
    "instance.renewed": (N_("Seller confirmed the new term"), "success"),
    "instance.changed": (N_("Seller carried out the change"), "success"),
    "instance.frozen": (N_("Application frozen by the seller"), "warning"),
    "instance.unfrozen": (N_("Application can be used again"), "success"),
    "change.allowed": (N_("Seller allows the change"), "success"),
    "change.refused": (N_("Seller does not allow the change"), "danger"),
    "change.held": (N_("Seller is looking into what went wrong"), "warning"),
    "change.failed": (N_("Not carried out; the money comes back"), "danger"),
    "renewal.taken_back": (N_("Seller confirmed that the renewal was taken back"), "neutral"),
    "subscription.renewed": (N_("Renewed"), "success"),
    "subscription.changed": (N_("Upgraded"), "success"),
    "subscription.converted": (N_("Trial converted"), "success"),
    "subscription.renewal_policy": (N_("Automatic renewal turned off"), "neutral"),
    "subscription.renewal_declined": (N_("The automatic payment was declined"), "danger"),
    "subscription.renewal_cancelled": (N_("Renewal taken back"), "warning"),
    "subscription.expired": (N_("The term ended"), "warning"),
    "subscription.frozen": (N_("Frozen: it was not renewed in time"), "danger"),
    "subscription.thawed": (N_("Renewed while frozen"), "info"),
    "subscription.suspended": (N_("Suspended by the marketplace"), "danger"),
    "subscription.suspension_lifted": (N_("Suspension lifted"), "success"),
    "subscription.ended": (N_("Ended"), "neutral"),
    "instance.released": (N_("Application released"), "neutral"),
    "seller.notified": (N_("Seller notified of the order"), "neutral"),
    "call.failed": (N_("Seller's server failed"), "warning"),
    "call.given_up": (N_("No further tries"), "danger"),
    "case.exported": (N_("Case file made"), "neutral"),
    "call.restarted": (N_("Tried again by hand"), "info"),
}
_WHAT_FOR: dict[str, str] = {
    "newInstance": N_("Opening the application"),
    "queryInstance": N_("Asking for the application's details"),
    "refreshInstance": N_("Telling the seller of the new term"),
    "upgradeInstance": N_("Asking the seller for the change"),
    "upgrade": N_("Asking the seller for the change"),
    "changeInstanceCheck": N_("Asking whether the seller allows the change"),
    "updateInstanceStatus": N_("Freezing the application or letting it be used again"),
    "instanceStatus": N_("Freezing the application or letting it be used again"),
    "expireInstance": N_("Freezing the application"),
    "releaseInstance": N_("Releasing the application"),
    "orderNotify": N_("Notifying the seller"),
}
_REASONS: dict[str, str] = {
    "buyer": N_("It was cancelled before it was paid."),
    "expired": N_("It was not paid in time."),
    "opening_failed": N_("The application could not be opened; all the money comes back."),
    "renewal_failed": N_("The seller did not carry out the renewal; all the money comes back."),
    "change_failed": N_("The seller did not carry out the change; all the money comes back."),
    "seller_refused": N_("The seller does not allow the change; nothing was paid."),
    "payment_declined": N_("The automatic payment was declined; nothing was taken."),
    "not_accepted": N_("What was delivered was not accepted; all the money comes back."),
    "refund_agreed": N_("You and the seller agreed on a refund."),
    "appeal_decided": N_("The marketplace decided that money comes back."),
}


def timeline(
    log: Sequence[HappenedEvent], texts: Translator, clock: Clock, currency: str, flow: Flow | None = None
) -> list[dict[str, Any]]:
    """What the macro `timeline` shows of a log given oldest first. `clock` writes the reader's times, `flow` is that of
    the order's supervision."""
    return [_entry(one, texts, clock, currency, flow) for one in told(log)]


def _entry(one: Told, texts: Translator, clock: Clock, currency: str, flow: Flow | None) -> dict[str, Any]:
    kind = one.event.kind
    if reviewed := review_entry(one, texts):
        return reviewed
    if supervised := title_of(kind, one.facts, flow, "buyer"):
        said = text_of(one, texts, clock, flow, currency, "buyer")
        return {
            "title": texts.lookup(supervised[0]),
            "text": said,
            "tone": supervised[1],
            "time": one.event.at,
            "who": one.who(texts, "buyer"),
        }
    title, tone = _TITLES.get(kind, (N_("Something happened: %(kind)s"), "neutral"))
    if kind == "subscription.renewal_policy" and one.facts.get("on"):
        title, tone = N_("Automatic renewal turned on"), "success"
    if kind == "order.paid" and not one.facts.get("amount_minor"):
        title = N_("Order confirmed, nothing was to be paid")
    return {
        "title": texts.gettext(title, kind=kind),
        "text": _text(one, texts, clock, currency),
        "tone": tone,
        "time": one.event.at,
        "who": one.who(texts, "buyer"),
    }


def _text(one: Told, texts: Translator, clock: Clock, currency: str) -> str:
    facts = one.facts
    match one.event.kind:
        case "order.placed" if "total_minor" in facts:
            amount = texts.money(facts["total_minor"], currency)
            if facts.get("order_type") == "UNSUBSCRIBE":
                return texts.gettext("%(amount)s comes back.", amount=amount)
            return texts.gettext("Total %(amount)s.", amount=amount)
        case "order.paid" | "order.refunded" if facts.get("amount_minor"):
            amount = texts.money(facts["amount_minor"], currency)
            if facts.get("vouchers") or "voucher_minor" in facts:
                return _with_vouchers(one, texts, currency, amount)
            return texts.gettext("%(amount)s, reference %(number)s.", amount=amount, number=facts.get("reference", "—"))
        case "order.cancelled":
            return texts.lookup(_REASONS.get(facts.get("reason", ""), ""))
        case "order.refund_requested":
            return texts.gettext("Refund number %(number)s.", number=facts.get("number", "—"))
        case kind if kind.startswith(("subscription.", "change.")):
            return _of_life(one, texts, clock)
        case "order.completed" if until := one.moment("expires_at", clock, "date"):
            return texts.gettext("It runs until %(date)s.", date=until)
        case "call.failed" | "call.given_up" | "call.restarted":
            return _of_call(one, texts, clock)
    return ""


def _with_vouchers(one: Told, texts: Translator, currency: str, amount: str) -> str:
    """What vouchers paid, or got back."""
    facts = one.facts
    if one.event.kind == "order.paid":
        used = texts.money(sum(share["amount_minor"] for share in facts["vouchers"]), currency)
        return texts.gettext("%(amount)s, of it %(part)s by vouchers.", amount=amount, part=used)
    back = texts.money(facts["voucher_minor"], currency)
    said = texts.gettext("%(amount)s, of it %(part)s to vouchers.", amount=amount, part=back)
    if facts.get("lost_minor"):
        lost = texts.money(facts["lost_minor"], currency)
        said += " " + texts.gettext("%(amount)s is lost: its voucher has expired.", amount=lost)
    return said


def _of_life(one: Told, texts: Translator, clock: Clock) -> str:
    """What became of the application, and by which order."""
    facts = one.facts
    match one.event.kind:
        case "subscription.renewed" | "subscription.converted" | "subscription.renewal_cancelled":
            until = one.moment("expires_at", clock, "date")
            return texts.gettext("Order %(number)s: it runs until %(date)s.", number=facts.get("number"), date=until)
        case "subscription.changed":
            return texts.gettext("Order %(number)s.", number=facts.get("number", "—"))
        case "subscription.renewal_declined":
            again = one.moment("again_at", clock, "minute")
            return texts.gettext("Tried again on %(time)s, unless you renew it before.", time=again)
        case "subscription.suspended":
            return texts.gettext("Reason: %(why)s", why=facts.get("why", "—"))
        case "subscription.ended":
            over = N_("The seller is asked to delete it with all its data.")
            return texts.lookup(N_("You unsubscribed.") if facts.get("reason") == "unsubscribed" else over)
        case "change.refused" | "change.failed" if facts.get("message"):
            return texts.gettext("The seller said: %(message)s", message=facts["message"])
    return ""


def _of_call(one: Told, texts: Translator, clock: Clock) -> str:
    """What was tried, what came back, how often, and when it is tried again."""
    facts = one.facts
    parts = [texts.lookup(_WHAT_FOR.get(facts.get("activity", ""), facts.get("activity", "")))]
    reason = explanation(facts.get("code"), facts.get("trouble"), facts.get("verdict"))
    if reason:
        parts.append(texts.lookup(reason))
    if one.times > 1:
        parts.append(texts.ngettext("%(num)s time in a row", "%(num)s times in a row", one.times))
    if again := one.moment("again_at", clock, "time"):
        parts.append(texts.gettext("tried again at %(time)s", time=again))
    return " · ".join(part for part in parts if part)
