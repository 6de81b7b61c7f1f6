"""The processes of an installation: started, killed, and started again as a machine's service manager would do it."""

import asyncio
import math
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import cycle, islice, repeat
from pathlib import Path
from typing import Any

import aiohttp
from psycopg import OperationalError

from tradehall.commands.bench.rig import BenchProblem, scratch_directory
from tradehall.kernel import embedded
from tradehall.kernel.embedded import Embedded, EmbeddedProblem
from tradehall.settings import Settings, load

START_PATIENCE = 120.0
STOP_PATIENCE = 20.0
LOG_TAIL = 2000
TRIES = 10
MOST_FALLS = 10
STAYED_UP = 10.0
_GLANCE = 0.02
_PAUSE = 0.5  # before a process that ended by itself is started again

# Waits that last minutes in life last seconds here; what follows upon what is the same.
QUICK: Mapping[str, str] = {
    "TRADEHALL_WORKER_POLL": "1s",
    "TRADEHALL_CALL_TIMEOUT": "1s",
    "TRADEHALL_CALL_LEASE": "3s",
    "TRADEHALL_NEW_INSTANCE_INTERVAL": "1s",
    "TRADEHALL_QUERY_FIRST_PAUSE": "1s",
    "TRADEHALL_QUERY_LONGEST_PAUSE": "2s",
    "TRADEHALL_RENEW_INTERVAL": "1s",
    "TRADEHALL_CHANGE_INTERVAL": "1s",
    "TRADEHALL_CHECK_INTERVAL": "1s",
    "TRADEHALL_STATUS_INTERVAL": "1s",
    "TRADEHALL_RELEASE_INTERVAL": "1s",
    "TRADEHALL_NOTIFY_INTERVAL": "1s",
    "TRADEHALL_CIRCUIT_PAUSE": "1s",
    "TRADEHALL_CIRCUIT_LONGEST_PAUSE": "2s",
}

# How a seller behaves in each of its lives, in turn: it answers some time after it did what was asked, so that
# somebody dies in between; it fails in every way there is, up to three times per order and interface; it opens
# asynchronously.
MANNERS: tuple[tuple[str, ...], ...] = (
    ("--manner", "hang", "--hang-for", "0.4"),
    ("--manner", "flaky", "--hang-for", "1.5"),
    ("--manner", "slow", "--ready-after", "0.5"),
)


class Kept:
    """A process that is started again whenever it ends. `arguments` are those of each of its lives; what it says in all
    of them is in `log`."""

    def __init__(self, name: str, arguments: Iterator[list[str]], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.fell = 0  # how often it ended without being killed: while its database was away, it may
        self._fell_at_once = 0
        self._arguments = arguments
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._down_for: float | None = None

    def start(self) -> None:
        """Has it run from now on."""
        self._launch()
        self._keeper = asyncio.create_task(self._keep())

    def kill(self, down_for: float) -> bool:
        """Kills it with SIGKILL; after so many seconds it is started again. False if it is not running anyhow."""
        if self._process is None or self._process.poll() is not None:
            return False
        self._down_for = down_for
        self._process.kill()
        return True

    async def stop(self) -> None:
        """Has it end as if told to, and in the end by force."""
        if self._keeper:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        for tell in (signal.SIGTERM, signal.SIGKILL):
            if self._process and self._process.poll() is None:
                self._process.send_signal(tell)
                await _ended(self._process, STOP_PATIENCE)

    def check(self) -> None:
        """Raises BenchProblem if it ends again and again as soon as it is started."""
        if self._fell_at_once >= MOST_FALLS:
            raise BenchProblem(f"{self.name} does not stay up: {self.said()}")

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace").strip()[-LOG_TAIL:]

    def _launch(self) -> None:
        # Done before anything else can happen, so that a run that is broken off knows of every process. Its session is
        # its own: the terminal's Ctrl-C does not reach it.
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", *next(self._arguments)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd="/",
            )

    async def _keep(self) -> None:
        while True:
            began = time.monotonic()
            if self._process:
                await _ended(self._process)
            down_for, self._down_for = self._down_for, None
            if down_for is None:
                self.fell += 1
            at_once = down_for is None and time.monotonic() - began < STAYED_UP
            self._fell_at_once = self._fell_at_once + 1 if at_once else 0
            await asyncio.sleep(_PAUSE if down_for is None else down_for)
            self._launch()


async def _ended(process: subprocess.Popen[bytes], patience: float = math.inf) -> bool:
    """Waits for a process to end."""
    until = time.monotonic() + patience
    while process.poll() is None:
        if time.monotonic() > until:
            return False
        await asyncio.sleep(_GLANCE)
    return True


