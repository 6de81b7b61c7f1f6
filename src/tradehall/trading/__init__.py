"""Orders: placed, paid, completed, cancelled; payments and refunds."""
