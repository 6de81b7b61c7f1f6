"""Examples of what is sent and answered about messages, by operation."""

from typing import Any

_ID = "0196b4fa-4e10-7a11-8b3c-2d3e4f506172"
_SENDING = "0196b4fa-4e11-7a12-8b3c-3e4f50617283"
_NUMBER = "CS2605091530K7Q2M"
_CONTACT = {"phone": "+8613800138000", "mail_notices": True}
_MESSAGE = {
    "id": _ID,
    "kind": "turn",
    "title": "Your turn: Confirm acceptance",
    "body": (
        f"Order {_NUMBER}, Lotus Meetings, waits for you: Confirm acceptance. Please do it by 14 May 2026, 15:31."
    ),
    "order_number": _NUMBER,
    "link": f"/buyer/supervision/{_NUMBER}",
    "urgent": False,
    "created_at": "2026-05-09T07:31:00Z",
    "read_at": None,
}

REQUESTS: dict[str, Any] = {"set_contact": {"phone": "+86 138 0013 8000", "mail_notices": True}}
RESPONSES: dict[str, Any] = {
    "list_messages": {"items": [_MESSAGE], "next": None, "previous": None},
    "count_unread": {"unread": 1},
    "read_message": _MESSAGE,
    "read_messages": {"marked": 1},
    "get_contact": _CONTACT,
    "set_contact": _CONTACT,
    "list_sendings": {
        "items": [
            {
                "id": _SENDING,
                "channel": "mail",
                "address": "bo@harbour.example",
                "state": "failed",
                "kind": "turn",
                "order_number": _NUMBER,
                "attempts": 1,
                "due_at": "2026-05-09T07:31:00Z",
                "last_error": "550 No such user here",
                "created_at": "2026-05-09T07:31:00Z",
            }
        ],
        "next": None,
        "previous": None,
    },
    "retry_sending": {"id": _SENDING},
}
