"""Pages of buying organisations: overview, orders, applications."""
