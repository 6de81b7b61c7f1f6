"""Commands as people run them: processes of their own, in a directory PostgreSQL's unprivileged user can enter."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tradehall

SOURCE = str(Path(tradehall.__file__).parents[1])
PATIENCE = 240.0  # the machine may be busy with other tests


@contextmanager
def traversable_directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="tradehall-commands-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        for pid in processes_of(directory):  # a failed test's
            os.kill(pid, signal.SIGINT)
        shutil.rmtree(directory, ignore_errors=True)


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """A clean one: no setting of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEHALL_", "DATABASE_URL"))}
    return kept | {"PYTHONPATH": SOURCE, "TRADEHALL_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"} | settings


def tradehall_command(
    data_dir: Path, *arguments: str, stdin: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradehall", *arguments],
        env=environment(data_dir, **settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd="/",
    )


class Running:
    """A command that goes on until it is told to stop; what it says is in a file."""

    def __init__(self, data_dir: Path, *arguments: str, **settings: str) -> None:
        self._said = data_dir / "said.txt"
        with self._said.open("w") as said:
            self.process: subprocess.Popen[Any] = subprocess.Popen(
                [sys.executable, "-m", "tradehall", *arguments],
                env=environment(data_dir, **settings),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    def wait_until_it_says(self, text: str) -> None:
        until = time.monotonic() + PATIENCE
        while text not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.02)

    def stop(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE)


def processes_of(directory: Path) -> list[int]:
    """Processes that name the directory on their command line or in their environment; this one not."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            for file in ("cmdline", "environ"):
                try:
                    if os.fsencode(directory) in (entry / file).read_bytes():
                        found.append(int(entry.name))
                        break
                except OSError:
                    continue
    return found
