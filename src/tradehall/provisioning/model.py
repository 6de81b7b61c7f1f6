"""Instances, calls, attempts; how an attempt is judged, when a call is tried again and when it is given up."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, cast, get_args
from uuid import UUID

import msgspec

from tradehall.kernel.due import back_off
from tradehall.kernel.outbound import Exchange
from tradehall.protocols.answers import Answer, InstanceInfo
from tradehall.protocols.requests import (
    Activity,
    ChargingMode,
    CheckChange,
    Encryption,
    Generation,
    NotifyOrder,
    OpenInstance,
    QueryInstances,
    RefreshInstance,
    ReleaseInstance,
    Request,
    Scene,
    SetStatus,
    UpgradeInstance,
    activity_of,
)
from tradehall.settings import Settings
from tradehall.trading.terms import EndReason, SubscriptionState

InstanceState = Literal["opening", "running", "frozen", "ending", "failed", "released"]
CallState = Literal["queued", "waiting", "running", "succeeded", "failed", "cancelled"]
Purpose = Literal[
    "open",
    "await_opening",
    "investigate",
    "details",
    "renew",
    "change",
    "check",
    "freeze",
    "unfreeze",
    "release",
    "notify",
]
Verdict = Literal["success", "in_progress", "refused", "unreadable", "unreachable", "timed_out", "interrupted"]

# (state, verb) → next state.
INSTANCE_MOVES: dict[tuple[InstanceState, str], InstanceState] = {
    ("opening", "open"): "running",
    ("opening", "fail"): "failed",
    ("running", "freeze"): "frozen",
    ("frozen", "unfreeze"): "running",
    ("running", "end"): "ending",
    ("frozen", "end"): "ending",
    ("ending", "release"): "released",
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
    # A newer call makes it pointless.
    ("queued", "supersede"): "cancelled",
    ("waiting", "supersede"): "cancelled",
    ("running", "supersede"): "cancelled",
    ("failed", "supersede"): "cancelled",
}
CALL_STATES: tuple[CallState, ...] = ("queued", "waiting", "running", "succeeded", "failed", "cancelled")
ACTIVITIES: tuple[Activity, ...] = get_args(Activity)

# What each purpose of a call asks of the seller.
REQUEST_OF: dict[Purpose, type[Request]] = {
    "open": OpenInstance,
    "await_opening": QueryInstances,
    "investigate": QueryInstances,
    "details": QueryInstances,
    "renew": RefreshInstance,
    "change": UpgradeInstance,
    "check": CheckChange,
    "freeze": SetStatus,
    "unfreeze": SetStatus,
    "release": ReleaseInstance,
    "notify": NotifyOrder,
}
# What changes an instance, and so has a revision of its own.
CHANGING: frozenset[Purpose] = frozenset({"open", "renew", "change", "freeze", "unfreeze", "release"})
# What is not given up for good: its seller may start it again.
RESTARTABLE_WHEN_FAILED: frozenset[Purpose] = frozenset(
    {"details", "release", "notify", "freeze", "unfreeze", "renew", "change"}
)

SIGNATURE_REFUSED = "000001"


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
    revision: int | None


class ClaimedCall(Call, frozen=True):
    """A call handed to a worker, with what the endpoint it goes to understands.
    `first_sent` is the earliest of its tries before this one that may have reached the seller; the sealed access keys
    have the current one first."""

    first_sent: int | None
    untried: bool
    address: str
    access_keys: list[bytes]
    generation: Generation
    encryption: Encryption
    revisions: bool
    asks_contact: bool


class CallRow(Call, frozen=True):
    """A call as the message log lists it. Sellers see the order itself once it is `order_paid`; a change is checked
    before."""

    product_name_en: str
    product_name_zh: str
    seller_name_en: str
    seller_name_zh: str
    order_paid: bool


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
    closed_at: datetime | None
    created_at: datetime
    expires_at: datetime | None
    subscription_state: SubscriptionState | None
    trial: bool
    suspended_at: datetime | None
    frozen_at: datetime | None
    ended_at: datetime | None
    end_reason: EndReason | None
    auto_renew: bool


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


def judge_exchange(exchange: Exchange, answered: Callable[[Exchange], Answer]) -> Judgement:
    """Judges what came back, by what the protocol makes of it (`answered`), or that nothing did."""
    if exchange.trouble is None:
        return _judged(answered(exchange))
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


def key_for(call: ClaimedCall) -> bytes:
    """The sealed access key for this try: the current one, or the next in turn where the last try's was refused."""
    turn = call.attempts - 1 if call.result_code == SIGNATURE_REFUSED else 0
    return call.access_keys[turn % len(call.access_keys)] if call.access_keys else b""


def another_key_is_next(call: ClaimedCall, result: Judgement) -> bool:
    """Whether the seller refused this try's key while it has others: then the next try does not wait. It does once the
    current key's turn comes again.

    Turns go by the number of tries. If that is the current key's once more after a first refusal, it is soon done with.
    """
    if result.code != SIGNATURE_REFUSED or len(call.access_keys) < 2:
        return False
    return call.attempts % len(call.access_keys) != 0 or call.result_code != SIGNATURE_REFUSED


def business_id(call_id: UUID, attempt: int) -> str:
    """The businessId of a try: different every time, yet known afterwards even of a try whose worker died."""
    return str(uuid.uuid5(call_id, str(attempt)))


def activity_for(
    purpose: Purpose, generation: Generation, parameters: Mapping[str, str] = MappingProxyType({})
) -> Activity | None:
    """What a call will be called on the wire; None when this generation has no such interface and nothing is sent.

    A seller of the first generation tells an instance's details when it is asked for the instance once more.
    """
    if purpose == "details" and generation == "V1":
        return "newInstance"
    return activity_of(
        generation,
        REQUEST_OF[purpose],
        charging_mode=cast("ChargingMode | None", parameters.get("mode")),
        frozen=purpose == "freeze",
        scene=cast("Scene | None", parameters.get("scene")),
    )


def window(purpose: Purpose, settings: Settings) -> timedelta:
    """How long a call is tried before it is given up."""
    return {
        "open": settings.new_instance_window,
        "await_opening": settings.new_instance_window,
        "investigate": settings.opening_investigation,
        "details": settings.query_window,
        "renew": settings.renew_window,
        "change": settings.change_window,
        "check": settings.check_window,
        "freeze": settings.status_window,
        "unfreeze": settings.status_window,
        "release": settings.release_window,
        "notify": settings.notify_window,
    }[purpose]


def pause(purpose: Purpose, attempts: int, settings: Settings) -> timedelta:
    """How long to wait after the given number of tries before the next one."""
    match purpose:
        case "open":
            return settings.new_instance_interval
        case "renew":
            return settings.renew_interval
        case "change":
            return settings.change_interval
        case "check":
            return settings.check_interval
        case "freeze" | "unfreeze":
            return settings.status_interval
        case "release":
            return settings.release_interval
        case "notify":
            return settings.notify_interval
        case "await_opening" | "investigate" | "details":
            return back_off(attempts, settings.query_first_pause, settings.query_longest_pause)


def next_try(call: Call, now: datetime, settings: Settings) -> datetime | None:
    """When to try again after a failed try; None when the call's window would be over by then."""
    at = now + pause(call.purpose, call.attempts, settings)
    if at < call.window_ends_at:
        return at
    # One last try at the very end of the window, if that is still ahead.
    return call.window_ends_at if now < call.window_ends_at else None
