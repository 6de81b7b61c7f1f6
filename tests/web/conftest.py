"""A browser without a screen: keeps cookies, fills in the forms that stand on a page, follows where it is sent."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape

import httpx
import pytest
from tests.application import application
from tests.world import PASSWORD, World

from tradehall.installation import Installation
from tradehall.kernel.journal import Actor

FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
FIELD = re.compile(r"<(?:input|button)\b([^>]*)>")
ATTRIBUTE = re.compile(r'([a-z-]+)(?:="([^"]*)")?')


class Visitor:
    """Somebody at the pages. `get` and `send` give the answer after redirects; `page` is the last one seen."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.page = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return self._seen(await self.client.get(path, headers=headers, follow_redirects=True))

    async def send(self, path: str, *, at: str = "", **fields: object) -> httpx.Response:
        """Sends the form on the present page (or on the page `at`) that leads to `path`, these fields filled in."""
        if at:
            await self.get(at)
        return await self.post(path, **(self.form(path) | {name: str(value) for name, value in fields.items()}))

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return self._seen(await self.client.post(path, data=fields, follow_redirects=True))

    def form(self, path: str) -> dict[str, str]:
        """The fields of the form on the present page that leads to `path`, as they are filled in."""
        for head, inside in FORM.findall(self.page):
            if unescape(_attributes(head).get("action", "")) == path:
                fields = [_attributes(one) for one in FIELD.findall(inside)]
                return {
                    one["name"]: unescape(one.get("value", ""))
                    for one in fields
                    if "name" in one and (one.get("type") not in ("radio", "checkbox") or "checked" in one)
                }
        raise AssertionError(f"no form on this page leads to {path}")

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        self.page = answer.text
        return answer


def _attributes(text: str) -> dict[str, str]:
    return dict(ATTRIBUTE.findall(text))


Enter = Callable[..., Awaitable[Visitor]]


@pytest.fixture
async def enter(installation: Installation, world: World) -> AsyncIterator[Enter]:
    """`await enter()` is somebody unknown, `await enter(world.buyer, "zh")` is signed in and reads Chinese."""
    app = application(installation)
    clients: list[httpx.AsyncClient] = []

    async def enter(actor: Actor | None = None, locale: str = "en") -> Visitor:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),  # type: ignore[arg-type]
            base_url="http://pages.test",
            headers={"Accept-Language": locale},
        )
        clients.append(client)
        visitor = Visitor(client)
        if actor:
            await visitor.send("/login", at="/login", email=world.email(actor), password=PASSWORD)
        return visitor

    yield enter
    for client in clients:
        await client.aclose()
