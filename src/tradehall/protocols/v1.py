"""The V1 interfaces, which older sellers implement: what is sent to them, and how whatever comes back is judged.

One address per seller takes every call as a GET with a token; answers are signed, and personal data is encrypted both
ways. Protocol sections 1.4 to 1.6 and 3.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from tradehall.protocols.answers import (
    MAX_ACCOUNT,
    Account,
    Answer,
    Fault,
    InstanceInfo,
    Members,
    app_info,
    describe,
    is_id,
    opened,
    queried,
    text,
    verdict_of,
)
from tradehall.protocols.crypt import CannotDecrypt, decrypt, encrypt
from tradehall.protocols.requests import (
    Activity,
    ChargingMode,
    Encryption,
    OpenInstance,
    Purchase,
    QueryInstances,
    RefreshInstance,
    ReleaseInstance,
    Request,
    SetStatus,
    UpgradeInstance,
    activity_of_request,
    joined_ids,
    utc,
)
from tradehall.protocols.signing import parse_body_sign, sign_v1, verify_body_sign

HEADERS: Mapping[str, str] = MappingProxyType({"Accept": "application/json"})

# Only 1 and 3 are documented. The other two are what sellers' programs lead one to expect.
CHARGING_MODES: Mapping[ChargingMode, str] = MappingProxyType(
    {"ON_DEMAND": "0", "PERIOD": "1", "ONE_TIME": "3", "ON_DEMAND_PKG": "5"}
)
# encryptType of an answer; sellers send it as text, as a number or not at all, and then it is 256 bits.
_ENCRYPTIONS: Mapping[str | int, Encryption] = MappingProxyType(
    {"1": "AES256", "2": "AES128", 1: "AES256", 2: "AES128"}
)


def parameters(request: Request, access_key: str, encryption: Encryption, iv: str | None) -> dict[str, str]:
    """A request as V1 says it, in plain values (section 3): without time, test flag and token, which `signed_url` adds.

    What has no value is left out. Raises ValueError for a request that V1 cannot say.
    """
    activity = activity_of_request("V1", request)
    said: dict[str, str | None]
    match request:
        case OpenInstance(purchase=Purchase() as purchase):
            said = _purchase(purchase, access_key, encryption, iv)
            said |= {"orderId": request.order_id, "businessId": request.business_id}
            if request.product_id is not None:
                said["productId"] = request.product_id
        case OpenInstance():
            raise ValueError("V1 tells what was bought: newInstance needs the purchase")
        case QueryInstances():
            said = {"instanceId": joined_ids(request)}
        case RefreshInstance() if activity is not None:
            cancelled = request.scene == "UNSUBSCRIBE_RENEWAL_PERIOD"
            said = {
                "orderId": request.order_id,
                "instanceId": request.instance_id,
                "productId": request.product_id,
                "expireTime": _second(request.expires_at),
                "trialToFormal": "1" if request.scene == "TRIAL_TO_FORMAL" else None,
                "periodType": request.period_type,
                "periodNumber": _number(request.period_number),
                # V1 has no scenes: that a renewal is cancelled shows in the sign of the amount.
                "orderAmount": _amount(-abs(request.amount) if cancelled else request.amount),
            }
        case SetStatus() if activity == "instanceStatus":
            said = {"instanceId": request.instance_id, "instanceStatus": "FREEZE" if request.frozen else "NORMAL"}
        case SetStatus() if activity == "expireInstance":
            said = {"instanceId": request.instance_id, "orderId": request.order_id}
        case ReleaseInstance():
            said = {
                "instanceId": request.instance_id,
                "orderId": request.order_id,
                "orderAmount": None if request.amount is None else _amount(request.amount),
            }
        case UpgradeInstance():
            said = {
                "instanceId": request.instance_id,
                "orderId": request.order_id,
                "skuCode": request.sku_code,
                "productId": request.product_id,
                request.quantity_parameter: _number(request.quantity),
            }
        case _:
            raise ValueError(f"V1 has no interface for this {type(request).__name__}")
    assert activity is not None, "what has no name was refused above"
    return {"activity": activity} | {name: sent for name, value in said.items() if (sent := _sent(name, value))}


def _purchase(purchase: Purchase, access_key: str, encryption: Encryption, iv: str | None) -> dict[str, str | None]:
    def encrypted(value: str | None) -> str | None:
        plain = (value or "").strip()
        return encrypt(access_key, plain, encryption=encryption, iv=iv) if plain else None

    by_period = purchase.charging_mode == "PERIOD"
    return {
        "customerId": purchase.customer_id,
        "customerName": purchase.customer_name,
        "userId": purchase.user_id,
        "userName": purchase.user_name,
        "mobilePhone": encrypted(purchase.mobile_phone),
        "email": encrypted(purchase.email),
        "skuCode": purchase.sku_code,
        "productId": purchase.product_id,
        "trialFlag": "1" if purchase.trial else None,
        "expireTime": _second(purchase.expires_at) if purchase.expires_at else None,
        "chargingMode": CHARGING_MODES[purchase.charging_mode],
        purchase.quantity_parameter: _number(purchase.quantity),
        "periodType": purchase.period_type if by_period else None,
        "periodNumber": _number(purchase.period_number) if by_period else None,
        "orderAmount": _amount(purchase.amount),
    }


def signed_url(
    address: str, access_key: str, parameters: Mapping[str, str], at: datetime, *, test: bool = False
) -> str:
    """The seller's address with a request's parameters, the moment `at`, the test flag and the token of all (1.4).

    Parameters that the address has of its own are signed with the rest, since the seller's server cannot tell whose a
    parameter is; one that is named like ours, or comes again, gives way.
    """
    # Without testFlag some sellers answer HTTP 400.
    ours = dict(parameters) | {"timeStamp": _millisecond(at), "testFlag": "1" if test else "0"}
    base, _, query = address.partition("#")[0].partition("?")
    signed = dict(ours)
    pieces = []
    # Some servers read a plus as a blank and some do not; all read %20 as one.
    for piece in query.replace("+", "%20").split("&"):
        name, _, value = piece.partition("=")
        name = unquote(name)
        if piece and name not in signed and name != "authToken":
            signed[name] = unquote(value)
            pieces.append(piece)
    token = sign_v1(access_key, signed).token
    pieces += [f"{name}={quote(ours[name], safe='')}" for name in sorted(ours)]
    return f"{base}?{'&'.join(pieces)}&authToken={quote(token, safe='')}"


def judge(
    activity: Activity,
    status: int,
    content_type: str,
    body: bytes,
    body_sign: str | None,
    access_keys: Sequence[str],
    *,
    asked: Collection[str] = (),
) -> Answer:
    """Judges a complete HTTP answer to `activity`. Never raises, whatever the bytes and the header are.

    Beyond what V2 requires, the header Body-Sign must belong to the body under any of `access_keys`; an answer without
    it is `unreadable`, yet shown in full. newInstance tells how to reach the application at once.
    """
    described, members = describe(status, content_type, body)
    if described.fault is not None:
        return described
    signer, fault = _signer(body_sign, body, access_keys)
    # Whoever signed has encrypted with the same key. Without a signature any of the keys may be the one.
    accounts = _Accounts(members, [signer] if signer is not None else access_keys)
    answer = _judged(activity, members, described, accounts, asked)
    if accounts.failed:
        answer = msgspec.structs.replace(answer, warnings=(*answer.warnings, "cannot_decrypt"))
    return msgspec.structs.replace(answer, verdict="unreadable", fault=fault) if fault else answer


def _judged(
    activity: Activity, members: Members, described: Answer, account: Account, asked: Collection[str]
) -> Answer:
    verdict = verdict_of(activity, members["resultCode"])
    if activity == "queryInstance" and verdict != "refused":
        return queried(members, described, verdict, account, asked)
    if activity != "newInstance" or verdict == "refused":
        return msgspec.structs.replace(described, verdict=verdict)
    if verdict == "in_progress" and not is_id(members.get("instanceId")):
        # V1 does not promise an id before the instance is there: the same order is asked for again until it is.
        return msgspec.structs.replace(described, verdict=verdict)
    answer = opened(members, described, verdict)
    if answer.instance_id is None:
        return answer
    instance = InstanceInfo(answer.instance_id, app_info(members.get("appInfo"), account))
    return msgspec.structs.replace(answer, instances=(instance,))


def _signer(body_sign: str | None, body: bytes, access_keys: Sequence[str]) -> tuple[str | None, Fault | None]:
    """The access key that the answer is signed with, or what is wrong with its signature."""
    if body_sign is None or not body_sign.strip():
        return None, "body_sign_missing"
    signature = parse_body_sign(body_sign)
    if signature is None:
        return None, "body_sign_malformed"
    for access_key in access_keys:
        if verify_body_sign(access_key, body, signature):
            return access_key, None
    return None, "body_sign_wrong"


class _Accounts:
    """Decrypts the account fields of one answer, and remembers whether one of them could not be."""

    def __init__(self, members: Members, access_keys: Sequence[str]) -> None:
        given = members.get("encryptType")
        self._encryption = _ENCRYPTIONS.get(given, "AES256") if isinstance(given, str | int) else "AES256"
        self._access_keys = access_keys
        self.failed = False

    def __call__(self, value: Any) -> str | None:
        if not isinstance(value, str) or not value:
            return None
        if len(value) <= MAX_ACCOUNT:
            for access_key in self._access_keys:
                try:
                    return text(decrypt(access_key, value, encryption=self._encryption), MAX_ACCOUNT)
                except CannotDecrypt:
                    continue
        self.failed = True
        return None


def _sent(name: str, value: str | None) -> str | None:
    # Blanks around a value break some sellers' frameworks. An instance id is the seller's own and opaque: as it came.
    return value if value is None or name == "instanceId" else value.strip()


def _second(at: datetime) -> str:
    return utc(at).strftime("%Y%m%d%H%M%S")


def _millisecond(at: datetime) -> str:
    return f"{_second(at)}{utc(at).microsecond // 1000:03}"


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _amount(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not an amount")
    return f"{value:f}"
