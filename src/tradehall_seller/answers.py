"""Answers to the marketplace's calls, as bytes to send with HTTP status 200 and CONTENT_TYPE.

Text outside ASCII is written as \\uXXXX escapes, which every reader understands.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tradehall_seller.codes import Code as Code
from tradehall_seller.codes import Refused

CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Where the buyer goes, at most 512 characters, and how they sign in first: 128 each, the memo 1024."""

    front_end_url: str
    admin_url: str | None = None
    user_name: str | None = None
    password: str | None = field(default=None, repr=False)
    memo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A meter: a running total, or what a package has used of `related_instance_id`'s meter; four decimals at most."""

    value: Decimal
    at: datetime  # with its time zone
    related_instance_id: str | None = None
    dashboard_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An instance as the buyer sees it."""

    instance_id: str
    app: App | None = None
    usage: tuple[Usage, ...] = ()


def opened(instance_id: str, app: App | None = None, encrypt_type: str | None = None) -> bytes:
    """newInstance: it is there. The same order line always gets the same id, of at most 64 characters.

    Only V1 has the rest: how the buyer gets in, and how user name and password were encrypted before.
    """
    described = None if app is None else _app(app)
    return answer(
        Code.SUCCESS, "success", **_present(encryptType=encrypt_type, instanceId=instance_id, appInfo=described)
    )


def opening(instance_id: str) -> bytes:
    """newInstance: it is being made; the marketplace asks with queryInstance until it is there."""
    return answer(Code.IN_PROGRESS, "in progress", instanceId=instance_id)


def described(instances: Iterable[Instance], encrypt_type: str | None = None) -> bytes:
    """queryInstance: all that were asked for. Only V1 says how user names and passwords were encrypted before."""
    info = [_instance(instance) for instance in instances]
    return answer(Code.SUCCESS, "success", **_present(encryptType=encrypt_type, info=info))


def in_progress() -> bytes:
    """queryInstance: not yet."""
    return answer(Code.IN_PROGRESS, "in progress")


def done() -> bytes:
    """All the others: done, now or earlier."""
    return answer(Code.SUCCESS, "success")


def refused(code: str, message: str) -> bytes:
    """It was not done; the marketplace shows the first 255 characters of the message to people."""
    return answer(code, message)


def rejected(rejection: Refused) -> bytes:
    """What a call is told that could not be verified, or was refused."""
    return answer(rejection.code, rejection.message)


def answer(code: str, message: str, **members: Any) -> bytes:
    return json.dumps({"resultCode": code, "resultMsg": message[:255], **members}, separators=(",", ":")).encode()


def _instance(instance: Instance) -> dict[str, Any]:
    members: dict[str, Any] = {"instanceId": instance.instance_id}
    if instance.app is not None:
        members["appInfo"] = _app(instance.app)
    if instance.usage:
        members["usageInfo"] = [_usage(usage) for usage in instance.usage]
    return members


def _app(app: App) -> dict[str, Any]:
    return _present(
        frontEndUrl=app.front_end_url,
        adminUrl=app.admin_url,
        userName=app.user_name,
        password=app.password,
        memo=app.memo,
    )


def _usage(usage: Usage) -> dict[str, Any]:
    moment = usage.at.astimezone(UTC)
    return _present(
        usageValue=float(usage.value),
        statisticalTime=f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03}",
        relatedInstanceId=usage.related_instance_id,
        dashboardUrl=usage.dashboard_url,
    )


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
