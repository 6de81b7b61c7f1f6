"""`tradehall ledger check`: whether the ledger adds up, and agrees with orders, payments, refunds and the journal."""

import json
from typing import Any

import msgspec
from psycopg import AsyncConnection
from rich.console import Console

from tradehall.commands.common import CommandProblem
from tradehall.installation import database
from tradehall.kernel import migrate
from tradehall.kernel.clock import Clock
from tradehall.kernel.db import Reader
from tradehall.ledger import queries
from tradehall.ledger.model import ACCOUNTS
from tradehall.ledger.proof import MEANING, QUESTIONS
from tradehall.settings import Settings

# As many of a kind as are told one by one.
MOST_TOLD = 100


class Flaw(msgspec.Struct, frozen=True):
    """What does not add up: of which order (or seller, for a balance), and what was seen."""

    what: str
    subject: str
    seen: str


class _Odd(msgspec.Struct, frozen=True):
    subject: str
    seen: str


async def check(settings: Settings, console: Console, *, as_json: bool) -> bool:
    """Asks everything and prints what it found; whether all of it adds up. Orders may go on meanwhile."""
    async with database(settings) as dsn:
        if await migrate.pending(dsn):
            raise CommandProblem("the database's schema is not up to date; run `tradehall migrate` first")
        async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
            told = await _asked(Reader(connection, Clock().now()))
    if as_json:
        print(json.dumps(told))
    else:
        _tell(told, console)
    return not told["flaws"]


async def _asked(reader: Reader) -> dict[str, Any]:
    """The verdict as JSON has it. All is asked of one moment."""
    async with reader.connection.transaction():
        await reader.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        postings, orders = 0, 0
        cursor = await reader.connection.execute("SELECT count(*), count(DISTINCT order_id) FROM ledger_postings")
        if counted := await cursor.fetchone():
            postings, orders = counted
        flaws: list[Flaw] = []
        for what, question in QUESTIONS:
            flaws += [Flaw(what, one.subject, one.seen) for one in await reader.fetch_all(_Odd, question)]
        balances = {
            one.currency: {account: getattr(one, account) for account in ACCOUNTS}
            for one in await queries.balances(reader)
        }
    return {
        "postings": postings,
        "orders": orders,
        "balances": balances,
        "flaws": [msgspec.to_builtins(one) for one in flaws],
    }


def _tell(told: dict[str, Any], console: Console) -> None:
    flaws = told["flaws"]
    for what, meaning in MEANING.items():
        found = [one for one in flaws if one["what"] == what]
        for one in found[:MOST_TOLD]:
            console.print(f"[red]✗[/red] {what} {one['subject']}: {meaning}: {one['seen']}", soft_wrap=True)
        if len(found) > MOST_TOLD:
            console.print(f"  and {len(found) - MOST_TOLD} more of which {meaning}", soft_wrap=True)
    verdict = f"[red]{len(flaws)} flaw(s)[/red]" if flaws else "[green]all adds up[/green]"
    console.print(f"{told['postings']} postings of {told['orders']} orders: {verdict}", soft_wrap=True)
