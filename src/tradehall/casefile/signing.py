"""The installation's key for case files: made once, kept sealed, replaced if need be, never forgotten."""

from datetime import datetime
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall.casefile import statement
from tradehall.casefile.errors import SigningKeyUnreadable
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.secrets import CannotUnseal, Seal

MOST = 100


class KnownKey(msgspec.Struct, frozen=True):
    """A key that signs or signed case files, as everybody may know it. `retired_at` is null for the current one."""

    id: UUID
    public_key: bytes
    created_at: datetime
    retired_at: datetime | None

    @property
    def fingerprint(self) -> str:
        return statement.fingerprint(self.public_key)


class Signer:
    """The current key."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.public_key = private_key.public_key().public_bytes_raw()

    def statement(self, manifest: bytes, timestamp: bytes | None, no_timestamp: str) -> bytes:
        """signature.json: over the manifest's exact bytes, and over manifest and timestamp together, so that neither
        can be exchanged and the timestamp not taken out."""
        about = {"sha256": statement.digest(timestamp)} if timestamp else {"missing": no_timestamp}
        return statement.canonical(
            {
                "algorithm": statement.ALGORITHM,
                "public_key": self.public_key.hex(),
                "fingerprint": statement.fingerprint(self.public_key),
                "manifest": self._private_key.sign(manifest).hex(),
                "timestamp": about,
                "whole": self._private_key.sign(statement.sealed(manifest, timestamp)).hex(),
            }
        )


class _Kept(msgspec.Struct, frozen=True):
    id: UUID
    private_key: bytes


async def signer(tx: Tx, seal: Seal) -> Signer:
    """The current key; the first who asks has it made. Raises SigningKeyUnreadable."""
    kept = await _current(tx)
    if kept is None:
        await _make(tx, seal)
        kept = await _current(tx)
        assert kept, "one was made, here or by somebody else at the same moment"
    try:
        opened = seal.open(kept.private_key, str(kept.id))
    except CannotUnseal as error:
        raise SigningKeyUnreadable from error
    return Signer(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(opened)))


async def replace(tx: Tx, seal: Seal) -> None:
    """Makes a new key. The one before signs nothing any more, its private half is destroyed, and it stays known."""
    retired = await tx.fetch_value(
        """
        UPDATE signing_keys SET retired_at = %(now)s, private_key = NULL WHERE retired_at IS NULL RETURNING id
        """,
        {"now": tx.now},
    )
    if retired:
        await tx.record("signing_key.retired", "signing_key", retired, {})
    await _make(tx, seal)


async def known_keys(reader: Reader) -> list[KnownKey]:
    """The current key and those before it, newest first."""
    return await reader.fetch_all(
        KnownKey,
        "SELECT id, public_key, created_at, retired_at FROM signing_keys ORDER BY id DESC LIMIT %(most)s",
        {"most": MOST},
    )


async def _current(reader: Reader) -> _Kept | None:
    return await reader.fetch_one(_Kept, "SELECT id, private_key FROM signing_keys WHERE retired_at IS NULL")


async def _make(tx: Tx, seal: Seal) -> None:
    key_id, key = new_id(tx.now), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    made = await tx.fetch_value(
        """
        INSERT INTO signing_keys (id, public_key, private_key, created_at)
        VALUES (%(id)s, %(public)s, %(private)s, %(now)s)
        ON CONFLICT ((true)) WHERE retired_at IS NULL DO NOTHING RETURNING id
        """,
        {
            "id": key_id,
            "public": public,
            "private": seal.close(key.private_bytes_raw().hex(), str(key_id)),
            "now": tx.now,
        },
    )
    if made:
        facts = {"fingerprint": statement.fingerprint(public)}
        await tx.record("signing_key.made", "signing_key", key_id, facts)
