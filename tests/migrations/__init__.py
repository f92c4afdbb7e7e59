"""Tests of what `portal` does in migrations."""
