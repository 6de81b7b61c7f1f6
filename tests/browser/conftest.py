"""A real Chromium at the real pages: web server, worker and the sample seller run in the test's own event loop."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from tests.world import Shop, serving

from tradehall.app import create_app
from tradehall.installation import Installation

if TYPE_CHECKING:
    from playwright.async_api import Browser

CHROMIUM = os.environ.get("TRADEHALL_TEST_CHROMIUM", "")
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a sandbox of its own, because tests run as root in containers too; it only ever opens our pages.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture
async def browser() -> AsyncIterator["Browser"]:
    """A headless Chromium: the one on PATH, else Playwright's own. Skips where there is neither."""
    playwright = pytest.importorskip("playwright.async_api", reason="Playwright is not installed")
    path = CHROMIUM or next(filter(None, map(shutil.which, NAMES)), None)
    async with playwright.async_playwright() as running:
        try:
            opened = await running.chromium.launch(executable_path=path, args=FLAGS)
        except playwright.Error as error:
            pytest.skip(f"no Chromium to drive: {str(error).splitlines()[0]}")
        yield opened
        await opened.close()


@pytest.fixture
async def site(installation: Installation) -> AsyncIterator[str]:
    """The address of the running web server."""
    async with serving(create_app(installation)) as site:
        yield site.url.removesuffix("/produce")


@pytest.fixture
async def working(shop: Shop) -> AsyncIterator[None]:
    """A worker that carries out what is due for as long as the test runs."""
    worker = shop.installation.worker()
    running = asyncio.create_task(worker.run())
    yield
    worker.stop()
    await running
