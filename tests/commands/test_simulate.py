"""The simulation: nothing is violated, the same seed gives the same steps, and each invariant can fail."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from tests.commands.running import tradehall_command, traversable_directory
from tests.conftest import Server

from tradehall.commands.simulate import run as simulated_run
from tradehall.commands.simulate.command import furnish, shared_out
from tradehall.commands.simulate.faults import Rates
from tradehall.commands.simulate.invariants import INVARIANTS, Watch
from tradehall.commands.simulate.market import Market
from tradehall.commands.simulate.people import Merchant
from tradehall.commands.simulate.run import Done, Run
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.journal import Event
from tradehall.supervision.engine import Supervision
from tradehall.supervision.flows import is_supervised
from tradehall.supervision.model import Held
from tradehall.supervision.moving import CancelReason, Moving, told
from tradehall.supervision.opening import open_flow
from tradehall.trading.life import Life
from tradehall_seller.book import Entry

LIVES = 12
NOTHING_FAILS = Rates(0, 0, 0)


@pytest.fixture(scope="module")
def marketplace(server: Server) -> Iterator[tuple[str, Market]]:
    """The name of a furnished database, to be copied, and what is in it."""
    import asyncio

    name = server.create()
    yield name, asyncio.run(furnish(server.address(name)))
    server.drop(name)


class Simulator:
    """Makes marketplaces to live in."""

    def __init__(self, server: Server, template: str, market: Market) -> None:
        self._server = server
        self._template = template
        self._market = market

    @asynccontextmanager
    async def run(self, seed: str = "1", lives: int = LIVES, rates: Rates | None = None) -> AsyncIterator[Run]:
        name = self._server.create(self._template)
        try:
            run = Run(self._server.address(name), self._market, seed, 1, lives, rates or Rates())
            async with run.open():
                yield run
        finally:
            self._server.drop(name)

    async def done(self, seed: str, lives: int = LIVES, rates: Rates | None = None) -> Done:
        async with self.run(seed, lives, rates) as run:
            return await run.run()


@pytest.fixture
def simulator(server: Server, marketplace: tuple[str, Market]) -> Simulator:
    return Simulator(server, *marketplace)


# --- As it should be -------------------------------------------------------------------------------------------------


async def test_whatever_goes_wrong_nothing_comes_out_wrong_and_the_same_seed_gives_the_same_steps(
    simulator: Simulator,
) -> None:
    often = Rates(calls=0.25, claims=0.1, connections=0.05)
    first, again, other = [await simulator.done(seed, 25, often) for seed in ("a", "a", "b")]
    assert first.violations == again.violations == other.violations == []
    assert first.steps > 200
    assert (first.digest, first.last) == (again.digest, again.last)
    assert first.digest != other.digest


def test_the_command_ends_in_one_line_of_json_and_leaves_nothing(server: Server) -> None:
    with traversable_directory() as directory:
        ran = tradehall_command(
            directory,
            "simulate",
            "--lives",
            "21",
            "--seed",
            "5",
            "--json",
            DATABASE_URL=server.dsn,
            TMPDIR=str(directory),
        )
        assert ran.returncode == 0, ran.stderr
        told = json.loads(ran.stdout.splitlines()[-1])
        assert list(told) == ["lives", "steps", "lives_per_s", "violations"]
        assert told["lives"] == 21
        assert told["steps"] > 100
        assert told["violations"] == dict.fromkeys(INVARIANTS, 0)
        assert "digest of all steps" in ran.stderr
        assert not list(Path(directory).glob("tradehall-bench-*"))
    with psycopg.connect(server.dsn) as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname ~ 'tradehall_(simulation|bench)'")
        assert left.fetchall() == []


def test_lives_are_shared_out_alike_on_every_machine() -> None:
    assert shared_out(7) == [7]
    assert shared_out(101) == [51, 50]
    assert sum(shared_out(12_345)) == 12_345
    assert len(shared_out(12_345)) % 2 == 0


# --- Each invariant can fail -----------------------------------------------------------------------------------------


async def seen_after(run: Run, *statements: LiteralString, last: bool = False) -> dict[str, int]:
    """Which invariants are violated, and how often, once these statements have been run. They are undone again."""
    watch = Watch()
    async with run.installation.db.read() as reader, reader.connection.transaction(force_rollback=True):
        for statement in statements:
            changed = await reader.connection.execute(statement)
            assert changed.rowcount != 0, "there is something to break"
        await watch.check(Reader(reader.connection, reader.now), run, last=last)
    return {name: count for name, count in watch.counts().items() if count}


@pytest.fixture
async def midway(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Run]:
    """A marketplace in the middle of its lives, of which some are about what people deliver, where all is well."""
    monkeypatch.setattr(simulated_run, "ONE_SERVICE_IN", 4)
    async with simulator.run("midway", 25, NOTHING_FAILS) as run:
        await run.live(60)
        assert await seen_after(run) == {}
        yield run


ANY_LIFE = "(SELECT id FROM due_rows WHERE kind = 'subscription.life' ORDER BY id LIMIT 1)"
# A supervised order that waits for somebody, and a file that was handed in.
ANY_OPEN = """
    (SELECT id FROM supervision_flows WHERE state = 'open' AND frozen_at IS NULL AND timers <> '{}' ORDER BY id LIMIT 1)
