"""Messages, templates and statistics of service supervision by their forms, without a browser."""

import re
from datetime import timedelta
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.web.conftest import Enter, Visitor
from tests.world import Shop, World

from tradehall.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path)


def said(visitor: Visitor) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", visitor.page)).split())


async def test_a_message_is_sent_once_read_once_and_counted_until_then(
    enter: Enter, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    place = f"/buyer/supervision/{number}"
    buyer, seller = await enter(world.buyer), await enter(world.seller)
    await buyer.get(place)
    form = buyer.form(f"{place}/messages") | {"to": "seller", "text": "When do you <begin>?"}
    form.pop("remove", None)
    for _ in range(2):
        answer = await buyer.post(f"{place}/messages", **form)
        assert answer.status_code == 200
    assert len(re.findall(r'id="message-\d+"', buyer.page)) == 1
    assert "When do you &lt;begin&gt;?" in buyer.page
    await seller.get("/seller/supervision?view=open")
    assert "1 new message" in said(seller)
    await seller.get("/seller")
    assert "Messages in orders" in said(seller)
    await seller.get(f"/seller/supervision/{number}")
    assert "1 new" in said(seller)
    await seller.get(f"/seller/supervision/{number}")
    assert "1 new" not in said(seller)
    await buyer.get(place)
    assert "Seller: read by Sam Seller" in said(buyer)
    news = await buyer.get(f"{place}/messages/news?seen=1")
    assert news.status_code == 204
    assert (await buyer.get(f"{place}/messages/news?seen=0")).status_code == 200


async def test_a_message_with_a_mistake_comes_back_with_what_was_written(
    enter: Enter, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    place = f"/seller/supervision/{number}"
    seller = await enter(world.seller)
    answer = await seller.send(f"{place}/messages", at=place, to="nobody", text="What I wrote")
    assert answer.status_code == 422
    assert "You cannot write to these." in said(seller)
    assert "What I wrote" in seller.page
    answer = await seller.send(f"{place}/messages", at=place, to="buyer", text="", reply_to="no id")
    assert answer.status_code == 422
    for cursor in ("after=nonsense", "before=%00"):
        assert (await seller.get(f"{place}?{cursor}")).status_code == 422
    assert (await seller.get(f"{place}?reply=nonsense")).status_code == 200


async def test_whoever_waits_reminds_and_is_told_when_again(enter: Enter, world: World, supervised: Supervised) -> None:
    number = await supervised.buy("service")
    place = f"/seller/supervision/{number}"
    seller, member = await enter(world.seller), await enter(world.seller_member)
    await member.get(place)
    await seller.send(f"{place}/urge", at=place)
    assert "The buyer was reminded once." in said(seller)
    assert f'action="{place}/urge"' not in seller.page
    answer = await member.send(f"{place}/urge")
    assert answer.status_code == 409
    assert "Your side reminded them already." in said(member)


async def test_an_organisation_keeps_templates(enter: Enter, world: World, supervised: Supervised) -> None:
    home = "/seller/supervision/templates"
    seller = await enter(world.seller)
    await seller.send(home, at=home, name="Which database", text="For {number}?")
    assert 'data-template="Which database"' in seller.page
    answer = await seller.send(home, at=home, name="which database", text="Once more")
    assert answer.status_code == 409
    assert "Once more" in seller.page
    await seller.get(home)
    (place,) = re.findall(rf'action="({home}/[0-9a-f-]+)"', seller.page)
    answer = await seller.send(place, at=home, name="", text="x")
    assert answer.status_code == 422
    await seller.send(place, at=home, name="Which one", text="For {number}: which one?")
    number = await supervised.buy("service")
    await seller.get(f"/seller/supervision/{number}")
    assert f"For {number}: which one?" in seller.page
    await seller.send(f"{place}/delete", at=home)
    assert "Which one" not in seller.page
    await (buyer := await enter(world.buyer, "zh")).get("/buyer/supervision/templates")
    assert "内置模板" in buyer.page


async def test_statistics_by_period_type_and_seller_and_for_excel(
    enter: Enter, world: World, shop: Shop, supervised: Supervised
) -> None:
    await supervised.complete(await supervised.buy("orchestration"))
    shop.clock.advance(timedelta(days=3))
    await supervised.buy("service")
    operator, seller = await enter(world.operator), await enter(world.seller)
    home = "/operator/supervision/statistics"
    await operator.get(home)
    assert len(re.findall("data-chart=", operator.page)) == 4
    assert "Deliver orchestration" in operator.page, "as on the order's page"
    assert "Delivery by the seller" not in operator.page
    assert re.findall(r'id="standing".*?</table>', operator.page, re.DOTALL)[0].count("<tr>") == 2
    for query, shown in (
        ("type=service", 1), ("seller=north", 1), ("seller=lotus", 0), ("seller=nobody", 0), ("seller=o", 0),
        (f"seller={world.other_seller.organisation_id}", 0), ("type=nonsense&from=x&to=9999-99-99", 1),
    ):  # fmt: skip
        answer = await operator.get(f"{home}?{query}")
        assert answer.status_code == 200
        assert operator.page.count('id="standing"') == shown, query
    await operator.get(f"{home}?from=2001-01-01")
    assert "Choose at most 732 days." in said(operator)
    await seller.get("/seller/supervision/statistics")
    assert 'id="standing"' in seller.page
    answer = await seller.client.get("/seller/supervision/statistics/export")
    book = load_workbook(BytesIO(answer.content))
    assert book.sheetnames == [
        "Where orders stand", "Time at each node", "By day", "Appeals and refunds", "About these numbers"
    ]  # fmt: skip
    assert [cell.value for cell in book["Where orders stand"][2]][:4] == [
        "Manual service", "Submit requirement", "Buyer", 1
    ]  # fmt: skip
