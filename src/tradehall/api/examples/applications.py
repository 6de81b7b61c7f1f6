"""Examples of what is sent and answered about what was bought."""

from typing import Any

from tradehall.api.examples.common import (
    APPLICATION,
    BUYER,
    NUMBER,
    ORDER,
    PRICE,
    PRODUCT_NAMES,
    SEATS,
    SELLER,
    SELLER_NAMES,
    SKU,
    SKU_NAMES,
    page,
)
from tradehall.api.examples.orders import ORDER_ROW, RENEWAL_ROW

_ONE_APPLICATION = {
    "id": APPLICATION,
    "order_id": ORDER,
    "order_number": NUMBER,
    "buyer_id": BUYER,
    "seller_id": SELLER,
    **SELLER_NAMES,
    **PRODUCT_NAMES,
    "product_slug": "lotus-meetings",
    **SKU_NAMES,
    "charging_mode": "PERIOD",
    "quantity": 10,
    **SEATS,
    "state": "running",
    "seller_instance_id": "3b5a2f0c-55f1-4c35-9d0e-8a6b0f6f2b11",
    "front_end_url": "https://harbour.meet.lotus.example/",
    "admin_url": "https://harbour.meet.lotus.example/admin",
    "user_name": "admin",
    "has_password": True,
    "memo": "Change the password after signing in for the first time.",
    "details_at": "2026-05-09T07:31:13Z",
    "opened_at": "2026-05-09T07:31:12Z",
    "closed_at": None,
    "created_at": "2026-05-09T07:31:10Z",
    "expires_at": "2027-05-09T07:31:12Z",
    "subscription_state": "active",
    "trial": False,
    "suspended_at": None,
    "frozen_at": None,
    "ended_at": None,
    "end_reason": None,
    "auto_renew": True,
}
_APPLICATION_DETAIL = {
    **_ONE_APPLICATION,
    "sku_id": SKU,
    "price_id": PRICE,
    "unit_minor": 1200,
    "currency": "CNY",
    "period_type": "month",
    "began_at": "2026-05-09T07:31:12Z",
    "bought_at": "2026-05-09T07:31:10Z",
    "suspended_why": None,
    "unfinished_order": None,
    "ahead": [
        {"kind": "renew", "at": "2027-05-06T07:31:12Z", "text": "It is renewed automatically"},
        {"kind": "expire", "at": "2027-05-09T07:31:12Z", "text": "The term ends"},
        {"kind": "freeze", "at": "2027-05-12T07:31:12Z", "text": "The application is frozen"},
        {
            "kind": "end",
            "at": "2027-05-27T07:31:12Z",
            "text": "The application is released with all its data",
        },
    ],
    "possible": [
        {"verb": "renew", "code": None, "detail": None},
        {
            "verb": "unsubscribe",
            "code": "refund_over",
            "detail": "The days in which it could be unsubscribed for the whole price ended on 2026-05-14T07:31:10Z.",
        },
    ],
    "ways": [
        {
            "price_id": PRICE,
            "sku_id": SKU,
            "sku_code": "4f6a1f9e-5a0c-4a55-9f0e-2b8b7b9f1c3d",
            "product_code": "OFFI605723149980524544",
            **SKU_NAMES,
            **SEATS,
            "period_type": "month",
            "amount_minor": 1200,
            "currency": "CNY",
            "quantity_min": 5,
            "quantity_max": 500,
            "quantity_step": 5,
            "on_sale": True,
        }
    ],
    "upgrades": [
        {
            "sku_id": SKU,
            "name_en": "Team",
            "name_zh": "团队版",
            **SEATS,
            "quantity_min": 5,
            "quantity_max": 500,
            "quantity_step": 5,
            "step_factor": 2,
        }
    ],
}

REQUESTS: dict[str, Any] = {
    "suspend_application": {"why": "It sends advertisements nobody asked for."},
}
RESPONSES: dict[str, Any] = {
    "list_applications": page(_ONE_APPLICATION, following=None),
    "get_application": _APPLICATION_DETAIL,
    "list_application_orders": page(RENEWAL_ROW, ORDER_ROW, following=None),
    "suspend_application": {"application_id": APPLICATION},
    "refresh_application": {"asking": True},
    "reveal_password": {"password": "Xk7-initial-Qp2"},
}
