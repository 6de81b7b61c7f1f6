"""Reviews as programs use them."""

from typing import Any

import pytest
from tests.api.conftest import As, Client
from tests.reviewing import Reviewing
from tests.world import Shop, World

from tradehall.reviews.model import Wording

API = "/api/v1"


@pytest.fixture
def reviewing(shop: Shop) -> Reviewing:
    return Reviewing(shop)


async def test_one_is_written_published_answered_and_read_by_everybody(
    client: Client, as_: As, reviewing: Reviewing, world: World
) -> None:
    number = await reviewing.bought()
    buyer, seller, operator = [await as_(who) for who in (world.buyer, world.seller, world.operator)]
    place = f"{API}/orders/{number}/review"
    body = {"rating": 4, "text": "Fine.", "named": False}
    for _ in range(2):
        written = await client.put(place, json=body, headers={**buyer, "Idempotency-Key": "one"})
        assert written.status_code == 200
    review = written.json()
    assert (review["state"], review["version"], review["buyer_name_en"]) == ("waiting", 1, "Acme Trading")
    assert (await client.get(place, headers=seller)).json()["code"] == "review_not_found"
    assert (await client.get(place, headers=buyer)).json() == review

    (waiting,) = (await client.get(f"{API}/operator/reviews/waiting", headers=operator)).json()["items"]
    decide = f"{API}/operator/reviews/{waiting['id']}"
    refused = await client.post(f"{decide}/publish", json={"seen": 7}, headers=operator)
    assert (refused.status_code, refused.json()["code"]) == (409, "review_changed")
    published = await client.post(f"{decide}/publish", json={"seen": 1}, headers=operator)
    assert published.json()["state"] == "published"
    answered = await client.post(
        f"{API}/seller/reviews/{review['id']}/answer", json={"text": "Thanks.", "seen": 0}, headers=seller
    )
    assert answered.json()["answer"] == "Thanks."

    told = (await client.get(f"{API}/products/{review['product_slug']}/reviews")).json()
    assert told["rating"] == {"average": 4.0, "count": 1, "stars": [0, 0, 0, 1, 0]}
    (public,) = told["items"]
    assert public["by_name_en"] == "A***"
    assert public["answer"] == "Thanks."
    assert public.keys() == {
        "id", "rating", "text", "by_name_en", "by_name_zh", "named", "written_at", "answer", "answered_at"
    }  # fmt: skip
    rows = (await client.get(f"{API}/products")).json()["items"]
    ratings = {row["slug"]: row["rating"] for row in rows}
    assert ratings[review["product_slug"]] == told["rating"]
    assert ratings[world.slug] == {"average": None, "count": 0, "stars": [0, 0, 0, 0, 0]}
    product = (await client.get(f"{API}/products/{review['product_slug']}")).json()
    assert product["rating"] == told["rating"]

    events = (await client.get(f"{API}/orders/{number}/timeline", headers=seller)).json()["events"]
    kinds = [one["kind"] for one in events if one["kind"].startswith("review.")]
    assert kinds == ["review.published", "review.answered"]
    events = (await client.get(f"{API}/orders/{number}/timeline", headers=buyer)).json()["events"]
    (facts,) = [one["facts"] for one in events if one["kind"] == "review.published"]
    assert facts == {"rating": 4}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"rating": 0}, ["rating"]),
        ({"rating": 6, "text": "x" * 2001}, ["rating", "text"]),
        ({"rating": "5"}, ["rating"]),
        ({"rating": 4.5}, ["rating"]),
        ({"rating": 5, "text": "a\u0000b"}, ["text"]),
        ({"rating": 5, "stars": 5}, ["stars"]),
        ({"text": "no stars"}, ["rating"]),
    ],
)
async def test_bad_input_is_named(
    client: Client, as_: As, reviewing: Reviewing, world: World, body: dict[str, Any], fields: list[str]
) -> None:
    number = await reviewing.bought()
    answer = await client.put(f"{API}/orders/{number}/review", json=body, headers=await as_(world.buyer))
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == fields


async def test_what_is_refused_has_a_stable_code(
    client: Client, as_: As, reviewing: Reviewing, shop: Shop, world: World
) -> None:
    buyer, seller, operator = [await as_(who) for who in (world.buyer, world.seller, world.operator)]
    unfinished = await shop.buy()
    review = await reviewing.published()
    write, decide = f"{API}/orders/{review.order_number}/review", f"{API}/operator/reviews/{review.id}"
    cases: list[tuple[str, str, dict[str, Any], dict[str, str], int, str]] = [
        ("PUT", f"{API}/orders/{unfinished}/review", {"rating": 5}, buyer, 409, "order_not_reviewable"),
        ("PUT", write, {"rating": 5}, buyer, 409, "review_exists"),
        ("PUT", write, {"rating": 5, "seen": 1}, buyer, 409, "review_moved_on"),
        ("PUT", write, {"rating": 5, "seen": 3}, buyer, 409, "review_changed"),
        ("POST", f"{write}/withdraw", {"seen": 1}, buyer, 409, "review_moved_on"),
        ("POST", f"{decide}/reject", {"seen": 1, "why": "Late."}, operator, 409, "review_moved_on"),
        ("POST", f"{decide}/remove-answer", {"seen": 0, "why": "None."}, operator, 409, "nothing_answered"),
        ("POST", f"{API}/seller/reviews/{review.id}/answer", {"text": ""}, seller, 422, "invalid"),
        ("POST", f"{API}/seller/reviews/{review.id}/answer", {"text": "x", "seen": 4}, seller, 409, "answer_changed"),
    ]
    for method, path, body, who, status, code in cases:
        answer = await client.request(method, path, json=body, headers=who)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


async def test_a_list_is_narrowed_by_its_query(client: Client, as_: As, reviewing: Reviewing, world: World) -> None:
    one, two = await reviewing.published(Wording(5)), await reviewing.published(Wording(2))
    await reviewing.answer(one)
    operator = await as_(world.operator)
    for query, found in {
        "rating=5": [one],
        "answered=false": [two],
        f"product_id={two.product_id}": [two],
        "state=rejected": [],
    }.items():
        rows = (await client.get(f"{API}/reviews?{query}", headers=operator)).json()["items"]
        assert [row["id"] for row in rows] == [str(review.id) for review in found]
    assert (await client.get(f"{API}/reviews?rating=6", headers=operator)).status_code == 422
