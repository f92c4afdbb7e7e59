"""Tests of what `portal` does in keys, leaks."""
