"""When it goes wrong: appeals, negotiated refunds and hardware returns, each a table like the flows of deliveries.

While one is open the supervised order is frozen, and what the sides can do is what the table of the dispute has. An
appeal takes precedence over a refund, which stands still until the appeal is decided.
"""
