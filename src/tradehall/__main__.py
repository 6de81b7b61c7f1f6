"""The command line: `tradehall --help`."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import typer
import uvloop

from tradehall import settings as settings_module
from tradehall.kernel.embedded import EmbeddedProblem
from tradehall.kernel.migrate import MigrationProblem
from tradehall.settings import InvalidSetting, Settings

cli = typer.Typer(
    name="tradehall",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="A self-hosted cloud marketplace's back office. Start with [bold]tradehall demo[/bold].",
)


def load_settings(**overrides: Any) -> Settings:
    """The settings; a wrong one ends the program with its name."""
    return settings_module.load(**overrides)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a command to its end on a fast event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


@cli.command()
def serve() -> None:
    """Serve pages and API (one process per core; any number of machines)."""
    from tradehall.commands.run import serve

    run(serve(load_settings()))


@cli.command()
def work() -> None:
    """Carry out what is due: calls to sellers, expiries, refunds (any number of processes and machines)."""
    from tradehall.commands.run import work

    run(work(load_settings()))


def main() -> None:
    """Runs the command line; foreseen troubles are one line, not a traceback."""
    try:
        cli()
    except (InvalidSetting, EmbeddedProblem, MigrationProblem) as error:
        print(f"tradehall: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
