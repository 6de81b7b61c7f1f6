"""Every list of reviews is read through an index of its own, however many there are."""

from collections.abc import AsyncIterator

import pytest
from tests.test_schema import Explaining, explaining, furnished_shop
from tests.world import Shop

from tradehall.kernel.paging import page_request
from tradehall.reviews import queries
from tradehall.reviews.queries import ReviewFilter

__all__ = ["furnished_shop"]


@pytest.fixture
async def reader(furnished_shop: Shop) -> AsyncIterator[Explaining]:
    """Of a marketplace in which every completed order is reviewed, few of the one product, buyer and seller."""
    shop, world = furnished_shop, furnished_shop.world
    await shop.sql(
        f"""
        INSERT INTO reviews (id, order_id, product_id, buyer_id, seller_id, state, rating, text, named, submission,
                             written_by, written_at, created_at, decided_by, decided_at)
        SELECT o.id, o.id, CASE WHEN n % 20 = 1 THEN o.product_id ELSE '{world.other_product}' END,
               CASE WHEN n % 20 = 1 THEN o.buyer_id ELSE '{world.other_buyer.organisation_id}' END,
               CASE WHEN n % 20 = 1 THEN o.seller_id ELSE '{world.other_seller.organisation_id}' END,
               CASE WHEN n % 50 = 0 THEN 'waiting' ELSE 'published' END, n % 5 + 1, 'Good.', false, o.id,
               '{world.buyer.person_id}', now(), now(),
               CASE WHEN n % 50 <> 0 THEN '{world.operator.person_id}'::uuid END,
               CASE WHEN n % 50 <> 0 THEN now() END
        FROM (SELECT orders.*, row_number() OVER () AS n FROM orders WHERE state = 'completed') o
        """
    )
    await shop.sql("ANALYZE")
    async with explaining(shop) as reader:
        yield reader


async def test_each_list_has_its_index(furnished_shop: Shop, reader: Explaining) -> None:
    world, wanted = furnished_shop.world, page_request()

    def used(*indexes: str) -> None:
        ((_, plan),) = reader.plans
        reader.plans.clear()
        assert "Seq Scan on reviews" not in plan, plan
        assert any(f"using {index} on reviews" in plan or f"on {index}" in plan for index in indexes), plan

    await queries.published(reader, world.product, wanted)
    used("reviews_of_product", "reviews_of_seller")
    await queries.waiting(reader, world.operator, wanted)
    used("reviews_waiting")
    await queries.waiting_count(reader)
    used("reviews_waiting", "reviews_by_state")
    await queries.reviews(reader, world.buyer, wanted, ReviewFilter())
    used("reviews_of_buyer")
    await queries.reviews(reader, world.seller, wanted, ReviewFilter())
    used("reviews_of_seller", "reviews_of_seller_unanswered")
    await queries.reviews(reader, world.seller, wanted, ReviewFilter(rating=2))
    used("reviews_of_seller_by_rating")
    await queries.reviews(reader, world.seller, wanted, ReviewFilter(answered=False))
    used("reviews_of_seller_unanswered")
    await queries.reviews(reader, world.operator, wanted, ReviewFilter("rejected"))
    used("reviews_by_state")
    await queries.review_of_order(reader, world.buyer, "CS2603021700AAAAA")
    used("an_order_is_reviewed_once")
