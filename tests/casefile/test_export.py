"""What is in a case file, and for whom: everything for the operator, for a side what that side may see."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.casefile.cases import PDF, Cases, lines, members, once
from tests.reviewing import Reviewing
from tests.world import SellerServer, Shop

from tradehall.casefile import archive, statement
from tradehall.casefile.errors import TooManyCaseFiles
from tradehall.casefile.gather import case_of
from tradehall.casefile.verify import verify
from tradehall.casefile.visible import files_for, log_for
from tradehall.kernel.errors import NotFound
from tradehall.kernel.files import ANYTHING
from tradehall.kernel.journal import SYSTEM, Actor

OPERATOR, SELLER, BUYER = "Olivia Ops", "Sam Seller", "Bea Buyer"


def report(path: Path) -> str:
    return members(path)[statement.REPORT].decode()


def log(path: Path) -> list[dict[str, Any]]:
    return lines(members(path)[statement.LOG])


def manifest(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(members(path)[statement.MANIFEST])
    return told


async def reviewed(cases: Cases) -> str:
    """An order whose delivery the platform looked at and approved."""
    number = await cases.supervised.buy("service", product_class="joint")
    await cases.supervised.shop.sql("UPDATE supervision_flows SET reviewed = true")
    await cases.act(number, "submit_requirement", {"requirement_files": [("wanted.pdf", PDF)]})
    await cases.act(number, "confirm_requirement", {})
    await cases.act(number, "deliver", {})
    await cases.act(number, "approve_delivery", {})
    await cases.act(number, "accept", {})
    return number


async def test_the_operators_holds_every_file_and_the_whole_log(cases: Cases) -> None:
    number = await cases.a_service()
    path, written = await cases.export(number, cases.world.operator)
    contents = members(path)
    assert [name for name in contents if not name.startswith(statement.FILES)] == [
        statement.LOG, statement.MESSAGES, statement.CALLS, statement.LEDGER, statement.REPORT,
        *statement.PDFS.values(), statement.MANIFEST, statement.SIGNATURE,
    ]  # fmt: skip
    known = await cases.supervised.shop.sql(
        "SELECT x.sha256 FROM supervision_evidence e JOIN files x ON x.id = e.file_id WHERE e.act IS NOT NULL"
    )
    files = [content for name, content in contents.items() if name.startswith(statement.FILES)]
    assert sorted(statement.digest(content) for content in files) == sorted(sha.hex() for (sha,) in known)
    assert len(files) == 10
    assert [one["kind"] for one in log(path)][:2] == ["order.placed", "order.paid"]
    assert all(one["entry"] for one in log(path))
    assert (written.damaged, written.stamped, written.no_stamp) == (0, False, "")
    assert manifest(path)["chain"]["entries"] == written.seq


async def test_that_it_was_made_is_recorded_after_what_it_holds(cases: Cases) -> None:
    number = await cases.a_service(photographs=0)
    before = await cases.supervised.kinds(number)
    path, written = await cases.export(number, cases.world.seller)
    kind, facts = (await cases.supervised.shop.events(number))[-1]
    assert kind == "case.exported"
    assert facts["digest"] == written.digest == statement.digest(path.read_bytes())
    assert (facts["entries"], facts["for"], facts["size"]) == (len(before), "seller", path.stat().st_size)
    again, _ = await cases.export(number, cases.world.operator, name="again.zip")
    assert log(again)[-1]["kind"] == "case.exported"
    assert SELLER in report(again)


async def test_a_side_learns_what_was_done_but_not_who_of_the_platform_did_it(cases: Cases) -> None:
    number = await reviewed(cases)
    for side, by in (("buyer", cases.world.buyer), ("seller", cases.world.seller)):
        path, _ = await cases.export(number, by, name=f"{side}.zip")
        everything = b"".join(members(path).values())
        assert OPERATOR.encode() not in everything
        assert str(cases.world.operator.person_id).encode() not in everything
        assert BUYER in report(path)
        assert SELLER in report(path)
        (approved,) = [one for one in log(path) if one.get("kind") == "supervision.delivery_approved"]
        assert approved["entry"] is None
        assert approved["withheld"] == ["actor.name", "actor.person"]
        assert approved["told"]["facts"]["verb"] == "approve_delivery"
        verdict = verify(path)
        assert verdict.whole, verdict.flaws
        assert verdict.told_in_part >= 1
        assert manifest(path)["exported"]["for"] == side
    path, _ = await cases.export(number, cases.world.operator)
    assert OPERATOR in report(path)


async def test_a_file_of_the_platforms_is_shown_without_who_handed_it_in(cases: Cases) -> None:
    number = await reviewed(cases)
    async with cases.installation.db.snapshot() as reader:
        case = await case_of(reader, cases.world.operator, "platform", number)
    files = [msgspec.structs.replace(one, side="platform", by=OPERATOR) for one in case.files]
    case = msgspec.structs.replace(case, files=files)
    assert {one.by for one in files_for("platform", case, log_for("platform", case))} == {OPERATOR}
    assert {one.by for one in files_for("buyer", case, log_for("buyer", case))} == {""}


async def test_a_decision_that_waits_for_a_second_person_is_the_platforms_own(cases: Cases) -> None:
    """Its words and its files; from its confirmation on both sides read it."""
    number = await cases.a_service(photographs=0)
    order = await cases.supervised.shop.order(number)
    async with cases.installation.db.snapshot() as reader:
        file = (await case_of(reader, cases.world.operator, "platform", number)).files[0]
    said = {"answers": {"ruling": "half of it"}, "final": False, "files": [{"id": file.id, "name": "x", "kind": "x"}]}
    async with cases.installation.db.transaction(cases.world.operator) as tx:
        await tx.record("appeal.decided", "order", order.id, said)
    path, _ = await cases.export(number, cases.world.buyer)
    assert log(path)[-1]["withheld"] is True
    assert b"half of it" not in b"".join(members(path).values())
    assert str(file.id) not in {one["id"] for one in manifest(path)["files"]}
    async with cases.installation.db.transaction(cases.world.operator_member) as tx:
        await tx.record("appeal.decision_confirmed", "order", order.id, {"final": True})
    path, _ = await cases.export(number, cases.world.buyer)
    assert "half of it" in report(path)
    assert str(file.id) in {one["id"] for one in manifest(path)["files"]}


async def test_how_the_buyer_pays_is_not_the_sellers_business(cases: Cases) -> None:
    number = await cases.a_service(photographs=0)
    ((reference,),) = await cases.supervised.shop.sql("SELECT reference FROM payments")
    seen = {
        side: b"".join(members((await cases.export(number, by, name=f"{side}.zip"))[0]).values())
        for side, by in (("buyer", cases.world.buyer), ("seller", cases.world.seller))
    }
    assert reference.encode() in seen["buyer"]
    assert reference.encode() not in seen["seller"]


async def test_a_review_that_is_not_published_is_not_the_sellers_business(cases: Cases) -> None:
    reviewing = Reviewing(cases.supervised.shop)
    review = await reviewing.write(await reviewing.bought())
    await reviewing.reject(review, "It names a person of theirs.")
    texts = {}
    for side, by in (("buyer", cases.world.buyer), ("seller", cases.world.seller)):
        path, _ = await cases.export(review.order_number, by, name=f"{side}.zip")
        texts[side] = b"".join(members(path).values()).decode(errors="replace")
        assert verify(path).whole
    assert "It names a person of theirs." in texts["buyer"]
    assert "It names a person of theirs." not in texts["seller"]
    assert "review.written" not in texts["seller"]


async def test_entries_of_a_kind_nobody_decided_on_are_withheld_and_the_chain_still_holds(cases: Cases) -> None:
    number = await cases.a_service(photographs=0)
    order = await cases.supervised.shop.order(number)
    async with cases.installation.db.transaction(cases.world.operator) as tx:
        await tx.record("secret.noted", "order", order.id, {"note": "between us"})
        await tx.record("order.invoiced", "order", order.id, {})
    path, _ = await cases.export(number, cases.world.buyer)
    hidden = log(path)[-2]
    assert hidden.keys() == {"seq", "hash", "entry", "withheld"}
    assert hidden["withheld"] is True
    assert b"between us" not in b"".join(members(path).values())
    verdict = verify(path)
    assert verdict.whole, verdict.flaws
    assert verdict.withheld == 1


async def test_an_entry_told_in_part_holds_its_place_in_the_chain(cases: Cases) -> None:
    """Its hash is bound by the entry after it: another one is found, though its text is not there."""
    path, _ = await cases.export(await reviewed(cases), cases.world.buyer)
    told = [one for one in log(path) if one["entry"] is None]
    followed = [one for one in log(path) if one["seq"] == told[0]["seq"] + 1 and one["entry"]]
    assert followed
    good = statement.entry_hash(
        bytes.fromhex(told[0]["hash"]), followed[0]["seq"], followed[0]["kind"], followed[0]["at"], followed[0]["entry"]
    )
    assert good.hex() == followed[0]["hash"]


async def test_calls_are_the_sellers_and_the_operators_and_passwords_are_blotted_out(
    cases: Cases, shop: Shop, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    assert (await shop.instance(number)).state == "running"
    for by in (cases.world.seller, cases.world.operator):
        path, _ = await cases.export(number, by)
        calls = lines(members(path)[statement.CALLS])
        assert "newInstance" in {one["activity"] for one in calls}
        assert all(one["tries"] for one in calls if one["state"] == "succeeded")
        assert "••••••" in json.dumps(calls, ensure_ascii=False)
        assert "newInstance" in report(path)
        assert verify(path).whole
    path, _ = await cases.export(number, cases.world.buyer)
    assert statement.CALLS not in members(path)
    assert "newInstance" not in report(path)
    assert verify(path).whole


async def test_a_stranger_gets_nothing_and_nothing_is_recorded(cases: Cases) -> None:
    number = await cases.a_service(photographs=0)
    before = await cases.supervised.kinds(number)
    for stranger in (cases.world.other_buyer, cases.world.other_seller):
        with pytest.raises(NotFound):
            await cases.export(number, stranger)
    with pytest.raises(NotFound):
        await cases.export("CS2603021700ZZZZZ", cases.world.operator)
    assert await cases.supervised.kinds(number) == before


async def test_drafts_are_no_evidence(cases: Cases) -> None:
    number = await cases.supervised.buy("service")
    await cases.hand_in(
        number, "submit_requirement", "requirement_files", by=cases.world.buyer, name="d.pdf", content=PDF
    )
    path, _ = await cases.export(number, cases.world.operator)
    assert manifest(path)["files"] == []


def stored_files(cases: Cases) -> list[Path]:
    folder = cases.installation.settings.data_dir / "files"
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[:3] == b"\xff\xd8\xff")


async def test_a_file_changed_or_lost_in_the_store_is_reported_and_not_passed_over(cases: Cases) -> None:
    number = await cases.a_service()
    first, second, *_ = stored_files(cases)
    first.write_bytes(first.read_bytes()[:-100] + bytes(50))
    second.unlink()
    path, written = await cases.export(number, cases.world.operator)
    assert written.damaged == 2
    states = {one["member"]: one["state"] for one in manifest(path)["files"]}
    assert sorted(set(states.values())) == ["changed", "missing", "whole"]
    verdict = verify(path)
    assert {flaw.code for flaw in verdict.flaws} == {"file_missing", "file_not_as_handed_in"}
    named = {flaw.about for flaw in verdict.flaws}
    assert named == {member for member, state in states.items() if state != "whole"}
    assert "NOT as handed in" in report(path)
    assert "文件存储中缺失" in report(path)
    assert cases.supervised.shop.events  # what was found is in the log as well
    assert (await cases.supervised.shop.events(number))[-1][1]["damaged"] == 2


async def test_many_at_once_are_each_whole_and_each_recorded(cases: Cases) -> None:
    number = await cases.a_service(photographs=1)
    who = [cases.world.operator, cases.world.buyer, cases.world.seller, cases.world.operator, SYSTEM]
    made = await asyncio.gather(
        *(cases.export(number, by, name=f"{n}.zip") for n, by in enumerate(who)),
        cases.supervised.shop.sql("SELECT count(*) FROM events"),
    )
    exports: list[Any] = list(made[:-1])
    assert all(verify(path).whole for path, _ in exports)
    assert len({written.key for _, written in exports}) == 1, "the key is made once"
    facts = [facts for kind, facts in await cases.supervised.shop.events(number) if kind == "case.exported"]
    assert sorted(one["digest"] for one in facts) == sorted(written.digest for _, written in exports)
    (keys,) = await cases.supervised.shop.sql("SELECT count(*) FROM signing_keys")
    assert keys == (1,)


async def test_nobody_has_one_case_file_after_the_other_made(cases: Cases, shop: Shop) -> None:
    """Each copies everything there is of an order, and stands in its log for ever."""
    number, most = await cases.a_service(photographs=0), cases.installation.settings.case_file_rate
    for _ in range(most):
        await cases.export(number, cases.world.buyer)
    with pytest.raises(TooManyCaseFiles):
        await cases.export(number, cases.world.buyer)
    for other in (cases.world.seller, cases.world.operator, SYSTEM):
        await cases.export(number, other)
    shop.clock.advance(timedelta(hours=1, seconds=1))
    await cases.export(number, cases.world.buyer)


async def test_it_is_read_in_one_snapshot(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens while it is read is not in it: the log ends where the rest does."""
    from tradehall.casefile import gather

    number = await cases.a_service(photographs=0)
    order = await cases.supervised.shop.order(number)
    before = len(await cases.supervised.kinds(number))
    real = gather._entries

    async def meanwhile(*given: Any) -> Any:
        async with cases.installation.db.transaction(SYSTEM) as tx:
            await tx.record("order.invoiced", "order", order.id, {})
        return await real(*given)

    monkeypatch.setattr(gather, "_entries", meanwhile)
    path, _ = await cases.export(number, cases.world.operator)
    assert len(log(path)) == before
    assert verify(path).whole


