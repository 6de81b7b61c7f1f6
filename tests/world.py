"""A small marketplace to test against: who is in it, what is for sale, and the sellers' servers on real sockets."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import uvicorn
from uvicorn.server import ServerState

from tradehall.catalog import actions as catalog
from tradehall.catalog import keys, rules
from tradehall.catalog.errors import KeyInUse
from tradehall.installation import Installation
from tradehall.kernel.clock import StillClock
from tradehall.kernel.db import Tx
from tradehall.kernel.journal import SYSTEM, Actor
from tradehall.kernel.worker import Worker
from tradehall.parties import actions as parties
from tradehall.parties.model import OrganisationKind, Role
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.caller import SellerCalls
from tradehall.provisioning.model import Attempt, Call, Instance
from tradehall.trading import actions as trading
from tradehall.trading import queries as orders
from tradehall.trading import subscription_queries
from tradehall.trading.model import Order
from tradehall.trading.subscriptions import Renewal
from tradehall.trading.terms import Subscription
from tradehall_seller.sample import Manner, Received, SampleSeller, SampleSellerV1

PASSWORD = "correct-horse-42"
KEY = "test-access-key-0001"
GENERAL_KEY = "test-access-key-0009"  # a key belongs to one class of interface
NOWHERE = "http://127.0.0.1:1/"
PLATFORM = Actor("platform")

# "ASGI callable returned without completing response" is what a bad seller is for.
logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)

App = Callable[[Any, Any, Any], Awaitable[None]]


class World(msgspec.Struct, frozen=True):
    """The marketplace's people as actors, its organisations and its price list. Everybody's password is `PASSWORD`.

    The first seller sells a suite of two specifications; `seats` has a quantity attribute: 5, 10, … 100 seats. The
    standard one may be tried for 14 days; it may be upgraded to seats, and seats be expanded by tens.
    """

    operator: Actor
    operator_member: Actor
    seller: Actor
    seller_member: Actor
    other_seller: Actor
    buyer: Actor
    buyer_member: Actor
    other_buyer: Actor
    emails: dict[UUID, str]
    endpoint: UUID
    other_endpoint: UUID
    product: UUID
    slug: str
    other_product: UUID
    other_slug: str
    monthly: UUID
    yearly: UUID
    seats_monthly: UUID
    seats_yearly: UUID
    standard: UUID
    seats: UUID
    one_time: UUID
    on_demand: UUID
    other_price: UUID

    @property
    def actors(self) -> dict[str, Actor]:
        return {name: value for name in self.__struct_fields__ if isinstance(value := getattr(self, name), Actor)}

    def email(self, actor: Actor) -> str:
        assert actor.person_id
        return self.emails[actor.person_id]


async def build(installation: Installation) -> World:
    """Creates the marketplace; endpoints lead nowhere until a test points them at a server."""
    async with installation.db.transaction(SYSTEM) as tx:
        people = _People(tx)
        platform = await parties.create_organisation(tx, "platform", "Tradehall", "云商厅")
        north = await parties.create_organisation(tx, "seller", "Northwind Software", "北风软件")
        lotus = await parties.create_organisation(tx, "seller", "Lotus Cloud", "莲花云")
        acme = await parties.create_organisation(tx, "buyer", "Acme Trading", "顶点贸易")
        zenith = await parties.create_organisation(tx, "buyer", "Zenith Retail", "天顶零售")
        cast = {
            "operator": await people.add("platform", platform, "Olivia Ops", "admin"),
            "operator_member": await people.add("platform", platform, "Oscar Ops", "member"),
            "seller": await people.add("seller", north, "Sam Seller", "admin"),
            "seller_member": await people.add("seller", north, "Sofia Support", "member"),
            "other_seller": await people.add("seller", lotus, "Lin Lotus", "admin"),
            "buyer": await people.add("buyer", acme, "Bea Buyer", "admin"),
            "buyer_member": await people.add("buyer", acme, "Ben Buyer", "member"),
            "other_buyer": await people.add("buyer", zenith, "Zoe Zenith", "admin"),
        }
        endpoint = await add_endpoint(tx, installation, north)
        other_endpoint = await add_endpoint(tx, installation, lotus)
        product = await _product(tx, north, endpoint, "north-suite", "Northwind Suite", "北风套件")
        standard = await catalog.add_sku(tx, product_id=product, name_en="Standard", name_zh="标准版")
        seats = await catalog.add_sku(
            tx, product_id=product, name_en="Team", name_zh="团队版", quantity_name_en="Seats",
            quantity_name_zh="席位", quantity_min=5, quantity_max=100, quantity_step=5,
        )  # fmt: skip
        price = partial(catalog.add_price, tx, product_id=product, currency="CNY")
        monthly = await price(sku_id=standard, charging_mode="PERIOD", amount_minor=9_900, period_type="month")
        yearly = await price(sku_id=standard, charging_mode="PERIOD", amount_minor=99_900, period_type="year")
        one_time = await price(sku_id=standard, charging_mode="ONE_TIME", amount_minor=500_000)
        on_demand = await price(
            sku_id=standard, charging_mode="ON_DEMAND", amount_minor=35, unit_en="hour", unit_zh="小时"
        )
        seats_monthly = await price(sku_id=seats, charging_mode="PERIOD", amount_minor=1_200, period_type="month")
        seats_yearly = await price(sku_id=seats, charging_mode="PERIOD", amount_minor=12_000, period_type="year")
        await rules.set_trial(tx, seller_id=north, product_id=product, sku_id=standard, days=14)
        rule = partial(rules.add_upgrade_rule, tx, seller_id=north, product_id=product)
        await rule(from_sku_id=standard, to_sku_id=seats)
        await rule(from_sku_id=seats, to_sku_id=seats, step_factor=2)
        await catalog.put_on_sale(tx, seller_id=north, product_id=product, version=1)
        other_product = await _product(tx, lotus, other_endpoint, "lotus-desk", "Lotus Desk", "莲花客服")
        desk = await catalog.add_sku(tx, product_id=other_product, name_en="Desk", name_zh="工作台")
        other_price = await catalog.add_price(
            tx, product_id=other_product, sku_id=desk, charging_mode="PERIOD", amount_minor=20_000, currency="CNY",
            period_type="month",
        )  # fmt: skip
        await catalog.put_on_sale(tx, seller_id=lotus, product_id=other_product, version=1)
    return World(
        **cast,
        emails=people.emails,
        endpoint=endpoint,
        other_endpoint=other_endpoint,
        product=product,
        slug="north-suite",
        other_product=other_product,
        other_slug="lotus-desk",
        monthly=monthly,
        yearly=yearly,
        seats_monthly=seats_monthly,
        seats_yearly=seats_yearly,
        standard=standard,
        seats=seats,
        one_time=one_time,
        on_demand=on_demand,
        other_price=other_price,
    )


class _People:
    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.emails: dict[UUID, str] = {}

    async def add(self, kind: OrganisationKind, organisation: UUID, name: str, role: Role) -> Actor:
        email = f"{name.lower().replace(' ', '.')}@example.com"
        person = await parties.create_person(self._tx, email=email, name=name, password=PASSWORD)
        await parties.add_member(self._tx, organisation, person, role)
        self.emails[person] = email
        return Actor(kind, person, organisation, role, name)


async def add_endpoint(
    tx: Tx, installation: Installation, seller_id: UUID | None, address: str = NOWHERE, general: bool = False
) -> UUID:
    assert seller_id
    return await catalog.create_endpoint(
        tx, installation.seal, seller_id=seller_id, interface_class="general" if general else "basic",
        name="General" if general else "Basic", address=address, access_key=GENERAL_KEY if general else KEY,
    )  # fmt: skip


async def _product(tx: Tx, seller: UUID, endpoint: UUID, slug: str, name_en: str, name_zh: str) -> UUID:
    return await catalog.create_product(
        tx, seller_id=seller, endpoint_id=endpoint, slug=slug, category="collaboration", name_en=name_en,
        name_zh=name_zh, summary_en=f"{name_en} in one sentence", summary_zh=f"一句话介绍{name_zh}",
    )  # fmt: skip


# --- Sellers' servers ------------------------------------------------------------------------------------------------


class Site:
    """An ASGI application on a real loopback socket of this event loop; it can go down (connections are refused, its
    port stays its own) and come up again. `busiest` is the most requests it ever had under way at once."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.port = 0
        self.busy = self.busiest = 0
        self._config = uvicorn.Config(
            self._count,
            interface="asgi3",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/produce"

    async def up(self) -> None:
        if self._server is None:
            protocol = partial(
                self._config.http_protocol_class, config=self._config, server_state=self._state, app_state={}
            )
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(protocol, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            for connection in list(self._state.connections):
                transport = connection.transport
                if transport is not None:
                    transport.abort()
            # A cancelled application would say so in the log; most end by themselves now that their caller is gone.
            tasks = list(self._state.tasks)
            if tasks:
                _, unfinished = await asyncio.wait(tasks, timeout=1)
                for task in unfinished:
                    task.cancel()
            await asyncio.sleep(0)

    async def _count(self, scope: Any, receive: Any, send: Any) -> None:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await self.app(scope, receive, send)
        finally:
            self.busy -= 1


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[Site]:
    site = Site(app)
    await site.up()
    try:
        yield site
    finally:
        await site.down()


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[str]:
    """A server that answers every request with these bytes, whatever they are, and hangs up; yields its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


class SellerServer(Site):
    """The bundled sample seller, whose watch shows the installation's time. `manner` may change at any time."""

    def __init__(self, clock: StillClock, generation: str = "V2", **settings: Any) -> None:
        kind = SampleSeller if generation == "V2" else SampleSellerV1
        self.seller = kind([KEY, GENERAL_KEY], opening_clock=lambda: clock.now().timestamp(), **settings)
        super().__init__(self.seller)

    @property
    def manner(self) -> Manner:
        return self.seller.manner

    @manner.setter
    def manner(self, manner: Manner) -> None:
        self.seller.manner = manner

    @property
    def calls(self) -> list[Received]:
        """What came in, oldest first."""
        return list(self.seller.calls)

    def bodies(self, activity: str = "") -> list[dict[str, Any]]:
        """The verified bodies that came in, oldest first."""
        return [
            dict(received.call.members)
            for received in self.seller.calls
            if received.call and activity in ("", received.call.activity)
        ]


# --- What people do, and what became of it ---------------------------------------------------------------------------


class Shop:
    """The verbs of a story, each in a transaction of its own, as the API and the pages run them."""

    def __init__(self, installation: Installation, clock: StillClock, world: World) -> None:
        self.installation = installation
        self.clock = clock
        self.world = world

    async def place(
        self, price: UUID | None = None, *, by: Actor | None = None, quantity: int = 1, periods: int | None = 1
    ) -> str:
        """Places an order, of one month of the suite if nothing else is said; returns its number."""
        async with self.installation.db.transaction(by or self.world.buyer, request_id="place") as tx:
            placed = await trading.place(
                tx,
                price_id=price or self.world.monthly,
                quantity=quantity,
                period_number=periods,
                unpaid_ttl=self.installation.settings.unpaid_order_ttl,
            )
        return placed.number

    async def pay(self, number: str, *, by: Actor | None = None, instrument: str = "balance") -> None:
        async with self.installation.db.transaction(by or self.world.buyer, request_id="pay") as tx:
            await trading.pay(tx, self.installation.gateway, number=number, instrument=instrument)

    async def cancel(self, number: str, *, by: Actor | None = None) -> None:
        async with self.installation.db.transaction(by or self.world.buyer, request_id="cancel") as tx:
            await trading.cancel(tx, number=number)

    async def buy(
        self, price: UUID | None = None, *, by: Actor | None = None, quantity: int = 1, periods: int | None = 1
    ) -> str:
        """Places and pays; returns the order's number."""
        number = await self.place(price, by=by, quantity=quantity, periods=periods)
        await self.pay(number, by=by)
        return number

    async def try_out(self, price: UUID | None = None, *, by: Actor | None = None) -> str:
        """Begins a trial, of the suite if nothing else is said; returns its order's number."""
        async with self.installation.db.transaction(by or self.world.buyer, request_id="try") as tx:
            return (await self.installation.subscriptions.try_out(tx, price_id=price or self.world.monthly)).number

    async def order_renewal(
        self, number: str, periods: int = 1, price: UUID | None = None, quantity: int | None = None
    ) -> str:
        """Places a renewal of what an order began; returns the renewal's number."""
        held = await self.subscription(number)
        async with self.installation.db.transaction(self.world.buyer, request_id="renew") as tx:
            placed = await self.installation.subscriptions.renew(tx, held.id, Renewal(periods, price, quantity))
        return placed.number

    async def renew(self, number: str, periods: int = 1, price: UUID | None = None) -> str:
        """Places and pays a renewal."""
        renewal = await self.order_renewal(number, periods, price)
        await self.pay(renewal)
        return renewal

    async def convert(self, number: str, periods: int = 1, price: UUID | None = None) -> str:
        """Places and pays what turns a trial into something bought."""
        held = await self.subscription(number)
        async with self.installation.db.transaction(self.world.buyer, request_id="convert") as tx:
            placed = await self.installation.subscriptions.convert(tx, held.id, Renewal(periods, price))
        await self.pay(placed.number)
        return placed.number

    async def order_change(self, number: str, sku: UUID, quantity: int) -> str:
        """Places an upgrade or expansion."""
        held = await self.subscription(number)
        async with self.installation.db.transaction(self.world.buyer, request_id="change") as tx:
            return (await self.installation.subscriptions.change(tx, held.id, sku, quantity)).number

    async def change(self, number: str, sku: UUID, quantity: int) -> str:
        """Places and pays an upgrade or expansion."""
        changed = await self.order_change(number, sku, quantity)
        await self.pay(changed)
        return changed

    async def renew_automatically(self, number: str, on: bool = True) -> None:
        held = await self.subscription(number)
        async with self.installation.db.transaction(self.world.buyer, request_id="policy") as tx:
            await self.installation.subscriptions.renew_automatically(tx, held.id, on)

    async def cancel_renewal(self, number: str) -> str:
        held = await self.subscription(number)
        async with self.installation.db.transaction(self.world.buyer, request_id="cancel-renewal") as tx:
            return (await self.installation.ending.cancel_renewal(tx, held.id)).number

    async def unsubscribe(self, number: str, *, by: Actor | None = None) -> str:
        held = await self.subscription(number)
        async with self.installation.db.transaction(by or self.world.buyer, request_id="unsubscribe") as tx:
            return (await self.installation.ending.unsubscribe(tx, held.id)).number

    async def suspend(self, number: str, on: bool = True) -> None:
        held = await self.subscription(number)
        async with self.installation.db.transaction(self.world.operator, request_id="suspend") as tx:
            if on:
                await self.installation.life.suspend(tx, held.id, "Sends unsolicited mail")
            else:
                await self.installation.life.lift(tx, held.id)

    async def subscription(self, number: str) -> Subscription:
        """What an order began."""
        instance = await self.instance(number)
        async with self.installation.db.read() as reader:
            held = await subscription_queries.subscription(reader, PLATFORM, instance.id)
        assert held
        return held

    async def restart(self, call: Call, *, by: Actor | None = None, seen: int | None = None) -> None:
        async with self.installation.db.transaction(by or self.world.seller, request_id="restart") as tx:
            await self.installation.provisioning.restart(tx, call.id, call.attempts if seen is None else seen)

    async def order(self, number: str) -> Order:
        async with self.installation.db.read() as reader:
            order = await orders.order(reader, PLATFORM, number)
        assert order
        return order

    async def events(self, number: str) -> list[tuple[str, dict[str, Any]]]:
        """The order's journal, in order: kind and facts."""
        order = await self.order(number)
        async with self.installation.db.read() as reader:
            log = await orders.log_of_order(reader, order.id)
        return [(one.kind, msgspec.json.decode(one.entry)["facts"]) for one in log]

    async def kinds(self, number: str) -> list[str]:
        return [kind for kind, _ in await self.events(number)]

    async def calls(self, number: str) -> list[Call]:
        """The order's calls, as they were asked for; their ids do not tell within the same millisecond."""
        order = await self.order(number)
        async with self.installation.db.read() as reader:
            calls = await provisioning.calls_of_order(reader, order.id)
        places = dict(await self.sql(f"SELECT id, place FROM seller_calls WHERE order_id = '{order.id}'"))
        return sorted(calls, key=lambda call: places[call.id])

    async def call(self, number: str, activity: str) -> Call:
        """The last call of this activity."""
        return [call for call in await self.calls(number) if call.activity == activity][-1]

    async def attempts(self, call: Call) -> list[Attempt]:
        """A call's tries, oldest first."""
        async with self.installation.db.read() as reader:
            return (await provisioning.attempts(reader, call.id))[::-1]

    async def instance(self, number: str) -> Instance:
        order = await self.order(number)
        async with self.installation.db.read() as reader:
            (instance,) = await provisioning.instances_of_order(reader, order.id)
        return instance

    async def sql(self, statement: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Plain SQL, for what no verb does."""
        async with self.installation.db.read() as reader:
            cursor = await reader.connection.execute(statement.encode(), params)
            return await cursor.fetchall() if cursor.description else []

    async def point_endpoint(self, endpoint: UUID, address: str, access_key: str = "") -> None:
        """Changes where an endpoint leads, as its seller would; with a key, that is its only one from now on."""
        seller, version = (await self.sql(f"SELECT seller_id, version FROM endpoints WHERE id = '{endpoint}'"))[0]
        async with self.installation.db.transaction(SYSTEM) as tx:
            await catalog.change_endpoint(
                tx, seller_id=seller, endpoint_id=endpoint, version=version, name="Endpoint", address=address
            )
            if access_key:
                with contextlib.suppress(KeyInUse):
                    await self.change_key(tx, endpoint, access_key, overlap=timedelta())

    async def change_key(self, tx: Tx, endpoint: UUID, access_key: str, *, overlap: timedelta = timedelta(7)) -> UUID:
        seller = await tx.fetch_value("SELECT seller_id FROM endpoints WHERE id = %(id)s", {"id": endpoint})
        return await keys.add_key(
            tx, self.installation.seal, seller_id=seller, endpoint_id=endpoint, access_key=access_key, overlap=overlap
        )

    def seller_calls(self) -> SellerCalls:
        """The calls to sellers as another worker sees them: claim some and drop them, and a worker was killed."""
        own = self.installation
        return SellerCalls(own.db, own.settling, own.outbound, own.seal, own.settings)

    async def end_leases(self) -> None:
        """As if the leases of whatever is claimed had run out."""
        for table in ("seller_calls", "due_rows"):
            await self.sql(
                f"UPDATE {table} SET leased_until = now() - interval '1 second' WHERE leased_until IS NOT NULL"
            )

    async def run_due(self, until: timedelta | datetime | None = None, *, worker: Worker | None = None) -> None:
        """Carries out what is due; with `until` (a moment, or a span from now) the clock goes from one due moment to
        the next, everything in order, and stands at `until` at the end."""
        worker = worker or self.installation.worker()
        end = self.clock.now() + until if isinstance(until, timedelta) else until or self.clock.now()
        while True:
            await worker.run_until_idle()
            moment = await worker.next_due()
            if moment is None or moment > end or until is None:
                break
            if moment <= self.clock.now():
                raise AssertionError(f"something is due that is not handed out: {await self._held()}")
            self.clock.move_to(moment)
        self.clock.move_to(end)

    async def _held(self) -> list[tuple[Any, ...]]:
        return await self.sql(
            """
            SELECT purpose, state, due_at, leased_until FROM seller_calls WHERE state IN ('waiting', 'running')
            UNION ALL SELECT kind, last_error, due_at, leased_until FROM due_rows
            """
        )
