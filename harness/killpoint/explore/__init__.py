"""The exploration loop, and one file a strategy. Strategies only generate and order cases."""
