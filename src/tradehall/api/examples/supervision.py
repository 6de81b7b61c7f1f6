"""Examples of what is sent and answered about service supervision."""

from typing import Any

from tradehall.api.examples.common import (
    BUYER,
    BUYER_NAMES,
    DIGEST,
    NUMBER,
    PRODUCT,
    SELLER,
    SELLER_NAMES,
    SERVICE_NAMES,
    SERVICE_SKU,
    page,
)
from tradehall.api.examples.disputes import REFUSED

_FLOW = "0196b4f3-2c40-7d51-8a2b-4c5d6e7f8091"
_PROOF = "0196c9d1-7f00-7a64-9b3c-5d6e7f809102"
_DRAFT = "0196cf0a-1b20-7b75-8c4d-6e7f80910213"

_ROW: dict[str, Any] = {
    "id": _FLOW,
    "order_number": NUMBER,
    "buyer_id": BUYER,
    **BUYER_NAMES,
    "seller_id": SELLER,
    **SELLER_NAMES,
    "product_id": PRODUCT,
    **SERVICE_NAMES,
    **SERVICE_SKU,
    "total_minor": 1800000,
    "currency": "CNY",
    "order_state": "processing",
    "ordered_at": "2026-05-09T07:30:00Z",
    "delivery_type": "service",
    "delivery_label": "Manual service",
    "version": 2,
    "state": "open",
    "node": "acceptance",
    "node_label": "Confirm acceptance",
    "turn": "buyer",
    "by": "2026-05-18T19:40:00Z",
    "overdue": False,
    "entered_at": "2026-05-13T03:00:00Z",
    "frozen_at": None,
    "dispute": None,
    "opened_at": "2026-05-09T07:31:00Z",
    "finished_at": None,
}


def _asked(key: str, kind: str, label: str, **more: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("hint", "longest", "choices", "least", "most", "accept", "group", "unless", "only_if"), None
    )
    return {"key": key, "kind": kind, "required": True, "label": label, **nothing, **more}


_REASON = _asked("reason", "note", "Reason", longest=5000)
_REASON_FILES = _asked("reason_files", "files", "Files that show it", required=False, most=20, accept="any")
_NOTE = _asked("note", "note", "Note", required=False, longest=5000)
_PROOF_FILE: dict[str, Any] = {
    "id": _PROOF,
    "verb": "deliver",
    "field": "acceptance_document",
    "side": "seller",
    "act": 3,
    "name": "acceptance.pdf",
    "media_type": "application/pdf",
    "size": 184320,
    "sha256": DIGEST,
    "has_thumbnail": False,
    "uploaded_by_name": "Lin Yue",
    "created_at": "2026-05-13T02:58:00Z",
}
_DRAFT_FILE: dict[str, Any] = {
    **_PROOF_FILE,
    "id": _DRAFT,
    "verb": "reject_delivery",
    "field": "reason_files",
    "side": "buyer",
    "act": None,
    "name": "two-tables-missing.png",
    "media_type": "image/png",
    "size": 48211,
    "has_thumbnail": True,
    "uploaded_by_name": "Chen Mei",
    "created_at": "2026-05-14T01:20:00Z",
}
_MISSING_TABLES = {"reason": "Two tables of the order archive are missing."}
_REQUIREMENT = {"requirement": "Move the order archive, 800 GB, by the end of May."}
_DELIVERY = {"actual_start": "2026-05-10"}


def _happened(seq: int, what: str, at: str, kind: str, name: str | None, **more: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        (
            "act", "verb", "node", "to", "turn", "by", "late", "days", "reason", "level", "times", "message", "text",
            "dispute", "outcome", "amount_minor",
        )
    )  # fmt: skip
    told = {
        "seq": seq,
        "kind": what if "." in what else f"supervision.{what}",
        "at": at,
        "actor": {"kind": kind, "name": name},
    }
    return {**told, "answers": {}, "files": [], **nothing, "hash": DIGEST, **more}


