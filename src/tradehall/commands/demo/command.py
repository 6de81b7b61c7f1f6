"""`tradehall demo`: a living marketplace on this machine, in a sandbox of its own, with a story to watch.

Everything runs in this one process but PostgreSQL: web server, worker, and the sellers' servers, which are real HTTP
servers on loopback. So whatever ends this process ends them, and nothing is left behind.

    <data directory>/demo/demo.log      logs of web server and worker, of the last start
    <data directory>/demo/environment   the settings it runs with, for commands beside it (`tradehall clock --demo`)
    <data directory>/demo/*.book        what the sellers' servers remember
"""

import asyncio
import fcntl
import json
import logging
import os
import shlex
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import structlog
import uvicorn
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from tradehall import installation
from tradehall.commands import marketplace
from tradehall.commands.common import CommandProblem, terminal
from tradehall.commands.demo.story import Sellers, Story, StoryWentWrong
from tradehall.commands.demo.telling import Totals
from tradehall.commands.goods import GOODS, SellerKey
from tradehall.commands.goods_delivered import DELIVERED
from tradehall.commands.marketplace import ORGANISATIONS, PASSWORD, PEOPLE, FormerMarketplace, SellerServer
from tradehall.commands.run import web_config
from tradehall.installation import Installation
from tradehall.kernel import embedded, logs
from tradehall.kernel.migrate import MigrationProblem
from tradehall.kernel.worker import Worker
from tradehall.parties.model import OrganisationKind
from tradehall.settings import Settings, load
from tradehall_seller.book import BookDamaged
from tradehall_seller.crypt import Encryption
from tradehall_seller.sample import Manner, SampleSeller, SampleSellerV1

SELLERS: tuple[SellerKey, ...] = ("cloudsail", "bedrock", "lark", "maple")
MANNERS: dict[SellerKey, Manner] = {"cloudsail": "instant", "bedrock": "slow", "lark": "flaky", "maple": "instant"}
# The seller whose server the story leaves in trouble, for somebody to put right.
DOWN: SellerKey = "lark"
MANNER_TOLD = {
    "instant": "opens at once 即时开通",
    "slow": "opens later 异步开通",
    "flaky": "fails at times 时好时坏",
}
KINDS: dict[OrganisationKind, str] = {"platform": "operator 运营方", "seller": "sellers 商家", "buyer": "buyers 买家"}
READY_AFTER = 45.0  # seconds of the sandbox's time until the slow seller has opened an instance
HANG_FOR = 2.0
PORTS_TRIED = 20


def home(settings: Settings) -> Path:
    """Where the demo of this data directory keeps everything."""
    return settings.data_dir / "demo"


def _environment() -> Settings:
    """The settings of this environment, but for the database: a demo is never loaded into one that others use."""
    return load(database_url="", secret_key="")


def settings_of_demo() -> Settings:
    """The settings of the demo that was last started with this data directory. Raises CommandProblem."""
    directory = home(_environment())
    try:
        kept = (directory / "environment").read_text()
    except OSError as error:
        raise CommandProblem(f"there is no demo in {directory}; start one with `tradehall demo`") from error
    values = dict(line.split("=", 1) for line in shlex.split(kept))
    return load(os.environ | values, database_url="", secret_key="")


async def demo(*, once: bool, port: int, fresh: bool) -> int:
    """Starts everything, plays the story, and serves until told to stop, or with `once` stops at the story's end.

    Returns the process's exit code. Ctrl-C, SIGTERM and a closed terminal stop all that was started.
    """
    began = time.perf_counter()
    console = terminal()
    playing = asyncio.ensure_future(_play(console, began, once=once, port=port, fresh=fresh))
    stopping = _stopped_by_signals(playing)
    try:
        totals = await playing
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
        console.print("Stopped. 已停止。")
        return 130 if once else 0
    if once and totals:
        print(json.dumps(totals.told(time.perf_counter() - began)), flush=True)
    return 0 if totals else 1


