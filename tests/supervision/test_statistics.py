"""Statistics of service supervision, held against what was done; and that they read indexes only."""

import asyncio
import math
import re
from contextlib import suppress
from datetime import date, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from tests.supervised import Supervised
from tests.test_schema import explaining
from tests.world import Shop, World

from tradehall.kernel.errors import Invalid
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.supervision import statistics
from tradehall.supervision.statistics import AGES, Course, Period, StatisticsFilter

ZONE = ZoneInfo("Asia/Shanghai")
ALL = StatisticsFilter()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def today(shop: Shop) -> date:
    return shop.clock.now().astimezone(ZONE).date()


async def course(shop: Shop, only: StatisticsFilter = ALL, days: int = 60, seller: bool = False) -> Course:
    viewer = shop.world.seller if seller else shop.world.operator
    over = Period(today(shop) - timedelta(days=days - 1), today(shop))
    async with shop.installation.db.read() as reader:
        return await statistics.course(reader, viewer, only, over, ZONE)


async def add_up(shop: Shop) -> bool:
    async with shop.installation.db.transaction(SYSTEM) as tx:
        return await statistics.add_up(tx, ZONE)


async def test_what_is_under_way_is_counted_by_node_and_age(supervised: Supervised, shop: Shop, world: World) -> None:
    first = await supervised.buy("service")
    await supervised.act(first, "submit_requirement")
    shop.clock.advance(10 * DAY)
    second = await supervised.buy("service")
    third = await supervised.buy("orchestration")
    await supervised.complete(third)
    await supervised.act(second, "appeal")
    async with shop.installation.db.read() as reader:
        rows = await statistics.standing(reader, world.operator, ALL)
        own = await statistics.standing(reader, world.seller, ALL)
        others = await statistics.standing(reader, world.other_seller, ALL)
        none = await statistics.standing(reader, world.operator, StatisticsFilter("hardware"))
    assert [(one.node, one.turn, one.orders, one.overdue, one.frozen) for one in rows] == [
        ("confirmation", "seller", 1, 1, 0), ("request", "buyer", 1, 0, 1)
    ]  # fmt: skip
    assert rows[0].ages == [0, 0, 0, 1, 0, 0, 0]
    assert rows[1].ages == [1, 0, 0, 0, 0, 0, 0]
    assert own == rows
    assert others == none == []
    assert len(rows[0].ages) == len(AGES) + 1


