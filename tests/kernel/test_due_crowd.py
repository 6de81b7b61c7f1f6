"""A crowd of rows due at one moment: carried out, each once, though workers stop, die and start again meanwhile."""

import asyncio
from datetime import timedelta

import pytest
from tests.world import Shop

from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow, DueWork
from tradehall.kernel.worker import Worker

ROWS = 1000


class Noting:
    """Has the database note what was done, in the transaction that does it."""

    def __init__(self) -> None:
        self.begun = 0

    async def __call__(self, tx: Tx, row: DueRow) -> None:
        self.begun += 1
        await tx.record("work.done", "due_row", row.subject_id, {})
        await asyncio.sleep(0)


@pytest.mark.parametrize("killed", [False, True])
async def test_each_is_carried_out_once_across_a_restart(shop: Shop, killed: bool) -> None:
    await shop.sql("DELETE FROM due_rows")
    await shop.sql(
        """
        INSERT INTO due_rows (id, kind, subject_id, due_at, created_at)
        SELECT gen_random_uuid(), 'do', gen_random_uuid(), %(at)s, %(at)s FROM generate_series(1, %(rows)s)
        """,
        {"at": shop.clock.now(), "rows": ROWS},
    )
    noting = Noting()

    def workers() -> list[Worker]:
        db = shop.installation.db
        return [Worker(db, [DueWork(db, {"do": noting})], concurrency=16, poll=timedelta(seconds=1)) for _ in range(2)]

    first = workers()
    running = [asyncio.create_task(worker.run()) for worker in first]
    async with asyncio.timeout(60):
        while noting.begun < ROWS // 3:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        for worker in first:
            worker.abort() if killed else worker.stop()
        await asyncio.gather(*running, return_exceptions=True)
        ((left,),) = await shop.sql("SELECT count(*) FROM due_rows")
        assert 0 < left < ROWS
        await shop.end_leases()
        await asyncio.gather(*(worker.run_until_idle() for worker in workers()))
    assert await shop.sql("SELECT count(*) FROM due_rows") == [(0,)]
    assert await shop.sql(
        "SELECT count(*), count(DISTINCT subject_id), max(seq) FROM events WHERE kind = 'work.done'"
    ) == [(ROWS, ROWS, 1)]
