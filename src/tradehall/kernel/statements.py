"""Connections on which a statement is parsed and planned once, and stays so for as long as the connection lasts."""

import re
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg._preparing import Prepare, PrepareManager
from psycopg.pq.abc import PGresult

# The statements of all rooms, in every form they take, are fewer; psycopg keeps a hundred if it is not told.
MOST_PREPARED = 1000
_REDEFINES = re.compile(rb"(DROP|ALTER|DISCARD ALL|DEALLOCATE ALL)\b")


class _Kept(PrepareManager):
    """What is prepared on a connection.

    psycopg forgets everything at each rollback, lest a table that was made goes with it. Here no transaction makes any,
    and many are rolled back: whoever is told no, has been told so in one.
    """

    prepared_max = MOST_PREPARED

    def clear(self) -> bool:
        """Asked for by whoever rolls back: there is nothing to forget."""
        return False

    def _should_discard(self, prep: Prepare, results: Sequence[PGresult], *_: Any) -> bool:
        if (self._names or prep == Prepare.SHOULD) and any(
            _REDEFINES.match(one.command_status or b"") for one in results
        ):
            return super().clear()
        return False


class PreparingConnection(AsyncConnection[Any]):
    """A connection that keeps its statements prepared."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._prepared = _Kept()
