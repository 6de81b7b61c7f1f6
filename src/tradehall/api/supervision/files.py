"""Files of a supervised order: handed in for an act in a stream, taken back until then, downloaded ever after."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import QueryParameter

from tradehall.api.common import ApiRequest, IdempotencyKey, installation_of_app, write
from tradehall.api.supervision.acts import NOT_NOW
from tradehall.api.supervision.told import EvidenceFile, told_evidence
from tradehall.api.uploads import FILE_PROBLEMS, AsThumbnail, FileName, downloading, receiving, register
from tradehall.edge.access import anyone_signed_in
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.files import file
from tradehall.kernel.files.errors import ContentMissing, FileNotThere, RangeNotThere, StoreAway
from tradehall.supervision import evidence, queries
from tradehall.supervision.errors import EvidenceHandedIn, EvidenceNotFound, FlowNotFound
from tradehall.supervision.fields import ACCEPTED


@post(
    "/{number:str}/files",
    guards=[anyone_signed_in],
    status_code=201,
    request_max_body_size=None,
    opt={"problems": [*NOT_NOW, *FILE_PROBLEMS], "takes_file": True},
)
async def hand_in_file(
    request: ApiRequest,
    number: str,
    verb: Annotated[str, QueryParameter(description="The verb that asks for it.")],
    field: Annotated[str, QueryParameter(description="As which of that verb's fields of files.")],
    name: FileName = "",
    idempotency_key: IdempotencyKey = None,
) -> EvidenceFile:
    """Upload a file for an act.

    The body is the file itself, its name in the query or percent-encoded in the header X-File-Name, or a multipart form
    with one file. It is a draft that only your side sees until you act. One that is refused or cut off leaves nothing.
    """

    async def kinds(reader: Reader) -> frozenset[str]:
        held = await queries.existing_flow(reader, request.user.actor, number)
        return ACCEPTED[(await evidence.asked_for(reader, request.user.actor.kind, held, verb, field)).accept]

    async with receiving(request, kinds, field) as received:

        async def action(tx: Tx) -> EvidenceFile:
            kept = await register(request, tx, received)
            evidence_id = await evidence.attach(tx, number, verb, field, kept.id)
            found = await queries.piece_of_evidence(tx, tx.actor, number, evidence_id)
            assert found, "it was attached"
            return told_evidence(found)

        about = [verb, field, received.name, received.sha256.hex()]
        return await write(request, EvidenceFile, idempotency_key, action, about)


@delete(
    "/{number:str}/files/{evidence_id:uuid}",
    guards=[anyone_signed_in],
    status_code=204,
    opt={"problems": [FlowNotFound, EvidenceNotFound, EvidenceHandedIn]},
)
async def take_file_back(
    request: ApiRequest, number: str, evidence_id: UUID, idempotency_key: IdempotencyKey = None
) -> None:
    """Take back an uploaded file.

    Only your side's, and only until it was handed in with an act. Taking it back again changes nothing.
    """

    async def action(tx: Tx) -> None:
        await evidence.take_back(tx, number, evidence_id)

    await write(request, type(None), idempotency_key, action)


@get(
    "/{number:str}/files/{evidence_id:uuid}",
    guards=[anyone_signed_in],
    opt={
        "problems": [EvidenceNotFound, FileNotThere, RangeNotThere, ContentMissing, StoreAway],
        "gives_file": True,
    },
)
async def download_file(
    request: ApiRequest,
    number: str,
    evidence_id: UUID,
    thumbnail: AsThumbnail = False,
) -> Response[Any]:
    """Download a file of a supervised order.

    As it was handed in: its SHA-256 is the ETag. Parts of it (`Range`) can be asked for.
    """
    async with installation_of_app(request).db.read() as reader:
        found = await queries.piece_of_evidence(reader, request.user.actor, number, evidence_id)
        if found is None:
            raise EvidenceNotFound
        stored = await file(reader, found.file_id)
    return await downloading(request, stored, thumbnail=thumbnail)
