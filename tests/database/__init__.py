"""Tests of what `portal` does in database."""
