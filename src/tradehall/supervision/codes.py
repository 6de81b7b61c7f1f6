"""Authorisation codes and system IDs: what a licence is bound to. Source: kit_oauth_license.md §4.1, §5.1."""

import hashlib
import secrets
from uuid import UUID

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.supervision.errors import WrongCode

PREFIX = "PL"
# Neither 0 and O nor 1, I and L: a code is read out and typed.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 22


def system_id(flow_id: UUID) -> str:
    """The identification code of an order whose licence is bound to nothing else: unique, and always the same."""
    return "SYS-" + hashlib.sha256(b"system-id:" + flow_id.bytes).hexdigest()[:20].upper()


def make() -> str:
    return PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


async def issue(tx: Tx, order_id: UUID, buyer_id: UUID, seller_id: UUID) -> None:
    """Makes the code of an order."""
    await tx.execute(
        """
        INSERT INTO license_codes (id, code, order_id, buyer_id, seller_id, issued_at)
        VALUES (%(id)s, %(code)s, %(order)s, %(buyer)s, %(seller)s, %(now)s)
        """,
        {
            "id": new_id(tx.now),
            "code": make(),
            "order": order_id,
            "buyer": buyer_id,
            "seller": seller_id,
            "now": tx.now,
        },
    )


async def claim(tx: Tx, order_id: UUID) -> None:
    await tx.execute(
        "UPDATE license_codes SET claimed_at = %(now)s WHERE order_id = %(order)s AND claimed_at IS NULL",
        {"order": order_id, "now": tx.now},
    )


async def activate(tx: Tx, order_id: UUID, code: str | None) -> None:
    """The code is activated, once. Raises WrongCode when it is not this order's; None: its software said so itself."""
    activated = await tx.fetch_value(
        """
        UPDATE license_codes SET activated_at = %(now)s
        WHERE order_id = %(order)s AND (%(code)s::text IS NULL OR code = upper(%(code)s))
          AND claimed_at IS NOT NULL AND activated_at IS NULL AND revoked_at IS NULL
        RETURNING true
        """,
        {"order": order_id, "code": code, "now": tx.now},
    )
    if not activated:
        raise WrongCode


async def revoke(tx: Tx, order_id: UUID) -> None:
    """The code of an order that is taken back can no longer be activated; an order without a code has none."""
    await tx.execute(
        "UPDATE license_codes SET revoked_at = %(now)s WHERE order_id = %(order)s AND revoked_at IS NULL",
        {"order": order_id, "now": tx.now},
    )
