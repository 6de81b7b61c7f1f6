"""`tradehall bench orders`: orders placed, paid and opened a second, and how far that is from the limit."""

import asyncio
import os
import resource
import time
from contextlib import suppress
from uuid import UUID

import aiohttp
import msgspec
import psycopg
from rich.console import Console
from rich.table import Table

from tradehall.commands.bench import progress
from tradehall.commands.bench.buying import buy_and_follow, shopping
from tradehall.commands.bench.limit import Life, Replay, record
from tradehall.commands.bench.market import PRODUCTS_PER_SELLER, Buyer, Market, build
from tradehall.commands.bench.rig import (
    BenchProblem,
    Sandbox,
    local_postmaster,
    machine_seconds,
    percentile,
    postgres_seconds,
    processor_seconds,
    sandbox,
)
from tradehall.installation import Installation

WARM_UP = 1.5
_MOST_BUYERS = 16
_LONGEST_LIMIT_RUN = 10.0

# How the sample seller is started, and the settings that keep these runs from measuring pauses alone.
_SELLER = {
    "instant": (),
    "slow": ("--manner", "slow", "--ready-after", "0.2"),
    "flaky": ("--manner", "flaky", "--hang-for", "2"),
}
_SETTINGS: dict[str, dict[str, str]] = {
    "instant": {},
    "slow": {"TRADEHALL_QUERY_FIRST_PAUSE": "1s", "TRADEHALL_QUERY_LONGEST_PAUSE": "1s"},
    "flaky": {
        "TRADEHALL_NEW_INSTANCE_INTERVAL": "1s",
        "TRADEHALL_QUERY_FIRST_PAUSE": "1s",
        "TRADEHALL_QUERY_LONGEST_PAUSE": "1s",
        "TRADEHALL_CALL_TIMEOUT": "1s",
        "TRADEHALL_CALL_LEASE": "10s",
        # It fails most of the time: what is measured is how it is tried again, not how it is spared.
        "TRADEHALL_CIRCUIT_FAILURES": "0",
    },
}
_READY_AFTER = {"instant": 0.0, "slow": 0.25, "flaky": 0.0}
_LIVES = {"instant": 1, "slow": 1, "flaky": 8}  # a flaky seller fails differently from order to order


class Result(msgspec.Struct, frozen=True):
    """What is printed as JSON. Times in milliseconds, from sending the order to hearing that it is open."""

    orders_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_s_per_order: float | None
    limit_orders_per_s: float
    share_of_limit: float


class _Usage(msgspec.Struct, frozen=True):
    """Processor seconds taken so far."""

    web: float
    worker: float
    postgres: float | None
    seller: float
    client: float
    machine: float

    @property
    def strangers(self) -> float:
        """What is none of ours."""
        return self.machine - self.web - self.worker - (self.postgres or 0) - self.seller - self.client


class _Measured(msgspec.Struct, frozen=True):
    latencies: list[float]
    seconds: float
    before: _Usage
    after: _Usage
    left_over: int


