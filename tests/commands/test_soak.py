"""An installation made of real processes, killed at random while people buy: a short run of what `make soak` does."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.commands.running import PATIENCE, environment, processes_of, traversable_directory

from tradehall.commands.soak.clients import Promise
from tradehall.commands.soak.killer import VICTIMS, schedule
from tradehall.commands.soak.verdict import TROUBLES, Verdict, check_promises

SEED = "11"


def _soak(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tradehall", "soak", "--seed", SEED, "--json", *arguments],
        env=environment(temporary, TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )


@pytest.mark.slow
def test_nothing_is_lost_done_twice_or_stuck_while_everything_is_killed() -> None:
    with traversable_directory() as temporary:
        kept = temporary / "kept"
        run = _soak(temporary, "--orders", "40", "--kills", "8", "--every", "1.5", "--keep", str(kept))
        said, log = run.communicate(timeout=PATIENCE * 2)
        assert run.returncode == 0, said + log
        told: dict[str, Any] = json.loads(said.splitlines()[-1])
        assert {kind: told[kind] for kind in TROUBLES} == dict.fromkeys(TROUBLES, 0)
        assert sum(told["kills"].values()) == 8
        assert all(told["kills"][victim] >= 1 for victim in VICTIMS)
        assert told["orders"]["new"] == told["instances"] == 40
        assert {"renew", "change", "unsubscribe"} <= set(told["orders"])
        assert told["repeated"] > 0
        assert set(told["tries"]) > {"success"}
        assert {path.name for path in kept.iterdir()} >= {"seller-v1.book", "seller-v2.book", "web.log", "worker-1.log"}
        assert _left(temporary) == []


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "moment"), [(signal.SIGINT, "seed"), (signal.SIGTERM, "killed: ")])
def test_broken_off_it_leaves_nothing(sign: signal.Signals, moment: str) -> None:
    with traversable_directory() as temporary:
        run = _soak(temporary, "--orders", "8", "--kills", "50")
        assert run.stderr is not None
        until = time.monotonic() + PATIENCE
        while moment not in (line := run.stderr.readline()):
            assert line, "it ended by itself"
            assert time.monotonic() < until
        os.kill(run.pid, sign)
        time.sleep(0.2)
        os.kill(run.pid, sign)  # told twice, it goes on cleaning up
        _, log = run.communicate(timeout=PATIENCE)
        assert run.returncode == 130, log
        assert "Traceback" not in log
        assert _left(temporary) == []


def _left(temporary: Path) -> list[Any]:
    """Processes and directories a run left behind."""
    return [*processes_of(temporary), *temporary.glob("tradehall-soak-*")]


def test_every_kind_is_killed_before_any_is_killed_again() -> None:
    for seed in range(20):
        kills = schedule(12, 2.0, random.Random(seed))
        assert {kill.victim for kill in kills[: len(VICTIMS)]} == set(VICTIMS)
        assert [kill.at for kill in kills] == sorted(kill.at for kill in kills)
    assert schedule(12, 2.0, random.Random(1)) == schedule(12, 2.0, random.Random(1))
    assert len(schedule(3, 2.0, random.Random(1))) == 3


@pytest.mark.parametrize(
    ("promised", "there", "trouble"),
    [
        (("NEW", "placed"), ("NEW", "pending_payment"), None),
        (("NEW", "placed"), ("NEW", "completed"), None),
        (("RENEW", "paid"), ("RENEW", "processing"), None),
        (("RENEW", "completed"), ("RENEW", "completed"), None),
        (("NEW", "placed"), None, "lost"),
        (("NEW", "placed"), ("NEW", "cancelled"), "lost"),
        (("NEW", "paid"), ("NEW", "pending_payment"), "lost"),
        (("RENEW", "completed"), ("RENEW", "processing"), "lost"),
        (("RENEW", "paid"), ("CHANGE", "completed"), "lost"),
        (None, ("NEW", "completed"), "twice"),
    ],
)
def test_a_promise_is_kept_or_it_is_noticed(
    promised: tuple[str, str] | None, there: tuple[str, str] | None, trouble: str | None
) -> None:
    verdict = Verdict()
    promises = [Promise("CS1", *promised)] if promised else []
    check_promises(promises, {"CS1": there} if there else {}, verdict)
    assert verdict.counts == {kind: int(kind == trouble) for kind in TROUBLES}


def test_an_order_acknowledged_to_two_buyers_is_noticed() -> None:
    verdict = Verdict()
    check_promises([Promise("CS1", "NEW"), Promise("CS1", "NEW")], {"CS1": ("NEW", "completed")}, verdict)
    assert verdict.counts["lost"] == 2
