"""RFC 3161 timestamps: what is asked of an authority, and what its answer is worth. No network here."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

QUERY_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


class NotATimestamp(Exception):
    """An authority's answer is of no use; the message says why."""


class Stamped(msgspec.Struct, frozen=True):
    """A timestamp over the right bytes. `authority` is whom its certificate names, and `trusted` whether that leads to
    a certificate that was asked for."""

    at: datetime
    authority: str
    trusted: bool


def query(message: bytes) -> tuple[bytes, int | None]:
    """What to send to have something timestamped (only its SHA-256 is in it), and the nonce in it."""
    request = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    return request.as_bytes(), request.nonce


def certificates(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file. Raises ValueError."""
    return x509.load_pem_x509_certificates(pem)


def examine(
    answer: bytes, message_digest: bytes, roots: Sequence[x509.Certificate] = (), nonce: int | None = None
) -> Stamped:
    """What an answer says of something with this SHA-256. Without roots nobody is trusted, but it has to be a timestamp
    of these very bytes. Raises NotATimestamp."""
    try:
        response = decode_timestamp_response(answer)
        return _examined(response, answer, message_digest, roots, nonce)
    except ValueError as error:  # what is wrong in it shows where it is first looked at
        raise NotATimestamp("it cannot be read") from error


def _examined(
    response: TimeStampResponse,
    answer: bytes,
    message_digest: bytes,
    roots: Sequence[x509.Certificate],
    nonce: int | None,
) -> Stamped:
    if PKIStatus(response.status) not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
        said = "; ".join(response.status_string) or PKIStatus(response.status).name.lower()
        raise NotATimestamp(f"the authority refused: {said}")
    if response.as_bytes() != answer:
        raise NotATimestamp("there is something before or after it")
    told = response.tst_info
    if told.message_imprint.hash_algorithm != _SHA256 or told.message_imprint.message != message_digest:
        raise NotATimestamp("it is over something else")
    if nonce is not None and told.nonce != nonce:
        raise NotATimestamp("it answers another question")
    if roots:
        _trusted(response, message_digest, roots)
    return Stamped(told.gen_time, _authority(response), bool(roots))


def _trusted(response: TimeStampResponse, message_digest: bytes, roots: Sequence[x509.Certificate]) -> None:
    ends = [one for one in roots if one.issuer == one.subject] or list(roots)
    between = [one for one in roots if one not in ends]
    builder = VerifierBuilder(roots=ends, intermediates=between)
    try:
        builder.build().verify(response, message_digest)
    except (VerificationError, ValueError) as error:
        raise NotATimestamp(f"it does not lead to a trusted certificate ({error})") from error


def _authority(response: TimeStampResponse) -> str:
    """Whom the certificate that signed it names; empty where it brings none."""
    signers = list(response.signed_data.signer_infos)
    for raw in response.signed_data.certificates:
        known = x509.load_der_x509_certificate(raw)
        if any((known.issuer, known.serial_number) == (one.issuer, one.serial_number) for one in signers):
            return known.subject.rfc4514_string()
    return ""