class OrdersBench:
    """One run."""

    def __init__(self, clients: int, seconds: float, seller: str, workers: int, as_json: bool) -> None:
        self._clients = clients
        self._seconds = seconds
        self._manner = seller
        self._workers = workers
        self._as_json = as_json
        self._finished: list[tuple[float, float]] = []
        self._over = False

    async def run(self) -> None:
        progress(f"A marketplace of its own, a seller who is {self._manner} …")
        async with sandbox(_SETTINGS[self._manner]) as place:
            seller, address = await place.start_seller("--allow-control", *_SELLER[self._manner])
            async with Installation(place.settings, place.dsn) as opened:
                market = await build(opened, address, min(self._clients, _MOST_BUYERS))
                progress("Recording what an order consists of …")
                buyer, price = market.buyers[0], market.prices[0]
                lives = [
                    await record(opened, buyer, price, _READY_AFTER[self._manner]) for _ in range(_LIVES[self._manner])
                ]
            measured = await self._measure(place, market, seller.pid)
            progress("Measuring the limit …")
            async with aiohttp.ClientSession() as session, session.post(f"{address}_manner?name=instant"):
                pass
            limit = await Replay(place.dsn, address, lives).rate(self._clients, min(self._seconds, _LONGEST_LIMIT_RUN))
        self._show(measured, lives, limit)

    async def _measure(self, place: Sandbox, market: Market, seller: int) -> _Measured:
        web = await place.start_web()
        workers = await place.start_workers(self._workers)
        postmaster = local_postmaster(place.dsn)
        if postmaster is None:
            progress("PostgreSQL is not among this machine's processes: its processor time is not counted.")

        def usage() -> _Usage:
            own = resource.getrusage(resource.RUSAGE_SELF)
            return _Usage(
                web=processor_seconds(web.pid),
                worker=processor_seconds(*(worker.pid for worker in workers)),
                postgres=None if postmaster is None else postgres_seconds(postmaster),
                seller=processor_seconds(seller),
                client=own.ru_utime + own.ru_stime,
                machine=machine_seconds(),
            )

        async with shopping(place.url) as session:
            await self._order(session, market.buyers[0], market.prices[0])  # the worker is there once this is open
            progress(f"{self._clients} clients for {self._seconds:g} s …")
            clients = [asyncio.create_task(self._client(session, market, number)) for number in range(self._clients)]
            try:
                await self._pass(WARM_UP, clients)
                before, start = usage(), time.perf_counter()
                await self._pass(self._seconds, clients)
                after, end = usage(), time.perf_counter()
                left_over = await self._left_over(place)
                # What was begun is seen through: web and worker then stop at once.
                self._over = True
                await asyncio.gather(*clients)
            finally:
                for client in clients:
                    client.cancel()
                await asyncio.gather(*clients, return_exceptions=True)
        for child in (web, *workers):
            child.check()
        await place.stop(web, *workers)
        latencies = sorted(took for at, took in self._finished if start <= at <= end)
        if not latencies:
            raise BenchProblem("no order was opened in the measured time; measure longer")
        return _Measured(latencies, end - start, before, after, left_over)

    async def _pass(self, seconds: float, clients: list[asyncio.Task[None]]) -> None:
        done, _ = await asyncio.wait(clients, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for client in done:
            client.result()

    async def _client(self, session: aiohttp.ClientSession, market: Market, number: int) -> None:
        """A closed loop: an order is followed to its end before the next one is placed."""
        buyer = market.buyers[number % len(market.buyers)]
        # Neighbouring clients buy from different sellers, each of whom is called a few times at once at most.
        turn = number * PRODUCTS_PER_SELLER + number // len(market.sellers)
        while not self._over:
            await self._order(session, buyer, market.prices[turn % len(market.prices)])
            turn += PRODUCTS_PER_SELLER + 1

    async def _order(self, session: aiohttp.ClientSession, buyer: Buyer, price: UUID) -> None:
        took = await buy_and_follow(session, buyer, price)
        self._finished.append((time.perf_counter(), took))

    async def _left_over(self, place: Sandbox) -> int:
        """Calls that open an instance or ask for its details and have not been settled yet."""
        async with await psycopg.AsyncConnection.connect(place.dsn) as connection:
            found = await connection.execute(
                "SELECT count(*) FROM seller_calls WHERE state IN ('queued', 'waiting', 'running')"
            )
            row = await found.fetchone()
        assert row is not None
        count: int = row[0]
        return count

    def _show(self, measured: _Measured, lives: list[Life], limit: float) -> None:
        orders = len(measured.latencies)
        rate = orders / measured.seconds
        before, after = measured.before, measured.after
        cpu = None
        if before.postgres is not None and after.postgres is not None:
            cpu = (after.web - before.web + after.worker - before.worker + after.postgres - before.postgres) / orders
        result = Result(
            orders_per_s=round(rate, 2),
            p50_ms=round(percentile(measured.latencies, 0.5), 2),
            p95_ms=round(percentile(measured.latencies, 0.95), 2),
            p99_ms=round(percentile(measured.latencies, 0.99), 2),
            cpu_s_per_order=None if cpu is None else round(cpu, 6),
            limit_orders_per_s=round(limit, 2),
            share_of_limit=round(rate / limit, 4) if limit else 0.0,
        )
        if self._as_json:
            print(msgspec.json.encode(result).decode())
            return
        table = Table(
            title=f"{self._clients} clients, {measured.seconds:.1f} s, {self._manner} seller", show_header=False
        )
        table.add_row("orders opened", f"{result.orders_per_s:.1f} / s")
        table.add_row(
            "placed to opened", f"p50 {result.p50_ms:.1f} · p95 {result.p95_ms:.1f} · p99 {result.p99_ms:.1f} ms"
        )
        parts = [("web", before.web, after.web), ("worker", before.worker, after.worker)]
        if before.postgres is not None and after.postgres is not None:
            parts.append(("PostgreSQL", before.postgres, after.postgres))
        table.add_row("processor per order", " · ".join(_share(*part, orders) for part in parts))
        others = [("client", before.client, after.client), ("seller", before.seller, after.seller)]
        table.add_row("  not counted", " · ".join(_share(*part, orders) for part in others))
        strangers = (after.strangers - before.strangers) / measured.seconds / (os.cpu_count() or 1)
        table.add_row("taken by anything else", f"{max(strangers, 0):.0%} of this machine's processors")
        table.add_row("calls left over", f"{measured.left_over}")
        statements, transactions, calls = (
            sum(count) / len(lives) for count in zip(*(life.counts() for life in lives), strict=True)
        )
        table.add_row("limit", f"{result.limit_orders_per_s:.1f} / s, of which {result.share_of_limit:.0%} reached")
        table.add_row(
            "  an order's life", f"{statements:g} statements in {transactions:g} transactions, {calls:g} calls"
        )
        with suppress(BrokenPipeError):
            Console(width=110).print(table)


def _share(name: str, before: float, after: float, orders: int) -> str:
    return f"{name} {(after - before) / orders * 1000:.2f} ms"
