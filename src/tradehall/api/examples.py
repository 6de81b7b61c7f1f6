"""An example of every body that is sent or answered, by operation. A test decodes each into the struct it shows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tradehall.api import case_file_examples, message_examples
from tradehall.api.dispute_examples import DISPUTE_REQUESTS, DISPUTE_RESPONSES
from tradehall.api.ledger_examples import LEDGER_RESPONSES
from tradehall.api.review_examples import RATING, REVIEW_REQUESTS, REVIEW_RESPONSES
from tradehall.api.supervision_examples import SUPERVISION_REQUESTS, SUPERVISION_RESPONSES
from tradehall.api.supervision_message_examples import CASE_REQUESTS, CASE_RESPONSES
from tradehall.api.voucher_examples import PAID_WITH, VOUCHER, VOUCHER_REQUESTS, VOUCHER_RESPONSES

_BUYER = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a01"
_SELLER = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a02"
_PLATFORM = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a03"
_PERSON = "0196a1c0-5a11-7b02-8c1d-7e5a90b3c4d1"
_TOKEN = "0196a1c0-5a12-7d33-b0aa-1f2e3d4c5b6a"
_PRODUCT = "0196a1c0-5a20-7a11-a3b4-c5d6e7f80910"
_SKU = "0196a1c0-5a21-7a12-8899-aabbccddeeff"
_PRICE = "0196a1c0-5a22-7a13-9123-456789abcdef"
_ENDPOINT = "0196a1c0-5a23-7a14-8d2c-0b1a29384756"
_KEY = "0196b4fa-2c80-7a21-8b3c-1d2e3f405162"
_OLD_KEY = "0196a1c0-5a23-7a14-8d2d-1b2c3d4e5f60"
_ORDER = "0196b4f2-9b40-7e15-93c7-5a6b7c8d9e0f"
_LINE = "0196b4f2-9b40-7e16-8f01-1a2b3c4d5e6f"
_APPLICATION = "0196b4f3-0a80-7c44-b5d6-e7f8091a2b3c"
_CALL = "0196b4f3-0a81-7c45-8c9d-aebfc0d1e2f3"
_OTHER_CALL = "0196b4f3-0a82-7c46-9a0b-1c2d3e4f5061"
_PARKED = "0196b4f9-1d00-7f47-a1b2-c3d4e5f60718"
_CREDENTIAL = "0196b4fa-2c82-7a23-8c5e-3f4051627384"
_RULE = "0196b4fa-2c81-7a22-9b4d-2e3f40516273"
_BIGGER_SKU = "0196a1c0-5a21-7a13-8899-bbccddeeff00"
_RENEWAL = "0196b4fa-3d90-7e15-93c7-6a7b8c9d0e1f"
_NUMBER = "CS2605091530K7Q2M"
_RENEWAL_NUMBER = "CS2704221102M4TQZ"
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
    "delivery_type": "saas",
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
    "trial_days": 14,
    "prices": [_ONE_PRICE],
}
_PRODUCT_DETAIL = {
    "rating": RATING,
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
    "delivery_type": "saas",
    "delivery_label": "SaaS, opened at once",
    "supervised": False,
    "product_class": "common",
    "asks_requirement": True,
    "delivery_days": None,
    "templates": [],
    "skus": [_ONE_SKU],
}
_OWN_PRODUCT = {
    **_PRODUCT_DETAIL,
    "endpoint_id": _ENDPOINT,
    "version": 2,
    "released_at": "2026-04-20T02:30:00Z",
}
_DRAFT = {**_OWN_PRODUCT, "state": "draft", "version": 1, "released_at": None, "skus": []}
_BY_HAND = {
    **_DRAFT,
    "endpoint_id": None,
    "version": 2,
    "delivery_type": "saas_manual",
    "delivery_label": "SaaS, opened by the seller",
    "supervised": True,
    "delivery_days": 10,
}
_STANDARD = {
    "kind": "acceptance_template",
    "file_id": "0196a1c0-5a29-7a14-8d2c-1b1a29384757",
    "name": "acceptance.docx",
    "media_type": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "size": 48213,
    "attached_at": "2026-04-20T02:20:00Z",
}
_ONE_ENDPOINT = {
    "id": _ENDPOINT,
    "seller_id": _SELLER,
    "interface_class": "basic",
    "name": "Production",
    "address": "https://produce.lotus.example/marketplace",
    "generation": "V2",
    "encryption": "AES256",
    "revisions": False,
    "asks_contact": False,
    "key_hint": "9f3c",
    "old_key_in_use": False,
    "version": 1,
    "updated_at": "2026-04-20T02:00:00Z",
}
_ONE_KEY = {
    "id": _KEY,
    "endpoint_id": _ENDPOINT,
    "hint": "51ae",
    "state": "current",
    "created_at": "2026-05-09T07:40:00Z",
    "retires_at": None,
    "last_used_at": None,
}
_ONE_CREDENTIAL = {
    "id": _CREDENTIAL,
    "access_key_id": "EXAMPLE0ACCESS0KEY00",
    "name": "order-sync",
    "created_by_name": "Lin Yue",
    "created_at": "2026-05-09T07:40:00Z",
    "last_used_at": None,
    "revoked_at": None,
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
    "application_id": _APPLICATION,
    "root_number": None,
    "automatic": False,
    "starts_at": None,
    "ends_at": None,
    "delivery_type": "saas",
}
_RENEWAL_ROW = {
    **_ORDER_ROW,
    "id": _RENEWAL,
    "number": _RENEWAL_NUMBER,
    "order_type": "RENEW",
    "created_at": "2027-04-22T03:02:00Z",
    "root_number": _NUMBER,
    "starts_at": "2027-05-09T07:31:12Z",
    "ends_at": "2028-05-09T07:31:12Z",
}
_STEPS_OF_A_YEAR = [
    {
        "kind": "months",
        "amount_minor": 144000,
        "unit_minor": 1200,
        "quantity": 10,
        "number": 12,
        "per": 1,
        "order": None,
        "text": "10 × CN¥12.00 a month × 12 months",
    }
]
_TERM_PRICE = {
    "price_id": _PRICE,
    "sku_id": _SKU,
    **_SKU_NAMES,
    "quantity": 10,
    "unit_minor": 1200,
    "period_type": "month",
    "period_number": 12,
    "starts_at": "2027-05-09T07:31:12Z",
    "ends_at": "2028-05-09T07:31:12Z",
    "total_minor": 144000,
    "currency": "CNY",
    "steps": _STEPS_OF_A_YEAR,
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
_ONE_RULE = {
    "id": _RULE,
    "product_id": _PRODUCT,
    "from_sku_id": _SKU,
    "from_sku_name_en": "Team",
    "from_sku_name_zh": "团队版",
    "to_sku_id": _BIGGER_SKU,
    "to_sku_name_en": "Enterprise",
    "to_sku_name_zh": "企业版",
    "step_factor": 1,
    "void": None,
    "created_at": "2026-05-09T07:40:00Z",
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
    "check_state": None,
    "cancel_message": None,
    "reverses_number": None,
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
    "from_sku_name_en": None,
    "from_sku_name_zh": None,
    "from_quantity": None,
    "steps": _STEPS_OF_A_YEAR,
    "payment_gateway": "test",
    "payment_reference": "TP3F0A9C1D77B24E5A8812",
    "payment_voucher_minor": 120000,
    "vouchers": [PAID_WITH],
    "recipient": None,
    "supervision": {
        "state": "not_involved",
        "node": None,
        "node_label": None,
        "turn": None,
        "by": None,
        "overdue": False,
        "frozen": False,
        "began_at": None,
        "dispute": None,
    },
    "billable_since": "2026-05-09T07:31:12Z",
    "refund_number": None,
    "refund_minor": None,
    "refund_voucher_minor": None,
    "refund_lost_minor": None,
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
    "sku_id": _SKU,
    "price_id": _PRICE,
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
            "price_id": _PRICE,
            "sku_id": _SKU,
            "sku_code": "4f6a1f9e-5a0c-4a55-9f0e-2b8b7b9f1c3d",
            "product_code": "OFFI605723149980524544",
            **_SKU_NAMES,
            **_SEATS,
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
            "sku_id": _SKU,
            "name_en": "Team",
            "name_zh": "团队版",
            **_SEATS,
            "quantity_min": 5,
            "quantity_max": 500,
            "quantity_step": 5,
            "step_factor": 2,
        }
    ],
}
_ASKED_TERM = {"period_number": 12, "price_id": None, "quantity": None}
_PLACED_RENEWAL = {"id": _RENEWAL, "number": _RENEWAL_NUMBER}
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
        **VOUCHER_REQUESTS,
        **REVIEW_REQUESTS,
        **message_examples.REQUESTS,
        **SUPERVISION_REQUESTS,
        **CASE_REQUESTS,
        **DISPUTE_REQUESTS,
        "quote_price": {"price_id": _PRICE, "quantity": 10, "period_number": 12},
        "create_token": {
            "email": "mei.chen@harbour.example",
            "password": "correct horse battery",
            "name": "Procurement robot",
            "organisation_id": _BUYER,
            "days": 365,
        },
        "place_order": {
            "price_id": _PRICE,
            "quantity": 10,
            "period_number": 12,
            "expected_total": 144000,
            "recipient_name": "",
            "recipient_phone": "",
            "recipient_address": "",
        },
        "pay_order": {"instrument": "balance", "vouchers": [VOUCHER], "expected_rest": 24000},
        "start_trial": {"price_id": _PRICE},
        "quote_renewal": _ASKED_TERM,
        "renew_application": {**_ASKED_TERM, "expected_total": 144000},
        "set_automatic_renewal": {"on": True},
        "quote_conversion": _ASKED_TERM,
        "convert_trial": {**_ASKED_TERM, "expected_total": 144000},
        "quote_change": {"sku_id": _SKU, "quantity": 20},
        "change_application": {"sku_id": _SKU, "quantity": 20, "expected_total": 12000},
        "unsubscribe_application": {"expected_refund": 144000},
        "suspend_application": {"why": "It sends advertisements nobody asked for."},
        "create_upgrade_rule": {"from_sku_id": _SKU, "to_sku_id": _BIGGER_SKU, "step_factor": 1},
        "set_trial": {"days": 14},
        "create_endpoint": {
            "name": "Production",
            "address": "https://produce.lotus.example/marketplace",
            "access_key": "6d0c4b52-7c0e-4f2a-8f7e-1c2b3a4d9f3c",
            "interface_class": "basic",
            "generation": "V2",
            "encryption": "AES256",
            "revisions": False,
            "asks_contact": False,
        },
        "change_endpoint": {
            "version": 1,
            "name": "Production",
            "address": "https://produce2.lotus.example/marketplace",
            "access_key": "",
            "generation": "V2",
            "encryption": "AES256",
            "revisions": True,
            "asks_contact": False,
        },
        "add_key": {"access_key": None, "retire_others": False},
        "create_credential": {"name": "order-sync"},
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
            "delivery_type": "saas",
            "product_class": "common",
            "asks_requirement": True,
            "delivery_days": None,
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
        "change_delivery": {
            "version": 1,
            "delivery_type": "saas_manual",
            "product_class": "common",
            "asks_requirement": True,
            "delivery_days": 10,
            "endpoint_id": None,
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
        **VOUCHER_RESPONSES,
        **REVIEW_RESPONSES,
        **LEDGER_RESPONSES,
        **message_examples.RESPONSES,
        **SUPERVISION_RESPONSES,
        **CASE_RESPONSES,
        **DISPUTE_RESPONSES,
        "list_products": _page({**_PRODUCT_ROW, "rating": RATING}, following=None),
        **case_file_examples.RESPONSES,
        "get_product": _PRODUCT_DETAIL,
        "quote_price": {
            "unit_minor": 1200,
            "quantity": 10,
            "period_number": 12,
            "total_minor": 144000,
            "currency": "CNY",
            "steps": _STEPS_OF_A_YEAR,
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
            "root_number": None,
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
            "ahead": [],
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
        "get_application": _APPLICATION_DETAIL,
        "list_application_orders": _page(_RENEWAL_ROW, _ORDER_ROW, following=None),
        "start_trial": {"id": _ORDER, "number": _NUMBER},
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
                    "order": _NUMBER,
                    "text": f"Returned: what order {_NUMBER} cost",
                }
            ],
            "until": "2026-05-14T07:31:10Z",
            "chances_left": 10,
        },
        "unsubscribe_application": _PLACED_RENEWAL,
        "suspend_application": {"application_id": _APPLICATION},
        "list_upgrade_rules": [_ONE_RULE],
        "create_upgrade_rule": _ONE_RULE,
        "set_trial": {"days": 14},
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
            "circuits": [
                {
                    "endpoint_id": _ENDPOINT,
                    "endpoint_name": "Production",
                    "seller_id": _SELLER,
                    **_SELLER_NAMES,
                    "state": "counting",
                    "failures_in_a_row": 2,
                    "trips_at": 5,
                    "failed_at": "2026-05-09T07:34:10Z",
                    "opened_at": None,
                    "next_probe_at": None,
                    "waiting": 1,
                }
            ],
        },
        "list_endpoints": [_ONE_ENDPOINT],
        "get_endpoint": _ONE_ENDPOINT,
        "create_endpoint": _ONE_ENDPOINT,
        "change_endpoint": {
            **_ONE_ENDPOINT,
            "address": "https://produce2.lotus.example/marketplace",
            "revisions": True,
            "version": 2,
            "updated_at": "2026-05-09T07:40:00Z",
        },
        "list_keys": [
            _ONE_KEY,
            {
                **_ONE_KEY,
                "id": _OLD_KEY,
                "hint": "9f3c",
                "state": "overlapping",
                "created_at": "2026-04-20T02:00:00Z",
                "retires_at": "2026-05-16T07:40:00Z",
                "last_used_at": "2026-05-09T07:31:00Z",
            },
        ],
        "add_key": {**_ONE_KEY, "access_key": "0f7a53c2-6a1d-4be4-9d1f-8e2b7c3351ae"},
        "list_credentials": [{**_ONE_CREDENTIAL, "last_used_at": "2026-05-09T07:58:00Z"}],
        "create_credential": {**_ONE_CREDENTIAL, "secret_access_key": "EXAMPLEexampleEXAMPLEexampleEXAMPLE00000"},
        "list_own_products": _page(_PRODUCT_ROW, following=None),
        "get_own_product": _OWN_PRODUCT,
        "create_product": _DRAFT,
        "create_sku": {**_ONE_SKU, "prices": []},
        "create_price": _ONE_PRICE,
        "list_delivery_types": [
            {
                "delivery_type": "saas_manual",
                "label": "SaaS, opened by the seller",
                "reach": "people",
                "supervised": True,
                "charging": ["PERIOD", "ONE_TIME"],
                "asks_recipient": False,
                "requirement_optional": True,
            }
        ],
        "change_delivery": _BY_HAND,
        "attach_template": {**_BY_HAND, "templates": [_STANDARD]},
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
                "track": None,
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
