"""Lists and queues of supervised orders read a few rows of an index, however many orders there are."""

import re

import pytest
from tests.supervised import Supervised
from tests.test_schema import explaining
from tests.world import Shop

from tradehall.kernel.paging import cursor, page_request
from tradehall.supervision import queries
from tradehall.supervision.flow import SIDES
from tradehall.supervision.model import STATES
from tradehall.supervision.queries import FlowFilter
from tradehall.supervision.turns import Deadline, QueueRequest

IN_ORDER = re.compile(r"Limit[^\n]*\n\s+->  Index (Only )?Scan( Backward)? using (supervision_\w+)")


@pytest.fixture
async def many(shop: Shop) -> Shop:
    """Twenty thousand supervised orders of three buyers and two sellers: nearly all are completed, one in a thousand
    is the platform's turn, and hardly any is hardware."""
    supervised, world = Supervised(shop), shop.world
    for delivery_type in ("service", "hardware"):
        await supervised.price(delivery_type)
    async with shop.installation.db.transaction(world.buyer) as tx:
        await tx.execute("SET LOCAL session_replication_role = replica")  # the orders themselves are not needed
        await tx.execute(
            """
            INSERT INTO supervision_flows (id, order_id, order_number, buyer_id, seller_id, product_id, delivery_type,
                                           version, product_class, rule, reviewed, node, turn, state, asks_requirement,
                                           delivery_days, entered_at, due_at, opened_at, finished_at)
            SELECT gen_random_uuid(), gen_random_uuid(), 'CS26' || lpad((n * 37)::text, 8, '0') || 'AAAAA',
                   CASE WHEN n %% 500 = 0 THEN %(buyer)s::uuid ELSE %(other_buyer)s END,
                   CASE WHEN n %% 4 > 0 THEN %(seller)s::uuid ELSE %(other_seller)s END, p.id, p.delivery_type, 1,
                   'common', 'seller_defined', false,
                   CASE WHEN made.state <> 'open' THEN 'completed' WHEN n %% 1000 = 1 THEN 'review' ELSE 'request' END,
                   CASE WHEN made.state <> 'open' THEN '' WHEN n %% 1000 = 1 THEN 'platform'
                        WHEN n %% 3 = 0 THEN 'buyer' ELSE 'seller' END,
                   made.state, true, 10, now(), now() + n * interval '1 minute', now(),
                   CASE WHEN made.state <> 'open' THEN now() END
            FROM (SELECT n, CASE WHEN n %% 30 = 1 OR n %% 1000 = 1 THEN 'open' WHEN n %% 700 = 2 THEN 'cancelled'
                                 ELSE 'completed' END AS state FROM generate_series(1, 20000) n) made
            JOIN products p ON p.delivery_type = CASE WHEN n %% 9000 = 7 THEN 'hardware' ELSE 'service' END
            """,
            {
                "buyer": world.buyer.organisation_id,
                "other_buyer": world.other_buyer.organisation_id,
                "seller": world.seller.organisation_id,
                "other_seller": world.other_seller.organisation_id,
            },
        )
    await shop.sql("ANALYZE supervision_flows")
    return shop


async def test_no_list_reads_all_supervised_orders(many: Shop) -> None:
    world = many.world
    ((number, middle),) = await many.sql(
        "SELECT order_number, id FROM supervision_flows ORDER BY id OFFSET 9000 LIMIT 1"
    )
    pages = [page_request(), page_request(after=cursor(middle)), page_request(before=cursor(middle))]
    filters = [
        FlowFilter(),
        *(FlowFilter(state=state) for state in STATES),
        *(FlowFilter(turn=side, mine=mine) for side in SIDES for mine in (False, True)),
        *(FlowFilter(delivery_type=one) for one in ("service", "hardware", "website")),
        *(FlowFilter(node=one) for one in ("request", "review", "test_site", "completed")),
        *(FlowFilter(product=one) for one in ("service", "hardware", "nothing like it")),
        *(FlowFilter(number=one) for one in (number, number[:12], "CS")),
        FlowFilter(overdue=True),
        FlowFilter(since=many.clock.now(), until=many.clock.now()),
    ]
    async with explaining(many) as reader:
        for viewer in (world.buyer, world.other_buyer, world.seller, world.operator):
            for only in filters:
                for wanted in pages:
                    await queries.flows(reader, viewer, wanted, only)
                await queries.queue(reader, viewer, QueueRequest(), only)
            await queries.counts(reader, viewer)
        plans = [plan for _, plan in reader.plans]
    assert len(plans) > 300
    assert [plan for plan in plans if re.search(r"Seq Scan on supervision_flows", plan)] == []


async def test_a_queue_is_read_in_the_order_of_its_index(many: Shop) -> None:
    """No sort of everything that waits, of however many it is the first page."""
    world = many.world
    ((due_at, flow_id),) = await many.sql(
        "SELECT due_at, id FROM supervision_flows WHERE state = 'open' ORDER BY due_at OFFSET 200 LIMIT 1"
    )
    place = Deadline(due_at, flow_id)
    async with explaining(many) as reader:
        for viewer in (world.other_buyer, world.seller, world.operator):
            for wanted in (QueueRequest(), QueueRequest(after=place), QueueRequest(before=place)):
                for only in (FlowFilter(turn="seller"), FlowFilter(overdue=True)):
                    reader.plans.clear()
                    await queries.queue(reader, viewer, wanted, only)
                    ((_, plan),) = reader.plans
                    read = [found[2] for found in IN_ORDER.findall(plan)]
                    assert len(read) == (1 if only.turn else len(SIDES)), plan
                    assert all("turns" in index for index in read)
        reader.plans.clear()
        await queries.work_queue(reader, world.operator)
        ((_, plan),) = reader.plans
        assert re.search(
            r"Limit[^\n]*\n\s+->  Nested Loop Anti Join[^\n]*\n\s+->  Index Scan using supervision_turns", plan
        )


async def test_a_buyer_with_many_orders_searches_from_product_to_product(many: Shop) -> None:
    """Neither to find the products nor the orders of each is it gone through all orders of the buyer."""
    await many.sql(
        "UPDATE supervision_flows SET buyer_id = %(buyer)s WHERE order_number LIKE '%%3AAAAA'",
        {"buyer": many.world.buyer.organisation_id},
    )
    await many.sql("ANALYZE supervision_flows")
    async with explaining(many) as reader:
        await queries.flows(reader, many.world.buyer, page_request(), FlowFilter(product="service"))
        products, orders = (plan for _, plan in reader.plans)
    assert "using supervision_products_of_buyer" in products, products
    assert "Unique" not in products, products
    assert orders.count("using supervision_products_of_buyer") == len(STATES), orders
