"""A purchase by its forms: chosen, confirmed, paid, followed; and everything a person can do wrong on the way."""

import asyncio
from datetime import timedelta

import pytest
from tests.web.conftest import Enter
from tests.world import SellerServer, Shop, World

CHOICE = "/buyer/orders/new?product=north-suite&price={price}&quantity={quantity}&period_number={periods}"


async def test_a_choice_is_confirmed_ordered_and_paid(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    visitor = await enter(world.buyer)
    page = await visitor.get(CHOICE.format(price=world.seats_monthly, quantity=10, periods=3))
    assert "CN¥12.00 × 10 Seats × 3 months" in page.text.replace('<span class="num">', "").replace("</span>", "")
    assert "CN¥360.00" in page.text
    page = await visitor.send("/buyer/orders/new")
    assert page.url.path.endswith("/pay")
    number = page.url.path.split("/")[3]
    page = await visitor.send(f"/buyer/orders/{number}/pay", instrument="balance")
    assert page.url.path == f"/buyer/orders/{number}"
    assert "Paid. The seller is asked to open it." in page.text
    assert "Paid. The seller is asked to open it." not in (await visitor.get(page.url.path)).text
    assert 'hx-trigger="every 2s"' in visitor.page
    await shop.run_due()
    page = await visitor.get(f"/buyer/orders/{number}")
    assert "Your application is ready" in page.text
    assert 'hx-trigger="every 2s"' not in page.text
    for happened in ("Order placed", "Payment received", "Application opened", "Order completed"):
        assert happened in page.text


async def test_a_choice_survives_signing_in(enter: Enter, world: World) -> None:
    visitor = await enter()
    path = CHOICE.format(price=world.seats_monthly, quantity=15, periods=2)
    await visitor.get(path)
    page = await visitor.send("/login", email=world.email(world.buyer), password="correct-horse-42")
    assert "CN¥360.00" in page.text


async def test_sent_twice_it_is_one_order(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.buyer)
    await visitor.get(CHOICE.format(price=world.monthly, quantity=1, periods=1))
    form = visitor.form("/buyer/orders/new")
    answers = await asyncio.gather(*(visitor.client.post("/buyer/orders/new", data=form) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert await shop.sql("SELECT count(*) FROM orders") == [(1,)]
    page = await visitor.post("/buyer/orders/new", **form)
    assert "This was sent twice; it was done once." in page.text
    # The same choice made anew is another order.
    await visitor.get(CHOICE.format(price=world.monthly, quantity=1, periods=1))
    await visitor.send("/buyer/orders/new")
    assert await shop.sql("SELECT count(*) FROM orders") == [(2,)]


async def test_a_stale_price_is_told_with_the_new_one(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.buyer)
    await visitor.get(CHOICE.format(price=world.monthly, quantity=1, periods=1))
    await shop.sql(f"UPDATE prices SET amount_minor = 12900 WHERE id = '{world.monthly}'")
    page = await visitor.send("/buyer/orders/new")
    assert page.status_code == 409
    assert "The price changed in the meantime" in page.text
    assert "CN¥129.00" in page.text
    assert await shop.sql("SELECT count(*) FROM orders") == [(0,)]
    page = await visitor.send("/buyer/orders/new")
    assert page.url.path.endswith("/pay")
    assert "CN¥129.00" in page.text


async def test_what_is_off_sale_meanwhile_is_told_so(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.buyer)
    await visitor.get(CHOICE.format(price=world.monthly, quantity=1, periods=1))
    await shop.sql("UPDATE products SET state = 'off_sale' WHERE slug = 'north-suite'")
    page = await visitor.send("/buyer/orders/new")
    assert page.status_code == 409
    assert "no longer on sale" in page.text


async def test_an_old_link_to_what_was_taken_off_sale_says_so(enter: Enter, shop: Shop, world: World) -> None:
    for actor in (None, world.buyer):
        visitor = await enter(actor)
        await shop.sql("UPDATE products SET state = 'off_sale' WHERE slug = 'north-suite'")
        page = await visitor.get("/products/north-suite")
        assert page.status_code == 410
        assert "is no longer on sale" in page.text
        assert "CN¥" not in page.text
        await shop.sql("UPDATE products SET state = 'draft' WHERE slug = 'north-suite'")
        assert (await visitor.get("/products/north-suite")).status_code == 404


async def test_paying_and_cancelling_twice_claim_nothing_new(enter: Enter, world: World) -> None:
    visitor = await enter(world.buyer)
    await visitor.get(CHOICE.format(price=world.monthly, quantity=1, periods=1))
    page = await visitor.send("/buyer/orders/new")
    path = page.url.path
    form = visitor.form(path)
    assert "Paid. The seller is asked to open it." in (await visitor.post(path, **form)).text
    assert "It was paid before; nothing was taken again." in (await visitor.post(path, **form)).text

    await visitor.get(CHOICE.format(price=world.monthly, quantity=1, periods=1))
    page = await visitor.send("/buyer/orders/new")
    path = page.url.path.removesuffix("/pay") + "/cancel"
    form = visitor.form(path)
    assert "The order is cancelled." in (await visitor.post(path, **form)).text
    assert "The order was cancelled before." in (await visitor.post(path, **form)).text


async def test_wrong_numbers_are_marked_and_kept(enter: Enter, world: World, shop: Shop) -> None:
    visitor = await enter(world.buyer)
    for quantity in ("7", "0", "-5", "many", "", "99999999999999999999999"):
        page = await visitor.get(CHOICE.format(price=world.seats_monthly, quantity=quantity, periods=1))
        assert page.status_code == 422, quantity
        assert 'aria-invalid="true"' in page.text
        page = await visitor.get(f"/products/north-suite?price={world.seats_monthly}&quantity={quantity}")
        assert 'aria-invalid="true"' in page.text
    await visitor.get(CHOICE.format(price=world.seats_monthly, quantity=5, periods=1))
    assert (await visitor.send("/buyer/orders/new", quantity="6")).status_code == 422
    assert (
        await visitor.send(
            "/buyer/orders/new", quantity="six", at=CHOICE.format(price=world.seats_monthly, quantity=5, periods=1)
        )
    ).status_code == 422
    assert (await visitor.get("/buyer/orders/new?product=north-suite&price=nonsense")).status_code == 409
    assert await shop.sql("SELECT count(*) FROM orders") == [(0,)]


async def test_a_declined_payment_takes_nothing_and_says_so(enter: Enter, shop: Shop, world: World) -> None:
    number = await shop.place()
    visitor = await enter(world.buyer)
    path = f"/buyer/orders/{number}/pay"
    page = await visitor.send(path, at=path, instrument="declined_card")
    assert page.status_code == 402
    assert "The payment was declined; nothing was taken." in page.text
    assert (await shop.order(number)).state == "pending_payment"
    assert (await visitor.send(path, instrument="balance")).url.path == f"/buyer/orders/{number}"


async def test_paying_what_was_cancelled_elsewhere_is_a_conflict(enter: Enter, shop: Shop, world: World) -> None:
    number = await shop.place()
    visitor = await enter(world.buyer)
    await visitor.get(f"/buyer/orders/{number}/pay")
    await shop.cancel(number)
    page = await visitor.send(f"/buyer/orders/{number}/pay", instrument="balance")
    assert page.status_code == 409
    assert "it is now Cancelled" in page.text


async def test_cancelling_what_was_paid_elsewhere_is_a_conflict(enter: Enter, shop: Shop, world: World) -> None:
    number = await shop.place()
    visitor = await enter(world.buyer)
    await visitor.get(f"/buyer/orders/{number}")
    await shop.pay(number)
    page = await visitor.send(f"/buyer/orders/{number}/cancel")
    assert page.status_code == 409
    assert "already paid" in page.text


async def test_somebody_elses_order_is_as_unknown_as_an_unknown_one(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    instance = await shop.instance(number)
    stranger = await enter(world.other_buyer)
    token = (await stranger.get("/buyer")) and stranger.form("/logout")["_csrf_token"]
    told = []
    for known in (number, "CS2603020000ZZZZZ"):
        for path in (f"/buyer/orders/{known}", f"/buyer/orders/{known}/pay", f"/buyer/orders/{known}/progress"):
            answer = await stranger.get(path)
            assert answer.status_code == 404
            told.append(answer.text.count("There is no such order of yours."))
        for verb in ("pay", "cancel"):
            assert (await stranger.post(f"/buyer/orders/{known}/{verb}", _csrf_token=token)).status_code == 404
    assert told == [1] * 6
    for known in (str(instance.id), "0199a1c2-77de-7c31-b2c4-5a1a9f0e1d2c", "nonsense"):
        assert (await stranger.get(f"/buyer/applications/{known}")).status_code == 404
        for verb in ("refresh", "password"):
            answer = await stranger.post(f"/buyer/applications/{known}/{verb}", _csrf_token=token)
            assert answer.status_code == 404


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_an_order_that_cannot_be_opened_tells_its_whole_story(
    enter: Enter, shop: Shop, world: World, locale: str
) -> None:
    number = await shop.buy()
    await shop.run_due()
    visitor = await enter(world.buyer, locale)
    words = {
        "en": (
            "The seller is called again",
            "The server cannot be reached",
            "Your money was returned",
            "Money returned",
        ),
        "zh": ("将再次通知商家开通", "无法连接服务器", "款项已退回", "已放弃开通"),
    }[locale]
    page = await visitor.get(f"/buyer/orders/{number}")
    assert words[0] in page.text
    assert words[1] in page.text
    mark = page.text.split("seen=")[1].split('"')[0]
    assert (await visitor.get(f"/buyer/orders/{number}/progress?seen={mark}")).status_code == 204
    await shop.run_due(timedelta(hours=5))
    part = await visitor.get(f"/buyer/orders/{number}/progress?seen={mark}", **{"HX-Request": "true"})
    assert "<html" not in part.text
    assert words[2] in part.text
    assert words[3] in part.text
    assert "hx-trigger" not in part.text


async def test_an_application_shows_how_to_get_in_and_hides_its_password(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    instance = await shop.instance(number)
    async with shop.installation.db.transaction(world.buyer) as tx:
        secret = await shop.installation.provisioning.reveal_password(tx, instance.id)
    assert secret
    visitor = await enter(world.buyer)
    path = f"/buyer/applications/{instance.id}"
    page = await visitor.get(path)
    assert instance.front_end_url
    assert instance.front_end_url in page.text
    assert secret not in page.text
    page = await visitor.send(f"{path}/password")
    assert secret in page.text
    assert page.headers["Cache-Control"] == "no-store"
    page = await visitor.send(f"{path}/refresh", at=path)
    assert "These details are up to date." in page.text
    await shop.run_due(timedelta(minutes=10))
    assert "The seller is asked for the latest details." in (await visitor.send(f"{path}/refresh", at=path)).text
    assert "every 2s" in (await visitor.get(path)).text
