"""Tests of what `portal` does in keys, listing."""
