"""The operator's pages: every order and call, organisations and their people, work that was parked."""

from tradehall.web.ledger import ledger_handlers
from tradehall.web.operator import calendar, organisations, overview, reviews, sendings, vouchers
from tradehall.web.seller.applications import applications_handlers
from tradehall.web.seller.calls import calls_handlers
from tradehall.web.seller.orders import orders_handlers

handlers = [
    *overview.handlers,
    *orders_handlers("/operator", "platform"),
    *applications_handlers("/operator", "platform"),
    *calls_handlers("/operator", "platform"),
    *ledger_handlers("/operator", "platform"),
    *organisations.handlers,
    *vouchers.handlers,
    *sendings.handlers,
    *reviews.handlers,
    *calendar.handlers,
]
