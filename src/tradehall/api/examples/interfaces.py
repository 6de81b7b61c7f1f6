"""Examples of what sellers send and are answered about their servers, and the keys of both sides."""

from typing import Any

from tradehall.api.examples.common import ENDPOINT, SELLER, SELLER_NAMES

_KEY = "0196b4fa-2c80-7a21-8b3c-1d2e3f405162"
_OLD_KEY = "0196a1c0-5a23-7a14-8d2d-1b2c3d4e5f60"
_CREDENTIAL = "0196b4fa-2c82-7a23-8c5e-3f4051627384"
_ONE_ENDPOINT = {
    "id": ENDPOINT,
    "seller_id": SELLER,
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
    "endpoint_id": ENDPOINT,
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

REQUESTS: dict[str, Any] = {
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
}
RESPONSES: dict[str, Any] = {
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
                "endpoint_id": ENDPOINT,
                "endpoint_name": "Production",
                "seller_id": SELLER,
                **SELLER_NAMES,
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
}
