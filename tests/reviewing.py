"""What the three sides do with reviews, each in a transaction of its own, as the API and the pages run it."""

from uuid import UUID

from tests.supervised import Supervised
from tests.world import Shop

from tradehall.kernel.journal import Actor
from tradehall.reviews import actions, queries
from tradehall.reviews.model import Rating, Review, Wording

PLATFORM = Actor("platform")
GOOD = Wording(4, "It does what it says.")


class Reviewing:
    """The verbs of reviews, on orders that are completed as soon as they are paid."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.world = shop.world
        self.db = shop.installation.db

    async def price(self) -> UUID:
        """Puts a product on sale that is completed at payment, by the first seller."""
        return await Supervised(self.shop).price("image")

    async def bought(self, price: UUID | None = None, *, by: Actor | None = None) -> str:
        """A completed order; returns its number."""
        number = await Supervised(self.shop).place(price or await self.price(), by=by)
        await self.shop.pay(number, by=by)
        return number

    async def write(self, number: str, wording: Wording = GOOD, seen: int = 0, *, by: Actor | None = None) -> Review:
        async with self.db.transaction(by or self.world.buyer, request_id="review") as tx:
            review_id = await actions.write(tx, number, wording, seen)
        return await self.review(review_id)

    async def withdraw(self, number: str, seen: int = 1, *, by: Actor | None = None) -> None:
        async with self.db.transaction(by or self.world.buyer, request_id="review") as tx:
            await actions.withdraw(tx, number, seen)

    async def publish(self, review: Review, *, by: Actor | None = None) -> None:
        async with self.db.transaction(by or self.world.operator, request_id="review") as tx:
            await actions.publish(tx, review.id, review.version)

    async def reject(self, review: Review, why: str = "Names a person.", *, by: Actor | None = None) -> None:
        async with self.db.transaction(by or self.world.operator, request_id="review") as tx:
            await actions.reject(tx, review.id, review.version, why)

    async def take_down(self, review: Review, why: str = "Names a person.", *, by: Actor | None = None) -> None:
        async with self.db.transaction(by or self.world.operator, request_id="review") as tx:
            await actions.take_down(tx, review.id, review.version, why)

    async def answer(
        self, review: Review, text: str = "Thank you.", seen: int | None = None, *, by: Actor | None = None
    ) -> None:
        change_for = self.shop.installation.settings.review_answer_change
        async with self.db.transaction(by or self.world.seller, request_id="review") as tx:
            await actions.answer(tx, review.id, text, review.answer_version if seen is None else seen, change_for)

    async def remove_answer(self, review: Review, *, by: Actor | None = None) -> None:
        async with self.db.transaction(by or self.world.operator, request_id="review") as tx:
            await actions.remove_answer(tx, review.id, review.answer_version, "Names a person.")

    async def published(self, wording: Wording = GOOD, price: UUID | None = None) -> Review:
        """A review that everybody reads, of a new order."""
        review = await self.write(await self.bought(price), wording)
        await self.publish(review)
        return await self.review(review.id)

    async def review(self, review_id: UUID, viewer: Actor | None = None) -> Review:
        async with self.db.read() as reader:
            found = await queries.review(reader, viewer or PLATFORM, review_id)
        assert found
        return found

    async def rating(self, product_id: UUID) -> Rating:
        async with self.db.read() as reader:
            return await queries.rating_of(reader, product_id)
