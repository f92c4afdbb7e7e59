"""Tests of what `portal` does in fast."""
