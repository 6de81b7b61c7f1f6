"""An example of every body that is sent or answered, by operation. A test decodes each into the struct it shows."""

from typing import Any

from tradehall.api.examples import (
    applications,
    calls,
    case_files,
    case_messages,
    catalog,
    disputes,
    interfaces,
    ledger,
    messages,
    operator,
    orders,
    people,
    products,
    reviews,
    subscriptions,
    supervision,
    vouchers,
)

REQUESTS: dict[str, Any] = {
    **applications.REQUESTS,
    **calls.REQUESTS,
    **case_messages.REQUESTS,
    **catalog.REQUESTS,
    **disputes.REQUESTS,
    **interfaces.REQUESTS,
    **messages.REQUESTS,
    **orders.REQUESTS,
    **people.REQUESTS,
    **products.REQUESTS,
    **reviews.REQUESTS,
    **subscriptions.REQUESTS,
    **supervision.REQUESTS,
    **vouchers.REQUESTS,
}
RESPONSES: dict[str, Any] = {
    **applications.RESPONSES,
    **calls.RESPONSES,
    **case_files.RESPONSES,
    **case_messages.RESPONSES,
    **catalog.RESPONSES,
    **disputes.RESPONSES,
    **interfaces.RESPONSES,
    **ledger.RESPONSES,
    **messages.RESPONSES,
    **operator.RESPONSES,
    **orders.RESPONSES,
    **people.RESPONSES,
    **products.RESPONSES,
    **reviews.RESPONSES,
    **subscriptions.RESPONSES,
    **supervision.RESPONSES,
    **vouchers.RESPONSES,
}
