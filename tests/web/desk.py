"""Somebody at the page of a supervised order, or at the lists of one console, without a browser."""

import re
from collections.abc import Awaitable, Callable, Sequence
from html import unescape
from typing import Any

import pytest
from httpx import Response
from tests.supervised import Supervised
from tests.web.conftest import Enter, Visitor

from tradehall.kernel.journal import Actor

BASES = {"buyer": "/buyer", "seller": "/seller", "platform": "/operator"}
TOKEN = re.compile(r'name="_csrf_token" value="([^"]+)"')
File = tuple[str, str, bytes]  # field, name, content


class Desk:
    """Somebody at the page of one order."""

    def __init__(self, visitor: Visitor, base: str, number: str) -> None:
        self.visitor = visitor
        self.place = f"{base}/supervision/{number}"

    async def open(self) -> str:
        answer = await self.visitor.get(self.place)
        assert answer.status_code == 200, answer.text
        return answer.text

    @property
    def page(self) -> str:
        return self.visitor.page

    def offered(self) -> list[str]:
        """The verbs for which there is a form."""
        return re.findall(r'data-verb="(\w+)"', self.page)

    def wrong(self) -> dict[str, str]:
        """What stands beside the fields, by the field's place on the page."""
        found = re.findall(r'<p class="form-error" id="f-([\w-]+)-error">.*?</svg>(.*?)</p>', self.page, re.DOTALL)
        return {name: unescape(text) for name, text in found}

    def drafts(self) -> list[str]:
        return re.findall(r'data-remove="([^"]+)"', self.page)

    async def send(
        self, verb: str, *, files: Sequence[File] = (), do: str = "send", stay: bool = False, **typed: Any
    ) -> Response:
        """Sends the form of a verb, as a browser without JavaScript does: with its files in it."""
        if not stay:
            await self.open()
        hidden = self.visitor.form(f"{self.place}/acts/{verb}") if verb in self.offered() else self._token()
        hidden = {name: hidden[name] for name in ("_csrf_token", "idempotency_key", "seen") if name in hidden}
        return self.visitor._seen(
            await self.visitor.client.post(
                f"{self.place}/acts/{verb}",
                data=hidden | typed | ({"do": do} if do else {}),
                files=[(field, (name, content)) for field, name, content in files],
                follow_redirects=True,
            )
        )

    def _token(self) -> dict[str, str]:
        return {"_csrf_token": TOKEN.findall(self.page)[0]}

    async def upload(self, verb: str, field: str, name: str, content: bytes) -> Response:
        """Sends one file as the page's script does."""
        return await self.visitor.client.post(
            f"{self.place}/acts/{verb}/files/{field}",
            content=content,
            headers={"x-csrftoken": TOKEN.findall(self.page)[0], "X-File-Name": name, "HX-Request": "true",
                     "Content-Type": "application/octet-stream"},
        )  # fmt: skip


At = Callable[..., Awaitable[Desk]]


@pytest.fixture
def at(enter: Enter, supervised: Supervised) -> At:
    async def at(side: str, number: str, locale: str = "en", actor: Actor | None = None) -> Desk:
        desk = Desk(await enter(actor or supervised.actor(side), locale), BASES[side], number)
        await desk.open()
        return desk

    return at


def tabs(visitor: Visitor) -> dict[str, str]:
    """What the tabs are called, and what they count."""
    (nav,) = re.findall(r'<nav class="tabs".*?</nav>', visitor.page, re.DOTALL)
    found = re.findall(r'<a href="[^"]*"[^>]*>([^<]+)(?:<span class="count">([^<]*)</span>)?</a>', nav)
    return {unescape(name): count for name, count in found}


def filters(visitor: Visitor) -> list[str]:
    """The keys of the fields by which a list is narrowed, in their order."""
    (form,) = re.findall(r'<form class="filters".*?</form>', visitor.page, re.DOTALL)
    return re.findall(r'<(?:select|input class)[^>]* name="(\w+)"', form)
