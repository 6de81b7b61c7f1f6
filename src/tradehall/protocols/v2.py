"""The V2 interfaces sellers implement: what is sent to them, and how whatever comes back is judged.

One address per seller takes every call as a signed POST; `activity` in the body says which one it is.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from tradehall.protocols.signing import canonical_body, sign_v2

Activity = Literal["newInstance", "queryInstance", "releaseInstance", "orderNotify"]
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
    "no_info",
]

# Servers exist that refuse the spelling "utf8" in a charset; none refuses this one.
HEADERS: Mapping[str, str] = MappingProxyType(
    {"Accept": "application/json", "Content-Type": "application/json;charset=utf-8"}
)
CONTENT_TYPE = "application/json"

SUCCESS = "000000"
IN_PROGRESS = "000004"

MAX_QUERIED = 100  # instances in one queryInstance
MAX_ID = 64  # characters of an instance id
MAX_MESSAGE = 255
MAX_CODE = 64  # codes have six characters; a longer one is refused all the same, and cut to be shown
MAX_URL = 512
MAX_ACCOUNT = 128  # user name, password
MAX_MEMO = 1024

_ASYNCHRONOUS: frozenset[Activity] = frozenset({"newInstance", "queryInstance"})
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
        "no_info": "info holds no instance",
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
    seller's own no, with its `code`. `warnings` name what production forgives and the debugger does not.
    """

    verdict: Verdict
    code: str | None = None
    message: str | None = None
    fault: Fault | None = None
    instance_id: str | None = None
    instances: tuple[InstanceInfo, ...] = ()
    warnings: tuple[Fault, ...] = ()


def new_instance(
    order_id: str, order_line_id: str, business_id: str, *, product_id: str | None = None, test: bool = False
) -> bytes:
    """Opens an instance for an order line; `business_id` is new on every attempt, the order's ids are not (2.1)."""
    return _body(
        "newInstance",
        test,
        orderId=order_id,
        orderLineId=order_line_id,
        businessId=business_id,
        productId=product_id,
    )


def query_instance(instance_ids: Sequence[str], *, test: bool = False) -> bytes:
    """Asks for 1 to 100 instances (2.2). Raises ValueError for any other number.

    Ids are sent as the seller made them. One that holds a comma can only be asked for alone: ValueError.
    """
    if not 1 <= len(instance_ids) <= MAX_QUERIED:
        raise ValueError(f"1 to {MAX_QUERIED} instances, not {len(instance_ids)}")
    if len(instance_ids) > 1 and any("," in instance_id for instance_id in instance_ids):
        raise ValueError("an instance id with a comma must be asked for alone")
    return _body("queryInstance", test, instanceId=",".join(instance_ids))


def release_instance(
    instance_id: str, *, order_id: str | None = None, order_line_id: str | None = None, test: bool = False
) -> bytes:
    """Gives an instance back; the order is the unsubscription, where that is the reason (2.5)."""
    return _body("releaseInstance", test, instanceId=instance_id, orderId=order_id, orderLineId=order_line_id)


def order_notify(order_id: str, order_line_id: str, *, test: bool = False) -> bytes:
    """Tells of a paid order line (2.8). The one activity whose testFlag is always present."""
    return canonical_body(
        {
            "activity": "orderNotify",
            "orderId": order_id,
            "orderLineId": order_line_id,
            "testFlag": "1" if test else "0",
        }
    )


def _body(activity: Activity, test: bool, **members: str | None) -> bytes:
    return canonical_body({"activity": activity, **members, "testFlag": "1" if test else None})


def signed_url(address: str, access_key: str, nonce: str, timestamp_ms: int, body: bytes) -> str:
    """The seller's address with the signature of this body, the time in Unix milliseconds and the nonce (1.3)."""
    address = address.partition("#")[0]
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    signature = sign_v2(access_key, nonce, timestamp_ms, body).signature
    return f"{address}{joint}signature={signature}&timestamp={timestamp_ms}&nonce={quote(nonce, safe='')}"


