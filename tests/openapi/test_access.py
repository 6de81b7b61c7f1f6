"""Every route of the open APIs lets in nobody who has not signed, whatever is added to the table of routes."""

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from tests.openapi.conftest import HOST, ProgramOf
from tests.world import World

from tradehall.app import create_app
from tradehall.installation import Installation
from tradehall.openapi.authentication import signed_by_a_seller
from tradehall.openapi.routes import PREFIX, openapi

ROUTES = sorted(
    (str(method), route.path, handler)
    for route in Litestar([openapi], openapi_config=None).routes
    if isinstance(route, HTTPRoute)
    for handler in route.route_handlers
    for method in handler.http_methods - {"OPTIONS", "HEAD"}
)


def test_there_are_routes_and_each_is_guarded() -> None:
    assert [(method, path) for method, path, _ in ROUTES] == [("GET", f"{PREFIX}/order/query")]
    for _, _, handler in ROUTES:
        assert signed_by_a_seller in handler.resolve_guards()


def test_the_application_serves_these(installation: Installation) -> None:
    served = {route.path for route in create_app(installation).routes if route.path.startswith(PREFIX)}
    assert served == {path for _, path, _ in ROUTES}


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in ROUTES])
async def test_nobody_is_let_in_without_a_sellers_signature(
    client: httpx.AsyncClient, program_of: ProgramOf, world: World, method: str, path: str
) -> None:
    unsigned = await client.request(method, f"http://{HOST}{path}")
    assert (unsigned.status_code, unsigned.json()["resultCode"]) == (401, "MKT.0154")
    for actor in (world.buyer, world.operator):
        answer = await (await program_of(actor)).call(method=method, path=path)
        assert (answer.status_code, answer.json()["resultCode"]) == (401, "MKT.0151")
    let_in = await (await program_of(world.seller)).call(method=method, path=path)
    assert let_in.status_code != 401
