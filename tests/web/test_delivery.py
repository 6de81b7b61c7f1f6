"""Products and orders of every delivery type, as the pages tell them."""

from html import unescape
from uuid import UUID

import pytest
from tests.supervised import EVERYTHING, Supervised
from tests.templates import STANDARD, attached
from tests.web.conftest import Enter, Visitor
from tests.world import Shop, World

from tradehall.catalog.delivery import deliveries
from tradehall.kernel.i18n import LOCALES, translator
from tradehall.supervision import queries
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.flow import Flow
from tradehall.supervision.flows import all_flows
from tradehall.supervision.wording import DONE
from tradehall.web import labels
from tradehall.web.supervision.happened import WITHOUT_VERB, title_of

NEW = "/seller/products/new"
WRITTEN = {
    "name_en": "Meter", "name_zh": "电表", "summary_en": "Counts", "summary_zh": "计数", "slug": "meter",
    "category": "industry",
}  # fmt: skip
TO = {"recipient_name": "Wang Fang", "recipient_phone": "138 0000 0000", "recipient_address": "1 Harbour Road"}


def text(visitor: Visitor) -> str:
    return unescape(visitor.page)


async def slug_of(shop: Shop, price: UUID) -> str:
    found = await shop.sql(
        f"""
        SELECT p.slug FROM prices r JOIN skus k ON k.id = r.sku_id JOIN products p ON p.id = k.product_id
        WHERE r.id = '{price}'
        """
    )
    return str(found[0][0])


async def product_of(shop: Shop, slug: str) -> UUID:
    return UUID(str((await shop.sql(f"SELECT id FROM products WHERE slug = '{slug}'"))[0][0]))


# --- words


@pytest.mark.parametrize("flow", all_flows(), ids=lambda flow: f"{flow.type}-{flow.version}")
def test_every_event_of_every_flow_has_words_in_both_languages(flow: Flow) -> None:
    happened = [(f"supervision.{verb.event}", {"verb": verb.key}) for _, verb in flow.walk()]
    happened += [(kind, {}) for kind in WITHOUT_VERB]
    for kind, facts in happened:
        found = title_of(kind, facts, flow)
        assert found, kind
        said = {locale: translator(locale).lookup(found[0]) for locale in LOCALES}
        assert said["en"] == found[0]
        assert said["zh"] != said["en"], kind


def test_what_was_done_is_told_of_buttons_that_there_are() -> None:
    assert DONE.keys() <= {verb.label for flow in [*all_flows(), *PROCEDURES.values()] for _, verb in flow.walk()}


def test_every_delivery_type_says_how_it_reaches_its_buyer() -> None:
    assert labels.DELIVERIES.keys() == {one.key for one in deliveries()}
    assert labels.delivery_sentence("something_new") == labels.BY_PEOPLE


# --- sellers


async def test_a_seller_says_how_a_product_is_delivered(enter: Enter, world: World, shop: Shop) -> None:
    seller = await enter(world.seller)
    await seller.get(NEW)
    assert seller.page.count('name="delivery_type"') == len(EVERYTHING)
    await seller.send(NEW, **WRITTEN, delivery_type="saas_manual", product_class="joint", delivery_days=12,
                      asks_requirement="no", endpoint_id=world.endpoint)  # fmt: skip
    page = text(seller)
    assert "SaaS, opened by the seller" in page
    assert "Joint-operations product" in page
    assert "The acceptance standard is missing" in page
    assert "By use" not in page, "people's work is not sold on demand"
    said = await shop.sql(
        "SELECT product_class, delivery_days, asks_requirement, endpoint_id FROM products WHERE slug = 'meter'"
    )
    assert said == [("joint", 12, False, None)], "an interface is for what a server opens"


async def test_what_is_wrong_with_the_delivery_is_told_and_what_was_typed_stays(enter: Enter, world: World) -> None:
    seller = await enter(world.seller)
    await seller.send(NEW, at=NEW, **WRITTEN, delivery_type="service", delivery_days=900)
    assert "Choose a number from 1 to 365." in text(seller)
    assert seller.form(NEW)["delivery_type"] == "service"
    assert seller.form(NEW)["delivery_days"] == "900"


