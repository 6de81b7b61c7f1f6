"""What the benches stand on: a sandbox that goes away, its processes, and their processor time."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
import typer
import uvloop
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tradehall.kernel import embedded, logs, migrate
from tradehall.settings import Settings, load

ACCESS_KEY = "bench-access-key-0001"
_START_PATIENCE = 30.0
_STOP_PATIENCE = 20.0
_LOG_TAIL = 2000
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchProblem(Exception):
    """The measurement did not work; the message says why."""


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a bench. SIGINT and SIGTERM end it early, and everything it made is removed all the same."""

    async def guarded() -> None:
        main = asyncio.current_task()
        assert main is not None
        for sign in (signal.SIGINT, signal.SIGTERM):
            # Told again while cleaning up, it goes on cleaning up.
            asyncio.get_running_loop().add_signal_handler(sign, _once(main))
        await work

    logs.configure("console", "error")  # of this process, which only measures
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(guarded())
    except asyncio.CancelledError:
        raise typer.Exit(130) from None
    except BenchProblem as problem:
        print(f"tradehall: {problem}", file=sys.stderr)
        raise typer.Exit(1) from None


def _once(task: asyncio.Task[Any]) -> Any:
    def cancel() -> None:
        if not task.cancelling():
            task.cancel()

    return cancel


class Child:
    """A process of the sandbox; its output is in `log`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Raises BenchProblem if it has ended by itself."""
        if self.process.returncode is not None:
            said = self.log.read_text(errors="replace").strip()[-_LOG_TAIL:]
            raise BenchProblem(f"{self.name} ended with {self.process.returncode}: {said}")

    async def stop(self) -> None:
        """Tells it to stop, waits for that, and in the end makes it."""
        for tell in (self.process.terminate, self.process.kill):
            if self.process.returncode is None:
                with suppress(ProcessLookupError):
                    tell()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.process.wait(), _STOP_PATIENCE)


class Sandbox:
    """A migrated database, a directory, and what has been started on them."""

    def __init__(self, directory: Path, dsn: str, overrides: dict[str, str]) -> None:
        self.directory = directory
        self.dsn = dsn
        self._children: list[Child] = []
        self.port = _free_port()
        own = {
            "DATABASE_URL": dsn,
            "TRADEHALL_DATA_DIR": str(directory),
            "TRADEHALL_MODE": "sandbox",
            "TRADEHALL_OUTBOUND_ALLOW": "127.0.0.0/8",
            "TRADEHALL_HOST": "127.0.0.1",
            "TRADEHALL_PORT": str(self.port),
        }
        self._environment = dict(os.environ) | own | overrides

    @property
    def settings(self) -> Settings:
        return load(self._environment)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, name: str, *arguments: str) -> Child:
        """Starts `python -m …` in a session of its own, where the terminal's Ctrl-C does not reach it."""
        log = self.directory / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        child = Child(name, process, log)
        self._children.append(child)
        return child

    async def start_web(self) -> Child:
        """`tradehall serve`; returns when it answers."""
        web = await self.start("serve", "tradehall", "serve")
        async with aiohttp.ClientSession(self.url) as session:
            until = time.monotonic() + _START_PATIENCE
            while time.monotonic() < until:
                web.check()
                with suppress(aiohttp.ClientError):
                    async with session.get("/readyz") as answer:
                        if answer.status == 200:
                            return web
                await asyncio.sleep(0.05)
        raise BenchProblem(f"tradehall serve does not get ready: {web.log.read_text()[-_LOG_TAIL:]}")

    async def start_workers(self, number: int) -> list[Child]:
        """So many `tradehall work`, each a process of its own."""
        return [await self.start(f"work-{one}", "tradehall", "work") for one in range(1, number + 1)]

    async def start_seller(self, *arguments: str) -> tuple[Child, str]:
        """The sample seller and its address."""
        seller = await self.start("seller", "tradehall_seller", "--key", ACCESS_KEY, *arguments)
        until = time.monotonic() + _START_PATIENCE
        while time.monotonic() < until:
            seller.check()
            if b"\n" in (said := seller.log.read_bytes()):
                return seller, str(json.loads(said.partition(b"\n")[0])["address"])
            await asyncio.sleep(0.02)
        raise BenchProblem("the sample seller does not start")

    async def stop(self, *children: Child) -> None:
        await asyncio.gather(*(child.stop() for child in children or self._children))


@asynccontextmanager
async def sandbox(overrides: dict[str, str] | None = None) -> AsyncIterator[Sandbox]:
    """A sandbox with everything it needs, all of it gone afterwards."""
    with scratch_directory("bench") as directory, _database(directory) as dsn:
        await migrate.migrate(dsn)
        made = Sandbox(directory, dsn, overrides or {})
        try:
            yield made
        finally:
            await made.stop()


@contextmanager
def scratch_directory(purpose: str) -> Iterator[Path]:
    """A directory on a disk, gone with all it holds as the block ends; whoever PostgreSQL runs as may pass through."""
    # /tmp may be memory, where fsync costs nothing; /var/tmp outlives a restart, so it is a disk.
    parent = None if "TMPDIR" in os.environ or not Path("/var/tmp").is_dir() else "/var/tmp"  # noqa: S108
    directory = Path(tempfile.mkdtemp(prefix=f"tradehall-{purpose}-", dir=parent))
    try:
        if os.geteuid() == 0:  # PostgreSQL then runs as somebody else, who has to pass through
            directory.chmod(0o711)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _database(directory: Path) -> Iterator[str]:
    # Started and stopped without giving way to the event loop: nothing can come in between and leave it running.
    if url := os.environ.get("DATABASE_URL"):
        name = f"tradehall_bench_{uuid4().hex[:12]}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(url, dbname=name)
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    else:
        with embedded.start(directory / "postgres") as server:
            yield server.dsn


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def local_postmaster(dsn: str) -> int | None:
    """The process id of the server's main process; None when it runs on another machine, or its ids are not ours."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        try:
            name = Path(f"/proc/{row[0]}/cmdline").read_bytes()
            parent = int(_stat(row[0])[1])
        except OSError:
            return None
    return parent if name.startswith(b"postgres") else None


def processor_seconds(*pids: int) -> float:
    """User and system time that these processes and the children they have waited for have taken so far."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in pids) / _TICKS


def postgres_seconds(postmaster: int) -> float:
    """Processor time of the whole server: those of its processes that run, and those that have ended."""
    ticks = sum(map(int, _stat(postmaster)[11:15]))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = _stat(int(entry.name))
                if int(fields[1]) == postmaster:
                    ticks += sum(map(int, fields[11:13]))
    return ticks / _TICKS


def machine_seconds() -> float:
    """Processor time that everything on this machine has taken so far."""
    user, nice, system, _, _, interrupts, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + interrupts + soft) / _TICKS


def _stat(pid: int) -> list[str]:
    """/proc/<pid>/stat from the state on: [1] is the parent, [11:15] ticks of user and system, own and of children."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def percentile(sorted_values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]
