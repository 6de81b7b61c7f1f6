"""The cases of a key; fifty at once are in tests/trading/test_concurrency.py."""

from datetime import timedelta

import pytest
from tests.world import Shop

from tradehall.kernel.errors import Invalid
from tradehall.kernel.idempotency import MAX_LENGTH, IdempotencyKeyReused, keyed
from tradehall.kernel.journal import SYSTEM
from tradehall.parties.actions import forget_old


async def write(shop: Shop, key: str, request: bytes = b"r", answer: bytes | None = b"a") -> bytes | None:
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        assert tx.actor.person_id
        one = await keyed(tx, tx.actor.person_id, key, request)
        if one.replay is None and answer is not None:
            await one.keep(answer)
        return one.replay


async def test_the_first_request_is_carried_out_and_the_second_gets_its_answer(shop: Shop) -> None:
    assert await write(shop, "k") is None
    assert await write(shop, "k", answer=b"another") == b"a"


async def test_an_answer_may_be_empty(shop: Shop) -> None:
    assert await write(shop, "k", answer=b"") is None
    assert await write(shop, "k") == b""


async def test_another_request_under_the_key_is_refused_and_changes_nothing(shop: Shop) -> None:
    await write(shop, "k")
    with pytest.raises(IdempotencyKeyReused):
        await write(shop, "k", b"other")
    assert await write(shop, "k") == b"a"


async def test_a_request_that_was_undone_leaves_its_key_free(shop: Shop) -> None:
    async def undone() -> None:
        async with shop.installation.db.transaction(shop.world.buyer) as tx:
            assert tx.actor.person_id
            await keyed(tx, tx.actor.person_id, "k", b"r")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert await write(shop, "k", b"other") is None


@pytest.mark.parametrize("key", ["", "x" * (MAX_LENGTH + 1), "schlüssel", "a\nb", "a\0b"])
async def test_an_unusable_key_is_named_as_the_header_it_comes_in(shop: Shop, key: str) -> None:
    with pytest.raises(Invalid) as refused:
        await write(shop, key)
    assert refused.value.fields[0].field == "Idempotency-Key"


async def test_a_key_is_forgotten_after_its_time(shop: Shop) -> None:
    await write(shop, "old")
    shop.clock.advance(timedelta(days=2))
    await write(shop, "new")
    shop.clock.advance(timedelta(minutes=1))
    async with shop.installation.db.transaction(SYSTEM) as tx:
        await forget_old(tx, timedelta(days=2))
    assert await write(shop, "old", b"other") is None
    assert await write(shop, "new") == b"a"
