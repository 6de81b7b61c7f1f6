"""What people may do with a supervised order, and what they get told when they may not."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from tests.supervised import Supervised, stored
from tests.world import Shop

from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Conflict, Invalid, NotFound, Problem
from tradehall.kernel.journal import Actor
from tradehall.supervision import evidence, queries
from tradehall.supervision.errors import (
    EvidenceHandedIn,
    EvidenceNotFound,
    FlowFinished,
    FlowMovedOn,
    FlowNotFound,
    NotYourSide,
    OutOfTurn,
    UnknownVerb,
)
from tradehall.supervision.log import Log, log_of

REQUIREMENT = {"requirement": "Two hundred seats, migrated over a weekend."}


async def test_out_of_turn_the_answer_names_where_the_order_stands(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    with pytest.raises(OutOfTurn, match="Submit requirement"):
        await supervised.act(number, "accept", {})


async def test_the_other_side_cannot_act_in_ones_place(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    for actor in (shop.world.seller, shop.world.operator):
        with pytest.raises(NotYourSide):
            await supervised.act(number, "submit_requirement", REQUIREMENT, by=actor)


async def test_another_organisation_sees_nothing_of_it(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    for stranger in (shop.world.other_buyer, shop.world.other_seller):
        with pytest.raises(FlowNotFound):
            await supervised.act(number, "submit_requirement", REQUIREMENT, by=stranger)
        async with shop.installation.db.read() as reader:
            assert await queries.flow(reader, stranger, number) is None


async def test_an_unknown_verb_is_none(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    with pytest.raises(UnknownVerb):
        await supervised.act(number, "abolish", {})


async def test_everything_that_is_missing_is_named_and_nothing_is_half_saved(supervised: Supervised) -> None:
    number = await supervised.buy("saas_manual")
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    before = await supervised.flow(number)
    with pytest.raises(Invalid) as missing:
        await supervised.act(number, "deliver", {"front_end_url": "not an address", "colour": "red"}, files=[])
    assert [one.field for one in missing.value.fields] == [
        "colour", "front_end_url", "user_name", "password", "requirement_document", "acceptance_document"
    ]  # fmt: skip
    assert await supervised.flow(number) == before


async def test_what_was_written_is_kept_as_a_draft_but_no_secrets(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("saas_manual", asks_requirement=False)
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        await evidence.save_draft(tx, number, "deliver", {"user_name": "admin", "password": "hidden", "x": "y"})
    held = await supervised.flow(number)
    async with shop.installation.db.read() as reader:
        assert await queries.drafts(reader, shop.world.seller, held.id) == {"deliver": {"user_name": "admin"}}
        assert await queries.drafts(reader, shop.world.buyer, held.id) == {}
    await supervised.act(number, "deliver")
    async with shop.installation.db.read() as reader:
        assert await queries.drafts(reader, shop.world.seller, held.id) == {}


async def test_who_acts_on_a_stale_page_is_asked_to_look_again(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.walk(number, "submit_requirement", "reject_requirement")
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        with pytest.raises(FlowMovedOn):
            await shop.installation.supervision.act(tx, number, "submit_requirement", REQUIREMENT, seen=0)


async def test_both_sides_rejections_are_counted(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    await supervised.walk(number, *["submit_requirement", "reject_requirement"] * 3)
    await supervised.walk(number, "submit_requirement", "confirm_requirement", *["deliver", "reject_delivery"] * 2)
    held = await supervised.flow(number)
    assert (held.rejections_by_seller, held.rejections_by_buyer) == (3, 2)


async def test_a_finished_order_takes_no_more_acts(supervised: Supervised) -> None:
    number = await supervised.buy("orchestration")
    await supervised.complete(number)
    with pytest.raises(FlowFinished):
        await supervised.act(number, "accept", {})


# --- at the same time ------------------------------------------------------------------------------------------------


async def attempt(supervised: Supervised, actor: Actor, number: str, verb: str, **answers: str) -> str:
    try:
        async with supervised.installation.db.transaction(actor) as tx:
            await supervised.installation.supervision.act(tx, number, verb, answers)
    except Problem as problem:
        return problem.code()
    return "done"


async def test_of_twenty_clicks_one_accepts_and_the_order_is_completed_once(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("orchestration")
    await supervised.act(number, "deliver")
    answers = await asyncio.gather(*(attempt(supervised, shop.world.buyer, number, "accept") for _ in range(20)))
    assert Counter(answers) == {"done": 1, "flow_finished": 19}
    kinds = await supervised.kinds(number)
    assert (kinds.count("supervision.accepted"), kinds.count("order.completed")) == (1, 1)


async def test_accepting_and_rejecting_at_once_one_of_them_counts(supervised: Supervised, shop: Shop) -> None:
    for _ in range(5):
        number = await supervised.buy("orchestration")
        await supervised.act(number, "deliver")
        answers = await asyncio.gather(
            attempt(supervised, shop.world.buyer, number, "accept"),
            attempt(supervised, shop.world.buyer_member, number, "reject_delivery", reason="It does not run."),
        )
        assert answers.count("done") == 1
        held = await supervised.flow(number)
        assert held.acts == 2


async def test_people_and_timers_take_turns(supervised: Supervised, shop: Shop) -> None:
    """Whoever acts holds the due row first, as the worker does: nobody waits in a ring."""
    numbers = [await supervised.buy("service") for _ in range(10)]
    shop.clock.advance(timedelta(days=29))  # a reminder of each is due
    worker = shop.installation.worker()
    answers = await asyncio.gather(
        worker.run_until_idle(),
        *(attempt(supervised, shop.world.buyer, number, "submit_requirement", **REQUIREMENT) for number in numbers),
    )
    assert set(answers[1:]) == {"done"}
    for number in numbers:
        held = await supervised.flow(number)
        assert (held.node, held.turn) == ("confirmation", "seller")
        rows = await shop.sql("SELECT due_at FROM due_rows WHERE subject_id = %(id)s", {"id": held.id})
        assert rows == [(min(held.timers.values()),)]


# --- evidence --------------------------------------------------------------------------------------------------------


async def delivered(supervised: Supervised) -> tuple[str, UUID]:
    number = await supervised.buy("orchestration")
    piece = await supervised.hand_in(number, "deliver", "acceptance_document", by=supervised.shop.world.seller)
    await supervised.act(number, "deliver", {"description": "Done"}, files=[])
    return number, piece


async def test_evidence_that_was_handed_in_cannot_be_taken_back_or_changed(supervised: Supervised, shop: Shop) -> None:
    number, piece = await delivered(supervised)
    async with shop.installation.db.transaction(shop.world.seller) as tx:
        with pytest.raises(EvidenceHandedIn):
            await evidence.take_back(tx, number, piece)
    for statement in (
        "UPDATE supervision_evidence SET kind = 'other'",
        "DELETE FROM supervision_evidence",
        "UPDATE files SET name = 'another.pdf'",
    ):
        with pytest.raises(psycopg.errors.RaiseException):
            await shop.sql(statement)


async def test_a_file_taken_back_as_it_is_handed_in_is_either_evidence_or_gone(
    supervised: Supervised, shop: Shop
) -> None:
    """Whoever comes second waits and finds what the first has done: there is no evidence without its file."""
    seller, db = shop.world.seller, shop.installation.db

    async def take_back(tx: Tx) -> None:
        await evidence.take_back(tx, number, piece)

    async def deliver(tx: Tx) -> None:
        await shop.installation.supervision.act(tx, number, "deliver", {"description": "Done"})

    async def do(what: Callable[[Tx], Awaitable[None]]) -> None:
        async with db.transaction(shop.world.seller_member, request_id="second") as tx:
            await what(tx)

    for first, second, refused, left in (
        (take_back, deliver, Invalid, []),
        (deliver, take_back, EvidenceHandedIn, [(True,)]),
    ):
        number = await supervised.buy("orchestration")
        piece = await supervised.hand_in(number, "deliver", "acceptance_document", by=seller)
        async with db.transaction(seller, request_id="first") as tx:
            await first(tx)
            meanwhile = asyncio.create_task(do(second))
            await asyncio.sleep(0.1)
            assert not meanwhile.done()
        with pytest.raises(refused):
            await meanwhile
        await shop.run_due()
        joined = "SELECT e.act IS NOT NULL FROM supervision_evidence e JOIN files f ON f.id = e.file_id"
        assert await shop.sql(f"{joined} WHERE e.id = %(id)s", {"id": piece}) == left
    assert await shop.sql("SELECT count(*) FROM files") == [(1,)], "what was taken back is forgotten, and nothing else"


async def test_a_draft_is_its_own_sides_alone_until_it_is_handed_in(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("orchestration")
    piece = await supervised.hand_in(number, "deliver", "acceptance_document", by=shop.world.seller)
    async with shop.installation.db.read() as reader:
        assert await queries.piece_of_evidence(reader, shop.world.seller, number, piece)
        assert await queries.piece_of_evidence(reader, shop.world.buyer, number, piece) is None
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        with pytest.raises(EvidenceNotFound):
            await evidence.take_back(tx, number, piece)
    await supervised.act(number, "deliver", {"description": "Done"}, files=[])
    async with shop.installation.db.read() as reader:
        assert await queries.piece_of_evidence(reader, shop.world.buyer, number, piece)
        assert await queries.piece_of_evidence(reader, shop.world.other_buyer, number, piece) is None


async def test_files_are_taken_only_where_they_are_asked_for(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("orchestration")
    attempts: list[tuple[Actor, str, str, type[Problem]]] = [
        (shop.world.buyer, "deliver", "acceptance_document", NotYourSide),
        (shop.world.seller, "accept", "note", Conflict),
        (shop.world.seller, "deliver", "description", Invalid),
        (shop.world.other_seller, "deliver", "acceptance_document", NotFound),
    ]
    for actor, verb, field, expected in attempts:
        async with shop.installation.db.transaction(actor) as tx:
            with pytest.raises(expected):
                await evidence.attach(tx, number, verb, field, await stored(tx, actor, b"x"))


async def test_the_log_names_every_file_by_its_hash(supervised: Supervised, shop: Shop) -> None:
    number, piece = await delivered(supervised)
    facts = dict(await shop.events(number))["supervision.delivered"]
    held = await supervised.flow(number)
    async with shop.installation.db.read() as reader:
        (kept,) = await queries.evidence(reader, shop.world.buyer, held.id)
    assert facts["files"] == [
        {"id": str(piece), "kind": "acceptance_document", "name": "proof.pdf", "sha256": kept.digest}
    ]
    assert kept.act == facts["act"] == 1


async def test_whatever_else_is_written_into_the_log_of_an_order_hides_nothing_of_its_supervision(
    supervised: Supervised, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that are restarted again and again, case files, reviews: what is shown is shown, and the end is checked."""
    monkeypatch.setattr("tradehall.supervision.log.MOST_ENTRIES", 20)
    number = await supervised.buy("service")
    await supervised.act(number, "submit_requirement")
    held = await supervised.flow(number)

    async def looked_at() -> Log:
        async with shop.installation.db.read() as reader:
            return await log_of(reader, held.order_id)

    few = await looked_at()
    assert few.whole
    for _ in range(3):
        async with shop.installation.db.transaction(shop.world.seller) as tx:
            for _ in range(10):
                await tx.record("call.restarted", "order", held.order_id, {})
    await supervised.act(number, "confirm_requirement")
    many = await looked_at()
    assert many.whole
    kinds = [one.kind for one in many.entries]
    assert kinds == [one.kind for one in few.entries if one.kind.startswith("supervision.")] + [
        "supervision.requirement_confirmed"
    ]
    await shop.sql("ALTER TABLE events DISABLE TRIGGER ALL")
    await shop.sql(
        "UPDATE events SET entry = '{}' WHERE seq = (SELECT max(seq) - 5 FROM events e WHERE e.kind = 'call.restarted')"
    )
    assert not (await looked_at()).whole
