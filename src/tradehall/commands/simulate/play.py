"""A process that simulates marketplaces: one assignment a line on standard input, what became of it on standard output.

Started by `command`, as many as the machine has processors; `python -m tradehall.commands.simulate.play`.
"""

import asyncio
import gc
import logging
import signal
import sys

import msgspec
import uvloop

from tradehall.commands.simulate.faults import Rates
from tradehall.commands.simulate.market import Market
from tradehall.commands.simulate.run import Done, Run
from tradehall.kernel import logs

READY = b"ready\n"


class Assignment(msgspec.Struct, frozen=True):
    """A marketplace to simulate, in the database at `dsn`, which has just been furnished. `traced`: steps are told."""

    dsn: str
    market: Market
    seed: int
    number: int
    lives: int
    traced: bool = False


async def play(assignment: Assignment) -> Done:
    """Simulates one marketplace."""
    run = Run(
        assignment.dsn,
        assignment.market,
        f"{assignment.seed}/{assignment.number}",
        assignment.number,
        assignment.lives,
        Rates(),
        sys.stderr if assignment.traced else None,
    )
    try:
        async with run.open():
            return await run.run()
    except Exception as error:
        # It could not go on. That is a finding like any other, and the seed leads here again.
        logging.getLogger(__name__).exception("the simulation itself failed at step %s", run.steps)
        run.surprise("simulation", "goes on", error)
        return run.done()


def main() -> None:
    """Takes assignments until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one ends it
    logs.configure("console", "critical")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # connections are ended on purpose here
    gc.collect()
    gc.freeze()  # what was imported stays, and need not be looked through again and again
    gc.set_threshold(20_000, 20, 20)  # little of what a life leaves behind is a ring
    out = sys.stdout.buffer
    out.write(READY)
    out.flush()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            done = runner.run(play(msgspec.json.decode(line, type=Assignment)))
            out.write(msgspec.json.encode(done) + b"\n")
            out.flush()


if __name__ == "__main__":
    main()
