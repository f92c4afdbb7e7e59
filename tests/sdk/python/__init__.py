"""Test the Python SDK."""
