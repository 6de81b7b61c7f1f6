"""Every cell of the tables that say what a try tells and what is done about it, acted out on a real PostgreSQL."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.world import Shop

from tradehall.kernel.journal import SYSTEM
from tradehall.protocols.answers import AppInfo, InstanceInfo
from tradehall.provisioning import lane, queries
from tradehall.provisioning.model import Attempt, ClaimedCall, Judgement, Purpose, Verdict
from tradehall.provisioning.outcomes import DECISIONS, ENDINGS, FINDINGS, PURPOSES, Ending, Finding, finding

MINUTE = timedelta(minutes=1)
DAYS = timedelta(days=1)
STATE_AFTER = {"settle": "succeeded", "again": "waiting", "give_up": "failed"}
VERDICTS: dict[Finding, tuple[Verdict, str | None, str | None, bool]] = {
    "done": ("success", "000000", None, True),
    "under_way": ("in_progress", "000004", None, True),
    "no": ("refused", "000005", None, True),
    "key_refused": ("refused", "000001", None, True),
    "unknown_there": ("refused", "000003", None, True),
    "unreadable": ("unreadable", None, "http_status", True),
    "not_sent": ("unreachable", None, "dns", False),
    "no_answer": ("timed_out", None, "timed_out", True),
}
FOR_GOOD: dict[Purpose, str] = {"open": "000103", "check": "000106"}


def judgement(call: ClaimedCall, found: Finding) -> Judgement:
    """A try's result that amounts to the finding."""
    if found == "no_for_good":
        return Judgement("refused", code=FOR_GOOD[call.purpose], message="no")
    verdict, code, trouble, sent = VERDICTS[found]
    name = call.parameters.get("instance", "i-1")
    told = (InstanceInfo(name, AppInfo("https://app.example.com/")),) if found == "done" else ()
    return Judgement(
        verdict, code, None, trouble, instance_id=name, instances=told, sent=sent,
        effect_possible=verdict in ("unreadable", "timed_out"),
    )  # fmt: skip


