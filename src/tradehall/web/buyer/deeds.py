"""What a buyer may do with an application, as its page offers it: each deed with what it does, or why not now."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tradehall.kernel.errors import Problem
from tradehall.kernel.i18n import N_, Translator
from tradehall.kernel.ids import new_id
from tradehall.settings import Settings
from tradehall.trading.ending import CHANCES
from tradehall.trading.errors import SubscriptionBusy
from tradehall.trading.possibilities import BuyerVerb, Possibilities
from tradehall.trading.terms import Subscription
from tradehall.web.happened import Clock

Say = Callable[[Problem], str]


def deeds(
    held: Subscription,
    can: Possibilities,
    settings: Settings,
    now: datetime,
    texts: Translator,
    clock: Clock,
    say: Say,
) -> list[dict[str, Any]]:
    """Every deed that makes sense for it, the likely ones first. `say` puts a problem into words."""
    base = f"/buyer/applications/{held.id}"
    _ = texts.gettext
    found: list[dict[str, Any]] = []

    def add(verb: BuyerVerb, title: str, text: str, button: str, **more: Any) -> None:
        if verb not in can.verbs:
            return
        why = can.verbs[verb]
        busy = f"/buyer/orders/{held.busy_with}" if isinstance(why, SubscriptionBusy) else ""
        found.append(
            {
                "verb": verb,
                "title": title,
                "text": "" if why else text,
                "button": button,
                "why": say(why) if why else "",
                "why_href": busy,
                **more,
            }
        )

    add(
        "convert",
        _("Convert the trial"),
        _("Keep it with all that is in it: the paid term begins as the trial ends."),
        _("Convert"),
        href=f"{base}/convert",
        primary=True,
    )
    add("renew", _("Renew"), _renewing(held, can, texts, clock), _("Renew"), href=f"{base}/renew", primary=True)
    if (automatic := _automatic(held, settings, now, texts, clock, base)) is not None:
        found.append(automatic)
    add(
        "change",
        _("Upgrade or expand"),
        _("For the rest of the term; you pay the difference for the days that are left."),
        _("Upgrade"),
        href=f"{base}/change",
    )
    if can.unbegun:
        amount = texts.money(can.unbegun.total_minor, held.currency)
        until = clock(can.unbegun.starts_at, "date")
        add(
            "cancel_renewal",
            _("Cancel the renewal that has not begun"),
            _("%(amount)s comes back; the term ends on %(date)s again.", amount=amount, date=until),
            _("Cancel renewal"),
            post=f"{base}/cancel-renewal",
            fields={"idempotency_key": new_id()},
            ask=_("Cancel this renewal?"),
            danger=True,
        )
    add(
        "unsubscribe",
        _("End the trial") if held.trial else _("Unsubscribe"),
        _unsubscribing(held, can, texts, clock),
        _("End the trial") if held.trial else _("Unsubscribe"),
        href=f"{base}/unsubscribe",
        danger=True,
    )
    return found


def _renewing(held: Subscription, can: Possibilities, texts: Translator, clock: Clock) -> str:
    assert held.expires_at is not None or "renew" not in can.verbs
    since = clock(held.expires_at, "date") if held.expires_at else ""
    if can.allows("change_at_renewal"):
        return texts.gettext("A further term from %(date)s on; specification and quantity may change.", date=since)
    return texts.gettext("A further term from %(date)s on.", date=since)


def _automatic(
    held: Subscription, settings: Settings, now: datetime, texts: Translator, clock: Clock, base: str
) -> dict[str, Any] | None:
    """Automatic renewal, on or off; none for what has no term, is frozen or over."""
    if held.trial or held.expires_at is None or held.state == "ended":
        return None
    if held.state == "frozen" and not held.auto_renew:
        return None
    _ = texts.gettext
    at = max(held.expires_at - settings.renewal_lead, now)
    if held.auto_renew:
        span = {"month": N_("for a month"), "year": N_("for a year")}[held.period_type or "month"]
        text = _("On: renewed %(span)s on %(date)s and paid from the balance.", span=_(span), date=clock(at, "date"))
    else:
        text = _("Off: it ends on %(date)s unless you renew it.", date=clock(held.expires_at, "date"))
    return {
        "verb": "automatic",
        "title": _("Automatic renewal"),
        "text": text,
        "button": _("Turn off") if held.auto_renew else _("Turn on"),
        "why": "",
        "why_href": "",
        "post": f"{base}/automatic-renewal",
        "fields": {"on": "0" if held.auto_renew else "1"},
    }


def _unsubscribing(held: Subscription, can: Possibilities, texts: Translator, clock: Clock) -> str:
    returned = can.unsubscribing
    if returned is None:
        return ""
    if not returned.refund_minor or returned.until is None:
        return texts.gettext("It ends at once; nothing was paid for it.")
    amount, until = texts.money(returned.refund_minor, returned.currency), clock(returned.until, "minute")
    text = texts.gettext("%(amount)s comes back, until %(time)s.", amount=amount, time=until)
    left = texts.ngettext(
        "%(num)s of %(most)s chances left this year.", "%(num)s of %(most)s chances left this year.",
        returned.chances_left, most=CHANCES,
    )  # fmt: skip
    return f"{text} {left}"
