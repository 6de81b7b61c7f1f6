"""The schema as a fact: however it came about it is the same, every reference has an index, and so has every list."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conftest import Server
from tests.world import Shop

from tradehall.catalog import queries as catalog
from tradehall.kernel import due, migrate
from tradehall.kernel.db import Reader
from tradehall.kernel.paging import cursor, page_request
from tradehall.ledger import queries as ledger
from tradehall.ledger.model import LedgerFilter
from tradehall.parties import queries as parties
from tradehall.provisioning import health as health_of
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.queries import CallFilter
from tradehall.supervision import queries as supervision
from tradehall.supervision.disputes import queries as disputes
from tradehall.supervision.disputes.queries import DisputeFilter
from tradehall.supervision.queries import FlowFilter
from tradehall.trading import queries as trading
from tradehall.trading import voucher_queries as vouchers
from tradehall.trading.queries import OrderFilter
from tradehall.trading.voucher_queries import VoucherFilter

CATALOGUE = {
    "columns": """
        SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               pg_get_expr(d.adbin, d.adrelid), co.collname, col_description(c.oid, a.attnum)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        LEFT JOIN pg_collation co ON co.oid = a.attcollation
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
          AND NOT a.attisdropped
    """,
    "tables": """
        SELECT relname, relkind, reloptions, obj_description(oid) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
    """,
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    """,
    "functions": """
        SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p
        LEFT JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
        WHERE p.pronamespace = 'public'::regnamespace AND d.objid IS NULL AND p.prokind = 'f'
    """,
    "triggers": "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "sequences": "SELECT sequencename, start_value, increment_by, max_value FROM pg_sequences",
    "extensions": "SELECT extname FROM pg_extension",
}


