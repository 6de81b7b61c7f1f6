"""Every SELECT on people and organisations."""

from collections.abc import Collection
from typing import LiteralString
from uuid import UUID

from tradehall.kernel.db import Reader, like
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.parties.model import ApiToken, Contact, Organisation, OrganisationKind, Seat, secret_hash


class _Account(Seat, frozen=True):
    password_hash: str


_SEAT = """
    p.id AS person_id, p.email, p.name, p.locale, p.timezone, o.id AS organisation_id, o.kind AS organisation_kind,
    o.name_en AS organisation_name_en, o.name_zh AS organisation_name_zh, m.role
"""


async def seat_of_session(reader: Reader, token: str) -> Seat | None:
    """Who a session cookie stands for; None when it is unknown, expired or its person disabled."""
    return await reader.fetch_one(
        Seat,
        f"""
        SELECT {_SEAT} FROM sessions s
        JOIN memberships m USING (person_id, organisation_id)
        JOIN people p ON p.id = s.person_id JOIN organisations o ON o.id = s.organisation_id
        WHERE s.token_hash = %(hash)s AND s.expires_at > %(now)s AND p.disabled_at IS NULL
        """,
        {"hash": secret_hash(token), "now": reader.now},
    )


class TokenSeat(Seat, frozen=True):
    """A seat reached by an API token, and whether its last use should be noted again."""

    token_id: UUID
    use_is_stale: bool


async def seat_of_token(reader: Reader, token: str) -> TokenSeat | None:
    """Who a personal API token stands for; None when it is unknown, revoked, expired or its person disabled."""
    return await reader.fetch_one(
        TokenSeat,
        f"""
        SELECT {_SEAT}, t.id AS token_id,
               coalesce(t.last_used_at < %(now)s - interval '1 minute', true) AS use_is_stale
        FROM api_tokens t
        JOIN memberships m USING (person_id, organisation_id)
        JOIN people p ON p.id = t.person_id JOIN organisations o ON o.id = t.organisation_id
        WHERE t.token_hash = %(hash)s AND t.revoked_at IS NULL AND p.disabled_at IS NULL
          AND (t.expires_at IS NULL OR t.expires_at > %(now)s)
        """,
        {"hash": secret_hash(token), "now": reader.now},
    )


async def account_by_email(reader: Reader, email: str) -> _Account | None:
    """The person with this address, in the seat first given to them, with the stored password hash."""
    return await reader.fetch_one(
        _Account,
        f"""
        SELECT {_SEAT}, p.password_hash FROM people p
        JOIN memberships m ON m.person_id = p.id JOIN organisations o ON o.id = m.organisation_id
        WHERE p.email = %(email)s AND p.disabled_at IS NULL
        ORDER BY m.created_at, o.id LIMIT 1
        """,
        {"email": email.strip().lower()},
    )


async def seats_of_person(reader: Reader, person_id: UUID) -> list[Seat]:
    """All organisations a person may act for."""
    return await reader.fetch_all(
        Seat,
        f"""
        SELECT {_SEAT} FROM memberships m
        JOIN people p ON p.id = m.person_id JOIN organisations o ON o.id = m.organisation_id
        WHERE m.person_id = %(person)s ORDER BY m.created_at, o.id LIMIT 50
        """,
        {"person": person_id},
    )


async def seat(reader: Reader, person_id: UUID, organisation_id: UUID) -> Seat | None:
    """The person's seat in this organisation; None where they have none."""
    return await reader.fetch_one(
        Seat,
        f"""
        SELECT {_SEAT} FROM memberships m
        JOIN people p ON p.id = m.person_id JOIN organisations o ON o.id = m.organisation_id
        WHERE m.person_id = %(person)s AND m.organisation_id = %(organisation)s
        """,
        {"person": person_id, "organisation": organisation_id},
    )


async def contact(reader: Reader, person_id: UUID) -> Contact | None:
    """How a person is reached beside the pages."""
    return await reader.fetch_one(
        Contact, "SELECT phone, mail_notices FROM people WHERE id = %(id)s", {"id": person_id}
    )


