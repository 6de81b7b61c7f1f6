"""Examples of what is sent and answered about messages, by operation."""

from typing import Any

from tradehall.api.examples.common import NUMBER, page

_ID = "0196b4fa-4e10-7a11-8b3c-2d3e4f506172"
_SENDING = "0196b4fa-4e11-7a12-8b3c-3e4f50617283"
_CONTACT = {"phone": "+8613800138000", "mail_notices": True}
_MESSAGE = {
    "id": _ID,
    "kind": "turn",
    "title": "Your turn: Confirm acceptance",
    "body": (f"Order {NUMBER}, Lotus Meetings, waits for you: Confirm acceptance. Please do it by 14 May 2026, 15:31."),
    "order_number": NUMBER,
    "link": f"/buyer/supervision/{NUMBER}",
    "urgent": False,
    "created_at": "2026-05-09T07:31:00Z",
    "read_at": None,
}

REQUESTS: dict[str, Any] = {"set_contact": {"phone": "+86 138 0013 8000", "mail_notices": True}}
RESPONSES: dict[str, Any] = {
    "list_messages": page(_MESSAGE, following=None),
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
                "order_number": NUMBER,
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
