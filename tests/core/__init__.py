"""Tests of what `portal` does in core."""
