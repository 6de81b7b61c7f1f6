"""Every route of the API."""

from litestar import Router

from tradehall.api import (
    applications,
    case_files,
    catalog,
    credentials,
    ledger,
    messages,
    operator,
    orders,
    people,
    reviews,
    rules,
    seller,
    subscriptions,
    supervision,
    timeline,
    vouchers,
)
from tradehall.api.common import ApiRequest, BearerAuthentication
from tradehall.edge.problems import api_problem

PREFIX = "/api/v1"

api = Router(
    PREFIX,
    route_handlers=[
        catalog.router,
        people.router,
        orders.router,
        vouchers.router,
        reviews.router,
        ledger.router,
        case_files.router,
        timeline.router,
        supervision.router,
        supervision.templates_router,
        applications.router,
        subscriptions.router,
        subscriptions.trials,
        seller.router,
        rules.router,
        credentials.router,
        messages.router,
        messages.outgoing,
        operator.router,
    ],
    middleware=[BearerAuthentication],
    request_class=ApiRequest,
    exception_handlers={Exception: api_problem},
)
