"""Sellers' answers: what a readable one holds, what can be wrong with it, and what either generation makes of it.

An answer is read in three steps: its members, what they say whatever was asked, and what `activity` requires. V1 and V2
put them together, each with what is its own. Protocol sections 2, 4 and 7.2.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import msgspec

from tradehall.protocols.requests import MAX_QUERIED, Activity

Verdict = Literal["success", "in_progress", "refused", "unreadable"]
Fault = Literal[
    "http_status",
    "redirected",
    "content_type",
    "empty_body",
    "not_utf8",
    "not_json",
    "not_an_object",
    "no_result_code",
    "result_code_type",
    "no_instance_id",
    "instance_id_too_long",
    "body_sign_missing",
    "body_sign_malformed",
    "body_sign_wrong",
    "cannot_decrypt",
]

CONTENT_TYPE = "application/json"

SUCCESS = "000000"
IN_PROGRESS = "000004"

MAX_ID = 64  # characters of an instance id
MAX_MESSAGE = 255
MAX_CODE = 64  # codes have six characters; a longer one is refused all the same, and cut to be shown
MAX_URL = 512
MAX_ACCOUNT = 128  # user name, password; where they are encrypted, that many characters of ciphertext
MAX_MEMO = 1024

# Everything else is done or not by the time it is answered.
ASYNCHRONOUS: frozenset[Activity] = frozenset({"newInstance", "queryInstance"})

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?")  # documented with four decimals
_MOMENT = re.compile(r"[0-9]{14}([0-9]{3})?")  # yyyyMMddHHmmss, milliseconds
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ResultCode(msgspec.Struct, frozen=True):
    """A code sellers answer with, and what it means (an English message id)."""

    code: str
    meaning: str


RESULT_CODES: Mapping[str, ResultCode] = MappingProxyType(
    {
        code: ResultCode(code, meaning)
        for code, meaning in {
            SUCCESS: "Done",
            "000001": "The signature was not accepted",
            "000002": "A parameter is wrong",
            "000003": "There is no such instance",
            IN_PROGRESS: "Still being worked on",
            "000005": "Another error inside the seller's server",
            "000100": "No instance is available",
            "000101": "The mobile number is missing or already in use",
            "000102": "The e-mail address is missing or already in use",
            "000103": "The product was bought before and cannot be bought again",
            "000104": "The product's own service failed",
            "000105": "The account already has this benefit",
            "000106": "Sold out",
            "000107": "The e-mail domain is already in use",
            "000900": "The order's quota is not enough",
            "000901": "Outside the order's validity",
            "000902": "A periodic license needs an expiry",
            "000903": "A fingerprint is required",
        }.items()
    }
)

FAULTS: Mapping[Fault, str] = MappingProxyType(
    {
        "http_status": "The HTTP status is not 200",
        "redirected": "The server redirects; calls are never redirected",
        "content_type": "The content type is not application/json",
        "empty_body": "The answer is empty",
        "not_utf8": "The answer is not UTF-8",
        "not_json": "The answer is not JSON",
        "not_an_object": "The answer is JSON but not an object",
        "no_result_code": "resultCode is missing",
        "result_code_type": 'resultCode must be text, such as "000000" in quotes',
        "no_instance_id": "instanceId is missing, empty or not text",
        "instance_id_too_long": "instanceId is longer than 64 characters",
        "body_sign_missing": "The header Body-Sign is missing",
        "body_sign_malformed": 'Body-Sign is not of the form sign_type="HMAC-SHA256", signature="…"',
        "body_sign_wrong": "The signature in Body-Sign does not belong to this answer and access key",
        "cannot_decrypt": "The user name or the password cannot be decrypted",
    }
)


class UsageInfo(msgspec.Struct, frozen=True):
    """A meter's reading: a running total, or what a package has used up of `related_instance_id`'s meter."""

    value: Decimal
    at: datetime | None = None
    related_instance_id: str | None = None
    dashboard_url: str | None = None


class AppInfo(msgspec.Struct, frozen=True):
    """How the buyer reaches what was bought. Addresses are http(s), whatever the seller sent."""

    front_end_url: str | None = None
    admin_url: str | None = None
    user_name: str | None = None
    password: str | None = None
    memo: str | None = None

    def __repr__(self) -> str:
        return f"AppInfo(front_end_url={self.front_end_url!r}, …)"  # accounts do not belong into logs


class InstanceInfo(msgspec.Struct, frozen=True):
    """One instance as queryInstance describes it."""

    instance_id: str
    app: AppInfo | None = None
    usage: tuple[UsageInfo, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What a seller's answer amounts to.

    `unreadable` names its `fault`: nothing is known of what the seller did, so the call is repeated. `refused` is the
    seller's own no, with its `code`. `warnings` name what production forgives and the debugger does not. Of an
    `unreadable` answer the rest is there to be shown, and not to be acted on.
    """

    verdict: Verdict
    code: str | None = None
    message: str | None = None
    fault: Fault | None = None
    instance_id: str | None = None
    instances: tuple[InstanceInfo, ...] = ()
    warnings: tuple[Fault, ...] = ()


Members: TypeAlias = Mapping[str, Any]
# The account name or password that a member of appInfo holds; None if there is none to be had from it.
Account: TypeAlias = Callable[[Any], str | None]


