"""People, organisations of the three kinds, roles, and the secrets they sign in with."""

import hashlib
import re
import secrets
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

OrganisationKind = Literal["buyer", "seller", "platform"]
Role = Literal["member", "admin"]
Track = Literal["empowerment", "base"]

PASSWORD_LENGTH = (10, 200)
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
TOKEN_PREFIX = "thp_"

_hasher = PasswordHasher()


class Organisation(msgspec.Struct, frozen=True):
    """A company that buys or sells here, or the platform itself. `track` is the sales scene a buyer belongs to."""

    id: UUID
    kind: OrganisationKind
    name_en: str
    name_zh: str
    created_at: datetime
    track: Track | None


class Person(msgspec.Struct, frozen=True):
    """Somebody who can sign in."""

    id: UUID
    email: str
    name: str
    locale: Literal["en", "zh"] | None
    timezone: str | None


class Contact(msgspec.Struct, frozen=True):
    """How a person is reached beside the pages: a phone as E.164 writes it, and whether notices come by mail."""

    phone: str | None
    mail_notices: bool


class Seat(msgspec.Struct, frozen=True):
    """A person acting for one organisation: what a session or a token stands for."""

    person_id: UUID
    email: str
    name: str
    locale: Literal["en", "zh"] | None
    timezone: str | None
    organisation_id: UUID
    organisation_kind: OrganisationKind
    organisation_name_en: str
    organisation_name_zh: str
    role: Role


class ApiToken(msgspec.Struct, frozen=True):
    """A personal API token as its owner sees it; the token itself is shown once, when it is made."""

    id: UUID
    name: str
    hint: str
    organisation_name_en: str
    organisation_name_zh: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


def hash_password(password: str) -> str:
    """Argon2id; takes tens of milliseconds of processor time on purpose, so call it off the event loop."""
    return _hasher.hash(password)


def password_matches(password: str, stored: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


# Verified against when there is no such account, so that the answer takes as long as for a wrong password.
NOBODYS_PASSWORD = hash_password(secrets.token_urlsafe(16))


def new_secret(prefix: str = "") -> str:
    """An unguessable token of 256 bits."""
    return prefix + secrets.token_urlsafe(32)


def secret_hash(secret: str) -> bytes:
    """What is stored of a token; a fast hash does, since nobody can try out 256 bits."""
    return hashlib.sha256(secret.encode()).digest()
