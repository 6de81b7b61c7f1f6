"""An order's operation log as a timeline: newest first, tries that failed alike in a row told once."""

from collections.abc import Callable
from datetime import datetime
from itertools import takewhile
from typing import Any

import msgspec

from tradehall.kernel.i18n import N_, DateStyle, Translator, format_datetime, translator, zone
from tradehall.provisioning.model import Verdict
from tradehall.trading.model import HappenedEvent
from tradehall.web.seller.hints import outcome_of_health
from tradehall.web.seller.words import ACTIVITY_NAMES
from tradehall.web.templating import Tone

Clock = Callable[[datetime, DateStyle], str]

_TITLES: dict[str, tuple[str, Tone]] = {
    "order.placed": (N_("Ordered"), "neutral"),
    "order.paid": (N_("Paid"), "success"),
    "order.completed": (N_("Order completed"), "success"),
    "order.cancelled": (N_("Order cancelled"), "warning"),
    "order.refund_requested": (N_("Refund requested"), "warning"),
    "order.refunded": (N_("Money given back to the buyer"), "warning"),
    "instance.requested": (N_("Instance requested from the seller"), "info"),
    "instance.accepted": (N_("The seller accepted and is creating the instance"), "progress"),
    "instance.opened": (N_("Instance opened"), "success"),
    "instance.failed": (N_("Opening given up"), "danger"),
    "instance.released": (N_("Instance released"), "neutral"),
    "seller.notified": (N_("The seller was notified of the order"), "neutral"),
}
_REASONS = {
    "buyer": N_("The buyer cancelled it before paying."),
    "expired": N_("It was not paid in time."),
    "opening_failed": N_("The instance could not be opened in time."),
}


class _Told(msgspec.Struct):
    """A log entry, with how many like it came directly before."""

    event: HappenedEvent
    content: dict[str, Any]
    times: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.content.get("facts", {})
        return facts


def clock_for(locale: str, timezone: str) -> Clock:
    """Writes moments as the reader reads them."""
    return lambda moment, style: format_datetime(moment, zone(timezone), locale, style)


def timeline(log: list[HappenedEvent], locale: str, clock: Clock) -> list[dict[str, Any]]:
    """What the macro `timeline` shows of an operation log given oldest first. `clock` writes the reader's times."""
    texts = translator(locale)
    return [_entry(told, texts, clock) for told in reversed(_gathered(log))]


def _gathered(log: list[HappenedEvent]) -> list[_Told]:
    """Tries that failed alike become one entry, also where those of several interfaces alternate."""
    gathered: list[_Told] = []
    for event in log:
        told = _Told(event, msgspec.json.decode(event.entry))
        if event.kind == "call.failed" and (like_it := _earlier(gathered, told)):
            gathered.remove(like_it)
            told.times = like_it.times + 1
        gathered.append(told)
    return gathered


def _earlier(gathered: list[_Told], told: _Told) -> _Told | None:
    """The entry alike among the failures directly before."""
    run = takewhile(lambda one: one.event.kind == "call.failed", reversed(gathered))
    return next((one for one in run if _alike(one, told)), None)


def _alike(one: _Told, other: _Told) -> bool:
    same = ("activity", "verdict", "code", "trouble")
    return all(one.facts.get(key) == other.facts.get(key) for key in same)


def _entry(told: _Told, texts: Translator, clock: Clock) -> dict[str, Any]:
    kind, facts = told.event.kind, told.facts
    title, tone = _TITLES.get(kind, (kind, "neutral"))
    shown = texts.gettext(title)
    said = ""
    match kind:
        case "call.failed" | "call.given_up" | "call.restarted":
            shown, said, tone = _of_call(told, texts, clock)
        case "order.cancelled":
            said = texts.gettext(_REASONS.get(facts.get("reason", ""), "—"))
        case "instance.opened" if facts.get("expires_at"):
            until = clock(datetime.fromisoformat(facts["expires_at"]), "date")
            said = texts.gettext("Runs until %(date)s.", date=until)
        case "order.refund_requested" | "order.refunded":
            said = texts.gettext("Unsubscription order %(number)s.", number=facts.get("number", ""))
    return {"title": shown, "text": said, "tone": tone, "time": told.event.at, "who": _who(told, texts)}


def _of_call(told: _Told, texts: Translator, clock: Clock) -> tuple[str, str, Tone]:
    facts = told.facts
    activity = facts.get("activity", "")
    name = texts.gettext(ACTIVITY_NAMES.get(activity, activity))
    if told.event.kind == "call.restarted":
        return texts.gettext("%(activity)s: restarted", activity=name), "", "info"
    verdict: Verdict = facts.get("verdict", "unreachable")
    outcome = outcome_of_health(activity, verdict, facts.get("code"), facts.get("trouble"))
    parts = [texts.gettext(outcome.text)]
    if outcome.code:
        parts.insert(0, outcome.code)
    if facts.get("again_at"):
        again = clock(datetime.fromisoformat(facts["again_at"]), "time")
        parts.append(texts.gettext("next try at %(time)s", time=again))
    said = " · ".join(parts)
    if told.event.kind == "call.given_up":
        return texts.gettext("%(activity)s: given up", activity=name), said, "danger"
    title = texts.ngettext(
        "%(activity)s: try failed", "%(activity)s: %(num)s tries failed alike", told.times, activity=name
    )
    return title, said, "danger"


def _who(told: _Told, texts: Translator) -> str:
    actor = told.content.get("actor", {})
    name: str = actor.get("name") or ""
    return name or texts.gettext("Marketplace")
