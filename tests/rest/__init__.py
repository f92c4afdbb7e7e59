"""Tests of what `portal` does in rest."""
