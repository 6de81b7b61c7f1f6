"""One run from beginning to end."""

import asyncio
import json
import random
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from tradehall.commands.bench.rig import BenchProblem
from tradehall.commands.common import terminal
from tradehall.commands.soak import market
from tradehall.commands.soak.clients import Clients, plans
from tradehall.commands.soak.killer import VICTIMS, Killer, schedule
from tradehall.commands.soak.rig import Rig, rig
from tradehall.commands.soak.verdict import MEANING, Verdict, calm, judge
from tradehall.kernel import migrate

# How much longer a buyer waits for one thing than all the killing lasts, and everything for calm after that: due work
# whose worker was killed comes back after two minutes.
PATIENCE = 200.0
ORDERS_PER_BUYER = 12
TOLD = 20


class Soak(msgspec.Struct, frozen=True):
    """So many first orders, while so many processes are killed, one `every` so many seconds."""

    orders: int
    kills: int
    seed: str
    every: float
    keep: Path | None = None
    as_json: bool = False

    async def run(self) -> None:
        """Runs it and prints what came of it. Raises typer.Exit if anything is wrong."""
        began = time.monotonic()
        chance = random.Random(f"{self.seed} soak")  # noqa: S311 - to be repeated
        kills = schedule(self.kills, self.every, chance)
        span = kills[-1].at if kills else 0.0
        self._say(f"seed {self.seed}: {self.orders} orders, {self.kills} kills in {span:.0f} s")
        async with rig(self.keep) as made:
            await migrate.migrate(made.postgres.dsn)
            goods = await market.build(made, max(self.orders // ORDERS_PER_BUYER, 2))
            made.start_sellers(market.KEYS)
            made.start_installation()
            await made.ready()
            self._say(f"{time.monotonic() - began:6.1f} s  everything runs")
            clients = Clients(
                made.url,
                plans(goods, self.orders, [kill.at for kill in kills], chance),
                span + PATIENCE,
                f"{self.seed} clients",
            )
            killer = Killer(made, kills, self._say)
            await _together(made.watch(), clients.run(), killer.run())
            self._say(f"{time.monotonic() - began:6.1f} s  the buyers are done")
            verdict = await self._verdict(made, clients)
            self._say(f"{time.monotonic() - began:6.1f} s  looked at everything")
            told = self._told(made, clients, killer, verdict, time.monotonic() - began)
        self._show(told, verdict)
        if not verdict.clean:
            raise typer.Exit(1)

    async def _verdict(self, made: Rig, clients: Clients) -> Verdict:
        async with await AsyncConnection.connect(made.postgres.dsn, autocommit=True) as connection:
            if not await calm(connection, PATIENCE):
                self._say("it does not become calm")
            return await judge(made, connection, clients)

    def _told(self, made: Rig, clients: Clients, killer: Killer, verdict: Verdict, seconds: float) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "orders": {kind.lower(): number for kind, number in sorted(verdict.orders.items())},
            "kills": {victim: killer.killed[victim] for victim in VICTIMS},
            "repeated": clients.repeated,
            "tries": dict(sorted(verdict.tries.items())),
            "fell": sum(process.fell for process in made.processes.values()),
            "entries": verdict.entries,
            "instances": verdict.instances,
            "seconds": round(seconds, 1),
            **verdict.counts,
        }

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def _show(self, told: dict[str, Any], verdict: Verdict) -> None:
        for kind, found in verdict.found.items():
            for text in found[:TOLD]:
                self._say(f"{kind}: {text}")
            if len(found) > TOLD:
                self._say(f"{kind}: and {len(found) - TOLD} more")
        if self.as_json:
            print(json.dumps(told))
            return
        _table(terminal(), told, verdict)


async def _together(watch: Coroutine[Any, Any, None], *work: Coroutine[Any, Any, None]) -> None:
    """Sees all the work through, while somebody watches. Raises BenchProblem when any of them does."""
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch)
            await asyncio.wait([group.create_task(one) for one in work])
            watching.cancel()
    except ExceptionGroup as troubles:
        if problems := troubles.subgroup(BenchProblem):
            raise problems.exceptions[0] from None
        raise


def _table(console: Console, told: dict[str, Any], verdict: Verdict) -> None:
    table = Table(title=f"Seed {told['seed']}, {told['seconds']} s", show_header=False)
    table.add_row("orders", ", ".join(f"{number} {kind}" for kind, number in told["orders"].items()))
    table.add_row("killed", ", ".join(f"{number} {victim}" for victim, number in told["kills"].items()))
    table.add_row("requests repeated", str(told["repeated"]))
    table.add_row("tries at sellers", ", ".join(f"{number} {came_to}" for came_to, number in told["tries"].items()))
    for kind, meaning in MEANING.items():
        number = len(verdict.found[kind])
        table.add_row(f"{kind.replace('_', ' ')}: {meaning}", f"[red]{number}[/red]" if number else "0")
    console.print(table)
