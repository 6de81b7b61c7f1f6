"""`tradehall migrate`: the database's schema, brought up to date or only looked at."""

from rich.console import Console

from tradehall.installation import database
from tradehall.kernel import migrate
from tradehall.settings import Settings


async def bring_up_to_date(settings: Settings, console: Console) -> None:
    """Applies what is pending and prints it."""
    async with database(settings) as dsn:
        applied = await migrate.migrate(dsn)
    for name in applied:
        console.print(f"[green]applied[/green]  {name}", soft_wrap=True)
    if not applied:
        console.print("The schema is up to date.")


async def check(settings: Settings, console: Console) -> bool:
    """Prints what is pending, changes nothing; whether the schema is up to date."""
    async with database(settings) as dsn:
        pending = await migrate.pending(dsn)
    for name in pending:
        console.print(f"[yellow]pending[/yellow]  {name}", soft_wrap=True)
    if not pending:
        console.print("The schema is up to date.")
    return not pending
