"""Two sellers, one of each generation of the protocol, what they sell, and the companies that buy it."""

from typing import Literal
from uuid import UUID

import msgspec

from tradehall.catalog import actions as catalog
from tradehall.catalog.rules import add_upgrade_rule
from tradehall.commands.soak.rig import Rig
from tradehall.installation import Installation
from tradehall.kernel.db import Tx
from tradehall.kernel.journal import SYSTEM
from tradehall.parties import actions as parties
from tradehall.parties import queries as people

KEYS = {"v1": "soak-access-key-of-v1", "v2": "soak-access-key-of-v2"}


class Goods(msgspec.Struct, frozen=True):
    """What a seller sells: by the month and by the year, and what it may be upgraded to."""

    month: UUID
    year: UUID
    upgrade: UUID


class Market(msgspec.Struct, frozen=True):
    """Who buys, by token; and what there is to buy."""

    tokens: list[str]
    goods: list[Goods]


async def build(rig: Rig, buyers: int) -> Market:
    """Writes the marketplace into the rig's database."""
    addresses = {generation: f"http://127.0.0.1:{port}/produce" for generation, port in rig.seller_ports.items()}
    async with (
        Installation(rig.settings, rig.postgres.dsn, listening=False) as opened,
        opened.db.transaction(SYSTEM) as tx,
    ):
        tokens = await _buyers(tx, buyers)
        goods = [
            await _seller(tx, opened, "v1", addresses["v1"]),
            await _seller(tx, opened, "v2", addresses["v2"]),
        ]
    return Market(tokens, goods)


async def _buyers(tx: Tx, number: int) -> list[str]:
    """Companies; one person acts for all of them, because a password takes long to hash."""
    person = await parties.create_person(tx, email="li@soak.example", name="Li Soak", password="soak-password-1")
    for one in range(1, number + 1):
        organisation = await parties.create_organisation(tx, "buyer", f"Buyer {one}", f"买家{one}")
        await parties.add_member(tx, organisation, person, "admin")
    return [(await parties.create_token(tx, seat, "soak"))[1] for seat in await people.seats_of_person(tx, person)]


async def _seller(tx: Tx, opened: Installation, generation: Literal["v1", "v2"], address: str) -> Goods:
    seller = await parties.create_organisation(tx, "seller", f"Seller {generation}", f"商家{generation}")
    endpoint = await catalog.create_endpoint(
        tx,
        opened.seal,
        seller_id=seller,
        interface_class="basic",
        name="production",
        address=address,
        access_key=KEYS[generation],
        generation="V1" if generation == "v1" else "V2",
        # So that a call that comes late is told from a newer one.
        revisions=generation == "v2",
    )
    product = await catalog.create_product(
        tx,
        seller_id=seller,
        endpoint_id=endpoint,
        slug=f"suite-{generation}",
        category="collaboration",
        name_en=f"Suite {generation}",
        name_zh=f"套件 {generation}",
        summary_en="For teams of every size.",
        summary_zh="适合各种规模的团队。",
    )
    standard = await catalog.add_sku(tx, product_id=product, name_en="Standard", name_zh="标准版")
    pro = await catalog.add_sku(tx, product_id=product, name_en="Pro", name_zh="专业版")
    month = await _price(tx, product, standard, 9_900, "month")
    year = await _price(tx, product, standard, 99_000, "year")
    await _price(tx, product, pro, 19_900, "month")
    await _price(tx, product, pro, 199_000, "year")
    await add_upgrade_rule(tx, seller_id=seller, product_id=product, from_sku_id=standard, to_sku_id=pro)
    await catalog.put_on_sale(tx, seller_id=seller, product_id=product, version=1)
    return Goods(month, year, pro)


async def _price(tx: Tx, product: UUID, sku: UUID, amount: int, period: Literal["month", "year"]) -> UUID:
    return await catalog.add_price(
        tx,
        product_id=product,
        sku_id=sku,
        charging_mode="PERIOD",
        amount_minor=amount,
        currency="CNY",
        period_type=period,
    )
