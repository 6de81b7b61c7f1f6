"""The marketplace that is simulated: six sellers of every kind there is, twenty buyers, an operator."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import structs

from tradehall.catalog import actions as catalog
from tradehall.commands.simulate import made
from tradehall.commands.simulate.made import Service
from tradehall.kernel import ids
from tradehall.kernel.clock import Clock
from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import Actor
from tradehall.kernel.secrets import Seal
from tradehall.parties import actions as parties
from tradehall.parties.model import OrganisationKind, Track
from tradehall.protocols.requests import Encryption, Generation
from tradehall.settings import Settings
from tradehall.trading.model import Gateway, PaymentIntent, Receipt

# When it is made; and when each marketplace begins, in turn: today, under the rule of a year, and shortly
# before the flows changed.
BEGINNING = datetime(2023, 1, 9, 1, 0, tzinfo=UTC)
ERAS = (
    datetime(2026, 3, 2, 1, 0, tzinfo=UTC),
    datetime(2023, 2, 20, 1, 0, tzinfo=UTC),
    datetime(2024, 9, 10, 1, 0, tzinfo=UTC),
    datetime(2025, 3, 22, 1, 0, tzinfo=UTC),
)
BUYERS = 20
# Of the first buyers; the others are in none.
TRACKS: tuple[Track, ...] = ("empowerment", "base", "empowerment", "base")
TRIAL_DAYS = 14
# Part of what services cost: above it a second person looks at what the marketplace decides.
SECOND_LOOK_ABOVE = 60_000
_KEY = "simulated-access-key-{name}"
_GENERAL_KEY = "simulated-general-key-{name}"


class SellerKind(msgspec.Struct, frozen=True):
    """What a seller's server understands."""

    name: str
    generation: Generation = "V2"
    encryption: Encryption = "AES256"
    revisions: bool = False
    asks_contact: bool = False
    hears_of_orders: bool = False

    @property
    def key(self) -> str:
        return _KEY.format(name=self.name)

    @property
    def general_key(self) -> str:
        return _GENERAL_KEY.format(name=self.name)

    @property
    def host(self) -> str:
        return f"{self.name}.seller.example"


SELLERS = (
    SellerKind("plain"),
    SellerKind("revised", revisions=True),
    SellerKind("old", "V1"),
    SellerKind("older", "V1", "AES128", asks_contact=True),
    SellerKind("informed", revisions=True, hears_of_orders=True),
    SellerKind("second"),
)


class Price(msgspec.Struct, frozen=True):
    """A way to buy something; `quantity` is the least that is sold, `step` by how much more."""

    id: UUID
    sku: UUID
    amount_minor: int
    mode: str
    period: str | None = None
    quantity: int = 1
    step: int = 0


class Goods(msgspec.Struct, frozen=True):
    """What a seller sells: one product in three specifications. `team` may be expanded and `standard` become `pro`."""

    seller_id: UUID
    endpoint_id: UUID
    version: int
    monthly: Price
    yearly: Price
    once: Price
    by_use: Price
    pro_monthly: Price
    team_monthly: Price

    @property
    def prices(self) -> tuple[Price, ...]:
        return (self.monthly, self.yearly, self.once, self.by_use, self.pro_monthly, self.team_monthly)


class Market(msgspec.Struct, frozen=True):
    """Who is there, and what there is to buy (by seller, in the order of SELLERS). Besides the operator there are a
    second one, who confirms decisions, and a partial one, who works for all sellers as well."""

    operator: Actor
    second: Actor
    partial: Actor
    buyers: tuple[Actor, ...]
    sellers: tuple[Actor, ...]
    goods: tuple[Goods, ...]
    services: tuple[Service, ...]


def begins(number: int) -> datetime:
    """When the marketplace of this number begins."""
    return ERAS[(number - 1) % len(ERAS)]


