"""How sellers have their products delivered, and the templates that go with what people deliver."""

from uuid import UUID

import msgspec
from litestar import get, post, put

from tradehall.api.common import ApiRequest, IdempotencyKey, Whole, texts_for, write
from tradehall.api.seller.common import SELLER, Version, seller_of
from tradehall.api.seller.products import SellerProduct, own_product
from tradehall.api.uploads import FILE_PROBLEMS, FileName, receiving, register
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
from tradehall.kernel.db import Reader, Tx


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
    name: FileName = "",
    idempotency_key: IdempotencyKey = None,
) -> SellerProduct:
    """Attach a template to a product.

    The requirement template or the acceptance template. The body is the file itself, its name in the query or
    percent-encoded in the header X-File-Name, or a multipart form with one file. It takes the place of the one before,
    which earlier orders keep.
    """
    seller_id, kind = seller_of(request), templates.kind_of(template_kind)

    async def kinds(reader: Reader) -> frozenset[str]:
        await templates.check_attachable(reader, seller_id, product_id)
        return templates.ACCEPTED

    async with receiving(request, kinds, kind) as received:

        async def action(tx: Tx) -> SellerProduct:
            kept = await register(request, tx, received)
            await templates.attach(tx, seller_id=seller_id, product_id=product_id, kind=kind, file_id=kept.id)
            return await own_product(tx, request, product_id)

        return await write(
            request, SellerProduct, idempotency_key, action, [kind, received.name, received.sha256.hex()]
        )


handlers = [list_delivery_types, change_delivery, attach_template]
