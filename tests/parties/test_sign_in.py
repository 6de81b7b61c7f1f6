"""At the door: passwords, throttling, sessions, seats, tokens."""

from datetime import timedelta

import pytest
from tests.world import PASSWORD, Shop

from tradehall.kernel.errors import Invalid
from tradehall.kernel.journal import SYSTEM, Actor
from tradehall.parties import actions as parties
from tradehall.parties import queries
from tradehall.parties.errors import NotAMember, TokenNotFound, TooManySignIns, WrongPassword
from tradehall.parties.model import Seat, hash_password, password_matches

MINUTES = timedelta(minutes=1)


async def sign_in(shop: Shop, actor: Actor, password: str = PASSWORD, address: str = "203.0.113.9") -> Seat:
    return await parties.check_password(
        shop.installation.db,
        shop.installation.sign_in_policy,
        email=shop.world.email(actor),
        password=password,
        address=address,
    )


async def fail(shop: Shop, times: int, actor: Actor | None = None, address: str = "203.0.113.9") -> None:
    """As if that many wrong passwords had been given; trying each takes a while on purpose."""
    with pytest.raises(WrongPassword):
        await sign_in(shop, actor or shop.world.buyer, "wrong", address)
    if times > 1:
        await shop.sql(f"UPDATE sign_in_failures SET failures = failures + {times - 1}")


async def open_session(shop: Shop, actor: Actor) -> str:
    seat = await sign_in(shop, actor)
    async with shop.installation.db.transaction(SYSTEM) as tx:
        return await parties.open_session(tx, shop.installation.sign_in_policy, seat, "Browser/1.0")


async def seat_of(shop: Shop, token: str) -> Seat | None:
    async with shop.installation.db.read() as reader:
        return await queries.seat_of_session(reader, token)


async def test_who_knows_the_password_gets_their_seat(shop: Shop) -> None:
    seat = await sign_in(shop, shop.world.buyer)
    assert (seat.person_id, seat.organisation_id) == (shop.world.buyer.person_id, shop.world.buyer.organisation_id)
    assert (seat.role, seat.organisation_kind) == ("admin", "buyer")


async def test_the_address_is_read_whatever_its_letter_case(shop: Shop) -> None:
    policy = shop.installation.sign_in_policy
    email = f"  {shop.world.email(shop.world.buyer).upper()} "
    assert await parties.check_password(
        shop.installation.db, policy, email=email, password=PASSWORD, address="203.0.113.9"
    )


@pytest.mark.parametrize("email", ["nobody@example.com", "", "' OR 1=1 --", "北风"])
async def test_an_unknown_account_answers_like_a_wrong_password(shop: Shop, email: str) -> None:
    policy = shop.installation.sign_in_policy
    with pytest.raises(WrongPassword):
        await parties.check_password(
            shop.installation.db, policy, email=email, password=PASSWORD, address="203.0.113.9"
        )


async def test_after_eight_wrong_passwords_even_the_right_one_waits(shop: Shop) -> None:
    await fail(shop, 8)
    with pytest.raises(TooManySignIns) as refused:
        await sign_in(shop, shop.world.buyer)
    assert refused.value.values == {"minutes": 15}
    shop.clock.advance(14 * MINUTES + timedelta(seconds=1))
    with pytest.raises(TooManySignIns) as refused:
        await sign_in(shop, shop.world.buyer)
    assert refused.value.values == {"minutes": 1}
    shop.clock.advance(1 * MINUTES)
    assert await sign_in(shop, shop.world.buyer)


async def test_seven_wrong_passwords_are_forgiven_by_a_right_one(shop: Shop) -> None:
    await fail(shop, 7)
    await sign_in(shop, shop.world.buyer)
    await fail(shop, 7)
    await sign_in(shop, shop.world.buyer)


async def test_one_persons_wrong_passwords_do_not_keep_a_colleague_out(shop: Shop) -> None:
    await fail(shop, 8)
    assert await sign_in(shop, shop.world.buyer_member)


async def test_an_address_that_tries_many_accounts_waits_as_a_whole(shop: Shop) -> None:
    await fail(shop, 80)
    with pytest.raises(TooManySignIns):
        await sign_in(shop, shop.world.buyer_member)
    assert await sign_in(shop, shop.world.buyer_member, address="198.51.100.1")


async def test_old_failures_no_longer_count(shop: Shop) -> None:
    await fail(shop, 7)
    shop.clock.advance(16 * MINUTES)
    await fail(shop, 1)
    assert await shop.sql("SELECT DISTINCT failures FROM sign_in_failures") == [(1,)]


async def test_a_disabled_person_neither_signs_in_nor_stays_in(shop: Shop) -> None:
    token = await open_session(shop, shop.world.buyer)
    await shop.sql("UPDATE people SET disabled_at = now()")
    assert await seat_of(shop, token) is None
    with pytest.raises(WrongPassword):
        await sign_in(shop, shop.world.buyer)


async def test_a_session_ends_after_its_time_or_when_it_is_closed(shop: Shop) -> None:
    token = await open_session(shop, shop.world.buyer)
    assert await seat_of(shop, token)
    assert await seat_of(shop, token[:-1] + "!") is None
    shop.clock.advance(timedelta(days=14) - timedelta(seconds=1))
    assert await seat_of(shop, token)
    shop.clock.advance(timedelta(seconds=1))
    assert await seat_of(shop, token) is None

    another = await open_session(shop, shop.world.buyer)
    for _ in range(2):
        async with shop.installation.db.transaction(SYSTEM) as tx:
            await parties.close_session(tx, another)
    assert await seat_of(shop, another) is None


