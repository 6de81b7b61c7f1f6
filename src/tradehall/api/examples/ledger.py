"""Examples of what is answered about money."""

from typing import Any

from tradehall.api.examples.common import page

_PAID: dict[str, Any] = {
    "number": 4711,
    "kind": "paid",
    "cause": "order.paid",
    "at": "2026-05-06T02:11:42.120000Z",
    "order_number": "CS2605061011B7KQ2",
    "seller_name_en": "Northwind Cloud",
    "seller_name_zh": "北风云",
    "currency": "CNY",
    "releasable_at": None,
    "lines": [
        {"account": "buyer", "amount_minor": -24000},
        {"account": "platform_vouchers", "amount_minor": -120000},
        {"account": "escrow", "amount_minor": 144000},
    ],
}
_RELEASED: dict[str, Any] = {
    **_PAID,
    "number": 4718,
    "kind": "released",
    "cause": "order.completed",
    "at": "2026-05-06T02:11:44.310000Z",
    "releasable_at": "2026-05-06T02:11:44.310000Z",
    "lines": [
        {"account": "escrow", "amount_minor": -144000},
        {"account": "payable", "amount_minor": 136800},
        {"account": "fee", "amount_minor": 7200},
    ],
}
_HELD_FOR_BUYER: dict[str, Any] = {
    **_PAID,
    "lines": [
        {"account": "buyer", "amount_minor": -24000},
        {"account": "vouchers", "amount_minor": -120000},
        {"account": "escrow", "amount_minor": 144000},
    ],
}
RESPONSES: dict[str, Any] = {
    "get_money": {
        "currency": "CNY",
        "paid_minor": 144000,
        "held_minor": 144000,
        "released_minor": 0,
        "returned_minor": 0,
        "payable_minor": None,
        "fee_minor": None,
        "releasable_at": None,
        "postings": [_HELD_FOR_BUYER],
    },
    "list_postings": page(_RELEASED, _PAID, following=None),
    "list_balances": {
        "items": [
            {
                "currency": "CNY",
                "buyer_minor": -24000,
                "platform_vouchers_minor": -120000,
                "seller_vouchers_minor": 0,
                "escrow_minor": 0,
                "payable_minor": 136800,
                "fee_minor": 7200,
                "refunds_minor": 0,
                "sum_minor": 0,
            }
        ]
    },
    "list_totals": {
        "items": [
            {
                "currency": "CNY",
                "paid_minor": 144000,
                "held_minor": 0,
                "releasable_minor": 136800,
                "later_minor": 0,
                "fee_minor": 7200,
                "returned_minor": 0,
            }
        ]
    },
}
