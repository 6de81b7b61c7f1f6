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
