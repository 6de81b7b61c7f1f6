"""Verify the Kit's calls: POSTs with `x-sign`, `x-timestamp` and `x-nonce` in the headers (protocol, Kit 0.4)."""

import time
from collections.abc import Callable, Iterable, Mapping

from tradehall_seller.verify.common import (
    NOT_AUTHENTIC,
    WINDOW_MS,
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
    utf8,
)

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class KitVerifier:
    """Verifies calls signed with any of the Kit's access keys, which are not those of the basic interfaces."""

    def __init__(self, keys: Keys, now: Callable[[], float] = time.time, nonces: Nonces | None = None) -> None:
        self.keys = KeyRing(keys)
        self.now = now
        self.nonces = nonces or NonceCache(2 * WINDOW_MS / 1000)

    def verify(self, path: str, headers: Headers, body: bytes) -> Call:
        """The call of a request; its activity is the path's last part, such as "tenantSync".

        Raises Rejected: 000002 for a time, nonce or body that cannot be used, 000001 for a signature that is not right.
        """
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        given = {name.lower(): value for name, value in pairs}
        timestamp, nonce = given.get("x-timestamp", ""), given.get("x-nonce", "")
        made = check_time(timestamp, self.now())
        check_nonce(nonce)
        signature = given.get("x-sign", "").lower()
        if not signature:
            raise Rejected(NOT_AUTHENTIC, "x-sign is missing", Reason.SIGNATURE_MISSING)

        members = members_of(body)
        key = self._key(signature, nonce + timestamp, payloads(body, members))
        use_nonce(self.nonces, nonce)
        return Call(path.rstrip("/").rpartition("/")[2], members, nonce, made, key)

    def _key(self, signature: str, once: str, signed: list[bytes]) -> str:
        found = self.keys.fitting(lambda key: any(same(_signature(key, once, one), signature) for one in signed))
        if found is not None:
            return found
        for _, key in self.keys:
            for payload in signed:
                if same(hmac_hex(key, _prefix(key, once) + hmac_hex(key, payload).encode()), signature):
                    raise Rejected(
                        NOT_AUTHENTIC,
                        "x-sign is not right: it was made by the basic interfaces' rule, which hashes the body first",
                        Reason.BASIC_RULE,
                    )
        raise Rejected(NOT_AUTHENTIC, "x-sign is not right", Reason.SIGNATURE_WRONG)


def _signature(key: str, once: str, payload: bytes) -> str:
    return hmac_hex(key, _prefix(key, once) + payload)


def _prefix(key: str, once: str) -> bytes:
    return utf8(f"{key}{once}")
