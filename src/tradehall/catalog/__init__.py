"""What is for sale: products, specifications, prices, and the endpoints that produce them."""