async def test_every_step_is_noted_with_how_long_it_took(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    for verb, pause in (("submit_requirement", 5 * HOUR), ("reject_requirement", 2 * DAY),
                        ("submit_requirement", 1 * HOUR), ("confirm_requirement", 7 * DAY)):  # fmt: skip
        shop.clock.advance(pause)
        await supervised.act(number, verb)
    cancelled = await supervised.buy("orchestration")
    held = await supervised.flow(cancelled)
    async with shop.installation.db.transaction(SYSTEM) as tx:
        await shop.installation.supervision.timers._moving.cancel(tx, held, "year")
    found = await course(shop)
    assert (found.began, found.completed, found.cancelled, found.rejected) == (2, 0, 1, 1)
    by_node = {one.node: one for one in found.nodes if one.delivery_type == "service"}
    assert (by_node["request"].left, by_node["request"].mean) == (2, 3 * 3600)
    confirmed = by_node["confirmation"]
    assert (confirmed.left, confirmed.late, confirmed.rejected) == (2, 1, 1)
    assert confirmed.mean == pytest.approx(4.5 * 86_400)


async def test_days_that_were_added_up_tell_the_same(supervised: Supervised, shop: Shop, world: World) -> None:
    for _ in range(4):
        number = await supervised.buy("orchestration")
        shop.clock.advance(3 * DAY)
        await supervised.act(number, "deliver")
        shop.clock.advance(30 * HOUR)
        await supervised.act(number, "accept")
    before = await course(shop)
    assert not await add_up(shop)
    assert await shop.sql("SELECT day FROM supervision_days_until") == [(today(shop),)]
    assert await course(shop) == before
    assert await course(shop, seller=True) == before
    assert not await add_up(shop)
    assert await course(shop) == before, "a day is added up once"
    number = await supervised.buy("orchestration")
    later = await course(shop)
    assert (later.began, later.completed) == (5, 4), "what is done since counts at once"
    only = StatisticsFilter("orchestration", world.other_seller.organisation_id)
    assert (await course(shop, only)).began == 0
    part = await course(shop, days=3)
    assert (part.began, part.completed, len(part.days)) == (1, 1, 3)
    shop.clock.advance(200 * DAY)
    assert await add_up(shop), "a month at a time"
    while await add_up(shop):
        pass
    assert (await course(shop, days=365)).began == 5


async def test_whole_months_tell_what_their_steps_do_wherever_a_period_begins_and_ends(
    shop: Shop, world: World
) -> None:
    """Of everybody's orders and of each seller's, of all types and of one, and with only a part added up so far."""
    await shop.sql(
        """
        INSERT INTO supervision_steps (flow_id, seller_id, delivery_type, node, to_node, at, seconds, late, rejected)
        SELECT gen_random_uuid(), CASE WHEN n %% 5 = 0 THEN %(other)s::uuid ELSE %(seller)s END,
               (ARRAY['service', 'hardware'])[1 + n %% 2], (ARRAY['', 'request', 'acceptance'])[1 + n %% 3],
               (ARRAY['request', 'delivery', 'completed', 'cancelled'])[1 + n / 12 %% 4],
               %(now)s::timestamptz - n * interval '7 hours', n * n, n %% 11 = 0, n %% 7 = 0
        FROM generate_series(1, 600) n
        """,
        {"seller": world.seller.organisation_id, "other": world.other_seller.organisation_id, "now": shop.clock.now()},
    )
    last = today(shop)
    begins = [last - days * DAY for days in (0, 1, 29, 30, 31, 60, 61, 62, 89, 120, 175, 300)]
    first_of_month = [day.replace(day=1) for day in begins]
    periods = [
        Period(since, until)
        for since in {*begins, *first_of_month}
        for until in (last, last - 20 * DAY, last.replace(day=1), last.replace(day=1) - DAY)
        if since <= until
    ]
    asked = [(world.operator, ALL), (world.operator, StatisticsFilter("service")), (world.seller, ALL),
             (world.other_seller, StatisticsFilter("hardware"))]  # fmt: skip

    async def all_of_it() -> list[Course]:
        async with shop.installation.db.read() as reader:
            return [
                await statistics.course(reader, viewer, only, over, ZONE) for viewer, only in asked for over in periods
            ]

    stepwise = await all_of_it()
    assert all(max(getattr(one, what) for one in stepwise) >= 90 for what in ("began", "completed", "cancelled"))
    while await add_up(shop):
        assert await all_of_it() == stepwise
    assert await all_of_it() == stepwise


async def test_each_day_is_added_up_once_whoever_dies_over_it_or_does_it_at_the_same_time(
    shop: Shop, world: World
) -> None:
    await shop.sql(
        """
        INSERT INTO supervision_steps (flow_id, seller_id, delivery_type, node, to_node, at, seconds, late, rejected)
        SELECT gen_random_uuid(), %(seller)s, 'service', (ARRAY['', 'acceptance'])[1 + n %% 2], 'completed',
               %(now)s::timestamptz - n * interval '11 hours', n, false, false
        FROM generate_series(1, 250) n
        """,
        {"seller": world.seller.organisation_id, "now": shop.clock.now()},
    )
    stepwise = await course(shop, days=150), await course(shop, days=150, seller=True)
    with suppress(ConnectionError):
        async with shop.installation.db.transaction(SYSTEM) as tx:
            await statistics.add_up(tx, ZONE)
            raise ConnectionError
    assert await shop.sql("SELECT day FROM supervision_days_until") == []
    assert any(await asyncio.gather(*(add_up(shop) for _ in range(3)))), "there is more than they do at a time"
    while await add_up(shop):
        assert (await course(shop, days=150), await course(shop, days=150, seller=True)) == stepwise
    assert (await course(shop, days=150), await course(shop, days=150, seller=True)) == stepwise


async def test_long_periods_are_read_by_the_month(shop: Shop, world: World) -> None:
    """However many steps a seller's orders took in two years, one row stands for those of a month that are alike."""
    await shop.sql(
        """
        INSERT INTO supervision_steps (flow_id, seller_id, delivery_type, node, to_node, at, seconds, late, rejected)
        SELECT gen_random_uuid(), %(seller)s, 'service', 'acceptance', 'completed',
               %(now)s::timestamptz - n * interval '1 hour', 86400, false, false
        FROM generate_series(1, 17000) n
        """,
        {"seller": world.seller.organisation_id, "now": shop.clock.now()},
    )
    while await add_up(shop):
        pass
    await shop.sql("ANALYZE")
    over = Period(today(shop) - 700 * DAY, today(shop))
    async with explaining(shop) as reader:
        for viewer in (world.operator, world.seller):
            reader.plans.clear()
            await statistics.course(reader, viewer, ALL, over, ZONE)
            by_month, by_day = (plan for _, plan in reader.plans[1:])
            assert "supervision_months_pkey" in by_month, by_month
            assert "supervision_day_counts_pkey" in by_day, by_day
    ((rows,),) = await shop.sql("SELECT count(*) FROM supervision_months")
    assert rows < 60


async def test_medians_are_right_to_some_per_cent(shop: Shop, world: World) -> None:
    spans = [17, 300, 4_000, 86_400, 90_000, 130_000, 1_000_000, 2_000_000, 2_500_000]
    for seconds in spans:
        await shop.sql(
            """
            INSERT INTO supervision_steps (flow_id, seller_id, delivery_type, node, to_node, at, seconds, late,
                                           rejected)
            VALUES (%(flow)s, %(seller)s, 'service', 'acceptance', 'completed', %(at)s, %(seconds)s, false, false)
            """,
            {"flow": new_id(), "seller": world.seller.organisation_id, "at": shop.clock.now(), "seconds": seconds},
        )
    (row,) = (await course(shop)).nodes
    assert row.median == pytest.approx(median(spans), rel=math.sqrt(statistics.GROWTH) - 0.99)
    assert row.mean == pytest.approx(sum(spans) / len(spans))


def test_a_period_is_the_last_ninety_days_if_nothing_is_said_and_never_too_long() -> None:
    day = date(2026, 3, 2)
    assert statistics.period(None, None, day) == Period(date(2025, 12, 3), day)
    assert statistics.period(day, date(2027, 1, 1), day) == Period(day, day)
    assert statistics.period(None, date(1, 1, 1), day).until == date(2000, 1, 1)
    for since, until in ((date(2026, 3, 3), day), (date(2024, 1, 1), day), (date(1, 1, 1), date(1, 1, 1))):
        with pytest.raises(Invalid):
            statistics.period(since, until, day)


async def test_disputes_are_counted_by_outcome(supervised: Supervised, shop: Shop, world: World) -> None:
    async with shop.installation.db.read() as reader:
        over = Period(today(shop) - DAY, today(shop))
        there: bool = await reader.fetch_value("SELECT to_regclass('disputes') IS NOT NULL")
        assert await statistics.outcomes(reader, world.operator, ALL, over, ZONE) == []
    if not there:
        await shop.sql(
            """
            CREATE TABLE disputes (
                id uuid PRIMARY KEY, flow_id uuid, order_number text, buyer_id uuid, seller_id uuid, kind text,
                opened_by text, node text, turn text, outcome text, amount_minor bigint, granted_minor bigint,
                currency text, entered_at timestamptz, due_at timestamptz, opened_at timestamptz,
                finished_at timestamptz)
            """
        )
    for outcome, granted in (("refund", 400), ("refund", 200), ("resume", None)):
        held = await supervised.flow(await supervised.buy("service"))
        await shop.sql(
            """
            INSERT INTO disputes (id, flow_id, order_number, buyer_id, seller_id, kind, opened_by, node, turn, outcome,
                                  amount_minor, granted_minor, currency, entered_at, opened_at, finished_at)
            VALUES (%(id)s, %(flow)s, %(number)s, %(buyer)s, %(seller)s, 'appeal', 'buyer', 'closed', '', %(outcome)s,
                    1000, %(granted)s, 'CNY', %(now)s, %(now)s, %(now)s + interval '2 days')
            """,
            {"id": new_id(shop.clock.now()), "flow": held.id, "number": held.order_number, "buyer": held.buyer_id,
             "seller": held.seller_id, "outcome": outcome, "granted": granted, "now": shop.clock.now()},
        )  # fmt: skip
    async with shop.installation.db.read() as reader:
        found = await statistics.outcomes(reader, world.operator, StatisticsFilter("service"), over, ZONE)
        own = await statistics.outcomes(reader, world.seller, ALL, over, ZONE)
        others = await statistics.outcomes(reader, world.other_seller, ALL, over, ZONE)
    told = [(one.outcome, one.cases, one.amount_minor, one.granted_minor, one.seconds) for one in found]
    assert told == [("refund", 2, 2000, 600, 172_800.0), ("resume", 1, 1000, 0, 172_800.0)]
    assert own == found
    assert others == []


async def test_statistics_read_indexes_only(supervised: Supervised, shop: Shop, world: World) -> None:
    for _ in range(3):
        await supervised.complete(await supervised.buy("orchestration"))
    await supervised.buy("service")
    over = Period(today(shop) - 30 * DAY, today(shop))
    async with explaining(shop) as reader:
        for viewer in (world.operator, world.seller):
            for only in (ALL, StatisticsFilter("service"), StatisticsFilter("", world.seller.organisation_id)):
                await statistics.standing(reader, viewer, only)
                await statistics.course(reader, viewer, only, over, ZONE)
        plans = [plan for _, plan in reader.plans]
    assert len(plans) >= 15
    whole = [plan for plan in plans if re.search(r"Seq Scan on (supervision_flows|supervision_steps)", plan)]
    assert whole == []
    assert any("supervision_open" in plan for plan in plans)
    assert any("supervision_steps_of_seller" in plan for plan in plans)
