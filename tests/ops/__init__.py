"""Tests of what `portal` does in ops."""
