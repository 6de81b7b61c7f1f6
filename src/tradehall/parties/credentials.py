"""API credentials: pairs of access key id and secret (AK/SK) with which a seller's programs sign their calls here.

The secret is shown once, when it is made, and kept sealed, since a signature can only be checked by who knows it.
"""

import secrets
import string
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.ids import new_id
from tradehall.kernel.secrets import Seal
from tradehall.parties.errors import CredentialNotFound, TooManyCredentials
from tradehall.parties.model import OrganisationKind

MOST_LIVE = 10
MOST_SHOWN = 50
NOTED_EVERY = timedelta(minutes=1)
LONGEST_NAME = 80

_ID_CHARACTERS = string.ascii_uppercase + string.digits
_SECRET_CHARACTERS = string.ascii_letters + string.digits


class ApiCredential(msgspec.Struct, frozen=True):
    """An API credential as its organisation sees it; the secret is shown once, when it is made."""

    id: UUID
    access_key_id: str
    name: str
    created_by_name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class Signer(msgspec.Struct, frozen=True):
    """Whose signature a call claims to carry, and what it can be checked with: `secret` opens for the id."""

    id: UUID
    organisation_id: UUID
    organisation_kind: OrganisationKind
    secret: bytes
    use_is_stale: bool


async def create_credential(tx: Tx, seal: Seal, *, name: str) -> tuple[UUID, str]:
    """A credential of the actor's organisation: its id, and the secret, which is never shown again.

    Raises Invalid for a name that is none, TooManyCredentials.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise invalid("name", "Write 1 to {most} characters.", most=LONGEST_NAME)
    organisation = {"organisation": tx.actor.organisation_id}
    # Held, so that two who make one at the same moment cannot both make the last.
    await tx.execute("SELECT FROM organisations WHERE id = %(organisation)s FOR NO KEY UPDATE", organisation)
    live: int = await tx.fetch_value(
        "SELECT count(*) FROM api_credentials WHERE organisation_id = %(organisation)s AND revoked_at IS NULL",
        organisation,
    )
    if live >= MOST_LIVE:
        raise TooManyCredentials(most=MOST_LIVE)
    credential_id, access_key_id = new_id(tx.now), _random(_ID_CHARACTERS, 20)
    secret = _random(_SECRET_CHARACTERS, 40)
    await tx.execute(
        """
        INSERT INTO api_credentials (id, organisation_id, access_key_id, secret, name, created_by, created_at)
        VALUES (%(id)s, %(organisation)s, %(ak)s, %(secret)s, %(name)s, %(person)s, %(now)s)
        """,
        {
            "id": credential_id,
            "organisation": tx.actor.organisation_id,
            "ak": access_key_id,
            "secret": seal.close(secret, str(credential_id)),
            "name": name,
            "person": tx.actor.person_id,
            "now": tx.now,
        },
    )
    await _record(tx, "credential.created", {"credential": credential_id, "access_key_id": access_key_id, "name": name})
    return credential_id, secret


async def revoke_credential(tx: Tx, credential_id: UUID) -> None:
    """Ends a credential of the actor's organisation at once; its secret is forgotten. Revoking it twice is fine.

    Raises CredentialNotFound when it is not theirs.
    """
    owned = {"id": credential_id, "organisation": tx.actor.organisation_id}
    access_key_id: str | None = await tx.fetch_value(
        """
        UPDATE api_credentials SET revoked_at = %(now)s, secret = NULL
        WHERE id = %(id)s AND organisation_id = %(organisation)s AND revoked_at IS NULL RETURNING access_key_id
        """,
        owned | {"now": tx.now},
    )
    if access_key_id:
        await _record(tx, "credential.revoked", {"credential": credential_id, "access_key_id": access_key_id})
    elif not await tx.fetch_value(
        "SELECT true FROM api_credentials WHERE id = %(id)s AND organisation_id = %(organisation)s", owned
    ):
        raise CredentialNotFound


async def credentials_of(reader: Reader, organisation_id: UUID) -> list[ApiCredential]:
    """An organisation's credentials, those that are good first, then newest first, at most fifty."""
    return await reader.fetch_all(
        ApiCredential,
        """
        SELECT c.id, c.access_key_id, c.name, p.name AS created_by_name, c.created_at, c.last_used_at, c.revoked_at
        FROM api_credentials c JOIN people p ON p.id = c.created_by
        WHERE c.organisation_id = %(organisation)s
        ORDER BY c.revoked_at IS NOT NULL, c.id DESC LIMIT %(most)s
        """,
        {"organisation": organisation_id, "most": MOST_SHOWN},
    )


async def signer(reader: Reader, access_key_id: str) -> Signer | None:
    """Whose access key id this is; None when it is unknown or revoked. Finding it proves nothing yet."""
    if not access_key_id.isascii() or not access_key_id.isalnum():
        return None  # nor can it be asked for, should it hold what a text in the database cannot
    return await reader.fetch_one(
        Signer,
        """
        SELECT c.id, c.organisation_id, o.kind AS organisation_kind, c.secret,
               coalesce(c.last_used_at <= %(stale)s, true) AS use_is_stale
        FROM api_credentials c JOIN organisations o ON o.id = c.organisation_id
        WHERE c.access_key_id = %(ak)s AND c.revoked_at IS NULL
        """,
        {"ak": access_key_id, "stale": reader.now - NOTED_EVERY},
    )


async def note_use(tx: Tx, credential_id: UUID) -> None:
    """Remembers when a credential was last used, to the minute: of those who note it at once one does."""
    await tx.execute(
        """
        UPDATE api_credentials SET last_used_at = %(now)s
        WHERE id = %(id)s AND coalesce(last_used_at <= %(stale)s, true)
        """,
        {"id": credential_id, "now": tx.now, "stale": tx.now - NOTED_EVERY},
    )


async def _record(tx: Tx, kind: str, facts: dict[str, object]) -> None:
    assert tx.actor.organisation_id, "who makes and ends credentials acts for an organisation"
    await tx.record(kind, "organisation", tx.actor.organisation_id, facts)


def _random(characters: str, length: int) -> str:
    return "".join(secrets.choice(characters) for _ in range(length))
