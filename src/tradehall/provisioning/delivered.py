"""Instances that no seller's server makes: what people delivered, and what needs no delivery at all."""

from uuid import UUID

import msgspec

from tradehall.kernel.db import Tx


class Handover(msgspec.Struct, frozen=True):
    """What a buyer needs to use what was delivered; `password` is sealed for the instance."""

    front_end_url: str | None = None
    admin_url: str | None = None
    user_name: str | None = None
    password: bytes | None = None


async def open_delivered(tx: Tx, order_id: UUID, instance_id: UUID, handover: Handover) -> None:
    """An order's line becomes an instance that runs from now on, with no server of the seller's behind it."""
    await tx.execute(
        """
        INSERT INTO instances (id, order_id, order_line_id, buyer_id, seller_id, product_id, state, front_end_url,
                               admin_url, user_name, password, opened_at, details_at, created_at)
        SELECT %(id)s, o.id, l.id, o.buyer_id, o.seller_id, o.product_id, 'running', %(front)s, %(admin)s, %(user)s,
               %(password)s, %(now)s, %(now)s, %(now)s
        FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.id = %(order)s
        """,
        {
            "id": instance_id,
            "order": order_id,
            "front": handover.front_end_url,
            "admin": handover.admin_url,
            "user": handover.user_name,
            "password": handover.password,
            "now": tx.now,
        },
    )
