"""Instances, calls, attempts; how an attempt is judged, when a call is tried again and when it is given up."""

import uuid
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.kernel.due import back_off
from tradehall.kernel.outbound import Exchange
from tradehall.protocols.v2 import Activity, Answer, InstanceInfo, judge
from tradehall.settings import Settings

InstanceState = Literal["opening", "running", "failed", "released"]
CallState = Literal["queued", "waiting", "running", "succeeded", "failed", "cancelled"]
Purpose = Literal["open", "await_opening", "details", "release", "notify"]
Verdict = Literal["success", "in_progress", "refused", "unreadable", "unreachable", "timed_out", "interrupted"]

# (state, verb) → next state.
INSTANCE_MOVES: dict[tuple[InstanceState, str], InstanceState] = {
    ("opening", "open"): "running",
    ("opening", "fail"): "failed",
    ("failed", "release"): "released",
}
CALL_MOVES: dict[tuple[CallState, str], CallState] = {
    ("queued", "advance"): "waiting",
    ("waiting", "claim"): "running",
    ("running", "take_over"): "waiting",
    ("running", "succeed"): "succeeded",
    ("running", "retry"): "waiting",
    ("running", "give_up"): "failed",
    ("waiting", "restart"): "waiting",
    ("failed", "restart"): "waiting",
}
CALL_STATES: tuple[CallState, ...] = ("queued", "waiting", "running", "succeeded", "failed", "cancelled")
ACTIVITIES: tuple[Activity, ...] = ("newInstance", "queryInstance", "releaseInstance", "orderNotify")

ACTIVITY_OF: dict[Purpose, Activity] = {
    "open": "newInstance",
    "await_opening": "queryInstance",
    "details": "queryInstance",
    "release": "releaseInstance",
    "notify": "orderNotify",
}
# What is not given up for good: its failure leaves the order as it is, and its seller may start it again.
RESTARTABLE_WHEN_FAILED: frozenset[Purpose] = frozenset({"details", "release", "notify"})

UNKNOWN_INSTANCE = "000003"


class Call(msgspec.Struct, frozen=True):
    """One call to a seller with all its tries: an entry of the message log, and a place in the queue."""

    id: UUID
    seller_id: UUID
    endpoint_id: UUID
    activity: Activity
    purpose: Purpose
    lane: UUID
    order_id: UUID
    order_number: str
    line_number: str
    instance_id: UUID | None
    parameters: dict[str, str]
    state: CallState
    due_at: datetime
    window_ends_at: datetime
    attempts: int
    verdict: Verdict | None
    result_code: str | None
    trouble: str | None
    last_attempt_at: datetime | None
    settled_at: datetime | None
    request_id: str
    created_at: datetime


class ClaimedCall(Call, frozen=True):
    """A call handed to a worker, with the endpoint it goes to and for how many months its instance was bought.
    `first_sent` is the earliest of its tries before this one that may have reached the seller."""

    first_sent: int | None
    address: str
    access_key: bytes
    months: int | None


class CallRow(Call, frozen=True):
    """A call as the message log lists it."""

    product_name_en: str
    product_name_zh: str
    seller_name_en: str
    seller_name_zh: str


class Attempt(msgspec.Struct, frozen=True):
    """One try: what was sent, what came back, how long it took and what it amounts to."""

    call_id: UUID
    number: int
    started_at: datetime
    milliseconds: float | None
    url: str | None
    request_body: str | None
    status: int | None
    response_headers: list[list[str]] | None
    response_body: str | None
    truncated: bool
    verdict: Verdict
    result_code: str | None
    trouble: str | None
    message: str | None
    warnings: list[str]


