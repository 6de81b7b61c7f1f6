"""Years of service supervision, made in bulk by the database itself: orders that people deliver, at every node and
over, with their log, evidence, messages, disputes, reviews, vouchers, ledger and station messages.

Sizes are as marketplaces have them: one seller with three tenths of all and hundreds with little, one buyer with a
sixth, most orders long over, few under way, fewer late, and some of these disputed.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from psycopg import AsyncClientCursor, AsyncConnection

from tradehall.commands.bench.generate import SPAN, V7
from tradehall.commands.bench.rig import BenchProblem
from tradehall.commands.bench.supervised_rows import DRAWN, GOODS, POSTED, PREPARED, RATED, SMALL, WRITTEN
from tradehall.kernel.db import Database
from tradehall.kernel.journal import SYSTEM
from tradehall.ledger import closing
from tradehall.supervision import statistics
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.disputes.steps import CLOSED, UNOPENED
from tradehall.supervision.flow import COMPLETED, Flow
from tradehall.supervision.flows import FLOWS

CHUNK = 10_000
_WRITERS = 2
SMALL_BUYERS = 3000
SMALL_SELLERS = 400
ORDERS_OF_SMALL = 8
# What the biggest have of all supervised orders.
BIGGEST_SELLER, BIGGEST_BUYER = 0.3, 1 / 6


class Crowd(msgspec.Struct, frozen=True):
    """Those whose pages are measured: organisations, each with somebody who acts for it. `operator` is of the
    platform, `small` a buyer with a handful of orders."""

    seller: UUID
    buyer: UUID
    small: UUID
    operator: UUID


class _Step(msgspec.Struct, frozen=True):
    node: str
    to: str
    verb: str
    event: str
    side: str


def _walk(flow: Flow, *, rejected: bool) -> list[_Step]:
    """The steps from the first node to the last, with one round back where something is rejected on the way."""
    steps: list[_Step] = []
    node = flow.begins(True)
    while node.key != COMPLETED:
        onward = next(one for one in node.verbs if not one.rejects and one.leads_to(False) != node.key)
        back = next((one for one in node.verbs if one.rejects), None) if rejected else None
        verb, rejected = (back, False) if back else (onward, rejected)
        steps.append(_Step(node.key, verb.leads_to(False), verb.key, verb.event, node.by(verb)))
        node = flow.node(steps[-1].to)
    return steps


def _ways() -> Iterator[tuple[str, int, str, str, str, list[_Step]]]:
    """Every way an order may have gone so far: (type, version, fate, node, turn, steps)."""
    for newest, *_ in FLOWS.values():
        for rejected in (False, True):
            steps = _walk(newest, rejected=rejected)
            yield newest.type, newest.version, "completed", COMPLETED, "", steps
            for number, step in enumerate(steps):
                turn = newest.node(step.node).actor or "buyer"
                yield newest.type, newest.version, "open", step.node, turn, steps[:number]
                yield newest.type, newest.version, "cancelled", step.node, "", steps[:number]


async def generate(dsn: str, orders: int, crowd: Crowd, now: datetime, tell: Callable[[str], None]) -> None:
    """Fills the database with so many supervised orders of the last two years up to `now`, after whatever orders there
    are, and with the ledger of them all."""
    begin = now - SPAN
    sizes = {"buyers": min(SMALL_BUYERS, orders), "sellers": min(SMALL_SELLERS, orders)}
    async with _writing(dsn) as connection:
        await connection.execute(SMALL, {"begin": begin, **sizes})
        await connection.execute(GOODS, {"begin": begin, "seller": crowd.seller, "types": list(FLOWS)})
    firsts = iter(range(0, orders, CHUNK))
    done = itertools.count(CHUNK, CHUNK)

    async def write() -> None:
        async with _writing(dsn) as connection:
            params = await _prepared(connection, crowd)
            params |= {"begin": begin, "span": SPAN, "total": orders, "now": now}
            params |= {"small_each": max(8, orders // ORDERS_OF_SMALL)}
            for first in firsts:
                async with connection.transaction():
                    await connection.execute("TRUNCATE made")
                    await connection.execute(DRAWN, params | {"first": first, "last": min(first + CHUNK, orders) - 1})
                    await connection.execute("ANALYZE made")
                    for statement in WRITTEN:
                        await connection.execute(statement, params)
                if (written := min(next(done), orders)) % (CHUNK * 5) == 0 or written == orders:
                    tell(f"  {written:,} of {orders:,} supervised orders")

    async with asyncio.TaskGroup() as group:
        for _ in range(_WRITERS):
            group.create_task(write())
    tell("  the ledger, and what housekeeping and autovacuum would do in time")
    async with _writing(dsn) as connection:
        await connection.execute(POSTED)
        await connection.execute(RATED)
        await connection.execute("VACUUM (ANALYZE)")
        with suppress(psycopg.errors.InsufficientPrivilege):
            await connection.execute("CHECKPOINT")


async def keep_house(db: Database, zone: ZoneInfo) -> None:
    """What the hourly housekeeping has long done in a marketplace of that age: balances closed, days added up."""
    more = True
    while more:
        async with db.transaction(SYSTEM) as tx:
            more = await closing.close(tx)
    more = True
    while more:
        async with db.transaction(SYSTEM) as tx:
            more = await statistics.add_up(tx, zone)
    async with db.transaction(SYSTEM) as tx:
        await tx.execute("ANALYZE supervision_days, supervision_day_counts, supervision_months")


@asynccontextmanager
async def _writing(dsn: str) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection that writes in bulk: what fits together by its making is not checked again row by row."""
    async with await AsyncConnection.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute("SET work_mem = '128MB'")
        try:
            await connection.execute("SET session_replication_role = replica")
        except psycopg.errors.InsufficientPrivilege as refused:
            raise BenchProblem(
                "years of supervised orders are written by a superuser of the database only"
            ) from refused
        await connection.execute(V7)
        yield connection


