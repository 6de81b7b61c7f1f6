"""A supervised order's page by its forms, without a browser: what each side is offered, what is refused and kept."""

import asyncio
import io
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import sandbox_settings
from tests.kernel.files.stores import picture
from tests.supervised import SUPERVISED, Supervised
from tests.templates import attached
from tests.web.conftest import Enter
from tests.web.desk import BASES, TOKEN, At, Desk, File, at
from tests.world import Shop, World, serving

from tradehall.app import create_app
from tradehall.settings import Settings
from tradehall.supervision import queries
from tradehall.supervision.flows import all_flows
from tradehall.web.supervision import standing

__all__ = ["at"]  # a fixture
MOST = 300_000
PDF = b"%PDF-1.4 proof"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path, upload_max_bytes=MOST)


async def saas_to_deliver(supervised: Supervised) -> str:
    number = await supervised.buy("saas_manual")
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    return number


DELIVERED: dict[str, Any] = {"front_end_url": "https://a.example/", "user_name": "admin", "password": "s3cret-word"}
PROOF: list[File] = [("requirement_document", "sow.pdf", PDF), ("acceptance_document", "验收.pdf", PDF)]


def test_every_node_has_words_for_what_there_is_to_do() -> None:
    for flow in all_flows():
        assert {node.key for node in flow.nodes if node.actor} <= standing._DO.keys()


@pytest.mark.parametrize("delivery_type", SUPERVISED)
async def test_at_every_node_each_side_is_offered_exactly_what_it_can_do(
    at: At, supervised: Supervised, delivery_type: str
) -> None:
    number = await supervised.buy(delivery_type)
    desks = {side: await at(side, number, "zh" if side == "seller" else "en") for side in BASES}
    while True:
        held = await supervised.flow(number)
        for side, desk in desks.items():
            page = await desk.open()
            assert sorted(desk.offered()) == sorted(verb.key for verb in held.verbs(side))
            assert f'data-node="{held.node}"' in page
            assert 'data-state="whole"' in page
        if held.state != "open":
            break
        await supervised.act(number, held.at.verbs[0].key)
    assert "The service is completed" in await desks["buyer"].open()
    assert "服务已完成" in await desks["seller"].open()


async def test_a_requirement_is_submitted_once_however_often_its_button_is_pressed(
    at: At, supervised: Supervised
) -> None:
    desk: Desk = await at("buyer", await supervised.buy("service"))
    await desk.open()
    before = desk.page
    first: list[File] = [("requirement_files", "a.pdf", PDF)]
    answer = await desk.send("submit_requirement", requirement="A shop", files=first, stay=True)
    assert "Done: Requirement submitted." in answer.text
    assert "a.pdf" in answer.text
    desk.visitor.page = before
    again = await desk.send("submit_requirement", requirement="A shop", stay=True)
    assert again.status_code == 200
    assert "This was sent twice; it was done once." in again.text
    assert (await supervised.flow(desk.place.rsplit("/", 1)[1])).acts == 1


