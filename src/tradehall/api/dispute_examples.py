"""Examples of what is sent and answered about appeals, refunds and returns, and the calendar they go by."""

from typing import Any

_DISPUTE = "0196cf0a-2c30-7c86-9d5e-7f8091021324"
_NUMBER = "CS2605091530K7Q2M"

_ROW: dict[str, Any] = {
    "id": _DISPUTE,
    "order_number": _NUMBER,
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
    "buyer_name_en": "Harbour Trading",
    "buyer_name_zh": "海港贸易",
    "seller_name_en": "Lotus Software",
    "seller_name_zh": "莲花软件",
    "product_name_en": "Data migration",
    "product_name_zh": "数据迁移服务",
    "sku_name_en": "Up to 1 TB",
    "sku_name_zh": "1 TB 以内",
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
DISPUTE_REQUESTS: dict[str, Any] = {
    "mark_calendar_days": {
        "first": "2026-10-01",
        "last": "2026-10-07",
        "working": False,
        "name": "National Day",
    }
}
DISPUTE_RESPONSES: dict[str, Any] = {
    "list_disputes": {"items": [_ROW], "next": None, "previous": None},
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
