"""Who is told of reviews, and where that leads."""

from tests.notices.conftest import Inbox
from tests.reviewing import Reviewing
from tests.world import Shop, World

from tradehall.reviews.model import Wording


async def test_everybody_hears_what_concerns_them(shop: Shop, inbox: Inbox, world: World) -> None:
    reviewing = Reviewing(shop)
    number = await reviewing.bought()
    review = await reviewing.write(number, Wording(2, "Slow."))
    (told,) = await inbox.of(world.operator)
    assert (told.kind, told.link) == ("review_waiting", f"/operator/reviews?order={number}")
    assert await inbox.kinds(world.seller) == await inbox.kinds(world.buyer) == []
    await reviewing.write(number, Wording(3, "Slow at times."), 1)
    assert await inbox.kinds(world.operator_member) == ["review_waiting"], "a change is no second message"

    await reviewing.reject(await reviewing.review(review.id), "Please say more.")
    (told,) = await inbox.of(world.buyer_member)
    assert (told.kind, told.link) == ("review_rejected", f"/buyer/orders/{number}/review")
    assert (await inbox.last(world.buyer)).body.endswith("Reason: Please say more.")
    assert await inbox.kinds(world.seller) == []

    again = await reviewing.write(number, Wording(3, "Slow at times, but it works."), 2)
    await reviewing.publish(again)
    (told,) = await inbox.of(world.seller)
    assert (told.kind, told.link) == ("review_published", f"/seller/reviews?order={number}")
    assert (await inbox.last(world.seller)).title.endswith("has a new review: 3 of 5 stars")
    assert (await inbox.last(world.seller, "zh")).title.endswith("有一条新评价：3 星（满分 5 星）")

    await reviewing.answer(again)
    assert sorted(await inbox.kinds(world.buyer)) == ["review_answered", "review_rejected"]
    await reviewing.remove_answer(await reviewing.review(review.id))
    assert "review_answer_removed" in await inbox.kinds(world.seller)
    await reviewing.take_down(await reviewing.review(review.id))
    assert "review_taken_down" in await inbox.kinds(world.buyer)
    mailed = {row[0] for row in await shop.sql("SELECT DISTINCT n.kind FROM notice_sendings s JOIN notices n ON "
                                               "n.id = s.notice_id")}  # fmt: skip
    assert "review_waiting" not in mailed
    assert {"review_published", "review_rejected", "review_answered"} <= mailed
