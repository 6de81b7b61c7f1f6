"""What can go wrong with orders and payments."""

from tradehall.kernel.errors import Conflict, Forbidden, NotFound, Problem


class OrderNotFound(NotFound):
    """There is no such order of yours."""


class OrderMovedOn(Conflict):
    """This order changed in the meantime: it is now {state}. Reload to see where it stands."""


class OrderAlreadyPaid(Conflict):
    """This order is already paid; it cannot be cancelled any more."""


class OrderNotPaid(Conflict):
    """This order is not paid; there is nothing to invoice."""


class PriceChanged(Conflict):
    """The price changed in the meantime: it is now {total} {currency}. Look at it again before you order."""


class PaymentDeclined(Problem):
    """The payment was declined; nothing was taken. Choose another way to pay."""

    status = 402


class NoWayToPay(Problem):
    """No payment gateway is set up on this installation."""

    status = 503


class OnlyBuyersOrder(Forbidden):
    """Only people of a buying organisation can order."""


class PaymentChanged(Conflict):
    """With the vouchers that are chosen, {rest} {currency} remains to be paid. Look at it once more and pay."""


class VoucherNotFound(NotFound):
    """There is no such voucher of yours."""


class VoucherExpired(Conflict):
    """Voucher {code} can be used from {since} until {until}, and at no other time."""


class VoucherSpent(Conflict):
    """Nothing is left of voucher {code}."""


class VoucherNotForThis(Conflict):
    """Voucher {code} cannot pay for this: it is in another currency, or for another seller's products."""


class SubscriptionNotFound(NotFound):
    """There is no such application of yours."""


class SubscriptionEnded(Conflict):
    """This application was released on {at}; it can no longer be renewed or changed. Order it anew."""


class SubscriptionBusy(Conflict):
    """Order {number} about this application is not finished yet. Pay or cancel it, or wait until it is completed."""


class NotBoughtByThePeriod(Conflict):
    """This application has no term: it is not renewed or changed, it runs until you end it."""


class TrialFirst(Conflict):
    """This is a trial: convert it before you change or renew it."""


class NotATrial(Conflict):
    """This application is no trial; it can be renewed."""


class TrialNotOffered(Conflict):
    """This specification cannot be tried."""


class TriedBefore(Conflict):
    """Your organisation has tried this product before; each product can be tried once."""


class ChangeWhileFrozen(Conflict):
    """This application is {state}: renew it first, then change it."""


class ChangeWhileSuspended(Conflict):
    """The marketplace has suspended this application; it can be changed once that is lifted."""


class ChangeNotOffered(Conflict):
    """The seller does not offer this change."""


class ChangeTooEarly(Conflict):
    """A renewal can bring a change from {since} on, {days} days before the term ends."""


class NothingChanges(Conflict):
    """That is what you have already: choose another specification or quantity."""


class PriceInverted(Conflict):
    """Prices changed so that this upgrade would cost less than nothing; the seller has to set it up anew."""


class QuoteStale(Conflict):
    """What this order was reckoned with has changed since. Cancel it and look at the new price."""


class AwaitingSeller(Conflict):
    """The seller is still being asked whether it allows this change; nothing has to be paid before it does."""


class RefundOver(Conflict):
    """The days in which it could be unsubscribed for the whole price ended on {until}."""


class AcceptedForGood(Conflict):
    """What people delivered and you accepted is not taken back; only what is still being delivered can be refunded."""


class NoChanceLeft(Conflict):
    """Your organisation has unsubscribed {most} times this year, which is as often as it may. The next chance comes on
    {next}."""


class NoRenewalToCancel(Conflict):
    """There is no renewal that has not begun yet."""