class Postgres:
    """The installation's own PostgreSQL. Whoever is started next starts a killed one again, as processes do that have
    no DATABASE_URL; if that is nobody, we do."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._shares: list[Embedded] = []

    def start(self) -> None:
        """Starts it, or joins it where it runs."""
        self._shares.append(embedded.start(self._directory))

    @property
    def dsn(self) -> str:
        return self._shares[-1].dsn

    @property
    def pid(self) -> int | None:
        """The main process, if it runs."""
        with suppress(OSError, ValueError, IndexError):
            pid = int((self._directory / "data/postmaster.pid").read_text().split("\n")[0])
            if os.fsencode(self._directory / "data") in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return None

    def backends(self) -> list[int]:
        """The processes that serve our connections."""
        postmaster, found = self.pid, []
        for entry in Path("/proc").iterdir() if postmaster else ():
            with suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == postmaster and b"postgres: tradehall tradehall" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return sorted(found)

    async def restart(self, down_for: float) -> None:
        """Starts it again after so many seconds, unless somebody has by then."""
        await asyncio.sleep(down_for)
        starting = asyncio.ensure_future(asyncio.to_thread(self._start_again))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await starting  # a server that is being started is not left behind
            raise

    def _start_again(self) -> None:
        for tries_left in reversed(range(TRIES)):
            try:
                self.start()
                return
            except (EmbeddedProblem, OperationalError) as problem:
                # Somebody who was starting it has been killed halfway, or one of its connections again.
                if not tries_left:
                    raise BenchProblem(f"PostgreSQL does not come up again: {problem}") from problem
                time.sleep(_PAUSE)

    def release(self) -> None:
        """Done with it: once nobody uses it any more it is stopped."""
        while self._shares:
            self._shares.pop().release()


class Rig:
    """A directory, a database, and the processes of one installation."""

    def __init__(self, directory: Path, postgres: Postgres) -> None:
        self.directory = directory
        self.postgres = postgres
        self.port = free_port()
        self.seller_ports = {"v1": free_port(), "v2": free_port()}
        self.processes: dict[str, Kept] = {}
        own = {
            "TRADEHALL_DATA_DIR": str(directory),
            "TRADEHALL_MODE": "sandbox",
            "TRADEHALL_SECRET_KEY": "what the installation that is soaked seals with",
            "TRADEHALL_OUTBOUND_ALLOW": "127.0.0.0/8",
            "TRADEHALL_HOST": "127.0.0.1",
            "TRADEHALL_PORT": str(self.port),
            # Where it is about noon: as the marketplace's day ends, an upgrade that was not paid yet is cancelled.
            "TRADEHALL_DEFAULT_TIMEZONE": f"Etc/GMT{datetime.now(UTC).hour - 12:+d}",
            "PYTHONUNBUFFERED": "1",
        }
        foreign = ("TRADEHALL_", "DATABASE_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self._environment = {**kept, **own, **QUICK}

    @property
    def settings(self) -> Settings:
        return load(self._environment)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def book(self, generation: str) -> Path:
        """What the sample seller of this generation remembers."""
        return self.directory / f"seller-{generation}.book"

    def start_sellers(self, keys: Mapping[str, str]) -> None:
        for turn, (generation, key) in enumerate(keys.items()):
            self._start(f"seller-{generation}", self._seller(generation, key, turn))

    def _seller(self, generation: str, key: str, turn: int) -> Iterator[list[str]]:
        own = ["tradehall_seller", "--key", key, "--generation", generation, "--book", str(self.book(generation))]
        for manner in islice(cycle(MANNERS), turn, None):
            yield [*own, "--port", str(self.seller_ports[generation]), *manner]

    def start_installation(self) -> None:
        self._start("web", repeat(["tradehall", "serve"]))
        for number in (1, 2):
            self._start(f"worker-{number}", repeat(["tradehall", "work"]))

    def _start(self, name: str, arguments: Iterator[list[str]]) -> None:
        process = Kept(name, arguments, self._environment, self.directory / f"{name}.log")
        self.processes[name] = process
        process.start()

    async def ready(self) -> None:
        """Waits until the web server answers. Raises BenchProblem."""
        async with aiohttp.ClientSession(self.url) as session:
            until = time.monotonic() + START_PATIENCE
            while time.monotonic() < until:
                with suppress(aiohttp.ClientError):
                    async with session.get("/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise BenchProblem(f"tradehall serve does not get ready: {self.processes['web'].said()}")

    async def watch(self) -> None:
        """Looks after the processes until cancelled. Raises BenchProblem when one does not stay up."""
        while True:
            for process in self.processes.values():
                process.check()
            await asyncio.sleep(1)

    async def stop(self) -> None:
        """Ends every process."""
        await asyncio.gather(*(process.stop() for process in self.processes.values()))


@asynccontextmanager
async def rig(keep: Path | None = None) -> AsyncIterator[Rig]:
    """A rig with its PostgreSQL running, all of it gone afterwards; `keep` is where logs and books are left."""
    with scratch_directory("soak") as directory:
        postgres = Postgres(directory / "postgres")
        made: Rig | None = None
        try:
            # Started and stopped without giving way to the event loop: nothing can come in between.
            postgres.start()
            made = Rig(directory, postgres)
            yield made
        finally:
            if made:
                await _whatever_comes(made.stop())
            postgres.release()
            if keep:
                _leave(directory, keep)


async def _whatever_comes(ending: Any) -> None:
    """Sees something through although this task may be told to end meanwhile."""
    task = asyncio.ensure_future(ending)
    told = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            told = True
    task.result()
    if told:
        raise asyncio.CancelledError


def _leave(directory: Path, keep: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    for path in (*directory.glob("*.log"), *directory.glob("*.book"), *directory.glob("postgres/server.log*")):
        shutil.copy(path, keep / path.name)


def free_port() -> int:
    """A port below those that outgoing connections get: while its process is down nobody else may come to have it, and
    no caller may get connected to itself."""
    for _ in range(100):
        port = random.randint(18_000, 31_000)  # noqa: S311 - not a secret
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise BenchProblem("no port is free to listen on")
