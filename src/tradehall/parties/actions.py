"""What people do at the door: register, sign in and out, change seats, make and revoke tokens."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from tradehall.kernel.db import Database, Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.parties import queries
from tradehall.parties.errors import NotAMember, OrganisationNotFound, TokenNotFound, TooManySignIns, WrongPassword
from tradehall.parties.model import (
    NOBODYS_PASSWORD,
    PASSWORD_LENGTH,
    PHONE,
    TOKEN_PREFIX,
    OrganisationKind,
    Role,
    Seat,
    Track,
    hash_password,
    new_secret,
    password_matches,
    secret_hash,
)
from tradehall.parties.seats import announce_change


class SignInPolicy(msgspec.Struct, frozen=True):
    """How many wrong passwords are too many, how long to wait then, and how long a session lasts."""

    attempts: int
    pause: timedelta
    session: timedelta


async def create_organisation(tx: Tx, kind: OrganisationKind, name_en: str, name_zh: str) -> UUID:
    """A new organisation."""
    organisation_id = new_id()
    await tx.execute(
        """
        INSERT INTO organisations (id, kind, name_en, name_zh, created_at)
        VALUES (%(id)s, %(kind)s, %(name_en)s, %(name_zh)s, %(now)s)
        """,
        {"id": organisation_id, "kind": kind, "name_en": name_en, "name_zh": name_zh, "now": tx.now},
    )
    await tx.record("organisation.created", "organisation", organisation_id, {"kind": kind, "name": name_en})
    return organisation_id


async def set_track(tx: Tx, organisation_id: UUID, track: Track | None) -> None:
    """Puts a buyer into a sales scene, or takes it out; what it ordered before stays what it is.

    Raises OrganisationNotFound, or Invalid for an organisation that does not buy.
    """
    found = await queries.organisation(tx, organisation_id)
    if found is None:
        raise OrganisationNotFound
    if found.kind != "buyer":
        raise invalid("track", "Only buyers belong to a scene.")
    changed = await tx.fetch_value(
        """
        UPDATE organisations SET track = %(track)s WHERE id = %(id)s AND track IS DISTINCT FROM %(track)s
        RETURNING true
        """,
        {"id": organisation_id, "track": track},
    )
    if changed:
        await tx.record("organisation.track_set", "organisation", organisation_id, {"track": track})


async def create_person(
    tx: Tx, *, email: str, name: str, password: str, locale: str | None = None, timezone: str | None = None
) -> UUID:
    """A new person, who belongs nowhere yet. Raises Invalid for a password that is too short or long."""
    least, most = PASSWORD_LENGTH
    if not least <= len(password) <= most:
        raise invalid("password", "Choose a password of {least} to {most} characters.", least=least, most=most)
    person_id = new_id()
    await tx.execute(
        """
        INSERT INTO people (id, email, name, password_hash, locale, timezone, created_at)
        VALUES (%(id)s, %(email)s, %(name)s, %(hash)s, %(locale)s, %(timezone)s, %(now)s)
        """,
        {
            "id": person_id,
            "email": email.strip().lower(),
            "name": name,
            "hash": await asyncio.to_thread(hash_password, password),
            "locale": locale,
            "timezone": timezone,
            "now": tx.now,
        },
    )
    await tx.record("person.created", "person", person_id, {"email": email})
    return person_id


async def add_member(tx: Tx, organisation_id: UUID, person_id: UUID, role: Role) -> None:
    """Has the person act for the organisation in this role."""
    await tx.execute(
        """
        INSERT INTO memberships (person_id, organisation_id, role, created_at)
        VALUES (%(person)s, %(organisation)s, %(role)s, %(now)s)
        ON CONFLICT (person_id, organisation_id) DO UPDATE SET role = excluded.role
        """,
        {"person": person_id, "organisation": organisation_id, "role": role, "now": tx.now},
    )
    await announce_change(tx)
    await tx.record("member.added", "organisation", organisation_id, {"person": person_id, "role": role})


async def check_password(db: Database, policy: SignInPolicy, *, email: str, password: str, address: str) -> Seat:
    """The seat of whoever knows the password. Raises WrongPassword, or TooManySignIns after too many of those.

    Takes a database and not a transaction: a failure must stay counted although the request fails.
    """
    keys = [f"account:{_digest(email.strip().lower())}", f"address:{_digest(address)}"]
    async with db.read() as reader:
        await _refuse_if_paused(reader, policy, keys)
        account = await queries.account_by_email(reader, email)
    stored = account.password_hash if account else NOBODYS_PASSWORD
    right = await asyncio.to_thread(password_matches, password, stored)
    async with db.transaction(SYSTEM) as tx:
        if account and right:
            await tx.execute("DELETE FROM sign_in_failures WHERE key = %(key)s", {"key": keys[0]})
            return account
        for key in keys:
            await tx.execute(
                """
                INSERT INTO sign_in_failures AS f (key, failures, first_at) VALUES (%(key)s, 1, %(now)s)
                ON CONFLICT (key) DO UPDATE SET
                    failures = CASE WHEN f.first_at > %(since)s THEN f.failures + 1 ELSE 1 END,
                    first_at = CASE WHEN f.first_at > %(since)s THEN f.first_at ELSE %(now)s END
                """,
                {"key": key, "now": tx.now, "since": tx.now - policy.pause},
            )
    raise WrongPassword


async def _refuse_if_paused(reader: Reader, policy: SignInPolicy, keys: list[str]) -> None:
    # An address may be an office with many people behind it, so it is given ten times an account's attempts.
    first_at: datetime | None = await reader.fetch_value(
        """
        SELECT min(first_at) FROM sign_in_failures
        WHERE first_at > %(since)s
          AND ((key = %(account)s AND failures >= %(most)s) OR (key = %(address)s AND failures >= 10 * %(most)s))
        """,
        {"since": reader.now - policy.pause, "account": keys[0], "address": keys[1], "most": policy.attempts},
    )
    if first_at:
        left = first_at + policy.pause - reader.now
        raise TooManySignIns(minutes=max(1, -(-int(left.total_seconds()) // 60)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def open_session(tx: Tx, policy: SignInPolicy, seat: Seat, user_agent: str) -> str:
    """Signs the person in and returns the cookie's secret."""
    token = new_secret()
    await tx.execute(
        """
        INSERT INTO sessions (token_hash, person_id, organisation_id, user_agent, created_at, expires_at)
        VALUES (%(hash)s, %(person)s, %(organisation)s, %(agent)s, %(now)s, %(until)s)
        """,
        {
            "hash": secret_hash(token),
            "person": seat.person_id,
            "organisation": seat.organisation_id,
            "agent": user_agent[:200],
            "now": tx.now,
            "until": tx.now + policy.session,
        },
    )
    await tx.record("person.signed_in", "person", seat.person_id, {"organisation": seat.organisation_id})
    return token


