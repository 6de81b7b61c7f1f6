"""The ledger of an installation that was there before it, and of one that has grown."""

import re
from datetime import timedelta

import pytest
from tests.ledger.books import cancel_in_part, close, flaws
from tests.supervised import Supervised
from tests.test_schema import explaining
from tests.trading.test_vouchers import give, pay
from tests.world import SellerServer, Shop

from tradehall.kernel.migrate import MIGRATIONS
from tradehall.kernel.paging import PageRequest
from tradehall.ledger import queries
from tradehall.ledger.model import SHOWN, LedgerFilter, side_of

BEFORE = """
    DROP TABLE ledger_postings, ledger_balances, ledger_closing;
    DROP FUNCTION fee_of, vouchers_returned, refuse_ledger_change, refuse_unsound_posting;
"""
POSTED = """
    SELECT order_id, kind, cause, at, buyer_id, seller_id, currency, fee_rate, releasable_at, buyer_minor,
           platform_vouchers_minor, seller_vouchers_minor, escrow_minor, payable_minor, fee_minor, refunds_minor
    FROM ledger_postings ORDER BY order_id, kind
"""


async def lived(shop: Shop, seller_server: SellerServer) -> None:
    """Orders of every end, with vouchers of both kinds, one of which expires."""
    supervised = Supervised(shop)
    seller = shop.world.seller.organisation_id
    number = await shop.place()
    await pay(
        shop, number, await give(shop, 1_111), await give(shop, 2_222, days=1, seller_id=seller, issued_by_seller=True)
    )
    await shop.run_due()
    renewed = await shop.buy()
    await shop.run_due()
    await shop.renew(renewed)
    await shop.run_due()
    shop.clock.advance(timedelta(days=2))
    await shop.unsubscribe(number)
    await shop.cancel_renewal(renewed)
    await shop.run_due()
    seller_server.manner = "refusing"
    await shop.buy()
    await shop.run_due(timedelta(hours=4))
    seller_server.manner = "instant"
    part = await supervised.place(await supervised.price("orchestration", product_class="joint"))
    await pay(shop, part, await give(shop, 33_333, seller_id=seller, issued_by_seller=True))
    await cancel_in_part(shop, part, 44_445)
    await supervised.complete(await supervised.buy("orchestration", product_class="joint"))
    await supervised.buy("orchestration")
    await shop.try_out()


async def test_the_migration_posts_what_the_ledger_would_have(shop: Shop, seller_server: SellerServer) -> None:
    await lived(shop, seller_server)
    posted = await shop.sql(POSTED)
    assert len(posted) > 15
    await shop.sql(BEFORE)
    await shop.sql((MIGRATIONS / "0015_ledger.sql").read_text(encoding="utf-8"))
    assert await shop.sql(POSTED) == posted
    assert await flaws(shop) == []
    times = await shop.sql("SELECT at FROM ledger_postings ORDER BY number")
    assert times == sorted(times)


@pytest.fixture
async def grown_shop(shop: Shop, seller_server: SellerServer) -> Shop:
    """With 6,000 postings, of which the last few are not closed."""
    number = await shop.buy()
    await shop.run_due()
    await shop.sql("ALTER TABLE ledger_postings DISABLE TRIGGER USER")
    await shop.sql(
        """
        WITH more AS (
            INSERT INTO orders (id, number, order_type, buyer_id, seller_id, placed_by, product_id, state, currency,
                                total_minor, request_id, created_at, expires_at, paid_at, completed_at)
            SELECT gen_random_uuid(), 'CS26010117' || lpad(n::text, 7, '0'), order_type, buyer_id, seller_id,
                   placed_by, product_id, 'completed', currency, total_minor, '', created_at, expires_at, paid_at,
                   completed_at
            FROM orders, generate_series(1, 3000) n WHERE number = %(number)s RETURNING id)
        INSERT INTO ledger_postings (order_id, kind, cause, at, buyer_id, seller_id, currency, fee_rate, releasable_at,
                                     buyer_minor, escrow_minor, payable_minor, fee_minor)
        SELECT more.id, kind, cause, at, buyer_id, seller_id, currency, fee_rate, releasable_at, buyer_minor,
               escrow_minor, payable_minor, fee_minor
        FROM more CROSS JOIN ledger_postings
        """,
        {"number": number},
    )
    for _ in range(2):
        await close(shop)
    await shop.sql("ANALYZE")
    return shop


async def test_no_query_reads_the_ledger_from_end_to_end(grown_shop: Shop) -> None:
    shop, world = grown_shop, grown_shop.world
    ((order_id, number),) = await shop.sql("SELECT id, number FROM orders LIMIT 1")
    assert world.seller.organisation_id
    async with explaining(shop) as reader:
        await reader.connection.execute("RESET enable_seqscan")  # the planner's own choice
        for viewer in (world.seller, world.operator):
            for account in (None, *SHOWN[side_of(viewer)]):
                for text in ("", number):
                    only = LedgerFilter(account, text)
                    await queries.postings(reader, viewer, PageRequest(limit=10), only)
        await queries.lines_of(reader, order_id)
        await queries.balances(reader)
        await queries.totals_of_seller(reader, world.seller.organisation_id)
        await queries.releasable(reader, world.seller.organisation_id, reader.now, after=5_900, limit=20)
        offences = [
            f"{scan.group(0)} in {' '.join(sql.split())[:300]}\n{plan}"
            for sql, plan in reader.plans
            if (scan := re.search(r"Seq Scan on ledger_postings\b.*", plan))
        ]
    assert offences == []


async def test_releasable_is_what_settlement_reads(shop: Shop, seller_server: SellerServer) -> None:
    await lived(shop, seller_server)
    seller = shop.world.seller.organisation_id
    assert seller
    async with shop.installation.db.read() as reader:
        whole = await queries.releasable(reader, seller, reader.now + timedelta(days=400))
        (totals,) = await queries.totals_of_seller(reader, seller)
        first = await queries.releasable(reader, seller, reader.now + timedelta(days=400), limit=3)
        rest = await queries.releasable(reader, seller, reader.now + timedelta(days=400), after=first[-1].number)
        now = await queries.releasable(reader, seller, reader.now)
    assert sum(one.payable_minor for one in whole) == totals.releasable_minor + totals.later_minor
    assert [*first, *rest] == whole
    assert all(one.releasable_at < shop.clock.now() for one in now)
    assert {one.kind for one in whole} == {"released", "taken_back"}
