"""Idempotency keys: a write sent twice with the same key has one effect and gets the same answer twice.

The key's row is written first in the write's own transaction. A second request with the key waits there until the
first has committed, and then finds its answer; when the first was undone, the second simply goes ahead.
"""

import hashlib
from uuid import UUID

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Problem, invalid

MAX_LENGTH = 128


class IdempotencyKeyReused(Problem):
    """This idempotency key was used for a different request; use a new key for a new request."""

    status = 422


class Remembered(msgspec.Struct, frozen=True):
    """The stored answer of the first request; empty while that request has not finished."""

    fingerprint: bytes
    answer: bytes | None


class KeyedWrite:
    """One write under a key: `replay` holds the earlier answer if there is one; else do the work and `keep` it."""

    def __init__(self, tx: Tx, owner: UUID, key: str, replay: bytes | None) -> None:
        self._tx, self._owner, self._key = tx, owner, key
        self.replay = replay

    async def keep(self, answer: bytes) -> None:
        await self._tx.execute(
            "UPDATE idempotency_keys SET answer = %(answer)s WHERE owner_id = %(owner)s AND key = %(key)s",
            {"answer": answer, "owner": self._owner, "key": self._key},
        )


async def keyed(tx: Tx, owner: UUID, key: str, request: bytes) -> KeyedWrite:
    """Claims `key` for `owner`; `request` is what was asked, so that a key cannot be reused for something else.

    Raises Invalid for an unusable key and IdempotencyKeyReused when the key stands for another request.
    """
    if not 1 <= len(key) <= MAX_LENGTH or not key.isascii() or not key.isprintable():
        raise invalid("Idempotency-Key", "Send 1 to {most} printable ASCII characters.", most=MAX_LENGTH)
    fingerprint = hashlib.sha256(request).digest()
    params = {"owner": owner, "key": key, "fingerprint": fingerprint, "now": tx.now}
    claimed = await tx.fetch_value(
        """
        INSERT INTO idempotency_keys (owner_id, key, fingerprint, created_at)
        VALUES (%(owner)s, %(key)s, %(fingerprint)s, %(now)s)
        ON CONFLICT (owner_id, key) DO NOTHING
        RETURNING true
        """,
        params,
    )
    if claimed:
        return KeyedWrite(tx, owner, key, None)
    earlier = await tx.fetch_one(
        Remembered,
        "SELECT fingerprint, answer FROM idempotency_keys WHERE owner_id = %(owner)s AND key = %(key)s",
        params,
    )
    if earlier is None or earlier.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return KeyedWrite(tx, owner, key, earlier.answer or b"")
