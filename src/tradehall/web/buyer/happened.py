"""What happened to an order, as its buyer reads it: newest first, tries that failed alike in a row told once."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tradehall.kernel.i18n import N_, DateStyle, Translator
from tradehall.provisioning.standing import explanation
from tradehall.trading.model import HappenedEvent
from tradehall.web.templating import Tone

Clock = Callable[[datetime, DateStyle], str]

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


class _Told(msgspec.Struct):
    """A log entry, with how many like it came directly before."""

    event: HappenedEvent
    content: dict[str, Any]
    times: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.content.get("facts") or {}
        return facts


def timeline(log: Sequence[HappenedEvent], texts: Translator, clock: Clock, currency: str) -> list[dict[str, Any]]:
    """What the macro `timeline` shows of a log given oldest first. `clock` writes the reader's times."""
    return [_entry(told, texts, clock, currency) for told in reversed(_gathered(log))]


def _gathered(log: Sequence[HappenedEvent]) -> list[_Told]:
    gathered: list[_Told] = []
    for event in log:
        told = _Told(event, msgspec.json.decode(event.entry))
        if gathered and event.kind == "call.failed" and _alike(gathered[-1], told):
            told.times = gathered.pop().times + 1
        gathered.append(told)
    return gathered


def _alike(one: _Told, other: _Told) -> bool:
    same = ("activity", "verdict", "code", "trouble")
    return one.event.kind == other.event.kind and all(one.facts.get(key) == other.facts.get(key) for key in same)


def _entry(told: _Told, texts: Translator, clock: Clock, currency: str) -> dict[str, Any]:
    kind, facts = told.event.kind, told.facts
    title, tone = _TITLES.get(kind, (N_("Something happened: %(kind)s"), "neutral"))
    return {
        "title": texts.gettext(title, kind=kind),
        "text": _text(told, texts, clock, facts, currency),
        "tone": tone,
        "time": told.event.at,
        "who": _who(told, texts),
        "kind": kind,
    }


def _text(told: _Told, texts: Translator, clock: Clock, facts: dict[str, Any], currency: str) -> str:
    match told.event.kind:
        case "order.placed" if "total_minor" in facts:
            return texts.gettext("Total %(amount)s.", amount=texts.money(facts["total_minor"], currency))
        case "order.paid" if "amount_minor" in facts:
            amount = texts.money(facts["amount_minor"], currency)
            return texts.gettext("%(amount)s, reference %(number)s.", amount=amount, number=facts.get("reference", "—"))
        case "order.cancelled":
            return texts.lookup(_REASONS.get(facts.get("reason", ""), ""))
        case "order.refund_requested":
            return texts.gettext("Refund number %(number)s.", number=facts.get("number", "—"))
        case "order.refunded" if "amount_minor" in facts:
            amount = texts.money(facts["amount_minor"], currency)
            return texts.gettext("%(amount)s, reference %(number)s.", amount=amount, number=facts.get("reference", "—"))
        case "instance.opened" if facts.get("expires_at"):
            until = clock(datetime.fromisoformat(facts["expires_at"]), "date")
            return texts.gettext("It runs until %(date)s.", date=until)
        case "call.failed" | "call.given_up" | "call.restarted":
            return _of_call(told, texts, clock)
    return ""


def _of_call(told: _Told, texts: Translator, clock: Clock) -> str:
    """What was tried, what came back, how often, and when it is tried again."""
    facts = told.facts
    parts = [texts.lookup(_WHAT_FOR.get(facts.get("activity", ""), facts.get("activity", "")))]
    reason = explanation(facts.get("code"), facts.get("trouble"), facts.get("verdict"))
    if reason:
        parts.append(texts.lookup(reason))
    if told.times > 1:
        parts.append(texts.ngettext("%(num)s time in a row", "%(num)s times in a row", told.times))
    if facts.get("again_at"):
        again = clock(datetime.fromisoformat(facts["again_at"]), "time")
        parts.append(texts.gettext("tried again at %(time)s", time=again))
    return " · ".join(part for part in parts if part)


def _who(told: _Told, texts: Translator) -> str:
    name: str = (told.content.get("actor") or {}).get("name") or ""
    return name or texts.gettext("Marketplace")
