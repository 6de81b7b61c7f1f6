"""The ledger's words: accounts, kinds of postings, and what each side of an order is told of them.

Amounts are minor units of the posting's currency: positive is what came into an account, negative what left it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from tradehall.kernel.journal import Actor

# The buyer's money as the gateway collected it; vouchers by who bears them; what is held; what is owed to the seller;
# the platform's part; money the gateway gave back. Buyers and sellers are told of some of them together, see `SHOWN`.
Account = Literal["buyer", "platform_vouchers", "seller_vouchers", "escrow", "payable", "fee", "refunds"]
Shown = Literal[
    "buyer", "platform_vouchers", "seller_vouchers", "escrow", "payable", "fee", "refunds", "vouchers", "seller"
]
PostingKind = Literal["paid", "released", "taken_back", "returned"]
Cause = Literal["order.paid", "order.completed", "order.refunded"]
Side = Literal["buyer", "seller", "platform"]

ACCOUNTS: tuple[Account, ...] = (
    "buyer", "platform_vouchers", "seller_vouchers", "escrow", "payable", "fee", "refunds",
)  # fmt: skip
# The accounts that each side sees. To the buyer `vouchers` are all it paid with and `seller` is what left escrow for
# seller and platform; to the seller `buyer` is all that buyer and platform paid, and what they got back.
SHOWN: dict[Side, tuple[Shown, ...]] = {
    "platform": ACCOUNTS,
    "seller": ("buyer", "seller_vouchers", "escrow", "payable", "fee"),
    "buyer": ("buyer", "vouchers", "escrow", "seller", "refunds"),
}


def side_of(viewer: Actor) -> Side:
    """How much of a posting a viewer is told."""
    return "platform" if viewer.kind == "platform" else "seller" if viewer.kind == "seller" else "buyer"


class Line(msgspec.Struct, frozen=True):
    """What a posting moves into (positive) or out of (negative) one account."""

    account: Shown
    amount_minor: int


class Posting(msgspec.Struct, frozen=True):
    """What moved at once for one order; its lines sum to zero. It follows from the event of kind `cause` that the
    order's log has at that moment. `number` grows in the order of writing. What is released can be settled from
    `releasable_at` on."""

    number: int
    kind: PostingKind
    cause: Cause
    at: datetime
    order_number: str
    seller_name_en: str
    seller_name_zh: str
    currency: str
    releasable_at: datetime | None
    lines: list[Line]


class OrderMoney(msgspec.Struct, frozen=True):
    """Where an order's money is: of what was paid, with vouchers, some is held, some released, some returned.

    Of what was released the platform kept `fee_minor` and owes the seller `payable_minor`, from `releasable_at` on; a
    buyer is not told. Nothing is held of what cost nothing.
    """

    currency: str
    paid_minor: int
    held_minor: int
    released_minor: int
    returned_minor: int
    payable_minor: int | None
    fee_minor: int | None
    releasable_at: datetime | None
    postings: list[Posting]


def money_of(currency: str, postings: Sequence[Posting], side: Side) -> OrderMoney:
    """Where the money of an order is by its postings."""

    def moved(account: Shown, *kinds: PostingKind) -> int:
        return sum(
            line.amount_minor
            for posting in postings
            for line in posting.lines
            if line.account == account and (not kinds or posting.kind in kinds)
        )

    told = side != "buyer"
    return OrderMoney(
        currency,
        paid_minor=moved("escrow", "paid"),
        held_minor=moved("escrow"),
        released_minor=-moved("escrow", "released", "taken_back"),
        returned_minor=-moved("escrow", "returned"),
        payable_minor=moved("payable") if told else None,
        fee_minor=moved("fee") if told else None,
        releasable_at=next((one.releasable_at for one in postings if one.kind == "released"), None) if told else None,
        postings=list(postings),
    )


class Balance(msgspec.Struct, frozen=True):
    """What every account holds in one currency; together it is zero."""

    currency: str
    buyer: int
    platform_vouchers: int
    seller_vouchers: int
    escrow: int
    payable: int
    fee: int
    refunds: int

    @property
    def sum_minor(self) -> int:
        """Zero, or the ledger is wrong."""
        return sum(getattr(self, account) for account in ACCOUNTS)


class SellerTotals(msgspec.Struct, frozen=True):
    """A seller's money in one currency: of all that was ever paid for its orders, what is held, what was released and
    can be settled, what can be later because a renewed term has yet to begin, what the platform kept, and what went
    back to buyers."""

    currency: str
    paid_minor: int
    held_minor: int
    releasable_minor: int
    later_minor: int
    fee_minor: int
    returned_minor: int


class LedgerFilter(msgspec.Struct, frozen=True):
    """What a list of postings is narrowed to: those that move `account`, of orders whose number begins with `text`, of
    one seller."""

    account: Shown | None = None
    text: str = ""
    seller_id: UUID | None = None


class Releasable(msgspec.Struct, frozen=True):
    """What one posting adds to what a seller is owed, or takes back from it."""

    number: int
    order_id: UUID
    order_number: str
    kind: PostingKind
    at: datetime
    releasable_at: datetime
    currency: str
    payable_minor: int
    fee_minor: int
