"""The V1 interfaces: from a verified call to the seller's method, and from what it returns to the answer."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from tradehall_seller import answers
from tradehall_seller.answers import App, Instance
from tradehall_seller.codes import Code, Refused
from tradehall_seller.crypt import ENCRYPT_TYPES, CannotDecrypt, Encryption, decrypt, encrypt
from tradehall_seller.seller import (
    ChangeStatus,
    NewInstance,
    RefreshInstance,
    ReleaseInstance,
    Scene,
    Seller,
    UpgradeInstance,
)
from tradehall_seller.v2 import common, expire_time, query_of
from tradehall_seller.verify import Call

MAX_ACCOUNT = 128  # characters of an encrypted user name or password
MAX_ENCRYPTED = 1024  # characters of what comes encrypted
_ONE_PER_ORDER = ("", "1", "3")  # charging modes: not said, periodic, one-time; all others are metered

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Secrets:
    """How fields are encrypted: under the access key the call was signed with."""

    access_key: str = field(repr=False)
    encryption: Encryption = "aes256"

    def decrypted(self, text: str) -> str:
        """A field of a request; "" if it cannot be decrypted, for an order must not fail for that."""
        try:
            return decrypt(text, self.access_key, self.encryption) if text else ""
        except CannotDecrypt:
            log.warning("a field could not be decrypted: is it %s, and this key?", self.encryption)
            return ""

    def encrypted(self, text: str | None) -> str | None:
        """A field of an answer. Raises ValueError when it gets too long: 79 bytes are what fits."""
        if text is None:
            return None
        sealed = encrypt(text, self.access_key, self.encryption)
        if len(sealed) > MAX_ACCOUNT:
            raise ValueError(f"a user name or password is longer than {MAX_ACCOUNT} characters when encrypted")
        return sealed


def answer(seller: Seller, call: Call, secrets: Secrets) -> bytes:
    """The answer to a call, whatever happens: a seller's failure is trouble, and the call will be repeated."""
    interface = _INTERFACES.get(call.activity)
    try:
        if interface is None:
            raise Refused(Code.WRONG_PARAMETER, "this activity is not known here")
        return interface(seller, call, secrets)
    except Refused as refused:
        return answers.rejected(refused)
    except Exception:
        log.exception("the seller's own code failed at %s", call.activity)
        return answers.refused(Code.TROUBLE, "internal error")


def _new(seller: Seller, call: Call, secrets: Secrets) -> bytes:
    metered = call.optional("chargingMode") not in _ONE_PER_ORDER
    opened = seller.open(
        NewInstance(
            order=(call.text("orderId"), "", call.text("productId") if metered else ""),
            business_id=call.text("businessId"),
            mobile_phone=secrets.decrypted(call.optional("mobilePhone", MAX_ENCRYPTED)),
            email=secrets.decrypted(call.optional("email", MAX_ENCRYPTED)),
            **common(call),
        )
    )
    if not opened.ready:
        return answers.opening(opened.instance_id)
    if opened.app is None:
        return answers.opened(opened.instance_id)
    return answers.opened(opened.instance_id, _sealed(opened.app, secrets), ENCRYPT_TYPES[secrets.encryption])


def _query(seller: Seller, call: Call, secrets: Secrets) -> bytes:
    found = seller.query(query_of(call))
    return answers.described(_all_sealed(found, secrets), ENCRYPT_TYPES[secrets.encryption])


def _refresh(seller: Seller, call: Call, _: Secrets) -> bytes:
    scene = _scene(call)
    seller.refresh(
        RefreshInstance(
            instance_id=call.text("instanceId"),
            order_id=call.text("orderId"),
            scene=scene,
            thaws=scene != "UNSUBSCRIBE_RENEWAL_PERIOD",
            expire_time=expire_time(call),
            product_id=call.optional("productId"),
            **common(call),
        )
    )
    return answers.done()


def _expire(seller: Seller, call: Call, _: Secrets) -> bytes:
    return _set_frozen(seller, call, True)


def _set_status(seller: Seller, call: Call, _: Secrets) -> bytes:
    status = call.text("instanceStatus")
    if status not in ("FREEZE", "NORMAL"):
        raise Refused(Code.WRONG_PARAMETER, "instanceStatus must be FREEZE or NORMAL")
    return _set_frozen(seller, call, status == "FREEZE")


def _set_frozen(seller: Seller, call: Call, frozen: bool) -> bytes:
    seller.set_status(
        ChangeStatus(
            instance_id=call.text("instanceId"), order_id=call.optional("orderId"), frozen=frozen, **common(call)
        )
    )
    return answers.done()


def _release(seller: Seller, call: Call, _: Secrets) -> bytes:
    seller.release(
        ReleaseInstance(instance_id=call.text("instanceId"), order_id=call.optional("orderId"), **common(call))
    )
    return answers.done()


def _upgrade(seller: Seller, call: Call, _: Secrets) -> bytes:
    seller.upgrade(UpgradeInstance(instance_id=call.text("instanceId"), order_id=call.text("orderId"), **common(call)))
    return answers.done()


_INTERFACES: Mapping[str, Callable[[Seller, Call, Secrets], bytes]] = {
    "newInstance": _new,
    "queryInstance": _query,
    "refreshInstance": _refresh,
    "expireInstance": _expire,
    "instanceStatus": _set_status,
    "releaseInstance": _release,
    "upgrade": _upgrade,
}


def _scene(call: Call) -> Scene:
    """V1 does not say it: a trial that becomes formal is marked, and money back is a renewal taken back."""
    if call.optional("trialToFormal", 2) == "1":
        return "TRIAL_TO_FORMAL"
    try:
        amount = Decimal(call.optional("orderAmount", 20) or 0)
        return "UNSUBSCRIBE_RENEWAL_PERIOD" if amount < 0 else "RENEWAL"
    except InvalidOperation:
        raise Refused(Code.WRONG_PARAMETER, "orderAmount must be a number") from None


def _sealed(app: App, secrets: Secrets) -> App:
    return replace(app, user_name=secrets.encrypted(app.user_name), password=secrets.encrypted(app.password))


def _all_sealed(instances: Iterable[Instance], secrets: Secrets) -> list[Instance]:
    return [
        instance if instance.app is None else replace(instance, app=_sealed(instance.app, secrets))
        for instance in instances
    ]
