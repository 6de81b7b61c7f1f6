"""Reminders that reach more people the later it gets, and those of the side that waits."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.supervised import Supervised
from tests.world import Shop, World

from tradehall.kernel.journal import Actor
from tradehall.supervision import pressure
from tradehall.supervision.errors import FlowFinished, FlowFrozen, FlowNotFound, UrgedAlready, YourTurn
from tradehall.supervision.pressure import Pressed, level_at

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


async def pressed(supervised: Supervised, number: str) -> Pressed:
    held = await supervised.flow(number)
    async with supervised.installation.db.read() as reader:
        return await pressure.pressed(reader, held)


async def urge(shop: Shop, by: Actor, number: str) -> None:
    async with shop.installation.db.transaction(by, request_id="urge") as tx:
        await pressure.urge(tx, shop.installation.settings, number)


async def reminders(shop: Shop, number: str) -> list[tuple[Any, ...]]:
    found = [facts for kind, facts in await shop.events(number) if kind == "supervision.reminded"]
    return [(one["level"], one["reached"], one["times"], one["days"]) for one in found]


async def test_the_later_it_gets_the_higher_the_level(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    due = (await supervised.flow(number)).due_at
    assert due
    settings = shop.installation.settings
    assert level_at(due - SECOND, due, settings) == 1
    assert level_at(due, due, settings) == 2
    assert level_at(due + 7 * DAY, due, settings) == 3
    assert level_at(due + 21 * DAY, due, settings) == 4
    await shop.run_due(due + 30 * DAY)
    assert await reminders(shop, number) == [
        (1, 1, 1, 0), (2, 2, 2, 0), (3, 3, 3, 7), (3, 0, 4, 14), (4, 4, 5, 21), (4, 0, 6, 28)
    ]  # fmt: skip
    now = await pressed(supervised, number)
    assert (now.level, now.reminded, now.reminded_at) == (4, 6, due + 28 * DAY)
    async with shop.installation.db.read() as reader:
        assert await pressure.long_overdue(reader, settings) == 1


async def test_a_turn_that_is_taken_is_no_longer_pressed_for(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    due = (await supervised.flow(number)).due_at
    assert due
    await shop.run_due(due + 22 * DAY)
    await supervised.act(number, "submit_requirement")
    assert await pressed(supervised, number) == Pressed()
    held = await supervised.flow(number)
    assert held.due_at
    await shop.run_due(held.due_at)
    assert (await reminders(shop, number))[-2:] == [(1, 1, 1, 0), (2, 2, 2, 0)]


async def test_whoever_waits_reminds_the_other_once_a_day(supervised: Supervised, shop: Shop, world: World) -> None:
    number = await supervised.buy("service")
    with pytest.raises(YourTurn):
        await urge(shop, world.buyer, number)
    with pytest.raises(FlowNotFound):
        await urge(shop, world.other_seller, number)
    with pytest.raises(FlowNotFound):
        await urge(shop, world.operator, number)
    await urge(shop, world.seller, number)
    again = shop.clock.now() + DAY
    shop.clock.advance(DAY - SECOND)
    with pytest.raises(UrgedAlready) as caught:
        await urge(shop, world.seller_member, number)
    assert caught.value.values["at"] == again
    shop.clock.advance(SECOND)
    await urge(shop, world.seller_member, number)
    assert (await pressed(supervised, number)).urged == 2
    (first, second) = [facts for kind, facts in await shop.events(number) if kind == "supervision.urged"]
    assert (first["turn"], first["late"], first["times"], second["times"]) == ("buyer", False, 1, 2)


async def test_two_who_remind_at_once_are_counted_once(supervised: Supervised, shop: Shop, world: World) -> None:
    number = await supervised.buy("service")
    tries = [urge(shop, one, number) for one in (world.seller, world.seller_member) * 3]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert len([one for one in outcomes if one is None]) == 1
    assert len([one for one in outcomes if isinstance(one, UrgedAlready)]) == 5
    assert (await supervised.kinds(number)).count("supervision.urged") == 1


async def test_reminders_of_both_kinds_count_together(supervised: Supervised, shop: Shop, world: World) -> None:
    number = await supervised.buy("service")
    due = (await supervised.flow(number)).due_at
    assert due
    await urge(shop, world.seller, number)
    await shop.run_due(due)
    await urge(shop, world.seller, number)
    now = await pressed(supervised, number)
    assert (now.level, now.reminded, now.urged, now.times) == (2, 2, 2, 4)


async def test_nobody_is_reminded_of_what_is_frozen_or_over(supervised: Supervised, shop: Shop, world: World) -> None:
    number = await supervised.buy("orchestration")
    await supervised.act(number, "appeal")
    with pytest.raises(FlowFrozen):
        await urge(shop, world.buyer, number)
    await supervised.act(number, "withdraw_appeal")
    await supervised.complete(number)
    with pytest.raises(FlowFinished):
        await urge(shop, world.buyer, number)


async def test_both_sides_may_remind_the_marketplace(supervised: Supervised, shop: Shop, world: World) -> None:
    await shop.sql(f"UPDATE organisations SET track = 'base' WHERE id = '{world.buyer.organisation_id}'")
    number = await supervised.buy("orchestration", product_class="joint")
    await supervised.act(number, "deliver")
    assert (await supervised.flow(number)).turn == "platform"
    await urge(shop, world.buyer, number)
    await urge(shop, world.seller, number)
    for one in (world.buyer, world.seller):
        with pytest.raises(UrgedAlready):
            await urge(shop, one, number)
