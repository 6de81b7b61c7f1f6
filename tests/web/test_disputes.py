"""Appeals, refunds and returns by their pages, without a browser: what each side is offered and told, what is refused
and kept, the lists of the three consoles, and the calendar of working days."""

import re
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import pytest
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.supervision.test_disputes import joins
from tests.web.conftest import Enter, Visitor
from tests.web.desk import At, Desk, File, at, filters, tabs
from tests.world import Shop, World

from tradehall.kernel.clock import StillClock
from tradehall.settings import Settings
from tradehall.supervision.disputes.calendar import Exceptional, exceptional_days
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.disputes.steps import CLOSED, UNOPENED, Step
from tradehall.web.disputes import words
from tradehall.web.operator.calendar import spans_of

__all__ = ["at"]  # a fixture
DAYS = timedelta(days=1)
ROW = re.compile(r'<tr data-order="(\w+)" data-kind="(\w+)"')
SHOT: File = ("appeal_files", "证据.pdf", b"%PDF-1.4 evidence")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path, second_look_above=80_000)


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def part(page: str, name: str) -> str:
    """The section of a page with this id, as people read it."""
    found = re.search(rf'<section [^>]*id="{name}"', page)
    if found is None:
        return ""
    depth = 0
    for tag in re.finditer(r"<(/?)section", page[found.start() :]):
        depth += -1 if tag[1] else 1
        if not depth:
            return text_of(page[found.start() : found.start() + tag.start()])
    raise AssertionError("a section without an end")


async def asked_back(supervised: Supervised, **answers: object) -> str:
    """A service whose buyer has asked for a part of the money."""
    number = await supervised.buy("service")
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    await supervised.act(number, "request_refund", **({"amount_minor": 40_050, "reason": "Too late."} | answers))
    return number


# --- the forms -------------------------------------------------------------------------------------------------------


def test_every_node_and_opening_of_a_dispute_has_words() -> None:
    for table in PROCEDURES.values():
        assert {node.key for node in table.nodes} - {UNOPENED, CLOSED} <= words.DO.keys()
        for node, verb in table.walk():
            assert node.key != UNOPENED or verb.key in words.OPENS
            assert verb.timer != "lapse" or verb.key in words.LAPSES
            assert isinstance(verb, Step)


@pytest.mark.parametrize("delivery_type", ["service", "hardware", "license_code"])
async def test_what_begins_a_dispute_stands_apart_and_folded(
    at: At, supervised: Supervised, delivery_type: str
) -> None:
    number = await supervised.buy(delivery_type)
    for side in ("buyer", "seller"):
        desk: Desk = await at(side, number)
        apart = part(desk.page, "if-wrong")
        assert apart.startswith("If something is wrong")
        assert "Appeal to the marketplace" in apart
        assert ("Ask for a refund" in apart) == (side == "buyer")
        assert "Return what was received" not in apart
        folded = re.findall(r'data-verb="(?:appeal|request_refund)">\s*<details( open)?>', desk.page)
        assert folded == [""] * (2 if side == "buyer" else 1)
    assert part((await at("platform", number)).page, "if-wrong") == ""


async def test_of_a_refund_in_part_each_page_says_that_it_is_one(
    at: At, supervised: Supervised, shop: Shop, enter: Enter
) -> None:
    number = await asked_back(supervised)
    assert "Your turn: Refund request" in text_of((await at("seller", number)).page)
    await supervised.act(number, "agree_refund")
    await shop.run_due()
    total = (await supervised.flow(number)).total_minor // 100
    for side in ("buyer", "seller", "platform"):
        page = text_of((await at(side, number)).page)
        assert f"of CN¥{total:,}.00, CN¥400.50 goes back to the buyer" in page
    for actor, base, title in (
        (shop.world.buyer, "/buyer", "Your refund was paid"),
        (shop.world.seller, "/seller", "The buyer's refund was paid"),
    ):
        page = text_of((await (await enter(actor)).get(f"{base}/orders/{number}")).text)
        assert title in page
        assert "System" in page, "what happened by itself nobody did"


