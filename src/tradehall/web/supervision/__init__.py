"""Supervised orders in all three consoles: lists, the page of one, its forms, files and log."""
