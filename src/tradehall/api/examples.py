"""An example of every body that is sent or answered, by operation. A test decodes each into the struct it shows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_BUYER = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a01"
_SELLER = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a02"
_PLATFORM = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a03"
_PERSON = "0196a1c0-5a11-7b02-8c1d-7e5a90b3c4d1"
_TOKEN = "0196a1c0-5a12-7d33-b0aa-1f2e3d4c5b6a"
_PRODUCT = "0196a1c0-5a20-7a11-a3b4-c5d6e7f80910"
_SKU = "0196a1c0-5a21-7a12-8899-aabbccddeeff"
_PRICE = "0196a1c0-5a22-7a13-9123-456789abcdef"
_ENDPOINT = "0196a1c0-5a23-7a14-8d2c-0b1a29384756"
_ORDER = "0196b4f2-9b40-7e15-93c7-5a6b7c8d9e0f"
_LINE = "0196b4f2-9b40-7e16-8f01-1a2b3c4d5e6f"
_APPLICATION = "0196b4f3-0a80-7c44-b5d6-e7f8091a2b3c"
_CALL = "0196b4f3-0a81-7c45-8c9d-aebfc0d1e2f3"
_OTHER_CALL = "0196b4f3-0a82-7c46-9a0b-1c2d3e4f5061"
_PARKED = "0196b4f9-1d00-7f47-a1b2-c3d4e5f60718"
_NUMBER = "CS2605091530K7Q2M"
_NEXT = "AZa08pvAfhWTx1prfI2eDw"
_REQUEST = "0196b4f2-9b3e-7a10-8a1b-2c3d4e5f6071"

_SELLER_NAMES = {"seller_name_en": "Lotus Software", "seller_name_zh": "莲花软件"}
_PRODUCT_NAMES = {"product_name_en": "Lotus Meetings", "product_name_zh": "莲花会议"}
_SKU_NAMES = {"sku_name_en": "Team", "sku_name_zh": "团队版"}
_SEATS = {"quantity_name_en": "Seats", "quantity_name_zh": "席位"}


def _page(*items: Any, following: str | None = _NEXT) -> dict[str, Any]:
    return {"items": list(items), "next": following, "previous": None}


_MEMBERSHIP = {
    "id": _BUYER,
    "kind": "buyer",
    "name_en": "Harbour Trading",
    "name_zh": "海港贸易",
    "role": "admin",
}
_PRODUCT_ROW = {
    "id": _PRODUCT,
    "seller_id": _SELLER,
    **_SELLER_NAMES,
    "slug": "lotus-meetings",
    "category": "collaboration",
    "name_en": "Lotus Meetings",
    "name_zh": "莲花会议",
    "summary_en": "Video meetings for teams of five to five hundred.",
    "summary_zh": "五至五百人团队的视频会议。",
    "state": "on_sale",
    "created_at": "2026-04-20T02:00:00Z",
    "from_minor": 1200,
    "from_currency": "CNY",
    "from_mode": "PERIOD",
    "from_period": "month",
}
_ONE_PRICE = {
    "id": _PRICE,
    "sku_id": _SKU,
    "code": "OFFI605723149980524544",
    "charging_mode": "PERIOD",
    "period_type": "month",
    "amount_minor": 1200,
    "currency": "CNY",
    "unit_en": None,
    "unit_zh": None,
    "on_sale": True,
}
_ONE_SKU = {
    "id": _SKU,
    "product_id": _PRODUCT,
    "code": "4f6a1f9e-5a0c-4a55-9f0e-2b8b7b9f1c3d",
    "name_en": "Team",
    "name_zh": "团队版",
    **_SEATS,
    "quantity_min": 5,
    "quantity_max": 500,
    "quantity_step": 5,
    "on_sale": True,
    "prices": [_ONE_PRICE],
}
_PRODUCT_DETAIL = {
    "id": _PRODUCT,
    "slug": "lotus-meetings",
    "seller_id": _SELLER,
    **_SELLER_NAMES,
    "category": "collaboration",
    "name_en": "Lotus Meetings",
    "name_zh": "莲花会议",
    "summary_en": "Video meetings for teams of five to five hundred.",
    "summary_zh": "五至五百人团队的视频会议。",
    "description_en": "Rooms, recordings and subtitles; nothing to install.",
    "description_zh": "会议室、录制与字幕，无需安装。",
    "state": "on_sale",
    "skus": [_ONE_SKU],
}
_OWN_PRODUCT = {**_PRODUCT_DETAIL, "endpoint_id": _ENDPOINT, "version": 2}
_DRAFT = {**_OWN_PRODUCT, "state": "draft", "version": 1, "skus": []}
_ONE_ENDPOINT = {
    "id": _ENDPOINT,
    "seller_id": _SELLER,
    "interface_class": "basic",
    "name": "Production",
    "address": "https://produce.lotus.example/marketplace",
    "key_hint": "9f3c",
    "version": 1,
    "updated_at": "2026-04-20T02:00:00Z",
}
_ORDER_ROW = {
    "id": _ORDER,
    "number": _NUMBER,
    "state": "completed",
    "order_type": "NEW",
    "buyer_id": _BUYER,
    "buyer_name_en": "Harbour Trading",
    "buyer_name_zh": "海港贸易",
    "seller_id": _SELLER,
    **_SELLER_NAMES,
    **_PRODUCT_NAMES,
    **_SKU_NAMES,
    "currency": "CNY",
    "total_minor": 144000,
    "created_at": "2026-05-09T07:30:00Z",
    "cancel_reason": None,
    "refund_state": None,
}
_ORDER_DETAIL = {
    **_ORDER_ROW,
    "product_id": _PRODUCT,
    "product_slug": "lotus-meetings",
    "placed_by_name": "Mei Chen",
    "placed_by_email": "mei.chen@harbour.example",
    "expires_at": "2026-05-16T07:30:00Z",
    "paid_at": "2026-05-09T07:31:10Z",
    "completed_at": "2026-05-09T07:31:12Z",
    "cancelled_at": None,
    "line_id": _LINE,
    "line_number": f"{_NUMBER}-000001",
    "charging_mode": "PERIOD",
    "period_type": "month",
    "period_number": 12,
    "quantity": 10,
    **_SEATS,
    "unit_minor": 1200,
    "unit_en": None,
    "unit_zh": None,
    "payment_gateway": "test",
    "payment_reference": "TP3F0A9C1D77B24E5A8812",
    "refund_number": None,
    "refund_minor": None,
    "refunded_at": None,
    "request_id": _REQUEST,
}
_ONE_APPLICATION = {
    "id": _APPLICATION,
    "order_id": _ORDER,
    "order_number": _NUMBER,
    "buyer_id": _BUYER,
    "seller_id": _SELLER,
    **_SELLER_NAMES,
    **_PRODUCT_NAMES,
    "product_slug": "lotus-meetings",
    **_SKU_NAMES,
    "charging_mode": "PERIOD",
    "quantity": 10,
    **_SEATS,
    "state": "running",
    "seller_instance_id": "3b5a2f0c-55f1-4c35-9d0e-8a6b0f6f2b11",
    "front_end_url": "https://harbour.meet.lotus.example/",
    "admin_url": "https://harbour.meet.lotus.example/admin",
    "user_name": "admin",
    "has_password": True,
    "memo": "Change the password after signing in for the first time.",
    "details_at": "2026-05-09T07:31:13Z",
    "opened_at": "2026-05-09T07:31:12Z",
    "expires_at": "2027-05-09T07:31:12Z",
    "closed_at": None,
    "created_at": "2026-05-09T07:31:10Z",
}
_ONE_CALL = {
    "id": _CALL,
    "activity": "newInstance",
    "purpose": "open",
    "state": "waiting",
    "order_number": _NUMBER,
    "line_number": f"{_NUMBER}-000001",
    "instance_id": _APPLICATION,
    **_PRODUCT_NAMES,
    "seller_id": _SELLER,
    **_SELLER_NAMES,
    "attempts": 2,
    "verdict": "unreadable",
    "result_code": None,
    "trouble": "http_status",
    "explanation": "The HTTP status is not 200",
    "created_at": "2026-05-09T07:31:10Z",
    "last_attempt_at": "2026-05-09T07:34:10Z",
    "next_at": "2026-05-09T07:37:10Z",
    "window_ends_at": "2026-05-09T10:31:10Z",
    "settled_at": None,
    "request_id": _REQUEST,
}
_RESTARTED = {**_ONE_CALL, "next_at": "2026-05-09T07:35:02Z"}
_ONE_TRY = {
    "number": 2,
    "started_at": "2026-05-09T07:34:10Z",
    "milliseconds": 41.5,
    "url": "https://produce.lotus.example/marketplace?signature=q83v…&timestamp=1778312050000&nonce=8GkV2",
    "request_body": (
        f'{{"activity":"newInstance","businessId":"1c9d…","orderId":"{_NUMBER}","orderLineId":"{_NUMBER}-000001"}}'
    ),
    "status": 502,
    "response_headers": [["Content-Type", "text/html"]],
    "response_body": "<html><body>Bad Gateway</body></html>",
    "truncated": False,
    "verdict": "unreadable",
    "result_code": None,
    "trouble": "http_status",
    "message": None,
    "warnings": [],
    "explanation": "The HTTP status is not 200",
}
_CALL_WITH_TRIES = {**_ONE_CALL, "tries": [_ONE_TRY]}
_OUTCOMES = {
    "outcomes": [
        {"id": _CALL, "restarted": True, "code": None, "detail": None},
        {
            "id": _OTHER_CALL,
            "restarted": False,
            "code": "call_is_settled",
            "detail": "This call cannot be started again: it is succeeded.",
        },
    ]
}
_TO_RESTART = {"calls": [{"id": _CALL, "seen_attempts": 2}, {"id": _OTHER_CALL, "seen_attempts": 1}]}
_STANDING = {"number": _NUMBER, "state": "processing"}

REQUESTS: Mapping[str, Any] = MappingProxyType(
    {
        "quote_price": {"price_id": _PRICE, "quantity": 10, "period_number": 12},
        "create_token": {
            "email": "mei.chen@harbour.example",
            "password": "correct horse battery",
            "name": "Procurement robot",
            "organisation_id": _BUYER,
            "days": 365,
        },
        "place_order": {"price_id": _PRICE, "quantity": 10, "period_number": 12, "expected_total": 144000},
        "pay_order": {"instrument": "balance"},
        "create_endpoint": {
            "name": "Production",
            "address": "https://produce.lotus.example/marketplace",
            "access_key": "6d0c4b52-7c0e-4f2a-8f7e-1c2b3a4d9f3c",
            "interface_class": "basic",
        },
        "change_endpoint": {
            "version": 1,
            "name": "Production",
            "address": "https://produce2.lotus.example/marketplace",
            "access_key": "",
        },
        "create_product": {
            "slug": "lotus-meetings",
            "category": "collaboration",
            "name_en": "Lotus Meetings",
            "name_zh": "莲花会议",
            "summary_en": "Video meetings for teams of five to five hundred.",
            "summary_zh": "五至五百人团队的视频会议。",
            "description_en": "Rooms, recordings and subtitles; nothing to install.",
            "description_zh": "会议室、录制与字幕，无需安装。",
            "endpoint_id": _ENDPOINT,
        },
        "create_sku": {
            "name_en": "Team",
            "name_zh": "团队版",
            **_SEATS,
            "quantity_min": 5,
            "quantity_max": 500,
            "quantity_step": 5,
        },
        "create_price": {
            "charging_mode": "PERIOD",
            "amount_minor": 1200,
            "currency": "CNY",
            "period_type": "month",
            "unit_en": None,
            "unit_zh": None,
        },
        "put_on_sale": {"version": 1},
        "take_off_sale": {"version": 2},
        "restart_seller_call": {"seen_attempts": 2},
        "restart_operator_call": {"seen_attempts": 2},
        "restart_seller_calls": _TO_RESTART,
        "restart_operator_calls": _TO_RESTART,
    }
)

RESPONSES: Mapping[str, Any] = MappingProxyType(
    {
        "list_products": _page(_PRODUCT_ROW, following=None),
        "get_product": _PRODUCT_DETAIL,
        "quote_price": {
            "unit_minor": 1200,
            "quantity": 10,
            "period_number": 12,
            "total_minor": 144000,
            "currency": "CNY",
        },
        "get_me": {
            "id": _PERSON,
            "email": "mei.chen@harbour.example",
            "name": "Mei Chen",
            "locale": "zh",
            "timezone": "Asia/Shanghai",
            "organisation": _MEMBERSHIP,
            "organisations": [_MEMBERSHIP],
        },
        "create_token": {
            "id": _TOKEN,
            "token": "thp_0vJk3n4Qm1Yt8sZbWcXe5RgHu7PlAoDi2Fq9TnMvBxs",
            "name": "Procurement robot",
            "organisation": _MEMBERSHIP,
            "expires_at": "2027-05-09T07:30:00Z",
        },
        "list_tokens": [
            {
                "id": _TOKEN,
                "name": "Procurement robot",
                "hint": "thp_0vJk…vBxs",
                "organisation_name_en": "Harbour Trading",
                "organisation_name_zh": "海港贸易",
                "created_at": "2026-05-09T07:30:00Z",
                "last_used_at": "2026-05-09T07:31:00Z",
                "expires_at": "2027-05-09T07:30:00Z",
                "revoked_at": None,
            }
        ],
        "place_order": {"id": _ORDER, "number": _NUMBER},
        "pay_order": _STANDING,
        "cancel_order": {**_STANDING, "state": "cancelled"},
        "list_orders": _page(_ORDER_ROW),
        "get_order": _ORDER_DETAIL,
        "get_timeline": {
            "number": _NUMBER,
            "state": "processing",
            "next": {
                "kind": "call_again",
                "turn": "seller",
                "at": "2026-05-09T07:37:10Z",
                "by": "2026-05-09T10:31:10Z",
                "text": (
                    "The seller's server did not open the application. It is called again; if it keeps failing, the "
                    "order is cancelled and the money returned."
                ),
            },
            "events": [
                {
                    "seq": 1,
                    "kind": "order.placed",
                    "at": "2026-05-09T07:30:00Z",
                    "actor": {"kind": "buyer", "name": "Mei Chen"},
                    "facts": {"number": _NUMBER, "total_minor": 144000, "currency": "CNY"},
                },
                {
                    "seq": 4,
                    "kind": "call.failed",
                    "at": "2026-05-09T07:34:10Z",
                    "actor": {"kind": "system", "name": None},
                    "facts": {
                        "activity": "newInstance",
                        "attempt": 2,
                        "verdict": "unreadable",
                        "again_at": "2026-05-09T07:37:10Z",
                    },
                },
            ],
            "calls": [
                {
                    "activity": "newInstance",
                    "purpose": "open",
                    "state": "waiting",
                    "attempts": 2,
                    "created_at": "2026-05-09T07:31:10Z",
                    "last_attempt_at": "2026-05-09T07:34:10Z",
                    "next_at": "2026-05-09T07:37:10Z",
                    "settled_at": None,
                    "id": None,
                    "verdict": None,
                    "result_code": None,
                    "trouble": None,
                    "explanation": None,
                }
            ],
        },
        "list_applications": _page(_ONE_APPLICATION, following=None),
        "get_application": _ONE_APPLICATION,
        "refresh_application": {"asking": True},
        "reveal_password": {"password": "Xk7-initial-Qp2"},
        "get_dashboard": {
            "interfaces": [
                {
                    "activity": "newInstance",
                    "tries": 120,
                    "failures": 3,
                    "failing_in_a_row": 2,
                    "last_at": "2026-05-09T07:34:10Z",
                    "last_verdict": "unreadable",
                    "last_code": None,
                    "last_trouble": "http_status",
                    "last_message": None,
                    "median_ms": 41.5,
                }
            ],
            "calls": {"failing": 1, "given_up": 0, "under_way": 0},
        },
        "list_endpoints": [_ONE_ENDPOINT],
        "get_endpoint": _ONE_ENDPOINT,
        "create_endpoint": _ONE_ENDPOINT,
        "change_endpoint": {
            **_ONE_ENDPOINT,
            "address": "https://produce2.lotus.example/marketplace",
            "version": 2,
            "updated_at": "2026-05-09T07:40:00Z",
        },
        "list_own_products": _page(_PRODUCT_ROW, following=None),
        "get_own_product": _OWN_PRODUCT,
        "create_product": _DRAFT,
        "create_sku": {**_ONE_SKU, "prices": []},
        "create_price": _ONE_PRICE,
        "put_on_sale": _OWN_PRODUCT,
        "take_off_sale": {**_OWN_PRODUCT, "state": "off_sale", "version": 3},
        "list_seller_calls": _page(_ONE_CALL),
        "get_seller_call": _CALL_WITH_TRIES,
        "restart_seller_call": _RESTARTED,
        "restart_seller_calls": _OUTCOMES,
        "list_operator_calls": _page(_ONE_CALL),
        "get_operator_call": _CALL_WITH_TRIES,
        "restart_operator_call": _RESTARTED,
        "restart_operator_calls": _OUTCOMES,
        "list_organisations": _page(
            {
                "id": _PLATFORM,
                "kind": "platform",
                "name_en": "Tradehall",
                "name_zh": "云商厅",
                "created_at": "2026-04-01T00:00:00Z",
            },
            following=None,
        ),
        "list_parked": _page(
            {
                "id": _PARKED,
                "kind": "order.refund",
                "subject_id": _ORDER,
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
)