async def test_what_was_sent_back_is_told_above_the_form_until_it_is_handed_in_anew(
    at: At, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    await supervised.walk(number, "submit_requirement")
    seller: Desk = await at("seller", number)
    await seller.send("reject_requirement", reason="Which servers?")
    buyer: Desk = await at("buyer", number)
    page = await buyer.open()
    told = page.partition("data-sent-back")[2].partition("data-verb=")[0]
    assert "Requirement rejected" in told
    assert "Which servers?" in told
    await buyer.send("submit_requirement", requirement="Both of them.")
    assert "data-sent-back" not in await buyer.open()


async def test_an_objection_stands_beside_what_it_is_about(at: At, supervised: Supervised) -> None:
    number = await supervised.buy("license_hardware_id")
    await supervised.walk(number, "submit_identification", "deliver", "reject_delivery")
    seller: Desk = await at("seller", number)
    await seller.send("reject_identification", reason="It names another machine.")
    buyer: Desk = await at("buyer", number)
    page = await buyer.open()
    cards = {title: page.partition(f"<h2>{title}</h2>")[2].partition("</section>")[0]
             for title in ("Requirement", "What was delivered")}  # fmt: skip
    assert "It names another machine." in cards["Requirement"]
    assert "It names another machine." not in cards["What was delivered"]
    assert 'data-copy="Something"' in cards["Requirement"]
    assert 'value="Something"' in page, "what was submitted is there to be corrected"


async def test_who_waits_is_told_what_there_is_to_do_meanwhile(at: At, supervised: Supervised) -> None:
    number = await supervised.buy("license_code")
    await supervised.walk(number, "deliver", "claim_code")
    buyer: Desk = await at("buyer", number)
    assert "Give the authorisation code to the seller" in await buyer.open()
    number = await supervised.buy("service")
    await supervised.walk(number, "submit_requirement")
    buyer = await at("buyer", number)
    assert "once it is rejected, you can change it" in await buyer.open()
    supervised.shop.clock.advance(timedelta(days=6))
    late = await buyer.open()
    assert "Remind them or reach them directly" in late
    assert "There is nothing for you to do until then." not in late


async def test_of_a_form_with_mistakes_everything_is_named_and_kept(at: At, supervised: Supervised) -> None:
    number = await saas_to_deliver(supervised)
    desk: Desk = await at("seller", number)
    answer = await desk.send(
        "deliver", front_end_url="app.example", user_name="admin", password="s3cret-word", actual_start="2026-02-28",
        files=[("acceptance_document", "done.pdf", PDF)],
    )  # fmt: skip
    assert answer.status_code == 422
    wrong = desk.wrong()
    assert wrong.keys() == {"deliver-front_end_url", "deliver-actual_start", "deliver-requirement_document"}
    assert "before the order was placed" in wrong["deliver-actual_start"]
    assert 'value="s3cret-word"' in answer.text, "typed again only where the form comes straight back"
    assert (await supervised.flow(number)).node == "delivery"
    page = await desk.open()
    assert 'value="app.example"' in page
    assert "done.pdf" in page
    assert "s3cret-word" not in page
    answer = await desk.send("deliver", **DELIVERED, files=PROOF[:1])
    assert answer.status_code == 200, desk.wrong()
    assert (await supervised.flow(number)).node == "acceptance"


async def test_the_screenshots_that_the_base_cloud_wants_are_counted(
    at: At, shop: Shop, world: World, supervised: Supervised
) -> None:
    await shop.sql(f"UPDATE organisations SET track = 'base' WHERE id = '{world.buyer.organisation_id}'")
    number = await supervised.buy("software_package", product_class="joint")
    desk: Desk = await at("seller", number)
    shots: list[File] = [("screenshots", "1.png", picture(size=(80, 40)))]
    answer = await desk.send("deliver", description="Deployed.", files=[*PROOF, *shots])
    assert answer.status_code == 422
    assert "at least 3" in desk.wrong()["deliver-screenshots"]
    assert "deliver-signed_by_all" in desk.wrong()
    assert len(desk.drafts()) == 3
    more: list[File] = [
        (field, f"{field}.png", picture(size=(80, 40)))
        for field in ("screenshots", "screenshots", "license_screenshot", "deployment_proof")
    ]
    answer = await desk.send("deliver", description="Deployed.", signed_by_all="1", files=more)
    assert answer.status_code == 200, desk.wrong()
    assert (await supervised.flow(number)).node == "review"
    operator: Desk = await at("platform", number)
    assert operator.page.count('/small"') == 5
    await operator.send("return_delivery", reason="The name is not to be read.")
    assert "returned once by the marketplace" in operator.page
    await desk.open()
    assert "The name is not to be read." in desk.page


BAD: list[tuple[str, bytes, int, str]] = [
    ("empty.pdf", b"", 422, "has not a single byte"),
    ("big.pdf", PDF + bytes(MOST), 413, "is too big"),
    ("shot.pdf", b"MZ\0\0" + bytes(300), 422, "is not what its name says"),
    ("tool.exe", b"MZ\0\0" + bytes(300), 415, "is something that runs"),
]


@pytest.mark.parametrize(("name", "content", "status", "said"), BAD, ids=[name for name, *_ in BAD])
async def test_a_file_that_is_wrong_is_told_beside_its_field_and_the_others_are_kept(
    at: At, supervised: Supervised, name: str, content: bytes, status: int, said: str
) -> None:
    number = await saas_to_deliver(supervised)
    desk: Desk = await at("seller", number)
    by_script = await desk.upload("deliver", "acceptance_document", name, content)
    assert by_script.status_code == status
    assert said in by_script.text
    answer = await desk.send(
        "deliver", **DELIVERED, files=[("acceptance_document", name, content), ("requirement_document", "s.pdf", PDF)]
    )
    assert answer.status_code == 422
    assert said in desk.wrong()["deliver-acceptance_document"]
    assert re.findall(r"inline=true[^>]*>([^<]+)</a>", desk.page) == ["s.pdf"]
    held = await supervised.flow(number)
    assert held.node == "delivery"


async def test_of_an_upload_that_was_cut_off_nothing_is_left(
    at: At, supervised: Supervised, settings: Settings
) -> None:
    number = await saas_to_deliver(supervised)
    desk: Desk = await at("seller", number)
    cookies = "; ".join(f"{one.name}={one.value}" for one in desk.visitor.client.cookies.jar)
    token = TOKEN.findall(desk.page)[0]
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}'
        for name, more, value in [
            ("_csrf_token", "", f"{token}\r\n"),
            ("acceptance_document", '; filename="whole.pdf"', "%PDF-1.4 whole\r\n"),
            ("requirement_document", '; filename="half.pdf"', "%PDF-1.4 ha"),
        ]
    )
    async with serving(create_app(supervised.installation)) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        head = (
            f"POST {desk.place}/acts/deliver HTTP/1.1\r\nHost: pages.test\r\nCookie: {cookies}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000\r\n\r\n"
        )
        writer.write((head + body).encode())
        await writer.drain()
        for _ in range(100):
            await asyncio.sleep(0.05)
            await desk.open()
            if "whole.pdf" in desk.page:
                break
        writer.close()
        assert not (await reader.read()).startswith(b"HTTP/1.1 2")
    await desk.open()
    assert len(desk.drafts()) == 1
    assert "half.pdf" not in desk.page
    stored = [path for path in (settings.data_dir / "files").rglob("*") if path.is_file()]
    assert len(stored) == 1, stored
    assert (await supervised.flow(number)).node == "delivery"


