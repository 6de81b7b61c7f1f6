"""What buyers do with what they have by the pages' forms: renew, upgrade, try, convert, end it; what stops them."""

import asyncio
from datetime import timedelta
from typing import get_args

import pytest
from tests.web.conftest import Enter, Visitor
from tests.world import SellerServer, Shop, World

from tradehall.provisioning.steps import NextKind
from tradehall.web.buyer import standing
from tradehall.web.seller import orders as seller_orders

pytestmark = pytest.mark.usefixtures("seller_server")


def deed(page: str, verb: str) -> str:
    """What the page of an application says of something that can be done."""
    return page.split(f'data-deed="{verb}"')[1].split("</li>")[0] if f'data-deed="{verb}"' in page else ""


async def bought(shop: Shop, world: World, quantity: int = 10, periods: int = 1) -> tuple[str, str]:
    """An open application of so many seats: its order's number and its page's address."""
    number = await shop.buy(world.seats_monthly, quantity=quantity, periods=periods)
    await shop.run_due()
    return number, f"/buyer/applications/{(await shop.instance(number)).id}"


async def tried(shop: Shop) -> tuple[str, str]:
    number = await shop.try_out()
    await shop.run_due()
    return number, f"/buyer/applications/{(await shop.instance(number)).id}"


async def confirm(visitor: Visitor, path: str, **chosen: object) -> None:
    query = "&".join(f"{name}={value}" for name, value in chosen.items())
    assert (await visitor.get(f"{path}/confirm?{query}")).status_code == 200


def test_every_next_step_has_its_words_in_both_consoles() -> None:
    for kind in get_args(NextKind):
        assert kind in standing._TITLES
        assert kind in seller_orders._TITLES
    assert set(get_args(NextKind)) >= standing.SETTLED | seller_orders._FAILING


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", ("Renew", "CN¥240.00", "Upgrade or expand", "What is ahead", "The term ends")),
        ("zh", ("续费", "¥240.00", "升级或扩容", "后续安排", "期限届满")),
    ],
)
async def test_a_renewal_is_chosen_confirmed_ordered_and_paid(
    enter: Enter, shop: Shop, world: World, locale: str, words: tuple[str, ...]
) -> None:
    number, path = await bought(shop, world)
    visitor = await enter(world.buyer, locale)
    page = await visitor.get(path)
    assert all(word in page.text for word in (words[0], *words[2:]))
    page = await visitor.get(f"{path}/renew?period_number=2")
    assert words[1] in page.text
    await confirm(visitor, f"{path}/renew", period_number=2)
    page = await visitor.send(f"{path}/renew")
    assert page.url.path.endswith("/pay")
    renewal = page.url.path.split("/")[3]
    page = await visitor.send(page.url.path, instrument="balance")
    assert page.url.path == f"/buyer/orders/{renewal}"
    assert 'data-type="RENEW"' in page.text
    await shop.run_due()
    held = await shop.subscription(number)
    page = await visitor.get(path)
    assert f'data-type="RENEW">{"续费" if locale == "zh" else "Renewal"}' in page.text
    assert held.expires_at
    assert held.expires_at.date().isoformat() == "2026-06-02"
    assert "2 Jun 2026" in page.text or "2026-06-02" in page.text


