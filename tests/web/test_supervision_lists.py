"""Lists of supervised orders: whose turn it is and by when, how they are narrowed, and what goes to Excel."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from tests.supervised import Supervised
from tests.web.conftest import Enter, Visitor
from tests.web.desk import filters, tabs
from tests.world import Shop, World

from tradehall.kernel.clock import StillClock
from tradehall.supervision import queries
from tradehall.supervision.queries import FlowFilter
from tradehall.supervision.turns import queue_request
from tradehall.web.supervision import export
from tradehall.web.supervision.words import DESKS

ROW = re.compile(r'<tr data-order="(\w+)"')
Buy = Callable[..., Awaitable[str]]


@pytest.fixture
def buy(supervised: Supervised, clock: StillClock) -> Buy:
    """Buys one after the other, so that it is known which is the newer."""

    async def buy(delivery_type: str, **product: Any) -> str:
        clock.advance(timedelta(hours=2))
        return await supervised.buy(delivery_type, **product)

    return buy


async def shown(visitor: Visitor, path: str) -> list[str]:
    """The numbers of the orders in a list, in their order."""
    answer = await visitor.get(path)
    assert answer.status_code == 200, answer.text
    return ROW.findall(visitor.page)


def row_of(visitor: Visitor, number: str) -> str:
    found = re.search(rf'<tr data-order="{number}".*?</tr>', visitor.page, re.DOTALL)
    assert found
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


# --- views and whose they are


async def test_each_side_first_sees_what_waits_for_it(enter: Enter, world: World, buy: Buy) -> None:
    asked, delivered = await buy("service"), await buy("orchestration")
    buyer, seller, operator = [await enter(one) for one in (world.buyer, world.seller, world.operator)]
    assert await shown(buyer, "/buyer/supervision") == [asked]
    assert await shown(seller, "/seller/supervision") == [delivered]
    assert await shown(operator, "/operator/supervision") == []
    assert "Nothing waits for you" in operator.page
    assert "2 orders are under way" in operator.page
    for visitor, path in ((buyer, "/buyer"), (seller, "/seller"), (operator, "/operator")):
        assert await shown(visitor, f"{path}/supervision?view=open") == [delivered, asked]
    assert tabs(buyer) == {
        "My turn": "1", "Under way": "2", "Overdue": "", "Completed": "", "Cancelled": "", "All": "2",
    }  # fmt: skip


async def test_nobody_sees_the_orders_of_others(enter: Enter, world: World, buy: Buy, supervised: Supervised) -> None:
    number = await buy("service")
    await supervised.complete(await buy("data_file"))
    for actor, base in ((world.other_buyer, "/buyer"), (world.other_seller, "/seller")):
        stranger = await enter(actor)
        for view in ("mine", "open", "overdue", "completed", "cancelled", "all"):
            assert await shown(stranger, f"{base}/supervision?view={view}") == []
            assert await shown(stranger, f"{base}/supervision?view={view}&number={number}") == []
        await stranger.get(f"{base}/supervision")
        assert "Nothing under supervision yet" in stranger.page
        assert set(tabs(stranger).values()) == {"0", ""}


async def test_a_row_says_where_the_order_stands_and_what_to_do(enter: Enter, world: World, buy: Buy) -> None:
    number = await buy("service")
    buyer, seller = await enter(world.buyer), await enter(world.seller, "zh")
    await shown(buyer, "/buyer/supervision")
    row = row_of(buyer, number)
    for told in ("Standard", "Northwind Software", "CN¥1,000.00", "In process", "Submit requirement", "Manual service"):
        assert told in row
    assert row.endswith("Submit the requirement")
    assert f'href="/buyer/supervision/{number}#form-submit_requirement"' in buyer.page
    await shown(seller, "/seller/supervision?view=open")
    row = row_of(seller, number)
    for told in ("标准版", "顶点贸易", "处理中", "买家", "查看详情"):
        assert told in row
    assert "交易管理 &gt; 服务监管" in seller.page


async def test_a_review_is_called_by_its_name_as_long_as_it_is_not_decided(
    enter: Enter, world: World, buy: Buy, supervised: Supervised, shop: Shop
) -> None:
    await shop.sql(f"UPDATE organisations SET track = 'base' WHERE id = '{world.buyer.organisation_id}'")
    number = await buy("orchestration", product_class="joint")
    await supervised.act(number, "deliver")
    operator = await enter(world.operator)
    assert await shown(operator, "/operator/supervision") == [number]
    assert row_of(operator, number).endswith("Platform review")
    await operator.get("/operator")
    assert f'href="/operator/supervision/{number}#form-approve_delivery">Platform review</a>' in operator.page


async def test_what_is_late_is_shown_to_all_sides_and_stands_out(
    enter: Enter, world: World, buy: Buy, clock: StillClock
) -> None:
    first, second = await buy("service"), await buy("orchestration")
    seller = await enter(world.seller)
    assert await shown(seller, "/seller/supervision?view=overdue") == []
    assert "Nothing is overdue" in seller.page
    clock.advance(timedelta(days=40))
    for actor, base in ((world.buyer, "/buyer"), (world.seller, "/seller"), (world.operator, "/operator")):
        visitor = await enter(actor)
        assert set(await shown(visitor, f"{base}/supervision?view=overdue")) == {first, second}
        assert "deadline is-late" in visitor.page
        assert tabs(visitor)["Overdue"] == "2"
    assert await shown(seller, "/seller/supervision?view=open&overdue=1&turn=seller") == [second]


async def test_what_is_frozen_waits_for_who_settles_it(
    enter: Enter, world: World, buy: Buy, supervised: Supervised
) -> None:
    number = await buy("service")
    await supervised.act(number, "appeal")
    buyer = await enter(world.buyer)
    assert await shown(buyer, "/buyer/supervision") == []
    assert await shown(buyer, "/buyer/supervision?view=open") == [number]
    assert "Appeal The marketplace" in row_of(buyer, number)


async def test_completed_orders_leave_the_queue_for_their_tab(
    enter: Enter, world: World, buy: Buy, supervised: Supervised
) -> None:
    number = await buy("data_file")
    await supervised.complete(number)
    buyer = await enter(world.buyer)
    assert await shown(buyer, "/buyer/supervision?view=completed") == [number]
    assert "Completed" in row_of(buyer, number)
    assert await shown(buyer, "/buyer/supervision") == []
    assert "Nothing is under way" in buyer.page


# --- filters


async def test_lists_are_narrowed_by_what_stands_in_the_address(
    enter: Enter, world: World, buy: Buy, clock: StillClock
) -> None:
    service, hardware = await buy("service"), await buy("hardware")
    clock.advance(timedelta(days=3))
    late = await buy("orchestration")
    operator = await enter(world.operator)

    async def found(query: str) -> list[str]:
        return await shown(operator, f"/operator/supervision?view=all&{query}")

    assert await found("") == [late, hardware, service]
    assert filters(operator) == ["number", "product", "type", "node", "turn", "overdue", "from", "to"]
    assert await found(f"number={service}") == await found(f"number={service[:12].lower()}") == [service]
    assert await found("type=hardware") == await found("product=hardware") == [hardware]
    assert await found("node=request") == [service]
    assert await found("type=orchestration&node=delivery") == await found("turn=seller&from=2026-03-04") == [late]
    assert await found("turn=buyer") == [service]
    assert await found("turn=platform") == await found("overdue=1") == []
    assert await found("to=2026-03-03") == [hardware, service]
    assert await found("from=2026-03-04") == [late]
    assert await shown(operator, "/operator/supervision?type=hardware") == [hardware]  # all, where no tab is named
    assert await found("product=no%20such%20thing") == []
    assert "No supervised orders match" in operator.page
    assert await found("number=CS26") == []
    assert "Write its first 12 characters at least" in operator.page


async def test_an_address_that_says_nonsense_shows_what_it_can(enter: Enter, world: World, buy: Buy) -> None:
    number = await buy("service")
    buyer = await enter(world.buyer)
    assert await shown(buyer, "/buyer/supervision?view=what&type=what&node=what&turn=me&from=soon") == [number]
    assert (await buyer.get("/buyer/supervision?after=nonsense")).status_code == 422
    assert (await buyer.get("/buyer/supervision?view=all&after=nonsense")).status_code == 422


# --- paging


async def test_a_queue_is_paged_by_deadline_without_gap_or_repetition(
    world: World, shop: Shop, supervised: Supervised, clock: StillClock
) -> None:
    price = await supervised.price("orchestration")
    for number in range(7):
        clock.advance(timedelta(hours=number % 3))  # some are due at the very same moment
        await shop.pay(await supervised.place(price))
    mine = FlowFilter(turn="seller")
    async with shop.installation.db.read() as reader:
        whole = await queries.work_queue(reader, world.seller)
        assert [row.due_at for row in whole] == sorted(row.due_at for row in whole if row.due_at)
        first = await queries.queue(reader, world.seller, queue_request(3), mine)
        second = await queries.queue(reader, world.seller, queue_request(3, after=first.next), mine)
        third = await queries.queue(reader, world.seller, queue_request(3, after=second.next), mine)
        back = await queries.queue(reader, world.seller, queue_request(3, before=third.previous), mine)
    assert [*first.items, *second.items, *third.items] == whole
    assert len(third.items) == 1
    assert (first.previous, third.next) == (None, None)
    assert back.items == second.items


async def test_lists_of_all_states_are_merged_newest_first(
    world: World, enter: Enter, buy: Buy, supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = []
    for turn in range(6):
        number = await buy("data_file")
        numbers.append(number)
        if turn % 2:
            await supervised.complete(number)
    numbers.reverse()
    monkeypatch.setattr("tradehall.web.supervision.lists.DEFAULT_LIMIT", 4)
    buyer = await enter(world.buyer)
    assert await shown(buyer, "/buyer/supervision?view=all") == numbers[:4]
    (following,) = re.findall(r'href="([^"]+)" rel="next"', buyer.page)
    assert await shown(buyer, unescape(following)) == numbers[4:]


# --- the overviews


async def test_an_overview_shows_the_five_that_are_due_first(enter: Enter, world: World, buy: Buy) -> None:
    numbers = [await buy("orchestration") for _ in range(6)]
    seller, buyer, operator = await enter(world.seller), await enter(world.buyer), await enter(world.operator)
    await seller.get("/seller")
    assert re.findall(r'<li class="duty[^>]*data-order="(\w+)"', seller.page) == numbers[:5]
    assert "All 6" in seller.page
    for visitor, base in ((buyer, "/buyer"), (operator, "/operator")):
        await visitor.get(base)
        assert "supervision-queue" not in visitor.page
    asked = await buy("service")
    await buyer.get("/buyer")
    assert re.findall(r'<li class="duty[^>]*data-order="(\w+)"', buyer.page) == [asked]
    assert f'href="/buyer/supervision/{asked}#form-submit_requirement"' in buyer.page


# --- export


async def exported(visitor: Visitor, path: str) -> Any:
    answer = await visitor.client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == export.MEDIA_TYPE
    return load_workbook(BytesIO(answer.content))


async def test_an_export_holds_what_the_list_shows(
    enter: Enter, world: World, buy: Buy, supervised: Supervised, clock: StillClock
) -> None:
    service, done = await buy("service"), await buy("data_file")
    await supervised.complete(done)
    placed = (await supervised.flow(service)).ordered_at
    buyer = await enter(world.buyer)
    book = await exported(buyer, "/buyer/supervision/export?view=all")
    assert book.sheetnames == ["Service supervision", "About this list"]
    heading, first, second = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    assert (first[0], second[0]) == (done, service)
    row = dict(zip(heading, second, strict=True))
    assert row["Amount"] == 1000
    assert row["Currency"] == "CNY"
    assert row["Seller"] == "Northwind Software"
    assert "Buyer" not in row
    assert row["Placed"] == (placed + timedelta(hours=8)).replace(tzinfo=None, second=0, microsecond=0)
    assert isinstance(row["By when"], datetime)
    assert (row["Node"], row["Whose turn"], row["Overdue"]) == ("Submit requirement", "Yours", None)
    assert dict(zip(heading, first, strict=True))["Service supervision"] == "Completed"
    about = {name.value: value.value for name, value in book.worksheets[1].iter_rows()}
    assert about["Times are those of"] == "Asia/Shanghai"
    assert about["Rows"] == "2"
    (only,) = list((await exported(buyer, "/buyer/supervision/export?type=service")).worksheets[0].iter_rows(min_row=2))
    assert only[0].value == service
    stranger = await enter(world.other_buyer)
    assert (await exported(stranger, "/buyer/supervision/export?view=all")).worksheets[0].max_row == 1


async def test_an_export_tells_of_a_dispute_what_the_list_does(
    enter: Enter, world: World, buy: Buy, supervised: Supervised
) -> None:
    appealed, open_still = await buy("service"), await buy("service")
    await supervised.act(appealed, "appeal", by=world.buyer)
    operator = await enter(world.operator)
    sheet = (await exported(operator, "/operator/supervision/export?view=all")).worksheets[0]
    heading, *told = [[cell.value for cell in row] for row in sheet.iter_rows()]
    rows = {row[0]: dict(zip(heading, row, strict=True)) for row in told}
    states = {number: row["Service supervision"] for number, row in rows.items()}
    assert states == {appealed: "Appeal", open_still: "Under way"}
    assert rows[appealed]["Whose turn"] == "Yours"
    assert isinstance(rows[appealed]["By when"], datetime)
    assert rows[open_still]["Whose turn"] == "Buyer"


async def test_an_export_speaks_the_language_and_the_time_of_its_reader(
    enter: Enter, world: World, buy: Buy, shop: Shop, supervised: Supervised
) -> None:
    number = await buy("service")
    assert world.seller.person_id
    await shop.sql(
        "UPDATE people SET timezone = 'America/New_York' WHERE id = %(id)s RETURNING id", {"id": world.seller.person_id}
    )
    seller = await enter(world.seller, "zh")
    answer = await seller.client.get("/seller/supervision/export?view=all")
    assert "%E6%9C%8D%E5%8A%A1%E7%9B%91%E7%AE%A1" in answer.headers["content-disposition"]
    book = load_workbook(BytesIO(answer.content))
    heading, told = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    row = dict(zip(heading, told, strict=True))
    assert row["订单状态"] == "处理中"
    assert row["由谁处理"] == "买家"
    placed = (await supervised.flow(number)).ordered_at
    assert row["下单时间"] == (placed - timedelta(hours=5)).replace(tzinfo=None, second=0, microsecond=0)


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "\t=1", "http://x.test/"])
async def test_nothing_in_an_export_becomes_a_formula_or_a_link(
    enter: Enter, world: World, buy: Buy, shop: Shop, evil: str
) -> None:
    number = await buy("service")
    await shop.sql(
        "UPDATE order_lines SET product_name_en = %(evil)s, sku_name_en = %(evil)s RETURNING id", {"evil": evil}
    )
    buyer = await enter(world.buyer)
    sheet = (await exported(buyer, "/buyer/supervision/export?view=all")).worksheets[0]
    cells = {cell.value: cell for cell in next(sheet.iter_rows(min_row=2)) if cell.value is not None}
    assert number in cells
    assert cells[evil].data_type == "s"
    assert cells[evil].hyperlink is None
    assert cells[evil].quotePrefix == (not evil.startswith("http"))


async def test_an_export_that_is_cut_off_says_so(
    enter: Enter, world: World, buy: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_ROWS", 4)
    monkeypatch.setattr(export, "PAGE", 2)
    numbers = [await buy("data_file") for _ in range(5)]
    buyer = await enter(world.buyer)
    for view, expected in (("all", numbers[:0:-1]), ("mine", numbers[:4])):
        book = await exported(buyer, f"/buyer/supervision/export?view={view}")
        column = [row[0].value for row in book.worksheets[0].iter_rows(min_row=2)]
        assert column[:4] == expected
        assert column[-1] == "Only the first 4 rows are here. Narrow the list to get the others."
        assert "Incomplete" in [row[0].value for row in book.worksheets[1].iter_rows()]
    monkeypatch.setattr(export, "MOST_ROWS", 5)
    book = await exported(buyer, "/buyer/supervision/export?view=all")
    assert book.worksheets[0].max_row == 6


async def test_every_console_has_its_desk(enter: Enter, world: World) -> None:
    actors = {"buyer": world.buyer, "seller": world.seller, "platform": world.operator}
    for side, desk in DESKS.items():
        visitor = await enter(actors[side])
        await visitor.get(desk.base)
        assert f'href="{desk.path}"' in visitor.page
        for other, foreign in DESKS.items():
            status = (await visitor.get(foreign.path)).status_code
            assert status == (200 if other == side else 403)
            status = (await visitor.get(f"{foreign.path}/export")).status_code
            assert status == (200 if other == side else 403)
