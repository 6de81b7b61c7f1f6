"""The command line: what its commands share. They stand in the modules of this folder, grouped as the help shows them.

What a command needs is imported when it runs, so that help comes at once.
"""

import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from tradehall.settings import Settings

T = TypeVar("T")

TO_RUN, TO_LOOK_AFTER, TO_TRY, TO_MEASURE = "Run", "Look after", "Try out and debug", "Measure"

OfTheDemo = Annotated[bool, typer.Option("--demo", help="The demo's installation, not the one of this environment.")]
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")]


def load_settings(*, demo: bool = False, **overrides: Any) -> "Settings":
    """The settings; a wrong one ends the program with its name."""
    if demo:
        from tradehall.commands.demo.command import settings_of_demo

        return settings_of_demo()
    from tradehall import settings

    return settings.load(**overrides)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a command to its end on a fast event loop. SIGTERM is taken as Ctrl-C is: what was started is stopped."""
    import asyncio

    import uvloop

    async def interruptible() -> T:
        task = asyncio.current_task()
        assert task, "this is one"
        signal.signal(signal.SIGTERM, lambda *_: task.cancel())
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(interruptible())
