"""The web application: pages, API, health and metrics around one installation."""

from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tradehall import __version__
from tradehall.api.routes import api
from tradehall.edge.problems import api_problem
from tradehall.edge.requests import RequestLog
from tradehall.installation import Installation
from tradehall.kernel.db import DATABASE_AWAY
from tradehall.kernel.errors import NotFound


@get("/healthz", include_in_schema=False, sync_to_thread=False)
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": __version__}


@get("/readyz", include_in_schema=False)
async def readyz(state: State) -> Response[dict[str, str]]:
    """The process can do its work: the database answers."""
    installation: Installation = state.installation
    try:
        async with installation.db.read() as reader:
            await reader.fetch_value("SELECT true FROM installation")
    except DATABASE_AWAY as error:
        return Response({"status": "database away", "error": type(error).__name__}, status_code=503)
    return Response({"status": "ready", "mode": installation.settings.mode})


@get("/metrics", include_in_schema=False)
async def metrics(request: Request[Any, Any, Any], state: State) -> Response[bytes]:
    """Prometheus metrics of this process and of the queue."""
    installation: Installation = state.installation
    token = installation.settings.metrics_token
    if token and request.headers.get("Authorization") != f"Bearer {token}":
        raise NotFound
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def create_app(installation: Installation) -> Litestar:
    """The application around an installation that the caller has opened and will close."""
    return Litestar(
        route_handlers=[healthz, readyz, metrics, api],
        middleware=[RequestLog()],
        exception_handlers={Exception: api_problem},
        state=State({"installation": installation}),
        request_max_body_size=installation.settings.max_request_bytes,
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Tradehall",
            version=__version__,
            path="/api/v1/schema",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
            use_handler_docstrings=True,
        ),
    )
