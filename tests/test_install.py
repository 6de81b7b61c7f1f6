"""`make install` and `.ci/run`, against stand-ins for Python, pip, apt and make: quick, and without a network."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A Python 3.11 whose `-m venv` makes a directory with itself in it, and which writes down what it is asked to do.
PYTHON = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
    "-c import sys; sys.exit"*) exit ${OLD_PYTHON:-0} ;;
    "-c import ensurepip"*) [ -e "$WORKSHOP/venv-module" ] ;;
    "-c import virtualenv"*) exit 1 ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip install"*) [ ! -e "$WORKSHOP/pip-fails" ] ;;
esac
"""


class Workshop:
    """A copy of the installer with a PATH of stand-ins before the real one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkout = directory / "checkout"
        self.venv = self.checkout / ".venv"
        self.calls_file = directory / "calls"
        (self.checkout / "scripts").mkdir(parents=True)
        for name in ("scripts/install.sh", "requirements.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.checkout / name)
        (directory / "bin").mkdir()
        (directory / "venv-module").touch()
        self.stand_in("python3", PYTHON)
        self.stand_in("id", "#!/bin/sh\necho ${FAKE_UID:-1000}\n")
        self.stand_in("apt-get", '#!/bin/sh\necho "apt-get $*" >>"$CALLS"\ntouch "$WORKSHOP/venv-module"\n')

    def stand_in(self, name: str, script: str) -> None:
        path = self.directory / "bin" / name
        path.write_text(script)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.directory / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.directory),
            "CALLS": str(self.calls_file),
            "WORKSHOP": str(self.directory),
        }
        return subprocess.run(
            command or ("sh", "scripts/install.sh"),
            cwd=self.checkout,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def calls(self) -> list[str]:
        """What the stand-ins were asked since this was last called, the questions about themselves left out."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith("-c") and line != "-m pip --version"]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_a_fresh_checkout_gets_wheels_only_with_their_hashes_checked(workshop: Workshop) -> None:
    done = workshop.run()
    assert done.returncode == 0, done.stderr
    assert workshop.calls() == [
        "-m venv .venv",
        "-m pip install --quiet --require-hashes --only-binary :all: -r requirements.lock",
        "-m pip install --quiet --no-deps --no-build-isolation -e .",
        "scripts/fetch_assets.py",
    ]
    assert (workshop.venv / ".installed").exists()
    assert not (workshop.venv / ".unfinished").exists()


def test_done_again_it_installs_nothing(workshop: Workshop) -> None:
    workshop.run()
    workshop.calls()
    assert workshop.run().returncode == 0
    assert workshop.calls() == ["scripts/fetch_assets.py"]


def test_only_what_changed_is_installed_anew(workshop: Workshop) -> None:
    workshop.run()
    workshop.calls()
    with (workshop.checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert workshop.run().returncode == 0
    assert workshop.calls() == ["-m pip install --quiet --no-deps --no-build-isolation -e .", "scripts/fetch_assets.py"]


def test_an_interrupted_installation_starts_anew(workshop: Workshop) -> None:
    (workshop.directory / "pip-fails").touch()
    assert workshop.run().returncode != 0
    assert not (workshop.venv / ".installed").exists()
    (workshop.venv / "half-a-package").touch()
    (workshop.directory / "pip-fails").unlink()
    workshop.calls()
    assert workshop.run().returncode == 0
    assert workshop.calls()[0] == "-m venv .venv"
    assert not (workshop.venv / "half-a-package").exists()


def test_root_gets_the_venv_module_from_apt(workshop: Workshop) -> None:
    (workshop.directory / "venv-module").unlink()
    done = workshop.run(FAKE_UID="0")
    assert done.returncode == 0, done.stderr
    assert workshop.calls()[0] == "apt-get install -y -qq --no-install-recommends python3-venv"


def test_others_are_told_what_is_missing_and_nothing_is_left_behind(workshop: Workshop) -> None:
    (workshop.directory / "venv-module").unlink()
    done = workshop.run()
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert not workshop.venv.exists()


def test_an_old_python_is_refused_by_name(workshop: Workshop) -> None:
    for minor in range(11, 15):
        workshop.stand_in(f"python3.{minor}", "#!/bin/sh\nexit 1\n")
    done = workshop.run(OLD_PYTHON="1")
    assert done.returncode == 1
    assert "3.11 or newer" in done.stderr
    assert "PYTHON=" in done.stderr
    assert not workshop.venv.exists()


def test_a_newer_python_beside_an_old_one_is_found(workshop: Workshop) -> None:
    shutil.copy(workshop.directory / "bin/python3", workshop.directory / "bin/python3.12")
    workshop.stand_in("python3", "#!/bin/sh\nexit 1\n")
    workshop.stand_in("python3.14", "#!/bin/sh\nexit 1\n")
    workshop.stand_in("python3.13", "#!/bin/sh\nexit 1\n")
    done = workshop.run()
    assert done.returncode == 0, done.stderr
    assert workshop.calls()[0] == "-m venv .venv"


# --- .ci/run ---------------------------------------------------------------------------------------------------------


def run_ci(workshop: Workshop, **stages: str) -> subprocess.CompletedProcess[str]:
    """Runs `.ci/run` with a Makefile whose targets do what is given."""
    targets = {"install": "true", "check": "true", "test": "true"} | stages
    makefile = "".join(f"{target}:\n\t@{command}\n" for target, command in targets.items())
    (workshop.checkout / "Makefile").write_text(makefile)
    (workshop.checkout / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", workshop.checkout / ".ci/run")
    return workshop.run(".ci/run")


def test_the_last_line_of_a_pull_requests_check_is_the_test_runners(workshop: Workshop) -> None:
    done = run_ci(workshop, test="echo '3 passed, 1 skipped in 0.12s'; echo something of make")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "3 passed, 1 skipped in 0.12s"
    assert all(stage in done.stdout for stage in ("s  make install", "s  make check", "s  make test"))


def test_failing_tests_fail_the_check_and_still_close_it(workshop: Workshop) -> None:
    done = run_ci(workshop, test="echo '1 failed, 2 passed in 0.12s'; exit 1")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == ["FAILED: make test", "1 failed, 2 passed in 0.12s"]


def test_a_failing_lint_fails_the_check_although_tests_pass(workshop: Workshop) -> None:
    done = run_ci(workshop, check="exit 1", test="echo '2 passed in 0.12s'")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == ["FAILED: make check", "2 passed in 0.12s"]


def test_nothing_is_tested_that_could_not_be_installed(workshop: Workshop) -> None:
    done = run_ci(workshop, install="exit 1", test="echo '2 passed in 0.12s'")
    assert done.returncode == 1
    assert "passed" not in done.stdout
