"""The command line: `tradehall --help`."""

import os
import sys
from asyncio import CancelledError

import typer

from tradehall.commands.line import looking_after, measuring, proving, running, trying_out

cli = typer.Typer(
    name="tradehall",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help="""A self-hosted cloud marketplace's back office: everything between a paid order and a settled bill.

    Start with [bold]tradehall demo[/bold].
    An installation is any number of [bold]serve[/bold] and [bold]work[/bold] processes on one PostgreSQL.
    What can be set is listed by [bold]tradehall settings[/bold].
    """,
    epilog="Every command explains itself: [bold]tradehall demo --help[/bold]",
)
for part in (running, looking_after, proving, trying_out, measuring):
    cli.add_typer(part.group)


def main() -> None:
    """Runs the command line; foreseen troubles are one line, not a traceback."""
    try:
        cli()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has had enough (… | head).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except CancelledError:
        sys.exit(143)  # told to end before it ran
    except Exception as error:
        said = _foreseen(error)
        if said is None:
            raise
        print(f"tradehall: {said}", file=sys.stderr)
        sys.exit(2)


def _foreseen(error: Exception) -> str | None:
    """What to say of a trouble that is the environment's and not the program's; None for any other."""
    from tradehall.commands.common import CommandProblem
    from tradehall.settings import InvalidSetting

    if isinstance(error, CommandProblem | InvalidSetting):
        return str(error)
    if "tradehall.installation" not in sys.modules:
        return None
    from psycopg import OperationalError
    from psycopg_pool import PoolTimeout

    from tradehall.installation import WrongMode
    from tradehall.kernel.embedded import EmbeddedProblem
    from tradehall.kernel.migrate import MigrationProblem

    if isinstance(error, EmbeddedProblem | MigrationProblem | WrongMode):
        return str(error)
    if isinstance(error, OperationalError | PoolTimeout):
        return f"the database cannot be reached: {' '.join(str(error).split())}"
    return None


if __name__ == "__main__":
    main()
