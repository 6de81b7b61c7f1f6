"""Reviews as the pages of every console tell of them."""

from typing import Any

from tradehall.kernel.i18n import N_, Translator
from tradehall.reviews.model import ReviewState
from tradehall.web.happened import Told
from tradehall.web.templating import Tone

STATES: dict[ReviewState, tuple[str, Tone]] = {
    "waiting": (N_("Waits for the marketplace"), "progress"),
    "published": (N_("Published"), "success"),
    "rejected": (N_("Not published"), "danger"),
    "withdrawn": (N_("Withdrawn"), "neutral"),
}
STAR_WORDS: dict[int, str] = {
    5: N_("Very good"),
    4: N_("Good"),
    3: N_("Fair"),
    2: N_("Poor"),
    1: N_("Very poor"),
}
_TITLES: dict[str, tuple[str, Tone]] = {
    "review.written": (N_("Review handed in"), "neutral"),
    "review.edited": (N_("Review changed"), "neutral"),
    "review.withdrawn": (N_("Review withdrawn"), "neutral"),
    "review.published": (N_("Review published"), "success"),
    "review.rejected": (N_("Review not published"), "warning"),
    "review.taken_down": (N_("Review taken down"), "warning"),
    "review.answered": (N_("The seller answered the review"), "info"),
    "review.answer_changed": (N_("The seller changed its answer to the review"), "neutral"),
    "review.answer_removed": (N_("The seller's answer was taken down"), "warning"),
}
VOCABULARY: dict[str, Any] = {"review_states": STATES, "star_words": STAR_WORDS}


def review_entry(one: Told, texts: Translator) -> dict[str, Any] | None:
    """What the macro `timeline` shows of a review; None for what is no event of one. Who decides for the marketplace is
    not named."""
    if one.event.kind not in _TITLES:
        return None
    title, tone = _TITLES[one.event.kind]
    said = ""
    if why := one.facts.get("why"):
        said = texts.gettext("Reason: %(why)s", why=why)
    elif stars := one.facts.get("rating"):
        said = texts.ngettext("%(num)s star", "%(num)s stars", stars)
    return {
        "title": texts.lookup(title),
        "text": said,
        "tone": tone,
        "time": one.event.at,
        "who": one.who(texts, "buyer"),
    }