def described(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(dsn) as connection:
        return {
            what: sorted(connection.execute(query.encode()).fetchall(), key=repr) for what, query in CATALOGUE.items()
        }


def test_a_fresh_schema_is_the_same_as_one_that_grew_migration_by_migration(server: Server, tmp_path: Path) -> None:
    with server.clone() as grown, server.clone() as fresh:
        for migration in migrate.read(migrate.MIGRATIONS):
            (tmp_path / f"{migration.name}.sql").write_text(migration.sql)
            assert asyncio.run(migrate.migrate(grown, tmp_path)) == [migration.name]
        asyncio.run(migrate.migrate(fresh))
        assert described(fresh) == described(grown)
        assert asyncio.run(migrate.pending(grown)) == []


def test_every_foreign_key_has_an_index_to_be_followed_back_by(empty_database: str) -> None:
    """Or deleting, and locking, a referenced row would read whole tables. The very small tables may go without."""
    with psycopg.connect(empty_database) as connection:
        missing = connection.execute(
            """
            SELECT c.conrelid::regclass::text || ' (' || string_agg(a.attname, ', ' ORDER BY k.n) || ')'
            FROM pg_constraint c
            CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (attnum, n)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
            WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND NOT EXISTS (
                SELECT FROM pg_index i
                WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
                  AND (i.indkey::int2[])[0:array_length(c.conkey, 1) - 1] @> c.conkey)
            GROUP BY c.oid, c.conrelid ORDER BY 1
            """
        ).fetchall()
    # What is never deleted nor looked up that way: these references only keep rows honest.
    assert {row[0] for row in missing} <= HONEST_ONLY


HONEST_ONLY = {
    "api_tokens (person_id, organisation_id)",
    "sessions (person_id, organisation_id)",
    "instances (endpoint_id)",
    "order_lines (from_price_id)",
    "order_lines (from_sku_id)",
    "order_lines (price_id)",
    "order_lines (sku_id)",
    "orders (placed_by)",
    "orders (reverses_id)",  # likewise
    "orders (subscription_id)",  # its index leaves out the orders that begin one
    "payments (paid_by)",
    "products (endpoint_id)",
    "refunds (unsubscription_id)",  # likewise
    "subscriptions (auto_renew_by)",
    "unsubscribe_chances (order_id)",
    "upgrade_rules (seller_id)",
    "reviews (answered_by)",
    "reviews (decided_by)",
    "reviews (written_by)",
    "seller_calls (endpoint_id)",
    "seller_calls (instance_id)",
}

BIG = ("orders", "order_lines", "seller_calls", "call_attempts", "instances", "events", "due_rows")
ANY_NUMBER = "CS2603021700AAAAA"


@pytest.fixture
async def furnished_shop(shop: Shop) -> Shop:
    """With enough rows that a plan means something, and statistics."""
    await shop.sql(
        """
        INSERT INTO orders (id, number, order_type, buyer_id, seller_id, placed_by, product_id, state, currency,
                            total_minor, request_id, created_at, expires_at, paid_at, completed_at)
        SELECT gen_random_uuid(), 'CS26010117' || lpad(n::text, 7, '0'), 'NEW', %(buyer)s, %(seller)s, %(person)s,
               %(product)s, CASE WHEN n %% 10 = 0 THEN 'processing' ELSE 'completed' END, 'CNY', 1, '', now(), now(),
               now(), CASE WHEN n %% 10 = 0 THEN NULL ELSE now() END
        FROM generate_series(1, 3000) n
        """,
        {
            "buyer": shop.world.buyer.organisation_id,
            "seller": shop.world.seller.organisation_id,
            "person": shop.world.buyer.person_id,
            "product": shop.world.product,
        },
    )
    await shop.sql(
        """
        INSERT INTO order_lines (id, order_id, seller_id, number, sku_id, price_id, product_name_en, product_name_zh,
                                 sku_name_en, sku_name_zh, charging_mode, quantity, unit_minor, total_minor)
        SELECT gen_random_uuid(), o.id, o.seller_id, o.number || '-000001', p.sku_id, p.id, 'x', 'x', 'x', 'x',
               'ONE_TIME', 1, 1, 1 FROM orders o, prices p WHERE p.id = %(price)s
        """,
        {"price": shop.world.one_time},
    )
    await shop.sql(
        """
        INSERT INTO instances (id, order_id, order_line_id, buyer_id, seller_id, product_id, endpoint_id, state,
                               seller_instance_id, created_at)
        SELECT gen_random_uuid(), o.id, l.id, o.buyer_id, o.seller_id, o.product_id, %(endpoint)s,
               CASE WHEN o.state = 'completed' THEN 'running' ELSE 'opening' END, o.number, now()
        FROM orders o JOIN order_lines l ON l.order_id = o.id
        """,
        {"endpoint": shop.world.endpoint},
    )
    await shop.sql(
        """
        INSERT INTO seller_calls (id, seller_id, endpoint_id, activity, purpose, lane, order_id, order_number,
                                  line_number, instance_id, state, due_at, window_ends_at, request_id, created_at,
                                  settled_at, attempts, verdict)
        SELECT gen_random_uuid(), i.seller_id, i.endpoint_id, 'newInstance', 'open', i.id, i.order_id, o.number,
               o.number || '-000001', i.id, CASE WHEN i.state = 'running' THEN 'succeeded' ELSE 'waiting' END, now(),
               now(), '', now(), CASE WHEN i.state = 'running' THEN now() END, 1,
               CASE WHEN i.state = 'running' THEN 'success' ELSE 'refused' END
        FROM instances i JOIN orders o ON o.id = i.order_id
        """
    )
    await shop.sql(
        """
        INSERT INTO call_attempts (call_id, number, seller_id, activity, started_at, verdict)
        SELECT id, 1, seller_id, activity, now(), 'success' FROM seller_calls
        """
    )
    await shop.sql("ANALYZE")
    return shop


class Explaining(Reader):
    """A reader that collects the plan of everything it is asked, besides answering it."""

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader.connection, reader.now)
        self.plans: list[tuple[str, str]] = []

    async def _explain(self, sql: str, params: Any) -> None:
        cursor = await self.connection.execute(f"EXPLAIN {sql}".encode(), params)
        self.plans.append((sql, "\n".join(row[0] for row in await cursor.fetchall())))

    async def fetch_all(self, kind: Any, sql: Any, params: Any = None, *, by_values: bool = False) -> Any:
        await self._explain(sql, params)
        return await super().fetch_all(kind, sql, params, by_values=by_values)

    async def fetch_one(self, kind: Any, sql: Any, params: Any = None) -> Any:
        await self._explain(sql, params)
        return await super().fetch_one(kind, sql, params)

    async def fetch_value(self, sql: Any, params: Any = None) -> Any:
        await self._explain(sql, params)
        return await super().fetch_value(sql, params)

    async def fetch_values(self, sql: Any, params: Any = None) -> Any:
        await self._explain(sql, params)
        return await super().fetch_values(sql, params)


@asynccontextmanager
async def explaining(shop: Shop) -> AsyncIterator[Explaining]:
    async with shop.installation.db.read() as reader:
        await reader.connection.execute("SET enable_seqscan = off")
        try:
            yield Explaining(reader)
        finally:
            await reader.connection.execute("RESET enable_seqscan")


