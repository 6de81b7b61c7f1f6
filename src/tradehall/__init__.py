"""Tradehall: a self-hosted cloud marketplace's back office."""

__version__ = "0.1.0"
