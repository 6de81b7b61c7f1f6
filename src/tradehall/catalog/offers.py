"""Remembers for some seconds what is offered at which price, so that placing an order need not look it up.

What is remembered is only ever a guess: the statement that places an order checks it against the database, so a price
or a sale that has just changed is noticed in every case.
"""

import time
from uuid import UUID

from tradehall.catalog import queries
from tradehall.catalog.model import Offer
from tradehall.kernel.db import Database

REMEMBERED_SECONDS = 10.0
MOST_REMEMBERED = 10_000


class Offers:
    """Offers as this process last saw them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[UUID, tuple[float, Offer]] = {}

    async def of(self, price_id: UUID) -> Offer | None:
        """The offer behind a price, perhaps some seconds old; None when there is no such price."""
        now = time.monotonic()
        if (found := self._known.get(price_id)) and now - found[0] < REMEMBERED_SECONDS:
            return found[1]
        async with self._db.read() as reader:
            offer = await queries.offer(reader, price_id)
        if offer is not None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[price_id] = (now, offer)
        return offer
