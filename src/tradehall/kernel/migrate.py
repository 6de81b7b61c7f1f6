"""The schema, moved forward: each file `migrations/NNNN_name.sql` is applied once, in order, each in one transaction.

Any number of processes may start at once: one migrates, the others wait for it. There is no way back but a backup, so a
file that was applied anywhere is never edited; what it got wrong is put right by the next one.
"""

import hashlib
import importlib.resources
import inspect
import re
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

OLDEST_SERVER = 15_00_00

MIGRATIONS = importlib.resources.files("tradehall.kernel") / "migrations"

ONE_AT_A_TIME = 0x7472_6164_6568_616C
"""The advisory lock that whoever migrates holds: "tradehal" in ASCII."""


class MigrationProblem(Exception):
    """The database could not be migrated."""

    def __init__(self, **values: Any) -> None:
        super().__init__(" ".join(inspect.cleandoc(self.__doc__ or "").split()).format_map(values))


class MigrationFilesWrong(MigrationProblem):
    """The migrations must be named 0001_some_name.sql and numbered one by one, but after {before} comes {name}."""


class MigrationChanged(MigrationProblem):
    """The migration {name} was applied to this database and has been changed since. Put the file back as it was, and
    make the change in a new one."""


class DatabaseIsNewer(MigrationProblem):
    """This database has the migration {name}, which this version of Tradehall does not know. Install the version that
    applied it, or a newer one."""


class PostgresTooOld(MigrationProblem):
    """Tradehall needs PostgreSQL {needed} or newer, but the server is PostgreSQL {found}."""


class Migration(NamedTuple):
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(conninfo: str, directory: Traversable = MIGRATIONS) -> list[str]:
    """Bring the database up to date; the names of the migrations that were applied, in order.

    Raises a MigrationProblem, or the database's own error: the migrations before the failed one stay applied.
    """
    files = read(directory)
    # Without prepare_threshold: one transaction may hold several statements, and none is run twice.
    async with await AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
        check_server_version(connection.info.server_version)
        await connection.execute("SELECT pg_advisory_lock(%s)", (ONE_AT_A_TIME,))  # until this connection closes
        await connection.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version    int PRIMARY KEY,
                name       text NOT NULL,
                checksum   text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
            )
            """
        )
        waiting = await _waiting(connection, files)
        for migration in waiting:
            await _apply(connection, migration)
    return [migration.name for migration in waiting]


async def pending(conninfo: str, directory: Traversable = MIGRATIONS) -> list[str]:
    """The names of the migrations that are still to be applied, in order. Changes nothing; raises like `migrate`."""
    files = read(directory)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        check_server_version(connection.info.server_version)
        return [migration.name for migration in await _waiting(connection, files)]


def check_server_version(n: int) -> None:
    """Raise PostgresTooOld unless the server's version number, like 150004 for 15.4, is high enough."""
    if n < OLDEST_SERVER:
        found = f"{n // 10000}.{n % 10000}" if n >= 10_00_00 else f"{n // 10000}.{n // 100 % 100}"
        raise PostgresTooOld(needed=OLDEST_SERVER // 10000, found=found)


def read(directory: Traversable) -> list[Migration]:
    """The migrations of a directory, in order."""
    migrations: list[Migration] = []
    for file in sorted(directory.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        before = migrations[-1].name if migrations else "nothing"
        if not re.fullmatch(r"\d{4}_\w+\.sql", file.name, re.ASCII) or int(file.name[:4]) != len(migrations) + 1:
            raise MigrationFilesWrong(before=before, name=file.name)
        migrations.append(Migration(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text("utf-8")))
    return migrations


async def _waiting(connection: AsyncConnection[TupleRow], files: list[Migration]) -> list[Migration]:
    """What of the files is not applied yet, after checking that what is applied is the same as in the files."""
    exists = await connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
    if await exists.fetchone() == (False,):
        return files
    applied = await connection.execute("SELECT version, name, checksum FROM schema_migrations ORDER BY version")
    known = {migration.version: migration for migration in files}
    async for version, name, checksum in applied:
        if version not in known:
            raise DatabaseIsNewer(name=name)
        if known.pop(version).checksum != checksum:
            raise MigrationChanged(name=name)
    return list(known.values())


async def _apply(connection: AsyncConnection[TupleRow], migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql.encode())
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (%(version)s, %(name)s, %(checksum)s)",
            {"version": migration.version, "name": migration.name, "checksum": migration.checksum},
        )
