"""Examples of what is sent and answered about who asks, and their tokens."""

from typing import Any

from tradehall.api.examples.common import BUYER

_PERSON = "0196a1c0-5a11-7b02-8c1d-7e5a90b3c4d1"
_TOKEN = "0196a1c0-5a12-7d33-b0aa-1f2e3d4c5b6a"
_MEMBERSHIP = {
    "id": BUYER,
    "kind": "buyer",
    "name_en": "Harbour Trading",
    "name_zh": "海港贸易",
    "role": "admin",
}

REQUESTS: dict[str, Any] = {
    "create_token": {
        "email": "mei.chen@harbour.example",
        "password": "correct horse battery",
        "name": "Procurement robot",
        "organisation_id": BUYER,
        "days": 365,
    },
}
RESPONSES: dict[str, Any] = {
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
}