async def test_no_query_reads_a_growing_table_from_end_to_end(furnished_shop: Shop) -> None:
    shop, world = furnished_shop, furnished_shop.world
    ((order_id, number),) = await shop.sql("SELECT id, number FROM orders LIMIT 1")
    ((call_id, instance_id),) = await shop.sql("SELECT id, instance_id FROM seller_calls LIMIT 1")
    pages = [page_request(), page_request(after=cursor(order_id)), page_request(before=cursor(order_id))]
    async with explaining(shop) as reader:
        for viewer in (world.buyer, world.seller, world.operator):
            for wanted in pages:
                for state in (None, "pending_payment", "processing", "completed", "cancelled"):
                    await trading.orders(reader, viewer, wanted, OrderFilter(state=state))  # type: ignore[arg-type]
                await trading.orders(reader, viewer, wanted, OrderFilter(since=shop.clock.now(), until=reader.now))
                await provisioning.instances(reader, viewer, wanted)
            for text in ("CS26", "acme", "nothing like it"):
                await trading.orders(reader, viewer, pages[0], OrderFilter(text=text))
            await trading.order(reader, viewer, number)
            await trading.open_counts(reader, viewer)
            await provisioning.instance(reader, viewer, instance_id)
        for viewer in (world.seller, world.operator):
            for wanted in pages:
                for call_state in (None, "queued", "waiting", "running", "succeeded", "failed", "cancelled"):
                    await provisioning.calls(reader, viewer, wanted, CallFilter(state=call_state))  # type: ignore[arg-type]
                await provisioning.calls(reader, viewer, wanted, CallFilter(activity="newInstance"))
                await provisioning.calls(reader, viewer, wanted, CallFilter(failing=True))
            await provisioning.call(reader, viewer, call_id)
            await health_of.call_counts(reader, viewer)
        await provisioning.calls(reader, world.seller, pages[0], CallFilter(text="CS26"))
        await trading.log_of_order(reader, order_id)
        await trading.refund_number(reader, order_id)
        await provisioning.attempts(reader, call_id)
        await provisioning.calls_of_order(reader, order_id)
        await provisioning.instances_of_order(reader, order_id)
        assert world.seller.organisation_id
        assert world.buyer.person_id
        await health_of.interfaces(reader, world.seller.organisation_id)
        await catalog.products_on_sale(reader, page_request())
        await parties.seat_of_session(reader, "x")
        await parties.seat_of_token(reader, "x")
        await parties.seats_of_person(reader, world.buyer.person_id)
        await shop.seller_calls().next_due(reader)
        await due.DueWork(shop.installation.db, {}).next_due(reader)
        await due.parked(reader, page_request())
        offences = [
            f"{scan.group(0)} in {' '.join(sql.split())[:200]}"
            for sql, plan in reader.plans
            if (scan := re.search(rf"Seq Scan on ({'|'.join(BIG)})\b.*", plan))
        ]
    assert len(reader.plans) > 100
    assert offences == []


async def test_a_search_is_planned_for_what_is_looked_for_however_often_it_is_made(furnished_shop: Shop) -> None:
    """A plan for any text would read all orders of a big seller for a few numbers that begin alike."""
    world, wanted, text = furnished_shop.world, page_request(), "CS260302"
    async with furnished_shop.installation.db.read() as reader:
        for _ in range(8):  # the driver keeps a plan from the sixth time on
            await trading.orders(reader, world.seller, wanted, OrderFilter())
            await trading.orders(reader, world.seller, wanted, OrderFilter(text=text))
            await vouchers.vouchers(reader, world.operator, wanted, VoucherFilter(text=text))
            await provisioning.calls(reader, world.seller, wanted, CallFilter(text=text))
            await supervision.flows(reader, world.seller, wanted, FlowFilter(number=text))
            await disputes.disputes(reader, world.seller, wanted, DisputeFilter(number=text))
            await ledger.postings(reader, world.seller, wanted, LedgerFilter(text=text))
        kept = await reader.fetch_values("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%picked%'")
    assert len(kept) == 1, "of these the list of orders alone, in which nothing is looked for"


async def test_the_newest_page_is_read_through_its_index_in_order(furnished_shop: Shop) -> None:
    """No sort of everything that matches, of however many orders it is the first page."""
    shop = furnished_shop
    async with explaining(shop) as reader:
        for viewer in (shop.world.buyer, shop.world.seller, shop.world.operator):
            for state in (None, "processing", "completed"):
                reader.plans.clear()
                await trading.orders(reader, viewer, page_request(), OrderFilter(state=state))  # type: ignore[arg-type]
                ((_, plan),) = reader.plans
                picked = plan[plan.index("CTE picked") :] if "CTE picked" in plan else plan
                assert re.search(
                    r"Limit.*\n\s+->  Index (Only )?Scan( Backward)? using orders_\w+|orders_pkey", picked
                ), plan