def _stopped_by_signals(task: asyncio.Future[Totals | None]) -> asyncio.Event:
    """Has the first signal end the task, which cleans up; further ones change nothing."""
    stopping = asyncio.Event()

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            task.cancel()

    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(sign, stop)
    return stopping


async def _play(console: Console, began: float, *, once: bool, port: int, fresh: bool) -> Totals | None:
    directory = home(_environment())
    async with AsyncExitStack() as stack:
        _make_directory(directory)
        stack.enter_context(_only_one(directory))
        if fresh:
            await asyncio.to_thread(_empty, directory)
        log = stack.enter_context((directory / "demo.log").open("w", encoding="utf-8", buffering=1))
        sockets = stack.enter_context(_listening(_kept_ports(directory)))
        web_socket = stack.enter_context(_web_socket(_environment().host, port))
        settings = _demo_settings(directory, sockets, web_socket)
        _log_to(log, settings)

        console.print(
            Panel(
                "A marketplace on this machine: a sandbox with its own database, clock and sellers.\n"
                "一台机器上的云商店：独立的沙箱数据库、可拨动的时钟与真实的商家服务。",
                title="[bold]Tradehall[/bold] 云商厅",
                title_align="left",
                border_style="cyan",
                expand=False,
            )
        )
        if settings.port != port:
            console.print(f"[yellow]Port {port} is taken; the web server uses {settings.port} instead.[/yellow]")
        with _former_demos_refused():
            opened = await stack.enter_async_context(installation.opened(settings))
            _tell(console, began, "PostgreSQL runs, the schema is up to date", "数据库就绪")
            loaded = await marketplace.load(opened)
            counts = f"{len(SELLERS)} sellers, 3 buyers, {len(PEOPLE)} people, {len(GOODS) + len(DELIVERED)} products"
            _tell(console, began, f"Marketplace {'loaded' if loaded else 'is there already'}: {counts}", "市场数据")
            servers = await marketplace.seller_servers(opened)
            sellers = await stack.enter_async_context(_sellers(opened, directory, sockets, servers))
        for server in servers:
            name = f"{server.name_en} {server.name_zh}"
            told = f"{name} at {_place(sockets[server.key])}, {_speech(server)}"
            _tell(console, began, told, MANNER_TOLD[MANNERS[server.key]])
        await stack.enter_async_context(_serving(web_config(settings, opened), web_socket))
        await stack.enter_async_context(_working(opened))
        base = f"http://{_place(web_socket)}"
        _tell(console, began, f"Web server and worker run: {base}", "网站与后台任务已启动")

        totals = None
        try:
            totals = await Story(console, opened, sellers, base, began).play()
        except StoryWentWrong as error:
            console.print(f"[red]The story did not go as it should: {error}[/red]  Logs: {directory / 'demo.log'}")
        finally:
            _leave(sellers, in_trouble=totals is not None)
        if once:
            console.print("Stopping everything… 正在停止…")
            return totals
        _invite(console, base, directory, _place(sockets[DOWN]))
        await asyncio.Event().wait()
    raise AssertionError("the wait above ends by being cancelled only")


def _tell(console: Console, began: float, english: str, chinese: str) -> None:
    seconds = f"{time.perf_counter() - began:5.1f} s"
    console.print(f"[dim]{seconds}[/dim]  {english}  [dim]{chinese}[/dim]", soft_wrap=True)


def _speech(server: SellerServer) -> str:
    """What a seller's server speaks, in short."""
    more = {"V1": f" {server.encryption}", "V2": " + revisions" if server.revisions else ""}
    return f"{server.generation}{more[server.generation]}"


def _leave(sellers: Sellers, *, in_trouble: bool) -> None:
    """The sellers as they are from here on: by their nature, but for the one in whose trouble the story ends."""
    for key, seller in sellers.items():
        seller.manner = "crash" if in_trouble and key == DOWN else MANNERS[key]
        seller.moods.clear()
        seller.used = 0.0


