"""Files a seller attaches to a product: the requirement template that buyers fill in, and the acceptance template (the
standard) by which a delivery is accepted. One that is replaced stays stored: it is what earlier orders went by."""

from datetime import datetime
from typing import Literal, LiteralString, get_args
from uuid import UUID

import msgspec

from tradehall.catalog import delivery, queries
from tradehall.catalog.errors import NotAccepted, ProductNotFound, TemplateNotFound
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.files import ARCHIVES, DOCUMENTS, PICTURES
from tradehall.kernel.files.errors import size_text
from tradehall.kernel.i18n import N_
from tradehall.kernel.journal import Actor

TemplateKind = Literal["requirement_template", "acceptance_template"]
KINDS: tuple[TemplateKind, ...] = get_args(TemplateKind)
LABELS: dict[TemplateKind, str] = {
    "requirement_template": N_("Requirement template"),
    "acceptance_template": N_("Acceptance standard"),
}
ACCEPTED = DOCUMENTS | PICTURES | ARCHIVES
ATTACHED = "product.template_attached"


class Template(msgspec.Struct, frozen=True):
    """A file attached to a product; `size` is in bytes, `attached_at` when it took the place of the one before."""

    kind: TemplateKind
    file_id: UUID
    name: str
    media_type: str
    size: int
    attached_at: datetime

    @property
    def size_text(self) -> str:
        return size_text(self.size)


_TEMPLATE: LiteralString = """
    SELECT t.kind, t.file_id, x.name, x.media_type, x.size, t.created_at AS attached_at
    FROM product_files t JOIN files x ON x.id = t.file_id
"""


def kind_of(text: str) -> TemplateKind:
    """The kind of template an address names. Raises TemplateNotFound."""
    for kind in KINDS:
        if kind == text:
            return kind
    raise TemplateNotFound


async def attach(tx: Tx, *, seller_id: UUID, product_id: UUID, kind: TemplateKind, file_id: UUID) -> None:
    """The file, registered in this same transaction, becomes the product's template of this kind. Raises
    ProductNotFound, or NotAccepted for what nobody accepts."""
    await check_attachable(tx, seller_id, product_id)
    await tx.execute(
        """
        INSERT INTO product_files (product_id, kind, file_id, created_at)
        VALUES (%(product)s, %(kind)s, %(file)s, %(now)s)
        ON CONFLICT (product_id, kind) DO UPDATE SET file_id = excluded.file_id, created_at = excluded.created_at
        """,
        {"product": product_id, "kind": kind, "file": file_id, "now": tx.now},
    )
    await tx.record(ATTACHED, "product", product_id, {"kind": kind, "file": file_id})


async def check_attachable(reader: Reader, seller_id: UUID, product_id: UUID) -> None:
    """Whether a template may be attached: asked before the first byte of it is read. Raises as `attach` does."""
    if not await queries.is_product_of(reader, seller_id, product_id):
        raise ProductNotFound
    if not delivery.delivery(await queries.delivery_type_of(reader, product_id)).supervised:
        raise NotAccepted


async def templates_of(reader: Reader, product_id: UUID) -> list[Template]:
    """What is attached to a product now, the requirement template first. Who may see the product may see them."""
    rows = await reader.fetch_all(
        Template, f"{_TEMPLATE} WHERE t.product_id = %(product)s LIMIT 2", {"product": product_id}
    )
    return sorted(rows, key=lambda row: KINDS.index(row.kind))


async def template(reader: Reader, viewer: Actor | None, slug: str, kind: TemplateKind) -> UUID:
    """The file attached now to a product the viewer may see. Raises TemplateNotFound."""
    found: UUID | None = await reader.fetch_value(
        """
        SELECT t.file_id FROM products p JOIN product_files t ON t.product_id = p.id
        WHERE p.slug = %(slug)s AND t.kind = %(kind)s
          AND (p.state = 'on_sale' OR p.seller_id = %(viewer)s OR %(platform)s)
        """,
        {
            "slug": slug,
            "kind": kind,
            "viewer": viewer.organisation_id if viewer else None,
            "platform": viewer is not None and viewer.kind == "platform",
        },
    )
    if found is None:
        raise TemplateNotFound
    return found


async def template_at(reader: Reader, product_id: UUID, kind: TemplateKind, placed_at: datetime) -> UUID | None:
    """The file that an order placed then goes by: the one attached at that time, or else the first that was supplied
    later; None where none ever was. The caller has checked who may see the order."""
    found: UUID | None = await reader.fetch_value(
        """
        SELECT (entry::jsonb #>> '{facts,file}')::uuid FROM events
        WHERE subject_kind = 'product' AND subject_id = %(product)s AND kind = %(attached)s
          AND entry::jsonb #>> '{facts,kind}' = %(kind)s
        ORDER BY at > %(placed)s, CASE WHEN at > %(placed)s THEN seq ELSE -seq END LIMIT 1
        """,
        {"product": product_id, "attached": ATTACHED, "kind": kind, "placed": placed_at},
    )
    return found


async def templates_at(reader: Reader, product_id: UUID, placed_at: datetime) -> list[Template]:
    """The templates that an order placed then goes by, as `template_at` has it: what was agreed stays agreed."""
    found = {kind: await template_at(reader, product_id, kind, placed_at) for kind in KINDS}
    return [
        one
        for kind, file_id in found.items()
        if file_id
        for one in await reader.fetch_all(
            Template,
            """
            SELECT %(kind)s AS kind, id AS file_id, name, media_type, size, created_at AS attached_at
            FROM files WHERE id = %(file)s
            """,
            {"kind": kind, "file": file_id},
        )
    ]
