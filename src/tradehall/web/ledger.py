"""Where money is, as every console shows it: the ledger of operators and sellers, and the money of one order."""

from typing import Any

from litestar import get
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import only
from tradehall.kernel.db import Reader
from tradehall.kernel.i18n import N_, Translator
from tradehall.kernel.journal import Actor
from tradehall.ledger import queries
from tradehall.ledger.model import SHOWN, LedgerFilter, OrderMoney, Posting, PostingKind, Shown, Side, side_of
from tradehall.trading.model import Order
from tradehall.web.common import PageResponse, WebRequest, chosen, page, reading, searched, texts, wanted_page
from tradehall.web.templating import Tone

# Accounts as the two who see all or most of them read them, and as buyers do.
ACCOUNTS: dict[Shown, str] = {
    "buyer": N_("The buyer's money"),
    "platform_vouchers": N_("Vouchers the marketplace bears"),
    "seller_vouchers": N_("Vouchers the seller bears"),
    "escrow": N_("Held by the marketplace"),
    "payable": N_("Owed to the seller"),
    "fee": N_("Platform fee"),
    "refunds": N_("Money given back"),
    "vouchers": N_("Your vouchers"),
    "seller": N_("Released to the seller"),
}
_OWN: dict[Side, dict[Shown, str]] = {
    "platform": {},
    "seller": {
        "buyer": N_("The buyer"),
        "seller_vouchers": N_("Vouchers you bear"),
        "payable": N_("Owed to you"),
    },
    "buyer": {"buyer": N_("Your money"), "refunds": N_("Money given back to you")},
}
KINDS: dict[PostingKind, tuple[str, Tone]] = {
    "paid": (N_("Paid: held"), "info"),
    "released": (N_("Released for settlement"), "success"),
    "taken_back": (N_("Taken back"), "warning"),
    "returned": (N_("Returned to the buyer"), "neutral"),
}


def account_labels(side: Side) -> dict[Shown, str]:
    """What the accounts a side sees are called there."""
    return {account: _OWN[side].get(account, ACCOUNTS[account]) for account in SHOWN[side]}


def ledger_handlers(base: str, kind: str) -> list[HTTPRouteHandler]:
    """The ledger below `base` ("/seller", "/operator") for people of organisations of this kind."""
    side: Side = "platform" if kind == "platform" else "seller"

    @get(f"{base}/ledger", guards=[only("platform" if side == "platform" else "seller")])
    async def ledger(request: WebRequest) -> PageResponse:
        """What is held, releasable and returned, and every posting; of a seller its own."""
        actor: Actor = request.user.actor
        only_those = LedgerFilter(chosen(request, "account", SHOWN[side]), searched(request))
        async with reading(request) as reader:
            rows = await queries.postings(reader, actor, wanted_page(request), only_those)
            balances = await queries.balances(reader) if side == "platform" else []
            totals = []
            if side == "seller":
                assert actor.organisation_id
                totals = await queries.totals_of_seller(reader, actor.organisation_id)
        said = texts(request)
        return page(
            request,
            "ledger/ledger.html",
            rows=rows,
            only=only_those,
            balances=balances,
            totals=totals,
            accounts=account_labels(side),
            account_options=[(one, said.lookup(label)) for one, label in account_labels(side).items()],
            kinds=KINDS,
            base=base,
        )

    return [ledger]


async def money_card(reader: Reader, viewer: Actor, order: Order, said: Translator) -> dict[str, Any]:
    """What the macro `money_card` shows of an order that the viewer was shown: where its money is, and every line."""
    side = side_of(viewer)
    money = await queries.money_of_order(reader, viewer, order.id, order.currency)
    labels = account_labels(side)
    return {
        "money": money,
        "sums": _sums(money, side),
        "later": money.releasable_at if money.payable_minor and money.releasable_at and money.releasable_at > reader.now
        else None,
        "events": [_event(posting, labels, said) for posting in reversed(money.postings)],
    }  # fmt: skip


def _sums(money: OrderMoney, side: Side) -> list[tuple[str, int]]:
    """What there is to say of it in sums: all that was paid, and where that is now."""
    kept = [(N_("Released to the seller"), money.released_minor)]
    if side != "buyer":
        owed = N_("Owed to you") if side == "seller" else N_("Owed to the seller")
        kept = [(owed, money.payable_minor or 0), (N_("Platform fee"), money.fee_minor or 0)]
    sums = [
        (N_("Held until it is decided"), money.held_minor),
        *kept,
        (N_("Returned to the buyer"), money.returned_minor),
    ]
    return [(N_("Paid"), money.paid_minor), *((label, amount) for label, amount in sums if amount)]


def _event(posting: Posting, labels: dict[Shown, str], said: Translator) -> dict[str, Any]:
    label, tone = KINDS[posting.kind]
    lines = [
        f"{said.lookup(labels[line.account])} {signed(line.amount_minor, posting.currency, said)}"
        for line in posting.lines
    ]
    return {"title": said.lookup(label), "text": " · ".join(lines), "time": posting.at, "tone": tone}


def signed(amount_minor: int, currency: str, said: Translator) -> str:
    """An amount with its sign: what came into an account, or left it."""
    return ("+" if amount_minor > 0 else "") + said.money(amount_minor, currency)
