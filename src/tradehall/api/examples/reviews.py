"""Examples of what is sent and answered about reviews."""

from typing import Any

from tradehall.api.examples.common import BUYER_NAMES, NUMBER, PRODUCT, PRODUCT_NAMES, SELLER_NAMES, page

_REVIEW = "0196b4fc-5fb0-7b41-9d6e-4f5061728394"
RATING: dict[str, Any] = {"average": 4.3, "count": 12, "stars": [1, 0, 1, 2, 8]}
_WORDING: dict[str, Any] = {"rating": 5, "text": "Set up within a day; support answers quickly.", "named": False}
_HANDED_IN: dict[str, Any] = {
    **_WORDING,
    "id": _REVIEW,
    "order_number": NUMBER,
    "product_id": PRODUCT,
    "product_slug": "lotus-meetings",
    **PRODUCT_NAMES,
    **BUYER_NAMES,
    **SELLER_NAMES,
    "state": "waiting",
    "version": 1,
    "written_at": "2026-05-20T03:00:00Z",
    "created_at": "2026-05-20T03:00:00Z",
    "decided_at": None,
    "reason": None,
    "answer": None,
    "answer_version": 0,
    "answered_at": None,
}
_PUBLISHED = {**_HANDED_IN, "state": "published", "decided_at": "2026-05-20T06:30:00Z"}
_ANSWERED = {
    **_PUBLISHED,
    "answer": "Thank you! The next version brings the calendar you asked for.",
    "answer_version": 1,
    "answered_at": "2026-05-21T01:10:00Z",
}
_REASON = "Please leave out the name of the person."
_REJECTED = {**_HANDED_IN, "state": "rejected", "decided_at": "2026-05-20T06:30:00Z", "reason": _REASON}
_PUBLIC = {
    **_WORDING,
    "id": _REVIEW,
    "by_name_en": "H***",
    "by_name_zh": "海***",
    "written_at": "2026-05-20T03:00:00Z",
    "answer": _ANSWERED["answer"],
    "answered_at": _ANSWERED["answered_at"],
}
REQUESTS: dict[str, Any] = {
    "write_review": {**_WORDING, "seen": 0},
    "withdraw_review": {"seen": 1},
    "answer_review": {"text": _ANSWERED["answer"], "seen": 0},
    "publish_review": {"seen": 1},
    "reject_review": {"seen": 1, "why": _REASON},
    "take_down_review": {"seen": 1, "why": _REASON},
    "remove_answer": {"seen": 1, "why": "Please answer without the buyer's name."},
}
RESPONSES: dict[str, Any] = {
    "list_product_reviews": {"rating": RATING, "items": [_PUBLIC], "next": None, "previous": None},
    "list_reviews": page(_ANSWERED, following=None),
    "get_review": _ANSWERED,
    "write_review": _HANDED_IN,
    "withdraw_review": {**_HANDED_IN, "state": "withdrawn"},
    "answer_review": _ANSWERED,
    "list_waiting_reviews": page(_HANDED_IN, following=None),
    "publish_review": _PUBLISHED,
    "reject_review": _REJECTED,
    "take_down_review": _REJECTED,
    "remove_answer": {**_PUBLISHED, "answer_version": 2},
}