# --- Its directory ---------------------------------------------------------------------------------------------------


def _make_directory(directory: Path) -> None:
    """Makes what is missing of it; where root makes it, PostgreSQL's own user can pass through."""
    try:
        for path in reversed([path for path in (directory, *directory.parents) if not path.exists()]):
            with suppress(FileExistsError):
                path.mkdir()
                path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise CommandProblem(
            f"{error.filename}: {error.strerror}; set TRADEHALL_DATA_DIR to a directory you may write to"
        ) from error


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """One demo at a time: a second one would lead the first one's sellers away."""
    try:
        lock = os.open(directory / "demo.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CommandProblem(
            f"{error.filename}: {error.strerror}; set TRADEHALL_DATA_DIR to a directory you may write to"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CommandProblem(
            f"a demo runs already in {directory}; stop it, or set TRADEHALL_DATA_DIR for another one"
        ) from None
    finally:
        os.close(lock)


def _empty(directory: Path) -> None:
    """Throws away what an earlier demo left; a database a killed one left running is stopped first."""
    if (directory / "postgres/data/postmaster.pid").exists():
        embedded.start(directory / "postgres").release()
    for path in directory.iterdir():
        if path.name == "demo.lock":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def _former_demos_refused() -> Iterator[None]:
    """What a former version left cannot be gone on with; nothing of it is worth a conversion."""
    try:
        yield
    except (MigrationProblem, FormerMarketplace, BookDamaged) as error:
        raise CommandProblem(f"{error} `tradehall demo --fresh` throws the old demo away.") from error


def _kept_ports(directory: Path) -> list[int]:
    """Where the sellers listened last time, so that their addresses stay the same if they can."""
    with suppress(OSError, ValueError):
        values = dict(line.split("=", 1) for line in shlex.split((directory / "environment").read_text()))
        return [int(entry.rpartition(":")[2]) for entry in values["TRADEHALL_OUTBOUND_ALLOW"].split(",")]
    return []


def _demo_settings(directory: Path, sellers: dict[SellerKey, socket.socket], web: socket.socket) -> Settings:
    own = {
        "TRADEHALL_MODE": "sandbox",
        "TRADEHALL_DATA_DIR": str(directory),
        "TRADEHALL_OUTBOUND_ALLOW": ",".join(_place(one) for one in sellers.values()),
        "TRADEHALL_PORT": str(web.getsockname()[1]),
    }
    written = "".join(f"{name}={shlex.quote(value)}\n" for name, value in own.items())
    (directory / "environment").write_text(written)
    return load(os.environ | own, database_url="", secret_key="", public_url="")


def _log_to(file: TextIO, settings: Settings) -> None:
    """Logs go to a file: the terminal belongs to the story."""
    logs.configure(settings.log_format, settings.log_level)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file))
    logging.basicConfig(level=logging.WARNING, stream=file, force=True)


# --- What runs -------------------------------------------------------------------------------------------------------


class _QuietServer(uvicorn.Server):
    """Leaves signals to whoever started it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _serving(config: uvicorn.Config, listener: socket.socket) -> AsyncIterator[None]:
    server = _QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise CommandProblem("a server ended as soon as it was started; the demo's log says why")
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def _working(opened: Installation) -> AsyncIterator[Worker]:
    worker = opened.worker()
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await task


@asynccontextmanager
async def _sellers(
    opened: Installation, directory: Path, sockets: dict[SellerKey, socket.socket], servers: Sequence[SellerServer]
) -> AsyncIterator[Sellers]:
    """The sellers' servers, their endpoints in the marketplace leading to them. What takes them time takes the
    sandbox's, which is moved on instead of being waited for. Raises BookDamaged."""
    async with AsyncExitStack() as stack:
        sellers: Sellers = {}
        for server in servers:
            sellers[server.key] = seller = _sample(opened, directory, server)
            config = uvicorn.Config(
                seller, http="httptools", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=1
            )
            await stack.enter_async_context(_serving(config, sockets[server.key]))
            await marketplace.point_sellers_to(opened, server.key, f"http://{_place(sockets[server.key])}")
        yield sellers


