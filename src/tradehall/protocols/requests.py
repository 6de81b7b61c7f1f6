"""What the marketplace asks of a seller's server, whichever generation of the protocol that server speaks.

A request holds all that any generation says; `v1` and `v2` take from it what theirs has. Codes are the order query's.
Protocol sections 2 (V2), 3 (V1) and 8 (charging modes).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, TypeAlias

import msgspec

Generation = Literal["V2", "V1"]
Encryption = Literal["AES256", "AES128"]
Scene = Literal["TRIAL_TO_FORMAL", "RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD", "RENEWAL_CHANGE"]
ChargingMode = Literal["PERIOD", "ONE_TIME", "ON_DEMAND", "ON_DEMAND_PKG"]
PeriodType = Literal["year", "month", "day"]
QuantityParameter = Literal["amount", "diskSize", "bandWidth"]
Activity = Literal[
    # Both generations
    "newInstance",
    "queryInstance",
    "refreshInstance",
    "releaseInstance",
    # V2
    "updateInstanceStatus",
    "upgradeInstance",
    "changeInstanceCheck",
    "orderNotify",
    # V1
    "expireInstance",
    "upgrade",
    "instanceStatus",
]

METERED: frozenset[ChargingMode] = frozenset({"ON_DEMAND", "ON_DEMAND_PKG"})
MAX_QUERIED = 100  # instances in one queryInstance


class Purchase(msgspec.Struct, frozen=True):
    """Who bought what, as only V1's newInstance tells it; V2 sellers query the order instead (3.1).

    `amount` is what was paid, in the currency's major unit with at most three decimals. `expires_at` and the period are
    None when nothing was bought by the period, `quantity` is when nothing is counted. The user and the ways to reach
    them are there only where the seller asked for them; `email` and `mobile_phone` are plain until they are sent.
    """

    customer_id: str
    customer_name: str
    sku_code: str
    product_id: str
    charging_mode: ChargingMode
    period_type: PeriodType | None
    period_number: int | None
    expires_at: datetime | None
    quantity: int | None
    quantity_parameter: QuantityParameter
    amount: Decimal
    trial: bool
    user_id: str | None = None
    user_name: str | None = None
    email: str | None = None
    mobile_phone: str | None = None

    def __repr__(self) -> str:
        return f"Purchase(product_id={self.product_id!r}, …)"  # people do not belong into logs


class OpenInstance(msgspec.Struct, frozen=True):
    """Open an instance for an order line (2.1, 3.1).

    `business_id` is new on every attempt, the order's ids are not. `product_id` names the metered item where an order
    line opens several. V1 cannot be told without the `purchase`.
    """

    order_id: str
    order_line_id: str
    business_id: str
    purchase: Purchase | None = None
    product_id: str | None = None


class QueryInstances(msgspec.Struct, frozen=True):
    """Describe 1 to 100 instances (2.2, 3.7). An id that holds a comma can only be asked for alone."""

    instance_ids: tuple[str, ...]


class RefreshInstance(msgspec.Struct, frozen=True):
    """An instance's expiry moves: renewal, its cancellation, a trial made formal (2.3, 3.2).

    The order is the renewal's, the conversion's or the cancellation's own. `product_id` is given when the billing cycle
    changes. `amount` is what was paid or, for a cancellation, paid back; its sign is the scene's affair.
    """

    scene: Scene
    order_id: str
    order_line_id: str
    instance_id: str
    expires_at: datetime
    product_id: str | None
    period_type: PeriodType | None
    period_number: int | None
    amount: Decimal


class SetStatus(msgspec.Struct, frozen=True):
    """Freeze an instance or lift that (2.4; V1: 3.3 and, for metered instances, 3.6). The order is the original one."""

    instance_id: str
    order_id: str
    frozen: bool
    charging_mode: ChargingMode


class ReleaseInstance(msgspec.Struct, frozen=True):
    """Give an instance back for good (2.5, 3.4).

    `order_id` is the original order, which V1 names; the unsubscription, where that is the reason, is what V2 names.
    `amount` is what the buyer gets back.
    """

    instance_id: str
    order_id: str
    unsubscription_id: str | None
    unsubscription_line_id: str | None
    amount: Decimal | None


class UpgradeInstance(msgspec.Struct, frozen=True):
    """The instance becomes what the upgrade order bought (2.6, 3.5). V2 tells the order only."""

    instance_id: str
    order_id: str
    order_line_id: str
    sku_code: str
    product_id: str
    quantity: int | None
    quantity_parameter: QuantityParameter


class CheckChange(msgspec.Struct, frozen=True):
    """Ask whether a renewal may change the instance to this product (2.7). V2 only."""

    instance_id: str
    sku_code: str
    product_id: str
    quantity: int | None
    product_name: str


class NotifyOrder(msgspec.Struct, frozen=True):
    """Tell of a paid order line (2.8). Sent in V2's form whatever the seller's instances speak."""

    order_id: str
    order_line_id: str


Request: TypeAlias = (
    OpenInstance
    | QueryInstances
    | RefreshInstance
    | SetStatus
    | ReleaseInstance
    | UpgradeInstance
    | CheckChange
    | NotifyOrder
)

# What a request is called on the wire. None: the generation has no such interface, and nothing is sent.
ACTIVITIES: Mapping[type[Request], Mapping[Generation, Activity | None]] = MappingProxyType(
    {
        OpenInstance: {"V2": "newInstance", "V1": "newInstance"},
        QueryInstances: {"V2": "queryInstance", "V1": "queryInstance"},
        RefreshInstance: {"V2": "refreshInstance", "V1": "refreshInstance"},
        ReleaseInstance: {"V2": "releaseInstance", "V1": "releaseInstance"},
        UpgradeInstance: {"V2": "upgradeInstance", "V1": "upgrade"},
        CheckChange: {"V2": "changeInstanceCheck", "V1": None},
        NotifyOrder: {"V2": "orderNotify", "V1": "orderNotify"},
    }
)
# The same for SetStatus, by (metered, frozen). In V1 the renewal itself ends what expiry froze.
STATUS_ACTIVITIES: Mapping[tuple[bool, bool], Mapping[Generation, Activity | None]] = MappingProxyType(
    {
        (True, True): {"V2": "updateInstanceStatus", "V1": "instanceStatus"},
        (True, False): {"V2": "updateInstanceStatus", "V1": "instanceStatus"},
        (False, True): {"V2": "updateInstanceStatus", "V1": "expireInstance"},
        (False, False): {"V2": "updateInstanceStatus", "V1": None},
    }
)


def activity_of(
    generation: Generation,
    request_type: type[Request],
    *,
    charging_mode: ChargingMode | None = None,
    frozen: bool | None = None,
    scene: Scene | None = None,
) -> Activity | None:
    """What a request will be called on the wire, before it is built; None when this generation has nothing to send.

    `charging_mode` and `frozen` are for SetStatus, which in V1 raises ValueError without them. `scene` is for
    RefreshInstance: V1 has no RENEWAL_CHANGE.
    """
    if request_type is SetStatus:
        if generation == "V1" and (charging_mode is None or frozen is None):
            raise ValueError("V1's name for SetStatus depends on the charging mode and on what is set")
        return STATUS_ACTIVITIES[charging_mode in METERED, bool(frozen)][generation]
    if request_type is RefreshInstance and generation == "V1" and scene == "RENEWAL_CHANGE":
        return None
    return ACTIVITIES[request_type][generation]


def activity_of_request(generation: Generation, request: Request) -> Activity | None:
    """The same of a request that is built already."""
    match request:
        case SetStatus(charging_mode=charging_mode, frozen=frozen):
            return activity_of(generation, SetStatus, charging_mode=charging_mode, frozen=frozen)
        case RefreshInstance(scene=scene):
            return activity_of(generation, RefreshInstance, scene=scene)
        case _:
            return activity_of(generation, type(request))


def joined_ids(request: QueryInstances) -> str:
    """The ids as both generations list them, each as the seller made it.

    Raises ValueError for none, for more than 100, and for one among several that holds the comma between them.
    """
    ids = request.instance_ids
    if not 1 <= len(ids) <= MAX_QUERIED:
        raise ValueError(f"1 to {MAX_QUERIED} instances, not {len(ids)}")
    if len(ids) > 1 and any("," in instance_id for instance_id in ids):
        raise ValueError("an instance id with a comma must be asked for alone")
    return ",".join(ids)


def utc(at: datetime) -> datetime:
    """The moment in UTC, as every time on the wire is. Raises ValueError for a time without zone."""
    if at.tzinfo is None:
        raise ValueError("a time without zone is no moment")
    return at.astimezone(UTC)
