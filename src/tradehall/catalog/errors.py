"""What can go wrong in the catalogue."""

from tradehall.kernel.errors import Conflict, NotFound


class ProductNotFound(NotFound):
    """There is no such product, or it is not on sale."""


class SkuNotFound(NotFound):
    """There is no such specification of this product."""


class PriceNotFound(NotFound):
    """There is no such price."""


class EndpointNotFound(NotFound):
    """There is no such endpoint of yours."""


class NoLongerOnSale(Conflict):
    """This is no longer on sale."""


class ProductChanged(Conflict):
    """This product was changed by someone else in the meantime (it is now {state}); reload and look again."""


class EndpointChanged(Conflict):
    """This endpoint was changed by someone else in the meantime; reload and look again."""


class NeedsAnEndpoint(Conflict):
    """A product is put on sale only with an endpoint that produces it."""


class NothingToSell(Conflict):
    """A product is put on sale only with at least one specification that has a price."""


class OneGeneralEndpoint(Conflict):
    """You already have an endpoint for order notifications; change that one."""


class KeyOfAnotherClass(Conflict):
    """Your interface “{name}” has this access key, and it is of another class: each class needs a key of its own."""


class KeyInUse(Conflict):
    """Calls are signed with this access key already; enter a new one."""


class TooManyKeys(Conflict):
    """This interface has {most} live access keys, as many as one can have; retire an old one first."""


class KeyNotFound(NotFound):
    """There is no such access key of this interface."""


class KeyIsCurrent(Conflict):
    """Calls are signed with this access key; it can be retired once there is a newer one."""


class TrialFixed(Conflict):
    """This specification is on sale with a trial of {days} days, which stays so; take the product off sale first."""


class UpgradeRuleExists(Conflict):
    """There is a rule for this upgrade already; delete that one first."""


class RuleNotFound(NotFound):
    """There is no such upgrade rule of this product."""


class TooManyRules(Conflict):
    """This product has {most} upgrade rules, as many as one can have."""


class NotWithoutServer(Conflict):
    """Only what your server opens by itself can be tried or upgraded; this product is delivered otherwise."""


class DeliveryFixed(Conflict):
    """This product has been on sale, so the way it is delivered stays; draft another product for another way."""


class ClassFixed(Conflict):
    """This product has been on sale, so its class stays as it is: by it deliveries are reviewed and accepted."""


class DeliveryUnfit(Conflict):
    """This product has prices, a trial or upgrade rules that nothing delivered in this way can have; draft it anew."""


class TemplateNotFound(NotFound):
    """There is no such file of this product."""


class NotAccepted(Conflict):
    """What is delivered like this product is not supervised, so there is nothing to hold a delivery against."""
