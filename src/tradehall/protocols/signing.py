"""Signatures between the marketplace and sellers' servers, and the forms of what is signed.

V2 calls (1.3), V1 calls (1.4) and the answers to them (1.5), synchronisation calls ("Kit", 1.3), and the readings that
sellers push (6.3). All are HMAC-SHA256 under the access key; they differ in what goes into it.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

# What a member of a V2 body may be. Only one interface nests, and only once.
Member: TypeAlias = str | Mapping[str, str | int | None] | None

_SIGN_TYPE = "HMAC-SHA256"
_MAX_BODY_SIGN = 1024  # characters of a header worth reading; a proper one has less than a hundred
# Each name begins a word, so that a long header is read once from left to right.
_BODY_SIGN = re.compile(r'(?<![0-9A-Za-z_])(sign_type|signature)\s*=\s*"([^"]*)"', re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class V2Signature:
    """A V2 signature and the steps to it, for the debugger to show side by side with what the seller computed.

    `canonical` begins with the access key, so it stays out of the repr; mask it before showing it to anyone.
    """

    body_hash: str  # HMAC-SHA256 of the body, lower-case hex
    canonical: str = field(repr=False)  # access key + nonce + timestamp + body_hash
    signature: str  # HMAC-SHA256 of `canonical`, upper-case hex


@dataclass(frozen=True, slots=True)
class V1Token:
    """A V1 token and the text that it is made of."""

    canonical: str  # name=value pairs in code-point order of the names, joined by &
    token: str  # base64


@dataclass(frozen=True, slots=True)
class KitSignature:
    """A synchronisation call's signature. `canonical` begins with the access key, so it stays out of the repr."""

    canonical: bytes = field(repr=False)  # access key + nonce + timestamp + body
    signature: str  # upper-case hex


@dataclass(frozen=True, slots=True)
class UsageSignature:
    """The signature of a seller's push of readings, and what it is made of."""

    canonical: bytes  # ts=…&nonce=…&body=…
    signature: str  # base64


def canonical_body(members: Mapping[str, Member]) -> bytes:
    """The JSON form that every verifier accepts, whether it hashes what it received or serialises it anew.

    Keys ascend by code point, nothing stands between the tokens, text is raw UTF-8, members that are None are left out.
    Raises TypeError for any other value that is neither text nor a flat object of text and whole numbers,
    UnicodeEncodeError for text that has no UTF-8 form.
    """
    chosen: dict[str, str | dict[str, str | int]] = {}
    for name in sorted(members):
        value = members[name]
        if value is None:
            continue
        if isinstance(value, Mapping):
            chosen[name] = _canonical_object(name, value)
        elif isinstance(value, str):
            chosen[name] = value
        else:
            raise TypeError(f"{name} must be text")
    return msgspec.json.encode(chosen)


def _canonical_object(name: str, members: Mapping[str, str | int | None]) -> dict[str, str | int]:
    chosen: dict[str, str | int] = {}
    for inner in sorted(members):
        value = members[inner]
        if value is None:
            continue
        # How a fraction is written differs from one JSON library to the next.
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise TypeError(f"{name}.{inner} must be text or a whole number")
        chosen[inner] = value
    return chosen


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


def sign_v1(access_key: str, parameters: Mapping[str, str]) -> V1Token:
    """The token over every parameter of a V1 call, in decoded values; one that is `authToken` itself does not count.

    The HMAC's key is the access key followed by `timeStamp`, without which there is no token: ValueError.
    """
    time_stamp = parameters.get("timeStamp")
    if time_stamp is None:
        raise ValueError("timeStamp is missing")
    canonical = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name != "authToken")
    return V1Token(canonical, _hmac_base64(access_key + time_stamp, canonical.encode()))


def verify_v1(access_key: str, parameters: Mapping[str, str]) -> bool:
    """Whether the `authToken` among the parameters belongs to the others. False without it or without `timeStamp`."""
    token = parameters.get("authToken")
    if token is None or "timeStamp" not in parameters:
        return False
    return _same(sign_v1(access_key, parameters).token, token)


def body_signature(access_key: str, body: bytes) -> str:
    """The signature of a V1 answer: of all its bytes, blanks and line ends included, under the access key alone."""
    return _hmac_base64(access_key, body)


def body_sign(access_key: str, body: bytes) -> str:
    """The value of a V1 answer's header Body-Sign, to the blank as it is documented."""
    return f'sign_type="{_SIGN_TYPE}", signature= "{body_signature(access_key, body)}"'


def parse_body_sign(header: str) -> str | None:
    """The signature that a header Body-Sign holds; None if there is none or it is of another type.

    Blanks, letter case, order and separators vary among sellers. The double quotes are required of everyone.
    """
    if len(header) > _MAX_BODY_SIGN:
        return None
    found: dict[str, str] = {}
    for name, value in _BODY_SIGN.findall(header):
        found.setdefault(name.lower(), value)
    if found.get("sign_type", "").upper() != _SIGN_TYPE:
        return None
    return found.get("signature") or None


def verify_body_sign(access_key: str, body: bytes, signature: str) -> bool:
    """Whether `signature`, as `parse_body_sign` found it, belongs to the bytes of this answer."""
    return _same(body_signature(access_key, body), signature)


def sign_kit(access_key: str, nonce: str, timestamp_ms: int, body: bytes) -> KitSignature:
    """The header x-sign of a synchronisation call. Unlike a V2 call's, its body goes in as it is and not hashed."""
    canonical = f"{access_key}{nonce}{timestamp_ms}".encode() + body
    return KitSignature(canonical, _hmac_hex(access_key, canonical).upper())


def verify_kit(access_key: str, nonce: str, timestamp_ms: int, body: bytes, signature: str) -> bool:
    """Whether `signature`, in either letter case, belongs to this synchronisation call."""
    expected = sign_kit(access_key, nonce, timestamp_ms, body).signature
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace").upper())


def sign_usage(access_key: str, ts: str, nonce: str, body: bytes) -> UsageSignature:
    """The header `signature` of a push of readings; `ts` and `nonce` as in the headers of those names."""
    canonical = f"ts={ts}&nonce={nonce}&body=".encode() + body
    return UsageSignature(canonical, _hmac_base64(access_key, canonical))


def verify_usage(access_key: str, ts: str, nonce: str, body: bytes, signature: str) -> bool:
    """Whether `signature` belongs to this push of readings."""
    return _same(sign_usage(access_key, ts, nonce, body).signature, signature)


def _hmac_hex(key: str, message: bytes) -> str:
    return hmac.digest(key.encode(), message, "sha256").hex()


def _hmac_base64(key: str, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key.encode(), message, "sha256")).decode()


def _same(expected: str, given: str) -> bool:
    """Whether two texts are equal, found out in the same time wherever they differ."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))