async def test_a_refund_is_asked_for_once_however_often_its_button_is_pressed(at: At, supervised: Supervised) -> None:
    desk: Desk = await at("buyer", await supervised.buy("service"))
    before = desk.page
    answer = await desk.send("request_refund", amount_minor="400.50", reason="Too late.", stay=True)
    assert answer.status_code == 200
    assert "CN¥400.50" in part(desk.page, "dispute-refund")
    desk.visitor.page = before
    again = await desk.send("request_refund", amount_minor="400.50", reason="Too late.", stay=True)
    assert "This was sent twice; it was done once." in again.text
    held = await supervised.flow(desk.place.rsplit("/", 1)[1])
    assert [one.amount_minor for one in held.disputes] == [40_050]


@pytest.mark.parametrize("amount", ["0", "1000.01", "a lot", "12.345", ""])
async def test_a_wrong_amount_comes_back_as_it_was_typed(at: At, supervised: Supervised, amount: str) -> None:
    desk: Desk = await at("buyer", await supervised.buy("service"))
    answer = await desk.send("request_refund", amount_minor=amount, reason="Too late.", share_contact="1")
    assert answer.status_code == 422
    assert desk.wrong().keys() == {"request_refund-amount_minor"}
    assert f'name="amount_minor" value="{amount}"' in answer.text
    assert "Too late." in answer.text
    assert 'name="share_contact" value="1" checked' in answer.text
    assert 'data-verb="request_refund">\n<details open>' in answer.text


async def test_an_amount_in_a_draft_comes_back_with_its_decimals(at: At, supervised: Supervised) -> None:
    desk: Desk = await at("buyer", await supervised.buy("service"), "zh")
    await desk.send("request_refund", do="save", amount_minor="12.5", reason="太慢")
    page = await desk.open()
    assert 'name="amount_minor" value="12.5"' in page
    assert "最多 1000.00 CNY" in page


async def test_a_deadline_is_a_day_ahead(at: At, supervised: Supervised, clock: StillClock) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    desk: Desk = await at("platform", number, "zh")
    assert 'type="date" id="f-ask_seller-answer_by" name="answer_by" value="" min="2026-03-03"' in desk.page
    answer = await desk.send("ask_seller", request="请补充", answer_by="2026-03-02")
    assert answer.status_code == 422
    assert "请选择明天至" in desk.wrong()["ask_seller-answer_by"]
    answer = await desk.send("ask_seller", request="请补充", answer_by="2026-03-09")
    assert answer.status_code == 200, desk.wrong()
    seller: Desk = await at("seller", number)
    assert "What the marketplace asks for" in part(seller.page, "dispute-appeal")
    assert "commitment_letter" in seller.page, "asked of the seller alone"
    assert "commitment_letter" not in (await at("buyer", number)).page


async def test_a_decision_without_words_is_refused_and_what_was_typed_stays(at: At, supervised: Supervised) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=supervised.actor("seller"))
    desk: Desk = await at("platform", number)
    answer = await desk.send("decide_refund", amount_minor="300")
    assert answer.status_code == 422
    assert desk.wrong().keys() == {"decide_refund-ruling"}
    assert 'name="amount_minor" value="300"' in answer.text
    assert "decide_redeliver" not in desk.offered(), "nothing was delivered yet"
    answer = await desk.send("decide_refund", amount_minor="300", ruling="It was promised for March.")
    assert answer.status_code == 200
    for side in ("buyer", "seller"):
        page = (await at(side, number)).page
        assert "It was promised for March." in part(page, "past-disputes")
        assert "Refund granted: CN¥300.00" in part(page, "past-disputes")
        assert "CN¥300.00 goes back to the buyer" in text_of(page)


async def test_what_was_written_for_a_dispute_that_is_over_is_not_lost(at: At, supervised: Supervised) -> None:
    number = await asked_back(supervised)
    desk: Desk = await at("seller", number)
    old = desk.page
    await supervised.act(number, "withdraw_refund")
    desk.visitor.page = old
    answer = await desk.send("agree_refund", opinion="Well, then.", stay=True)
    assert answer.status_code == 409
    assert "closed or was withdrawn" in text_of(answer.text)
    assert "Well, then." in answer.text
    assert "What you had written" in answer.text


