"""The operator's console over HTTP: everybody's orders and calls, parked work, organisations and their people."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.web.test_seller import Enter, enter, failing
from tests.world import SellerServer, Shop, World

from tradehall.provisioning.model import Call

__all__ = ["enter", "failing"]  # fixtures

PAGES = {
    "/operator": ("Overview", "概览"),
    "/operator/orders": ("Orders", "订单"),
    "/operator/calls": ("Calls to sellers", "商家接口调用"),
    "/operator/organisations": ("Organisations", "组织"),
}


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_there_in_both_languages(path: str, enter: Enter, world: World, failing: Call) -> None:
    browser = await enter(world.operator)
    for locale, title in zip(("en", "zh"), PAGES[path], strict=True):
        browser.speak(locale)
        assert re.search(rf"<h1>{title}", await browser.get(path))


async def test_operators_see_every_order_and_call(enter: Enter, world: World, shop: Shop, failing: Call) -> None:
    other = await shop.place(world.other_price, by=world.other_buyer)
    browser = await enter(world.operator)
    page = await browser.get("/operator/orders")
    assert other in page
    assert failing.order_number in page
    page = await browser.get("/operator/orders?state=pending_payment")
    assert other in page
    assert failing.order_number not in page
    for number in (other, failing.order_number):
        await browser.get(f"/operator/orders/{number}")
    assert f"/operator/calls/{failing.id}" in await browser.get(f"/operator/calls?failing=1&q={failing.order_number}")
    assert "Northwind Software" in await browser.get(f"/operator/calls/{failing.id}")
    await browser.get(f"/operator/calls/{uuid4()}", status=404)
    await browser.get("/operator/orders/CS0", status=404)


async def test_sellers_that_fail_come_first(enter: Enter, world: World, failing: Call) -> None:
    browser = await enter(world.operator_member)
    page = await browser.get("/operator")
    assert page.index("Sellers with failing interfaces") < page.index("Orders in process")
    assert f"/operator/organisations/{world.seller.organisation_id}" in page


async def test_when_all_is_well_the_overview_says_so(enter: Enter, world: World) -> None:
    page = await (await enter(world.operator)).get("/operator")
    assert "Every seller answers, and nothing is stuck." in page
    assert "Parked work" not in page


async def test_an_operator_restarts_a_call(
    enter: Enter, world: World, shop: Shop, failing: Call, seller_server: SellerServer
) -> None:
    seller_server.manner = "instant"
    browser = await enter(world.operator)
    await browser.post(f"/operator/calls/{failing.id}/restart", {"seen_attempts": failing.attempts})
    await shop.run_due()
    assert (await shop.order(failing.order_number)).state == "completed"


async def test_parked_work_is_tried_again(enter: Enter, world: World, shop: Shop, failing: Call) -> None:
    row = uuid4()
    await shop.run_due(timedelta(hours=4))
    await shop.sql(
        f"""
        INSERT INTO due_rows (id, kind, subject_id, due_at, attempts, last_error, parked_at, created_at)
        SELECT '{row}', 'order.refund', id, created_at, 10, 'Broken: no gateway', created_at, created_at
        FROM orders WHERE number = '{failing.order_number}'
        """
    )
    browser = await enter(world.operator)
    page = await browser.get("/operator")
    assert "Broken: no gateway" in page
    assert "Give money back" in page
    page = await browser.post(f"/operator/parked/{row}/retry", {})
    assert "It is carried out again now." in page
    assert "Broken: no gateway" not in page
    await browser.post(f"/operator/parked/{row}/retry", {}, status=404)
    await browser.post("/operator/parked/nonsense/retry", {}, status=404)


async def test_organisations_are_found_and_shown_with_their_people(enter: Enter, world: World) -> None:
    browser = await enter(world.operator)
    page = await browser.get("/operator/organisations?kind=seller&q=lotus")
    assert "Lotus Cloud" in page
    assert "Northwind Software" not in page
    page = await browser.get(f"/operator/organisations/{world.seller.organisation_id}")
    assert "sofia.support@example.com" in page
    await browser.get(f"/operator/organisations/{uuid4()}", status=404)
    await browser.get("/operator/organisations/nonsense", status=404)


async def test_others_are_refused_at_the_operators_pages(enter: Enter, world: World, failing: Call) -> None:
    for actor in (world.buyer, world.seller):
        browser = await enter(actor)
        for path in (*PAGES, f"/operator/calls/{failing.id}", f"/operator/orders/{failing.order_number}"):
            await browser.get(path, status=403)
        await browser.post(f"/operator/calls/{failing.id}/restart", {"seen_attempts": 1}, status=403)
        await browser.post(f"/operator/parked/{uuid4()}/retry", {}, status=403)
