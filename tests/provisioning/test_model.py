"""When a call is tried again, when it is given up, when a period ends; what a failed exchange leaves possible."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.outbound import Exchange, Trouble
from tradehall.protocols import v2
from tradehall.protocols.answers import Answer
from tradehall.provisioning.model import (
    CALL_MOVES,
    CALL_STATES,
    INSTANCE_MOVES,
    REQUEST_OF,
    Call,
    Purpose,
    business_id,
    judge_exchange,
    next_try,
    pause,
    window,
)
from tradehall.settings import Settings

SETTINGS = Settings()
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def call(purpose: Purpose, attempts: int, ends_in: timedelta) -> Call:
    one = UUID(int=1)
    return Call(
        id=one, seller_id=one, endpoint_id=one, activity="newInstance", purpose=purpose, lane=one, order_id=one,
        order_number="CS1", line_number="CS1-000001", instance_id=one, parameters={}, state="running", due_at=NOW,
        window_ends_at=NOW + ends_in, attempts=attempts, verdict=None, result_code=None, trouble=None,
        last_attempt_at=NOW, settled_at=None, request_id="", created_at=NOW, revision=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ends_in", "next_in"),
    [
        (180 * MINUTE, 3 * MINUTE),
        (3 * MINUTE + timedelta(microseconds=1), 3 * MINUTE),
        (3 * MINUTE, 3 * MINUTE),
        (1 * MINUTE, 1 * MINUTE),
        (timedelta(microseconds=1), timedelta(microseconds=1)),
        (timedelta(), None),
        (-1 * MINUTE, None),
    ],
)
def test_there_is_one_last_try_at_the_windows_end(ends_in: timedelta, next_in: timedelta | None) -> None:
    at = next_try(call("open", 1, ends_in), NOW, SETTINGS)
    assert at == (NOW + next_in if next_in is not None else None)


@given(st.sampled_from(sorted(REQUEST_OF)), st.integers(1, 10_000))
def test_tries_end_exactly_at_the_windows_end(purpose: Purpose, attempts: int) -> None:
    one = call(purpose, attempts, timedelta(hours=3))
    now, tries = NOW, 0
    while (at := next_try(one, now, SETTINGS)) is not None:
        assert now < at <= one.window_ends_at
        now, tries = at, tries + 1
    assert now == one.window_ends_at
    assert tries >= 60


def test_pauses_and_windows_are_the_settings() -> None:
    assert [pause(purpose, 99, SETTINGS) for purpose in ("open", "release", "notify")] == [3 * MINUTE] * 3  # type: ignore[arg-type]
    assert [pause("details", n, SETTINGS).total_seconds() for n in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]
    assert {purpose: window(purpose, SETTINGS) / MINUTE for purpose in REQUEST_OF} == {
        "open": 180,
        "await_opening": 180,
        "investigate": 60,
        "details": 60,
        "renew": 60,
        "change": 180,
        "check": 10,
        "freeze": 60,
        "unfreeze": 60,
        "release": 60,
        "notify": 180,
    }


def test_each_try_has_a_business_id_of_its_own_that_is_known_afterwards() -> None:
    one = uuid4()
    ids = {business_id(one, attempt) for attempt in range(1, 200)}
    assert len(ids) == 199
    assert business_id(one, 1) == business_id(one, 1) in ids
    assert all(len(text) <= 64 for text in ids)


@pytest.mark.parametrize(
    ("trouble", "sent", "verdict"),
    [
        ("dns", False, "unreachable"),
        ("unreachable", False, "unreachable"),
        ("address_refused", False, "unreachable"),
        ("bad_address", False, "unreachable"),
        ("tls", False, "unreachable"),
        ("timed_out", False, "timed_out"),
        ("timed_out", True, "timed_out"),
        ("cut_off", True, "unreadable"),
        ("too_large", True, "unreadable"),
        ("protocol", True, "unreadable"),
    ],
)
def test_whether_the_seller_may_have_done_it_depends_on_whether_it_was_sent(
    trouble: Trouble, sent: bool, verdict: str
) -> None:
    result = judge_exchange(Exchange(None, (), b"", False, 1.0, trouble, "…", sent), never)
    assert (result.verdict, result.trouble, result.effect_possible) == (verdict, trouble, sent)


def never(exchange: Exchange) -> Answer:
    raise AssertionError("there is no answer to judge")


def test_a_plain_no_leaves_no_doubt_and_nonsense_leaves_all() -> None:
    def judged(body: bytes) -> bool:
        headers = (("Content-Type", "application/json"),)
        exchange = Exchange(200, headers, body, False, 1.0, None, "", True)
        return judge_exchange(
            exchange, lambda one: v2.judge("newInstance", 200, "application/json", one.body)
        ).effect_possible

    assert not judged(b'{"resultCode":"000005","resultMsg":"no"}')
    assert judged(b"{}")
    assert judged(b'{"resultCode":"000000"}')


def test_transition_tables_speak_of_known_states_only() -> None:
    states = {state for state, _ in CALL_MOVES} | set(CALL_MOVES.values())
    assert states <= set(CALL_STATES)
    assert {"succeeded", "cancelled"}.isdisjoint(state for state, _ in CALL_MOVES)
    assert "released" not in {state for state, _ in INSTANCE_MOVES}
