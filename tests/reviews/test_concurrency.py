"""Many at once: of each review one decision, of each product exactly as many stars as are published."""

import asyncio
import random

import pytest
from tests.conftest import sandbox_settings
from tests.reviewing import GOOD, Reviewing
from tests.trading.test_concurrency import outcomes
from tests.world import Shop, World

from tradehall.reviews.model import STARS, Rating, Review, Wording
from tradehall.settings import Settings

AT_ONCE = 20


@pytest.fixture
def settings() -> Settings:
    return sandbox_settings(pool_size=24)


@pytest.fixture
def reviewing(shop: Shop) -> Reviewing:
    return Reviewing(shop)


async def counted(shop: Shop, review: Review) -> Rating:
    """The stars of a product's published reviews, counted one by one."""
    rows = dict(
        await shop.sql(
            f"SELECT rating, count(*) FROM reviews WHERE product_id = '{review.product_id}' AND state = 'published' "
            "GROUP BY rating"
        )
    )
    return Rating(*(rows.get(stars, 0) for stars in STARS))


async def test_a_first_review_sent_twenty_times_is_one(reviewing: Reviewing, shop: Shop) -> None:
    number = await reviewing.bought()
    assert await outcomes([reviewing.write(number) for _ in range(AT_ONCE)]) == {"done": AT_ONCE}
    assert await shop.sql("SELECT version FROM reviews") == [(1,)]
    assert (await shop.kinds(number)).count("review.written") == 1


async def test_of_two_colleagues_who_write_at_once_one_is_told_so(reviewing: Reviewing, world: World) -> None:
    number = await reviewing.bought()
    both = [reviewing.write(number, Wording(5)), reviewing.write(number, Wording(1), by=world.buyer_member)]
    assert await outcomes(both) == {"done": 1, "ReviewExists": 1}


async def test_of_two_moderators_one_decides(reviewing: Reviewing, shop: Shop, world: World) -> None:
    for _ in range(8):
        review = await reviewing.write(await reviewing.bought())
        both = [reviewing.publish(review), reviewing.reject(review, by=world.operator_member)]
        assert await outcomes(both) == {"done": 1, "ReviewMovedOn": 1}
        kinds = await shop.kinds(review.order_number)
        assert len({"review.published", "review.rejected"} & set(kinds)) == 1
        assert await reviewing.rating(review.product_id) == await counted(shop, review)


async def test_a_decision_clicked_twenty_times_counts_once(reviewing: Reviewing, shop: Shop) -> None:
    review = await reviewing.write(await reviewing.bought())
    assert await outcomes([reviewing.publish(review) for _ in range(AT_ONCE)]) == {"done": AT_ONCE}
    assert await reviewing.rating(review.product_id) == Rating(four=1)
    assert (await shop.kinds(review.order_number)).count("review.published") == 1
    assert await outcomes([reviewing.take_down(review) for _ in range(AT_ONCE)]) == {"done": AT_ONCE}
    assert await reviewing.rating(review.product_id) == Rating()


async def test_what_is_changed_while_it_is_decided_is_never_published_unseen(reviewing: Reviewing, shop: Shop) -> None:
    outcomes_seen = set()
    for turn in range(20):
        seen = await reviewing.write(await reviewing.bought(), Wording(5, "Seen."))
        both = [reviewing.publish(seen), reviewing.write(seen.order_number, Wording(1, "Unseen."), 1)]
        if turn % 2:
            both.reverse()
        result = await outcomes(both)
        now = await reviewing.review(seen.id)
        if now.state == "published":
            assert (now.text, result) == ("Seen.", {"done": 1, "ReviewMovedOn": 1})
        else:
            assert (now.state, now.text, result) == ("waiting", "Unseen.", {"done": 1, "ReviewChanged": 1})
        outcomes_seen.add(now.state)
        published = [
            facts["text"] for kind, facts in await shop.events(seen.order_number) if kind == "review.published"
        ]
        assert published == (["Seen."] if now.state == "published" else [])
    assert outcomes_seen == {"published", "waiting"}


async def test_stars_of_reviews_that_are_published_and_taken_down_at_once_add_up(
    reviewing: Reviewing, shop: Shop
) -> None:
    price, chance = await reviewing.price(), random.Random(7)
    written = [await reviewing.write(await reviewing.bought(price), Wording(chance.choice(STARS))) for _ in range(40)]
    half = len(written) // 2
    await asyncio.gather(*(reviewing.publish(one) for one in written[:half]))
    assert await reviewing.rating(written[0].product_id) == await counted(shop, written[0])
    assert (await reviewing.rating(written[0].product_id)).count == half
    await asyncio.gather(
        *(reviewing.publish(one) for one in written[half:]), *(reviewing.take_down(one) for one in written[:half:2])
    )
    rating = await reviewing.rating(written[0].product_id)
    assert rating == await counted(shop, written[0])
    assert rating.count == len(written) - half // 2


async def test_of_two_answers_at_once_one_stands(reviewing: Reviewing, world: World) -> None:
    review = await reviewing.published(GOOD)
    both = [reviewing.answer(review, "Thanks."), reviewing.answer(review, "Merci.", by=world.seller_member)]
    assert await outcomes(both) == {"done": 1, "AnswerChanged": 1}
    assert await outcomes([reviewing.answer(review, "Grazie.", 1) for _ in range(AT_ONCE)]) == {"done": AT_ONCE}
    assert (await reviewing.review(review.id)).answer_version == 2


async def test_an_answer_never_stands_below_what_was_taken_down(reviewing: Reviewing) -> None:
    for _ in range(8):
        review = await reviewing.published()
        await outcomes([reviewing.answer(review), reviewing.take_down(review)])
        now = await reviewing.review(review.id)
        assert (now.state, now.answer) == ("rejected", None)
