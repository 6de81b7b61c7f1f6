"""Rows that wait: scheduled, carried out once, pushed back, parked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
import structlog
from tests.world import Shop

from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.due import PARK_AFTER, DueRow, DueWork, back_off, cancel, schedule
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.worker import Worker

SUBJECT = UUID(int=1)
SECOND = timedelta(seconds=1)


class Hands:
    """Handlers that note what they did; `broken` subjects raise."""

    def __init__(self) -> None:
        self.done: list[UUID] = []
        self.broken: set[UUID] = set()

    async def __call__(self, tx: Tx, row: DueRow) -> None:
        if row.subject_id in self.broken:
            raise ZeroDivisionError("poison")
        self.done.append(row.subject_id)


@pytest.fixture
async def hands(shop: Shop) -> Hands:
    await shop.sql("DELETE FROM due_rows")
    return Hands()


def worker(shop: Shop, hands: Hands) -> Worker:
    db = shop.installation.db
    return Worker(db, [DueWork(db, {"do": hands})], concurrency=4, poll=SECOND)


@asynccontextmanager
async def tx_of(shop: Shop) -> AsyncIterator[Tx]:
    async with shop.installation.db.transaction(SYSTEM) as tx:
        yield tx


async def test_a_row_is_carried_out_when_its_moment_has_come_and_is_gone_then(shop: Shop, hands: Hands) -> None:
    async with tx_of(shop) as tx:
        await schedule(tx, "do", SUBJECT, tx.now + 10 * SECOND)
    await worker(shop, hands).run_until_idle()
    assert hands.done == []
    assert await worker(shop, hands).next_due() == shop.clock.now() + 10 * SECOND
    shop.clock.advance(10 * SECOND)
    await worker(shop, hands).run_until_idle()
    assert hands.done == [SUBJECT]
    assert await shop.sql("SELECT 1 FROM due_rows") == []


async def test_scheduled_again_it_moves_and_cancelled_it_is_gone(shop: Shop, hands: Hands) -> None:
    for seconds in (5, 50):
        async with tx_of(shop) as tx:
            await schedule(tx, "do", SUBJECT, tx.now + seconds * SECOND)
    assert await shop.sql("SELECT count(*) FROM due_rows") == [(1,)]
    assert await worker(shop, hands).next_due() == shop.clock.now() + 50 * SECOND
    async with tx_of(shop) as tx:
        await cancel(tx, "do", SUBJECT)
    assert await worker(shop, hands).next_due() is None


async def test_a_row_that_fails_is_pushed_back_further_each_time_and_then_parked(shop: Shop, hands: Hands) -> None:
    hands.broken.add(SUBJECT)
    async with tx_of(shop) as tx:
        await schedule(tx, "do", SUBJECT, tx.now)
    pauses = []
    with structlog.testing.capture_logs():
        while (moment := await worker(shop, hands).next_due()) is not None:
            pauses.append((moment - shop.clock.now()).total_seconds())
            shop.clock.move_to(moment)
            await worker(shop, hands).run_until_idle()
    assert pauses == [0, 5, 10, 20, 40, 80, 160, 320, 640, 1280]
    assert len(pauses) == PARK_AFTER
    ((parked_at, error, attempts),) = await shop.sql("SELECT parked_at, last_error, attempts FROM due_rows")
    assert (parked_at, error, attempts) == (shop.clock.now(), "ZeroDivisionError: poison", PARK_AFTER)


async def test_a_poisonous_row_does_not_stop_those_behind_it(shop: Shop, hands: Hands) -> None:
    hands.broken.add(SUBJECT)
    async with tx_of(shop) as tx:
        await schedule(tx, "do", SUBJECT, tx.now - SECOND)
        for n in range(2, 12):
            await schedule(tx, "do", UUID(int=n), tx.now)
    with structlog.testing.capture_logs():
        await worker(shop, hands).run_until_idle()
    assert sorted(hands.done) == [UUID(int=n) for n in range(2, 12)]


async def test_a_kind_nobody_knows_is_pushed_back_like_any_failure(shop: Shop, hands: Hands) -> None:
    async with tx_of(shop) as tx:
        await schedule(tx, "unheard.of", SUBJECT, tx.now)
    with structlog.testing.capture_logs():
        await worker(shop, hands).run_until_idle()
    assert (await shop.sql("SELECT last_error FROM due_rows"))[0][0].startswith("KeyError")


async def test_parked_work_is_tried_again_when_an_operator_says_so(shop: Shop, hands: Hands) -> None:
    async with tx_of(shop) as tx:
        await schedule(tx, "do", SUBJECT, tx.now)
    await shop.sql("UPDATE due_rows SET parked_at = now(), attempts = 10")
    ((row_id,),) = await shop.sql("SELECT id FROM due_rows")
    await worker(shop, hands).run_until_idle()
    assert hands.done == []
    async with tx_of(shop) as tx:
        await due.retry_parked(tx, row_id)
    await worker(shop, hands).run_until_idle()
    assert hands.done == [SUBJECT]


async def test_a_row_is_handed_to_one_worker_at_a_time(shop: Shop, hands: Hands) -> None:
    async with tx_of(shop) as tx:
        for n in range(40):
            await schedule(tx, "do", UUID(int=n), tx.now)
    await asyncio.gather(*(worker(shop, hands).run_until_idle() for _ in range(4)))
    await worker(shop, hands).run_until_idle()
    assert sorted(hands.done) == [UUID(int=n) for n in range(40)]


async def test_what_a_dead_worker_had_is_claimed_again_when_its_lease_ends(shop: Shop, hands: Hands) -> None:
    async with tx_of(shop) as tx:
        await schedule(tx, "do", SUBJECT, tx.now)
    source = DueWork(shop.installation.db, {"do": hands})
    (job,) = await source.claim(4)
    assert await source.claim(4) == []
    await shop.end_leases()
    (again,) = await source.claim(4)
    await again()
    await job()  # the dead one was only slow: its row is another's by now
    assert hands.done == [SUBJECT]


async def test_a_row_that_kills_every_worker_is_parked_in_the_end(shop: Shop, hands: Hands) -> None:
    async with tx_of(shop) as tx:
        await schedule(tx, "do", SUBJECT, tx.now)
    source = DueWork(shop.installation.db, {"do": hands})
    for _ in range(PARK_AFTER + 2):
        await source.claim(4)  # and the worker is gone
        await shop.end_leases()
    assert await shop.sql("SELECT parked_at IS NOT NULL FROM due_rows") == [(True,)]


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [back_off(n, 2 * SECOND, 60 * SECOND).total_seconds() for n in (0, 1, 2, 3, 4, 5, 6, 7, 1000)]
    assert pauses == [2, 2, 4, 8, 16, 32, 60, 60, 60]
