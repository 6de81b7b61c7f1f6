"""What a seller writes: one method per thing the marketplace may want, the same for both generations of the protocol.

    class Northwind(Seller):
        def open(self, request: NewInstance) -> Opened:
            return Opened(my_database.instance_of(request.order, request.business_id))

        def query(self, request: QueryInstance) -> Iterable[Instance]:
            return [Instance(instance_id=one, app=App(front_end_url=my_url(one))) for one in request.instance_ids]

        def release(self, request: ReleaseInstance) -> None:
            my_database.release(request.instance_id)

Every method may raise Refused; any other exception is logged and answered as trouble of yours, so the call is repeated.
What each must do when it is asked again is said at each; `test` calls are somebody debugging, and the daily probes:
they must succeed whenever they come, and change nothing for customers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tradehall_seller.answers import App, Instance
from tradehall_seller.codes import Code, Refused

Scene = Literal["TRIAL_TO_FORMAL", "RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD", "RENEWAL_CHANGE"]
OrderKey = tuple[str, str, str]  # order, order line ("" in V1), metered product ("" for all but pay-per-use)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`members` holds everything that was sent, under the protocol's own names."""

    test: bool = False
    # Opt-in: numbers the changes of an instance, so that a delayed call cannot undo a later one.
    revision: int | None = None
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance(Request):
    """A paid order line. The same `order` always gets the same instance, whatever `business_id` it comes with.

    Personal data comes with V1 only, decrypted, and only if you asked for it; with V2 it is in the order you query.
    """

    order: OrderKey
    business_id: str
    mobile_phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)

    @property
    def order_id(self) -> str:
        return self.order[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryInstance(Request):
    instance_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshInstance(Request):
    """The instance runs until `expire_time` from now on: UTC, 14 digits or, with milliseconds, 17.

    Once per `order_id`. With `product_id` the billing cycle, or with the scene RENEWAL_CHANGE more, has changed too.
    `thaws`: a frozen instance is to work again; V1 has no other call for that, V2 sends one of its own.
    """

    instance_id: str
    order_id: str
    order_line_id: str = ""
    scene: Scene
    expire_time: str
    product_id: str = ""
    thaws: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus(Request):
    """The instance is to be frozen, its data kept, or to work again. Once more changes nothing, and succeeds."""

    instance_id: str
    order_id: str = ""
    frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseInstance(Request):
    """The instance and its data go. Once more changes nothing, and succeeds. An order is named if it is a refund's."""

    instance_id: str
    order_id: str = ""
    order_line_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeInstance(Request):
    """The instance gets what `order_id` says, once per order: query the order (V2) or see `members` (V1)."""

    instance_id: str
    order_id: str
    order_line_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChange(Request):
    """May the instance become `product` at its next renewal? Nothing changes yet. None: the quantity is not said."""

    instance_id: str
    product: Mapping[str, Any]
    quantity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotice(Request):
    order_id: str
    order_line_id: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An instance; not `ready` means it is being made, and you will be asked again. `app` is for V1's answer only."""

    instance_id: str
    ready: bool = True
    app: App | None = None


class Seller:
    """Write `open`, `query` and `release`; whoever sells periods needs `refresh` and `set_status` too."""

    def open(self, request: NewInstance) -> Opened:
        raise NotImplementedError

    def query(self, request: QueryInstance) -> Iterable[Instance]:
        """All that were asked for; Refused with Code.IN_PROGRESS while one of them is still being made."""
        raise NotImplementedError

    def release(self, request: ReleaseInstance) -> None:
        raise NotImplementedError

    def refresh(self, request: RefreshInstance) -> None:
        raise not_offered("refreshing")

    def set_status(self, request: ChangeStatus) -> None:
        raise not_offered("freezing")

    def upgrade(self, request: UpgradeInstance) -> None:
        raise not_offered("upgrading")

    def check_change(self, request: CheckChange) -> None:
        """Returns if the change is possible, raises Refused if it is not."""
        raise not_offered("changing")

    def order_notified(self, request: OrderNotice) -> None:
        """An order was paid; for sellers who asked to be told."""


def not_offered(what: str) -> Refused:
    return Refused(Code.WRONG_PARAMETER, f"{what} is not offered here")
