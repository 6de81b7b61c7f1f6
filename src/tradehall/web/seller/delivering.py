"""A product's delivery changed by its seller, and the templates that go with what people deliver."""

from uuid import UUID

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import templates
from tradehall.catalog.delivering import change_delivery
from tradehall.edge.access import only
from tradehall.edge.uploads import UNCHECKED, FilePart, uploading
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Forbidden, NotFound, NotSignedIn, Problem
from tradehall.kernel.i18n import N_
from tradehall.web.common import Form, PageResponse, WebRequest, read_form, reading, redirect, seat_of, texts
from tradehall.web.seller.delivery import read_delivery
from tradehall.web.seller.products import change_product, own_product, product_page
from tradehall.web.uploads import take_in

CHANGED = N_("Saved. It holds for orders that are placed from now on.")
ATTACHED = N_("The file was attached.")
NO_FILE = N_("Choose a file.")


@post("/seller/products/{slug:str}/delivery", guards=[only("seller")])
async def change(request: WebRequest, slug: str) -> PageResponse:
    """How it is delivered, as it was at the version the person saw."""
    seller_id, form = seat_of(request).organisation_id, await read_form(request)
    async with reading(request) as reader:
        before = (await own_product(reader, request, slug)).product
    version, wished = form.integer("version"), read_delivery(form, was=before)

    async def action(tx: Tx) -> None:
        await change_delivery(
            tx, seller_id=seller_id, product_id=before.id, version=version, **msgspec.structs.asdict(wished)
        )

    return await change_product(request, slug, form, action, said=CHANGED, which="delivery_form")


@post(
    "/seller/products/{slug:str}/files/{kind:str}",
    guards=[only("seller")],
    status_code=200,
    opt=UNCHECKED,
    request_max_body_size=None,
)
async def attach_template(request: WebRequest, slug: str, kind: str) -> PageResponse:
    """One file becomes the product's template of this kind; one that was there before stays with earlier orders."""
    seller_id, wanted, attached = seat_of(request).organisation_id, templates.kind_of(kind), False
    try:
        async with reading(request) as reader:
            product_id = (await own_product(reader, request, slug)).product.id
            await templates.check_attachable(reader, seller_id, product_id)

        async def attach(tx: Tx, file_id: UUID) -> None:
            await templates.attach(tx, seller_id=seller_id, product_id=product_id, kind=wanted, file_id=file_id)

        async with uploading(request, csrf=True, most_files=1) as parts:
            async for part in parts:
                if isinstance(part, FilePart):
                    await take_in(request, part, templates.ACCEPTED, attach)
                    attached = True
    except (NotFound, Forbidden, NotSignedIn):
        raise
    except Problem as problem:
        answer = await product_page(request, slug, problem=problem)
        answer.status_code = problem.status
        return answer
    if not attached:
        form = Form(request)
        form.fail(wanted, NO_FILE)
        return await product_page(request, slug, form, "file_form")
    return redirect(request, f"/seller/products/{slug}#templates", texts(request).gettext(ATTACHED))


handlers: list[HTTPRouteHandler] = [change, attach_template]
