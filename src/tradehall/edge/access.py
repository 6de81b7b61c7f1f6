"""Who is asking, and whether their kind of organisation and role may ask at all.

Which rows they may see is not decided here but in the rooms' queries.
"""

from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from tradehall.installation import Installation
from tradehall.kernel.errors import NotSignedIn
from tradehall.kernel.journal import SYSTEM, Actor
from tradehall.parties import actions
from tradehall.parties.errors import InvalidToken, OnlyAdmins, WrongConsole
from tradehall.parties.model import OrganisationKind, Role, Seat

SESSION_COOKIE = "tradehall_session"
Connection = ASGIConnection[Any, Any, Any, Any]
ANONYMOUS = Actor("visitor")


class Visitor(msgspec.Struct, frozen=True):
    """Whoever sent a request: a person in a seat, or nobody known."""

    seat: Seat | None
    actor: Actor
    session: str | None = None

    @property
    def organisation_id(self) -> UUID | None:
        return self.actor.organisation_id


NOBODY = Visitor(None, ANONYMOUS)


def installation_of(connection: Connection) -> Installation:
    """The process's installation."""
    installation: Installation = connection.app.state.installation
    return installation


def actor_of_seat(seat: Seat) -> Actor:
    return Actor(seat.organisation_kind, seat.person_id, seat.organisation_id, seat.role, seat.name)


async def visitor_with_token(connection: Connection) -> Visitor:
    """The bearer of an API token; nobody where there is none. Raises InvalidToken."""
    header = connection.headers.get("Authorization")
    if header is None:
        return NOBODY
    scheme, _, token = header.partition(" ")
    installation = installation_of(connection)
    seat = await installation.seats.of_token(token.strip()) if scheme.lower() == "bearer" else None
    if seat is None:
        raise InvalidToken
    if seat.use_is_stale:
        async with installation.db.transaction(SYSTEM) as tx:
            await actions.note_token_use(tx, seat.token_id)
    return _known(seat)


async def visitor_with_cookie(connection: Connection) -> Visitor:
    """Who is signed in in this browser; nobody when the session is unknown or over."""
    session = connection.cookies.get(SESSION_COOKIE)
    if not session:
        return NOBODY
    seat = await installation_of(connection).seats.of_session(session)
    return _known(seat, session) if seat else NOBODY


def _known(seat: Seat, session: str | None = None) -> Visitor:
    structlog.contextvars.bind_contextvars(person=str(seat.person_id), organisation=str(seat.organisation_id))
    return Visitor(seat, actor_of_seat(seat), session)


class Only:
    """A guard that lets in people of some kinds of organisation, in a role or a higher one."""

    def __init__(self, kinds: tuple[OrganisationKind, ...], role: Role) -> None:
        self.kinds = kinds
        self.role = role

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        visitor: Visitor = connection.user
        if visitor.seat is None:
            raise NotSignedIn
        if visitor.actor.kind not in self.kinds:
            raise WrongConsole
        if self.role == "admin" and visitor.actor.role != "admin":
            raise OnlyAdmins


def only(*kinds: OrganisationKind, role: Role = "member") -> Only:
    """Lets in people of these kinds of organisation, in this role or a higher one."""
    return Only(kinds, role)


anyone_signed_in = only("buyer", "seller", "platform")
