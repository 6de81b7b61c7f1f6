"""The API as programs use it: real handlers over real PostgreSQL, one token for each person of the marketplace."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from tests.application import application
from tests.world import World

from tradehall.installation import Installation
from tradehall.kernel.journal import Actor
from tradehall.parties import actions as parties
from tradehall.parties import queries as parties_queries

Client = httpx.AsyncClient
TokenFor = Callable[[Actor], Awaitable[str]]
As = Callable[[Actor], Awaitable[dict[str, str]]]


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[Client]:
    """A client without a token, which asks for English."""
    # In the application's own event loop, where those who wait for a database connection are woken.
    transport = httpx.ASGITransport(application(installation), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
        client.headers["Accept-Language"] = "en"
        yield client


@pytest.fixture
def token_for(installation: Installation, world: World) -> TokenFor:
    """`await token_for(actor)`: an API token of the actor's."""
    made: dict[Actor, str] = {}

    async def token_for(actor: Actor) -> str:
        if actor not in made:
            assert actor.person_id
            assert actor.organisation_id
            async with installation.db.transaction(actor) as tx:
                seat = await parties_queries.seat(tx, actor.person_id, actor.organisation_id)
                assert seat
                _, made[actor] = await parties.create_token(tx, seat, "tests")
        return made[actor]

    return token_for


@pytest.fixture
def as_(token_for: TokenFor) -> As:
    """`headers=await as_(world.buyer)`: sends a request as this actor."""

    async def as_(actor: Actor) -> dict[str, str]:
        return {"Authorization": f"Bearer {await token_for(actor)}"}

    return as_
