"""Tests of what `portal` does in delivery, crashes."""
