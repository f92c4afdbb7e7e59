"""Tests of what `portal` does in inbound."""