async def test_an_order_sent_twice_is_one_and_a_second_one_is_told_of_the_first(
    enter: Enter, shop: Shop, world: World
) -> None:
    _, path = await bought(shop, world)
    visitor = await enter(world.buyer)
    await confirm(visitor, f"{path}/renew", period_number=1)
    form = visitor.form(f"{path}/renew")
    answers = await asyncio.gather(*(visitor.client.post(f"{path}/renew", data=form) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    (number,) = [one for (one,) in await shop.sql("SELECT number FROM orders WHERE order_type = 'RENEW'")]
    again = await visitor.post(f"{path}/renew", **(form | {"idempotency_key": "another"}))
    assert again.status_code == 409
    assert number in again.text
    page = await visitor.get(path)
    assert "It waits for your payment" in page.text
    assert number in deed(page.text, "renew")
    assert f'href="{path}/renew"' not in deed(page.text, "renew")


@pytest.mark.parametrize("typed", ["0", "37", "-1", "many", "", "99999999999999999999"])
@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_wrong_terms_are_marked_and_nothing_is_ordered(
    enter: Enter, shop: Shop, world: World, typed: str, locale: str
) -> None:
    _, path = await bought(shop, world)
    visitor = await enter(world.buyer, locale)
    for address in (f"{path}/renew", f"{path}/renew/confirm"):
        page = await visitor.get(f"{address}?period_number={typed}")
        assert page.status_code == 422
        assert 'aria-invalid="true"' in page.text
    await confirm(visitor, f"{path}/renew", period_number=1)
    page = await visitor.send(f"{path}/renew", period_number=typed)
    assert page.status_code == 422
    assert await shop.sql("SELECT count(*) FROM orders WHERE order_type = 'RENEW'") == [(0,)]


async def test_what_is_not_to_be_had_is_no_choice(enter: Enter, shop: Shop, world: World) -> None:
    _, path = await bought(shop, world)
    visitor = await enter(world.buyer)
    for query in (f"renew?price={world.other_price}", f"renew?price={world.monthly}", "renew?price=x", "change?sku=x"):
        page = await visitor.get(f"{path}/{query}")
        assert page.status_code == 422
        assert "Choose one of the options." in page.text


async def test_a_price_that_changed_is_told_before_anything_is_ordered(enter: Enter, shop: Shop, world: World) -> None:
    _, path = await bought(shop, world)
    visitor = await enter(world.buyer)
    await confirm(visitor, f"{path}/renew", period_number=1)
    await shop.sql(f"UPDATE prices SET amount_minor = 1300 WHERE id = '{world.seats_monthly}'")
    page = await visitor.send(f"{path}/renew")
    assert page.status_code == 409
    assert "The price changed in the meantime" in page.text
    assert "CN¥130.00" in page.text
    page = await visitor.send(f"{path}/renew")
    assert page.url.path.endswith("/pay")


async def test_a_change_at_renewal_waits_until_the_seller_allows_it(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number, path = await bought(shop, world, periods=3)
    visitor = await enter(world.buyer)
    page = await visitor.get(f"{path}/renew?quantity=20")
    assert "A renewal can bring a change from" in page.text
    assert 'name="quantity"' not in page.text
    await shop.run_due(timedelta(days=70))
    visitor = await enter(world.buyer)
    page = await visitor.get(f"{path}/renew?quantity=20")
    assert "the seller is asked first" in page.text
    await confirm(visitor, f"{path}/renew", period_number=1, quantity=20)
    page = await visitor.send(f"{path}/renew")
    renewal = page.url.path.rsplit("/", 1)[1]
    assert page.url.path == f"/buyer/orders/{renewal}"  # there is nothing to pay yet
    assert "The seller is asked whether it allows the change" in page.text
    assert 'hx-trigger="every 2s"' in page.text
    assert (await visitor.get("/buyer")).text.count("The seller is asked whether it allows the change") == 1
    await shop.run_due()
    check = await shop.call(renewal, "changeInstanceCheck")
    for actor, base, linked in ((world.seller, "/seller", False), (world.operator, "/operator", True)):
        reader = await enter(actor)
        for place in ("calls", f"calls/{check.id}"):
            shown = (await reader.get(f"{base}/{place}")).text
            assert renewal in shown
            assert (f'href="{base}/orders/{renewal}"' in shown) == linked, "a seller has no page of an unpaid order"
    page = await visitor.get(f"/buyer/orders/{renewal}")
    assert "It waits for your payment" in page.text
    await visitor.send(f"/buyer/orders/{renewal}/pay", at=f"/buyer/orders/{renewal}/pay")
    await shop.run_due()
    assert (await shop.subscription(number)).quantity == 20


async def test_an_upgrade_shows_every_step_of_its_price(enter: Enter, shop: Shop, world: World) -> None:
    number, path = await bought(shop, world)
    visitor = await enter(world.buyer)
    page = await visitor.get(f"{path}/change?quantity=30")
    for step in ("The new: 30 × CN¥12.00 for 30 days, 31 days of it", "Less the old: 10 × CN¥12.00", "CN¥248.00"):
        assert step in page.text
    assert "good until the end of the day" in page.text
    for wrong in ("15", "5", "110", "x"):
        assert (await visitor.get(f"{path}/change?quantity={wrong}")).status_code == 422
    assert "That is what you have already" in (await visitor.get(f"{path}/change?quantity=10")).text
    await confirm(visitor, f"{path}/change", quantity=30)
    page = await visitor.send(f"{path}/change")
    page = await visitor.send(page.url.path, instrument="balance")
    await shop.run_due()
    assert (await shop.subscription(number)).quantity == 30
    page = await visitor.get(page.url.path)
    assert "The new: 30" in page.text
    assert "<strong>30</strong>" in page.text


async def test_an_application_that_is_frozen_can_be_renewed_but_not_upgraded(
    enter: Enter, shop: Shop, world: World
) -> None:
    _, path = await bought(shop, world)
    await shop.run_due(timedelta(days=40))
    visitor = await enter(world.buyer)
    page = await visitor.get(path)
    assert 'data-state="frozen"' in page.text
    assert "It is frozen, and can still be saved" in page.text
    assert "Frozen: it was not renewed in time" in page.text
    assert "renew it first" in deed(page.text, "change")
    assert f'href="{path}/renew"' in deed(page.text, "renew")
    assert f"{path}/renew" in (await visitor.get("/buyer")).text
    page = await visitor.get(f"{path}/change")
    assert "renew it first" in page.text
    await shop.run_due(timedelta(days=20))
    page = await visitor.get(path)
    assert 'data-state="released"' in page.text
    assert "data-deed" not in page.text
    assert (await visitor.get(f"{path}/renew")).text.count('name="expected_total"') == 0


async def test_automatic_renewal_is_turned_on_and_off(enter: Enter, shop: Shop, world: World) -> None:
    number, path = await bought(shop, world)
    visitor = await enter(world.buyer)
    page = await visitor.send(f"{path}/automatic-renewal", at=path)
    assert "It is renewed by itself from now on." in page.text
    assert "It is renewed automatically" in page.text
    assert (await shop.subscription(number)).auto_renew
    await visitor.send(f"{path}/automatic-renewal")
    page = await visitor.post(f"{path}/automatic-renewal", **visitor.form("/logout"), on="0")
    assert "It is no longer renewed by itself." in page.text
    assert not (await shop.subscription(number)).auto_renew


async def test_a_trial_is_begun_once_and_converted(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.buyer)
    page = await visitor.get(f"/products/north-suite?price={world.monthly}")
    assert "Try it free for 14 days" in page.text
    trial = f"/buyer/trials/new?product=north-suite&price={world.monthly}"
    assert "14 days" in (await visitor.get(trial)).text
    form = visitor.form("/buyer/trials/new")
    page = await visitor.send("/buyer/trials/new")
    number = page.url.path.rsplit("/", 1)[1]
    assert "This was sent twice; it was done once." in (await visitor.post("/buyer/trials/new", **form)).text
    again = await visitor.post("/buyer/trials/new", **(form | {"idempotency_key": "another"}))
    assert again.status_code == 409
    assert "has tried this product before" in again.text
    page = await visitor.get(f"/products/north-suite?price={world.monthly}")
    assert "Try it free for 14 days" not in page.text
    assert number in page.text
    await shop.run_due()
    path = f"/buyer/applications/{(await shop.instance(number)).id}"
    page = await visitor.get(path)
    assert "You are trying it" in page.text
    assert not deed(page.text, "renew")
    await confirm(visitor, f"{path}/convert", period_number=1)
    page = await visitor.send(f"{path}/convert")
    await visitor.send(page.url.path, instrument="balance")
    await shop.run_due()
    assert not (await shop.subscription(number)).trial


async def test_what_cannot_be_tried_says_so(enter: Enter, world: World) -> None:
    visitor = await enter(world.buyer)
    for price in (world.seats_monthly, world.one_time, "nonsense"):
        page = await visitor.get(f"/buyer/trials/new?product=north-suite&price={price}")
        assert page.status_code == 409
        assert "cannot be tried" in page.text
    assert (await visitor.get("/buyer/trials/new?product=nothing")).status_code == 404


async def test_a_renewal_that_has_not_begun_is_taken_back_once(enter: Enter, shop: Shop, world: World) -> None:
    number, path = await bought(shop, world)
    for _ in range(2):
        await shop.renew(number)
        await shop.run_due()
    visitor = await enter(world.buyer)
    await visitor.get(path)
    form = visitor.form(f"{path}/cancel-renewal")
    answers = [await visitor.post(f"{path}/cancel-renewal", **form) for _ in range(2)]
    assert "The renewal is cancelled" in answers[0].text
    assert "This was sent twice; it was done once." in answers[1].text
    assert await shop.sql("SELECT count(*) FROM orders WHERE order_type = 'UNSUBSCRIBE'") == [(1,)]
    await shop.run_due()
    await visitor.get(path)
    await visitor.send(f"{path}/cancel-renewal")
    await shop.run_due()
    page = await visitor.get(path)
    assert not deed(page.text, "cancel_renewal")
    page = await visitor.post(f"{path}/cancel-renewal", **(form | {"idempotency_key": "another"}))
    assert page.status_code == 409
    assert "There is no renewal that has not begun yet." in page.text
    ledger = (await (await enter(world.seller)).get("/seller/ledger")).text
    assert ledger.count('data-posting="taken_back"') == 2
    assert ledger.count("can be settled from") == 2, "only of what was released"


@pytest.mark.parametrize(("locale", "words"), [("en", "9 of 10 chances"), ("zh", "10 次机会还剩 9 次")])
async def test_unsubscribing_says_what_comes_back_and_does_it_once(
    enter: Enter, shop: Shop, world: World, locale: str, words: str
) -> None:
    _, path = await bought(shop, world)
    _, other = await bought(shop, world)
    visitor = await enter(world.buyer, locale)
    page = await visitor.get(f"{path}/unsubscribe")
    assert "¥120.00" in page.text
    form = visitor.form(f"{path}/unsubscribe")
    answer = await visitor.post(f"{path}/unsubscribe", **(form | {"expected_refund": "1", "idempotency_key": "x"}))
    assert answer.status_code == 409
    page = await visitor.post(f"{path}/unsubscribe", **form)
    assert 'data-type="UNSUBSCRIBE"' in page.text
    again = await visitor.post(f"{path}/unsubscribe", **form)
    assert again.url.path == page.url.path
    await shop.run_due()
    page = await visitor.get(page.url.path)
    assert 'data-state="completed"' in page.text
    assert words in (await visitor.get(other)).text
    assert (await visitor.get(f"{path}/unsubscribe")).status_code == 200  # and says that it has ended
    assert "expected_refund" not in visitor.page


async def test_after_five_days_nothing_can_be_unsubscribed(enter: Enter, shop: Shop, world: World) -> None:
    _, path = await bought(shop, world)
    await shop.run_due(timedelta(days=6))
    visitor = await enter(world.buyer)
    page = await visitor.get(path)
    assert "ended on 7 Mar 2026, 17:00" in deed(page.text, "unsubscribe")
    page = await visitor.get(f"{path}/unsubscribe")
    assert "ended on 7 Mar 2026, 17:00" in page.text
    assert "expected_refund" not in page.text


async def test_orders_are_listed_by_type(enter: Enter, shop: Shop, world: World) -> None:
    number, _ = await bought(shop, world)
    renewal = await shop.renew(number)
    await shop.run_due()
    for actor, base in ((world.buyer, "/buyer"), (world.seller, "/seller"), (world.operator, "/operator")):
        visitor = await enter(actor)
        page = await visitor.get(f"{base}/orders?type=RENEW")
        assert f"{base}/orders/{renewal}" in page.text
        assert f"{base}/orders/{number}" not in page.text
        page = await visitor.get(f"{base}/orders?type=nonsense")
        assert f"{base}/orders/{number}" in page.text


async def test_a_renewal_is_not_taken_back_once_what_it_prolongs_was_upgraded(
    enter: Enter, shop: Shop, world: World
) -> None:
    number, path = await bought(shop, world)
    await shop.renew(number)
    await shop.run_due(timedelta(hours=1))
    visitor = await enter(world.buyer)
    assert deed((await visitor.get(path)).text, "cancel_renewal")
    await shop.change(number, world.seats, 20)
    await shop.run_due(timedelta(hours=1))
    assert not deed((await visitor.get(path)).text, "cancel_renewal")
