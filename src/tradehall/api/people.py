"""Who one is, and one's personal API tokens."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, delete, get, post

from tradehall.api.common import ApiRequest, IdempotencyKey, installation_of_app, write
from tradehall.edge.access import actor_of_seat, anyone_signed_in
from tradehall.kernel.db import Tx
from tradehall.parties import actions, queries
from tradehall.parties.errors import NotAMember, TokenNotFound, TooManySignIns, WrongPassword
from tradehall.parties.model import ApiToken, OrganisationKind, Role, Seat


class SeatOrganisation(msgspec.Struct, frozen=True):
    """An organisation somebody may act for, and in which role."""

    id: UUID
    kind: OrganisationKind
    name_en: str
    name_zh: str
    role: Role


class Me(msgspec.Struct, frozen=True):
    """Whose token this is, which organisation it acts for, and all organisations the person may act for."""

    id: UUID
    email: str
    name: str
    locale: str | None
    timezone: str | None
    organisation: SeatOrganisation
    organisations: list[SeatOrganisation]


class MakeToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks for a token, what it is for, and for which of the person's organisations it acts: the first one joined
    when none is named. Without `days` it does not expire."""

    email: Annotated[str, msgspec.Meta(max_length=320)]
    password: Annotated[str, msgspec.Meta(max_length=1000)]
    name: str = "API"
    organisation_id: UUID | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None


class NewToken(msgspec.Struct, frozen=True):
    """A new token. `token` is shown this once."""

    id: UUID
    token: str
    name: str
    organisation: SeatOrganisation
    expires_at: datetime | None


def _organisation(seat: Seat) -> SeatOrganisation:
    return SeatOrganisation(
        seat.organisation_id, seat.organisation_kind, seat.organisation_name_en, seat.organisation_name_zh, seat.role
    )


@get("/me", guards=[anyone_signed_in])
async def get_me(request: ApiRequest) -> Me:
    """See who you are.

    The person and the organisation the token acts for, and every other one the person may make tokens for.
    """
    seat = request.user.seat
    assert seat, "guarded"
    async with installation_of_app(request).db.read() as reader:
        seats = await queries.seats_of_person(reader, seat.person_id)
    return Me(
        seat.person_id,
        seat.email,
        seat.name,
        seat.locale,
        seat.timezone,
        _organisation(seat),
        [_organisation(one) for one in seats],
    )


@post("/tokens", status_code=201, opt={"problems": [WrongPassword, NotAMember, TooManySignIns]})
async def create_token(request: ApiRequest, data: MakeToken, idempotency_key: IdempotencyKey = None) -> NewToken:
    """Make an API token.

    Takes your e-mail address and password in place of a token. Too many wrong passwords for one account or from one
    address are answered with 429 for a while.
    """
    installation = installation_of_app(request)
    seat = await actions.check_password(
        installation.db,
        installation.sign_in_policy,
        email=data.email,
        password=data.password,
        address=request.client.host if request.client else "",
    )

    async def action(tx: Tx) -> NewToken:
        chosen: Seat | None = seat
        if data.organisation_id:
            chosen = await queries.seat(tx, seat.person_id, data.organisation_id)
        if chosen is None:
            raise NotAMember
        lifetime = timedelta(days=data.days) if data.days else None
        token_id, token = await actions.create_token(tx, chosen, data.name, lifetime)
        expires_at = tx.now + lifetime if lifetime else None
        return NewToken(token_id, token, data.name.strip(), _organisation(chosen), expires_at)

    # The password has been checked; it is not part of what tells one request from another.
    asked = msgspec.structs.replace(data, password="")
    return await write(request, NewToken, idempotency_key, action, asked, actor=actor_of_seat(seat), secret=True)


@get("/tokens", guards=[anyone_signed_in])
async def list_tokens(request: ApiRequest) -> list[ApiToken]:
    """List your API tokens.

    Newest first, revoked and expired ones included, a hundred at most. The tokens themselves are never shown again.
    """
    person = request.user.actor.person_id
    assert person, "guarded"
    async with installation_of_app(request).db.read() as reader:
        return await queries.tokens_of_person(reader, person)


@delete("/tokens/{token_id:uuid}", guards=[anyone_signed_in], status_code=204, opt={"problems": [TokenNotFound]})
async def revoke_token(request: ApiRequest, token_id: UUID, idempotency_key: IdempotencyKey = None) -> None:
    """Revoke an API token.

    It stops working at once. Revoking it again changes nothing.
    """
    person = request.user.actor.person_id
    assert person, "guarded"

    async def action(tx: Tx) -> None:
        await actions.revoke_token(tx, person, token_id)

    await write(request, type(None), idempotency_key, action)
    # Other processes hear of it; this one need not wait to hear.
    installation_of_app(request).seats.forget()


router = Router("/", route_handlers=[get_me, create_token, list_tokens, revoke_token], tags=["You"])
