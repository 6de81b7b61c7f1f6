"""Every route of the API."""

from litestar import Router

from tradehall.api import orders
from tradehall.api.common import BearerAuthentication
from tradehall.edge.problems import api_problem

api = Router(
    "/api/v1",
    route_handlers=[orders.router],
    middleware=[BearerAuthentication],
    exception_handlers={Exception: api_problem},
)
