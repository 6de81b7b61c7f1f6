"""The ledger: where the money of every order is, posting by posting, each of which sums to zero."""
