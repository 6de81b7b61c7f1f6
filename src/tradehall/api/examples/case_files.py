"""Examples of what is answered about case files, by operation."""

from typing import Any

RESPONSES: dict[str, Any] = {
    "list_signing_keys": {
        "keys": [
            {
                "fingerprint": "9031babcd8156b67c08c43167bf7f008dc5d0ddf644d8256c51d9c56580c0979",
                "algorithm": "Ed25519",
                "public_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "created_at": "2026-05-09T07:31:00Z",
                "retired_at": None,
            }
        ]
    },
}