def judge(activity: Activity, status: int, content_type: str, body: bytes) -> Answer:
    """Judges a complete HTTP answer to `activity`. Never raises, whatever the bytes are (7.2).

    Success is status 200, a JSON object, resultCode "000000" and what the activity must return. Everything a person
    would want to see of a failed answer is kept: an error page's JSON still yields its `code` and `message`.
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
        code=_text(code, MAX_CODE, cut=True),
        message=_text(members.get("resultMsg"), MAX_MESSAGE, cut=True),
        fault=fault,
        warnings=_warnings(status, content_type, body),
    )
    if fault is not None:
        return described
    if code == SUCCESS:
        return _complete(activity, members, described, "success")
    if code == IN_PROGRESS and activity in _ASYNCHRONOUS:
        return _complete(activity, members, described, "in_progress")
    return msgspec.structs.replace(described, verdict="refused")


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


def _complete(
    activity: Activity, members: Mapping[str, Any], described: Answer, verdict: Literal["success", "in_progress"]
) -> Answer:
    """Success and progress count only with what the activity must return."""
    if activity == "newInstance":
        instance_id = members.get("instanceId")
        if not _is_id(instance_id):
            too_long = isinstance(instance_id, str) and len(instance_id) > MAX_ID
            return msgspec.structs.replace(described, fault="instance_id_too_long" if too_long else "no_instance_id")
        return msgspec.structs.replace(described, verdict=verdict, instance_id=instance_id)
    if activity == "queryInstance":
        instances = _instances(members.get("info"))
        if not instances and verdict == "success":
            return msgspec.structs.replace(described, fault="no_info")
        return msgspec.structs.replace(described, verdict=verdict, instances=instances)
    return msgspec.structs.replace(described, verdict=verdict)


def _instances(info: Any) -> tuple[InstanceInfo, ...]:
    """Every entry with a usable id; within an entry, whatever is of its type and length."""
    return tuple(
        InstanceInfo(entry["instanceId"], _app(entry.get("appInfo")), _usage(entry.get("usageInfo")))
        for entry in _objects(info)
        if _is_id(entry.get("instanceId"))
    )


def _app(value: Any) -> AppInfo | None:
    if not isinstance(value, dict):
        return None
    app = AppInfo(
        front_end_url=_url(value.get("frontEndUrl")),
        admin_url=_url(value.get("adminUrl")),
        user_name=_text(value.get("userName"), MAX_ACCOUNT),
        password=_text(value.get("password"), MAX_ACCOUNT),
        memo=_text(value.get("memo"), MAX_MEMO, cut=True),
    )
    return None if app == AppInfo() else app


def _usage(value: Any) -> tuple[UsageInfo, ...]:
    return tuple(
        UsageInfo(
            amount,
            at=_moment(entry.get("statisticalTime")),
            related_instance_id=_text(entry.get("relatedInstanceId"), MAX_ID),
            dashboard_url=_url(entry.get("dashboardUrl")),
        )
        for entry in _objects(value)
        if (amount := _amount(entry.get("usageValue"))) is not None
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value[:MAX_QUERIED] if isinstance(entry, dict)] if isinstance(value, list) else []


def _is_id(value: Any) -> bool:
    # U+0000 cannot be stored, so such an id could never be sent back.
    return isinstance(value, str) and value.strip() != "" and len(value) <= MAX_ID and "\0" not in value


def _text(value: Any, limit: int, *, cut: bool = False) -> str | None:
    """The text, or None if it is none, empty, or too long for a field where a part of it would mislead."""
    if not isinstance(value, str) or not value or (len(value) > limit and not cut):
        return None
    return value[:limit].replace("\0", "\ufffd")


def _url(value: Any) -> str | None:
    # Buyers follow it from our pages: never a javascript: or data: address.
    text = _text(value, MAX_URL)
    return text if text and text.lower().startswith(("https://", "http://")) else None


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = value if isinstance(value, str) else repr(value)
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        return datetime.strptime(value[:14], "%Y%m%d%H%M%S").replace(
            microsecond=int(value[14:] or 0) * 1000, tzinfo=UTC
        )
    except ValueError:
        return None
