"""What all verifiers share: the verified call, the reasons for refusing one, keys, time and nonces."""

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from tradehall_seller.codes import Code, Refused

NOT_AUTHENTIC = Code.NOT_AUTHENTIC
WRONG_PARAMETER = Code.WRONG_PARAMETER

WINDOW_MS = 60_000  # a call may be this much older, or newer, than our clock says
MAX_NONCE = 128
MAX_TEXT = 64  # characters of every id but a queryInstance's list of them

# One key, several that are all accepted, or several with names.
Keys = str | Sequence[str] | Mapping[str, str]


class Reason(StrEnum):
    """Why a call was rejected, for programs; the message says it to people."""

    TIMESTAMP_MISSING = "timestamp_missing"
    TIMESTAMP_FORMAT = "timestamp_format"
    TIMESTAMP_IN_SECONDS = "timestamp_in_seconds"
    TIMESTAMP_OLD = "timestamp_old"
    TIMESTAMP_AHEAD = "timestamp_ahead"
    NONCE_MISSING = "nonce_missing"
    NONCE_TOO_LONG = "nonce_too_long"
    NONCE_USED = "nonce_used"
    QUERY_UNREADABLE = "query_unreadable"
    PARAMETER_TWICE = "parameter_twice"
    BODY_NOT_JSON = "body_not_json"
    BODY_NOT_AN_OBJECT = "body_not_an_object"
    ACTIVITY_MISSING = "activity_missing"
    MEMBER_UNUSABLE = "member_unusable"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_WRONG = "signature_wrong"  # and nothing we know of explains it: most likely it is another key's
    KEY_WITH_BLANKS = "key_with_blanks"
    PLAIN_HASH = "plain_hash"
    KIT_RULE = "kit_rule"
    BASIC_RULE = "basic_rule"
    BLANK_AS_PLUS = "blank_as_plus"
    PLUS_AS_BLANK = "plus_as_blank"
    ENCODED_VALUES = "encoded_values"
    KEY_WITHOUT_TIME = "key_without_time"


class Rejected(Refused):
    """The call is not to be carried out; answer with `code` and `message`."""

    def __init__(self, code: str, message: str, reason: Reason = Reason.MEMBER_UNUSABLE) -> None:
        super().__init__(code, message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is certainly the marketplace's. `key` is the name of the access key it was signed with."""

    activity: str
    members: Mapping[str, Any]  # the body without members that are null, or the query's decoded parameters
    nonce: str  # "" in V1
    timestamp_ms: int
    key: str = "1"

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

    def optional(self, name: str, limit: int = MAX_TEXT) -> str:
        """A member that may be missing or empty, which is "". Raises Rejected when it is not text or too long."""
        return self.text(name, limit) if self.members.get(name) not in (None, "") else ""


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


class KeyRing:
    """The access keys that are accepted, by name; the first one is the current one. The repr shows names only."""

    def __init__(self, keys: Keys) -> None:
        if isinstance(keys, str):
            keys = [keys]
        if not isinstance(keys, Mapping):
            keys = {str(number): key for number, key in enumerate(keys, start=1)}
        if not keys or not all(keys.values()):
            raise ValueError("an access key is needed, and an empty one is none")
        self._keys = dict(keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._keys.items())

    def __getitem__(self, name: str) -> str:
        return self._keys[name]

    @property
    def current(self) -> str:
        return next(iter(self._keys.values()))

    def fitting(self, fits: Callable[[str], bool]) -> str | None:
        """The name of the key that fits."""
        return next((name for name, key in self if fits(key)), None)


def check_time(timestamp: str, now: float) -> int:
    """The time a call says it was made, in Unix milliseconds. Raises Rejected if that is not within the minute."""
    if not timestamp:
        raise Rejected(WRONG_PARAMETER, "timestamp is missing", Reason.TIMESTAMP_MISSING)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        raise Rejected(WRONG_PARAMETER, "timestamp is not a number of milliseconds", Reason.TIMESTAMP_FORMAT)
    made = int(timestamp)
    off = now * 1000 - made
    if abs(off) <= WINDOW_MS:
        return made
    if abs(now - made) * 1000 <= WINDOW_MS:
        raise Rejected(WRONG_PARAMETER, "timestamp is in seconds, not milliseconds", Reason.TIMESTAMP_IN_SECONDS)
    where, reason = ("behind", Reason.TIMESTAMP_OLD) if off > 0 else ("ahead of", Reason.TIMESTAMP_AHEAD)
    raise Rejected(
        WRONG_PARAMETER,
        f"timestamp is {abs(off) / 1000:.0f} s {where} this server's clock, more than 60 seconds",
        reason,
    )


def check_nonce(nonce: str) -> None:
    if not nonce:
        raise Rejected(WRONG_PARAMETER, "nonce is missing", Reason.NONCE_MISSING)
    if len(nonce) > MAX_NONCE:
        raise Rejected(WRONG_PARAMETER, f"nonce is longer than {MAX_NONCE} characters", Reason.NONCE_TOO_LONG)


def use_nonce(nonces: Nonces, nonce: str) -> None:
    """To be called once the signature is known to be right: a forged call must not use up a nonce."""
    if not nonces.is_new(nonce):
        raise Rejected(WRONG_PARAMETER, "nonce was used before", Reason.NONCE_USED)


def members_of(body: bytes) -> dict[str, Any]:
    """The body's members that are not null."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Rejected(WRONG_PARAMETER, "the body is not a JSON object", Reason.BODY_NOT_JSON) from None
    if not isinstance(value, dict):
        raise Rejected(WRONG_PARAMETER, "the body is not a JSON object", Reason.BODY_NOT_AN_OBJECT)
    return {name: member for name, member in value.items() if member is not None}


def payloads(body: bytes, members: Mapping[str, Any]) -> list[bytes]:
    """What may have been signed: the body as it came, or its compact form with sorted names at the top.

    The marketplace sends just that form; a gateway on the way may have written the body anew.
    """
    try:
        text = json.dumps(dict(sorted(members.items())), ensure_ascii=False, separators=(",", ":"))
        return [body] if text.encode() == body else [body, text.encode()]
    except (ValueError, RecursionError):  # a lone surrogate, nested without end
        return [body]


def hmac_hex(key: str, message: bytes) -> str:
    return hmac.digest(utf8(key), message, "sha256").hex()


def same(expected: str, given: str) -> bool:
    """Compares in a time that does not tell where the two differ."""
    return hmac.compare_digest(utf8(expected), utf8(given))


def utf8(text: str) -> bytes:
    """Text that has no UTF-8 form, such as a lone surrogate, becomes question marks: it equals nothing we computed."""
    return text.encode(errors="replace")
