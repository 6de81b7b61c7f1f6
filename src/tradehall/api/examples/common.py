"""What several examples are about: one order of one product, and those it is between."""

from typing import Any

BUYER = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a01"
SELLER = "0196a1c0-5a10-7c21-9a4e-3d0f6b1c2a02"
PRODUCT = "0196a1c0-5a20-7a11-a3b4-c5d6e7f80910"
SKU = "0196a1c0-5a21-7a12-8899-aabbccddeeff"
PRICE = "0196a1c0-5a22-7a13-9123-456789abcdef"
ENDPOINT = "0196a1c0-5a23-7a14-8d2c-0b1a29384756"
ORDER = "0196b4f2-9b40-7e15-93c7-5a6b7c8d9e0f"
APPLICATION = "0196b4f3-0a80-7c44-b5d6-e7f8091a2b3c"
RENEWAL = "0196b4fa-3d90-7e15-93c7-6a7b8c9d0e1f"
NUMBER = "CS2605091530K7Q2M"
RENEWAL_NUMBER = "CS2704221102M4TQZ"
NEXT = "AZa08pvAfhWTx1prfI2eDw"
REQUEST = "0196b4f2-9b3e-7a10-8a1b-2c3d4e5f6071"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BUYER_NAMES = {"buyer_name_en": "Harbour Trading", "buyer_name_zh": "海港贸易"}
SELLER_NAMES = {"seller_name_en": "Lotus Software", "seller_name_zh": "莲花软件"}
PRODUCT_NAMES = {"product_name_en": "Lotus Meetings", "product_name_zh": "莲花会议"}
SKU_NAMES = {"sku_name_en": "Team", "sku_name_zh": "团队版"}
# What is delivered under service supervision.
SERVICE_NAMES = {"product_name_en": "Data migration", "product_name_zh": "数据迁移服务"}
SERVICE_SKU = {"sku_name_en": "Up to 1 TB", "sku_name_zh": "1 TB 以内"}
SEATS = {"quantity_name_en": "Seats", "quantity_name_zh": "席位"}
STEPS_OF_A_YEAR = [
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


def page(*items: Any, following: str | None = NEXT) -> dict[str, Any]:
    return {"items": list(items), "next": following, "previous": None}
