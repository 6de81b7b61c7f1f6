"""A review's life: who may write, decide and answer, and what the public reads of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reviewing import GOOD, PLATFORM, Reviewing
from tests.world import SellerServer, Shop, World

from tradehall.kernel.errors import Invalid
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import PageRequest, page_request
from tradehall.reviews import queries
from tradehall.reviews.errors import (
    AnswerChanged,
    AnswerFinal,
    NothingAnswered,
    OrderNotReviewable,
    OwnProduct,
    OwnReview,
    ReviewChanged,
    ReviewExists,
    ReviewMovedOn,
    ReviewNotFound,
    WrittenTooOften,
)
from tradehall.reviews.model import (
    MOST_VERSIONS,
    REVIEW_MOVES,
    REVIEW_STATES,
    STARS,
    PublicReview,
    Rating,
    Wording,
    checked,
    veiled,
)
from tradehall.reviews.queries import ReviewFilter
from tradehall.trading.errors import OrderNotFound


@pytest.fixture
def reviewing(shop: Shop) -> Reviewing:
    return Reviewing(shop)


async def public(shop: Shop, product_id: object) -> list[PublicReview]:
    async with shop.installation.db.read() as reader:
        return list((await queries.published(reader, product_id, page_request())).items)  # type: ignore[arg-type]


async def join(shop: Shop, actor: Actor, organisation: Actor) -> None:
    await shop.sql(
        "INSERT INTO memberships (person_id, organisation_id, role, created_at) "
        f"VALUES ('{actor.person_id}', '{organisation.organisation_id}', 'member', now())"
    )


# --- Rules


def test_every_state_is_reached_and_nothing_leaves_what_is_published_but_taking_it_down() -> None:
    assert set(REVIEW_MOVES.values()) == set(REVIEW_STATES)
    assert [verb for state, verb in REVIEW_MOVES if state == "published"] == ["take_down"]


@pytest.mark.parametrize(
    ("wording", "fields"),
    [
        (Wording(0), ["rating"]),
        (Wording(6, "x" * 2001), ["rating", "text"]),
        (Wording(3, "a\0b"), ["text"]),
        (Wording(3, "\u202eevil"), ["text"]),
        (Wording(3, "x" * 2001), ["text"]),
    ],
)
def test_what_is_wrong_is_named(wording: Wording, fields: list[str]) -> None:
    with pytest.raises(Invalid) as wrong:
        checked(wording)
    assert [one.field for one in wrong.value.fields] == fields


def test_a_text_is_kept_plain() -> None:
    assert checked(Wording(5, "  One.\r\nTwo <b>bold</b> 好👍\n ")).text == "One.\nTwo <b>bold</b> 好👍"
    assert checked(Wording(1, "x" * 2000 + "\r\n")).text == "x" * 2000


def test_of_a_name_the_public_reads_its_beginning() -> None:
    assert [veiled("Acme Trading"), veiled("顶点贸易")] == ["A***", "顶***"]


@given(st.lists(st.sampled_from(STARS), min_size=1, max_size=60))
def test_an_average_is_exact_to_the_tenth_and_shares_are_of_all(stars: list[int]) -> None:
    rating = Rating(*(stars.count(one) for one in STARS))
    assert rating.count == len(stars)
    assert rating.tenths is not None
    assert abs(rating.tenths / 10 - sum(stars) / len(stars)) <= 0.05 + 1e-9
    assert abs(sum(rating.share(one) for one in STARS) - 100) <= 3


# --- Writing


async def test_a_review_is_written_published_and_answered(reviewing: Reviewing, shop: Shop, world: World) -> None:
    number = await reviewing.bought()
    review = await reviewing.write(number, Wording(4, "Fine.\nAll in all."))
    assert (review.state, review.version, review.rating) == ("waiting", 1, 4)
    assert await public(shop, review.product_id) == []
    await reviewing.publish(review)
    await reviewing.answer(review, "Thank you.")
    (seen,) = await public(shop, review.product_id)
    assert (seen.rating, seen.text, seen.answer) == (4, "Fine.\nAll in all.", "Thank you.")
    assert (seen.by_name_en, seen.by_name_zh) == ("A***", "顶***")
    assert await reviewing.rating(review.product_id) == Rating(four=1)
    events = [event for event in await shop.events(number) if event[0].startswith("review.")]
    assert events == [
        ("review.written", {"review": str(review.id), "version": 1}),
        ("review.published", {"review": str(review.id), "version": 1, "rating": 4, "text": "Fine.\nAll in all."}),
        ("review.answered", {"review": str(review.id), "text": "Thank you."}),
    ]


async def test_who_wants_to_be_named_is(reviewing: Reviewing, shop: Shop) -> None:
    review = await reviewing.published(Wording(5, named=True))
    (seen,) = await public(shop, review.product_id)
    assert (seen.by_name_en, seen.by_name_zh, seen.text) == ("Acme Trading", "顶点贸易", "")


async def test_only_completed_purchases_are_reviewed(
    reviewing: Reviewing, shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    with pytest.raises(OrderNotReviewable):
        await reviewing.write(number)
    await shop.run_due()
    await reviewing.write(number)
    renewal = await shop.renew(number)
    await shop.run_due()
    assert (await shop.order(renewal)).state == "completed"
    with pytest.raises(OrderNotReviewable):
        await reviewing.write(renewal)


async def test_a_trial_is_reviewed_when_it_was_converted(
    reviewing: Reviewing, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    trial = await shop.try_out()
    await shop.run_due()
    with pytest.raises(OrderNotReviewable):
        await reviewing.write(trial)
    application = (await shop.instance(trial)).id
    async with shop.installation.db.read() as reader:
        assert await queries.reviewable_of_application(reader, world.buyer, application) is None
    held = await shop.subscription(trial)
    await shop.convert(trial)
    await shop.run_due()
    assert held.id == application
    async with shop.installation.db.read() as reader:
        found = await queries.reviewable_of_application(reader, world.buyer, application)
    assert found
    assert (await shop.order(found.number)).order_type == "TRIAL_TO_FORMAL"
    await reviewing.write(found.number)


async def test_an_order_of_others_is_as_unknown_as_one_that_does_not_exist(reviewing: Reviewing, world: World) -> None:
    number = await reviewing.bought()
    for one in (number, "CS2603020900ZZZZZ"):
        with pytest.raises(OrderNotFound):
            await reviewing.write(one, by=world.other_buyer)
        with pytest.raises(ReviewNotFound):
            await reviewing.withdraw(one, by=world.other_buyer)


async def test_a_colleague_changes_it_while_it_waits_and_it_keeps_its_place(
    reviewing: Reviewing, world: World, shop: Shop
) -> None:
    first = await reviewing.write(await reviewing.bought())
    shop.clock.advance(timedelta(hours=1))
    second = await reviewing.write(await reviewing.bought())
    shop.clock.advance(timedelta(hours=1))
    changed = await reviewing.write(first.order_number, Wording(1, "Not any more."), 1, by=world.buyer_member)
    assert (changed.version, changed.rating, changed.state) == (2, 1, "waiting")
    async with shop.installation.db.read() as reader:
        rows = await queries.waiting(reader, world.operator, page_request())
        page = await queries.waiting(reader, world.operator, PageRequest(limit=1))
        after = await queries.waiting(reader, world.operator, page_request(1, page.next))
        back = await queries.waiting(reader, world.operator, page_request(1, None, after.previous))
    assert [row.id for row in rows.items] == [first.id, second.id]
    assert [[row.id for row in one.items] for one in (page, after, back)] == [[first.id], [second.id], [first.id]]


async def test_what_is_handed_in_anew_goes_to_the_end_of_the_queue(
    reviewing: Reviewing, world: World, shop: Shop
) -> None:
    first = await reviewing.write(await reviewing.bought())
    await reviewing.reject(first, "Names a person.")
    rejected = await reviewing.review(first.id)
    assert (rejected.state, rejected.reason) == ("rejected", "Names a person.")
    shop.clock.advance(timedelta(hours=1))
    second = await reviewing.write(await reviewing.bought())
    shop.clock.advance(timedelta(hours=1))
    again = await reviewing.write(first.order_number, Wording(2, "Better."), 1)
    assert (again.state, again.version, again.reason, again.decided_at) == ("waiting", 2, None, None)
    async with shop.installation.db.read() as reader:
        rows = await queries.waiting(reader, world.operator, page_request())
    assert [row.id for row in rows.items] == [second.id, first.id]


async def test_the_same_sent_twice_is_done_once_and_another_is_refused(reviewing: Reviewing, shop: Shop) -> None:
    review = await reviewing.write(await reviewing.bought())
    assert (await reviewing.write(review.order_number)).version == 1
    with pytest.raises(ReviewExists):
        await reviewing.write(review.order_number, Wording(1))
    await reviewing.write(review.order_number, Wording(1), 1)
    assert (await reviewing.write(review.order_number, Wording(1), 1)).version == 2
    with pytest.raises(ReviewChanged):
        await reviewing.write(review.order_number, Wording(2), 1)
    await reviewing.publish(await reviewing.review(review.id))
    with pytest.raises(ReviewMovedOn):
        await reviewing.write(review.order_number, Wording(5), 2)
    kinds = [kind for kind in await shop.kinds(review.order_number) if kind.startswith("review.")]
    assert kinds == ["review.written", "review.edited", "review.published"]


async def test_what_is_withdrawn_can_be_written_anew(reviewing: Reviewing, shop: Shop) -> None:
    review = await reviewing.write(await reviewing.bought())
    with pytest.raises(ReviewChanged):
        await reviewing.withdraw(review.order_number, 7)
    await reviewing.withdraw(review.order_number)
    await reviewing.withdraw(review.order_number)
    with pytest.raises(ReviewMovedOn):
        await reviewing.publish(review)
    assert (await reviewing.write(review.order_number, Wording(2))).version == 2
    await reviewing.publish(await reviewing.review(review.id))
    with pytest.raises(ReviewMovedOn):
        await reviewing.withdraw(review.order_number, 2)


async def test_nobody_reviews_what_their_own_organisation_sells(reviewing: Reviewing, shop: Shop, world: World) -> None:
    number = await reviewing.bought()
    await join(shop, world.buyer, world.seller)
    with pytest.raises(OwnProduct):
        await reviewing.write(number)
    await reviewing.write(number, by=world.buyer_member)


# --- Deciding


@pytest.mark.parametrize("side", ["buyer", "seller"])
async def test_nobody_decides_about_an_organisation_of_theirs(
    reviewing: Reviewing, shop: Shop, world: World, side: str
) -> None:
    waiting, shown = await reviewing.write(await reviewing.bought()), await reviewing.published()
    await reviewing.answer(shown)
    shown = await reviewing.review(shown.id)
    await join(shop, world.operator, getattr(world, side))
    assert (await reviewing.review(waiting.id, world.operator)).conflicted
    for verb in (reviewing.publish, reviewing.reject):
        with pytest.raises(OwnReview):
            await verb(waiting)
    for verb in (reviewing.take_down, reviewing.remove_answer):
        with pytest.raises(OwnReview):
            await verb(shown)
    await reviewing.publish(waiting, by=world.operator_member)
    assert (await reviewing.review(waiting.id)).state == "published"


async def test_what_is_published_is_what_was_seen(reviewing: Reviewing) -> None:
    seen = await reviewing.write(await reviewing.bought(), Wording(5, "Nice."))
    await reviewing.write(seen.order_number, Wording(1, "Buy elsewhere: https://example.com"), 1)
    for verb in (reviewing.publish, reviewing.reject):
        with pytest.raises(ReviewChanged):
            await verb(seen)
    assert (await reviewing.review(seen.id)).state == "waiting"


async def test_a_decision_needs_a_reason_unless_it_publishes(reviewing: Reviewing) -> None:
    waiting, shown = await reviewing.write(await reviewing.bought()), await reviewing.published()
    for why in (" \n", "x" * 501):
        with pytest.raises(Invalid):
            await reviewing.reject(waiting, why)
        with pytest.raises(Invalid):
            await reviewing.take_down(shown, why)


async def test_what_is_taken_down_counts_no_more_and_may_be_written_anew(reviewing: Reviewing, shop: Shop) -> None:
    price = await reviewing.price()
    one, other = await reviewing.published(Wording(5), price), await reviewing.published(Wording(2), price)
    await reviewing.answer(one)
    assert (await reviewing.rating(one.product_id)).average == 3.5
    await reviewing.take_down(one)
    assert await reviewing.rating(one.product_id) == Rating(two=1)
    taken = await reviewing.review(one.id)
    assert (taken.state, taken.answer, taken.answer_version) == ("rejected", None, 2)
    assert [seen.id for seen in await public(shop, one.product_id)] == [other.id]
    await reviewing.take_down(one)  # the same once more changes nothing
    await reviewing.publish(await reviewing.write(one.order_number, Wording(4), 1))
    assert await reviewing.rating(one.product_id) == Rating(two=1, four=1)


# --- Answering


async def test_an_answer_is_changed_for_some_days_and_taken_down_by_the_platform(
    reviewing: Reviewing, shop: Shop, world: World
) -> None:
    review = await reviewing.published()
    await reviewing.answer(review, "Thank you.", by=world.seller_member)
    await reviewing.answer(review, "Thank you.")  # clicked twice
    with pytest.raises(AnswerChanged):
        await reviewing.answer(review, "Something else.")
    shop.clock.advance(timedelta(days=6))
    await reviewing.answer(review, "Thank you very much.", 1)
    shop.clock.advance(timedelta(days=2))
    with pytest.raises(AnswerFinal):
        await reviewing.answer(review, "Thanks.", 2)
    await reviewing.remove_answer(await reviewing.review(review.id))
    with pytest.raises(NothingAnswered):
        await reviewing.remove_answer(await reviewing.review(review.id))
    await reviewing.answer(review, "Thanks.", 3)
    kinds = [kind for kind in await shop.kinds(review.order_number) if kind.startswith("review.answer")]
    assert kinds == ["review.answered", "review.answer_changed", "review.answer_removed", "review.answered"]


async def test_only_its_seller_answers_and_only_what_is_published(reviewing: Reviewing, world: World) -> None:
    waiting, shown = await reviewing.write(await reviewing.bought()), await reviewing.published()
    with pytest.raises(ReviewNotFound):
        await reviewing.answer(waiting)
    with pytest.raises(ReviewNotFound):
        await reviewing.answer(shown, by=world.other_seller)
    with pytest.raises(Invalid):
        await reviewing.answer(shown, " ")


# --- Seeing


async def test_everybody_sees_their_own(reviewing: Reviewing, shop: Shop, world: World) -> None:
    waiting, shown = await reviewing.write(await reviewing.bought()), await reviewing.published()
    expected = {
        "buyer": [shown.id, waiting.id],
        "buyer_member": [shown.id, waiting.id],
        "other_buyer": [],
        "seller": [shown.id],
        "other_seller": [],
        "operator": [shown.id, waiting.id],
    }
    async with shop.installation.db.read() as reader:
        for name, ids in expected.items():
            rows = await queries.reviews(reader, world.actors[name], page_request(), ReviewFilter())
            assert sorted(row.id for row in rows.items) == sorted(ids), name


async def test_a_list_is_narrowed(reviewing: Reviewing, shop: Shop) -> None:
    price = await reviewing.price()
    one, two = await reviewing.published(Wording(5), price), await reviewing.published(Wording(2))
    await reviewing.answer(one)
    cases = {
        ReviewFilter(rating=5): one,
        ReviewFilter(rating=2): two,
        ReviewFilter(answered=True): one,
        ReviewFilter(answered=False): two,
        ReviewFilter(product_id=two.product_id): two,
        ReviewFilter(order=one.order_number): one,
        ReviewFilter(state="published", rating=2, answered=False): two,
    }
    async with shop.installation.db.read() as reader:
        for only, found in cases.items():
            rows = await queries.reviews(reader, PLATFORM, page_request(), only)
            assert [row.id for row in rows.items] == [found.id]
        rows = await queries.reviews(reader, PLATFORM, page_request(), ReviewFilter(state="rejected"))
        assert rows.items == []


async def test_a_products_reviews_come_in_pages(reviewing: Reviewing, shop: Shop) -> None:
    price = await reviewing.price()
    ids = []
    for stars in STARS:
        shop.clock.advance(timedelta(minutes=1))
        ids.append((await reviewing.published(Wording(stars), price)).id)
    product = (await reviewing.review(ids[0])).product_id
    async with shop.installation.db.read() as reader:
        first = await queries.published(reader, product, page_request(2))
        second = await queries.published(reader, product, page_request(2, first.next))
        third = await queries.published(reader, product, page_request(2, second.next))
        back = await queries.published(reader, product, page_request(2, None, third.previous))
    assert [one.id for page in (first, second, third) for one in page.items] == ids[::-1]
    assert third.next is None
    assert list(back.items) == list(second.items)
    assert await reviewing.rating(product) == Rating(1, 1, 1, 1, 1)


async def test_what_could_be_reviewed_is_pointed_out(reviewing: Reviewing, shop: Shop, world: World) -> None:
    one, two = await reviewing.bought(), await reviewing.bought()
    await reviewing.write(one, GOOD)
    async with shop.installation.db.read() as reader:
        assert [row.number for row in await queries.unreviewed(reader, world.buyer)] == [two]
        assert await queries.unreviewed(reader, world.other_buyer) == []


async def test_a_review_is_not_written_for_ever(reviewing: Reviewing) -> None:
    """Each time the platform reads it and the order's log grows."""
    review = await reviewing.write(await reviewing.bought())
    while review.version < MOST_VERSIONS:
        review = await reviewing.write(review.order_number, Wording(1 + review.version % 5), review.version)
    with pytest.raises(WrittenTooOften):
        await reviewing.write(review.order_number, GOOD, review.version)
    await reviewing.withdraw(review.order_number, review.version)
    with pytest.raises(WrittenTooOften):
        await reviewing.write(review.order_number, GOOD)
