"""Examples of what sellers send and are answered about their products, and the rules by which these change."""

from typing import Any

from tradehall.api.examples.catalog import ONE_PRICE, ONE_SKU, PRODUCT_DETAIL, PRODUCT_ROW
from tradehall.api.examples.common import ENDPOINT, PRODUCT, SEATS, SKU, page

_RULE = "0196b4fa-2c81-7a22-9b4d-2e3f40516273"
_BIGGER_SKU = "0196a1c0-5a21-7a13-8899-bbccddeeff00"
_OWN_PRODUCT = {
    **PRODUCT_DETAIL,
    "endpoint_id": ENDPOINT,
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
_ONE_RULE = {
    "id": _RULE,
    "product_id": PRODUCT,
    "from_sku_id": SKU,
    "from_sku_name_en": "Team",
    "from_sku_name_zh": "团队版",
    "to_sku_id": _BIGGER_SKU,
    "to_sku_name_en": "Enterprise",
    "to_sku_name_zh": "企业版",
    "step_factor": 1,
    "void": None,
    "created_at": "2026-05-09T07:40:00Z",
}

REQUESTS: dict[str, Any] = {
    "create_upgrade_rule": {"from_sku_id": SKU, "to_sku_id": _BIGGER_SKU, "step_factor": 1},
    "set_trial": {"days": 14},
    "create_product": {
        "slug": "lotus-meetings",
        "category": "collaboration",
        "name_en": "Lotus Meetings",
        "name_zh": "莲花会议",
        "summary_en": "Video meetings for teams of five to five hundred.",
        "summary_zh": "五至五百人团队的视频会议。",
        "description_en": "Rooms, recordings and subtitles; nothing to install.",
        "description_zh": "会议室、录制与字幕，无需安装。",
        "endpoint_id": ENDPOINT,
        "delivery_type": "saas",
        "product_class": "common",
        "asks_requirement": True,
        "delivery_days": None,
    },
    "create_sku": {
        "name_en": "Team",
        "name_zh": "团队版",
        **SEATS,
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
}
RESPONSES: dict[str, Any] = {
    "list_upgrade_rules": [_ONE_RULE],
    "create_upgrade_rule": _ONE_RULE,
    "set_trial": {"days": 14},
    "list_own_products": page(PRODUCT_ROW, following=None),
    "get_own_product": _OWN_PRODUCT,
    "create_product": _DRAFT,
    "create_sku": {**ONE_SKU, "prices": []},
    "create_price": ONE_PRICE,
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
}
