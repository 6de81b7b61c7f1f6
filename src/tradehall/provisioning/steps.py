"""What can happen next with an order: every kind of step, and its words."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from tradehall.kernel.i18n import N_

# "parties": both the buyer and the seller.
Turn = Literal["buyer", "seller", "platform", "parties"]
NextKind = Literal[
    # before it is carried out
    "pay",
    "change_asked",
    "expiring",
    "processing",
    # while something is opened
    "call_waiting",
    "call_under_way",
    "call_again",
    "opening",
    "opening_unanswered",
    "investigating",
    # while people deliver it
    "supervised",
    "appealed",
    "refund_asked",
    "return_asked",
    # while something is renewed, converted or changed
    "renewal_waiting",
    "renewal_under_way",
    "renewal_again",
    "renewal_held",
    "change_waiting",
    "change_under_way",
    "change_again",
    "change_held",
    # while it is used
    "details_awaited",
    "details_missing",
    "use",
    "use_until",
    "use_renewed",
    "trial",
    "delivered",
    "usable",
    "unfreezing",
    "unfreezing_stuck",
    "grace",
    # once it is not
    "freezing_stuck",
    "frozen",
    "trial_frozen",
    "suspended",
    "releasing",
    "releasing_again",
    "releasing_stuck",
    "released",
    # money and ends
    "not_opened",
    "refunding",
    "refunded",
    "change_refunding",
    "change_refunded",
    "unaccepted_refunding",
    "unaccepted_refunded",
    "settled_refunding",
    "settled_refunded",
    "returning",
    "returned",
    "taken_back",
    "cancelled",
    "expired",
    "seller_refused",
    "payment_declined",
]

# The English message id of every kind.
NEXT_STEPS: Mapping[NextKind, str] = MappingProxyType(
    {
        "pay": N_("The order waits for payment; unpaid, it is cancelled."),
        "change_asked": N_(
            "The seller is being asked whether it allows this change; the order can be paid once it has. If it refuses "
            "or does not answer in time, the order is cancelled."
        ),
        "expiring": N_("The order was not paid in time and is being cancelled."),
        "processing": N_("The order is paid and being processed."),
        "call_waiting": N_("The seller's server is about to be called to open the application."),
        "call_under_way": N_("The seller's server is being called; its answer is awaited."),
        "call_again": N_(
            "The seller's server did not open the application. It is called again; if it keeps failing, the order is "
            "cancelled and the money returned."
        ),
        "opening": N_(
            "The seller is opening the application and is asked again how far it is; if it takes too long, the order "
            "is cancelled and the money returned."
        ),
        "opening_unanswered": N_(
            "The seller is opening the application, but its server does not tell how far it is. It is asked again; if "
            "it keeps failing, the order is cancelled and the money returned."
        ),
        "investigating": N_(
            "It is not known whether the seller opened the application; its server is being asked. Unless it is found, "
            "the order is cancelled and the money returned."
        ),
        "supervised": N_("It is delivered under service supervision: whoever's turn it is acts there."),
        "appealed": N_("An appeal is under way: the delivery is paused until the marketplace has decided."),
        "refund_asked": N_("The buyer asks for a refund: the delivery is paused until that is answered or withdrawn."),
        "return_asked": N_(
            "The buyer returns what was received: the delivery is paused until that is settled or withdrawn."
        ),
        "renewal_waiting": N_("The seller's server is about to be told of the new term."),
        "renewal_under_way": N_(
            "The seller is carrying out the renewal and is asked again how far it is; the application stays as it is "
            "meanwhile."
        ),
        "renewal_again": N_(
            "The seller's server did not confirm the new term. It is told again; the application stays as it is "
            "meanwhile."
        ),
        "renewal_held": N_(
            "The seller's server did not confirm the new term. The seller is looking into it; if that does not help in "
            "time, the order is cancelled and the money returned."
        ),
        "change_waiting": N_("The seller's server is about to be asked for the change."),
        "change_under_way": N_(
            "The seller is carrying out the change and is asked again how far it is; the application stays as it is "
            "meanwhile."
        ),
        "change_again": N_(
            "The seller's server did not carry out the change. It is asked again; the application stays as it is "
            "meanwhile."
        ),
        "change_held": N_(
            "The seller's server did not carry out the change. The seller is looking into it; if that does not help in "
            "time, the order is cancelled and the money returned."
        ),
        "details_awaited": N_("The application is open; the seller is being asked for its address and account."),
        "details_missing": N_("The application is open, but the seller's server has not told its address and account."),
        "use": N_("The application is open and ready to be used."),
        "use_until": N_("The application is in use until its term ends, unless it is renewed."),
        "use_renewed": N_("The application is in use and will be renewed automatically."),
        "trial": N_("The application is on trial; when that ends it is frozen, unless it is bought by then."),
        "delivered": N_("It was delivered under service supervision and accepted."),
        "usable": N_("Nothing has to be opened: it can be used as the product's page says."),
        "unfreezing": N_("The application is renewed; the seller's server is being told that it may be used again."),
        "unfreezing_stuck": N_(
            "The application is renewed, but the seller's server did not let it be used again. The seller has to start "
            "that call again."
        ),
        "grace": N_(
            "The term is over. The application can still be used for a few days; unless renewed, it is frozen."
        ),
        "freezing_stuck": N_(
            "The application is to be frozen, but the seller's server did not do it. The seller has to start that call "
            "again."
        ),
        "frozen": N_(
            "The application is frozen and its data are kept. Renewed, it can be used again; otherwise it is released "
            "with all its data."
        ),
        "trial_frozen": N_(
            "The trial is over and the application frozen. Bought now, it can be used again; otherwise it is released "
            "with all its data."
        ),
        "suspended": N_("The marketplace has frozen the application for a violation; its term runs on meanwhile."),
        "releasing": N_("The application is over; the seller's server is being asked to release it."),
        "releasing_again": N_(
            "The application is over, but the seller's server did not release it. It is asked again."
        ),
        "releasing_stuck": N_(
            "The application is over, but the seller's server did not release it. The seller has to start that call "
            "again."
        ),
        "released": N_("The application was released with all its data."),
        "not_opened": N_("The application could not be opened; nothing had been paid for it."),
        "refunding": N_("The application could not be opened; the money is on its way back."),
        "refunded": N_("The application could not be opened; the money was returned."),
        "change_refunding": N_(
            "The seller did not carry out what was ordered; the application stays as it was, and the money is on its "
            "way back."
        ),
        "change_refunded": N_(
            "The seller did not carry out what was ordered; the application stays as it was, and the money was "
            "returned."
        ),
        "unaccepted_refunding": N_("What was delivered was not accepted; the money is on its way back."),
        "unaccepted_refunded": N_("What was delivered was not accepted; the money was returned."),
        "settled_refunding": N_("A dispute about it was settled; what was granted is on its way back."),
        "settled_refunded": N_("A dispute about it was settled; what was granted was returned."),
        "returning": N_("It was taken back; the money is on its way to the buyer."),
        "returned": N_("It was taken back and the money returned."),
        "taken_back": N_("It was taken back; nothing had been paid for it."),
        "cancelled": N_("The order was cancelled before it was paid."),
        "expired": N_("The order was not paid in time and was cancelled."),
        "seller_refused": N_("The seller does not allow this change; the order was cancelled before it was paid."),
        "payment_declined": N_("The automatic payment was declined, so the order was cancelled; nothing was taken."),
    }
)


class NextStep(msgspec.Struct, frozen=True):
    """What happens next with an order. `at`: when something will happen by itself, in the past never; `by`: when it
    must have happened. `turn`: who can make it happen; None when nobody has to."""

    kind: NextKind
    turn: Turn | None = None
    at: datetime | None = None
    by: datetime | None = None
    values: dict[str, Any] = {}

    @property
    def message(self) -> str:
        """The English message id."""
        return NEXT_STEPS[self.kind]
