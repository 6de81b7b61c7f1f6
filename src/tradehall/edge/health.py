"""For those who watch over the processes: alive, ready, and in numbers how much waits, for how long, what is stuck."""

import hmac
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from tradehall import __version__
from tradehall.installation import Installation
from tradehall.kernel import due
from tradehall.kernel.db import DATABASE_AWAY
from tradehall.kernel.errors import NotFound
from tradehall.provisioning import health as health_of

CALLS_WAITING = Gauge("tradehall_seller_calls_waiting", "Calls to sellers that are due now and not yet made")
CALLS_RUNNING = Gauge("tradehall_seller_calls_running", "Calls to sellers under way")
CALLS_LATE_SECONDS = Gauge("tradehall_seller_calls_late_seconds", "How long the longest due call has been waiting")
DUE_LATE_SECONDS = Gauge("tradehall_due_rows_late_seconds", "How long the longest due row has been waiting")
DUE_PARKED = Gauge("tradehall_due_rows_parked", "Due rows that failed again and again and wait for a person")
POOL = Gauge("tradehall_database_connections", "Connections of this process's pool", ["state"])


@get("/healthz", include_in_schema=False)
async def healthz() -> dict[str, str]:
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
    """Prometheus metrics of this process and of the queue; with a token set, for its bearer only."""
    installation: Installation = state.installation
    token = installation.settings.metrics_token
    if token and not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
        raise NotFound
    return Response(await _exposition(installation), media_type=CONTENT_TYPE_LATEST)


async def _exposition(installation: Installation) -> bytes:
    """The metrics as text. Counts stop at ten thousand: beyond that the number no longer matters."""
    async with installation.db.read() as reader:
        calls = await health_of.backlog(reader)
        rows = await due.backlog(reader)
    CALLS_WAITING.set(calls.waiting)
    CALLS_RUNNING.set(calls.running)
    CALLS_LATE_SECONDS.set(calls.late_seconds)
    DUE_LATE_SECONDS.set(rows.late_seconds)
    DUE_PARKED.set(rows.parked)
    stats = installation.db.pool_stats()
    POOL.labels("open").set(stats.get("pool_size", 0))
    POOL.labels("idle").set(stats.get("pool_available", 0))
    return generate_latest()
