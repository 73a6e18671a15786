"""Benchmarks: each prints a ratio to a limit that was decided, so that two machines can be compared."""
