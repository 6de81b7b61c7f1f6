"""Examples of what is sent and answered about reviews; examples.py holds them with all the others."""

from typing import Any

_REVIEW = "0196b4fc-5fb0-7b41-9d6e-4f5061728394"
RATING: dict[str, Any] = {"average": 4.3, "count": 12, "stars": [1, 0, 1, 2, 8]}
_WORDING: dict[str, Any] = {"rating": 5, "text": "Set up within a day; support answers quickly.", "named": False}
_HANDED_IN: dict[str, Any] = {
    **_WORDING,
    "id": _REVIEW,
    "order_number": "CS2605091530K7Q2M",
    "product_id": "0196a1c0-5a20-7a11-a3b4-c5d6e7f80910",
    "product_slug": "lotus-meetings",
    "product_name_en": "Lotus Meetings",
    "product_name_zh": "莲花会议",
    "buyer_name_en": "Harbour Trading",
    "buyer_name_zh": "海港贸易",
    "seller_name_en": "Lotus Software",
    "seller_name_zh": "莲花软件",
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
REVIEW_REQUESTS: dict[str, Any] = {
    "write_review": {**_WORDING, "seen": 0},
    "withdraw_review": {"seen": 1},
    "answer_review": {"text": _ANSWERED["answer"], "seen": 0},
    "publish_review": {"seen": 1},
    "reject_review": {"seen": 1, "why": _REASON},
    "take_down_review": {"seen": 1, "why": _REASON},
    "remove_answer": {"seen": 1, "why": "Please answer without the buyer's name."},
}
REVIEW_RESPONSES: dict[str, Any] = {
    "list_product_reviews": {"rating": RATING, "items": [_PUBLIC], "next": None, "previous": None},
    "list_reviews": {"items": [_ANSWERED], "next": None, "previous": None},
    "get_review": _ANSWERED,
    "write_review": _HANDED_IN,
    "withdraw_review": {**_HANDED_IN, "state": "withdrawn"},
    "answer_review": _ANSWERED,
    "list_waiting_reviews": {"items": [_HANDED_IN], "next": None, "previous": None},
    "publish_review": _PUBLISHED,
    "reject_review": _REJECTED,
    "take_down_review": _REJECTED,
    "remove_answer": {**_PUBLISHED, "answer_version": 2},
}
