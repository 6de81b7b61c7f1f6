"""What sellers' operations share."""

from typing import Annotated
from uuid import UUID

import msgspec

from tradehall.api.common import ApiRequest
from tradehall.edge.access import only

SELLER = [only("seller")]
SELLER_ADMIN = [only("seller", role="admin")]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1, description="The version you saw.")]


def seller_of(request: ApiRequest) -> UUID:
    organisation = request.user.organisation_id
    assert organisation, "guarded"
    return organisation
