"""Vouchers by their pages: issued by operators, seen by buyers, chosen when an order is paid."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from tests.trading.test_vouchers import MONTH, give, left
from tests.web.conftest import Enter, Visitor
from tests.world import Shop, World

TICKED = re.compile(r'<input[^>]*name="voucher" value="([^"]+)" checked')


def plain(text: str) -> str:
    return re.sub(r"<[^>]+>", "", text)


async def pay(visitor: Visitor, number: str, *vouchers: UUID, **fields: str) -> int:
    """Sends the form of the payment page with these ticked; returns the answer's status."""
    path = f"/buyer/orders/{number}/pay"
    if f'action="{path}"' not in visitor.page:
        await visitor.get(path)
    form: dict[str, object] = {**visitor.form(path), **fields, "voucher": [str(one) for one in vouchers]}
    answer = await visitor.client.post(path, data=form, follow_redirects=True)
    visitor.page = answer.text
    return answer.status_code


async def test_the_payment_page_lists_what_can_pay_and_reckons_what_remains(
    enter: Enter, shop: Shop, world: World
) -> None:
    scene = await give(shop, 4_000, scene="empowerment", name_en="Cloud voucher")
    other = await give(shop, 1_000, to=world.other_buyer, name_en="Not yours")
    await give(shop, 1_000, currency="USD", name_en="Dollars")
    number = await shop.place()
    visitor = await enter(world.buyer)
    page = await visitor.get(f"/buyer/orders/{number}/pay")
    assert "Cloud voucher" in page.text
    assert "scene: Empowerment cloud" in plain(page.text)
    assert "Not yours" not in page.text
    assert "Dollars" not in page.text
    assert "Pay CN¥99.00" in plain(page.text)
    page = await visitor.get(f"/buyer/orders/{number}/pay?voucher={scene}&voucher={other}&instrument=balance")
    assert TICKED.findall(page.text) == [str(scene)]
    assert "-CN¥40.00" in plain(page.text)
    assert "Pay CN¥59.00" in plain(page.text)


async def test_an_order_is_paid_by_voucher_and_balance_and_says_so(enter: Enter, shop: Shop, world: World) -> None:
    given, number = await give(shop, 4_000), await shop.place()
    visitor = await enter(world.buyer)
    await visitor.get(f"/buyer/orders/{number}/pay?voucher={given}")
    assert await pay(visitor, number, given, instrument="balance") == 200
    page = await visitor.get(f"/buyer/orders/{number}")
    assert "CN¥99.00, of it CN¥40.00 by vouchers." in page.text
    assert "Paid besides vouchers" in page.text
    ((code,),) = await shop.sql("SELECT code FROM vouchers")
    assert code in page.text
    operator = await enter(world.operator)
    assert "Paid by vouchers" in (await operator.get(f"/operator/orders/{number}")).text
    seller = await enter(world.seller)
    assert "voucher" not in (await seller.get(f"/seller/orders/{number}")).text.lower()


async def test_without_javascript_a_tick_is_reckoned_when_one_pays(enter: Enter, shop: Shop, world: World) -> None:
    given, number = await give(shop, MONTH), await shop.place()
    visitor = await enter(world.buyer)
    assert await pay(visitor, number, given, instrument="balance") == 409
    assert "0.00 CNY remains to be paid" in visitor.page
    assert "Pay with vouchers" in visitor.page
    assert TICKED.findall(visitor.page) == [str(given)]
    assert await left(shop, given) == MONTH
    assert await pay(visitor, number, given) == 200
    assert await left(shop, given) == 0
    assert (await shop.order(number)).state == "processing"


async def test_a_voucher_spent_elsewhere_meanwhile_is_told_beside_the_form(
    enter: Enter, shop: Shop, world: World
) -> None:
    given, number = await give(shop, 1_000), await shop.place()
    visitor = await enter(world.buyer)
    await visitor.get(f"/buyer/orders/{number}/pay?voucher={given}")
    await shop.sql("UPDATE vouchers SET remaining_minor = 0")
    assert await pay(visitor, number, given, instrument="balance") == 409
    assert "Nothing is left of voucher" in visitor.page
    assert "Pay CN¥99.00" in plain(visitor.page)
    assert (await shop.order(number)).state == "pending_payment"


async def test_a_foreign_or_nonsensical_voucher_is_not_found(enter: Enter, shop: Shop, world: World) -> None:
    foreign, number = await give(shop, 1_000, to=world.other_buyer), await shop.place()
    visitor = await enter(world.buyer)
    assert await pay(visitor, number, foreign) == 404
    path = f"/buyer/orders/{number}/pay"
    await visitor.get(path)
    assert (await visitor.post(path, **visitor.form(path), voucher="nonsense")).status_code == 404


