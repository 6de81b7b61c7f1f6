"""Examples of what is sent and answered about messages in supervised orders, reminders and statistics; examples.py
holds them with all the others."""

from typing import Any

_MESSAGE = "0196d0a2-4c30-7c86-9d5e-7f8091021324"
_FILE = "0196d0a1-2b10-7d97-8e6f-809102132435"
_TEMPLATE = "0196d0b3-5d40-7ea8-9f70-910213243546"
_NUMBER = "CS2605091530K7Q2M"
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_TEXT = "Two tables of the order archive are missing. When will they come?"

_ONE_FILE: dict[str, Any] = {
    "id": _FILE,
    "message_id": _MESSAGE,
    "side": "buyer",
    "name": "two-tables-missing.png",
    "media_type": "image/png",
    "size": 48211,
    "sha256": _DIGEST,
    "has_thumbnail": True,
    "uploaded_by_name": "Chen Mei",
    "created_at": "2026-05-14T01:20:00Z",
}
_ONE: dict[str, Any] = {
    "id": _MESSAGE,
    "number": 1,
    "side": "buyer",
    "to": ["seller"],
    "private": False,
    "author_name": "Chen Mei",
    "text": _TEXT,
    "reply_to": None,
    "files": [_ONE_FILE],
    "read": [{"side": "seller", "read_at": "2026-05-14T02:05:00Z", "read_by_name": "Lin Yue"}],
    "created_at": "2026-05-14T01:21:00Z",
}
_REMINDERS: dict[str, Any] = {
    "number": _NUMBER,
    "level": 2,
    "reminded": 2,
    "reminded_at": "2026-05-18T03:00:00Z",
    "urged": 1,
    "next_at": "2026-05-25T03:00:00Z",
    "may_urge_at": "2026-05-19T06:30:00Z",
}
_OWN: dict[str, Any] = {
    "id": _TEMPLATE,
    "name": "Which database",
    "text": "Hello, for order {number} please tell us which database you use.",
    "version": 1,
}
_CHANGED = {"name": "Which database", "text": "Hello, for order {number} please name your database and its version."}

CASE_REQUESTS: dict[str, Any] = {
    "send_case_message": {"text": _TEXT, "to": ["seller"], "reply_to": None},
    "add_message_template": {"name": _OWN["name"], "text": _OWN["text"]},
    "change_message_template": {**_CHANGED, "version": 1},
}
CASE_RESPONSES: dict[str, Any] = {
    "list_case_messages": {"items": [_ONE], "next": None, "previous": None},
    "send_case_message": {**_ONE, "read": [{"side": "seller", "read_at": None, "read_by_name": None}]},
    "read_case_messages": {"read": 1},
    "count_unread_case_messages": {"unread": 3},
    "list_case_drafts": {"items": [{**_ONE_FILE, "message_id": None}]},
    "upload_message_file": {**_ONE_FILE, "message_id": None},
    "get_reminders": _REMINDERS,
    "urge_other_side": {**_REMINDERS, "urged": 2, "may_urge_at": "2026-05-20T06:30:00Z"},
    "list_offered_templates": {
        "items": [
            {
                "key": _TEMPLATE,
                "name": _OWN["name"],
                "text": f"Hello, for order {_NUMBER} please tell us which database you use.",
                "language": None,
            },
            {
                "key": "ask_acceptance.en",
                "name": "Ask for acceptance",
                "text": f"Hello, order {_NUMBER} (Data migration) was delivered. Please look at it and accept it, or "
                "tell us what is missing.",
                "language": "en",
            },
        ]
    },
    "list_message_templates": {"items": [_OWN]},
    "add_message_template": _OWN,
    "change_message_template": {**_OWN, **_CHANGED, "version": 2},
    "get_supervision_statistics": {
        "since": "2026-03-01",
        "until": "2026-05-29",
        "zone": "Asia/Shanghai",
        "ages": [1, 3, 7, 14, 30, 90],
        "standing": [
            {
                "delivery_type": "service",
                "node": "acceptance",
                "turn": "buyer",
                "orders": 12,
                "overdue": 3,
                "frozen": 1,
                "ages": [2, 3, 4, 2, 1, 0, 0],
            }
        ],
        "nodes": [
            {
                "delivery_type": "service",
                "node": "acceptance",
                "left": 40,
                "mean": 245320.5,
                "median": 170123.2,
                "late": 6,
                "rejected": 5,
            }
        ],
        "days": [{"day": "2026-03-01", "began": 2, "completed": 1, "cancelled": 0}],
        "outcomes": [
            {
                "kind": "appeal",
                "outcome": "refund",
                "currency": "CNY",
                "cases": 2,
                "amount_minor": 3600000,
                "granted_minor": 1800000,
                "seconds": 198000.0,
            }
        ],
    },
}