async def test_an_old_page_does_not_decide_what_has_moved_on(at: At, supervised: Supervised, world: World) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    desk: Desk = await at("platform", number, actor=world.operator_member)
    await supervised.act(number, "note_contact")
    answer = await desk.send("decide_resume", ruling="Go on.", stay=True)
    assert answer.status_code == 409
    assert (await supervised.flow(number)).appeal


async def test_a_step_that_comes_too_early_is_not_offered(
    at: At, supervised: Supervised, shop: Shop, enter: Enter
) -> None:
    number = await asked_back(supervised)
    desk: Desk = await at("buyer", number)
    assert "chase_refund" not in desk.offered()
    assert "Sam Seller" not in part(desk.page, "dispute-refund")
    await shop.run_due(10 * DAYS)
    desk = await at("buyer", number)
    assert "chase_refund" in desk.offered()
    assert "sam.seller@example.com" in part(desk.page, "dispute-refund")


# --- what is told to whom --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [True, False])
async def test_a_sellers_people_see_the_buyers_contact_only_if_he_agreed(
    at: At, supervised: Supervised, shared: bool
) -> None:
    number = await asked_back(supervised, **({"share_contact": True} if shared else {}))
    desk: Desk = await at("seller", number)
    assert ("bea.buyer@example.com" in desk.page) == shared


async def test_the_grounds_against_a_full_refund_are_shown_before_and_after(
    at: At, supervised: Supervised, shop: Shop, clock: StillClock
) -> None:
    number = await supervised.buy("service")
    desk: Desk = await at("buyer", number)
    assert "none of the grounds" in part(desk.page, "if-wrong")
    clock.advance(40 * DAYS)
    desk = await at("buyer", number, "zh")
    assert "付款后一个月内未提交需求" in part(desk.page, "if-wrong")
    await supervised.act(number, "request_refund", amount_minor=100_000)
    for side in ("buyer", "seller", "platform"):
        page = (await at(side, number)).page
        assert "No requirement was submitted within a month" in part(page, "dispute-refund")


async def test_an_appeal_is_told_to_each_side_as_its_own(at: At, supervised: Supervised, world: World) -> None:
    number = await supervised.buy("service")
    buyer: Desk = await at("buyer", number)
    answer = await buyer.send("appeal", files=[SHOT], reason="Nobody answers.", claim="My money.")
    assert answer.status_code == 200, buyer.wrong()
    assert "证据.pdf" in part(answer.text, "dispute-appeal")
    operator: Desk = await at("platform", number)
    await operator.send("note_contact", files=[("appeal_files", "call.pdf", b"%PDF-1.4 call")], channel="phone",
                        minutes="He was ill.", **{"with": "seller"})  # fmt: skip
    pages = {side: (await at(side, number)).page for side in ("buyer", "seller", "platform")}
    for side, page in pages.items():
        title = "Your turn: Appeal" if side == "platform" else "Appeal: The marketplace investigates"
        assert title in text_of(page)
        assert "Reason: Nobody answers." in part(page, "log")
        assert "Phone" in part(page, "dispute-appeal")
    assert "Olivia Ops" in part(pages["platform"], "log")
    assert "Olivia Ops" not in pages["buyer"] + pages["seller"]
    assert sorted(operator.offered()) == sorted(
        ["note_contact", "ask_buyer", "ask_seller", "propose", "decide_resume", "decide_accept", "decide_refund"]
    )
    visitor = buyer.visitor
    order = text_of((await visitor.get(f"/buyer/orders/{number}")).text)
    assert "Appeal opened" in order
    assert "Olivia Ops" not in order