_DETAIL: dict[str, Any] = {
    **_ROW,
    "product_class": "common",
    "scene": None,
    "rule": "seller_defined",
    "rule_label": "The seller's acceptance standard",
    "reviewed": False,
    "delivery_days": 15,
    "acts": 7,
    "rejections_by_seller": 0,
    "rejections_by_buyer": 0,
    "rejections_by_platform": 0,
    "refundable": True,
    "paid_at": "2026-05-09T07:31:00Z",
    "begins_at": "2026-05-09T16:00:00Z",
    "steps": [
        {"node": "request", "label": "Submit requirement", "actor": "buyer", "standing": "done"},
        {"node": "confirmation", "label": "Confirm requirement", "actor": "seller", "standing": "done"},
        {"node": "delivery", "label": "Upload delivery proof", "actor": "seller", "standing": "done"},
        {"node": "acceptance", "label": "Confirm acceptance", "actor": "buyer", "standing": "now"},
        {"node": "completed", "label": "Service completed", "actor": None, "standing": "ahead"},
    ],
    "requirement": {
        "verb": "submit_requirement",
        "act": 1,
        "at": "2026-05-09T08:10:00Z",
        "answers": _REQUIREMENT,
        "files": [],
    },
    "system_id": None,
    "license_code": None,
    "recipient": None,
    "deliveries": [
        {"verb": "deliver", "act": 3, "at": "2026-05-13T03:00:00Z", "answers": _DELIVERY, "files": [_PROOF]}
    ],
    "parcel": None,
    "demanded": [
        _asked("requirement_document", "files", "Requirement document (SOW)", least=1, most=20, accept="documents"),
        _asked(
            "acceptance_document",
            "files",
            "Acceptance document",
            hint="Fill in the product's acceptance standard with what was really delivered.",
            least=1,
            most=20,
            accept="documents",
        ),
        _asked("other_proof", "files", "Any other proof", required=False, most=20, accept="any"),
    ],
    "has_secrets": False,
    "timers": [
        {"kind": "remind", "at": "2026-05-17T19:40:00Z"},
        {"kind": "unaccepted", "at": "2026-11-06T00:10:00Z"},
    ],
    "disputes": [REFUSED],
    "allowed": [
        {
            "stage": "delivery",
            "verb": "accept",
            "label": "Accept the delivery",
            "asks": "With your acceptance the order is completed and the seller will be paid.",
            "rejects": False,
            "fields": [_NOTE],
            "draft": {},
        },
        {
            "stage": "delivery",
            "verb": "reject_delivery",
            "label": "Reject the delivery",
            "asks": None,
            "rejects": True,
            "fields": [_REASON, _REASON_FILES],
            "draft": _MISSING_TABLES,
        },
        {
            "stage": "appeal",
            "verb": "appeal",
            "label": "Appeal to the marketplace",
            "asks": "Nobody can act in the delivery, and no deadline runs, until the marketplace has decided.",
            "rejects": False,
            "fields": [_REASON, _asked("claim", "note", "Claim", longest=5000)],
            "draft": {},
        },
    ],
    "contacts": [],
    "evidence": [_PROOF_FILE, _DRAFT_FILE],
    "log": [
        _happened(
            3, "opened", "2026-05-09T07:31:00Z", "buyer", "Chen Mei", node="request", turn="buyer",
            by="2026-06-08T07:31:00Z",
        ),
        _happened(
            4, "requirement_submitted", "2026-05-09T08:10:00Z", "buyer", "Chen Mei", act=1, verb="submit_requirement",
            node="request", to="confirmation", turn="seller", answers=_REQUIREMENT,
        ),
        _happened(
            5, "requirement_confirmed", "2026-05-10T01:00:00Z", "seller", "Lin Yue", act=2, verb="confirm_requirement",
            node="confirmation", to="delivery", turn="seller",
        ),
        _happened(
            6, "delivered", "2026-05-13T03:00:00Z", "seller", "Lin Yue", act=3, verb="deliver", node="delivery",
            to="acceptance", turn="buyer", answers=_DELIVERY, files=[_PROOF],
        ),
        _happened(7, "frozen", "2026-05-13T08:00:00Z", "buyer", "Chen Mei", node="acceptance"),
        _happened(
            8, "refund.requested", "2026-05-13T08:00:00Z", "buyer", "Chen Mei", act=5, verb="request_refund",
            node="unopened", to="refund_review", turn="seller", by="2026-05-22T08:00:00Z", dispute=REFUSED["id"],
            answers={"amount_minor": 600000, "reason": REFUSED["reason"]},
        ),
        _happened(
            9, "refund.refused", "2026-05-14T00:40:00Z", "seller", "Lin Yue", act=6, verb="refuse_refund",
            node="refund_review", to="closed", dispute=REFUSED["id"], outcome="refused",
            answers={"ground": "other", "reason": REFUSED["refusal"]["reason"]},
        ),
        _happened(
            10, "resumed", "2026-05-14T00:40:00Z", "seller", "Lin Yue", node="acceptance", turn="buyer",
            by="2026-05-18T19:40:00Z",
        ),
    ],
    "log_whole": True,
}  # fmt: skip
_TABLE: dict[str, Any] = {
    "type": "orchestration",
    "version": 1,
    "from_date": None,
    "nodes": [
        {
            "key": "delivery",
            "actor": "seller",
            "verbs": [
                {
                    "verb": "deliver",
                    "to": "acceptance",
                    "requires": ["description"],
                    "timer": "acceptance",
                    "to_if_reviewed": "review",
                    "requires_by_rule": {
                        "seller_defined": ["acceptance_document"],
                        "empowerment": ["acceptance_document", "authorisation_screenshot", "signed_by_all"],
                        "base": ["acceptance_document", "screenshots", "signed_by_all"],
                    },
                }
            ],
        },
        {
            "key": "acceptance",
            "actor": "buyer",
            "verbs": [
                {"verb": "accept", "to": "completed", "requires": [], "timer": None},
                {"verb": "reject_delivery", "to": "delivery", "requires": ["reason"], "timer": "delivery"},
            ],
        },
        {"key": "completed", "actor": None, "verbs": []},
    ],
}

REQUESTS: dict[str, Any] = {
    "act_on_order": {"verb": "reject_delivery", "answers": _MISSING_TABLES, "seen": 7},
    "save_draft": {"answers": _MISSING_TABLES},
}
RESPONSES: dict[str, Any] = {
    "list_supervised_orders": page(_ROW, following=None),
    "list_my_turns": {"items": [_ROW]},
    "count_supervised_orders": {"open": 12, "completed": 31, "cancelled": 1, "mine": 4, "overdue": 2},
    "list_flows": {"items": [_TABLE]},
    "get_supervised_order": _DETAIL,
    "act_on_order": {
        "number": NUMBER,
        "state": "open",
        "node": "delivery",
        "node_label": "Upload delivery proof",
        "turn": "seller",
        "dispute": None,
        "seen": 8,
    },
    "save_draft": {"verb": "reject_delivery", "answers": _MISSING_TABLES},
    "reveal_secrets": {"secrets": {"password": "Lotus-2026-first"}},
    "hand_in_file": _DRAFT_FILE,
    "record_invoice": {"number": NUMBER, "invoiced_at": "2026-05-20T02:00:00Z"},
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
