"""Examples of what is sent and answered about terms: trials, renewals, changes, and their end."""

from typing import Any

from tradehall.api.examples.common import NUMBER, ORDER, PRICE, RENEWAL, RENEWAL_NUMBER, SKU, SKU_NAMES, STEPS_OF_A_YEAR

_TERM_PRICE = {
    "price_id": PRICE,
    "sku_id": SKU,
    **SKU_NAMES,
    "quantity": 10,
    "unit_minor": 1200,
    "period_type": "month",
    "period_number": 12,
    "starts_at": "2027-05-09T07:31:12Z",
    "ends_at": "2028-05-09T07:31:12Z",
    "total_minor": 144000,
    "currency": "CNY",
    "steps": STEPS_OF_A_YEAR,
    "asks_seller": False,
    "good_until": None,
}
_CHANGE_PRICE = {
    **_TERM_PRICE,
    "quantity": 20,
    "period_type": "day",
    "period_number": 30,
    "starts_at": "2027-04-09T02:00:00Z",
    "ends_at": "2027-05-09T07:31:12Z",
    "total_minor": 12000,
    "steps": [
        {
            "kind": "new_for_the_rest",
            "amount_minor": 24000,
            "unit_minor": 1200,
            "quantity": 20,
            "number": 30,
            "per": 30,
            "order": None,
            "text": "The new: 20 × CN¥12.00 for 30 days, 30 days of it",
        },
        {
            "kind": "old_for_the_rest",
            "amount_minor": -12000,
            "unit_minor": 1200,
            "quantity": 10,
            "number": 30,
            "per": 30,
            "order": None,
            "text": "Less the old: 10 × CN¥12.00 for 30 days, 30 days of it",
        },
    ],
    "good_until": "2027-04-09T16:00:00Z",
}
_ASKED_TERM = {"period_number": 12, "price_id": None, "quantity": None}
_PLACED_RENEWAL = {"id": RENEWAL, "number": RENEWAL_NUMBER}

REQUESTS: dict[str, Any] = {
    "start_trial": {"price_id": PRICE},
    "quote_renewal": _ASKED_TERM,
    "renew_application": {**_ASKED_TERM, "expected_total": 144000},
    "set_automatic_renewal": {"on": True},
    "quote_conversion": _ASKED_TERM,
    "convert_trial": {**_ASKED_TERM, "expected_total": 144000},
    "quote_change": {"sku_id": SKU, "quantity": 20},
    "change_application": {"sku_id": SKU, "quantity": 20, "expected_total": 12000},
    "unsubscribe_application": {"expected_refund": 144000},
}
RESPONSES: dict[str, Any] = {
    "start_trial": {"id": ORDER, "number": NUMBER},
    "quote_renewal": _TERM_PRICE,
    "renew_application": _PLACED_RENEWAL,
    "cancel_renewal": _PLACED_RENEWAL,
    "set_automatic_renewal": {"on": True},
    "quote_conversion": _TERM_PRICE,
    "convert_trial": _PLACED_RENEWAL,
    "quote_change": _CHANGE_PRICE,
    "change_application": _PLACED_RENEWAL,
    "quote_unsubscription": {
        "refund_minor": 144000,
        "currency": "CNY",
        "steps": [
            {
                "kind": "taken_back",
                "amount_minor": -144000,
                "unit_minor": 0,
                "quantity": 1,
                "number": 1,
                "per": 1,
                "order": NUMBER,
                "text": f"Returned: what order {NUMBER} cost",
            }
        ],
        "until": "2026-05-14T07:31:10Z",
        "chances_left": 10,
    },
    "unsubscribe_application": _PLACED_RENEWAL,
}
