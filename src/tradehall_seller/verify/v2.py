"""Verify V2 calls: signed POSTs with `signature`, `timestamp` and `nonce` in the query (protocol 1.3)."""

import hashlib
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

from tradehall_seller.verify.common import (
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
    check_nonce,
    check_time,
    hmac_hex,
    members_of,
    payloads,
    same,
    use_nonce,
)


class Verifier:
    """Verifies calls signed with any of the access keys. Safe to share between threads.

    `now` gives Unix seconds. A call dated a minute ahead stays acceptable for two, so nonces are kept that long.
    """

    def __init__(self, keys: Keys, now: Callable[[], float] = time.time, nonces: Nonces | None = None) -> None:
        self.keys = KeyRing(keys)
        self.now = now
        self.nonces = nonces or NonceCache(2 * WINDOW_MS / 1000)

    def verify(self, query: str | bytes, body: bytes) -> Call:
        """The call of a request, from its raw query string and its raw body, both exactly as received.

        Raises Rejected: 000002 for a time, nonce or body that cannot be used, 000001 for a signature that is not right.
        """
        given = _parameters(query)
        timestamp, nonce = given.get("timestamp", ""), given.get("nonce", "")
        made = check_time(timestamp, self.now())
        check_nonce(nonce)
        signature = given.get("signature", "").lower()
        if not signature:
            raise Rejected(NOT_AUTHENTIC, "signature is missing", Reason.SIGNATURE_MISSING)

        members = members_of(body)
        key = self._key(signature, nonce + timestamp, payloads(body, members))
        use_nonce(self.nonces, nonce)
        activity = members.get("activity")
        if not isinstance(activity, str):
            raise Rejected(WRONG_PARAMETER, "activity is missing", Reason.ACTIVITY_MISSING)
        return Call(activity, members, nonce, made, key)

    def _key(self, signature: str, once: str, signed: list[bytes]) -> str:
        """The name of the key that signed any of the payloads. Raises Rejected."""
        found = self.keys.fitting(lambda key: any(same(_signature(key, once, one), signature) for one in signed))
        if found is not None:
            return found
        reason, explanation = self._explained(signature, once, signed)
        raise Rejected(NOT_AUTHENTIC, f"signature is not right{explanation}", reason)

    def _explained(self, signature: str, once: str, signed: list[bytes]) -> tuple[Reason, str]:
        """What was done instead. Whoever hears it knows the key already."""
        for _, key in self.keys:
            for payload in signed:
                for stripped in {key.strip()} - {key, ""}:
                    if same(_signature(stripped, once, payload), signature):
                        return Reason.KEY_WITH_BLANKS, ": the access key entered here has blanks around it"
                plain = hashlib.sha256(payload).hexdigest()
                if same(hmac_hex(key, f"{key}{once}{plain}".encode()), signature):
                    return Reason.PLAIN_HASH, ": the body was hashed with plain SHA-256 instead of HMAC-SHA256"
                if same(hmac_hex(key, f"{key}{once}".encode() + payload), signature):
                    return Reason.KIT_RULE, ": it was made by the Kit's rule, without hashing the body first"
        return Reason.SIGNATURE_WRONG, ""


def _signature(key: str, once: str, payload: bytes) -> str:
    """Lower-case hex; `once` is nonce and timestamp together."""
    return hmac_hex(key, f"{key}{once}{hmac_hex(key, payload)}".encode())


def _parameters(query: str | bytes) -> dict[str, str]:
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    try:
        return dict(parse_qsl(text, max_num_fields=64))
    except ValueError:
        return {}
