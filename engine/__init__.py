"""Two reference stores to torture: they may know `killpoint.failpoints` and nothing else of it."""