"""
ANY_PROOF = "(SELECT id FROM supervision_evidence WHERE act IS NOT NULL ORDER BY id LIMIT 1)"
ANY_RUNNING = """
    (SELECT i.id FROM instances i JOIN subscriptions s USING (id)
     WHERE i.state = 'running' AND s.state = 'active' ORDER BY i.id LIMIT 1)
"""
ANY_RELEASE = "(SELECT max(number) FROM ledger_postings WHERE kind = 'released')"
# Who pays out what nobody accepted has the ledger against him, too.
ALSO_SEEN = {"paid_out_only_when_accepted": {"ledger_adds_up"}}


@pytest.mark.parametrize(
    ("invariant", "statements"),
    [
        ("nothing_forgotten", (f"DELETE FROM due_rows WHERE id = {ANY_LIFE}",)),
        ("nothing_overdue", (f"UPDATE due_rows SET due_at = '2026-01-01' WHERE id = {ANY_LIFE}",)),
        ("no_surprise", (f"UPDATE due_rows SET last_error = 'ValueError: no' WHERE id = {ANY_LIFE}",)),
        ("states_agree", (f"UPDATE instances SET state = 'opening' WHERE id = {ANY_RUNNING}",)),
        (
            "money_adds_up",
            (
                "ALTER TABLE payments DROP CONSTRAINT paying_twice_is_one_payment",
                """
                INSERT INTO payments
                SELECT gen_random_uuid(), order_id, gateway, reference, amount_minor, currency, paid_by, created_at
                FROM payments WHERE amount_minor > 0 ORDER BY id LIMIT 1
                """,
            ),
        ),
        (
            "ledger_adds_up",
            (
                "ALTER TABLE ledger_postings DISABLE TRIGGER postings_are_append_only",
                f"DELETE FROM ledger_postings WHERE number = {ANY_RELEASE}",
            ),
        ),
        (
            "ledger_adds_up",
            (
                "ALTER TABLE ledger_postings DISABLE TRIGGER postings_are_append_only",
                f"UPDATE ledger_postings SET at = at + interval '1 second' WHERE number = {ANY_RELEASE}",
            ),
        ),
        (
            "one_open_node",
            (
                f"""
                UPDATE supervision_flows SET turn = CASE turn WHEN 'buyer' THEN 'seller' ELSE 'buyer' END
                WHERE id = {ANY_OPEN}
                """,
            ),
        ),
        ("every_act_logged", (f"UPDATE supervision_flows SET acts = acts + 1 WHERE id = {ANY_OPEN}",)),
        (
            "rejections_counted",
            (f"UPDATE supervision_flows SET rejections_by_buyer = rejections_by_buyer + 1 WHERE id = {ANY_OPEN}",),
        ),
        (
            "no_timer_on_frozen_or_finished",
            (f"UPDATE due_rows SET due_at = due_at + interval '1 hour' WHERE subject_id = {ANY_OPEN}",),
        ),
        (
            "paid_out_only_when_accepted",
            (
                f"""
                UPDATE orders SET state = 'completed', completed_at = paid_at
                WHERE id = (SELECT order_id FROM supervision_flows WHERE id = {ANY_OPEN})
                """,
            ),
        ),
        (
            "evidence_stays",
            (
                "ALTER TABLE supervision_evidence DISABLE TRIGGER evidence_never_changes",
                f"UPDATE supervision_evidence SET act = act + 1 WHERE id = {ANY_PROOF}",
            ),
        ),
    ],
)
async def test_what_the_database_has_wrong_is_seen(
    midway: Run, invariant: str, statements: tuple[LiteralString, ...]
) -> None:
    assert set(await seen_after(midway, *statements)) == {invariant} | ALSO_SEEN.get(invariant, set())


AN_APPEAL = "SELECT flow_id FROM disputes WHERE finished_at IS NULL AND kind = 'appeal' ORDER BY id LIMIT 1"
A_REFUND = "SELECT flow_id FROM disputes WHERE outcome = 'refund' ORDER BY id LIMIT 1"


async def test_what_the_database_has_wrong_of_disputes_is_seen(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_run, "ONE_SERVICE_IN", 1)
    wrong: dict[LiteralString, dict[str, LiteralString]] = {
        AN_APPEAL: {
            "disputes_by_their_tables": f"UPDATE disputes SET acts = acts + 1 WHERE flow_id = ({AN_APPEAL})",
            "frozen_while_disputed": f"""
                UPDATE supervision_flows SET frozen_at = NULL, timers_left = NULL WHERE id = ({AN_APPEAL})
                """,
            "time_kept": f"""
                UPDATE supervision_flows SET timers_left = jsonb_set(timers_left, '{{due}}', '1')
                WHERE id = ({AN_APPEAL})
                """,
        },
        A_REFUND: {
            "money_back_as_ruled": "UPDATE disputes SET granted_minor = granted_minor + 1 WHERE outcome = 'refund'",
            "nobody_judges_their_own": """
                INSERT INTO memberships (person_id, organisation_id, role, created_at)
                SELECT m.person_id, d.buyer_id, 'member', m.created_at
                FROM memberships m JOIN organisations o ON o.id = m.organisation_id
                CROSS JOIN (SELECT DISTINCT buyer_id FROM disputes) d WHERE o.kind = 'platform'
                """,
        },
    }
    async with simulator.run("argued", 50, NOTHING_FAILS) as run:
        for waited_for, statements in wrong.items():
            for _ in range(200):
                async with run.installation.db.read() as reader:
                    if await reader.fetch_value(waited_for):
                        break
                await run.live(3)
            assert await seen_after(run) == {}
            for invariant, statement in statements.items():
                assert invariant in await seen_after(run, statement), invariant


def an_instance(run: Run, generation: str = "V2") -> tuple[Any, Entry]:
    """The book of a seller and an instance in it that is alive."""
    for seller in run.sellers.values():
        if seller.kind.generation == generation:
            book = seller.sample.book
            for effect in book.effects:
                entry = book.find(effect.instance_id)
                if effect.kind == "open" and entry and not entry.released and not entry.frozen:
                    return book, entry
    raise AssertionError("somebody has something")


async def test_what_a_seller_has_wrong_is_seen(midway: Run) -> None:
    book, entry = an_instance(midway)
    opened = next(effect for effect in book.effects if effect.instance_id == entry.instance_id)

    book.effects.append(replace(opened, instance_id="twice"))
    assert await seen_after(midway) == {"one_effect_per_order": 1}
    book.effects.pop()

    entry.frozen = True
    assert await seen_after(midway) == {"frozen_means_frozen": 1}
    entry.frozen = False

    entry.expire_time = "20300101000000"
    assert await seen_after(midway) == {"terms_agree": 1}
    entry.expire_time = ""

    entry.released = True
    assert await seen_after(midway) == {"nothing_orphaned": 1}


async def test_what_the_gateway_has_otherwise_is_seen(midway: Run) -> None:
    reference = next(reference for reference, amount in midway.till.collected.items() if amount)
    midway.till.collected[reference] += 1
    assert await seen_after(midway) == {"money_adds_up": 1}


async def test_a_journal_that_was_tampered_with_is_seen_at_the_end(simulator: Simulator) -> None:
    async with simulator.run("journal", 3, NOTHING_FAILS) as run:
        assert (await run.run()).violations == []
        tampered = await seen_after(
            run,
            "ALTER TABLE events DISABLE TRIGGER events_are_append_only",
            "UPDATE events SET kind = 'order.payed' WHERE kind = 'order.paid'",
            last=True,
        )
        assert set(tampered) == {"journal_whole", "ledger_adds_up"}


async def test_calls_that_overtook_each_other_are_seen_at_the_end(simulator: Simulator) -> None:
    async with simulator.run("order", 6, NOTHING_FAILS) as run:
        assert (await run.run()).violations == []
        run.transport.arrivals.reverse()
        assert set(await seen_after(run, last=True)) == {"calls_in_order"}


async def test_sellers_who_create_twice_are_found_out(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    def always(merchant: Merchant, mood: object) -> None:
        merchant._seller.manner = "by_business_id"

    monkeypatch.setattr(Merchant, "_set", always)
    done = await simulator.done("twice", 60, Rates(calls=0.5, claims=0, connections=0))
    seen = {found.invariant for found in done.violations}
    assert {"one_effect_per_order", "one_live_instance_per_line"} <= seen


async def test_a_renewal_that_is_supervised_is_found_out(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def whatever_it_is(supervision: Supervision, tx: Tx, event: Event) -> None:
        if is_supervised(event.facts.get("delivery_type", "")):
            await open_flow(tx, supervision._settings, event.subject_id)

    monkeypatch.setattr(Supervision, "open_for", whatever_it_is)
    monkeypatch.setattr(simulated_run, "ONE_SERVICE_IN", 2)
    done = await simulator.done("renewed", 80, NOTHING_FAILS)
    assert "renewals_open_no_flow" in {found.invariant for found in done.violations}


async def test_a_freeze_that_stops_no_timer_is_found_out(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    freeze = Moving.freeze

    async def forgetful(moving: Moving, tx: Tx, held: Held) -> None:
        await freeze(moving, tx, held)
        await tx.execute(
            "UPDATE supervision_flows SET timers = %(timers)s WHERE id = %(id)s",
            {"id": held.id, "timers": told(held.timers)},
        )

    monkeypatch.setattr(Moving, "freeze", forgetful)
    assert "no_timer_on_frozen_or_finished" in await found_when_they_argue(simulator, monkeypatch)


async def found_when_they_argue(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The invariants that are violated in a marketplace of services where all that goes wrong is what people do."""
    monkeypatch.setattr(simulated_run, "CHECKED_EVERY", 5)
    monkeypatch.setattr(simulated_run, "ONE_SERVICE_IN", 1)
    done = await simulator.done("frozen", 30, NOTHING_FAILS)
    return {found.invariant for found in done.violations}


async def test_a_refund_that_returns_what_was_paid_and_not_what_was_agreed_is_found_out(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = Moving.cancel

    async def generous(moving: Moving, tx: Tx, held: Held, reason: CancelReason, _: int | None = None) -> None:
        await cancel(moving, tx, held, reason)

    monkeypatch.setattr(Moving, "cancel", generous)
    found = await found_when_they_argue(simulator, monkeypatch)
    assert {"money_back_as_ruled", "disputes_by_their_tables"} <= found


async def test_a_marketplace_that_lets_anybody_judge_is_found_out(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def whoever(*_: object) -> None:
        pass

    monkeypatch.setattr(Supervision, "_check_impartial", whoever)
    assert "nobody_judges_their_own" in await found_when_they_argue(simulator, monkeypatch)


async def test_work_that_forgets_what_comes_next_is_found_out(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgetful(life: Life, *_: object) -> None:
        pass

    monkeypatch.setattr(Life, "carry_out_step", forgetful)
    done = await simulator.done("forgetful", LIVES, NOTHING_FAILS)
    assert "nothing_forgotten" in {found.invariant for found in done.violations}