class Instance(msgspec.Struct, frozen=True):
    """An application a buyer bought, as its page shows it. The password is shown apart."""

    id: UUID
    order_id: UUID
    order_number: str
    buyer_id: UUID
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    product_name_en: str
    product_name_zh: str
    product_slug: str
    sku_name_en: str
    sku_name_zh: str
    charging_mode: str
    quantity: int
    quantity_name_en: str | None
    quantity_name_zh: str | None
    state: InstanceState
    seller_instance_id: str | None
    front_end_url: str | None
    admin_url: str | None
    user_name: str | None
    has_password: bool
    memo: str | None
    details_at: datetime | None
    opened_at: datetime | None
    expires_at: datetime | None
    closed_at: datetime | None
    created_at: datetime


class Judgement(msgspec.Struct, frozen=True):
    """What one exchange with a seller amounts to. `trouble` is a stable code, from the network or from the answer."""

    verdict: Verdict
    code: str | None = None
    message: str | None = None
    trouble: str | None = None
    instance_id: str | None = None
    instances: tuple[InstanceInfo, ...] = ()
    warnings: tuple[str, ...] = ()
    # It may have reached the seller; and the seller may have done what was asked although it did not say so.
    sent: bool = True
    effect_possible: bool = False

    @property
    def succeeded(self) -> bool:
        return self.verdict == "success"


def judge_exchange(activity: Activity, exchange: Exchange) -> Judgement:
    """Judges what came back, or that nothing did."""
    if exchange.trouble is None:
        return _judged(judge(activity, exchange.status or 0, exchange.header("Content-Type") or "", exchange.body))
    verdict: Verdict
    if exchange.trouble == "timed_out":
        verdict = "timed_out"
    elif exchange.trouble in ("too_large", "protocol", "cut_off"):
        verdict = "unreadable"
    else:
        verdict = "unreachable"
    return Judgement(
        verdict,
        trouble=exchange.trouble,
        message=exchange.trouble_detail,
        sent=exchange.sent,
        effect_possible=exchange.sent,
    )


def _judged(answer: Answer) -> Judgement:
    return Judgement(
        answer.verdict,
        code=answer.code,
        message=answer.message,
        trouble=answer.fault,
        instance_id=answer.instance_id,
        instances=answer.instances,
        warnings=answer.warnings,
        # A plain refusal says that nothing was done; an unreadable answer says nothing at all.
        effect_possible=answer.verdict in ("unreadable", "in_progress"),
    )


def business_id(call_id: UUID, attempt: int) -> str:
    """The businessId of a try: different every time, yet known afterwards even of a try whose worker died."""
    return str(uuid.uuid5(call_id, str(attempt)))


def window(purpose: Purpose, settings: Settings) -> timedelta:
    """How long a call is tried before it is given up."""
    return {
        "open": settings.new_instance_window,
        "await_opening": settings.new_instance_window,
        "details": settings.query_window,
        "release": settings.release_window,
        "notify": settings.notify_window,
    }[purpose]


def pause(purpose: Purpose, attempts: int, settings: Settings) -> timedelta:
    """How long to wait after the given number of tries before the next one."""
    match purpose:
        case "open":
            return settings.new_instance_interval
        case "release":
            return settings.release_interval
        case "notify":
            return settings.notify_interval
        case "await_opening" | "details":
            return back_off(attempts, settings.query_first_pause, settings.query_longest_pause)


def next_try(call: Call, now: datetime, settings: Settings) -> datetime | None:
    """When to try again after a failed try; None when the call's window would be over by then."""
    at = now + pause(call.purpose, call.attempts, settings)
    if at < call.window_ends_at:
        return at
    # One last try at the very end of the window, if that is still ahead.
    return call.window_ends_at if now < call.window_ends_at else None


def expiry(opened_at: datetime, months: int | None, zone: ZoneInfo) -> datetime | None:
    """When a period of calendar months that began at opening ends; None when nothing was bought by the period.

    Months are those of the marketplace's zone, the day clipped to the month's last: from 31 January one month later is
    the last of February.
    """
    if months is None:
        return None
    local = opened_at.astimezone(zone)
    years, month = divmod(local.month - 1 + months, 12)
    year, month = local.year + years, month + 1
    day = min(local.day, monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)
