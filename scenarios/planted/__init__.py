"""Bugs planted on purpose: what the harness must find. No engine has a switch for them."""
