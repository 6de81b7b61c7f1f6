"""`tradehall bench orders --seller dead:1/20`: what sellers that never answer cost the others' buyers."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import aiohttp
import msgspec
import psycopg
from rich.console import Console
from rich.table import Table

from tradehall.commands.bench import progress
from tradehall.commands.bench.buying import buy, buy_and_follow, shopping
from tradehall.commands.bench.market import Market, build
from tradehall.commands.bench.rig import BenchProblem, Sandbox, percentile, sandbox
from tradehall.installation import Installation

WARM_UP = 1.5
_SHORTEST_TURN = 5.0  # seconds; long enough for the dead to be found dead
_MOST_ROUNDS = 6
_MOST_BUYERS = 16
_DRAIN_PATIENCE = 90.0

# A call that nobody answers takes two seconds, so that a short run sees it all: silence, the circuit opening, a probe.
_SETTINGS = {"TRADEHALL_CALL_TIMEOUT": "2s", "TRADEHALL_CALL_LEASE": "10s", "TRADEHALL_CIRCUIT_PAUSE": "3s"}


class Result(msgspec.Struct, frozen=True):
    """What is printed as JSON. Times in milliseconds, from sending an order to hearing that it is open, of orders at
    the sellers that are alive all the time. `dead_calls`: tries at the dead that ended without an answer."""

    p95_ms_alone: float
    p95_ms_with_dead: float
    ratio: float
    p50_ms_alone: float
    p50_ms_with_dead: float
    orders_per_s_alone: float
    orders_per_s_with_dead: float
    dead_orders: int
    dead_calls: int


class _Phase(msgspec.Struct):
    """What was measured while all were alive, or while some were not."""

    latencies: list[float]
    seconds: float = 0.0
    dead_orders: int = 0


class DeadBench:
    """One run: in turns all sellers alive, and `dead` of `sellers` not, over the same processes and the same data."""

    def __init__(self, clients: int, seconds: float, dead: int, sellers: int, workers: int, as_json: bool) -> None:
        self._clients = clients
        self._seconds = seconds
        self._dead = dead
        self._sellers = sellers
        self._workers = workers
        self._as_json = as_json
        # Short turns: what else this machine does comes over both alike.
        self._rounds = max(1, min(_MOST_ROUNDS, int(seconds / _SHORTEST_TURN)))

    async def run(self) -> None:
        progress(f"A marketplace of its own, {self._sellers} sellers, of whom {self._dead} will fall silent …")
        async with sandbox(_SETTINGS) as place, _silence() as nowhere:
            _, address = await place.start_seller()
            async with Installation(place.settings, place.dsn) as opened:
                market = await build(opened, address, min(self._clients, _MOST_BUYERS), self._sellers)
            web = await place.start_web()
            workers = await place.start_workers(self._workers)
            alone, with_dead = _Phase([]), _Phase([])
            async with shopping(place.url) as session:
                await self._warm_up(session, market)
                for turn in range(1, self._rounds + 1):
                    for phase, at, how in ((alone, address, "all alive"), (with_dead, nowhere, f"{self._dead} dead")):
                        seconds = self._seconds / self._rounds
                        progress(f"{self._clients} clients for {seconds:.3g} s, {how} ({turn}/{self._rounds}) …")
                        await self._point_dead(place, market, at)
                        await self._measure(phase, session, market)
                    await self._point_dead(place, market, address)
                    await self._drain(place)
                    for child in (web, *workers):
                        child.check()
            dead_calls = await self._silent_tries(place)
        self._show(alone, with_dead, dead_calls)

    async def _warm_up(self, session: aiohttp.ClientSession, market: Market) -> None:
        until = time.perf_counter() + WARM_UP
        for price in itertools.cycle(market.prices):
            await buy_and_follow(session, market.buyers[0], price)
            if time.perf_counter() > until:
                break

    async def _measure(self, phase: _Phase, session: aiohttp.ClientSession, market: Market) -> None:
        begun = time.perf_counter()
        until = begun + self._seconds / self._rounds
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._clients):
                    group.create_task(self._client(phase, session, market, number, until))
        except* BenchProblem as problems:
            raise BenchProblem(str(problems.exceptions[0])) from None
        phase.seconds += time.perf_counter() - begun

    async def _client(
        self, phase: _Phase, session: aiohttp.ClientSession, market: Market, number: int, until: float
    ) -> None:
        """Buys from one seller after the other. Nobody waits for what was ordered from those that may be dead: in both
        phases they are bought from equally often."""
        buyer = market.buyers[number % len(market.buyers)]
        each = len(market.prices) // self._sellers
        for turn in itertools.count(number * self._sellers // self._clients):
            if time.perf_counter() >= until:
                break
            seller = turn % self._sellers
            price = market.prices[seller * each + turn // self._sellers % each]
            if seller < self._dead:
                await buy(session, buyer, price)
                phase.dead_orders += 1
            else:
                phase.latencies.append(await buy_and_follow(session, buyer, price))

    async def _point_dead(self, place: Sandbox, market: Market, address: str) -> None:
        """Where the calls of those that may be dead lead from now on; their circuits are probed at once."""
        ids = _organisations(market)[: self._dead]
        async with await psycopg.AsyncConnection.connect(place.dsn, autocommit=True) as connection:
            await connection.execute(
                "UPDATE endpoints SET address = %s, version = version + 1 WHERE seller_id = ANY(%s)", (address, ids)
            )
            await connection.execute(
                "UPDATE circuits SET probe_at = now() WHERE seller_id = ANY(%s) AND opened_at IS NOT NULL", (ids,)
            )
            await connection.execute("UPDATE seller_calls SET due_at = now() WHERE state = 'waiting'")
            await connection.execute("SELECT pg_notify('seller_call', '')")

    async def _drain(self, place: Sandbox) -> None:
        """Waits until nothing is left over: the next round begins as the first did."""
        until = time.perf_counter() + _DRAIN_PATIENCE
        async with await psycopg.AsyncConnection.connect(place.dsn, autocommit=True) as connection:
            while time.perf_counter() < until:
                found = await connection.execute(
                    "SELECT count(*) FROM seller_calls WHERE state IN ('queued', 'waiting', 'running')"
                )
                if await found.fetchone() == (0,):
                    return
                # What failed before it was alive again would wait for minutes.
                await connection.execute(
                    "UPDATE seller_calls SET due_at = now() WHERE state = 'waiting' AND due_at > now()"
                )
                await asyncio.sleep(0.1)
        raise BenchProblem(f"calls are left over {_DRAIN_PATIENCE:g} s after the dead came back")

    async def _silent_tries(self, place: Sandbox) -> int:
        async with await psycopg.AsyncConnection.connect(place.dsn) as connection:
            found = await connection.execute("SELECT count(*) FROM call_attempts WHERE verdict = 'timed_out'")
            row = await found.fetchone()
        assert row is not None
        count: int = row[0]
        return count

    def _show(self, alone: _Phase, with_dead: _Phase, dead_calls: int) -> None:
        if not alone.latencies or not with_dead.latencies:
            raise BenchProblem("no order was opened in the measured time; measure longer")
        before, after = sorted(alone.latencies), sorted(with_dead.latencies)
        result = Result(
            p95_ms_alone=round(percentile(before, 0.95), 2),
            p95_ms_with_dead=round(percentile(after, 0.95), 2),
            ratio=round(percentile(after, 0.95) / percentile(before, 0.95), 4),
            p50_ms_alone=round(percentile(before, 0.5), 2),
            p50_ms_with_dead=round(percentile(after, 0.5), 2),
            orders_per_s_alone=round(len(before) / alone.seconds, 2),
            orders_per_s_with_dead=round(len(after) / with_dead.seconds, 2),
            dead_orders=with_dead.dead_orders,
            dead_calls=dead_calls,
        )
        if self._as_json:
            print(msgspec.json.encode(result).decode())
            return
        table = Table(title=f"{self._clients} clients, {self._dead} of {self._sellers} sellers dead", show_header=False)
        for name, p50, p95, rate in (
            ("all alive", result.p50_ms_alone, result.p95_ms_alone, result.orders_per_s_alone),
            ("some dead", result.p50_ms_with_dead, result.p95_ms_with_dead, result.orders_per_s_with_dead),
        ):
            table.add_row(f"the others, {name}", f"p50 {p50:.1f} · p95 {p95:.1f} ms · {rate:.1f} / s")
        table.add_row("p95 with the dead", f"{result.ratio:.2f} of p95 without")
        table.add_row("ordered from the dead", f"{result.dead_orders} orders; {dead_calls} tries waited in vain")
        with suppress(BrokenPipeError):
            Console(width=110).print(table)


def _organisations(market: Market) -> Sequence[UUID]:
    ids = [seller.actor.organisation_id for seller in market.sellers]
    return [organisation for organisation in ids if organisation]


@asynccontextmanager
async def _silence() -> AsyncIterator[str]:
    """The address of a server that takes every connection and never answers."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while await reader.read(65536):
                pass
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0, backlog=512)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
