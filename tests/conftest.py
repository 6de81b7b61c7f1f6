"""What the tests stand on: a PostgreSQL of their own, a database per test, a clock that stands still, a marketplace.

The tests of one run share one server, started by whichever process needs it first. A template database is migrated
once, and one more with a marketplace in it is made in each process; every test has a clone of its own.
Set TRADEHALL_TEST_DATABASE_URL to use a PostgreSQL that runs elsewhere; its user must be allowed to create databases.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.supervised import Supervised
from tests.world import SellerServer, Shop, World, build

from tradehall.installation import Installation
from tradehall.kernel import embedded, migrate
from tradehall.kernel.clock import StillClock
from tradehall.settings import Settings

BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET_KEY = "a secret key for tests that is long enough"
DIRECTORY = "TESTS_POSTGRES_DIRECTORY"  # where all processes of this run find the one server

hypothesis.settings.register_profile("tradehall", deadline=None, print_blob=True)
hypothesis.settings.load_profile("tradehall")


def pytest_configure(config: pytest.Config) -> None:
    if DIRECTORY not in os.environ:
        directory = Path(tempfile.mkdtemp(prefix="tradehall-tests-"))
        directory.chmod(0o711)  # PostgreSQL never runs as root and must get through
        os.environ[DIRECTORY] = str(directory)
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(DIRECTORY), ignore_errors=True))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named after their parameter: what a file holds may differ between the processes that collect tests."""
    return argname if isinstance(val, bytes) else None


class Server:
    """A PostgreSQL with template databases, and clones of them for tests.

    Making a clone takes as long as many a test, so a spare one of each template is made while a test runs.
    """

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._prefix = f"t_{uuid4().hex[:12]}"
        self._numbers = count(1)
        self._admin = psycopg.connect(dsn, autocommit=True)
        self._behind = ThreadPoolExecutor(1)
        self._spares: dict[str, Future[str]] = {}

    def close(self) -> None:
        for spare in self._spares.values():
            self.drop(spare.result())
        self._behind.shutdown()
        self._admin.close()

    def address(self, name: str) -> str:
        return make_conninfo(self.dsn, dbname=name)

    def create(self, template: str = "template0") -> str:
        """A new database; returns its name."""
        name = f"{self._prefix}_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    def drop(self, name: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def clone(self, template: str = "template0") -> Iterator[str]:
        """The address of a new database, which is dropped afterwards."""
        spare = self._spares.pop(template, None)
        name = spare.result() if spare else self.create(template)
        self._spares[template] = self._behind.submit(self.create, template)
        try:
            yield self.address(name)
        finally:
            self._behind.submit(self.drop, name)

    def retire(self, template: str) -> None:
        """Drops a template once the spare that is being made of it is there."""
        self._behind.submit(self.drop, template).result()

    def _run(self, statement: str) -> None:
        self._admin.execute(statement.encode())


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The run's PostgreSQL."""
    with ExitStack() as stack:
        dsn = os.environ.get("TRADEHALL_TEST_DATABASE_URL", "")
        if not dsn:
            dsn = stack.enter_context(embedded.start(Path(os.environ[DIRECTORY]) / "pg", fsync=False)).dsn
        server = Server(dsn)
        stack.callback(server.close)
        yield server


@pytest.fixture(scope="session")
def migrated(server: Server) -> Iterator[str]:
    """The name of a database with the whole schema and nothing in it, to be cloned."""
    name = server.create()
    asyncio.run(migrate.migrate(server.address(name)))
    yield name
    server.retire(name)


@pytest.fixture(scope="session")
def furnished(server: Server, migrated: str) -> Iterator[tuple[str, World]]:
    """The name of a database with the marketplace in it, to be cloned, and what is in it."""
    name = server.create(migrated)

    async def furnish() -> World:
        async with Installation(sandbox_settings(), server.address(name), StillClock(BEGINNING)) as installation:
            return await build(installation)

    yield name, asyncio.run(furnish())
    server.retire(name)


def sandbox_settings(**changes: object) -> Settings:
    """The settings of the tests: a sandbox that may call this machine."""
    return Settings(**{"mode": "sandbox", "secret_key": SECRET_KEY, "outbound_allow": "127.0.0.0/8"} | changes)  # type: ignore[arg-type]


@pytest.fixture
def settings() -> Settings:
    """The installation's settings; a module that needs others has a fixture of the same name."""
    return sandbox_settings()


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> StillClock:
    """Stands where the marketplace's story begins, or where a test marked `begins` says."""
    begins = request.node.get_closest_marker("begins")
    return StillClock(datetime.fromisoformat(begins.args[0]) if begins else BEGINNING)


@pytest.fixture
def empty_database(server: Server, migrated: str) -> Iterator[str]:
    """The address of a database with the schema only."""
    with server.clone(migrated) as dsn:
        yield dsn


@pytest.fixture
def database(server: Server, furnished: tuple[str, World]) -> Iterator[str]:
    """The address of a database with the marketplace in it."""
    with server.clone(furnished[0]) as dsn:
        yield dsn


@pytest.fixture
def world(furnished: tuple[str, World]) -> World:
    """Who and what is in the marketplace."""
    return furnished[1]


@pytest.fixture
async def installation(database: str, settings: Settings, clock: StillClock) -> AsyncIterator[Installation]:
    """An open installation with the marketplace in it; its endpoints lead nowhere unless `seller_server` runs."""
    async with Installation(settings, database, clock) as opened:
        yield opened


@pytest.fixture
async def shop(installation: Installation, clock: StillClock, world: World) -> Shop:
    """The verbs of a story."""
    return Shop(installation, clock, world)


@pytest.fixture
def supervised(shop: Shop) -> Supervised:
    """What people deliver, and the acts on orders of it."""
    return Supervised(shop)


@pytest.fixture
def run_due(shop: Shop) -> Callable[..., object]:
    """`await run_due(until)`: see Shop.run_due."""
    return shop.run_due


@pytest.fixture
async def seller_server(shop: Shop, clock: StillClock, world: World) -> AsyncIterator[SellerServer]:
    """The sample seller as a real HTTP server; both sellers' endpoints lead to it."""
    server = SellerServer(clock, hang_for=5.0)
    await server.up()
    await shop.sql(f"UPDATE endpoints SET address = '{server.url}'")
    yield server
    await server.down()
