"""Appeals, refunds and returns: what opens, moves and ends them, and what that does to the order."""
