"""The applications a buyer bought: where they are, and how to get in."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    installation_of_app,
    wanted_page,
    write,
)
from tradehall.edge.access import only
from tradehall.kernel.db import Tx
from tradehall.kernel.paging import Page
from tradehall.provisioning import queries
from tradehall.provisioning.errors import InstanceNotFound
from tradehall.provisioning.model import Instance, InstanceState


class Refreshing(msgspec.Struct, frozen=True):
    """Whether the seller is now being asked; not when the details are fresh, or it is being asked already."""

    asking: bool


class InitialPassword(msgspec.Struct, frozen=True):
    """The initial password of an application; null where the seller gave none."""

    password: str | None


@get("/", guards=[only("buyer")])
async def list_applications(
    request: ApiRequest,
    limit: Limit = None,
    after: After = None,
    before: Before = None,
    instance_state: Annotated[
        InstanceState | None, QueryParameter(name="state", description="Only those in this state.")
    ] = None,
) -> Page[Instance]:
    """List your organisation's applications.

    Newest first. The password is not among the details; it is asked for apart.
    """
    wanted = wanted_page(limit, after, before)
    async with installation_of_app(request).db.read() as reader:
        return await queries.instances(reader, request.user.actor, wanted, state=instance_state)


@get("/{application_id:uuid}", guards=[only("buyer")], opt={"problems": [InstanceNotFound]})
async def get_application(request: ApiRequest, application_id: UUID) -> Instance:
    """Look at an application.

    Its addresses and account as the seller last told them, and until when it was bought.
    """
    async with installation_of_app(request).db.read() as reader:
        found = await queries.instance(reader, request.user.actor, application_id)
    if found is None:
        raise InstanceNotFound
    return found


@post("/{application_id:uuid}/refresh", guards=[only("buyer")], status_code=202, opt={"problems": [InstanceNotFound]})
async def refresh_application(
    request: ApiRequest, application_id: UUID, idempotency_key: IdempotencyKey = None
) -> Refreshing:
    """Have the seller asked anew.

    The details are asked for in the background. Look at the application again a moment later.
    """

    async def action(tx: Tx) -> Refreshing:
        return Refreshing(await installation_of_app(request).provisioning.refresh_details(tx, application_id))

    return await write(request, Refreshing, idempotency_key, action)


@post(
    "/{application_id:uuid}/reveal-password",
    guards=[only("buyer")],
    status_code=200,
    opt={"problems": [InstanceNotFound]},
)
async def reveal_password(
    request: ApiRequest, application_id: UUID, idempotency_key: IdempotencyKey = None
) -> InitialPassword:
    """See an application's initial password.

    Only people of the organisation that bought it can see it; neither its seller nor operators can.
    """

    async def action(tx: Tx) -> InitialPassword:
        return InitialPassword(await installation_of_app(request).provisioning.reveal_password(tx, application_id))

    return await write(request, InitialPassword, idempotency_key, action, secret=True)


router = Router(
    "/applications",
    route_handlers=[list_applications, get_application, refresh_application, reveal_password],
    tags=["Applications"],
)
