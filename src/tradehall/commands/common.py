"""What commands share: the terminal they write to, and troubles that are one line and not a traceback."""

import sys

from rich.console import Console


class CommandProblem(Exception):
    """What was asked cannot be done; the message says why, and what to do instead."""


def terminal() -> Console:
    """Standard output as it is: coloured on a terminal, plain when piped, and NO_COLOR is honoured."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot write Chinese shows question marks instead of ending the program.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
    return Console(highlight=False)
