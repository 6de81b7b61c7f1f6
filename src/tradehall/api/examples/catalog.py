"""Examples of what is sent and answered about what is for sale."""

from typing import Any

from tradehall.api.examples.common import PRICE, PRODUCT, SEATS, SELLER, SELLER_NAMES, SKU, STEPS_OF_A_YEAR, page
from tradehall.api.examples.reviews import RATING

PRODUCT_ROW = {
    "id": PRODUCT,
    "seller_id": SELLER,
    **SELLER_NAMES,
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
ONE_PRICE = {
    "id": PRICE,
    "sku_id": SKU,
    "code": "OFFI605723149980524544",
    "charging_mode": "PERIOD",
    "period_type": "month",
    "amount_minor": 1200,
    "currency": "CNY",
    "unit_en": None,
    "unit_zh": None,
    "on_sale": True,
}
ONE_SKU = {
    "id": SKU,
    "product_id": PRODUCT,
    "code": "4f6a1f9e-5a0c-4a55-9f0e-2b8b7b9f1c3d",
    "name_en": "Team",
    "name_zh": "团队版",
    **SEATS,
    "quantity_min": 5,
    "quantity_max": 500,
    "quantity_step": 5,
    "on_sale": True,
    "trial_days": 14,
    "prices": [ONE_PRICE],
}
PRODUCT_DETAIL = {
    "rating": RATING,
    "id": PRODUCT,
    "slug": "lotus-meetings",
    "seller_id": SELLER,
    **SELLER_NAMES,
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
    "skus": [ONE_SKU],
}

REQUESTS: dict[str, Any] = {
    "quote_price": {"price_id": PRICE, "quantity": 10, "period_number": 12},
}
RESPONSES: dict[str, Any] = {
    "list_products": page({**PRODUCT_ROW, "rating": RATING}, following=None),
    "get_product": PRODUCT_DETAIL,
    "quote_price": {
        "unit_minor": 1200,
        "quantity": 10,
        "period_number": 12,
        "total_minor": 144000,
        "currency": "CNY",
        "steps": STEPS_OF_A_YEAR,
    },
}