async def test_the_delivery_of_a_draft_is_changed_and_of_a_released_product_its_type_stays(
    enter: Enter, world: World, shop: Shop
) -> None:
    seller = await enter(world.seller)
    await seller.send(NEW, at=NEW, **WRITTEN)
    await seller.send("/seller/products/meter/delivery", delivery_type="hardware", delivery_days=5)
    assert "Saved. It holds for orders that are placed from now on." in text(seller)
    slug = await slug_of(shop, await Supervised(shop).price("service"))
    path = f"/seller/products/{slug}/delivery"
    await seller.get(f"/seller/products/{slug}")
    assert 'type="radio" name="delivery_type"' not in seller.page
    await seller.send(path, delivery_type="website")
    assert "the way it is delivered stays" in text(seller)
    await seller.send(path, at=f"/seller/products/{slug}", delivery_days=30)
    assert (await shop.sql(f"SELECT delivery_days FROM products WHERE slug = '{slug}'")) == [(30,)]


async def test_a_seller_attaches_the_standard_and_everybody_may_read_it(enter: Enter, world: World, shop: Shop) -> None:
    seller, somebody = await enter(world.seller), await enter()
    slug = await slug_of(shop, await Supervised(shop).price("service"))
    path = f"/seller/products/{slug}/files/acceptance_template"
    await seller.get(f"/seller/products/{slug}")
    fields = {"_csrf_token": seller.form(path)["_csrf_token"]}
    for name, content, said in (
        ("standard.txt", STANDARD, "The file was attached."),
        ("standard.exe", b"MZ" + bytes(64), "standard.exe"),
        ("empty.txt", b"", "empty"),
    ):
        answer = await seller.client.post(path, data=fields, files={"file": (name, content)}, follow_redirects=True)
        assert said in unescape(answer.text), name
    nothing = await seller.client.post(path, data=fields, files={"file": ("", b"")})
    assert "Choose a file." in nothing.text
    told = await somebody.get(f"/products/{slug}")
    assert f"/products/{slug}/files/acceptance_template" in told.text
    file = await somebody.get(f"/products/{slug}/files/acceptance_template")
    assert file.content == STANDARD
    assert file.headers["Content-Disposition"].startswith("attachment")
    for missing in ("requirement_template", "anything"):
        assert (await somebody.get(f"/products/{slug}/files/{missing}")).status_code == 404


async def test_a_buyer_reads_the_standard_of_the_order_when_the_product_is_gone(
    enter: Enter, world: World, shop: Shop
) -> None:
    supervised = Supervised(shop)
    price = await supervised.price("service")
    slug = await slug_of(shop, price)
    await attached(shop.installation, world.seller, await product_of(shop, slug))
    number = await supervised.place(price)
    await shop.pay(number)
    await shop.sql(f"UPDATE products SET state = 'off_sale' WHERE slug = '{slug}'")
    buyer, other = await enter(world.buyer), await enter(world.other_buyer)
    file = f"/products/{slug}/files/acceptance_template"
    assert f"{file}?order={number}" in (await buyer.get(f"/buyer/orders/{number}")).text
    assert (await buyer.get(f"{file}?order={number}")).content == STANDARD
    for stranger in (other, await enter()):
        assert (await stranger.get(f"{file}?order={number}")).status_code == 404
    assert (await buyer.get(file)).status_code == 404


# --- everybody


@pytest.mark.parametrize("delivery_type", EVERYTHING)
async def test_a_product_says_how_it_is_delivered_and_whether_supervised(
    enter: Enter, shop: Shop, delivery_type: str
) -> None:
    supervised = Supervised(shop)
    price = await supervised.price(delivery_type)
    way = next(one for one in deliveries() if one.key == delivery_type)
    visitor = await enter()
    await visitor.get(f"/products/{await slug_of(shop, price)}")
    assert way.label in text(visitor)
    assert labels.DELIVERIES[delivery_type] in text(visitor)
    assert ("only after you have accepted" in text(visitor)) == way.supervised
    assert ("within 15 days" in text(visitor) or "within" in text(visitor)) or not way.supervised
    await visitor.get("/products")
    assert way.label in text(visitor)


# --- ordering hardware


async def test_hardware_asks_to_whom_it_is_sent_and_keeps_what_was_typed(
    enter: Enter, world: World, shop: Shop
) -> None:
    price = await Supervised(shop).price("hardware")
    slug, buyer = await slug_of(shop, price), await enter(world.buyer)
    path = f"/buyer/orders/new?product={slug}&price={price}&quantity=1"
    await buyer.get(path)
    assert 'name="recipient_address"' in buyer.page
    wrong = TO | {"recipient_phone": "call me", "recipient_address": ""}
    await buyer.send("/buyer/orders/new", **wrong)
    assert "Write a phone number" in text(buyer)
    assert 'value="Wang Fang"' in buyer.page
    fields = buyer.form("/buyer/orders/new") | TO
    placed = {(await buyer.post("/buyer/orders/new", **fields)).url.path for _ in range(2)}
    assert len(placed) == 1, "sent twice it is one order"
    number = placed.pop().split("/")[3]
    await shop.pay(number)
    for who, base in (("buyer", "/buyer"), ("seller", "/seller"), ("operator", "/operator")):
        visitor = await enter(world.actors[who])
        await visitor.get(f"{base}/orders/{number}")
        assert all(said in text(visitor) for said in TO.values())