async def test_what_cannot_be_done_now_says_why_and_shows_what_was_written(at: At, supervised: Supervised) -> None:
    number = await supervised.buy("service")
    buyer: Desk = await at("buyer", number)
    seller: Desk = await at("seller", number)

    early = await buyer.send("accept", note="All good")
    assert early.status_code == 409
    assert "This cannot be done now" in early.text
    assert "All good" in early.text
    assert (await seller.send("submit_requirement", requirement="Mine")).status_code == 403
    assert (await seller.send("fly", note="")).status_code == 404

    await buyer.open()
    page = buyer.page
    await supervised.act(number, "submit_requirement")
    await supervised.act(number, "reject_requirement")
    buyer.visitor.page = page
    stale = await buyer.send("submit_requirement", requirement="Written in the meantime", stay=True)
    assert stale.status_code == 409
    assert "Something happened in this order" in stale.text
    assert "Written in the meantime" in await buyer.open(), "kept as a draft"

    page = buyer.page
    await supervised.act(number, "appeal")
    buyer.visitor.page = page
    frozen = await buyer.send("submit_requirement", requirement="Too late", stay=True)
    assert frozen.status_code == 409
    assert "is frozen" in frozen.text
    assert "What you had written" in frozen.text
    assert "Too late" in frozen.text
    await supervised.act(number, "withdraw_appeal")
    await supervised.complete(number)
    over = await buyer.send("accept")
    assert over.status_code == 409
    assert "is finished" in over.text


