"""Tests of what `portal` does in lab."""