async def test_a_buyer_sees_vouchers_with_their_states(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.buyer, "zh")
    assert "还没有现金券" in (await visitor.get("/buyer/vouchers")).text
    await give(shop, 4_000, name_zh="赋能券", scene="empowerment")
    await give(shop, 1_000, name_zh="旧券", days=1)
    await give(shop, 1_000, to=world.other_buyer, name_zh="别人的券")
    shop.clock.advance(timedelta(days=2))
    visitor = await enter(world.buyer, "zh")
    page = await visitor.get("/buyer/vouchers")
    assert "赋能云" in page.text
    assert "别人的券" not in page.text
    assert sorted(re.findall(r'data-state="(\w+)"', page.text)) == ["expired", "usable"]
    page = await visitor.get("/buyer/vouchers?state=expired")
    assert "旧券" in page.text
    assert "赋能券" not in page.text


async def test_an_operator_issues_one_to_a_buyer_once(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.operator)
    page = await visitor.get(f"/operator/organisations/{world.buyer.organisation_id}")
    assert "Issue a voucher" in page.text
    await visitor.get(f"/operator/vouchers/new?buyer={world.buyer.organisation_id}")
    form = visitor.form("/operator/vouchers/new")
    assert form["buyer"] == "Acme Trading"
    form |= {"name_en": "Gift", "name_zh": "礼券", "amount": "120.50", "until": "2026-03-31", "scene": "base"}
    form |= {"seller": "northwind", "issued_by_seller": "1"}
    for _ in range(2):
        page = await visitor.post("/operator/vouchers/new", **form)
        assert page.url.path == "/operator/vouchers"
    assert "Gift" in page.text
    assert await shop.sql(
        "SELECT amount_minor, scene, seller_id, issuer_id, expires_at AT TIME ZONE 'Asia/Shanghai' FROM vouchers"
    ) == [
        (12_050, "base", world.seller.organisation_id, world.seller.organisation_id,
         (await shop.sql("SELECT timestamp '2026-04-01'"))[0][0])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("buyer", "nobody at all"),
        ("buyer", ""),
        ("amount", "much"),
        ("amount", "0"),
        ("currency", "XXL"),
        ("until", "2020-01-01"),
        ("until", "soon"),
        ("name_zh", ""),
        ("seller", "o"),
    ],
)
async def test_what_is_wrong_with_a_new_voucher_is_marked(enter: Enter, world: World, field: str, wrong: str) -> None:
    visitor = await enter(world.operator)
    right = {"buyer": "Acme", "name_en": "Gift", "name_zh": "礼券", "amount": "1", "until": "2026-03-31"}
    page = await visitor.send("/operator/vouchers/new", at="/operator/vouchers/new", **(right | {field: wrong}))
    assert page.status_code == 422
    assert f'id="f-{field}-error"' in page.text


async def test_operators_filter_and_page_through_vouchers(enter: Enter, shop: Shop, world: World) -> None:
    for n in range(27):
        await give(shop, 1_000, name_en=f"Number {n}.", scene="base" if n == 3 else None)
        shop.clock.advance(timedelta(seconds=1))
    await give(shop, 1_000, to=world.other_buyer, name_en="Zenith's")
    visitor = await enter(world.operator_member)
    page = await visitor.get("/operator/vouchers")
    assert "Number 26." in page.text
    assert "Number 0." not in page.text
    assert "Issue a voucher" not in page.text, "only administrators do"
    next_page = re.findall(r'href="([^"]+)" rel="next"', page.text)[0].replace("&amp;", "&")
    assert "Number 0." in (await visitor.get(next_page)).text
    page = await visitor.get("/operator/vouchers?scene=base")
    assert "Number 3." in page.text
    assert "Number 4." not in page.text
    page = await visitor.get("/operator/vouchers?q=zenith")
    assert "Zenith&#39;s" in page.text
    assert "Number 3." not in page.text


async def test_an_operator_says_to_which_scene_a_buyer_belongs(enter: Enter, shop: Shop, world: World) -> None:
    path = f"/operator/organisations/{world.buyer.organisation_id}"
    visitor = await enter(world.operator)
    page = await visitor.send(f"{path}/track", at=path, track="empowerment")
    assert "It holds for orders that are paid from now on." in page.text
    assert await shop.sql("SELECT track FROM organisations WHERE track IS NOT NULL") == [("empowerment",)]
    await visitor.send(f"{path}/track", at=path, track="")
    assert await shop.sql("SELECT track FROM organisations WHERE track IS NOT NULL") == []
    assert await shop.sql("SELECT count(*) FROM events WHERE kind = 'organisation.track_set'") == [(2,)]
    seller = f"/operator/organisations/{world.seller.organisation_id}"
    assert "Sales scene" not in (await visitor.get(seller)).text
    member = await enter(world.operator_member)
    assert f'action="{path}/track"' not in (await member.get(path)).text