async def close_session(tx: Tx, token: str) -> None:
    """Signs out; signing out twice is fine."""
    await tx.execute("DELETE FROM sessions WHERE token_hash = %(hash)s", {"hash": secret_hash(token)})
    await announce_change(tx)


async def change_seat(tx: Tx, token: str, person_id: UUID, organisation_id: UUID) -> None:
    """Has this session act for another of the person's organisations. Raises NotAMember."""
    if not await tx.fetch_value(
        """
        UPDATE sessions s SET organisation_id = m.organisation_id FROM memberships m
        WHERE s.token_hash = %(hash)s AND s.person_id = %(person)s
          AND m.person_id = s.person_id AND m.organisation_id = %(organisation)s
        RETURNING true
        """,
        {"hash": secret_hash(token), "person": person_id, "organisation": organisation_id},
    ):
        raise NotAMember
    await announce_change(tx)


async def set_preferences(tx: Tx, person_id: UUID, *, locale: str | None = None, timezone: str | None = None) -> None:
    """Remembers the language or time zone a person chose; None leaves it as it is."""
    await tx.execute(
        """
        UPDATE people SET locale = coalesce(%(locale)s, locale), timezone = coalesce(%(timezone)s, timezone)
        WHERE id = %(id)s
        """,
        {"id": person_id, "locale": locale, "timezone": timezone},
    )
    await announce_change(tx)


