"""Cash vouchers: money a buyer was given to spend here, in part or whole, on any number of orders, until it expires."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from babel.numbers import list_currencies

from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.ids import new_id
from tradehall.parties import queries as parties
from tradehall.parties.model import Track
from tradehall.trading.errors import (
    VoucherExpired,
    VoucherNotForThis,
    VoucherNotFound,
    VoucherSpent,
)
from tradehall.trading.voucher_queries import MOST_PER_ORDER, Voucher

CODE_LENGTH = 16
# Without characters that people take for each other.
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LARGEST = 2**53


class Share(msgspec.Struct, frozen=True):
    """What a voucher pays of an order."""

    id: UUID
    code: str
    amount_minor: int
    scene: Track | None


# --- Paying


class _Held(msgspec.Struct, frozen=True):
    id: UUID
    code: str
    remaining_minor: int
    scene: Track | None
    valid_from: datetime
    expires_at: datetime
    for_this: bool


def shares_of(vouchers: Sequence[Voucher | _Held], total_minor: int) -> list[Share]:
    """What each pays of a total: those of a scene first, as they were chosen, then what expires soonest."""
    shares = []
    for one in sorted(vouchers, key=_order_of_use):
        if amount := min(one.remaining_minor, total_minor):
            shares.append(Share(one.id, one.code, amount, one.scene))
            total_minor -= amount
    return shares


def _order_of_use(one: Voucher | _Held) -> tuple[bool, float]:
    return (one.scene is None, 0 if one.scene else one.expires_at.timestamp())


async def spend(tx: Tx, order_id: UUID, chosen: Sequence[UUID], total_minor: int) -> list[Share]:
    """Has vouchers of the actor's organisation pay for an unpaid order that is held, as far as they reach.

    They are locked in one order whoever chooses them, so that payments wait for each other in turn and never in a ring,
    and see what the one before has left. Raises VoucherNotFound, VoucherNotForThis, VoucherExpired or VoucherSpent.
    """
    wanted = list(dict.fromkeys(chosen))
    if len(wanted) > MOST_PER_ORDER:
        raise invalid("vouchers", "Choose at most {most} vouchers.", most=MOST_PER_ORDER)
    rows = await tx.fetch_all(
        _Held,
        """
        SELECT v.id, v.code, v.remaining_minor, v.scene, v.valid_from, v.expires_at,
               v.currency = o.currency AND (v.seller_id IS NULL OR v.seller_id = o.seller_id) AS for_this
        FROM vouchers v, orders o
        WHERE v.id = ANY(%(ids)s) AND v.buyer_id = %(buyer)s AND o.id = %(order)s
        ORDER BY v.id FOR NO KEY UPDATE OF v
        """,
        {"ids": wanted, "buyer": tx.actor.organisation_id, "order": order_id},
    )
    found = {row.id: row for row in rows}
    if len(found) < len(wanted):
        raise VoucherNotFound
    held = [found[one] for one in wanted]
    for one in held:
        if not one.for_this:
            raise VoucherNotForThis(code=one.code)
        if not one.valid_from <= tx.now < one.expires_at:
            raise VoucherExpired(code=one.code, since=one.valid_from, until=one.expires_at)
        if not one.remaining_minor:
            raise VoucherSpent(code=one.code)
    shares = shares_of(held, total_minor)
    written = await tx.fetch_values(
        """
        WITH taken AS (
            UPDATE vouchers v SET remaining_minor = v.remaining_minor - t.amount
            FROM unnest(%(uses)s::uuid[], %(vouchers)s::uuid[], %(amounts)s::bigint[]) AS t (use, voucher, amount)
            WHERE v.id = t.voucher AND v.remaining_minor >= t.amount
            RETURNING t.use, v.id, t.amount
        )
        INSERT INTO voucher_uses (id, voucher_id, order_id, amount_minor, created_at)
        SELECT use, id, %(order)s, amount, %(now)s FROM taken
        RETURNING id
        """,
        {
            "uses": [new_id(tx.now) for _ in shares],
            "vouchers": [share.id for share in shares],
            "amounts": [share.amount_minor for share in shares],
            "order": order_id,
            "now": tx.now,
        },
    )
    assert len(written) == len(shares), "what is locked cannot have been spent meanwhile"
    return shares


# --- Giving back


class Returned(msgspec.Struct, frozen=True):
    """How a refund is made up, in minor units: what the gateway gives back, what goes back to vouchers, and what is
    lost because its voucher has expired."""

    money_minor: int
    voucher_minor: int = 0
    lost_minor: int = 0

    @property
    def facts(self) -> dict[str, int]:
        """What the log says of it, where vouchers had paid."""
        if not (self.voucher_minor or self.lost_minor):
            return {}
        return {"voucher_minor": self.voucher_minor, "lost_minor": self.lost_minor}


def vouchers_share(refund_minor: int, paid_minor: int, voucher_minor: int) -> int:
    """What of a refund is the vouchers': their part of what was paid, rounded down; the remainder is money."""
    return refund_minor * voucher_minor // paid_minor if paid_minor else 0