async def test_a_decision_is_not_read_before_it_was_confirmed(at: At, supervised: Supervised, world: World) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    await supervised.act(number, "decide_refund", amount_minor=90_000, ruling="All of it, nearly.")
    for side in ("buyer", "seller"):
        page = (await at(side, number)).page
        assert "All of it, nearly." not in page
        assert "CN¥900.00" not in page
        assert "A decision waits for a second person" in text_of(page)
    second: Desk = await at("platform", number, actor=world.operator_member)
    assert "CN¥900.00" in part(second.page, "dispute-appeal")
    await second.send("return_decision", reason="Too much.")
    assert "Too much." not in (await at("buyer", number)).page
    await supervised.act(number, "decide_refund", amount_minor=85_000, ruling="Most of it.")
    decider: Desk = await at("platform", number)
    assert "confirm_decision" not in decider.offered()
    assert "You made this decision yourself." in part(decider.page, "dispute-appeal")
    refused = await decider.send("confirm_decision")
    assert refused.status_code == 403
    await second.send("confirm_decision")
    page = (await at("buyer", number)).page
    assert "Most of it." in part(page, "past-disputes")
    assert "All of it, nearly." not in page


async def test_an_operator_of_one_of_the_sides_reads_why_instead_of_being_offered_a_decision(
    at: At, supervised: Supervised, shop: Shop, world: World, enter: Enter
) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    await joins(shop, world.operator, world.seller)
    partial: Desk = await at("platform", number)
    assert partial.offered() == []
    assert "You belong to the buyer or the seller of this order." in part(partial.page, "dispute-appeal")
    assert "The marketplace's" in text_of(partial.page), "the turn is not this reader's"
    assert (await partial.send("note_contact", channel="phone", minutes="Hm.", **{"with": "both"})).status_code == 403
    visitor = await enter(world.operator)
    assert await shown(visitor, "/operator/disputes?view=mine") == []
    assert "Appeals desk" in visitor.page
    assert await shown(visitor, "/operator/disputes?view=open") == [(number, "appeal")]
    assert "Look into it" not in visitor.page
    impartial: Desk = await at("platform", number, actor=world.operator_member)
    assert "decide_resume" in impartial.offered()
    assert await shown(await enter(world.operator_member), "/operator/disputes?view=mine") == [(number, "appeal")]


async def test_an_operator_of_one_of_the_sides_is_not_offered_the_review_of_its_delivery_either(
    at: At, supervised: Supervised, shop: Shop, world: World
) -> None:
    await shop.sql("UPDATE organisations SET track = 'base' WHERE id = %(id)s", {"id": world.buyer.organisation_id})
    number = await supervised.buy("license_offline", product_class="joint")
    await supervised.act(number, "deliver")
    await joins(shop, world.operator, world.seller)
    partial: Desk = await at("platform", number)
    assert partial.offered() == []
    assert "You belong to the buyer or the seller of this order." in text_of(partial.page)
    assert "Your turn" not in text_of(partial.page)
    impartial: Desk = await at("platform", number, actor=world.operator_member)
    assert impartial.offered() == ["approve_delivery", "return_delivery"]


async def test_after_an_appeal_the_log_says_that_it_was_accepted_or_sent_back(
    at: At, supervised: Supervised, world: World
) -> None:
    number = await supervised.buy("license_offline")
    await supervised.act(number, "deliver")
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    await supervised.act(number, "decide_redeliver")
    page = (await at("seller", number)).page
    assert "Sent back to the seller after the appeal" in part(page, "log")
    assert "Decided: Back to the seller for another delivery" in part(page, "log")
    await supervised.act(number, "deliver")
    await supervised.act(number, "appeal", by=supervised.actor("seller"))
    await supervised.act(number, "decide_accept")
    await supervised.act(number, "confirm_decision", by=world.operator_member)
    page = (await at("buyer", number, "zh")).page
    assert re.findall(r'<li class="is-(\w+)" data-step="(\w+)"', page) == [
        ("done", "delivery"), ("skipped", "acceptance"), ("done", "completed"),
    ]  # fmt: skip
    assert "申诉后视为已验收" in part(page, "log")
    assert "自动验收" not in part(page, "log")


