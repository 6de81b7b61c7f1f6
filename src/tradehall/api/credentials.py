"""The credentials with which a seller's programs sign their calls of the open APIs."""

from uuid import UUID

import msgspec
from litestar import Router, delete, get, post

from tradehall.api.common import ApiRequest, IdempotencyKey, installation_of_app, write
from tradehall.edge.access import only
from tradehall.kernel.db import Reader, Tx
from tradehall.parties import credentials
from tradehall.parties.credentials import ApiCredential
from tradehall.parties.errors import CredentialNotFound, TooManyCredentials

SELLER = [only("seller")]
SELLER_ADMIN = [only("seller", role="admin")]


class CreateCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an API credential is for, such as the program that uses it."""

    name: str


class NewCredential(ApiCredential, frozen=True):
    """An API credential that was just made; its secret is shown this once."""

    secret_access_key: str


@get("/", guards=SELLER)
async def list_credentials(request: ApiRequest) -> list[ApiCredential]:
    """List your API credentials.

    Those that are good first, then newest first, fifty at most. The secrets are never shown again.
    """
    async with installation_of_app(request).db.read() as reader:
        return await _own(reader, request)


async def _own(reader: Reader, request: ApiRequest) -> list[ApiCredential]:
    organisation_id = request.user.organisation_id
    assert organisation_id, "guarded"
    return await credentials.credentials_of(reader, organisation_id)


@post("/", guards=SELLER_ADMIN, status_code=201, opt={"problems": [TooManyCredentials]})
async def create_credential(
    request: ApiRequest, data: CreateCredential, idempotency_key: IdempotencyKey = None
) -> NewCredential:
    """Make an API credential.

    Only administrators can. With its access key id and secret your programs sign their calls of the open APIs, such as
    the order query; it acts for your organisation until it is revoked.
    """

    async def action(tx: Tx) -> NewCredential:
        seal = installation_of_app(request).seal
        credential_id, secret = await credentials.create_credential(tx, seal, name=data.name)
        made = next(one for one in await _own(tx, request) if one.id == credential_id)
        return NewCredential(**msgspec.structs.asdict(made), secret_access_key=secret)

    return await write(request, NewCredential, idempotency_key, action, data, secret=True)


@delete("/{credential_id:uuid}", guards=SELLER_ADMIN, status_code=204, opt={"problems": [CredentialNotFound]})
async def revoke_credential(request: ApiRequest, credential_id: UUID, idempotency_key: IdempotencyKey = None) -> None:
    """Revoke an API credential.

    Only administrators can. Calls signed with it are refused at once. Revoking it again changes nothing.
    """

    async def action(tx: Tx) -> None:
        await credentials.revoke_credential(tx, credential_id)

    await write(request, type(None), idempotency_key, action)


router = Router(
    "/seller/credentials",
    route_handlers=[list_credentials, create_credential, revoke_credential],
    tags=["Seller"],
)
