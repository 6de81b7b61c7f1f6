"""Every flow there is. A file of this folder that has FLOWS is one or more delivery types."""

from collections.abc import Mapping
from datetime import date, datetime
from importlib import import_module
from pkgutil import iter_modules
from zoneinfo import ZoneInfo

from tradehall.catalog import delivery
from tradehall.catalog.delivery import Delivery
from tradehall.supervision.flow import Flow


def _found() -> dict[str, tuple[Flow, ...]]:
    """The flows of each delivery type, the newest first."""
    flows: list[Flow] = []
    for module in sorted(iter_modules(__path__), key=lambda found: found.name):
        flows.extend(getattr(import_module(f"{__name__}.{module.name}"), "FLOWS", ()))
    kinds = dict.fromkeys(flow.type for flow in flows)
    return {
        kind: tuple(sorted((flow for flow in flows if flow.type == kind), key=lambda flow: flow.version, reverse=True))
        for kind in kinds
    }


def _offer(flows: Mapping[str, tuple[Flow, ...]]) -> None:
    """Makes every flow a way to deliver products."""
    for newest, *_ in flows.values():
        delivery.add(
            Delivery(
                newest.type,
                newest.label,
                "people",
                newest.charging,
                asks_recipient=newest.asks_recipient,
                requirement_optional=bool(newest.without_requirement),
            )
        )


FLOWS: Mapping[str, tuple[Flow, ...]] = _found()
_offer(FLOWS)


def is_supervised(delivery_type: str) -> bool:
    return delivery_type in FLOWS


def flow_for(delivery_type: str, placed_at: datetime, zone: ZoneInfo) -> Flow:
    """The flow of an order placed at a moment: it keeps that one to its end."""
    day = placed_at.astimezone(zone).date()
    return next(flow for flow in FLOWS[delivery_type] if (flow.from_date or date.min) <= day)


def flow_of(delivery_type: str, version: int) -> Flow:
    """The flow an order has."""
    return next(flow for flow in FLOWS[delivery_type] if flow.version == version)


def all_flows() -> list[Flow]:
    """Every flow, by type and version."""
    return [flow for kind in FLOWS.values() for flow in reversed(kind)]
