"""Remembers for some seconds who a token or a session stands for, so that not every request asks the database.

Whatever ends or changes a seat announces it, and every process forgets at once. Should the announcement not come
through (the connection it comes over is just being renewed), the memory fades by itself.
"""

import time
from collections.abc import Awaitable, Callable
from typing import LiteralString, TypeVar

import msgspec

from tradehall.kernel.db import Database, Reader, Tx
from tradehall.parties import queries
from tradehall.parties.model import Seat, secret_hash
from tradehall.parties.queries import TokenSeat

T = TypeVar("T", bound=Seat)

CHANNEL: LiteralString = "seat"
REMEMBERED_SECONDS = 10.0
MOST_REMEMBERED = 10_000


class Seats:
    """Who sits where, as this process knows it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tokens: dict[bytes, tuple[float, TokenSeat]] = {}
        self._sessions: dict[bytes, tuple[float, Seat]] = {}
        self._changes = 0

    async def of_token(self, token: str) -> TokenSeat | None:
        """Who a personal API token stands for; None when it is unknown, revoked or expired."""
        seat = await self._look_up(self._tokens, token, queries.seat_of_token)
        if seat and seat.use_is_stale:
            # Told to one caller, who notes the use; not to everybody for as long as it is remembered.
            key = secret_hash(token)
            if key in self._tokens:
                self._tokens[key] = (time.monotonic(), msgspec.structs.replace(seat, use_is_stale=False))
        return seat

    async def of_session(self, token: str) -> Seat | None:
        """Who a session cookie stands for; None when it is unknown or over."""
        return await self._look_up(self._sessions, token, queries.seat_of_session)

    async def _look_up(
        self,
        known: dict[bytes, tuple[float, T]],
        token: str,
        ask: Callable[[Reader, str], Awaitable[T | None]],
    ) -> T | None:
        key, now = secret_hash(token), time.monotonic()
        if (found := known.get(key)) and now - found[0] < REMEMBERED_SECONDS:
            return found[1]
        changes = self._changes
        async with self._db.read() as reader:
            seat = await ask(reader, token)
        # Something that changed while the database was asked may have come too late for its answer.
        if seat is not None and changes == self._changes:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            known[key] = (now, seat)
        return seat

    def forget(self, _: str = "") -> None:
        """Somewhere a seat has changed."""
        self._changes += 1
        self._tokens.clear()
        self._sessions.clear()


async def announce_change(tx: Tx) -> None:
    """Has every process forget who sits where, once this transaction has committed."""
    await tx.notify(CHANNEL)
