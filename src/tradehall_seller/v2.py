"""The V2 interfaces: from a verified call to the seller's method, and from what it returns to the answer."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, get_args

from tradehall_seller import answers
from tradehall_seller.codes import Code, Refused
from tradehall_seller.seller import (
    ChangeStatus,
    CheckChange,
    NewInstance,
    OrderNotice,
    QueryInstance,
    RefreshInstance,
    ReleaseInstance,
    Scene,
    Seller,
    UpgradeInstance,
)
from tradehall_seller.verify import MAX_TEXT, Call

MAX_IDS = 100  # in one queryInstance
MAX_REVISION_DIGITS = 18

log = logging.getLogger(__name__)


def answer(seller: Seller, call: Call) -> bytes:
    """The answer to a call, whatever happens: a seller's failure is trouble, and the call will be repeated."""
    interface = _INTERFACES.get(call.activity)
    try:
        if interface is None:
            raise Refused(Code.WRONG_PARAMETER, "this activity is not known here")
        return interface(seller, call)
    except Refused as refused:
        return answers.rejected(refused)
    except Exception:
        log.exception("the seller's own code failed at %s", call.activity)
        return answers.refused(Code.TROUBLE, "internal error")


def _new(seller: Seller, call: Call) -> bytes:
    opened = seller.open(
        NewInstance(
            order=(call.text("orderId"), call.text("orderLineId"), call.optional("productId")),
            business_id=call.text("businessId"),
            **common(call),
        )
    )
    return answers.opened(opened.instance_id) if opened.ready else answers.opening(opened.instance_id)


def _query(seller: Seller, call: Call) -> bytes:
    return answers.described(seller.query(query_of(call)))


def _refresh(seller: Seller, call: Call) -> bytes:
    seller.refresh(
        RefreshInstance(
            instance_id=call.text("instanceId"),
            order_id=call.text("orderId"),
            order_line_id=call.text("orderLineId"),
            scene=_scene(call),
            expire_time=expire_time(call),
            product_id=call.optional("productId"),
            **common(call),
        )
    )
    return answers.done()


def _set_status(seller: Seller, call: Call) -> bytes:
    status = call.text("status")
    if status not in ("FREEZE", "UNFREEZE"):
        raise Refused(Code.WRONG_PARAMETER, "status must be FREEZE or UNFREEZE")
    seller.set_status(ChangeStatus(instance_id=call.text("instanceId"), frozen=status == "FREEZE", **common(call)))
    return answers.done()


def _release(seller: Seller, call: Call) -> bytes:
    seller.release(
        ReleaseInstance(
            instance_id=call.text("instanceId"),
            order_id=call.optional("orderId"),
            order_line_id=call.optional("orderLineId"),
            **common(call),
        )
    )
    return answers.done()


def _upgrade(seller: Seller, call: Call) -> bytes:
    seller.upgrade(
        UpgradeInstance(
            instance_id=call.text("instanceId"),
            order_id=call.text("orderId"),
            order_line_id=call.text("orderLineId"),
            **common(call),
        )
    )
    return answers.done()


def _check_change(seller: Seller, call: Call) -> bytes:
    product = _product(call.members.get("productInfo"))
    seller.check_change(
        CheckChange(
            instance_id=call.text("instanceId"),
            product=product,
            quantity=_number(product.get("linearValue")),
            **common(call),
        )
    )
    return answers.done()


def _notify(seller: Seller, call: Call) -> bytes:
    seller.order_notified(
        OrderNotice(order_id=call.text("orderId"), order_line_id=call.text("orderLineId"), **common(call))
    )
    return answers.done()


_INTERFACES: Mapping[str, Callable[[Seller, Call], bytes]] = {
    "newInstance": _new,
    "queryInstance": _query,
    "refreshInstance": _refresh,
    "updateInstanceStatus": _set_status,
    "releaseInstance": _release,
    "upgradeInstance": _upgrade,
    "changeInstanceCheck": _check_change,
    "orderNotify": _notify,
}


# --- Members, shared with V1 -----------------------------------------------------------------------------------------


def common(call: Call) -> dict[str, Any]:
    """What every request has."""
    return {"test": call.test, "revision": _revision(call), "members": call.members}


def query_of(call: Call) -> QueryInstance:
    instance_ids = tuple(call.text("instanceId", MAX_IDS * (MAX_TEXT + 1)).split(","))
    if len(instance_ids) > MAX_IDS:
        raise Refused(Code.WRONG_PARAMETER, f"more than {MAX_IDS} instances")
    return QueryInstance(instance_ids=instance_ids, **common(call))


def expire_time(call: Call) -> str:
    """yyyyMMddHHmmss in UTC, with milliseconds or without: both are sent."""
    text = call.text("expireTime", 20)
    if len(text) not in (14, 17) or not (text.isascii() and text.isdigit()):
        raise Refused(Code.WRONG_PARAMETER, "expireTime must be yyyyMMddHHmmss, with or without milliseconds")
    return text


def _revision(call: Call) -> int | None:
    value = call.members.get("revision")
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= MAX_REVISION_DIGITS):
        raise Refused(Code.WRONG_PARAMETER, "revision must be a whole number, not negative")
    return int(text)


def _scene(call: Call) -> Scene:
    text = call.text("scene")
    scene: Scene | None = next((one for one in get_args(Scene) if one == text), None)
    if scene is None:
        raise Refused(Code.WRONG_PARAMETER, f"scene must be one of {', '.join(get_args(Scene))}")
    return scene


def _product(value: Any) -> Mapping[str, Any]:
    """The target product: an object, a list of one, or either as JSON in a text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise Refused(Code.WRONG_PARAMETER, "productInfo must be an object")
    return value


def _number(value: Any) -> float | None:
    """A number or its text. Raises Refused for anything else that is given."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise Refused(Code.WRONG_PARAMETER, "linearValue must be a number") from None
    if not 0 <= number < 1e12:
        raise Refused(Code.WRONG_PARAMETER, "linearValue must be a number")
    return number
