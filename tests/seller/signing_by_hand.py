"""Requests signed as the protocol says, step by step and without the marketplace's or the seller's code."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote


def mac(key: str, message: bytes) -> bytes:
    return hmac.new(key.encode(), message, hashlib.sha256).digest()


def compact(members: dict[str, Any]) -> bytes:
    return json.dumps(dict(sorted(members.items())), ensure_ascii=False, separators=(",", ":")).encode()


def v2(key: str, body: bytes, *, nonce: str = "", at: int = 0) -> str:
    """The query of a V2 call; `at` is Unix milliseconds, now if not said."""
    nonce, at = nonce or secrets.token_hex(16), at or int(time.time() * 1000)
    canonical = f"{key}{nonce}{at}{mac(key, body).hex()}".encode()
    return f"signature={mac(key, canonical).hex().upper()}&timestamp={at}&nonce={nonce}"


def kit(key: str, body: bytes, *, nonce: str = "", at: int = 0) -> dict[str, str]:
    """The headers of a Kit call."""
    nonce, at = nonce or secrets.token_hex(16), at or int(time.time() * 1000)
    return {"x-sign": mac(key, f"{key}{nonce}{at}".encode() + body).hex(), "x-timestamp": str(at), "x-nonce": nonce}


def v1(key: str, activity: str, **parameters: str) -> str:
    """The query of a V1 call, made now if no timeStamp is given."""
    stamp = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}"[:17]
    said = {"activity": activity, "timeStamp": stamp, "testFlag": "0", **parameters}
    said["authToken"] = token(key, said)
    return encoded(said)


def token(key: str, parameters: dict[str, str]) -> str:
    """The authToken of all parameters but itself."""
    text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if name != "authToken")
    return base64.b64encode(mac(key + parameters["timeStamp"], text.encode())).decode()


def encoded(parameters: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())


def body_sign(key: str, body: bytes) -> str:
    return f'sign_type="HMAC-SHA256", signature= "{base64.b64encode(mac(key, body)).decode()}"'