async def platform_people(reader: Reader) -> list[Seat]:
    """Everybody who works for the platform, at most two hundred."""
    return await reader.fetch_all(
        Seat,
        f"""
        SELECT {_SEAT} FROM organisations o
        JOIN memberships m ON m.organisation_id = o.id JOIN people p ON p.id = m.person_id
        WHERE o.kind = 'platform' AND p.disabled_at IS NULL ORDER BY p.name, p.id LIMIT 200
        """,
    )


async def account_manager(reader: Reader, organisation_id: UUID) -> UUID | None:
    """Who of the platform looks after this buyer; None for nobody in particular."""
    found: UUID | None = await reader.fetch_value(
        "SELECT account_manager_id FROM organisations WHERE id = %(id)s", {"id": organisation_id}
    )
    return found


async def members(reader: Reader, organisation_id: UUID) -> list[Seat]:
    """The people of an organisation, at most two hundred."""
    return await reader.fetch_all(
        Seat,
        f"""
        SELECT {_SEAT} FROM memberships m
        JOIN people p ON p.id = m.person_id JOIN organisations o ON o.id = m.organisation_id
        WHERE m.organisation_id = %(organisation)s ORDER BY p.name LIMIT 200
        """,
        {"organisation": organisation_id},
    )


async def tokens_of_person(reader: Reader, person_id: UUID) -> list[ApiToken]:
    """A person's API tokens, newest first, revoked ones included, at most a hundred."""
    return await reader.fetch_all(
        ApiToken,
        """
        SELECT t.id, t.name, t.hint, o.name_en AS organisation_name_en, o.name_zh AS organisation_name_zh,
               t.created_at, t.last_used_at, t.expires_at, t.revoked_at
        FROM api_tokens t JOIN organisations o ON o.id = t.organisation_id
        WHERE t.person_id = %(person)s ORDER BY t.id DESC LIMIT 100
        """,
        {"person": person_id},
    )


async def organisations(
    reader: Reader, wanted: PageRequest, *, kind: OrganisationKind | None = None, text: str = ""
) -> Page[Organisation]:
    """Organisations, newest first, by kind and by part of a name."""
    where, order = keyset(wanted)
    rows = await reader.fetch_all(
        Organisation,
        f"""
        SELECT id, kind, name_en, name_zh, created_at, track FROM organisations
        WHERE {where}
          AND (%(kind)s::text IS NULL OR kind = %(kind)s)
          AND (%(like)s::text IS NULL OR lower(name_en || ' ' || name_zh) LIKE %(like)s)
        ORDER BY {order} LIMIT %(fetch)s
        """,
        {"kind": kind, "like": like(text) if text else None, **wanted.params},
    )
    return page(rows, wanted, lambda row: row.id)


async def organisation(reader: Reader, organisation_id: UUID) -> Organisation | None:
    return await reader.fetch_one(
        Organisation,
        "SELECT id, kind, name_en, name_zh, created_at, track FROM organisations WHERE id = %(id)s",
        {"id": organisation_id},
    )


def belongs_to_a_side(row: LiteralString) -> LiteralString:
    """Whether %(person)s belongs to the buyer or the seller of a row, as a condition on a table by its alias."""
    return f"""
        EXISTS (SELECT FROM memberships m
                WHERE m.person_id = %(person)s AND m.organisation_id IN ({row}.buyer_id, {row}.seller_id))
    """


async def belongs_to_any(reader: Reader, person_id: UUID | None, organisation_ids: Collection[UUID]) -> bool:
    """Whether a person is a member of one of these organisations."""
    found: bool | None = await reader.fetch_value(
        "SELECT true FROM memberships WHERE person_id = %(person)s AND organisation_id = ANY(%(wanted)s) LIMIT 1",
        {"person": person_id, "wanted": list(organisation_ids)},
    )
    return bool(found)
