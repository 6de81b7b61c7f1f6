"""What happened to an order, as its buyer reads it: newest first, tries that failed alike told once."""

from collections.abc import Sequence
from typing import Any

from tradehall.kernel.i18n import N_, Translator
from tradehall.provisioning.standing import explanation
from tradehall.trading.model import HappenedEvent
from tradehall.web.happened import Clock, Told, told
from tradehall.web.templating import Tone

_TITLES: dict[str, tuple[str, Tone]] = {
    "order.placed": (N_("Order placed"), "neutral"),
    "order.paid": (N_("Payment received"), "success"),
    "order.completed": (N_("Order completed"), "success"),
    "order.cancelled": (N_("Order cancelled"), "warning"),
    "order.refund_requested": (N_("Refund started"), "warning"),
    "order.refunded": (N_("Money returned"), "success"),
    "instance.requested": (N_("Seller asked to open the application"), "info"),
    "instance.accepted": (N_("Seller accepted and is preparing the application"), "progress"),
    "instance.opened": (N_("Application opened"), "success"),
    "instance.failed": (N_("Opening given up"), "danger"),
    "instance.released": (N_("Application released"), "neutral"),
    "seller.notified": (N_("Seller notified of the order"), "neutral"),
    "call.failed": (N_("Seller's server failed"), "warning"),
    "call.given_up": (N_("No further tries"), "danger"),
    "call.restarted": (N_("Tried again by hand"), "info"),
}
_WHAT_FOR: dict[str, str] = {
    "newInstance": N_("Opening the application"),
    "queryInstance": N_("Asking for the application's details"),
    "releaseInstance": N_("Releasing the application"),
    "orderNotify": N_("Notifying the seller"),
}
_REASONS: dict[str, str] = {
    "buyer": N_("It was cancelled before it was paid."),
    "expired": N_("It was not paid in time."),
    "opening_failed": N_("The application could not be opened; all the money comes back."),
}


def timeline(log: Sequence[HappenedEvent], texts: Translator, clock: Clock, currency: str) -> list[dict[str, Any]]:
    """What the macro `timeline` shows of a log given oldest first. `clock` writes the reader's times."""
    return [_entry(one, texts, clock, currency) for one in told(log)]


def _entry(one: Told, texts: Translator, clock: Clock, currency: str) -> dict[str, Any]:
    kind = one.event.kind
    title, tone = _TITLES.get(kind, (N_("Something happened: %(kind)s"), "neutral"))
    return {
        "title": texts.gettext(title, kind=kind),
        "text": _text(one, texts, clock, currency),
        "tone": tone,
        "time": one.event.at,
        "who": one.who(texts),
    }


def _text(one: Told, texts: Translator, clock: Clock, currency: str) -> str:
    facts = one.facts
    match one.event.kind:
        case "order.placed" if "total_minor" in facts:
            return texts.gettext("Total %(amount)s.", amount=texts.money(facts["total_minor"], currency))
        case "order.paid" | "order.refunded" if "amount_minor" in facts:
            amount = texts.money(facts["amount_minor"], currency)
            return texts.gettext("%(amount)s, reference %(number)s.", amount=amount, number=facts.get("reference", "—"))
        case "order.cancelled":
            return texts.lookup(_REASONS.get(facts.get("reason", ""), ""))
        case "order.refund_requested":
            return texts.gettext("Refund number %(number)s.", number=facts.get("number", "—"))
        case "instance.opened" if until := one.moment("expires_at", clock, "date"):
            return texts.gettext("It runs until %(date)s.", date=until)
        case "call.failed" | "call.given_up" | "call.restarted":
            return _of_call(one, texts, clock)
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
