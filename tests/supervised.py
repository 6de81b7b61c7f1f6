"""Products that people deliver, and what the three sides do with orders of them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from tests.world import Shop

from tradehall.catalog import actions as catalog
from tradehall.catalog.delivery import deliveries
from tradehall.installation import Installation
from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM, Actor
from tradehall.supervision import evidence, queries
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Verb
from tradehall.supervision.flows import all_flows
from tradehall.supervision.model import Held
from tradehall.trading import actions as trading
from tradehall.trading.model import Recipient

RECIPIENT = Recipient("Wang Fang", "+86 138 0000 0000", "1 Harbour Road, Shenzhen")
# An answer for each kind of field that has no files.
ANSWERS: dict[str, Any] = {
    "text": "Something",
    "note": "Something said at more length.",
    "url": "https://app.example.com/",
    "secret": "s3cret-word",
    "phone": "+86 138 1111 1111",
    "flag": True,
    "money": 40_000,
}
OVER = {"tracking_number": "TEST-2-0001", "courier": "test"}


class Supervised:
    """A shop's products by delivery type, sold by the first seller, and the acts on their orders."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.installation: Installation = shop.installation

    async def price(self, delivery_type: str, **product: Any) -> UUID:
        """Puts a product of this delivery type on sale for 1,000.00 and returns its price."""
        seller = self.shop.world.seller.organisation_id
        assert seller
        mode = "PERIOD" if product.pop("by_month", False) else "ONE_TIME"
        async with self.installation.db.transaction(SYSTEM) as tx:
            endpoint = self.shop.world.endpoint if delivery_type == "saas" else None
            slug = f"{delivery_type.replace('_', '-')}-{new_id().hex[-8:]}"
            product_id = await catalog.create_product(
                tx, seller_id=seller, endpoint_id=endpoint, slug=slug, category="industry", name_en=f"A {slug}",
                name_zh=f"{slug}商品", summary_en="What it is", summary_zh="是什么", delivery_type=delivery_type,
                **product,
            )  # fmt: skip
            sku = await catalog.add_sku(tx, product_id=product_id, name_en="Standard", name_zh="标准版")
            price = await catalog.add_price(
                tx, product_id=product_id, sku_id=sku, charging_mode=mode, amount_minor=100_000, currency="CNY",
                period_type="month" if mode == "PERIOD" else None,
            )  # fmt: skip
            await catalog.put_on_sale(tx, seller_id=seller, product_id=product_id, version=1)
        return price

    async def place(self, price: UUID, *, periods: int | None = None, by: Actor | None = None) -> str:
        async with self.installation.db.transaction(by or self.shop.world.buyer, request_id="place") as tx:
            placed = await trading.place(
                tx, price_id=price, quantity=1, period_number=periods, recipient=RECIPIENT,
                unpaid_ttl=self.installation.settings.unpaid_order_ttl,
            )  # fmt: skip
        return placed.number

    async def buy(self, delivery_type: str, *, periods: int | None = None, **product: Any) -> str:
        """Sells one and has it paid; returns the order's number."""
        number = await self.place(await self.price(delivery_type, by_month=periods is not None, **product),
                                  periods=periods)  # fmt: skip
        await self.shop.pay(number)
        return number

    def actor(self, side: str) -> Actor:
        world = self.shop.world
        return {"buyer": world.buyer, "seller": world.seller, "platform": world.operator}[side]

    async def flow(self, number: str) -> Held:
        async with self.installation.db.read() as reader:
            held = await queries.flow(reader, Actor("platform"), number)
        assert held
        return held

    async def hand_in(self, number: str, verb: str, field: str, *, by: Actor, content: bytes = b"evidence") -> UUID:
        """Attaches a file as a draft, as if its bytes had just been received."""
        async with self.installation.db.transaction(by, request_id="upload") as tx:
            return await evidence.attach(tx, number, verb, field, await stored(tx, by, content))

    async def act(
        self,
        number: str,
        verb: str,
        answers: Mapping[str, Any] | None = None,
        *,
        by: Actor | None = None,
        files: Sequence[str] | None = None,
        **more: Any,
    ) -> Held:
        """Does a verb with everything it asks for, or with just these answers; returns the order as it stands then."""
        held = await self.flow(number)
        found = ((stage, one) for stage in held.stages for one in stage.node.verbs if one.key == verb)
        stage, known = next(found, (None, None))
        if stage is None or known is None:
            actor = by or self.actor(held.turn or "buyer")
            wanted: Mapping[str, Any] = answers or {}
        else:
            actor = by or self.actor(stage.by(known)[0])
            wanted = await self.answers(held, known) if answers is None else answers
            for field in self.needed_files(held, known) if files is None else files:
                await self.hand_in(number, verb, field, by=actor)
        async with self.installation.db.transaction(actor, request_id="act") as tx:
            await self.installation.supervision.act(tx, number, verb, {**wanted, **more})
        return await self.flow(number)

    async def answers(self, held: Held, verb: Verb) -> dict[str, Any]:
        """Something for everything that is required, files aside."""
        given = {}
        for field in held.fields(verb):
            if field.required and field.kind == "deadline":
                given[field.key] = (self.shop.clock.now() + timedelta(days=5)).date().isoformat()
            elif field.required and field.kind == "choice":
                given[field.key] = OVER.get(field.key, field.choices[0][0])
            elif field.required and field.kind != "files" and field.kind != "date":
                given[field.key] = OVER.get(field.key, ANSWERS.get(field.kind))
        if "code" in given:
            async with self.installation.db.read() as reader:
                given["code"] = await queries.code_of(reader, held.order_id)
        return given

    def needed_files(self, held: Held, verb: Verb) -> list[str]:
        fields: list[Field] = [field for field in held.fields(verb) if field.kind == "files" and field.wanted({})]
        return [field.key for field in fields for _ in range(field.least) if not field.group]

    async def walk(self, number: str, *verbs: str) -> Held:
        for verb in verbs:
            await self.act(number, verb)
        return await self.flow(number)

    async def complete(self, number: str) -> Held:
        """Has everybody do the first thing there is to do, to the end."""
        held = await self.flow(number)
        while held.state == "open":
            held = await self.act(number, held.at.verbs[0].key)
        return held

    async def kinds(self, number: str) -> list[str]:
        return await self.shop.kinds(number)


async def stored(tx: Tx, by: Actor, content: bytes) -> UUID:
    """A row for a file whose bytes lie nowhere: for tests that never read them."""
    file_id = new_id(tx.now)
    await tx.execute(
        """
        INSERT INTO files (id, owner_id, uploaded_by, name, media_type, size, sha256, storage_key, created_at)
        VALUES (%(id)s, %(owner)s, %(person)s, 'proof.pdf', 'application/pdf', %(size)s, %(sha)s, %(key)s, %(now)s)
        """,
        {
            "id": file_id,
            "owner": by.organisation_id,
            "person": by.person_id,
            "size": len(content),
            "sha": hashlib.sha256(content).digest(),
            "key": file_id.hex,
            "now": tx.now,
        },
    )
    return file_id


SUPERVISED = sorted({flow.type for flow in all_flows()})
EVERYTHING = [one.key for one in deliveries()]
__all__ = ["EVERYTHING", "SUPERVISED", "Supervised", "msgspec"]
