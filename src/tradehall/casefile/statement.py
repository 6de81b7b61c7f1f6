"""What a case file states and how: the names of its members, and the exact bytes that are hashed and signed.

Pure functions, the same for who writes and for who verifies. Nothing here knows a database or a network.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

FORMAT = "tradehall-case-file/1"
ALGORITHM = "Ed25519"

MANIFEST = "manifest.json"
SIGNATURE = "signature.json"
TIMESTAMP = "timestamp.tsr"
LOG = "log.jsonl"
CALLS = "calls.jsonl"
MESSAGES = "messages.jsonl"
LEDGER = "ledger.jsonl"
REPORT = "report.html"
PDFS = {"en": "report-en.pdf", "zh": "report-zh.pdf"}
FILES = "files/"
# What the manifest does not list: itself, and what was made from it.
OUTSIDE = (MANIFEST, TIMESTAMP, SIGNATURE)

_SEALED = "tradehall case file"


def canonical(value: Any) -> bytes:
    """JSON in the one way it is written here: keys sorted, no blanks, UTF-8, one line."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def digest(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def fingerprint(public_key: bytes) -> str:
    """What a key is known by: SHA-256 of its 32 raw bytes."""
    return digest(public_key)


def sealed(manifest: bytes, timestamp: bytes | None) -> bytes:
    """What the second signature is over: that this timestamp, or none, belongs to this manifest."""
    return f"{_SEALED}\n{digest(manifest)}\n{digest(timestamp) if timestamp else '-'}\n".encode()


def moment(at: datetime) -> str:
    """A time to the microsecond, in UTC: "2026-03-02T09:00:00.000000Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def microseconds(at: str) -> int:
    """Microseconds since 1970 of a time so written. Raises ValueError."""
    known = datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    since = known - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def entry_hash(previous: bytes, seq: int, kind: str, at: str, entry: str) -> bytes:
    """The hash an entry of the operation log must have after one with the hash `previous` (empty for the first).
    Raises ValueError for an unreadable time."""
    return hashlib.sha256(previous + f"{seq}\n{kind}\n{microseconds(at)}\n{entry}".encode()).digest()
