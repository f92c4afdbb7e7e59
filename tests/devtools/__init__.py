"""Tests of what `portal` does in devtools."""
