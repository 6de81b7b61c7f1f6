"""Instances, and the calls made to sellers to open, query and release them."""
