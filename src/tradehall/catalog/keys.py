"""Access keys: several per endpoint with an overlap, so that a seller's change of key loses no call.

A new key becomes the current one, which signs calls; the one before overlaps until its time is up: a call whose
signature the seller refuses is tried again at once with it (`provisioning.model.key_for`). A retired key is forgotten
but for its last characters.
"""

import uuid
from datetime import datetime, timedelta
from typing import Literal, LiteralString
from uuid import UUID

import msgspec

from tradehall.catalog.errors import KeyInUse, KeyIsCurrent, KeyNotFound, KeyOfAnotherClass, TooManyKeys
from tradehall.catalog.model import InterfaceClass
from tradehall.kernel import due
from tradehall.kernel.db import DATABASE_AWAY, Database, Reader, Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.errors import invalid
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.secrets import CannotUnseal, Seal

KeyState = Literal["current", "overlapping", "retired"]

RETIRE = "retire_access_key"
ACCESS_KEY_LENGTH = (8, 128)
MOST_LIVE = 4
MOST_SHOWN = 20
NOTED_EVERY = timedelta(hours=1)
NOTED_APART = timedelta(seconds=10)

# The sealed keys that calls to endpoint `e` may be signed with, the current one first: a column of a larger query.
LIVE_KEYS: LiteralString = """
    ARRAY(SELECT k.sealed FROM access_keys k WHERE k.endpoint_id = e.id AND k.state <> 'retired'
          ORDER BY k.state, k.created_at DESC, k.id) AS access_keys
"""
# What of its keys stands in endpoint `e` as its owner sees it.
OF_ENDPOINT: LiteralString = """
    (SELECT k.hint FROM access_keys k WHERE k.endpoint_id = e.id AND k.state = 'current') AS key_hint,
    EXISTS (SELECT FROM access_keys old JOIN access_keys k USING (endpoint_id)
            WHERE endpoint_id = e.id AND old.state = 'overlapping' AND k.state = 'current'
              AND old.last_used_at >= k.created_at AND (k.last_used_at IS NULL OR k.last_used_at < old.last_used_at)
           ) AS old_key_in_use
"""


class LiveKey(msgspec.Struct, frozen=True):
    """A key that calls may be signed with; `sealed` opens for its endpoint's id."""

    id: UUID
    sealed: bytes
    state: KeyState


class AccessKey(msgspec.Struct, frozen=True):
    """An access key as its owner sees it. `retires_at` is when an overlapping one will go, or a retired one went."""

    id: UUID
    endpoint_id: UUID
    hint: str
    state: KeyState
    created_at: datetime
    retires_at: datetime | None
    last_used_at: datetime | None


async def live_keys(reader: Reader, endpoint_id: UUID) -> list[LiveKey]:
    """The keys that calls may be signed with, the current one first."""
    return await reader.fetch_all(
        LiveKey,
        """
        SELECT id, sealed, state FROM access_keys WHERE endpoint_id = %(endpoint)s AND state <> 'retired'
        ORDER BY state, created_at DESC, id
        """,
        {"endpoint": endpoint_id},
    )


async def keys_of_endpoints(reader: Reader, endpoint_ids: list[UUID]) -> list[AccessKey]:
    """The keys of these endpoints, live ones first, of each endpoint the latest few."""
    return await reader.fetch_all(
        AccessKey,
        """
        SELECT k.* FROM unnest(%(endpoints)s::uuid[]) AS endpoint(id), LATERAL (
            SELECT id, endpoint_id, hint, state, created_at, retires_at, last_used_at FROM access_keys
            WHERE endpoint_id = endpoint.id ORDER BY state, created_at DESC, id LIMIT %(most)s) k
        """,
        {"endpoints": endpoint_ids, "most": MOST_SHOWN},
    )


def generated() -> str:
    """A new key, as hard to guess as it looks."""
    return str(uuid.uuid4())


def check_key(access_key: str) -> None:
    """Raises Invalid for a key that cannot be one."""
    least, most = ACCESS_KEY_LENGTH
    if not least <= len(access_key) <= most or access_key != access_key.strip() or not access_key.isprintable():
        raise invalid("access_key", "Use {least} to {most} characters, no blanks around them.", least=least, most=most)


