"""`tradehall bench due`: how fast work that falls due all at once is carried out, a restart in its middle included."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import msgspec
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from tradehall.commands.bench import progress
from tradehall.commands.bench.market import Buyer, build
from tradehall.commands.bench.rig import BenchProblem, Child, sandbox
from tradehall.installation import Installation
from tradehall.trading import actions

_PATIENCE = 300.0
_GLANCE = 0.05
_NOWHERE = "http://127.0.0.1:1/"

# Copies of an order that was placed, each with its due row, whatever columns orders may have.
_COPY = """
    WITH made AS MATERIALIZED (
        SELECT o AS first, gen_random_uuid() AS id, next_order_number(o.created_at) AS number
        FROM orders o, generate_series(2, %(rows)s) WHERE o.id = %(order)s
    ), ordered AS (
        INSERT INTO orders
        SELECT (jsonb_populate_record(first, jsonb_build_object('id', id, 'number', number))).* FROM made
    )
    INSERT INTO due_rows (id, kind, subject_id, due_at, created_at)
    SELECT gen_random_uuid(), %(kind)s, id, now() + interval '1 day', now() FROM made
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM due_rows WHERE kind = %(kind)s) AS waiting,
           (SELECT count(*) FROM due_rows WHERE kind = %(kind)s AND parked_at IS NOT NULL) AS parked
"""
_OUTCOME = """
    SELECT (SELECT count(*) FROM (SELECT FROM events WHERE kind = 'order.cancelled'
                                  GROUP BY subject_id HAVING count(*) > 1) t) AS twice,
           (SELECT count(*) FROM orders WHERE state = 'pending_payment') AS forgotten
"""


class Result(msgspec.Struct, frozen=True):
    """What is printed as JSON. `restarted_at`: how many rows were still to be done when the worker was stopped."""

    rows: int
    drain_s: float
    rows_per_s: float
    restarted_at: int
    twice: int
    forgotten: int


class DueBench:
    """One run: so many unpaid orders expire at one moment."""

    def __init__(self, rows: int, workers: int, as_json: bool) -> None:
        self._rows = rows
        self._workers = workers
        self._as_json = as_json

    async def run(self) -> None:
        progress(f"A marketplace of its own, {self._rows:,} unpaid orders …")
        async with sandbox() as place:
            async with Installation(place.settings, place.dsn) as opened:
                market = await build(opened, _NOWHERE, 1)
                order = await _place(opened, market.buyers[0], market.prices[0])
            async with await AsyncConnection.connect(place.dsn, autocommit=True) as connection:
                await connection.execute(_COPY, {"rows": self._rows, "order": order, "kind": actions.EXPIRE})
                await connection.execute("VACUUM (ANALYZE) orders, due_rows")
                workers = await place.start_workers(self._workers)
                await _heard(connection, workers)
                progress("All of them are due now …")
                begun = time.perf_counter()
                await connection.execute("UPDATE due_rows SET due_at = now() WHERE kind = %s", (actions.EXPIRE,))
                await connection.execute("SELECT pg_notify('due', '')")
                restarted_at = await self._drained_to(self._rows // 2, connection, workers)
                progress(f"{restarted_at:,} are left; the worker is stopped and started again …")
                await place.stop(*workers)
                workers = await place.start_workers(self._workers)
                await self._drained_to(0, connection, workers)
                took = time.perf_counter() - begun
                outcome = await connection.execute(_OUTCOME)
                twice, forgotten = await outcome.fetchone() or (0, 0)
        self._show(Result(self._rows, round(took, 2), round(self._rows / took, 1), restarted_at, twice, forgotten))

    async def _drained_to(self, left: int, connection: AsyncConnection[Any], workers: list[Child]) -> int:
        """Waits until no more than `left` rows are to be done; how many that are then."""
        until = time.perf_counter() + _PATIENCE
        while time.perf_counter() < until:
            found = await connection.execute(_COUNTS, {"kind": actions.EXPIRE})
            waiting, parked = await found.fetchone() or (0, 0)
            if parked:
                raise BenchProblem(f"{parked} rows failed again and again")
            if waiting <= left:
                return int(waiting)
            for worker in workers:
                worker.check()
            await asyncio.sleep(_GLANCE)
        raise BenchProblem(f"the rows were not done after {_PATIENCE:g} s")

    def _show(self, result: Result) -> None:
        if self._as_json:
            print(msgspec.json.encode(result).decode())
            return
        table = Table(title=f"{result.rows:,} rows due at one moment", show_header=False)
        table.add_row("carried out in", f"{result.drain_s:.1f} s, {result.rows_per_s:.0f} / s")
        table.add_row("restarted", f"with {result.restarted_at:,} to go")
        table.add_row("done twice", f"{result.twice}")
        table.add_row("forgotten", f"{result.forgotten}")
        with suppress(BrokenPipeError):
            Console(width=110).print(table)


async def _place(opened: Installation, buyer: Buyer, price: Any) -> Any:
    async with opened.db.transaction(buyer.actor) as tx:
        placed = await actions.place(
            tx, price_id=price, quantity=1, period_number=1, unpaid_ttl=opened.settings.unpaid_order_ttl
        )
        return await tx.fetch_value("SELECT id FROM orders WHERE number = %(number)s", {"number": placed.number})


async def _heard(connection: AsyncConnection[Any], workers: list[Child]) -> None:
    """Waits until a worker listens."""
    until = time.perf_counter() + _PATIENCE
    while time.perf_counter() < until:
        found = await connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        if await found.fetchone():
            return
        for worker in workers:
            worker.check()
        await asyncio.sleep(_GLANCE)
    raise BenchProblem("no worker starts")
