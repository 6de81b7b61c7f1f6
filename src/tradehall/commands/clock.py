"""`tradehall clock`: a sandbox's clock, shown and moved on. Production's clock is the world's."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Console

from tradehall import installation
from tradehall.commands.common import CommandProblem
from tradehall.installation import CLOCK_CHANNEL, HOUSEKEEPING, Installation
from tradehall.kernel.journal import SYSTEM
from tradehall.settings import Settings, duration

MOVING = 0x7472_6164_6563_6C6B
"""The advisory lock that whoever moves the clock holds: "tradeclk" in ASCII."""

# What is due this soon is waited for: it may be in another worker's hands before we could move the clock there.
NEAR = timedelta(seconds=1)
GLANCE = 0.02  # seconds between two looks at what others are doing
# An announcement reaches the other processes of this machine in a few milliseconds; until then they live in the past.
HEARD = 0.03


class ClockRefused(CommandProblem):
    """The clock may not be moved, or not like that; the message says why."""


async def show(settings: Settings, console: Console) -> None:
    """Prints what time it is in this installation."""
    zone = ZoneInfo(settings.default_timezone)
    if not settings.sandbox:
        console.print(f"{_written(datetime.now(UTC), zone)}  production: the machine's own clock")
        return
    async with installation.opened(settings) as opened:
        next_due = await opened.worker().next_due()
        console.print(f"sandbox  {_written(opened.clock.now(), zone)}")
        console.print(f"machine  {_written(opened.clock.now() - opened.clock.offset, zone)}")
        console.print(f"ahead    {spoken(opened.clock.offset)}")
        if next_due:
            console.print(f"next due {_written(next_due, zone)}")


async def advance(settings: Settings, console: Console, span: str) -> None:
    """Moves the clock on by a span such as 90s, 3h or 1d12h. Raises ClockRefused."""
    _only_a_sandbox(settings)
    try:
        by = duration(span)
    except (ValueError, OverflowError):
        raise ClockRefused(f"{span!r} is no span of time; write one like 90s, 3m, 3h, 7d or 1h30m") from None
    async with installation.opened(settings) as opened:
        try:
            to = opened.clock.now() + by
        except OverflowError:
            raise ClockRefused(f"{span} from now is beyond the calendar") from None
        await _move_and_tell(opened, console, to)


async def go_to(settings: Settings, console: Console, moment: str) -> None:
    """Moves the clock on to an ISO 8601 moment; without an offset it is in the installation's zone."""
    _only_a_sandbox(settings)
    try:
        to = datetime.fromisoformat(moment)
    except ValueError:
        raise ClockRefused(f"{moment!r} is no moment; write one like 2026-12-01T00:00Z or 2026-12-01T08:00") from None
    if to.tzinfo is None:
        to = to.replace(tzinfo=ZoneInfo(settings.default_timezone))
    async with installation.opened(settings) as opened:
        await _move_and_tell(opened, console, to)


def _only_a_sandbox(settings: Settings) -> None:
    if not settings.sandbox:
        raise ClockRefused(
            "this is a production installation, and its clock is the world's; only a sandbox's can be moved "
            "(TRADEHALL_MODE=sandbox, or --demo for the demo's)"
        )


async def _move_and_tell(opened: Installation, console: Console, to: datetime) -> None:
    zone = ZoneInfo(opened.settings.default_timezone)
    console.print(f"from     {_written(opened.clock.now(), zone)}")
    done = await move(opened, to, heard=HEARD)
    console.print(f"to       {_written(opened.clock.now(), zone)}")
    console.print(f"ahead    {spoken(opened.clock.offset)} of the machine's clock")
    console.print(f"done     {done} {'piece' if done == 1 else 'pieces'} of work that were due in between")


async def move(
    opened: Installation, to: datetime, *, heard: float = 0.0, moved: Callable[[datetime], None] | None = None
) -> int:
    """Moves a sandbox's clock from due moment to due moment until `to`; at each, everything due is done before time
    goes on, whichever worker does it. Returns how many pieces of work this process did.

    `heard` is how long to wait after each announcement for the installation's other processes, in seconds; `moved` is
    told every moment. Raises ClockRefused in production and for a moment that is past.
    """
    _only_a_sandbox(opened.settings)
    if to < opened.clock.now():
        raise ClockRefused("time does not run backwards: that moment is past")
    worker = opened.worker()
    done = 0
    target = opened.clock.offset + (to - opened.clock.now())  # the time this takes passes as well
    try:
        async with await opened.db.listen() as connection:
            await connection.execute("SELECT pg_advisory_lock(%s)", (MOVING,))  # until this connection closes
            await _put_off_housekeeping(opened, to)
            while True:
                done += await worker.run_until_idle()
                # While nothing is due soon nobody can take anything on, so looking in this order misses nothing.
                if await _others_work(opened):
                    await asyncio.sleep(GLANCE)
                    continue
                moment = await worker.next_due()
                if moment is not None and moment <= min(to, opened.clock.now() + NEAR):
                    await asyncio.sleep(GLANCE)
                    continue
                if await _others_work(opened) or await worker.next_due() != moment:
                    continue
                if moment is None or moment > to:
                    break
                await _set(opened, opened.clock.offset + (moment - opened.clock.now()), heard)
                if moved:
                    moved(moment)
            await _set(opened, target, heard)
            done += await worker.run_until_idle()
    finally:
        worker.abort()  # nothing is under way, unless we were interrupted
    return done


async def _put_off_housekeeping(opened: Installation, to: datetime) -> None:
    """What is thrown away every few hours is thrown away once, at the end: weeks have many of them."""
    async with opened.db.transaction(SYSTEM) as tx:
        await tx.execute(
            "UPDATE due_rows SET due_at = %(to)s WHERE kind = %(kind)s AND due_at < %(to)s AND leased_until IS NULL",
            {"kind": HOUSEKEEPING, "to": to},
        )


async def _others_work(opened: Installation) -> bool:
    """Whether some worker has work in its hands. One that was killed with it keeps it until its lease ends."""
    async with opened.db.read() as reader:
        working: bool = await reader.fetch_value(
            """
            SELECT EXISTS (SELECT FROM seller_calls WHERE state = 'running')
                OR EXISTS (SELECT FROM due_rows WHERE parked_at IS NULL AND leased_until > clock_timestamp())
            """
        )
    return working


async def _set(opened: Installation, wanted: timedelta, heard: float) -> None:
    async with opened.db.transaction(SYSTEM) as tx:
        offset: timedelta | None = await tx.fetch_value(
            """
            UPDATE installation SET clock_offset = greatest(clock_offset, %(wanted)s)
            WHERE mode = 'sandbox' RETURNING clock_offset
            """,
            {"wanted": wanted},
        )
        await tx.notify(CLOCK_CHANNEL)
    assert offset is not None, "an installation that is open has its row"
    opened.clock.offset = offset
    await asyncio.sleep(heard)


def spoken(span: timedelta) -> str:
    """A span as one writes it: "7d 3h 2m", or "0s"."""
    seconds = round(span.total_seconds())
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if count := seconds // size:
            parts.append(f"{count}{unit}")
            seconds -= count * size
    return " ".join(parts) or "0s"


def _written(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone.key}"