class Stage:
    """Brings calls of every purpose about, and has their tries come to whatever a test wants."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def claim(self) -> ClaimedCall:
        (job, *_) = await self.shop.seller_calls().claim(1)
        call: ClaimedCall = job.args[0]  # type: ignore[attr-defined]
        return call

    async def settle(self, call: ClaimedCall, found: Finding) -> None:
        result = judgement(call, found)
        assert finding(call.purpose, result) == found
        attempt = Attempt(
            call_id=call.id, number=call.attempts, started_at=self.shop.clock.now(), milliseconds=1.0,
            url="", status=200, request_body="", response_headers=None, response_body="", truncated=False,
            verdict=result.verdict, result_code=result.code, trouble=result.trouble, message=None, warnings=[],
        )  # fmt: skip
        async with self.shop.installation.db.transaction(SYSTEM) as tx:
            assert (await self.shop.installation.settling.settle(tx, call, result, attempt)).moved

    async def running(self) -> str:
        """An order whose instance runs and has told its details."""
        number = await self.shop.buy(price=self.shop.world.seats_monthly, quantity=20)
        await self.settle(await self.claim(), "done")
        return number

    async def clear(self) -> None:
        """What is still to be tried again would be in the way of the next."""
        await self.shop.sql(
            "UPDATE seller_calls SET state = 'cancelled', settled_at = now(), worker = NULL, leased_until = NULL "
            "WHERE settled_at IS NULL"
        )
        await self.shop.sql("DELETE FROM circuits")

    async def call_for(self, purpose: Purpose) -> ClaimedCall:
        """A call of this purpose, claimed for its first try."""
        shop = self.shop
        match purpose:
            case "open":
                await shop.buy()
            case "await_opening":
                await shop.buy()
                await self.settle(await self.claim(), "under_way")
                shop.clock.advance(MINUTE)
            case "investigate":
                await shop.buy()
                call = await self.claim()
                shop.clock.move_to(call.window_ends_at)
                await self.settle(call, "no_answer")
            case "notify":
                general = await shop.sql("SELECT true FROM endpoints WHERE interface_class = 'general'")
                if not general:
                    from tests.world import add_endpoint

                    async with shop.installation.db.transaction(SYSTEM) as tx:
                        await add_endpoint(tx, shop.installation, shop.world.seller.organisation_id, general=True)
                await shop.buy()
                first, second = await self.claim(), await self.claim()
                other, wanted = (first, second) if second.purpose == "notify" else (second, first)
                await self.settle(other, "no_for_good")
                return wanted
            case _:
                number = await self.running()
                await self._ask(purpose, number)
        call = await self.claim()
        assert call.purpose == purpose
        return call

    async def _ask(self, purpose: Purpose, number: str) -> None:
        shop = self.shop
        match purpose:
            case "details":
                shop.clock.advance(10 * MINUTE)
                instance = await shop.instance(number)
                async with shop.installation.db.transaction(shop.world.buyer) as tx:
                    assert await shop.installation.provisioning.refresh_details(tx, instance.id)
            case "renew":
                await shop.renew(number)
            case "change":
                await shop.change(number, shop.world.seats, 40)
            case "check":
                shop.clock.advance(2 * DAYS)
                await shop.order_renewal(number, 1, None, 10)
            case "freeze":
                await shop.suspend(number)
            case "unfreeze":
                await shop.suspend(number)
                await self.settle(await self.claim(), "done")
                await shop.suspend(number, False)
            case "release":
                await shop.unsubscribe(number)
            case _:
                raise AssertionError(purpose)

    async def state(self, call_id: UUID) -> Any:
        ((state, due_at),) = await self.shop.sql(f"SELECT state, due_at FROM seller_calls WHERE id = '{call_id}'")
        return state, due_at


@pytest.fixture
def stage(shop: Shop) -> Stage:
    return Stage(shop)


def test_the_tables_are_whole() -> None:
    assert {purpose for purpose, _ in DECISIONS} == set(PURPOSES) == set(ENDINGS)
    assert {found for _, found in DECISIONS} == set(FINDINGS)
    for purpose in PURPOSES:
        missing = {found for found in FINDINGS if (purpose, found) not in DECISIONS}
        assert missing == (set() if purpose in FOR_GOOD else {"no_for_good"})


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_each_finding_of_a_call_is_acted_upon_as_the_table_says(stage: Stage, purpose: Purpose) -> None:
    for (one, found), decision in DECISIONS.items():
        if one != purpose:
            continue
        call = await stage.call_for(purpose)
        if found == "interrupted":
            await stage.shop.end_leases()
            again = await stage.claim()
            assert (again.id, again.attempts) == (call.id, 2), "tried again at once"
            await stage.settle(again, "done")
        else:
            await stage.settle(call, found)
            state, due_at = await stage.state(call.id)
            assert state == STATE_AFTER[decision.then], found
            assert state != "waiting" or stage.shop.clock.now() < due_at <= call.window_ends_at
        async with stage.shop.installation.db.read() as reader:
            unknown = await queries.some_try_is_unknown(reader, call.id)
        assert unknown == (decision.knows in ("unknown", "under_way")), found
        await stage.clear()


EVENTS: dict[Ending, str | None] = {
    "fail": "instance.failed",
    "investigate": "instance.investigated",
    "hold": "change.held",
    "refuse": "change.refused",
    "wait_for_person": None,
}


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_call_that_is_given_up_ends_as_the_table_says(stage: Stage, purpose: Purpose, unknown: bool) -> None:
    call = await stage.call_for(purpose)
    if unknown:
        await stage.settle(call, "no_answer")
        ((due_at,),) = await stage.shop.sql(f"SELECT due_at FROM seller_calls WHERE id = '{call.id}'")
        stage.shop.clock.move_to(due_at)
        call = await stage.claim()
    stage.shop.clock.move_to(max(call.window_ends_at, stage.shop.clock.now()))
    await stage.settle(call, "no")
    assert (await stage.state(call.id))[0] == "failed"
    recorded = await stage.shop.sql(
        f"SELECT kind FROM events WHERE subject_id = '{call.order_id}' AND seq > ("
        f"SELECT max(seq) FROM events WHERE subject_id = '{call.order_id}' AND kind = 'call.given_up')"
    )
    expected = EVENTS[ENDINGS[purpose][unknown]]
    assert [kind for (kind,) in recorded][:1] == ([expected] if expected else [])


async def test_after_a_final_no_nothing_is_created_again(stage: Stage) -> None:
    call = await stage.call_for("open")
    await stage.settle(call, "no_for_good")
    assert (await stage.shop.order(call.order_number)).state == "cancelled"
    await stage.shop.run_due(1 * DAYS)
    assert [one.activity for one in await stage.shop.calls(call.order_number)] == ["newInstance"]
    assert (await stage.shop.order(call.order_number)).refund_state == "refunded"


async def test_a_final_no_after_an_unknown_try_is_looked_into(stage: Stage) -> None:
    """ "Bought before", says the seller: perhaps because it opened it when its answer was lost."""
    call = await stage.call_for("open")
    await stage.settle(call, "no_answer")
    stage.shop.clock.advance(3 * MINUTE)
    await stage.settle(await stage.claim(), "no_for_good")
    query = await stage.claim()
    assert query.purpose == "investigate"
    await stage.settle(query, "done")
    assert (await stage.shop.order(call.order_number)).state == "completed"
    assert (await stage.shop.instance(call.order_number)).seller_instance_id == query.parameters["instance"]


async def test_a_seller_of_the_first_generation_is_asked_for_the_instance_again(stage: Stage) -> None:
    await stage.shop.sql("UPDATE endpoints SET generation = 'V1'")
    call = await stage.call_for("open")
    await stage.settle(call, "under_way")
    assert (await stage.state(call.id))[0] == "waiting"


async def test_calls_of_an_instance_that_change_it_are_numbered(stage: Stage) -> None:
    number = await stage.running()
    await stage.shop.renew(number)
    renewal = await stage.claim()
    await stage.settle(renewal, "done")
    await stage.shop.suspend(number)
    assert [renewal.revision, (await stage.claim()).revision] == [2, 3]
    assert lane.CHANNEL == "seller_call"
