"""Reviews by their pages: written by buyers, read by operators, answered by sellers, seen by everybody."""

import re
from html import unescape

import pytest
from tests.reviewing import Reviewing
from tests.web.conftest import Enter, Visitor
from tests.world import SellerServer, Shop, World

from tradehall.reviews.model import Review, Wording

STARS = re.compile(r'data-stars="(\d)"')
REVIEWS = re.compile(r'data-review="(CS\w+)"')


@pytest.fixture
def reviewing(shop: Shop) -> Reviewing:
    return Reviewing(shop)


def plain(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


async def say(visitor: Visitor, number: str, **fields: str) -> int:
    """Fills in the form of an order's review and sends it."""
    path = f"/buyer/orders/{number}/review"
    return (await visitor.send(path, at=path, **fields)).status_code


async def of(reviewing: Reviewing, number: str) -> Review:
    ((review_id,),) = await reviewing.shop.sql(
        "SELECT v.id FROM reviews v JOIN orders o ON o.id = v.order_id WHERE o.number = %(number)s", {"number": number}
    )
    return await reviewing.review(review_id)


async def test_one_is_written_read_published_and_answered(enter: Enter, reviewing: Reviewing, world: World) -> None:
    number = await reviewing.bought()
    buyer, operator, seller, anybody = [await enter(who) for who in (world.buyer, world.operator, world.seller, None)]
    await buyer.get(f"/buyer/orders/{number}")
    assert f'href="/buyer/orders/{number}/review"' in buyer.page
    assert await say(buyer, number, rating="4", text="Fine.\r\n<script>alert(1)</script>") == 200
    assert "The marketplace reads it, then it is published." in buyer.page
    assert 'data-state="waiting"' in buyer.page

    assert "1 review waits to be read" in (await operator.get("/operator")).text
    await operator.get("/operator/reviews")
    assert REVIEWS.findall(operator.page) == [number]
    assert "<script>alert" not in operator.page
    assert "Fine. <script>alert(1)</script>" in plain(operator.page)
    review = await of(reviewing, number)
    await operator.send(f"/operator/reviews/{review.id}/publish")
    assert "The review is published." in operator.page
    assert "Everything is read" in operator.page

    await seller.get("/seller/reviews")
    assert REVIEWS.findall(seller.page) == [number]
    await seller.send(f"/seller/reviews/{review.id}/answer", text="Thank you.")
    assert "Your answer stands below the review now." in seller.page

    page = (await anybody.get(f"/products/{review.product_slug}")).text
    assert "Answer of Northwind Software" in plain(page)
    assert "Thank you." in page
    assert "A***" in page
    assert "Acme" not in page
    assert "<script>alert" not in page
    assert 'data-rating="40"' in page
    for path in ("/", "/products"):
        assert "★ 4.0 1 review" in plain((await anybody.get(path)).text)
    await buyer.get(f"/buyer/orders/{number}/review")
    assert "Thank you." in buyer.page
    assert "Hand in" not in buyer.page


async def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    enter: Enter, reviewing: Reviewing, world: World
) -> None:
    number, buyer = await reviewing.bought(), await enter(world.buyer)
    assert await say(buyer, number, text="y" * 2001, named="1") == 422
    assert "Choose one to five stars." in buyer.page
    assert "Write at most 2000 characters." in buyer.page
    assert "y" * 2001 in buyer.page
    assert re.search(r'name="named"[^>]* checked', buyer.page)
    for wrong in ("0", "6", "x", "²", "-1", "11"):
        assert await say(buyer, number, rating=wrong) == 422


async def test_a_form_sent_twice_is_one_review(enter: Enter, reviewing: Reviewing, world: World, shop: Shop) -> None:
    number, buyer = await reviewing.bought(), await enter(world.buyer)
    path = f"/buyer/orders/{number}/review"
    await buyer.get(path)
    form = buyer.form(path) | {"rating": "3"}
    for _ in range(2):
        assert (await buyer.post(path, **form)).status_code == 200
    assert await shop.sql("SELECT version FROM reviews") == [(1,)]


async def test_a_review_decided_meanwhile_is_told_with_what_was_typed(
    enter: Enter, reviewing: Reviewing, world: World
) -> None:
    number, buyer = await reviewing.bought(), await enter(world.buyer)
    await say(buyer, number, rating="3")
    await buyer.get(f"/buyer/orders/{number}/review")
    colleague = await enter(world.buyer_member)
    await say(colleague, number, rating="2", text="From a colleague.")
    answer = await buyer.send(f"/buyer/orders/{number}/review", rating="1", text="Mine.")
    assert answer.status_code == 409
    assert "changed in the meantime" in buyer.page
    assert "From a colleague." in buyer.page
    assert "Mine." in buyer.page
    await buyer.send(f"/buyer/orders/{number}/review", rating="1", text="Mine.")
    assert (await of(reviewing, number)).text == "Mine."


