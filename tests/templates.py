"""Templates of products, their bytes really stored."""

from collections.abc import AsyncIterator
from uuid import UUID

from tradehall.catalog import templates
from tradehall.catalog.templates import TemplateKind
from tradehall.installation import Installation
from tradehall.kernel.journal import Actor

STANDARD = b"What is delivered runs, and somebody can sign in."


async def attached(
    installation: Installation,
    seller: Actor,
    product_id: UUID,
    kind: TemplateKind = "acceptance_template",
    content: bytes = STANDARD,
    name: str = "standard.txt",
) -> UUID:
    """Attaches a text to a product, as its seller; returns the file's id."""
    assert seller.organisation_id
    assert seller.person_id
    async with installation.files.receiving() as handing:
        received = await handing.receive(name, _once(content))
        async with installation.db.transaction(seller, request_id="attach") as tx:
            kept = await installation.files.register(
                tx, received, owner_id=seller.organisation_id, uploaded_by=seller.person_id
            )
            await templates.attach(
                tx, seller_id=seller.organisation_id, product_id=product_id, kind=kind, file_id=kept.id
            )
    return kept.id


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
