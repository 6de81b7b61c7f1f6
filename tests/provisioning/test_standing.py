"""Where an order stands: what happens next, whose turn it is, and by when."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import uuid4

import msgspec
import pytest

from tradehall.protocols.v2 import FAULTS, RESULT_CODES
from tradehall.provisioning.model import Call, Instance
from tradehall.provisioning.standing import NEXT_STEPS, TROUBLES, NextKind, NextStep, explanation, next_step
from tradehall.trading.model import Order

NOW = datetime(2026, 5, 9, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=3)
LATER = NOW + timedelta(hours=3)


def made(kind: Any, **values: Any) -> Any:
    """A struct of which only what matters is said."""
    return msgspec.structs.replace(kind(**dict.fromkeys(kind.__struct_fields__)), **values)


def order(state: str, **values: Any) -> Order:
    made_order: Order = made(Order, **{"state": state, "expires_at": LATER, "currency": "CNY"} | values)
    return made_order


def call(purpose: str, state: str, **values: Any) -> Call:
    usual = {"purpose": purpose, "state": state, "due_at": SOON, "window_ends_at": LATER, "attempts": 0}
    made_call: Call = made(Call, **usual | values)
    return made_call


def instance(**values: Any) -> Instance:
    made_instance: Instance = made(Instance, id=uuid4(), **values)
    return made_instance


def test_an_unpaid_order_is_the_buyers_turn_until_it_expires() -> None:
    assert next_step(order("pending_payment"), [], [], NOW) == NextStep("pay", "buyer", by=LATER)


def test_an_order_nobody_paid_in_time_is_about_to_be_cancelled() -> None:
    assert next_step(order("pending_payment", expires_at=NOW), [], [], NOW) == NextStep("expiring", "platform")


def test_a_paid_order_before_any_call_is_the_platforms_turn() -> None:
    assert next_step(order("processing"), [], [], NOW) == NextStep("processing", "platform")


@pytest.mark.parametrize(
    ("the_call", "expected"),
    [
        (call("open", "waiting"), NextStep("call_waiting", "platform", SOON, LATER)),
        (call("open", "waiting", due_at=NOW - timedelta(1)), NextStep("call_waiting", "platform", NOW, LATER)),
        (call("open", "running", attempts=1), NextStep("call_under_way", "seller", None, LATER, {"attempts": 1})),
        (
            call("open", "waiting", attempts=2, verdict="unreachable"),
            NextStep("call_again", "seller", SOON, LATER, {"attempts": 2}),
        ),
        (call("await_opening", "waiting"), NextStep("opening", "seller", SOON, LATER, {"attempts": 0})),
        (
            call("await_opening", "waiting", attempts=3, verdict="in_progress"),
            NextStep("opening", "seller", SOON, LATER, {"attempts": 3}),
        ),
        (
            call("await_opening", "waiting", attempts=3, verdict="unreadable", trouble="no_info"),
            NextStep("opening", "seller", SOON, LATER, {"attempts": 3}),
        ),
        (
            call("await_opening", "waiting", attempts=3, verdict="timed_out", trouble="timed_out"),
            NextStep("opening_unanswered", "seller", SOON, LATER, {"attempts": 3}),
        ),
        (
            call("await_opening", "running", attempts=4),
            NextStep("call_under_way", "seller", None, LATER, {"attempts": 4}),
        ),
    ],
)
def test_a_processing_order_is_told_by_its_opening_call(the_call: Call, expected: NextStep) -> None:
    notification = call("notify", "failed")
    assert next_step(order("processing"), [the_call, notification], [instance()], NOW) == expected


def test_the_latest_of_its_opening_calls_counts() -> None:
    calls = [call("open", "succeeded", attempts=1), call("await_opening", "waiting", attempts=1)]
    assert next_step(order("processing"), calls, [instance()], NOW).kind == "opening_unanswered"


def test_a_completed_order_is_ready_once_its_details_are_known() -> None:
    known = instance(details_at=NOW, expires_at=LATER)
    assert next_step(order("completed"), [], [known], NOW) == NextStep("use", values={"expires_at": LATER})


def test_a_completed_order_waits_for_its_details() -> None:
    calls = [call("open", "succeeded", attempts=1), call("details", "waiting", attempts=1)]
    expected = NextStep("details_awaited", "seller", SOON, LATER, {"attempts": 1})
    assert next_step(order("completed"), calls, [instance()], NOW) == expected


def test_details_given_up_are_the_sellers_turn() -> None:
    step = next_step(order("completed"), [call("details", "failed", attempts=9)], [instance()], NOW)
    assert step == NextStep("details_missing", "seller")


def test_money_on_its_way_back_is_the_platforms_turn_and_then_nobodys() -> None:
    refund = {"cancel_reason": "opening_failed", "refund_number": "CS1", "refund_minor": 5}
    values = {"number": "CS1", "amount_minor": 5, "currency": "CNY"}
    asked = order("cancelled", refund_state="requested", **refund)
    assert next_step(asked, [], [], NOW) == NextStep("refunding", "platform", values=values)
    done = order("cancelled", refund_state="refunded", **refund)
    assert next_step(done, [], [], NOW) == NextStep("refunded", values=values)


@pytest.mark.parametrize(("reason", "kind"), [("buyer", "cancelled"), ("expired", "expired")])
def test_after_a_cancellation_nothing_follows(reason: str, kind: NextKind) -> None:
    assert next_step(order("cancelled", cancel_reason=reason), [], [], NOW) == NextStep(kind)


def test_every_kind_has_its_message() -> None:
    assert NEXT_STEPS.keys() == set(get_args(NextKind))
    assert NextStep("pay").message == "The order waits for payment; unpaid, it is cancelled."


def test_what_a_try_came_to_is_told_in_words() -> None:
    assert explanation("000000", None, "success") is None
    assert explanation("000106", None, "refused") == "Sold out"
    assert explanation("999999", None, "refused") == "The seller's server refused with a code of its own"
    assert explanation(None, "dns", "unreachable") == TROUBLES["dns"]
    assert explanation("000000", "no_instance_id", "unreadable") == FAULTS["no_instance_id"]
    assert explanation(None, None, "interrupted") == TROUBLES["interrupted"]
    assert explanation(None, None, None) is None
    assert all(explanation(code, None, "refused") for code in RESULT_CODES if code != "000000")
