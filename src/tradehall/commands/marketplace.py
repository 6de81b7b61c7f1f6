"""A believable bilingual marketplace for sandboxes: an operator, four sellers, three buyers, products of every
delivery type."""

from typing import Literal
from uuid import UUID

import msgspec

from tradehall.catalog import actions as catalog
from tradehall.catalog import keys, rules
from tradehall.catalog import queries as catalog_queries
from tradehall.catalog.delivery import INSTANT
from tradehall.catalog.model import Encryption, Generation, InterfaceClass
from tradehall.commands.common import CommandProblem
from tradehall.commands.goods import GOODS, Goods, SellerKey
from tradehall.commands.goods_delivered import DELIVERED
from tradehall.installation import Installation
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.secrets import Seal
from tradehall.parties import actions as parties
from tradehall.parties import queries as parties_queries
from tradehall.parties.model import OrganisationKind, Role, Seat, Track

PASSWORD = "tradehall-demo"  # everybody's, and printed: there is nothing to protect in a sandbox
OrganisationKey = Literal["platform", "qingshan", "harbour", "nebula"] | SellerKey


class OnlyInASandbox(CommandProblem):
    """Demonstration data has passwords everybody knows; it is loaded into a sandbox and never into production."""


class FormerMarketplace(CommandProblem):
    """The marketplace in this database was loaded by another version, which knew other people and sellers."""


class DemoOrganisation(msgspec.Struct, frozen=True):
    """An organisation of the marketplace."""

    key: OrganisationKey
    kind: OrganisationKind
    name_en: str
    name_zh: str


class DemoPerson(msgspec.Struct, frozen=True):
    """Somebody who can sign in."""

    email: str
    name: str
    organisation: OrganisationKey
    role: Role
    locale: Literal["en", "zh"]
    timezone: str = "Asia/Shanghai"


class Speech(msgspec.Struct, frozen=True):
    """What a seller's server understands; see `catalog.model.Endpoint`."""

    generation: Generation = "V2"
    encryption: Encryption = "AES256"
    revisions: bool = False
    asks_contact: bool = False


ORGANISATIONS: tuple[DemoOrganisation, ...] = (
    DemoOrganisation("platform", "platform", "Tradehall Marketplace", "云商厅运营中心"),
    DemoOrganisation("cloudsail", "seller", "Cloudsail Software", "云帆软件"),
    DemoOrganisation("bedrock", "seller", "Bedrock Data", "磐石数据"),
    DemoOrganisation("lark", "seller", "Lark Interactive", "百灵互动"),
    DemoOrganisation("maple", "seller", "Maple People", "红枫人力"),
    DemoOrganisation("qingshan", "buyer", "Qingshan Precision Manufacturing", "青山精密制造"),
    DemoOrganisation("harbour", "buyer", "Harbour Logistics", "海港物流"),
    DemoOrganisation("nebula", "buyer", "Nebula Retail", "星云零售"),
)
PEOPLE: tuple[DemoPerson, ...] = (
    DemoPerson("operator@tradehall.example", "周敏 Zhou Min", "platform", "admin", "zh"),
    DemoPerson("support@tradehall.example", "Peter Novak", "platform", "member", "en", "Europe/Prague"),
    DemoPerson("admin@cloudsail.example", "林帆 Lin Fan", "cloudsail", "admin", "zh"),
    DemoPerson("ops@cloudsail.example", "陈雨 Chen Yu", "cloudsail", "member", "zh"),
    DemoPerson("admin@bedrock.example", "石磊 Shi Lei", "bedrock", "admin", "zh"),
    DemoPerson("ops@bedrock.example", "Maria Keller", "bedrock", "member", "en", "Europe/Berlin"),
    DemoPerson("admin@lark.example", "白灵 Bai Ling", "lark", "admin", "zh"),
    DemoPerson("ops@lark.example", "唐宁 Tang Ning", "lark", "member", "zh"),
    DemoPerson("admin@maple.example", "叶红 Ye Hong", "maple", "admin", "zh"),
    DemoPerson("ops@maple.example", "Oliver Hart", "maple", "member", "en", "Europe/London"),
    DemoPerson("admin@qingshan.example", "王建国 Wang Jianguo", "qingshan", "admin", "zh"),
    DemoPerson("it@qingshan.example", "李娜 Li Na", "qingshan", "member", "zh"),
    DemoPerson("finance@qingshan.example", "赵静 Zhao Jing", "qingshan", "member", "zh"),
    DemoPerson("admin@harbour.example", "Grace Lim", "harbour", "admin", "en", "Asia/Singapore"),
    DemoPerson("it@harbour.example", "David Tan", "harbour", "member", "en", "Asia/Singapore"),
    DemoPerson("admin@nebula.example", "苏晴 Su Qing", "nebula", "admin", "zh"),
    DemoPerson("purchasing@nebula.example", "何伟 He Wei", "nebula", "member", "zh"),
    DemoPerson("store@nebula.example", "Emma Brooks", "nebula", "member", "en", "Europe/London"),
)
# Beside plain V2: one whose server tells late calls from newer ones, and one that was integrated long ago.
SPEECH: dict[SellerKey, Speech] = {
    "cloudsail": Speech(),
    "bedrock": Speech(revisions=True),
    "lark": Speech(),
    "maple": Speech("V1", "AES128", asks_contact=True),
}
# In whose orders of joint products the platform reviews every delivery.
TRACKS: dict[OrganisationKey, Track] = {"nebula": "base"}
NOTIFIED: SellerKey = "cloudsail"  # the seller who also has a general endpoint, for orderNotify
NOWHERE = "http://127.0.0.1:9"  # until it is known where the sellers' servers listen
_LOADED = PEOPLE[0].email


