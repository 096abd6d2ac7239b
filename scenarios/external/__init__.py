"""Systems that are not ours, run unmodified."""
