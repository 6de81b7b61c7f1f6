"""Pages of appeals, refunds and returns."""
