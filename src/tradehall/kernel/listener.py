"""Hears what other processes of the installation announce with NOTIFY. An announcement is a hint and never the truth:
whoever is told looks into the database, and looks there anyhow from time to time."""

import asyncio
from collections.abc import Callable, Mapping

from psycopg import sql

from tradehall.kernel.db import DATABASE_AWAY, Database


class Listener:
    """Calls `heard[channel](payload)` for every announcement, on one connection that is renewed when it breaks.

    After every (re)connection each callback is called once with an empty payload: something may have been missed.
    """

    def __init__(self, db: Database, heard: Mapping[str, Callable[[str], None]]) -> None:
        self._db = db
        self._heard = heard

    async def run(self) -> None:
        """Listens until cancelled."""
        while True:
            try:
                async with await self._db.listen() as connection:
                    for channel in self._heard:
                        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    for callback in self._heard.values():
                        callback("")
                    async for notice in connection.notifies():
                        self._heard[notice.channel](notice.payload)
            except DATABASE_AWAY:
                await asyncio.sleep(1)
