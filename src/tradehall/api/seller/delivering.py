"""How sellers have their products delivered, and the templates that go with what people deliver."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import QueryParameter

from tradehall.api.common import ApiRequest, IdempotencyKey, Whole, installation_of_app, texts_for, write
from tradehall.api.seller.common import SELLER, Version, seller_of
from tradehall.api.seller.products import SellerProduct, own_product
from tradehall.api.supervision.files import FILE_PROBLEMS
from tradehall.catalog import templates
from tradehall.catalog.delivering import change_delivery as change
from tradehall.catalog.delivery import Reach, deliveries
from tradehall.catalog.errors import (
    ClassFixed,
    DeliveryFixed,
    DeliveryUnfit,
    EndpointNotFound,
    NeedsAnEndpoint,
    NotAccepted,
    ProductChanged,
    ProductNotFound,
    TemplateNotFound,
)
from tradehall.catalog.model import ChargingMode, ProductClass
from tradehall.edge.uploads import FilePart, uploading
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.files import Received


class DeliveryType(msgspec.Struct, frozen=True):
    """A way to deliver. What is bought is made by the seller's "server", delivered by "people" under supervision, or
    needs "nothing". `charging` are the ways it may be sold. Where `requirement_optional`, a product says whether its
    flow begins with a written requirement."""

    delivery_type: str
    label: str
    reach: Reach
    supervised: bool
    charging: tuple[ChargingMode, ...]
    asks_recipient: bool
    requirement_optional: bool


class ChangeDelivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a product shall be delivered, `version` being the one you saw. All of it is said: what is left out is as it
    is for a new product."""

    version: Version
    delivery_type: str
    product_class: ProductClass = "common"
    asks_requirement: bool = True
    delivery_days: Whole | None = None
    endpoint_id: UUID | None = None


@get("/delivery-types", guards=SELLER)
async def list_delivery_types(request: ApiRequest) -> list[DeliveryType]:
    """List the ways to deliver.

    Each with what follows from it.
    """
    texts = texts_for(request)
    return [
        DeliveryType(
            one.key,
            texts.lookup(one.label),
            one.reach,
            one.supervised,
            one.charging,
            one.asks_recipient,
            one.requirement_optional,
        )
        for one in deliveries()
    ]


@put(
    "/products/{product_id:uuid}/delivery",
    guards=SELLER,
    opt={
        "problems": [
            ProductNotFound,
            ProductChanged,
            EndpointNotFound,
            NeedsAnEndpoint,
            DeliveryFixed,
            ClassFixed,
            DeliveryUnfit,
        ]
    },
)
async def change_delivery(
    request: ApiRequest, product_id: UUID, data: ChangeDelivery, idempotency_key: IdempotencyKey = None
) -> SellerProduct:
    """Change how a product is delivered.

    It holds for orders placed from now on. Once the product was on sale, its delivery type and class stay as they are.
    """

    async def action(tx: Tx) -> SellerProduct:
        await change(tx, seller_id=seller_of(request), product_id=product_id, **msgspec.structs.asdict(data))
        return await own_product(tx, request, product_id)

    return await write(request, SellerProduct, idempotency_key, action, data)


@post(
    "/products/{product_id:uuid}/templates/{template_kind:str}",
    guards=SELLER,
    status_code=201,
    request_max_body_size=None,
    opt={"problems": [ProductNotFound, TemplateNotFound, NotAccepted, *FILE_PROBLEMS], "takes_file": True},
)
async def attach_template(
    request: ApiRequest,
    product_id: UUID,
    template_kind: str,
    name: Annotated[str, QueryParameter(description="The file's name, where the body is nothing but the file.")] = "",
    idempotency_key: IdempotencyKey = None,
) -> SellerProduct:
    """Attach a template to a product.

    The requirement template or the acceptance template. The body is the file itself, its name in the query or
    percent-encoded in the header X-File-Name, or a multipart form with one file. It takes the place of the one before,
    which earlier orders keep.
    """
    installation, seller_id, kind = installation_of_app(request), seller_of(request), templates.kind_of(template_kind)
    person_id = request.user.actor.person_id
    assert person_id, "guarded"
    async with (
        uploading(request, csrf=False, most_files=1, field=kind) as parts,
        installation.files.receiving() as handing,
    ):
        async with installation.db.read() as reader:
            await templates.check_attachable(reader, seller_id, product_id)
        received: Received | None = None
        async for part in parts:
            if isinstance(part, FilePart):
                received = await handing.receive(
                    part.name, part.content, accept=templates.ACCEPTED, announced=part.announced
                )
        if received is None:
            raise invalid(kind, "This is missing.")
        whole = received

        async def action(tx: Tx) -> SellerProduct:
            kept = await installation.files.register(tx, whole, owner_id=seller_id, uploaded_by=person_id)
            await templates.attach(tx, seller_id=seller_id, product_id=product_id, kind=kind, file_id=kept.id)
            return await own_product(tx, request, product_id)

        return await write(request, SellerProduct, idempotency_key, action, [kind, whole.name, whole.sha256.hex()])


handlers = [list_delivery_types, change_delivery, attach_template]
