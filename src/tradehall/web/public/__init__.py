"""Pages everybody may open: the storefront, the catalogue, a product, signing in."""