async def test_a_rejected_one_says_why_and_is_written_anew_or_withdrawn(
    enter: Enter, reviewing: Reviewing, world: World
) -> None:
    number, buyer, operator = await reviewing.bought(), await enter(world.buyer), await enter(world.operator)
    await say(buyer, number, rating="1", text="Ask for Mr. Wang!")
    review = await of(reviewing, number)
    reject = f"/operator/reviews/{review.id}/reject"
    answer = await operator.send(reject, at="/operator/reviews", why=" ")
    assert answer.status_code == 422
    assert "This must not be empty." in operator.page
    await operator.send(reject, why="Please name nobody.")
    await buyer.get(f"/buyer/orders/{number}/review")
    assert "Please name nobody." in buyer.page
    await say(buyer, number, rating="1", text="Ask for somebody else!")
    assert (await of(reviewing, number)).state == "waiting"
    withdraw = f"/buyer/orders/{number}/review/withdraw"
    await buyer.send(withdraw, at=f"/buyer/orders/{number}/review")
    assert "The review is withdrawn." in buyer.page
    assert (await of(reviewing, number)).state == "withdrawn"
    assert "Write a review" in (await buyer.get(f"/buyer/orders/{number}")).text


async def test_a_moderator_who_saw_an_older_version_is_shown_the_new_one(
    enter: Enter, reviewing: Reviewing, world: World
) -> None:
    review = await reviewing.write(await reviewing.bought(), Wording(5, "Old words."))
    operator = await enter(world.operator)
    await operator.get("/operator/reviews")
    await reviewing.write(review.order_number, Wording(1, "New words."), 1)
    answer = await operator.send(f"/operator/reviews/{review.id}/publish")
    assert answer.status_code == 409
    assert "changed in the meantime" in operator.page
    assert "New words." in operator.page
    await operator.send(f"/operator/reviews/{review.id}/publish")
    assert (await reviewing.review(review.id)).state == "published"


async def test_the_seller_narrows_its_list_by_address(enter: Enter, reviewing: Reviewing, world: World) -> None:
    one, two = await reviewing.published(Wording(5)), await reviewing.published(Wording(2))
    await reviewing.answer(one)
    seller = await enter(world.seller)
    for query, found in {
        "rating=5": [one],
        "answered=no": [two],
        f"product={two.product_id}": [two],
        f"order={one.order_number}": [one],
        "rating=2&answered=yes": [],
        "product=nonsense&rating=9": [two, one],
    }.items():
        await seller.get(f"/seller/reviews?{query}")
        assert sorted(REVIEWS.findall(seller.page)) == sorted(row.order_number for row in found), query
    await (await enter(world.other_seller)).get("/seller/reviews")


async def test_an_answer_that_is_empty_comes_back_beside_its_review(
    enter: Enter, reviewing: Reviewing, world: World
) -> None:
    review, seller = await reviewing.published(), await enter(world.seller)
    answer = await seller.send(f"/seller/reviews/{review.id}/answer", at="/seller/reviews", text=" ")
    assert answer.status_code == 422
    assert "This must not be empty." in seller.page
    assert REVIEWS.findall(seller.page) == [review.order_number]


async def test_sellers_hear_nothing_of_what_is_not_published(enter: Enter, reviewing: Reviewing, world: World) -> None:
    review = await reviewing.write(await reviewing.bought(), Wording(1, "Bad."))
    await reviewing.reject(review, "Rude.")
    seller = await enter(world.seller)
    for path in (f"/seller/orders/{review.order_number}", "/seller/reviews"):
        assert "eview not published" not in (await seller.get(path)).text
        assert "Rude." not in seller.page
        assert "Bad." not in seller.page
    buyer, operator = await enter(world.buyer), await enter(world.operator)
    assert "Reason: Rude." in (await buyer.get(f"/buyer/orders/{review.order_number}")).text
    assert "Olivia" not in buyer.page
    assert "Reason: Rude." in (await operator.get(f"/operator/orders/{review.order_number}")).text


async def test_a_products_reviews_have_pages_of_their_own(enter: Enter, reviewing: Reviewing, shop: Shop) -> None:
    price = await reviewing.price()
    for _ in range(11):
        review = await reviewing.published(Wording(5), price)
    anybody = await enter()
    page = await anybody.get(f"/products/{review.product_slug}?quantity=1")
    assert len(STARS.findall(page.text)) == 10
    (older,) = re.findall(r'href="([^"]+)" rel="next"', page.text)
    assert "quantity=1" in older
    page = await anybody.get(unescape(older).removesuffix("#reviews"))
    assert len(STARS.findall(page.text)) == 1
    assert (await anybody.get(f"/products/{review.product_slug}?after=nonsense")).status_code == 422


async def test_an_application_leads_to_its_review(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    buyer = await enter(world.buyer, "zh")
    await buyer.get(f"/buyer/applications/{(await shop.instance(number)).id}")
    assert f'href="/buyer/orders/{number}/review"' in buyer.page
    assert "撰写评价" in buyer.page


async def test_an_order_that_is_not_completed_has_no_review(enter: Enter, shop: Shop, world: World) -> None:
    number, buyer = await shop.buy(), await enter(world.buyer)
    assert f"{number}/review" not in (await buyer.get(f"/buyer/orders/{number}")).text
    assert (await buyer.get(f"/buyer/orders/{number}/review")).status_code == 409


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_the_lists_are_written_in_both_languages(
    enter: Enter, reviewing: Reviewing, world: World, locale: str
) -> None:
    await reviewing.published(Wording(5, "好"))
    await reviewing.write(await reviewing.bought(), Wording(2))
    await reviewing.bought()
    for actor, path in (
        (world.buyer, "/buyer/reviews"),
        (world.seller, "/seller/reviews"),
        (world.operator, "/operator/reviews"),
        (world.operator, "/operator/reviews?state=published"),
    ):
        page = await (await enter(actor, locale)).get(path)
        assert page.status_code == 200
        assert STARS.findall(page.text)
