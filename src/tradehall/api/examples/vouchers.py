"""Examples of what is sent and answered about vouchers."""

from typing import Any

from tradehall.api.examples.common import BUYER, BUYER_NAMES, page

VOUCHER = "0196b4fb-4ea0-7b31-9c5d-3e4f50617283"

_ISSUED: dict[str, Any] = {
    "buyer_id": BUYER,
    "name_en": "Empowerment cloud voucher",
    "name_zh": "赋能云现金券",
    "amount_minor": 500000,
    "currency": "CNY",
    "expires_at": "2026-12-31T15:59:59Z",
    "scene": "empowerment",
    "seller_id": None,
}
ONE_VOUCHER: dict[str, Any] = {
    **_ISSUED,
    "id": VOUCHER,
    "code": "7KQ2M9XWT4BD6HVA",
    "remaining_minor": 380000,
    "state": "usable",
    **BUYER_NAMES,
    "issuer_id": None,
    "seller_name_en": None,
    "seller_name_zh": None,
    "valid_from": "2026-05-01T00:00:00Z",
    "created_at": "2026-05-01T00:00:00Z",
}
PAID_WITH: dict[str, Any] = {
    "voucher_id": VOUCHER,
    "code": ONE_VOUCHER["code"],
    "name_en": _ISSUED["name_en"],
    "name_zh": _ISSUED["name_zh"],
    "scene": "empowerment",
    "amount_minor": 120000,
    "returned_minor": 0,
}
REQUESTS: dict[str, Any] = {
    "issue_voucher": {**_ISSUED, "valid_from": None, "issued_by_seller": False},
    "set_track": {"track": "empowerment"},
}
RESPONSES: dict[str, Any] = {
    "list_vouchers": page(ONE_VOUCHER, following=None),
    "list_usable_vouchers": {"items": [ONE_VOUCHER]},
    "issue_voucher": {**ONE_VOUCHER, "remaining_minor": 500000},
    "set_track": {"organisation_id": BUYER, "track": "empowerment"},
}
