"""The open APIs as sellers' programs call them: signed by the cloud's own signer, over real PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from tests.application import application
from tests.openapi.signing import Pairs, signed

from tradehall.installation import Installation
from tradehall.kernel.journal import Actor
from tradehall.openapi.routes import PREFIX
from tradehall.parties import credentials

HOST = "market.test"
ORDER_QUERY = f"{PREFIX}/order/query"


class Credential(NamedTuple):
    """An access key and its secret."""

    id: UUID
    access_key_id: str
    secret: str


CredentialOf = Callable[[Actor], Awaitable[Credential]]


@pytest.fixture
def credential_of(installation: Installation) -> CredentialOf:
    """`await credential_of(actor)`: a new credential of the actor's organisation."""

    async def credential_of(actor: Actor) -> Credential:
        async with installation.db.transaction(actor) as tx:
            made, secret = await credentials.create_credential(tx, installation.seal, name="tests")
            found: str = await tx.fetch_value(
                "SELECT access_key_id FROM api_credentials WHERE id = %(id)s", {"id": made}
            )
        return Credential(made, found, secret)

    return credential_of


class Program:
    """A seller's program. `at` is what its clock shows; the installation's time if nothing else is said."""

    def __init__(self, client: httpx.AsyncClient, credential: Credential, now: Callable[[], datetime]) -> None:
        self.client = client
        self.credential = credential
        self._now = now

    def sign(
        self,
        query: Pairs = (),
        *,
        at: datetime | None = None,
        path: str = ORDER_QUERY,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> httpx.Request:
        uri, made = signed(
            self.credential.access_key_id, self.credential.secret, at or self._now(), host=HOST, path=path,
            method=method, query=query, headers=headers, body=body,
        )  # fmt: skip
        return httpx.Request(method, f"http://{HOST}{uri}", headers=made, content=body)

    async def call(self, query: Pairs = (), **how: Any) -> httpx.Response:
        return await self.client.send(self.sign(query, **how))

    async def order(self, number: str) -> dict[str, Any]:
        """What is told of an order."""
        answer = await self.call([("orderId", number)])
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["resultCode"], told["resultMsg"]) == ("MKT.0000", "Success")
        info: dict[str, Any] = told["orderInfo"]
        return info

    async def line(self, number: str) -> dict[str, Any]:
        """What is told of an order's one line."""
        (line,) = (await self.order(number))["orderLine"]
        told: dict[str, Any] = line
        return told


ProgramOf = Callable[[Actor], Awaitable[Program]]


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(installation), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


@pytest.fixture
def program_of(installation: Installation, client: httpx.AsyncClient, credential_of: CredentialOf) -> ProgramOf:
    """`await program_of(actor)`: a program of the actor's organisation, with a credential of its own."""

    async def program_of(actor: Actor) -> Program:
        return Program(client, await credential_of(actor), installation.clock.now)

    return program_of
