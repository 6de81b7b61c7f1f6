"""Who may open which page, taken from the table of routes: a new page cannot be forgotten."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from tests.api.test_access import OWNED as OWNED_BY_API
from tests.api.test_access import (
    Make,
    a_message_template,
    a_sent_file,
    a_supervised_order,
    an_application,
)
from tests.web.conftest import Enter, Visitor
from tests.world import Shop, World

from tradehall.edge.access import Only
from tradehall.kernel.journal import Actor
from tradehall.web.routes import pages

TOKEN = re.compile(r'name="_csrf_token" value="([^"]+)"')
UNKNOWN = {"number": "CS2603021700ZZZZZ", "slug": "no-such-thing"}


async def a_field(shop: Shop, world: World) -> str:
    return "requirement_files"


async def a_template(shop: Shop, world: World) -> str:
    return "acceptance_template"


OWNED: dict[str, Make] = OWNED_BY_API | {
    "instance_id": an_application,
    "field": a_field,
    "kind": a_template,
    "piece": a_sent_file,
    "template_id": a_message_template,
}
# What only operators deal with, and they with everybody's.
EVERYBODYS = {"organisation_id", "row_id", "sending_id"}


class Page(NamedTuple):
    method: str
    path: str
    handler: HTTPRouteHandler

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+):", self.path)

    @property
    def limits(self) -> Only | None:
        return next((guard for guard in self.handler.resolve_guards() if isinstance(guard, Only)), None)

    def url(self, values: dict[str, str]) -> str:
        return re.sub(r"\{(\w+):\w+\}", lambda found: values[found[1]], self.path)

    def nothing(self) -> dict[str, str]:
        """Values that name nothing that exists."""
        return {name: UNKNOWN.get(name) or str(uuid4()) for name in self.parameters}


def every_page() -> Iterator[Page]:
    for route in Litestar([pages], openapi_config=None).routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                    yield Page(str(method), route.path, handler)


ALL = sorted(every_page(), key=lambda page: (page.path, page.method))
GUARDED = [page for page in ALL if page.limits]
# Everybody may open these: the shop window, the door, and what one chooses without an account.
PUBLIC = {
    "GET /",
    "GET /products",
    "GET /products/{slug:str}",
    "GET /products/{slug:str}/files/{kind:str}",
    "GET /signing-keys",
    "GET /login",
    "POST /login",
    "POST /logout",
    "POST /preferences",
    "POST /preferences/site-suggestion",
}


def named(some: list[Page]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", some, ids=[f"{page.method} {page.path}" for page in some])


async def ask(visitor: Visitor, page: Page, values: dict[str, str]) -> tuple[int, str]:
    """The status of the answer and the address at which it was given, redirects followed."""
    if page.method == "GET":
        answer = await visitor.get(page.url(values))
    else:
        await visitor.get("/login")
        (token, *_) = TOKEN.findall(visitor.page) or [""]
        answer = await visitor.post(page.url(values), _csrf_token=token)
    return answer.status_code, answer.url.path


def maker(page: Page, name: str) -> Make:
    """How that is made which this page's address names."""
    return a_supervised_order if name == "number" and "/supervision/" in page.path else OWNED[name]


def people(world: World) -> dict[str, Actor]:
    return {"buyer": world.buyer, "seller": world.seller, "platform": world.operator}


def test_a_page_without_a_guard_is_meant_for_everybody() -> None:
    assert {f"{page.method} {page.path}" for page in ALL if not page.limits} == PUBLIC
    assert len(ALL) > 50


@named(GUARDED)
async def test_who_is_not_signed_in_is_sent_to_the_door(enter: Enter, page: Page) -> None:
    status, path = await ask(await enter(), page, page.nothing())
    assert path == "/login" or status == 401


@named(GUARDED)
async def test_people_of_another_kind_of_organisation_are_refused(enter: Enter, world: World, page: Page) -> None:
    assert page.limits
    for kind, actor in people(world).items():
        if kind not in page.limits.kinds:
            assert (await ask(await enter(actor), page, page.nothing()))[0] == 403


@named([page for page in GUARDED if page.limits and page.limits.role == "admin"])
async def test_members_are_refused_what_only_administrators_do(enter: Enter, world: World, page: Page) -> None:
    status, _ = await ask(await enter(world.seller_member), page, page.nothing())
    assert status == 403


@named([page for page in ALL if page.parameters and not EVERYBODYS.intersection(page.parameters)])
async def test_what_belongs_to_others_is_answered_like_what_does_not_exist(
    enter: Enter, shop: Shop, world: World, page: Page
) -> None:
    owned = {name: await maker(page, name)(shop, world) for name in page.parameters}
    strangers = {"buyer": world.other_buyer, "seller": world.other_seller}
    kinds = page.limits.kinds if page.limits else ("buyer", "seller")
    for kind in strangers.keys() & set(kinds):
        visitor = await enter(strangers[kind])
        assert (await ask(visitor, page, owned))[0] == 404
        assert (await ask(visitor, page, page.nothing()))[0] == 404


@named([page for page in ALL if EVERYBODYS.intersection(page.parameters)])
async def test_what_operators_look_for_and_does_not_exist_is_not_found(enter: Enter, world: World, page: Page) -> None:
    assert (await ask(await enter(world.operator), page, page.nothing()))[0] == 404
