"""A sandbox's clock, moved by whoever runs `tradehall clock`."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from rich.console import Console
from tests.commands.running import tradehall_command
from tests.conftest import SECRET_KEY, sandbox_settings
from tests.world import World

from tradehall.commands.clock import ClockRefused, advance, move, spoken
from tradehall.installation import Installation
from tradehall.kernel.clock import Clock
from tradehall.kernel.journal import SYSTEM
from tradehall.settings import Settings
from tradehall.trading import actions as trading
from tradehall.trading import queries as orders


@pytest.fixture
async def sandbox(database: str, settings: Settings) -> AsyncIterator[Installation]:
    """An installation whose clock runs on, as everybody's does."""
    async with Installation(settings, database, Clock()) as opened:
        yield opened


async def _place(installation: Installation, world: World) -> str:
    async with installation.db.transaction(world.buyer, request_id="place") as tx:
        ttl = installation.settings.unpaid_order_ttl
        placed = await trading.place(tx, price_id=world.monthly, quantity=1, period_number=1, unpaid_ttl=ttl)
    return placed.number


async def _pay(installation: Installation, world: World, number: str) -> None:
    async with installation.db.transaction(world.buyer, request_id="pay") as tx:
        await trading.pay(tx, installation.gateway, number=number)


async def test_what_is_due_in_between_happens_at_its_moment(sandbox: Installation, world: World) -> None:
    paid, forgotten = await _place(sandbox, world), await _place(sandbox, world)
    await _pay(sandbox, world, paid)  # to a seller whose server is not there
    started = sandbox.clock.now()
    moments = []
    done = await move(sandbox, started + timedelta(days=8), moved=moments.append)
    assert done > 60
    assert moments == sorted(moments)
    async with sandbox.db.read() as reader:
        failed = await orders.order(reader, world.operator, paid)
        expired = await orders.order(reader, world.operator, forgotten)
    assert failed
    assert expired
    assert failed.refunded_at
    assert expired.cancelled_at
    assert timedelta(hours=3) <= failed.refunded_at - started < timedelta(hours=3, minutes=1)
    assert timedelta(days=7) - timedelta(seconds=1) <= expired.cancelled_at - started < timedelta(days=7, minutes=1)
    assert timedelta(days=8) <= sandbox.clock.now() - started < timedelta(days=8, minutes=1)


async def test_the_move_outlives_the_process(sandbox: Installation, database: str, settings: Settings) -> None:
    await move(sandbox, sandbox.clock.now() + timedelta(hours=3))
    async with Installation(settings, database, Clock()) as later:
        assert later.clock.offset == sandbox.clock.offset >= timedelta(hours=2, minutes=59)


async def test_other_processes_hear_of_it(sandbox: Installation, database: str, settings: Settings) -> None:
    async with Installation(settings, database, Clock()) as other:
        await move(sandbox, sandbox.clock.now() + timedelta(minutes=10))
        async with asyncio.timeout(10):
            while other.clock.offset != sandbox.clock.offset:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_work_in_another_workers_hands_is_waited_for(sandbox: Installation) -> None:
    async with sandbox.db.transaction(SYSTEM) as tx:
        await tx.execute(
            """
            INSERT INTO due_rows (id, kind, subject_id, due_at, leased_until, attempts, created_at)
            VALUES (%(id)s, 'order.expire', %(id)s, %(now)s, clock_timestamp() + interval '1 second', 1, %(now)s)
            """,
            {"id": uuid4(), "now": tx.now},
        )
    started = time.monotonic()
    await move(sandbox, sandbox.clock.now() + timedelta(minutes=5))
    assert time.monotonic() - started >= 0.9


async def test_it_never_goes_back(sandbox: Installation) -> None:
    with pytest.raises(ClockRefused, match="backwards"):
        await move(sandbox, sandbox.clock.now() - timedelta(seconds=5))


def test_the_command_moves_a_sandbox(database: str, tmp_path: Path) -> None:
    own = {"DATABASE_URL": database, "TRADEHALL_MODE": "sandbox", "TRADEHALL_SECRET_KEY": SECRET_KEY}
    moved = tradehall_command(tmp_path, "clock", "advance", "3h", **own)
    assert moved.returncode == 0, moved.stderr
    assert "ahead    3h of the machine's clock" in moved.stdout
    assert "ahead    3h" in tradehall_command(tmp_path, "clock", **own).stdout
    back = tradehall_command(tmp_path, "clock", "to", "2020-01-01T00:00Z", **own)
    assert back.returncode == 2
    assert "backwards" in back.stderr


def test_a_production_installation_refuses(tmp_path: Path) -> None:
    for arguments in (("advance", "3h"), ("to", "2030-12-01T00:00Z")):
        refused = tradehall_command(tmp_path, "clock", *arguments)
        assert refused.returncode == 2
        assert "production" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_production_database_refuses_whatever_the_environment_says(empty_database: str, tmp_path: Path) -> None:
    own = {"DATABASE_URL": empty_database, "TRADEHALL_SECRET_KEY": SECRET_KEY}
    made = tradehall_command(
        tmp_path, "person", "add", "ops@example.com", "--name", "Ops", "--organisation-name-en", "Market",
        "--organisation-name-zh", "商城", "--password-stdin", stdin="a long password\n", **own,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    refused = tradehall_command(tmp_path, "clock", "advance", "3h", TRADEHALL_MODE="sandbox", **own)
    assert refused.returncode == 2
    assert refused.stderr.strip() == (
        "tradehall: this database is a production installation, TRADEHALL_MODE says sandbox"
    )


@pytest.mark.parametrize("span", ["3", "h", "-3h", "3 hours", "", "99999999999d"])
async def test_a_span_that_is_none_is_refused(span: str, database: str) -> None:
    with pytest.raises(ClockRefused):
        await advance(sandbox_settings(database_url=database), Console(), span)


def test_spans_are_written_as_people_do() -> None:
    assert spoken(timedelta(days=7, hours=3, seconds=2)) == "7d 3h 2s"
    assert spoken(timedelta()) == "0s"
