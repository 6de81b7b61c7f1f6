"""Where an order stands: what happens next, whose turn it is, and by when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import uuid4

import msgspec
import pytest

from tradehall.protocols.answers import FAULTS, RESULT_CODES
from tradehall.provisioning.ahead import AHEAD, Ahead, AheadKind, what_is_ahead
from tradehall.provisioning.model import Call, Instance
from tradehall.provisioning.standing import next_step
from tradehall.provisioning.steps import NEXT_STEPS, NextKind, NextStep
from tradehall.provisioning.troubles import TROUBLES, explanation
from tradehall.settings import Settings
from tradehall.trading.model import Order
from tradehall.trading.terms import Subscription

NOW = datetime(2026, 5, 9, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=3)
LATER = NOW + timedelta(hours=3)
DAY = timedelta(days=1)
EXPIRY = NOW + 30 * DAY
SETTINGS = Settings(grace_period=3 * DAY, retention_period=15 * DAY, renewal_lead=2 * DAY)


def made(kind: Any, **values: Any) -> Any:
    """A struct of which only what matters is said."""
    return msgspec.structs.replace(kind(**dict.fromkeys(kind.__struct_fields__)), **values)


def order(state: str, **values: Any) -> Order:
    usual = {"state": state, "order_type": "NEW", "expires_at": LATER, "currency": "CNY"}
    made_order: Order = made(Order, **usual | values)
    return made_order


def call(purpose: str, state: str, **values: Any) -> Call:
    usual = {"purpose": purpose, "state": state, "due_at": SOON, "window_ends_at": LATER, "attempts": 0}
    made_call: Call = made(Call, **usual | values)
    return made_call


def instance(**values: Any) -> Instance:
    usual = {"id": uuid4(), "state": "running", "subscription_state": "active", "trial": False, "auto_renew": False}
    made_instance: Instance = made(Instance, **usual | values)
    return made_instance


def standing(
    an_order: Order,
    calls: Sequence[Call] = (),
    instances: Sequence[Instance] = (),
    held_until: datetime | None = None,
) -> NextStep:
    return next_step(an_order, calls, instances, NOW, SETTINGS, held_until=held_until)


def in_use(**values: Any) -> Instance:
    return instance(details_at=NOW, expires_at=EXPIRY, **values)


def test_an_unpaid_order_is_the_buyers_turn_until_it_expires() -> None:
    assert standing(order("pending_payment")) == NextStep("pay", "buyer", by=LATER)


def test_an_order_nobody_paid_in_time_is_about_to_be_cancelled() -> None:
    assert standing(order("pending_payment", expires_at=NOW)) == NextStep("expiring", "platform")


def test_a_paid_order_before_any_call_is_the_platforms_turn() -> None:
    assert standing(order("processing")) == NextStep("processing", "platform")


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
            call("open", "waiting", attempts=2, verdict="in_progress", result_code="000004"),
            NextStep("opening", "seller", SOON, LATER, {"attempts": 2}),
        ),
        (
            call("investigate", "waiting", attempts=1, verdict="timed_out"),
            NextStep("investigating", "seller", SOON, LATER, {"attempts": 1}),
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
    opening = instance(state="opening", subscription_state=None)
    assert standing(order("processing"), [the_call, notification], [opening]) == expected


def test_the_latest_of_its_opening_calls_counts() -> None:
    calls = [call("open", "succeeded", attempts=1), call("await_opening", "waiting", attempts=1)]
    assert standing(order("processing"), calls, [instance()]).kind == "opening_unanswered"


def test_a_completed_order_is_ready_once_its_details_are_known() -> None:
    known = instance(details_at=NOW)
    assert standing(order("completed"), [], [known]) == NextStep("use", values={"expires_at": None})


def test_a_completed_order_waits_for_its_details() -> None:
    calls = [call("open", "succeeded", attempts=1), call("details", "waiting", attempts=1)]
    expected = NextStep("details_awaited", "seller", SOON, LATER, {"attempts": 1})
    assert standing(order("completed"), calls, [instance()]) == expected


def test_details_given_up_are_the_sellers_turn() -> None:
    step = standing(order("completed"), [call("details", "failed", attempts=9)], [instance()])
    assert step == NextStep("details_missing", "seller")


def test_money_on_its_way_back_is_the_platforms_turn_and_then_nobodys() -> None:
    refund = {"cancel_reason": "opening_failed", "refund_number": "CS1", "refund_minor": 5}
    values = {"number": "CS1", "amount_minor": 5, "currency": "CNY"}
    asked = order("cancelled", refund_state="requested", **refund)
    assert standing(asked) == NextStep("refunding", "platform", values=values)
    done = order("cancelled", refund_state="refunded", **refund)
    assert standing(done) == NextStep("refunded", values=values)


def test_what_was_free_and_could_not_be_opened_returns_nothing() -> None:
    failed = order("cancelled", cancel_reason="opening_failed", refund_state="requested", refund_minor=0)
    assert standing(failed).kind == "not_opened"


@pytest.mark.parametrize(("state", "kind"), [("requested", "change_refunding"), ("refunded", "change_refunded")])
@pytest.mark.parametrize("reason", ["renewal_failed", "change_failed"])
def test_a_renewal_or_change_that_failed_leaves_things_as_they_were(reason: str, state: str, kind: NextKind) -> None:
    assert standing(order("cancelled", cancel_reason=reason, refund_state=state, refund_minor=5)).kind == kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("buyer", "cancelled"),
        ("expired", "expired"),
        ("seller_refused", "seller_refused"),
        ("payment_declined", "payment_declined"),
    ],
)
def test_after_a_cancellation_nothing_follows(reason: str, kind: NextKind) -> None:
    assert standing(order("cancelled", cancel_reason=reason)) == NextStep(kind)


# --- Renewals, conversions and changes -------------------------------------------------------------------------------


@pytest.mark.parametrize("order_type", ["RENEW", "TRIAL_TO_FORMAL", "CHANGE"])
def test_an_unpaid_order_about_an_application_waits_for_payment_too(order_type: str) -> None:
    assert standing(order("pending_payment", order_type=order_type)) == NextStep("pay", "buyer", by=LATER)


def test_a_change_the_seller_is_asked_about_is_the_sellers_turn() -> None:
    asked = order("pending_payment", order_type="RENEW", check_state="awaited", expires_at=EXPIRY)
    assert standing(asked, [call("check", "waiting")]) == NextStep("change_asked", "seller", SOON, LATER)
    allowed = order("pending_payment", order_type="RENEW", check_state="passed", expires_at=EXPIRY)
    assert standing(allowed, [call("check", "succeeded")]) == NextStep("pay", "buyer", by=EXPIRY)


@pytest.mark.parametrize(
    ("order_type", "purpose", "word"),
    [("RENEW", "renew", "renewal"), ("TRIAL_TO_FORMAL", "renew", "renewal"), ("CHANGE", "change", "change")],
)
def test_a_paid_order_about_an_application_is_told_by_its_call(order_type: str, purpose: str, word: str) -> None:
    paid = order("processing", order_type=order_type)

    def told(state: str, **values: Any) -> NextStep:
        calls = [call(purpose, state, **values), call("notify", "waiting", attempts=1, verdict="refused")]
        return standing(paid, calls, [in_use()], held_until=EXPIRY)

    assert standing(paid, [], [in_use()]) == NextStep("processing", "platform")
    assert told("waiting") == NextStep(f"{word}_waiting", "platform", SOON, LATER)  # type: ignore[arg-type]
    assert told("queued").kind == f"{word}_waiting"
    once = {"attempts": 1}
    assert told("running", attempts=1) == NextStep("call_under_way", "seller", None, LATER, once)
    again = told("waiting", attempts=1, verdict="refused", result_code="000005")
    assert again == NextStep(f"{word}_again", "seller", SOON, LATER, once)  # type: ignore[arg-type]
    assert told("waiting", attempts=1, verdict="in_progress", result_code="000004").kind == f"{word}_under_way"
    held = told("failed", attempts=9, verdict="timed_out")
    assert held == NextStep(f"{word}_held", "seller", None, EXPIRY, {"attempts": 9})  # type: ignore[arg-type]
    assert told("succeeded", attempts=1).kind == "processing"


# --- An application's life -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order_type", ["NEW", "RENEW", "CHANGE", "TRIAL_TO_FORMAL"])
def test_a_completed_order_tells_until_when_its_application_is_used(order_type: str) -> None:
    done = order("completed", order_type=order_type)
    values = {"expires_at": EXPIRY}
    assert standing(done, [], [in_use()]) == NextStep("use_until", at=EXPIRY, values=values)
    renewed = NextStep("use_renewed", at=EXPIRY - 2 * DAY, values=values)
    assert standing(done, [], [in_use(auto_renew=True)]) == renewed
    assert standing(done, [], [in_use(trial=True)]) == NextStep("trial", at=EXPIRY, values=values)


def test_what_is_overdue_happens_now_and_not_in_the_past() -> None:
    late = instance(details_at=NOW, expires_at=NOW - DAY)
    assert standing(order("completed"), [], [late]).at == NOW
    late = instance(details_at=NOW, expires_at=NOW + DAY, auto_renew=True)
    assert standing(order("completed"), [], [late]).at == NOW


def test_after_its_term_it_is_the_buyers_turn_until_it_is_frozen_and_then_until_it_is_released() -> None:
    ended = NOW - DAY
    grace = instance(details_at=NOW, subscription_state="grace", expires_at=ended)
    step = standing(order("completed"), [], [grace])
    assert (step.kind, step.turn, step.by) == ("grace", "buyer", ended + 3 * DAY)
    frozen = instance(state="frozen", subscription_state="frozen", expires_at=ended)
    step = standing(order("completed"), [call("freeze", "succeeded")], [frozen])
    assert (step.kind, step.turn, step.by) == ("frozen", "buyer", ended + 18 * DAY)
    step = standing(order("completed"), [], [msgspec.structs.replace(frozen, trial=True)])
    assert (step.kind, step.turn, step.by) == ("trial_frozen", "buyer", ended + 15 * DAY)


def test_a_freeze_the_seller_did_not_carry_out_waits_for_it() -> None:
    unfrozen = instance(state="running", subscription_state="frozen", expires_at=NOW - 4 * DAY)
    assert standing(order("completed"), [call("freeze", "waiting", attempts=1)], [unfrozen]).kind == "frozen"
    step = standing(order("completed"), [call("freeze", "failed", attempts=9)], [unfrozen])
    assert (step.kind, step.turn) == ("freezing_stuck", "seller")


def test_a_suspended_application_is_the_platforms_turn_whatever_its_term() -> None:
    suspended = in_use(suspended_at=NOW)
    assert standing(order("completed"), [], [suspended]).kind == "suspended"
    late = instance(state="frozen", subscription_state="frozen", expires_at=NOW - DAY, suspended_at=NOW)
    assert standing(order("completed"), [], [late]).turn == "platform"


def test_once_renewed_the_seller_is_to_let_it_be_used_again() -> None:
    still_frozen = in_use(state="frozen")
    calls = [call("freeze", "succeeded"), call("unfreeze", "waiting", attempts=1)]
    step = standing(order("completed"), calls, [still_frozen])
    assert (step.kind, step.turn, step.at, step.by) == ("unfreezing", "seller", SOON, LATER)
    step = standing(order("completed"), [call("unfreeze", "failed", attempts=9)], [still_frozen])
    assert (step.kind, step.turn) == ("unfreezing_stuck", "seller")
    assert standing(order("completed", order_type="RENEW"), [], [still_frozen]).kind == "unfreezing"


@pytest.mark.parametrize(
    ("release", "kind"),
    [
        (call("release", "waiting"), "releasing"),
        (call("release", "running", attempts=1), "releasing"),
        (call("release", "waiting", attempts=1, verdict="timed_out"), "releasing_again"),
        (call("release", "failed", attempts=9), "releasing_stuck"),
        (None, "releasing"),
    ],
)
def test_an_application_that_is_over_is_released_by_its_seller(release: Call | None, kind: NextKind) -> None:
    over = instance(state="ending", subscription_state="ended")
    step = standing(order("completed"), [release] if release else [], [over])
    assert (step.kind, step.turn) == (kind, "seller")
    released = instance(state="released", subscription_state="ended")
    assert standing(order("completed"), [], [released]) == NextStep("released")


# --- Taking back -----------------------------------------------------------------------------------------------------


def test_an_unsubscription_is_over_when_its_money_is_back() -> None:
    taking = {"order_type": "UNSUBSCRIBE", "number": "CS2", "total_minor": 7}
    values = {"number": "CS2", "amount_minor": 7, "currency": "CNY"}
    assert standing(order("processing", **taking)) == NextStep("returning", "platform", values=values)
    assert standing(order("completed", **taking)) == NextStep("returned", values=values)
    assert standing(order("completed", **taking | {"total_minor": 0})) == NextStep("taken_back")


def test_an_order_whose_money_goes_back_tells_so() -> None:
    refund = {"refund_number": "CS2", "refund_minor": 7}
    values = {"number": "CS2", "amount_minor": 7, "currency": "CNY"}
    asked = order("completed", order_type="RENEW", refund_state="requested", **refund)
    assert standing(asked, [], [in_use()]) == NextStep("returning", "platform", values=values)
    done = order("completed", order_type="RENEW", refund_state="refunded", **refund)
    assert standing(done, [], [in_use()]) == NextStep("returned", values=values)
    over = instance(state="released", subscription_state="ended")
    assert standing(order("completed", refund_state="refunded", **refund), [], [over]) == NextStep("released")


# --- What is ahead ---------------------------------------------------------------------------------------------------


def test_all_that_is_ahead_of_an_application_is_told_in_order() -> None:
    steps = [Ahead("expire", EXPIRY), Ahead("freeze", EXPIRY + 3 * DAY), Ahead("end", EXPIRY + 18 * DAY)]
    assert what_is_ahead(in_use(), SETTINGS) == steps
    assert what_is_ahead(in_use(auto_renew=True), SETTINGS) == [Ahead("renew", EXPIRY - 2 * DAY), *steps]
    declined = what_is_ahead(in_use(auto_renew=True), SETTINGS, renewal_at=EXPIRY + DAY)
    assert [step.kind for step in declined] == ["expire", "renew", "freeze", "end"]
    trial = [Ahead("end_of_trial", EXPIRY), Ahead("freeze", EXPIRY), Ahead("end", EXPIRY + 15 * DAY)]
    assert what_is_ahead(in_use(trial=True), SETTINGS) == trial
    frozen = in_use(subscription_state="frozen", auto_renew=True)
    assert what_is_ahead(frozen, SETTINGS) == [Ahead("end", EXPIRY + 18 * DAY)]
    for nothing in (in_use(subscription_state="ended"), in_use(subscription_state=None), instance(details_at=NOW)):
        assert what_is_ahead(nothing, SETTINGS) == []


def test_a_subscription_tells_what_its_application_tells() -> None:
    held: Subscription = made(Subscription, state="active", expires_at=EXPIRY, trial=False, auto_renew=True)
    assert what_is_ahead(held, SETTINGS) == what_is_ahead(in_use(auto_renew=True), SETTINGS)
    assert {step.message for step in what_is_ahead(held, SETTINGS)} <= set(AHEAD.values())


def test_every_kind_has_its_message() -> None:
    assert NEXT_STEPS.keys() == set(get_args(NextKind))
    assert AHEAD.keys() == {kind for part in get_args(AheadKind) for kind in (get_args(part) or (part,))}
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
