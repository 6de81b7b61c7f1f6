"""The demo as people start it."""

import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.commands.running import Running, processes_of, tradehall_command, traversable_directory

pytestmark = pytest.mark.slow

STORY = {"orders": 40, "opened": 16, "completed": 26, "refunded": 6, "accepted": 5}
LIVES = {
    "trials": 2,
    "converted": 1,
    "renewed": 6,
    "renewed_automatically": 2,
    "changed": 1,
    "taken_back": 2,
    "refused": 1,
    "frozen": 3,
    "thawed": 1,
    "released": 3,
}


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Path, str]]:
    """A data directory in which the story was played once, and what was said."""
    with traversable_directory() as directory:
        run = tradehall_command(directory, "demo", "--once")
        assert run.returncode == 0, run.stdout + run.stderr
        assert run.stderr == ""
        yield directory, run.stdout


def test_the_story_ends_with_one_line_of_json(played: tuple[Path, str]) -> None:
    totals = json.loads(played[1].splitlines()[-1])
    assert list(totals) == [*STORY, "calls", "calls_failed", *LIVES, "seconds"]
    assert totals | STORY | LIVES == totals
    # Three failures of the flaky seller, and a try every three minutes of the three hours the other one was away; one
    # freeze that failed, one change refused, two calls that fail as the story ends.
    assert totals["calls_failed"] >= 3 + 60 + 1 + 1 + 2
    assert totals["calls"] > totals["calls_failed"] + 40
    assert totals["seconds"] > 0


def test_the_story_is_told_in_both_languages_and_plainly_when_piped(played: tuple[Path, str]) -> None:
    _, said = played
    assert "\x1b" not in said
    for text in ("云帆协同办公平台", "Cloudsail Workplace", "000004", "refunded 已退款", "expired 已过期", "1 payment"):
        assert text in said


def test_what_it_leaves_is_worth_a_look(played: tuple[Path, str]) -> None:
    _, said = played
    now = said[said.index("应用一览") :]
    assert all(text in now for text in ("frozen 已冻结", "on trial 试用中", "in use 使用中", "ended 已结束"))
    orders = said[said.index("订单一览") : said.index("应用一览")]
    kinds = ("new 新购", "trial 试用", "bought 转正", "renewal 续费", "auto 自动续费", "upgrade 升级", "back 退订")
    ends = (
        "done 已完成",
        "refunded 已退款",
        "expired 已过期",
        "refused 已拒绝",
        "unpaid 待支付",
        "opening 开通中",
        "supervised 服务监管中",
    )
    assert all(text in orders for text in (*kinds, *ends))
    assert "counts 2 of 5" in said


def test_logs_are_in_a_file_and_not_in_the_story(played: tuple[Path, str]) -> None:
    directory, said = played
    assert '"event"' not in said
    log = (directory / "demo/demo.log").read_text()
    assert '"event":"seller_call"' in log
    assert '"event":"request"' in log
    assert "Traceback" not in log


def test_nothing_is_left_running(played: tuple[Path, str]) -> None:
    assert processes_of(played[0]) == []


def test_a_second_start_keeps_the_data_takes_another_port_and_ends_with_ctrl_c(played: tuple[Path, str]) -> None:
    directory, _ = played
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        demo = Running(directory, "demo", "--port", str(port))
        demo.wait_until_it_says("Serving until Ctrl-C")
    assert f"Port {port} is taken; the web server uses" in demo.said
    assert "is there already" in demo.said
    assert "did not go as it should" not in demo.said
    kept = _environment(directory)
    base = f"http://127.0.0.1:{kept['TRADEHALL_PORT']}"
    assert _get(f"{base}/readyz") == {"status": "ready", "mode": "sandbox"}
    sellers = [entry.rpartition(":")[2] for entry in kept["TRADEHALL_OUTBOUND_ALLOW"].split(",")]
    assert all(_answers(int(port)) for port in sellers)

    second = tradehall_command(directory, "demo", "--once")
    assert second.returncode == 2
    assert "a demo runs already" in second.stderr
    assert "Traceback" not in second.stderr

    moved = tradehall_command(directory, "clock", "--demo", "advance", "2h")
    assert moved.returncode == 0, moved.stderr
    assert tradehall_command(directory, "verify-journal", "--demo").returncode == 0

    assert demo.stop(signal.SIGINT) == 0, demo.said
    assert demo.said.splitlines()[-1].startswith("Stopped.")
    assert processes_of(directory) == []
    assert not any(_answers(int(port)) for port in (*sellers, kept["TRADEHALL_PORT"]))


@pytest.mark.parametrize("moment", ["Tradehall", "PostgreSQL runs", "Web server and worker run", "2 · Opened"])
def test_sigterm_at_any_moment_leaves_nothing(played: tuple[Path, str], moment: str) -> None:
    directory, _ = played
    demo = Running(directory, "demo")
    demo.wait_until_it_says(moment)
    assert demo.stop(signal.SIGTERM) == 0, demo.said
    assert "Traceback" not in demo.said
    assert processes_of(directory) == []


@pytest.mark.parametrize("left", ['{"order": ["CS1", "CS1-000001", ""], "instance_id": "x"}\n', "[]\n"])
def test_what_a_former_version_left_is_refused_with_a_hint(played: tuple[Path, str], left: str) -> None:
    directory, _ = played
    book = directory / "demo/lark.book"
    kept = book.read_bytes()
    book.write_text(left)
    try:
        run = tradehall_command(directory, "demo", "--once")
    finally:
        book.write_bytes(kept)
    assert run.returncode == 2
    assert "line 1 is no effect" in run.stderr
    assert run.stderr.endswith("`tradehall demo --fresh` throws the old demo away.\n")
    assert "Traceback" not in run.stdout + run.stderr
    assert processes_of(directory) == []


def test_fresh_takes_over_from_a_killed_demo_and_begins_anew(played: tuple[Path, str]) -> None:
    directory, _ = played
    killed = Running(directory, "demo")
    killed.wait_until_it_says("PostgreSQL runs")
    killed.process.kill()
    killed.process.wait()
    assert processes_of(directory)  # PostgreSQL, which nobody could tell to stop
    demo = Running(directory, "demo", "--fresh")
    demo.wait_until_it_says("Marketplace loaded")
    assert demo.stop(signal.SIGTERM) == 0
    assert processes_of(directory) == []


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = tradehall_command(tmp_path / "file", "demo", "--once")
    assert run.returncode == 2
    assert run.stderr.startswith("tradehall: ")
    assert len(run.stderr.splitlines()) == 1


def _environment(directory: Path) -> dict[str, str]:
    lines = (directory / "demo/environment").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.loads(response.read())


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", b"{}", timeout=10).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def test_serving_and_working_leave_no_postgres_behind() -> None:
    with traversable_directory() as directory:
        for command, line in (("serve", '"event":"serving"'), ("work", '"event":"working"')):
            for sign in (signal.SIGTERM, signal.SIGINT):
                running = Running(directory, command, TRADEHALL_PORT=str(_free_port()))
                running.wait_until_it_says(line)
                assert running.stop(sign) == 0, running.said
                assert processes_of(directory) == [], running.said
                assert list((directory / "postgres/socket").iterdir()) == []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
