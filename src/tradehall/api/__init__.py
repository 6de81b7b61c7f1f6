"""The JSON API for programs of buyers, sellers and operators: /api/v1."""
