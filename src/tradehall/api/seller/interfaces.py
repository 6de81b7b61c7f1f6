"""A seller's interfaces: how they do, their endpoints, and the access keys of these."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post, put

from tradehall.api.common import (
    ApiRequest,
    IdempotencyKey,
    installation_of_app,
    write,
)
from tradehall.api.seller.common import SELLER, SELLER_ADMIN, Version, seller_of
from tradehall.catalog import actions, keys, queries
from tradehall.catalog.errors import (
    EndpointChanged,
    EndpointNotFound,
    KeyInUse,
    KeyIsCurrent,
    KeyNotFound,
    KeyOfAnotherClass,
    OneGeneralEndpoint,
    TooManyKeys,
)
from tradehall.catalog.keys import AccessKey
from tradehall.catalog.model import (
    Encryption,
    Endpoint,
    Generation,
    InterfaceClass,
)
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.provisioning import circuits
from tradehall.provisioning import health as health_of
from tradehall.provisioning.circuits import Circuit
from tradehall.provisioning.health import CallCounts, Health


class Dashboard(msgspec.Struct, frozen=True):
    """How a seller's interfaces did of late, the failing ones first; how many calls need someone; whether its servers
    answer."""

    interfaces: list[Health]
    calls: CallCounts
    circuits: list[Circuit]


class CreateEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A production interface: a server that makes instances (basic), or one that hears of paid orders (general)."""

    name: str
    address: Annotated[str, msgspec.Meta(max_length=512)]
    access_key: str
    interface_class: InterfaceClass = "basic"
    generation: Generation = "V2"
    encryption: Encryption = "AES256"
    revisions: bool = False
    asks_contact: bool = False


class ChangeEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an endpoint shall be, `version` being the one you saw. What is left out stays as it is.

    With an access key it gets that as a new one, and the one before stays good for a while.
    """

    version: Version
    name: str
    address: Annotated[str, msgspec.Meta(max_length=512)]
    access_key: str = ""
    generation: Generation | None = None
    encryption: Encryption | None = None
    revisions: bool | None = None
    asks_contact: bool | None = None


class AddKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new access key; left out, one is made. With `retire_others` no older key stays good, not even for a while."""

    access_key: str | None = None
    retire_others: bool = False


class NewKey(AccessKey, frozen=True):
    """An access key that was just added; the key itself if it was made here, shown this once."""

    access_key: str | None = None


@get("/dashboard", guards=SELLER)
async def get_dashboard(request: ApiRequest) -> Dashboard:
    """See how your interfaces do.

    Each interface's record over its last tries, the failing ones first, and how many calls fail, were given up or are
    under way (each counted to a thousand). Each endpoint's circuit says whether its server answers, how close its calls
    are to being held back because it does not, and when a probe goes out.
    """
    installation = installation_of_app(request)
    async with installation.db.read() as reader:
        return Dashboard(
            await health_of.interfaces(reader, seller_of(request)),
            await health_of.call_counts(reader, request.user.actor),
            await circuits.circuits(reader, request.user.actor, installation.settings.circuit_failures),
        )


@get("/endpoints", guards=SELLER)
async def list_endpoints(request: ApiRequest) -> list[Endpoint]:
    """List your endpoints.

    Of an access key only its last four characters are shown.
    """
    async with installation_of_app(request).db.read() as reader:
        return await queries.endpoints_of_seller(reader, seller_of(request))


@get("/endpoints/{endpoint_id:uuid}", guards=SELLER, opt={"problems": [EndpointNotFound]})
async def get_endpoint(request: ApiRequest, endpoint_id: UUID) -> Endpoint:
    """Look at an endpoint.

    Of its access key only the last four characters are shown.
    """
    async with installation_of_app(request).db.read() as reader:
        return await _endpoint(reader, request, endpoint_id)


async def _endpoint(reader: Reader, request: ApiRequest, endpoint_id: UUID) -> Endpoint:
    found = await queries.endpoint(reader, seller_of(request), endpoint_id)
    if found is None:
        raise EndpointNotFound
    return found


async def _check_address(request: ApiRequest, address: str) -> None:
    if objection := await installation_of_app(request).outbound.check_address(address):
        raise invalid("address", objection)


@post("/endpoints", guards=SELLER_ADMIN, status_code=201, opt={"problems": [OneGeneralEndpoint, KeyOfAnotherClass]})
async def create_endpoint(
    request: ApiRequest, data: CreateEndpoint, idempotency_key: IdempotencyKey = None
) -> Endpoint:
    """Add an endpoint.

    Only administrators can. The address must be public, or allowed by the operator. The access key signs every call.
    """
    await _check_address(request, data.address)

    async def action(tx: Tx) -> Endpoint:
        endpoint_id = await actions.create_endpoint(
            tx,
            installation_of_app(request).seal,
            seller_id=seller_of(request),
            **msgspec.structs.asdict(data),
        )
        return await _endpoint(tx, request, endpoint_id)

    return await write(request, Endpoint, idempotency_key, action, data, secret=True)


