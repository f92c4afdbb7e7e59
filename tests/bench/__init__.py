"""Benchmarks of the portal, as ratios of two things measured in turn: `make bench`."""
