"""The V2 interfaces sellers implement: what is sent to them, and how whatever comes back is judged.

One address per seller takes every call as a signed POST; `activity` in the body says which one it is.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from tradehall.protocols.answers import Answer, describe, opened, plain_account, queried, verdict_of
from tradehall.protocols.requests import (
    Activity,
    CheckChange,
    NotifyOrder,
    OpenInstance,
    QueryInstances,
    RefreshInstance,
    ReleaseInstance,
    Request,
    SetStatus,
    UpgradeInstance,
    joined_ids,
    utc,
)
from tradehall.protocols.signing import Member, canonical_body, sign_v2

# Servers exist that refuse the spelling "utf8" in a charset; none refuses this one.
HEADERS: Mapping[str, str] = MappingProxyType(
    {"Accept": "application/json", "Content-Type": "application/json;charset=utf-8"}
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def body(request: Request, *, revision: int | None = None, test: bool = False) -> bytes:
    """A request as V2 says it: flat, sorted, compact, every value text (section 2).

    `revision` is a member of our own, for sellers who asked for it: others may know a fixed list of members.
    Raises ValueError for a request that cannot be said, and for text without a UTF-8 form.
    """
    members = _members(request)
    if revision is not None:
        members["revision"] = str(revision)
    # A notification is the one activity that always says whether it is a test.
    members["testFlag"] = "1" if test else "0" if isinstance(request, NotifyOrder) else None
    return canonical_body(members)


def _members(request: Request) -> dict[str, Member]:
    match request:
        case OpenInstance():
            return {
                "activity": "newInstance",
                "orderId": request.order_id,
                "orderLineId": request.order_line_id,
                "businessId": request.business_id,
                "productId": request.product_id,
            }
        case QueryInstances():
            return {"activity": "queryInstance", "instanceId": joined_ids(request)}
        case RefreshInstance():
            return {
                "activity": "refreshInstance",
                "scene": request.scene,
                "orderId": request.order_id,
                "orderLineId": request.order_line_id,
                "instanceId": request.instance_id,
                "productId": request.product_id,
                "expireTime": utc(request.expires_at).strftime("%Y%m%d%H%M%S"),
            }
        case SetStatus():
            return {
                "activity": "updateInstanceStatus",
                "instanceId": request.instance_id,
                "status": "FREEZE" if request.frozen else "UNFREEZE",
            }
        case ReleaseInstance():
            return {
                "activity": "releaseInstance",
                "instanceId": request.instance_id,
                "orderId": request.unsubscription_id,
                "orderLineId": request.unsubscription_line_id,
            }
        case UpgradeInstance():
            return {
                "activity": "upgradeInstance",
                "instanceId": request.instance_id,
                "orderId": request.order_id,
                "orderLineId": request.order_line_id,
            }
        case CheckChange():
            # The one nested member. linearValue is a number here as it is in the order query's ProductInfo.
            return {
                "activity": "changeInstanceCheck",
                "instanceId": request.instance_id,
                "productInfo": {
                    "linearValue": request.quantity,
                    "productId": request.product_id,
                    "productName": request.product_name,
                    "skuCode": request.sku_code,
                },
            }
        case NotifyOrder():
            return {"activity": "orderNotify", "orderId": request.order_id, "orderLineId": request.order_line_id}


def unix_ms(at: datetime) -> int:
    """A moment in Unix milliseconds, rounded down. Raises ValueError for one without a zone."""
    return (utc(at) - _EPOCH) // timedelta(milliseconds=1)


def signed_url(address: str, access_key: str, nonce: str, timestamp_ms: int, body: bytes) -> str:
    """The seller's address with the signature of this body, the time in Unix milliseconds and the nonce (1.3)."""
    address = address.partition("#")[0]
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    signature = sign_v2(access_key, nonce, timestamp_ms, body).signature
    return f"{address}{joint}signature={signature}&timestamp={timestamp_ms}&nonce={quote(nonce, safe='')}"


def judge(activity: Activity, status: int, content_type: str, body: bytes, *, asked: Collection[str] = ()) -> Answer:
    """Judges a complete HTTP answer to `activity`. Never raises, whatever the bytes are (7.2).

    Success is status 200, a JSON object, resultCode "000000" and what the activity must return. For queryInstance,
    `asked` are the ids asked for; without them, any instance described will do.
    """
    described, members = describe(status, content_type, body)
    if described.fault is not None:
        return described
    verdict = verdict_of(activity, members["resultCode"])
    if verdict == "refused":
        return msgspec.structs.replace(described, verdict="refused")
    if activity == "newInstance":
        return opened(members, described, verdict)
    if activity == "queryInstance":
        return queried(members, described, verdict, plain_account, asked)
    return msgspec.structs.replace(described, verdict=verdict)
