"""The web application: pages, API, open APIs, health and metrics around one installation."""

from typing import Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State

from tradehall.api.openapi import OPENAPI
from tradehall.api.routes import api
from tradehall.edge.health import healthz, metrics, readyz
from tradehall.edge.problems import api_problem
from tradehall.edge.requests import RequestLog
from tradehall.installation import Installation
from tradehall.openapi.limits import CallLimit
from tradehall.openapi.routes import PREFIX as OPENAPI_PREFIX
from tradehall.openapi.routes import openapi, openapi_problem
from tradehall.web.problems import page_problem
from tradehall.web.routes import pages, static
from tradehall.web.security import csrf_config


def problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Tells of an error at an address that belongs to no room: programs in JSON, people with a page."""
    if request.url.path.startswith(f"{OPENAPI_PREFIX}/"):
        return openapi_problem(request, error)
    told = api_problem if request.url.path.startswith("/api/") else page_problem
    return told(request, error)


def create_app(installation: Installation) -> Litestar:
    """The application around an installation that the caller has opened and will close."""
    app = Litestar(
        route_handlers=[healthz, readyz, metrics, api, openapi, pages, static],
        csrf_config=csrf_config(installation),
        exception_handlers={Exception: problem},
        state=State({"installation": installation, "call_limit": CallLimit(installation.settings.openapi_rate)}),
        request_max_body_size=installation.settings.max_request_bytes,
        logging_config=None,
        openapi_config=OPENAPI,
    )
    # Around the whole application, so that what no route answers has its id, its headers and its log line too.
    app.asgi_handler = RequestLog()(app.asgi_handler)
    return app
