"""Signing in and out, what a person prefers, their organisation and their API tokens."""