@put(
    "/endpoints/{endpoint_id:uuid}",
    guards=SELLER_ADMIN,
    opt={"problems": [EndpointNotFound, EndpointChanged, KeyOfAnotherClass, KeyInUse, TooManyKeys]},
)
async def change_endpoint(
    request: ApiRequest, endpoint_id: UUID, data: ChangeEndpoint, idempotency_key: IdempotencyKey = None
) -> Endpoint:
    """Change an endpoint.

    Only administrators can. Calls not yet made use what it is then. If someone else changed it after the version you
    saw, nothing is done.
    """
    async with installation_of_app(request).db.read() as reader:
        await _endpoint(reader, request, endpoint_id)
    await _check_address(request, data.address)

    async def action(tx: Tx) -> Endpoint:
        changes = msgspec.structs.asdict(data)
        access_key = changes.pop("access_key")
        await actions.change_endpoint(tx, seller_id=seller_of(request), endpoint_id=endpoint_id, **changes)
        if access_key:
            await _add_key(tx, request, endpoint_id, access_key)
        return await _endpoint(tx, request, endpoint_id)

    return await write(request, Endpoint, idempotency_key, action, data, secret=True)


async def _add_key(
    tx: Tx, request: ApiRequest, endpoint_id: UUID, access_key: str, *, retire_others: bool = False
) -> UUID:
    installation = installation_of_app(request)
    return await keys.add_key(
        tx,
        installation.seal,
        seller_id=seller_of(request),
        endpoint_id=endpoint_id,
        access_key=access_key,
        overlap=timedelta() if retire_others else installation.settings.key_overlap,
    )


@get("/endpoints/{endpoint_id:uuid}/keys", guards=SELLER, opt={"problems": [EndpointNotFound]})
async def list_keys(request: ApiRequest, endpoint_id: UUID) -> list[AccessKey]:
    """List an endpoint's access keys.

    The current one, those that overlap and the latest retired ones; of each its last four characters. Calls are signed
    with the current one, and with an overlapping one where the server refuses that.
    """
    async with installation_of_app(request).db.read() as reader:
        await _endpoint(reader, request, endpoint_id)
        return await keys.keys_of_endpoints(reader, [endpoint_id])


@post(
    "/endpoints/{endpoint_id:uuid}/keys",
    guards=SELLER_ADMIN,
    status_code=201,
    opt={"problems": [EndpointNotFound, KeyOfAnotherClass, KeyInUse, TooManyKeys]},
)
async def add_key(
    request: ApiRequest, endpoint_id: UUID, data: AddKey, idempotency_key: IdempotencyKey = None
) -> NewKey:
    """Add an access key.

    Only administrators can. It signs calls from now on; the one before stays good for a while, so that no call is lost
    while the server learns the new one. A key belongs to one class of interface only.
    """

    async def action(tx: Tx) -> NewKey:
        await _endpoint(tx, request, endpoint_id)
        made = None if data.access_key is not None else keys.generated()
        key_id = await _add_key(
            tx, request, endpoint_id, made or data.access_key or "", retire_others=data.retire_others
        )
        added = next(key for key in await keys.keys_of_endpoints(tx, [endpoint_id]) if key.id == key_id)
        return NewKey(**msgspec.structs.asdict(added), access_key=made)

    return await write(request, NewKey, idempotency_key, action, data, secret=True)


@delete(
    "/endpoints/{endpoint_id:uuid}/keys/{key_id:uuid}",
    guards=SELLER_ADMIN,
    status_code=204,
    opt={"problems": [EndpointNotFound, KeyNotFound, KeyIsCurrent]},
)
async def retire_key(
    request: ApiRequest, endpoint_id: UUID, key_id: UUID, idempotency_key: IdempotencyKey = None
) -> None:
    """Retire an overlapping access key.

    Only administrators can. No call is signed with it any more. Retiring it again changes nothing.
    """

    async def action(tx: Tx) -> None:
        await _endpoint(tx, request, endpoint_id)
        await keys.retire_key(tx, seller_id=seller_of(request), endpoint_id=endpoint_id, key_id=key_id)

    await write(request, type(None), idempotency_key, action)


handlers = [
    get_dashboard,
    list_endpoints,
    get_endpoint,
    create_endpoint,
    change_endpoint,
    list_keys,
    add_key,
    retire_key,
]
