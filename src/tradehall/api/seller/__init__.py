"""What sellers look after: how their interfaces do, their endpoints, their products."""

from litestar import Router

from tradehall.api.calls import calls_router
from tradehall.api.seller import delivering, interfaces, products

router = Router(
    "/seller",
    route_handlers=[
        calls_router("seller", "seller"),
        *interfaces.handlers,
        *products.handlers,
        *delivering.handlers,
    ],
    tags=["Seller"],
)
