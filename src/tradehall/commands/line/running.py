"""Commands that run an installation."""

import sys
from asyncio import CancelledError
from contextlib import suppress
from typing import Annotated

import typer

from tradehall.commands.line import TO_RUN, load_settings, run

group = typer.Typer()


@group.command(rich_help_panel=TO_RUN)
def serve() -> None:
    """Serve pages and API (one process per core; any number of machines).

    Runs until Ctrl-C or SIGTERM; requests under way are answered first.
    The database's schema is brought up to date before the first request.
    Settings come from the environment:

      TRADEHALL_PORT=8080 DATABASE_URL=postgresql://… tradehall serve
    """
    from tradehall.commands.run import serve

    # The web server, done with the requests it had, passes on the signal that ended it: it has been obeyed.
    with suppress(CancelledError, KeyboardInterrupt):
        run(serve(load_settings()))


@group.command(rich_help_panel=TO_RUN)
def work() -> None:
    """Carry out what is due: calls to sellers, expiries, refunds (any number of processes and machines).

    Runs until Ctrl-C or SIGTERM and finishes what is under way; told twice, it leaves that to another worker.
    Without any worker nothing is lost, it only waits.

      TRADEHALL_WORKER_CONCURRENCY=64 DATABASE_URL=postgresql://… tradehall work
    """
    from tradehall.commands.run import work

    run(work(load_settings()))


@group.command(rich_help_panel=TO_RUN)
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop at the end of the story; the last line is JSON of what happened.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Where the web server listens; another port if that one is taken.")
    ] = 8000,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away what earlier demos left, and begin anew.")] = False,
) -> None:
    """A living marketplace on this machine: data, sellers, web server, worker, and a story told as it happens.

    Everything is in a sandbox of its own below the data directory and has nothing to do with a real installation.
    Started again, it goes on with the data it has. Ctrl-C stops all of it.

      tradehall demo
      tradehall demo --fresh --port 9000
      tradehall demo --once | tail -n 1
    """
    from tradehall.commands.demo.command import demo

    sys.exit(run(demo(once=once, port=port, fresh=fresh)))
