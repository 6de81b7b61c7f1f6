"""V1's signature of an answer: the header Body-Sign (protocol 1.5). Every V1 answer carries it, errors included."""

import hmac
from base64 import b64encode

NAME = "Body-Sign"  # some readers mind the letter case


def body_sign(access_key: str, body: bytes) -> str:
    """The header's value for exactly these bytes. The key is the access key alone, without the request's time."""
    return f'sign_type="HMAC-SHA256", signature= "{signature(access_key, body)}"'


def signature(access_key: str, body: bytes) -> str:
    """The HMAC-SHA256 of the body, in base64."""
    return b64encode(hmac.digest(access_key.encode(), body, "sha256")).decode()