async def test_a_draft_is_saved_and_a_file_taken_back_by_the_buttons_of_the_form(
    at: At, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    desk: Desk = await at("buyer", number)
    saved = await desk.send(
        "submit_requirement", do="save", requirement="Half a tho", files=[("requirement_files", "need.pdf", PDF)]
    )
    assert "Nothing was sent yet" in saved.text
    assert "Half a tho</textarea>" in await desk.open()
    (place,) = desk.drafts()
    piece = place.split("/")[-2]
    await desk.send("submit_requirement", do="", remove=piece, requirement="Half a thought")
    assert "Half a thought</textarea>" in await desk.open()
    assert desk.drafts() == []
    assert (await supervised.flow(number)).acts == 0

    sent = await desk.upload("submit_requirement", "requirement_files", "need.pdf", PDF)
    assert sent.status_code == 200
    assert "need.pdf" in sent.text
    await desk.open()
    (place,) = desk.drafts()
    headers = {"x-csrftoken": TOKEN.findall(desk.page)[0], "HX-Request": "true"}
    for _ in range(2):
        assert (await desk.visitor.client.post(place, headers=headers)).status_code == 204
    await desk.open()
    assert desk.drafts() == []


async def test_a_form_without_the_pages_token_is_refused_before_its_files_are_read(
    at: At, supervised: Supervised, settings: Settings
) -> None:
    desk: Desk = await at("buyer", await supervised.buy("service"))
    act, client = f"{desk.place}/acts/submit_requirement", desk.visitor.client
    for answer in (
        await client.post(act, data={"requirement": "x", "do": "send"}),
        await client.post(act, files={"requirement_files": ("a.pdf", io.BytesIO(PDF))}),
        await client.post(f"{act}/files/requirement_files", content=PDF),
    ):
        assert answer.status_code == 403
    assert not list((settings.data_dir / "files").rglob("*.*"))


async def test_files_are_given_to_whoever_may_see_them_and_to_nobody_else(
    at: At, enter: Enter, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    buyer: Desk = await at("buyer", number)
    seller: Desk = await at("seller", number)
    shot = picture(size=(300, 200))
    await buyer.upload("submit_requirement", "requirement_files", "%E9%9C%80%E6%B1%82.png", shot)
    await buyer.open()
    piece = buyer.drafts()[0].split("/")[-2]
    assert (await seller.visitor.get(f"{seller.place}/files/{piece}")).status_code == 404, "a draft is one's own"
    await buyer.send("submit_requirement", requirement="As in the picture")

    answer = await seller.visitor.get(f"{seller.place}/files/{piece}")
    assert answer.content == shot
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "%E9%9C%80%E6%B1%82.png" in answer.headers["Content-Disposition"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    shown = await seller.visitor.get(f"{seller.place}/files/{piece}?inline=true")
    assert shown.headers["Content-Disposition"].startswith("inline")
    same = await seller.visitor.get(f"{seller.place}/files/{piece}", **{"If-None-Match": answer.headers["ETag"]})
    assert same.status_code == 304
    small = await seller.visitor.get(f"{seller.place}/files/{piece}/small")
    assert small.headers["Content-Type"].startswith("image/")
    assert (await seller.visitor.get(f"{seller.place}/templates/acceptance_template")).status_code == 404
    for actor, base in ((world.other_buyer, "/buyer"), (world.other_seller, "/seller")):
        stranger = await enter(actor)
        for path in ("", "/progress", f"/files/{piece}", f"/files/{piece}/small"):
            assert (await stranger.get(f"{base}/supervision/{number}{path}")).status_code == 404
    await buyer.open()
    token = TOKEN.findall(buyer.page)[0]
    gone = await buyer.visitor.client.post(f"{buyer.place}/files/{piece}/remove", data={"_csrf_token": token})
    assert gone.status_code == 409


async def test_secrets_of_a_delivery_are_shown_only_to_who_asks_and_may(at: At, supervised: Supervised) -> None:
    number = await saas_to_deliver(supervised)
    await supervised.act(number, "deliver")
    for side in ("buyer", "seller"):
        desk: Desk = await at(side, number)
        assert "s3cret-word" not in desk.page
        answer = await desk.visitor.send(f"{desk.place}/secrets")
        assert "s3cret-word" in answer.text
        part = await desk.visitor.client.post(
            f"{desk.place}/secrets", headers={"x-csrftoken": TOKEN.findall(answer.text)[0], "HX-Request": "true"}
        )
        assert "s3cret-word" in part.text
        assert "<html" not in part.text
    operator: Desk = await at("platform", number)
    assert f"{operator.place}/secrets" not in operator.page


async def test_the_authorisation_code_reaches_both_sides_with_the_delivery(at: At, supervised: Supervised) -> None:
    number = await supervised.buy("license_code")
    held = await supervised.flow(number)
    async with supervised.installation.db.read() as reader:
        code = await queries.code_of(reader, held.order_id)
    assert code
    desks: list[Desk] = [await at(side, number) for side in ("buyer", "seller")]
    assert not any(code in desk.page for desk in desks)
    await supervised.act(number, "deliver")
    assert all([code in await desk.open() for desk in desks])
    await supervised.walk(number, "claim_code", "activate_code")
    assert not any(["What was delivered" in await desk.open() for desk in desks]), "it was the buyer's all along"


async def test_an_order_is_accepted_by_the_standard_of_its_day(at: At, shop: Shop, supervised: Supervised) -> None:
    price = await supervised.price("orchestration")
    ((product,),) = await shop.sql(
        "SELECT k.product_id FROM skus k JOIN prices r ON r.sku_id = k.id WHERE r.id = %(price)s", {"price": price}
    )
    await attached(shop.installation, shop.world.seller, product, content=b"As agreed.")
    shop.clock.advance(timedelta(hours=1))
    number = await supervised.place(price)
    await shop.pay(number)
    shop.clock.advance(timedelta(hours=1))
    await attached(shop.installation, shop.world.seller, product, content=b"Something less.", name="later.txt")
    buyer: Desk = await at("buyer", number)
    assert "standard.txt" in buyer.page
    assert "later.txt" not in buyer.page
    given = await buyer.visitor.get(f"{buyer.place}/templates/acceptance_template")
    assert given.text == "As agreed."


async def test_who_reviewed_is_named_to_the_platform_alone(
    at: At, shop: Shop, world: World, supervised: Supervised
) -> None:
    await shop.sql(
        "UPDATE organisations SET track = 'base' WHERE id = %(id)s", {"id": shop.world.buyer.organisation_id}
    )
    number = await supervised.buy("license_offline", product_class="joint")
    await supervised.walk(number, "deliver", "return_delivery")
    for side in ("buyer", "seller"):
        assert world.operator.name not in (await at(side, number)).page
    assert world.operator.name in (await at("platform", number)).page


async def test_whoever_waits_too_long_is_told_whom_to_call(
    at: At, shop: Shop, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    buyer, seller, operator = [await at(side, number) for side in BASES]
    await supervised.act(number, "submit_requirement")
    email = world.email(world.seller)
    assert email not in await buyer.open()
    assert email in await operator.open()
    held = await supervised.flow(number)
    assert held.due_at
    shop.clock.advance(held.due_at + timedelta(hours=1) - shop.clock.now())
    page = await buyer.open()
    assert email in page
    assert "Overdue since" in page
    assert "Their turn is overdue." in page
    assert "Their turn is overdue." not in await seller.open()
    assert "Follow it up" in await operator.open()
    await shop.run_due(timedelta(days=30))
    assert "Their administrators, the side that waits and the marketplace were told." in await buyer.open()
    assert "Your administrators, the other side and the marketplace were told." in await seller.open()


async def test_a_log_that_was_tampered_with_is_said_to_be_broken(at: At, shop: Shop, supervised: Supervised) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "submit_requirement")
    desk: Desk = await at("platform", number)
    assert "Chain verified" in desk.page
    await shop.sql("ALTER TABLE events DISABLE TRIGGER ALL")
    await shop.sql(
        "UPDATE events SET entry = replace(entry, 'Something', 'Nothing') WHERE kind LIKE '%requirement_submitted'"
    )
    assert "The chain is broken" in await desk.open()


async def test_a_page_hears_what_is_new_and_what_is_being_written_stays(at: At, supervised: Supervised) -> None:
    number = await supervised.buy("service")
    seller: Desk = await at("seller", number)
    (progress,) = re.findall(r'hx-get="([^"]+progress[^"]+)"', seller.page)
    progress = unescape(progress)
    partial = {"HX-Request": "true"}
    assert (await seller.visitor.get(progress, **partial)).status_code == 204
    await supervised.act(number, "submit_requirement")
    news = await seller.visitor.get(progress, **partial)
    assert 'data-node="confirmation"' in news.text
    assert "<html" not in news.text
    kept = await seller.visitor.get(f"{progress}&keep=1", **partial)
    assert "Reload the page" in kept.text
    assert "data-node" not in kept.text