async def test_the_report_tells_both_languages_and_fetches_nothing(cases: Cases) -> None:
    path, _ = await cases.export(await cases.a_service(), cases.world.buyer, locale="zh")
    page = report(path)
    assert '<article class="en" lang="en">' in page
    assert '<article class="zh" lang="zh-CN">' in page
    assert '<html lang="zh-CN">' in page
    assert page.count("data:image/jpeg;base64,") == 7, "each photograph once, for both languages"
    assert page.count("<use href") == 14
    assert "&lt;b&gt;No labels&lt;/b&gt; &amp; no training." in page
    assert "<b>No labels</b>" not in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "<script" not in page
    for name in statement.PDFS.values():
        made = members(path)[name]
        assert made.startswith(b"%PDF-")
        assert made.count(b"/Subtype /Image") >= 7
        assert b"/FontFile2" in made, "its font is in it"


async def test_the_report_does_not_recommend_to_check_it_with_the_key_that_it_names_itself(cases: Cases) -> None:
    """Whoever makes a false one has it name a key of their own."""
    path, written = await cases.export(await cases.a_service(photographs=0), cases.world.operator)
    assert written.key in report(path)
    assert f"--key {written.key}" not in report(path)
    assert "and not from this file" in report(path)


async def test_a_seller_is_told_of_an_order_only_once_it_is_paid(cases: Cases) -> None:
    number = await cases.supervised.place(await cases.supervised.price("service"))
    with pytest.raises(NotFound):
        await cases.export(number, cases.world.seller)
    path, _ = await cases.export(number, cases.world.buyer)
    assert verify(path).whole


