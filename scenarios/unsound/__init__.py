"""Stores that are documented not to survive a kill: each must be found to fail."""
