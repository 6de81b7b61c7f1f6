"""Appeals, refunds and returns as programs of all three sides use them."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import As, Client
from tests.api.test_supervision import API, PDF, Side, refused, sides, wrong_fields
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.supervision.test_disputes import joins
from tests.world import Shop, World

from tradehall.kernel.i18n import translator
from tradehall.settings import Settings
from tradehall.supervision.disputes.model import PROCEDURES

DAYS = timedelta(days=1)
WHY = {"reason": "Nobody answers.", "claim": "Deliver it."}
REFUND = {"amount_minor": 40_000, "reason": "A third is missing."}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path, second_look_above=50_000)


async def latest(side: Side) -> dict[str, Any]:
    """What the latest dispute about the order tells this side."""
    told: dict[str, Any] = (await side.look())["disputes"][0]
    return told


def stages(seen: dict[str, Any]) -> dict[str, str]:
    return {one["verb"]: one["stage"] for one in seen["allowed"]}


async def test_a_refund_is_asked_for_and_agreed_to_by_programs_alone(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("service")
    buyer, seller, platform = await sides(client, as_, world, number)
    seen = await buyer.look()
    assert stages(seen) == {"submit_requirement": "delivery", "request_refund": "refund", "appeal": "appeal"}
    (asked,) = [one for one in seen["allowed"] if one["verb"] == "request_refund"]
    assert {one["key"]: one["kind"] for one in asked["fields"]} == {
        "amount_minor": "money", "reason": "note", "reason_files": "files", "share_contact": "flag",
    }  # fmt: skip
    for amount in (0, 100_001, 1.5, "a lot", True, 10**30):
        assert wrong_fields(await buyer.act("request_refund", REFUND | {"amount_minor": amount})) == {"amount_minor"}
    answer = await buyer.act("request_refund", REFUND)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["dispute"]["kind"], answer.json()["dispute"]["turn"]) == ("refund", "seller")

    for side in (buyer, seller, platform):
        seen = await side.look()
        assert (seen["node"], seen["by"], bool(seen["frozen_at"])) == ("request", None, True)
        assert seen["dispute"] == {
            "kind": "refund", "turn": "seller", "by": seen["disputes"][0]["by"], "overdue": False,
        }  # fmt: skip
        (told,) = seen["disputes"]
        assert (told["kind"], told["opened_by"], told["node"], told["turn"]) == (
            "refund", "buyer", "refund_review", "seller",
        )  # fmt: skip
        assert (told["amount_minor"], told["currency"], told["reason"]) == (40_000, "CNY", REFUND["reason"])
        assert [one["kind"] for one in told["timers"]] == ["remind"]
    assert stages(await seller.look()) == {"agree_refund": "refund", "refuse_refund": "refund", "appeal": "appeal"}
    assert stages(await buyer.look()) == {"withdraw_refund": "refund", "appeal": "appeal"}
    order = (await client.get(f"/api/v1/orders/{number}", headers=buyer.headers)).json()["supervision"]
    assert (order["frozen"], order["turn"], order["dispute"]["turn"]) == (True, None, "seller")
    following = (await client.get(f"/api/v1/orders/{number}/timeline", headers=buyer.headers)).json()["next"]
    assert (following["kind"], following["turn"], following["by"]) == ("refund_asked", "seller", told["by"])

    answer = await seller.upload("agree_refund", "agreement_files", "mail.pdf", PDF)
    assert answer.status_code == 201, answer.text
    assert (await seller.act("agree_refund", {"opinion": "That is fair."})).json()["state"] == "cancelled"
    seen = await buyer.look()
    (told,) = seen["disputes"]
    assert (told["outcome"], told["granted_minor"], told["opinion"]) == ("refund", 40_000, "That is fair.")
    assert (told["turn"], told["by"], told["timers"]) == (None, None, [])
    assert [(one["kind"], one["label"]) for one in told["steps"]] == [
        ("refund.requested", "Ask for a refund"), ("refund.agreed", "Agree to the refund"),
    ]  # fmt: skip
    (agreed,) = [one for one in seen["log"] if one["kind"] == "refund.agreed"]
    assert (agreed["outcome"], agreed["amount_minor"], agreed["dispute"]) == ("refund", 40_000, told["id"])
    assert agreed["files"] == [seen["evidence"][0]["id"]]
    events = (await client.get(f"/api/v1/orders/{number}/timeline", headers=seller.headers)).json()["events"]
    (agreed,) = [one for one in events if one["kind"] == "refund.agreed"]
    assert agreed["facts"]["amount_minor"] == 40_000
    assert seen["log_whole"]


async def test_the_buyers_contact_is_shown_to_the_seller_alone_and_only_if_the_buyer_agreed(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    buyer, seller, platform = await sides(client, as_, world, await supervised.buy("service"))
    await buyer.act("request_refund", REFUND)
    assert (await latest(seller))["contact"] is None
    await buyer.act("withdraw_refund")
    shop.clock.advance(timedelta(minutes=1))  # newest first: of one moment, neither is
    await buyer.act("request_refund", REFUND | {"share_contact": True})
    contact = (await latest(seller))["contact"]
    assert (contact["name"], contact["email"]) == (world.buyer.name, world.email(world.buyer))
    assert (await latest(platform))["contact"] is (await latest(buyer))["contact"] is None


async def test_a_refusal_says_on_which_ground_and_the_log_which_it_shows_itself(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    buyer, seller, _ = await sides(client, as_, world, await supervised.buy("service"))
    await shop.run_due(40 * DAYS)
    await buyer.act("request_refund", REFUND)
    assert (await latest(seller))["grounds"] == [
        {"ground": "late_requirement", "label": "No requirement was submitted within a month after the payment"}
    ]
    answer = await seller.act("refuse_refund", {"ground": "beyond_scope", "reason": "You asked for more."})
    assert answer.status_code == 200
    assert (await latest(buyer))["refusal"] == {
        "ground": {
            "ground": "beyond_scope",
            "label": "More was asked for than was promised when the order was taken",
        },
        "reason": "You asked for more.",
    }


async def test_an_appeal_with_questions_a_proposal_and_a_decision(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("service")
    buyer, seller, platform = await sides(client, as_, world, number)
    await buyer.act("request_refund", REFUND)
    shop.clock.advance(timedelta(minutes=1))
    assert wrong_fields(await buyer.act("appeal")) == {"reason", "claim"}
    assert (await buyer.act("appeal", WHY)).json()["dispute"]["kind"] == "appeal"
    appeal, refund = (await seller.look())["disputes"]
    assert (appeal["reason"], appeal["claim"]) == (WHY["reason"], WHY["claim"])
    assert refund["paused_at"]
    assert refund["by"] is None
    assert stages(await seller.look()) == {"add_to_appeal": "appeal"}
    assert refused(await seller.act("appeal", WHY)) == (409, "appeal_under_way")
    assert refused(await seller.act("agree_refund", {"opinion": "Yes."})) == (409, "appeal_under_way")
    assert refused(await seller.act("decide_resume", {"ruling": "For me."})) == (403, "not_your_side")

    day = (shop.clock.now() + 3 * DAYS).date().isoformat()
    for wrong in ("2026-02-01", "soon", 7, None):
        answer = await platform.act("ask_seller", {"request": "The minutes.", "answer_by": wrong})
        assert wrong_fields(answer) == {"answer_by"}
    await platform.act("ask_seller", {"request": "The minutes.", "answer_by": day})
    assert (await latest(seller))["asked"] == "The minutes."
    await seller.act("answer_request", {"statement": "Here they are."})
    assert (await latest(seller))["asked"] is None

    offer = {"proposal": "refund", "amount_minor": "300.00", "explanation": "A third.", "answer_by": day}
    assert (await platform.act("propose", offer)).status_code == 200
    told = await latest(buyer)
    assert told["turn"] == "parties"
    assert told["proposal"] == {
        "outcome": "refund", "label": "Money goes back to the buyer, and the order ends", "amount_minor": 30_000,
        "text": "A third.", "final": False,
    }  # fmt: skip
    following = (await client.get(f"/api/v1/orders/{number}/timeline", headers=buyer.headers)).json()["next"]
    assert (following["kind"], following["turn"]) == ("appealed", "parties")
    await seller.act("decline_as_seller", {"reason": "Too much."})
    await platform.act("decide_resume", {"ruling": "Both have a point."})
    told = await latest(seller)
    assert told["decision"] == {
        "outcome": "resume", "label": "The delivery continues where it was", "amount_minor": None,
        "text": "Both have a point.", "final": True,
    }  # fmt: skip
    assert not told["proposal"]["final"]
    operators = [one["actor"] for one in told["steps"] if one["actor"]["kind"] == "platform"]
    assert operators
    assert {one["name"] for one in operators} == {None}
    names = {one["actor"]["name"] for one in (await latest(platform))["steps"]}
    assert world.operator.name in names
    assert (await buyer.look())["dispute"]["kind"] == "refund", "that goes on"


async def test_a_decision_that_waits_for_a_second_person_is_not_told_to_the_sides(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    buyer, seller, platform = await sides(client, as_, world, number)
    second = Side(client, await as_(world.operator_member), number)
    await seller.act("appeal", WHY)
    ruling = {"ruling": "It was never delivered.", "amount_minor": 90_000}
    await platform.act("decide_refund", ruling)
    assert (await latest(platform))["decision"]["amount_minor"] == 90_000
    for side in (buyer, seller):
        assert (await latest(side))["decision"] is None
        timeline = (await client.get(f"/api/v1/orders/{number}/timeline", headers=side.headers)).text
        for text in (str(await side.look()), timeline):
            assert ruling["ruling"] not in text
            assert "90000" not in text
            assert "decide_refund" not in text
    assert "confirm_decision" not in stages(await platform.look()), "it is not theirs to confirm"
    assert "confirm_decision" in stages(await second.look())
    assert refused(await platform.act("confirm_decision")) == (403, "second_person_needed")
    answers = await asyncio.gather(*(second.act("confirm_decision") for _ in range(3)))
    assert sorted(one.status_code for one in answers) == [200, 409, 409]
    told = await latest(buyer)
    assert (told["decision"]["text"], told["decision"]["final"]) == (ruling["ruling"], True)
    assert told["granted_minor"] == 90_000


async def test_an_operator_who_belongs_to_a_side_is_allowed_nothing_in_its_dispute(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("service")
    _, seller, platform = await sides(client, as_, world, number)
    await seller.act("appeal", WHY)
    assert "decide_refund" in stages(await platform.look())
    await joins(shop, world.operator, world.buyer)
    assert stages(await platform.look()) == {}
    assert refused(await platform.act("decide_resume", {"ruling": "Go on."})) == (403, "own_organisation")
    assert (await client.get("/api/v1/supervision/disputes/counts", headers=platform.headers)).json()["mine"] == 0


async def test_an_operator_who_belongs_to_a_side_is_not_allowed_to_review_its_delivery(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    await shop.sql("UPDATE organisations SET track = 'base' WHERE id = %(id)s", {"id": world.buyer.organisation_id})
    number = await supervised.buy("license_offline", product_class="joint")
    await supervised.act(number, "deliver")
    _, _, platform = await sides(client, as_, world, number)
    assert stages(await platform.look()) == {"approve_delivery": "delivery", "return_delivery": "delivery"}
    await joins(shop, world.operator, world.seller)
    assert stages(await platform.look()) == {}
    assert refused(await platform.act("approve_delivery")) == (403, "own_organisation")


async def test_why_a_decision_was_returned_stays_among_the_platforms_people(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    buyer, seller, platform = await sides(client, as_, world, number)
    second = Side(client, await as_(world.operator_member), number)
    await seller.act("appeal", WHY)
    await platform.act("decide_refund", {"ruling": "It was never delivered.", "amount_minor": 90_000})
    await second.act("return_decision", {"reason": "Look at their minutes once more."})
    assert "their minutes" in str(await platform.look())
    for side in (buyer, seller):
        timeline = (await client.get(f"/api/v1/orders/{number}/timeline", headers=side.headers)).text
        assert "their minutes" not in str(await side.look()) + timeline


async def test_the_return_address_is_for_the_two_sides(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("hardware")
    buyer, seller, platform = await sides(client, as_, world, number)
    assert refused(await buyer.act("request_return", REFUND)) == (409, "nothing_shipped")
    await supervised.act(number, "deliver")
    await buyer.act("request_return", REFUND)
    address = {"return_name": "Li", "return_phone": "13900000000", "return_address": "9 Dock Street"}
    await seller.act("agree_return", {**address, "opinion": "Send it."})
    assert (await latest(buyer))["return_to"] == {"name": "Li", "phone": "13900000000", "address": "9 Dock Street"}
    assert (await latest(seller))["return_to"]
    assert (await latest(platform))["return_to"] is None
    await buyer.act("send_back", {"courier": "test", "tracking_number": "TEST-2-7"})
    assert (await latest(platform))["returned"] == {
        "courier": "test", "courier_label": "Test carrier", "number": "TEST-2-7",
    }  # fmt: skip


async def test_a_late_seller_is_reachable_and_can_be_chased(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    buyer, _, _ = await sides(client, as_, world, await supervised.buy("service"))
    await buyer.act("request_refund", REFUND)
    assert refused(await buyer.act("chase_refund")) == (409, "seller_still_has_time")
    seen = await buyer.look()
    assert seen["contacts"] == []
    assert "chase_refund" not in stages(seen)
    await shop.run_due(10 * DAYS)
    seen = await buyer.look()
    assert world.seller.name in {one["name"] for one in seen["contacts"]}
    assert seen["dispute"]["overdue"]
    assert stages(seen)["chase_refund"] == "refund"
    assert (await buyer.act("chase_refund")).status_code == 200


async def test_a_draft_keeps_an_amount(client: Client, as_: As, world: World, supervised: Supervised) -> None:
    buyer, _, _ = await sides(client, as_, world, await supervised.buy("service"))
    url = f"{buyer.path}/drafts/request_refund"
    answer = await client.put(url, json={"answers": REFUND}, headers=buyer.headers)
    assert answer.json() == {"verb": "request_refund", "answers": REFUND}
    (asked,) = [one for one in (await buyer.look())["allowed"] if one["verb"] == "request_refund"]
    assert asked["draft"] == REFUND


async def test_it_is_told_in_the_readers_language(
    client: Client, as_: As, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("service")
    buyer, _, _ = await sides(client, as_, world, number)
    await buyer.act("request_refund", REFUND)
    headers = buyer.headers | {"Accept-Language": "zh"}
    told = (await client.get(f"{API}/{number}", headers=headers)).json()["disputes"][0]
    assert told["kind_label"] == translator("zh").lookup(PROCEDURES["refund"].label)
    following = (await client.get(f"/api/v1/orders/{number}/timeline", headers=headers)).json()["next"]
    assert following["text"] == "买家申请退订：商家审核或买家撤回之前，交付暂停。"


async def test_lists_and_counts_are_each_sides_own(
    client: Client, as_: As, world: World, supervised: Supervised, shop: Shop
) -> None:
    first, second = await supervised.buy("service"), await supervised.buy("service")
    await supervised.act(first, "request_refund")
    await shop.run_due(timedelta(minutes=1))
    await supervised.act(second, "appeal", by=world.seller)

    async def got(who: Any, path: str = "/disputes", **query: Any) -> Any:
        answer = await client.get(API + path, params=query, headers=await as_(who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def numbers(who: Any, **query: Any) -> list[str]:
        return [one["order_number"] for one in (await got(who, **query))["items"]]

    for who in (world.buyer, world.seller, world.operator):
        assert await numbers(who) == [second, first]
    for stranger in (world.other_buyer, world.other_seller):
        assert await numbers(stranger) == []
        assert set((await got(stranger, "/disputes/counts")).values()) == {0}
    row = (await got(world.buyer))["items"][0]
    assert (row["kind"], row["opened_by"], row["turn"], row["node_label"]) == (
        "appeal", "seller", "platform", "The marketplace investigates",
    )  # fmt: skip
    assert await numbers(world.operator, kind="refund") == [first]
    assert await numbers(world.operator, state="mine") == [second]
    assert await numbers(world.seller, state="mine") == [first]
    assert await numbers(world.operator, number=first) == [first]
    assert await numbers(world.operator, state="closed") == await numbers(world.operator, overdue="true") == []
    page = await got(world.buyer, limit=1)
    assert await numbers(world.buyer, limit=1, after=page["next"]) == [first]
    for number in (first, second):
        rows = (await got(world.operator, "/", number=number))["items"]
        assert [one["dispute"]["kind"] for one in rows] == ["refund" if number == first else "appeal"]
    await supervised.act(second, "decide_resume")
    assert await numbers(world.operator, state="closed", outcome="resume") == [second]
    await shop.run_due(12 * DAYS)
    assert await numbers(world.operator, overdue="true") == [first]
    assert await got(world.seller, "/disputes/counts") == {"mine": 1, "open": 1, "overdue": 1, "closed": 1}


async def test_the_tables_of_disputes_are_listed_with_the_flows(client: Client, as_: As, world: World) -> None:
    answer = await client.get(f"{API}/flows", headers=await as_(world.buyer))
    tables = {one["type"]: one for one in answer.json()["items"]}
    assert PROCEDURES.keys() <= tables.keys()
    (begins,) = tables["return"]["nodes"][0]["verbs"]
    assert (begins["verb"], begins["by"], begins["requires"]) == ("request_return", "buyer", ["amount_minor", "reason"])


async def test_operators_keep_the_calendar(client: Client, as_: As, world: World, shop: Shop) -> None:
    url, headers = f"{API}/calendar", await as_(world.operator)
    days = {"first": "2026-10-01", "last": "2026-10-03", "name": "National Day"}
    for _ in range(2):
        assert (await client.put(url, json=days, headers=headers)).json() == {"marked": 3}
    worked = {"first": "2026-10-10", "name": "Made up for", "working": True}
    assert (await client.put(url, json=worked, headers=headers)).json() == {"marked": 1}
    kept = (await client.get(url, headers=headers)).json()
    assert (kept["year"], [(one["day"], one["working"]) for one in kept["items"]]) == (
        2026,
        [("2026-10-01", False), ("2026-10-02", False), ("2026-10-03", False), ("2026-10-10", True)],
    )
    assert (await client.get(url, params={"year": 2027}, headers=headers)).json()["items"] == []
    gone = {"first": "2026-10-01", "last": "2026-10-02"}
    for _ in range(2):
        assert (await client.delete(url, params=gone, headers=headers)).status_code == 204
    kept = (await client.get(url, headers=headers)).json()
    assert [one["day"] for one in kept["items"]] == ["2026-10-03", "2026-10-10"]
    member = await as_(world.operator_member)
    assert (await client.get(url, headers=member)).status_code == 200
    assert (await client.put(url, json=days, headers=member)).json()["code"] == "only_admins"
    assert (await client.delete(url, params=gone, headers=member)).json()["code"] == "only_admins"
    for wrong in ({"last": "2026-09-30"}, {"last": "2026-12-31"}, {"first": "tomorrow"}):
        assert (await client.put(url, json=days | wrong, headers=headers)).status_code in (400, 422)
        assert (await client.delete(url, params=gone | wrong, headers=headers)).status_code in (400, 422)
    assert wrong_fields(await client.put(url, json=days | {"name": " "}, headers=headers)) == {"name"}
    assert wrong_fields(await client.get(url, params={"year": 9}, headers=headers)) == {"year"}
    member = await as_(world.operator_member)
    assert (await client.get(url, headers=member)).status_code == 200
    for answer in (
        await client.put(url, json=days, headers=member),
        await client.delete(url, params=gone, headers=member),
    ):
        assert refused(answer) == (403, "only_admins"), (
            "every deadline goes by it: as on the pages, administrators keep it"
        )