async def add_first_key(
    tx: Tx, seal: Seal, *, seller_id: UUID, endpoint_id: UUID, interface_class: InterfaceClass, access_key: str
) -> None:
    """The key of an endpoint that is just being made. Raises Invalid or KeyOfAnotherClass."""
    check_key(access_key)
    await _same_keys(tx, seal, seller_id, interface_class, access_key)
    await _insert(tx, seal, seller_id, endpoint_id, access_key)


async def add_key(
    tx: Tx, seal: Seal, *, seller_id: UUID, endpoint_id: UUID, access_key: str, overlap: timedelta
) -> UUID:
    """Has calls signed with this key from now on; the one before stays good for `overlap`, or goes at once without.

    A key that still overlaps may be made the current one again. The endpoint is the seller's (the caller has checked).
    Raises Invalid, KeyOfAnotherClass, KeyInUse or TooManyKeys.
    """
    check_key(access_key)
    interface_class: InterfaceClass = await tx.fetch_value(
        "SELECT interface_class FROM endpoints WHERE id = %(endpoint)s", {"endpoint": endpoint_id}
    )
    same = [one for one in await _same_keys(tx, seal, seller_id, interface_class, access_key) if one.of == endpoint_id]
    live = await live_keys(tx, endpoint_id)
    if any(one.id == live[0].id for one in same):
        raise KeyInUse
    if overlap and not same and len(live) >= MOST_LIVE:
        raise TooManyKeys(most=MOST_LIVE)
    await _overlap(tx, live[0].id, overlap)
    if same:
        key_id = same[0].id
        await due.cancel(tx, RETIRE, key_id)
        await tx.execute(
            "UPDATE access_keys SET state = 'current', retires_at = NULL, created_at = %(now)s WHERE id = %(id)s",
            {"id": key_id, "now": tx.now},
        )
    else:
        key_id = await _insert(tx, seal, seller_id, endpoint_id, access_key)
    await tx.record("endpoint.key_added", "endpoint", endpoint_id, {"key": key_id, "hint": access_key[-4:]})
    if not overlap:
        for old in live:
            if old.id != key_id:
                await _retire(tx, old.id)
    return key_id


async def retire_key(tx: Tx, *, seller_id: UUID, endpoint_id: UUID, key_id: UUID) -> None:
    """Stops an overlapping key at once; one that is retired already stays so. Raises KeyNotFound or KeyIsCurrent."""
    # First, as it is the worker's first lock too: so they wait for each other in turn.
    await due.cancel(tx, RETIRE, key_id)
    state: KeyState | None = await tx.fetch_value(
        """
        SELECT state FROM access_keys
        WHERE id = %(id)s AND endpoint_id = %(endpoint)s AND seller_id = %(seller)s FOR UPDATE
        """,
        {"id": key_id, "endpoint": endpoint_id, "seller": seller_id},
    )
    if state is None:
        raise KeyNotFound
    if state == "current":
        raise KeyIsCurrent
    await _retire(tx, key_id)


async def retire_when_due(tx: Tx, row: DueRow) -> None:
    """An overlapping key's time is up."""
    await _retire(tx, row.subject_id)


async def _retire(tx: Tx, key_id: UUID) -> None:
    await due.cancel(tx, RETIRE, key_id)
    endpoint_id: UUID | None = await tx.fetch_value(
        """
        UPDATE access_keys SET state = 'retired', sealed = NULL, fingerprint = NULL, retires_at = %(now)s
        WHERE id = %(id)s AND state = 'overlapping' RETURNING endpoint_id
        """,
        {"id": key_id, "now": tx.now},
    )
    if endpoint_id:
        await tx.record("endpoint.key_retired", "endpoint", endpoint_id, {"key": key_id})


async def _overlap(tx: Tx, key_id: UUID, overlap: timedelta) -> None:
    until = tx.now + overlap
    await tx.execute(
        "UPDATE access_keys SET state = 'overlapping', retires_at = %(until)s WHERE id = %(id)s",
        {"id": key_id, "until": until},
    )
    if overlap:
        await due.schedule(tx, RETIRE, key_id, until)


