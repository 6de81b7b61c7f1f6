"""What tests look at in the ledger."""

import asyncio
from uuid import UUID

from tests.supervised import Supervised
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


async def closed_to(shop: Shop, number: int, batch: int = closing.BATCH) -> bool:
    """Closes until postings up to a number are in the balances; the server's own housekeeping may be in the way."""
    for _ in range(200):
        if (await shop.sql("SELECT closed_to FROM ledger_closing")) == [(number,)]:
            return True
        await close(shop, batch)
        await asyncio.sleep(0.02)
    return False


async def in_account(shop: Shop, account: str) -> int:
    """What an account holds, in fen."""
    async with shop.installation.db.read() as reader:
        (balance,) = await queries.balances(reader)
    assert balance.sum_minor == 0
    return int(getattr(balance, account))


async def cancel_in_part(shop: Shop, number: str, refund: int) -> None:
    """A supervised order ends with a partial refund that both sides agree on."""
    supervised = Supervised(shop)
    await supervised.act(number, "request_refund", amount_minor=refund)
    await supervised.act(number, "agree_refund")
    await shop.run_due()
