"""Migrations, on a real server."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import tradehall
from tradehall.kernel import migrate as migrations
from tradehall.kernel.embedded import start
from tradehall.kernel.migrate import migrate, pending

MIGRATE = """
import asyncio, sys
from pathlib import Path
from tradehall.kernel.migrate import migrate
print(*asyncio.run(migrate(sys.argv[1], Path(sys.argv[2]))))
"""

SOURCE = str(Path(tradehall.__file__).parents[1])

numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    outer = Path(tempfile.mkdtemp())
    outer.chmod(0o711)
    with start(outer / "pg", fsync=False) as postgres:
        yield postgres.dsn
    shutil.rmtree(outer)


@pytest.fixture
def empty(server: str) -> str:
    """An empty database."""
    name = f"empty_{next(numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy".encode())
    return make_conninfo(server, dbname=name)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "0001_people.sql").write_text("CREATE TABLE people (name text);\nCREATE INDEX ON people (name);\n")
    (tmp_path / "0002_names.sql").write_text("INSERT INTO people VALUES ('100 % 云商店');")
    (tmp_path / "README.md").write_text("Not a migration.")
    return tmp_path


def names(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM people")]


async def test_files_are_applied_once_and_in_order(empty: str, files: Path) -> None:
    assert await pending(empty, files) == ["0001_people", "0002_names"]
    assert await migrate(empty, files) == ["0001_people", "0002_names"]
    assert await pending(empty, files) == []
    assert await migrate(empty, files) == []
    (files / "0003_more.sql").write_text("INSERT INTO people VALUES ('more')")
    assert await pending(empty, files) == ["0003_more"]
    assert await migrate(empty, files) == ["0003_more"]
    assert names(empty) == ["100 % 云商店", "more"]


async def test_looking_what_is_pending_changes_nothing(empty: str, files: Path) -> None:
    await pending(empty, files)
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,)


async def test_six_processes_at_once_apply_each_file_once(empty: str, files: Path) -> None:
    (files / "0001_people.sql").write_text("SELECT pg_sleep(0.2); CREATE TABLE people (name text);")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([SOURCE, *filter(None, sys.path)])}
    command = [sys.executable, "-c", MIGRATE, empty, str(files)]
    processes = [
        await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE) for _ in range(6)
    ]
    said = [(await process.communicate())[0].decode().strip() for process in processes]
    assert sorted(said) == [""] * 5 + ["0001_people 0002_names"]
    assert [process.returncode for process in processes] == [0] * 6
    assert names(empty) == ["100 % 云商店"]


async def test_a_file_that_fails_leaves_nothing_behind_and_can_be_put_right(empty: str, files: Path) -> None:
    wrong = files / "0003_wrong.sql"
    wrong.write_text("INSERT INTO people VALUES ('half'); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty, files)
    assert names(empty) == ["100 % 云商店"]
    wrong.write_text("INSERT INTO people VALUES ('whole');")
    assert await migrate(empty, files) == ["0003_wrong"]


async def test_an_applied_file_may_not_change(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0001_people.sql").write_text("CREATE TABLE people (name text NOT NULL);")
    for look in (migrate, pending):
        with pytest.raises(migrations.MigrationChanged, match="0001_people was applied"):
            await look(empty, files)


async def test_a_checkout_with_other_line_ends_is_no_change(empty: str, files: Path) -> None:
    await migrate(empty, files)
    people = files / "0001_people.sql"
    people.write_bytes(people.read_bytes().replace(b"\n", b"\r\n"))
    assert await pending(empty, files) == []


async def test_a_database_that_is_newer_than_the_code_is_refused(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0002_names.sql").unlink()
    for look in (migrate, pending):
        with pytest.raises(migrations.DatabaseIsNewer, match="0002_names"):
            await look(empty, files)


@pytest.mark.parametrize("name", ["0002_again.sql", "0004_gap.sql", "3_short.sql", "0003-dash.sql", "0003_.sql.sql"])
async def test_files_are_numbered_one_by_one(files: Path, name: str) -> None:
    (files / name).write_text("SELECT 1")
    with pytest.raises(migrations.MigrationFilesWrong, match="numbered one by one"):
        await migrate("", files)


def test_numbers_start_at_one(tmp_path: Path) -> None:
    (tmp_path / "0000_zero.sql").write_text("SELECT 1")
    with pytest.raises(migrations.MigrationFilesWrong, match="after nothing comes 0000_zero"):
        migrations.read(tmp_path)


@pytest.mark.parametrize(("number", "name"), [(14_00_12, "14.12"), (9_06_24, "9.6")])
def test_an_old_server_is_refused_by_name(number: int, name: str) -> None:
    with pytest.raises(migrations.PostgresTooOld, match=rf"15 or newer, but the server is PostgreSQL {name}\."):
        migrations.check_server_version(number)


@pytest.mark.parametrize("number", [15_00_00, 18_00_06])
def test_a_newer_server_is_welcome(number: int) -> None:
    migrations.check_server_version(number)
