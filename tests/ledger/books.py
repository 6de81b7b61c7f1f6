"""What tests look at in the ledger."""

from uuid import UUID

from tests.world import Shop

from tradehall.kernel.journal import SYSTEM
from tradehall.ledger import closing, queries
from tradehall.ledger.proof import QUESTIONS

# kind → account → amount in fen
Lines = dict[str, dict[str, int]]


async def order_id_of(shop: Shop, number: str) -> UUID:
    return (await shop.order(number)).id


async def posted(shop: Shop, number: str) -> Lines:
    """An order's postings by kind, in the order they were written."""
    async with shop.installation.db.read() as reader:
        found = await queries.lines_of(reader, await order_id_of(shop, number))
    return {one.kind: {line.account: line.amount_minor for line in one.lines} for one in found}


async def flaws(shop: Shop) -> list[tuple[str, str, str]]:
    """What the proof finds wrong."""
    found = []
    async with shop.installation.db.read() as reader:
        for what, question in QUESTIONS:
            cursor = await reader.connection.execute(question)
            found += [(what, subject, seen) for subject, seen in await cursor.fetchall()]
    return found


async def close(shop: Shop, batch: int = closing.BATCH) -> bool:
    """Closes as far as it goes now."""
    async with shop.installation.db.transaction(SYSTEM) as tx:
        return await closing.close(tx, batch)


async def in_account(shop: Shop, account: str) -> int:
    """What an account holds, in fen."""
    async with shop.installation.db.read() as reader:
        (balance,) = await queries.balances(reader)
    assert balance.sum_minor == 0
    return int(getattr(balance, account))
