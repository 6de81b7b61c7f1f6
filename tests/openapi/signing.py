"""Requests signed by the cloud's own signer, as sellers' programs sign them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

Pairs = Sequence[tuple[str, object]]


class Signed(NamedTuple):
    """A signed request: what follows the host in its address, and its headers as bytes."""

    uri: str
    headers: list[tuple[bytes, bytes]]


def sdk_date(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def signed(
    access_key_id: str,
    secret: str,
    at: datetime,
    *,
    host: str,
    path: str,
    method: str = "GET",
    query: Pairs = (),
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Signed:
    """A request as `huaweicloudsdkcore` signs it at a moment."""
    # Given, because the signer's own clock is the machine's.
    given = {"Content-Type": "application/json;charset=UTF-8", "X-Sdk-Date": sdk_date(at), **(headers or {})}
    request = SdkRequest(
        method=method,
        schema="https",
        host=host,
        resource_path=path,
        query_params=list(query),
        header_params=given,
        body=body,
    )
    Signer(BasicCredentials(access_key_id, secret)).sign(request)
    # The signer leaves what goes on the wire in Latin-1.
    return Signed(
        request.uri, [(name.encode(), value.encode("latin-1")) for name, value in request.header_params.items()]
    )