async def test_the_database_does_not_hold_the_cookie(shop: Shop) -> None:
    token = await open_session(shop, shop.world.buyer)
    assert len(token) >= 40
    ((stored,),) = await shop.sql("SELECT encode(token_hash, 'escape') || encode(token_hash, 'base64') FROM sessions")
    assert token not in stored


async def test_a_session_acts_for_another_of_the_persons_organisations_only(shop: Shop) -> None:
    world = shop.world
    assert world.buyer.person_id
    assert world.other_buyer.organisation_id
    token = await open_session(shop, world.buyer)

    async def move() -> None:
        assert world.buyer.person_id
        assert world.other_buyer.organisation_id
        async with shop.installation.db.transaction(SYSTEM) as tx:
            await parties.change_seat(tx, token, world.buyer.person_id, world.other_buyer.organisation_id)

    with pytest.raises(NotAMember):
        await move()
    async with shop.installation.db.transaction(SYSTEM) as tx:
        await parties.add_member(tx, world.other_buyer.organisation_id, world.buyer.person_id, "member")
    await move()
    seat = await seat_of(shop, token)
    assert seat
    assert (seat.organisation_id, seat.role) == (world.other_buyer.organisation_id, "member")


async def test_leaving_an_organisation_ends_the_sessions_and_tokens_there(shop: Shop) -> None:
    token = await open_session(shop, shop.world.buyer)
    await shop.sql(f"DELETE FROM memberships WHERE person_id = '{shop.world.buyer.person_id}'")
    assert await seat_of(shop, token) is None


async def test_a_token_is_shown_once_works_until_it_ends_and_is_revoked_by_its_owner_only(shop: Shop) -> None:
    db = shop.installation.db
    seat = await sign_in(shop, shop.world.buyer)
    async with db.transaction(SYSTEM) as tx:
        token_id, token = await parties.create_token(tx, seat, " CI ", timedelta(days=1))
        other_id, other = await parties.create_token(tx, seat, "forever")
    assert token.startswith("thp_")

    async def works(text: str) -> bool:
        async with db.read() as reader:
            return await queries.seat_of_token(reader, text) is not None

    assert await works(token)
    assert not await works(token + "x")
    async with db.read() as reader:
        listed = await queries.tokens_of_person(reader, seat.person_id)
    assert [one.name for one in listed if one.id == token_id] == ["CI"]
    assert token not in repr(listed)

    assert shop.world.seller.person_id
    async with db.transaction(SYSTEM) as tx:
        with pytest.raises(TokenNotFound):
            await parties.revoke_token(tx, shop.world.seller.person_id, token_id)
    shop.clock.advance(timedelta(days=1))
    assert not await works(token)
    assert await works(other)
    for _ in range(2):
        async with db.transaction(SYSTEM) as tx:
            await parties.revoke_token(tx, seat.person_id, other_id)
    assert not await works(other)


async def test_a_tokens_last_use_is_noted_to_the_minute(shop: Shop) -> None:
    db = shop.installation.db
    seat = await sign_in(shop, shop.world.buyer)
    async with db.transaction(SYSTEM) as tx:
        _, token = await parties.create_token(tx, seat, "CI")

    async def stale() -> bool:
        async with db.read() as reader:
            found = await queries.seat_of_token(reader, token)
        assert found
        if found.use_is_stale:
            async with db.transaction(SYSTEM) as tx:
                await parties.note_token_use(tx, found.token_id)
        return found.use_is_stale

    assert await stale()
    assert not await stale()
    shop.clock.advance(timedelta(seconds=61))
    assert await stale()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
async def test_a_token_without_a_usable_name_is_refused(shop: Shop, name: str) -> None:
    seat = await sign_in(shop, shop.world.buyer)
    async with shop.installation.db.transaction(SYSTEM) as tx:
        with pytest.raises(Invalid):
            await parties.create_token(tx, seat, name)


@pytest.mark.parametrize("password", ["", "short", "x" * 9, "x" * 201])
async def test_a_password_too_short_or_long_is_refused(shop: Shop, password: str) -> None:
    async with shop.installation.db.transaction(SYSTEM) as tx:
        with pytest.raises(Invalid) as refused:
            await parties.create_person(tx, email="new@example.com", name="New", password=password)
    assert refused.value.fields[0].field == "password"


async def test_housekeeping_forgets_what_is_over_and_keeps_what_is_not(shop: Shop) -> None:
    await open_session(shop, shop.world.buyer)
    await fail(shop, 1)
    shop.clock.advance(timedelta(days=13))
    await open_session(shop, shop.world.seller)
    await fail(shop, 1, shop.world.seller)
    shop.clock.advance(timedelta(hours=25))
    await shop.run_due(timedelta(hours=1))
    assert await shop.sql("SELECT count(*) FROM sessions") == [(1,)]
    assert await shop.sql("SELECT count(*) FROM sign_in_failures") == [(0,)]


def test_passwords_are_kept_as_argon2id() -> None:
    stored = hash_password("correct-horse-42")
    assert stored.startswith("$argon2id$")
    assert password_matches("correct-horse-42", stored)
    assert not password_matches("correct-horse-43", stored)
    assert not password_matches("x", "not a hash")