async def test_a_return_says_where_to_and_what_is_next(at: At, supervised: Supervised) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver")
    buyer: Desk = await at("buyer", number)
    assert "Return what was received" in part(buyer.page, "if-wrong")
    await buyer.send("request_return", amount_minor="1000", reason="It hums.")
    seller: Desk = await at("seller", number)
    await seller.send("agree_return", return_name="Depot", return_phone="+86 755 1111 2222",
                      return_address="9 Dock Road", opinion="Send it.")  # fmt: skip
    page = await buyer.open()
    assert "9 Dock Road" in part(page, "dispute-return")
    assert "the return counts as withdrawn" in text_of(page)
    steps = re.findall(r'<li class="is-(\w+)" data-step="(\w+)"', page[page.index('id="dispute-return"') :])
    assert steps == [
        ("done", "unopened"), ("done", "return_review"), ("current", "sending_back"), ("todo", "inspection"),
        ("todo", "closed"),
    ]  # fmt: skip


# --- the lists -------------------------------------------------------------------------------------------------------


async def shown(visitor: Visitor, path: str) -> list[tuple[str, str]]:
    answer = await visitor.get(path)
    assert answer.status_code == 200, answer.text
    return ROW.findall(visitor.page)


async def test_each_side_first_sees_the_disputes_that_wait_for_it(
    enter: Enter, world: World, supervised: Supervised, shop: Shop, clock: StillClock
) -> None:
    refund = await asked_back(supervised)
    clock.advance(timedelta(hours=1))
    appeal = await supervised.buy("service")
    await supervised.act(appeal, "appeal", by=supervised.actor("seller"))
    visitors = {side: await enter(supervised.actor(side)) for side in ("buyer", "seller", "platform")}
    bases = {"buyer": "/buyer", "seller": "/seller", "platform": "/operator"}
    waiting = {"buyer": [], "seller": [(refund, "refund")], "platform": [(appeal, "appeal")]}
    for side, visitor in visitors.items():
        base = bases[side]
        assert await shown(visitor, f"{base}/disputes") == waiting[side]
        assert await shown(visitor, f"{base}/disputes?view=open") == [(appeal, "appeal"), (refund, "refund")]
        assert tabs(visitor)["My turn"] == str(len(waiting[side]))
        assert await shown(visitor, f"{base}/disputes?kind=refund") == [(refund, "refund")]
        assert await shown(visitor, f"{base}/disputes?number={appeal}") == [(appeal, "appeal")]
        assert await shown(visitor, f"{base}/disputes?from=2026-03-03") == []
        assert await shown(visitor, f"{base}/disputes?view=closed") == []
        assert ("Refunds and appeals: your turn" in (await visitor.get(base)).text) == bool(waiting[side])
        rows = text_of((await visitor.get(f"{base}/supervision?view=open")).text)
        assert {"Appeal", "Refund"} <= set(rows.split())
        assert "Frozen" not in rows
    clock.advance(11 * DAYS)
    operator = await enter(world.operator, "zh")
    assert await shown(operator, "/operator/disputes?view=overdue") == [(appeal, "appeal"), (refund, "refund")]
    await supervised.act(refund, "refuse_refund")
    assert await shown(operator, "/operator/disputes?view=closed&outcome=refused") == [(refund, "refund")]
    assert await shown(operator, "/operator/disputes?outcome=withdrawn") == []
    assert filters(operator) == ["number", "kind", "outcome", "overdue", "from", "to"]
    await shown(operator, "/operator/disputes?view=nonsense&kind=none&outcome=what&from=when&number=CS")
    assert (await operator.get("/operator/disputes?after=nonsense")).status_code == 422


async def test_nobody_sees_the_disputes_of_others(enter: Enter, world: World, supervised: Supervised) -> None:
    number = await asked_back(supervised)
    await supervised.act(number, "appeal", by=supervised.actor("buyer"))
    for actor, base in ((world.other_buyer, "/buyer"), (world.other_seller, "/seller")):
        stranger = await enter(actor)
        for view in ("mine", "open", "overdue", "closed", "all"):
            assert await shown(stranger, f"{base}/disputes?view={view}") == []
            assert await shown(stranger, f"{base}/disputes?view={view}&number={number}") == []
        assert set(tabs(stranger).values()) == {"0", ""}
        await stranger.get(f"{base}/disputes")
        assert "No disputes" in stranger.page
        desk = Desk(stranger, base, number)
        answer = await stranger.get(desk.place)
        assert answer.status_code == 404


