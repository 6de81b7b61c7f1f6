"""Lists of disputes among very many: every query finds its rows by an index."""

import re
from datetime import timedelta

import pytest
from tests.supervised import Supervised
from tests.test_schema import explaining
from tests.world import Shop

from tradehall.kernel.paging import PageRequest
from tradehall.supervision.disputes import queries
from tradehall.supervision.disputes.queries import DisputeFilter
from tradehall.supervision.turns import QueueRequest


@pytest.fixture
async def many(shop: Shop) -> Shop:
    """Twenty thousand disputes of three buyers and two sellers, one in a hundred still open."""
    world = shop.world
    async with shop.installation.db.transaction(world.buyer) as tx:
        await tx.execute("SET LOCAL session_replication_role = replica")  # the orders themselves are not needed
        await tx.execute(
            """
            INSERT INTO disputes (id, flow_id, order_number, buyer_id, seller_id, kind, opened_by, node, turn, outcome,
                                  currency, entered_at, due_at, opened_at, finished_at)
            SELECT gen_random_uuid(), gen_random_uuid(), 'CS26' || lpad((n * 37)::text, 8, '0') || 'AAAAA',
                   CASE WHEN n %% 500 = 0 THEN %(buyer)s::uuid ELSE %(other_buyer)s END,
                   CASE WHEN n %% 4 > 0 THEN %(seller)s::uuid ELSE %(other_seller)s END,
                   CASE WHEN n %% 3 = 0 THEN 'appeal' ELSE 'return' END, 'buyer',
                   CASE WHEN open THEN 'investigation' ELSE 'closed' END,
                   CASE WHEN NOT open THEN '' WHEN n %% 300 = 0 THEN 'platform' ELSE 'seller' END,
                   CASE WHEN NOT open THEN CASE WHEN n %% 50 = 1 THEN 'refused' ELSE 'withdrawn' END END, 'CNY', now(),
                   CASE WHEN open THEN now() + n * interval '1 minute' END, now(), CASE WHEN NOT open THEN now() END
            FROM (SELECT n, n %% 100 = 0 AS open FROM generate_series(1, 20000) n) made
            """,
            {
                "buyer": world.buyer.organisation_id,
                "other_buyer": world.other_buyer.organisation_id,
                "seller": world.seller.organisation_id,
                "other_seller": world.other_seller.organisation_id,
            },
        )
    await shop.sql("ANALYZE disputes")
    return shop


async def test_no_list_of_disputes_reads_the_whole_table(many: Shop) -> None:
    world, now = many.world, many.clock.now()
    ((number,),) = await many.sql("SELECT order_number FROM disputes ORDER BY order_number OFFSET 9000 LIMIT 1")
    filters = [
        *(DisputeFilter(state=state) for state in (None, "mine", "open", "closed")),
        DisputeFilter(kind="appeal"),
        DisputeFilter(outcome="refused"),
        DisputeFilter(overdue=True),
        DisputeFilter(number=number),
        DisputeFilter(number=number[:12]),
        DisputeFilter(since=now - timedelta(days=1), until=now),
    ]
    async with explaining(many) as reader:
        for viewer in (world.buyer, world.other_buyer, world.seller, world.operator):
            for only in filters:
                await queries.disputes(reader, viewer, PageRequest(), only)
                await queries.queue(reader, viewer, QueueRequest(), only)
        plans = [plan for _, plan in reader.plans]
    assert len(plans) > 70
    assert [plan for plan in plans if re.search(r"Seq Scan on disputes", plan)] == []


async def test_what_is_pressing_about_an_order_is_its_appeal(shop: Shop) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy("service")
    await supervised.act(number, "request_refund")
    held = await supervised.act(number, "appeal", by=shop.world.buyer)
    async with shop.installation.db.read() as reader:
        found = await queries.pressing(reader, [held.id])
        assert [(one.kind, one.turn) for one in found.values()] == [("appeal", "platform")]
        assert await queries.pressing(reader, []) == {}
        assert {one.kind for one in await queries.disputes_about(reader, held.id)} == {"appeal", "refund"}
