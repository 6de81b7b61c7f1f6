"""The interfaces of a seller's production system, spoken in the generation that the seller's server speaks.

One vocabulary for both: a request goes in, what is to be sent comes out; an answer goes in, what it amounts to comes
out. Who calls sellers needs to know the generation only to pass it on.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from tradehall.protocols import v1, v2
from tradehall.protocols.answers import Answer
from tradehall.protocols.requests import Activity, Encryption, Generation, NotifyOrder, Request


class Outgoing(msgspec.Struct, frozen=True):
    """An HTTP request as it leaves: the address is complete and encoded, `body` is empty for GET."""

    method: Literal["POST", "GET"]
    url: str
    headers: Mapping[str, str]
    body: bytes


def outgoing(
    generation: Generation,
    request: Request,
    *,
    address: str,
    access_key: str,
    nonce: str,
    at: datetime,
    encryption: Encryption = "AES256",
    iv: str | None = None,
    revision: int | None = None,
    test: bool = False,
) -> Outgoing:
    """What to send to `address` for `request`, signed with the `access_key` at the moment `at`.

    `nonce` and `revision` are said in V2 only, the latter only to sellers who asked for it. `encryption` is what the V1
    seller chose for personal data; `iv`, 16 ASCII letters and digits, is made anew for every field unless given.
    Raises ValueError for a request that this generation cannot say: see `activity_of`, which tells beforehand; a V1
    OpenInstance without its purchase; a time without zone; more than 100 instances; text without a UTF-8 form.
    """
    if generation == "V1" and not isinstance(request, NotifyOrder):
        url = v1.signed_url(address, access_key, v1.parameters(request, access_key, encryption, iv), at, test=test)
        return Outgoing("GET", url, v1.HEADERS, b"")
    body = v2.body(request, revision=revision if generation == "V2" else None, test=test)
    return Outgoing("POST", v2.signed_url(address, access_key, nonce, v2.unix_ms(at), body), v2.HEADERS, body)


def judge(
    generation: Generation,
    activity: Activity,
    *,
    status: int,
    content_type: str,
    body: bytes,
    body_sign: str | None = None,
    access_keys: Sequence[str] = (),
    asked: Collection[str] = (),
) -> Answer:
    """Judges a complete HTTP answer to `activity`. Never raises, whatever the bytes are (7.2).

    `body_sign` is the answer's header of that name and `access_keys` are those any of which it may be made with, newest
    first; both matter to V1 only. `asked` are the ids that queryInstance asked for: a success that describes none of
    them is still in progress. Without them, any instance described will do.
    """
    if generation == "V1" and activity != "orderNotify":
        return v1.judge(activity, status, content_type, body, body_sign, access_keys, asked=asked)
    return v2.judge(activity, status, content_type, body, asked=asked)