async def test_what_is_not_sent_asks_for_no_recipient(enter: Enter, world: World, shop: Shop) -> None:
    buyer = await enter(world.buyer)
    await buyer.get(f"/buyer/orders/new?product={world.slug}&price={world.monthly}&quantity=1")
    assert "recipient_name" not in buyer.page


# --- orders


async def test_an_order_says_where_its_supervision_stands(enter: Enter, world: World, shop: Shop) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy("saas_manual")
    buyer, seller, operator = [await enter(one) for one in (world.buyer, world.seller, world.operator)]
    await buyer.get(f"/buyer/orders/{number}")
    assert "Your turn: Submit requirement" in text(buyer)
    assert f'href="/buyer/supervision/{number}"' in buyer.page
    assert "Service supervision began" in text(buyer)
    assert "hx-trigger" not in buyer.page.split('id="order"')[1].split(">")[0], "nothing happens by itself"
    await seller.get(f"/seller/orders/{number}")
    assert "The buyer's turn: Submit requirement" in text(seller)
    assert "Calls made for this order" not in text(seller)
    await operator.get(f"/operator/orders/{number}")
    assert f'href="/operator/supervision/{number}"' in operator.page
    for visitor, base in ((buyer, "/buyer"), (seller, "/seller"), (operator, "/operator")):
        await visitor.get(f"{base}/orders")
        assert "In service supervision: Submit requirement" in text(visitor)
    shop.clock.advance(shop.installation.settings.requirement_term * 2)
    await buyer.get(f"/buyer/orders/{number}")
    assert "Overdue since" in text(buyer)


async def test_what_was_accepted_says_so_and_since_when_it_is_billable(enter: Enter, world: World, shop: Shop) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy("saas_manual")
    await supervised.complete(number)
    buyer, seller = await enter(world.buyer), await enter(world.seller)
    await buyer.get(f"/buyer/orders/{number}")
    for said in ("Delivered and accepted", "Billable since", "Actual start of the service", "Delivery accepted"):
        assert said in text(buyer)
    application = (await shop.instance(number)).id
    await buyer.get(f"/buyer/applications/{application}")
    assert "https://app.example.com/" in text(buyer)
    assert "Refresh details" not in text(buyer)
    await seller.get(f"/seller/applications/{application}")
    assert "Calls made for it" not in text(seller)


async def test_an_application_shows_its_licence_to_be_copied(enter: Enter, world: World, shop: Shop) -> None:
    supervised = Supervised(shop)
    buyer = await enter(world.buyer)
    for delivery_type, said in (
        ("license_code", "Authorisation code"),
        ("license_system_id", "System ID"),
        ("license_hardware_id", "Identification code of the machine"),
    ):
        number = await supervised.buy(delivery_type)
        await supervised.complete(number)
        await buyer.get(f"/buyer/applications/{(await shop.instance(number)).id}")
        assert said in text(buyer)
        async with shop.installation.db.read() as reader:
            code = await queries.code_of(reader, (await supervised.flow(number)).order_id)
        system_id = (await supervised.flow(number)).facts.get("system_id")
        assert f'data-copy="{code or system_id or "Something"}"' in buyer.page


@pytest.mark.parametrize("delivery_type", ["image", "api", "hardware", "service"])
async def test_what_no_server_makes_reads_well_as_an_application(
    enter: Enter, world: World, shop: Shop, delivery_type: str
) -> None:
    supervised = Supervised(shop)
    number = await supervised.buy(delivery_type)
    people = delivery_type not in ("image", "api")
    if people:
        await supervised.complete(number)
    buyer = await enter(world.buyer)
    await buyer.get(f"/buyer/orders/{number}")
    assert ("It was delivered and accepted" if people else "It can be used") in text(buyer)
    await buyer.get(f"/buyer/applications/{(await shop.instance(number)).id}")
    for server in ("Refresh details", "How to get in", "/refresh"):
        assert server not in text(buyer)
    assert ("/buyer/supervision/" in buyer.page) == people