def _sample(opened: Installation, directory: Path, server: SellerServer) -> SampleSeller | SampleSellerV1:
    settings: dict[str, Any] = {
        "manner": MANNERS[server.key],
        "ready_after": READY_AFTER,
        "hang_for": HANG_FOR,
        "book": directory / f"{server.key}.book",
        "site": f"https://{server.key}.example.com",
        "allow_control": True,
        "opening_clock": lambda: opened.clock.now().timestamp(),
    }
    if server.generation == "V2":
        return SampleSeller(server.access_keys, **settings)
    encryption: Encryption = "aes128" if server.encryption == "AES128" else "aes256"
    return SampleSellerV1(server.access_keys, encryption=encryption, **settings)


# --- Where it listens ------------------------------------------------------------------------------------------------


@contextmanager
def _listening(ports: Sequence[int]) -> Iterator[dict[SellerKey, socket.socket]]:
    """A socket on loopback for each seller: on its port of last time, or any free one."""
    sockets: dict[SellerKey, socket.socket] = {}
    try:
        for place, key in enumerate(SELLERS):
            wanted = ports[place] if place < len(ports) else 0
            sockets[key] = _bound("127.0.0.1", wanted) or _bound("127.0.0.1", 0) or _no_port()
        yield sockets
    finally:
        for one in sockets.values():
            one.close()


@contextmanager
def _web_socket(host: str, port: int) -> Iterator[socket.socket]:
    """The web server's socket: the port asked for, one of the next, or any free one."""
    candidates = [port, *range(port + 1, min(port + PORTS_TRIED, 65536)), 0]
    bound = next((found for candidate in candidates if (found := _bound(host, candidate))), None) or _no_port()
    with bound:
        yield bound


def _bound(host: str, port: int) -> socket.socket | None:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError:
        return None


def _no_port() -> socket.socket:
    raise CommandProblem("no port is free to listen on, or TRADEHALL_HOST is not an address of this machine")


def _place(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what to type, not what to bind
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# --- What people can do now ------------------------------------------------------------------------------------------


def _invite(console: Console, base: str, directory: Path, down: str) -> None:
    console.print()
    console.rule("[bold]Now it is yours[/bold] 现在轮到你了", style="cyan")
    console.print(f"  Marketplace 云商店    [bold]{base}/[/bold]", soft_wrap=True)
    console.print(f"  Sign in 登录          {base}/login", soft_wrap=True)
    console.print(f"  API                   {base}/api/v1/schema/openapi.json", soft_wrap=True)
    console.print(f"  Metrics 指标          {base}/metrics", soft_wrap=True)
    console.print(f"  Logs 日志             {directory / 'demo.log'}", soft_wrap=True)
    console.print("  Clock 时钟            tradehall clock --demo advance 3h", soft_wrap=True)
    console.print(f"  Mend Lark 修复百灵    curl -X POST 'http://{down}/_manner?name=instant'", soft_wrap=True)
    console.print()
    console.print(f"Everybody's password 所有人的密码: [bold]{PASSWORD}[/bold]")
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("Sign in as 账号", "Name 姓名", "For 组织", "Role 角色"):
        table.add_column(name, no_wrap=True)
    organisations = {one.key: one for one in ORGANISATIONS}
    kind = None
    for person in PEOPLE:
        organisation = organisations[person.organisation]
        if organisation.kind != kind:
            kind = organisation.kind
            table.add_row(f"[dim]{KINDS[kind]}[/dim]")
        role = f"[bold]{person.role}[/bold]" if person.role == "admin" else person.role
        table.add_row(f"  {person.email}", person.name, organisation.name_zh, role)
    console.print(table)
    console.print()
    console.print("Serving until Ctrl-C, which stops everything. 按 Ctrl-C 停止全部服务。")
