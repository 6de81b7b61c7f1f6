"""Verify V1 calls: GETs with `authToken` in the query (protocol 1.4).

Values are percent-decoded, once, and nothing else: a plus sign is a plus sign. The marketplace never writes a blank as
a plus, and a framework that reads one so spoils every token that holds one. So pass the query as it was received.
"""

import hmac
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import unquote

from tradehall_seller.verify.common import (
    NOT_AUTHENTIC,
    WRONG_PARAMETER,
    Call,
    KeyRing,
    Keys,
    Reason,
    Rejected,
    same,
    utf8,
)

MAX_PARAMETERS = 64
Pairs = list[tuple[str, str]]  # names and values


class V1Verifier:
    """Verifies calls signed with any of the access keys. Safe to share between threads.

    V1 has no nonce, and its calls may be repeated unchanged; what makes that harmless is that every one is idempotent.
    `window` limits their age in seconds, if you want it to: the protocol does not.
    """

    def __init__(self, keys: Keys, now: Callable[[], float] = time.time, window: float | None = None) -> None:
        self.keys = KeyRing(keys)
        self.now = now
        self.window = window

    def verify(self, query: str | bytes) -> Call:
        """The call of a request, from its raw query string exactly as received.

        Raises Rejected: 000002 for parameters or a time that cannot be used, 000001 for a token that is not right.
        """
        members = parameters(query)
        made = self._made(members.get("timeStamp", ""))
        token = members.pop("authToken", "")
        if not token:
            raise Rejected(NOT_AUTHENTIC, "authToken is missing", Reason.SIGNATURE_MISSING)
        stamp = members["timeStamp"]
        key = self.keys.fitting(lambda key: same(_token(key + stamp, list(members.items())), token))
        if key is None:
            reason, explanation = self._explained(_raw(query), members, stamp, token)
            raise Rejected(NOT_AUTHENTIC, f"authToken is not right{explanation}", reason)
        activity = members.get("activity", "")
        if not activity:
            raise Rejected(WRONG_PARAMETER, "activity is missing", Reason.ACTIVITY_MISSING)
        return Call(activity, members, "", made, key)

    def _made(self, stamp: str) -> int:
        """The time a call says it was made, in Unix milliseconds."""
        if not stamp:
            raise Rejected(WRONG_PARAMETER, "timeStamp is missing", Reason.TIMESTAMP_MISSING)
        made = _moment(stamp)
        if made is None:
            raise Rejected(WRONG_PARAMETER, "timeStamp is not yyyyMMddHHmmssSSS in UTC", Reason.TIMESTAMP_FORMAT)
        off = self.now() - made / 1000
        if self.window is not None and abs(off) > self.window:
            reason = Reason.TIMESTAMP_OLD if off > 0 else Reason.TIMESTAMP_AHEAD
            raise Rejected(WRONG_PARAMETER, f"timeStamp is {abs(off):.0f} s from this server's clock", reason)
        return made

    def _explained(self, raw: Pairs, members: dict[str, str], stamp: str, token: str) -> tuple[Reason, str]:
        """What was done instead. Whoever hears it knows the key already."""
        pairs = list(members.items())
        encoded = [pair for pair in raw if pair[0] != "authToken"]
        as_form = [(name, _decoded(value.replace("+", " "))) for name, value in encoded]
        for _, key in self.keys:
            if same(_token(key + stamp, pairs), token.replace(" ", "+")):
                return Reason.PLUS_AS_BLANK, ": on its way here its plus signs were turned into blanks"
            if same(_token(key + stamp, as_form), token):
                return Reason.BLANK_AS_PLUS, ": the sender writes blanks as plus signs"
            if same(_token(key + stamp, encoded), token):
                return Reason.ENCODED_VALUES, ": it was computed from values that were still percent-encoded"
            if same(_token(key, pairs), token):
                return Reason.KEY_WITHOUT_TIME, ": its key is the access key and timeStamp, one after the other"
            if key.strip() != key and same(_token(key.strip() + stamp, pairs), token):
                return Reason.KEY_WITH_BLANKS, ": the access key entered here has blanks around it"
        return Reason.SIGNATURE_WRONG, ""


def parameters(query: str | bytes) -> dict[str, str]:
    """The query's parameters, decoded. Raises Rejected when they cannot be, or one occurs twice."""
    pairs = [(_decoded(name), _decoded(value)) for name, value in _raw(query)]
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Rejected(WRONG_PARAMETER, "a parameter occurs twice", Reason.PARAMETER_TWICE)
    return members


def _token(key: str, pairs: Pairs) -> str:
    message = "&".join(f"{name}={value}" for name, value in sorted(pairs))
    return b64encode(hmac.digest(utf8(key), utf8(message), "sha256")).decode()


def _raw(query: str | bytes) -> Pairs:
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    parts = [part for part in text.split("&") if part]
    if len(parts) > MAX_PARAMETERS:
        raise Rejected(WRONG_PARAMETER, f"more than {MAX_PARAMETERS} parameters", Reason.QUERY_UNREADABLE)
    return [(name, value) for name, _, value in (part.partition("=") for part in parts)]


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Rejected(WRONG_PARAMETER, "a parameter is not UTF-8", Reason.QUERY_UNREADABLE) from None


def _moment(stamp: str) -> int | None:
    if len(stamp) != 17 or not (stamp.isascii() and stamp.isdigit()):
        return None
    try:
        seconds = datetime.strptime(stamp[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return int(seconds) * 1000 + int(stamp[14:])
