"""`tradehall verify-journal`: whether every event still stands as it was written."""

import json
from typing import Any

from psycopg import AsyncConnection
from rich.console import Console

from tradehall.commands.common import CommandProblem
from tradehall.installation import database
from tradehall.kernel import journal, migrate
from tradehall.settings import Settings

MEANING = {
    "changed": "was changed after it was written",
    "missing": "is missing",
    "cut_off": "is not where the chain ends: entries were cut off or added past it",
}


async def verify(settings: Settings, console: Console, *, as_json: bool) -> bool:
    """Checks every chain and prints what it found; whether all of it is whole."""
    chains = entries = 0
    flaws: list[dict[str, Any]] = []
    async with database(settings) as dsn:
        if await migrate.pending(dsn):
            raise CommandProblem("the database's schema is not up to date; run `tradehall migrate` first")
        async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
            async for count, flaw in journal.verify(connection):
                chains, entries = chains + 1, entries + count
                if flaw:
                    flaws.append(
                        {
                            "subject_kind": flaw.subject_kind,
                            "subject_id": str(flaw.subject_id),
                            "seq": flaw.seq,
                            "what": flaw.what,
                        }
                    )
    if as_json:
        print(json.dumps({"chains": chains, "entries": entries, "flaws": flaws}))
        return not flaws
    for found in flaws:
        where = f"{found['subject_kind']} {found['subject_id']}: entry {found['seq']}"
        console.print(f"[red]✗[/red] {where} {MEANING[found['what']]}", soft_wrap=True)
    verdict = f"[red]{len(flaws)} broken[/red]" if flaws else "[green]all whole[/green]"
    console.print(f"{chains} chains, {entries} entries: {verdict}", soft_wrap=True)
    return not flaws