async def set_contact(tx: Tx, person_id: UUID, *, phone: str, mail_notices: bool) -> None:
    """Remembers where a person wants to be told what happens; an empty phone is none. Raises Invalid."""
    written = "".join(one for one in phone if one not in " -().")
    if written and not PHONE.fullmatch(written):
        raise invalid("phone", "Write the number with its country code, such as +86 138 0013 8000.")
    await tx.execute(
        "UPDATE people SET phone = %(phone)s, mail_notices = %(mail)s WHERE id = %(id)s",
        {"id": person_id, "phone": written or None, "mail": mail_notices},
    )


async def set_account_manager(tx: Tx, organisation_id: UUID, person_id: UUID | None) -> None:
    """Says who of the platform looks after a buyer, or that nobody in particular does.

    Raises OrganisationNotFound, or Invalid for somebody who does not work for the platform or an organisation that
    does not buy.
    """
    found = await queries.organisation(tx, organisation_id)
    if found is None:
        raise OrganisationNotFound
    if found.kind != "buyer":
        raise invalid("account_manager", "Only buyers have an account manager.")
    if person_id and person_id not in {one.person_id for one in await queries.platform_people(tx)}:
        raise invalid("account_manager", "Choose somebody who works for the marketplace.")
    changed = await tx.fetch_value(
        """
        UPDATE organisations SET account_manager_id = %(person)s
        WHERE id = %(id)s AND account_manager_id IS DISTINCT FROM %(person)s RETURNING true
        """,
        {"id": organisation_id, "person": person_id},
    )
    if changed:
        await tx.record("organisation.account_manager_set", "organisation", organisation_id, {"person": person_id})


async def create_token(tx: Tx, seat: Seat, name: str, lifetime: timedelta | None = None) -> tuple[UUID, str]:
    """A personal API token for this seat: its id, and the token, which is never shown again."""
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise invalid("name", "Write 1 to {most} characters.", most=80)
    token_id, token = new_id(), new_secret(TOKEN_PREFIX)
    await tx.execute(
        """
        INSERT INTO api_tokens (id, token_hash, hint, person_id, organisation_id, name, created_at, expires_at)
        VALUES (%(id)s, %(hash)s, %(hint)s, %(person)s, %(organisation)s, %(name)s, %(now)s, %(until)s)
        """,
        {
            "id": token_id,
            "hash": secret_hash(token),
            "hint": token[:8] + "…" + token[-4:],
            "person": seat.person_id,
            "organisation": seat.organisation_id,
            "name": name,
            "now": tx.now,
            "until": tx.now + lifetime if lifetime else None,
        },
    )
    await tx.record("token.created", "person", seat.person_id, {"token": token_id, "name": name})
    return token_id, token


async def revoke_token(tx: Tx, person_id: UUID, token_id: UUID) -> None:
    """Ends a token of this person. Revoking it twice is fine; raises TokenNotFound when it is not theirs."""
    found = await tx.fetch_value(
        """
        UPDATE api_tokens SET revoked_at = coalesce(revoked_at, %(now)s)
        WHERE id = %(id)s AND person_id = %(person)s RETURNING id
        """,
        {"id": token_id, "person": person_id, "now": tx.now},
    )
    if not found:
        raise TokenNotFound
    await announce_change(tx)
    await tx.record("token.revoked", "person", person_id, {"token": token_id})


async def note_token_use(tx: Tx, token_id: UUID) -> None:
    """Remembers when a token was last used, to the minute."""
    await tx.execute("UPDATE api_tokens SET last_used_at = %(now)s WHERE id = %(id)s", {"id": token_id, "now": tx.now})


async def forget_old(tx: Tx, idempotency_ttl: timedelta) -> None:
    """Housekeeping: expired sessions, stale counts of wrong passwords, idempotency keys past their time."""
    await tx.execute("DELETE FROM sessions WHERE expires_at < %(now)s", {"now": tx.now})
    await tx.execute("DELETE FROM sign_in_failures WHERE first_at < %(old)s", {"old": tx.now - timedelta(days=1)})
    await tx.execute("DELETE FROM idempotency_keys WHERE created_at < %(old)s", {"old": tx.now - idempotency_ttl})
