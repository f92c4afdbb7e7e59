"""Tests of what `portal` does in records."""
