"""Tests of what `portal` does in delivery, health."""