class SellerServer(msgspec.Struct, frozen=True):
    """Where a seller's server is to be: its address as stored, what it speaks there, and the keys it verifies calls
    with, one for each class of interface; the basic one's first."""

    key: SellerKey
    name_en: str
    name_zh: str
    address: str
    access_keys: list[str]
    generation: Generation
    encryption: Encryption
    revisions: bool


async def load(installation: Installation) -> bool:
    """Loads everything in one transaction; False when it is there already. Raises OnlyInASandbox."""
    if not installation.settings.sandbox:
        raise OnlyInASandbox(_said(OnlyInASandbox))
    async with installation.db.transaction(SYSTEM, request_id="demo-data") as tx:
        # Two that start at once load one after the other, and the second finds it done.
        await tx.execute("LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE")
        if await parties_queries.account_by_email(tx, _LOADED):
            return False
        organisations = {
            one.key: await parties.create_organisation(tx, one.kind, one.name_en, one.name_zh) for one in ORGANISATIONS
        }
        for buyer, track in TRACKS.items():
            await parties.set_track(tx, organisations[buyer], track)
        for person in PEOPLE:
            person_id = await parties.create_person(
                tx,
                email=person.email,
                name=person.name,
                password=PASSWORD,
                locale=person.locale,
                timezone=person.timezone,
            )
            await parties.add_member(tx, organisations[person.organisation], person_id, person.role)
        endpoints = {
            (seller, interface_class): await _add_endpoint(
                tx, installation.seal, organisations[seller], seller, interface_class
            )
            for seller in SPEECH
            for interface_class in _classes(seller)
        }
        for goods in (*GOODS, *DELIVERED):
            seller_id = organisations[goods.seller]
            product_id = await catalog.create_product(
                tx,
                seller_id=seller_id,
                endpoint_id=endpoints[goods.seller, "basic"] if goods.delivery_type == INSTANT else None,
                slug=goods.slug,
                category=goods.category,
                name_en=goods.name_en,
                name_zh=goods.name_zh,
                summary_en=goods.summary_en,
                summary_zh=goods.summary_zh,
                description_en=_paragraphs(goods.description_en),
                description_zh=goods.description_zh,
                delivery_type=goods.delivery_type,
                product_class=goods.product_class,
                delivery_days=goods.delivery_days,
            )
            await _add_skus(tx, seller_id, product_id, goods)
            await catalog.put_on_sale(tx, seller_id=seller_id, product_id=product_id, version=1)
    return True


def _said(problem: type[CommandProblem]) -> str:
    return " ".join((problem.__doc__ or "").split())


def _classes(seller: SellerKey) -> tuple[InterfaceClass, ...]:
    return ("basic", "general") if seller == NOTIFIED else ("basic",)


