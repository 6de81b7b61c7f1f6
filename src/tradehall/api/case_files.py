"""Case files for programs, and the keys they are signed with."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Router, get
from litestar.response import Stream

from tradehall.api.common import ApiRequest, installation_of_app, request_id, texts_for
from tradehall.casefile import signing
from tradehall.casefile.errors import FontMissing, SigningKeyUnreadable, TooManyCaseFiles
from tradehall.casefile.statement import ALGORITHM
from tradehall.edge.access import anyone_signed_in
from tradehall.edge.case_files import case_file_response
from tradehall.kernel.files.errors import StoreAway
from tradehall.trading.errors import OrderNotFound


class SigningKey(msgspec.Struct, frozen=True):
    """A key that signs or signed case files. `public_key` are the 32 raw bytes of an Ed25519 key in hexadecimal,
    `fingerprint` is their SHA-256. What a key signed before it was retired stays valid."""

    fingerprint: str
    algorithm: str
    public_key: str
    created_at: datetime
    retired_at: datetime | None


class SigningKeys(msgspec.Struct, frozen=True):
    """The keys of this marketplace, the current one first."""

    keys: list[SigningKey]


@get(
    "/orders/{number:str}/case-file",
    guards=[anyone_signed_in],
    opt={
        "problems": [OrderNotFound, TooManyCaseFiles, StoreAway, SigningKeyUnreadable, FontMissing],
        "gives_file": True,
    },
)
async def download_case_file(request: ApiRequest, number: str) -> Stream:
    """Download an order's case file.

    A zip with the report (HTML and PDF, English and Chinese), every file handed in, the whole operation log, for
    sellers and operators the calls to the seller's server, and a signed manifest; `tradehall verify` checks it without
    a connection. Each side gets what it may see. Every download is made anew and recorded as `case.exported`.
    """
    return await case_file_response(request, number, locale=texts_for(request).locale, request_id=request_id(request))


@get("/signing-keys")
async def list_signing_keys(request: ApiRequest) -> SigningKeys:
    """Compare a case file's key.

    The keys that this marketplace signs case files with, and those it signed with before.
    """
    async with installation_of_app(request).db.read() as reader:
        known = await signing.known_keys(reader)
    return SigningKeys(
        [SigningKey(one.fingerprint, ALGORITHM, one.public_key.hex(), one.created_at, one.retired_at) for one in known]
    )


handlers: list[Any] = [download_case_file, list_signing_keys]
router = Router("/", route_handlers=handlers, tags=["Case files"])
