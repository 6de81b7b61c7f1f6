"""Examples of what is sent and answered about messages in supervised orders, and reminders."""

from typing import Any

from tradehall.api.examples.common import DIGEST, NUMBER, page

_MESSAGE = "0196d0a2-4c30-7c86-9d5e-7f8091021324"
_FILE = "0196d0a1-2b10-7d97-8e6f-809102132435"
_TEMPLATE = "0196d0b3-5d40-7ea8-9f70-910213243546"
_TEXT = "Two tables of the order archive are missing. When will they come?"

_ONE_FILE: dict[str, Any] = {
    "id": _FILE,
    "message_id": _MESSAGE,
    "side": "buyer",
    "name": "two-tables-missing.png",
    "media_type": "image/png",
    "size": 48211,
    "sha256": DIGEST,
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
    "number": NUMBER,
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

REQUESTS: dict[str, Any] = {
    "send_case_message": {"text": _TEXT, "to": ["seller"], "reply_to": None},
    "add_message_template": {"name": _OWN["name"], "text": _OWN["text"]},
    "change_message_template": {**_CHANGED, "version": 1},
}
RESPONSES: dict[str, Any] = {
    "list_case_messages": page(_ONE, following=None),
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
                "text": f"Hello, for order {NUMBER} please tell us which database you use.",
                "language": None,
            },
            {
                "key": "ask_acceptance.en",
                "name": "Ask for acceptance",
                "text": f"Hello, order {NUMBER} (Data migration) was delivered. Please look at it and accept it, or "
                "tell us what is missing.",
                "language": "en",
            },
        ]
    },
    "list_message_templates": {"items": [_OWN]},
    "add_message_template": _OWN,
    "change_message_template": {**_OWN, **_CHANGED, "version": 2},
}
