"""Files of a supervised order: taken in as drafts for a verb, taken back, and given to whoever may see them."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import templates
from tradehall.catalog.errors import TemplateNotFound
from tradehall.edge.access import installation_of, only
from tradehall.edge.uploads import UNCHECKED, FilePart, file_response, thumbnail_response, uploading
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Forbidden, Invalid, NotFound, NotSignedIn, Problem
from tradehall.kernel.files import StoredFile, file
from tradehall.kernel.files.errors import UploadCutOff
from tradehall.kernel.i18n import N_
from tradehall.kernel.journal import Actor
from tradehall.parties.model import OrganisationKind
from tradehall.supervision import evidence, queries
from tradehall.supervision.errors import EvidenceNotFound
from tradehall.supervision.fields import ACCEPTED
from tradehall.web import uploads
from tradehall.web.common import PageResponse, WebRequest, id_from, is_partial, page, perform, reading, said_of, texts
from tradehall.web.supervision.forms import drafts_for

TAKEN_BACK = N_("The file was taken back.")


async def take_in(request: WebRequest, number: str, verb: str, part: FilePart, field: str) -> UUID:
    """Takes in one file as a draft for a verb; returns the evidence's id. Whether it is asked for is known before the
    first of its bytes is read. Raises what `evidence.asked_for` and `Files.receive` do."""
    actor = request.user.actor
    async with reading(request) as reader:
        held = await queries.existing_flow(reader, actor, number)
        wanted = await evidence.asked_for(reader, actor.kind, held, verb, field)
    return await uploads.take_in(
        request, part, ACCEPTED[wanted.accept], lambda tx, file_id: evidence.attach(tx, number, verb, field, file_id)
    )


def files_handlers(base: str, kind: OrganisationKind) -> list[HTTPRouteHandler]:
    """The files of the orders below `base` ("/buyer") for people of organisations of this kind."""
    guards = [only(kind)]
    order = f"{base}/supervision/{{number:str}}"

    @post(
        f"{order}/acts/{{verb:str}}/files/{{field:str}}",
        guards=guards,
        status_code=200,
        opt=UNCHECKED,
        request_max_body_size=None,
    )
    async def upload(request: WebRequest, number: str, verb: str, field: str) -> PageResponse:
        """One file, sent by the page's script; answered with the field's list of files, or what is wrong with it."""
        try:
            async with uploading(request, csrf=True, most_files=1) as parts:
                async for part in parts:
                    if isinstance(part, FilePart):
                        await take_in(request, number, verb, part, field)
            return await _list(request, base, number, verb, field)
        except (NotFound, Forbidden, NotSignedIn, UploadCutOff):
            raise
        except Problem as problem:
            return refused(request, problem)

    @post(f"{order}/files/{{evidence_id:str}}/remove", guards=guards, status_code=200)
    async def remove(request: WebRequest, number: str, evidence_id: str) -> Response[Any]:
        """Takes a draft back; doing so twice is fine. The page's script takes it out of the list by itself."""
        piece = id_from(evidence_id)

        async def action(tx: Tx) -> None:
            await evidence.take_back(tx, number, piece)

        done = await perform(request, action, to=f"{base}/supervision/{number}", said=TAKEN_BACK, tone="info")
        return Response(None, status_code=204) if is_partial(request) else done

    @get(f"{order}/files/{{evidence_id:str}}", guards=guards)
    async def download(request: WebRequest, number: str, evidence_id: str, inline: bool = False) -> Response[Any]:
        """A file; pictures and PDFs are shown by the browser where that is asked for."""
        stored = await _stored(request, number, evidence_id)
        return await file_response(request, installation_of(request).files, stored, inline=inline)

    @get(f"{order}/files/{{evidence_id:str}}/small", guards=guards)
    async def small(request: WebRequest, number: str, evidence_id: str) -> Response[Any]:
        """The thumbnail of a picture."""
        stored = await _stored(request, number, evidence_id)
        return await thumbnail_response(request, installation_of(request).files, stored)

    @get(f"{order}/templates/{{kind:str}}", guards=guards)
    async def template(request: WebRequest, number: str, kind: str) -> Response[Any]:
        """What the seller attached to the product: the requirement to fill in, the standard of its acceptance."""
        async with reading(request) as reader:
            held = await queries.flow(reader, request.user.actor, number)
            attached = await templates.templates_at(reader, held.product_id, held.ordered_at) if held else []
            found = next((one for one in attached if one.kind == kind), None)
            if found is None:
                raise TemplateNotFound
            stored = await file(reader, found.file_id)
        return await file_response(request, installation_of(request).files, stored)

    return [upload, remove, download, small, template]


async def _stored(request: WebRequest, number: str, evidence_id: str) -> StoredFile:
    actor: Actor = request.user.actor
    async with reading(request) as reader:
        found = await queries.piece_of_evidence(reader, actor, number, id_from(evidence_id))
        if found is None:
            raise EvidenceNotFound
        return await file(reader, found.file_id)


async def _list(request: WebRequest, base: str, number: str, verb: str, field: str) -> PageResponse:
    actor: Actor = request.user.actor
    async with reading(request) as reader:
        held = await queries.existing_flow(reader, actor, number)
        files = await queries.evidence(reader, actor, held.id)
    return page(
        request,
        "supervision/drafts.html",
        files=drafts_for(files, actor.kind, verb, field),
        place=f"{base}/supervision/{number}",
    )


def refused(request: WebRequest, problem: Problem) -> PageResponse:
    """What the page's script is told of a file that is not taken."""
    return page(
        request, "supervision/refused.html", http_status=problem.status, message=said_in_short(request, problem)
    )


def said_in_short(request: WebRequest, problem: Problem) -> str:
    """What is wrong with a file, in one sentence."""
    if isinstance(problem, Invalid) and problem.fields:
        one = problem.fields[0]
        return texts(request).format(one.message, **one.values)
    return said_of(request, problem)


handlers: list[Any] = [
    *files_handlers("/buyer", "buyer"),
    *files_handlers("/seller", "seller"),
    *files_handlers("/operator", "platform"),
]