async def _add_endpoint(
    tx: Tx, seal: Seal, seller_id: UUID, seller: SellerKey, interface_class: InterfaceClass
) -> UUID:
    basic = interface_class == "basic"
    return await catalog.create_endpoint(
        tx,
        seal,
        seller_id=seller_id,
        interface_class=interface_class,
        name="Production 生产接口" if basic else "Order notifications 订单通知",
        address=f"{NOWHERE}{_path(interface_class)}",
        access_key=keys.generated(),
        **(msgspec.structs.asdict(SPEECH[seller]) if basic else {}),
    )


async def _add_skus(tx: Tx, seller_id: UUID, product_id: UUID, goods: Goods) -> None:
    sku_ids = []
    for sku in goods.skus:
        quantity_en, quantity_zh, least, most, step = sku.quantity or (None, None, 1, 1, 1)
        sku_id = await catalog.add_sku(
            tx,
            product_id=product_id,
            name_en=sku.name_en,
            name_zh=sku.name_zh,
            quantity_name_en=quantity_en,
            quantity_name_zh=quantity_zh,
            quantity_min=least,
            quantity_max=most,
            quantity_step=step,
        )
        sku_ids.append(sku_id)
        for price in sku.prices:
            unit_en, unit_zh = price.unit or (None, None)
            await catalog.add_price(
                tx,
                product_id=product_id,
                sku_id=sku_id,
                charging_mode=price.mode,
                amount_minor=price.amount_minor,
                currency="CNY",
                period_type=price.period,
                unit_en=unit_en,
                unit_zh=unit_zh,
            )
        if sku.trial:
            await rules.set_trial(tx, seller_id=seller_id, product_id=product_id, sku_id=sku_id, days=sku.trial)
    for before, after in goods.upgrades:
        await rules.add_upgrade_rule(
            tx,
            seller_id=seller_id,
            product_id=product_id,
            from_sku_id=sku_ids[before],
            to_sku_id=sku_ids[after],
        )


def _paragraphs(text: str) -> str:
    """Paragraphs as they are meant: the line breaks within one belong to the source file."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _path(interface_class: str) -> str:
    return "/produce" if interface_class == "basic" else "/notify"


async def seller_servers(installation: Installation) -> list[SellerServer]:
    """The sellers' servers as the marketplace knows them. Raises FormerMarketplace."""
    names = {one.key: one for one in ORGANISATIONS}
    servers = []
    async with installation.db.read() as reader:
        for key in SPEECH:
            seat = await _seat_of(reader, key)
            endpoints = await catalog_queries.endpoints_of_seller(reader, seat.organisation_id)
            endpoints.sort(key=lambda endpoint: endpoint.interface_class)
            access_keys = [
                installation.seal.open(live.sealed, str(endpoint.id))
                for endpoint in endpoints
                for live in await keys.live_keys(reader, endpoint.id)
            ]
            servers.append(
                SellerServer(
                    key,
                    names[key].name_en,
                    names[key].name_zh,
                    endpoints[0].address,
                    access_keys,
                    endpoints[0].generation,
                    endpoints[0].encryption,
                    endpoints[0].revisions,
                )
            )
    return servers


async def _seat_of(reader: Reader, organisation: OrganisationKey) -> Seat:
    email = next(one.email for one in PEOPLE if one.organisation == organisation)
    seat = await parties_queries.account_by_email(reader, email)
    if seat is None:
        raise FormerMarketplace(_said(FormerMarketplace))
    return seat


async def point_sellers_to(installation: Installation, seller: SellerKey, base: str) -> None:
    """Has a seller's endpoints lead to a server that listens at `base` (http://127.0.0.1:8123), key unchanged."""
    async with installation.db.transaction(SYSTEM, request_id="demo-data") as tx:
        seat = await _seat_of(tx, seller)
        for endpoint in await catalog_queries.endpoints_of_seller(tx, seat.organisation_id):
            address = base + _path(endpoint.interface_class)
            if endpoint.address != address:
                await catalog.change_endpoint(
                    tx,
                    seller_id=seat.organisation_id,
                    endpoint_id=endpoint.id,
                    version=endpoint.version,
                    name=endpoint.name,
                    address=address,
                )
