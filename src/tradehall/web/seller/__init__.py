"""The seller's pages: orders, the message log, products, interface settings."""

from tradehall.web.seller import credentials, delivering, overview, products, reviews, rules, settings
from tradehall.web.seller.applications import applications_handlers
from tradehall.web.seller.calls import calls_handlers
from tradehall.web.seller.orders import orders_handlers

handlers = [
    *overview.handlers,
    *orders_handlers("/seller", "seller"),
    *applications_handlers("/seller", "seller"),
    *calls_handlers("/seller", "seller"),
    *settings.handlers,
    *credentials.handlers,
    *products.handlers,
    *delivering.handlers,
    *rules.handlers,
    *reviews.handlers,
]
