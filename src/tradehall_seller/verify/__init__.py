"""Verify the marketplace's calls: is it the marketplace, is it now, is it the first time.

    Verifier      V2: signed POST, `signature`, `timestamp` and `nonce` in the query
    V1Verifier    V1: GET, `authToken` in the query
    KitVerifier   joint operation: signed POST, `x-sign`, `x-timestamp` and `x-nonce` in the headers

Each takes one access key or several, so that a new one can be introduced before the old one goes.
"""

from tradehall_seller.verify.common import (
    MAX_NONCE,
    MAX_TEXT,
    NOT_AUTHENTIC,
    WINDOW_MS,
    WRONG_PARAMETER,
    Call,
    KeyRing,
    Keys,
    NonceCache,
    Nonces,
    Reason,
    Rejected,
)
from tradehall_seller.verify.kit import KitVerifier
from tradehall_seller.verify.v1 import V1Verifier
from tradehall_seller.verify.v2 import Verifier

__all__ = [
    "MAX_NONCE",
    "MAX_TEXT",
    "NOT_AUTHENTIC",
    "WINDOW_MS",
    "WRONG_PARAMETER",
    "Call",
    "KeyRing",
    "Keys",
    "KitVerifier",
    "NonceCache",
    "Nonces",
    "Reason",
    "Rejected",
    "V1Verifier",
    "Verifier",
]