def test_the_command_line_is_the_operator() -> None:
    from tradehall.casefile.actions import viewer_of

    assert viewer_of(SYSTEM) == viewer_of(Actor("platform")) == "platform"


async def test_messages_are_told_to_whom_they_were_written_with_their_files(cases: Cases) -> None:
    number = await cases.supervised.buy("service")
    buyer, seller, operator = cases.world.buyer, cases.world.seller, cases.world.operator
    conversation, files = cases.installation.conversation, cases.installation.files

    async def write(by: Actor, text: str, *to: Any) -> None:
        async with files.receiving() as handing:
            received = await handing.receive(f"{text}.pdf", once(PDF + text.encode()), accept=ANYTHING)
            async with cases.installation.db.transaction(by, request_id="write") as tx:
                assert by.organisation_id
                assert by.person_id
                kept = await files.register(tx, received, owner_id=by.organisation_id, uploaded_by=by.person_id)
                await conversation.attach(tx, number, kept.id)
                await conversation.send(tx, number, text, to)

    await write(buyer, "When", "seller")
    await write(seller, "Soon", "buyer")
    await write(seller, "Between-us", "platform")
    await write(operator, "To-both", "buyer", "seller")
    async with cases.installation.db.transaction(seller, request_id="read") as tx:
        await conversation.read(tx, number)
    for by, told in (
        (buyer, ["When", "Soon", "To-both"]),
        (seller, ["When", "Soon", "Between-us", "To-both"]),
        (operator, ["When", "Soon", "Between-us", "To-both"]),
    ):
        path, written = await cases.export(number, by, name=f"{by.kind}.zip")
        assert verify(path).flaws == []
        assert written.damaged == 0
        messages = lines(members(path)[statement.MESSAGES])
        assert [one["text"] for one in messages] == told
        assert [one["name"] for one in manifest(path)["files"] if one["verb"] == "message"] == [
            f"{text}.pdf" for text in told
        ]
        page = report(path)
        assert [text in page for text in ("Soon", "Between-us")] == ["Soon" in told, "Between-us" in told]
        by_platform = messages[-1]["author"]
        assert by_platform == (OPERATOR if by is operator else "")
    read = messages[0]["receipts"][0]
    assert (read["side"], read["read_by"]) == ("seller", SELLER)


async def test_the_report_says_how_many_pictures_are_in_the_archive_alone(
    cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await cases.a_service(photographs=4)
    path, _ = await cases.export(number, cases.world.buyer)
    assert "not shown here" not in report(path)
    monkeypatch.setattr(archive, "MOST", 3)
    path, _ = await cases.export(number, cases.world.buyer)
    shown = report(path)
    assert "in the archive but not shown here: a report shows at most" in shown
    assert "张图片在存档中，未在此显示" in shown