async def test_the_lists_are_paged_by_deadline_and_by_age(
    enter: Enter, world: World, supervised: Supervised, clock: StillClock
) -> None:
    numbers = []
    price = await supervised.price("service")
    for _ in range(27):
        clock.advance(timedelta(minutes=2))
        number = await supervised.place(price)
        await supervised.shop.pay(number)
        await supervised.act(number, "appeal", by=supervised.actor("buyer"))
        numbers.append(number)
    operator = await enter(world.operator)
    first = [number for number, _ in await shown(operator, "/operator/disputes")]
    assert first == numbers[:25]
    following = unescape(re.findall(r'href="([^"]*after=[^"]*)"', operator.page)[0])
    assert [number for number, _ in await shown(operator, following)] == numbers[25:]
    back = unescape(re.findall(r'href="([^"]*before=[^"]*)"', operator.page)[0])
    assert [number for number, _ in await shown(operator, back)] == first
    assert [number for number, _ in await shown(operator, "/operator/disputes?view=all")] == numbers[:1:-1]


# --- the calendar ----------------------------------------------------------------------------------------------------


async def marked(shop: Shop) -> list[Exceptional]:
    async with shop.installation.db.read() as reader:
        return await exceptional_days(reader, 2026)


async def test_administrators_keep_the_calendar(enter: Enter, world: World, shop: Shop) -> None:
    admin = await enter(world.operator, "zh")
    path = "/operator/calendar"
    assert "2026 年没有特殊日期" in (await admin.get(path)).text
    form = f"{path}?year=2026"
    answer = await admin.send(form, at=path, first="2026-10-01", last="2026-09-30", name="国庆", kind="holiday")
    assert answer.status_code == 422
    assert 'value="国庆"' in answer.text
    answer = await admin.send(form, at=path, first="", last="", name=" ", kind="holiday")
    assert re.findall(r'id="f-(\w+)-error"', answer.text) == ["first", "name"], "the last day may be left empty"
    answer = await admin.send(form, first="2026-10-01", last="2026-10-07", name="国庆", kind="holiday")
    assert answer.status_code == 200
    assert 'data-first="2026-10-01" data-last="2026-10-07"' in answer.text
    await admin.send(form, first="2026-10-10", last="", name="Made up for", kind="working")
    assert len(await marked(shop)) == 8
    for wrong in ({"first": "soon"}, {"first": "2026-10-01", "name": ""}, {"first": "2026-10-01", "kind": "maybe"},
                  {"first": "2026-01-01", "last": "2026-12-31"}):  # fmt: skip
        answer = await admin.send(form, at=path, **({"last": "", "name": "x", "kind": "holiday"} | wrong))
        assert answer.status_code == 422
    await admin.send(f"{path}/unmark", at=path)
    assert [one.name for one in await marked(shop)] == ["Made up for"]


async def test_members_read_the_calendar_and_change_nothing(
    enter: Enter, world: World, shop: Shop, supervised: Supervised
) -> None:
    member = await enter(world.operator_member)
    page = (await member.get("/operator/calendar?year=2027")).text
    assert "Administrators of the marketplace mark days." in page
    assert "<strong>2027</strong>" in page
    token = re.findall(r'name="_csrf_token" value="([^"]+)"', page)[0]
    answer = await member.post("/operator/calendar", _csrf_token=token, first="2026-10-01", kind="holiday", name="x")
    assert answer.status_code == 403
    assert await marked(shop) == []
    for odd in ("0000", "9999", "abcd", "-001"):
        assert (await member.get(f"/operator/calendar?year={odd}")).status_code == 200


def test_days_that_follow_each_other_alike_are_told_as_one() -> None:
    days = [Exceptional(date(2026, 1, day), day == 4, "New Year") for day in (1, 2, 3, 4, 6)]
    assert [(span.first.day, span.last.day, span.working, span.number) for span in spans_of(days)] == [
        (1, 3, False, 3), (4, 4, True, 1), (6, 6, False, 1),
    ]  # fmt: skip
