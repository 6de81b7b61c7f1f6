"""Verify the marketplace's V2 calls: signed POSTs with `signature`, `timestamp` and `nonce` in the query."""

import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

NOT_AUTHENTIC = "000001"
WRONG_PARAMETER = "000002"

WINDOW_MS = 60_000  # a call may be this much older, or newer, than our clock says
MAX_NONCE = 128
MAX_TEXT = 64  # characters of every id but a queryInstance's list of them


class Rejected(Exception):
    """The call is not to be carried out; answer with `code` and `message`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is certainly the marketplace's, made within the last minute and not seen before."""

    activity: str
    members: Mapping[str, Any]  # the whole body, without members that are null
    nonce: str
    timestamp_ms: int

    @property
    def test(self) -> bool:
        """A seller's own debugging or the marketplace's daily probe, not a customer."""
        return self.members.get("testFlag") in ("1", 1)

    def text(self, name: str, limit: int = MAX_TEXT) -> str:
        """A mandatory member. Raises Rejected when it is missing, empty, not text or too long."""
        value = self.members.get(name)
        if not isinstance(value, str) or not value or len(value) > limit:
            raise Rejected(WRONG_PARAMETER, f"{name} must be text of 1 to {limit} characters")
        return value


class Nonces(Protocol):
    """Remembers nonces. With several server processes, give the verifier one that asks a store they share."""

    def is_new(self, nonce: str) -> bool: ...


class NonceCache:
    """Remembers every nonce for at least `seconds`, unless more than `limit` come in that time.

    Two sets take turns, so forgetting costs nothing per call, and memory is bounded by twice the limit.
    """

    def __init__(self, seconds: float, limit: int = 200_000, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._limit = limit
        self._now = now
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._turn = now() + seconds
        self._lock = threading.Lock()

    def is_new(self, nonce: str) -> bool:
        with self._lock:
            now = self._now()
            if now >= self._turn or len(self._young) >= self._limit:
                self._old, self._young, self._turn = self._young, set(), now + self._seconds
            if nonce in self._young or nonce in self._old:
                return False
            self._young.add(nonce)
            return True


@dataclass(slots=True)
class Verifier:
    """Verifies calls signed with one access key. Safe to share between threads."""

    access_key: str = field(repr=False)
    now: Callable[[], float] = time.time  # Unix seconds
    # A call dated a minute ahead stays acceptable for two.
    nonces: Nonces = field(default_factory=lambda: NonceCache(2 * WINDOW_MS / 1000))

    def verify(self, query: str | bytes, body: bytes) -> Call:
        """The call of a request, from its raw query string and its raw body, both exactly as received.

        Raises Rejected: 000002 for a time, nonce or body that cannot be used, 000001 for a signature that is not right.
        """
        given = _parameters(query)
        timestamp = given.get("timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
            raise Rejected(WRONG_PARAMETER, "timestamp is missing or not a number of milliseconds")
        if abs(self.now() * 1000 - int(timestamp)) > WINDOW_MS:
            raise Rejected(WRONG_PARAMETER, "timestamp is more than 60 seconds from this server's clock")
        nonce = given.get("nonce", "")
        if not 0 < len(nonce) <= MAX_NONCE:
            raise Rejected(WRONG_PARAMETER, "nonce is missing or too long")
        signature = given.get("signature", "")
        if not signature:
            raise Rejected(NOT_AUTHENTIC, "signature is missing")

        prefix = f"{self.access_key}{nonce}{timestamp}"
        members = _members(body)
        # What is signed has sorted keys and no nulls. The marketplace sends just that; what came otherwise is put so.
        if not self._signed(prefix, body, signature) and not self._signed(prefix, _serialised(members), signature):
            raise Rejected(NOT_AUTHENTIC, "signature is not right")
        if not self.nonces.is_new(nonce):
            raise Rejected(WRONG_PARAMETER, "nonce was used before")
        activity = members.get("activity")
        if not isinstance(activity, str):
            raise Rejected(WRONG_PARAMETER, "activity is missing")
        return Call(activity, members, nonce, int(timestamp))

    def _signed(self, prefix: str, payload: bytes, signature: str) -> bool:
        key = self.access_key.encode()
        inner = hmac.digest(key, payload, "sha256").hex()
        expected = hmac.digest(key, (prefix + inner).encode(), "sha256").hex()
        return hmac.compare_digest(expected.encode(), signature.encode(errors="replace").lower())


def _parameters(query: str | bytes) -> dict[str, str]:
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    try:
        return dict(parse_qsl(text, max_num_fields=64))
    except ValueError:
        return {}


def _members(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Rejected(WRONG_PARAMETER, "the body is not a JSON object")
    return {name: member for name, member in value.items() if member is not None}


def _serialised(members: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(dict(sorted(members.items())), ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (ValueError, RecursionError):  # a lone surrogate, nested without end
        raise Rejected(NOT_AUTHENTIC, "signature is not right") from None