def settings() -> Settings:
    """Those of the simulated installation.

    Leases last in the machine's time, so they are made never to end by themselves: the simulation ends them. Calls are
    repeated less often within their windows, which changes how often something happens and not what.
    """
    return Settings(
        mode="sandbox",
        secret_key="what the simulated marketplace seals with",
        pool_size=1,
        seller_concurrency=1000,
        call_lease=timedelta(days=1),
        query_first_pause=timedelta(minutes=1),
        query_longest_pause=timedelta(minutes=30),
        new_instance_interval=timedelta(minutes=30),
        renew_interval=timedelta(minutes=15),
        change_interval=timedelta(minutes=30),
        check_interval=timedelta(minutes=3),
        status_interval=timedelta(minutes=15),
        release_interval=timedelta(minutes=15),
        notify_interval=timedelta(minutes=45),
        circuit_pause=timedelta(minutes=5),
        circuit_longest_pause=timedelta(hours=1),
        renewal_retry=timedelta(hours=12),
        second_look_above=SECOND_LOOK_ABOVE,
    )


class SeededIds(ids.Source):
    """Ids that are the same whenever the same simulation runs."""

    def __init__(self, seed: str, clock: Clock) -> None:
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._clock = clock

    def random(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def milliseconds(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


class Till(msgspec.Struct):
    """The gateway's side of the money: what it collected and what it gave back, by key. `declining`: out of order."""

    collected: dict[str, int] = {}
    given_back: dict[str, int] = {}
    references: dict[str, str] = {}
    declining: bool = False


class CountedGateway(Gateway):
    """The test gateway with books of its own: a repeat with the same key takes or returns nothing more."""

    name = "test"

    def __init__(self, gateway: Gateway, till: Till) -> None:
        self._gateway = gateway
        self.till = till

    async def collect(self, intent: PaymentIntent) -> Receipt:
        instrument = "declined_card" if self.till.declining else intent.instrument
        receipt = await self._gateway.collect(msgspec.structs.replace(intent, instrument=instrument))
        self.till.collected.setdefault(receipt.reference, intent.amount_minor)
        return receipt

    async def give_back(self, key: str, reference: str, amount_minor: int, currency: str) -> Receipt:
        receipt = await self._gateway.give_back(key, reference, amount_minor, currency)
        if key not in self.till.references:
            self.till.references[key] = receipt.reference
            self.till.given_back[reference] = self.till.given_back.get(reference, 0) + amount_minor
        return receipt


async def furnish(tx: Tx, seal: Seal) -> Market:
    """Creates the marketplace."""
    platform = await parties.create_organisation(tx, "platform", "Tradehall", "云商厅")
    people = _People(tx)
    operator = await people.add("platform", platform)
    second = await people.one("second", platform)
    buyers, sellers, goods = [], [], []
    for number in range(1, BUYERS + 1):
        organisation = await parties.create_organisation(tx, "buyer", f"Buyer {number}", f"买家{number}")
        buyers.append(await people.add("buyer", organisation))
    for kind in SELLERS:
        organisation = await parties.create_organisation(tx, "seller", f"Seller {kind.name}", f"商家 {kind.name}")
        sellers.append(await people.add("seller", organisation))
        goods.append(await _goods(tx, seal, kind, organisation))
    partial = structs.replace(operator, person_id=sellers[0].person_id, name="Li partial")
    assert partial.person_id
    await parties.add_member(tx, platform, partial.person_id, "member")
    for buyer, track in zip(buyers, TRACKS, strict=False):
        assert buyer.organisation_id
        await parties.set_track(tx, buyer.organisation_id, track)
    services = await made.furnish(tx, [one.seller_id for one in goods])
    return Market(operator, second, partial, tuple(buyers), tuple(sellers), tuple(goods), services)


class _People:
    """One person acts for all organisations of a kind: a password takes longer to hash than many a life."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._known: dict[OrganisationKind, UUID] = {}

    async def add(self, kind: OrganisationKind, organisation: UUID) -> Actor:
        if kind not in self._known:
            self._known[kind] = await self._create(kind)
        await parties.add_member(self._tx, organisation, self._known[kind], "admin")
        return Actor(kind, self._known[kind], organisation, "admin", f"Li {kind}")

    async def one(self, name: str, platform: UUID) -> Actor:
        """Somebody else of the platform."""
        person = await self._create(name)
        await parties.add_member(self._tx, platform, person, "member")
        return Actor("platform", person, platform, "member", f"Li {name}")

    async def _create(self, name: str) -> UUID:
        return await parties.create_person(
            self._tx, email=f"{name}@simulation.example", name=f"Li {name}", password="simulated-password-1"
        )


async def _goods(tx: Tx, seal: Seal, kind: SellerKind, seller: UUID) -> Goods:
    endpoint = await catalog.create_endpoint(
        tx,
        seal,
        seller_id=seller,
        interface_class="basic",
        name="production",
        address=f"http://{kind.host}/produce",
        access_key=kind.key,
        generation=kind.generation,
        encryption=kind.encryption,
        revisions=kind.revisions,
        asks_contact=kind.asks_contact,
    )
    if kind.hears_of_orders:
        await catalog.create_endpoint(
            tx,
            seal,
            seller_id=seller,
            interface_class="general",
            name="orders",
            address=f"http://{kind.host}/orders",
            access_key=kind.general_key,
        )
    product = await catalog.create_product(
        tx,
        seller_id=seller,
        endpoint_id=endpoint,
        slug=f"suite-{kind.name}",
        category="collaboration",
        name_en=f"Suite {kind.name}",
        name_zh=f"套件 {kind.name}",
        summary_en="For teams of every size.",
        summary_zh="适合各种规模的团队。",
    )
    standard = await catalog.add_sku(tx, product_id=product, name_en="Standard", name_zh="标准版")
    pro = await catalog.add_sku(tx, product_id=product, name_en="Pro", name_zh="专业版")
    team = await catalog.add_sku(
        tx, product_id=product, name_en="Team", name_zh="团队版", quantity_name_en="Seats", quantity_name_zh="席位",
        quantity_min=5, quantity_max=500, quantity_step=5,
    )  # fmt: skip
    sold = _Selling(tx, product)
    goods = Goods(
        seller,
        endpoint,
        2,
        monthly=await sold.price(standard, 9_900, "PERIOD", "month"),
        yearly=await sold.price(standard, 99_900, "PERIOD", "year"),
        once=await sold.price(standard, 500_000, "ONE_TIME"),
        by_use=await sold.price(standard, 35, "ON_DEMAND"),
        pro_monthly=await sold.price(pro, 19_900, "PERIOD", "month"),
        team_monthly=await sold.price(team, 1_200, "PERIOD", "month", 5),
    )
    await sold.allow(seller, standard, pro)
    await sold.allow(seller, team, team)
    await catalog.put_on_sale(tx, seller_id=seller, product_id=product, version=1)
    return goods


class _Selling:
    """What is offered of a product."""

    def __init__(self, tx: Tx, product: UUID) -> None:
        self._tx = tx
        self._product = product

    async def price(self, sku: UUID, amount: int, mode: str, period: str | None = None, step: int = 0) -> Price:
        price = await catalog.add_price(
            self._tx,
            product_id=self._product,
            sku_id=sku,
            charging_mode=mode,  # type: ignore[arg-type]
            amount_minor=amount,
            currency="CNY",
            period_type=period,  # type: ignore[arg-type]
            unit_en="hour" if mode == "ON_DEMAND" else None,
            unit_zh="小时" if mode == "ON_DEMAND" else None,
        )
        return Price(price, sku, amount, mode, period, max(step, 1), step)

    async def allow(self, seller: UUID, before: UUID, after: UUID) -> None:
        """Lets one specification become another during a term, and the first be tried."""
        await self._tx.execute(
            """
            INSERT INTO upgrade_rules (id, seller_id, product_id, from_sku_id, to_sku_id, created_at)
            VALUES (%(id)s, %(seller)s, %(product)s, %(before)s, %(after)s, %(now)s)
            """,
            {
                "id": new_id(),
                "seller": seller,
                "product": self._product,
                "before": before,
                "after": after,
                "now": self._tx.now,
            },
        )
        if before != after:
            await self._tx.execute(
                "UPDATE skus SET trial_days = %(days)s WHERE id = %(sku)s", {"days": TRIAL_DAYS, "sku": before}
            )
