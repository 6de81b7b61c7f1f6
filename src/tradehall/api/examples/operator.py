"""Examples of what is sent and answered about what operators look after."""

from typing import Any

from tradehall.api.examples.common import ORDER, page

_PLATFORM = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a03"
_PARKED = "0196b4f9-1d00-7f47-a1b2-c3d4e5f60718"
RESPONSES: dict[str, Any] = {
    "list_organisations": page(
        {
            "id": _PLATFORM,
            "kind": "platform",
            "name_en": "Tradehall",
            "name_zh": "云商厅",
            "created_at": "2026-04-01T00:00:00Z",
            "track": None,
        },
        following=None,
    ),
    "list_parked": page(
        {
            "id": _PARKED,
            "kind": "order.refund",
            "subject_id": ORDER,
            "due_at": "2026-05-09T12:00:00Z",
            "attempts": 10,
            "last_error": "NoWayToPay: No payment gateway is set up on this installation.",
            "parked_at": "2026-05-09T11:00:00Z",
            "created_at": "2026-05-09T10:31:10Z",
        },
        following=None,
    ),
    "retry_parked": {"id": _PARKED},
}