async def _prepared(connection: AsyncConnection[Any], crowd: Crowd) -> dict[str, Any]:
    """Makes the tables that everything is drawn from; the parameters that say how many there are of what."""
    await AsyncClientCursor(connection).execute(
        PREPARED, {"seller": crowd.seller, "buyer": crowd.buyer, "small": crowd.small}
    )
    async with connection.cursor() as cursor:
        ways = list(_ways())
        for number, (kind, version, fate, node, turn, steps) in enumerate(ways):
            alike = [other for other, one in enumerate(ways) if (one[0], one[2]) == (kind, fate)]
            await cursor.execute(
                "INSERT INTO ways VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (number, kind, version, fate, alike.index(number) + 1, len(alike), node, turn, len(steps)),
            )
            await cursor.executemany(
                "INSERT INTO way_steps VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [
                    (number, place, step.node, step.to, step.verb, step.event, step.side)
                    for place, step in enumerate(steps, 1)
                ],
            )
        for kind, procedure in PROCEDURES.items():
            nodes = [node for node in procedure.nodes if node.key not in (UNOPENED, CLOSED)]
            await cursor.executemany(
                "INSERT INTO procedures VALUES (%s, %s, %s, %s, %s)",
                [(kind, place, len(nodes), node.key, node.actor or "parties") for place, node in enumerate(nodes)],
            )
        await cursor.execute("ANALYZE ways")
        await cursor.execute("ANALYZE way_steps")
        await cursor.execute(
            "SELECT (SELECT max(seller_place) FROM offers), (SELECT count(*) FROM buyers), person_id, organisation_id"
            " FROM persons WHERE organisation_id = %s",
            (crowd.operator,),
        )
        found = await cursor.fetchone()
    assert found is not None, "somebody works for the platform"
    sellers, buyers, operator, platform = found
    return {
        "sellers": sellers,
        "buyers": buyers,
        "operator": operator,
        "platform": platform,
        "big_seller": BIGGEST_SELLER,
        "big_buyer": BIGGEST_BUYER,
    }
