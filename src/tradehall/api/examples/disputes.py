"""Examples of what is sent and answered about appeals, refunds and returns, and the calendar they go by."""

from typing import Any

from tradehall.api.examples.common import BUYER_NAMES, NUMBER, SELLER_NAMES, SERVICE_NAMES, SERVICE_SKU, page

_DISPUTE = "0196cf0a-2c30-7c86-9d5e-7f8091021324"

_ROW: dict[str, Any] = {
    "id": _DISPUTE,
    "order_number": NUMBER,
    "kind": "refund",
    "kind_label": "Refund request",
    "opened_by": "buyer",
    "node": "refund_review",
    "node_label": "The seller answers",
    "turn": "seller",
    "by": "2026-05-22T08:00:00Z",
    "overdue": False,
    "outcome": None,
    "outcome_label": None,
    "amount_minor": 600000,
    "granted_minor": None,
    "total_minor": 1800000,
    "currency": "CNY",
    "paused_at": None,
    "opened_at": "2026-05-13T08:00:00Z",
    "finished_at": None,
    **BUYER_NAMES,
    **SELLER_NAMES,
    **SERVICE_NAMES,
    **SERVICE_SKU,
}
# Asked for, and refused: the delivery went on.
REFUSED: dict[str, Any] = {
    **{name: _ROW[name] for name in ("id", "kind", "kind_label", "opened_by", "amount_minor", "currency")},
    "node": "closed",
    "node_label": "Closed",
    "turn": None,
    "by": None,
    "overdue": False,
    "paused_at": None,
    "opened_at": "2026-05-13T08:00:00Z",
    "finished_at": "2026-05-14T00:40:00Z",
    "reason": "Two tables of the order archive are missing.",
    "claim": None,
    "asked": None,
    "granted_minor": None,
    "outcome": "refused",
    "outcome_label": "Refused",
    "proposal": None,
    "decision": None,
    "opinion": None,
    "refusal": {
        "ground": {"ground": "other", "label": "Something else"},
        "reason": "They were not part of the archive that was handed over.",
    },
    "grounds": [],
    "return_to": None,
    "returned": None,
    "contact": None,
    "steps": [
        {
            "seq": 8,
            "kind": "refund.requested",
            "at": "2026-05-13T08:00:00Z",
            "actor": {"kind": "buyer", "name": "Chen Mei"},
            "label": "Ask for a refund",
        },
        {
            "seq": 9,
            "kind": "refund.refused",
            "at": "2026-05-14T00:40:00Z",
            "actor": {"kind": "seller", "name": "Lin Yue"},
            "label": "Refuse the refund",
        },
    ],
    "timers": [],
}
REQUESTS: dict[str, Any] = {
    "mark_calendar_days": {
        "first": "2026-10-01",
        "last": "2026-10-07",
        "working": False,
        "name": "National Day",
    }
}
RESPONSES: dict[str, Any] = {
    "list_disputes": page(_ROW, following=None),
    "count_disputes": {"mine": 2, "open": 5, "overdue": 1, "closed": 38},
    "list_calendar_days": {
        "year": 2026,
        "items": [
            {"day": "2026-10-07", "working": False, "name": "National Day"},
            {"day": "2026-10-10", "working": True, "name": "Made up for the National Day"},
        ],
    },
    "mark_calendar_days": {"marked": 7},
}
