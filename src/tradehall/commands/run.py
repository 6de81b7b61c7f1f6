"""`serve` and `work`: the two kinds of process an installation consists of."""

import asyncio
import gc
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog
import uvicorn
from prometheus_client import start_http_server

from tradehall import installation
from tradehall.app import create_app
from tradehall.kernel import logs
from tradehall.kernel.db import DATABASE_AWAY
from tradehall.settings import Settings

log = structlog.get_logger()
# For how many seconds a database that cannot be reached yet is waited for.
DATABASE_WAIT = 20


def settle_memory() -> None:
    """Tells the collector that what start-up made is there to stay, and not to look for garbage at every turn: requests
    and jobs leave none that reference counting does not take."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@asynccontextmanager
async def _opened(settings: Settings, *, listening: bool = True) -> AsyncIterator[installation.Installation]:
    """The installation, waited for while its database starts or recovers: whoever is started together with it, or anew
    after a crash of both, does not give up at once."""
    until = time.monotonic() + DATABASE_WAIT
    async with AsyncExitStack() as stack:
        while True:
            try:
                opened = await stack.enter_async_context(installation.opened(settings, listening=listening))
                break
            except DATABASE_AWAY as error:
                if time.monotonic() > until:
                    raise
                log.warning("database_away", error=" ".join(str(error).split()))
                await asyncio.sleep(0.5)
        yield opened


async def serve(settings: Settings) -> None:
    """Serves pages and API until SIGINT or SIGTERM; requests under way are answered first."""
    logs.configure(settings.log_format, settings.log_level)
    async with _opened(settings) as opened:
        await _Server(web_config(settings, opened), opened).serve()


def web_config(settings: Settings, opened: installation.Installation) -> uvicorn.Config:
    """How the web server is run."""
    return uvicorn.Config(
        create_app(opened),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=10,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, opened: installation.Installation) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        settle_memory()
        log.info("serving", host=self.config.host, port=self.config.port)

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        # Requests that wait for an order to move are answered with how it stands, not waited for.
        self._opened.wake_watchers()
        await super().shutdown(sockets)  # type: ignore[arg-type]


async def work(settings: Settings) -> None:
    """Carries out what is due until SIGINT or SIGTERM; what is under way is finished first, unless told twice."""
    logs.configure(settings.log_format, settings.log_level)
    if settings.worker_metrics_port:
        start_http_server(settings.worker_metrics_port, settings.host)
    async with _opened(settings, listening=False) as opened:
        worker = opened.worker()
        told = 0

        def stop() -> None:
            nonlocal told
            told += 1
            if told == 1:
                worker.stop()
            else:
                worker.abort()

        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):
                loop.add_signal_handler(sign, stop)
        settle_memory()
        log.info("working", concurrency=settings.worker_concurrency)
        await worker.run()
        log.info("stopped")