def divided(share_minor: int, uses: Sequence[int]) -> list[int]:
    """The vouchers' share by what each had paid: whole units that add up, for none more than it had paid."""
    total, before = sum(uses), 0
    parts = []
    for use in uses:
        parts.append(share_minor * (before + use) // total - share_minor * before // total)
        before += use
    return parts


class _Used(msgspec.Struct, frozen=True):
    id: UUID
    voucher_id: UUID
    amount_minor: int
    expires_at: datetime


async def give_back(tx: Tx, order_id: UUID, refund_minor: int, paid_minor: int, voucher_minor: int) -> Returned:
    """Returns the vouchers' share of a refund to those that have not expired; the caller has the gateway return the
    money. What a voucher is given back can be spent until it expires, as before."""
    share = vouchers_share(refund_minor, paid_minor, voucher_minor)
    if not share:
        return Returned(refund_minor)
    uses = await tx.fetch_all(
        _Used,
        """
        SELECT u.id, u.voucher_id, u.amount_minor, v.expires_at
        FROM voucher_uses u JOIN vouchers v ON v.id = u.voucher_id
        WHERE u.order_id = %(order)s ORDER BY v.id FOR NO KEY UPDATE OF v
        """,
        {"order": order_id},
    )
    parts = divided(share, [use.amount_minor for use in uses])
    back = [(use, part) for use, part in zip(uses, parts, strict=True) if part and tx.now < use.expires_at]
    returned = sum(part for _, part in back)
    if back:
        await tx.execute(
            """
            WITH parts AS (
                SELECT * FROM unnest(%(uses)s::uuid[], %(vouchers)s::uuid[], %(parts)s::bigint[])
                    AS t (use, voucher, part)
            ), noted AS (
                UPDATE voucher_uses u SET returned_minor = u.returned_minor + t.part FROM parts t WHERE u.id = t.use
            )
            UPDATE vouchers v SET remaining_minor = v.remaining_minor + t.part FROM parts t WHERE v.id = t.voucher
            """,
            {
                "uses": [use.id for use, _ in back],
                "vouchers": [use.voucher_id for use, _ in back],
                "parts": [part for _, part in back],
            },
        )
    return Returned(refund_minor - share, returned, share - returned)


# --- Issuing


class NewVoucher(msgspec.Struct, frozen=True):
    """What an operator issues. With `issued_by_seller` the seller whose products it pays for bears it."""

    buyer_id: UUID
    name_en: str
    name_zh: str
    amount_minor: int
    currency: str
    expires_at: datetime
    valid_from: datetime | None = None
    scene: Track | None = None
    seller_id: UUID | None = None
    issued_by_seller: bool = False


async def issue(tx: Tx, wanted: NewVoucher) -> UUID:
    """Gives a buyer a voucher, valid from now on if nothing else is said; returns its id. Raises Invalid."""
    await _check(tx, wanted)
    voucher_id = new_id(tx.now)
    code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(CODE_LENGTH))
    values = {name: getattr(wanted, name) for name in wanted.__struct_fields__} | {
        "id": voucher_id,
        "code": code,
        "name_en": wanted.name_en.strip(),
        "name_zh": wanted.name_zh.strip(),
        "issuer_id": wanted.seller_id if wanted.issued_by_seller else None,
        "valid_from": wanted.valid_from or tx.now,
        "person": tx.actor.person_id,
        "now": tx.now,
    }
    await tx.execute(
        """
        INSERT INTO vouchers (id, code, issuer_id, name_en, name_zh, amount_minor, remaining_minor, currency, scene,
                              buyer_id, seller_id, valid_from, expires_at, created_by, created_at)
        VALUES (%(id)s, %(code)s, %(issuer_id)s, %(name_en)s, %(name_zh)s, %(amount_minor)s, %(amount_minor)s,
                %(currency)s, %(scene)s, %(buyer_id)s, %(seller_id)s, %(valid_from)s, %(expires_at)s, %(person)s,
                %(now)s)
        """,
        values,
    )
    told = ("code", "buyer_id", "issuer_id", "seller_id", "amount_minor", "currency", "scene", "expires_at")
    await tx.record("voucher.issued", "voucher", voucher_id, {name: values[name] for name in told})
    return voucher_id


async def _check(tx: Tx, wanted: NewVoucher) -> None:
    for field, text in (("name_en", wanted.name_en), ("name_zh", wanted.name_zh)):
        if not text.strip():
            raise invalid(field, "This must not be empty.")
    if not 0 < wanted.amount_minor <= LARGEST:
        raise invalid("amount_minor", "Write an amount above zero.")
    if wanted.currency not in list_currencies("en"):
        raise invalid("currency", "Write a currency's three letters, such as CNY.")
    if wanted.expires_at <= max(wanted.valid_from or tx.now, tx.now):
        raise invalid("expires_at", "It must end after it begins, and in the future.")
    if wanted.issued_by_seller and wanted.seller_id is None:
        raise invalid("seller_id", "Say which seller bears it.")
    for field, kind, organisation_id in (
        ("buyer_id", "buyer", wanted.buyer_id),
        ("seller_id", "seller", wanted.seller_id),
    ):
        found = await parties.organisation(tx, organisation_id) if organisation_id else None
        if organisation_id and (found is None or found.kind != kind):
            raise invalid(field, "Choose one of the options.")


# --- What it says of the order


async def scene_of_order(reader: Reader, order_id: UUID) -> Track | None:
    """The sales scene an order belongs to: its buyer's track, else that of a voucher used to pay it, empowerment before
    base; None where it belongs to none."""
    scene: Track | None = await reader.fetch_value(
        """
        SELECT coalesce(b.track, (
            SELECT v.scene FROM voucher_uses u JOIN vouchers v ON v.id = u.voucher_id
            WHERE u.order_id = o.id AND v.scene IS NOT NULL ORDER BY v.scene = 'empowerment' DESC LIMIT 1))
        FROM orders o JOIN organisations b ON b.id = o.buyer_id WHERE o.id = %(order)s
        """,
        {"order": order_id},
    )
    return scene
