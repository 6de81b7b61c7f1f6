"""Signatures between the marketplace and sellers' servers (V2 basic interfaces)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True, slots=True)
class V2Signature:
    """A V2 signature and the steps to it, for the debugger to show side by side with what the seller computed.

    `canonical` begins with the access key, so it stays out of the repr; mask it before showing it to anyone.
    """

    body_hash: str  # HMAC-SHA256 of the body, lower-case hex
    canonical: str = field(repr=False)  # access key + nonce + timestamp + body_hash
    signature: str  # HMAC-SHA256 of `canonical`, upper-case hex


def canonical_body(members: Mapping[str, str | None]) -> bytes:
    """The JSON form that every verifier accepts, whether it hashes what it received or serialises it anew.

    Keys ascend by code point, nothing stands between the tokens, text is raw UTF-8, members that are None are left out.
    Raises TypeError for any other value that is not text, UnicodeEncodeError for text that has no UTF-8 form.
    """
    chosen: dict[str, str] = {}
    for name in sorted(members):
        value = members[name]
        if value is None:
            continue
        if not isinstance(value, str):
            raise TypeError(f"{name} must be text")
        chosen[name] = value
    return msgspec.json.encode(chosen)


def sign_v2(access_key: str, nonce: str, timestamp_ms: int, body: bytes) -> V2Signature:
    """Signs exactly the bytes that will be sent. `timestamp_ms` is Unix time in milliseconds."""
    body_hash = _hmac_hex(access_key, body)
    canonical = f"{access_key}{nonce}{timestamp_ms}{body_hash}"
    return V2Signature(body_hash, canonical, _hmac_hex(access_key, canonical.encode()).upper())


def verify_v2(access_key: str, nonce: str, timestamp_ms: int, body: bytes, signature: str) -> bool:
    """Whether `signature`, in either letter case, belongs to this request. Takes the same time wherever it differs."""
    expected = sign_v2(access_key, nonce, timestamp_ms, body).signature
    # bytes.upper() changes ASCII letters only: no other character can turn into a hex digit on the way.
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace").upper())


def _hmac_hex(key: str, message: bytes) -> str:
    return hmac.digest(key.encode(), message, "sha256").hex()
