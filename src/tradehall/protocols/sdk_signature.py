"""The signature of the APIs that sellers call: `SDK-HMAC-SHA256` with an access key id and a secret (AK/SK).

The signer puts method, path, query, some headers and the hash of the body into one text, and signs the hash of that
together with the time in `X-Sdk-Date`. Protocol section 6.0; the layout is that of the cloud's API gateway, and its own
signer (`huaweicloudsdkcore`) is what the tests sign with.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote, unquote

ALGORITHM = "SDK-HMAC-SHA256"
CLOCK_WINDOW = timedelta(minutes=15)

Fault = Literal[
    "authorization_missing",
    "authorization_malformed",
    "algorithm_unknown",
    "date_missing",
    "date_malformed",
    "date_unsigned",
    "header_missing",
    "header_repeated",
    "clock_off",
    "body_unsigned",
    "signature_wrong",
]

_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_SIGNATURE = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_PARTS = ("access", "signedheaders", "signature")
_CONTENT_HASH = b"x-sdk-content-sha256"


class NotVerified(Exception):
    """A request is not signed as it must be: `fault` for programs, the text for people. It holds no secret."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault: Fault = fault


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came in: path and query percent-encoded as they were sent, headers as pairs of bytes."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes = field(repr=False)

    def values(self, name: bytes) -> list[bytes]:
        """What a header says, once for each time it was sent."""
        return [value.strip() for sent, value in self.headers if sent.lower() == name]


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a request says of its own signature; nothing of it is proved yet."""

    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str
    date: str

    @property
    def at(self) -> datetime:
        """When the signer says that it signed."""
        return datetime.strptime(self.date, _DATE_FORMAT).replace(tzinfo=UTC)


def read(request: SignedRequest) -> Authorization:
    """The headers of a signature, complete and well-formed. Raises NotVerified.

    Every header that counts for the signature is there exactly once, so that nobody can mean the one while another was
    signed; the date is among them, so that it cannot be renewed by whoever saw a request pass.
    """
    access_key_id, names, signature = _authorization(request)
    (date,) = request.values(b"x-sdk-date") or [b""]  # once, or _authorization had said so
    if not date:
        raise NotVerified("date_missing", "the header X-Sdk-Date is missing")
    found = Authorization(access_key_id, names, signature, date.decode("latin-1"))
    try:
        if not _DATE.fullmatch(found.date):
            raise ValueError(found.date)
        _ = found.at
    except ValueError:
        text = "the header X-Sdk-Date is not a time in GMT such as 20260509T080000Z"
        raise NotVerified("date_malformed", text) from None
    if "x-sdk-date" not in names:
        raise NotVerified("date_unsigned", "the header X-Sdk-Date is not among the SignedHeaders")
    for name in names:
        if not request.values(name.encode()):
            raise NotVerified("header_missing", f"the header {name} is among the SignedHeaders but was not sent")
    return found


def _authorization(request: SignedRequest) -> tuple[str, tuple[str, ...], str]:
    """Access key id, names of the signed headers, signature."""
    headers = request.values(b"authorization")
    if not headers:
        raise NotVerified("authorization_missing", "the header Authorization is missing")
    algorithm, _, rest = headers[0].decode("latin-1").partition(" ")
    if algorithm != ALGORITHM:
        raise NotVerified("algorithm_unknown", f"the header Authorization does not begin with {ALGORITHM}")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.partition("=")
        parts[name.strip().lower()] = value.strip()
    access_key_id, signed, signature = (parts.get(name, "") for name in _PARTS)
    names = tuple(signed.lower().split(";"))
    if not access_key_id or not all(names) or not _SIGNATURE.fullmatch(signature):
        text = "the header Authorization is not of the form Access=…, SignedHeaders=a;b, Signature=64 hex digits"
        raise NotVerified("authorization_malformed", f"{text}, after {ALGORITHM}")
    for name in {"authorization", "x-sdk-date", *names}:
        # Names of headers are ASCII; what is not is sent by nobody and found missing later.
        if len(request.values(name.encode())) > 1:
            raise NotVerified("header_repeated", f"the header {name} was sent more than once")
    return access_key_id, names, signature


def check_clock(authorization: Authorization, now: datetime) -> None:
    """Whether the request was signed at most 15 minutes before or after `now`. Raises NotVerified."""
    late = now - authorization.at
    if abs(late) > CLOCK_WINDOW:
        seconds, side = abs(round(late.total_seconds())), "behind" if late > timedelta() else "ahead of"
        text = (
            f"X-Sdk-Date {authorization.date} is {seconds} seconds {side} the time here, "
            f"{now.astimezone(UTC):{_DATE_FORMAT}}; at most {int(CLOCK_WINDOW.total_seconds())} are allowed"
        )
        raise NotVerified("clock_off", text)


def check_signature(request: SignedRequest, authorization: Authorization, secret: str) -> None:
    """Whether whoever signed exactly this request knows the secret. Raises NotVerified.

    Takes the same time wherever the signatures differ.
    """
    hashes = _body_hashes(request)
    texts = [canonical_request(request, authorization.signed_headers, body_hash) for body_hash in hashes]
    given = authorization.signature.lower()
    if not any([hmac.compare_digest(sign(secret, authorization.date, text), given) for text in texts]):  # noqa: C419
        # That of the canonical request tells its sender, who can compute the same, where to look.
        text = (
            "the signature is not that of this request under the secret of this access key; the canonical request has "
            f"the SHA-256 {hashlib.sha256(texts[0]).hexdigest()}"
        )
        raise NotVerified("signature_wrong", text)


def sign(secret: str, date: str, canonical: bytes) -> str:
    """The signature of a canonical request, in lower-case hex. `date` is X-Sdk-Date as sent."""
    text = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical).hexdigest()}"
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()


def canonical_request(request: SignedRequest, signed_headers: Sequence[str], body_hash: str) -> bytes:
    """The text that a request and its signer agree on.

    Method, path with a slash at its end, query, each signed header on a line, their names, and the body's hash.
    """
    names = [name.encode() for name in signed_headers]
    headers = b"".join(name + b":" + b"".join(request.values(name)[:1]) + b"\n" for name in names)
    return b"\n".join(
        (
            request.method.upper().encode(),
            _canonical_path(request.path).encode(),
            _canonical_query(request.query).encode(),
            headers,
            b";".join(names),
            body_hash.encode(),
        )
    )


def parameters(query: str) -> list[tuple[str, str]]:
    """The names and values in a query, decoded, in the order they were sent; a plus is a blank."""
    pairs = (piece.replace("+", " ").partition("=") for piece in query.split("&") if piece)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _canonical_path(path: str) -> str:
    encoded = "/".join(_encoded(segment) for segment in unquote(path).split("/"))
    return encoded if encoded.endswith("/") else f"{encoded}/"


def _canonical_query(query: str) -> str:
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(parameters(query)))


def _encoded(text: str) -> str:
    return quote(text, safe="~")


def _body_hashes(request: SignedRequest) -> list[str]:
    """What may stand for the body. Raises NotVerified for a body that its sender did not sign.

    Where there is none, some signers put its hash there and others what the header with the hash says.
    """
    own = hashlib.sha256(request.body).hexdigest()
    said = [value.decode("latin-1") for value in request.values(_CONTENT_HASH)]
    if request.body and any(value.lower() != own for value in said):
        raise NotVerified("body_unsigned", "the header X-Sdk-Content-Sha256 is not the SHA-256 of the body")
    return [own, *said] if not request.body else [own]
