"""The seller's first page: what fails comes first, then what is open, then what was called last."""

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import queries as catalog
from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import PageRequest
from tradehall.protocols.requests import Activity
from tradehall.provisioning import circuits
from tradehall.provisioning import health as health_of
from tradehall.provisioning import queries as provisioning
from tradehall.provisioning.health import Health
from tradehall.provisioning.queries import CallFilter
from tradehall.trading import queries as trading
from tradehall.trading.queries import OrderFilter
from tradehall.web.common import PageResponse, WebRequest, page, reading, seat_of
from tradehall.web.disputes.lists import main_step, waiting
from tradehall.web.seller.calls import MOST_AT_ONCE
from tradehall.web.seller.hints import Outcome, outcome_of_health
from tradehall.web.seller.orders import VOCABULARY
from tradehall.web.seller.words import can_restart, tick
from tradehall.web.supervision.lists import duties, main_verb

SHOWN = PageRequest(limit=6)


class ShownHealth(msgspec.Struct, frozen=True):
    """An interface's record with its last answer in words; where it fails, its calls that a restart would retry."""

    health: Health
    outcome: Outcome
    restartable: list[str]


@get("/seller", guards=[only("seller")])
async def overview(request: WebRequest) -> PageResponse:
    actor: Actor = request.user.actor
    seller_id = seat_of(request).organisation_id
    async with reading(request) as reader:
        health = [await _shown(reader, actor, one) for one in await health_of.interfaces(reader, seller_id)]
        endpoints = await catalog.endpoints_of_seller(reader, seller_id)
        counts = await health_of.call_counts(reader, actor)
        servers = await circuits.circuits(reader, actor, installation_of(request).settings.circuit_failures)
        orders_open = await trading.open_counts(reader, actor)
        orders = await trading.orders(reader, actor, SHOWN, OrderFilter(state="processing"))
        calls = await provisioning.calls(reader, actor, SHOWN, CallFilter())
        mine = await duties(reader, actor, installation_of(request).settings)
        disputed = await waiting(reader, actor)
    return page(
        request,
        "seller/overview.html",
        duties=mine,
        main_verb=main_verb,
        disputed=disputed,
        main_step=main_step,
        health=health,
        failing=[one for one in health if one.health.failing_in_a_row],
        circuits=servers,
        endpoints=endpoints,
        counts=counts,
        orders_open=orders_open,
        orders=orders.items,
        calls=calls.items,
        **VOCABULARY,
    )


async def _shown(reader: Reader, actor: Actor, health: Health) -> ShownHealth:
    outcome = outcome_of_health(health.activity, health.last_verdict, health.last_code, health.last_trouble)
    restartable = await _restartable(reader, actor, health.activity) if health.failing_in_a_row else []
    return ShownHealth(health, outcome, restartable)


async def _restartable(reader: Reader, actor: Actor, activity: Activity) -> list[str]:
    waiting = CallFilter(state="waiting", activity=activity, failing=True)
    found = await provisioning.calls(reader, actor, PageRequest(limit=MOST_AT_ONCE), waiting)
    return [tick(call) for call in found.items if can_restart(call)]


handlers: list[HTTPRouteHandler] = [overview]
