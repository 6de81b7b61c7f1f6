"""Case files for people: a button on an order's pages, and the keys they are signed with for everybody."""

from typing import Any

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from tradehall.casefile import signing
from tradehall.edge.access import only
from tradehall.edge.case_files import case_file_response
from tradehall.parties.model import OrganisationKind
from tradehall.web.common import PageResponse, WebRequest, page, reading, request_id, texts


def case_file_handlers(base: str, kind: OrganisationKind) -> list[HTTPRouteHandler]:
    """Where the buttons below `base` ("/buyer") lead for people of organisations of this kind."""

    @post(f"{base}/orders/{{number:str}}/case-file", guards=[only(kind)], status_code=200)
    async def case_file(request: WebRequest, number: str) -> Stream:
        """Everything of an order that the reader's side may see, in one signed archive. That it was made is recorded,
        so it is no link."""
        return await case_file_response(request, number, locale=texts(request).locale, request_id=request_id(request))

    return [case_file]


@get("/signing-keys")
async def signing_keys(request: WebRequest) -> PageResponse:
    """The keys that sign and signed case files, to be compared by whoever got one."""
    async with reading(request) as reader:
        known = await signing.known_keys(reader)
    return page(request, "public/signing_keys.html", keys=known)


handlers: list[Any] = [
    *case_file_handlers("/buyer", "buyer"),
    *case_file_handlers("/seller", "seller"),
    *case_file_handlers("/operator", "platform"),
    signing_keys,
]
