"""Who is killed when. The same for the same seed, as far as real processes can be."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import msgspec

from tradehall.commands.bench.rig import BenchProblem
from tradehall.commands.soak.rig import START_PATIENCE, Rig

Victim = Literal["web", "worker", "seller", "database", "backend"]
VICTIMS: tuple[Victim, ...] = ("web", "worker", "seller", "database", "backend")
# How likely each is; a worker is where most is under way.
WEIGHTS = (2, 4, 3, 2, 2)


class Kill(msgspec.Struct, frozen=True):
    """One of them dies after so many seconds, `which` of several; it is away for `down_for` seconds."""

    at: float
    victim: Victim
    which: int
    down_for: float


def schedule(kills: int, every: float, chance: random.Random) -> list[Kill]:
    """So many kills, one `every` so many seconds on average; each kind once before any comes again."""
    victims = chance.sample(VICTIMS, len(VICTIMS))[:kills]
    victims += chance.choices(VICTIMS, WEIGHTS, k=kills - len(victims))
    made, at = [], 0.0
    for victim in victims:
        at += every * chance.uniform(0.3, 1.7)
        made.append(Kill(at, victim, chance.randrange(1000), chance.uniform(0.0, 1.2)))
    return made


class Killer:
    """Carries out a schedule."""

    def __init__(self, rig: Rig, kills: list[Kill], say: Callable[[str], None]) -> None:
        self._rig = rig
        self._kills = kills
        self._say = say
        self._restarts: list[asyncio.Task[None]] = []
        self.killed: Counter[str] = Counter()

    async def run(self) -> None:
        """Kills one after the other; returns when the last one is up again."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            for kill in self._kills:
                await asyncio.sleep(max(began + kill.at - loop.time(), 0))
                await self._kill_once_up(kill)
                self.killed[kill.victim] += 1
                self._say(f"{loop.time() - began:6.1f} s  killed: {kill.victim}, down for {kill.down_for:.1f} s")
            await asyncio.gather(*self._restarts)
        finally:
            for task in self._restarts:
                task.cancel()
            await asyncio.gather(*self._restarts, return_exceptions=True)

    async def _kill_once_up(self, kill: Kill) -> None:
        """What is down already, or not up yet, cannot be killed just now. Raises BenchProblem if that lasts."""
        until = asyncio.get_running_loop().time() + START_PATIENCE
        while not self._kill(kill):
            if asyncio.get_running_loop().time() > until:
                raise BenchProblem(f"nothing to kill: {kill.victim} is not up")
            await asyncio.sleep(0.05)

    def _kill(self, kill: Kill) -> bool:
        match kill.victim:
            case "web":
                return self._rig.processes["web"].kill(kill.down_for)
            case "worker":
                return self._rig.processes[f"worker-{kill.which % 2 + 1}"].kill(kill.down_for)
            case "seller":
                return self._rig.processes[f"seller-v{kill.which % 2 + 1}"].kill(kill.down_for)
            case "backend":
                backends = self._rig.postgres.backends()
                return bool(backends) and _sigkill(backends[kill.which % len(backends)])
            case "database":
                pid = self._rig.postgres.pid
                if pid is None or not _sigkill(pid):
                    return False
                self._restarts.append(asyncio.create_task(self._rig.postgres.restart(kill.down_for)))
                return True


def _sigkill(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False