def describe(status: int, content_type: str, body: bytes) -> tuple[Answer, Members]:
    """What an answer says whatever was asked, and its members. `unreadable` for now; with a `fault`, for good.

    Everything a person would want to see of a failed answer is kept: an error page's JSON still yields its `code` and
    `message`.
    """
    members, fault = _read(body)
    code = members.get("resultCode")
    if fault is None and (code is None or code == ""):
        fault = "no_result_code"
    elif fault is None and not isinstance(code, str):
        fault = "result_code_type"
    if status != 200:
        fault = "redirected" if 300 <= status < 400 else "http_status"
    described = Answer(
        "unreadable",
        code=text(code, MAX_CODE, cut=True),
        message=text(members.get("resultMsg"), MAX_MESSAGE, cut=True),
        fault=fault,
        warnings=_warnings(status, content_type, body),
    )
    return described, members


def verdict_of(activity: Activity, code: Any) -> Literal["success", "in_progress", "refused"]:
    """What a result code means for `activity`."""
    if code == SUCCESS:
        return "success"
    return "in_progress" if code == IN_PROGRESS and activity in ASYNCHRONOUS else "refused"


def opened(members: Members, described: Answer, verdict: Verdict) -> Answer:
    """The answer to newInstance, which counts only with a usable instanceId."""
    instance_id = members.get("instanceId")
    if not is_id(instance_id):
        too_long = isinstance(instance_id, str) and len(instance_id) > MAX_ID
        return msgspec.structs.replace(
            described, verdict="unreadable", fault="instance_id_too_long" if too_long else "no_instance_id"
        )
    return msgspec.structs.replace(described, verdict=verdict, instance_id=instance_id)


def queried(members: Members, described: Answer, verdict: Verdict, account: Account, asked: Collection[str]) -> Answer:
    """The answer to queryInstance: every entry with a usable id; within an entry, whatever is of its type and length.

    A success that does not describe any instance `asked` for (any instance at all, if that is empty) says that there is
    nothing to tell yet.
    """
    instances = tuple(
        InstanceInfo(entry["instanceId"], app_info(entry.get("appInfo"), account), _usage(entry.get("usageInfo")))
        for entry in _objects(members.get("info"))
        if is_id(entry.get("instanceId"))
    )
    told = any(not asked or info.instance_id in asked for info in instances)
    if verdict == "success" and not told:
        verdict = "in_progress"
    return msgspec.structs.replace(described, verdict=verdict, instances=instances)


def app_info(value: Any, account: Account) -> AppInfo | None:
    """How the buyer reaches the application; None if there is nothing usable in `value`."""
    if not isinstance(value, dict):
        return None
    app = AppInfo(
        front_end_url=_url(value.get("frontEndUrl")),
        admin_url=_url(value.get("adminUrl")),
        user_name=account(value.get("userName")),
        password=account(value.get("password")),
        memo=text(value.get("memo"), MAX_MEMO, cut=True),
    )
    return None if app == AppInfo() else app


def plain_account(value: Any) -> str | None:
    """An account's name or password as V2 sends it: as it is."""
    return text(value, MAX_ACCOUNT)


def _read(body: bytes) -> tuple[dict[str, Any], Fault | None]:
    """The answer's members, none if there is a fault. The last of equal keys counts."""
    body = body.removeprefix(_BYTE_ORDER_MARK).strip()
    if not body:
        return {}, "empty_body"
    try:
        value = msgspec.json.decode(body)
    except UnicodeDecodeError:
        return {}, "not_utf8"
    except (ValueError, RecursionError):
        return {}, "not_json"
    return (value, None) if isinstance(value, dict) else ({}, "not_an_object")


def _warnings(status: int, content_type: str, body: bytes) -> tuple[Fault, ...]:
    judged = status == 200 and body != b""
    return ("content_type",) if judged and content_type.partition(";")[0].strip().lower() != CONTENT_TYPE else ()


def _usage(value: Any) -> tuple[UsageInfo, ...]:
    return tuple(
        UsageInfo(
            amount,
            at=_moment(entry.get("statisticalTime")),
            related_instance_id=text(entry.get("relatedInstanceId"), MAX_ID),
            dashboard_url=_url(entry.get("dashboardUrl")),
        )
        for entry in _objects(value)
        if (amount := _amount(entry.get("usageValue"))) is not None
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value[:MAX_QUERIED] if isinstance(entry, dict)] if isinstance(value, list) else []


def is_id(value: Any) -> bool:
    # U+0000 cannot be stored, so such an id could never be sent back.
    return isinstance(value, str) and value.strip() != "" and len(value) <= MAX_ID and "\0" not in value


def text(value: Any, limit: int, *, cut: bool = False) -> str | None:
    """The text, or None if it is none, empty, or too long for a field where a part of it would mislead."""
    if not isinstance(value, str) or not value or (len(value) > limit and not cut):
        return None
    return value[:limit].replace("\0", "\ufffd")


def _url(value: Any) -> str | None:
    # Buyers follow it from our pages: never a javascript: or data: address.
    address = text(value, MAX_URL)
    return address if address and address.lower().startswith(("https://", "http://")) else None


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    written = value if isinstance(value, str) else repr(value)
    return Decimal(written) if _AMOUNT.fullmatch(written) else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        return datetime.strptime(value[:14], "%Y%m%d%H%M%S").replace(
            microsecond=int(value[14:] or 0) * 1000, tzinfo=UTC
        )
    except ValueError:
        return None
