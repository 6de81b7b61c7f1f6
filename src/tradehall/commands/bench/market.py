"""A small marketplace for the orders to happen in."""

from uuid import UUID

import msgspec

from tradehall.catalog import actions as catalog
from tradehall.commands.bench.rig import ACCESS_KEY
from tradehall.installation import Installation
from tradehall.kernel.journal import SYSTEM, Actor
from tradehall.parties import actions as parties
from tradehall.parties import queries as people

SELLERS = (("Northwind Software", "北风软件"), ("Jade River Data", "玉河数据"), ("Lantern Cloud", "灯笼云"))
PRODUCTS = (
    ("Team Board", "团队看板", "collaboration"),
    ("Ledger Desk", "账务台", "finance"),
    ("Service Line", "客服专线", "customer_service"),
    ("Data Loom", "数据织机", "data"),
)
PRODUCTS_PER_SELLER = len(PRODUCTS)


class Buyer(msgspec.Struct, frozen=True):
    """Someone who buys, and the token they do it with."""

    actor: Actor
    token: str


class Market(msgspec.Struct, frozen=True):
    """Who buys, who sells, and what there is to buy (ids of prices; a seller's are next to each other)."""

    buyers: list[Buyer]
    sellers: list[Buyer]
    prices: list[UUID]


async def build(opened: Installation, address: str, buyers: int, sellers_wanted: int = len(SELLERS)) -> Market:
    """Sellers, whose server is at `address`, with four products each, and companies with one person each."""
    sellers, prices = [], []
    unnamed = [(f"Seller {number}", f"卖家{number}") for number in range(len(SELLERS) + 1, sellers_wanted + 1)]
    for name_en, name_zh in [*SELLERS, *unnamed][:sellers_wanted]:
        seller = await _company(opened, "seller", name_en, name_zh)
        sellers.append(seller)
        assert seller.actor.organisation_id
        prices += await _products(opened, seller.actor.organisation_id, name_en, address)
    bought_by = [await _company(opened, "buyer", f"Buyer {number}", f"买家{number}") for number in range(1, buyers + 1)]
    return Market(bought_by, sellers, prices)


async def _company(opened: Installation, kind: str, name_en: str, name_zh: str) -> Buyer:
    async with opened.db.transaction(SYSTEM) as tx:
        organisation = await parties.create_organisation(
            tx, "seller" if kind == "seller" else "buyer", name_en, name_zh
        )
        email = f"{name_en.lower().replace(' ', '.')}@bench.example"
        person = await parties.create_person(tx, email=email, name=f"Li {name_en}", password="bench-password-1")
        await parties.add_member(tx, organisation, person, "admin")
        (seat,) = await people.seats_of_person(tx, person)
        _, token = await parties.create_token(tx, seat, "bench")
    return Buyer(Actor(kind, person, organisation, "admin", seat.name), token)


async def _products(opened: Installation, seller_id: UUID, seller: str, address: str) -> list[UUID]:
    prices = []
    async with opened.db.transaction(SYSTEM) as tx:
        endpoint = await catalog.create_endpoint(
            tx,
            opened.seal,
            seller_id=seller_id,
            interface_class="basic",
            name="production",
            address=address,
            access_key=ACCESS_KEY,
        )
        for name_en, name_zh, category in PRODUCTS:
            product = await catalog.create_product(
                tx,
                seller_id=seller_id,
                endpoint_id=endpoint,
                slug=f"{seller} {name_en}".lower().replace(" ", "-"),
                category=category,
                name_en=name_en,
                name_zh=name_zh,
                summary_en="For teams of every size.",
                summary_zh="适合各种规模的团队。",
            )
            sku = await catalog.add_sku(tx, product_id=product, name_en="Standard", name_zh="标准版")
            price = await catalog.add_price(
                tx,
                product_id=product,
                sku_id=sku,
                charging_mode="PERIOD",
                amount_minor=9900,
                currency="CNY",
                period_type="month",
            )
            await catalog.put_on_sale(tx, seller_id=seller_id, product_id=product, version=1)
            prices.append(price)
    return prices