async def _insert(tx: Tx, seal: Seal, seller_id: UUID, endpoint_id: UUID, access_key: str) -> UUID:
    key_id = new_id(tx.now)
    await tx.execute(
        """
        INSERT INTO access_keys (id, seller_id, endpoint_id, sealed, fingerprint, hint, state, created_at)
        VALUES (%(id)s, %(seller)s, %(endpoint)s, %(sealed)s, %(print)s, %(hint)s, 'current', %(now)s)
        """,
        {
            "id": key_id,
            "seller": seller_id,
            "endpoint": endpoint_id,
            "sealed": seal.close(access_key, str(endpoint_id)),
            "print": seal.fingerprints(access_key, str(seller_id))[0],
            "hint": access_key[-4:],
            "now": tx.now,
        },
    )
    return key_id


# --- A key is bound to one class of interface ------------------------------------------------------------------------


class _SameKey(msgspec.Struct, frozen=True):
    id: UUID
    of: UUID
    interface_class: InterfaceClass
    name: str


class _Unprinted(msgspec.Struct, frozen=True):
    id: UUID
    endpoint_id: UUID
    sealed: bytes


async def _same_keys(
    tx: Tx, seal: Seal, seller_id: UUID, interface_class: InterfaceClass, access_key: str
) -> list[_SameKey]:
    """The seller's live keys that are this very one. Raises KeyOfAnotherClass when one is bound to another class.

    From here on the seller's row is held, so that its keys change one after the other.
    """
    await tx.execute("SELECT FROM organisations WHERE id = %(seller)s FOR NO KEY UPDATE", {"seller": seller_id})
    await _print(tx, seal, seller_id)
    same = await tx.fetch_all(
        _SameKey,
        """
        SELECT k.id, k.endpoint_id AS of, e.interface_class, e.name
        FROM access_keys k JOIN endpoints e ON e.id = k.endpoint_id
        WHERE k.seller_id = %(seller)s AND k.state <> 'retired' AND k.fingerprint = ANY(%(prints)s)
        """,
        # While the installation's secret key changes, some fingerprints are still made with the one before.
        {"seller": seller_id, "prints": seal.fingerprints(access_key, str(seller_id))},
    )
    if bound := next((one for one in same if one.interface_class != interface_class), None):
        raise KeyOfAnotherClass(name=bound.name)
    return same


async def _print(tx: Tx, seal: Seal, seller_id: UUID) -> None:
    """Fingerprints the keys that were there before there were fingerprints; once per key."""
    for key in await tx.fetch_all(
        _Unprinted,
        """
        SELECT id, endpoint_id, sealed FROM access_keys
        WHERE seller_id = %(seller)s AND state <> 'retired' AND fingerprint IS NULL
        """,
        {"seller": seller_id},
    ):
        try:
            opened = seal.open(key.sealed, str(key.endpoint_id))
        except CannotUnseal:
            continue
        await tx.execute(
            "UPDATE access_keys SET fingerprint = %(print)s WHERE id = %(id)s AND state <> 'retired'",
            {"id": key.id, "print": seal.fingerprints(opened, str(seller_id))[0]},
        )


# --- Which key a seller's server goes by -----------------------------------------------------------------------------


class KeyUses:
    """Notes which key each endpoint's server accepted: at once when another one than before, else once an hour."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._noted: dict[UUID, tuple[bytes, bool, datetime]] = {}

    async def note(self, endpoint_id: UUID, sealed: bytes, *, current: bool) -> None:
        """The server at the endpoint accepted a call signed with this key. Nothing depends on this being kept."""
        now = self._db.clock.now()
        if noted := self._noted.get(endpoint_id):
            # Servers that do not agree among themselves make no write of every call.
            apart = NOTED_EVERY if noted[:2] == (sealed, current) else NOTED_APART
            if now - noted[2] < apart:
                return
        self._noted[endpoint_id] = (sealed, current, now)
        try:
            async with self._db.statement(SYSTEM) as tx:
                await tx.execute(
                    """
                    UPDATE access_keys SET last_used_at = %(now)s
                    WHERE endpoint_id = %(endpoint)s AND sealed = %(sealed)s
                    """,
                    {"endpoint": endpoint_id, "sealed": sealed, "now": now},
                )
        except DATABASE_AWAY:
            del self._noted[endpoint_id]
